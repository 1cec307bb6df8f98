//! Empty files and directories that stand where nothing may come into being while a command runs.
//!
//! Only what is there can be frozen. They are put there before the first command that needs them and
//! taken away after the last.

use std::collections::BTreeMap;
use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use rustix::fs::{AtFlags, CWD, FlockOperation, Timespec, Timestamps, flock};

use crate::sandbox::Absent;
use crate::sandbox::stock::{self, Stock};

/// Those that our commands need. Commands that run side by side share them, so there is one count
/// for the process.
static MADE: Mutex<BTreeMap<PathBuf, Made>> = Mutex::new(BTreeMap::new());

/// The time of a placeholder, which no archive and no build gives a file: who kills us leaves it
/// behind, and the next one shall know it for what it is. `workspace::survey` knows it too.
const TIME: Timespec = Timespec { tv_sec: 1, tv_nsec: 618_033_900 };

pub(super) const STAMP: Timestamps = Timestamps { last_access: TIME, last_modification: TIME };

/// How often somebody else may remove one just when we need it, and how long we let them each time:
/// nobody holds a lock for that any longer, unless to keep us waiting.
const TRIES: usize = 2000;
const PAUSE: Duration = Duration::from_millis(1);

#[derive(Debug)]
struct Made {
    absent: Absent,
    /// How many commands need it.
    count: usize,
    /// Opened and locked with others: another agent in this project may need it as well, and must
    /// not lose it while its command runs.
    lock: File,
    /// Where it goes when nobody needs it any more.
    stock: Option<Stock>,
}

/// Those that one command needs. Dropping it removes what nobody needs any more.
#[derive(Debug, Default)]
pub(super) struct Placeholders(Vec<PathBuf>);

impl Placeholders {
    /// Makes what is not there, or takes it from the stock. Where we may not write, the command may
    /// not either.
    pub(super) fn make(absent: &[Absent], stock: Option<&Path>) -> io::Result<Self> {
        let stock = stock.map(Stock::new);
        let mut made = made();
        let mut placeholders = Self::default();
        for absent in absent {
            let path = absent.path();
            match made.get_mut(path) {
                Some(it) => it.count += 1,
                None => match put(absent, stock.as_ref()) {
                    Ok(lock) => {
                        let (absent, stock) = (absent.clone(), stock.clone());
                        let it = Made { absent, count: 1, lock, stock };
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

/// Removes what a killed agent has left of these. What a command needs stays.
pub(crate) fn sweep(absent: &[Absent]) {
    // Whoever is the last to need one removes it.
    let _ = Placeholders::make(absent, None);
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
        let is_here = |it: Metadata| stock::is_at(self.absent.path(), &it);
        if !is_free || !self.lock.metadata().is_ok_and(is_here) || !is_ours(&self.absent) {
            return;
        }
        if self.stock.is_some_and(|it| it.keep(&self.lock, &self.absent).is_ok()) {
            return;
        }
        // To be put aside, it was looked at again.
        if is_ours(&self.absent) {
            let _ = match &self.absent {
                Absent::Directory(path) => std::fs::remove_dir(path),
                Absent::File(path, _) => std::fs::remove_file(path),
            };
        }
    }
}

/// Makes it, unless it is there already as an agent makes it, and takes part in its lock.
fn put(absent: &Absent, stock: Option<&Stock>) -> io::Result<File> {
    let path = absent.path();
    for _ in 0..TRIES {
        if let Some(placeholder) = stock.and_then(|it| it.take(absent)) {
            return Ok(placeholder);
        }
        match make(absent) {
            Err(err) if err.kind() == io::ErrorKind::AlreadyExists && is_ours(absent) => {}
            made => made?,
        }
        let lock = match stock::open(path) {
            Err(err) if err.kind() == io::ErrorKind::NotFound => continue,
            opened => opened?,
        };
        let is_shared = flock(&lock, FlockOperation::NonBlockingLockShared).is_ok();
        // Who removes one holds its lock alone, so what is there now stays.
        if is_shared && lock.metadata().is_ok_and(|it| stock::is_at(path, &it)) {
            return Ok(lock);
        }
        std::thread::sleep(PAUSE);
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
    Ok(rustix::fs::utimensat(CWD, absent.path(), &STAMP, AtFlags::SYMLINK_NOFOLLOW)?)
}

/// Whether it is as an agent makes it, to the byte: nothing of the person's is ever taken for it.
fn is_ours(absent: &Absent) -> bool {
    let has_time = |it: Metadata| (it.mtime(), it.mtime_nsec()) == (TIME.tv_sec, TIME.tv_nsec);
    absent.path().symlink_metadata().is_ok_and(has_time) && absent.is_nothing(absent.path())
}

impl Absent {
    /// Whether what is at `path` has the content of a placeholder of this kind.
    pub(super) fn is_nothing(&self, path: &Path) -> bool {
        let Ok(found) = path.symlink_metadata() else { return false };
        match self {
            Self::Directory(_) => {
                found.is_dir() && path.read_dir().is_ok_and(|mut it| it.next().is_none())
            }
            Self::File(_, text) => {
                let is_as_long = found.is_file() && found.len() == text.len() as u64;
                is_as_long && std::fs::read(path).is_ok_and(|it| it == text.as_bytes())
            }
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
        let first = Placeholders::make(&absent, None).unwrap();
        let second = Placeholders::make(&absent, None).unwrap();
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
        std::mem::forget(Placeholders::make(&absent, None).unwrap());
        made().remove(absent[0].path());
        drop(Placeholders::make(&absent, None).unwrap());
        assert!(!dir.path().join("folder").exists());
    }

    #[test]
    fn what_was_there_stays() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        std::fs::write(&file, "").unwrap();
        drop(Placeholders::make(&[Absent::File(file.clone(), "")], None).unwrap());
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
        drop(Placeholders::make(&absent, None).unwrap());
        assert!(file.exists() && folder.exists());
        std::fs::write(folder.join("mine"), "").unwrap();
        stamp(TIME);
        drop(Placeholders::make(&absent, None).unwrap());
        assert!(file.exists() && folder.exists());
    }

    #[test]
    fn what_another_agent_needs_stays_until_it_is_done() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("folder");
        let absent = [Absent::Directory(folder.clone())];
        let ours = Placeholders::make(&absent, None).unwrap();
        let theirs = File::open(&folder).unwrap();
        flock(&theirs, FlockOperation::NonBlockingLockShared).unwrap();
        drop(ours);
        assert!(folder.exists());
        let ours = Placeholders::make(&absent, None).unwrap();
        drop(theirs);
        drop(ours);
        assert!(!folder.exists());
    }

    #[test]
    fn one_that_another_agent_is_removing_is_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("folder");
        let absent = [Absent::Directory(folder.clone())];
        make(&absent[0]).unwrap();
        let theirs = File::open(&folder).unwrap();
        flock(&theirs, FlockOperation::NonBlockingLockExclusive).unwrap();
        let removal = std::thread::spawn(move || {
            (0..100).for_each(|_| std::thread::yield_now());
            std::fs::remove_dir(folder).unwrap();
            drop(theirs);
        });
        let ours = Placeholders::make(&absent, None).unwrap();
        removal.join().unwrap();
        assert!(absent[0].path().exists());
        drop(ours);
    }

    /// A directory and a file that must not be, with a stock beside them.
    struct Place {
        dir: tempfile::TempDir,
        absent: [Absent; 2],
    }

    impl Place {
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            let (file, folder) = (dir.path().join("file"), dir.path().join("folder"));
            Self { dir, absent: [Absent::File(file, "."), Absent::Directory(folder)] }
        }

        fn make(&self) -> Placeholders {
            Placeholders::make(&self.absent, Some(&self.stock())).unwrap()
        }

        fn stock(&self) -> PathBuf {
            self.dir.path().join("stock")
        }

        /// The numbers of what is there.
        fn inodes(&self) -> [Option<u64>; 2] {
            self.absent.clone().map(|it| it.path().symlink_metadata().ok().map(|it| it.ino()))
        }

        /// What is in the stock.
        fn spares(&self) -> Vec<PathBuf> {
            let all = self.stock().read_dir().into_iter().flatten();
            let mut all: Vec<_> = all.map(|it| it.unwrap().path()).collect();
            all.sort();
            all
        }
    }

    #[test]
    fn what_one_command_needed_is_moved_to_where_the_next_needs_it() {
        let place = Place::new();
        let first = place.make();
        let inodes = place.inodes();
        drop(first);
        assert_eq!((place.inodes(), place.spares().len()), ([None, None], 2));
        let second = place.make();
        assert_eq!((place.inodes(), place.spares().len()), (inodes, 0));
        std::fs::write(place.absent[0].path(), "mine").unwrap();
        std::fs::write(place.absent[1].path().join("mine"), "").unwrap();
        drop(second);
        assert_eq!((place.inodes(), place.spares().len()), (inodes, 0));
    }

    #[test]
    fn what_comes_to_be_while_it_is_put_aside_stays() {
        let place = Place::new();
        let ours = place.make();
        let open = made()[place.absent[1].path()].lock.try_clone().unwrap();
        let inodes = place.inodes();
        std::fs::write(place.absent[1].path().join("mine"), "").unwrap();
        Stock::new(&place.stock()).keep(&open, &place.absent[1]).unwrap_err();
        assert_eq!((place.inodes(), place.spares().len()), (inodes, 0));
        // As one may write to it as before.
        assert_eq!(open.metadata().unwrap().mode() & 0o200, 0o200);
        drop(ours);
    }

    #[test]
    fn what_somebody_left_in_the_stock_stays_there_and_is_not_used() {
        let place = Place::new();
        drop(place.make());
        for spare in place.spares() {
            assert_eq!(spare.symlink_metadata().unwrap().mode() & 0o222, 0);
            let by_the_person = std::os::unix::fs::PermissionsExt::from_mode(0o755);
            std::fs::set_permissions(&spare, by_the_person).unwrap();
            if spare.is_dir() {
                std::fs::write(spare.join("mine"), "").unwrap();
            } else {
                std::fs::write(spare, "?").unwrap();
            }
        }
        let left = place.spares();
        let ours = place.make();
        assert_eq!(place.spares(), left);
        drop(ours);
        assert_eq!((place.inodes(), place.spares()), ([None, None], left));
    }

    /// A command that was running already may hold it open, and write to it wherever it is.
    #[test]
    fn what_was_somewhere_never_comes_to_be_anywhere_else() {
        let place = Place::new();
        drop(place.make());
        let elsewhere = place.dir.path().join("elsewhere");
        std::fs::create_dir(&elsewhere).unwrap();
        let absent = [
            Absent::File(elsewhere.join("file"), "."),
            Absent::Directory(elsewhere.join("folder")),
        ];
        let left = place.spares();
        let theirs = Placeholders::make(&absent, Some(&place.stock())).unwrap();
        assert_eq!(place.spares(), left);
        drop(theirs);
        assert_eq!(place.spares().len(), 4);
    }

    #[test]
    fn what_has_got_another_name_is_not_used_again() {
        let place = Place::new();
        let ours = place.make();
        let file = place.absent[0].path();
        std::fs::hard_link(file, place.dir.path().join("kept")).unwrap();
        drop(ours);
        assert_eq!(place.spares().len(), 1);
        assert_eq!(place.inodes(), [None, None]);
        let ours = place.make();
        let inode = place.dir.path().join("kept").metadata().unwrap().ino();
        assert_ne!(place.inodes()[0], Some(inode));
        drop(ours);
        for spare in place.spares().into_iter().filter(|it| it.is_file()) {
            std::fs::hard_link(spare, place.dir.path().join("late")).unwrap();
        }
        drop(place.make());
        let inode = place.dir.path().join("late").metadata().unwrap().ino();
        let ours = place.make();
        assert_ne!(place.inodes()[0], Some(inode));
        drop(ours);
    }
}
