//! How the terminal takes keys while the agent works: one by one and unseen, but Ctrl-C stays a signal.

use std::io::Write;
use std::os::fd::AsFd;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::getpgrp;
use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcgetpgrp, tcsetattr,
};

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

/// Takes the terminal; false where it is not ours to take.
pub(super) fn take(tells_focus: bool) -> bool {
    let mut taken = taken();
    let Some(found) = tcgetattr(std::io::stdin()).ok().filter(|_| is_ours()) else { return false };
    let mut ours = found.clone();
    ours.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO);
    ours.special_codes[SpecialCodeIndex::VMIN] = 1;
    ours.special_codes[SpecialCodeIndex::VTIME] = 0;
    // As at the prompt it is a key: the shell shall find the terminal as it left it.
    ours.special_codes[SpecialCodeIndex::VSUSP] = DISABLED;
    let now = Taken { found, ours, tells_focus };
    now.take();
    *taken = Some(now);
    true
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
    let Some(taken) = TAKEN.try_lock().ok().and_then(|mut it| it.take()) else { return false };
    if !is_ours() {
        return false;
    }
    let _ = tcsetattr(std::io::stdin(), OptionalActions::Now, &taken.found);
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

/// Takes it again after the program stood still.
pub(crate) fn take_again() {
    if let Some(taken) = &*taken()
        && is_ours()
    {
        taken.take();
    }
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
