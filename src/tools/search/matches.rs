//! The matches of one file, as they will be shown.

use std::io;

use grep_searcher::{Searcher, Sink, SinkContext, SinkFinish, SinkMatch};

use crate::tools::budget::clip;
use crate::workspace::ProjectPath;

/// The most characters of one line.
const LINE: usize = 300;

/// The most lines of one match that spans several.
const SPAN: usize = 50;

/// How much to keep of one file.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Keep {
    /// The lines of at most so many matches.
    Lines(usize),
    /// That there is a match.
    Whether,
    /// How many there are.
    Number,
}

#[derive(Debug)]
pub(super) struct Matches {
    pub(super) path: ProjectPath,
    pub(super) lines: Vec<String>,
    pub(super) number: usize,
    pub(super) has_more: bool,
    pub(super) is_binary: bool,
    keep: Keep,
}

impl Matches {
    pub(super) fn none_yet(path: ProjectPath, keep: Keep) -> Self {
        Self { path, lines: Vec::new(), number: 0, has_more: false, is_binary: false, keep }
    }

    /// As grep does: `12:` before a match, `12-` before a line around one.
    fn push(&mut self, number: Option<u64>, mark: char, line: &[u8]) {
        let line = String::from_utf8_lossy(line);
        let line = clip(line.trim_end_matches(['\r', '\n']), LINE);
        self.lines.push(format!("{}{mark}{line}", number.unwrap_or_default()));
    }

    fn push_match(&mut self, it: &SinkMatch<'_>) {
        for (number, line) in (it.line_number().unwrap_or_default()..).zip(it.lines().take(SPAN)) {
            self.push(Some(number), ':', line);
        }
        let left = it.lines().skip(SPAN).count();
        if 0 < left {
            self.lines.push(format!("[{left} more lines of this match]"));
        }
    }
}

impl Sink for Matches {
    type Error = io::Error;

    fn matched(&mut self, _: &Searcher, it: &SinkMatch<'_>) -> Result<bool, io::Error> {
        if self.keep == Keep::Lines(self.number) {
            self.has_more = true;
            return Ok(false);
        }
        self.number += 1;
        match self.keep {
            Keep::Lines(_) if self.is_binary => Ok(false),
            Keep::Lines(_) => {
                self.push_match(it);
                Ok(true)
            }
            Keep::Whether => Ok(false),
            Keep::Number => Ok(true),
        }
    }

    fn context(&mut self, _: &Searcher, it: &SinkContext<'_>) -> Result<bool, io::Error> {
        self.push(it.line_number(), '-', it.bytes());
        Ok(true)
    }

    fn context_break(&mut self, _: &Searcher) -> Result<bool, io::Error> {
        self.lines.push("--".to_owned());
        Ok(true)
    }

    fn binary_data(&mut self, _: &Searcher, _: u64) -> Result<bool, io::Error> {
        self.is_binary = true;
        // That it matches is all that will be said.
        Ok(self.number == 0)
    }

    /// The lines of a binary file are not for reading, and their number means nothing.
    fn finish(&mut self, _: &Searcher, it: &SinkFinish) -> Result<(), io::Error> {
        self.is_binary |= it.binary_byte_offset().is_some();
        if self.is_binary {
            self.lines.clear();
            self.number = self.number.min(1);
            self.has_more = false;
        }
        Ok(())
    }
}
