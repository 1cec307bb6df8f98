//! `agent doctor`: whether all that is needed is there and works, and what to do where it does not.

mod folders;

use std::io::IsTerminal;

use clap::Args;
use serde_json::json;

use crate::cli::args::Options;
use crate::cli::choosing::{Chosen, chosen};
use crate::cli::drawing::colour_output;
use crate::cli::engine::account;
use crate::cli::models::pull;
use crate::cli::report::in_parts;
use crate::cli::serving::log_dir;
use crate::cli::surroundings::Surroundings;
use crate::cli::{Exit, configuration, on_children, print, sandbox, tell};
use crate::config::Settings;
use crate::download::{Ask, Client};
use crate::llama;
use crate::llama::engine::{Backend, Place, works};
use crate::ui::{Paint, Role, visible, visible_json};
use crate::workspace::Workspace;

#[derive(Debug, Args)]
pub(super) struct Doctor {
    /// As JSON
    #[arg(long)]
    json: bool,
    /// Also see whether releases and models can be reached; without it, nobody is asked
    #[arg(long)]
    network: bool,
}

/// One thing that was looked at.
struct Finding {
    name: &'static str,
    verdict: Verdict,
    text: String,
    hint: Option<String>,
}

#[derive(Clone, Copy, PartialEq)]
enum Verdict {
    Ok,
    Warn,
    Fail,
}

impl Verdict {
    fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }
}

impl Finding {
    fn ok(name: &'static str, text: impl Into<String>) -> Self {
        Self { name, verdict: Verdict::Ok, text: text.into(), hint: None }
    }

    fn warn(name: &'static str, text: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { name, verdict: Verdict::Warn, text: text.into(), hint: Some(hint.into()) }
    }

    fn fail(name: &'static str, text: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { name, verdict: Verdict::Fail, text: text.into(), hint: Some(hint.into()) }
    }

    /// What an error says, and the hints it carries.
    fn error(name: &'static str, err: &anyhow::Error) -> Self {
        let (text, hints) = in_parts(err);
        let hint = Some(hints.join("; ")).filter(|it| !it.is_empty());
        Self { name, verdict: Verdict::Fail, text, hint }
    }
}

pub(super) fn doctor(
    around: &Surroundings,
    options: &Options,
    typed: &Doctor,
) -> anyhow::Result<Exit> {
    let mut findings = Vec::new();
    let workspace = around.workspace();
    let loaded = match &workspace {
        Ok(it) => Some(configuration::load(around, options, it)),
        Err(_) => None,
    };
    match &workspace {
        Ok(it) => findings.push(project(it)),
        Err(err) => findings.push(Finding::error("project", err)),
    }
    let settings = match loaded {
        Some(Ok(loaded)) => {
            findings.extend(loaded.warnings.iter().map(|it| {
                Finding::warn("configuration", it, "`agent config show` says what is in force")
            }));
            if loaded.warnings.is_empty() {
                findings.push(Finding::ok("configuration", "understood"));
            }
            Some(loaded.settings)
        }
        Some(Err(err)) => {
            findings.push(Finding::error("configuration", &err));
            None
        }
        None => Some(Settings::default()),
    };
    on_children(async {
        let Some(settings) = &settings else {
            findings.extend(folders::folders(around));
            findings.push(terminal(around));
            let why = "not looked at: which one it is, the configuration says";
            findings.extend(["model", "engine"].map(|it| Finding::warn(it, why, "mend it first")));
            return Ok(());
        };
        findings.extend(examined(around, workspace.as_ref().ok(), settings).await);
        if typed.network {
            findings.extend(network(around, settings).await);
        }
        Ok(())
    })?;

    let failed = findings.iter().any(|it| it.verdict == Verdict::Fail);
    match typed.json {
        true => print(&as_json(&findings))?,
        false => {
            let wishes = settings.map(|it| it.ui).unwrap_or_default();
            colour_output(around, &wishes);
            tell(&as_text(&findings))?;
        }
    }
    Ok(if failed { Exit::Failed } else { Exit::Done })
}

/// The same in a conversation, whose configuration was understood.
pub(super) async fn told(
    around: &Surroundings,
    workspace: &Workspace,
    settings: &Settings,
) -> String {
    let mut findings = vec![project(workspace)];
    findings.extend(examined(around, Some(workspace), settings).await);
    as_text(&findings).trim_end().to_owned()
}

/// All that does not depend on how the configuration was understood.
async fn examined(
    around: &Surroundings,
    workspace: Option<&Workspace>,
    settings: &Settings,
) -> Vec<Finding> {
    let mut findings = vec![model(around, settings)];
    findings.extend(folders::folders(around));
    findings.extend(workspace.map(|it| commands(around, it, settings)));
    findings.push(terminal(around));
    findings.extend(engine(around, settings).await);
    findings
}

fn as_json(findings: &[Finding]) -> String {
    let one = |it: &Finding| json!({"name": it.name, "verdict": it.verdict.word(), "text": it.text, "hint": it.hint});
    let failed = findings.iter().any(|it| it.verdict == Verdict::Fail);
    let checks: Vec<_> = findings.iter().map(one).collect();
    visible_json(&json!({"ok": !failed, "checks": checks}).to_string()).into_owned() + "\n"
}

fn as_text(findings: &[Finding]) -> String {
    let mut text = String::new();
    for it in findings {
        let word = format!("{:<5}", it.verdict.word());
        let word = word.as_role(match it.verdict {
            Verdict::Ok => Role::Good,
            Verdict::Warn => Role::Attention,
            Verdict::Fail => Role::Error,
        });
        text += &format!("{word} {}: {}\n", it.name, visible(&it.text));
        if let Some(hint) = &it.hint {
            text += &format!("      hint: {}\n", visible(hint));
        }
    }
    text
}

fn project(workspace: &Workspace) -> Finding {
    let root = workspace.root();
    let repository =
        if root.join(".git").exists() { "a git repository" } else { "no git repository" };
    Finding::ok("project", format!("{}, {repository}", root.display()))
}

fn model(around: &Surroundings, settings: &Settings) -> Finding {
    if let Some(url) = &settings.server.url {
        return Finding::ok("model", format!("whatever the server at {url} has"));
    }
    match chosen(around, settings) {
        Ok(Chosen { file, .. }) if settings.model.is_some() => {
            Finding::ok("model", file.display().to_string())
        }
        Ok(Chosen { file, .. }) => {
            let text = format!("none is configured; {} is here and worked with", file.display());
            Finding::ok("model", text)
        }
        // Nothing is wrong with what was named.
        Err(_) if settings.model.is_none() => Finding::warn(
            "model",
            "none is configured, and none is here that would be taken",
            "name one with `-m FILE.gguf`, or set `model`; `agent models pull` fetches one",
        ),
        Err(err) => Finding::error("model", &err),
    }
}

/// What confines commands.
fn commands(around: &Surroundings, workspace: &Workspace, settings: &Settings) -> Finding {
    let enclosure = sandbox::enclosure(around, workspace, &settings.sandbox);
    match enclosure.level() {
        Ok(level) => match enclosure.shortcoming(level) {
            None => Finding::ok("commands", format!("confined by {level}")),
            Some(text) => Finding::warn("commands", text, "see `agent sandbox --show`"),
        },
        Err(reason) => Finding::fail(
            "commands",
            format!("cannot be confined here, and so are refused: {reason}"),
            "allow namespaces for users, or install bubblewrap; `--permission full` runs commands unconfined",
        ),
    }
}

fn terminal(around: &Surroundings) -> Finding {
    let term = around.variable("TERM").unwrap_or_default().to_string_lossy().into_owned();
    let is_one = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
    match (is_one, term.as_str()) {
        (false, _) => Finding::ok("terminal", "none: there is nobody to ask"),
        (true, "" | "dumb") => Finding::warn(
            "terminal",
            format!("`TERM` is `{term}`, so there are no colours and no moving lines"),
            "set `TERM` to what your terminal is, such as `xterm-256color`",
        ),
        (true, term) => Finding::ok("terminal", term),
    }
}

/// The engine is there, answers, and is the one that this machine could have.
async fn engine(around: &Surroundings, settings: &Settings) -> Vec<Finding> {
    if let Some(url) = &settings.server.url {
        return vec![Finding::ok("engine", format!("not needed: the server at {url} is used"))];
    }
    let account = match account(around, settings).await {
        Ok(account) => account,
        Err(err) => return vec![Finding::error("engine", &err)],
    };
    let machine = Finding::ok("machine", account.machine_text());
    let used = match &account.used {
        Ok(used) => used,
        Err(err) => return vec![machine, Finding::error("engine", err)],
    };
    let tried = match tempfile::Builder::new().prefix("agent-doctor-").tempdir_in(around.temp_dir())
    {
        Ok(dir) => {
            let log = log_dir(around).join(format!("llama-server-{}.log", std::process::id()));
            let place = Place {
                runtime_dir: &around.runtime_dir(),
                log: &log,
                environment: &llama::environment(&around.variables),
            };
            let tried = works(&used.program, &dir.path().join("script.gguf"), &place).await;
            if tried.is_ok() {
                let _ = std::fs::remove_file(&log);
            }
            tried
        }
        Err(err) => Err(anyhow::Error::from(err).context("cannot try it")),
    };
    let name = format!("{}, {}", used.name(), used.program.display());
    let engine = match tried {
        Ok(()) => Finding::ok("engine", format!("{name}; it answers, and calls tools")),
        Err(err) => Finding::error("engine", &err.context(name)),
    };
    let backend = used.ours.as_ref().map(|it| it.version.backend);
    let idle = (backend == Some(Backend::Cpu) && account.has_graphics()).then(|| {
        Finding::warn(
            "graphics",
            "there is a graphics card, and the engine computes without it",
            "agent engine install --backend vulkan",
        )
    });
    [machine, engine].into_iter().chain(idle).collect()
}

async fn network(around: &Surroundings, settings: &Settings) -> Vec<Finding> {
    let client = match Client::new(&pull::options(around)) {
        Ok(client) => client,
        Err(err) => return vec![Finding::error("network", &err.into())],
    };
    let hub = pull::place(around).ok().map(|it| format!("{}/api/models?limit=1", it.endpoint));
    let releases = format!("{}/releases/latest", settings.engine.api.trim_end_matches('/'));
    let mut findings = Vec::new();
    for (name, url) in [("releases", Some(releases)), ("models hub", hub)] {
        let Some(url) = url else { continue };
        findings.push(match client.get(&Ask::new(url.clone())).await {
            Ok(answer) if answer.is_good() => Finding::ok(name, format!("{url} answers")),
            Ok(answer) => Finding::warn(
                name,
                format!("{url} answers with status {}", answer.status),
                "it may be asked too often from here; try again later",
            ),
            Err(err) => Finding::error(name, &err.into()),
        });
    }
    findings
}
