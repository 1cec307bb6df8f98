//! All tools together: what the model is told about them, and the way from a call to its outcome.

use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;

use crate::conversation::{Call, Effect, Outcome, Status, ToolSpec};
use crate::sandbox::Environment;
use crate::tools::after_edit::{self, Broken, Touched};
use crate::tools::answer::Changed;
use crate::tools::checks::{CheckRules, Checks};
use crate::tools::shell::Shell;
use crate::tools::{
    Budget, Failure, arguments, check, edit_file, find_files, list_files, read_file, run_command,
    search, write_file,
};
use crate::workspace::{Cancel, Workspace};

/// What one call may cost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// What the model reads of the result.
    pub(crate) result: Budget,
    /// How long a command may run that does not ask for more.
    pub(crate) command: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { result: Budget::default(), command: Duration::from_secs(120) }
    }
}

/// What the tools are given to work with.
#[derive(Debug)]
pub(crate) struct Means {
    pub(crate) workspace: Arc<Workspace>,
    /// What commands see of the environment.
    pub(crate) environment: Environment,
    pub(crate) limits: Limits,
    /// Where what is too long to be said, or may be wanted back, is kept as long as the session;
    /// made by who first uses it. `None` where nothing is kept.
    #[expect(dead_code, reason = "no tool keeps anything yet")]
    pub(crate) keep: Option<PathBuf>,
    /// How checks are made, and which are made after an edit.
    pub(crate) checks: CheckRules,
}

#[derive(Clone, Copy, Debug)]
enum Tool {
    ReadFile,
    WriteFile,
    EditFile,
    ListFiles,
    FindFiles,
    Search,
    RunCommand,
    Check,
}

/// In the order in which the model is told of them.
const TOOLS: [(Tool, &str, Effect, &str); 8] = [
    (Tool::ReadFile, "read_file", Effect::Reads, include_str!("../../tools/read_file.json")),
    (Tool::WriteFile, "write_file", Effect::Writes, include_str!("../../tools/write_file.json")),
    (Tool::EditFile, "edit_file", Effect::Writes, include_str!("../../tools/edit_file.json")),
    (Tool::ListFiles, "list_files", Effect::Reads, include_str!("../../tools/list_files.json")),
    (Tool::FindFiles, "find_files", Effect::Reads, include_str!("../../tools/find_files.json")),
    (Tool::Search, "search", Effect::Reads, include_str!("../../tools/search.json")),
    (
        Tool::RunCommand,
        "run_command",
        Effect::Executes,
        include_str!("../../tools/run_command.json"),
    ),
    (Tool::Check, "check", Effect::Executes, include_str!("../../tools/check.json")),
];

/// The tools and the project they work on.
#[derive(Debug)]
pub(crate) struct Toolbox {
    workspace: Arc<Workspace>,
    shell: Shell,
    limits: Limits,
    checks: Checks,
    specs: Vec<ToolSpec>,
}

impl Toolbox {
    pub(crate) fn new(means: Means) -> Self {
        let Means { workspace, environment, limits, keep: _, checks } = means;
        let (shell, checks) = (Shell::new(environment), Checks::new(checks));
        Self { workspace, shell, limits, checks, specs: specs() }
    }

    /// The person has spoken: what was tried before is no longer held against the model.
    pub(crate) fn turn_begins(&self) {
        self.checks.turn_begins();
    }

    pub(crate) fn specs(&self) -> &[ToolSpec] {
        &self.specs
    }

    /// What a call would run that its arguments do not say, for the person who has to allow it.
    pub(crate) fn preview(&self, call: &Call) -> Option<String> {
        let spec = self.specs.iter().find(|it| it.name == "check" && it.name == call.tool)?;
        let args = arguments::parse(&call.args, spec).ok()?;
        let commands = check::preview(&self.workspace, (&self.shell, &self.checks), &args);
        (!commands.is_empty()).then(|| format!("`check` will run: {}", commands.join("; then ")))
    }

    /// Runs a call to its end or until `stop` resolves. Whatever goes wrong is an outcome.
    pub(crate) async fn run(&self, call: &Call, stop: impl Future<Output = ()>) -> Outcome {
        let mut known = TOOLS.iter().zip(&self.specs);
        let Some(((tool, ..), spec)) = known.find(|(_, spec)| spec.name == call.tool) else {
            return malformed(self.no_such_tool(&call.tool));
        };
        let (tool, call, budget) = (*tool, (call, spec), self.limits.result);
        match tool {
            Tool::ReadFile => {
                self.on_files(call, stop, move |it, cancel, args| {
                    read_file::read(it, budget, cancel, args)
                })
                .await
            }
            Tool::WriteFile => {
                self.on_files(call, stop, |it, _, args| write_file::write(it, args)).await
            }
            Tool::EditFile => {
                self.on_files(call, stop, move |it, cancel, args| {
                    edit_file::edit(it, budget, cancel, args)
                })
                .await
            }
            Tool::ListFiles => {
                self.on_files(call, stop, move |it, cancel, args| {
                    list_files::list(it, budget, cancel, args)
                })
                .await
            }
            Tool::FindFiles => {
                self.on_files(call, stop, move |it, cancel, args| {
                    find_files::find(it, budget, cancel, args)
                })
                .await
            }
            Tool::Search => {
                self.on_files(call, stop, move |it, cancel, args| {
                    search::search(it, budget, cancel, args)
                })
                .await
            }
            Tool::RunCommand => self.on_shell(call, stop).await,
            Tool::Check => self.on_checks(call, stop).await,
        }
    }

    /// Runs a tool on a thread where it may wait for the disk. `stop` is answered at once: reading
    /// then ends early, and a write, which is quick, is not torn.
    async fn on_files<A: DeserializeOwned + Send + 'static, C: Into<Changed> + Send + 'static>(
        &self,
        (call, spec): (&Call, &ToolSpec),
        stop: impl Future<Output = ()>,
        tool: impl FnOnce(&Workspace, &Cancel, A) -> Result<C, Failure> + Send + 'static,
    ) -> Outcome {
        let args = match arguments::parse(&call.args, spec) {
            Ok(args) => args,
            Err(complaint) => return malformed(complaint),
        };
        let (workspace, cancel) = (Arc::clone(&self.workspace), Cancel::default());
        let theirs = cancel.clone();
        let work = tokio::task::spawn_blocking(move || tool(&workspace, &theirs, args));
        let mut stop = pin!(stop);
        let done = tokio::select! {
            biased;
            () = &mut stop => {
                cancel.cancel();
                return stopped(spec.effect);
            }
            done = work => done,
        };
        match done {
            Err(err) => broken(&err),
            Ok(Err(failure)) => Err(failure).into(),
            Ok(Ok(changed)) => {
                let Changed { answer, touched } = changed.into();
                let mut outcome = Outcome::from(Ok(answer));
                let broken = self.after_edit(&touched, stop).await;
                outcome.text += &broken.text;
                if !broken.gist.is_empty() {
                    outcome.gist += &format!(", {}", broken.gist);
                }
                outcome
            }
        }
    }

    /// What the model should know of the files that were touched.
    async fn after_edit(&self, touched: &[Touched], stop: impl Future<Output = ()>) -> Broken {
        after_edit::check(&self.workspace, (&self.shell, &self.checks), touched, stop).await
    }

    async fn on_checks(
        &self,
        (call, spec): (&Call, &ToolSpec),
        stop: impl Future<Output = ()>,
    ) -> Outcome {
        let with = (&self.shell, &self.checks);
        match arguments::parse(&call.args, spec) {
            Err(complaint) => malformed(complaint),
            Ok(args) => check::run(&self.workspace, with, self.limits, args, stop)
                .await
                .unwrap_or_else(|failure| Err(failure).into()),
        }
    }

    async fn on_shell(
        &self,
        (call, spec): (&Call, &ToolSpec),
        stop: impl Future<Output = ()>,
    ) -> Outcome {
        match arguments::parse(&call.args, spec) {
            Err(complaint) => malformed(complaint),
            Ok(args) => run_command::run(&self.workspace, &self.shell, self.limits, args, stop)
                .await
                .unwrap_or_else(|failure| Err(failure).into()),
        }
    }

    fn no_such_tool(&self, name: &str) -> String {
        let names: Vec<_> = self.specs.iter().map(|it| it.name).collect();
        let nearest = arguments::nearest(name, names.iter().copied());
        let hint = nearest.map_or(".".to_owned(), |it| format!("; did you mean `{it}`?"));
        format!("there is no tool `{name}`{hint} The tools are {}", names.join(", "))
    }
}

/// The definitions as they are sent: without the white space that they are kept with.
pub(super) fn specs() -> Vec<ToolSpec> {
    let spec = |(_, name, effect, definition): &(Tool, &'static str, Effect, &str)| {
        let definition: serde_json::Value =
            serde_json::from_str(definition).expect("the definitions are JSON, a test reads them");
        ToolSpec { name, definition: definition.to_string(), effect: *effect }
    };
    TOOLS.iter().map(spec).collect()
}

fn malformed(text: String) -> Outcome {
    Outcome::new(Status::Malformed, text, "not understood")
}

fn stopped(effect: Effect) -> Outcome {
    let text = match effect {
        Effect::Reads | Effect::Asks | Effect::Reaches => "stopped by the person",
        Effect::Writes | Effect::Executes => {
            "stopped by the person; the file is whole, but whether it was changed is not known"
        }
    };
    Outcome::new(Status::Cancelled, text, "stopped")
}

fn broken(err: &tokio::task::JoinError) -> Outcome {
    let text = format!("the tool broke down, which is a fault of this program: {err}");
    Outcome::new(Status::Failed, text, "broke down")
}

#[cfg(test)]
mod tests;
