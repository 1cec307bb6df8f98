//! What agents that were killed have left behind: nobody else will ever clear it away.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rustix::process::Pid;

/// The logs of so many servers are kept: each tells of a server, or an agent, that came to grief.
const LOGS: usize = 8;

/// Removes the directories in `base` that bear the ids of processes that are no more.
pub(super) fn clear_directories(base: &Path) {
    for dir in numbered(base, "", "") {
        // Another agent that starts just now may be quicker.
        let _ = std::fs::remove_dir_all(dir);
    }
}

/// Removes all but the newest logs of processes that are no more.
pub(super) fn clear_logs(log: &Path) {
    let Some(dir) = log.parent() else { return };
    let dead = numbered(dir, "llama-server-", ".log");
    let date = |it: &PathBuf| it.metadata().and_then(|it| it.modified()).ok();
    let mut dated: Vec<(Option<SystemTime>, PathBuf)> =
        dead.into_iter().map(|it| (date(&it), it)).collect();
    dated.sort();
    for (_, log) in dated.iter().rev().skip(LOGS) {
        let _ = std::fs::remove_file(log);
    }
}

/// What in `dir` is named after a process that is no more: the id stands between `prefix` and
/// `suffix`.
fn numbered(dir: &Path, prefix: &str, suffix: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let of_dead = entries.filter(|it| {
        let name = it.file_name();
        let id = name.to_str().and_then(|it| it.strip_prefix(prefix)?.strip_suffix(suffix));
        let process = id.and_then(|it| Pid::from_raw(it.parse().ok()?));
        process.is_some_and(is_dead)
    });
    of_dead.map(|it| it.path()).collect()
}

/// A process that may not be asked lives.
fn is_dead(process: Pid) -> bool {
    rustix::process::test_kill_process(process) == Err(rustix::io::Errno::SRCH)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// No process has so large a number.
    const DEAD: i32 = 1 << 30;

    fn names(dir: &Path) -> Vec<String> {
        let names = std::fs::read_dir(dir).unwrap();
        let mut names: Vec<_> =
            names.map(|it| it.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_directory_goes_only_if_its_process_is_gone() {
        let base = tempfile::tempdir().unwrap();
        let ours = std::process::id().to_string();
        for name in [&ours, &DEAD.to_string(), "0", "notes"] {
            std::fs::create_dir(base.path().join(name)).unwrap();
            std::fs::write(base.path().join(name).join("llama.sock"), "").unwrap();
        }
        clear_directories(base.path());
        let mut kept = vec!["0".to_owned(), ours, "notes".to_owned()];
        kept.sort();
        assert_eq!(names(base.path()), kept);
    }

    #[test]
    fn the_newest_logs_stay() {
        let dir = tempfile::tempdir().unwrap();
        let log = |id: i32| dir.path().join(format!("llama-server-{id}.log"));
        for age in 0..20 {
            let file = std::fs::File::create(log(DEAD + age)).unwrap();
            let since = Duration::from_secs(1_000_000 - u64::try_from(age).unwrap());
            file.set_modified(SystemTime::UNIX_EPOCH + since).unwrap();
        }
        std::fs::write(dir.path().join("other.log"), "").unwrap();
        clear_logs(&log(1));
        let newest =
            (0..8).map(|it| log(DEAD + it).file_name().unwrap().to_str().unwrap().to_owned());
        assert_eq!(names(dir.path()), newest.chain(["other.log".to_owned()]).collect::<Vec<_>>());
    }

    #[test]
    fn where_nothing_is_there_is_nothing_to_clear() {
        clear_directories(Path::new("/no/such/place"));
        clear_logs(Path::new("/no/such/place/llama-server-1.log"));
    }
}
