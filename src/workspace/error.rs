//! Why a file could not be read or changed, as a sentence for who asked.

use std::fmt;
use std::io;

use crate::workspace::{LARGEST, ProjectPath};

/// Three reasons that callers act upon; all others are a sentence.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum FileError {
    Missing(ProjectPath),
    /// A directory stands where a file is wanted.
    Directory(ProjectPath),
    /// It has so many bytes, too many to be read whole.
    TooLarge(ProjectPath, u64),
    Refused(String),
}

impl FileError {
    /// `doing` is a verb: "cannot read `x`: permission denied".
    pub(crate) fn io(doing: &str, path: &ProjectPath, err: &io::Error) -> Self {
        match err.kind() {
            io::ErrorKind::NotFound => Self::Missing(path.clone()),
            io::ErrorKind::IsADirectory => Self::Directory(path.clone()),
            io::ErrorKind::NotADirectory => Self::Refused(format!(
                "cannot {doing} `{path}`: part of the path is a file, not a directory"
            )),
            _ => Self::Refused(format!("cannot {doing} `{path}`: {}", plain(err))),
        }
    }
}

/// An error of the system in lower case and without its number.
pub(super) fn plain(err: &io::Error) -> String {
    let text = err.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    text.to_lowercase()
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(path) => write!(f, "there is no `{path}`"),
            Self::Directory(path) => write!(f, "`{path}` is a directory, not a file"),
            Self::TooLarge(path, size) => write!(
                f,
                "`{path}` is too large for that ({} MiB; the limit is {} MiB): read ranges of it, or use a command",
                size / 1024 / 1024,
                LARGEST / 1024 / 1024
            ),
            Self::Refused(sentence) => f.write_str(sentence),
        }
    }
}
