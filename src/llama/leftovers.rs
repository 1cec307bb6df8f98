//! What agents that were killed have left behind: nobody else will ever clear it away.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rustix::fs::OFlags;

/// The logs of so many servers are kept: each tells of a server, or an agent, that came to grief.
const LOGS: usize = 8;

/// Takes hold of a file or a directory. Nobody removes it as long as the result lives, or a child
/// that inherits it. Ids of processes would not tell: what shares a directory may still have
/// processes of its own, as containers do.
pub(super) fn hold(path: &Path) -> io::Result<File> {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits() as i32;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    file.try_lock()?;
    // Whoever had it may have removed it before it let go.
    let (ours, there) = (file.metadata()?, path.symlink_metadata()?);
    let is_there = (ours.dev(), ours.ino()) == (there.dev(), there.ino());
    if is_there { Ok(file) } else { Err(io::ErrorKind::WouldBlock.into()) }
}

/// Removes the directories in `base` that nobody holds.
pub(super) fn clear_directories(base: &Path) {
    for dir in numbered(base, "", "") {
        // Another agent that starts just now may be quicker.
        if let Ok(_held) = hold(&dir) {
            let _ = std::fs::remove_dir_all(dir);
        }
    }
}

/// Removes all but the newest logs that nobody holds.
pub(super) fn clear_logs(log: &Path) {
    let Some(dir) = log.parent() else { return };
    let left = numbered(dir, "llama-server-", ".log").into_iter().filter(|it| hold(it).is_ok());
    let date = |it: &PathBuf| it.metadata().and_then(|it| it.modified()).ok();
    let mut dated: Vec<(Option<SystemTime>, PathBuf)> = left.map(|it| (date(&it), it)).collect();
    dated.sort();
    for (_, log) in dated.iter().rev().skip(LOGS) {
        let _ = std::fs::remove_file(log);
    }
}

/// What in `dir` is named as we name things: an id of a process, and perhaps a second number, stand
/// between `prefix` and `suffix`.
fn numbered(dir: &Path, prefix: &str, suffix: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let ours = entries.filter(|it| {
        let name = it.file_name();
        let id = name.to_str().and_then(|it| it.strip_prefix(prefix)?.strip_suffix(suffix));
        id.is_some_and(|it| {
            it.starts_with(|it: char| it.is_ascii_digit() && it != '0')
                && it.bytes().all(|it| it.is_ascii_digit() || it == b'-')
        })
    });
    ours.map(|it| it.path()).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn names(dir: &Path) -> Vec<String> {
        let names = std::fs::read_dir(dir).unwrap();
        let mut names: Vec<_> =
            names.map(|it| it.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// Tries until it is so: a child that another test just starts holds what we held until it
    /// becomes another program.
    #[track_caller]
    fn let_go(mut is_so: impl FnMut() -> bool) {
        let so = (0..100_000).any(|_| {
            std::thread::yield_now();
            is_so()
        });
        assert!(so, "it is never let go");
    }

    #[test]
    fn a_directory_goes_unless_somebody_holds_it() {
        let base = tempfile::tempdir().unwrap();
        for name in ["7", "7-2", "8", "0", "notes"] {
            std::fs::create_dir(base.path().join(name)).unwrap();
            std::fs::write(base.path().join(name).join("llama.sock"), "").unwrap();
        }
        let held = hold(&base.path().join("7")).unwrap();
        clear_directories(base.path());
        assert_eq!(names(base.path()), ["0", "7", "notes"]);
        drop(held);
        let_go(|| {
            clear_directories(base.path());
            names(base.path()) == ["0", "notes"]
        });
    }

    #[test]
    fn the_newest_logs_stay() {
        let dir = tempfile::tempdir().unwrap();
        let log = |id: i32| dir.path().join(format!("llama-server-{id}.log"));
        for age in 0..20 {
            let file = std::fs::File::create(log(10 + age)).unwrap();
            let since = Duration::from_secs(1_000_000 - u64::try_from(age).unwrap());
            file.set_modified(SystemTime::UNIX_EPOCH + since).unwrap();
        }
        std::fs::write(dir.path().join("other.log"), "").unwrap();
        let old = log(29);
        let held = hold(&old).unwrap();
        clear_logs(&log(1));
        assert!(old.exists(), "its server lives");
        drop(held);
        let newest =
            (0..8).map(|it| log(10 + it).file_name().unwrap().to_str().unwrap().to_owned());
        let left: Vec<_> = newest.chain(["other.log".to_owned()]).collect();
        let_go(|| {
            clear_logs(&log(1));
            names(dir.path()) == left
        });
    }

    #[test]
    fn where_nothing_is_there_is_nothing_to_clear() {
        clear_directories(Path::new("/no/such/place"));
        clear_logs(Path::new("/no/such/place/llama-server-1.log"));
    }
}
