//! What git says about where the project begins and what is checked out. Looks, never runs.

mod commit;
mod date;
mod diff;
mod guard;
mod history;
mod links;
mod plain;
mod repository;
pub(super) mod settings;
mod status;

use std::path::{Path, PathBuf};

use git2::{ObjectType, Oid, Repository, RepositoryOpenFlags};

pub(crate) use commit::{Committed, Staged, Wanted};
pub(crate) use diff::Compared;
pub(crate) use repository::Git;

/// The work tree around `start`. The search ends below `home`: a home directory that is itself
/// under version control does not make everything in it one project.
pub(super) fn work_tree(start: &Path, home: Option<&Path>) -> Option<PathBuf> {
    let repository = open(start, home)?;
    let work_tree = repository.workdir()?.canonicalize().ok()?;
    // A repository may name any directory as its work tree. It does not widen the project.
    let is_real = start.starts_with(&work_tree) && work_tree.join(".git").exists();
    is_real.then_some(work_tree)
}

pub(super) fn branch(root: &Path) -> Option<String> {
    let repository = open(root, root.parent())?;
    let head = repository.find_reference("HEAD").ok()?;
    match head.symbolic_target().ok()? {
        Some(target) => Some(target.trim_start_matches("refs/heads/").to_owned()),
        None => Some(head.target()?.to_string().chars().take(8).collect()),
    }
}

fn open(start: &Path, ceiling: Option<&Path>) -> Option<Repository> {
    plain::must_be_safe_to_open(start, ceiling).ok()?;
    let ceilings = ceiling.map(Path::as_os_str);
    Repository::open_ext(start, RepositoryOpenFlags::CROSS_FS, ceilings).ok()
}

/// Whether the repository has this very content of a file of the project, and so keeps no secret.
/// Not whether the file is tracked: a command can make git track anything, but it cannot name
/// content that it has never seen.
pub(super) fn holds(root: &Path, path: &Path, content: &[u8]) -> bool {
    let look = || {
        let repository = open(root, root.parent())?;
        let entry = repository.index().ok()?.get_path(path, 0)?;
        let content = Oid::hash_object(ObjectType::Blob, content).ok()?;
        Some(entry.id == content && repository.odb().ok()?.exists(content))
    };
    look().unwrap_or(false)
}

/// Whether git tracks anything in a directory of the project.
pub(super) fn tracks_below(root: &Path, path: &Path) -> bool {
    let look = || {
        let index = open(root, root.parent())?.index().ok()?;
        index.find_prefix(path.join("")).ok()
    };
    look().is_some()
}
