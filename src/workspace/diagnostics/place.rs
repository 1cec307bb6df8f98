//! A place in a file as programs write it: `path:12:5`.

use crate::workspace::diagnostics::{Diagnostic, Severity};

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Place<'a> {
    pub(super) file: &'a str,
    pub(super) line: u32,
    /// 0 where there is none.
    pub(super) column: u32,
}

/// No path is longer.
const LONGEST: usize = 1024;

impl<'a> Place<'a> {
    /// The place at the start of a line, and what follows it.
    pub(super) fn leading(line: &'a str) -> Option<(Self, &'a str)> {
        let (end, line_number, rest) = colons(line)?;
        let file = &line[..end];
        if !is_path(file) {
            return None;
        }
        match number_after_colon(rest) {
            Some((column, rest)) => Some((Self { file, line: line_number, column }, rest)),
            None => Some((Self { file, line: line_number, column: 0 }, rest)),
        }
    }

    /// A text that is a place and nothing else.
    pub(super) fn whole(text: &'a str) -> Option<Self> {
        let text = text.trim();
        Self::leading(text).filter(|(_, rest)| matches!(*rest, "" | ":")).map(|(place, _)| place)
    }

    /// The place in `at name (path:3:29)` or `at path:3:29`.
    pub(super) fn of_frame(line: &'a str) -> Option<Self> {
        let frame = line.trim_start().strip_prefix("at ")?;
        let inside = match (frame.rfind('('), frame.strip_suffix(')')) {
            (Some(open), Some(closed)) => &closed[open + 1..],
            _ => frame.strip_prefix("async ").unwrap_or(frame),
        };
        Self::whole(inside.strip_prefix("file://").unwrap_or(inside))
    }

    pub(super) fn diagnostic(self, severity: Severity, code: &str, message: &str) -> Diagnostic {
        Diagnostic {
            file: self.file.to_owned(),
            line: self.line,
            column: self.column,
            severity,
            code: code.to_owned(),
            message: message.trim().to_owned(),
        }
    }

    /// Whether it lies in code that somebody else wrote.
    pub(super) fn is_foreign(self) -> bool {
        self.file.starts_with("node:") || self.file.contains("node_modules/")
    }
}

/// Whether it can be the path of a file: one word, or words with a name that has an ending.
fn is_path(file: &str) -> bool {
    let name = file.rsplit('/').next().unwrap_or(file);
    let is_long = LONGEST < file.len();
    let is_named = file.contains(['.', '/']) || file == "Makefile" || file == "makefile";
    !is_long
        && is_named
        && !name.is_empty()
        && !file.starts_with([' ', '\t', '(', '[', '"', '\'', '-'])
        && !file.contains(": ")
        && !file.contains("://")
}

/// Where the first `:12` begins, its number, and what follows.
fn colons(line: &str) -> Option<(usize, u32, &str)> {
    for (at, _) in line.match_indices(':') {
        if LONGEST < at {
            return None;
        }
        if let Some((number, rest)) = number_after_colon(&line[at..]) {
            return Some((at, number, rest));
        }
    }
    None
}

fn number_after_colon(text: &str) -> Option<(u32, &str)> {
    leading_number(text.strip_prefix(':')?)
}

/// The number that a text begins with, and what follows.
pub(super) fn leading_number(text: &str) -> Option<(u32, &str)> {
    let end = text.find(|it: char| !it.is_ascii_digit()).unwrap_or(text.len());
    Some((text[..end].parse().ok()?, &text[end..]))
}

/// A message and the code in brackets that ends it: `unused variable [-Wunused]`.
pub(super) fn code_at_end(message: &str) -> (&str, &str) {
    let split = |open: char, close: char| {
        let (text, code) = message.strip_suffix(close)?.rsplit_once(open)?;
        let text = text.strip_suffix(' ')?;
        let is_code = !code.is_empty() && !code.contains(char::is_whitespace);
        is_code.then(|| (text.trim_end(), code))
    };
    split('[', ']').unwrap_or((message, ""))
}
