//! A live process under test: what it printed so far, what it is told, and its certain end.

use std::fmt::Write as _;
use std::io::{Read, Write as _};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions};

use crate::support::rewrite::rewritten;
use crate::support::watched::Watched;

/// A process whose streams are collected while it runs. Dropping it kills its process group.
#[derive(Debug)]
pub struct Running {
    child: Child,
    stdin: Option<ChildStdin>,
    seen: Arc<Watched<Seen>>,
    root: PathBuf,
    started: Instant,
    limit: Duration,
}

/// How a process ended and all it printed, rewritten as every machine would print it.
#[derive(Debug)]
pub struct Finished {
    /// `None` if a signal ended it.
    pub code: Option<i32>,
    pub signal: Option<i32>,
    pub stdout: String,
    pub stderr: String,
    pub took: Duration,
}

#[derive(Debug, Default)]
struct Seen {
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    stdout_ended: bool,
    stderr_ended: bool,
    exited: bool,
}

impl Running {
    /// `command` must pipe its output; it becomes the leader of a process group.
    pub fn start(mut command: Command, root: PathBuf, limit: Duration) -> Self {
        let mut child = spawn(command.process_group(0), || Ok(()));
        let seen = Arc::new(Watched::<Seen>::default());
        let stdin = child.stdin.take();
        let stdout = child.stdout.take().expect("standard output is piped");
        let stderr = child.stderr.take().expect("standard error is piped");
        collect(stdout, &seen, |it| &mut it.stdout, |it| it.stdout_ended = true);
        collect(stderr, &seen, |it| &mut it.stderr, |it| it.stderr_ended = true);
        let pid = pid(&child);
        let watched = seen.clone();
        std::thread::spawn(move || {
            await_exit(pid);
            watched.change(|it| it.exited = true);
        });
        Self { child, stdin, seen, root, started: Instant::now(), limit }
    }

    #[track_caller]
    pub fn wait_for_stdout(&self, text: &str) {
        self.wait(&format!("`{text}` on stdout"), |it| contains(&it.stdout, text));
    }

    #[track_caller]
    pub fn wait_for_stderr(&self, text: &str) {
        self.wait(&format!("`{text}` on stderr"), |it| contains(&it.stderr, text));
    }

    pub fn stdout(&self) -> String {
        self.seen.read(|it| rewritten(&String::from_utf8_lossy(&it.stdout), &self.root))
    }

    pub fn stderr(&self) -> String {
        self.seen.read(|it| rewritten(&String::from_utf8_lossy(&it.stderr), &self.root))
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Types into its standard input, which `Run::open_stdin` left open.
    #[track_caller]
    pub fn write(&mut self, text: &str) {
        let stdin = self.stdin.as_mut().expect("standard input is open");
        stdin.write_all(text.as_bytes()).expect("the process reads its input");
    }

    pub fn close_stdin(&mut self) {
        drop(self.stdin.take());
    }

    /// As Ctrl-C of a terminal does: to the whole process group.
    pub fn interrupt(&self) {
        self.signal(Signal::INT);
    }

    pub fn kill(&self) {
        self.signal(Signal::KILL);
    }

    /// A process that is gone already takes no harm.
    pub fn signal(&self, signal: Signal) {
        let _ = rustix::process::kill_process_group(pid(&self.child), signal);
    }

    /// Waits for its end and the end of all it prints, which a child left behind would hold open.
    #[track_caller]
    pub fn finish(mut self) -> Finished {
        self.close_stdin();
        self.finish_as_it_is()
    }

    /// The same with its input as it is, open if it was left so.
    #[track_caller]
    pub fn finish_as_it_is(mut self) -> Finished {
        self.wait("the process to end", |it| it.exited);
        self.wait("its output to end (a child left behind holds it open)", |it| {
            it.stdout_ended && it.stderr_ended
        });
        let status = self.child.wait().expect("the process is ours");
        Finished {
            code: status.code(),
            signal: status.signal(),
            stdout: self.stdout(),
            stderr: self.stderr(),
            took: self.started.elapsed(),
        }
    }

    #[track_caller]
    fn wait(&self, what: &str, mut come: impl FnMut(&Seen) -> bool) {
        let came = self.seen.wait(self.started + self.limit, |it| come(it).then_some(()));
        assert!(came.is_some(), "waited in vain for {what}\n{}", self.report());
    }

    fn report(&self) -> String {
        let mut report = format!("--- stdout\n{}\n", self.stdout());
        let _ = write!(report, "--- stderr\n{}", self.stderr());
        report
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
        let _ = self.child.wait();
    }
}

impl Finished {
    /// Fails, and shows all that was printed, unless it ended with this code.
    #[track_caller]
    pub fn assert_code(&self, code: i32) {
        let Self { stdout, stderr, signal, .. } = self;
        let ended = self.code;
        assert_eq!(
            ended,
            Some(code),
            "exit code (signal {signal:?})\n--- stdout\n{stdout}\n--- stderr\n{stderr}"
        );
    }
}

/// Starts `command`, doing `first` between fork and exec. On Linux it dies with this thread, so that
/// not even a killed test leaves it behind.
pub fn spawn(
    command: &mut Command,
    first: impl Fn() -> std::io::Result<()> + Send + Sync + 'static,
) -> Child {
    // SAFETY: between fork and exec only system calls are made, and none of them allocates.
    #[expect(unsafe_code, reason = "`pre_exec` is the only way to act between fork and exec")]
    unsafe {
        command.pre_exec(move || {
            #[cfg(target_os = "linux")]
            rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
            first()
        });
    }
    command.spawn().unwrap_or_else(|err| panic!("cannot start {command:?}: {err}"))
}

/// A copy of a program. Another process makes it: what another thread starts just now would inherit
/// the file as it is written, and nobody can run a program that somebody may still write.
#[expect(clippy::disallowed_methods, reason = "the tests stand where `cli` and `sandbox` stand")]
pub fn copy_program(from: &str, to: &std::path::Path) {
    let mut copy = Command::new("cp");
    let copied = spawn(copy.arg(from).arg(to), || Ok(())).wait().expect("the process is ours");
    assert!(copied.success(), "cannot copy `{from}`");
}

pub fn pid(child: &Child) -> Pid {
    let id = i32::try_from(child.id()).expect("a process id fits");
    Pid::from_raw(id).expect("a process id is not zero")
}

/// Returns when the process has ended, and leaves it to its owner to be reaped: until then its id
/// cannot come to mean another process.
pub fn await_exit(pid: Pid) {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
    while let Err(Errno::INTR) = rustix::process::waitid(WaitId::Pid(pid), options) {}
}

fn collect(
    mut stream: impl Read + Send + 'static,
    seen: &Arc<Watched<Seen>>,
    part: fn(&mut Seen) -> &mut Vec<u8>,
    end: fn(&mut Seen),
) {
    let seen = seen.clone();
    std::thread::spawn(move || {
        let mut bytes = [0; 4096];
        while let Ok(n @ 1..) = stream.read(&mut bytes) {
            seen.change(|it| part(it).extend_from_slice(&bytes[..n]));
        }
        seen.change(end);
    });
}

fn contains(bytes: &[u8], text: &str) -> bool {
    String::from_utf8_lossy(bytes).contains(text)
}
