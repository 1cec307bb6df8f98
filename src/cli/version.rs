//! `agent version`: what is at work, and where what it keeps lies.

use clap::Args;
use serde_json::json;

use crate::cli::args::Options;
use crate::cli::engine::account;
use crate::cli::models::pull;
use crate::cli::surroundings::Surroundings;
use crate::cli::{Exit, configuration, engine, on_children, print};
use crate::ui::visible;

#[derive(Debug, Args)]
pub(super) struct Version {
    /// As JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn version(
    around: &Surroundings,
    options: &Options,
    typed: &Version,
) -> anyhow::Result<Exit> {
    let settings = configuration::load(around, options, &around.workspace()?)?.settings;
    let engine = on_children(async { account(around, &settings).await })?;
    let version = env!("CARGO_PKG_VERSION");
    let places = [
        ("models", pull::place(around).ok().map(|it| it.cache)),
        ("engines", engine::store(around).ok().map(|it| it.root().to_owned())),
        ("sessions", around.state_dir().ok().map(|it| it.join("sessions"))),
        ("configuration", around.config_dir().map(|it| it.join("config.toml"))),
    ];
    let text = if typed.json {
        let mut whole = json!({
            "version": version,
            "engine": engine.used.as_ref().ok().map(account::Used::json),
            "server": settings.server.url,
        });
        for (name, path) in places {
            whole[name] = json!(path);
        }
        format!("{whole}\n")
    } else {
        let engine = match (&settings.server.url, &engine.used) {
            (Some(url), _) => format!("the server at {url}"),
            (None, Ok(it)) => format!("{}, {}", it.name(), it.program.display()),
            (None, Err(_)) => "none; `agent engine install` gets one".to_owned(),
        };
        let mut text = format!("agent {version}\nengine: {engine}\n");
        for (name, path) in places {
            let path = path.map_or_else(|| "nowhere".to_owned(), |it| it.display().to_string());
            text += &format!("{name}: {path}\n");
        }
        text
    };
    print(&visible(&text))?;
    Ok(Exit::Done)
}
