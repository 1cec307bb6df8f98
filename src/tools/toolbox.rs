//! All tools together: what the model is told about them, and the way from a call to its outcome.

mod bare;
mod leave;
mod sights;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;

use crate::conversation::{
    Answer, Call, Effect, Entry, Outcome, Question, Status, ToolSpec, Transcript, view,
};
use crate::sandbox::Environment;
use crate::tools::after_edit::{self, Broken, Touched};
use crate::tools::answer::Changed;
use crate::tools::checks::{CheckRules, Checks};
use crate::tools::commands::Commands;
use crate::tools::instructed::Instructed;
use crate::tools::output::Shelf;
use crate::tools::seen::Seen;
use crate::tools::shell::Shell;
use crate::tools::taken_back;
use crate::tools::turned_away;
use crate::tools::{
    Aside, Budget, CustomTool, Enclosure, Failure, arguments, ask_user, check, command_output,
    edit_file, fetch_url, find_files, find_out, git, git_commit, list_files, project_overview,
    read_file, run_command, search, update_plan, write_file,
};
use crate::workspace::{Cancel, ProjectPath, Watch, Workspace};

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
    /// What commands are confined to; `None` where they have the rights of the person.
    pub(crate) enclosure: Option<Enclosure>,
    pub(crate) limits: Limits,
    /// Where what is too long to be said, or may be wanted back, is kept as long as the session;
    /// made by who first uses it. `None` where nothing is kept.
    pub(crate) keep: Option<PathBuf>,
    /// Where files are made that have no name and are gone with the program.
    pub(crate) temp: PathBuf,
    /// Somebody is there to answer questions.
    pub(crate) is_attended: bool,
    /// Tools that the person defined, no two of one name.
    pub(crate) custom: Vec<CustomTool>,
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
    ProjectOverview,
    RunCommand,
    CommandOutput,
    Check,
    Git,
    GitCommit,
    FetchUrl,
    AskUser,
    UpdatePlan,
    FindOut,
}

/// In the order in which the model is told of them.
const TOOLS: [(Tool, &str, Effect, &str); 16] = [
    (Tool::ReadFile, "read_file", Effect::Reads, include_str!("../../tools/read_file.json")),
    (Tool::WriteFile, "write_file", Effect::Writes, include_str!("../../tools/write_file.json")),
    (Tool::EditFile, "edit_file", Effect::Writes, include_str!("../../tools/edit_file.json")),
    (Tool::ListFiles, "list_files", Effect::Reads, include_str!("../../tools/list_files.json")),
    (Tool::FindFiles, "find_files", Effect::Reads, include_str!("../../tools/find_files.json")),
    (Tool::Search, "search", Effect::Reads, include_str!("../../tools/search.json")),
    (
        Tool::ProjectOverview,
        "project_overview",
        Effect::Reads,
        include_str!("../../tools/project_overview.json"),
    ),
    (
        Tool::RunCommand,
        "run_command",
        Effect::Executes,
        include_str!("../../tools/run_command.json"),
    ),
    (
        Tool::CommandOutput,
        "command_output",
        Effect::Reads,
        include_str!("../../tools/command_output.json"),
    ),
    (Tool::Check, "check", Effect::Executes, include_str!("../../tools/check.json")),
    (Tool::Git, "git", Effect::Reads, include_str!("../../tools/git.json")),
    (Tool::GitCommit, "git_commit", Effect::Writes, include_str!("../../tools/git_commit.json")),
    (Tool::FetchUrl, "fetch_url", Effect::Reaches, include_str!("../../tools/fetch_url.json")),
    (Tool::AskUser, "ask_user", Effect::Asks, include_str!("../../tools/ask_user.json")),
    (Tool::UpdatePlan, "update_plan", Effect::Reads, include_str!("../../tools/update_plan.json")),
    (Tool::FindOut, "find_out", Effect::Reads, include_str!("../../tools/find_out.json")),
];

pub(crate) use sights::Sights;

/// The tools and the project they work on.
#[derive(Debug)]
pub(crate) struct Toolbox {
    pub(super) workspace: Arc<Workspace>,
    seen: Arc<Seen>,
    pub(super) shell: Shell,
    commands: Commands,
    pub(super) limits: Limits,
    checks: Checks,
    is_attended: bool,
    custom: Vec<CustomTool>,
    specs: Vec<ToolSpec>,
    /// Without it no instructions of the project are told.
    instructed: Option<Instructed>,
}

impl Toolbox {
    pub(crate) fn new(means: Means) -> Self {
        let Means {
            workspace,
            environment,
            enclosure,
            limits,
            keep,
            temp,
            is_attended,
            custom,
            checks,
        } = means;
        if let Some(keep) = &keep {
            workspace.keep_history(keep);
        }
        let (seen, shell) = (Arc::default(), Shell::new(environment, enclosure));
        let checks = Checks::new(checks);
        let commands = Commands::new(Shelf::new(keep, temp));
        let mut specs = specs();
        specs.extend(custom.iter().map(|it| it.spec().clone()));
        let instructed = None;
        Self {
            workspace,
            seen,
            shell,
            commands,
            limits,
            checks,
            is_attended,
            custom,
            specs,
            instructed,
        }
    }

    /// The wish that what runs shall go on beside whoever waits for it.
    pub(crate) fn aside(&self) -> &Aside {
        &self.commands.aside
    }

    /// From now on tells what is written for a folder when the model comes to it, but for those that
    /// it was told `at_start`.
    pub(crate) fn tell_instructions(&mut self, at_start: BTreeSet<ProjectPath>) {
        self.instructed = Some(Instructed::new(at_start));
    }

    /// This is what the model is shown; what was told in results of others is told again.
    pub(crate) fn shows(&self, entries: &[Entry]) {
        if let Some(instructed) = &self.instructed {
            let shown = view(entries);
            let results = shown.iter().filter_map(|it| match &*it.entry {
                Entry::Result { outcome, .. } => Some(&*outcome.text),
                _ => None,
            });
            instructed.shown(&self.workspace, results);
        }
    }

    /// What the person should know of how commands are confined, if it is not the usual; it is
    /// found out only where somebody is there to read it.
    pub(crate) fn confinement(&self, find_out: bool) -> Option<String> {
        self.shell.confinement(find_out)
    }

    /// Keeps results as short as a window of so many tokens wants them.
    pub(crate) fn fit_window(&mut self, tokens: u32) {
        self.limits.result = Budget::for_window(tokens);
    }

    /// So much of a result as the model reads.
    pub(crate) fn bounded(&self, text: String) -> String {
        self.limits.result.hold(text)
    }

    /// The commands that run in the background; they end with the toolbox.
    pub(crate) fn running(&self) -> Vec<String> {
        self.commands.running()
    }

    /// The person has spoken: what was tried before is no longer held against the model.
    pub(crate) fn turn_begins(&self) {
        self.checks.turn_begins();
    }

    pub(crate) fn specs(&self) -> &[ToolSpec] {
        &self.specs
    }

    /// What a call asks the person, if that is all it does; or why it cannot be asked. Whoever shows
    /// the turn asks it.
    pub(crate) fn question(&self, call: &Call) -> Option<Result<Question, Outcome>> {
        let (Tool::AskUser, spec) = self.find(&call.tool)? else { return None };
        let parsed = arguments::parse(&call.args, spec).map_err(malformed);
        let question = parsed.and_then(ask_user::question);
        Some(match question {
            Ok(_) if !self.is_attended => Err(ask_user::outcome(Some(Answer::Nobody))),
            question => question,
        })
    }

    /// The question of a call that is to be looked into; or why there is none.
    pub(crate) fn inquiry(&self, call: &Call) -> Option<Result<String, Outcome>> {
        let (Tool::FindOut, spec) = self.find(&call.tool)? else { return None };
        let parsed = arguments::parse(&call.args, spec).map_err(malformed);
        Some(parsed.and_then(|it| find_out::question(&it)))
    }

    fn find(&self, name: &str) -> Option<(Tool, &ToolSpec)> {
        let mut known = TOOLS.iter().zip(&self.specs);
        known.find(|(_, spec)| spec.name == name).map(|((tool, ..), spec)| (*tool, spec))
    }

    /// What is changed from now on belongs to this turn, the `turn`th of the session.
    pub(crate) fn begin_turn(&self, turn: usize) {
        if let Some(history) = self.workspace.history() {
            history.begin_turn(turn as u64);
        }
    }

    /// What the model has to be told of edits that were taken back.
    pub(crate) fn taken_back(&self) -> Option<String> {
        taken_back::note(&self.workspace)
    }

    /// The person went back: the model has seen no more than this, and nothing of the files as far as
    /// we know. What it has to be told of them, with what of this it was `told` before.
    pub(crate) fn went_back(&self, transcript: &Transcript, told: &[String]) -> Option<String> {
        self.seen.forget_all();
        self.shows(transcript.entries());
        taken_back::went_back(&self.workspace, transcript, told)
    }

    /// It was told.
    pub(crate) fn told(&self) {
        if let Some(history) = self.workspace.history() {
            history.told();
        }
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
        let custom = self.custom.iter().find(|it| it.name() == call.tool);
        let mut outcome = match (self.find(&call.tool), custom) {
            (Some((tool, spec)), _) => self.run_known(tool, (call, spec), stop).await,
            (None, Some(custom)) => self.run_custom(custom, call, stop).await,
            (None, None) => return malformed(self.no_such_tool(&call.tool)),
        };
        self.hold_and_instruct(call, &mut outcome);
        if self.runs_programs(&call.tool) {
            outcome.notices.extend(self.shell.aftermath());
            turned_away::tell(&self.shell.turned_away(), &mut outcome);
        }
        outcome
    }

    fn runs_programs(&self, name: &str) -> bool {
        let looks_at_one = matches!(self.find(name), Some((Tool::CommandOutput, _)));
        let spec = self.specs.iter().find(|it| it.name == name);
        looks_at_one || spec.is_some_and(|it| it.effect == Effect::Executes)
    }

    async fn run_known(
        &self,
        tool: Tool,
        call: (&Call, &ToolSpec),
        stop: impl Future<Output = ()>,
    ) -> Outcome {
        let budget = self.limits.result;
        let seen = Arc::clone(&self.seen);
        match tool {
            Tool::ReadFile => {
                self.on_files(call, stop, move |it, cancel, args| {
                    read_file::read(it, &seen, budget, cancel, args)
                })
                .await
            }
            Tool::WriteFile => {
                self.on_files(call, stop, move |it, _, args| {
                    write_file::write(it, &seen, budget, args)
                })
                .await
            }
            Tool::EditFile => {
                self.on_files(call, stop, move |it, cancel, args| {
                    edit_file::edit(it, &seen, budget, cancel, args)
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
            Tool::ProjectOverview => {
                self.on_files(call, stop, move |it, cancel, args| {
                    project_overview::overview(it, budget, cancel, args)
                })
                .await
            }
            Tool::Git => {
                self.on_files(call, stop, move |it, cancel, args| {
                    git::look(it, budget, cancel, args)
                })
                .await
            }
            Tool::GitCommit => match git_commit::must_be_alone(&self.commands.running()) {
                Ok(()) => {
                    self.on_files(call, stop, |it, _, args| git_commit::commit(it, args)).await
                }
                Err(failure) => Err(failure).into(),
            },
            // A question that reaches a tool has nobody who would have asked it.
            Tool::AskUser => ask_user::outcome(Some(Answer::Nobody)),
            Tool::FindOut => find_out::too_deep(),
            Tool::UpdatePlan => match arguments::parse(&call.0.args, call.1) {
                Ok(args) => update_plan::update(args).into(),
                Err(complaint) => malformed(complaint),
            },
            Tool::RunCommand => self.on_shell(call, stop).await,
            Tool::CommandOutput => match arguments::parse(&call.0.args, call.1) {
                Err(complaint) => malformed(complaint),
                Ok(args) => command_output::look(&self.commands, budget, args, stop)
                    .await
                    .unwrap_or_else(|failure| Err(failure).into()),
            },
            Tool::FetchUrl => match arguments::parse(&call.0.args, call.1) {
                Ok(args) => fetch_url::run(budget, args, stop).await,
                Err(complaint) => malformed(complaint),
            },
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
        let args = match arguments::parse(&call.args, spec) {
            Ok(args) => args,
            Err(complaint) => return malformed(complaint),
        };
        let mut stop = pin!(stop);
        let Some(watch) = self.watch(stop.as_mut()).await else { return not_begun() };
        let with = (&self.shell, &self.checks);
        took_down(watch, check::run(&self.workspace, with, self.limits, args, stop).await).await
    }

    async fn on_shell(
        &self,
        (call, spec): (&Call, &ToolSpec),
        stop: impl Future<Output = ()>,
    ) -> Outcome {
        let args = match arguments::parse(&call.args, spec) {
            Ok(args) => args,
            Err(complaint) => return malformed(complaint),
        };
        let mut stop = pin!(stop);
        let Some(watch) = self.watch(stop.as_mut()).await else { return not_begun() };
        let hands = (&self.shell, &self.commands);
        let ran = run_command::run(&self.workspace, hands, self.limits, args, stop).await;
        took_down(watch, ran).await
    }

    async fn run_custom(
        &self,
        tool: &CustomTool,
        call: &Call,
        stop: impl Future<Output = ()>,
    ) -> Outcome {
        let args = match tool.arguments(&call.args) {
            Ok(args) => args,
            Err(complaint) => return malformed(complaint),
        };
        let mut stop = pin!(stop);
        let Some(watch) = self.watch(stop.as_mut()).await else { return not_begun() };
        let hands = (&self.shell, &self.commands);
        took_down(watch, tool.run(&self.workspace, hands, self.limits, &args, stop).await).await
    }

    /// Looks at the files that a program may change, before it does; `None` if it was stopped.
    async fn watch(&self, stop: Pin<&mut impl Future<Output = ()>>) -> Option<Watched> {
        let workspace = Arc::clone(&self.workspace);
        let looking = tokio::task::spawn_blocking(move || Watch::before(&workspace));
        tokio::select! {
            biased;
            () = stop => None,
            // A look that broke down takes nothing down.
            watch = looking => Some(Watched(watch.ok())),
        }
    }

    fn no_such_tool(&self, name: &str) -> String {
        let names: Vec<_> = self.specs.iter().map(|it| it.name.as_str()).collect();
        let nearest = arguments::nearest(name, names.iter().copied());
        let hint = nearest.map_or(".".to_owned(), |it| format!("; did you mean `{it}`?"));
        format!("there is no tool `{name}`{hint} The tools are {}", names.join(", "))
    }
}

/// The names of the tools that come with the program.
pub(crate) fn built_in() -> impl Iterator<Item = &'static str> {
    TOOLS.iter().map(|(_, name, ..)| *name)
}

/// The files that a call names in other places than its arguments for paths, as it writes them;
/// `None` if it names some and cannot be understood.
pub(crate) fn more_paths(call: &Call) -> Option<Vec<String>> {
    if call.tool == "edit_file" { edit_file::paths(&call.args) } else { Some(Vec::new()) }
}

/// The definitions as they are sent: without the white space that they are kept with.
pub(super) fn specs() -> Vec<ToolSpec> {
    let spec = |(_, name, effect, definition): &(Tool, &'static str, Effect, &str)| {
        let definition: serde_json::Value =
            serde_json::from_str(definition).expect("the definitions are JSON, a test reads them");
        ToolSpec { name: (*name).to_owned(), definition: definition.to_string(), effect: *effect }
    };
    TOOLS.iter().map(spec).collect()
}

/// What a call does beyond what its tool always does. Only arguments that are known to look make a
/// look: whatever else there is may come to mean input for a program.
pub(crate) fn demands(call: &Call) -> Effect {
    let looks = || {
        let args: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&call.args)?;
        Ok::<_, serde_json::Error>(args.keys().all(|it| command_output::LOOKING.contains(&&**it)))
    };
    match &*call.tool {
        "command_output" if !looks().unwrap_or(false) => Effect::Executes,
        _ => Effect::Reads,
    }
}

/// What is compared with when a program has ended.
struct Watched(Option<Watch>);

/// The outcome of a program, after what it changed was taken down.
async fn took_down(watched: Watched, ran: Result<Outcome, Failure>) -> Outcome {
    let mut outcome = ran.unwrap_or_else(|failure| Err(failure).into());
    if let Some(watch) = watched.0 {
        let notice = tokio::task::spawn_blocking(move || watch.after()).await;
        outcome.notices.extend(notice.ok().flatten());
    }
    outcome
}

fn not_begun() -> Outcome {
    Outcome::new(Status::Cancelled, "stopped by the person before it began", "stopped")
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
