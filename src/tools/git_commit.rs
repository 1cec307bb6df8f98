//! `git_commit`: certain changes, as one commit.

use std::fmt::Write as _;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::tools::Failure;
use crate::tools::answer::{Answer, count};
use crate::workspace::{Wanted, Workspace};

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    message: String,
    paths: Option<Vec<String>>,
    new_branch: Option<String>,
}

pub(super) fn commit(workspace: &Workspace, args: Args) -> Result<Answer, Failure> {
    let paths = args.paths.unwrap_or_default();
    let paths: Vec<_> = paths.iter().map(|it| workspace.path(it)).collect::<Result<_, _>>()?;
    let branch = args.new_branch.as_deref().filter(|it| !it.is_empty());
    let wanted = Wanted { message: &args.message, paths: &paths, branch };
    let done = workspace.commit(&wanted)?;
    let mut text = format!("[{} {}] {}\n", done.branch, done.id, done.subject);
    done.changes.iter().for_each(|it| text += &format!("{it}\n"));
    for note in &done.notes {
        let _ = writeln!(text, "[{note}]");
    }
    let gist = format!("{} on {}", count(done.changes.len(), "file"), done.branch);
    Ok(Answer { text, gist })
}
