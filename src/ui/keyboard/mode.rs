//! How the terminal takes keys while the agent works: one by one and unseen, but Ctrl-C stays a signal.

use std::io::Write;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Signal, getpgrp, getpid, kill_process};
use rustix::termios::{
    ControlModes, InputModes, LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr,
    tcgetpgrp, tcsetattr,
};

use crate::ui::attention::entitle_again;
use crate::ui::keyboard::keys::{PASTE_OFF, PASTE_ON};

/// What the terminal is set to, and what it was. There is one terminal, and whoever ends the program,
/// on whatever thread, gives it back.
static TAKEN: Mutex<Option<Taken>> = Mutex::new(None);

struct Taken {
    found: Termios,
    ours: Termios,
    /// The terminal says whether the person looks at its window.
    tells_focus: bool,
}

impl Taken {
    fn take(&self) {
        set(&self.ours, PASTE_ON);
        if self.tells_focus {
            write(FOCUS_ON);
        }
    }

    /// It is ours from now on, as the terminal is found.
    fn of(found: Termios, tells_focus: bool) -> Self {
        let mut ours = found.clone();
        ours.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO);
        ours.special_codes[SpecialCodeIndex::VMIN] = 1;
        ours.special_codes[SpecialCodeIndex::VTIME] = 0;
        // As at the prompt it is a key: the shell shall find the terminal as it left it.
        ours.special_codes[SpecialCodeIndex::VSUSP] = DISABLED;
        Self { found, ours, tells_focus }
    }

    fn give_back(&self, words: &[u8]) {
        if self.tells_focus {
            write(FOCUS_OFF);
        }
        set(&self.found, words);
    }
}

const FOCUS_ON: &[u8] = b"\x1b[?1004h";
const FOCUS_OFF: &[u8] = b"\x1b[?1004l";

/// Ends the marks of what is pasted.
const LEAVE: &[u8] = b"\x1b[?2004l";

/// The same for the end of the program, on a line of its own; what was drawn there goes.
const LEAVE_FOR_GOOD: &[u8] = b"\x1b[?1004l\x1b[?2004l\r\n\x1b[J";

/// Whether keys come to us and not to a job that the shell has put before us.
pub(super) fn is_ours() -> bool {
    tcgetpgrp(std::io::stdin()).is_ok_and(|it| it == getpgrp())
}

/// Whether it can be ours: now, or when the shell puts us before itself.
pub(super) fn is_at_hand() -> bool {
    tcgetpgrp(std::io::stdin()).is_ok()
}

/// Takes the terminal, or takes it again, if it is ours now.
pub(super) fn take(tells_focus: bool) {
    let mut taken = taken();
    if !is_ours() {
        return;
    }
    if taken.is_none() {
        let found = tcgetattr(std::io::stdin()).ok();
        *taken = found.map(|it| Taken::of(it, tells_focus));
    }
    if let Some(taken) = &*taken {
        taken.take();
    }
}

/// Gives it back as it was found.
pub(super) fn give_back() {
    if let Some(taken) = taken().take()
        && is_ours()
    {
        taken.give_back(LEAVE);
    }
}

/// The same where the program ends at once, and waits for nobody: neither for whoever holds what this
/// needs nor for a terminal that takes nothing. Whether it takes words.
pub(super) fn abandon() -> bool {
    let taken = TAKEN.try_lock().ok().and_then(|mut it| it.take()).map(|it| it.found);
    let edited = LINE.try_lock().ok().and_then(|mut it| it.take()).map(|it| it.found);
    let Some(found) = edited.or(taken).filter(|_| is_ours()) else { return false };
    let _ = tcsetattr(std::io::stdin(), OptionalActions::Now, &found);
    let stderr = std::io::stderr();
    let mut fds = [PollFd::from_borrowed_fd(stderr.as_fd(), PollFlags::OUT)];
    let takes_words = poll(&mut fds, Some(&Timespec::default())).is_ok_and(|it| 0 < it);
    takes_words && rustix::io::write(&stderr, LEAVE_FOR_GOOD).is_ok()
}

/// Lets the shell have it for a while.
pub(super) fn lend() {
    if let Some(taken) = &*taken() {
        taken.give_back(PASTE_OFF);
    }
}

/// The program goes on after it stood still: whoever had the terminal left it as they like it. A job
/// in the background leaves it to them.
pub(crate) fn take_again() {
    if !is_ours() {
        return;
    }
    if let Some(line) = &*line() {
        set(&line.raw, PASTE_ON);
        if let Some(title) = entitle_again() {
            write(title.as_bytes());
        }
        // The editor draws its line anew when the window may have become another.
        let _ = kill_process(getpid(), Signal::WINCH);
        return;
    }
    if let Some(taken) = &*taken() {
        taken.take();
    }
    if let Some((_, bell)) = resumed() {
        // If it is full, whoever reads it will look anyway.
        let _ = rustix::io::write(bell, b".");
    }
}

/// As the line editor has the terminal, while a line is read: who stops us from outside stops it too.
static LINE: Mutex<Option<Edited>> = Mutex::new(None);

struct Edited {
    found: Termios,
    raw: Termios,
}

fn line() -> MutexGuard<'static, Option<Edited>> {
    LINE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// As long as it lives, the line editor has the terminal.
pub(super) struct Reading;

impl Reading {
    /// It sets what it finds so.
    pub(super) fn begin(found: Option<&Termios>) -> Self {
        *line() = found.cloned().map(|found| {
            let mut it = found.clone();
            it.input_modes.remove(
                InputModes::BRKINT
                    | InputModes::ICRNL
                    | InputModes::INPCK
                    | InputModes::ISTRIP
                    | InputModes::IXON,
            );
            it.control_modes.insert(ControlModes::CS8);
            it.local_modes.remove(
                LocalModes::ECHO | LocalModes::ICANON | LocalModes::IEXTEN | LocalModes::ISIG,
            );
            it.special_codes[SpecialCodeIndex::VMIN] = 1;
            it.special_codes[SpecialCodeIndex::VTIME] = 0;
            Edited { found, raw: it }
        });
        Self
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        *line() = None;
    }
}

/// What whoever reads keys hears it by that the program goes on: a stop wakes nobody.
pub(super) fn resumed() -> Option<&'static (OwnedFd, OwnedFd)> {
    static RESUMED: OnceLock<Option<(OwnedFd, OwnedFd)>> = OnceLock::new();
    let flags = PipeFlags::CLOEXEC | PipeFlags::NONBLOCK;
    RESUMED.get_or_init(|| pipe_with(flags).ok()).as_ref()
}

/// No key.
const DISABLED: u8 = 0;

fn set(modes: &Termios, words: &[u8]) {
    // A terminal that is gone needs nothing.
    let _ = tcsetattr(std::io::stdin(), OptionalActions::Now, modes);
    write(words);
}

fn write(words: &[u8]) {
    let _ = std::io::stderr().write_all(words);
}

fn taken() -> MutexGuard<'static, Option<Taken>> {
    TAKEN.lock().unwrap_or_else(PoisonError::into_inner)
}
