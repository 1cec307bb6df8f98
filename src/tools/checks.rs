//! Running what a project is checked by, and what is remembered of it.

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::Path;
use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::sandbox::{self, Captured, Ended, Grant};
use crate::tools::report::Sources;
use crate::tools::shell::Shell;
use crate::workspace::checks::{Command, Purpose};
use crate::workspace::diagnostics::{Diagnostic, Findings, Resolve, understand};
use crate::workspace::{ProjectPath, Workspace};

/// How a person wants checks to be made.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct CheckRules {
    /// Commands of theirs, in place of what the project would be found to want.
    pub(crate) commands: Vec<(Purpose, String)>,
    /// After so many checks that failed alike the model is told to stop; 0 for never.
    pub(crate) attempts: u32,
    pub(crate) after_edit: AfterEdit,
}

/// What may run after an edit without being asked for.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum AfterEdit {
    #[default]
    Nothing,
    /// What reads the file alone, and runs nothing of the project.
    File,
    /// The project's own check too, where it is known to be quick.
    QuickProject,
    /// The project's own check too.
    Project,
}

/// Bytes of an output that are read for what they mean; the model sees less.
const OUTPUT: usize = 4 * 1024 * 1024;

/// Checks of one session.
#[derive(Debug, Default)]
pub(super) struct Checks {
    pub(super) rules: CheckRules,
    memory: Mutex<Memory>,
}

#[derive(Debug, Default)]
struct Memory {
    failing: HashMap<(Purpose, ProjectPath), Failing>,
    known: HashMap<(ProjectPath, String), Known>,
}

/// Checks that failed one after the other.
#[derive(Clone, Copy, Debug)]
struct Failing {
    times: u32,
    fewest: usize,
}

/// How a project was when it was last checked.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    pub(super) signs: HashSet<Sign>,
    pub(super) took: Duration,
}

/// What tells a diagnostic from another one, wherever its line has moved to.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(super) struct Sign {
    file: String,
    code: String,
    message: String,
    line: String,
}

/// A command that ran.
#[derive(Debug)]
pub(super) struct Ran {
    pub(super) ended: Ended,
    pub(super) found: Findings,
    pub(super) output: String,
    pub(super) took: Duration,
}

impl Checks {
    pub(super) fn new(rules: CheckRules) -> Self {
        Self { rules, ..Self::default() }
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What failed in an earlier turn is no attempt of this one.
    pub(super) fn turn_begins(&self) {
        self.memory().failing.clear();
    }

    /// Takes down that a check failed with so many problems, or none; true when it is time to stop.
    pub(super) fn attempted(&self, purpose: Purpose, dir: &ProjectPath, problems: usize) -> bool {
        let key = (purpose, dir.clone());
        let mut memory = self.memory();
        if problems == 0 {
            memory.failing.remove(&key);
            return false;
        }
        let failing = memory.failing.entry(key).or_insert(Failing { times: 0, fewest: problems });
        if problems < failing.fewest {
            *failing = Failing { times: 0, fewest: problems };
        }
        failing.times += 1;
        0 < self.rules.attempts && self.rules.attempts <= failing.times
    }

    /// What the command said when it last ran.
    pub(super) fn known(&self, command: &Command) -> Option<Known> {
        self.memory().known.get(&(command.dir.clone(), command.line.clone())).cloned()
    }

    pub(super) fn know(&self, command: &Command, known: Known) {
        self.memory().known.insert((command.dir.clone(), command.line.clone()), known);
    }
}

impl Sign {
    pub(super) fn of(diagnostic: &Diagnostic, sources: &mut Sources<'_>) -> Self {
        let line = sources.line(&diagnostic.file, diagnostic.line).unwrap_or_default().to_owned();
        Self {
            file: diagnostic.file.clone(),
            code: diagnostic.code.clone(),
            message: diagnostic.message.clone(),
            line,
        }
    }
}

/// Runs a command and reads what it printed.
pub(super) async fn run(
    workspace: &Workspace,
    shell: &Shell,
    command: &Command,
    time: Duration,
    stop: impl Future<Output = ()>,
) -> io::Result<Ran> {
    run_covered(workspace, shell, (command, Vec::new()), time, stop).await
}

/// The same where the command finds other files in the place of some.
pub(super) async fn run_covered(
    workspace: &Workspace,
    shell: &Shell,
    (command, covered): (&Command, Vec<Grant>),
    time: Duration,
    stop: impl Future<Output = ()>,
) -> io::Result<Ran> {
    let dir = workspace.root().join(command.dir.as_path());
    let script = shell.command(&command.line, &dir).map_err(|it| io::Error::other(it.text))?;
    let script = script.covering(covered);
    let (mut captured, began) = (Captured::new(OUTPUT), Instant::now());
    let mut stop = pin!(stop);
    let run = async |it: &sandbox::Command| {
        sandbox::run(it, time, &mut stop, &mut |it| captured.push(it)).await
    };
    let ended = shell.run(&script, run).await.map_err(|it| io::Error::other(it.text))??;
    let (output, took) = (captured.text(), began.elapsed());
    // Megabytes take a moment, in which the person may want to stop.
    let read = tokio::task::spawn_blocking(move || (understand(&output), output)).await;
    let (mut found, output) = read.map_err(io::Error::other)?;
    let exists = |it: &Path| workspace.root().join(it).is_file();
    let root = workspace.root();
    Resolve { root, ran_in: command.dir.as_path(), exists: &exists }.apply(&mut found);
    Ok(Ran { ended, found, output, took })
}

#[cfg(test)]
mod tests;
