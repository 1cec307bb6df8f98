//! A session at work: one prompt, or a conversation.

use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use tokio::task::LocalSet;

use crate::agent::{Desk, Finish, Form, Grants, Interrupt, Log, Reach, Rules, rereading};
use crate::cli::args::{Options, OutputFormat, TurnLimits};
use crate::cli::beginning::{Begun, Sought, Which};
use crate::cli::choosing::{Chosen, chosen, is_file_name};
use crate::cli::commands::Ground;
use crate::cli::conversing::Place;
use crate::cli::editor::Editor;
use crate::cli::instructing::folders_at_start;
use crate::cli::planning::Person;
use crate::cli::prompts::Prompts;
use crate::cli::sandbox::{enclosure, fetching, keeping_secrets};
use crate::cli::serving::{Engine, Serving, background};
use crate::cli::signals::listen;
use crate::cli::single::attend;
use crate::cli::surroundings::{Surroundings, now};
use crate::cli::task::{Task, form, task};
use crate::cli::{
    Exit, WrongUsage, checking, configuration, first_run, mentions, note, planning, proving,
    stream, tool_files, trust,
};
use crate::config::{Setting, Settings};
use crate::conversation::{Event, Front, Permission, Stop, Transcript};
use crate::llm::Constants;
use crate::permission::{ConsentFile, Permissions, Trust};
use crate::sandbox::{Environment, adopt_orphans};
use crate::session::Store;
use crate::tools::{Enclosure, Limits, Means, Toolbox};
use crate::ui::{Json, JsonForm, Keyboard, Opening, Screen, TurnEnd, Words, visible};
use crate::workspace::{Warden, Workspace};

/// Everything a session is made from.
pub(super) struct Job<'a> {
    pub(super) around: &'a Surroundings,
    pub(super) workspace: Arc<Workspace>,
    pub(super) settings: Settings,
    /// The same as they were set, by whom.
    pub(super) values: Vec<Setting>,
    pub(super) session: Which,
    pub(super) output: OutputFormat,
    pub(super) verbose: bool,
    pub(super) limits: TurnLimits,
    pub(super) prompts: Prompts,
    /// What the answer is to be given in besides words.
    pub(super) form: Option<Form>,
    pub(super) way: Way,
    /// To be shown before anything else.
    pub(super) warnings: Vec<String>,
}

/// What came of it.
pub(super) struct Worked {
    pub(super) exit: Exit,
    pub(super) transcript: Transcript,
    /// The id of the session that was begun, or gone on with.
    pub(super) session: String,
}

/// How a prompt is worked on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Way {
    Straight,
    /// It is planned first.
    Planned,
    /// What comes of it is tests, which are tried.
    Proven,
}

pub(super) fn work(
    around: &Surroundings,
    options: &Options,
    words: &[String],
) -> anyhow::Result<Exit> {
    let task = task(options, words)?;
    if task == Task::Conversation && options.plan {
        bail!(WrongUsage(planning::NOTHING.to_owned()));
    }
    if !first_run::settle(around, options)? {
        return Ok(Exit::Failed);
    }
    job(around, options)?.run(task).map(|it| it.exit)
}

/// What is to be worked with, from all that was set.
pub(super) fn job<'a>(around: &'a Surroundings, options: &Options) -> anyhow::Result<Job<'a>> {
    let workspace = around.workspace()?;
    let mut loaded = configuration::load(around, options, &workspace)?;
    // A model file that was named nearer than a server is what shall be worked with.
    let named = loaded.settings.model.as_deref().is_some_and(is_file_name);
    if named && loaded.counts_more("model", "server.url") {
        loaded.settings.server.url = None;
    }
    loaded.warnings.extend(too_wide(around, &workspace));
    let mut prompts = Prompts::read(around, options)?;
    loaded.warnings.append(&mut prompts.warnings);
    let found = match (&options.resume, options.continue_newest) {
        (Some(words), _) => Some(Sought::Named(words.clone())),
        (None, true) => Some(Sought::Newest),
        (None, false) => None,
    };
    let session = match (found, &options.fork) {
        (Some(it), Some(name)) => {
            let name = name.as_ref().map(|it| store(around)?.name(it, "", workspace.root()));
            Which::Fork(it, name.transpose()?)
        }
        (Some(it), None) => Which::Old(it),
        (None, Some(_)) => bail!(WrongUsage(
            "`--fork` needs a session to go on from\n\
             hint: the newest with `-c --fork`, another with `-r NAME --fork`"
                .to_owned()
        )),
        (None, None) => Which::New,
    };
    Ok(Job {
        around,
        workspace: Arc::new(keeping_secrets(workspace, &loaded.settings)?),
        settings: loaded.settings,
        values: loaded.values,
        session,
        output: options.output_format,
        verbose: options.verbose,
        limits: options.limits,
        prompts,
        form: options.json_schema.as_deref().map(|it| form(around, it)).transpose()?,
        way: if options.plan { Way::Planned } else { Way::Straight },
        warnings: loaded.warnings,
    })
}

/// Where sessions are kept.
pub(super) fn store(around: &Surroundings) -> anyhow::Result<Store> {
    Ok(Store { root: around.state_dir()?.join("sessions"), clock: now })
}

impl Job<'_> {
    /// Works on what there is to do.
    pub(super) fn run(self, task: Task) -> anyhow::Result<Worked> {
        // One thread, the main one: with its end the kernel ends our children.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.context("cannot set up the event loop")?;
        adopt_orphans().context("cannot watch over child processes")?;
        let (interrupt, leave) = (Interrupt::new(), Interrupt::new());
        listen(&interrupt, &leave)?;
        let result =
            LocalSet::new().block_on(&runtime, async { self.go(task, interrupt, leave).await });
        // A search that still runs on its thread is not waited for.
        runtime.shutdown_background();
        result
    }

    async fn go(
        mut self,
        task: Task,
        interrupt: Interrupt,
        leave: Interrupt,
    ) -> anyhow::Result<Worked> {
        let is_conversation = task == Task::Conversation;
        let usual = if is_conversation { Permission::Ask } else { Permission::Auto };
        let permission = *self.settings.permission.get_or_insert(usual);
        let keyboard = self.keyboard();
        if is_conversation && keyboard.is_none() {
            bail!("a conversation needs a terminal\nhint: give a prompt, or pipe one in");
        }
        let asked = keyboard.as_ref().filter(|_| is_conversation);
        let trust = trust::settle(self.around, &self.workspace, asked, &mut self.warnings).await;
        // What the person forbids is not read for the instructions either.
        let grants = self.heed();
        // The server starts last: nothing can fail any more that needs none.
        let begun = match self.begin() {
            Ok(it) => {
                let asked = keyboard.as_ref().filter(|_| self.output == OutputFormat::Text);
                let served = self.served((asked, &interrupt, &leave), &it.transcript).await;
                served.map(|serving| (it, serving))
            }
            Err(err) => Err(err),
        };
        let whose = begun.as_ref().ok().map(|(it, _)| it);
        let id = whose.map(|it| it.id.clone()).unwrap_or_default();
        let toolbox = self.toolbox(whose, is_conversation, &trust);
        let confinement = toolbox.confinement(is_conversation);
        if let Some(confinement) = confinement.as_ref().filter(|_| !is_conversation) {
            self.warnings.push(confinement.clone());
        }
        match (task, self.output, keyboard) {
            (Task::Conversation, _, Some(keyboard)) => {
                let (begun, serving) = begun?;
                let place = Place { begun, toolbox, grants };
                let wishes = (interrupt, leave);
                let ended = self.converse(&keyboard, (place, serving), &trust, wishes).await;
                ended.map(|(exit, transcript)| Worked { exit, transcript, session: id })
            }
            (Task::Prompt(prompt), OutputFormat::Text, keyboard) => {
                let (begun, serving) = begun?;
                let screen = self.screen(keyboard.clone(), &begun.transcript);
                let mut desk =
                    self.desk(begun, toolbox, (serving, screen), interrupt.clone(), grants);
                desk.form = self.form.take();
                let asked = (keyboard.as_ref(), &interrupt, &leave);
                let attended = attend(
                    &desk,
                    keyboard.as_ref(),
                    &interrupt,
                    Words { follow: false, at_steps: true },
                );
                let prompt =
                    mentions::with_files(&mut desk, &self.workspace, prompt, Screen::note).await;
                let ended = match self.way {
                    Way::Straight => desk.prompt(prompt).await.map(Exit::from),
                    Way::Planned => planning::once(&mut desk, self.around, asked, &prompt).await,
                    Way::Proven => proving::once(&mut desk, prompt).await,
                };
                attended.end(&mut desk, &ended);
                let trouble = desk.front().trouble();
                let transcript = close(desk, interrupt.fired()).await;
                written(ended, trouble).map(|exit| Worked { exit, transcript, session: id })
            }
            (task, format, _) => {
                let opening = Opening {
                    session: begun.as_ref().map(|(it, _)| it.id.clone()).unwrap_or_default(),
                    project: self.workspace.root().display().to_string(),
                    permission: permission.to_string(),
                    tools: toolbox.specs().iter().map(|it| it.name.clone()).collect(),
                };
                let form = match format {
                    OutputFormat::StreamJson => JsonForm::Stream,
                    OutputFormat::Json | OutputFormat::Text => JsonForm::Whole,
                };
                let streams = (std::io::stdout(), std::io::stderr());
                let mut json = Json::new(form, Box::new(streams.0), Box::new(streams.1), opening);
                let began = Instant::now();
                let (begun, serving) = match begun {
                    Ok(begun) => begun,
                    Err(err) => {
                        // Who reads JSON shall read why there is none.
                        let (error, took) = (format!("{err:#}"), began.elapsed());
                        json.finish(TurnEnd { error: Some(&error), structured: None, took });
                        return Err(err);
                    }
                };
                let wishes = (&interrupt, &leave);
                let mut desk =
                    self.desk(begun, toolbox, (serving, json), interrupt.clone(), grants);
                desk.form = self.form.take();
                let exit = match task {
                    Task::Prompt(prompt) => {
                        let place = &self.workspace;
                        let prompt =
                            mentions::with_files(&mut desk, place, prompt, |_, _| ()).await;
                        match self.way {
                            Way::Straight => stream::turn(&mut desk, prompt, began).await,
                            Way::Planned => stream::planned(&mut desk, &prompt, began).await,
                            Way::Proven => stream::proven(&mut desk, prompt, began).await,
                        }
                    }
                    Task::Stream | Task::Conversation => stream::converse(&mut desk, wishes).await,
                };
                let trouble = desk.front().trouble();
                let transcript = close(desk, interrupt.fired()).await;
                written(exit, trouble).map(|exit| Worked { exit, transcript, session: id })
            }
        }
    }

    pub(super) fn toolbox(
        &mut self,
        begun: Option<&Begun>,
        is_attended: bool,
        trust: &Trust,
    ) -> Toolbox {
        let command = Duration::from_secs(self.settings.commands.timeout.into());
        let limits = Limits { command, ..Limits::default() };
        let ours = &self.around.variables;
        let named = &self.settings.commands.environment;
        let environment = Environment::allowed(ours).with_named(ours, named);
        let kept = begun.filter(|it| it.journal.is_some()).zip(store(self.around).ok());
        let keep = kept.map(|(it, store)| store.folder(self.workspace.root(), &it.id));
        let (workspace, temp) = (Arc::clone(&self.workspace), self.around.temp_dir());
        let permission = self.settings.permission.unwrap_or(Permission::Ask);
        let enclosure = || enclosure(self.around, &workspace, &self.settings.sandbox);
        let enclosure = match permission {
            Permission::Full => None,
            Permission::ReadOnly => Some(enclosure().read_only()),
            Permission::Ask | Permission::Auto => Some(enclosure()),
        };
        self.warnings.extend(enclosure.iter().flat_map(Enclosure::missing));
        let is_trusted = |path: &str, bytes: &[u8]| trust.holds(path, bytes);
        let files = tool_files::load(self.around, &workspace, is_trusted);
        self.warnings.extend(files.warnings);
        let custom = files.tools;
        let checks = checking::rules(&self.settings.checks, permission);
        let told = self.settings.instructions.then(|| folders_at_start(self.around, &workspace));
        let mut toolbox = Toolbox::new(Means {
            workspace,
            environment,
            enclosure,
            limits,
            keep,
            temp,
            is_attended,
            custom,
            checks,
        });
        if let Some(folders) = told {
            toolbox.tell_instructions(folders.into_iter().collect());
            let entries = begun.map(|it| it.transcript.entries()).unwrap_or_default();
            toolbox.shows(entries);
        }
        toolbox
    }

    pub(super) fn desk<F: Front>(
        &self,
        mut begun: Begun,
        toolbox: Toolbox,
        host_and_front: (Serving, F),
        interrupt: Interrupt,
        grants: Grants,
    ) -> Desk<Serving, F> {
        let (mut serving, front) = host_and_front;
        serving.turn_to(begun.journal.is_some().then(|| begun.id.clone()));
        let permissions = Arc::clone(&grants.permissions);
        let mut warnings = self.warnings.clone();
        let tools: Vec<&str> = toolbox.specs().iter().map(|it| it.name.as_str()).collect();
        warnings.extend(
            permissions.strangers(&tools).map(|it| {
                format!("the rule `{it}` means nothing: there is no tool `{}`", it.tool())
            }),
        );
        let mut rules =
            Rules::new(Arc::clone(&permissions), self.settings.max_turns, toolbox.specs());
        rules.max_calls = self.limits.max_tool_calls;
        let constants = Constants {
            model: self.served_name(),
            sampling: self.settings.sampling.parameters(),
            llama: false,
        };
        let log = Log::new(begun.journal.take());
        let mut reach = Reach::new((serving, front), toolbox, log, interrupt, constants);
        reach.grants = Some(grants);
        reach.inquire_by(&rules);
        reach.wording = self.prompts.wording();
        let Begun { transcript, system, note, .. } = begun;
        let (max_time, form, formed) = (self.limits.max_time, None, None);
        let mut desk = Desk { rules, transcript, system, note, reach, max_time, form, formed };
        for warning in &warnings {
            desk.front().show(&Event::Warning(warning));
        }
        desk
    }

    /// From now on the person's rules hold for whatever is read and written.
    pub(super) fn heed(&self) -> Grants {
        let mode = self.settings.permission.unwrap_or(Permission::Ask);
        let file = trust::file(self.around, &self.workspace).ok();
        let consent = file.as_ref().map(ConsentFile::read).transpose();
        // Whatever cannot be read allows nothing.
        let granted = consent.map(|it| it.unwrap_or_default().allowed().to_vec());
        let mut rules = self.settings.permissions.clone();
        if mode == Permission::Auto {
            // What commands may fetch by themselves, the model may.
            rules.allow.extend(fetching(&self.settings.sandbox.hosts));
        }
        let permissions = Arc::new(Permissions::new(
            mode,
            self.workspace.root(),
            rules,
            granted.unwrap_or_default(),
        ));
        self.workspace.heed(Arc::clone(&permissions) as Arc<dyn Warden>);
        Grants { permissions, file }
    }

    /// What a server that is not ours calls the model; a file of this machine means nothing to it.
    pub(super) fn served_name(&self) -> Option<String> {
        let named = self.settings.server.url.as_ref().and(self.settings.model.clone());
        named.filter(|it| !is_file_name(it))
    }

    /// A server of the model that is worked with, as far as that is known or somebody can be asked.
    pub(super) async fn served(
        &mut self,
        (keyboard, interrupt, leave): (Option<&Keyboard>, &Interrupt, &Interrupt),
        transcript: &Transcript,
    ) -> anyhow::Result<Serving> {
        self.go_on_with_its_model(transcript)?;
        if let Some(keyboard) = keyboard {
            let editor = Editor::new(self.around);
            let person = Person { keyboard, interrupt, leave, editor: &editor };
            self.choose_a_model(&person).await?;
        }
        self.serving().await
    }

    /// The server that was named, or ours in the background, or one of our own for the model that was
    /// named.
    pub(super) async fn serving(&self) -> anyhow::Result<Serving> {
        let server = &self.settings.server;
        if let Some(url) = &server.url {
            return Ok(Serving::Elsewhere { url: url.clone(), key: server.api_key.clone() });
        }
        let engine = Engine::new(self.around, &self.settings.llama, self.model()?)?;
        Ok(match background(self.around, &self.settings, &engine).await {
            Some(serving) => serving,
            None => Serving::start(engine),
        })
    }

    /// The file of the model that was named, or of the one that is here.
    pub(super) fn model(&self) -> anyhow::Result<PathBuf> {
        let Chosen { file, note: word } = chosen(self.around, &self.settings)?;
        word.iter().for_each(|it| note(&visible(it)));
        Ok(file)
    }

    /// One line about what is being worked on, and how.
    pub(super) fn header(&self, ground: Ground, confinement: Option<&str>) -> String {
        let model = match (&self.settings.server.url, &self.settings.model) {
            (Some(url), _) => host_of(url),
            (None, Some(model)) => model.rsplit('/').next().unwrap_or(model),
            (None, None) => "",
        };
        if ground == Ground::Model {
            let model = visible(model);
            let parts = ["agent chat", &*model, "/help"].into_iter().filter(|it| !it.is_empty());
            return parts.collect::<Vec<_>>().join(" · ");
        }
        let branch = self.workspace.branch().map(|it| format!(" ({it})")).unwrap_or_default();
        let permission = self.settings.permission.unwrap_or(Permission::Ask);
        let line = format!(
            "agent {} · {model} · {}{branch} · {permission}{} · /help",
            env!("CARGO_PKG_VERSION"),
            self.workspace.root().display(),
            confinement.map(|it| format!(" · {it}")).unwrap_or_default(),
        );
        // Whoever made the directory or the branch chose their names.
        visible(&line).into_owned()
    }
}

/// Leaves a session, and ends the server.
pub(super) async fn close<F: Front>(
    desk: Desk<Serving, F>,
    stop: impl Future<Output = ()>,
) -> Transcript {
    let (host, transcript) = put_down(desk, stop).await;
    host.stop().await;
    transcript
}

/// Leaves a session: the server keeps what it has read of it, if that saves time and nothing stops it.
pub(super) async fn put_down<F: Front>(
    mut desk: Desk<Serving, F>,
    stop: impl Future<Output = ()>,
) -> (Serving, Transcript) {
    let has_asked = desk.has_asked();
    let mut stop = pin!(stop);
    if desk.is_set_aside() {
        // It is this conversation that is to be kept.
        tokio::select! { () = &mut stop => {}, () = desk.warm() => {} }
    }
    let transcript = std::mem::take(&mut desk.transcript);
    let mut host = desk.into_host();
    if has_asked {
        host.keep(rereading(transcript.entries()), stop, || {
            note("keeping what the model has read, for when this goes on; Ctrl-C leaves at once");
        })
        .await;
    }
    (host, transcript)
}

/// Where the project is everything a person has, `auto` means more than they may think.
fn too_wide(around: &Surroundings, workspace: &Workspace) -> Option<String> {
    let root = workspace.root();
    let what = match root {
        _ if root.parent().is_none() => "the whole file system",
        _ if around.home.as_deref() == Some(root) => "your whole home directory",
        _ => return None,
    };
    Some(format!("the project is {what}\nhint: go to a project, or name one with `-C DIR`"))
}

/// The part of an address that tells servers apart, without the password it may hold.
pub(super) fn host_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    authority.rsplit('@').next().unwrap_or(authority)
}

/// An answer that was not written is no success, whatever else went well.
pub(super) fn written(
    exit: anyhow::Result<Exit>,
    trouble: Option<std::io::Error>,
) -> anyhow::Result<Exit> {
    let exit = exit?;
    match trouble {
        Some(err) => Err(err).context("cannot write to standard output"),
        None => Ok(exit),
    }
}

impl From<Finish> for Exit {
    fn from(finish: Finish) -> Self {
        match finish {
            Finish::Done => Self::Done,
            Finish::Stopped(stop) => match stop {
                Stop::Cancelled => Self::Cancelled,
                Stop::TurnLimit => Self::TurnLimit,
                Stop::TimeLimit => Self::TimeLimit,
                Stop::CallLimit => Self::CallLimit,
                Stop::EmptyReplies
                | Stop::MalformedCalls
                | Stop::RepeatedCalls
                | Stop::CutOff
                | Stop::OtherForm
                | Stop::NoPlan => Self::GaveUp,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_called_by_its_host() {
        for url in ["http://host:80/v1", "host:80", "https://me:secret@host:80/?x"] {
            assert_eq!(host_of(url), "host:80");
        }
    }

    #[test]
    fn a_slip_is_told_from_a_task() {
        let suspect = |words: &[&str]| {
            crate::cli::task::suspect_subcommand(
                &words.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>(),
            )
            .is_err()
        };
        assert!(suspect(&["sesions"]));
        assert!(suspect(&["dmeo"]));
        assert!(!suspect(&["fix"]) && !suspect(&["hello"]));
        assert!(!suspect(&["fix", "sesions"]));
    }
}
