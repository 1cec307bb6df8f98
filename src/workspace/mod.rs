//! The project on disk: where it is, what is in it, and how it is changed.
//!
//! Nothing here leaves the root, whatever a path says and whoever plants a link meanwhile. Nothing
//! here runs a program.

mod build_output;
mod cancel;
mod change;
pub(crate) mod checks;
mod content;
pub(crate) mod diagnostics;
mod edit;
mod encoding;
mod error;
mod git;
mod history;
mod image;
pub(crate) mod instructions;
mod leftover;
mod line_diff;
mod patch;
mod path;
mod plain_file;
mod repository;
mod root;
mod secret;
mod source;
mod survey;
mod walk;
mod warden;
mod write;

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use crate::workspace::root::Root;

pub(crate) use cancel::Cancel;
pub(crate) use change::Change;
pub(crate) use content::{Content, binary};
pub(crate) use edit::{Latitude, Miss, placeholder, replace_once};
pub(crate) use encoding::{Encoding, Text};
pub(crate) use error::FileError;
pub(crate) use git::settings::editor_in;
pub(crate) use git::{Committed, Compared, Git, Staged, Wanted};
pub(crate) use history::{Changed, Difference, Fate, History, Reversal, Reversed, Watch, Way};
pub(crate) use line_diff::{LineDiff, Place};
pub(crate) use patch::{
    Action, FilePatch, Hunk, HunkMiss, apply_hunks, deletes, is_patch, parse as parse_patch,
};
pub(crate) use path::{ProjectPath, in_order};
pub(crate) use root::Opener;
pub(crate) use secret::Secrets;
pub(crate) use source::{LARGEST, SourceFile};
pub(crate) use survey::{Absent, News, Survey, View};
pub(crate) use walk::{Found, Kind, Met, Onward, Visit};
pub(crate) use warden::{Access, Leave, Warden};

/// A project, opened. Paths go in as [`ProjectPath`]; what comes out is opened, read or done, not
/// a promise that it could be.
#[derive(Debug)]
pub(crate) struct Workspace {
    root: Root,
    secrets: Secrets,
    /// Where nothing is kept, nothing can be undone.
    history: OnceLock<History>,
}

impl Workspace {
    /// Opens the project that `start` lies in: the git work tree around it, looked for below
    /// `home` only, or else the directory itself.
    pub(crate) fn open(start: &Path, home: Option<&Path>) -> io::Result<Self> {
        let start = start.canonicalize()?;
        let root = git::work_tree(&start, home).unwrap_or(start);
        Ok(Self { root: Root::open(root)?, secrets: Secrets::default(), history: OnceLock::new() })
    }

    /// The same where other files are secret.
    pub(crate) fn keeping(self, secrets: Secrets) -> Self {
        Self { secrets, ..self }
    }

    /// What watches over what commands find in the project.
    pub(crate) fn survey(&self, clock: fn() -> SystemTime) -> Survey {
        Survey::new(self.root().to_owned(), self.secrets.clone(), clock)
    }

    /// From now on the warden is asked about each file.
    pub(crate) fn heed(&self, warden: Arc<dyn Warden>) {
        self.root.set_warden(warden);
    }

    /// The root as an absolute path without symbolic links.
    pub(crate) fn root(&self) -> &Path {
        self.root.path()
    }

    /// The branch that is checked out, or the commit where there is no branch.
    pub(crate) fn branch(&self) -> Option<String> {
        git::branch(self.root.path())
    }

    /// The repository of the project, if it has one of its own.
    pub(crate) fn git(&self) -> Result<Git<'_>, FileError> {
        Git::open(&self.root, &self.secrets)
    }

    /// What stands at the root of the project in place of nothing, for a command.
    pub(crate) fn standing(&self) -> Vec<Absent> {
        survey::standing(self.root())
    }

    /// Commits what is wanted, on the branch that is checked out or on a new one.
    pub(crate) fn commit(&self, wanted: &Wanted<'_>) -> Result<Committed, FileError> {
        self.git()?.commit(&self.root, wanted)
    }

    /// Commits what is staged, if it is still what was `seen`, on the branch that is checked out.
    pub(crate) fn commit_staged(
        &self,
        message: &str,
        seen: &Staged,
    ) -> Result<Committed, FileError> {
        self.git()?.commit_staged(message, seen)
    }

    /// Understands a path as a model or a person writes it.
    pub(crate) fn path(&self, given: &str) -> Result<ProjectPath, FileError> {
        ProjectPath::parse(given, self.root.path())
    }

    /// Reads a whole file, unless it is secret.
    pub(crate) fn read(&self, path: &ProjectPath) -> Result<SourceFile, FileError> {
        SourceFile::read(&self.root, &self.secrets, path)
    }

    /// Opens a file that may be too large to be read whole, unless it is secret.
    pub(crate) fn open_file(&self, path: &ProjectPath) -> Result<File, FileError> {
        let (real, file) = self.root.open_file(path)?;
        self.secrets.must_not_keep(&self.root, &real, &file)?;
        Ok(file)
    }

    /// Where `path` leads when links are followed, whether or not there is anything.
    pub(crate) fn real(&self, path: &ProjectPath) -> Result<ProjectPath, FileError> {
        self.root.follow(path)
    }

    /// For opening many files that a walk has found, for reading, but for those that are secret. No
    /// link is followed; what the person wants to be asked about is not read in passing.
    pub(crate) fn opener(&self) -> Opener<'_> {
        Opener::new(&self.root, &self.secrets)
    }

    /// Whether there is a file, whatever it holds, or a link to one.
    pub(crate) fn is_file(&self, path: &ProjectPath) -> bool {
        let real = self.root.follow(path);
        real.is_ok_and(|it| self.root.path().join(it.as_path()).is_file())
    }

    /// Where a directory really is, for a program to run in.
    pub(crate) fn directory(&self, path: &ProjectPath) -> Result<PathBuf, FileError> {
        let (real, _) = self.root.open_directory(path)?;
        Ok(self.root.path().join(real.as_path()))
    }

    /// Makes a file look as if it was written just now, for programs that build what is new.
    pub(crate) fn touch(&self, path: &ProjectPath) -> Result<(), FileError> {
        use rustix::fs::{Timespec, Timestamps, UTIME_NOW, UTIME_OMIT, futimens};
        let at = |tv_nsec| Timespec { tv_sec: 0, tv_nsec };
        let times = Timestamps { last_access: at(UTIME_OMIT), last_modification: at(UTIME_NOW) };
        let touched = futimens(&self.open_file(path)?, &times);
        touched.map_err(|it| FileError::io("touch", path, &it.into()))
    }

    /// Makes all the changes, or none. Where a history is kept, what cannot be undone is not done.
    pub(crate) fn apply(&self, changes: &[Change]) -> Result<(), FileError> {
        let make = || change::apply(&self.root, changes);
        match self.history.get() {
            Some(history) => history.record(&self.root, changes, make),
            None => Ok(make()?),
        }
    }

    /// From now on keeps what is changed, in a directory in `folder`, which is the session's. A
    /// workspace has one history in its life.
    pub(crate) fn keep_history(&self, folder: &Path) {
        let _ = self.history.set(History::new(folder.join("history")));
    }

    pub(crate) fn history(&self) -> Option<&History> {
        self.history.get()
    }

    /// Takes the newest turn back, or does it again; `None` if there is none.
    pub(crate) fn reverse(&self, wanted: Reversal) -> anyhow::Result<Option<Reversed>> {
        self.history.get().map_or(Ok(None), |it| it.reverse(&self.root, wanted))
    }

    /// What the session changed in all.
    pub(crate) fn differences(&self) -> anyhow::Result<Vec<Difference>> {
        self.history.get().map_or(Ok(Vec::new()), |it| it.differences(&self.root))
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

    /// Shows the same to visitors, one on each of several threads, while the walk goes on. The
    /// order is another each time.
    pub(crate) fn visit<'s>(
        &self,
        path: &ProjectPath,
        cancel: &Cancel,
        visitor: impl FnMut() -> Visit<'s>,
    ) -> Result<(), FileError> {
        walk::visit(&self.root, path, None, cancel, visitor)
    }
}

#[cfg(test)]
mod tests;
