//! What commands of a conversation say about it, and what some have the model asked.

use std::fmt::Write;
use std::io::Write as _;

use anyhow::{Context, bail};
use serde_json::Value;

use crate::agent::{Desk, Host};
use crate::cli::args::PromptName;
use crate::cli::commands::Ground;
use crate::cli::filing::Here;
use crate::cli::job::store;
use crate::cli::own_commands::AtHand;
use crate::cli::prompts::Prompts;
use crate::cli::surroundings::Surroundings;
use crate::cli::undo::{self, counted};
use crate::conversation::{Effect, Entry, Event, Front, ToolSpec, Transcript};
use crate::session::markdown;
use crate::ui::{visible, visible_line};
use crate::workspace::Workspace;

/// What a review ends in where nobody asks for its findings in a form.
const FINDINGS: &str = include_str!("../../prompts/look_over.md");

/// What is reviewed if nothing is named.
const CHANGES: &str = "what is changed in this project and not committed: look at the diff with `git`, and at as \
                       much around it as you need";

/// What `/init`, `/review` and `/test` have the model asked, in the words of the person where they have
/// some.
pub(super) fn task(prompts: &Prompts, name: &str, rest: &str) -> String {
    match (name, rest) {
        ("init", _) => prompts.words(PromptName::Init).0.trim_end().to_owned(),
        ("review", what) => {
            let what = if what.is_empty() { CHANGES } else { what };
            format!("{}\n\n{}", prompts.about(PromptName::Review, what), FINDINGS.trim_end())
        }
        (_, "") => prompts.about(PromptName::RunTests, "this project"),
        (_, what) => prompts.about(PromptName::RunTests, what),
    }
}

/// What is to be done again.
pub(super) enum Again {
    Prompt(String),
    /// A task that is to be planned.
    Plan(String),
}

/// Goes back to before the newest prompt; what it asked for.
pub(super) fn retry<H: Host, F: Front>(
    desk: &mut Desk<H, F>,
    workspace: &Workspace,
) -> anyhow::Result<Again> {
    let Some(prompt) = desk.transcript.prompts().last().copied() else {
        bail!("nothing was said yet");
    };
    let Some(Entry::Prompt(words)) = desk.transcript.entries().get(prompt.at).cloned() else {
        bail!("the newest prompt is not there any more");
    };
    let again = match desk.transcript.is_planned(prompt) {
        true => Again::Plan(desk.task_of(&words).to_owned()),
        false => Again::Prompt(words),
    };
    let left = left_by(workspace, prompt.number as u64)?;
    desk.rewind(prompt);
    if let Some(left) = left {
        desk.front().show(&Event::Warning(&left));
    }
    Ok(again)
}

/// What the last try has left in files, where it has left anything.
fn left_by(workspace: &Workspace, turn: u64) -> anyhow::Result<Option<String>> {
    let changed = workspace.history().map(|it| it.changed()).transpose()?.unwrap_or_default();
    let of_turn = changed.iter().find(|it| it.turn == turn);
    Ok(of_turn.map(|it| {
        let files = undo::named(&it.files);
        format!("files are as the last try left them: {}; `/undo` takes that back", visible(&files))
    }))
}

pub(super) fn newest_answer(transcript: &Transcript) -> anyhow::Result<String> {
    let replies = transcript.entries().iter().rev().filter_map(|it| match it {
        Entry::Reply(reply) if !reply.text.trim().is_empty() => Some(reply.text.trim().to_owned()),
        _ => None,
    });
    replies.into_iter().next().context("there is no answer yet")
}

/// `/export [FILE]`.
pub(super) fn export((around, workspace, id): Here<'_>, file: &str) -> anyhow::Result<String> {
    let store = store(around)?;
    let found = store.find(id, Some(workspace.root())).context("this session is not kept yet")?;
    let held = store.held(&found)?;
    let text = markdown(&held.title, &held.entries);
    write_new(around, file, &format!("session-{id}.md"), &text)
}

/// The same for what is kept nowhere.
pub(super) fn export_chat(
    (around, _, id): Here<'_>,
    transcript: &Transcript,
    file: &str,
) -> anyhow::Result<String> {
    let prompts = transcript.entries().iter().filter_map(|it| match it {
        Entry::Prompt(words) => Some(words),
        _ => None,
    });
    let title = prompts.into_iter().next().context("nothing was said yet")?;
    let text = markdown(&visible_line(title, 60), transcript.entries());
    write_new(around, file, &format!("chat-{id}.md"), &text)
}

fn write_new(around: &Surroundings, file: &str, usual: &str, text: &str) -> anyhow::Result<String> {
    let file = file.trim_matches(['"', '\'']);
    let name = if file.is_empty() { usual } else { file };
    let path = around.directory.join(name);
    let cannot = || format!("cannot write `{}`", path.display());
    // Whatever is there is not ours to replace.
    let mut out = std::fs::File::create_new(&path).with_context(cannot)?;
    out.write_all(text.as_bytes()).with_context(cannot)?;
    Ok(format!("written to {}", visible(name)))
}

pub(super) fn status<H: Host, F: Front>(
    desk: &Desk<H, F>,
    (_, _, id): Here<'_>,
    at_hand: &AtHand,
) -> String {
    let entries = desk.transcript.entries();
    let replies = |from: usize| {
        let of = entries.get(from..).unwrap_or_default().iter();
        of.filter_map(|it| if let Entry::Reply(it) = it { Some(it) } else { None })
    };
    // What answers, says best itself who it is.
    let answered = replies(at_hand.model_from).map(|it| &*it.model).rfind(|it| !it.is_empty());
    let model = answered.or(at_hand.model.as_deref());
    let written: u64 = replies(0).map(|it| u64::from(it.usage.written)).sum();
    let read: u64 = replies(0).map(|it| u64::from(it.usage.read)).sum();
    let mut text = at_hand.header.trim_end_matches(" · /help").to_owned();
    let session = match at_hand.ground {
        Ground::Project => format!("session  {id}"),
        Ground::Model => "chat     kept nowhere".to_owned(),
    };
    let prompts = counted(desk.transcript.prompts().len(), "prompt");
    let _ = write!(text, "\n  {session}, {prompts}");
    if let Some(model) = model {
        let _ = write!(text, "\n  model    {}", visible_line(model, 100));
    }
    let _ = write!(text, "\n  tokens   {read} read, {written} written");
    text
}

pub(super) fn tools(specs: &[ToolSpec]) -> String {
    let lines = specs.iter().map(|it| {
        let does = match it.effect {
            Effect::Reads => "looks",
            Effect::Writes => "writes",
            Effect::Executes => "runs",
            Effect::Asks => "asks",
            Effect::Reaches => "reaches",
        };
        let definition: Value = serde_json::from_str(&it.definition).unwrap_or_default();
        let described = definition["description"].as_str().unwrap_or_default();
        let first = visible_line(first_sentence(described), 200);
        format!("  {:<18}{does:<8}{first}", visible_line(&it.name, 17))
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Without the stop at its end. One behind a letter alone, as in `e.g. `, ends none.
fn first_sentence(text: &str) -> &str {
    let is_end = |at: usize| {
        let (before, behind) = (&text[..at], text[at + 1..].trim_start());
        let last = before.rsplit([' ', '.', '(']).next().unwrap_or_default();
        let is_short = last.chars().count() == 1 && last.chars().all(char::is_alphabetic);
        let begins = behind.chars().next().is_none_or(|it| it.is_uppercase() || it == '`');
        let is_word_over = text[at + 1..].chars().next().is_none_or(char::is_whitespace);
        is_word_over && begins && !is_short
    };
    let end = text.match_indices('.').map(|(at, _)| at).find(|at| is_end(*at));
    &text[..end.unwrap_or(text.len())]
}

/// What the model is told before anything else.
pub(super) fn first_words<H: Host, F: Front>(desk: &Desk<H, F>) -> String {
    let told = desk.transcript.entries().iter().find_map(|it| match it {
        Entry::Opened { system } => Some(system),
        _ => None,
    });
    told.or(desk.system.as_ref())
        .filter(|it| !it.trim().is_empty())
        .map_or_else(|| "nothing".to_owned(), |it| visible(it.trim_end()).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_ends_where_another_begins() {
        let first = [
            ("Reads a file. Lines are numbered.", "Reads a file"),
            ("Looks at it, e.g. Rust files. More.", "Looks at it, e.g. Rust files"),
            ("Runs it (i.e. all) for 3.5 hours. `x` too", "Runs it (i.e. all) for 3.5 hours"),
            ("Reads v1.2 of it. then goes on.\nMore.", "Reads v1.2 of it. then goes on"),
            ("No stop", "No stop"),
            ("", ""),
        ];
        for (text, sentence) in first {
            assert_eq!(first_sentence(text), sentence);
        }
    }
}
