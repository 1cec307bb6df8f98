//! What there is to do, and in which forms it is asked and answered.

use std::path::Path;

use anyhow::{Context, bail};
use clap::CommandFactory;

use crate::agent::Form;
use crate::cli::args::{InputFormat, Options, OutputFormat, Typed};
use crate::cli::commands::Ground;
use crate::cli::surroundings::Surroundings;
use crate::cli::{WrongUsage, input};

/// What is asked, and what of it a person typed: only there a file may be named that goes with it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Prompt {
    pub(super) text: String,
    pub(super) typed: String,
}

impl Prompt {
    /// All of it is typed.
    pub(super) fn typed(text: String) -> Self {
        Self { typed: text.clone(), text }
    }

    /// It is in our words, about something that was typed.
    pub(super) fn about(typed: &str, text: String) -> Self {
        Self { text, typed: typed.to_owned() }
    }
}

/// Where the prompts come from.
#[derive(Debug, PartialEq)]
pub(super) enum Task {
    /// From the person at the terminal.
    Conversation,
    /// There is this one.
    Prompt(Prompt),
    /// From a program, as lines of JSON.
    Stream,
}

/// What was typed and piped in, unless it cannot be meant.
pub(super) fn task(options: &Options, words: &[String]) -> anyhow::Result<Task> {
    suspect_subcommand(words)?;
    let is_stream = options.output_format == OutputFormat::StreamJson;
    if options.json_schema.is_some() && options.output_format == OutputFormat::Text {
        bail!(WrongUsage(
            "an answer that satisfies a schema is for programs\n\
             hint: add `--output-format json`, and read `structured_output` of it"
                .to_owned()
        ));
    }
    if options.plan
        && (options.json_schema.is_some() || options.input_format == InputFormat::StreamJson)
    {
        bail!(WrongUsage(
            "`--plan` is for one prompt, and its result has a form of its own\n\
             hint: leave out `--input-format` and `--json-schema`, or `--plan`"
                .to_owned()
        ));
    }
    let task = match options.input_format {
        InputFormat::Text => {
            input::prompt(words, Ground::Project)?.map_or(Task::Conversation, Task::Prompt)
        }
        InputFormat::StreamJson if !words.is_empty() => bail!(WrongUsage(
            "prompts come from standard input, so none can be typed\n\
             hint: leave out `--input-format`, or the prompt"
                .to_owned()
        )),
        InputFormat::StreamJson if !is_stream => bail!(WrongUsage(
            "several prompts have several answers\n\
             hint: add `--output-format stream-json`"
                .to_owned()
        )),
        InputFormat::StreamJson => Task::Stream,
    };
    if task == Task::Conversation && options.output_format != OutputFormat::Text {
        bail!(WrongUsage(
            "JSON is for a single prompt\n\
             hint: say what to do, as in: agent --output-format json \"fix the failing tests\""
                .to_owned()
        ));
    }
    Ok(task)
}

/// A single word that is nearly a subcommand is a slip, not a task.
pub(super) fn suspect_subcommand(words: &[String]) -> anyhow::Result<()> {
    let [word] = words else { return Ok(()) };
    if word.ends_with(['?', '!', '.']) {
        return Ok(());
    }
    let command = Typed::command();
    let mut names = command.get_subcommands().map(clap::Command::get_name);
    // Of a short name little is left when two letters go: who says hello does not want help.
    let most = |name: &str| if name.len() < 6 { 1 } else { 2 };
    let is_near = |name: &&str| (1..=most(name)).contains(&strsim::osa_distance(name, word));
    let Some(near) = names.find(is_near) else {
        return Ok(());
    };
    bail!(WrongUsage(format!(
        "there is no subcommand `{word}`; did you mean `agent {near}`?\n\
         hint: if it is a prompt: agent -- {word}"
    )));
}

/// The form that a file with a JSON schema describes.
pub(super) fn form(around: &Surroundings, path: &Path) -> anyhow::Result<Form> {
    let cannot = || format!("cannot use the schema `{}`", path.display());
    let text = std::fs::read(around.directory.join(path)).with_context(cannot)?;
    let schema = serde_json::from_slice(&text).context("it is not JSON").with_context(cannot)?;
    Form::new(schema).with_context(cannot)
}
