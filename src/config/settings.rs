//! All settings. The doc comments are the user's documentation; the key list, the checks, the
//! example file and the schema for editors are made from these types.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::conversation::Permission;
use crate::llama::engine::EngineOptions;
use crate::permission::RuleOptions;
use crate::{llama, llm, models, sandbox};

/// Settings of agent.
#[derive(Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Settings {
    /// The model to work with: the name of one that is here, or a part of it (`agent models list`);
    /// the path of a GGUF file; or the name that `server.url` knows it by. A relative path begins at
    /// the file that sets it.
    #[schemars(example = &"~/models/qwen3.5-9b-q4_k_m.gguf")]
    pub(crate) model: Option<String>,
    /// What may happen without asking. If unset: `ask` in a conversation, `auto` for a single
    /// prompt.
    #[schemars(example = &"ask")]
    pub(crate) permission: Option<Permission>,
    /// How often the model may be asked before a turn ends.
    #[schemars(range(min = 1))]
    pub(crate) max_turns: u32,
    /// A file with what the model is told first, instead of the built-in text. A relative path
    /// begins at the file that sets it.
    #[schemars(example = &"~/.config/agent/system.md")]
    pub(crate) system_prompt: Option<PathBuf>,
    /// What the model is told besides: words of your own, or the path of a file with them, which
    /// begins at the file that sets it.
    #[schemars(example = &"Answer in French.")]
    pub(crate) append_system_prompt: Option<String>,
    /// Whether the model is told what stands in AGENTS.md, CLAUDE.md and their kin: yours, the
    /// project's, and those of the folders it comes to.
    pub(crate) instructions: bool,
    pub(crate) permissions: RuleOptions,
    pub(crate) server: Server,
    pub(crate) llama: llama::Options,
    pub(crate) models: models::Options,
    pub(crate) engine: EngineOptions,
    pub(crate) sampling: llm::Sampling,
    pub(crate) commands: Commands,
    pub(crate) sandbox: sandbox::Options,
    pub(crate) checks: Checks,
    pub(crate) ui: Ui,
}

/// A model server that is already running, to be used instead of one on this machine (`url`,
/// `api_key`); and how ours serves in the background (`agent server`).
#[derive(Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Server {
    /// Its address.
    #[schemars(example = &"http://localhost:8080")]
    pub(crate) url: Option<String>,
    /// The key it asks for.
    #[schemars(extend("writeOnly" = true))]
    pub(crate) api_key: Option<String>,
    /// Where `agent server` listens. With another address than one of this machine alone, whoever
    /// has the key can use your models, and reads it on the way: HTTP hides nothing.
    pub(crate) address: String,
    /// Minutes that a model stays loaded there while nobody asks it anything; 0 for ever.
    #[schemars(range(min = 0))]
    pub(crate) keep_minutes: f64,
    /// Gigabytes of memory that models may take there together. If unset, what this machine has.
    #[schemars(example = 16.0, range(min = 0))]
    pub(crate) gigabytes: Option<f64>,
    /// Work with `agent server`, and start it if need be, so that models stay loaded when agent ends.
    pub(crate) keep_alive: bool,
}

/// Commands the model runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Commands {
    /// Seconds a command may take, unless the model asks for another limit.
    #[schemars(range(min = 1, max = 1800))]
    pub(crate) timeout: u32,
    /// Names of further variables of your environment that commands may see, such as
    /// `DATABASE_URL`. They see what programs need to find their way, and no secrets.
    pub(crate) environment: Vec<String>,
}

/// How a project's own linters, compilers and tests are run. What is unset is found out from the
/// files of the project.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Checks {
    /// A shell command that checks the project quickly.
    #[schemars(example = &"cargo check --all-targets")]
    pub(crate) check: Option<String>,
    /// A shell command that lints it.
    #[schemars(example = &"make lint")]
    pub(crate) lint: Option<String>,
    /// A shell command that runs its tests.
    #[schemars(example = &"make test")]
    pub(crate) test: Option<String>,
    /// A shell command that formats it.
    #[schemars(example = &"make format")]
    pub(crate) format: Option<String>,
    /// What is checked after each edit.
    pub(crate) after_edit: AfterEdit,
    /// After so many checks that failed without progress, the model is told to stop and report; 0
    /// for never.
    pub(crate) attempts: u32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum AfterEdit {
    /// The file, and the project where that is quick. In `ask` mode the file alone.
    #[default]
    Auto,
    /// The file and the project, for up to ten seconds. In `ask` mode the file alone.
    Always,
    /// Nothing.
    Never,
}

/// What you see.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Ui {
    /// When to use colours.
    pub(crate) color: Color,
    /// The colours: `dark` or `light` for what they have to stand out from; `auto` for what `COLORFGBG`
    /// says or, without it, your terminal, which is asked when the first turn begins; `none` for no
    /// colours; or the name of a theme of your own, `themes/NAME.toml` beside the configuration file.
    pub(crate) theme: String,
    /// Whether nothing moves and nothing is drawn: words as they come, for screen readers. There are no colours
    /// then, unless `color` is `always`.
    pub(crate) plain: bool,
    /// The marks that are drawn.
    pub(crate) marks: Marks,
    /// Whether your terminal calls you when a turn ends or a question is asked.
    pub(crate) notify: Notify,
    /// Seconds that it took until then, at least.
    pub(crate) notify_after: u32,
    /// Whether the window is called by the project while you are in a conversation.
    pub(crate) title: bool,
    /// Whose keys edit your prompts.
    pub(crate) keys: EditKeys,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum EditKeys {
    /// Those of Emacs, and of most shells.
    #[default]
    Emacs,
    /// Those of vi; at a question Ctrl-C takes back what Escape does otherwise.
    Vi,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Notify {
    /// If you look at another window, as far as the terminal tells.
    #[default]
    Auto,
    /// Not at all.
    Never,
    /// Though you may look at it.
    Always,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Marks {
    /// ASCII where your locale names another charset than UTF-8, such as `de_DE.ISO-8859-1`.
    #[default]
    Auto,
    /// All that Unicode has.
    Unicode,
    /// Stand-ins in ASCII, also for a font that lacks some.
    Ascii,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Color {
    /// If the output is a terminal.
    #[default]
    Auto,
    /// Even if the output is no terminal.
    Always,
    /// Not at all.
    Never,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            model: None,
            permission: None,
            max_turns: 100,
            system_prompt: None,
            append_system_prompt: None,
            instructions: true,
            permissions: RuleOptions::default(),
            server: Server::default(),
            llama: llama::Options::default(),
            models: models::Options::default(),
            engine: EngineOptions::default(),
            sampling: llm::Sampling::default(),
            commands: Commands::default(),
            sandbox: sandbox::Options::default(),
            checks: Checks::default(),
            ui: Ui::default(),
        }
    }
}

impl Default for Ui {
    fn default() -> Self {
        Self {
            color: Color::Auto,
            theme: "auto".to_owned(),
            plain: false,
            marks: Marks::Auto,
            notify: Notify::Auto,
            notify_after: 10,
            title: true,
            keys: EditKeys::Emacs,
        }
    }
}

impl Default for Server {
    fn default() -> Self {
        Self {
            url: None,
            api_key: None,
            address: "127.0.0.1:7435".to_owned(),
            keep_minutes: 30.0,
            gigabytes: None,
            keep_alive: false,
        }
    }
}

impl Default for Checks {
    fn default() -> Self {
        Self {
            check: None,
            lint: None,
            test: None,
            format: None,
            after_edit: AfterEdit::Auto,
            attempts: 3,
        }
    }
}

impl Default for Commands {
    fn default() -> Self {
        Self { timeout: 120, environment: Vec::new() }
    }
}

/// A JSON schema of the settings file, for editors.
pub(crate) fn schema() -> serde_json::Value {
    let inlined =
        schemars::generate::SchemaSettings::draft07().with(|it| it.inline_subschemas = true);
    inlined.into_generator().into_root_schema_for::<Settings>().to_value()
}
