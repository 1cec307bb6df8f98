//! `run_command`: one shell command, bounded in time and output, or left to run in the background.

use std::cell::RefCell;
use std::pin::pin;
use std::rc::Rc;
use std::time::{Duration, Instant};

use schemars::JsonSchema;
use serde::Deserialize;

use crate::conversation::{Outcome, Status};
use crate::sandbox::{self, Command, Ended, Ran};
use crate::tools::commands::{Commands, Known, Look};
use crate::tools::output::Output;
use crate::tools::shell::Shell;
use crate::tools::{Failure, Limits};
use crate::workspace::Workspace;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    command: String,
    /// Default: the project.
    cwd: Option<String>,
    timeout_seconds: Option<u32>,
    background: Option<bool>,
}

pub(super) const LONGEST: Duration = Duration::from_secs(1800);

pub(super) async fn run(
    workspace: &Workspace,
    (shell, commands): (&Shell, &Commands),
    limits: Limits,
    args: Args,
    stop: impl Future<Output = ()>,
) -> Result<Outcome, Failure> {
    if args.command.trim().is_empty() {
        return Err(Failure::new("`command` is empty", "no command"));
    }
    if args.command.contains('\0') {
        return Err(Failure::new("`command` holds a NUL byte", "no command"));
    }
    let directory =
        workspace.directory(&workspace.path(args.cwd.as_deref().unwrap_or_default())?)?;
    let time = args.timeout_seconds.map(|it| Duration::from_secs(it.max(1).into()));
    let time = time.unwrap_or(limits.command).min(LONGEST);

    let command = shell.command(&args.command, &directory)?;
    if args.background == Some(true) {
        return leave((shell, commands), limits, (&command, &args.command), stop).await;
    }
    let limits = Limits { command: time, ..limits };
    to_its_end((shell, commands), limits, (&command, &args.command), &more_time(), stop).await
}

/// Runs the command to its end. The output, then how it ended. How long it took is for the person
/// only: the same command with the same output shall be the same text to the model. Where it took
/// too long, `more` says how it may take longer.
pub(super) async fn to_its_end(
    (shell, commands): (&Shell, &Commands),
    limits: Limits,
    (command, script): (&Command, &str),
    more: &str,
    stop: impl Future<Output = ()>,
) -> Result<Outcome, Failure> {
    let output = Rc::new(RefCell::new(Output::new(&commands.shelf, limits.result)));
    let started = Instant::now();
    let (mut stop, mut aside) = (pin!(stop), pin!(commands.set_aside()));
    let run = async |it: &Command| {
        let (ends, take) = ((&mut stop, &mut aside), &mut |it: &[u8]| {
            output.borrow_mut().push(it);
        });
        sandbox::run_or_leave(it, limits.command, ends, take).await
    };
    let ran = shell.run(command, run).await?.map_err(|err| {
        Failure::new(format!("the command could not be started: {err}"), "not started")
    })?;
    let ended = match ran {
        Ran::Ended(ended) => ended,
        Ran::Left(left) => {
            let known = commands.adopt(script, output, left)?;
            let text = ended_line(known.news(limits.result));
            return Ok(goes_on(&known, &text, "the user has put it into the background: "));
        }
    };
    let took = started.elapsed().as_secs_f64();
    output.borrow_mut().finish();
    let output = commands.keep(script, output);
    let text = ended_line(output.borrow().whole());
    let (status, end, gist) = match ended {
        Ended::Exited(0) => (Status::Done, end_words(ended), end_words(ended)),
        Ended::Exited(_) | Ended::Signalled(_) => {
            (Status::Failed, end_words(ended), end_words(ended))
        }
        Ended::TimedOut => {
            let seconds = limits.command.as_secs();
            let end = format!("stopped after {seconds} s with this output so far{more}");
            (Status::Failed, end, "timed out".to_owned())
        }
        Ended::Stopped => {
            let end = "stopped by the person with this output so far".to_owned();
            (Status::Cancelled, end, "stopped".to_owned())
        }
    };
    Ok(Outcome::new(status, format!("{text}[{end}]\n"), format!("{gist}, {took:.1} s")))
}

/// Starts the command, and goes on when it has said how it begins.
async fn leave(
    (shell, commands): (&Shell, &Commands),
    limits: Limits,
    (command, script): (&Command, &str),
    stop: impl Future<Output = ()>,
) -> Result<Outcome, Failure> {
    let known = commands.start(shell, command, script, limits.result).await?;
    let stopped = tokio::select! {
        biased;
        () = stop => true,
        () = known.settle() => false,
    };
    if stopped {
        if let Some(command) = known.background() {
            command.stop();
        }
        return Ok(Outcome::new(Status::Cancelled, "[stopped by the person]\n", "stopped"));
    }
    let text = ended_line(known.news(limits.result));
    let id = known.id();
    Ok(match known.look() {
        Look::Ended(ended) => {
            let status = if ended == Ended::Exited(0) { Status::Done } else { Status::Failed };
            let end = end_words(ended);
            Outcome::new(status, format!("{text}[{id} has ended: {end}]\n"), end)
        }
        Look::Running | Look::Over => goes_on(&known, &text, ""),
    })
}

/// What is said of a command that goes on, behind what it has written so far.
fn goes_on(known: &Known, text: &str, why: &str) -> Outcome {
    let id = known.id();
    let text = format!(
        "{text}[{why}{id} runs in the background, until the session ends or you stop it; look again \
         with command_output]\n"
    );
    Outcome::new(Status::Done, text, format!("{id} runs in the background"))
}

fn ended_line(mut text: String) -> String {
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

pub(super) fn end_words(ended: Ended) -> String {
    match ended {
        Ended::Exited(code) => format!("exit {code}"),
        Ended::Signalled(signal) => format!("killed by signal {signal}"),
        Ended::TimedOut => "timed out".to_owned(),
        Ended::Stopped => "stopped".to_owned(),
    }
}

fn more_time() -> String {
    format!(
        "; to allow more, give timeout_seconds, at most {}, or background: true for what shall go \
         on running",
        LONGEST.as_secs()
    )
}
