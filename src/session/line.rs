//! One line of a journal: a record with its number, its time and a checksum over all three.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::session::record::Record;

/// Every line begins with this, and no string inside a line can contain it: there its quotation
/// marks are escaped. So the next record is found even where the end of a line is lost.
pub(crate) const START: &[u8] = br#"{"seq":"#;

#[derive(Debug, PartialEq)]
pub(crate) struct Line {
    pub(crate) seq: u64,
    /// Milliseconds since 1970.
    pub(crate) at: u64,
    /// `None` if it is whole, but of a kind this version does not know.
    pub(crate) record: Option<Record>,
}

#[derive(Deserialize)]
struct Form<'a> {
    seq: u64,
    at: u64,
    crc: &'a str,
    #[serde(borrow)]
    entry: &'a RawValue,
}

/// The line, with the newline that ends it.
pub(crate) fn encode(seq: u64, at: u64, record: &Record) -> String {
    let entry = serde_json::to_string(record).expect("a record is plain data");
    let crc = checksum(seq, at, &entry);
    format!(r#"{{"seq":{seq},"at":{at},"crc":"{crc}","entry":{entry}}}"#) + "\n"
}

/// The line at the beginning of `bytes` and how many of them it takes, without its newline;
/// `None` if there is none or it was changed in any way that matters.
pub(crate) fn decode(bytes: &[u8]) -> Option<(Line, usize)> {
    let mut values = serde_json::Deserializer::from_slice(bytes).into_iter::<Form<'_>>();
    let Form { seq, at, crc, entry } = values.next()?.ok()?;
    if crc != checksum(seq, at, entry.get()) {
        return None;
    }
    let record = serde_json::from_str(entry.get()).ok();
    Some((Line { seq, at, record }, values.byte_offset()))
}

fn checksum(seq: u64, at: u64, entry: &str) -> String {
    format!("{:08x}", crc32fast::hash(format!("{seq} {at} {entry}").as_bytes()))
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use proptest::prelude::*;

    use super::*;

    fn prompt(text: &str) -> Record {
        Record::Prompt { text: text.to_owned() }
    }

    #[test]
    fn a_line_is_one_json_object() {
        expect![[r#"
            {"seq":7,"at":1700000000000,"crc":"467d64b4","entry":{"kind":"prompt","text":"a\nb {\"seq\":1"}}
        "#]].assert_eq(&encode(7, 1_700_000_000_000, &prompt("a\nb {\"seq\":1")));
    }

    #[test]
    fn a_line_comes_back_and_what_follows_is_left() {
        let text = encode(7, 8, &prompt("a"));
        let line = Line { seq: 7, at: 8, record: Some(prompt("a")) };
        assert_eq!(decode(format!("{text}rest").as_bytes()), Some((line, text.len() - 1)));
    }

    #[test]
    fn an_unknown_kind_is_whole_but_says_nothing() {
        let entry = r#"{"kind":"dream","of":["sheep"]}"#;
        let crc = checksum(1, 2, entry);
        let text = format!(r#"{{"seq":1,"at":2,"crc":"{crc}","more":true,"entry":{entry}}}"#);
        let (line, _) = decode(text.as_bytes()).unwrap();
        assert_eq!(line, Line { seq: 1, at: 2, record: None });
    }

    #[test]
    fn no_flipped_bit_goes_unseen() {
        let whole = encode(12, 1_700_000_000_000, &prompt("what is 2 + 2?")).into_bytes();
        for bit in 0..(whole.len() - 1) * 8 {
            let mut bytes = whole.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(decode(&bytes), None, "{}", String::from_utf8_lossy(&bytes));
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_line_or_none(bytes: Vec<u8>) {
            let _ = decode(&[START, &bytes].concat());
            let _ = decode(&bytes);
        }
    }
}
