//! What a shell command would run: every simple command in it, wherever it stands.
//!
//! A strict reading of the part of bash that models write. Whoever judges a command must see each
//! program that bash would start, so what is not surely understood is refused as a whole: there is
//! no recovery, and no guess. That more is listed than would run does no harm.

mod grammar;
mod word;

use std::fmt;

pub(super) use grammar::parse;

/// One program with its arguments, or a builtin, or assignments alone.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Simple {
    /// `NAME=value` in front of it.
    pub(super) assignments: Vec<Assignment>,
    pub(super) words: Vec<Word>,
    pub(super) redirects: Vec<Redirect>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Assignment {
    pub(super) name: String,
    pub(super) value: Word,
}

/// A word after quotes are taken away; where it is not `Literal`, as it was written.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Word {
    pub(super) text: String,
    pub(super) form: Form,
}

#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Form {
    /// The program gets exactly this.
    Literal,
    /// Names of files that match, or exactly this.
    Glob,
    /// It depends on what runs before, or on the environment.
    Unknown,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Redirect {
    /// Reads from a file.
    From(Word),
    /// Writes to a file.
    To(Word),
}

/// Why a command cannot be taken apart; completes "it ".
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Unclear(pub(super) &'static str);

impl fmt::Display for Unclear {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl Word {
    /// The text, if the program gets exactly that.
    pub(super) fn literal(&self) -> Option<&str> {
        (self.form == Form::Literal).then_some(&*self.text)
    }
}

#[cfg(test)]
mod tests;
