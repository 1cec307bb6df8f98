//! A unified diff for a person.

use colored::Colorize;

use crate::ui::visible::visible;

/// In colours if they are on. What the lines hold came from anywhere.
pub(crate) fn coloured_diff(diff: &str) -> String {
    let line = |it: &str| {
        let shown = visible(it);
        let line = match it.as_bytes() {
            [b'-', b'-', b'-', b' ', ..] | [b'+', b'+', b'+', b' ', ..] => shown.bold(),
            [b'+', ..] => shown.green(),
            [b'-', ..] => shown.red(),
            [b'@', ..] => shown.cyan(),
            _ => shown.normal(),
        };
        format!("{line}\n")
    };
    diff.lines().map(line).collect()
}
