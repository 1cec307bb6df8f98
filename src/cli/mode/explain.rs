//! `agent explain`: what something in the project is, and how it works.

use crate::cli::Exit;
use crate::cli::args::Options;
use crate::cli::job::job;
use crate::cli::mode::ABOUT;
use crate::cli::surroundings::Surroundings;
use crate::cli::task::Task;
use crate::conversation::Permission;

pub(in crate::cli) fn explain(
    around: &Surroundings,
    options: &Options,
    what: &[String],
) -> anyhow::Result<Exit> {
    let mut job = job(around, options)?;
    job.settings.permission = Some(Permission::ReadOnly);
    let about = if what.is_empty() { "this project".to_owned() } else { what.join(" ") };
    let prompt = job.prompts.words("explain").0.trim_end().replace(ABOUT, &about);
    job.run(Task::Prompt(prompt)).map(|(exit, _)| exit)
}
