//! `agent test`: tests in the project's own style, kept only if they run and can fail.

use crate::agent::claims_form;
use crate::cli::Exit;
use crate::cli::args::{Options, PromptName};
use crate::cli::job::{Way, job};
use crate::cli::mode::must_be_plain;
use crate::cli::surroundings::Surroundings;
use crate::cli::task::{Prompt, Task};

pub(in crate::cli) fn test(
    around: &Surroundings,
    options: &Options,
    what: &[String],
) -> anyhow::Result<Exit> {
    must_be_plain(options, "test")?;
    let mut job = job(around, options)?;
    job.way = Way::Proven;
    job.form = Some(claims_form()?);
    let what = what.join(" ");
    let prompt = job.prompts.about(PromptName::Test, &what);
    job.run(Task::Prompt(Prompt::about(&what, prompt))).map(|it| it.exit)
}
