//! Watches what a program and all it starts make of a home, one system call after the other.
//!
//! A call that may change files, or syncs one, is let in when no other is inside, and the home is
//! looked at when it has come back. So whatever the call is called, what it did is seen, in the one
//! order that has happened. That nothing changes without such a call is checked each time.

use std::collections::{BTreeSet, HashSet, VecDeque};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};

use libc::{c_int, c_long, pid_t};
use rustix::process::{Pid, Signal};

use crate::disk::Sync;
use crate::support::watched::PATIENCE;
use crate::tree::{Inode, Tree};

/// What a program did, in its order.
#[derive(Clone, Debug)]
pub enum Event {
    /// A system call has made this of the home.
    Changed(Tree),
    Synced(Inode, Sync),
    /// A program was started by the one that is watched.
    Started,
    /// It has ended; without a code if it was killed.
    Ended(Option<i32>),
}

/// All that was seen of a program.
#[derive(Debug)]
pub struct Trace {
    /// Each with what is shown of it when something is wrong.
    pub events: Vec<(Event, String)>,
}

/// A call that has to do with files.
#[derive(Clone, Copy, Debug)]
enum Call {
    Change,
    Sync(Inode, Sync),
}

/// Fails where nobody may watch another.
pub fn probe(root: &Path) -> io::Result<()> {
    #[expect(clippy::disallowed_methods, reason = "the tests stand where `sandbox` stands")]
    let nothing = Command::new("true");
    trace(nothing, root, &|_| false).map(drop)
}

/// Runs the program until it ends, or is killed as soon as `is_over` says so of the home.
pub fn trace(
    mut command: Command,
    root: &Path,
    is_over: &dyn Fn(&Tree) -> bool,
) -> io::Result<Trace> {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    // SAFETY: between fork and exec there is this system call only, and it does not allocate.
    #[expect(unsafe_code, reason = "`pre_exec` is the only way to act between fork and exec")]
    unsafe {
        command.pre_exec(|| ptrace(libc::PTRACE_TRACEME, 0, 0).map(drop));
    }
    // It is only stopped, killed and reaped below, all by this thread.
    let main = pid_t::try_from(command.spawn()?.id()).expect("a process id fits");
    let (over, when) = mpsc::channel::<()>();
    let watchdog = std::thread::spawn(move || {
        if when.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
            kill(main);
        }
    });
    let mut watcher = Watcher {
        main,
        root,
        now: Tree::read(root),
        events: Vec::new(),
        met: HashSet::from([main]),
        inside: None,
        waiting: VecDeque::new(),
        is_over,
    };
    let watched = watcher.watch();
    if watched.is_err() {
        kill(main);
        while wait().is_some() {}
    }
    drop(over);
    watchdog.join().expect("the watchdog does not panic");
    watched?;
    Ok(Trace { events: watcher.events })
}

struct Watcher<'a> {
    main: pid_t,
    root: &'a Path,
    now: Tree,
    events: Vec<(Event, String)>,
    /// Whose first stop is behind them.
    met: HashSet<pid_t>,
    inside: Option<(pid_t, Call, &'static str)>,
    /// Those who wait for the one who is inside.
    waiting: VecDeque<(pid_t, Call, &'static str)>,
    is_over: &'a dyn Fn(&Tree) -> bool,
}

impl Watcher<'_> {
    fn watch(&mut self) -> io::Result<()> {
        let (pid, status) = wait().expect("it was started just now");
        assert!(pid == self.main && libc::WIFSTOPPED(status), "it stops at its exec");
        let options = libc::PTRACE_O_TRACESYSGOOD
            | libc::PTRACE_O_TRACEFORK
            | libc::PTRACE_O_TRACEVFORK
            | libc::PTRACE_O_TRACECLONE
            | libc::PTRACE_O_TRACEEXEC
            | libc::PTRACE_O_EXITKILL;
        ptrace(libc::PTRACE_SETOPTIONS, pid, options as usize)?;
        go_on(pid, 0);
        while let Some((pid, status)) = wait() {
            if libc::WIFSTOPPED(status) {
                self.stopped(pid, libc::WSTOPSIG(status), status >> 16)?;
                continue;
            }
            self.waiting.retain(|it| it.0 != pid);
            if self.inside.is_some_and(|it| it.0 == pid) {
                self.comes_out();
            }
            if pid == self.main {
                let code = libc::WIFEXITED(status).then(|| libc::WEXITSTATUS(status));
                self.events.push((Event::Ended(code), "the end".to_owned()));
            }
        }
        Ok(())
    }

    fn stopped(&mut self, pid: pid_t, signal: c_int, event: c_int) -> io::Result<()> {
        let is_new = self.met.insert(pid);
        match (signal, event) {
            (signal, _) if signal == libc::SIGTRAP | 0x80 => return self.at_call(pid),
            (libc::SIGTRAP, libc::PTRACE_EVENT_EXEC) => {
                self.events.push((Event::Started, "the start of a program".to_owned()));
                go_on(pid, 0);
            }
            (libc::SIGTRAP, 1..) => go_on(pid, 0),
            (libc::SIGSTOP, _) if is_new => go_on(pid, 0),
            _ => go_on(pid, signal),
        }
        Ok(())
    }

    fn at_call(&mut self, pid: pid_t) -> io::Result<()> {
        let info = call_info(pid)?;
        let is_entry = info[0] & 0xff == ENTRY;
        if is_entry && let Some((call, name)) = self.understood(pid, info[3] as c_long, &info[4..])
        {
            if self.inside.is_some() {
                self.waiting.push_back((pid, call, name));
                return Ok(());
            }
            self.goes_in(pid, call, name);
            return Ok(());
        }
        if !is_entry && let Some((_, call, name)) = self.inside.filter(|it| it.0 == pid) {
            let is_error = info[4] & 0xff != 0;
            if let Call::Sync(inode, sync) = call
                && !is_error
            {
                let what = format!("{name} of {}", self.shown(inode));
                self.events.push((Event::Synced(inode, sync), what));
            }
            self.comes_out();
        }
        go_on(pid, 0);
        Ok(())
    }

    fn goes_in(&mut self, pid: pid_t, call: Call, name: &'static str) {
        assert!(
            Tree::read(self.root) == self.now,
            "files have changed without a call that is known to change files, before {name}"
        );
        self.inside = Some((pid, call, name));
        go_on(pid, 0);
    }

    /// Sees what has become of the home, and lets the next one in.
    fn comes_out(&mut self) {
        let Some((_, _, name)) = self.inside.take() else { return };
        let now = Tree::read(self.root);
        if now != self.now {
            let what = format!("{name} of {}", changed(&self.now, &now));
            self.events.push((Event::Changed(now.clone()), what));
            self.now = now;
            if (self.is_over)(&self.now) {
                kill(self.main);
            }
        }
        if let Some((pid, call, name)) = self.waiting.pop_front() {
            self.goes_in(pid, call, name);
        }
    }

    /// `None` if it has nothing to do with the files below the root.
    fn understood(&self, pid: pid_t, call: c_long, args: &[u64]) -> Option<(Call, &'static str)> {
        let file = |nth: usize| PathBuf::from(format!("/proc/{pid}/fd/{}", args[nth] as c_int));
        let is_ours = |nth| std::fs::read_link(file(nth)).is_ok_and(|it| it.starts_with(self.root));
        if let Some((_, name)) = BY_PATH.iter().find(|(it, _)| *it == call) {
            return Some((Call::Change, name));
        }
        if let Some((_, nth, name)) = BY_FILE.iter().find(|(it, ..)| *it == call) {
            return is_ours(*nth).then_some((Call::Change, name));
        }
        if let Some((_, nth)) = OPENS.iter().find(|(it, _)| *it == call) {
            let makes = args[*nth] as c_int & (libc::O_CREAT | libc::O_TRUNC) != 0;
            return makes.then_some((Call::Change, "open"));
        }
        let (sync, name) = match call {
            libc::SYS_fsync => (Sync::All, "fsync"),
            libc::SYS_fdatasync => (Sync::Data, "fdatasync"),
            _ => return None,
        };
        let inode = is_ours(0).then(|| file(0).metadata()).and_then(Result::ok)?.ino();
        Some((Call::Sync(inode, sync), name))
    }

    fn shown(&self, inode: Inode) -> String {
        let found = self.now.0.iter().find(|(_, it)| it.inode == inode);
        found.map_or("a file without a name".to_owned(), |(path, _)| path.display().to_string())
    }
}

/// Calls that name a file by its path. All of them are looked at; they are not many.
const BY_PATH: &[(c_long, &str)] = &[
    (libc::SYS_openat2, "openat2"),
    (libc::SYS_renameat2, "rename"),
    (libc::SYS_renameat, "rename"),
    (libc::SYS_linkat, "link"),
    (libc::SYS_symlinkat, "symlink"),
    (libc::SYS_unlinkat, "unlink"),
    (libc::SYS_mkdirat, "mkdir"),
    (libc::SYS_mknodat, "mknod"),
    (libc::SYS_fchmodat, "chmod"),
    (libc::SYS_truncate, "truncate"),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_rename, "rename"),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_link, "link"),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_symlink, "symlink"),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_unlink, "unlink"),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_mkdir, "mkdir"),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_rmdir, "rmdir"),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_mknod, "mknod"),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_chmod, "chmod"),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_creat, "open"),
];

/// Calls that change the open file in this argument.
const BY_FILE: &[(c_long, usize, &str)] = &[
    (libc::SYS_write, 0, "write"),
    (libc::SYS_pwrite64, 0, "write"),
    (libc::SYS_writev, 0, "write"),
    (libc::SYS_pwritev, 0, "write"),
    (libc::SYS_pwritev2, 0, "write"),
    (libc::SYS_ftruncate, 0, "truncate"),
    (libc::SYS_fallocate, 0, "fallocate"),
    (libc::SYS_fchmod, 0, "chmod"),
    (libc::SYS_sendfile, 0, "sendfile"),
    (libc::SYS_splice, 2, "splice"),
    (libc::SYS_copy_file_range, 2, "copy_file_range"),
    (libc::SYS_ioctl, 0, "ioctl"),
];

/// Calls that open a file, and the argument that says how.
const OPENS: &[(c_long, usize)] = &[
    (libc::SYS_openat, 2),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_open, 1),
];

/// The paths at which something is not as it was.
fn changed(before: &Tree, after: &Tree) -> String {
    let differs = |it: &&PathBuf| before.0.get(*it) != after.0.get(*it);
    let paths: BTreeSet<_> = before.0.keys().chain(after.0.keys()).filter(differs).collect();
    let paths: Vec<_> = paths.into_iter().map(|it| it.display().to_string()).collect();
    paths.join(", ")
}

/// Of a `ptrace_syscall_info`: its first byte is this at the entry of a call. The fourth word is the
/// call's number, what follows its arguments; at the exit the fifth says whether it failed.
const ENTRY: u64 = 1;

fn call_info(pid: pid_t) -> io::Result<[u64; 11]> {
    let mut words = [0_u64; 11];
    let size = size_of_val(&words);
    // SAFETY: the kernel writes no more than `size` bytes, and there are so many.
    #[expect(unsafe_code, reason = "there is no other way to watch a process")]
    let done =
        unsafe { libc::ptrace(libc::PTRACE_GET_SYSCALL_INFO as _, pid, size, words.as_mut_ptr()) };
    if done < 0 { Err(io::Error::last_os_error()) } else { Ok(words) }
}

/// For requests that read and write no memory of ours.
fn ptrace(request: impl TryInto<u32>, pid: pid_t, data: usize) -> io::Result<c_long> {
    let request = request.try_into().unwrap_or_default();
    // SAFETY: the requests made here take numbers, not pointers.
    #[expect(unsafe_code, reason = "there is no other way to watch a process")]
    let done = unsafe { libc::ptrace(request as _, pid, 0_usize, data) };
    if done < 0 { Err(io::Error::last_os_error()) } else { Ok(done) }
}

/// To the next call, with this signal. One that was killed meanwhile goes nowhere.
fn go_on(pid: pid_t, signal: c_int) {
    let _ = ptrace(libc::PTRACE_SYSCALL, pid, signal as usize);
}

fn kill(pid: pid_t) {
    let pid = Pid::from_raw(pid).expect("a process id is not zero");
    let _ = rustix::process::kill_process(pid, Signal::KILL);
}

/// The next stop or end of any process that this thread watches; `None` if there is none any more.
fn wait() -> Option<(pid_t, c_int)> {
    let mut status = 0;
    loop {
        // SAFETY: `status` is a number that the kernel may write.
        #[expect(unsafe_code, reason = "others do not wait for the processes of one thread only")]
        let pid = unsafe { libc::waitpid(-1, &raw mut status, libc::__WALL | libc::__WNOTHREAD) };
        match pid {
            1.. => return Some((pid, status)),
            _ if io::Error::last_os_error().kind() == io::ErrorKind::Interrupted => {}
            _ => return None,
        }
    }
}
