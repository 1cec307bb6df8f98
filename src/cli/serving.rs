//! Where the model server comes from: somebody else runs it, or we start it.

use std::cell::Cell;
use std::future::pending;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context, anyhow};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::agent::Host;
use crate::cli::server::{Background, fingerprint};
use crate::cli::surroundings::Surroundings;
use crate::cli::{engine, note};
use crate::config::Settings;
use crate::conversation::Event;
use crate::llama::engine::Hold;
use crate::llama::{self, Attic, Kept, Launch, Running};
use crate::llm::{self, Address, Server};
use crate::sandbox::Environment;
use crate::ui::visible;

/// A server that is not ours may be silent for so long; reading a long prompt takes minutes.
const PATIENCE: Duration = Duration::from_secs(30 * 60);

/// A server whose connection breaks may be about to end.
const DYING: Duration = Duration::from_millis(100);

/// How often is looked how far the server is with what it writes.
const LOOK: Duration = Duration::from_millis(50);

/// Of what takes longer, the person is told.
const LOOKS_BEFORE_A_WORD: u32 = 10;

pub(super) enum Serving {
    Elsewhere {
        url: String,
        key: Option<String>,
    },
    Ours {
        engine: Rc<Engine>,
        state: State,
        /// What is read is of this session, if that is to be kept.
        session: Option<String>,
        /// It was turned to another session since it last answered.
        is_turned: bool,
    },
    /// One was stopped, and the next has not come.
    Down,
}

/// What it takes to start a server of our own, as often as need be.
pub(super) struct Engine {
    program: PathBuf,
    /// Of one that we installed.
    _hold: Option<Hold>,
    model: PathBuf,
    options: llama::Options,
    runtime_dir: PathBuf,
    logs: PathBuf,
    /// How many were started: each has a log of its own, for one that ended is not the last.
    started: Cell<u32>,
    environment: Environment,
    /// Where what it has read is kept.
    attic: Option<Attic>,
}

/// How far our own server has come.
pub(super) enum State {
    /// It is started with the next request.
    Down,
    Starting {
        start: JoinHandle<anyhow::Result<Running>>,
        progress: watch::Receiver<Option<f32>>,
    },
    Up(Box<Running>),
    /// It did not end by itself, or nobody was told yet; why.
    Ended(String),
}

impl Engine {
    pub(super) fn new(
        around: &Surroundings,
        options: &llama::Options,
        model: PathBuf,
    ) -> anyhow::Result<Self> {
        let program = engine::found(around, options)?.program;
        let attic = attic(around, options.keep_gigabytes).filter(|it| it.is_open_for(options));
        Ok(Self {
            attic,
            _hold: engine::hold(around, &program),
            program,
            model,
            options: options.clone(),
            runtime_dir: around.runtime_dir(),
            logs: log_dir(around),
            started: Cell::new(0),
            environment: llama::environment(&around.variables),
        })
    }

    /// Where what it has read of a session is kept.
    fn kept(&self, session: &str) -> Option<Kept> {
        self.attic.clone()?.of(session, (&self.program, &self.model), &self.options)
    }

    /// Of the newest.
    fn log(&self) -> PathBuf {
        let id = std::process::id();
        self.logs.join(match self.started.get() {
            0 | 1 => format!("llama-server-{id}.log"),
            nth => format!("llama-server-{id}-{nth}.log"),
        })
    }

    async fn start(&self, on: &mut dyn FnMut(Option<f32>)) -> anyhow::Result<Running> {
        self.started.set(self.started.get() + 1);
        let launch = Launch {
            program: &self.program,
            model: &self.model,
            options: &self.options,
            attic: self.attic.as_ref().map(|it| it.directory.as_path()),
            runtime_dir: &self.runtime_dir,
            log: &self.log(),
            environment: &self.environment,
        };
        llama::start(&launch, on).await
    }
}

/// Where what servers have read of sessions is kept.
fn attic(around: &Surroundings, gigabytes: u32) -> Option<Attic> {
    let directory = around.state_dir().ok()?.join("read");
    Some(Attic { directory, most: u64::from(gigabytes) << 30 })
}

/// What servers have read of a session is of use to its copy.
pub(super) fn lend(around: &Surroundings, session: &str, copy: &str) {
    if let Some(attic) = attic(around, 0) {
        attic.lend(session, copy);
    }
}

/// Removes what servers have read of a session.
pub(super) fn forget(around: &Surroundings, session: &str) {
    if let Some(attic) = attic(around, 0) {
        attic.forget(session);
    }
}

/// Where the logs are; with the socket, and gone with it, where there is no place that lasts.
pub(super) fn log_dir(around: &Surroundings) -> PathBuf {
    let Ok(usual) = around.state_dir().map(|it| it.join("logs")) else {
        return around.runtime_dir();
    };
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&usual);
    if made.is_err() || rustix::fs::access(&usual, rustix::fs::Access::WRITE_OK).is_err() {
        return around.runtime_dir();
    }
    usual
}

/// Our server in the background, if this model is to be had from it: it runs, or is to be started for
/// that, and would start the model just as we would. What it has read is kept by nobody: other
/// programs may speak to it between two requests of ours.
pub(super) async fn background(
    around: &Surroundings,
    settings: &Settings,
    engine: &Engine,
) -> Option<Serving> {
    let found = match settings.server.keep_alive {
        true => Background::start(around, None).await.map(|it| Some(it.0)),
        false => Background::find(around),
    };
    let running = match found {
        Ok(running) => running?,
        Err(err) => {
            note(&visible(&format!("working without the server in the background: {err:#}")));
            return None;
        }
    };
    // Who does not answer is no server, whatever it was.
    let status = running.status().await.ok()?;
    if status.settings != fingerprint(&engine.options, &engine.program) {
        note("the server in the background has other settings; starting one for this session");
        return None;
    }
    let model = engine.model.to_str()?;
    let key = Some(running.key().to_owned());
    Some(Serving::Elsewhere { url: running.url_of(model), key })
}

impl State {
    fn start(engine: &Rc<Engine>) -> Self {
        let (told, progress) = watch::channel(None);
        let engine = Rc::clone(engine);
        let start = tokio::task::spawn_local(async move {
            engine
                .start(&mut |part| {
                    told.send_replace(part);
                })
                .await
        });
        Self::Starting { start, progress }
    }
}

impl Serving {
    /// Begins to start a server of our own; the person may type meanwhile. Must be called on the
    /// main thread, with whose end the server dies.
    pub(super) fn start(engine: Engine) -> Self {
        let engine = Rc::new(engine);
        let state = State::start(&engine);
        Self::Ours { engine, state, session: None, is_turned: false }
    }

    /// The session of which what is read is kept.
    pub(super) fn session(&self) -> Option<String> {
        match self {
            Self::Ours { session, .. } => session.clone(),
            Self::Elsewhere { .. } | Self::Down => None,
        }
    }

    /// From now on what is read is of this session; of one without an id nothing is kept.
    pub(super) fn turn_to(&mut self, id: Option<String>) {
        if let Self::Ours { session, is_turned, .. } = self {
            *is_turned |= *session != id;
            *session = id;
        }
    }

    /// Has our server write down what it has read, if to read it again would take so long that it is
    /// wanted, and unless `stop` resolves first. `on_wait` is told if that takes a while.
    pub(super) async fn keep(
        &mut self,
        rereading: Duration,
        stop: impl Future<Output = ()>,
        on_wait: impl FnOnce(),
    ) {
        let Self::Ours { engine, state: State::Up(running), session: Some(session), .. } = self
        else {
            return;
        };
        let Some(kept) = engine.kept(session) else { return };
        if rereading < Duration::from_secs(engine.options.keep_seconds.into()) {
            return;
        }
        let Ok(server) = server_of(running) else { return };
        let draft = kept.draft();
        let (mut stop, mut on_wait) = (pin!(stop), Some(on_wait));
        let mut saving = pin!(llm::save(&server, &draft));
        let mut look = tokio::time::interval(LOOK);
        let mut looks = 0;
        let is_saved = loop {
            tokio::select! {
                biased;
                saved = &mut saving => break saved.is_ok(),
                () = &mut stop => break false,
                _ = look.tick() => {
                    looks += 1;
                    if kept.attic.most < kept.written() {
                        break false;
                    }
                    if let Some(on_wait) = on_wait.take_if(|_| LOOKS_BEFORE_A_WORD < looks) {
                        on_wait();
                    }
                }
            }
        };
        if !is_saved || kept.finish().is_err() {
            kept.give_up();
        }
    }

    pub(super) async fn stop(self) {
        let Self::Ours { engine, state, .. } = self else { return };
        match state {
            State::Up(running) => running.stop().await,
            State::Starting { start, .. } => {
                // Dropping what it has started ends it.
                start.abort();
                let _ = start.await;
            }
            // It failed, and its log says why.
            State::Down | State::Ended(_) => return,
        }
        // A log is for those who look for a fault; a server that was stopped in peace has none.
        let _ = std::fs::remove_file(engine.log());
    }
}

impl Host for Serving {
    async fn server(&mut self, on: &mut dyn FnMut(Event<'_>)) -> anyhow::Result<Server> {
        match self {
            Self::Elsewhere { url, key } => {
                Server::new(&Address::Http(url.clone()), key.clone(), Some(PATIENCE))
            }
            Self::Down => Err(anyhow!("no model is worked with\nhint: `/model` chooses one")),
            Self::Ours { engine, state, session, is_turned } => {
                let kept = session.as_deref().and_then(|it| engine.kept(it));
                let was_up = matches!(state, State::Up(_));
                let running = ready(engine, state, kept.as_ref(), on).await?;
                if let Some(kept) = kept.filter(|_| was_up && *is_turned) {
                    recall(&kept, running).await?;
                }
                *is_turned = false;
                server_of(running)
            }
        }
    }

    async fn hang(&mut self, heard: &Cell<Instant>) {
        let Self::Ours { state, engine, .. } = self else { return pending().await };
        let State::Up(running) = state else { return pending().await };
        let patience = Duration::from_secs(engine.options.silence.into());
        llama::hang(&running.address, patience, heard).await;
        // What hangs does not end when it is asked to; dropping it kills it.
        *state = State::Ended(format!("it has answered nothing for {} s", patience.as_secs()));
    }

    async fn obituary(&mut self) -> Option<String> {
        let Self::Ours { state, .. } = self else { return None };
        if let State::Ended(reason) = state {
            let reason = std::mem::take(reason);
            *state = State::Down;
            return Some(reason);
        }
        let State::Up(running) = state else { return None };
        // Its sockets close a moment before it can be seen to have ended.
        let reason = running.ended_within(DYING).await?;
        *state = State::Down;
        Some(reason)
    }
}

fn server_of(running: &Running) -> anyhow::Result<Server> {
    let address = match &running.address {
        llama::Address::Unix(path) => Address::Unix(path.clone()),
        llama::Address::Tcp(address) => Address::Http(format!("http://{address}")),
    };
    Server::new(&address, Some(running.key.clone()), None)
}

/// Has a server that was just started read back what was kept. What comes of it, is seen by how much
/// of the next request is in its cache; without it, all is read as ever.
async fn recall(kept: &Kept, running: &Running) -> anyhow::Result<()> {
    if kept.is_there() && llm::restore(&server_of(running)?, kept.name()).await.is_err() {
        kept.discard();
    }
    Ok(())
}

/// Waits until the server can answer, and starts it if it is down.
async fn ready<'a>(
    engine: &Rc<Engine>,
    state: &'a mut State,
    kept: Option<&Kept>,
    on: &mut dyn FnMut(Event<'_>),
) -> anyhow::Result<&'a Running> {
    if let State::Down | State::Ended(_) = state {
        *state = State::start(engine);
    }
    if let State::Starting { start, progress } = state {
        on(Event::Loading(*progress.borrow_and_update()));
        let started = loop {
            tokio::select! {
                biased;
                started = &mut *start => break started,
                Ok(()) = progress.changed() => on(Event::Loading(*progress.borrow_and_update())),
            }
        };
        *state = State::Down;
        let running = Box::new(started.context("the start was given up")??);
        if let Some(kept) = kept {
            recall(kept, &running).await?;
        }
        *state = State::Up(running);
    }
    match state {
        State::Up(running) => Ok(running),
        State::Starting { .. } | State::Down | State::Ended(_) => {
            Err(anyhow!("the model server is not running"))
        }
    }
}
