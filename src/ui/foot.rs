//! The line at the foot of what is written: it stands beneath the last words, goes down with them, and
//! never mixes with them. There is no second screen: what is out stays in the terminal.
//!
//! A draft is drawn by the thread that reads the keys, so that it is there at once whatever the rest
//! does; words and notes are written by another. Each takes the lock for as long as it writes.

use std::io::Write;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::process::getpgrp;
use rustix::termios::tcgetpgrp;

use crate::ui::ascii::{showable, showable_line};
use crate::ui::cells::{Cells, columns_at_most};
use crate::ui::palette::Paint;
use crate::ui::status::columns;
use crate::ui::visible::depends;

/// Clones are the same line.
#[derive(Clone, Debug, Default)]
pub(crate) struct Foot(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// Lines can be drawn; else what they would say is told where there is room for a note.
    live: bool,
    line: String,
    /// It is on the screen.
    drawn: bool,
    cursor: Cursor,
    /// The line was drawn with the cursor at the edge, which is more than a terminal remembers.
    has_edge_lost: bool,
    untold: Vec<String>,
    /// Columns of the window when something was written last.
    width: usize,
}

impl Foot {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on the line is drawn, or not.
    pub(crate) fn go_live(&self, live: bool) {
        self.state().live = live;
    }

    /// The line says this from now on.
    pub(crate) fn show(&self, line: &str) {
        let mut state = self.state();
        if state.line == line {
            return;
        }
        line.clone_into(&mut state.line);
        if is_elsewhere() {
            // It is drawn when we are back.
        } else if state.live {
            state.fit(width());
            put(&state.draw());
        } else if !line.is_empty() && !line.starts_with('›') {
            state.untold.push(line.to_owned());
        }
    }

    /// Takes the line away, for somebody else to have the terminal.
    pub(crate) fn clear(&self) {
        let mut state = self.state();
        state.line.clear();
        let cursor = state.cursor;
        let erased = state.erase(cursor);
        if !is_elsewhere() {
            put(erased);
        }
    }

    /// Tells the terminal what it does not show.
    pub(crate) fn order(&self, sequence: &str) {
        // Not in the middle of what is drawn.
        let _state = self.state();
        put(sequence);
    }

    /// The cursor is at the beginning of a line: whoever had the terminal left it so.
    pub(crate) fn begin(&self) {
        let mut state = self.state();
        (state.cursor, state.has_edge_lost) = (Cursor::default(), false);
        // What stood there stands somewhere above by now.
        (state.drawn, state.line) = (false, String::new());
    }

    /// What could not be drawn and is to be told.
    pub(crate) fn untold(&self) -> Vec<String> {
        std::mem::take(&mut self.state().untold)
    }

    /// Writes `text` by `write`, with the line out of its way. Text that stays on its line is in
    /// nobody's way.
    pub(crate) fn write(&self, text: &str, write: impl FnOnce()) {
        self.write_where(text, write, false);
    }

    /// The same for a text that begins behind the cursor, where nothing is to stay.
    pub(crate) fn write_anew(&self, text: &str, write: impl FnOnce()) {
        self.write_where(text, write, true);
    }

    fn write_where(&self, text: &str, write: impl FnOnce(), is_in_the_way: bool) {
        let mut state = self.state();
        let is_elsewhere = is_elsewhere();
        if is_in_the_way && !is_elsewhere {
            put("\x1b[J");
        }
        if !state.live || is_elsewhere {
            drop(state);
            return write();
        }
        let is_other = state.fit(width()) && state.drawn;
        let (before, width) = (state.cursor, state.width);
        let goes_on = state.cursor.advance(text, width) || is_other || is_in_the_way;
        if goes_on {
            put(&state.make_way(before, text));
        }
        write();
        if goes_on {
            put(&state.draw());
        }
    }

    /// Draws the line anew if the window is not as wide any more as it was.
    pub(crate) fn refit(&self) {
        let mut state = self.state();
        if state.drawn && state.fit(width()) {
            put(&state.draw());
        }
    }
}

impl State {
    /// The window is as wide as that; whether it was not before.
    fn fit(&mut self, width: usize) -> bool {
        let is_other = self.width != width && self.width != 0;
        if is_other {
            self.cursor.fit(width);
        }
        self.width = width;
        is_other
    }

    /// What draws the line anew.
    fn draw(&mut self) -> String {
        let erased = self.erase(self.cursor);
        if self.line.is_empty() {
            return erased.to_owned();
        }
        self.drawn = true;
        self.has_edge_lost |= self.cursor.is_at_edge;
        format!("{erased}{}", beneath(&cut(&self.line, self.width.saturating_sub(1)).quiet()))
    }

    /// What is to be written before the text with which the cursor, which is here, leaves its line.
    fn make_way(&mut self, cursor: Cursor, text: &str) -> String {
        let erased = self.erase(cursor);
        let is_lost = std::mem::take(&mut self.has_edge_lost) && cursor.is_at_edge;
        // The terminal has forgotten that the next letter belongs on the next line.
        let to_next = if is_lost && !begins_a_line(text) { "\r\n" } else { "" };
        format!("{erased}{to_next}")
    }

    fn erase(&mut self, cursor: Cursor) -> &'static str {
        match std::mem::take(&mut self.drawn) {
            false => "",
            // What is erased would begin with the last letter.
            true if cursor.is_at_edge => "\x1b7\r\n\x1b[J\x1b8",
            true => "\x1b[J",
        }
    }
}

/// Whether the shell has put another job before us: the terminal is left alone then, but for words.
pub(super) fn is_elsewhere() -> bool {
    tcgetpgrp(std::io::stderr()).is_ok_and(|it| it != getpgrp())
}

fn put(bytes: &str) {
    if bytes.is_empty() {
        return;
    }
    // A terminal that is gone cannot be told so.
    let mut terminal = std::io::stderr().lock();
    let _ = terminal.write_all(bytes.as_bytes()).and_then(|()| terminal.flush());
}

fn width() -> usize {
    columns().unwrap_or(80).max(8)
}

/// Draws the line beneath the cursor and comes back: a line feed that keeps the column makes sure
/// that there is one.
fn beneath(line: &str) -> String {
    format!("\x0b\x1b[A\x1b7\r\n\x1b[K{line}\x1b8")
}

/// The end of the line as far as it fits: that is where it is written.
fn cut(line: &str, width: usize) -> String {
    // What waits is told by its beginning.
    if !line.starts_with('›') {
        return showable_line(line, width);
    }
    // A stand-in may be wider than what it stands for.
    let (line, mark) = (showable(line), showable("…"));
    if columns_at_most(&line) <= width {
        return line.into_owned();
    }
    let mut room = width.saturating_sub(mark.chars().count());
    let mut cells = Cells::default();
    let letters: Vec<_> = line.char_indices().map(|(at, it)| (at, cells.add_at_most(it))).collect();
    let fits = |(_, takes): &&(usize, usize)| {
        let fits = *takes <= room;
        room = room.saturating_sub(*takes);
        fits
    };
    let from = letters.iter().rev().take_while(fits).last().map_or(line.len(), |(at, _)| *at);
    // What belonged to a letter that has no room is nothing by itself.
    format!("{mark}{}", line[from..].trim_start_matches(depends))
}

/// Where on its line the cursor is, as far as what we wrote tells.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Cursor {
    column: usize,
    /// Columns that were written since the line began, which the terminal may have broken.
    written: usize,
    cells: Cells,
    /// The last column is written on. The next letter goes to the next line, and until then what
    /// erases takes that letter with it.
    is_at_edge: bool,
    sequence: Sequence,
}

/// What of a sequence has been seen; only ours come here.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Sequence {
    #[default]
    None,
    Begun,
    Parameters,
    Text,
}

impl Cursor {
    /// Whether the cursor left its line for the next.
    fn advance(&mut self, text: &str, width: usize) -> bool {
        let goes_on = memchr::memrchr(b'\n', text.as_bytes());
        let rest = match goes_on {
            Some(at) => {
                *self = Self::default();
                &text[at + 1..]
            }
            None => text,
        };
        let mut wrapped = false;
        for c in rest.chars() {
            wrapped |= self.step(c, width);
        }
        goes_on.is_some() || wrapped
    }

    fn step(&mut self, c: char, width: usize) -> bool {
        self.sequence = match (self.sequence, c) {
            (Sequence::None, '\x1b') => Sequence::Begun,
            (Sequence::None, '\r') => {
                self.written = self.written.saturating_sub(self.column);
                (self.column, self.is_at_edge, self.cells) = (0, false, Cells::default());
                return false;
            }
            (Sequence::None, c) => return self.letter(c, width),
            (Sequence::Begun, '[') => Sequence::Parameters,
            (Sequence::Begun, ']') => Sequence::Text,
            (Sequence::Parameters, '\x20'..='\x3f') => Sequence::Parameters,
            // It ends with the letter behind the next escape, or here.
            (Sequence::Text, c) if c != '\x07' && c != '\x1b' => Sequence::Text,
            (Sequence::Text, '\x1b') => Sequence::Begun,
            _ => Sequence::None,
        };
        false
    }

    /// Terminals break a line anew when the window has another width.
    fn fit(&mut self, width: usize) {
        if let Some(before) = self.written.checked_sub(1) {
            self.column = before % width + 1;
            self.is_at_edge = self.column == width;
        }
    }

    fn letter(&mut self, c: char, width: usize) -> bool {
        let columns = match c {
            '\t' => (8 - self.column % 8).min(width.saturating_sub(self.column + 1)),
            c => self.cells.add(c),
        };
        self.written += columns;
        if columns == 0 {
            return false;
        }
        let wraps = width < self.column + columns;
        self.column = if wraps { columns } else { self.column + columns };
        self.is_at_edge = width <= self.column && c != '\t';
        wraps
    }
}

/// Whether the first thing that it does is to go to the next line, or to the beginning of this one.
fn begins_a_line(text: &str) -> bool {
    let mut cursor = Cursor::default();
    let is_seen = |it: &char| {
        let is_none = cursor.sequence == Sequence::None && *it != '\x1b';
        cursor.step(*it, usize::MAX);
        is_none
    };
    matches!(text.chars().find(is_seen), Some('\n' | '\r'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use unicode_width::UnicodeWidthChar;

    use super::*;
    use crate::ui::cells::columns;
    use crate::ui::visible::visible;

    #[track_caller]
    fn check(pieces: &[&str], expected: &[bool], column: usize) {
        let mut cursor = Cursor::default();
        let went: Vec<_> = pieces.iter().map(|it| cursor.advance(it, 10)).collect();
        assert_eq!((&*went, cursor.column), (expected, column), "{cursor:?}");
    }

    #[test]
    fn words_that_stay_on_their_line_are_in_nobodys_way() {
        check(&["one ", "two"], &[false, false], 7);
        check(&["one\n", "two"], &[true, false], 3);
        check(&["0123456789"], &[false], 10);
        check(&["0123456789", "a"], &[false, true], 1);
        check(&["日本語日本", "語"], &[false, true], 2);
        check(&["012345678日"], &[true], 2);
        check(&["a\tb"], &[false], 9);
        check(&["a\rb"], &[false], 1);
    }

    #[test]
    fn what_looks_take_no_room() {
        check(&["\x1b[1;31mred\x1b[0", "m!"], &[false, false], 4);
        check(&["\x1b]8;;http://a.b/c?d\x1b\\link\x1b]8;;\x07!"], &[false], 5);
        check(&["e\u{301}"], &[false], 1);
    }

    #[test]
    fn a_line_is_broken_anew_in_another_window() {
        let mut cursor = Cursor::default();
        cursor.advance("before\n0123456789abcdefg", 30);
        for (width, column) in [(10, 7), (17, 17), (40, 17)] {
            cursor.fit(width);
            assert_eq!((cursor.column, cursor.is_at_edge), (column, width == 17), "{width}");
        }
        let mut cursor = Cursor::default();
        cursor.advance("a status\r", 30);
        cursor.fit(10);
        assert_eq!(cursor, Cursor::default());
    }

    /// Many a terminal forgets a letter that is due on the next line when the cursor is moved.
    #[test]
    fn at_the_edge_no_letter_is_lost() {
        let at = |column| Cursor { column, is_at_edge: column == 10, ..Cursor::default() };
        let way = |column, text| {
            let line = "› draft".to_owned();
            let mut state = State { line, cursor: at(column), width: 10, ..State::default() };
            assert_eq!(state.draw(), "\x0b\x1b[A\x1b7\r\n\x1b[K› draft\x1b8");
            (state.make_way(at(column), text), state.make_way(at(column), text))
        };
        assert_eq!(way(9, "ab"), ("\x1b[J".to_owned(), String::new()));
        assert_eq!(way(10, "ab"), ("\x1b7\r\n\x1b[J\x1b8\r\n".to_owned(), String::new()));
        assert_eq!(way(10, "\nab"), ("\x1b7\r\n\x1b[J\x1b8".to_owned(), String::new()));
    }

    #[test]
    fn what_begins_a_line_is_known_through_its_looks() {
        assert!(begins_a_line("\x1b[0m\nx") && begins_a_line("\r") && begins_a_line("\n"));
        assert!(!begins_a_line("x\n") && !begins_a_line("\x1b[0mx") && !begins_a_line(""));
    }

    #[test]
    fn of_a_draft_that_is_too_long_its_end_is_shown() {
        assert_eq!(cut("› short", 10), "› short");
        assert_eq!(cut("› 0123456789", 8), "…3456789");
        assert_eq!(cut("› 日本語日本語", 8), "…日本語");
        assert_eq!(cut("queued: a line that is long", 12), "queued: a l…");
        assert_eq!(cut("› see 👨\u{200d}👩\u{200d}👧", 6), "…👩\u{200d}👧");
        assert_eq!(cut("› 👨\u{200d}👩", 5), "…👨\u{200d}👩");
        assert_eq!(cut("› see 👨\u{200d}👩", 4), "…👩");
    }

    proptest! {
        #[test]
        fn a_draft_stays_on_one_row_where_nothing_is_joined(draft in "([a日é👨🏽🇩1#…]|👨\u{200d}👩\u{200d}👧|❤\u{fe0f}|1\u{fe0f}\u{20e3}){0,30}", width in 3usize..20) {
            let line = cut(&format!("› {draft}"), width);
            let apart = line.chars().map(|it| it.width().unwrap_or(0)).sum::<usize>();
            prop_assert!(apart <= width && columns(&line) <= width, "{line:?}");
            prop_assert_eq!(visible(&line), &*line);
        }
    }
}
