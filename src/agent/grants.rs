//! What a person allows for good: it holds at once, and is kept with what they decided about the
//! project.

use std::sync::Arc;

use anyhow::anyhow;

use crate::permission::{ConsentFile, Permissions, Rule};

#[derive(Debug)]
pub(crate) struct Grants {
    pub(crate) permissions: Arc<Permissions>,
    pub(crate) file: Option<ConsentFile>,
}

impl Grants {
    /// Fails if it cannot be kept; it holds all the same.
    pub(super) fn add(&self, rule: &str) -> anyhow::Result<()> {
        let rule = Rule::parse(rule).map_err(|err| anyhow!("{err}"))?;
        self.permissions.grant(rule.clone());
        let file = self.file.as_ref().ok_or_else(|| anyhow!("there is no place to keep it"))?;
        file.change(|it| it.allow(rule))
    }
}
