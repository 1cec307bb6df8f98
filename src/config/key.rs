//! The keys there are, read from the schema of the settings.

use serde_json::{Map, Value as Json};

use crate::config::{Settings, schema};

/// One setting, such as `server.url`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Key {
    pub(crate) name: String,
    pub(crate) doc: String,
    pub(crate) kind: Kind,
    pub(crate) least: Option<f64>,
    pub(crate) most: Option<f64>,
    /// `None` if it is unset unless someone sets it.
    pub(crate) default: Option<toml::Value>,
    pub(crate) example: Option<toml::Value>,
    /// Not to be shown.
    pub(crate) secret: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Kind {
    Text,
    Whole,
    Number,
    Switch,
    /// A list of texts.
    List,
    Choice(Vec<Choice>),
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Choice {
    pub(crate) name: String,
    pub(crate) doc: String,
}

/// A table of keys, such as `server`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Table {
    pub(crate) name: String,
    pub(crate) doc: String,
}

/// Everything that can be set, in the order of the settings.
#[derive(Clone, Debug)]
pub(crate) struct Keys {
    pub(crate) keys: Vec<Key>,
    pub(crate) tables: Vec<Table>,
}

impl Keys {
    pub(crate) fn all() -> Self {
        let defaults = toml::Table::try_from(Settings::default()).expect("settings are plain data");
        let mut all = Self { keys: Vec::new(), tables: Vec::new() };
        all.gather("", &schema(), &defaults);
        all
    }

    fn gather(&mut self, prefix: &str, schema: &Json, defaults: &toml::Table) {
        let none = Map::new();
        for (name, schema) in schema["properties"].as_object().unwrap_or(&none) {
            let full = format!("{prefix}{name}");
            let default = defaults.get(name);
            if schema["properties"].is_object() {
                self.tables.push(Table { name: full.clone(), doc: text(&schema["description"]) });
                let empty = toml::Table::new();
                let defaults = default.and_then(|it| it.as_table()).unwrap_or(&empty);
                self.gather(&format!("{full}."), schema, defaults);
            } else {
                self.keys.push(Key::new(full, schema, default));
            }
        }
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Key> {
        self.keys.iter().find(|it| it.name == name)
    }

    pub(crate) fn is_table(&self, name: &str) -> bool {
        self.tables.iter().any(|it| it.name == name)
    }

    /// What is wrong with a key that does not exist.
    pub(crate) fn unknown(&self, name: &str) -> String {
        let tables = self.tables.iter().map(|it| &it.name);
        match nearest(name, self.keys.iter().map(|it| &it.name).chain(tables)) {
            Some(nearest) => format!("unknown key `{name}`; did you mean `{nearest}`?"),
            None => format!("unknown key `{name}`"),
        }
    }
}

/// The name that was probably meant: alike as a whole, or in its last part.
fn nearest<'a>(name: &str, names: impl Iterator<Item = &'a String>) -> Option<&'a str> {
    fn last(name: &str) -> &str {
        name.rsplit('.').next().unwrap_or(name)
    }
    let distance = |it: &str| {
        let whole = strsim::osa_distance(name, it);
        // Of two that are alike in their last part, the one that is more alike as a whole.
        (whole.min(strsim::osa_distance(last(name), last(it))), whole)
    };
    let (nearest, (distance, _)) =
        names.map(|it| (it.as_str(), distance(it))).min_by_key(|(_, distance)| *distance)?;
    (distance <= last(name).chars().count() / 3).then_some(nearest)
}

impl Key {
    fn new(name: String, schema: &Json, default: Option<&toml::Value>) -> Self {
        Self {
            name,
            doc: text(&schema["description"]),
            kind: Kind::of(schema),
            least: schema["minimum"].as_f64(),
            most: schema["maximum"].as_f64(),
            default: default.cloned(),
            example: schema.pointer("/examples/0").and_then(|it| toml::Value::try_from(it).ok()),
            secret: schema["writeOnly"] == true,
        }
    }

    /// The name of its environment variable.
    pub(crate) fn variable(&self) -> String {
        format!("AGENT_{}", self.name.replace(['.', '-'], "_").to_ascii_uppercase())
    }

    /// The table it is in and its name there.
    pub(crate) fn split(&self) -> (Option<&str>, &str) {
        match self.name.rsplit_once('.') {
            Some((table, name)) => (Some(table), name),
            None => (None, &self.name),
        }
    }
}

impl Kind {
    fn of(schema: &Json) -> Self {
        let mut choices = Vec::new();
        gather_choices(schema, &mut choices);
        if !choices.is_empty() {
            return Self::Choice(choices);
        }
        let names = |it: &str| match &schema["type"] {
            Json::Array(types) => types.iter().any(|one| one == it),
            one => one == it,
        };
        match () {
            () if names("integer") => Self::Whole,
            () if names("number") => Self::Number,
            () if names("boolean") => Self::Switch,
            () if names("array") => Self::List,
            () => Self::Text,
        }
    }
}

fn gather_choices(schema: &Json, choices: &mut Vec<Choice>) {
    if let Some(name) = schema["const"].as_str() {
        choices.push(Choice { name: name.to_owned(), doc: text(&schema["description"]) });
    }
    for name in schema["enum"].as_array().into_iter().flatten().filter_map(Json::as_str) {
        choices.push(Choice { name: name.to_owned(), doc: String::new() });
    }
    for part in ["anyOf", "oneOf"].iter().flat_map(|it| schema[it].as_array()).flatten() {
        gather_choices(part, choices);
    }
}

fn text(json: &Json) -> String {
    json.as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use expect_test::{Expect, expect};

    use super::*;

    #[test]
    fn the_keys_are_those_of_the_settings() {
        let line = |it: &Key| {
            let kind = match &it.kind {
                Kind::Choice(all) => {
                    all.iter().map(|it| it.name.as_str()).collect::<Vec<_>>().join("|")
                }
                kind => format!("{kind:?}"),
            };
            let default = it.default.as_ref().map_or("unset".to_owned(), ToString::to_string);
            format!("{} {} {kind} {default}\n", it.name, it.variable())
        };
        expect![[r#"
            model AGENT_MODEL Text unset
            permission AGENT_PERMISSION read-only|ask|auto|full unset
            max_turns AGENT_MAX_TURNS Whole 100
            system_prompt AGENT_SYSTEM_PROMPT Text unset
            append_system_prompt AGENT_APPEND_SYSTEM_PROMPT Text unset
            instructions AGENT_INSTRUCTIONS Switch true
            permissions.allow AGENT_PERMISSIONS_ALLOW List []
            permissions.ask AGENT_PERMISSIONS_ASK List []
            permissions.deny AGENT_PERMISSIONS_DENY List []
            server.url AGENT_SERVER_URL Text unset
            server.api_key AGENT_SERVER_API_KEY Text unset
            server.address AGENT_SERVER_ADDRESS Text "127.0.0.1:7435"
            server.keep_minutes AGENT_SERVER_KEEP_MINUTES Number 30.0
            server.gigabytes AGENT_SERVER_GIGABYTES Number unset
            server.keep_alive AGENT_SERVER_KEEP_ALIVE Switch false
            llama.program AGENT_LLAMA_PROGRAM Text unset
            llama.port AGENT_LLAMA_PORT Whole unset
            llama.context AGENT_LLAMA_CONTEXT Whole unset
            llama.slots AGENT_LLAMA_SLOTS Whole 1
            llama.gpu_layers AGENT_LLAMA_GPU_LAYERS Whole unset
            llama.threads AGENT_LLAMA_THREADS Whole unset
            llama.batch AGENT_LLAMA_BATCH Whole unset
            llama.cache_type AGENT_LLAMA_CACHE_TYPE Text unset
            llama.keep_gigabytes AGENT_LLAMA_KEEP_GIGABYTES Whole 4
            llama.keep_seconds AGENT_LLAMA_KEEP_SECONDS Whole 2
            llama.silence AGENT_LLAMA_SILENCE Whole 30
            llama.args AGENT_LLAMA_ARGS List []
            models.folders AGENT_MODELS_FOLDERS List []
            engine.api AGENT_ENGINE_API Text "https://api.github.com/repos/ggml-org/llama.cpp"
            engine.downloads AGENT_ENGINE_DOWNLOADS Text "https://github.com/ggml-org/llama.cpp/releases"
            sampling.temperature AGENT_SAMPLING_TEMPERATURE Number unset
            sampling.top_k AGENT_SAMPLING_TOP_K Whole unset
            sampling.top_p AGENT_SAMPLING_TOP_P Number unset
            sampling.min_p AGENT_SAMPLING_MIN_P Number unset
            sampling.max_tokens AGENT_SAMPLING_MAX_TOKENS Whole unset
            sampling.mirostat AGENT_SAMPLING_MIROSTAT Whole unset
            sampling.mirostat_tau AGENT_SAMPLING_MIROSTAT_TAU Number unset
            sampling.mirostat_eta AGENT_SAMPLING_MIROSTAT_ETA Number unset
            sampling.seed AGENT_SAMPLING_SEED Whole unset
            commands.timeout AGENT_COMMANDS_TIMEOUT Whole 120
            commands.environment AGENT_COMMANDS_ENVIRONMENT List []
            sandbox.readable AGENT_SANDBOX_READABLE List []
            sandbox.writable AGENT_SANDBOX_WRITABLE List []
            sandbox.reveal AGENT_SANDBOX_REVEAL List []
            sandbox.hosts AGENT_SANDBOX_HOSTS List []
            sandbox.level AGENT_SANDBOX_LEVEL auto|namespaces|bubblewrap|reduced "auto"
            checks.check AGENT_CHECKS_CHECK Text unset
            checks.lint AGENT_CHECKS_LINT Text unset
            checks.test AGENT_CHECKS_TEST Text unset
            checks.format AGENT_CHECKS_FORMAT Text unset
            checks.after_edit AGENT_CHECKS_AFTER_EDIT auto|always|never "auto"
            checks.attempts AGENT_CHECKS_ATTEMPTS Whole 3
            ui.color AGENT_UI_COLOR auto|always|never "auto"
            ui.theme AGENT_UI_THEME Text "auto"
            ui.plain AGENT_UI_PLAIN Switch false
            ui.marks AGENT_UI_MARKS auto|unicode|ascii "auto"
            ui.notify AGENT_UI_NOTIFY auto|never|always "auto"
            ui.notify_after AGENT_UI_NOTIFY_AFTER Whole 10
            ui.title AGENT_UI_TITLE Switch true
            ui.keys AGENT_UI_KEYS emacs|vi "emacs"
        "#]]
        .assert_eq(&Keys::all().keys.iter().map(line).collect::<String>());
    }

    #[test]
    fn each_key_is_documented_and_has_a_variable_of_its_own() {
        let keys = Keys::all();
        let variables: BTreeSet<_> = keys.keys.iter().map(Key::variable).collect();
        assert_eq!(variables.len(), keys.keys.len());
        assert!(keys.keys.iter().all(|it| !it.doc.is_empty()));
        assert!(keys.tables.iter().all(|it| !it.doc.is_empty()));
    }

    #[track_caller]
    fn check(name: &str, expected: Expect) {
        expected.assert_eq(&Keys::all().unknown(name));
    }

    #[test]
    fn the_nearest_key_is_named() {
        check(
            "tempratur",
            expect!["unknown key `tempratur`; did you mean `sampling.temperature`?"],
        );
        check("sever.url", expect!["unknown key `sever.url`; did you mean `server.url`?"]);
        check("server.uri", expect!["unknown key `server.uri`; did you mean `server.url`?"]);
        check("servers", expect!["unknown key `servers`; did you mean `server`?"]);
        check("timeout", expect!["unknown key `timeout`; did you mean `commands.timeout`?"]);
        check("colour", expect!["unknown key `colour`; did you mean `ui.color`?"]);
        check("x", expect!["unknown key `x`"]);
        check("entirely.different", expect!["unknown key `entirely.different`"]);
    }
}
