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

impl RuleOptions {
    /// Patterns of the files that must not be read, as they were written, for whoever hides files
    /// from commands: a rule alone cannot.
    pub(crate) fn unreadable(&self) -> impl Iterator<Item = &str> {
        self.deny.iter().filter_map(Rule::unreadable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_must_not_be_read_can_be_hidden_from_commands() {
        let rules = [
            "read_file(secrets/**)",
            "search( *.key )",
            "edit_file(a)",
            "read_file",
            "run_command(ls)",
        ];
        let deny = rules.into_iter().map(|it| Rule::parse(it).unwrap()).collect();
        let rules = RuleOptions { deny, ..RuleOptions::default() };
        assert_eq!(rules.unreadable().collect::<Vec<_>>(), ["secrets/**", "*.key"]);
    }
}
