//! A conversation at the terminal: line in, turn, line in.

use std::pin::pin;

use anyhow::bail;

use crate::agent::{Desk, Finish, Interrupt};
use crate::cli::planning::{self, Person};
use crate::cli::report::report;
use crate::cli::serving::Serving;
use crate::cli::{Exit, undo};
use crate::ui::{self, Line, Screen};
use crate::workspace::{Way, Workspace};

const HELP: &str = "  /help     this list
  /undo     take back what the newest turn changed
  /redo     do it again
  /diff     what this session changed
  /plan     the plan; `/plan TASK` plans before it does, `/plan go` goes on with it
  /context  what fills the model's window
  /compact  sum up the conversation, to make room; say behind it what to keep
  /exit     leave (as Ctrl-D)
A line that ends in \\ goes on in the next. Ctrl-C stops the work and keeps what was done; twice, it leaves.";

const COMMANDS: &[&str] = &["help", "undo", "redo", "diff", "plan", "context", "compact", "exit"];

pub(super) async fn talk(
    desk: &mut Desk<Serving, Screen>,
    person: &Person<'_>,
    workspace: &Workspace,
    leave: &Interrupt,
) -> anyhow::Result<Exit> {
    let Person { keyboard, interrupt, .. } = *person;
    if desk.is_mid_turn() {
        desk.front().note("the last turn was interrupted; going on with it");
        settle(desk.go_on().await);
    }
    if let Err(err) = planning::resume(desk, person).await {
        report(&err);
    }
    let (mut leaving, mut is_cold) = (false, true);
    loop {
        let mut typed = pin!(keyboard.prompt("› "));
        let line = loop {
            tokio::select! {
                biased;
                () = leave.fired() => {
                    keyboard.let_go();
                    return Ok(Exit::Cancelled);
                }
                line = &mut typed => break line,
                // The server reads while the person types.
                () = desk.warm(), if is_cold => is_cold = false,
            }
        };
        is_cold = false;
        let words = match line {
            Line::Entered(words) => words,
            Line::End => return Ok(Exit::Done),
            Line::Interrupted if leaving => return Ok(Exit::Cancelled),
            Line::Interrupted => {
                leaving = true;
                desk.front().note("Ctrl-C again leaves");
                continue;
            }
            Line::Failed(reason) => bail!("cannot read from the terminal: {reason}"),
        };
        leaving = false;
        match words.trim() {
            "" => {}
            "/exit" | "/quit" | "/bye" => return Ok(Exit::Done),
            "/help" | "/?" => desk.front().note(HELP),
            "/undo" => show(desk, undo::reverse(workspace, Way::Undo)),
            "/redo" => show(desk, undo::reverse(workspace, Way::Redo)),
            "/diff" => show(desk, differences(workspace)),
            "/context" => {
                interrupt.clear();
                let measured = desk.context().await.map(|it| ui::context(&it));
                show(desk, measured);
            }
            it if word(it) == "/compact" => {
                interrupt.clear();
                match desk.compact(it.strip_prefix("/compact").unwrap_or_default()).await {
                    Ok(None) => {}
                    Ok(Some(why_not)) => desk.front().note(why_not),
                    Err(err) => report(&err),
                }
            }
            it if word(it) == "/plan" => {
                let task = it.strip_prefix("/plan").unwrap_or_default().trim();
                plan(desk, person, task).await;
            }
            it if is_command(it) => desk.front().note(&unknown(it)),
            _ => {
                interrupt.clear();
                settle(desk.prompt(words).await);
            }
        }
    }
}

async fn plan(desk: &mut Desk<Serving, Screen>, person: &Person<'_>, task: &str) {
    let ended = match (task, desk.plan()) {
        ("" | "show" | "go", None) => {
            return desk.front().note("there is no plan; `/plan TASK` makes one");
        }
        ("" | "show", Some(plan)) => return desk.front().note(&ui::checklist(&plan)),
        ("go", Some(plan)) => {
            desk.front().note(&ui::checklist(&plan));
            planning::retry(desk);
            planning::go_on(desk, person).await
        }
        (task, _) => planning::together(desk, person, task).await,
    };
    match ended {
        Ok(Exit::Done) => {}
        Ok(_) => planning::stands(desk),
        Err(err) => report(&err),
    }
}

/// A turn that failed does not end the conversation.
fn settle(turn: anyhow::Result<Finish>) {
    if let Err(err) = turn {
        report(&err);
    }
}

fn show(desk: &mut Desk<Serving, Screen>, said: anyhow::Result<String>) {
    match said {
        Ok(text) => desk.front().note(&text),
        Err(err) => report(&err),
    }
}

fn differences(workspace: &Workspace) -> anyhow::Result<String> {
    let text = undo::differences(workspace)?;
    Ok(if text.is_empty() { "nothing was changed".to_owned() } else { text.trim_end().to_owned() })
}

fn word(line: &str) -> &str {
    line.split_whitespace().next().unwrap_or_default()
}

/// `/name`, which a path like `/usr/bin` is not.
fn is_command(line: &str) -> bool {
    word(line)
        .strip_prefix('/')
        .is_some_and(|it| !it.is_empty() && it.chars().all(char::is_alphabetic))
}

fn unknown(line: &str) -> String {
    let word = word(line).trim_start_matches('/');
    let nearest = COMMANDS.iter().min_by_key(|it| strsim::osa_distance(it, word));
    let nearest = nearest.filter(|it| strsim::osa_distance(it, word) <= 2);
    match nearest {
        Some(it) => format!("there is no command `/{word}`; did you mean `/{it}`?"),
        None => format!("there is no command `/{word}`; `/help` lists them"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_no_command() {
        assert!(is_command("/help"));
        assert!(is_command("/modle x"));
        assert!(!is_command("/usr/bin/env is missing"));
        assert!(!is_command("/ is full"));
    }

    #[test]
    fn a_mistyped_command_is_guessed() {
        assert_eq!(unknown("/hlep"), "there is no command `/hlep`; did you mean `/help`?");
        assert_eq!(unknown("/frobnicate"), "there is no command `/frobnicate`; `/help` lists them");
    }
}
