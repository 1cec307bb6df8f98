//! What is in the project, as git would show it.

use std::fs::Metadata;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use ignore::{DirEntry, WalkBuilder, WalkState};

use crate::workspace::root::Root;
use crate::workspace::{Cancel, FileError, ProjectPath};

#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Found {
    pub(crate) path: ProjectPath,
    pub(crate) kind: Kind,
}

#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Kind {
    Directory,
    File,
    /// A symbolic link; the walk does not follow it.
    Link,
    /// A pipe, a socket, a device.
    Other,
}

/// Never walked, ignored or not, unless asked for by name.
const SKIPPED: &[&str] = &[".git", "node_modules", "target"];

pub(super) fn entries(
    root: &Root,
    path: &ProjectPath,
    depth: Option<usize>,
    cancel: &Cancel,
) -> Result<Vec<Found>, FileError> {
    let under = root.follow(path)?;
    match root.open_directory(&under) {
        Ok(_) => {}
        // It may be a file.
        Err(_) => {
            let (real, _) = root.open_file(path)?;
            return Ok(vec![Found { path: real, kind: Kind::File }]);
        }
    }
    let mut found = if is_shown(root, &under) {
        let depth = depth.map(|it| it + under.depth());
        walk(root, builder(root.path(), Path::new(""), &under, depth), cancel)
    } else {
        let start = root.path().join(under.as_path());
        walk(root, builder(&start, under.as_path(), &under, depth), cancel)
    };
    found.retain(|it| it.path.as_path().starts_with(under.as_path()) && it.path != under);
    found.sort();
    Ok(found)
}

/// All that is shown of a project.
pub(super) struct Shown {
    pub(super) files: Vec<(ProjectPath, Metadata)>,
    /// The root among them.
    pub(super) folders: Vec<(ProjectPath, Metadata)>,
}

/// The files and directories of the whole project; `None` if there are more than `most` files.
pub(super) fn files(root: &Root, most: usize) -> Option<Shown> {
    let shown = Mutex::new(Shown { files: Vec::new(), folders: Vec::new() });
    let hold = || shown.lock().unwrap_or_else(PoisonError::into_inner);
    builder(root.path(), Path::new(""), &ProjectPath::default(), None).build_parallel().run(|| {
        Box::new(|entry| {
            let Some((entry, found)) =
                entry.ok().and_then(|it| found_at(root, &it).map(|found| (it, found)))
            else {
                return WalkState::Continue;
            };
            // What is gone already is not there.
            let Ok(metadata) = entry.metadata() else { return WalkState::Continue };
            match found.kind {
                Kind::Directory => hold().folders.push((found.path, metadata)),
                Kind::File => hold().files.push((found.path, metadata)),
                Kind::Link | Kind::Other => {}
            }
            if most < hold().files.len() { WalkState::Quit } else { WalkState::Continue }
        })
    });
    let shown = shown.into_inner().unwrap_or_else(PoisonError::into_inner);
    (shown.files.len() <= most).then_some(shown)
}

/// Whether a walk from the root would come to `under`. One that is asked for although it is
/// ignored is walked by itself.
fn is_shown(root: &Root, under: &ProjectPath) -> bool {
    let walk = builder(root.path(), Path::new(""), under, Some(under.depth()));
    let target = root.path().join(under.as_path());
    walk.build().flatten().any(|it| it.path() == target)
}

/// A walk from `start`, which lies at `at` in the project, that goes to `under` and what is in it.
/// It begins at the root where it can, so that the ignore files of all directories on the way
/// count, and none above the root.
fn builder(start: &Path, at: &Path, under: &ProjectPath, depth: Option<usize>) -> WalkBuilder {
    let mut builder = WalkBuilder::new(start);
    builder.hidden(false).parents(false).git_global(false).require_git(false);
    builder.max_depth(depth).current_dir(start);
    let (start, at, under) = (start.to_owned(), at.to_owned(), under.clone());
    builder.filter_entry(move |entry| {
        let Ok(below) = entry.path().strip_prefix(&start) else { return false };
        let path = at.join(below);
        let on_the_way = path.starts_with(under.as_path()) || under.as_path().starts_with(&path);
        on_the_way && (entry.depth() == 0 || !is_skipped(entry))
    });
    builder
}

fn is_skipped(entry: &DirEntry) -> bool {
    let name = entry.file_name().to_string_lossy();
    SKIPPED.contains(&&*name) || (name.starts_with(".agent-") && name.ends_with(".tmp"))
}

fn walk(root: &Root, builder: WalkBuilder, cancel: &Cancel) -> Vec<Found> {
    let found = Mutex::new(Vec::new());
    builder.build_parallel().run(|| {
        Box::new(|entry| {
            // A directory that cannot be read has nothing to show.
            if let Some(entry) = entry.ok().and_then(|it| found_at(root, &it)) {
                found.lock().unwrap_or_else(PoisonError::into_inner).push(entry);
            }
            if cancel.is_cancelled() { WalkState::Quit } else { WalkState::Continue }
        })
    });
    found.into_inner().unwrap_or_else(PoisonError::into_inner)
}

fn found_at(root: &Root, entry: &DirEntry) -> Option<Found> {
    let path = entry.path().strip_prefix(root.path()).ok()?;
    let kind = match entry.file_type()? {
        it if it.is_dir() => Kind::Directory,
        it if it.is_file() => Kind::File,
        it if it.is_symlink() => Kind::Link,
        _ => Kind::Other,
    };
    Some(Found { path: ProjectPath::plain(path.to_owned()), kind })
}
