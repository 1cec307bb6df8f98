//! How many columns of a terminal letters take, which together can take less than each alone.

use unicode_width::UnicodeWidthChar;

use crate::ui::visible::{ZWJ, is_flag_letter, is_pictograph, is_tone};

/// What a line may not begin with.
const CLOSING: &str = "、。，．：；！？）］｝〉》」』】〕…ー々";
/// What a line may not end with.
const OPENING: &str = "（［｛〈《「『【〔";

/// Letters one after the other.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Cells {
    last: Option<char>,
    /// Columns of the last letter, with all that was joined to it.
    columns: usize,
    /// The last letter is the first half of a flag.
    is_half: bool,
}

impl Cells {
    /// Columns that this letter adds to those before it.
    pub(super) fn add(&mut self, c: char) -> usize {
        let joins = match self.last {
            Some(ZWJ) => is_pictograph(c),
            Some(last) => is_tone(c) && (is_pictograph(last) || last == '\u{fe0f}'),
            None => false,
        };
        let is_second_half = self.is_half && is_flag_letter(c);
        let columns = match c {
            // It makes the letter before it as wide as a picture.
            '\u{fe0f}' if self.columns == 1 => 1,
            _ if joins => 0,
            // Each half is as wide as a letter, and both are one picture.
            _ => c.width().unwrap_or(0),
        };
        self.is_half = is_flag_letter(c) && !is_second_half;
        self.columns =
            if columns == 0 || c == '\u{fe0f}' { self.columns + columns } else { columns };
        self.last = Some(c);
        columns
    }

    /// The same on whatever terminal: one that joins nothing draws each letter by itself.
    pub(super) fn add_at_most(&mut self, c: char) -> usize {
        self.add(c).max(c.width().unwrap_or(0))
    }
}

/// Columns of a line that holds escape sequences of ours.
pub(super) fn columns(line: &str) -> usize {
    let mut cells = Cells::default();
    let letters = without_looks(line);
    letters.chars().map(|it| cells.add(it)).sum()
}

/// The same on whatever terminal: what has to stay on one row counts so.
pub(super) fn columns_at_most(line: &str) -> usize {
    let mut cells = Cells::default();
    let letters = without_looks(line);
    letters.chars().map(|it| cells.add_at_most(it)).sum()
}

/// As much of the line as fits on whatever terminal, with the looks that it has at its end: what one has
/// to break moves everything.
pub(super) fn fitting(line: &str, width: usize) -> String {
    let (mut cells, mut columns, mut is_look) = (Cells::default(), 0, false);
    let mut kept = String::with_capacity(line.len());
    for c in line.chars() {
        let is_seen = !is_look && c != '\x1b';
        is_look = c == '\x1b' || is_look && c != 'm';
        if is_seen {
            columns += cells.add_at_most(c);
        }
        if !is_seen || columns <= width {
            kept.push(c);
        }
    }
    kept
}

/// The line without escape sequences of ours.
pub(super) fn without_looks(line: &str) -> String {
    let mut parts = line.split('\x1b');
    let first = parts.next().unwrap_or_default();
    let rest = parts.map(|it| it.split_once('m').map_or(it, |(_, text)| text));
    std::iter::once(first).chain(rest).collect()
}

/// Between ideographs a line may be broken anywhere. `columns` are what the second letter adds.
pub(super) fn may_break(last: char, next: char, columns: usize) -> bool {
    let is_wide = columns == 2 || last.width() == Some(2);
    is_wide && columns != 0 && !CLOSING.contains(next) && !OPENING.contains(last)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ui::visible::{visible, visible_line};

    #[test]
    fn what_is_drawn_as_one_picture_is_as_wide_as_one() {
        let wide =
            ["日", "😀", "👨\u{200d}👩\u{200d}👧", "👍🏽", "🇩🇪", "❤\u{fe0f}", "1\u{fe0f}\u{20e3}"];
        for text in wide {
            assert_eq!(columns(text), 2, "{text}");
        }
        assert_eq!(columns("🧑🏽\u{200d}❤\u{fe0f}\u{200d}🧑🏻"), 2);
        assert_eq!(columns("🏴\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}"), 2);
        assert_eq!(columns("🇩🇪🇫🇷"), 4);
        assert_eq!(columns("e\u{301}a"), 2);
        assert_eq!(columns("\x1b[1;31mred\x1b[0m"), 3);
    }

    #[test]
    fn what_is_cut_keeps_the_end_of_its_looks() {
        assert_eq!(fitting("\x1b[2m日本語\x1b[0m", 5), "\x1b[2m日本\x1b[0m");
        assert_eq!(fitting("short", 5), "short");
        assert_eq!(fitting("👨\u{200d}👩\u{200d}👧", 5), "👨\u{200d}👩\u{200d}");
    }

    /// Counted here by nothing that is tested.
    fn apart(line: &str) -> usize {
        line.chars().map(|it| it.width().unwrap_or(0)).sum()
    }

    proptest! {
        #[test]
        fn one_row_is_one_row_where_nothing_is_joined(text in "([a日é👨🏽🇩❤1#ی\u{200c}\u{200d}\u{fe0f}\u{20e3} ]|👨\u{200d}👩\u{200d}👧|❤\u{fe0f}){0,30}", width in 3usize..20) {
            let (cut, fits) = (visible_line(&text, width), fitting(&visible(&text), width));
            prop_assert!(apart(&cut) <= width && columns(&cut) <= width, "{cut:?}");
            prop_assert!(apart(&fits) <= width && columns(&fits) <= width, "{fits:?}");
            // Where it is cut, nothing is left that joins.
            prop_assert_eq!(visible(&cut), &*cut);
        }
    }
}
