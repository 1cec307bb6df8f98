//! `agent refactor`: another form for the same, by a plan whose steps are checked by the tests.

use crate::cli::args::{OfSession, Options, OutputFormat, PromptName};
use crate::cli::job::{Way, job};
use crate::cli::mode::must_be_plain;
use crate::cli::surroundings::Surroundings;
use crate::cli::task::{Prompt, Task};
use crate::cli::{Exit, input, undo};

pub(in crate::cli) fn refactor(
    around: &Surroundings,
    options: &Options,
    what: &[String],
) -> anyhow::Result<Exit> {
    must_be_plain(options, "refactor")?;
    let mut job = job(around, options)?;
    job.way = Way::Planned;
    let what = what.join(" ");
    let prompt = job.prompts.about(PromptName::Refactor, &what);
    let prompt = input::with_piped(prompt)?;
    let worked = job.run(Task::Prompt(Prompt::about(&what, prompt)))?;
    if options.output_format == OutputFormat::Text {
        undo::diff(around, &OfSession { session: Some(worked.session) })?;
    }
    Ok(worked.exit)
}
