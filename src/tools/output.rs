//! What a command writes: plain text of any length in bounded memory, and where the rest of it is.
//!
//! Both ends are kept in memory. When there is more, the whole is written to a file, from which it
//! can be read line by line.

mod plain;
mod shelf;
mod spool;

use std::borrow::Cow;
use std::rc::Rc;

pub(super) use shelf::Shelf;
pub(super) use spool::Spool;

use crate::sandbox::Captured;
use crate::tools::Budget;
use crate::tools::output::plain::Plain;

/// The output of one command.
#[derive(Debug)]
pub(super) struct Output {
    plain: Plain,
    kept: Captured,
    limit: usize,
    shelf: Rc<Shelf>,
    spool: Option<Spool>,
    /// Why there is no file, although one was wanted.
    trouble: Option<String>,
}

/// How far somebody has read.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Mark {
    bytes: u64,
    lines: u64,
}

impl Output {
    /// One that is written to a file when it is longer than the budget.
    pub(super) fn new(shelf: &Rc<Shelf>, budget: Budget) -> Self {
        Self {
            plain: Plain::default(),
            kept: Captured::new(budget.0),
            limit: budget.0,
            shelf: Rc::clone(shelf),
            spool: None,
            trouble: None,
        }
    }

    /// One that is in a file from its start.
    pub(super) fn spooled(shelf: &Rc<Shelf>, budget: Budget) -> std::io::Result<Self> {
        let spool = Some(shelf.spool()?);
        Ok(Self { spool, ..Self::new(shelf, budget) })
    }

    /// Its id, if it is in a file.
    pub(super) fn id(&self) -> Option<&str> {
        self.spool.as_ref().map(Spool::id)
    }

    pub(super) fn spool(&self) -> Option<&Spool> {
        self.spool.as_ref()
    }

    /// Gives up the file.
    pub(super) fn take_spool(&mut self) -> Option<Spool> {
        self.spool.take()
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        let mut text = String::new();
        self.plain.feed(bytes, &mut text);
        self.keep(&text);
    }

    /// No more will come.
    pub(super) fn finish(&mut self) {
        let mut text = String::new();
        self.plain.finish(&mut text);
        self.keep(&text);
    }

    fn keep(&mut self, text: &str) {
        let before = self.kept.head.len() + self.kept.tail.len();
        if self.limit < before + text.len() {
            self.put_down();
        }
        if let Some(spool) = &mut self.spool {
            spool.write(text.as_bytes());
        }
        self.kept.push(text.as_bytes());
    }

    /// Writes it to a file from here on, with all that came before; why there is none, if there is none.
    pub(super) fn put_down(&mut self) -> Option<&str> {
        if self.spool.is_none() && self.trouble.is_none() {
            match self.shelf.spool() {
                Ok(mut spool) => {
                    let tail: Vec<u8> = self.kept.tail.iter().copied().collect();
                    spool.write(&self.kept.head);
                    spool.write(&tail);
                    self.spool = Some(spool);
                }
                Err(err) => self.trouble = Some(err.to_string()),
            }
        }
        self.trouble.as_deref()
    }

    /// The whole, cut in its middle where it is too long.
    pub(super) fn whole(&self) -> String {
        match &self.spool {
            Some(_) => self.since(Mark::default(), Budget(self.limit)).0,
            None => {
                let mut text = self.kept.text();
                if let Some(trouble) = &self.trouble {
                    end_line(&mut text);
                    text += &format!("[what was left out could not be kept: {trouble}]\n");
                }
                text
            }
        }
    }

    /// What has come since `mark`, with the line that is not finished, and how far that is.
    pub(super) fn since(&self, mark: Mark, budget: Budget) -> (String, Mark) {
        let Some(spool) = &self.spool else { return (self.whole(), mark) };
        let end = Mark { bytes: spool.bytes(), lines: spool.lines() };
        let begun = ends_of(self.plain.line(), budget.share(2));
        let budget = Budget(budget.0.saturating_sub(begun.chars().count()));
        let mut text = match spool.lost() {
            None => between(spool, mark, end, budget),
            Some(why) => {
                let half = budget.share(2);
                let mut text = between(spool, mark, end, half);
                end_line(&mut text);
                text += &format!("[… {why}: of what follows only the end is kept …]\n");
                text += &self.tail(half);
                text
            }
        };
        text += &begun;
        (text, end)
    }

    /// The end of the output, from memory, in whole lines if it has some.
    fn tail(&self, budget: Budget) -> String {
        let tail: Vec<u8> = self.kept.tail.iter().copied().collect();
        let from = tail.len().saturating_sub(budget.0);
        let text = String::from_utf8_lossy(&tail[from..]).into_owned();
        match text.split_once('\n') {
            Some((_, rest)) if !rest.is_empty() => rest.to_owned(),
            _ => text,
        }
    }
}

/// The line, or its two ends and how much lies between: what a command asks for stands at the end.
fn ends_of(line: &str, budget: Budget) -> Cow<'_, str> {
    let count = line.chars().count();
    if count <= budget.0 {
        return line.into();
    }
    let half = budget.0 / 2;
    let place = |nth| line.char_indices().nth(nth).map_or(line.len(), |(at, _)| at);
    let (head, tail) = (&line[..place(half)], &line[place(count - half)..]);
    format!("{head} [… {} characters left out …] {tail}", count - 2 * half).into()
}

/// A part of what was written, cut in its middle where it is too long.
fn between(spool: &Spool, from: Mark, to: Mark, budget: Budget) -> String {
    let length = to.bytes - from.bytes;
    if length <= budget.0 as u64 {
        return spool.text(from.bytes, length);
    }
    // `Captured` knows where a cut stands best; the two ends are all it has to see.
    let half = budget.0 as u64 / 2;
    let (head, tail) = (spool.read(from.bytes, half), spool.read(to.bytes - half, half));
    let ends = Captured::ends(head, length - 2 * half, tail);
    let Some((head, omitted, tail)) = ends.cut() else { return ends.text() };
    let (first, last) = (from.lines + lines(&head) + 1, to.lines - lines(&tail));
    let id = spool.id();
    let mut text = head;
    if text.is_empty() || text.ends_with('\n') && first < last {
        text += &format!(
            "[… lines {first} to {last} left out: see them with command_output, id {id}, \
             start_line {first} …]\n"
        );
    } else {
        end_line(&mut text);
        text +=
            &format!("[… {omitted} bytes left out: see command_output, id {id}, start_line 1 …]\n");
    }
    text + &tail
}

fn lines(text: &str) -> u64 {
    text.bytes().filter(|it| *it == b'\n').count() as u64
}

fn end_line(text: &mut String) {
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    use super::*;
    use crate::tools::budget::SLACK;

    fn spooled(budget: Budget, written: &str) -> Output {
        let dir = tempfile::tempdir().unwrap();
        let shelf = Rc::new(Shelf::new(None, dir.path().to_owned()));
        let mut output = Output::spooled(&shelf, budget).unwrap();
        output.push(written.as_bytes());
        output
    }

    #[track_caller]
    fn check(budget: usize, written: &str, expected: Expect) {
        let budget = Budget(budget);
        expected.assert_eq(&spooled(budget, written).since(Mark::default(), budget).0);
    }

    #[test]
    fn a_line_that_has_begun_is_shown_after_the_others() {
        check(
            40,
            "one\ntwo\nname? ",
            expect![[r#"
            one
            two
            name? "#]],
        );
    }

    #[test]
    fn of_a_long_line_that_has_begun_both_ends_are_shown() {
        let line = format!("Downloading ä{}ö. Go on? ", ".".repeat(200));
        check(
            100,
            &format!("one\n{line}"),
            expect![[r#"
            one
            Downloading ä............ [… 173 characters left out …] ...............ö. Go on? "#]],
        );
    }

    proptest! {
        #[test]
        fn what_is_shown_leaves_room_for_what_is_said_of_it(lines in 0usize..300, begun in 0usize..20_000, budget in 0usize..9000) {
            let written = "0123456789äöü\n".repeat(lines) + &"ä".repeat(begun);
            let budget = Budget(budget);
            let (text, _) = spooled(budget, &written).since(Mark::default(), budget);
            prop_assert!(text.chars().count() <= budget.0 + SLACK / 2);
        }
    }
}
