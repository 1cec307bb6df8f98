//! What changed in a text, as a model reads it.

use similar::ChangeTag;

use crate::tools::Budget;
use crate::workspace::line_diff;

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
    let diff = line_diff(before, after);
    let changed = |tag| diff.iter_all_changes().filter(|it| it.tag() == tag).count();
    let (added, removed) = (changed(ChangeTag::Insert), changed(ChangeTag::Delete));
    let unified = diff.unified_diff().context_radius(2).to_string();
    let total = unified.lines().count();
    let (text, taken) = budget.take(unified.lines().map(str::to_owned));
    Diff { text, is_cut: taken < total, added, removed }
}
