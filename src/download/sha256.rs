//! The hash that says what a file holds.

use std::fmt;
use std::str::FromStr;

use anyhow::bail;

#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) struct Sha256(pub(crate) [u8; 32]);

impl FromStr for Sha256 {
    type Err = anyhow::Error;

    /// 64 hexadecimal digits, as they are or behind `sha256:`.
    fn from_str(text: &str) -> anyhow::Result<Self> {
        let digits = text.strip_prefix("sha256:").unwrap_or(text);
        if digits.len() != 64 || !digits.bytes().all(|it| it.is_ascii_hexdigit()) {
            bail!("`{text}` is not a sha256");
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.as_bytes().chunks(2)) {
            let digit = |it: u8| char::from(it).to_digit(16).unwrap_or_default() as u8;
            *byte = digit(pair[0]) << 4 | digit(pair[1]);
        }
        Ok(Self(bytes))
    }
}

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|it| write!(f, "{it:02x}"))
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn it_is_read_as_it_is_written() {
        for text in [EMPTY, &EMPTY.to_uppercase(), &format!("sha256:{EMPTY}")] {
            assert_eq!(text.parse::<Sha256>().unwrap().to_string(), EMPTY);
        }
    }

    #[test]
    fn what_is_no_hash_is_refused() {
        for text in ["", "12", &EMPTY[1..], &EMPTY.replace('e', "g"), "sha1:12"] {
            assert!(text.parse::<Sha256>().is_err(), "{text}");
        }
    }
}
