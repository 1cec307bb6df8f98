//! From the bytes of a text file to text and back, without the loss of a byte.

use std::borrow::Cow;

/// How text lies in a file.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Encoding {
    Utf8,
    /// With a byte order mark, without which it would not be known.
    Utf16 {
        is_big: bool,
    },
    /// Some older encoding. What is UTF-8 is read as that; each other byte stands as a character of
    /// the last private plane.
    Unknown,
}

/// The text of a file, with its byte order mark if it has one.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Text<'a> {
    pub(crate) text: Cow<'a, str>,
    pub(crate) encoding: Encoding,
}

/// Stands for the byte 0; those that are no text are from 0x80 on.
const STAND_IN: u32 = 0x10_ff00;

const LITTLE: &[u8] = b"\xff\xfe";
const BIG: &[u8] = b"\xfe\xff";

impl<'a> Text<'a> {
    /// `None` if the text could not be written back as it is.
    pub(crate) fn of(bytes: &'a [u8]) -> Option<Self> {
        if bytes.starts_with(LITTLE) || bytes.starts_with(BIG) {
            return utf16(bytes, bytes.starts_with(BIG));
        }
        Some(match str::from_utf8(bytes) {
            Ok(text) => Self { text: text.into(), encoding: Encoding::Utf8 },
            Err(_) => Self { text: unknown(bytes)?.into(), encoding: Encoding::Unknown },
        })
    }

    /// As it is shown: bytes that are no text as `\u{fffd}`.
    pub(crate) fn shown(&self) -> Cow<'_, str> {
        match self.encoding {
            Encoding::Utf8 | Encoding::Utf16 { .. } => Cow::Borrowed(&self.text),
            Encoding::Unknown => {
                let shown = |it| if byte(it).is_some() { char::REPLACEMENT_CHARACTER } else { it };
                self.text.chars().map(shown).collect()
            }
        }
    }
}

impl Encoding {
    pub(crate) fn encode(self, text: &str) -> Vec<u8> {
        match self {
            Self::Utf8 => text.as_bytes().to_vec(),
            Self::Utf16 { is_big } => {
                let bytes = |it: u16| if is_big { it.to_be_bytes() } else { it.to_le_bytes() };
                text.encode_utf16().flat_map(bytes).collect()
            }
            Self::Unknown => {
                let mut bytes = Vec::with_capacity(text.len());
                let mut buffer = [0; 4];
                for character in text.chars() {
                    match byte(character) {
                        Some(byte) => bytes.push(byte),
                        None => bytes.extend(character.encode_utf8(&mut buffer).as_bytes()),
                    }
                }
                bytes
            }
        }
    }
}

fn utf16(bytes: &[u8], is_big: bool) -> Option<Text<'_>> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    let unit =
        |it: &[u8; 2]| if is_big { u16::from_be_bytes(*it) } else { u16::from_le_bytes(*it) };
    let text: Result<String, _> = char::decode_utf16(pairs.iter().map(unit)).collect();
    let text = text.ok().filter(|it| rest.is_empty() && !it.contains('\0'))?;
    Some(Text { text: text.into(), encoding: Encoding::Utf16 { is_big } })
}

fn unknown(bytes: &[u8]) -> Option<String> {
    let mut text = String::with_capacity(bytes.len() + bytes.len() / 4);
    for chunk in bytes.utf8_chunks() {
        // What is already there in the file cannot stand for something else.
        if chunk.valid().chars().any(|it| byte(it).is_some()) {
            return None;
        }
        text.push_str(chunk.valid());
        let stand_in = |it: &u8| char::from_u32(STAND_IN + u32::from(*it));
        text.extend(chunk.invalid().iter().filter_map(stand_in));
    }
    Some(text)
}

/// The byte a character stands for.
fn byte(character: char) -> Option<u8> {
    let byte = u8::try_from(u32::from(character).checked_sub(STAND_IN)?).ok()?;
    (0x80 <= byte).then_some(byte)
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(bytes: &[u8], expected: Expect) {
        let text = Text::of(bytes);
        let shown = text.map(|it| format!("{:?} {:?}", it.encoding, it.shown()));
        expected.assert_eq(&shown.unwrap_or_else(|| "not text".to_owned()));
    }

    #[test]
    fn each_encoding_is_known_by_its_bytes() {
        check("\u{feff}é".as_bytes(), expect![[r#"Utf8 "\u{feff}é""#]]);
        check(b"caf\xe9 \xc3\xa9", expect![[r#"Unknown "caf� é""#]]);
        check(b"\xff\xfea\0\n\0", expect![[r#"Utf16 { is_big: false } "\u{feff}a\n""#]]);
        check(b"\xfe\xff\0a", expect![[r#"Utf16 { is_big: true } "\u{feff}a""#]]);
    }

    #[test]
    fn what_could_not_be_written_back_is_not_text() {
        // Half a character, half a pair, UTF-32, and a stand-in that is really there.
        check(b"\xff\xfea", expect!["not text"]);
        check(b"\xff\xfe\0\xd8", expect!["not text"]);
        check(b"\xff\xfe\0\0a\0\0\0", expect!["not text"]);
        check("\u{10ffe9}".as_bytes(), expect![[r#"Utf8 "\u{10ffe9}""#]]);
        check(&["\u{10ffe9}".as_bytes(), b"\xe9"].concat(), expect!["not text"]);
    }

    proptest! {
        #[test]
        fn what_was_read_is_written(bytes in prop::collection::vec(any::<u8>(), 0..40), text in "\\PC{0,20}", is_big: bool) {
            let utf16 = Encoding::Utf16 { is_big }.encode(&format!("\u{feff}{text}"));
            for bytes in [bytes, utf16, text.clone().into_bytes()] {
                if let Some(read) = Text::of(&bytes) {
                    prop_assert_eq!(read.encoding.encode(&read.text), bytes);
                }
            }
        }
    }
}
