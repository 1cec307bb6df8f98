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
    #[cfg_attr(not(test), expect(dead_code, reason = "no tool deletes yet"))]
    Delete { before: SourceFile },
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
    }
}

/// What was changed again by someone else meanwhile is left alone.
fn take_back(root: &Root, change: &Change) {
    let now = |path| SourceFile::read(root, &Secrets::none(), path).ok();
    let _ = match change {
        Change::Create { path, bytes } => {
            now(path).filter(|it| it.bytes() == bytes).map_or(Ok(()), |it| write::delete(root, &it))
        }
        Change::Replace { before, bytes } => now(before.path())
            .filter(|it| it.bytes() == bytes)
            .map_or(Ok(()), |it| write::replace(root, &it, before.bytes())),
        Change::Delete { before } => write::create(root, &before.real, before.bytes()),
    };
}
