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

/// What a command plants in the repository between a look at it and the writing would be followed,
/// by a process that is not confined.
pub(super) fn must_be_alone(running: &[String]) -> Result<(), Failure> {
    if running.is_empty() {
        return Ok(());
    }
    let text = format!(
        "{} could change the repository meanwhile: stop it with command_output first, or commit \
         with run_command",
        running.join(", ")
    );
    Err(Failure::new(text, "a command is running"))
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
