//! What is known of kinds of projects: the types of `table.toml`.

use std::sync::LazyLock;

use serde::Deserialize;

/// What a command is for.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Purpose {
    Check,
    Lint,
    Test,
    Format,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Table {
    pub(super) kind: Vec<Kind>,
    pub(super) file: Vec<Single>,
}

/// A kind of project.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Kind {
    pub(super) name: String,
    pub(super) markers: Vec<String>,
    #[serde(default)]
    pub(super) weak: Vec<String>,
    #[serde(default)]
    pub(super) fallback: bool,
    #[serde(default)]
    pub(super) bins: Vec<String>,
    pub(super) wrapper: Option<String>,
    #[serde(default)]
    check: Vec<Step>,
    #[serde(default)]
    lint: Vec<Step>,
    #[serde(default)]
    test: Vec<Step>,
    #[serde(default)]
    format: Vec<Step>,
}

/// A command, and when it is the one to run.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Step {
    pub(super) run: String,
    #[serde(default)]
    pub(super) when: Vec<Condition>,
    #[serde(default)]
    pub(super) otherwise: bool,
    #[serde(default)]
    pub(super) quick: bool,
    /// What stands for a path where none was given.
    pub(super) all: Option<String>,
    pub(super) path: Option<String>,
    pub(super) folder: Option<String>,
    pub(super) filter: Option<String>,
}

/// Holds if all that it names is so.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Condition {
    pub(super) file: Option<String>,
    pub(super) text: Option<String>,
    pub(super) program: Option<String>,
    pub(super) script: Option<String>,
    pub(super) target: Option<String>,
}

/// How one file is read by itself.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Single {
    pub(super) ends: Vec<String>,
    pub(super) run: String,
}

pub(super) static TABLE: LazyLock<Table> = LazyLock::new(|| {
    toml::from_str(include_str!("table.toml")).expect("the table is ours, a test reads it")
});

impl Purpose {
    pub(crate) const ALL: [Self; 4] = [Self::Check, Self::Lint, Self::Test, Self::Format];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Check => "check",
            Self::Lint => "lint",
            Self::Test => "test",
            Self::Format => "format",
        }
    }
}

impl Kind {
    pub(super) fn steps(&self, purpose: Purpose) -> &[Step] {
        match purpose {
            Purpose::Check => &self.check,
            Purpose::Lint => &self.lint,
            Purpose::Test => &self.test,
            Purpose::Format => &self.format,
        }
    }
}
