//! `edit_file`: pieces of a file replaced, all or none, each where it occurs exactly once.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use similar::{ChangeTag, TextDiff};

use crate::tools::after_edit::Touched;
use crate::tools::answer::{Answer, Changed};
use crate::tools::{Budget, Failure, lookup};
use crate::workspace::{Cancel, Change, Miss, Workspace, replace_once};

/// How long to look for the smallest diff; one that is larger says the same.
const LONGEST: Duration = Duration::from_secs(1);

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    path: String,
    edits: Vec<Edit>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Edit {
    /// Text exactly as in the file, without line numbers, long enough to occur only once.
    old: String,
    /// What replaces it.
    new: String,
}

pub(super) fn edit(
    workspace: &Workspace,
    budget: Budget,
    cancel: &Cancel,
    args: Args,
) -> Result<Changed, Failure> {
    if args.edits.is_empty() {
        return Err(Failure::new("`edits` is empty: nothing was changed", "no edits"));
    }
    let file = lookup::read(workspace, cancel, &args.path)?;
    let before = file.text()?.to_owned();
    let mut after = before.to_owned();
    for (n, edit) in args.edits.iter().enumerate() {
        after = apply(&after, edit).map_err(|mut failure| {
            if 1 < args.edits.len() {
                let of = args.edits.len();
                failure.text = format!("edit {} of {of}: {}", n + 1, failure.text);
            }
            failure.text += "\n`";
            failure.text += &file.path().to_string();
            failure.text += "` was not changed.";
            failure
        })?;
    }
    let path = file.path().clone();
    workspace.apply(&[Change::Replace { before: file, bytes: after.clone().into_bytes() }])?;
    let answer = diff(&before, &after, budget);
    Ok(Changed { answer, touched: vec![Touched { path, before: Some(before) }] })
}

fn apply(text: &str, edit: &Edit) -> Result<String, Failure> {
    if edit.old.is_empty() {
        let text = "`old` is empty. To add text, give as `old` the line it shall follow, and \
                    repeat that line in `new`; to write the whole file, use write_file.";
        return Err(Failure::new(text, "nothing to replace"));
    }
    if edit.old == edit.new {
        return Err(Failure::new("`old` and `new` are the same.", "no change"));
    }
    replace_once(text, &edit.old, &edit.new).map_err(|miss| match miss {
        Miss::AlreadySo(line) => Failure::new(
            format!(
                "this is already so: `old` does not occur, and `new` is in the file at line {line}."
            ),
            "already so",
        ),
        Miss::Several(lines) => {
            let numbers: Vec<_> = lines.iter().map(usize::to_string).collect();
            let text = format!(
                "`old` occurs {} times, at lines {}. Give more of the lines around the one you mean.",
                lines.len(),
                numbers.join(", ")
            );
            Failure::new(text, "ambiguous")
        }
        Miss::Nowhere(None) => Failure::new(
            "`old` does not occur in the file, nor anything like it. Read the file again.",
            "no match",
        ),
        Miss::Nowhere(Some(nearest)) => {
            let (first, last) = (nearest.line, nearest.line + nearest.lines.len() - 1);
            let place =
                if first == last { format!("line {first}") } else { format!("lines {first} to {last}") };
            let text = format!(
                "`old` does not occur in the file. The nearest is {place}:\n{}\nCopy `old` from there.",
                nearest.lines.join("\n")
            );
            Failure::new(text, "no match")
        }
    })
}

/// What changed, with the line numbers of the new file.
fn diff(before: &str, after: &str, budget: Budget) -> Answer {
    let [before, after] = [before, after].map(|it| it.trim_start_matches('\u{feff}'));
    let diff = TextDiff::configure().timeout(LONGEST).diff_lines(before, after);
    let changed = |tag| diff.iter_all_changes().filter(|it| it.tag() == tag).count();
    let gist = format!("+{} -{}", changed(ChangeTag::Insert), changed(ChangeTag::Delete));
    let unified = diff.unified_diff().context_radius(2).to_string();
    let total = unified.lines().count();
    let (mut text, taken) = budget.take(unified.lines().map(str::to_owned));
    if taken < total {
        text += "[cut: the edits were made; to see the rest, read the file]\n";
    }
    Answer { text, gist }
}
