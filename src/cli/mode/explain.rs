//! `agent explain`: what something in the project is, and how it works.

use crate::cli::args::{Options, PromptName};
use crate::cli::mode::{looking, must_be_plain};
use crate::cli::surroundings::Surroundings;
use crate::cli::task::{Prompt, Task};
use crate::cli::{Exit, input};

pub(in crate::cli) fn explain(
    around: &Surroundings,
    options: &Options,
    what: &[String],
) -> anyhow::Result<Exit> {
    must_be_plain(options, "explain")?;
    let job = looking(around, options)?;
    let about = if what.is_empty() { "this project".to_owned() } else { what.join(" ") };
    let prompt = input::with_piped(job.prompts.about(PromptName::Explain, &about))?;
    job.run(Task::Prompt(Prompt::about(&about, prompt))).map(|it| it.exit)
}
