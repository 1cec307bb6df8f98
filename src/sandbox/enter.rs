//! Carries out a plan between fork and exec.
//!
//! Three processes come of it. The one that was forked waits outside and ends as the command
//! ends. The first process of the namespace prepares everything, then waits for the command and
//! ends with it, whereupon the kernel kills whatever is left. The third becomes the command.
//!
//! From the fork on nothing here allocates, locks or unwinds: there are system calls, and memory
//! that was there before.

use std::ffi::CStr;
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd, IntoRawFd, OwnedFd};
use std::sync::Arc;

use rustix::fs::{CWD, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MountFlags, MoveMountFlags, OpenTreeFlags,
    UnmountFlags,
};
use rustix::process::{DumpableBehavior, Pid, Resource, Rlimit, Signal, WaitOptions};
use rustix::thread::{CapabilitiesSecureBits, CapabilitySet, CapabilitySets};

use crate::sandbox::handover;
use crate::sandbox::plan::{Plan, Presence, Step};
use crate::sandbox::policy::FileId;
use crate::sandbox::report::Report;
use crate::sandbox::{proxy, raw};

/// A plan on its way: what it has taken hold of, and where it says how it went.
#[derive(Debug)]
pub(super) struct Passage {
    plan: Arc<Plan>,
    /// What was taken and not yet put in its place.
    held: Vec<Option<OwnedFd>>,
    report: Arc<Report>,
}

/// Files that a command may write, in bytes, and processes and threads it may have.
const LARGEST_FILE: u64 = 16 << 30;
const PROCESSES: u64 = 4096;

/// Parts of `/proc` where a root without any capability could still do harm.
pub(super) const GUARDED: &[&CStr] =
    &[c"/proc/sys", c"/proc/sysrq-trigger", c"/proc/irq", c"/proc/bus", c"/proc/fs"];

impl Passage {
    pub(super) fn new(plan: Arc<Plan>, report: Arc<Report>) -> Self {
        let held = (0..plan.slots).map(|_| None).collect();
        Self { plan, held, report }
    }

    /// Returns in the process that becomes the command, or with what went wrong, which the report
    /// knows by the number of its step.
    pub(super) fn pass(&mut self) -> io::Result<()> {
        for at in 0..self.plan.steps.len() {
            if let Err(err) = self.take(at) {
                self.report.fail(at);
                return Err(err.into());
            }
        }
        Ok(())
    }

    fn take(&mut self, at: usize) -> rustix::io::Result<()> {
        match &self.plan.steps[at] {
            Step::Isolate => isolate(),
            Step::BeFirst => be_first(&self.report),
            Step::Take { slot, place, id, attributes } => {
                self.held[*slot] = Some(taken(place, *id, *attributes)?);
                Ok(())
            }
            Step::Root => change_root(),
            Step::Empty { at, options } => {
                let flags = MountFlags::NOSUID | MountFlags::NODEV;
                rustix::mount::mount(c"tmpfs", &**at, c"tmpfs", flags, &**options)
            }
            Step::Directory { at } => allow_existing(rustix::fs::mkdirat(CWD, &**at, 0o755.into())),
            Step::File { at } => {
                let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
                allow_existing(rustix::fs::openat(CWD, &**at, flags, 0o644.into()).map(drop))
            }
            Step::Link { at, to } => rustix::fs::symlinkat(&**to, CWD, &**at),
            Step::Put { slot, at } => {
                let tree = self.held[*slot].take().ok_or(Errno::BADF)?;
                attach(tree.as_fd(), open(at)?.as_fd())
            }
            Step::Terminals => {
                let flags = MountFlags::NOSUID | MountFlags::NOEXEC;
                let options = c"newinstance,ptmxmode=0666,mode=620";
                rustix::mount::mount(c"devpts", c"/dev/pts", c"devpts", flags, options)
            }
            Step::ReadOnly { at } => {
                raw::set_attributes(open(at)?.as_fd(), libc::MOUNT_ATTR_RDONLY, Depth::This.flag())
            }
            Step::Processes => own_processes(),
            Step::Pin { at } => cover(at, 0),
            Step::Freeze { at } => cover(at, libc::MOUNT_ATTR_RDONLY),
            Step::HideFile { at, presence } => {
                let nothing = open(c"/dev/null")?;
                hide(at, *presence, || copy(nothing.as_fd(), libc::MOUNT_ATTR_RDONLY))
            }
            Step::HideDirectory { at, presence } => hide(at, *presence, closed_directory),
            Step::Loopback => raw::start_loopback(),
            Step::Listen { to } => handover::listen(to.as_fd(), proxy::PORT),
            Step::Go { to } => rustix::process::chdir(&**to),
            Step::Renounce => renounce(),
            Step::Begin => begin(&self.report),
            Step::Limits => limit(),
            Step::Restrict { rules } => {
                forgo()?;
                raw::landlock_enter(*rules)
            }
            Step::Filter { program } => raw::filter(program),
        }
    }
}

/// How much of a tree is meant.
#[derive(Clone, Copy)]
enum Depth {
    This,
    All,
}

impl Depth {
    fn flag(self) -> libc::c_uint {
        match self {
            Self::This => 0,
            Self::All => libc::AT_RECURSIVE as libc::c_uint,
        }
    }
}

fn isolate() -> rustix::io::Result<()> {
    // What we ignore or handle is our business; the command gets the usual.
    raw::default_signals();
    rustix::process::setrlimit(Resource::Core, fixed(0))?;
    let (uid, gid) = (rustix::process::getuid(), rustix::process::getgid());
    raw::unshare(
        libc::CLONE_NEWUSER
            | libc::CLONE_NEWNS
            | libc::CLONE_NEWPID
            | libc::CLONE_NEWNET
            | libc::CLONE_NEWIPC
            | libc::CLONE_NEWUTS
            | libc::CLONE_NEWCGROUP,
    )?;
    // Who changed its user is a stranger to its own files in `/proc` until it says otherwise.
    rustix::process::set_dumpable_behavior(DumpableBehavior::Dumpable)?;
    write(c"/proc/self/setgroups", b"deny")?;
    write_map(c"/proc/self/uid_map", uid.as_raw())?;
    write_map(c"/proc/self/gid_map", gid.as_raw())?;
    // When memory runs out, the command is to go first. Who is inside a container that says more
    // already may not say less.
    let _ = write(c"/proc/self/oom_score_adj", b"500");
    rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable)
}

/// Only the own id, under its own name.
fn write_map(file: &CStr, id: u32) -> rustix::io::Result<()> {
    let mut line = [0; 32];
    let mut rest = &mut line[..];
    write!(rest, "{id} {id} 1").map_err(|_| Errno::INVAL)?;
    let length = 32 - rest.len();
    write(file, &line[..length])
}

fn write(file: &CStr, text: &[u8]) -> rustix::io::Result<()> {
    let file = rustix::fs::openat(CWD, file, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())?;
    rustix::io::write(&file, text).map(drop)
}

/// In the process that goes on, which the kernel ends with the one that waits.
fn be_first(report: &Report) -> rustix::io::Result<()> {
    // Only the one that waits has this end, so its death can be seen even before the kernel is
    // asked to pass it on.
    let (watched, held) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
    if let Some(first) = raw::fork()? {
        drop(watched);
        let held = held.into_raw_fd();
        raw::close_all_but(held);
        wait_outside(first, report);
    }
    drop(held);
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    let mut ends = [rustix::event::PollFd::new(&watched, rustix::event::PollFlags::IN)];
    let now = rustix::event::Timespec { tv_sec: 0, tv_nsec: 0 };
    rustix::event::poll(&mut ends, Some(&now))?;
    if ends[0].revents().is_empty() { Ok(()) } else { Err(Errno::PIPE) }
}

/// The process that the agent knows. Ends as the command did.
fn wait_outside(first: Pid, report: &Report) -> ! {
    // A Ctrl-C is for the command; whether that is the end is for the command to say.
    for signal in [libc::SIGINT, libc::SIGQUIT, libc::SIGTERM, libc::SIGHUP] {
        raw::ignore(signal);
    }
    let ended = wait_for(first).unwrap_or(libc::SIGKILL);
    // The first process cannot end by a signal of its own, so it leaves word of what it saw.
    let status = report.status().unwrap_or(ended);
    if libc::WIFSIGNALED(status) {
        raw::end_by(libc::WTERMSIG(status));
    }
    raw::exit(libc::WEXITSTATUS(status))
}

/// The first process: takes in orphans, and ends when the command does.
fn wait_inside(command: Pid, report: &Report) -> ! {
    raw::close_all();
    let ended = wait_for(command);
    if let Some(status) = ended {
        report.end(status);
    }
    raw::exit(0)
}

/// The raw status of `wanted`; others are reaped on the way. `None` if it is not ours.
fn wait_for(wanted: Pid) -> Option<i32> {
    loop {
        match rustix::process::wait(WaitOptions::empty()) {
            Ok(Some((pid, status))) if pid == wanted => return Some(status.as_raw()),
            Ok(_) | Err(Errno::INTR) => {}
            Err(_) => return None,
        }
    }
}

fn begin(report: &Report) -> rustix::io::Result<()> {
    match raw::fork()? {
        Some(command) => wait_inside(command, report),
        None => Ok(()),
    }
}

/// A copy of what is at `place`, with all that is mounted in it. No link is followed, and what
/// was put there in exchange for what was granted is refused.
fn taken(place: &CStr, id: Option<FileId>, attributes: u64) -> rustix::io::Result<OwnedFd> {
    copy(found(place, id)?.as_fd(), attributes)
}

/// Fails unless at `place` is what is meant.
pub(super) fn check(place: &CStr, id: Option<FileId>) -> rustix::io::Result<()> {
    found(place, id).map(drop)
}

fn found(place: &CStr, id: Option<FileId>) -> rustix::io::Result<OwnedFd> {
    let found = open(place)?;
    if let Some(id) = id {
        let now = rustix::fs::fstat(&found)?;
        if (FileId { device: now.st_dev, inode: now.st_ino }) != id {
            return Err(Errno::STALE);
        }
    }
    Ok(found)
}

/// Takes hold of what is at `path`, if no link leads there.
fn open(path: &CStr) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::openat2(CWD, path, flags, Mode::empty(), ResolveFlags::NO_SYMLINKS)
}

fn copy(of: BorrowedFd<'_>, attributes: u64) -> rustix::io::Result<OwnedFd> {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE
        | OpenTreeFlags::OPEN_TREE_CLOEXEC
        | OpenTreeFlags::AT_EMPTY_PATH
        | OpenTreeFlags::AT_RECURSIVE;
    let tree = rustix::mount::open_tree(of, c"", flags)?;
    if attributes != 0 {
        raw::set_attributes(tree.as_fd(), attributes, Depth::All.flag())?;
    }
    Ok(tree)
}

fn attach(tree: BorrowedFd<'_>, at: BorrowedFd<'_>) -> rustix::io::Result<()> {
    let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
    rustix::mount::move_mount(tree, c"", at, c"", flags)
}

/// How often what is at a place may be replaced while we are about to cover it.
const PATIENCE: u32 = 100;

/// Mounts what is at `at` onto itself. A mount point can be neither moved nor removed.
fn cover(at: &CStr, attributes: u64) -> rustix::io::Result<()> {
    lay_over(at, |found| copy(found, attributes))
}

/// What is gone needs no hiding, unless it may be somewhere else.
fn hide(
    at: &CStr,
    presence: Presence,
    make: impl Fn() -> rustix::io::Result<OwnedFd>,
) -> rustix::io::Result<()> {
    match (lay_over(at, |_| make()), presence) {
        (Err(Errno::NOENT), Presence::Optional) => Ok(()),
        (hidden, _) => hidden,
    }
}

fn closed_directory() -> rustix::io::Result<OwnedFd> {
    let made = rustix::mount::fsopen(c"tmpfs", FsOpenFlags::FSOPEN_CLOEXEC)?;
    for (name, value) in [(c"mode", c"000"), (c"size", c"4k")] {
        rustix::mount::fsconfig_set_string(made.as_fd(), name, value)?;
    }
    rustix::mount::fsconfig_create(made.as_fd())?;
    let attributes = MountAttrFlags::MOUNT_ATTR_RDONLY
        | MountAttrFlags::MOUNT_ATTR_NOSUID
        | MountAttrFlags::MOUNT_ATTR_NODEV;
    rustix::mount::fsmount(made.as_fd(), FsMountFlags::FSMOUNT_CLOEXEC, attributes)
}

/// Mounts what `make` makes of what is at `at` over it. An editor, or git, that saves a file puts
/// another in its place, and a service that ends takes its socket away: then it is done again.
fn lay_over(
    at: &CStr,
    make: impl Fn(BorrowedFd<'_>) -> rustix::io::Result<OwnedFd>,
) -> rustix::io::Result<()> {
    for _ in 0..PATIENCE {
        let found = open(at)?;
        match attach(make(found.as_fd())?.as_fd(), found.as_fd()) {
            Err(Errno::NOENT) => {}
            attached => return attached,
        }
    }
    Err(Errno::STALE)
}

fn change_root() -> rustix::io::Result<()> {
    rustix::mount::mount_change(
        c"/",
        rustix::mount::MountPropagationFlags::DOWNSTREAM
            | rustix::mount::MountPropagationFlags::REC,
    )?;
    let old = rustix::fs::openat(CWD, c"/", OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?;
    let root = copy(old.as_fd(), libc::MOUNT_ATTR_RDONLY | libc::MOUNT_ATTR_NOSUID)?;
    attach(root.as_fd(), old.as_fd())?;
    rustix::process::fchdir(&root)?;
    rustix::process::pivot_root(c".", c".")?;
    rustix::mount::unmount(c".", UnmountFlags::DETACH)?;
    rustix::process::chdir(c"/")
}

fn own_processes() -> rustix::io::Result<()> {
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    // The first process is a copy of the agent. It is not to be seen at all.
    rustix::mount::mount(c"proc", c"/proc", c"proc", flags, c"hidepid=ptraceable")?;
    write(c"/proc/sys/user/max_user_namespaces", b"0")?;
    for part in GUARDED {
        match cover(part, libc::MOUNT_ATTR_RDONLY) {
            // Not every kernel has each.
            Err(Errno::NOENT) => {}
            done => done?,
        }
    }
    Ok(())
}

fn renounce() -> rustix::io::Result<()> {
    let locked = CapabilitiesSecureBits::NO_ROOT
        | CapabilitiesSecureBits::NO_ROOT_LOCKED
        | CapabilitiesSecureBits::NO_SETUID_FIXUP
        | CapabilitiesSecureBits::NO_SETUID_FIXUP_LOCKED
        | CapabilitiesSecureBits::KEEP_CAPS_LOCKED
        | CapabilitiesSecureBits::NO_CAP_AMBIENT_RAISE
        | CapabilitiesSecureBits::NO_CAP_AMBIENT_RAISE_LOCKED;
    rustix::thread::set_capabilities_secure_bits(locked)?;
    for number in 0..64 {
        match raw::drop_from_bounding_set(number) {
            // The kernel knows no more.
            Err(Errno::INVAL) => break,
            done => done?,
        }
    }
    forgo()
}

/// What of it needs no privilege: whoever holds none and can gain none has nothing to lock.
fn forgo() -> rustix::io::Result<()> {
    rustix::thread::clear_ambient_capability_set()?;
    let none = CapabilitySet::empty();
    let none = CapabilitySets { effective: none, permitted: none, inheritable: none };
    rustix::thread::set_capabilities(None, none)?;
    rustix::thread::set_no_new_privs(true)
}

pub(super) fn limit() -> rustix::io::Result<()> {
    raw::close_later();
    rustix::process::setrlimit(Resource::Core, fixed(0))?;
    rustix::process::setrlimit(Resource::Fsize, lowered(Resource::Fsize, LARGEST_FILE))?;
    rustix::process::setrlimit(Resource::Nproc, lowered(Resource::Nproc, PROCESSES))
}

fn lowered(resource: Resource, limit: u64) -> Rlimit {
    let now = rustix::process::getrlimit(resource).maximum;
    fixed(now.map_or(limit, |it| it.min(limit)))
}

fn fixed(limit: u64) -> Rlimit {
    Rlimit { current: Some(limit), maximum: Some(limit) }
}

fn allow_existing(made: rustix::io::Result<()>) -> rustix::io::Result<()> {
    match made {
        Err(Errno::EXIST) => Ok(()),
        made => made,
    }
}
