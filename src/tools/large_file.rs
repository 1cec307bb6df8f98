//! Lines of a file that is too large to be read whole: from its start to the last line that is
//! wanted, a piece at a time.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read};

use crate::tools::answer::{Answer, count};
use crate::tools::read_file::Range;
use crate::tools::{Budget, Failure};
use crate::workspace::{Cancel, FileError, ProjectPath, Workspace, binary};

/// How many bytes are looked at in one go.
const PIECE: usize = 256 * 1024;

/// The most bytes of a line that are kept: the rest would not be shown.
const HEAD: usize = 8 * 1024;

/// The most characters that are shown of a line of which only the head is known.
const START: usize = 1900;

pub(super) fn read(
    workspace: &Workspace,
    budget: Budget,
    cancel: &Cancel,
    (path, size): (&ProjectPath, u64),
    range: Range,
) -> Result<Answer, Failure> {
    let mut file = workspace.open_file(path)?;
    let failed = |err: &io::Error| Failure::from(FileError::io("read", path, err));
    let mut lines = Lines { range, budget, ..Lines::default() };
    let mut piece = vec![0; PIECE];
    loop {
        let length = fill(&mut file, &mut piece).map_err(|err| failed(&err))?;
        if lines.is_at_start() {
            let kind = binary(&piece[..length]);
            let has_nul = piece[..length.min(8000)].contains(&0);
            if let Some(kind) = kind.or_else(|| has_nul.then(|| "a binary file".to_owned())) {
                let text =
                    format!("`{path}` is {kind}, {size} bytes; it cannot be shown as text\n");
                return Ok(Answer { text, gist: kind });
            }
        }
        lines.take(&piece[..length]);
        if lines.is_done || length < PIECE || cancel.is_cancelled() {
            break;
        }
    }
    lines.finish(path, size)
}

/// As much as there is room for, unless the file ends before.
fn fill(file: &mut File, piece: &mut [u8]) -> io::Result<usize> {
    let mut length = 0;
    while length < piece.len() {
        match file.read(&mut piece[length..]) {
            Ok(0) => break,
            Ok(more) => length += more,
            Err(err) if err.kind() == io::ErrorKind::Interrupted => {}
            Err(err) => return Err(err),
        }
    }
    Ok(length)
}

#[derive(Debug, Default)]
struct Lines {
    range: Range,
    budget: Budget,
    /// How many lines have ended, and how many bytes of the next have been met.
    ended: usize,
    length: usize,
    head: Vec<u8>,
    shown: String,
    taken: usize,
    is_done: bool,
}

impl Lines {
    fn is_at_start(&self) -> bool {
        self.ended == 0 && self.length == 0
    }

    fn take(&mut self, mut piece: &[u8]) {
        while !piece.is_empty() && !self.is_done {
            let end = piece.iter().position(|it| *it == b'\n');
            let (line, rest) = piece.split_at(end.unwrap_or(piece.len()));
            self.length += line.len();
            if self.range.first <= self.ended + 1 {
                let room = HEAD.saturating_sub(self.head.len()).min(line.len());
                self.head.extend_from_slice(&line[..room]);
            }
            piece = rest;
            if end.is_some() {
                self.end_line();
                piece = &rest[1..];
            }
        }
    }

    fn end_line(&mut self) {
        self.ended += 1;
        if self.range.first <= self.ended {
            self.show();
        }
        self.length = 0;
        self.head.clear();
    }

    fn show(&mut self) {
        let head = String::from_utf8_lossy(&self.head);
        let line = if self.head.len() < self.length {
            let start: String = head.chars().take(START).collect();
            format!("{}\t{start} [… cut: the line has {} bytes]", self.ended, self.length)
        } else {
            format!("{}\t{}", self.ended, head.trim_end_matches('\r'))
        };
        let room = Budget(self.budget.0.saturating_sub(self.shown.chars().count()));
        let (line, _) = room.take(std::iter::once(line));
        if 0 < self.taken && room.0 < line.chars().count() {
            self.is_done = true;
            return;
        }
        self.shown += &line;
        self.taken += 1;
        self.is_done = self.range.last <= self.ended;
    }

    fn finish(mut self, path: &ProjectPath, size: u64) -> Result<Answer, Failure> {
        if 0 < self.length && !self.is_done {
            self.end_line();
        }
        let (first, size) = (self.range.first, size / 1024 / 1024);
        if self.taken == 0 {
            let text = format!("`{path}` has only {}", count(self.ended, "line"));
            return Err(Failure::new(text, "no such lines"));
        }
        let last = first + self.taken - 1;
        let next = last + 1;
        let _ = match self.is_done {
            false => {
                writeln!(self.shown, "[lines {first} to {last}, where the file ends; {size} MiB]")
            }
            true if last == self.range.last => {
                writeln!(self.shown, "[lines {first} to {last} of a file of {size} MiB]")
            }
            true => writeln!(
                self.shown,
                "[cut: lines {first} to {last} of a file of {size} MiB; go on with start_line {next}]"
            ),
        };
        Ok(Answer { text: self.shown, gist: count(self.taken, "line") })
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    /// The same whatever the pieces are.
    #[track_caller]
    fn check(text: &str, range: (usize, usize), budget: usize, expected: Expect) {
        let workspace = tempfile::tempdir().unwrap();
        let path = Workspace::open(workspace.path(), None).unwrap().path("x").unwrap();
        let shown = |size: usize| {
            let range = Range { first: range.0, last: range.1 };
            let mut lines = Lines { range, budget: Budget(budget), ..Lines::default() };
            text.as_bytes().chunks(size).for_each(|it| lines.take(it));
            lines.finish(&path, 40 << 20).map_or_else(|it| it.text, |it| it.text)
        };
        let whole = shown(text.len());
        (1..10).for_each(|size| assert_eq!(shown(size), whole, "in pieces of {size}"));
        expected.assert_eq(&whole);
    }

    #[test]
    fn a_range_is_shown() {
        check(
            "a\nb\r\nc\nd",
            (2, 3),
            99,
            expect![[r#"
            2	b
            3	c
            [lines 2 to 3 of a file of 40 MiB]
        "#]],
        );
        check(
            "a\nb\nc",
            (2, usize::MAX),
            99,
            expect![[r#"
            2	b
            3	c
            [lines 2 to 3, where the file ends; 40 MiB]
        "#]],
        );
        check("a\nb\n", (3, 4), 99, expect!["`x` has only 2 lines"]);
    }

    #[test]
    fn what_does_not_fit_is_cut_with_how_to_go_on() {
        check(
            "abc\ndef\nghi\njkl\n",
            (1, usize::MAX),
            12,
            expect![[r#"
            1	abc
            2	def
            [cut: lines 1 to 2 of a file of 40 MiB; go on with start_line 3]
        "#]],
        );
    }

    #[test]
    fn of_a_long_line_the_start_is_shown() {
        let line = "x".repeat(HEAD + 1) + "\nnext\n";
        let mut lines =
            Lines { range: Range { first: 1, last: 1 }, budget: Budget(99), ..Lines::default() };
        lines.take(line.as_bytes());
        assert!(lines.shown.len() < 2100, "{}", lines.shown.len());
    }
}
