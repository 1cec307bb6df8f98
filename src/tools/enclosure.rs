//! What commands of this session are confined to: the person's bounds and what the project holds
//! at the moment a command starts.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::sandbox::{
    self, Absent, Command, Confinement, Entry, Environment, Gate, Grant, Homes, Level, Network,
    Options, Policy, listening,
};
use crate::workspace::{self, News, Survey, View};

/// What a session says about its commands.
#[derive(Debug)]
pub(crate) struct Enclosure {
    bounds: Bounds,
    /// Where what commands need for a moment is kept for the next.
    stock: Option<PathBuf>,
    /// Nothing but what is private to a command can be written to.
    is_read_only: bool,
    survey: Mutex<Survey>,
    /// `None` where commands may speak to nobody.
    gate: Option<Gate>,
    /// Found out when the first command needs it.
    level: OnceLock<Result<Level, String>>,
    /// What does not change from one command to the next, looked up with the level.
    lasting: OnceLock<Result<Lasting, String>>,
    /// What was seen before a command and has not been told.
    pending: Mutex<Vec<News>>,
}

/// How often a command is confined anew because the project was moved under it.
const LOOKS: usize = 8;

/// How much is told of one command.
const MOST_NEWS: usize = 8;

/// What confines the commands of a session, beside the project itself.
#[derive(Clone, Debug)]
pub(crate) struct Bounds {
    pub(crate) project: PathBuf,
    pub(crate) home: Option<PathBuf>,
    /// Directories of the agent itself: sessions, configuration.
    pub(crate) private: Vec<PathBuf>,
    pub(crate) options: Options,
}

/// Why a command is not run.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Unconfinable {
    /// Nothing on this machine confines commands.
    Machine(String),
    /// Something does, but not to this project as it is.
    Project(String),
}

impl Unconfinable {
    pub(crate) fn reason(&self) -> &str {
        match self {
            Self::Machine(reason) | Self::Project(reason) => reason,
        }
    }
}

#[derive(Debug)]
struct Lasting {
    project: Grant,
    writable: Vec<Grant>,
    homes: Homes,
}

impl Lasting {
    /// Secrets outside the project, and the services that somebody offers by a file now.
    fn hidden(&self) -> impl Iterator<Item = Entry> {
        let is_within = |path: &Path, of: &[Grant]| of.iter().any(|it| path.starts_with(it.path()));
        let is_there = move |path: &PathBuf| {
            let is_emptied = self.homes.is_emptied(path);
            let is_granted = is_within(path, &self.homes.readable);
            let is_theirs =
                path.starts_with(self.project.path()) || is_within(path, &self.writable);
            (!is_emptied || is_granted) && !is_theirs
        };
        let services = listening().into_iter().filter(is_there).map(Entry::File);
        self.homes.hidden.iter().cloned().chain(services)
    }
}

impl Enclosure {
    pub(crate) fn new(bounds: Bounds, survey: Survey) -> Self {
        let (level, lasting, pending) = Default::default();
        let gate = Gate::new(&bounds.options.hosts);
        let (is_read_only, survey) = (false, Mutex::new(survey));
        Self { bounds, stock: None, is_read_only, survey, gate, level, lasting, pending }
    }

    /// The same, but what is put into the project for a command is kept in `stock` for the next: a
    /// directory that commands do not see.
    pub(crate) fn keeping(self, stock: PathBuf) -> Self {
        Self { stock: Some(stock), ..self }
    }

    /// The same, but commands can change neither the project nor what they could write to else.
    pub(crate) fn read_only(self) -> Self {
        Self { is_read_only: true, ..self }
    }

    /// What enforces it here, or why nothing can.
    pub(crate) fn level(&self) -> Result<Level, &str> {
        let find = || Level::find(self.bounds.options.level);
        self.level.get_or_init(find).as_ref().copied().map_err(String::as_str)
    }

    /// What does not hold here of what is wanted, as a sentence for the person.
    pub(crate) fn shortcoming(&self, level: Level) -> Option<String> {
        let usual = level.shortcoming()?;
        Some(match self.gate {
            None => usual.to_owned(),
            Some(_) => format!("{usual}; they have no network, not even to `sandbox.hosts`"),
        })
    }

    /// What a command may do here, in one line for a person.
    pub(crate) fn in_short(&self) -> String {
        let Ok(level) = self.level() else {
            return "nothing here can confine it, so it will not run".to_owned();
        };
        let writable = &self.bounds.options.writable;
        let others = writable.iter().map(|it| it.display().to_string());
        let places: Vec<_> = std::iter::once("the project".to_owned()).chain(others).collect();
        let writes = if self.is_read_only { "nothing".to_owned() } else { places.join(", ") };
        let network = match (&self.gate, level) {
            (Some(gate), Level::Namespaces) => {
                let hosts: Vec<_> = gate.rules().iter().map(ToString::to_string).collect();
                format!("reaches {}", hosts.join(", "))
            }
            _ => "no network".to_owned(),
        };
        let but = self.shortcoming(level).map(|it| format!("; {it}")).unwrap_or_default();
        format!("confined: writes {writes} and a /tmp of its own, {network}{but}")
    }

    /// What the settings give to commands that cannot be given, in sentences for the person:
    /// commands run without it.
    pub(crate) fn missing(&self) -> Vec<String> {
        let Options { readable, writable, .. } = &self.bounds.options;
        let missing = |name: &'static str, paths: &[PathBuf]| {
            let sentence = |path: &PathBuf| {
                let reason = granted(path).err()?;
                Some(format!("`{name}`: commands go without `{}`: {reason}", path.display()))
            };
            paths.iter().filter_map(sentence).collect::<Vec<_>>()
        };
        let mut sentences = missing("sandbox.readable", readable);
        sentences.extend(missing("sandbox.writable", writable));
        sentences
    }

    /// The hosts that commands asked for in vain since this was last asked.
    pub(crate) fn turned_away(&self) -> Vec<String> {
        self.gate.as_ref().map(Gate::turned_away).unwrap_or_default()
    }

    /// What a command that starts now is confined to.
    pub(crate) fn confinement(
        &self,
        environment: &Environment,
    ) -> Result<Confinement, Unconfinable> {
        let level = self.level().map_err(|it| Unconfinable::Machine(it.to_owned()))?;
        if self.is_read_only && level == Level::Reduced {
            let why = "path rules alone do not keep files as they are";
            return Err(Unconfinable::Project(why.to_owned()));
        }
        let lasting = self.lasting.get_or_init(|| self.look_around(environment));
        let lasting = lasting.as_ref().map_err(|it| Unconfinable::Project(it.clone()))?;
        let View { hidden, closed, pinned, frozen, absent, outside, news, obstacle } = self.look();
        if let Some(obstacle) = obstacle {
            return Err(Unconfinable::Project(obstacle.to_string()));
        }
        self.pending.lock().unwrap_or_else(PoisonError::into_inner).extend(news);
        let hidden = hidden.into_iter().map(Entry::File);
        let hidden = hidden.chain(closed.into_iter().map(Entry::Directory));
        let absent = absent.into_iter().map(|it| match it {
            workspace::Absent::Directory(path) => Absent::Directory(path),
            workspace::Absent::File(path, text) => Absent::File(path, text),
        });
        let outside = outside.iter().filter_map(|it| Grant::new(it).ok());
        let mut confinement = Confinement {
            level,
            project: lasting.project.clone(),
            writable: lasting.writable.iter().cloned().chain(outside).collect(),
            emptied: lasting.homes.emptied.clone(),
            readable: lasting.homes.readable.clone(),
            hidden: hidden.collect(),
            hidden_outside: lasting.hidden().collect(),
            covered: Vec::new(),
            pinned,
            frozen,
            absent: absent.collect(),
            stock: self.stock.clone(),
            network: match (&self.gate, level) {
                (Some(gate), Level::Namespaces) => Network::Hosts(gate.clone()),
                // The others have no way to hand a socket out.
                _ => Network::None,
            },
        };
        if self.is_read_only {
            confinement.readable.append(&mut confinement.writable);
            confinement.frozen.push(self.bounds.project.clone());
            // Nothing comes into being there.
            confinement.absent.clear();
        }
        Ok(confinement)
    }

    pub(crate) fn policy(&self, environment: &Environment) -> Result<Policy, Unconfinable> {
        self.confinement(environment).map(|it| Policy::Confined(Arc::new(it)))
    }

    /// What `run` comes to, which runs the command: again, with another look at the project, if it
    /// was moved meanwhile.
    pub(crate) async fn run<T>(
        &self,
        command: &Command,
        environment: &Environment,
        mut run: impl AsyncFnMut(&Command) -> io::Result<T>,
    ) -> Result<io::Result<T>, Unconfinable> {
        let mut ran = run(command).await;
        for _ in 0..LOOKS {
            if !ran.as_ref().is_err_and(sandbox::has_moved) {
                break;
            }
            let covered = command.policy.covered().to_vec();
            let command = command.clone().under(self.policy(environment)?.covering(covered));
            ran = run(&command).await;
        }
        Ok(ran)
    }

    /// What has come into being in the project since it was last looked at, in sentences for the
    /// person.
    pub(crate) fn aftermath(&self) -> Vec<String> {
        let mut news =
            std::mem::take(&mut *self.pending.lock().unwrap_or_else(PoisonError::into_inner));
        news.extend(self.look().news);
        let tools = self.lasting.get().and_then(|it| it.as_ref().ok()).map(|it| &it.homes.readable);
        let is_tool =
            |target: &Path| tools.into_iter().flatten().any(|it| target.starts_with(it.path()));
        // A link to a program is how many a tool chain is set up.
        news.retain(|it| !matches!(it, News::LeadsOut(_, target) if is_tool(target)));
        let left_out = news.len().saturating_sub(MOST_NEWS);
        let mut sentences: Vec<_> = news.iter().take(MOST_NEWS).map(News::to_string).collect();
        if 0 < left_out {
            sentences.push(format!("and {left_out} more of the kind"));
        }
        sentences
    }

    fn look(&self) -> View {
        self.survey.lock().unwrap_or_else(PoisonError::into_inner).look()
    }

    fn look_around(&self, environment: &Environment) -> Result<Lasting, String> {
        let Bounds { project, home, private, options } = &self.bounds;
        if project.parent().is_none() {
            return Err("the project is the whole file system".to_owned());
        }
        let mut homes = Homes::look(home.as_deref(), environment);
        if let Some(home) = homes.emptied.iter().find(|it| it.starts_with(project)) {
            // What the person's shell runs when they log in would be theirs to change.
            return Err(format!(
                "the project holds the home `{}`\nhint: work in a directory below it",
                home.display()
            ));
        }
        let given =
            |paths: &[PathBuf]| paths.iter().filter_map(|it| granted(it).ok()).collect::<Vec<_>>();
        homes.readable.extend(given(&options.readable));
        homes.hide_directories(private);
        let project = Grant::new(project)
            .map_err(|err| format!("cannot give commands `{}`: {err}", project.display()))?;
        Ok(Lasting { project, writable: given(&options.writable), homes })
    }
}

/// What the person gives to commands beside the project, or why it cannot be given.
fn granted(path: &Path) -> Result<Grant, String> {
    if !path.is_absolute() {
        return Err("it is neither absolute nor begins with `~/`".to_owned());
    }
    Grant::new(path).map_err(|err| match err.kind() {
        std::io::ErrorKind::NotFound => "there is no such file or directory".to_owned(),
        _ => err.to_string(),
    })
}
