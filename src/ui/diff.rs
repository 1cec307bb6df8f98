//! A unified diff for a person.

use std::borrow::Cow;

use imara_diff::{Algorithm, Diff, InternedInput};

use crate::ui::palette::{Look, Paint, Role};
use crate::ui::visible::visible;

/// A longer diff is only summed up.
pub(super) const LONGEST: usize = 40;

/// A file and how many of its lines come and go.
pub(super) fn summary(path: &str, added: usize, removed: usize) -> String {
    let (added, removed) = (format!("+{added}"), format!("-{removed}"));
    format!("{path}  {} {}", added.as_role(Role::Added), removed.as_role(Role::Removed))
}

/// In colours if they are on. What the lines hold came from anywhere.
pub(crate) fn coloured_diff(diff: &str) -> String {
    let line = |it: &str| {
        let shown = visible(it);
        let line = match it.as_bytes() {
            [b'-', b'-', b'-', b' ', ..] | [b'+', b'+', b'+', b' ', ..] => shown.strong(),
            [b'+', ..] => shown.as_role(Role::Added),
            [b'-', ..] => shown.as_role(Role::Removed),
            [b'@', ..] => shown.as_role(Role::Place),
            _ => shown.into_owned(),
        };
        format!("{line}\n")
    };
    diff.lines().map(line).collect()
}

/// A part of a line: whether it is what makes the line another.
type Part = (bool, String);

/// A line of a diff as it is shown.
#[derive(Debug, PartialEq)]
struct Row {
    mark: char,
    number: usize,
    parts: Vec<Part>,
}

/// The lines of a diff with their numbers; where one line became another, the words that did.
pub(super) fn numbered_diff(lines: &[&str]) -> Vec<String> {
    let lines = with_ends(lines);
    let lines: Vec<&str> = lines.iter().map(|it| &**it).collect();
    let mut shown = Vec::new();
    let (mut old, mut new) = (1, 1);
    let mut at = 0;
    let mut is_begin = true;
    while let Some(line) = lines.get(at) {
        let block = &lines[at..];
        match line.chars().next() {
            Some('@') => {
                (old, new) = places(line).unwrap_or((old, new));
                if !std::mem::take(&mut is_begin) {
                    shown.push("       …".quiet());
                }
                at += 1;
            }
            Some('=') => {
                shown.push(format!("    {line}").quiet());
                is_begin = true;
                at += 1;
            }
            Some('-' | '+') => {
                let gone = block.iter().take_while(|it| it.starts_with('-')).count();
                let come = block[gone..].iter().take_while(|it| it.starts_with('+')).count();
                let rows = changed(&block[..gone], &block[gone..gone + come], (old, new));
                shown.extend(rows.iter().map(row_line));
                (old, new, at) = (old + gone, new + come, at + gone + come);
            }
            _ => {
                let parts = vec![(false, line.get(1..).unwrap_or_default().to_owned())];
                shown.push(row_line(&Row { mark: ' ', number: new, parts }));
                (old, new, at) = (old + 1, new + 1, at + 1);
            }
        }
    }
    shown
}

/// The lines with what is said of their ends, which a diff has in a line behind.
fn with_ends<'a>(lines: &[&'a str]) -> Vec<Cow<'a, str>> {
    let mut whole: Vec<Cow<'a, str>> = Vec::new();
    for line in lines {
        match whole.last_mut().filter(|_| line.starts_with('\\')) {
            Some(last) => *last += "  (no end of line)",
            None => whole.push((*line).into()),
        }
    }
    whole
}

/// Where a hunk begins before and after.
fn places(head: &str) -> Option<(usize, usize)> {
    let mut numbers = head.split_whitespace().filter_map(|it| {
        let it = it.strip_prefix(['-', '+'])?;
        it.split(',').next()?.parse::<usize>().ok()
    });
    Some((numbers.next()?, numbers.next()?))
}

fn changed(gone: &[&str], come: &[&str], (old, new): (usize, usize)) -> Vec<Row> {
    let row = |mark, number, parts| Row { mark, number, parts };
    let whole = |line: &str| vec![(false, line[1..].to_owned())];
    let pairs: Vec<_> = if gone.len() == come.len() {
        gone.iter().zip(come).map(|(a, b)| words(&a[1..], &b[1..])).collect()
    } else {
        Vec::new()
    };
    let before = gone.iter().enumerate().map(|(nth, line)| {
        let parts = pairs.get(nth).map_or_else(|| whole(line), |it| it.0.clone());
        row('-', old + nth, parts)
    });
    let after = come.iter().enumerate().map(|(nth, line)| {
        let parts = pairs.get(nth).map_or_else(|| whole(line), |it| it.1.clone());
        row('+', new + nth, parts)
    });
    before.chain(after).collect()
}

/// Two lines in parts that they share and parts that they do not; whole, where they share little.
fn words(old: &str, new: &str) -> (Vec<Part>, Vec<Part>) {
    let (a, b) = (tokens(old), tokens(new));
    let mut input = InternedInput::default();
    input.update_before(a.iter().copied());
    input.update_after(b.iter().copied());
    let diff = Diff::compute(Algorithm::MyersMinimal, &input);
    let before = parts(&a, |it| diff.is_removed(it));
    let after = parts(&b, |it| diff.is_added(it));
    let same: usize = before.iter().filter(|it| !it.0).map(|it| it.1.trim().len()).sum();
    let lengths = [old.trim().len(), new.trim().len()];
    let [shorter, longer] = [lengths[0].min(lengths[1]), lengths[0].max(lengths[1])];
    // A line that is kept and added to is marked, too.
    if same * 2 < shorter || same * 4 < longer {
        return (vec![(false, old.to_owned())], vec![(false, new.to_owned())]);
    }
    (before, after)
}

/// Tokens of the same kind as one.
fn parts(tokens: &[&str], is_other: impl Fn(u32) -> bool) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let other = is_other(at as u32);
        match parts.last_mut().filter(|it| it.0 == other) {
            Some(last) => last.1 += token,
            None => parts.push((other, (*token).to_owned())),
        }
    }
    parts
}

/// Words, and each other letter by itself.
fn tokens(line: &str) -> Vec<&str> {
    let is_word = |it: char| it.is_alphanumeric() || it == '_';
    let (mut tokens, mut rest) = (Vec::new(), line);
    while let Some(c) = rest.chars().next() {
        let end = if is_word(c) {
            rest.find(|it| !is_word(it)).unwrap_or(rest.len())
        } else {
            c.len_utf8()
        };
        let (token, behind) = rest.split_at(end);
        tokens.push(token);
        rest = behind;
    }
    tokens
}

fn row_line(Row { mark, number, parts }: &Row) -> String {
    let look = match mark {
        '+' => Role::Added.look(),
        '-' => Role::Removed.look(),
        _ => Role::Quiet.look(),
    };
    let other = look.with(Look::BOLD).with(Look::UNDERLINED);
    let mut line = format!("{number:>8}").quiet();
    line += &format!(" {mark}").paint(look);
    for (is_other, text) in parts {
        line += &text.paint(if *is_other { other } else { look });
    }
    line
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[track_caller]
    fn check(old: &str, new: &str, expected: Expect) {
        let marked = |parts: &[Part]| -> String {
            parts
                .iter()
                .map(|(other, it)| if *other { format!("[{it}]") } else { it.clone() })
                .collect()
        };
        let (before, after) = words(old, new);
        expected.assert_eq(&format!("{}\n{}\n", marked(&before), marked(&after)));
    }

    #[test]
    fn what_makes_a_line_another_is_marked() {
        check(
            "let x = parse(text);",
            "let x = parse(&line);",
            expect![[r#"
            let x = parse([text]);
            let x = parse([&line]);
        "#]],
        );
        check(
            "nothing of this",
            "is like that at all",
            expect![[r#"
            nothing of this
            is like that at all
        "#]],
        );
        check(
            "[ $(($1 % 4)) -eq 0 ]",
            "[ $(($1 % 4)) -eq 0 ] && { [ $(($1 % 100)) -ne 0 ]; }",
            expect![[r#"
                [ $(($1 % 4)) -eq 0 ]
                [ $(($1 % 4)) -eq 0 ][ && { [ $(($1 % 100)) -ne 0 ]; }]
            "#]],
        );
        check(
            "    a",
            "a",
            expect![[r#"
            [    ]a
            a
        "#]],
        );
    }

    #[test]
    fn a_hunk_says_where_it_begins() {
        assert_eq!(places("@@ -12,3 +14 @@ fn main()"), Some((12, 14)));
        assert_eq!(places("@@ what"), None);
    }
}
