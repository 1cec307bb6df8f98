//! `agent engine`: the llama-server that runs models, got and chosen.

pub(super) mod account;

use std::io::IsTerminal;
use std::path::Path;

use anyhow::Context;
use clap::Subcommand;

use crate::cli::args::Options;
use crate::cli::models::pull;
use crate::cli::serving::log_dir;
use crate::cli::surroundings::{Surroundings, now};
use crate::cli::{Exit, configuration, note, on_children, print, tell};
use crate::config::Settings;
use crate::download::Client;
use crate::llama::engine::{
    Backend, Hold, Install, Installation, Machine, Place, Sources, Step, Store, Wish, build_of,
    install, lock,
};
use crate::llama::{self, Found};
use crate::ui::{Status, bytes, visible};

pub(super) use account::account;

#[derive(Debug, Subcommand)]
pub(super) enum Engine {
    /// Say which one is used, and what this machine has to compute with
    Status {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Get one from llama.cpp's releases, try it, and use it
    Install {
        /// This build, such as `b11669`, instead of the stable release
        #[arg(long, value_name = "bN", value_parser = build)]
        version: Option<u32>,
        /// The newest build instead of the stable release
        #[arg(long, conflicts_with = "version")]
        nightly: bool,
        /// What shall compute; without it, what suits this machine
        #[arg(long, value_enum)]
        backend: Option<Backend>,
        /// Also if it is installed already
        #[arg(long)]
        again: bool,
    },
    /// Get the newest stable release for what is used now; the one before stays
    Update {
        /// The newest build instead
        #[arg(long)]
        nightly: bool,
    },
    /// Use another that is installed, or with `path` the one in PATH
    Use {
        /// As `agent engine list` names it; `b11669` is enough if only one is of that build
        #[arg(value_name = "NAME|path")]
        name: String,
    },
    /// Those that are installed, the newest first
    List {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Delete one
    Remove {
        /// As `agent engine list` names it
        name: String,
    },
}

fn build(text: &str) -> Result<u32, String> {
    build_of(text).ok_or_else(|| "a build is called `b` and a number, such as `b11669`".to_owned())
}

pub(super) fn engine(
    around: &Surroundings,
    options: &Options,
    command: &Engine,
) -> anyhow::Result<Exit> {
    let workspace = around.workspace()?;
    let settings = configuration::load(around, options, &workspace)?.settings;
    let store = store(around)?;
    on_children(async {
        match command {
            Engine::Status { json } => {
                let account = account(around, &settings).await?;
                match json {
                    true => print(&visible(&account.json()))?,
                    false => tell(&visible(&account.text()))?,
                }
            }
            Engine::List { json } => print(&visible(&account::listed(&store, *json)))?,
            Engine::Install { version, nightly, backend, again } => {
                let wish = match version {
                    Some(build) => Wish::Build(*build),
                    None if *nightly => Wish::Nightly,
                    None => Wish::Stable,
                };
                bring(around, &settings, (wish, *backend, *again)).await?;
            }
            Engine::Update { nightly } => {
                let current = store.current().context(
                    "no engine of ours is used, and others are not changed\nhint: agent engine install",
                )?;
                let wish = if *nightly { Wish::Nightly } else { Wish::Stable };
                bring(around, &settings, (wish, Some(current.version.backend), false)).await?;
            }
            Engine::Use { name } => choose(around, &settings, &store, name).await?,
            Engine::Remove { name } => {
                let held =
                    lock(&store, &mut |_| note("another agent changes engines; waiting")).await?;
                let it = store.find(name)?;
                store.remove(&held, &it)?;
                note(&format!("removed {}", it.version.name()));
                say_what_counts(around, &settings, None);
            }
        }
        Ok(Exit::Done)
    })
}

/// Where our engines are.
pub(super) fn store(around: &Surroundings) -> anyhow::Result<Store> {
    Ok(Store::new(around.data_dir()?.join("engine")))
}

/// The llama-server to run.
pub(super) fn found(around: &Surroundings, options: &llama::Options) -> anyhow::Result<Found> {
    let installed = store(around).ok().and_then(|it| it.current()).map(|it| it.program());
    llama::find(&llama::Places {
        configured: options.program.as_deref(),
        named: around.variable("LLAMA_SERVER").map(AsRef::as_ref),
        installed: installed.as_deref(),
        path: around.variable("PATH").unwrap_or_default(),
    })
}

/// Keeps an engine of ours from being removed while it is worked with.
pub(super) fn hold(around: &Surroundings, program: &Path) -> Option<Hold> {
    let all = store(around).ok()?.list();
    all.iter().find(|it| it.program() == program)?.hold()
}

async fn choose(
    around: &Surroundings,
    settings: &Settings,
    store: &Store,
    name: &str,
) -> anyhow::Result<()> {
    let held = lock(store, &mut |_| note("another agent changes engines; waiting")).await?;
    if name == "path" {
        store.turn_away(&held)?;
        say_what_counts(around, settings, None);
        return Ok(());
    }
    let it = store.find(name)?;
    store.turn_to(&held, &it)?;
    note(&format!("{} is used from now on", it.version.name()));
    say_what_counts(around, settings, Some(&it.program()));
    Ok(())
}

/// Says it if something else than `ours` will be run.
fn say_what_counts(around: &Surroundings, settings: &Settings, ours: Option<&Path>) {
    match found(around, &settings.llama) {
        Ok(it) if Some(it.program.as_path()) == ours => {}
        Ok(it) => note(&visible(&format!(
            "{} is what runs: {}",
            it.program.display(),
            account::whence(it.whence)
        ))),
        Err(_) => note("there is no other engine now; `agent engine install` gets one"),
    }
}

/// Gets the one that suits this machine.
pub(super) fn get(around: &Surroundings, settings: &Settings) -> anyhow::Result<()> {
    on_children(bring(around, settings, (Wish::Stable, None, false)))
}

/// Gets an engine and tells how far it is.
async fn bring(
    around: &Surroundings,
    settings: &Settings,
    (wish, backend, anew): (Wish, Option<Backend>, bool),
) -> anyhow::Result<()> {
    let client = Client::new(&pull::options(around))?;
    let log = log_dir(around).join(format!("llama-server-{}.log", std::process::id()));
    let sources = Sources {
        api: settings.engine.api.trim_end_matches('/').to_owned(),
        downloads: settings.engine.downloads.trim_end_matches('/').to_owned(),
    };
    let wanted = Install {
        client: &client,
        sources: &sources,
        store: &store(around)?,
        machine: &Machine::look(Path::new("/")),
        wish,
        backend,
        anew,
        place: Place {
            runtime_dir: &around.runtime_dir(),
            log: &log,
            environment: &llama::environment(&around.variables),
        },
        now: now(),
    };
    let mut telling = Telling::new();
    let installed = install(&wanted, &mut |it| telling.tell(&it)).await;
    telling.status.clear();
    let it = match installed.context("cannot install an engine")? {
        Installation::New(it) => {
            note(&format!(
                "installed {}: {}",
                it.version.name(),
                visible(&it.program().display().to_string())
            ));
            it
        }
        Installation::There(it) => {
            note(&format!("{} is installed already, and is used", it.version.name()));
            it
        }
    };
    // What came to a good end has a log that nobody needs.
    let _ = std::fs::remove_file(&log);
    say_what_counts(around, settings, Some(&it.program()));
    Ok(())
}

/// A line for each thing that is done, and on a terminal one that moves.
struct Telling {
    status: Status,
    fetching: String,
}

impl Telling {
    fn new() -> Self {
        Self { status: Status::new(std::io::stderr().is_terminal()), fetching: String::new() }
    }

    fn tell(&mut self, step: &Step<'_>) {
        let line = match step {
            Step::Waiting => {
                "another agent installs an engine; waiting until it is done".to_owned()
            }
            Step::Found { build } => format!("found b{build}"),
            Step::Fetching { name, progress } => {
                if self.fetching != *name {
                    (*name).clone_into(&mut self.fetching);
                    let size = progress.size.map(|it| format!(" ({})", bytes(it)));
                    self.line(&format!("fetching {name}{}", size.unwrap_or_default()));
                }
                let part = match progress.size {
                    Some(size) if 0 < size => format!("{} %", progress.done * 100 / size),
                    _ => bytes(progress.done),
                };
                return self.status.show(&format!("{name}: {part}"));
            }
            Step::Unchecked { name } => {
                format!("warning: nobody says what `{name}` should hold, so it cannot be checked")
            }
            Step::Unpacking { name } => return self.status.show(&format!("unpacking {name}")),
            Step::Testing { backend } => format!("trying it ({backend})"),
            Step::Unfit { backend, reason } => {
                format!("warning: `{backend}` does not work here, so another is tried: {reason}")
            }
            Step::Removed { name } => format!("removed {name}; the last two are kept"),
        };
        self.line(&line);
    }

    fn line(&mut self, text: &str) {
        self.status.clear();
        note(&visible(text));
    }
}
