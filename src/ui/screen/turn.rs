//! What a turn took, in the line behind it.

use std::time::{Duration, Instant};

use crate::conversation::Usage;
use crate::ui::context::grouped;
use crate::ui::status::seconds;

/// What the requests of a turn took.
#[derive(Default)]
pub(super) struct Turn {
    pub(super) began: Option<Instant>,
    pub(super) sum: Usage,
    pub(super) last: Usage,
}

/// What took no longer, a person has not waited for.
const LONG: Duration = Duration::from_secs(5);

/// As much of a list as fits, in whole parts.
pub(super) fn fitting(list: String, width: usize) -> String {
    let mut list = list;
    while width < list.chars().count() {
        let Some((before, _)) = list.rsplit_once(", ") else { break };
        list.truncate(before.len());
    }
    list.chars().take(width).collect()
}

pub(super) fn count_line(turn: &Turn, window: Option<u32>, took: Duration) -> String {
    let Turn { sum, last, .. } = turn;
    let [read, cached, written] = [sum.read, sum.cached, sum.written].map(grouped);
    let mut line = format!("  {read} tokens read, {cached} from cache, {written} written");
    if sum.written_ms > 0.0 {
        line += &format!(" at {:.0}/s", f64::from(sum.written) / sum.written_ms * 1000.0);
    }
    if let Some(window) = window.filter(|it| *it > 0) {
        let percent = u64::from(last.total()) * 100 / u64::from(window);
        line += &format!(", {percent} % of the window");
    }
    if LONG <= took {
        line += &format!(", {}", seconds(took));
    }
    line
}
