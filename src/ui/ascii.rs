//! For terminals that show no more than ASCII: marks have stand-ins, letters stay as they are.

use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::ui::visible::visible_line;

/// There is one terminal, as there is one choice whether it shows colours.
static IS_ON: AtomicBool = AtomicBool::new(false);

/// From now on marks have stand-ins, or not.
pub(crate) fn ascii_alone(is_on: bool) {
    IS_ON.store(is_on, Ordering::Relaxed);
}

pub(super) fn is_ascii_alone() -> bool {
    IS_ON.load(Ordering::Relaxed)
}

/// The text as the terminal can show it.
pub(crate) fn showable(text: &str) -> Cow<'_, str> {
    if is_ascii_alone() { ascii(text) } else { text.into() }
}

/// The beginning of it, on one line that is no wider.
pub(super) fn showable_line(text: &str, width: usize) -> String {
    match is_ascii_alone() {
        // What says that it was cut takes more room then.
        true => ascii(&visible_line(&ascii(text), width.saturating_sub(2))).into_owned(),
        false => visible_line(text, width),
    }
}

fn stand_in(mark: char) -> Option<&'static str> {
    Some(match mark {
        '●' | '•' | '◦' => "*",
        '✓' | '┼' => "+",
        '✗' => "x",
        '…' => "...",
        '›' | '→' => ">",
        '·' | '─' | '━' | '╸' | '–' | '—' => "-",
        '│' => "|",
        '█' | '▌' => "#",
        '↵' => "\\",
        '‘' | '’' => "'",
        '“' | '”' => "\"",
        '␛' => "^[",
        '␀'..='␟' | '␡' => "^?",
        _ => return None,
    })
}

fn ascii(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return text.into();
    }
    let mut plain = String::with_capacity(text.len());
    for letter in text.chars() {
        match stand_in(letter) {
            Some(mark) => plain += mark,
            None => plain.push(letter),
        }
    }
    plain.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_have_stand_ins_and_letters_stay() {
        assert_eq!(ascii("● größer … “a” │ ␛[8m"), "* größer ... \"a\" | ^[[8m");
        assert_eq!(ascii("plain"), "plain");
    }
}
