//! All tools together: what the model is told about them, and the way from a call to its outcome.

use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;

use crate::conversation::{Call, Effect, Outcome, Status, ToolSpec};
use crate::sandbox::Environment;
use crate::tools::answer::Answer;
use crate::tools::shell::Shell;
use crate::tools::{
    Budget, Failure, arguments, edit_file, find_files, list_files, read_file, run_command, search,
    write_file,
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
}

/// In the order in which the model is told of them.
const TOOLS: [(Tool, &str, Effect, &str); 7] = [
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
];

/// The tools and the project they work on.
#[derive(Debug)]
pub(crate) struct Toolbox {
    workspace: Arc<Workspace>,
    shell: Shell,
    limits: Limits,
    specs: Vec<ToolSpec>,
}

impl Toolbox {
    pub(crate) fn new(means: Means) -> Self {
        let Means { workspace, environment, limits, keep: _ } = means;
        Self { workspace, shell: Shell::new(environment), limits, specs: specs() }
    }

    pub(crate) fn specs(&self) -> &[ToolSpec] {
        &self.specs
    }

    /// Runs a call to its end or until `stop` resolves. Whatever goes wrong is an outcome.
    pub(crate) async fn run(&self, call: &Call, stop: impl Future<Output = ()>) -> Outcome {
        match arguments::understand(call, &self.specs) {
            Ok(understood) => {
                let mut outcome = self.perform(&understood.call, stop).await;
                outcome.text.insert_str(0, &understood.mention());
                outcome
            }
            Err(complaint) => malformed(complaint),
        }
    }

    /// Runs a call that was understood.
    async fn perform(&self, call: &Call, stop: impl Future<Output = ()>) -> Outcome {
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
        }
    }

    /// Runs a tool on a thread where it may wait for the disk. `stop` is answered at once: reading
    /// then ends early, and a write, which is quick, is not torn.
    async fn on_files<A: DeserializeOwned + Send + 'static>(
        &self,
        (call, spec): (&Call, &ToolSpec),
        stop: impl Future<Output = ()>,
        tool: impl FnOnce(&Workspace, &Cancel, A) -> Result<Answer, Failure> + Send + 'static,
    ) -> Outcome {
        let args = match arguments::parse(&call.args, spec) {
            Ok(args) => args,
            Err(complaint) => return malformed(complaint),
        };
        let (workspace, cancel) = (Arc::clone(&self.workspace), Cancel::default());
        let theirs = cancel.clone();
        let work = tokio::task::spawn_blocking(move || tool(&workspace, &theirs, args));
        let mut stop = pin!(stop);
        tokio::select! {
            biased;
            () = &mut stop => {
                cancel.cancel();
                stopped(spec.effect)
            }
            done = work => done.map_or_else(|err| broken(&err), Outcome::from),
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
