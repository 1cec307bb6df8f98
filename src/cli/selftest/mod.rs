//! `agent selftest`: what confines commands is attacked, here and now.
//!
//! Each case is run twice in a world of its own: confined exactly as a command of the model is, and
//! not. The second run must succeed, or the first proves nothing. What became of a case is read off
//! the world afterwards.

mod case;
mod probe;
mod shortcoming;
mod verdict;
mod witness;
mod world;

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, bail};
use serde_json::json;

use crate::cli::args::{Options, Selftest};
use crate::cli::sandbox::enclosure;
use crate::cli::selftest::case::{CASES, Case, Kind};
use crate::cli::selftest::verdict::{Sign, Verdict, is_there};
use crate::cli::selftest::world::World;
use crate::cli::surroundings::Surroundings;
use crate::cli::{Exit, WrongUsage, configuration, print, tell};
use crate::conversation::{Call, Outcome};
use crate::sandbox::{self, Environment, Level};
use crate::tools::{CheckRules, Limits, Means, Toolbox};
use crate::workspace::Workspace;

/// What the letter of an id stands for.
const GROUPS: &[(char, &str)] = &[
    ('R', "secrets"),
    ('W', "writing outside the project"),
    ('G', "code that runs later"),
    ('N', "the network"),
    ('P', "processes"),
    ('K', "the kernel"),
    ('E', "the environment"),
    ('F', "what must work"),
];

/// Longer than any case takes.
const PATIENCE: u32 = 20;

/// Whether a case is confined.
#[derive(Clone, Copy, PartialEq)]
enum Mode {
    Confined,
    Free,
}

pub(super) fn selftest(
    around: &Surroundings,
    options: &Options,
    typed: &Selftest,
) -> anyhow::Result<Exit> {
    if let [name, args @ ..] = &typed.probe[..] {
        let tried = probe::probe(name, args);
        return Ok(if tried.is_ok() { Exit::Done } else { Exit::Failed });
    }
    let chosen = chosen(&typed.only)?;
    if typed.list {
        tell(&chosen.iter().map(|it| format!("{}  {}\n", it.id, it.what)).collect::<String>())?;
        return Ok(Exit::Done);
    }
    let began = Instant::now();
    let workspace = around.workspace()?;
    let mut settings = configuration::load(around, options, &workspace)?.settings.sandbox;
    settings.level = typed.level.unwrap_or(settings.level);
    let settings = sandbox::Options { level: settings.level, ..sandbox::Options::default() };
    let program = std::env::current_exe().context("cannot find this program itself")?;
    let ground = Ground { base: base(around), program, settings };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context("cannot set up the event loop")?;

    let level = runtime.block_on(async { ground.level() })?;
    let mut judged = Vec::new();
    for case in chosen {
        let confined = ground.succeeds(&runtime, case, Mode::Confined)?;
        let free = match case.kind {
            Kind::Attack | Kind::Privileged => Some(ground.succeeds(&runtime, case, Mode::Free)?),
            Kind::Harmful | Kind::Reported | Kind::Work => None,
        };
        let verdict = Verdict::of(case.kind, confined, free);
        judged.push((case, verdict.given(shortcoming::known(level, case.id))));
    }
    let _ = std::fs::remove_dir(&ground.base);

    match typed.json {
        true => print(&as_json(level, &judged))?,
        false => tell(&as_text(level, &judged, began.elapsed()))?,
    }
    let is_good = judged.iter().all(|(_, it)| it.is_good());
    Ok(if is_good { Exit::Done } else { Exit::Failed })
}

/// The cases whose ids begin as one of `only` does; all where nothing is named.
fn chosen(only: &[String]) -> anyhow::Result<Vec<&'static Case>> {
    let begins = |it: &Case, start: &String| it.id.starts_with(start.as_str());
    if let Some(none) = only.iter().find(|start| !CASES.iter().any(|it| begins(it, start))) {
        bail!(WrongUsage(format!(
            "no case begins with `{none}`\nhint: `agent selftest --list` lists them"
        )));
    }
    let is_chosen = |it: &&Case| only.is_empty() || only.iter().any(|start| begins(it, start));
    Ok(CASES.iter().filter(is_chosen).collect())
}

/// Where the worlds are made: in the home rather than in `/tmp`, of which commands have their own.
fn base(around: &Surroundings) -> PathBuf {
    let state = around.state_dir().unwrap_or_else(|_| around.temp_dir());
    state.join(format!("selftest-{}", std::process::id()))
}

/// What all runs have in common.
struct Ground {
    base: PathBuf,
    program: PathBuf,
    settings: sandbox::Options,
}

impl Ground {
    /// Runs a case in a world of its own and looks what became of it.
    fn succeeds(
        &self,
        runtime: &tokio::runtime::Runtime,
        case: &Case,
        mode: Mode,
    ) -> anyhow::Result<bool> {
        let how = if mode == Mode::Confined { "c" } else { "f" };
        let token = format!("agent-{}-{}{how}", std::process::id(), case.id.to_lowercase());
        let world = World::new(&self.base, &token, &self.program)
            .context("cannot make a world to attack in")?;
        let toolbox = self.toolbox(&world, mode)?;
        let command = world.filled(case.script);
        let args = json!({"command": command, "timeout_seconds": PATIENCE}).to_string();
        let call = Call { id: String::new(), tool: "run_command".to_owned(), args };

        // What a careless agent might have open when it starts a command.
        let open = rustix::fs::OFlags::RDONLY | rustix::fs::OFlags::DIRECTORY;
        let outside = world.project().with_file_name("outside");
        let left_open = rustix::fs::open(&outside, open, rustix::fs::Mode::empty())?;
        let caller = matches!(case.sign, Sign::Heard)
            .then(|| std::thread::spawn(world.witnesses.call_in(&world.project())));
        let local = tokio::task::LocalSet::new();
        let outcome = local.block_on(runtime, toolbox.run(&call, std::future::pending()));
        drop(left_open);
        std::fs::write(world.project().join("over"), "")?;
        caller.map(std::thread::JoinHandle::join);
        refused(&outcome)?;
        Ok(is_there(case.sign, &world, &outcome))
    }

    fn toolbox(&self, world: &World, mode: Mode) -> anyhow::Result<Toolbox> {
        let around = Surroundings {
            variables: os(world.variables()),
            directory: world.project(),
            home: Some(world.home()),
        };
        let workspace = Workspace::open(&world.project(), Some(&world.home()))?;
        let enclosure = enclosure(&around, &workspace, &self.settings);
        // Whatever is new in the world counts as a breach.
        let enclosure = enclosure.keeping(self.base.join("stock"));
        let (environment, enclosure) = match mode {
            Mode::Confined => (Environment::allowed(&around.variables), Some(enclosure)),
            Mode::Free => (everything(&around.variables), None),
        };
        let limits = Limits { command: Duration::from_secs(PATIENCE.into()), ..Limits::default() };
        let workspace = Arc::new(workspace);
        Ok(Toolbox::new(Means {
            workspace,
            environment,
            enclosure,
            limits,
            keep: None,
            temp: self.base.clone(),
            is_attended: false,
            custom: Vec::new(),
            checks: CheckRules::default(),
        }))
    }

    /// What confines commands here.
    fn level(&self) -> anyhow::Result<Level> {
        let level = Level::find(self.settings.level).map_err(|it| anyhow!(it));
        level.context("commands cannot be confined here")
    }
}

fn os(variables: Vec<(String, String)>) -> Vec<(OsString, OsString)> {
    variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect()
}

/// An environment without a choice: what a careless agent hands on.
fn everything(variables: &[(OsString, OsString)]) -> Environment {
    let named = variables.iter().filter_map(|(name, value)| Some((name.to_str()?, value)));
    named.fold(Environment::default(), |all, (name, value)| all.with(name, value))
}

/// A command that was not started at all proves nothing.
fn refused(outcome: &Outcome) -> anyhow::Result<()> {
    if outcome.gist == "not started" {
        return Err(anyhow!("{}", outcome.text.trim()));
    }
    Ok(())
}

fn as_text(level: Level, judged: &[(&Case, Verdict)], took: Duration) -> String {
    let mut text = String::new();
    for (letter, name) in GROUPS {
        let group: Vec<_> = judged.iter().filter(|(it, _)| it.id.starts_with(*letter)).collect();
        if !group.is_empty() {
            text += &format!("{name}\n");
        }
        for (case, verdict) in group {
            text += &format!("  {}  {:<46}  {}", case.id, case.what, verdict.word());
            text += &verdict.reason().map_or("\n".to_owned(), |it| format!(": {it}\n"));
        }
    }
    let bad = judged.iter().filter(|(_, it)| !it.is_good()).count();
    let known = judged.iter().filter(|(_, it)| it.reason().is_some()).count();
    let said = match bad {
        0 if 0 < known => format!("all is as it should be, but for {known} that it cannot hold"),
        0 => "all is as it should be".to_owned(),
        1 => "1 case is not as it should be".to_owned(),
        n => format!("{n} cases are not as they should be"),
    };
    let seconds = took.as_secs_f64();
    text + &format!("{} cases in {seconds:.1} s, confined by {level}: {said}\n", judged.len())
}

fn as_json(level: Level, judged: &[(&Case, Verdict)]) -> String {
    let cases: Vec<_> = judged
        .iter()
        .map(|(case, verdict)| {
            json!({
                "id": case.id,
                "what": case.what,
                "verdict": verdict.word().to_lowercase(),
                "good": verdict.is_good(),
                "reason": verdict.reason(),
            })
        })
        .collect();
    format!("{:#}\n", json!({"level": level.to_string(), "cases": cases}))
}
