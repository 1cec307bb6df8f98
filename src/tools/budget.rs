//! How much of a result the model is given. Whatever is cut says how to see the rest.
//!
//! Files and lists are cut at the end, between lines. The output of a command is cut in the
//! middle, by `sandbox`, which never holds more than this.

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

impl Budget {
    /// As many of the lines as fit, each with its end; and how many that are. The first is taken
    /// in any case.
    pub(super) fn take(self, lines: impl Iterator<Item = String>) -> (String, usize) {
        let (mut text, mut room, mut taken) = (String::new(), self.0, 0);
        for line in lines {
            let line = clip(&line, LINE);
            let length = line.chars().count() + 1;
            if room < length && 0 < taken {
                break;
            }
            room = room.saturating_sub(length);
            taken += 1;
            text.push_str(&line);
            text.push('\n');
        }
        (text, taken)
    }

    /// An equal part for each of several.
    pub(super) fn share(self, among: usize) -> Self {
        Self(self.0 / among.max(1))
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
    fn a_character_counts_once_however_many_bytes_it_has() {
        check(4, &["äöü", "x"], ("äöü\n", 1));
        assert_eq!(clip("äöü", 2), "äö [… cut: the line has 3 characters]");
    }
}
