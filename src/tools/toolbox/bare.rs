//! A toolbox with nothing in it, for a conversation that is nothing but words.

use std::path::PathBuf;
use std::sync::Arc;

use crate::sandbox::Environment;
use crate::tools::checks::CheckRules;
use crate::tools::{Limits, Means, Toolbox};
use crate::workspace::Workspace;

impl Toolbox {
    pub(crate) fn bare(workspace: Arc<Workspace>, temp: PathBuf) -> Self {
        let mut bare = Self::new(Means {
            workspace,
            environment: Environment::default(),
            enclosure: None,
            limits: Limits::default(),
            keep: None,
            temp,
            is_attended: false,
            custom: Vec::new(),
            checks: CheckRules::default(),
        });
        bare.specs.clear();
        bare
    }
}
