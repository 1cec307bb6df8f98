//! What the bytes of a file are: text, nearly text, or something no model should be shown.

use std::borrow::Cow;

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Content<'a> {
    /// With its byte order mark, if it has one.
    Text(&'a str),
    /// Bytes that are not UTF-8 stand as `\u{fffd}`: good for reading, not for writing back.
    Damaged(Cow<'a, str>),
    /// What it is, with its article: `a PNG image`.
    Binary(&'static str),
}

/// How a kind of file begins.
const MAGIC: &[(&[u8], &str)] = &[
    (b"\x89PNG\r\n\x1a\n", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF87a", "a GIF image"),
    (b"GIF89a", "a GIF image"),
    (b"%PDF-", "a PDF document"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"\x7fELF", "an ELF program"),
    (b"\xff\xfe", "UTF-16 text"),
    (b"\xfe\xff", "UTF-16 text"),
];

/// Where to look for a NUL byte: what git does.
const LOOK: usize = 8000;

impl<'a> Content<'a> {
    pub(crate) fn of(bytes: &'a [u8]) -> Self {
        if let Some((_, kind)) = MAGIC.iter().find(|(magic, _)| bytes.starts_with(magic)) {
            return Self::Binary(kind);
        }
        if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
            return Self::Binary("a WebP image");
        }
        if bytes.iter().take(LOOK).any(|it| *it == 0) {
            return Self::Binary("a binary file");
        }
        match str::from_utf8(bytes) {
            Ok(text) => Self::Text(text),
            Err(_) => Self::Damaged(String::from_utf8_lossy(bytes)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(bytes: &[u8], expected: Content<'_>) {
        assert_eq!(Content::of(bytes), expected);
    }

    #[test]
    fn a_byte_order_mark_is_text() {
        check(b"\xef\xbb\xbfx", Content::Text("\u{feff}x"));
    }

    #[test]
    fn bytes_that_are_not_utf8_can_still_be_read() {
        check(b"caf\xe9", Content::Damaged("caf\u{fffd}".into()));
    }

    #[test]
    fn images_and_binaries_are_named() {
        check(b"\x89PNG\r\n\x1a\n\0", Content::Binary("a PNG image"));
        check(b"RIFF1234WEBP", Content::Binary("a WebP image"));
        check(b"\xff\xfea\0", Content::Binary("UTF-16 text"));
        check(b"a\0b", Content::Binary("a binary file"));
    }

    #[test]
    fn an_empty_file_is_text() {
        check(b"", Content::Text(""));
    }
}
