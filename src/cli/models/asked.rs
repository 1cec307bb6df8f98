//! What other programs say of this machine: its cards, and what a model takes on it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::cli::engine;
use crate::cli::surroundings::Surroundings;
use crate::config::Settings;
use crate::llama::{self, Question, Share};
use crate::models::{Card, Machine};
use crate::sandbox::{Captured, Command, Ended, Environment, run};

/// None of them takes a second; one that hangs is not waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// What NVIDIA's own program says, where there is its driver.
pub(super) fn nvidia(around: &Surroundings) -> Option<Vec<Card>> {
    const QUESTION: [&str; 2] =
        ["--query-gpu=name,memory.total,memory.free", "--format=csv,noheader,nounits"];
    if !Path::new("/proc/driver/nvidia").exists() {
        return None;
    }
    let program = around.program("nvidia-smi")?;
    let environment = Environment::allowed(&around.variables);
    said(&program, &QUESTION.map(OsString::from), &environment).map(|it| Machine::nvidia(&it))
}

/// The cards that the engine would use: none is one that this build of it knows nothing of.
pub(super) fn devices(around: &Surroundings, settings: &Settings) -> Option<Vec<Card>> {
    let (server, environment) = server(around, settings)?;
    let text = said(&server, &["--list-devices".into()], &environment)?;
    let card = |it: llama::Device| Card { name: it.name, memory: it.memory, available: it.free };
    Some(llama::devices(&text)?.into_iter().map(card).collect())
}

/// What the model takes, as llama.cpp computes it; for each context the same program is asked.
pub(super) struct Estimator {
    program: PathBuf,
    environment: Environment,
}

impl Estimator {
    /// There is none where the engine does not bring it along.
    pub(super) fn of(around: &Surroundings, settings: &Settings) -> Option<Self> {
        let (server, environment) = server(around, settings)?;
        Some(Self { program: llama::estimator(&server)?, environment })
    }

    pub(super) fn ask(&self, question: &Question<'_>) -> Option<Vec<Share>> {
        let said = said(&self.program, &llama::arguments(question), &self.environment)?;
        llama::shares(&said)
    }
}

fn server(around: &Surroundings, settings: &Settings) -> Option<(PathBuf, Environment)> {
    let found = engine::found(around, &settings.llama).ok()?;
    Some((found.program, llama::environment(&around.variables)))
}

/// What a program prints, if it ends well.
fn said(program: &Path, args: &[OsString], environment: &Environment) -> Option<String> {
    let command = Command::new(program, Path::new("/"), environment).args(args);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
    let mut said = Captured::new(64 << 10);
    let mut take = |it: &[u8]| said.push(it);
    let asked = run(&command, PATIENCE, std::future::pending(), &mut take);
    let ended = runtime.block_on(asked).ok()?;
    (ended == Ended::Exited(0)).then(|| said.text())
}
