//! What a person can set about confinement.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::sandbox::HostRule;

/// What commands can reach. They write to the project and to a `/tmp` of their own, read the
/// system and what is known to be tools in your home, and have no network but for `hosts`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Options {
    /// Further directories and files of your home that commands may read. What is not there when
    /// a session begins is left out, and you are told.
    pub(crate) readable: Vec<PathBuf>,
    /// Further directories that commands may write to; the same holds for them.
    pub(crate) writable: Vec<PathBuf>,
    /// Files of projects that look like secrets and are none, as globs such as `tests/**/*.pem`.
    pub(crate) reveal: Vec<String>,
    /// Hosts that commands may speak to by HTTP and HTTPS, at ports 80 and 443 or the one that is
    /// named; `*.example.org` is all below `example.org`.
    #[schemars(example = &["crates.io", "*.crates.io", "example.org:8443"])]
    pub(crate) hosts: Vec<HostRule>,
    /// What enforces it.
    pub(crate) level: Wanted,
}

/// Which way of confining is to be used.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema, clap::ValueEnum,
)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Wanted {
    /// The best that works here; where none does, commands are refused.
    #[default]
    Auto,
    /// Namespaces of the kernel, made by agent itself.
    Namespaces,
    /// Namespaces made by bubblewrap, if the system has it.
    Bubblewrap,
    /// Rules of the kernel about paths: nothing outside is written but `/tmp` and `/var/tmp`, which
    /// are the machine's, and there is no network; what is in the project, secrets among it, is not
    /// protected from commands.
    Reduced,
}
