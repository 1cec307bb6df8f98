//! What the terminal tells of itself: among the keys, while they are heeded.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use crate::ui::keyboard::decode::Key;

/// Asks what colour the background has; and then which terminal it is, which each answers: when that is
/// known, nothing is to be waited for.
pub(super) const QUESTION: &str = "\x1b]11;?\x1b\\\x1b[c";

#[derive(Debug, Default)]
pub(super) struct Told {
    asked: AtomicU8,
    background: AtomicU8,
    /// The person looks at another window.
    is_away: AtomicBool,
}

const NOT_YET: u8 = 0;
/// Its answer is waited for.
const WAITED: u8 = 1;
/// It may still answer.
const LATE: u8 = 2;
const ANSWERED: u8 = 3;

const DARK: u8 = 1;
const LIGHT: u8 = 2;

impl Told {
    /// Whether it is to be asked now: that is done once.
    pub(super) fn is_to_be_asked(&self) -> bool {
        let (order, or) = (Ordering::Relaxed, Ordering::Relaxed);
        self.asked.compare_exchange(NOT_YET, WAITED, order, or).is_ok()
    }

    pub(super) fn is_waited_for(&self) -> bool {
        self.asked.load(Ordering::Relaxed) == WAITED
    }

    /// It is not waited for any more.
    pub(super) fn is_late(&self) {
        self.asked.store(LATE, Ordering::Relaxed);
    }

    /// Whether an answer may come among the keys of a line.
    pub(super) fn may_answer(&self) -> bool {
        matches!(self.asked.load(Ordering::Relaxed), WAITED | LATE)
    }

    /// As far as the terminal tells.
    pub(super) fn is_away(&self) -> bool {
        self.is_away.load(Ordering::Relaxed)
    }

    /// The person has typed a line.
    pub(super) fn is_here(&self) {
        self.is_away.store(false, Ordering::Relaxed);
    }

    /// Whether the background is light, if that is known.
    pub(super) fn is_light(&self) -> Option<bool> {
        match self.background.load(Ordering::Relaxed) {
            DARK => Some(false),
            LIGHT => Some(true),
            _ => None,
        }
    }

    /// Keeps what the terminal says; what else the key is.
    pub(super) fn hear(&self, key: Key) -> Option<Key> {
        match key {
            Key::Answer(text) => {
                if let Some(is_light) = is_light(&text) {
                    let background = if is_light { LIGHT } else { DARK };
                    self.background.store(background, Ordering::Relaxed);
                }
            }
            Key::Attributes => self.asked.store(ANSWERED, Ordering::Relaxed),
            Key::Focus(is_here) => self.is_away.store(!is_here, Ordering::Relaxed),
            key => return Some(key),
        }
        None
    }
}

/// Whether a background is light, from what a terminal says of it.
fn is_light(answer: &str) -> Option<bool> {
    let [red, green, blue] = colour(answer.strip_prefix("11;")?)?;
    // As bright as it seems.
    Some(0.5 < 0.2126 * red + 0.7152 * green + 0.0722 * blue)
}

/// The parts of a colour, each from 0 to 1: `rgb:ffff/ffff/dddd`, `#ffffdd`.
fn colour(text: &str) -> Option<[f32; 3]> {
    let parts: Vec<&str> = match text.strip_prefix('#') {
        Some(digits) if digits.is_ascii() && !digits.is_empty() && digits.len() % 3 == 0 => {
            let each = digits.len() / 3;
            (0..3).map(|it| &digits[it * each..(it + 1) * each]).collect()
        }
        Some(_) => return None,
        None => {
            text.strip_prefix("rgb:").or(text.strip_prefix("rgba:"))?.split('/').take(3).collect()
        }
    };
    let part = |it: &&str| {
        let most = 16_u32
            .checked_pow(u32::try_from(it.len()).ok().filter(|it| (1..=4).contains(it))?)?
            - 1;
        // A sign is no digit.
        let value = u32::from_str_radix(it, 16).ok().filter(|_| !it.starts_with('+'))?;
        Some(value as f32 / most as f32)
    };
    <[f32; 3]>::try_from(parts.iter().map(part).collect::<Option<Vec<_>>>()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_background_is_known_by_how_bright_it_is() {
        for light in [
            "rgb:ffff/ffff/dddd",
            "rgb:f/f/f",
            "rgba:ff/ff/ff/80",
            "#fdf6e3",
            "#fff",
            "#ffffffffeeee",
        ] {
            assert_eq!(is_light(&format!("11;{light}")), Some(true), "{light}");
        }
        for dark in ["rgb:0000/0000/0000", "rgb:00/2b/36", "#002b36", "#000", "#ff0000"] {
            assert_eq!(is_light(&format!("11;{dark}")), Some(false), "{dark}");
        }
    }

    #[test]
    fn what_is_no_colour_says_nothing() {
        for none in [
            "11;",
            "11;?",
            "10;#fff",
            "11;#ff",
            "11;#",
            "11;rgb:f/f",
            "11;rgb:+f/f/f",
            "11;#\u{e9}\u{e9}\u{e9}",
            "11;rgb:/f/f",
        ] {
            assert_eq!(is_light(none), None, "{none}");
        }
    }

    #[test]
    fn it_is_asked_once_and_waited_for_until_it_says_what_it_is() {
        let told = Told::default();
        assert!(told.is_to_be_asked() && !told.is_to_be_asked() && told.is_waited_for());
        assert_eq!(told.hear(Key::Answer("11;#fff".to_owned())), None);
        assert!(told.is_waited_for() && told.is_light() == Some(true));
        assert_eq!(told.hear(Key::Attributes), None);
        assert!(!told.is_waited_for() && !told.may_answer());
        assert_eq!(told.hear(Key::Enter), Some(Key::Enter));
    }
}
