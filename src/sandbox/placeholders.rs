//! Empty files and directories that stand where nothing may come into being while a command runs.
//!
//! Only what is there can be frozen. They are made before the first command that needs them and
//! removed after the last.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};

use crate::sandbox::Absent;

/// How many commands need each of those that we made. Commands that run side by side share them,
/// so there is one count for the process.
static MADE: Mutex<BTreeMap<PathBuf, Made>> = Mutex::new(BTreeMap::new());

struct Made {
    needed: usize,
    text: &'static str,
}

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
            if let Some(made) = made.get_mut(path) {
                made.needed += 1;
            } else {
                match put(absent) {
                    Ok(()) => {}
                    Err(err) if cannot_be(&err) => continue,
                    Err(err) => return Err(err),
                }
                let text = if let Absent::Text(_, text) = absent { text } else { "" };
                made.insert(path.to_owned(), Made { needed: 1, text });
            }
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
                Some(made) if 1 < made.needed => made.needed -= 1,
                _ => {
                    if let Some(Made { text, .. }) = made.remove(path) {
                        remove(path, text);
                    }
                }
            }
        }
    }
}

/// For a program that ends here and now.
pub(super) fn remove_all() {
    let made = std::mem::take(&mut *made());
    made.iter().rev().for_each(|(path, it)| remove(path, it.text));
}

fn put(absent: &Absent) -> io::Result<()> {
    let text = match absent {
        Absent::Directory(path) => return std::fs::create_dir(path),
        Absent::File(_) => "",
        Absent::Text(_, text) => text,
    };
    let mut file = OpenOptions::new().write(true).create_new(true).open(absent.path())?;
    file.write_all(text.as_bytes())
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
fn remove(path: &Path, text: &str) {
    let Ok(found) = path.symlink_metadata() else { return };
    let ours = || std::fs::read(path).is_ok_and(|it| it == text.as_bytes());
    let _ = match found.is_dir() {
        true => std::fs::remove_dir(path),
        false if found.is_file() && found.len() == text.len() as u64 && ours() => {
            std::fs::remove_file(path)
        }
        false => Ok(()),
    };
}

fn made() -> MutexGuard<'static, BTreeMap<PathBuf, Made>> {
    MADE.lock().unwrap_or_else(|it| it.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_two_commands_need_goes_with_the_last_unless_it_was_filled() {
        let dir = tempfile::tempdir().unwrap();
        let (file, folder) = (dir.path().join("file"), dir.path().join("folder"));
        let absent = [Absent::File(file.clone()), Absent::Directory(folder.clone())];
        let first = Placeholders::make(&absent).unwrap();
        let second = Placeholders::make(&absent).unwrap();
        drop(first);
        assert!(file.exists() && folder.exists());
        std::fs::write(&file, "mine").unwrap();
        drop(second);
        assert!(file.exists() && !folder.exists());
    }

    #[test]
    fn what_was_there_stays() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        std::fs::write(&file, "").unwrap();
        drop(Placeholders::make(&[Absent::File(file.clone())]).unwrap());
        assert!(file.exists());
    }
}
