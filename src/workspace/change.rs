//! Changes to several files that happen together or not at all.

use crate::workspace::root::Root;
use crate::workspace::secret::Secrets;
use crate::workspace::write::Placed;
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

/// Why changes were not made.
#[derive(Debug)]
pub(super) struct Unmade {
    pub(super) why: FileError,
    /// Every file is as it was before.
    pub(super) is_taken_back: bool,
}

impl From<Unmade> for FileError {
    fn from(unmade: Unmade) -> Self {
        unmade.why
    }
}

/// Fails if it is known beforehand that the change will be refused.
pub(super) fn must_be_allowed(root: &Root, change: &Change) -> Result<(), FileError> {
    match change {
        Change::Create { path, .. } => write::must_be_free(root, path).map(drop),
        Change::Replace { before, .. } => write::must_be_replaceable(root, before),
        Change::Delete { before } => write::must_be_removable(root, before),
        Change::Move { before, path, .. } => {
            write::must_be_free(root, path)?;
            write::must_be_removable(root, before)
        }
    }
}

/// Makes the changes in their order. When one cannot be made, those before it are taken back.
pub(super) fn apply(root: &Root, changes: &[Change]) -> Result<(), Unmade> {
    apply_and(root, changes, &Placed::settle)
}

fn apply_and(
    root: &Root,
    changes: &[Change],
    settle: &dyn Fn(Placed) -> Result<(), FileError>,
) -> Result<(), Unmade> {
    for (n, change) in changes.iter().enumerate() {
        let (why, made) = match make(root, change) {
            Err(why) => (why, n),
            Ok(placed) => match placed.into_iter().try_for_each(settle) {
                Ok(()) => continue,
                // It is there, though nobody knows for how long.
                Err(why) => (why, n + 1),
            },
        };
        let back = changes[..made].iter().rev().map(|it| take_back(root, it));
        return Err(Unmade { why, is_taken_back: back.fold(true, |all, it| all & it) });
    }
    Ok(())
}

fn make(root: &Root, change: &Change) -> Result<Vec<Placed>, FileError> {
    Ok(match change {
        Change::Create { path, bytes } => vec![write::create(root, path, bytes)?],
        Change::Replace { before, bytes } => vec![write::replace(root, before, bytes)?],
        Change::Delete { before } => vec![write::delete(root, before)?],
        Change::Move { before, path, bytes } => {
            let created = write::create_like(root, path, bytes, before)?;
            let deleted = write::delete(root, before).inspect_err(|_| {
                remove(root, path, bytes);
            })?;
            vec![created, deleted]
        }
    })
}

/// Removes what we have just written; whether it is gone.
fn remove(root: &Root, path: &ProjectPath, bytes: &[u8]) -> bool {
    match SourceFile::read(root, &Secrets::none(), path) {
        Ok(ours) if ours.bytes() == bytes => {
            write::delete(root, &ours).and_then(Placed::settle).is_ok()
        }
        Err(FileError::Missing(_)) => true,
        _ => false,
    }
}

/// What was changed again by someone else meanwhile is left alone. Whether all is as it was.
fn take_back(root: &Root, change: &Change) -> bool {
    let restore = |before: &SourceFile| {
        let restored = write::create_like(root, &before.real, before.bytes(), before);
        restored.and_then(Placed::settle).is_ok()
    };
    match change {
        Change::Create { path, bytes } => remove(root, path, bytes),
        Change::Replace { before, bytes } => {
            match SourceFile::read(root, &Secrets::none(), before.path()) {
                Ok(ours) if ours.bytes() == bytes => {
                    write::replace(root, &ours, before.bytes()).and_then(Placed::settle).is_ok()
                }
                _ => false,
            }
        }
        Change::Delete { before } => restore(before),
        Change::Move { before, path, bytes } => restore(before) & remove(root, path, bytes),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn what_was_done_but_is_not_certain_is_taken_back_too() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().canonicalize().unwrap();
        let files = [("replaced", "1\n"), ("deleted", "2\n"), ("moved", "3\n")];
        files.iter().for_each(|(name, text)| fs::write(path.join(name), text).unwrap());
        let root = Root::open(path.clone()).unwrap();
        let at = |it: &str| ProjectPath::plain(it.into());
        let read = |it: &str| SourceFile::read(&root, &Secrets::none(), &at(it)).unwrap();
        let bytes = b"new\n".to_vec();
        let changes = [
            Change::Create { path: at("created"), bytes: bytes.clone() },
            Change::Replace { before: read("replaced"), bytes: bytes.clone() },
            Change::Delete { before: read("deleted") },
            Change::Move { before: read("moved"), path: at("there"), bytes },
        ];
        for change in changes {
            let fails = |it: Placed| {
                it.settle()?;
                Err(FileError::Refused("the disk is tired".to_owned()))
            };
            let unmade = apply_and(&root, &[change], &fails).unwrap_err();
            assert!(unmade.is_taken_back);
            let names = fs::read_dir(&path).unwrap().flatten().map(|it| it.file_name());
            assert_eq!(names.count(), files.len());
            for (name, text) in files {
                assert_eq!(fs::read_to_string(path.join(name)).unwrap(), text);
            }
        }
    }
}
