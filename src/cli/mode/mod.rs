//! Fixed tasks: a prompt of ours, what may be done for it, and the form of the answer.

mod commit;
mod explain;
mod refactor;
mod review;
mod test;

use anyhow::bail;
use serde_json::Value;

use crate::agent::Form;
use crate::cli::args::{InputFormat, Options, OutputFormat, PromptName};
use crate::cli::job::{Job, Worked, job};
use crate::cli::surroundings::Surroundings;
use crate::cli::task::{Prompt, Task};
use crate::cli::{Exit, WrongUsage};
use crate::conversation::Permission;
use crate::workspace::{Compared, FileError};

pub(super) use commit::commit;
pub(super) use explain::explain;
pub(super) use refactor::refactor;
pub(super) use review::review;
pub(super) use test::test;

/// So much of a diff stands in a prompt. The model can look at the rest.
const MOST: usize = 24 * 1024;

/// A fixed task has a form of its own: options that ask for another cannot be meant.
pub(super) fn must_be_plain(options: &Options, name: &str) -> anyhow::Result<()> {
    let odd = match () {
        () if options.plan => "--plan",
        () if options.json_schema.is_some() => "--json-schema",
        () if options.input_format != InputFormat::Text => "--input-format",
        () => return Ok(()),
    };
    bail!(WrongUsage(format!(
        "`{odd}` is for prompts of your own, not for `agent {name}`\nhint: leave it out"
    )))
}

/// The same where the answer is printed in words, by us.
fn must_be_words(options: &Options, name: &str, hint: &str) -> anyhow::Result<()> {
    must_be_plain(options, name)?;
    match options.output_format {
        OutputFormat::Text => Ok(()),
        _ => bail!(WrongUsage(format!(
            "`agent {name}` does not know `--output-format`\nhint: {hint}"
        ))),
    }
}

/// Work for which nothing is changed. Already now it sees no more than the person lets the model see.
fn looking<'a>(around: &'a Surroundings, options: &Options) -> anyhow::Result<Job<'a>> {
    let mut job = job(around, options)?;
    job.settings.permission = Some(Permission::ReadOnly);
    job.heed();
    Ok(job)
}

/// How it ended, and the answer in a form, if it came to that.
fn answer(
    mut job: Job<'_>,
    (name, about): (PromptName, &str),
    form: Value,
) -> anyhow::Result<(Exit, Option<Value>)> {
    job.form = Some(Form::new(form)?);
    let prompt = job.prompts.about(name, about);
    let Worked { exit, transcript, .. } = job.run(Task::Prompt(Prompt::about("", prompt)))?;
    let reply = transcript.reply().filter(|_| exit == Exit::Done);
    Ok((exit, reply.and_then(|it| Form::value(&it.text))))
}

/// The lines of a diff, as many as a prompt has room for, and whether there are more.
fn diff(job: &Job<'_>, compared: &Compared<'_>) -> Result<(String, bool), FileError> {
    let workspace = &job.workspace;
    // By the window that is configured: a token has a letter or more.
    let most = job.settings.llama.context.map_or(MOST, |it| MOST.min(it as usize));
    let (mut text, mut is_cut) = (String::new(), false);
    workspace.git()?.diff(compared, &workspace.path("")?, &mut |line| {
        is_cut = most < text.len() + line.len();
        if !is_cut {
            text += line;
            text += "\n";
        }
        !is_cut
    })?;
    if is_cut {
        text += "[there is more than has room here; the tool git shows it]\n";
    }
    Ok((text, is_cut))
}
