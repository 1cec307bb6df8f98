//! `command_output`: what a command has written; input for it, and its end.

use std::rc::Rc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::conversation::{Outcome, Status};
use crate::tools::commands::{Commands, Known, Look};
use crate::tools::output::Spool;
use crate::tools::run_command::{LONGEST, end_words};
use crate::tools::{Budget, Failure};

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    id: String,
    // To wait so long for its end.
    wait_seconds: Option<u32>,
    // A line; its end may be left out.
    input: Option<String>,
    stop: Option<bool>,
    start_line: Option<u32>,
}

/// Arguments by which nothing is done that the start of the command was not already.
pub(super) const LOOKING: &[&str] = &["id", "wait_seconds", "stop", "start_line"];

pub(super) async fn look(
    commands: &Commands,
    budget: Budget,
    args: Args,
    stop: impl Future<Output = ()>,
) -> Result<Outcome, Failure> {
    let Some(known) = commands.find(&args.id) else {
        return match commands.shelf.find(&args.id) {
            Some(_) if args.input.is_some() => Err(has_ended(&args.id)),
            Some(spool) => earlier(&spool, budget, args.start_line),
            None => Err(no_such_command(commands, &args.id)),
        };
    };
    let act = act(&known, &args);
    let stopped = tokio::select! {
        biased;
        () = stop => true,
        acted = act => { acted?; false }
    };
    let outcome = match args.start_line {
        Some(first) => page(&known, first.max(1).into(), budget)?,
        None => news(&known, budget),
    };
    if stopped {
        let text = outcome.text + "[the person stopped the wait, not the command]\n";
        return Ok(Outcome::new(Status::Cancelled, text, "stopped"));
    }
    Ok(outcome)
}

/// Does what is asked besides looking.
async fn act(known: &Rc<Known>, args: &Args) -> Result<(), Failure> {
    let running = known.background().filter(|it| it.ended().is_none());
    let Some(command) = running else {
        return args.input.as_ref().map_or(Ok(()), |_| Err(has_ended(known.id())));
    };
    if let Some(input) = &args.input {
        let end = if input.ends_with('\n') { "" } else { "\n" };
        let answered = known.write(format!("{input}{end}").into_bytes());
        if args.wait_seconds.is_none() {
            answered.await;
        }
    }
    if args.stop == Some(true) {
        command.stop();
        command.end().await;
    } else if let Some(seconds) = args.wait_seconds {
        let time = Duration::from_secs(seconds.into()).min(LONGEST);
        // Not to have ended by then is an answer too.
        let _ = tokio::time::timeout(time, command.end()).await;
    }
    Ok(())
}

fn news(known: &Known, budget: Budget) -> Outcome {
    let mut text = known.news(budget);
    if text.is_empty() {
        text.push_str("[nothing new]\n");
    } else if !text.ends_with('\n') {
        text.push('\n');
    }
    let (state, gist) = state(known.look());
    Outcome::new(Status::Done, format!("{text}[{state}]\n"), gist)
}

fn page(known: &Known, first: u64, budget: Budget) -> Result<Outcome, Failure> {
    let page = known.page(first, budget).map_err(unreadable)?;
    let (state, _) = state(known.look());
    let more =
        if matches!(known.look(), Look::Running) { format!("; {state}") } else { String::new() };
    lines(page, first, &more)
}

/// Of a command that another run of this program started.
fn earlier(spool: &Spool, budget: Budget, start_line: Option<u32>) -> Result<Outcome, Failure> {
    let first = start_line.unwrap_or(1).max(1).into();
    let (text, taken) = spool.page(first, budget).map_err(unreadable)?;
    lines((text, taken, spool.all_lines()), first, "; the command has ended")
}

fn lines(
    (mut text, taken, of): (String, u64, u64),
    first: u64,
    more: &str,
) -> Result<Outcome, Failure> {
    if taken == 0 {
        let text = format!("it has written only {of} lines{more}");
        return Err(Failure::new(text, "no such lines"));
    }
    let last = first + taken - 1;
    let rest =
        if last < of { format!("; go on with start_line {}", last + 1) } else { String::new() };
    text += &format!("[lines {first} to {last} of {of}{rest}{more}]\n");
    Ok(Outcome::new(Status::Done, text, format!("lines {first} to {last}")))
}

fn state(look: Look) -> (String, String) {
    match look {
        Look::Running => ("still running".to_owned(), "still running".to_owned()),
        Look::Ended(ended) => (end_words(ended), end_words(ended)),
        Look::Over => ("it has ended".to_owned(), "ended".to_owned()),
    }
}

fn has_ended(id: &str) -> Failure {
    Failure::new(format!("`{id}` has ended, and reads no input any more"), "has ended")
}

fn no_such_command(commands: &Commands, id: &str) -> Failure {
    let ids = commands.ids();
    let there = match &ids[..] {
        [] => {
            "no command has an id: only those with `background`, or with a long output".to_owned()
        }
        ids => format!("there are {}", ids.join(", ")),
    };
    Failure::new(format!("there is no command `{id}`; {there}"), "no such command")
}

fn unreadable(err: std::io::Error) -> Failure {
    Failure::new(format!("the output cannot be read: {err}"), "cannot be read")
}
