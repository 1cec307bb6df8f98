//! What changed in a text, as a model reads it.

use crate::tools::Budget;
use crate::workspace::LineDiff;

#[derive(Debug)]
pub(super) struct Diff {
    /// With the line numbers of both, as far as it fits.
    pub(super) text: String,
    pub(super) is_cut: bool,
    pub(super) added: usize,
    pub(super) removed: usize,
}

pub(super) fn diff(before: &str, after: &str, budget: Budget) -> Diff {
    let [before, after] = [before, after].map(|it| it.trim_start_matches('\u{feff}'));
    let diff = LineDiff::of(before, after);
    let unified = diff.unified(2);
    let total = unified.lines().count();
    let (text, taken) = budget.take(unified.lines().map(str::to_owned));
    Diff { text, is_cut: taken < total, added: diff.added(), removed: diff.removed() }
}
