//! What a command may touch, as plain data: made above, understood here.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::sandbox::{Gate, Level};

/// What a child may touch.
#[derive(Clone, Debug, Default)]
pub(crate) enum Policy {
    /// The rights of the person who started the agent. The child still has a clean environment
    /// and dies with the agent.
    #[default]
    Unconfined,
    /// Only what is named.
    Confined(Arc<Confinement>),
}

/// What a confined command finds: the whole file system, read-only, but for what is named here.
/// Paths are absolute; where two lists meet, what is hidden or frozen wins.
#[derive(Clone, Debug)]
pub(crate) struct Confinement {
    /// What enforces it.
    pub(crate) level: Level,
    /// The project, which commands may write to.
    pub(crate) project: Grant,
    /// What else they may write to.
    pub(crate) writable: Vec<Grant>,
    /// Directories that are replaced by empty, private ones: homes above all.
    pub(crate) emptied: Vec<PathBuf>,
    /// What of the emptied directories is there all the same, read-only.
    pub(crate) readable: Vec<Grant>,
    /// What is there by name, but has no content. It has to be there: what of the project is gone
    /// may be somewhere else in it, and seen there.
    pub(crate) hidden: Vec<Entry>,
    /// The same outside the project: services and secrets of homes, which may be gone by now.
    pub(crate) hidden_outside: Vec<Entry>,
    /// Directories that can be written to, but neither moved nor replaced; links, too.
    pub(crate) pinned: Vec<PathBuf>,
    /// What cannot be changed, moved or replaced.
    pub(crate) frozen: Vec<PathBuf>,
    /// What must not come into being: an empty one is frozen in its place as long as the command
    /// runs.
    pub(crate) absent: Vec<Absent>,
    /// What of the project is another for this command alone, read-only.
    pub(crate) covered: Vec<Grant>,
    /// A directory of ours, out of the command's reach, where empty ones are kept for that.
    pub(crate) stock: Option<PathBuf>,
    pub(crate) network: Network,
}

/// A file or a directory that is granted: the one that was there when it was granted, not
/// whatever may stand in its place when a command starts.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Grant {
    /// Where the command finds it.
    pub(super) path: PathBuf,
    /// Where it really is.
    pub(super) place: PathBuf,
    pub(super) id: FileId,
    pub(super) is_directory: bool,
}

/// What tells one file from all others on this machine.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct FileId {
    pub(super) device: u64,
    pub(super) inode: u64,
}

/// A path and what stands there, or shall.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Entry {
    File(PathBuf),
    Directory(PathBuf),
}

/// What must not come into being, and what stands there instead.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Absent {
    /// A directory, even where a file is meant: git does not look at one that is empty.
    Directory(PathBuf),
    /// A file that means nothing as long as it holds this.
    File(PathBuf, &'static str),
}

/// Whom a command can talk to beyond the machine that it believes to be alone on.
#[derive(Clone, Debug)]
pub(crate) enum Network {
    /// Nobody: it has a loopback of its own and nothing else.
    None,
    /// The same, and whom the gate lets it ask for.
    Hosts(Gate),
}

impl Policy {
    /// The same, but the command finds these in their places.
    pub(crate) fn covering(self, covered: Vec<Grant>) -> Self {
        match self {
            Self::Unconfined => Self::Unconfined,
            Self::Confined(it) => {
                let confinement = Arc::unwrap_or_clone(it);
                Self::Confined(Arc::new(Confinement { covered, ..confinement }))
            }
        }
    }

    pub(crate) fn covered(&self) -> &[Grant] {
        match self {
            Self::Unconfined => &[],
            Self::Confined(it) => &it.covered,
        }
    }
}

impl Grant {
    /// Grants what is at `place` now, to be found at `path`.
    pub(crate) fn cover(path: &Path, place: &Path) -> io::Result<Self> {
        Ok(Self { path: path.to_owned(), ..Self::new(place)? })
    }

    /// Grants what `path` leads to now.
    pub(crate) fn new(path: &Path) -> io::Result<Self> {
        let place = path.canonicalize()?;
        let found = place.symlink_metadata()?;
        let id = FileId { device: found.dev(), inode: found.ino() };
        Ok(Self { path: path.to_owned(), place, id, is_directory: found.is_dir() })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Absent {
    pub(crate) fn path(&self) -> &Path {
        match self {
            Self::Directory(path) | Self::File(path, _) => path,
        }
    }
}

impl Entry {
    pub(crate) fn path(&self) -> &Path {
        match self {
            Self::File(path) | Self::Directory(path) => path,
        }
    }
}
