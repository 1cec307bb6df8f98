//! What the bytes of a file are: text, or something no model should be shown.

use crate::workspace::image;
use crate::workspace::{Encoding, Text};

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Content<'a> {
    Text(Text<'a>),
    /// What it is, with its article: `a PNG image of 8×8 pixels`.
    Binary(String),
}

/// How a kind of file begins.
const MAGIC: &[(&[u8], &str)] = &[
    (b"%PDF-", "a PDF document"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"\x7fELF", "an ELF program"),
];

/// Where to look for a NUL byte: what git does.
const LOOK: usize = 8000;

impl<'a> Content<'a> {
    pub(crate) fn of(bytes: &'a [u8]) -> Self {
        if let Some(kind) = binary(bytes) {
            return Self::Binary(kind);
        }
        match Text::of(bytes) {
            Some(text) if is_text(&text, bytes) => Self::Text(text),
            _ => Self::Binary("a binary file".to_owned()),
        }
    }
}

/// What a file that begins so is, if that is no text.
pub(crate) fn binary(start: &[u8]) -> Option<String> {
    let known = MAGIC.iter().find(|(magic, _)| start.starts_with(magic));
    known.map(|(_, kind)| (*kind).to_owned()).or_else(|| image::describe(start))
}

fn is_text(text: &Text<'_>, bytes: &[u8]) -> bool {
    matches!(text.encoding, Encoding::Utf16 { .. }) || !bytes.iter().take(LOOK).any(|it| *it == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(bytes: &[u8], expected: &str) {
        let content = match Content::of(bytes) {
            Content::Text(text) => format!("{:?}", text.shown()),
            Content::Binary(kind) => kind,
        };
        assert_eq!(content, expected);
    }

    #[test]
    fn a_byte_order_mark_is_text() {
        check(b"\xef\xbb\xbfx", r#""\u{feff}x""#);
        check(b"\xff\xfea\0", r#""\u{feff}a""#);
    }

    #[test]
    fn bytes_that_are_not_utf8_can_still_be_read() {
        check(b"caf\xe9", r#""caf�""#);
    }

    #[test]
    fn images_and_binaries_are_named() {
        check(b"\x89PNG\r\n\x1a\n\0", "a PNG image");
        check(b"\x7fELF\0", "an ELF program");
        check(b"a\0b", "a binary file");
        check(b"\xff\xfea\0b", "a binary file");
    }

    #[test]
    fn an_empty_file_is_text() {
        check(b"", r#""""#);
    }
}
