//! Keys that mean something else here than to the line editor: what is pasted, the editor, Ctrl-Z.

use std::io::Write;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};
use rustyline::{
    Cmd, ConditionalEventHandler, Event, EventContext, InputMode, KeyCode, KeyEvent, Modifiers,
    RepeatCount,
};

use crate::ui::attention::{entitle_again, lend_title};
use crate::ui::keyboard::Editing;
use crate::ui::keyboard::decode::Key;
use crate::ui::keyboard::told::Told;
use crate::ui::visible::{typed, visible};

/// Ends the mode in which a terminal marks what is pasted, and the line that was begun.
pub(super) const PASTE_OFF: &[u8] = b"\x1b[?2004l\r\n";

/// Begins that mode.
pub(super) const PASTE_ON: &[u8] = b"\x1b[?2004h";

/// What is pasted and no longer than that stands in the line as it is.
const SHORT_LINES: usize = 5;
const SHORT_BYTES: usize = 1000;

/// What the keys have come to, beside the line itself.
#[derive(Clone, Default)]
pub(super) struct Typed(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    /// What is being pasted.
    pasting: Option<String>,
    /// What stands in the line for something longer, and that.
    chips: Vec<(String, String)>,
    /// What stood so in the line that was left for an editor.
    opened: Vec<(String, String)>,
    /// The line may be left for one.
    edits: bool,
    wants_editor: bool,
    /// The line answers a question.
    answers: bool,
    /// Something stood in the line that was interrupted.
    drops: bool,
    /// The terminal answers late: how that began, and how many keys it was.
    late: Option<(KeyEvent, usize)>,
}

/// The first place, and whose it is.
fn first(places: impl Iterator<Item = Option<usize>>) -> Option<(usize, usize)> {
    places.enumerate().filter_map(|(nth, at)| Some((at?, nth))).min()
}

impl Typed {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether words were given up, and not only the line.
    pub(super) fn has_dropped(&self) -> bool {
        std::mem::take(&mut self.state().drops)
    }

    /// The line with all that was pasted into it. What stands in another line stays.
    pub(super) fn whole(&self, line: &str) -> String {
        let mut state = self.state();
        let (mut left, mut opened) = (std::mem::take(&mut state.chips), Vec::new());
        // As they stand, and each once: what was pasted may look like another.
        let (mut whole, mut rest) = (String::new(), line);
        while let Some((at, nth)) = first(left.iter().map(|(chip, _)| rest.find(&**chip))) {
            let (chip, text) = left.remove(nth);
            whole = whole + &rest[..at] + &text;
            rest = &rest[at + chip.len()..];
            opened.push((chip, text));
        }
        state.chips = left;
        state.opened = opened;
        whole + rest
    }

    /// No line is begun any more.
    pub(super) fn forget(&self) {
        self.state().chips.clear();
    }

    /// The line as an editor has left it: what was pasted and is there still stands in it as before. If
    /// the rest is long, it stands in it as if it were pasted as a whole.
    pub(super) fn folded(&self, text: &str) -> String {
        let mut opened = std::mem::take(&mut self.state().opened);
        let (mut line, mut rest, mut kept) = (String::new(), text, Vec::new());
        // What stands at the end has lost its own.
        let place =
            |rest: &str, pasted: &str| rest.find(pasted).or_else(|| rest.find(pasted.trim_end()));
        while let Some((at, nth)) = first(opened.iter().map(|(_, it)| place(rest, it))) {
            let (chip, pasted) = opened.remove(nth);
            let whole = rest[at..].starts_with(&*pasted);
            let found = if whole { &*pasted } else { pasted.trim_end() };
            line = line + &rest[..at] + &chip;
            rest = &rest[at + found.len()..];
            kept.push((chip, found.to_owned()));
        }
        line += rest;
        if is_short(&line) {
            self.state().chips.extend(kept);
            return visible(&line).into_owned();
        }
        self.pasted(text)
    }

    /// The length of what stands for something longer at the end of the line, if it ends so.
    pub(super) fn chip_at_end(&self, line: &str) -> Option<usize> {
        let state = self.state();
        state.chips.iter().map(|(chip, _)| chip).find(|it| line.ends_with(&***it)).map(String::len)
    }

    /// Takes over what was pasted into a line that goes on here.
    pub(super) fn take_over(&self, other: &Self) {
        let mut chips = std::mem::take(&mut other.state().chips);
        self.state().chips.append(&mut chips);
    }

    /// From now on lines answer questions, or not: then Escape stops. They may be left for an editor, or not.
    pub(super) fn begins(&self, answers: bool, edits: bool) {
        let mut state = self.state();
        (state.answers, state.edits, state.wants_editor) = (answers, edits, false);
    }

    /// Whether the line was left for an editor.
    pub(super) fn wants_editor(&self) -> bool {
        std::mem::take(&mut self.state().wants_editor)
    }

    pub(super) fn pasted(&self, text: &str) -> String {
        let text = text.replace("\r\n", "\n").replace('\r', "\n");
        if is_short(&text) {
            return visible(&text).into_owned();
        }
        let lines = text.lines().count();
        let chips = &mut self.state().chips;
        let size = match lines {
            1 => format!("{} characters", text.chars().count()),
            n => format!("{n} lines"),
        };
        let nth = match chips.len() {
            0 => String::new(),
            n => format!(" #{}", n + 1),
        };
        let chip = format!("[pasted {size}{nth}]");
        chips.push((chip.clone(), text));
        chip
    }
}

/// Whether it stands in the line as it is.
fn is_short(text: &str) -> bool {
    text.lines().count() <= SHORT_LINES && text.len() <= SHORT_BYTES
}

/// All keys come here first.
#[derive(Clone)]
pub(super) struct Keys {
    pub(super) typed: Typed,
    /// The terminal as it was found.
    pub(super) found: Option<Termios>,
    pub(super) told: Arc<Told>,
    pub(super) editing: Editing,
}

/// An answer is no longer than that.
const LONGEST_ANSWER: usize = 64;

impl Keys {
    /// Whether it belongs to an answer that comes when a line is read already.
    fn is_of_an_answer(&self, key: KeyEvent) -> bool {
        let late = &mut self.typed.state().late;
        match *late {
            None => {
                let begins = self.told.may_answer()
                    && matches!(key, ANSWER_BEGINS | KeyEvent(KeyCode::UnknownEscSeq, _));
                *late = begins.then_some((key, 1));
                begins
            }
            Some((began, length)) => {
                let is_text = began == ANSWER_BEGINS;
                let ends = match key {
                    KeyEvent(KeyCode::Char('\\'), Modifiers::ALT)
                    | KeyEvent(KeyCode::Char('G'), Modifiers::CTRL) => is_text,
                    KeyEvent(KeyCode::Char('c'), Modifiers::NONE) if !is_text => {
                        self.told.hear(Key::Attributes);
                        true
                    }
                    _ => false,
                };
                // A key that the person pressed is none of it.
                let may_be = |it: char| match is_text {
                    true => it.is_ascii_hexdigit() || "rg:;/#".contains(it),
                    false => it.is_ascii_digit() || it == ';',
                };
                let is_part =
                    matches!(key, KeyEvent(KeyCode::Char(it), Modifiers::NONE) if may_be(it));
                let goes_on = !ends && is_part && length < LONGEST_ANSWER;
                *late = goes_on.then_some((began, length + 1));
                ends || is_part
            }
        }
    }
}

/// As the line editor understands it.
const ANSWER_BEGINS: KeyEvent = KeyEvent(KeyCode::Char(']'), Modifiers::ALT);

impl ConditionalEventHandler for Keys {
    fn handle(&self, event: &Event, _: RepeatCount, _: bool, at: &EventContext<'_>) -> Option<Cmd> {
        let Event::KeySeq(keys) = event else { return None };
        let [key] = keys[..] else { return None };
        if let Some(text) = &mut self.typed.state().pasting
            && key.0 != KeyCode::BracketedPasteEnd
        {
            text.push_str(&letters(key));
            return Some(Cmd::Noop);
        }
        if self.is_of_an_answer(key) {
            return Some(Cmd::Noop);
        }
        match key {
            KeyEvent(KeyCode::Char(c), Modifiers::NONE) => {
                let stand_in = typed(&at.line()[..at.pos()], c)?;
                Some(match at.input_mode() {
                    InputMode::Command => Cmd::Noop,
                    _ => Cmd::Insert(1, stand_in),
                })
            }
            KeyEvent(KeyCode::BracketedPasteStart, _) => {
                self.typed.state().pasting = Some(String::new());
                Some(Cmd::Noop)
            }
            KeyEvent(KeyCode::BracketedPasteEnd, _) => {
                let text = self.typed.state().pasting.take()?;
                Some(Cmd::Insert(1, self.typed.pasted(&text)))
            }
            // There it begins a command.
            KeyEvent(KeyCode::Esc, Modifiers::NONE) if self.editing == Editing::Vi => None,
            KeyEvent(KeyCode::Esc, Modifiers::NONE) => {
                let answers = self.typed.state().answers;
                Some(if answers { Cmd::Interrupt } else { Cmd::Repaint })
            }
            KeyEvent(KeyCode::Enter, Modifiers::ALT) => Some(Cmd::Insert(1, "\n".to_owned())),
            KeyEvent(KeyCode::Char('G'), Modifiers::CTRL) => {
                let mut state = self.typed.state();
                state.wants_editor = state.edits;
                // An answer is given by Enter alone.
                Some(if state.edits { Cmd::AcceptLine } else { Cmd::Noop })
            }
            KeyEvent(KeyCode::Char('C'), Modifiers::CTRL) => {
                self.typed.state().drops = !at.line().is_empty();
                None
            }
            KeyEvent(KeyCode::Char('Z'), Modifiers::CTRL) => suspend(self.found.as_ref()?),
            _ => None,
        }
    }
}

/// What a key is in a text.
fn letters(KeyEvent(code, modifiers): KeyEvent) -> String {
    match code {
        KeyCode::Enter => "\n".to_owned(),
        KeyCode::Tab => "\t".to_owned(),
        KeyCode::Esc => "\x1b".to_owned(),
        KeyCode::Backspace => "\x08".to_owned(),
        KeyCode::Char('J' | 'M') if modifiers == Modifiers::CTRL => "\n".to_owned(),
        KeyCode::Char('I') if modifiers == Modifiers::CTRL => "\t".to_owned(),
        KeyCode::Char(c) if modifiers == Modifiers::CTRL && c.is_ascii() => {
            char::from(c as u8 & 0x1f).to_string()
        }
        KeyCode::Char(c) if modifiers == Modifiers::ALT => format!("\x1b{c}"),
        KeyCode::Char(c) => c.to_string(),
        _ => String::new(),
    }
}

/// What Ctrl-Z does while a line is read.
///
/// The editor's own way asks for the whole group to be stopped and goes on: the system stops another
/// thread first, and raw mode is set again before anything stands still, for the shell to undo.
fn suspend(found: &Termios) -> Option<Cmd> {
    let raw = tcgetattr(std::io::stdin()).ok()?;
    let set = |modes| tcsetattr(std::io::stdin(), OptionalActions::Drain, modes);
    let _ = std::io::stderr().write_all(PASTE_OFF);
    lend_title();
    set(found).ok()?;
    stop();
    // A terminal that is gone ends the line by itself.
    let _ = set(&raw);
    let _ = std::io::stderr().write_all(PASTE_ON);
    if let Some(title) = entitle_again() {
        let _ = std::io::stderr().write_all(title.as_bytes());
    }
    Some(Cmd::Repaint)
}

/// Stops the group that the shell knows as one job; returns when it goes on. In a group that no
/// shell minds nothing is stopped.
pub(super) fn stop() {
    // SAFETY: neither of the two is a handler, and a signal may be sent to this thread at any time.
    #[expect(unsafe_code, reason = "only a signal to this very thread stops it before it goes on")]
    unsafe {
        // The others first: whoever is left goes on.
        libc::signal(libc::SIGTSTP, libc::SIG_IGN);
        let _ = rustix::process::kill_current_process_group(rustix::process::Signal::TSTP);
        libc::signal(libc::SIGTSTP, libc::SIG_DFL);
        libc::raise(libc::SIGTSTP);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_long_is_a_chip_until_it_is_sent() {
        let typed = Typed::default();
        assert_eq!(typed.pasted("one\rtwo"), "one\ntwo");
        let long = "a line\n".repeat(120);
        let first = typed.pasted(&long);
        let second = typed.pasted(&"x".repeat(2000));
        assert_eq!([&*first, &*second], ["[pasted 120 lines]", "[pasted 2000 characters #2]"]);
        let line = format!("look at {first} and {second}.");
        assert_eq!(typed.whole(&line), format!("look at {long} and {}.", "x".repeat(2000)));
        assert_eq!(typed.whole(&line), line);
    }

    #[test]
    fn what_was_pasted_is_a_chip_again_behind_an_editor() {
        let typed = Typed::default();
        let long = "a line\n".repeat(120);
        let chip = typed.pasted(&long);
        let whole = typed.whole(&format!("look at {chip} and say"));
        let line = typed.folded(&whole.replace("say", "say why"));
        assert_eq!(line, format!("look at {chip} and say why"));
        assert_eq!(typed.whole(&line), whole.replace("say", "say why"));
    }

    #[test]
    fn what_was_changed_in_an_editor_and_is_long_is_one_chip() {
        let typed = Typed::default();
        let chip = typed.pasted(&"a line\n".repeat(120));
        let changed = typed.whole(&chip).replace("a line\na", "a");
        assert_eq!(typed.folded(&changed), "[pasted 60 lines]");
        assert_eq!(typed.whole("[pasted 60 lines]"), changed);
        assert_eq!(typed.folded("now it is short"), "now it is short");
    }

    #[test]
    fn what_was_pasted_later_may_stand_before() {
        let typed = Typed::default();
        let texts = ["one\n".repeat(120), "two\n".repeat(110)];
        let [first, second] = [0, 1].map(|at: usize| typed.pasted(&texts[at]));
        let whole = typed.whole(&format!("{second}, {first}"));
        assert_eq!(whole, format!("{}, {}", texts[1], texts[0]));
        assert_eq!(typed.folded(&whole), format!("{second}, {first}"));
        assert_eq!(typed.whole(&format!("{second}, {first}")), whole);
    }

    #[test]
    fn what_is_pasted_cannot_act() {
        assert_eq!(Typed::default().pasted("a\x1b[2Jb"), "a␛[2Jb");
    }
}
