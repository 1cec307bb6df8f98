//! Which engine there is, in words and as JSON.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::cli::engine::{found, store};
use crate::cli::surroundings::Surroundings;
use crate::config::Settings;
use crate::llama::engine::{Installed, Libc, Machine, Store, build_of_program};
use crate::llama::{self, Whence};
use crate::session::civil;

/// What can be said of the engine that is used, and of its surroundings.
pub(in crate::cli) struct Account {
    pub(in crate::cli) used: Result<Used, anyhow::Error>,
    installed: Vec<Installed>,
    folder: PathBuf,
    machine: Machine,
}

pub(in crate::cli) struct Used {
    pub(in crate::cli) program: PathBuf,
    pub(in crate::cli) whence: Whence,
    pub(in crate::cli) build: Option<u32>,
    /// Known of ours alone.
    pub(in crate::cli) ours: Option<Installed>,
}

/// Looks around, and asks a program that is not ours for its version.
pub(in crate::cli) async fn account(
    around: &Surroundings,
    settings: &Settings,
) -> anyhow::Result<Account> {
    let store = store(around)?;
    let used = match found(around, &settings.llama) {
        Ok(it) => {
            let ours = store.list().into_iter().find(|ours| ours.program() == it.program);
            let build = match &ours {
                Some(ours) => Some(ours.version.build),
                None => {
                    let environment = llama::environment(&around.variables);
                    // Libraries are loaded from the working directory, which must not be the project.
                    let folder = it.program.parent().unwrap_or(Path::new("/"));
                    build_of_program(&it.program, folder, &environment).await
                }
            };
            Ok(Used { program: it.program, whence: it.whence, build, ours })
        }
        Err(err) => Err(err),
    };
    let machine = Machine::look(Path::new("/"));
    Ok(Account { used, installed: store.list(), folder: store.root().to_owned(), machine })
}

/// Why it is this one, as the end of a sentence.
pub(in crate::cli) fn whence(whence: Whence) -> &'static str {
    match whence {
        Whence::Configured => "`llama.program` says so",
        Whence::Variable => "`$LLAMA_SERVER` says so",
        Whence::Installed => "`agent engine` installed it",
        Whence::Path => "it is the first in `$PATH`",
    }
}

fn word(whence: Whence) -> &'static str {
    match whence {
        Whence::Configured => "configured",
        Whence::Variable => "variable",
        Whence::Installed => "installed",
        Whence::Path => "path",
    }
}

impl Used {
    /// As in `b11669-vulkan`, as far as it is known.
    pub(in crate::cli) fn name(&self) -> String {
        match (&self.ours, self.build) {
            (Some(ours), _) => ours.version.name(),
            (None, Some(build)) => format!("b{build}"),
            (None, None) => "of unknown version".to_owned(),
        }
    }

    pub(in crate::cli) fn json(&self) -> Value {
        json!({
            "program": self.program,
            "whence": word(self.whence),
            "build": self.build,
            "backend": self.ours.as_ref().map(|it| it.version.backend),
        })
    }
}

impl Account {
    pub(in crate::cli) fn text(&self) -> String {
        let mut text = match &self.used {
            Ok(it) => format!(
                "engine: {}\nprogram: {}\nwhy this one: {}\n",
                it.name(),
                it.program.display(),
                whence(it.whence)
            ),
            Err(err) => format!("engine: none; {err:#}\n"),
        };
        let names: Vec<_> = self.installed.iter().map(|it| it.version.name()).collect();
        let names = if names.is_empty() { "nothing".to_owned() } else { names.join(", ") };
        text += &format!("installed: {names}, in {}\n", self.folder.display());
        text + &format!("machine: {}\n", self.machine_text())
    }

    pub(in crate::cli) fn machine_text(&self) -> String {
        let libc = match self.machine.libc {
            Libc::Glibc(major, minor) => format!(", glibc {major}.{minor}"),
            Libc::Musl => ", musl".to_owned(),
            Libc::Unknown => String::new(),
        };
        format!(
            "{} {}{libc}; {}",
            std::env::consts::OS,
            std::env::consts::ARCH,
            self.machine.graphics()
        )
    }

    pub(in crate::cli) fn has_graphics(&self) -> bool {
        self.machine.nvidia.is_some() || !self.machine.cards.is_empty()
    }

    pub(in crate::cli) fn json(&self) -> String {
        let used = self.used.as_ref().ok().map(Used::json);
        let installed: Vec<_> = self.installed.iter().map(as_json).collect();
        let whole = json!({
            "engine": used,
            "reason": self.used.as_ref().err().map(|it| format!("{it:#}")),
            "installed": installed,
            "folder": self.folder,
            "machine": self.machine_text(),
        });
        format!("{whole}\n")
    }
}

fn as_json(it: &Installed) -> Value {
    json!({
        "name": it.version.name(),
        "build": it.version.build,
        "backend": it.version.backend,
        "program": it.program(),
        "installed_at": it.version.installed_at,
        "assets": it.version.assets,
    })
}

/// Those that are installed, a line each.
pub(in crate::cli) fn listed(store: &Store, json: bool) -> String {
    let current = store.current();
    let line = |it: Installed| {
        if json {
            let mut line = as_json(&it);
            line["used"] = json!(current.as_ref() == Some(&it));
            return format!("{line}\n");
        }
        let mark = if current.as_ref() == Some(&it) { "*" } else { " " };
        let (year, month, day) = civil(it.version.installed_at / 86_400);
        let checked = if it.version.assets.iter().all(|it| it.digest.is_some()) {
            ""
        } else {
            "  not checked"
        };
        format!("{mark} {:<20} {year:04}-{month:02}-{day:02}{checked}\n", it.version.name())
    };
    let lines: String = store.list().into_iter().map(line).collect();
    if lines.is_empty() && !json {
        "no engine is installed; `agent engine install` gets one\n".to_owned()
    } else {
        lines
    }
}
