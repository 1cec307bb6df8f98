//! Symbolic links that a command made, changed or deleted. A link is where it leads, as it was
//! written; nobody follows it here.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::workspace::ProjectPath;
use crate::workspace::history::record::{Name, Written};

/// Where a link leads.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Target(pub(super) PathBuf);

/// What one link was and becomes; `None` is no link.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(super) struct Relink {
    pub(super) path: Name,
    pub(super) before: Option<Target>,
    pub(super) after: Option<Target>,
}

impl Serialize for Target {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.to_str() {
            Some(text) => Written::Text(text.to_owned()),
            None => Written::Bytes(self.0.as_os_str().as_bytes().to_owned()),
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Target {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(match Written::deserialize(deserializer)? {
            Written::Text(text) => PathBuf::from(text),
            Written::Bytes(bytes) => PathBuf::from(OsString::from_vec(bytes)),
        }))
    }
}

/// Those that differ between two looks.
pub(super) fn differences(
    before: &BTreeMap<ProjectPath, Target>,
    now: &BTreeMap<ProjectPath, Target>,
) -> Vec<Relink> {
    let relink = |path: &ProjectPath| Relink {
        path: Name(path.clone()),
        before: before.get(path).cloned(),
        after: now.get(path).cloned(),
    };
    let gone = before.keys().filter(|it| !now.contains_key(*it));
    let mut all: Vec<_> = now.keys().chain(gone).map(relink).collect();
    all.retain(|it| it.before != it.after);
    all.sort_by(|a, b| a.path.cmp(&b.path));
    all
}
