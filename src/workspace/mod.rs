//! The project on disk: where it is, what is in it, and how it is changed.
//!
//! Nothing here leaves the root, whatever a path says and whoever plants a link meanwhile. Nothing
//! here runs a program.

mod cancel;
mod change;
pub(crate) mod checks;
mod content;
pub(crate) mod diagnostics;
mod edit;
mod error;
mod git;
mod path;
mod root;
mod source;
mod walk;
mod write;

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use crate::workspace::root::Root;

pub(crate) use cancel::Cancel;
pub(crate) use change::Change;
pub(crate) use content::Content;
pub(crate) use edit::{Miss, replace_once};
pub(crate) use error::FileError;
pub(crate) use path::ProjectPath;
pub(crate) use source::{LARGEST, SourceFile};
pub(crate) use walk::{Found, Kind};

/// A project, opened. Paths go in as [`ProjectPath`]; what comes out is opened, read or done, not
/// a promise that it could be.
#[derive(Debug)]
pub(crate) struct Workspace {
    root: Root,
}

impl Workspace {
    /// Opens the project that `start` lies in: the git work tree around it, looked for below
    /// `home` only, or else the directory itself.
    pub(crate) fn open(start: &Path, home: Option<&Path>) -> io::Result<Self> {
        let start = start.canonicalize()?;
        let root = git::work_tree(&start, home).unwrap_or(start);
        Ok(Self { root: Root::open(root)? })
    }

    /// The root as an absolute path without symbolic links.
    pub(crate) fn root(&self) -> &Path {
        self.root.path()
    }

    /// The branch that is checked out, or the commit where there is no branch.
    pub(crate) fn branch(&self) -> Option<String> {
        git::branch(self.root.path())
    }

    /// Understands a path as a model or a person writes it.
    pub(crate) fn path(&self, given: &str) -> Result<ProjectPath, FileError> {
        ProjectPath::parse(given, self.root.path())
    }

    /// Reads a whole file.
    pub(crate) fn read(&self, path: &ProjectPath) -> Result<SourceFile, FileError> {
        SourceFile::read(&self.root, path)
    }

    /// Opens a file that the walk has found, for reading. No link is followed.
    pub(crate) fn open_found(&self, found: &ProjectPath) -> Result<File, FileError> {
        self.root.open_file_exactly(found)
    }

    /// Where a directory really is, for a program to run in.
    pub(crate) fn directory(&self, path: &ProjectPath) -> Result<PathBuf, FileError> {
        let (real, _) = self.root.open_directory(path)?;
        Ok(self.root.path().join(real.as_path()))
    }

    /// Makes all the changes, or none.
    pub(crate) fn apply(&self, changes: &[Change]) -> Result<(), FileError> {
        change::apply(&self.root, changes)
    }

    /// What lies under `path`, sorted, at most `depth` levels down; only what git would show. A
    /// file is found under itself.
    pub(crate) fn entries(
        &self,
        path: &ProjectPath,
        depth: Option<usize>,
        cancel: &Cancel,
    ) -> Result<Vec<Found>, FileError> {
        walk::entries(&self.root, path, depth, cancel)
    }
}

#[cfg(test)]
mod tests;
