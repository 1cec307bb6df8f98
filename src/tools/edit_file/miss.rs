//! Why an edit was not made, as a sentence that helps to make it.

use crate::tools::{Budget, Failure};
use crate::workspace::{HunkMiss, Miss};

/// The most line numbers that are told.
const LINES: usize = 20;

/// `old` is what the model knows it by.
pub(super) fn explain(miss: Miss, old: &str, budget: Budget) -> Failure {
    match miss {
        Miss::AlreadySo(line) => Failure::new(
            format!(
                "this is already so: `new` is in the file at line {line}, and `old` nowhere else."
            ),
            "already so",
        ),
        Miss::Several(lines) => {
            let shown: Vec<_> = lines.iter().take(LINES).map(usize::to_string).collect();
            let more = if LINES < lines.len() { " and more" } else { "" };
            let text = format!(
                "`old` occurs {} times, at lines {}{more}. Give more of the lines around the one you \
                 mean.",
                lines.len(),
                shown.join(", ")
            );
            Failure::new(text, "ambiguous")
        }
        Miss::Margin(line) => {
            let text = format!(
                "`old` is in the file at line {}, but without the white space before it, so how \
                 deep the further lines of `new` shall be is not certain. The line is:\n{}\nBegin \
                 `old` with its white space, and give each line of `new` its own.",
                line.line,
                line.lines.join("\n")
            );
            Failure::new(text, "indentation unclear")
        }
        Miss::Nowhere(_) if is_numbered(old) => {
            let text = "`old` does not occur in the file: it begins with line numbers, which \
                        read_file adds. Leave them out.";
            Failure::new(text, "no match")
        }
        Miss::Nowhere(None) => Failure::new(
            "`old` does not occur in the file, nor anything like it. Read the file again.",
            "no match",
        ),
        Miss::Nowhere(Some(nearest)) => {
            let (first, last) = (nearest.line, nearest.line + nearest.lines.len() - 1);
            let place = if first == last {
                format!("line {first}")
            } else {
                format!("lines {first} to {last}")
            };
            let (lines, taken) = budget.share(2).take(nearest.lines.iter().cloned());
            let cut = if taken < nearest.lines.len() { "[cut]\n" } else { "" };
            let text = format!(
                "`old` does not occur in the file. The nearest is {place}:\n{lines}{cut}Copy `old` from \
                 there."
            );
            Failure::new(text, "no match")
        }
    }
}

/// The same for a hunk of a patch.
pub(super) fn explain_hunk(miss: HunkMiss, old: &str, budget: Budget) -> Failure {
    match miss {
        HunkMiss::Lines(miss) => {
            let mut failure = explain(miss, old, budget);
            let words = [
                ("`old` occurs", "its old lines occur"),
                ("`old` does not occur", "its old lines do not occur"),
                ("`new` is in the file", "the new lines are in the file"),
                ("and `old` nowhere else", "and the old ones nowhere else"),
                ("Copy `old` from there", "Copy the old lines from there"),
            ];
            words.iter().for_each(|(from, to)| failure.text = failure.text.replacen(from, to, 1));
            failure
        }
        HunkMiss::NoContext => Failure::new(
            "it only adds lines, so where is not known. Give some of the lines before or after them.",
            "no context",
        ),
        HunkMiss::Overlap => {
            Failure::new("it changes lines that another hunk changes, too.", "overlap")
        }
    }
}

/// Whether each line begins as read_file shows it.
fn is_numbered(old: &str) -> bool {
    let is_number = |it: &str| !it.is_empty() && it.bytes().all(|it| it.is_ascii_digit());
    let numbered = |it: &str| it.split_once('\t').is_some_and(|(n, _)| is_number(n.trim()));
    !old.is_empty() && old.lines().all(numbered)
}
