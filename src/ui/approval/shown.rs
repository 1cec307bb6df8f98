//! What a call would do, for the person who has to allow it: the files that it would change, by their
//! diff, or the call itself.

use std::fmt::Write;

use crate::conversation::{Call, FileChange, Stakes};
use crate::ui::diff::{LONGEST, numbered_diff, summary};
use crate::ui::in_question::{in_question, plain};
use crate::ui::palette::Paint;
use crate::ui::visible::visible_line;

/// How much of a diff is shown.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Depth {
    /// Of a long one, what it comes to.
    Summary,
    Whole,
}

/// The call whole: as the diff that it makes, where that is known.
pub(super) fn in_full(call: &Call, stakes: &Stakes) -> String {
    match &stakes.changes[..] {
        [] => in_question(call),
        of => format!("{}\n{}", visible_line(&call.tool, 60), changes(of, Depth::Summary)),
    }
}

pub(super) fn is_long(changes: &[FileChange]) -> bool {
    let lines = changes.iter().flat_map(|it| &it.hunks).map(|it| it.lines().count());
    LONGEST < lines.sum()
}

pub(super) fn changes(of: &[FileChange], depth: Depth) -> String {
    let is_short = depth == Depth::Whole || !is_long(of);
    let mut text = String::new();
    for file in of {
        let path = visible_line(&plain(&file.path), 200);
        let fate = match file.fate.is_empty() {
            true => String::new(),
            false => format!(" ({})", visible_line(&plain(&file.fate), 200)),
        };
        let _ = write!(text, "  {}{fate}", summary(&path, file.added, file.removed));
        text.push('\n');
        if is_short {
            let shown = plain(&file.hunks.concat());
            let lines = numbered_diff(&shown.lines().collect::<Vec<_>>());
            text.extend(lines.iter().map(|it| format!("{it}\n")));
        }
    }
    if !is_short {
        let lines: usize = of.iter().flat_map(|it| &it.hunks).map(|it| it.lines().count()).sum();
        text += &format!("  {lines} lines of a diff; d shows them\n").quiet();
    }
    text.trim_end_matches('\n').to_owned()
}

pub(super) fn hunk_heading(nth: usize, of: usize, path: &str) -> String {
    format!("  {} {}", format!("hunk {nth} of {of}:").strong(), visible_line(&plain(path), 200))
}
