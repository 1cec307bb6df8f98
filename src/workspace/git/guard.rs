//! What git knows and the model shall not see: what the person's rules keep from being read, and
//! what the work tree keeps secret.

use std::path::Path;

use crate::workspace::root::Root;
use crate::workspace::{Access, FileError, Leave, ProjectPath, Secrets};

#[derive(Clone, Copy)]
pub(super) struct Guard<'a> {
    root: &'a Root,
    secrets: &'a Secrets,
}

impl<'a> Guard<'a> {
    pub(super) fn new(root: &'a Root, secrets: &'a Secrets) -> Self {
        Self { root, secrets }
    }

    /// Whether a path is under a stricter rule than the one that a call named, and was judged by.
    pub(super) fn denies(&self, named: &ProjectPath, path: &Path) -> bool {
        let Some(warden) = self.root.warden() else { return false };
        let leave = warden.leave(Access::Read, &ProjectPath::plain(path.to_owned()));
        leave == Leave::Never || warden.leave(Access::Read, named) < leave
    }

    /// Whether what is in the work tree is secret.
    pub(super) fn hides(&self, path: &Path) -> bool {
        if !self.secrets.suspects(path) {
            return false;
        }
        match self.root.open_file_exactly(&ProjectPath::plain(path.to_owned())) {
            Ok(file) => self.secrets.hold(self.root.path(), path, &file),
            Err(FileError::Missing(_)) => false,
            Err(_) => true,
        }
    }

    /// What is committed can be read by whoever reads the repository: the model, its commands, and
    /// all to whom it is pushed.
    pub(super) fn must_let_commit(
        &self,
        path: &Path,
        named: &[ProjectPath],
    ) -> Result<(), FileError> {
        let exactly = named.iter().find(|it| it.as_path() == path).cloned().unwrap_or_default();
        let reason = if self.denies(&exactly, path) {
            "is not to be read, by the user's rules"
        } else if self.hides(path) {
            "holds secrets"
        } else {
            return Ok(());
        };
        Err(FileError::Refused(format!(
            "`{}` {reason}, so it is not committed: name other `paths`; the user can commit it",
            path.display()
        )))
    }
}
