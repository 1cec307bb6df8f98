//! A conversation at the terminal: line in, turn, line in.

use std::pin::pin;

use anyhow::bail;

use crate::agent::{Desk, Finish, Interrupt};
use crate::cli::beginning::{Sought, Which};
use crate::cli::filing::{self, Here};
use crate::cli::planning::{self, Person};
use crate::cli::report::report;
use crate::cli::rewind::rewind;
use crate::cli::serving::Serving;
use crate::cli::{Exit, undo};
use crate::conversation::Stage;
use crate::ui::{self, Line, Screen};
use crate::workspace::{Way, Workspace};

const HELP: &str = "  /help     this list
  /undo     take back what the newest turn changed
  /redo     do it again
  /diff     what this session changed
  /rewind   your prompts so far; `/rewind 3` goes back to before the third
  /plan     the plan; `/plan TASK` plans before it does, `/plan go` goes on with it
  /context  what fills the model's window
  /compact  sum up the conversation, to make room; say behind it what to keep
  /new      a new session; `/clear` is the same
  /sessions the sessions of this project
  /save     give this session a name; `/save parser`
  /load     go on with another session, by its name or id
  /fork     go on from here in a copy; say behind it how to call it
  /delete   delete another session, by its whole name or id
  /exit     leave (as Ctrl-D)
A line that ends in \\ goes on in the next. Ctrl-C stops the work and keeps what was done; twice, it leaves.";

const COMMANDS: &[&str] = &[
    "help", "undo", "redo", "diff", "rewind", "plan", "context", "compact", "new", "clear",
    "sessions", "save", "load", "fork", "delete", "exit",
];

/// Why a conversation is over.
pub(super) enum Left {
    /// The person leaves the program.
    Program(Exit),
    /// The person wants to be in this session.
    Session(Which),
}

pub(super) async fn talk(
    desk: &mut Desk<Serving, Screen>,
    person: &Person<'_>,
    here: Here<'_>,
    leave: &Interrupt,
) -> anyhow::Result<Left> {
    let Person { keyboard, interrupt, .. } = *person;
    let (_, workspace, id) = here;
    if desk.is_mid_turn() {
        desk.front().note("the last turn was interrupted; going on with it");
        settle(desk.go_on().await);
    }
    if let Err(err) = planning::resume(desk, person).await {
        report(&err);
    }
    let (mut leaving, mut is_cold, mut begun) = (false, true, String::new());
    loop {
        let mut typed = pin!(keyboard.prompt("› ", std::mem::take(&mut begun)));
        let line = loop {
            tokio::select! {
                biased;
                () = leave.fired() => {
                    keyboard.let_go();
                    return Ok(Left::Program(Exit::Cancelled));
                }
                line = &mut typed => break line,
                // The server reads while the person types.
                () = desk.warm(), if is_cold => is_cold = false,
            }
        };
        is_cold = false;
        let words = match line {
            Line::Entered(words) => words,
            Line::End => return Ok(Left::Program(Exit::Done)),
            Line::Interrupted if leaving => return Ok(Left::Program(Exit::Cancelled)),
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
            "/exit" | "/quit" | "/bye" => return Ok(Left::Program(Exit::Done)),
            "/help" | "/?" => desk.front().note(HELP),
            "/undo" => show(desk, undo::reverse(workspace, Way::Undo)),
            "/redo" => show(desk, undo::reverse(workspace, Way::Redo)),
            "/diff" => show(desk, differences(workspace)),
            "/new" | "/clear" => return Ok(Left::Session(Which::New)),
            "/sessions" => show(desk, filing::list(here)),
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
            it if word(it) == "/rewind" => {
                let said = rewind(desk, workspace, it);
                begun = said.as_ref().map(|it| it.begun.clone()).unwrap_or_default();
                show(desk, said.map(|it| it.text));
            }
            it if word(it) == "/save" => {
                let said = filing::save(desk, here, rest(it));
                show(desk, said);
            }
            it if word(it) == "/delete" => show(desk, filing::delete(here, rest(it))),
            it if word(it) == "/load" => match filing::to_load(here, rest(it)) {
                Ok(id) => return Ok(Left::Session(Which::Old(Sought::Named(id)))),
                Err(err) => report(&err),
            },
            it if word(it) == "/fork" => match filing::to_fork(desk, here, rest(it)) {
                Ok(name) => {
                    let of = Sought::Named(id.to_owned());
                    return Ok(Left::Session(Which::Fork(of, name)));
                }
                Err(err) => report(&err),
            },
            it if word(it) == "/plan" => {
                let task = it.strip_prefix("/plan").unwrap_or_default().trim();
                plan(desk, person, task).await;
                is_cold = desk.is_cold();
            }
            it if is_command(it) => desk.front().note(&unknown(it)),
            _ => {
                interrupt.clear();
                settle(desk.prompt(words).await);
                is_cold = desk.is_cold();
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
        ("go", Some(plan)) if plan.stage == Stage::Noted || plan.is_over() => {
            desk.front().note(&ui::checklist(&plan));
            let why = if plan.is_over() { "it is done" } else { "these are the model's own notes" };
            return desk.front().note(&format!("there is nothing to carry out: {why}"));
        }
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

fn rest(line: &str) -> &str {
    line.strip_prefix(word(line)).unwrap_or_default()
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
        Some(it) if *it == word => format!("`/{word}` takes nothing behind it"),
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
