//! How much of a result the model is given. Whatever is cut says how to see the rest.
//!
//! Files and lists are cut at the end, between lines; the output of a command in the middle, for
//! errors stand at its ends.

use std::borrow::Cow;

/// The most characters that one result may have, but for the line that tells of a cut.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Budget(pub(crate) usize);

impl Default for Budget {
    fn default() -> Self {
        Self(24_000)
    }
}

/// The most characters of one line of a file.
const LINE: usize = 2000;

/// What one result may take of the window: an eighth.
const PART: usize = 8;

/// Characters of a token of code, rather too few than too many.
const CHARACTERS: usize = 3;

/// A result with less tells nothing, one with more is not read to its end.
const RANGE: std::ops::RangeInclusive<usize> = 4_000..=32_000;

/// What the line that tells of a cut may have besides.
pub(super) const SLACK: usize = 1_000;

impl Budget {
    /// For a model whose window has so many tokens.
    pub(crate) fn for_window(tokens: u32) -> Self {
        let characters = (tokens as usize / PART).saturating_mul(CHARACTERS);
        Self(characters.clamp(*RANGE.start(), *RANGE.end()))
    }

    /// A result of whatever tool, cut at the end if the tool did not keep to the budget.
    pub(super) fn hold(self, text: String) -> String {
        let most = self.0 + SLACK;
        if text.len() <= most {
            return text;
        }
        let Some((end, _)) = text.char_indices().nth(most) else { return text };
        let end = text[..end].rfind('\n').map_or(end, |it| it + 1);
        let left_out = text[end..].chars().count();
        let line = if text[..end].ends_with('\n') { "" } else { "\n" };
        format!(
            "{}{line}[cut: {left_out} characters left out; to see them, ask for a smaller part]\n",
            &text[..end]
        )
    }

    /// As many of the lines as fit, each with its end; and how many that are. The first is taken
    /// in any case.
    pub(super) fn take(self, lines: impl Iterator<Item = String>) -> (String, usize) {
        let mut room = Room::new(self);
        for line in lines {
            if !room.take(&line) {
                break;
            }
        }
        (room.text, room.taken)
    }

    /// An equal part for each of several.
    pub(super) fn share(self, among: usize) -> Self {
        Self(self.0 / among.max(1))
    }
}

/// Lines are taken one by one, each with its end, while they fit.
#[derive(Debug)]
pub(super) struct Room {
    left: usize,
    pub(super) taken: usize,
    pub(super) text: String,
}

impl Room {
    pub(super) fn new(budget: Budget) -> Self {
        Self { left: budget.0, taken: 0, text: String::new() }
    }

    /// False when the line does not fit. The first is taken in any case.
    pub(super) fn take(&mut self, line: &str) -> bool {
        let line = clip(line, LINE);
        let length = line.chars().count() + 1;
        if self.left < length && 0 < self.taken {
            return false;
        }
        self.left = self.left.saturating_sub(length);
        self.taken += 1;
        self.text += &line;
        self.text.push('\n');
        true
    }
}

/// The line, or its beginning and how long it is.
pub(super) fn clip(line: &str, most: usize) -> Cow<'_, str> {
    match line.char_indices().nth(most) {
        None => line.into(),
        Some((end, _)) => {
            format!("{} [… cut: the line has {} characters]", &line[..end], line.chars().count())
                .into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(budget: usize, lines: &[&str], expected: (&str, usize)) {
        let (text, taken) = Budget(budget).take(lines.iter().map(|it| (*it).to_owned()));
        assert_eq!((text.as_str(), taken), expected);
    }

    #[test]
    fn lines_are_taken_while_they_fit() {
        check(8, &["abc", "def", "g"], ("abc\ndef\n", 2));
        check(7, &["abc", "def", "g"], ("abc\n", 1));
    }

    #[test]
    fn the_first_line_is_taken_in_any_case() {
        check(1, &["abc"], ("abc\n", 1));
    }

    #[test]
    fn a_result_takes_a_part_of_the_window() {
        let of = |tokens| Budget::for_window(tokens).0;
        assert_eq!([2048, 16_384, 32_768, u32::MAX].map(of), [4_000, 6_144, 12_288, 32_000]);
    }

    #[test]
    fn a_tool_that_does_not_keep_to_the_budget_is_cut() {
        let short = "ä\n".repeat(500);
        assert_eq!(Budget(0).hold(short.clone()), short);
        let held = Budget(0).hold("ä\n".repeat(600));
        assert!(
            held.ends_with(
                "ä\n[cut: 200 characters left out; to see them, ask for a smaller part]\n"
            )
        );
        assert_eq!(held.matches('ä').count(), 500);
    }

    #[test]
    fn a_character_counts_once_however_many_bytes_it_has() {
        check(4, &["äöü", "x"], ("äöü\n", 1));
        assert_eq!(clip("äöü", 2), "äö [… cut: the line has 3 characters]");
    }
}
