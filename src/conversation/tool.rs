//! What a tool is to those who do not run it: words for the model, and what it may change.

use std::fmt;

/// A tool as the model and the rules see it.
#[derive(Clone, Debug)]
pub(crate) struct ToolSpec {
    pub(crate) name: String,
    /// The JSON object `{name, description, parameters}`, byte for byte what the model reads.
    pub(crate) definition: String,
    pub(crate) effect: Effect,
}

/// The most a tool can do.
#[derive(Clone, Copy, Debug, Eq, PartialEq, PartialOrd, Ord)]
pub(crate) enum Effect {
    /// Looks, changes nothing: may run beside others, and again.
    Reads,
    /// Puts a question to the person.
    Asks,
    /// Changes files of the project.
    Writes,
    /// Runs a program.
    Executes,
    /// Speaks to a host on the network.
    Reaches,
}

/// What may happen without asking, from the narrowest to the widest.
#[derive(
    Clone,
    Copy,
    Debug,
    Eq,
    PartialEq,
    PartialOrd,
    Ord,
    serde::Serialize,
    serde::Deserialize,
    schemars::JsonSchema,
    clap::ValueEnum,
)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Permission {
    /// Look, change nothing, run nothing.
    ReadOnly,
    /// Ask before each change and each command.
    Ask,
    /// Change files of the project and run confined commands without asking; refuse the rest.
    Auto,
    /// Everything without asking; commands run with your rights, unconfined. What your rules deny stays denied.
    Full,
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ReadOnly => "read-only",
            Self::Ask => "ask",
            Self::Auto => "auto",
            Self::Full => "full",
        })
    }
}
