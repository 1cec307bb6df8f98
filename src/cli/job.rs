//! A session at work: one prompt, or a conversation.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, bail};
use clap::CommandFactory;
use sha2::{Digest, Sha256};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::LocalSet;

use crate::agent::{Desk, Facts, Finish, Interrupt, Log, Reach, Rules, system_prompt};
use crate::cli::args::{Options, OutputFormat, Typed};
use crate::cli::serving::{Engine, Serving};
use crate::cli::surroundings::{Surroundings, now};
use crate::cli::{Exit, WrongUsage, configuration, input, talk};
use crate::config::{Color, Settings};
use crate::conversation::{Entry, Event, Front, Permission, Stop, Transcript};
use crate::llm::Constants;
use crate::models;
use crate::sandbox::{Environment, adopt_orphans, kill_all};
use crate::session::{Journal, Store};
use crate::tools::{Limits, Toolbox};
use crate::ui::{Json, JsonForm, Keyboard, Opening, Screen, Style, visible_line};
use crate::workspace::Workspace;

/// Everything a session is made from.
pub(super) struct Job<'a> {
    pub(super) around: &'a Surroundings,
    pub(super) workspace: Arc<Workspace>,
    pub(super) settings: Settings,
    pub(super) session: Which,
    pub(super) output: OutputFormat,
    pub(super) verbose: bool,
    /// To be shown before anything else.
    pub(super) warnings: Vec<String>,
}

/// Which session to work on.
pub(super) enum Which {
    New,
    Newest,
    /// The start of an id.
    Named(String),
    /// One that leaves nothing behind.
    Unsaved,
}

/// A session as it was found, or a new one.
struct Begun {
    id: String,
    journal: Option<Journal>,
    transcript: Transcript,
    /// What the model of a new session is told first.
    system: Option<String>,
}

pub(super) fn work(
    around: &Surroundings,
    options: &Options,
    words: &[String],
) -> anyhow::Result<Exit> {
    suspect_subcommand(words)?;
    let prompt = input::prompt(words)?;
    if prompt.is_none() && options.output_format != OutputFormat::Text {
        bail!(WrongUsage(
            "JSON is for a single prompt\n\
             hint: say what to do, as in: agent --output-format json \"fix the failing tests\""
                .to_owned()
        ));
    }
    let workspace = around.workspace()?;
    let loaded = configuration::load(around, options, &workspace)?;
    let session = match (&options.resume, options.continue_newest) {
        (Some(id), _) => Which::Named(id.clone()),
        (None, true) => Which::Newest,
        (None, false) => Which::New,
    };
    let job = Job {
        around,
        workspace: Arc::new(workspace),
        settings: loaded.settings,
        session,
        output: options.output_format,
        verbose: options.verbose,
        warnings: loaded.warnings,
    };
    job.run(prompt)
}

/// A single word that is nearly a subcommand is a slip, not a task.
fn suspect_subcommand(words: &[String]) -> anyhow::Result<()> {
    let [word] = words else { return Ok(()) };
    let command = Typed::command();
    let mut names = command.get_subcommands().map(clap::Command::get_name);
    let Some(near) = names.find(|it| (1..=2).contains(&strsim::osa_distance(it, word))) else {
        return Ok(());
    };
    bail!(WrongUsage(format!(
        "there is no subcommand `{word}`; did you mean `agent {near}`?\n\
         hint: if it is a prompt: agent -- {word}"
    )));
}

/// Where sessions are kept.
pub(super) fn store(around: &Surroundings) -> anyhow::Result<Store> {
    Ok(Store { root: around.state_dir()?.join("sessions"), clock: now })
}

impl Job<'_> {
    /// Works on the prompt; without one, holds a conversation.
    pub(super) fn run(self, prompt: Option<String>) -> anyhow::Result<Exit> {
        // One thread, the main one: with its end the kernel ends our children.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.context("cannot set up the event loop")?;
        adopt_orphans().context("cannot watch over child processes")?;
        let (interrupt, leave) = (Interrupt::new(), Interrupt::new());
        listen(&interrupt, &leave)?;
        let result =
            LocalSet::new().block_on(&runtime, async { self.go(prompt, interrupt, leave).await });
        // A search that still runs on its thread is not waited for.
        runtime.shutdown_background();
        result
    }

    async fn go(
        mut self,
        prompt: Option<String>,
        interrupt: Interrupt,
        leave: Interrupt,
    ) -> anyhow::Result<Exit> {
        let usual = if prompt.is_none() { Permission::Ask } else { Permission::Auto };
        let permission = *self.settings.permission.get_or_insert(usual);
        let begun = self.begin()?;
        let toolbox = self.toolbox();
        match (prompt, self.output) {
            (None, _) => {
                let Some(keyboard) = self.keyboard() else {
                    bail!("a conversation needs a terminal\nhint: give a prompt, or pipe one in");
                };
                let screen = self.screen(Some(keyboard.clone()), &begun.transcript);
                let mut desk = self.desk(begun, toolbox, screen, interrupt.clone())?;
                desk.front().note(&self.header());
                if let Some(line) = where_it_stands(&desk.transcript) {
                    desk.front().note(&line);
                }
                let exit = talk::talk(&mut desk, &keyboard, (&interrupt, &leave)).await;
                desk.into_host().stop().await;
                exit
            }
            (Some(prompt), OutputFormat::Text) => {
                let screen = self.screen(self.keyboard(), &begun.transcript);
                let mut desk = self.desk(begun, toolbox, screen, interrupt)?;
                let finish = desk.prompt(prompt).await;
                desk.into_host().stop().await;
                finish.map(Exit::from)
            }
            (Some(prompt), format) => {
                let opening = Opening {
                    session: begun.id.clone(),
                    project: self.workspace.root().display().to_string(),
                    permission: permission.to_string(),
                    tools: toolbox.specs().iter().map(|it| it.name).collect(),
                };
                let form = match format {
                    OutputFormat::StreamJson => JsonForm::Stream,
                    OutputFormat::Json | OutputFormat::Text => JsonForm::Whole,
                };
                let streams = (std::io::stdout(), std::io::stderr());
                let json = Json::new(form, Box::new(streams.0), Box::new(streams.1), opening);
                let mut desk = self.desk(begun, toolbox, json, interrupt)?;
                let began = Instant::now();
                let finish = desk.prompt(prompt).await;
                let error = finish.as_ref().err().map(|err| format!("{err:#}"));
                desk.front().finish(error.as_deref(), began.elapsed());
                desk.into_host().stop().await;
                finish.map(Exit::from)
            }
        }
    }

    fn toolbox(&self) -> Toolbox {
        let command = Duration::from_secs(self.settings.commands.timeout.into());
        let limits = Limits { command, ..Limits::default() };
        let environment = Environment::allowed(&self.around.variables);
        Toolbox::new(Arc::clone(&self.workspace), environment, limits)
    }

    /// Opens the session, which fails before anything is started.
    fn begin(&mut self) -> anyhow::Result<Begun> {
        let project = self.workspace.root();
        let store = store(self.around)?;
        let opened = match &self.session {
            Which::Newest => store.open(&store.newest(project)?.id, Some(project))?,
            Which::Named(id) => store.open(id, None)?,
            new @ (Which::New | Which::Unsaved) => {
                let id = session_id(now());
                let saved = matches!(new, Which::New);
                let journal = saved.then(|| store.create(project, &id)).transpose()?;
                let system = Some(self.system_prompt()?);
                return Ok(Begun { id, journal, transcript: Transcript::default(), system });
            }
        };
        if let Some(other) = opened.project.filter(|it| it != project) {
            bail!(
                "session `{}` belongs to another project\nhint: cd {}",
                opened.journal.id(),
                other.display()
            );
        }
        if !opened.damage.is_none() {
            self.warnings.push(format!("this session is damaged: {}", opened.damage));
        }
        let id = opened.journal.id().to_owned();
        let transcript: Transcript = opened.entries.into_iter().collect();
        let has_system = transcript.entries().iter().any(|it| matches!(it, Entry::Opened { .. }));
        let system = if has_system { None } else { Some(self.system_prompt()?) };
        Ok(Begun { id, journal: Some(opened.journal), transcript, system })
    }

    fn desk<F: Front>(
        &self,
        begun: Begun,
        toolbox: Toolbox,
        front: F,
        interrupt: Interrupt,
    ) -> anyhow::Result<Desk<Serving, F>> {
        let permission = self.settings.permission.unwrap_or(Permission::Ask);
        let rules = Rules::new(permission, self.settings.max_turns, toolbox.specs());
        let constants = Constants {
            model: self.settings.server.url.as_ref().and(self.settings.model.clone()),
            sampling: self.settings.sampling.parameters(),
            llama: false,
        };
        let log = Log::new(begun.journal);
        let serving = self.serving()?;
        let reach = Reach::new((serving, front), toolbox, log, interrupt, constants);
        let mut desk = Desk { rules, transcript: begun.transcript, system: begun.system, reach };
        for warning in &self.warnings {
            desk.front().show(&Event::Warning(warning));
        }
        Ok(desk)
    }

    /// The server that was named, or one of our own for the model that was named.
    fn serving(&self) -> anyhow::Result<Serving> {
        let server = &self.settings.server;
        if let Some(url) = &server.url {
            return Ok(Serving::Elsewhere { url: url.clone(), key: server.api_key.clone() });
        }
        let Some(model) = &self.settings.model else {
            bail!(
                "there is no model to work with\n\
                 hint: name a model file with `-m FILE.gguf`, or a running server with `--server-url URL`; \
                 `agent demo` shows the program at work without either"
            );
        };
        let path = match (model.strip_prefix("~/"), &self.around.home) {
            (Some(rest), Some(home)) => home.join(rest),
            _ => self.around.directory.join(model),
        };
        let model = models::locate(&path)?;
        Ok(Serving::start(Engine::new(self.around, &self.settings.llama, model)?))
    }

    fn keyboard(&self) -> Option<Keyboard> {
        let terminal = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
        let history = self.around.state_dir().ok().map(|it| it.join("history"));
        terminal.then(|| Keyboard::new(history))
    }

    fn screen(&self, keyboard: Option<Keyboard>, transcript: &Transcript) -> Screen {
        let (stdout, stderr) = (std::io::stdout(), std::io::stderr());
        let quiet = self.around.variable("NO_COLOR").is_some();
        let dumb = self.around.variable("TERM").is_none_or(|it| it == "dumb");
        let coloured = |terminal: bool| match self.settings.ui.color {
            Color::Auto => terminal && !quiet && !dumb,
            Color::Always => true,
            Color::Never => false,
        };
        colored::control::set_override(coloured(stderr.is_terminal()));
        let size = rustix::termios::tcgetwinsize(&stderr);
        let style = Style {
            width: size.map_or(80, |it| usize::from(it.ws_col).max(20)),
            colour_words: coloured(stdout.is_terminal()),
            live: stderr.is_terminal() && !dumb,
            verbose: self.verbose,
        };
        let mut screen = Screen::new(Box::new(stdout), Box::new(stderr), style, keyboard);
        if let Some(reply) = transcript.reply() {
            screen.recall(reply);
        }
        screen
    }

    /// One line about what is being worked on, and how.
    fn header(&self) -> String {
        let model = self.settings.server.url.as_ref().or(self.settings.model.as_ref());
        let model = model.map(|it| it.rsplit('/').next().unwrap_or(it)).unwrap_or_default();
        let branch = self.workspace.branch().map(|it| format!(" ({it})")).unwrap_or_default();
        let permission = self.settings.permission.unwrap_or(Permission::Ask);
        format!(
            "agent {} · {model} · {}{branch} · {permission} · /help",
            env!("CARGO_PKG_VERSION"),
            self.workspace.root().display(),
        )
    }

    fn system_prompt(&self) -> anyhow::Result<String> {
        let read = |path: &PathBuf| {
            std::fs::read_to_string(path)
                .with_context(|| format!("cannot read the system prompt `{}`", path.display()))
        };
        let own = self.settings.system_prompt.as_ref().map(read).transpose()?;
        let facts = Facts { project: self.workspace.root(), system: std::env::consts::OS };
        Ok(system_prompt(own.as_deref(), facts))
    }
}

/// What a person wants to be reminded of in a session that goes on.
fn where_it_stands(transcript: &Transcript) -> Option<String> {
    let prompts = transcript.entries().iter().filter_map(|it| match it {
        Entry::Prompt(words) => Some(words),
        _ => None,
    });
    let (count, last) = prompts.fold((0, None), |(count, _), it| (count + 1, Some(it)));
    let last = visible_line(last?, 60);
    Some(format!(
        "going on after {count} prompt{}, the last: {last}",
        if count == 1 { "" } else { "s" }
    ))
}

/// Fires the interrupt on the first signal; the second ends the program at once. Signals other than
/// Ctrl-C mean the program and not only the turn.
///
/// They are heard on a thread of their own: the main one may be held up where nobody reads what it
/// writes, and no signal could end that.
fn listen(interrupt: &Interrupt, leave: &Interrupt) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context("cannot set up the event loop for signals")?;
    let entered = runtime.enter();
    let hear = |kind| signal(kind).context("cannot listen for signals");
    let mut stop = hear(SignalKind::interrupt())?;
    let mut end = hear(SignalKind::terminate())?;
    let mut hang_up = hear(SignalKind::hangup())?;
    // To write past a limit on file sizes shall be an error like any other, not our death.
    let _ = signal(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw()));
    drop(entered);
    let (interrupt, leave) = (interrupt.clone(), leave.clone());
    std::thread::spawn(move || {
        runtime.block_on(async {
            loop {
                let first = tokio::select! {
                    _ = stop.recv() => interrupt.fire(),
                    _ = async { tokio::select! { _ = end.recv() => {}, _ = hang_up.recv() => {} } } => {
                        interrupt.fire();
                        leave.fire()
                    }
                };
                if !first {
                    kill_all();
                    std::process::exit(Exit::Cancelled as i32);
                }
            }
        });
    });
    Ok(())
}

impl From<Finish> for Exit {
    fn from(finish: Finish) -> Self {
        match finish {
            Finish::Done => Self::Done,
            Finish::Stopped(Stop::Cancelled) => Self::Cancelled,
            Finish::Stopped(_) => Self::GaveUp,
        }
    }
}

/// The second it began, in UTC, and four letters that two sessions of one second do not share.
fn session_id(now: SystemTime) -> String {
    let since = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let (days, second) = (since.as_secs() / 86_400, since.as_secs() % 86_400);
    let (year, month, day) = civil(days);
    let seed = format!("{} {}", since.as_nanos(), std::process::id());
    let digest = Sha256::digest(seed.as_bytes());
    let letters = digest.iter().take(4).map(|it| char::from(b'a' + it % 26)).collect::<String>();
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}{month:02}{day:02}-{hour:02}{minute:02}{second:02}-{letters}")
}

/// Year, month and day of a count of days since 1970, in the Gregorian calendar.
fn civil(days: u64) -> (u64, u64, u64) {
    // Counted from a first of March, so that the leap day is the last of its year.
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year_of_era + era * 400 + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_says_when_a_session_began() {
        let at = |seconds| session_id(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
        for (seconds, expected) in [
            (0, "19700101-000000-"),
            (951_782_399, "20000228-235959-"),
            (951_827_696, "20000229-123456-"),
            (1_709_164_800, "20240229-000000-"),
            (4_107_542_400, "21000301-000000-"),
        ] {
            assert!(at(seconds).starts_with(expected), "{} is not {expected}", at(seconds));
            assert_eq!(at(seconds).len(), expected.len() + 4);
        }
    }

    #[test]
    fn a_slip_is_told_from_a_task() {
        let suspect = |words: &[&str]| {
            suspect_subcommand(&words.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>())
                .is_err()
        };
        assert!(suspect(&["sesions"]));
        assert!(suspect(&["dmeo"]));
        assert!(!suspect(&["fix"]));
        assert!(!suspect(&["fix", "sesions"]));
    }
}
