//! A pseudo terminal and the screen a user would see in it.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::support::child::{await_exit, pid, spawn};
use crate::support::rewrite::rewritten;
use crate::support::watched::Watched;

pub const ENTER: &str = "\r";
pub const ESCAPE: &str = "\x1b";
pub const TAB: &str = "\t";
pub const UP: &str = "\x1b[A";
pub const DOWN: &str = "\x1b[B";
pub const CTRL_A: &str = "\x01";
pub const CTRL_C: &str = "\x03";
pub const CTRL_D: &str = "\x04";
pub const CTRL_Z: &str = "\x1a";

/// A process with a terminal of its own, which it leads. Dropping it kills the process.
pub struct Terminal {
    child: Child,
    keyboard: File,
    seen: Arc<Watched<Seen>>,
    root: PathBuf,
    deadline: Instant,
}

struct Seen {
    emulator: vt100::Parser<Queries>,
    /// Every byte the process wrote.
    raw: Vec<u8>,
    exited: bool,
    hung_up: bool,
}

/// What the process asked its terminal and waits to read.
#[derive(Default)]
struct Queries {
    answers: Vec<u8>,
    /// What it says of its background, if it says anything.
    background: Option<&'static str>,
}

impl Terminal {
    pub fn start(mut command: Command, root: PathBuf, limit: Duration, size: (u16, u16)) -> Self {
        let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal can be had");
        grantpt(&ours).and_then(|()| unlockpt(&ours)).expect("the terminal is ours");
        tcsetwinsize(&ours, winsize(size)).expect("a terminal has a size");
        let theirs = other_end(&ours);
        let same = || theirs.try_clone().expect("a file can be opened twice");
        command.stdin(same()).stdout(same()).stderr(same());
        if !command.get_envs().any(|(name, _)| name == "TERM") {
            command.env("TERM", "xterm-256color");
        }
        let child = spawn(&mut command, || {
            rustix::process::setsid()?;
            rustix::process::ioctl_tiocsctty(rustix::stdio::stdin())?;
            Ok(())
        });
        // Only the process may hold its end, or its end would not be noticed here.
        drop((command, theirs));

        let (rows, columns) = cells(size);
        let emulator = vt100::Parser::new_with_callbacks(rows, columns, 0, Queries::default());
        let seen = Seen { emulator, raw: Vec::new(), exited: false, hung_up: false };
        let seen = Arc::new(Watched::new(seen));
        let keyboard = File::from(ours);
        watch(keyboard.try_clone().expect("a file can be opened twice"), seen.clone());
        let (pid, watched) = (pid(&child), seen.clone());
        std::thread::spawn(move || {
            await_exit(pid);
            watched.change(|it| it.exited = true);
        });
        Self { child, keyboard, seen, root, deadline: Instant::now() + limit }
    }

    /// From now on the terminal says this of its background, and what it is.
    pub fn has_background(&self, colour: &'static str) {
        self.seen.change(|it| it.emulator.callbacks_mut().background = Some(colour));
    }

    /// Types `keys`, which may be one of the constants above.
    #[track_caller]
    pub fn send(&mut self, keys: &str) {
        self.send_bytes(keys.as_bytes());
    }

    pub fn send_bytes(&mut self, keys: &[u8]) {
        self.keyboard.write_all(keys).expect("the terminal takes keys");
    }

    /// Waits until the screen shows `text`.
    #[track_caller]
    pub fn wait_for(&self, text: &str) {
        self.wait_until(&format!("`{text}` on the screen"), |screen| screen.contains(text));
    }

    /// Waits until `come` is true of the screen.
    #[track_caller]
    pub fn wait_until(&self, what: &str, mut come: impl FnMut(&str) -> bool) {
        self.wait(what, |it| come(&shown(it, &self.root)));
    }

    /// Waits until the process has written this, whatever the screen shows of it.
    #[track_caller]
    pub fn wait_for_raw(&self, text: &str) {
        let come = |it: &Seen| it.raw.windows(text.len()).any(|it| it == text.as_bytes());
        self.wait(&format!("{text:?} to be written"), come);
    }

    /// What the screen shows, without the blanks at the ends of lines and of the screen.
    pub fn screen(&self) -> String {
        self.seen.read(|it| shown(it, &self.root))
    }

    /// The screen with its colours.
    pub fn look<T>(&self, at: impl FnOnce(&vt100::Screen) -> T) -> T {
        self.seen.read(|it| at(it.emulator.screen()))
    }

    /// Every byte written so far, for tests of what must never reach a terminal.
    pub fn raw(&self) -> Vec<u8> {
        self.seen.read(|it| it.raw.clone())
    }

    /// Where the cursor is: row and column, from 0.
    pub fn cursor(&self) -> (u16, u16) {
        self.seen.read(|it| it.emulator.screen().cursor_position())
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn resize(&self, rows: u16, columns: u16) {
        let size = (rows, columns);
        let (rows, columns) = cells(size);
        // The process first: nothing wider than the screen shall come any more.
        tcsetwinsize(&self.keyboard, winsize(size)).expect("a terminal has a size");
        self.seen.change(|it| it.emulator.screen_mut().set_size(rows, columns));
    }

    pub fn signal(&self, signal: Signal) {
        let _ = rustix::process::kill_process_group(pid(&self.child), signal);
    }

    /// Waits for the end of the process; its exit code (`None` if a signal ended it) and last screen.
    #[track_caller]
    pub fn finish(mut self) -> (Option<i32>, String) {
        self.wait("the process to end", |it| it.exited);
        self.wait("the terminal to be let go (a child left behind holds it)", |it| it.hung_up);
        let status = self.child.wait().expect("the process is ours");
        (status.code(), self.screen())
    }

    #[track_caller]
    fn wait(&self, what: &str, mut come: impl FnMut(&Seen) -> bool) {
        let came = self.seen.wait(self.deadline, |it| come(it).then_some(()));
        assert!(came.is_some(), "waited in vain for {what}; the screen:\n{}", self.screen());
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
        let _ = self.child.wait();
    }
}

impl vt100::Callbacks for Queries {
    fn unhandled_csi(
        &mut self,
        screen: &mut vt100::Screen,
        _: Option<u8>,
        _: Option<u8>,
        params: &[&[u16]],
        letter: char,
    ) {
        if (letter, params) == ('n', &[&[6]]) {
            let (row, column) = screen.cursor_position();
            self.answers.extend(format!("\x1b[{};{}R", row + 1, column + 1).bytes());
        }
        if letter == 'c' && self.background.is_some() {
            self.answers.extend(b"\x1b[?62;22c");
        }
    }

    fn unhandled_osc(&mut self, _: &mut vt100::Screen, params: &[&[u8]]) {
        if let ([b"11", b"?"], Some(colour)) = (params, self.background) {
            self.answers.extend(format!("\x1b]11;{colour}\x1b\\").bytes());
        }
    }
}

/// Feeds the emulator until the process lets go of its terminal, and answers what it asks.
fn watch(mut ours: File, seen: Arc<Watched<Seen>>) {
    std::thread::spawn(move || {
        let mut bytes = [0; 4096];
        // Linux says the end with an error, others with nothing read.
        while let Ok(n @ 1..) = ours.read(&mut bytes) {
            let answers = seen.change(|it| {
                it.raw.extend_from_slice(&bytes[..n]);
                it.emulator.process(&bytes[..n]);
                std::mem::take(&mut it.emulator.callbacks_mut().answers)
            });
            let _ = ours.write_all(&answers);
        }
        seen.change(|it| it.hung_up = true);
    });
}

fn shown(seen: &Seen, root: &Path) -> String {
    let screen = seen.emulator.screen();
    let (_, columns) = screen.size();
    let lines: Vec<_> = screen.rows(0, columns.get()).map(|it| it.trim_end().to_owned()).collect();
    rewritten(lines.join("\n").trim_end(), root)
}

fn other_end(ours: &OwnedFd) -> File {
    let name = ptsname(ours, Vec::new()).expect("a terminal has a name");
    let path = Path::new(std::ffi::OsStr::from_bytes(name.as_bytes()));
    // A test process that leads a session must not take this terminal for its own.
    let flags = i32::try_from(rustix::fs::OFlags::NOCTTY.bits()).expect("a flag is small");
    let file = OpenOptions::new().read(true).write(true).custom_flags(flags).open(path);
    file.expect("the terminal is unlocked")
}

fn winsize((rows, columns): (u16, u16)) -> Winsize {
    Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }
}

fn cells((rows, columns): (u16, u16)) -> (NonZeroU16, NonZeroU16) {
    let some = |n| NonZeroU16::new(n).expect("a screen has a cell");
    (some(rows), some(columns))
}
