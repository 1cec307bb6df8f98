//! Drafts that a killed process has left: known by their name, gone with the next write beside them.
//!
//! A draft is locked as long as its process lives, so that nobody takes it for a leftover, not even
//! from a place where process numbers mean something else.

use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{AtFlags, Dir, FileType, FlockOperation, Mode, OFlags};
use rustix::io::Errno;
use rustix::process::Pid;

/// The name of the `n`th draft of this process in a directory.
pub(super) fn name(n: u32) -> String {
    format!(".agent-{}-{n}.tmp", std::process::id())
}

/// Marks a draft as being written, until it is closed.
pub(super) fn hold(draft: &OwnedFd) {
    // Where there are no locks, the process number alone tells.
    let _ = rustix::fs::flock(draft, FlockOperation::NonBlockingLockExclusive);
}

/// Removes what nobody will finish. What cannot be removed stays: the next one tries again.
pub(super) fn sweep(directory: &OwnedFd) {
    for entry in Dir::read_from(directory).into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().ok().and_then(writer) else { continue };
        if matches!(entry.file_type(), FileType::RegularFile | FileType::Unknown)
            && is_left(directory, entry.file_name(), pid)
        {
            let _ = rustix::fs::unlinkat(directory, entry.file_name(), AtFlags::empty());
        }
    }
}

/// The number of the process that a draft belongs to.
fn writer(name: &str) -> Option<i32> {
    let (pid, n) = name.strip_prefix(".agent-")?.strip_suffix(".tmp")?.split_once('-')?;
    n.parse::<u32>().ok()?;
    pid.parse().ok()
}

fn is_left(directory: &OwnedFd, name: &std::ffi::CStr, pid: i32) -> bool {
    let is_ours = pid.unsigned_abs() == std::process::id();
    let is_alive = |it| rustix::process::test_kill_process(it) != Err(Errno::SRCH);
    if !is_ours && Pid::from_raw(pid).is_none_or(is_alive) {
        return false;
    }
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let Ok(draft) = rustix::fs::openat(directory, name, flags, Mode::empty()) else { return false };
    match rustix::fs::flock(draft.as_fd(), FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => true,
        Err(Errno::WOULDBLOCK) => false,
        // No locks here: a dead process says enough.
        Err(_) => !is_ours,
    }
}
