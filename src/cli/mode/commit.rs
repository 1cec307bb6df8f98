//! `agent commit`: a message for what is staged, and the commit.

use std::sync::Arc;

use anyhow::{Context, anyhow, bail};
use serde::Deserialize;
use serde_json::json;

use crate::cli::agreed::{Question, agreed};
use crate::cli::args::{Commit, Options, PromptName};
use crate::cli::mode::{answer, diff, looking, must_be_words};
use crate::cli::surroundings::Surroundings;
use crate::cli::{Exit, note, print};
use crate::ui::visible;
use crate::workspace::{Cancel, Compared, FileError, Workspace};

/// So many of the last commits show how messages look here.
const EXAMPLES: usize = 10;

#[derive(Deserialize)]
struct Message {
    subject: String,
    #[serde(default)]
    body: String,
}

pub(in crate::cli) fn commit(
    around: &Surroundings,
    options: &Options,
    wanted: &Commit,
) -> anyhow::Result<Exit> {
    must_be_words(options, "commit", "leave it out")?;
    let job = looking(around, options)?;
    let workspace = Arc::clone(&job.workspace);
    let cannot = |err: FileError| anyhow!("cannot look at what is staged: {err}");
    let staged = workspace.git().and_then(|it| it.staged()).map_err(cannot)?;
    let (changes, _) = diff(&job, &Compared::Staged).map_err(cannot)?;
    if changes.is_empty() {
        bail!("nothing is staged\nhint: `git add` says what belongs to the commit");
    }
    let mut about = format!("The last commits:\n{}", last(&workspace));
    if !wanted.hint.is_empty() {
        about += &format!("\nWhat the user says of it: {}\n", wanted.hint.join(" "));
    }
    about += &format!("\nThe changes:\n\n{}", changes.trim_end());
    let text = json!({"type": "string"});
    let form = json!({
        "type": "object", "additionalProperties": false, "required": ["subject", "body"],
        "properties": {"subject": text, "body": text},
    });
    let (exit, value) = answer(job, (PromptName::Commit, &about), form)?;
    let Some(value) = value else { return Ok(exit) };
    let message = serde_json::from_value(value).context("the message is in another form")?;
    let message = written(&message).context("the model gave no subject")?;
    print(&format!("{}\n", visible(&message)))?;
    if wanted.dry_run {
        return Ok(Exit::Done);
    }
    // Before it is asked: what git would do besides may be what counts here.
    let git = workspace.git().map_err(|err| anyhow!("cannot commit: {err}"))?;
    git.not_done().iter().for_each(|it| note(&format!("warning: {}", visible(it))));
    drop(git);
    if !(wanted.yes || agreed(QUESTION)?) {
        return Ok(Exit::Failed);
    }
    let done = workspace.commit_staged(&message, &staged);
    let done = done.map_err(|err| anyhow!("cannot commit: {err}"))?;
    note(&format!("committed as {} on {}", done.id, visible(&done.branch)));
    Ok(Exit::Done)
}

/// The subjects of the last commits, a line each.
fn last(workspace: &Workspace) -> String {
    let mut lines = Vec::new();
    let Ok(path) = workspace.path("") else { return String::new() };
    // Before the first commit there are none.
    let _ = workspace.git().and_then(|git| {
        git.log(&path, None, &Cancel::default(), &mut |line| {
            lines.push(line.to_owned());
            lines.len() < EXAMPLES
        })
    });
    lines.iter().map(|it| format!("{it}\n")).collect()
}

/// The subject in one line, and the body behind an empty one.
fn written(message: &Message) -> Option<String> {
    let is_harmless = |it: &char| !it.is_control() || *it == '\n';
    let body: String = message.body.chars().filter(is_harmless).collect();
    let blank = |it: char| if it.is_control() { ' ' } else { it };
    let subject: String = message.subject.chars().map(blank).collect();
    let subject = subject.split_whitespace().collect::<Vec<_>>().join(" ");
    let body = body.trim();
    match (subject.is_empty(), body.is_empty()) {
        (true, _) => None,
        (false, true) => Some(subject),
        (false, false) => Some(format!("{subject}\n\n{body}")),
    }
}

const QUESTION: Question<'_> = Question {
    words: "commit with this message?",
    otherwise: "not committed",
    unasked: "`--yes` commits without asking",
};

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(subject: &str, body: &str, expected: Option<&str>) {
        let message = Message { subject: subject.to_owned(), body: body.to_owned() };
        assert_eq!(written(&message).as_deref(), expected);
    }

    #[test]
    fn a_subject_is_one_line() {
        check("git: mends\n it ", " ", Some("git: mends it"));
        check("git: mends it", "Why.\n", Some("git: mends it\n\nWhy."));
        check(" \n", "Why.", None);
    }
}
