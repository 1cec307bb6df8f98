//! Fixed tasks: a prompt of ours, what may be done for it, and the form of the answer.

mod commit;
mod explain;
mod refactor;
mod review;

use serde_json::Value;

use crate::agent::Form;
use crate::cli::Exit;
use crate::cli::args::Options;
use crate::cli::job::job;
use crate::cli::surroundings::Surroundings;
use crate::cli::task::Task;
use crate::conversation::Permission;
use crate::workspace::{Compared, FileError, Workspace};

pub(super) use commit::commit;
pub(super) use explain::explain;
pub(super) use refactor::refactor;
pub(super) use review::review;

/// So much of a diff stands in a prompt. The model can look at the rest.
const MOST: usize = 24 * 1024;

/// The place of what a prompt is about.
const ABOUT: &str = "$ARGUMENTS";

/// How it ended, and the answer in a form, if it came to that. Nothing is changed for it.
fn answer(
    around: &Surroundings,
    options: &Options,
    (name, about): (&str, &str),
    form: Value,
) -> anyhow::Result<(Exit, Option<Value>)> {
    let mut job = job(around, options)?;
    job.settings.permission = Some(Permission::ReadOnly);
    job.form = Some(Form::new(form)?);
    let prompt = job.prompts.words(name).0.trim_end().replace(ABOUT, about);
    let (exit, transcript) = job.run(Task::Prompt(prompt))?;
    let reply = transcript.reply().filter(|_| exit == Exit::Done);
    Ok((exit, reply.and_then(|it| Form::value(&it.text))))
}

/// The lines of a diff, as many as a prompt has room for, and whether there are more.
fn diff(
    workspace: &Workspace,
    compared: &Compared<'_>,
    most: usize,
) -> Result<(String, bool), FileError> {
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

/// How much of a diff the model is told, by the window that is configured.
fn most(around: &Surroundings, options: &Options) -> anyhow::Result<usize> {
    let context = job(around, options)?.settings.llama.context;
    Ok(context.map_or(MOST, |it| MOST.min(it as usize)))
}
