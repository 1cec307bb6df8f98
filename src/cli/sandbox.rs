//! `agent sandbox`: a command run as the model's commands are, and what that means here.

use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};

use crate::cli::args::{Options, Sandbox};
use crate::cli::surroundings::{Surroundings, now};
use crate::cli::{Exit, WrongUsage, configuration, note, tell};
use crate::config::Settings;
use crate::permission::Rule;
use crate::sandbox::{
    self, Absent, Command, Confinement, Ended, Entry, Environment, HostRule, Level, Network,
    Policy, adopt_orphans,
};
use crate::tools::{Bounds, Enclosure, Unconfinable};
use crate::ui::visible;
use crate::workspace::{Secrets, Workspace};

/// What confines the commands of this project.
pub(super) fn enclosure(
    around: &Surroundings,
    workspace: &Workspace,
    options: &sandbox::Options,
) -> Enclosure {
    let state = around.state_dir().ok();
    let private = around.config_dir().into_iter().chain(state.clone());
    let mut options = options.clone();
    for path in options.readable.iter_mut().chain(&mut options.writable) {
        *path = whole(path, around.home.as_deref());
    }
    let bounds = Bounds {
        project: workspace.root().to_owned(),
        home: around.home.clone(),
        private: private.collect(),
        options,
    };
    let enclosure = Enclosure::new(bounds, workspace.survey(now));
    match state {
        Some(state) => enclosure.keeping(state.join("stock")),
        None => enclosure,
    }
}

/// The workspace with the secrets that the person has.
pub(super) fn keeping_secrets(
    workspace: Workspace,
    settings: &Settings,
) -> anyhow::Result<Workspace> {
    let denied = settings.permissions.unreadable();
    let secrets = Secrets::new(&settings.sandbox.reveal, denied).map_err(|it| anyhow!(it))?;
    Ok(workspace.keeping(secrets))
}

/// Rules that let pages of these hosts be fetched.
pub(super) fn fetching(hosts: &[HostRule]) -> impl Iterator<Item = Rule> {
    let domains = hosts.iter().flat_map(HostRule::domains);
    domains.filter_map(|it| Rule::parse(&format!("fetch_url(domain:{it})")).ok())
}

/// A path as the person writes it: in full, or from the home.
pub(super) fn whole(path: &Path, home: Option<&Path>) -> PathBuf {
    match (path.strip_prefix("~"), home) {
        (Ok(rest), Some(home)) => home.join(rest),
        _ => path.to_owned(),
    }
}

pub(super) fn sandbox(
    around: &Surroundings,
    options: &Options,
    typed: &Sandbox,
) -> anyhow::Result<Exit> {
    if typed.command.is_empty() && !typed.show {
        bail!(WrongUsage(
            "there is no command\nhint: agent sandbox -- make test; or agent sandbox --show"
                .to_owned()
        ));
    }
    let workspace = around.workspace()?;
    let mut settings = configuration::load(around, options, &workspace)?.settings;
    let workspace = keeping_secrets(workspace, &settings)?;
    settings.sandbox.level = typed.level.unwrap_or(settings.sandbox.level);
    let ours = &around.variables;
    let environment = Environment::allowed(ours).with_named(ours, &settings.commands.environment);
    let environment = match around.variable("TERM") {
        Some(term) => environment.with("TERM", term),
        None => environment,
    };
    let enclosure = enclosure(around, &workspace, &settings.sandbox);
    for sentence in enclosure.missing() {
        note(&format!("warning: {}", visible(&sentence)));
    }

    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context("cannot set up the event loop")?;
    adopt_orphans().context("cannot watch over child processes")?;
    runtime.block_on(async {
        let confinement = enclosure.confinement(&environment).map_err(refused)?;
        let shortcoming = enclosure.shortcoming(confinement.level);
        if typed.show {
            tell(&visible(&described(&confinement, shortcoming.as_deref())))?;
        } else if let Some(shortcoming) = shortcoming {
            note(&format!("warning: {shortcoming}"));
        }
        let [program, args @ ..] = &typed.command[..] else { return Ok(Exit::Done) };
        let command = Command::new(Path::new(program), &around.directory, &environment)
            .args(args)
            .under(Policy::Confined(confinement.into()));
        let run = async |it: &Command| sandbox::run_in_our_place(it).await;
        let ended = enclosure.run(&command, &environment, run).await.map_err(refused)?;
        let ended = ended.with_context(|| format!("cannot run `{}`", program.display()))?;
        for host in enclosure.turned_away() {
            note(&format!(
                "agent: the command asked for {host}, which is not allowed; `sandbox.hosts` allows hosts"
            ));
        }
        Ok(match ended {
            Ended::Exited(code) => Exit::Theirs(u8::try_from(code).unwrap_or(1)),
            // As a shell says it.
            Ended::Signalled(signal) => Exit::Theirs(u8::try_from(128 + signal).unwrap_or(1)),
            Ended::TimedOut | Ended::Stopped => Exit::Failed,
        })
    })
}

fn refused(why: Unconfinable) -> anyhow::Error {
    let doing = match why {
        Unconfinable::Machine(_) => "commands cannot be confined here",
        Unconfinable::Project(_) => "commands cannot be confined to this project",
    };
    anyhow!(why.reason().to_owned()).context(doing)
}

/// The confinement in plain words, a line a matter.
fn described(it: &Confinement, shortcoming: Option<&str>) -> String {
    let paths = |label: &str, paths: &mut dyn Iterator<Item = &Path>| {
        let paths: Vec<_> = paths.map(|it| it.display().to_string()).collect();
        match paths.is_empty() {
            true => format!("{label}: nothing\n"),
            false => format!("{label}: {}\n", paths.join(", ")),
        }
    };
    let network = match &it.network {
        Network::None => "none; a loopback of its own".to_owned(),
        Network::Hosts(gate) => {
            let hosts: Vec<_> = gate.rules().iter().map(HostRule::to_string).collect();
            format!("by HTTP and HTTPS to {}; a loopback of its own", hosts.join(", "))
        }
    };
    let writable = std::iter::once(&it.project).chain(&it.writable);
    let mut text = format!("level: {}\n", it.level);
    if let Some(shortcoming) = shortcoming {
        text += &format!("but: {shortcoming}\n");
    }
    text += &paths("can be written to", &mut writable.map(|it| it.path()));
    text += "can be read: the system\n";
    text += &paths("emptied", &mut it.emptied.iter().map(PathBuf::as_path));
    text += &paths("but readable", &mut it.readable.iter().map(|it| it.path()));
    if it.level == Level::Reduced {
        return text
            + "network: none, not even to itself\nsocket files: none can be made or reached\n";
    }
    let hidden: Vec<_> = it.hidden.iter().chain(&it.hidden_outside).map(Entry::path).collect();
    text += &paths(&format!("hidden ({})", hidden.len()), &mut hidden.into_iter());
    let frozen = format!("frozen ({})", it.frozen.len() + it.absent.len());
    let frozen_paths = it.frozen.iter().map(PathBuf::as_path);
    text += &paths(&frozen, &mut frozen_paths.chain(it.absent.iter().map(Absent::path)));
    text += &format!("private: /tmp, /var/tmp, /run, /dev, processes\nnetwork: {network}\n");
    text
}
