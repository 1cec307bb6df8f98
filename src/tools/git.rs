//! `git`: what is changed, and what was done before.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::tools::answer::{Answer, count};
use crate::tools::page::Page;
use crate::tools::{Budget, Failure, lookup};
use crate::workspace::{Cancel, Compared, Workspace};

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    action: Action,
    path: Option<String>,
    // `--staged` is what models write who know git's command line.
    revision: Option<String>,
    start_line: Option<u32>,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Action {
    Status,
    Diff,
    Log,
    Show,
    Blame,
    Branches,
}

pub(super) fn look(
    workspace: &Workspace,
    budget: Budget,
    cancel: &Cancel,
    args: Args,
) -> Result<Answer, Failure> {
    let path = workspace.path(args.path.as_deref().unwrap_or_default())?;
    let revision = args.revision.as_deref().filter(|it| !it.is_empty());
    if args.action == Action::Blame && path.is_root() {
        return Err(Failure::new("`blame` wants the `path` of a file", "no file"));
    }
    let git = workspace.git()?;
    let mut page = Page::new(args.start_line.unwrap_or(1) as usize, budget);
    let mut each = |it: &str| page.take(it) && !cancel.is_cancelled();
    match args.action {
        Action::Status => git.status(&path, &mut each)?,
        Action::Diff => {
            let compared = match revision {
                Some("--staged" | "--cached") => Compared::Staged,
                Some(revision) => Compared::With(revision),
                None => Compared::WorkTree,
            };
            git.diff(&compared, &path, &mut each)?;
        }
        Action::Log => git.log(&path, revision, cancel, &mut each)?,
        Action::Show => git.show(&path, revision.unwrap_or("HEAD"), &mut each)?,
        Action::Blame => {
            let file = lookup::read(workspace, cancel, args.path.as_deref().unwrap_or_default())?;
            git.blame(&path, &file.text()?.shown(), &mut each)?;
        }
        Action::Branches => git.branches(&mut each)?,
    }
    if let Some(lines) = page.beyond() {
        let text = format!("the answer has only {}", count(lines, "line"));
        return Err(Failure::new(text, "no such lines"));
    }
    let (taken, cut) = (page.taken(), page.cut());
    let mut text = page.into_text();
    if taken == 0 {
        text = nothing(args.action).to_owned();
    }
    if args.action == Action::Status && taken == 1 {
        text += "[nothing is changed]\n";
    }
    if let Some(last) = cut {
        let narrower = match args.action {
            Action::Branches => "",
            Action::Blame => ", or read_file shows the file alone",
            _ => ", or name a path",
        };
        text += &format!("[cut after line {last}; go on with start_line {}{narrower}]\n", last + 1);
    }
    Ok(Answer { text, gist: count(taken, "line") })
}

fn nothing(action: Action) -> &'static str {
    match action {
        Action::Diff => {
            "[no difference; what is staged shows with revision --staged, and a file that git does not know never]\n"
        }
        Action::Log => "[no commits]\n",
        _ => "[nothing]\n",
    }
}
