//! What a person reads of a reply as it comes: its words, but not the marks of a call in them.

use crate::llm::spoken::{MOST_PLACES, is_quoted, markup};

/// Holds back what may be a call until the reply is whole.
#[derive(Debug, Default)]
pub(crate) struct Veil {
    text: String,
    shown: usize,
    /// Marks that were seen and are quoted.
    quoted: usize,
    /// A call seems to have begun: what follows waits for the end.
    holds: bool,
}

impl Veil {
    /// Takes more of the reply and gives what can be shown.
    pub(crate) fn feed(&mut self, more: &str) -> &str {
        self.text += more;
        let from = self.shown;
        self.shown = self.upto();
        &self.text[from..self.shown]
    }

    /// What was held back, for a reply that turned out to hold no call.
    pub(crate) fn lift(&mut self) -> &str {
        let from = std::mem::replace(&mut self.shown, self.text.len());
        &self.text[from..]
    }

    fn upto(&mut self) -> usize {
        if self.holds {
            return self.shown;
        }
        let rest = &self.text[self.shown..];
        for at in markup::places(rest).map(|it| self.shown + it) {
            if self.quoted < MOST_PLACES && !is_quoted(&self.text, at) {
                self.holds = true;
                return at;
            }
            self.quoted += 1;
        }
        let last = rest.rfind(['<', '[']).filter(|at| markup::may_begin(&rest[*at..]));
        self.shown + last.unwrap_or(rest.len())
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Expect) {
        let shown = |pieces: &[&str]| {
            let mut veil = Veil::default();
            let shown: String = pieces.iter().map(|it| veil.feed(it).to_owned()).collect();
            assert_eq!(format!("{shown}{}", veil.lift()), text, "nothing is lost");
            shown
        };
        let whole = shown(&[text]);
        for (at, _) in text.char_indices() {
            assert_eq!(shown(&[&text[..at], &text[at..]]), whole, "split at {at}");
        }
        expected.assert_eq(&whole);
    }

    #[test]
    fn words_are_shown_and_calls_are_not() {
        check("I look.\n<tool_call>{\"name\"", expect!["I look.\n"]);
        check("a < b, <b>x</b>, a[0] <too late", expect!["a < b, <b>x</b>, a[0] <too late"]);
        check("so [TOOL_CALLS]x", expect!["so "]);
        check("as in `<tool_call>` there", expect!["as in `<tool_call>` there"]);
    }
}
