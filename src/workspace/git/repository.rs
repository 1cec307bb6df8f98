//! The project's repository, opened and found to be its own.
//!
//! Everything is done by libgit2, in this process: no program is run, neither git nor what a
//! repository names as its hook, filter, pager, monitor or diff.

use std::path::Path;

use git2::{ConfigLevel, ErrorCode, Repository, RepositoryOpenFlags, RepositoryState};

use crate::workspace::git::guard::Guard;
use crate::workspace::git::links::must_not_lead_out;
use crate::workspace::git::plain::must_be_safe_to_open;
use crate::workspace::root::Root;
use crate::workspace::{FileError, ProjectPath, Secrets, plain_file};

/// No file that points somewhere is longer.
const LONGEST: u64 = 8 * 1024;

/// The repository of a project.
pub(crate) struct Git<'a> {
    pub(super) repository: Repository,
    pub(super) guard: Guard<'a>,
}

/// Takes a line; false when no more are wanted.
pub(crate) type Lines<'a> = dyn FnMut(&str) -> bool + 'a;

impl<'a> Git<'a> {
    /// Refuses a repository that is not the project's own: one that says of another directory that
    /// it is its work tree, or that lies elsewhere and knows nothing of the project. What it holds
    /// is not for whoever works on the project.
    pub(in crate::workspace) fn open(
        root: &'a Root,
        secrets: &'a Secrets,
    ) -> Result<Self, FileError> {
        let guard = Guard::new(root, secrets);
        let root = root.path();
        must_be_safe_to_open(root, root.parent()).map_err(FileError::Refused)?;
        let ceiling = root.parent().map(Path::as_os_str);
        let opened = Repository::open_ext(root, RepositoryOpenFlags::CROSS_FS, ceiling);
        let repository = opened.map_err(|err| match err.code() {
            ErrorCode::NotFound => refused("the project is not a git repository"),
            ErrorCode::Owner => refused(
                "the git repository belongs to another user, so git does not trust it; the user \
                 can change that: git config --global --add safe.directory DIRECTORY",
            ),
            _ => sentence(&err),
        })?;
        let work_tree = repository.workdir().ok_or_else(|| refused("the repository is bare"))?;
        if work_tree.canonicalize().ok().as_deref() != Some(root) {
            return Err(refused(
                "the git repository here has its work tree elsewhere: it is not read",
            ));
        }
        if !belongs_to(&repository, root) {
            return Err(refused(
                "`.git` leads to a repository that does not know this project: it is not read",
            ));
        }
        must_not_lead_out(&repository)?;
        Ok(Self { repository, guard })
    }

    /// What is under way, such as a merge, if something is.
    pub(super) fn under_way(&self) -> Option<&'static str> {
        Some(match self.repository.state() {
            RepositoryState::Clean => return None,
            RepositoryState::Merge => "a merge",
            RepositoryState::Revert | RepositoryState::RevertSequence => "a revert",
            RepositoryState::CherryPick | RepositoryState::CherryPickSequence => "a cherry-pick",
            RepositoryState::Bisect => "a bisect",
            RepositoryState::Rebase
            | RepositoryState::RebaseInteractive
            | RepositoryState::RebaseMerge => "a rebase",
            RepositoryState::ApplyMailbox | RepositoryState::ApplyMailboxOrRebase => "an am",
        })
    }

    /// The branch that is checked out, whether or not it has a commit; `None` when HEAD is a commit.
    pub(super) fn branch(&self) -> Option<String> {
        let head = self.repository.find_reference("HEAD").ok()?;
        let target = String::from_utf8_lossy(head.symbolic_target_bytes()?).into_owned();
        Some(target.strip_prefix("refs/heads/").unwrap_or(&target).to_owned())
    }
}

/// Whether a repository that lies outside the project says that it belongs to it, as those of
/// linked work trees and of submodules do.
fn belongs_to(repository: &Repository, root: &Path) -> bool {
    let (Ok(own), Ok(shared)) =
        (repository.path().canonicalize(), repository.commondir().canonicalize())
    else {
        return false;
    };
    if own != shared && own.parent() != Some(&shared.join("worktrees")) {
        return false;
    }
    if own.starts_with(root) {
        return true;
    }
    let back = plain_file::read(&own.join("gitdir"), LONGEST).unwrap_or_default();
    let leads_back = Path::new(String::from_utf8_lossy(&back).trim())
        .parent()
        .and_then(|it| it.canonicalize().ok());
    let config = repository.config().and_then(|it| it.open_level(ConfigLevel::Local));
    let names_work_tree = config.is_ok_and(|it| it.get_path("core.worktree").is_ok());
    // That it is this work tree that is named was found before.
    leads_back.as_deref() == Some(root) || names_work_tree
}

pub(super) fn refused(reason: &str) -> FileError {
    FileError::Refused(reason.to_owned())
}

/// What libgit2 says, as we say things.
pub(super) fn sentence(err: &git2::Error) -> FileError {
    match err.code() {
        ErrorCode::Locked => refused(
            "another git program is at work in the repository (or left its lock file behind); try \
             again later",
        ),
        _ => FileError::Refused(format!("git: {}", err.message())),
    }
}

impl From<git2::Error> for FileError {
    fn from(err: git2::Error) -> Self {
        sentence(&err)
    }
}

/// A path as a pathspec that means only itself.
pub(super) fn spec(path: &ProjectPath) -> Option<String> {
    (!path.is_root()).then(|| path.as_path().to_string_lossy().into_owned())
}
