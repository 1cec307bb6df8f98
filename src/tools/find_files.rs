//! `find_files`: files by name.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::tools::answer::{Answer, count};
use crate::tools::{Budget, Failure, glob, lookup};
use crate::workspace::{Cancel, Kind, Workspace};

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    /// A glob, e.g. *.rs or src/**/test_*.py.
    pattern: String,
    /// A directory to look in.
    path: Option<String>,
}

/// The most files to show.
const MOST: usize = 200;

pub(super) fn find(
    workspace: &Workspace,
    budget: Budget,
    cancel: &Cancel,
    args: Args,
) -> Result<Answer, Failure> {
    let glob = glob::parse(&args.pattern)?;
    let path = workspace.path(args.path.as_deref().unwrap_or_default())?;
    let mut found = lookup::entries(workspace, cancel, &path, None)?;
    found.retain(|it| {
        let below = it.path.as_path().strip_prefix(path.as_path()).unwrap_or(it.path.as_path());
        it.kind != Kind::Directory && (glob.is_match(it.path.as_path()) || glob.is_match(below))
    });
    if found.is_empty() {
        let text = format!("no file matches `{}`\n", args.pattern);
        return Ok(Answer { text, gist: "no files".to_owned() });
    }
    let (mut text, taken) = budget.take(found.iter().take(MOST).map(|it| it.path.to_string()));
    if taken < found.len() {
        let of = found.len();
        text +=
            &format!("[cut: {taken} of {of}; to see the rest, narrow the pattern or the path]\n");
    }
    Ok(Answer { text, gist: count(found.len(), "file") })
}
