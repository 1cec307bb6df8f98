//! Replacing one piece of a text: pure, and never a guess.

/// Why a piece was not replaced.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Miss {
    /// It does not occur; the most similar lines, if any are similar enough.
    Nowhere(Option<Nearest>),
    /// It does not occur, but what shall replace it does, once, from this line on.
    AlreadySo(usize),
    /// It begins on each of these lines.
    Several(Vec<usize>),
}

/// The lines that are most like what was looked for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Nearest {
    /// The number of the first line, from 1.
    pub(crate) line: usize,
    pub(crate) lines: Vec<String>,
}

/// How similar lines must be on average to be shown as the nearest, from 0 to 1.
const SIMILAR: f64 = 0.6;

/// A replacement this short may occur anywhere; finding it says nothing.
const TELLING: usize = 12;

/// Above this many comparisons of lines only equal lines count as similar.
const COMPARISONS: usize = 200_000;

/// Above this many comparisons of characters, too: about a tenth of a second.
const CELLS: usize = 50_000_000;

/// Lines longer than this, in bytes, are similar only if they are equal.
const LINE: usize = 400;

/// Replaces `old`, which must occur exactly once, and touches no other byte. A text with CRLF
/// line endings is given CRLF, in whichever way `old` and `new` are written.
pub(crate) fn replace_once(text: &str, old: &str, new: &str) -> Result<String, Miss> {
    let has_crlf = uses_crlf(text);
    let fitted = |it: &str| with_endings(it, has_crlf);
    // A text with both endings may hold `old` just as it is written.
    let readings = [(fitted(old), fitted(new)), (old.to_owned(), new.to_owned())];
    for (old, new) in readings {
        match occurrences(text, &old)[..] {
            [] => {}
            [at] => return Ok([&text[..at], &new, &text[at + old.len()..]].concat()),
            ref several => {
                return Err(Miss::Several(several.iter().map(|at| line_at(text, *at)).collect()));
            }
        }
    }
    match occurrences(text, &fitted(new))[..] {
        [at] if TELLING <= new.trim().len() => Err(Miss::AlreadySo(line_at(text, at))),
        _ => Err(Miss::Nowhere(nearest(text, old))),
    }
}

/// Whether more lines end with CRLF than with LF alone.
fn uses_crlf(text: &str) -> bool {
    let crlf = text.matches("\r\n").count();
    text.matches('\n').count() < 2 * crlf
}

fn with_endings(text: &str, crlf: bool) -> String {
    let text = text.replace("\r\n", "\n");
    if crlf { text.replace('\n', "\r\n") } else { text }
}

/// Where `piece` begins, occurrences that overlap counted each.
fn occurrences(text: &str, piece: &str) -> Vec<usize> {
    let mut found = Vec::new();
    let step = piece.chars().next().map_or(1, char::len_utf8);
    let mut from = 0;
    while let Some(at) =
        text.get(from..).filter(|_| !piece.is_empty()).and_then(|it| it.find(piece))
    {
        found.push(from + at);
        from += at + step;
    }
    found
}

fn line_at(text: &str, at: usize) -> usize {
    text[..at].matches('\n').count() + 1
}

fn nearest(text: &str, old: &str) -> Option<Nearest> {
    let old: Vec<&str> = old.trim_matches(['\r', '\n']).lines().map(str::trim).collect();
    let lines: Vec<&str> = text.lines().collect();
    if old.iter().all(|it| it.is_empty()) || lines.is_empty() {
        return None;
    }
    let exact = COMPARISONS < lines.len() * old.len() || CELLS < cells(&old, &lines);
    let score = |start: usize| {
        let pairs = old.iter().zip(&lines[start..]);
        let sum: f64 = pairs.map(|(old, line)| similarity(old, line.trim(), exact)).sum();
        sum / old.len() as f64
    };
    let scores = (0..lines.len()).map(|it| (it, score(it)));
    // Of equals the first.
    let (start, best) = scores.reduce(|best, it| if best.1 < it.1 { it } else { best })?;
    let end = (start + old.len()).min(lines.len());
    let shown = lines[start..end].iter().map(|it| (*it).to_owned()).collect();
    (SIMILAR <= best).then_some(Nearest { line: start + 1, lines: shown })
}

fn similarity(a: &str, b: &str, exact: bool) -> f64 {
    if a == b {
        return 1.0;
    }
    if exact || !are_comparable(a, b) {
        return 0.0;
    }
    strsim::normalized_levenshtein(a, b)
}

/// Whether lines are neither too unlike in length to count, nor too long to compare.
fn are_comparable(a: &str, b: &str) -> bool {
    let (short, long) = (a.len().min(b.len()), a.len().max(b.len()));
    long <= short * 2 && long <= LINE
}

/// How much it takes to compare each with each.
fn cells(old: &[&str], lines: &[&str]) -> usize {
    let of_line = |line: &&str| -> usize {
        let line = line.trim();
        let comparable = old.iter().filter(|it| **it != line && are_comparable(it, line));
        comparable.map(|it| it.len() * line.len()).sum()
    };
    lines.iter().map(of_line).sum()
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(text: &str, old: &str, new: &str, expected: Expect) {
        expected.assert_eq(&format!("{:?}", replace_once(text, old, new)));
    }

    #[test]
    fn a_piece_that_occurs_once_is_replaced() {
        check("a\nb\nc\n", "b\n", "B\nBB\n", expect![[r#"Ok("a\nB\nBB\nc\n")"#]]);
    }

    #[test]
    fn a_piece_that_occurs_twice_is_left_alone() {
        check("x = 1\ny\nx = 1\n", "x = 1", "x = 2", expect!["Err(Several([1, 3]))"]);
        check("aaa", "aa", "b", expect!["Err(Several([1, 1]))"]);
    }

    #[test]
    fn lf_matches_in_a_file_with_crlf_and_crlf_is_written() {
        check("a\r\nb\r\nc\r\n", "a\nb", "a\nx\nb", expect![[r#"Ok("a\r\nx\r\nb\r\nc\r\n")"#]]);
        check("a\r\nb\r\n", "b", "b\nc", expect![[r#"Ok("a\r\nb\r\nc\r\n")"#]]);
    }

    #[test]
    fn crlf_matches_in_a_file_with_lf_and_lf_is_written() {
        check("a\nb\n", "a\r\nb", "c\r\nd", expect![[r#"Ok("c\nd\n")"#]]);
    }

    #[test]
    fn in_a_file_with_both_endings_the_exact_text_matches() {
        check("a\nb\nc\r\nd\n", "c\r\nd", "e", expect![[r#"Ok("a\nb\ne\n")"#]]);
    }

    #[test]
    fn what_stands_before_the_byte_order_mark_and_lone_returns_stays() {
        check("\u{feff}a\rb\n", "b", "c", expect![[r#"Ok("\u{feff}a\rc\n")"#]]);
    }

    #[test]
    fn a_change_that_was_made_before_is_recognised() {
        check(
            "one\nlet total = 2;\n",
            "let total = 1;",
            "let total = 2;",
            expect!["Err(AlreadySo(2))"],
        );
    }

    #[test]
    fn the_nearest_lines_are_shown_as_they_are() {
        check(
            "fn a() {\n    let x = 1;\n    done();\n}\n",
            "let x = 2;\ndone();",
            "",
            expect![[
                r#"Err(Nowhere(Some(Nearest { line: 2, lines: ["    let x = 1;", "    done();"] })))"#
            ]],
        );
    }

    #[test]
    fn what_is_like_nothing_in_the_file_has_no_nearest() {
        check("alpha\nbeta\n", "something else entirely", "", expect!["Err(Nowhere(None))"]);
    }

    #[test]
    fn in_many_long_lines_only_equal_ones_are_near() {
        let line = |it: usize| format!("{it:0>4}{}", "x".repeat(390));
        let text: Vec<_> = (0..2000).map(line).collect();
        let (text, old) = (text.join("\n"), line(2000));
        check(&text, &old, "", expect!["Err(Nowhere(None))"]);
        let old = [&*line(7), &*line(8), &*old].join("\n");
        let Err(Miss::Nowhere(Some(nearest))) = replace_once(&text, &old, "") else {
            panic!("two of three lines are there");
        };
        assert_eq!(nearest.line, 8);
    }

    proptest! {
        #[test]
        fn bytes_outside_the_piece_never_change(before in "[ab\r\n\u{feff}é]{0,12}", after in "[ab\r\n é]{0,12}", new in "[a\r\nx]{0,6}") {
            let text = format!("{before}MARK{after}");
            let changed = replace_once(&text, "MARK", &new).unwrap();
            prop_assert!(changed.starts_with(&before) && changed.ends_with(&after));
        }

        #[test]
        fn no_text_makes_it_fail(text in ".{0,40}", old in ".{1,4}", new in ".{0,4}") {
            let _ = replace_once(&text, &old, &new);
        }
    }
}
