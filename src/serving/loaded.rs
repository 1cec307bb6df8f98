//! The models that are loaded: who asks for one gets it, and holds it while it answers.
//!
//! All of this lives on one thread, the main one: a model's server dies with the thread that started
//! it.

mod lease;
mod looks;
mod turns;

use std::cell::{Cell, OnceCell, RefCell};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use http_body_util::BodyExt;
use tokio::sync::{Notify, watch};
use tokio::task::AbortHandle;
use tokio::time::Instant;

use crate::llama::{self, Launch, Running};
use crate::sandbox::Environment;
use crate::serving::library::{Library, Missing, Wanted};
use crate::serving::loaded::lease::Watch;
use crate::serving::loaded::looks::Looks;
use crate::serving::loaded::turns::{Turn, Turns};
use crate::serving::log::{self, Log};
use crate::serving::pass;
use crate::serving::room::{Resident, Room, make_room};
use crate::serving::speed::Speed;
use crate::serving::told;

pub(super) use lease::{Gone, Lease};

/// How models are started.
#[derive(Clone, Debug)]
pub(crate) struct Means {
    pub(crate) address: SocketAddr,
    pub(crate) program: PathBuf,
    pub(crate) options: llama::Options,
    pub(crate) runtime_dir: PathBuf,
    /// The directory for the logs of the models' servers.
    pub(crate) logs: PathBuf,
    pub(crate) environment: Environment,
    /// How long a model stays that nobody asks anything; for ever without it.
    pub(crate) keep: Option<Duration>,
    /// All of that which makes a difference to an answer, in short.
    pub(crate) settings: String,
}

/// Why somebody does not get a model.
#[derive(Clone, Debug)]
pub(super) enum Refused {
    CannotLoad(String),
    TooManyWait,
}

/// Who waits for a model holds a connection and a body.
const MOST_WAITING: usize = 64;

/// A model's server that is stopped with this many bytes in its log starts it anew.
const LONGEST_LOG: u64 = 8 << 20;

/// So long a failure is told to those who only look, before it is tried again.
const FRESH: Duration = Duration::from_secs(10);

pub(super) struct Loaded {
    pub(super) means: Means,
    pub(super) library: Box<dyn Library>,
    pub(super) log: Log,
    models: RefCell<Vec<Model>>,
    failures: RefCell<Vec<(PathBuf, String, Instant)>>,
    /// Somebody has been loaded, ended, or become idle.
    changed: Notify,
    serial: Cell<u64>,
    waiting: Cell<usize>,
    turns: Turns,
    looks: Looks,
    began: Instant,
}

struct Model {
    id: u64,
    wanted: Wanted,
    /// Bytes.
    need: u64,
    holding: Holding,
    answering: usize,
    answers: u64,
    /// When it said something to anybody last.
    heard: Rc<Cell<Instant>>,
    watch: Option<Watch>,
    /// Why it is not here any more, for those whom it was to answer.
    gone: Rc<OnceCell<Gone>>,
    speed: Speed,
    context: Option<u32>,
    last: Instant,
}

enum Holding {
    Loading { told: watch::Sender<Outcome>, progress: Rc<Cell<Option<f32>>>, task: AbortHandle },
    Up(Box<Running>),
    Ending,
}

/// What comes of loading a model; nothing as long as it is loaded.
type Outcome = Option<Result<(), String>>;

impl Model {
    fn is_idle(&self) -> bool {
        self.answering == 0 && matches!(self.holding, Holding::Up(_))
    }
}

impl Loaded {
    pub(super) fn new(means: Means, library: Box<dyn Library>, log: Log) -> Rc<Self> {
        Rc::new(Self {
            means,
            library,
            log,
            models: RefCell::default(),
            failures: RefCell::default(),
            changed: Notify::new(),
            serial: Cell::new(0),
            waiting: Cell::new(0),
            turns: Turns::default(),
            looks: Looks::default(),
            began: Instant::now(),
        })
    }

    /// The model that a request means: the one it names, or else the only one that is loaded, or the
    /// usual one.
    pub(super) async fn meant(&self, name: Option<&str>) -> Result<Wanted, Missing> {
        let known = {
            let models = self.models.borrow();
            let known = match name {
                Some(name) => models.iter().find(|it| it.wanted.name == name),
                None => models.first().filter(|_| models.len() == 1),
            };
            known.map(|it| it.wanted.clone())
        };
        match known {
            Some(wanted) => Ok(wanted),
            None => self.library.find(name).await,
        }
    }

    /// Whether it can answer at once.
    pub(super) fn is_up(&self, wanted: &Wanted) -> bool {
        let models = self.models.borrow();
        models
            .iter()
            .any(|it| it.wanted.path == wanted.path && matches!(it.holding, Holding::Up(_)))
    }

    /// Why it could not be loaded just now.
    pub(super) fn failure(&self, wanted: &Wanted) -> Option<String> {
        let mut failures = self.failures.borrow_mut();
        failures.retain(|it| it.2.elapsed() < FRESH);
        failures.iter().find(|it| it.0 == wanted.path).map(|it| it.1.clone())
    }

    /// Waits until it is loaded and may be asked. What was begun goes on if nobody waits any more.
    pub(super) async fn lease(self: &Rc<Self>, wanted: &Wanted) -> Result<Lease, Refused> {
        let mut waits = Waits::new(self);
        loop {
            let changed = self.changed.notified();
            if let Some(lease) = self.lend(wanted, waits.turn) {
                return Ok(lease);
            }
            waits.count()?;
            let outcome = {
                let models = self.models.borrow();
                match models.iter().find(|it| it.wanted.path == wanted.path).map(|it| &it.holding) {
                    Some(Holding::Loading { told, .. }) => Some(told.subscribe()),
                    Some(Holding::Up(_) | Holding::Ending) => None,
                    None => {
                        drop(models);
                        self.begin(wanted, waits.turn)
                    }
                }
            };
            match outcome {
                None => changed.await,
                Some(mut outcome) => {
                    if let Ok(told) = outcome.wait_for(Option::is_some).await
                        && let Some(Err(reason)) = &*told
                    {
                        return Err(Refused::CannotLoad(reason.clone()));
                    }
                }
            }
        }
    }

    /// Begins to load it, if there is room and nobody waits for it who came before; else those that are to
    /// make room begin to end, and nothing is returned.
    fn begin(self: &Rc<Self>, wanted: &Wanted, turn: Turn) -> Option<watch::Receiver<Outcome>> {
        let (residents, ids): (Vec<_>, Vec<_>) = {
            let models = self.models.borrow();
            let idle = |it: &Model| it.is_idle().then(|| it.last.elapsed());
            models.iter().map(|it| (Resident { need: it.need, idle: idle(it) }, it.id)).unzip()
        };
        if self.turns.is_late(turn) {
            self.turns.lacks(turn, Vec::new());
            return None;
        }
        let used = residents.iter().fold(0_u64, |sum, it| sum.saturating_add(it.need));
        match make_room(&residents, wanted.need, self.library.room(used)) {
            Room::Enough => {
                self.turns.is_served(turn);
                Some(self.load(wanted))
            }
            Room::After(gone) => {
                self.turns.lacks(turn, gone.iter().map(|it| ids[*it]).collect());
                for at in gone {
                    self.end(ids[at], &format!("makes room for {}", wanted.name));
                }
                None
            }
            Room::Later => {
                // Those that would go if nobody were busy take nothing new.
                let idle =
                    |it: &Resident| Resident { idle: it.idle.or(Some(Duration::ZERO)), ..*it };
                let residents: Vec<_> = residents.iter().map(idle).collect();
                let Room::After(gone) = make_room(&residents, wanted.need, self.library.room(used))
                else {
                    return None;
                };
                self.turns.lacks(turn, gone.iter().map(|it| ids[*it]).collect());
                None
            }
        }
    }

    fn load(self: &Rc<Self>, wanted: &Wanted) -> watch::Receiver<Outcome> {
        let told = watch::Sender::new(None);
        let outcome = told.subscribe();
        let progress = Rc::new(Cell::new(None));
        let id = self.serial.get() + 1;
        self.serial.set(id);
        let task = {
            let (loaded, wanted) = (Rc::clone(self), wanted.clone());
            let (told, progress) = (told.clone(), Rc::clone(&progress));
            tokio::task::spawn_local(async move {
                let outcome = loaded.fetch(id, &wanted, &progress).await;
                told.send_replace(Some(outcome));
                loaded.changed.notify_waiters();
            })
        };
        self.models.borrow_mut().push(Model {
            id,
            wanted: wanted.clone(),
            need: wanted.need,
            holding: Holding::Loading { told, progress, task: task.abort_handle() },
            answering: 0,
            answers: 0,
            heard: Rc::new(Cell::new(Instant::now())),
            watch: None,
            gone: Rc::default(),
            speed: Speed::default(),
            context: None,
            last: Instant::now(),
        });
        outcome
    }

    async fn fetch(
        &self,
        id: u64,
        wanted: &Wanted,
        progress: &Cell<Option<f32>>,
    ) -> Result<(), String> {
        self.log.line(&format!("{}: is being loaded", wanted.name));
        match self.start(id, wanted, progress).await {
            Ok(running) => {
                self.is_there(id, wanted, running).await;
                Ok(())
            }
            Err(err) => {
                let reason = format!("{err:#}");
                self.log.line(&format!("{}: {reason}", wanted.name));
                let mut failures = self.failures.borrow_mut();
                failures.retain(|it| it.0 != wanted.path);
                failures.push((wanted.path.clone(), reason.clone(), Instant::now()));
                self.models.borrow_mut().retain(|it| it.id != id);
                Err(reason)
            }
        }
    }

    async fn start(
        &self,
        id: u64,
        wanted: &Wanted,
        progress: &Cell<Option<f32>>,
    ) -> anyhow::Result<Running> {
        let means = &self.means;
        let log = format!("llama-server-{}-{id}.log", std::process::id());
        // What it calls itself in its answers is what it was called here, and not where it lies.
        let mut options = means.options.clone();
        options.args.extend(["--alias".to_owned(), wanted.name.clone()]);
        let launch = Launch {
            program: &means.program,
            model: &wanted.path,
            options: &options,
            attic: None,
            runtime_dir: &means.runtime_dir,
            log: &means.logs.join(log),
            environment: &means.environment,
        };
        llama::start(&launch, &mut |part| progress.set(part)).await
    }

    async fn is_there(&self, id: u64, wanted: &Wanted, running: Running) {
        let context = context_of(&running).await;
        let whole = context.map(|it| u64::from(it) * u64::from(self.means.options.slots));
        let need = match whole {
            Some(whole) => Some(self.library.need(&wanted.path, whole).await),
            None => None,
        };
        let mut models = self.models.borrow_mut();
        let Some(model) = models.iter_mut().find(|it| it.id == id) else { return };
        model.context = context;
        model.need = need.unwrap_or(model.need);
        model.last = Instant::now();
        model.holding = Holding::Up(Box::new(running));
        self.log.line(&format!("{}: is ready", model.wanted.name));
    }

    /// Ends it, whatever it is doing. It is in the list until it has ended, for so long it has memory.
    fn end(self: &Rc<Self>, id: u64, why: &str) {
        let mut models = self.models.borrow_mut();
        let Some(model) = models.iter_mut().find(|it| it.id == id) else { return };
        let name = &model.wanted.name;
        match std::mem::replace(&mut model.holding, Holding::Ending) {
            Holding::Up(running) => {
                self.log.line(&format!("{name}: is put away: {why}"));
                let loaded = Rc::clone(self);
                tokio::task::spawn_local(async move {
                    let log = running.log.clone();
                    running.stop().await;
                    // A log is for those who look for a fault; a server that was stopped in peace
                    // has none.
                    let _ = std::fs::remove_file(log);
                    loaded.models.borrow_mut().retain(|it| it.id != id);
                    loaded.changed.notify_waiters();
                });
            }
            Holding::Loading { told, task, .. } => {
                self.log.line(&format!("{name}: is not loaded after all: {why}"));
                // What it has started is killed when it is dropped.
                task.abort();
                told.send_replace(Some(Err(format!("it was put away: {why}"))));
                models.retain(|it| it.id != id);
                self.changed.notify_waiters();
            }
            Holding::Ending => {}
        }
    }

    /// Puts away who was named, or all, and waits until they have ended.
    pub(super) async fn unload(
        self: &Rc<Self>,
        asked: &told::Unloading,
    ) -> Result<told::Unloaded, Missing> {
        let named = match asked.model.as_deref() {
            Some(name) => Some(self.meant(Some(name)).await?),
            None => None,
        };
        let (mut told, mut ids) = (told::Unloaded::default(), Vec::new());
        for model in self.models.borrow().iter() {
            if named.as_ref().is_some_and(|it| it.path != model.wanted.path) {
                continue;
            }
            if matches!(model.holding, Holding::Ending) {
                continue;
            }
            if model.is_idle() || asked.force {
                // Set once: what has died before is not there any more.
                let _ = model.gone.set(Gone::ByRequest);
                told.unloaded.push(model.wanted.name.clone());
                ids.push(model.id);
            } else {
                told.busy.push(model.wanted.name.clone());
            }
        }
        ids.iter().for_each(|it| self.end(*it, "by request"));
        loop {
            let changed = self.changed.notified();
            if !self.models.borrow().iter().any(|it| ids.contains(&it.id)) {
                return Ok(told);
            }
            changed.await;
        }
    }

    /// Ends all, whatever they are doing.
    pub(super) async fn end_all(self: &Rc<Self>) {
        let all = told::Unloading { model: None, force: true };
        // No model is named, so none can be missing.
        let _ = self.unload(&all).await;
    }

    /// What has to be done now and then: who has been idle too long goes, who has died is forgotten.
    pub(super) fn tend(self: &Rc<Self>) {
        let (mut idle, mut dead) = (Vec::new(), Vec::new());
        for model in self.models.borrow_mut().iter_mut() {
            let has_rested =
                model.is_idle() && self.means.keep.is_some_and(|it| it <= model.last.elapsed());
            let Holding::Up(running) = &mut model.holding else { continue };
            match running.ended() {
                Some(reason) => dead.push((model.id, reason)),
                None if has_rested => idle.push(model.id),
                None => {}
            }
            if let Ok(file) = std::fs::OpenOptions::new().append(true).open(&running.log) {
                log::bound(&file, &running.log, LONGEST_LOG);
            }
        }
        idle.into_iter().for_each(|it| self.end(it, "nobody asks it anything"));
        dead.into_iter().for_each(|(id, reason)| self.forget(id, &reason));
    }

    fn forget(&self, id: u64, reason: &str) {
        let mut models = self.models.borrow_mut();
        if let Some(at) = models.iter().position(|it| it.id == id) {
            let model = models.remove(at);
            self.log.line(&format!("{}: {reason}", model.wanted.name));
            let _ = model.gone.set(Gone::Died(reason.to_owned()));
        }
        drop(models);
        self.changed.notify_waiters();
    }

    /// Answers under way.
    pub(super) fn answering(&self) -> Vec<String> {
        let models = self.models.borrow();
        models.iter().filter(|it| 0 < it.answering).map(|it| it.wanted.name.clone()).collect()
    }

    pub(super) fn is_loaded(&self, name: &str) -> bool {
        self.models.borrow().iter().any(|it| it.wanted.name == name)
    }

    pub(super) fn status(&self) -> told::Status {
        let models = self.models.borrow();
        let used = models.iter().fold(0_u64, |sum, it| sum.saturating_add(it.need));
        told::Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            address: self.means.address.to_string(),
            up_seconds: self.began.elapsed().as_secs(),
            settings: self.means.settings.clone(),
            room_bytes: self.library.room(used),
            waiting: self.waiting.get(),
            models: models.iter().map(|it| self.told(it)).collect(),
        }
    }

    fn told(&self, model: &Model) -> told::Model {
        let idle = model.is_idle().then(|| model.last.elapsed());
        let (state, loaded, pid) = match &model.holding {
            Holding::Loading { progress, .. } => (told::Stage::Loading, progress.get(), None),
            Holding::Up(running) if model.answering == 0 => (told::Stage::Idle, None, running.id()),
            Holding::Up(running) => (told::Stage::Busy, None, running.id()),
            Holding::Ending => (told::Stage::Ending, None, None),
        };
        let left = |it: Duration| Some(self.means.keep?.saturating_sub(it).as_secs());
        told::Model {
            name: model.wanted.name.clone(),
            path: model.wanted.path.display().to_string(),
            quant: model.wanted.quant.clone(),
            state,
            loaded,
            pid,
            log: match &model.holding {
                Holding::Up(running) => Some(running.log.display().to_string()),
                Holding::Loading { .. } | Holding::Ending => None,
            },
            need_bytes: model.need,
            memory_bytes: pid.and_then(memory_of),
            context: model.context,
            answering: model.answering,
            answers: model.answers,
            read_per_second: model.speed.read,
            written_per_second: model.speed.written,
            idle_seconds: idle.map(|it| it.as_secs()),
            goes_in_seconds: idle.and_then(left),
        }
    }
}

/// Somebody's place in the order, and among those who wait once it has to.
struct Waits<'a> {
    loaded: &'a Loaded,
    turn: Turn,
    is_counted: bool,
}

impl<'a> Waits<'a> {
    fn new(loaded: &'a Loaded) -> Self {
        Self { loaded, turn: loaded.turns.come(), is_counted: false }
    }

    /// There is nothing for it but to wait.
    fn count(&mut self) -> Result<(), Refused> {
        if self.is_counted {
            return Ok(());
        }
        let waiting = self.loaded.waiting.get();
        if MOST_WAITING <= waiting {
            return Err(Refused::TooManyWait);
        }
        self.loaded.waiting.set(waiting + 1);
        self.is_counted = true;
        Ok(())
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        if self.is_counted {
            self.loaded.waiting.set(self.loaded.waiting.get() - 1);
        }
        if self.loaded.turns.is_served(self.turn) {
            self.loaded.changed.notify_waiters();
        }
    }
}

/// The tokens of one conversation, as the server tells them.
async fn context_of(running: &Running) -> Option<u32> {
    const PATIENCE: Duration = Duration::from_secs(5);
    let headers = hyper::HeaderMap::new();
    let request =
        pass::inward(hyper::Method::GET, "/props", &headers, bytes::Bytes::new(), &running.key);
    let asked = async {
        let (response, _connection) = pass::send(&running.address, request.ok()?).await.ok()?;
        let body = BodyExt::collect(response.into_body()).await.ok()?.to_bytes();
        let props: serde_json::Value = serde_json::from_slice(&body).ok()?;
        u32::try_from(props["default_generation_settings"]["n_ctx"].as_u64()?).ok()
    };
    tokio::time::timeout(PATIENCE, asked).await.ok().flatten()
}

/// What a process has in memory, where the kernel tells.
fn memory_of(pid: u32) -> Option<u64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = text.lines().find_map(|it| it.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib << 10)
}
