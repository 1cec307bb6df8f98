//! Words set into lines of a width. What is out is never touched again, so a word is held back until
//! it is whole: only then is it known whether it still fits.

use unicode_width::UnicodeWidthChar;

use crate::ui::cells::{Cells, may_break};
use crate::ui::markdown::ink::{Ink, PLAIN};
use crate::ui::palette::Role;

/// So many marks may stand on one letter; whoever piles up more wants to write over other lines.
const PILE: usize = 6;

/// Text in front of a line, and its columns.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Lead {
    pub(super) text: String,
    pub(super) columns: usize,
}

#[derive(Debug)]
pub(super) struct Flow {
    out: String,
    pub(super) width: usize,
    /// Columns that are filled of the line on the screen; none where it has not begun.
    column: usize,
    /// In front of the next line, and of those after it.
    first: Option<Lead>,
    rest: Lead,
    /// Blanks between what is out and the word.
    blanks: usize,
    /// How the last letter looks that is out.
    ends: Ink,
    word: Word,
    /// The word was too long for a line: the terminal breaks it, and it can be copied whole.
    is_endless: bool,
}

#[derive(Debug, Default)]
struct Word {
    inked: String,
    ink: Ink,
    /// How its first letter looks.
    begins: Ink,
    columns: usize,
    last: Option<char>,
    cells: Cells,
    /// Marks on the last letter.
    pile: usize,
}

impl Flow {
    pub(super) fn new(width: usize) -> Self {
        Self {
            out: String::new(),
            width,
            column: 0,
            first: None,
            rest: Lead::default(),
            blanks: 0,
            ends: Ink::NONE,
            word: Word::default(),
            is_endless: false,
        }
    }

    /// What there is to print since this was asked last.
    pub(super) fn take(&mut self) -> String {
        std::mem::take(&mut self.out)
    }

    pub(super) fn is_mid_line(&self) -> bool {
        0 < self.column
    }

    /// From the next line on, this is in front.
    pub(super) fn lead(&mut self, first: Lead, rest: Lead) {
        self.end_line();
        self.first = Some(first);
        self.rest = rest;
    }

    /// Somebody else has ended the line.
    pub(super) fn line_ended(&mut self) {
        self.column = 0;
    }

    /// Columns that a line has behind what is in front of it.
    pub(super) fn room(&self) -> usize {
        self.width.saturating_sub(self.rest.columns).max(4)
    }

    pub(super) fn push(&mut self, c: char, ink: Ink) {
        match c {
            '\n' => self.break_line(),
            ' ' | '\t' => {
                self.end_word();
                self.blanks += 1;
            }
            _ => self.letter(c, ink),
        }
    }

    pub(super) fn push_str(&mut self, text: &str, ink: Ink) {
        text.chars().for_each(|it| self.push(it, ink));
    }

    /// Ends the line, though it may be empty.
    pub(super) fn break_line(&mut self) {
        self.end_word();
        self.begin_line();
        self.trim();
        self.out.push('\n');
        self.column = 0;
        self.blanks = 0;
    }

    /// Ends the line if it has begun.
    pub(super) fn end_line(&mut self) {
        self.end_word();
        self.blanks = 0;
        let is_owed = self.first.as_ref().is_some_and(|it| !it.text.trim().is_empty());
        if self.column != 0 || is_owed {
            self.break_line();
        }
    }

    /// The word is whole.
    pub(super) fn end_word(&mut self) {
        let word = std::mem::take(&mut self.word);
        if std::mem::take(&mut self.is_endless) || word.last.is_none() {
            return;
        }
        self.place(word);
    }

    /// A line as it is, which nothing breaks; it may have escape sequences of ours.
    pub(super) fn verbatim(&mut self, line: &str) {
        self.end_word();
        if self.column != 0 {
            self.break_line();
        }
        self.begin_line();
        self.out += line;
        self.trim();
        self.out.push('\n');
        self.column = 0;
    }

    /// A piece of such a line.
    pub(super) fn verbatim_piece(&mut self, piece: &str) {
        self.begin_line();
        self.out += piece;
        self.column += 1;
    }

    fn letter(&mut self, c: char, ink: Ink) {
        let columns = self.word.cells.add(c);
        // Who is joined to the picture before it writes over no other line.
        let is_mark = columns == 0 && c.width() != Some(2);
        let pile = if is_mark { self.word.pile + 1 } else { 0 };
        if PILE < pile {
            return self.push_str(&format!("\\u{{{:x}}}", u32::from(c)), ink);
        }
        if self.word.last.is_some_and(|last| may_break(last, c, columns)) {
            self.end_word();
        }
        if self.is_endless {
            ink.begin(&mut self.out);
            self.out.push(c);
            ink.end(&mut self.out);
            self.column += columns;
            self.word.pile = pile;
            return;
        }
        let word = &mut self.word;
        if word.ink != ink {
            word.ink.end(&mut word.inked);
            ink.begin(&mut word.inked);
            word.ink = ink;
        }
        if word.last.is_none() {
            word.begins = ink;
        }
        word.inked.push(c);
        word.columns += columns;
        word.pile = pile;
        word.last = Some(c);
        if self.room() < self.word.columns {
            self.overflow();
        }
    }

    fn overflow(&mut self) {
        let word = std::mem::take(&mut self.word);
        self.word.pile = word.pile;
        self.is_endless = true;
        self.place(word);
    }

    fn place(&mut self, word: Word) {
        let has_begun = self.rest.columns < self.column;
        if has_begun && self.width < self.column + self.blanks + word.columns {
            self.out.push('\n');
            self.column = 0;
            self.blanks = 0;
        }
        self.begin_line();
        let blanks = " ".repeat(std::mem::take(&mut self.blanks));
        self.column += blanks.len() + word.columns;
        let mut begin = String::new();
        word.begins.begin(&mut begin);
        // What is underlined is so between its words, too.
        let goes_on = has_begun && self.ends == word.begins;
        match word.inked.strip_prefix(&*begin).filter(|_| goes_on) {
            Some(rest) => self.out.extend([&*begin, &*blanks, rest]),
            None => self.out.extend([&*blanks, &*word.inked]),
        }
        word.ink.end(&mut self.out);
        self.ends = word.ink;
    }

    fn begin_line(&mut self) {
        if self.column == 0 {
            let lead = self.first.take().unwrap_or_else(|| self.rest.clone());
            self.out += &lead.text;
            self.column = lead.columns;
        }
    }

    /// No line ends in blanks.
    fn trim(&mut self) {
        let kept = self.out.trim_end_matches(' ').len();
        self.out.truncate(kept);
    }
}

pub(super) fn dimmed(text: &str, is_coloured: bool) -> String {
    if !is_coloured {
        return text.to_owned();
    }
    match Role::Quiet.look().codes() {
        codes if codes.is_empty() => text.to_owned(),
        codes => format!("\x1b[{codes}m{text}{PLAIN}"),
    }
}
