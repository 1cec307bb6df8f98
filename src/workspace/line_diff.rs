//! Which lines differ between two texts.

use std::ops::Range;

use imara_diff::sources::lines;
use imara_diff::{Algorithm, Diff, Hunk, InternedInput};

pub(crate) struct LineDiff<'a> {
    input: InternedInput<&'a str>,
    diff: Diff,
}

/// Lines that differ, with some around them: where they are in both texts, and a hunk of a unified diff.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) before: Range<usize>,
    pub(crate) after: Range<usize>,
    pub(crate) text: String,
}

impl<'a> LineDiff<'a> {
    /// Where a change could stand in several places, it stands where a person would put it.
    pub(crate) fn of(before: &'a str, after: &'a str) -> Self {
        let input = InternedInput::new(lines(before), lines(after));
        let mut diff = Diff::compute(Algorithm::Histogram, &input);
        diff.postprocess_lines(&input);
        Self { input, diff }
    }

    pub(crate) fn added(&self) -> usize {
        self.diff.count_additions() as usize
    }

    pub(crate) fn removed(&self) -> usize {
        self.diff.count_removals() as usize
    }

    /// The places that differ, as numbers of lines from 0.
    pub(in crate::workspace) fn hunks(&self) -> impl Iterator<Item = Hunk> {
        self.diff.hunks()
    }

    /// The lines after the change.
    pub(in crate::workspace) fn after(&self, at: Range<u32>) -> impl Iterator<Item = &'a str> {
        let tokens = &self.input.after[at.start as usize..at.end as usize];
        tokens.iter().map(|it| self.input.interner[*it])
    }

    pub(crate) fn lines_before(&self) -> Vec<&'a str> {
        self.input.before.iter().map(|it| self.input.interner[*it]).collect()
    }

    pub(crate) fn lines_after(&self) -> Vec<&'a str> {
        self.input.after.iter().map(|it| self.input.interner[*it]).collect()
    }

    /// As a unified diff without the names of files, with so many lines around each change.
    pub(crate) fn unified(&self, around: u32) -> String {
        self.places(around).into_iter().map(|it| it.text).collect()
    }

    /// The same, one by one.
    pub(crate) fn places(&self, around: u32) -> Vec<Place> {
        let mut places = Vec::new();
        let mut near: Vec<Hunk> = Vec::new();
        for hunk in self.diff.hunks() {
            if near.last().is_some_and(|it| it.before.end + 2 * around < hunk.before.start) {
                places.extend(self.place(&near, around));
                near.clear();
            }
            near.push(hunk);
        }
        places.extend(self.place(&near, around));
        places
    }

    /// Changes that lie so near to each other that they are shown as one.
    fn place(&self, near: &[Hunk], around: u32) -> Option<Place> {
        let (first, last) = (near.first()?, near.last()?);
        let lead = around.min(first.before.start);
        let trail = around.min(self.input.before.len() as u32 - last.before.end);
        let old = first.before.start - lead..last.before.end + trail;
        let new = first.after.start - lead..last.after.end + trail;
        let mut text = format!("@@ -{} +{} @@\n", numbers(&old), numbers(&new));
        let mut at = old.start;
        for hunk in near {
            self.lines(&mut text, ' ', at..hunk.before.start);
            self.lines(&mut text, '-', hunk.before.clone());
            for line in self.after(hunk.after.clone()) {
                write_line(&mut text, '+', line);
            }
            at = hunk.before.end;
        }
        self.lines(&mut text, ' ', at..old.end);
        let whole = |it: Range<u32>| it.start as usize..it.end as usize;
        Some(Place { before: whole(old), after: whole(new), text })
    }

    fn lines(&self, text: &mut String, mark: char, at: Range<u32>) {
        for token in &self.input.before[at.start as usize..at.end as usize] {
            write_line(text, mark, self.input.interner[*token]);
        }
    }
}

/// An empty range lies behind a line, any other begins with one.
fn numbers(at: &Range<u32>) -> String {
    match at.len() {
        0 => format!("{},0", at.start),
        1 => format!("{}", at.start + 1),
        length => format!("{},{length}", at.start + 1),
    }
}

fn write_line(text: &mut String, mark: char, line: &str) {
    text.push(mark);
    text.push_str(line);
    if !line.ends_with('\n') {
        text.push_str("\n\\ No newline at end of file\n");
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    /// Texts in shorthand: a letter a line, `.` at the end for no end of line.
    #[track_caller]
    fn check(before: &str, after: &str, expected: Expect) {
        let text = |short: &str| {
            let whole: String =
                short.trim_end_matches('.').chars().map(|it| format!("{it}\n")).collect();
            if short.ends_with('.') { whole.trim_end().to_owned() } else { whole }
        };
        let (before, after) = (text(before), text(after));
        let diff = LineDiff::of(&before, &after);
        expected.assert_eq(&format!("+{} -{}\n{}", diff.added(), diff.removed(), diff.unified(1)));
    }

    #[test]
    fn what_is_near_is_one_hunk_and_what_is_far_another() {
        check(
            "abcdefgh",
            "aBcdEfgh",
            expect![[r#"
                +2 -2
                @@ -1,6 +1,6 @@
                 a
                -b
                +B
                 c
                 d
                -e
                +E
                 f
            "#]],
        );
        check(
            "abcdefgh",
            "aBcdefgHi",
            expect![[r#"
                +3 -2
                @@ -1,3 +1,3 @@
                 a
                -b
                +B
                 c
                @@ -7,2 +7,3 @@
                 g
                -h
                +H
                +i
            "#]],
        );
    }

    #[test]
    fn what_is_empty_has_no_line_to_begin_at() {
        check(
            "",
            "a",
            expect![[r#"
                +1 -0
                @@ -0,0 +1 @@
                +a
            "#]],
        );
        check(
            "a",
            "",
            expect![[r#"
                +0 -1
                @@ -1 +0,0 @@
                -a
            "#]],
        );
        check(
            "abc",
            "abc",
            expect![[r#"
                +0 -0
            "#]],
        );
    }

    #[test]
    fn an_end_that_is_missing_is_told() {
        check(
            "ab.",
            "ab",
            expect![[r#"
                +1 -1
                @@ -1,2 +1,2 @@
                 a
                -b
                \ No newline at end of file
                +b
            "#]],
        );
    }
}
