//! Empty files and directories that stand where nothing may come into being while a command runs.
//!
//! Only what is there can be frozen. They are made before the first command that needs them and
//! removed after the last.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard};

use rustix::fs::{AtFlags, CWD, FlockOperation, OFlags, Timespec, Timestamps, flock};

use crate::sandbox::Absent;

/// Those that our commands need. Commands that run side by side share them, so there is one count
/// for the process.
static MADE: Mutex<BTreeMap<PathBuf, Made>> = Mutex::new(BTreeMap::new());

/// The time of a placeholder, which no archive and no build gives a file: who kills us leaves it
/// behind, and the next one shall know it for what it is. `workspace::survey` knows it too.
const TIME: Timespec = Timespec { tv_sec: 1, tv_nsec: 618_033_900 };

/// How often somebody else may remove one just when we need it.
const TRIES: usize = 8;

#[derive(Debug)]
struct Made {
    absent: Absent,
    /// How many commands need it.
    count: usize,
    /// Opened and locked with others: another agent in this project may need it as well, and must
    /// not lose it while its command runs.
    lock: File,
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
            match made.get_mut(path) {
                Some(it) => it.count += 1,
                None => match put(absent) {
                    Ok(lock) => {
                        let it = Made { absent: absent.clone(), count: 1, lock };
                        made.insert(path.to_owned(), it);
                    }
                    Err(err) if cannot_be(&err) => continue,
                    Err(err) => {
                        // Dropping what there is needs it.
                        drop(made);
                        return Err(err);
                    }
                },
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
                Some(it) if 1 < it.count => it.count -= 1,
                _ => made.remove(path).into_iter().for_each(|it| it.remove()),
            }
        }
    }
}

/// For a program that ends here and now.
pub(super) fn remove_all() {
    let made = std::mem::take(&mut *made());
    made.into_values().rev().for_each(|it| it.remove());
}

impl Made {
    /// Unless somebody has made something of it meanwhile, or another agent needs it: that one
    /// removes it then.
    fn remove(self) {
        let is_free = flock(&self.lock, FlockOperation::NonBlockingLockExclusive).is_ok();
        if is_free && is_ours(&self.absent) {
            let _ = match &self.absent {
                Absent::Directory(path) => std::fs::remove_dir(path),
                Absent::File(path, _) => std::fs::remove_file(path),
            };
        }
    }
}

/// Makes it, unless it is there already as an agent makes it, and takes part in its lock.
fn put(absent: &Absent) -> io::Result<File> {
    let path = absent.path();
    for _ in 0..TRIES {
        match make(absent) {
            Err(err) if err.kind() == io::ErrorKind::AlreadyExists && is_ours(absent) => {}
            made => made?,
        }
        let no_wait = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits() as i32;
        let lock = match OpenOptions::new().read(true).custom_flags(no_wait).open(path) {
            Err(err) if err.kind() == io::ErrorKind::NotFound => continue,
            opened => opened?,
        };
        let is_shared = flock(&lock, FlockOperation::NonBlockingLockShared).is_ok();
        let is_same = |it: std::fs::Metadata| {
            lock.metadata().is_ok_and(|ours| (it.dev(), it.ino()) == (ours.dev(), ours.ino()))
        };
        // Who removes one holds its lock alone, so what is there now stays.
        if is_shared && path.symlink_metadata().is_ok_and(is_same) {
            return Ok(lock);
        }
        std::thread::yield_now();
    }
    Err(io::Error::other(format!("`{}` comes and goes; another agent holds it", path.display())))
}

fn make(absent: &Absent) -> io::Result<()> {
    match absent {
        Absent::Directory(path) => std::fs::create_dir(path)?,
        Absent::File(path, text) => {
            let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
            file.write_all(text.as_bytes())?;
        }
    }
    let times = Timestamps { last_access: TIME, last_modification: TIME };
    Ok(rustix::fs::utimensat(CWD, absent.path(), &times, AtFlags::SYMLINK_NOFOLLOW)?)
}

/// Whether it is as an agent makes it, to the byte: nothing of the person's is ever taken for it.
fn is_ours(absent: &Absent) -> bool {
    let path = absent.path();
    let Ok(found) = path.symlink_metadata() else { return false };
    if (found.mtime(), found.mtime_nsec()) != (TIME.tv_sec, TIME.tv_nsec) {
        return false;
    }
    match absent {
        Absent::Directory(_) => {
            found.is_dir() && path.read_dir().is_ok_and(|mut it| it.next().is_none())
        }
        Absent::File(_, text) => {
            let is_as_long = found.is_file() && found.len() == text.len() as u64;
            is_as_long && std::fs::read(path).is_ok_and(|it| it == text.as_bytes())
        }
    }
}

/// Whether a command would fail in the same way, or there is something already.
fn cannot_be(err: &io::Error) -> bool {
    use io::ErrorKind::{
        AlreadyExists, NotADirectory, NotFound, PermissionDenied, ReadOnlyFilesystem,
    };
    let kinds = [AlreadyExists, NotADirectory, NotFound, PermissionDenied, ReadOnlyFilesystem];
    kinds.contains(&err.kind())
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
        made().remove(absent[0].path());
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

    #[test]
    fn what_has_the_time_of_none_is_the_persons_and_stays() {
        let dir = tempfile::tempdir().unwrap();
        let (file, folder) = (dir.path().join("file"), dir.path().join("folder"));
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(&file, "mine").unwrap();
        let stamp = |time: Timespec| {
            let times = Timestamps { last_access: time, last_modification: time };
            for path in [&file, &folder] {
                rustix::fs::utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW).unwrap();
            }
        };
        // Built with a fixed time, as archives and packages are.
        stamp(Timespec { tv_sec: 0, tv_nsec: 0 });
        let as_directory = Absent::Directory(file.clone());
        let absent =
            [as_directory, Absent::File(file.clone(), ""), Absent::Directory(folder.clone())];
        drop(Placeholders::make(&absent).unwrap());
        assert!(file.exists() && folder.exists());
        std::fs::write(folder.join("mine"), "").unwrap();
        stamp(TIME);
        drop(Placeholders::make(&absent).unwrap());
        assert!(file.exists() && folder.exists());
    }

    #[test]
    fn what_another_agent_needs_stays_until_it_is_done() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("folder");
        let absent = [Absent::Directory(folder.clone())];
        let ours = Placeholders::make(&absent).unwrap();
        let theirs = File::open(&folder).unwrap();
        flock(&theirs, FlockOperation::NonBlockingLockShared).unwrap();
        drop(ours);
        assert!(folder.exists());
        let ours = Placeholders::make(&absent).unwrap();
        drop(theirs);
        drop(ours);
        assert!(!folder.exists());
    }
}
