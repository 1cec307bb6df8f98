//! What calls a person back who looks elsewhere, and what the window is called meanwhile.

use std::io::Write;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::ui::ascii::showable;
use crate::ui::visible::visible_line;

/// How a terminal lets a program say something outside its window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Bell {
    /// OSC 9, one text.
    Text,
    /// OSC 777, a title and a text.
    Titled,
    /// It can only ring.
    Ring,
}

/// Letters of a notification: more is cut by those who show it.
const LONG: usize = 120;

impl Bell {
    /// By what the terminal says of itself in `TERM_PROGRAM` and `TERM`. What a multiplexer does with
    /// sequences it does not know, nobody can tell, so there it rings.
    pub(crate) fn of(program: &str, term: &str, is_multiplexed: bool) -> Self {
        let is_kind = |kinds: &[&str]| kinds.iter().any(|it| term.starts_with(it));
        match program {
            _ if is_multiplexed || is_kind(&["screen", "tmux"]) => Self::Ring,
            "iTerm.app" | "WezTerm" | "ghostty" | "WarpTerminal" => Self::Text,
            _ if is_kind(&["xterm-kitty", "xterm-ghostty"]) => Self::Text,
            _ if is_kind(&["foot", "rxvt-unicode", "contour"]) => Self::Titled,
            _ => Self::Ring,
        }
    }

    /// What is written to the terminal. Nothing in the words can end the sequence.
    pub(super) fn call(self, words: &str) -> String {
        let words = visible_line(words, LONG);
        match self {
            Self::Text => format!("\x1b]9;{words}\x1b\\"),
            // A semicolon would end the title.
            Self::Titled => format!("\x1b]777;notify;agent;{words}\x1b\\"),
            Self::Ring => "\x07".to_owned(),
        }
    }
}

/// How a person wants to be called.
#[derive(Clone, Debug)]
pub(crate) struct Attention {
    pub(crate) bell: Bell,
    /// Though they may look at the window.
    pub(crate) always: bool,
    /// They have waited for so long.
    pub(crate) after: Duration,
    /// Where, as they know it.
    pub(crate) place: String,
}

impl Attention {
    /// Whether they are to be called who have waited so long, and look elsewhere or not.
    pub(super) fn is_due(&self, waited: Duration, is_away: bool) -> bool {
        self.after <= waited && (self.always || is_away)
    }
}

/// What the window is called. There is one, and whoever ends the program gives back what it had.
static TITLE: Mutex<Title> = Mutex::new(Title { words: String::new(), is_shown: false });

struct Title {
    /// What it shall be called while the terminal is ours; nothing if it is not our affair.
    words: String,
    /// It has a title of ours, and the terminal keeps the one before.
    is_shown: bool,
}

impl Title {
    /// Has the terminal keep the title it has, the first time, and gives it another.
    fn show(&mut self) -> String {
        let keep = if std::mem::replace(&mut self.is_shown, true) { "" } else { "\x1b[22;2t" };
        format!("{keep}\x1b]2;{}\x1b\\", showable(&visible_line(&self.words, LONG)))
    }

    /// Gives back the title that was kept.
    fn hide(&mut self) {
        if std::mem::take(&mut self.is_shown) {
            // A terminal that is gone has none.
            let _ = std::io::stderr().write_all(b"\x1b[23;2t");
        }
    }
}

fn title() -> MutexGuard<'static, Title> {
    TITLE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What gives the window this title.
pub(super) fn entitle(words: &str) -> String {
    call_later(words);
    title().show()
}

/// The window is to be called so when the terminal is ours again.
pub(super) fn call_later(words: &str) {
    words.clone_into(&mut title().words);
}

/// What gives it its title again, if it has any of ours.
pub(super) fn entitle_again() -> Option<String> {
    let mut title = title();
    (!title.words.is_empty()).then(|| title.show())
}

/// Somebody else has the terminal for a while.
pub(super) fn lend_title() {
    title().hide();
}

/// The window is not ours to call any more. Waits for nobody: it may be the end of the program.
pub(super) fn untitle() {
    if let Ok(mut title) = TITLE.try_lock() {
        title.words.clear();
        title.hide();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_is_known_by_what_it_says_of_itself() {
        assert_eq!(Bell::of("iTerm.app", "xterm-256color", false), Bell::Text);
        assert_eq!(Bell::of("iTerm.app", "xterm-256color", true), Bell::Ring);
        assert_eq!(Bell::of("", "xterm-kitty", false), Bell::Text);
        assert_eq!(Bell::of("", "foot-extra", false), Bell::Titled);
        assert_eq!(Bell::of("ghostty", "tmux-256color", false), Bell::Ring);
        assert_eq!(Bell::of("Apple_Terminal", "xterm-256color", false), Bell::Ring);
    }

    #[test]
    fn who_waits_long_and_looks_elsewhere_is_called() {
        let after = Duration::from_secs(10);
        let one = |always| Attention { bell: Bell::Ring, always, after, place: String::new() };
        assert!(one(false).is_due(after, true) && one(true).is_due(after, false));
        assert!(!one(false).is_due(after, false));
        assert!(!one(true).is_due(Duration::from_secs(9), true));
    }

    /// T05: what a model or a branch is called ends no sequence and begins none.
    #[test]
    fn no_words_leave_the_sequence_they_are_in() {
        let words = "done\x07\x1b]52;c;eA==\x1b\\\u{9c}\n";
        for text in [Bell::Text.call(words), Bell::Titled.call(words), entitle(words)] {
            let inner = text.trim_start_matches("\x1b[22;2t").strip_prefix('\x1b').unwrap();
            let inner = inner.strip_suffix("\x1b\\").unwrap();
            assert!(inner.chars().all(|it| !it.is_control()), "{text:?}");
        }
        assert_eq!(Bell::Ring.call(words), "\x07");
    }
}
