//! The two streams that a person reads, words and notes, and the line beneath what is written to them.

use std::io::{Error, Write};

use crate::ui::ascii::showable;
use crate::ui::foot::Foot;
use crate::ui::outlet::Outlet;

pub(super) struct Streams {
    words: Outlet,
    notes: Box<dyn Write>,
    pub(super) foot: Foot,
    /// The words go to the terminal where the line is.
    shares: bool,
}

impl Streams {
    pub(super) fn new(
        words: Box<dyn Write>,
        notes: Box<dyn Write>,
        (foot, shares): (Foot, bool),
    ) -> Self {
        Self { words: Outlet::new(words), notes, foot, shares }
    }

    /// More of what the model says.
    pub(super) fn say(&mut self, text: &str) {
        let Self { words, foot, shares, .. } = self;
        match *shares {
            true => {
                let text = &*showable(text);
                foot.write(text, || words.write(text));
            }
            false => words.write(text),
        }
    }

    /// More of a note.
    pub(super) fn tell(&mut self, text: &str) {
        let notes = &mut self.notes;
        let text = &*showable(text);
        self.foot.write(text, || {
            // A terminal that is gone cannot be told so.
            let _ = notes.write_all(text.as_bytes()).and_then(|()| notes.flush());
        });
    }

    /// What the terminal does not show.
    pub(super) fn order(&mut self, sequence: &str) {
        let _ = self.notes.write_all(sequence.as_bytes()).and_then(|()| self.notes.flush());
    }

    /// Nobody reads the words any more.
    pub(super) fn is_gone(&self) -> bool {
        self.words.is_gone()
    }

    pub(super) fn trouble(&mut self) -> Option<Error> {
        self.words.trouble()
    }
}
