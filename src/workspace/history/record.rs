//! One line of the history: what was about to be changed, or what became of it.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::workspace::ProjectPath;
use crate::workspace::history::digest::Image;
use crate::workspace::history::link::Relink;

/// A form that is written must be read for ever.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub(super) enum Record {
    /// Written before an edit is made, or after a command has ended.
    Step { step: u64, turn: u64, by: By, changes: Changes },
    /// The edit was refused or failed, and what had been done of it was taken back if possible.
    Void {
        step: u64,
        /// It was possible: nothing of the edit is left.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        is_taken_back: bool,
    },
    /// Written before the newest turn is taken back, or done again.
    Reversal { way: Way, turn: u64, changes: Changes },
    /// The reversal is over; these were left alone and may be tried again.
    Settled { left: Vec<Name> },
    /// The model knows what was taken back.
    Told,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum By {
    Edit,
    Command,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Way {
    Undo,
    Redo,
}

#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub(super) struct Changes {
    pub(super) files: Vec<Touch>,
    /// Directories that are made on the way.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) folders: Vec<Name>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) links: Vec<Relink>,
}

impl Changes {
    /// Of files and links, each as often as it was touched.
    pub(super) fn paths(&self) -> impl Iterator<Item = &ProjectPath> {
        let links = self.links.iter().map(|it| &it.path.0);
        self.files.iter().map(|it| &it.path.0).chain(links)
    }
}

/// What one file was and becomes; `None` is no file.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(super) struct Touch {
    pub(super) path: Name,
    pub(super) before: Option<Image>,
    pub(super) after: Option<Image>,
    /// How many names the file has, where it has more than one.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub(super) links: u64,
}

fn one() -> u64 {
    1
}

fn is_one(links: &u64) -> bool {
    *links == 1
}

/// A path without links. Text where it is text, bytes where it is not.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Name(pub(super) ProjectPath);

#[derive(Deserialize, Serialize)]
#[serde(untagged)]
pub(super) enum Written {
    Text(String),
    Bytes(Vec<u8>),
}

impl Serialize for Name {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let path = self.0.as_path().as_os_str();
        match path.to_str() {
            Some(text) => Written::Text(text.to_owned()),
            None => Written::Bytes(path.as_bytes().to_owned()),
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let path = match Written::deserialize(deserializer)? {
            Written::Text(text) => PathBuf::from(text),
            Written::Bytes(bytes) => PathBuf::from(OsString::from_vec(bytes)),
        };
        let is_plain = |it: &Path| it.components().all(|it| matches!(it, Component::Normal(_)));
        if !is_plain(&path) {
            return Err(serde::de::Error::custom("not a path of a project"));
        }
        Ok(Self(ProjectPath::plain(path)))
    }
}

#[derive(Deserialize)]
struct Line<'a> {
    crc: &'a str,
    #[serde(borrow)]
    record: &'a RawValue,
}

/// The line, with the newline that ends it.
pub(super) fn encode(record: &Record) -> String {
    let record = serde_json::to_string(record).expect("a record is plain data");
    format!(r#"{{"crc":"{}","record":{record}}}"#, checksum(&record)) + "\n"
}

/// `None` if the line was changed in any way, or is of a kind this version does not know.
pub(super) fn decode(line: &[u8]) -> Option<Record> {
    let Line { crc, record } = serde_json::from_slice(line).ok()?;
    (crc == checksum(record.get())).then(|| serde_json::from_str(record.get()).ok()).flatten()
}

fn checksum(record: &str) -> String {
    format!("{:08x}", crc32fast::hash(record.as_bytes()))
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::workspace::history::digest::Digest;

    fn name(bytes: &[u8]) -> Name {
        Name(ProjectPath::plain(PathBuf::from(OsString::from_vec(bytes.to_owned()))))
    }

    #[test]
    fn a_line_says_what_a_file_was_and_becomes() {
        let after = Image { digest: Digest::of(b"new"), mode: None };
        let before = Image { mode: Some(0o644), ..after };
        let files = vec![
            Touch { path: name(b"src/a.rs"), before: None, after: Some(after), links: 1 },
            Touch { path: name(b"caf\xe9"), before: Some(before), after: None, links: 2 },
        ];
        let changes = Changes { files, folders: vec![name(b"src")], links: Vec::new() };
        let record = Record::Step { step: 3, turn: 2, by: By::Edit, changes };
        let line = encode(&record);
        expect![[r#"
            {"crc":"6fdcc37d","record":{"kind":"step","step":3,"turn":2,"by":"edit","changes":{"files":[{"path":"src/a.rs","before":null,"after":{"sha256":"11507a0e2f5e69d5dfa40a62a1bd7b6ee57e6bcd85c67c9b8431b36fff21c437"}},{"path":[99,97,102,233],"before":{"sha256":"11507a0e2f5e69d5dfa40a62a1bd7b6ee57e6bcd85c67c9b8431b36fff21c437","mode":420},"after":null,"links":2}],"folders":["src"]}}}
        "#]].assert_eq(&line);
        assert_eq!(decode(line.as_bytes()), Some(record));
    }

    #[test]
    fn no_flipped_bit_goes_unseen() {
        let whole = encode(&Record::Void { step: 12, is_taken_back: true }).into_bytes();
        for bit in 0..(whole.len() - 1) * 8 {
            let mut bytes = whole.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(decode(&bytes), None, "{}", String::from_utf8_lossy(&bytes));
        }
    }

    #[test]
    fn a_path_that_leaves_the_project_is_no_name() {
        let escape = r#"{"kind":"settled","left":["../x"]}"#;
        let line = format!(r#"{{"crc":"{}","record":{escape}}}"#, checksum(escape));
        assert_eq!(decode(line.as_bytes()), None);
    }
}
