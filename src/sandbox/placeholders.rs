//! Empty files and directories that stand where nothing may come into being while a command runs.
//!
//! Only what is there can be frozen. They are made before the first command that needs them and
//! removed after the last.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};

use rustix::fs::{AtFlags, CWD, Timespec, Timestamps};

use crate::sandbox::Absent;

/// How many commands need each of those that we made. Commands that run side by side share them,
/// so there is one count for the process.
static MADE: Mutex<BTreeMap<PathBuf, usize>> = Mutex::new(BTreeMap::new());

/// No placeholder is as long, nor is an empty directory on the usual file systems.
const FILLED: u64 = 8192;

/// Those that one command needs. Dropping it removes what nobody needs any more.
#[derive(Debug, Default)]
pub(super) struct Placeholders(Vec<PathBuf>);

impl Placeholders {
    /// Makes what is not there. Where we may not write, the command may not either.
    pub(super) fn make(absent: &[Absent]) -> io::Result<Self> {
        let mut made = made();
        let mut placeholders = Self::default();
        for absent in absent {
            let path = absent.path();
            let count = made.get(path).copied().unwrap_or_default();
            if count == 0 {
                match put(absent) {
                    Ok(()) => {}
                    Err(err) if cannot_be(&err) => continue,
                    Err(err) => return Err(err),
                }
            }
            made.insert(path.to_owned(), count + 1);
            placeholders.0.push(path.to_owned());
        }
        Ok(placeholders)
    }
}

impl Drop for Placeholders {
    fn drop(&mut self) {
        let mut made = made();
        for path in self.0.iter().rev() {
            match made.get_mut(path) {
                Some(count) if 1 < *count => *count -= 1,
                _ => {
                    made.remove(path);
                    remove(path);
                }
            }
        }
    }
}

/// For a program that ends here and now.
pub(super) fn remove_all() {
    let made = std::mem::take(&mut *made());
    made.into_keys().rev().for_each(|it| remove(&it));
}

/// Makes it, with a time that nothing else has: who kills us leaves it behind, and the next one
/// shall know it for what it is.
fn put(absent: &Absent) -> io::Result<()> {
    let made = match absent {
        Absent::Directory(path) => std::fs::create_dir(path),
        Absent::File(path, text) => {
            let file = OpenOptions::new().write(true).create_new(true).open(path);
            file.and_then(|mut it| it.write_all(text.as_bytes()))
        }
    };
    match made {
        Err(err) if err.kind() == io::ErrorKind::AlreadyExists && is_ours(absent.path()) => Ok(()),
        made => {
            made?;
            let first = Timespec { tv_sec: 0, tv_nsec: 0 };
            let times = Timestamps { last_access: first, last_modification: first };
            let no_link = AtFlags::SYMLINK_NOFOLLOW;
            Ok(rustix::fs::utimensat(CWD, absent.path(), &times, no_link)?)
        }
    }
}

/// Whether it is as we left it: whoever makes something of it gives it another time.
fn is_ours(path: &Path) -> bool {
    let found = path.symlink_metadata();
    found.is_ok_and(|it| (it.mtime(), it.mtime_nsec()) == (0, 0) && it.len() < FILLED)
}

/// Whether a command would fail in the same way, or there is something already.
fn cannot_be(err: &io::Error) -> bool {
    use io::ErrorKind::{
        AlreadyExists, NotADirectory, NotFound, PermissionDenied, ReadOnlyFilesystem,
    };
    let kinds = [AlreadyExists, NotADirectory, NotFound, PermissionDenied, ReadOnlyFilesystem];
    kinds.contains(&err.kind())
}

/// Unless somebody has made something of it meanwhile.
fn remove(path: &Path) {
    if is_ours(path) {
        let _ = std::fs::remove_dir(path).or_else(|_| std::fs::remove_file(path));
    }
}

fn made() -> MutexGuard<'static, BTreeMap<PathBuf, usize>> {
    MADE.lock().unwrap_or_else(|it| it.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_two_commands_need_goes_with_the_last_unless_it_was_filled() {
        let dir = tempfile::tempdir().unwrap();
        let (file, folder) = (dir.path().join("file"), dir.path().join("folder"));
        let absent = [Absent::File(file.clone(), "."), Absent::Directory(folder.clone())];
        let first = Placeholders::make(&absent).unwrap();
        let second = Placeholders::make(&absent).unwrap();
        drop(first);
        assert!(file.exists() && folder.exists());
        std::fs::write(&file, "mine").unwrap();
        drop(second);
        assert!(file.exists() && !folder.exists());
    }

    #[test]
    fn what_a_killed_one_left_is_taken_for_ones_own() {
        let dir = tempfile::tempdir().unwrap();
        let absent = [Absent::Directory(dir.path().join("folder"))];
        std::mem::forget(Placeholders::make(&absent).unwrap());
        made().clear();
        drop(Placeholders::make(&absent).unwrap());
        assert!(!dir.path().join("folder").exists());
    }

    #[test]
    fn what_was_there_stays() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        std::fs::write(&file, "").unwrap();
        drop(Placeholders::make(&[Absent::File(file.clone(), "")]).unwrap());
        assert!(file.exists());
    }
}
