//! One line of a journal: a record with its number, its time, the number of the record that it
//! follows on, and a checksum over all of them.

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
    /// The number of the record that it follows on; `None` if that is the one before it in the file.
    pub(crate) parent: Option<u64>,
    /// `None` if it is whole, but of a kind this version does not know.
    pub(crate) record: Option<Record>,
}

/// A line whose record was not looked into.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sealed<'a> {
    pub(crate) seq: u64,
    pub(crate) at: u64,
    pub(crate) parent: Option<u64>,
    pub(crate) entry: &'a str,
}

#[derive(Deserialize)]
struct Form<'a> {
    seq: u64,
    at: u64,
    #[serde(default)]
    parent: Option<u64>,
    crc: &'a str,
    #[serde(borrow)]
    entry: &'a RawValue,
}

impl Sealed<'_> {
    /// `None` if it is of a kind this version does not know.
    pub(crate) fn record(&self) -> Option<Record> {
        // Most of a journal. Where the kind is known beforehand, the rest need not be held until it
        // is found.
        let of_kind = |kind: &str| {
            let rest = self.entry.strip_prefix(r#"{"kind":""#)?.strip_prefix(kind)?;
            rest.starts_with("\",").then_some(self.entry)
        };
        let read = match (of_kind("result"), of_kind("reply")) {
            (Some(entry), _) => serde_json::from_str(entry).map(Record::Result),
            (_, Some(entry)) => serde_json::from_str(entry).map(Record::Reply),
            (None, None) => serde_json::from_str(self.entry),
        };
        read.ok()
    }
}

/// The line, with the newline that ends it.
pub(crate) fn encode(seq: u64, at: u64, parent: Option<u64>, record: &Record) -> String {
    let entry = serde_json::to_string(record).expect("a record is plain data");
    seal(Sealed { seq, at, parent, entry: &entry })
}

/// The line, with the newline that ends it, of a record that is written already.
pub(crate) fn seal(line: Sealed<'_>) -> String {
    let crc = checksum(line);
    let Sealed { seq, at, parent, entry } = line;
    let parent = parent.map(|it| format!(r#""parent":{it},"#)).unwrap_or_default();
    format!(r#"{{"seq":{seq},"at":{at},{parent}"crc":"{crc}","entry":{entry}}}"#) + "\n"
}

/// The line at the beginning of `bytes` and how many of them it takes, without its newline;
/// `None` if there is none or it was changed in any way that matters.
pub(crate) fn decode(bytes: &[u8]) -> Option<(Line, usize)> {
    let (sealed, length) = unseal(bytes)?;
    let Sealed { seq, at, parent, .. } = sealed;
    Some((Line { seq, at, parent, record: sealed.record() }, length))
}

/// The same without a look into the record.
pub(crate) fn unseal(bytes: &[u8]) -> Option<(Sealed<'_>, usize)> {
    let mut values = serde_json::Deserializer::from_slice(bytes).into_iter::<Form<'_>>();
    let Form { seq, at, parent, crc, entry } = values.next()?.ok()?;
    let sealed = Sealed { seq, at, parent, entry: entry.get() };
    (crc == checksum(sealed)).then(|| (sealed, values.byte_offset()))
}

/// Over numbers and record; a line without a parent has the checksum it always had.
fn checksum(line: Sealed<'_>) -> String {
    let Sealed { seq, at, parent, entry } = line;
    let parent = parent.map(|it| format!("{it} ")).unwrap_or_default();
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(format!("{seq} {at} {parent}").as_bytes());
    hasher.update(entry.as_bytes());
    format!("{:08x}", hasher.finalize())
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use proptest::prelude::*;

    use super::*;
    use crate::session::record::tests::entry;

    fn prompt(text: &str) -> Record {
        Record::Prompt { text: text.to_owned() }
    }

    #[test]
    fn a_line_is_one_json_object() {
        expect![[r#"
            {"seq":7,"at":1700000000000,"crc":"467d64b4","entry":{"kind":"prompt","text":"a\nb {\"seq\":1"}}
        "#]].assert_eq(&encode(7, 1_700_000_000_000, None, &prompt("a\nb {\"seq\":1")));
    }

    #[test]
    fn a_line_that_follows_on_another_than_the_one_before_it_says_which() {
        expect![[r#"
            {"seq":7,"at":8,"parent":3,"crc":"dff7aa99","entry":{"kind":"prompt","text":"a"}}
        "#]]
        .assert_eq(&encode(7, 8, Some(3), &prompt("a")));
    }

    #[test]
    fn a_line_comes_back_and_what_follows_is_left() {
        for parent in [None, Some(3)] {
            let text = encode(7, 8, parent, &prompt("a"));
            let line = Line { seq: 7, at: 8, parent, record: Some(prompt("a")) };
            assert_eq!(decode(format!("{text}rest").as_bytes()), Some((line, text.len() - 1)));
        }
    }

    #[test]
    fn an_unknown_kind_is_whole_but_says_nothing() {
        let entry = r#"{"kind":"dream","of":["sheep"]}"#;
        let crc = checksum(Sealed { seq: 1, at: 2, parent: None, entry });
        let text = format!(r#"{{"seq":1,"at":2,"crc":"{crc}","more":true,"entry":{entry}}}"#);
        let (line, _) = decode(text.as_bytes()).unwrap();
        assert_eq!(line, Line { seq: 1, at: 2, parent: None, record: None });
    }

    #[test]
    fn no_flipped_bit_goes_unseen() {
        let prompt = prompt("what is 2 + 2?");
        let whole = encode(12, 1_700_000_000_000, Some(7), &prompt).into_bytes();
        for bit in 0..(whole.len() - 1) * 8 {
            let mut bytes = whole.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(decode(&bytes), None, "{}", String::from_utf8_lossy(&bytes));
        }
    }

    proptest! {
        #[test]
        fn every_record_comes_back_as_it_was(entry in entry(), parent: Option<u64>) {
            let record = Record::from(&entry);
            let text = encode(1, 2, parent, &record);
            let line = Line { seq: 1, at: 2, parent, record: Some(record) };
            prop_assert_eq!(decode(text.as_bytes()), Some((line, text.len() - 1)));
        }

        #[test]
        fn any_bytes_are_a_line_or_none(bytes: Vec<u8>) {
            let _ = decode(&[START, &bytes].concat());
            let _ = decode(&bytes);
        }
    }
}
