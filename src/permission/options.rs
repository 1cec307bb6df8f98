//! The rules as they are set.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::permission::Rule;

/// Rules for single tools: `TOOL` for all it does, or as in `run_command(cargo test *)`,
/// `edit_file(src/**)`, `read_file(secrets/**)`, `fetch_url(domain:example.org)` for a part of it.
/// `deny` counts more than `ask`, and `ask` more than `allow`. A project may only add to `ask` and
/// `deny`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RuleOptions {
    /// What needs no question, where `permission` would ask.
    #[schemars(example = &["run_command(cargo test *)", "edit_file(src/**)"])]
    pub(crate) allow: Vec<Rule>,
    /// What is asked about even where `permission` would not ask.
    #[schemars(example = &["run_command(git push *)"])]
    pub(crate) ask: Vec<Rule>,
    /// What is never done. A path that must not be read is not written either.
    #[schemars(example = &["read_file(secrets/**)", "edit_file(migrations/**)"])]
    pub(crate) deny: Vec<Rule>,
}
