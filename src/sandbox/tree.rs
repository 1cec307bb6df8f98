//! A child and everything it started, killed together.

use std::collections::BTreeSet;
use std::io::{self, Read};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitOptions};

use crate::sandbox::confined::Upkeep;
use crate::sandbox::placeholders;

/// The children that may live, once orphans come to us. A process has one set of children, so
/// this is one of the few things that are global by nature.
static LIVING: Mutex<Option<Living>> = Mutex::new(None);

#[derive(Default)]
struct Living {
    ours: BTreeSet<i32>,
    /// Those of whoever became this program by `exec`: it may have left some running.
    inherited: BTreeSet<i32>,
}

/// What is killed dies at once, unless it waits for a disk or a network that does not answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// How much is read of what a child says of its failure.
const LONGEST_WORD: u64 = 4096;

/// Makes this process the parent of whatever its children leave behind, so that a program that
/// forked twice can still be found. Called once, at start; from then on a child that `sandbox`
/// did not start, or no longer knows, is killed when it is seen; but for those that are there now.
pub(crate) fn adopt_orphans() -> io::Result<()> {
    #[cfg(target_os = "linux")]
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
    let inherited = || children().into_iter().map(|it| it.as_raw_nonzero().get()).collect();
    living().get_or_insert_with(|| Living { inherited: inherited(), ..Living::default() });
    Ok(())
}

/// A child with a process group of its own. Dropping it kills the group and all orphans.
#[derive(Debug)]
pub(super) struct Tree {
    leader: Pid,
    /// Gone when the last of the tree is dead.
    _upkeep: Upkeep,
}

impl Tree {
    /// Starts a child. No orphan is looked for meanwhile, so it cannot be mistaken for one.
    pub(super) fn plant(
        spawn: impl FnOnce() -> io::Result<(tokio::process::Child, Upkeep)>,
    ) -> io::Result<(Self, tokio::process::Child)> {
        let mut living = living();
        let (child, upkeep) = spawn()?;
        let id = child.id().and_then(|it| i32::try_from(it).ok());
        let leader = id.and_then(Pid::from_raw).ok_or(io::ErrorKind::NotFound)?;
        if let Some(living) = living.as_mut() {
            living.ours.insert(leader.as_raw_nonzero().get());
        }
        Ok((Self { leader, _upkeep: upkeep }, child))
    }

    /// Starts a child that is to outlive us: no orphan, and not ours to end.
    pub(super) fn plant_apart(
        spawn: impl FnOnce() -> io::Result<(tokio::process::Child, Upkeep)>,
    ) -> io::Result<tokio::process::Child> {
        let mut living = living();
        let (child, _) = spawn()?;
        let id = child.id().and_then(|it| i32::try_from(it).ok());
        if let Some(living) = living.as_mut() {
            living.inherited.extend(id);
        }
        Ok(child)
    }

    pub(super) fn signal(&self, signal: Signal) {
        // An error means that the group is gone already.
        let _ = rustix::process::kill_process_group(self.leader, signal);
    }
}

impl Tree {
    /// Waits for the end of a child that has little to do; an error is what it says was wrong.
    pub(super) fn ended_well(&self, child: &mut tokio::process::Child) -> io::Result<()> {
        await_death(self.leader, Instant::now() + PATIENCE);
        let status = child.try_wait()?.ok_or(io::ErrorKind::TimedOut)?;
        if status.success() {
            return Ok(());
        }
        let mut said = String::new();
        if let Some(stderr) = child.stderr.take() {
            let stderr = std::fs::File::from(stderr.into_owned_fd()?);
            stderr.take(LONGEST_WORD).read_to_string(&mut said)?;
        }
        let line = said.lines().next().unwrap_or("it failed without a word");
        Err(io::Error::other(line.to_owned()))
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
        let mut living = living();
        if let Some(living) = living.as_mut() {
            let limit = Instant::now() + PATIENCE;
            // What it started comes to us only when it is dead.
            await_death(self.leader, limit);
            kill_orphans(living, Some(self.leader), limit);
            living.ours.remove(&self.leader.as_raw_nonzero().get());
        }
    }
}

/// Kills every child and whatever it left, for a program that ends here and now.
pub(crate) fn kill_all() {
    let Some(Living { ours, inherited }) = living().take() else { return };
    let limit = Instant::now() + PATIENCE;
    for leader in ours.into_iter().filter_map(Pid::from_raw) {
        let _ = rustix::process::kill_process_group(leader, Signal::KILL);
        await_death(leader, limit);
    }
    kill_orphans(&Living { inherited, ..Living::default() }, None, limit);
    placeholders::remove_all();
}

/// Kills what came to us from the dead; killing one may bring up its own children. What a child
/// that goes on has left in its session is its own; not so of the one that is `ending`.
fn kill_orphans(living: &Living, ending: Option<Pid>, limit: Instant) {
    let mut killed = BTreeSet::new();
    loop {
        let before = killed.len();
        for orphan in children() {
            let raw = orphan.as_raw_nonzero().get();
            if living.ours.contains(&raw) || living.inherited.contains(&raw) {
                continue;
            }
            if is_of_living(living, ending, orphan) {
                let _ = rustix::process::waitpid(Some(orphan), WaitOptions::NOHANG);
                continue;
            }
            if killed.insert(raw) {
                let _ = rustix::process::kill_process_group(orphan, Signal::KILL);
                let _ = rustix::process::kill_process(orphan, Signal::KILL);
                await_death(orphan, limit);
            }
            let _ = rustix::process::waitpid(Some(orphan), WaitOptions::NOHANG);
        }
        if killed.len() == before {
            return;
        }
    }
}

/// Whether a child that goes on has left it in its session.
fn is_of_living(living: &Living, ending: Option<Pid>, orphan: Pid) -> bool {
    let ending = ending.map(|it| it.as_raw_nonzero().get());
    let session = session(orphan).filter(|it| ending != Some(*it));
    session.is_some_and(|it| living.ours.contains(&it))
}

/// The session of a process. `None` where its leader is out of sight, in another namespace: the
/// kernel says zero then, which `rustix` takes for a process.
#[expect(unsafe_code, reason = "the safe call cannot express a session that is out of sight")]
fn session(of: Pid) -> Option<i32> {
    // SAFETY: no memory is named.
    let session = unsafe { libc::getsid(of.as_raw_nonzero().get()) };
    (0 < session).then_some(session)
}

/// Returns when a child that was killed is dead, or at the limit. It is left to be reaped.
#[cfg(target_os = "linux")]
fn await_death(child: Pid, limit: Instant) {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    // An error means that it has been reaped.
    let Ok(process) = rustix::process::pidfd_open(child, rustix::process::PidfdFlags::empty())
    else {
        return;
    };
    let left = Timespec::try_from(limit.saturating_duration_since(Instant::now()));
    let left = left.unwrap_or(Timespec { tv_sec: 0, tv_nsec: 0 });
    let _ = poll(&mut [PollFd::new(&process, PollFlags::IN)], Some(&left));
}

#[cfg(not(target_os = "linux"))]
fn await_death(_: Pid, _: Instant) {}

fn living() -> MutexGuard<'static, Option<Living>> {
    LIVING.lock().unwrap_or_else(|it| it.into_inner())
}

/// The children of this process, by every thread that started or adopted one.
#[cfg(target_os = "linux")]
fn children() -> Vec<Pid> {
    let Ok(threads) = std::fs::read_dir("/proc/self/task") else { return Vec::new() };
    let mut children = Vec::new();
    for thread in threads.flatten() {
        let list = std::fs::read_to_string(thread.path().join("children")).unwrap_or_default();
        children.extend(list.split_whitespace().filter_map(|it| Pid::from_raw(it.parse().ok()?)));
    }
    children
}

#[cfg(not(target_os = "linux"))]
fn children() -> Vec<Pid> {
    Vec::new()
}
