//! Which lines differ between two texts.

use std::time::Duration;

use similar::TextDiff;

/// How long to look for the smallest diff; one that is larger says the same.
const LONGEST: Duration = Duration::from_secs(1);

pub(crate) fn line_diff<'a>(before: &'a str, after: &'a str) -> TextDiff<'a, 'a, str> {
    TextDiff::configure().timeout(LONGEST).diff_lines(before, after)
}
