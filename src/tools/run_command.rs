//! `run_command`: one shell command, bounded in time and output.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::conversation::{Outcome, Status};
use crate::sandbox::{self, Ended, Finished};
use crate::tools::shell::Shell;
use crate::tools::{Failure, Limits};
use crate::workspace::Workspace;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    command: String,
    /// A directory of the project; default: its root.
    cwd: Option<String>,
    /// At most 1800.
    timeout_seconds: Option<u32>,
}

const LONGEST: Duration = Duration::from_secs(1800);

pub(super) async fn run(
    workspace: &Workspace,
    shell: &Shell,
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
    let limits = sandbox::Limits { time, output: limits.result.0 };
    let finished = sandbox::run(&command, limits, stop).await.map_err(|err| {
        Failure::new(format!("the command could not be started: {err}"), "not started")
    })?;
    Ok(Outcome { notices: shell.aftermath(), ..outcome(&finished, time) })
}

/// The output, then how it ended. How long it took is for the person only: the same command with
/// the same output shall be the same text to the model.
fn outcome(finished: &Finished, time: Duration) -> Outcome {
    let mut text = finished.output.text();
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    if 0 < finished.output.omitted {
        text +=
            "[to see what was left out, write the output to a file and read that, or filter it]\n";
    }
    let (status, end, gist) = match finished.ended {
        Ended::Exited(0) => (Status::Done, "exit 0".to_owned(), "exit 0".to_owned()),
        Ended::Exited(code) => (Status::Failed, format!("exit {code}"), format!("exit {code}")),
        Ended::Signalled(signal) => {
            let end = format!("killed by signal {signal}");
            (Status::Failed, end.clone(), end)
        }
        Ended::TimedOut => {
            let seconds = time.as_secs();
            let end = format!(
                "stopped after {seconds} s with this output so far; to allow more, give \
                 timeout_seconds, at most {}",
                LONGEST.as_secs()
            );
            (Status::Failed, end, "timed out".to_owned())
        }
        Ended::Stopped => {
            let end = "stopped by the person with this output so far".to_owned();
            (Status::Cancelled, end, "stopped".to_owned())
        }
    };
    text += &format!("[{end}]\n");
    let gist = format!("{gist}, {:.1} s", finished.took.as_secs_f64());
    Outcome::new(status, text, gist)
}
