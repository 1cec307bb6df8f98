//! Settings for this run, and `agent config`.

use anyhow::Context;
use toml::Value;

use crate::cli::args::{Config, Options};
use crate::cli::drawing::draw_by;
use crate::cli::surroundings::Surroundings;
use crate::cli::{Exit, note, print};
use crate::config::{self, Flag, Loaded, Sources, UserFile};
use crate::ui::visible;
use crate::workspace::Workspace;

/// Lays everything that can set something over each other.
pub(super) fn load(
    around: &Surroundings,
    options: &Options,
    workspace: &Workspace,
) -> anyhow::Result<Loaded> {
    let user = match (&options.config, around.config_dir()) {
        (Some(given), _) => UserFile::Given(around.directory.join(given)),
        (None, Some(dir)) => UserFile::Usual(dir.join("config.toml")),
        (None, None) => UserFile::None,
    };
    let loaded = config::load(Sources {
        user,
        project: Some(workspace.root().to_owned()),
        environment: around.variables.clone(),
        flags: flags(options),
        directory: around.directory.clone(),
        home: around.home.clone(),
    })?;
    draw_by(around, &loaded.settings.ui)?;
    Ok(loaded)
}

pub(super) fn configuration(
    around: &Surroundings,
    options: &Options,
    command: &Config,
) -> anyhow::Result<Exit> {
    let text = match command {
        Config::Show => {
            let loaded = load(around, options, &around.workspace()?)?;
            loaded.warnings.iter().for_each(|it| note(&format!("warning: {}", visible(it))));
            config::show(&loaded.values)
        }
        Config::Example => config::example(),
        Config::Schema => {
            serde_json::to_string_pretty(&config::schema()).context("cannot write the schema")?
                + "\n"
        }
        Config::Path => {
            let user = around.config_dir().map(|it| it.join("config.toml"));
            let project = around.workspace()?.root().join(".agent/config.toml");
            let lines = user.into_iter().chain([project]);
            lines.map(|it| format!("{}\n", it.display())).collect()
        }
    };
    print(&visible(&text))?;
    Ok(Exit::Done)
}

/// The flags that set a key of the configuration.
fn flags(options: &Options) -> Vec<Flag> {
    let mut flags = Vec::new();
    let mut flag = |name: &str, key: &str, value: Option<Value>| {
        let named = |value| Flag { name: name.to_owned(), key: key.to_owned(), value };
        flags.extend(value.map(named));
    };
    let permission = options.permission.map(|it| Value::from(it.to_string()));
    let sampling = &options.sampling;
    let whole = |it: Option<u32>| it.map(|it| Value::from(i64::from(it)));
    flag("--model", "model", options.model.clone().map(Value::from));
    flag("--server-url", "server.url", options.server_url.clone().map(Value::from));
    flag("--permission", "permission", permission);
    flag("--max-turns", "max_turns", whole(options.max_turns));
    flag(
        "--system-prompt",
        "system_prompt",
        options.system_prompt.as_ref().map(|it| it.to_string_lossy().into_owned().into()),
    );
    let appended = options.append_system_prompt.clone();
    flag("--append-system-prompt", "append_system_prompt", appended.map(Value::from));
    flag("--temperature", "sampling.temperature", sampling.temperature.map(Value::from));
    flag("--top-k", "sampling.top_k", whole(sampling.top_k));
    flag("--top-p", "sampling.top_p", sampling.top_p.map(Value::from));
    flag("--min-p", "sampling.min_p", sampling.min_p.map(Value::from));
    flag("--max-tokens", "sampling.max_tokens", whole(sampling.max_tokens));
    flag("--mirostat", "sampling.mirostat", whole(sampling.mirostat.map(u32::from)));
    flag("--mirostat-tau", "sampling.mirostat_tau", sampling.mirostat_tau.map(Value::from));
    flag("--mirostat-eta", "sampling.mirostat_eta", sampling.mirostat_eta.map(Value::from));
    flag("--seed", "sampling.seed", sampling.seed.map(Value::from));
    flags
}
