//! Files of a project that a person has looked at and believes.
//!
//! Belief is in content: a file is known by its hash, so that one byte that changes voids it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The path of each file from the root, and the SHA-256 of what it held.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Trust {
    files: BTreeMap<String, String>,
}

impl Trust {
    /// Whether the file, as it is now, is believed.
    pub(crate) fn holds(&self, path: &str, bytes: &[u8]) -> bool {
        self.files.get(path).is_some_and(|it| *it == hash(bytes))
    }

    /// Whether the file was believed when it held something else.
    pub(crate) fn held(&self, path: &str) -> bool {
        self.files.contains_key(path)
    }

    pub(crate) fn give<'a>(&mut self, files: impl IntoIterator<Item = (&'a str, &'a [u8])>) {
        self.files.extend(files.into_iter().map(|(path, bytes)| (path.to_owned(), hash(bytes))));
    }

    pub(crate) fn files(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }
}

fn hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|it| format!("{it:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// H07.
    #[test]
    fn one_byte_that_changes_voids_it() {
        let mut trust = Trust::default();
        trust.give([(".agent/tools/a.json", &b"{}"[..])]);
        assert!(trust.holds(".agent/tools/a.json", b"{}"));
        assert!(!trust.holds(".agent/tools/a.json", b"{} "));
        assert!(!trust.holds(".agent/tools/a.json", b""));
        assert!(!trust.holds(".agent/tools/b.json", b"{}"));
        assert!(trust.held(".agent/tools/a.json"));
    }
}
