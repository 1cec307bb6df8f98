//! Changes to several files that happen together or not at all.

use crate::workspace::root::Root;
use crate::workspace::secret::Secrets;
use crate::workspace::{FileError, ProjectPath, SourceFile, write};

/// What shall become of one file.
#[derive(Debug)]
pub(crate) enum Change {
    /// It does not exist yet.
    Create { path: ProjectPath, bytes: Vec<u8> },
    /// It is still what was read.
    Replace { before: SourceFile, bytes: Vec<u8> },
    /// It is still what was read, and goes.
    Delete { before: SourceFile },
    /// It is still what was read, and becomes another that does not exist yet, of the same mode.
    Move { before: SourceFile, path: ProjectPath, bytes: Vec<u8> },
}

/// Makes the changes in their order. When one cannot be made, those before it are taken back.
pub(super) fn apply(root: &Root, changes: &[Change]) -> Result<(), FileError> {
    for (n, change) in changes.iter().enumerate() {
        if let Err(err) = make(root, change) {
            changes[..n].iter().rev().for_each(|it| take_back(root, it));
            return Err(err);
        }
    }
    Ok(())
}

fn make(root: &Root, change: &Change) -> Result<(), FileError> {
    match change {
        Change::Create { path, bytes } => write::create(root, path, bytes),
        Change::Replace { before, bytes } => write::replace(root, before, bytes),
        Change::Delete { before } => write::delete(root, before),
        Change::Move { before, path, bytes } => {
            write::create_like(root, path, bytes, before)?;
            write::delete(root, before).inspect_err(|_| remove(root, path, bytes))
        }
    }
}

/// Removes what we have just written.
fn remove(root: &Root, path: &ProjectPath, bytes: &[u8]) {
    if let Some(ours) =
        SourceFile::read(root, &Secrets::none(), path).ok().filter(|it| it.bytes() == bytes)
    {
        let _ = write::delete(root, &ours);
    }
}

/// What was changed again by someone else meanwhile is left alone.
fn take_back(root: &Root, change: &Change) {
    let now = |path| SourceFile::read(root, &Secrets::none(), path).ok();
    let restore = |before: &SourceFile| {
        let _ = write::create_like(root, &before.real, before.bytes(), before);
    };
    match change {
        Change::Create { path, bytes } => remove(root, path, bytes),
        Change::Replace { before, bytes } => {
            if let Some(ours) = now(before.path()).filter(|it| it.bytes() == bytes) {
                let _ = write::replace(root, &ours, before.bytes());
            }
        }
        Change::Delete { before } => restore(before),
        Change::Move { before, path, bytes } => {
            restore(before);
            remove(root, path, bytes);
        }
    }
}
