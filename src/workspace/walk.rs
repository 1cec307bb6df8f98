//! What is in the project, as git would show it.

use std::ffi::OsStr;
use std::fs::Metadata;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use ignore::{DirEntry, WalkBuilder, WalkState};

use crate::workspace::build_output::is_build_output;
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

/// What a walk has met, lent for a moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Met<'a> {
    /// Relative to the root.
    pub(crate) path: &'a Path,
    pub(crate) kind: Kind,
}

/// What the visitor wants next.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Onward {
    Further,
    /// Nothing of what is in this directory.
    PastThis,
}

/// What one thread of a walk does with everything it meets.
pub(crate) type Visit<'s> = Box<dyn FnMut(Met<'_>) -> Onward + Send + 's>;

pub(super) fn entries(
    root: &Root,
    path: &ProjectPath,
    depth: Option<usize>,
    cancel: &Cancel,
) -> Result<Vec<Found>, FileError> {
    let found = Mutex::new(Vec::new());
    visit(root, path, depth, cancel, || {
        Box::new(|met| {
            let entry = Found { path: ProjectPath::plain(met.path.to_owned()), kind: met.kind };
            found.lock().unwrap_or_else(PoisonError::into_inner).push(entry);
            Onward::Further
        })
    })?;
    let mut found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
    found.sort_unstable();
    Ok(found)
}

/// Shows everything under `path` to visitors, one a thread, in no order.
pub(super) fn visit<'s>(
    root: &Root,
    path: &ProjectPath,
    depth: Option<usize>,
    cancel: &Cancel,
    mut visitor: impl FnMut() -> Visit<'s>,
) -> Result<(), FileError> {
    let under = root.follow(path)?;
    match root.open_directory(&under) {
        Ok(_) => {}
        // It may be a file.
        Err(_) => {
            let (real, _) = root.open_file(path)?;
            visitor()(Met { path: real.as_path(), kind: Kind::File });
            return Ok(());
        }
    }
    let builder = if is_shown(root, &under) {
        let depth = depth.map(|it| it + under.depth());
        builder(root, &ProjectPath::default(), &under, depth)
    } else {
        builder(root, &under, &under, depth)
    };
    walk(root, &under, &builder, cancel, visitor);
    Ok(())
}

/// All that is shown of a project.
pub(super) struct Shown {
    pub(super) files: Vec<(ProjectPath, Metadata)>,
    /// Symbolic links, which are not followed.
    pub(super) links: Vec<ProjectPath>,
    /// The root among them.
    pub(super) folders: Vec<(ProjectPath, Metadata)>,
}

/// The files and directories of the whole project; `None` if there are more than `most` files.
/// By one thread: several wait for each other by the millisecond, which is longer than most
/// projects take.
pub(super) fn files(root: &Root, most: usize) -> Option<Shown> {
    let mut shown = Shown { files: Vec::new(), links: Vec::new(), folders: Vec::new() };
    // What is gone already is not there, and what cannot be read has nothing to show.
    let whole = ProjectPath::default();
    for entry in builder(root, &whole, &whole, None).build().flatten() {
        let Ok(metadata) = entry.metadata() else { continue };
        let Some(path) = below(entry.path(), root.path()) else { continue };
        let path = ProjectPath::plain(path.to_owned());
        if metadata.is_dir() {
            shown.folders.push((path, metadata));
        } else if metadata.is_file() {
            shown.files.push((path, metadata));
        } else if metadata.is_symlink() {
            shown.links.push(path);
        }
        if most < shown.files.len() + shown.links.len() {
            return None;
        }
    }
    Some(shown)
}

/// Whether a walk from the root would come to `under`. One that is asked for although it is
/// ignored is walked by itself.
fn is_shown(root: &Root, under: &ProjectPath) -> bool {
    let walk = builder(root, &ProjectPath::default(), under, Some(under.depth()));
    let target = root.path().join(under.as_path());
    walk.build().flatten().any(|it| it.path() == target)
}

/// A walk from `start` that goes to `under` and what is in it. It begins at the root where it can,
/// so that the ignore files of all directories on the way count, and none above the root.
fn builder(
    root: &Root,
    start: &ProjectPath,
    under: &ProjectPath,
    depth: Option<usize>,
) -> WalkBuilder {
    let root = root.path().to_owned();
    let begin = if start.is_root() { root.clone() } else { root.join(start.as_path()) };
    let mut builder = WalkBuilder::new(&begin);
    builder.hidden(false).parents(false).git_global(false).require_git(false);
    builder.max_depth(depth).current_dir(begin);
    let under = under.clone();
    builder.filter_entry(move |entry| {
        let Some(path) = below(entry.path(), &root) else { return false };
        // What is asked for by name is walked whatever it is.
        if 0 < entry.depth() && is_skipped(&root, path, entry) {
            return false;
        }
        under.is_root() || path.starts_with(under.as_path()) || under.as_path().starts_with(path)
    });
    builder
}

fn is_skipped(root: &Path, path: &Path, entry: &DirEntry) -> bool {
    let name = entry.file_name().as_bytes();
    let is_draft = name.starts_with(b".agent-") && name.ends_with(b".tmp");
    let is_directory = || entry.file_type().is_some_and(|it| it.is_dir());
    name == b".git" || is_draft || (is_directory() && is_build_output(root, path))
}

fn walk<'s>(
    root: &Root,
    under: &ProjectPath,
    builder: &WalkBuilder,
    cancel: &Cancel,
    mut visitor: impl FnMut() -> Visit<'s>,
) {
    builder.build_parallel().run(|| {
        let mut visit = visitor();
        Box::new(move |entry| {
            if cancel.is_cancelled() {
                return WalkState::Quit;
            }
            // A directory that cannot be read has nothing to show.
            let Ok(entry) = entry else { return WalkState::Continue };
            let Some(met) = met(root, under, &entry) else { return WalkState::Continue };
            match visit(met) {
                Onward::Further => WalkState::Continue,
                Onward::PastThis => WalkState::Skip,
            }
        })
    });
}

/// `None` for what is only on the way.
fn met<'a>(root: &Root, under: &ProjectPath, entry: &'a DirEntry) -> Option<Met<'a>> {
    let path = below(entry.path(), root.path())?;
    let is_under = under.is_root() || path.starts_with(under.as_path());
    if !is_under || path == under.as_path() {
        return None;
    }
    let kind = match entry.file_type()? {
        it if it.is_dir() => Kind::Directory,
        it if it.is_file() => Kind::File,
        it if it.is_symlink() => Kind::Link,
        _ => Kind::Other,
    };
    Some(Met { path, kind })
}

/// What a walk has met, relative to `start`. A walk only adds to where it started, so the
/// bytes can be cut off, which is asked for every file.
fn below<'a>(path: &'a Path, start: &Path) -> Option<&'a Path> {
    let rest = path.as_os_str().as_bytes().strip_prefix(start.as_os_str().as_bytes())?;
    Some(Path::new(OsStr::from_bytes(rest.strip_prefix(b"/").unwrap_or(rest))))
}
