//! What a conversation has seen, set aside while another is held.

use std::collections::BTreeSet;

use crate::tools::instructed::Instructed;
use crate::tools::seen;
use crate::tools::toolbox::Toolbox;
use crate::workspace::ProjectPath;

/// What a conversation has seen.
#[derive(Debug)]
pub(crate) struct Sights {
    seen: seen::Sights,
    told: Option<BTreeSet<ProjectPath>>,
}

impl Toolbox {
    /// Another conversation begins, which has seen nothing. What the one before has seen.
    pub(crate) fn look_away(&self) -> Sights {
        let told = self.instructed.as_ref().map(Instructed::begin_anew);
        Sights { seen: self.seen.begin_anew(), told }
    }

    /// That one goes on.
    pub(crate) fn look_back(&self, Sights { seen, told }: Sights) {
        self.seen.go_on(seen);
        if let (Some(instructed), Some(told)) = (&self.instructed, told) {
            instructed.go_on(told);
        }
    }
}
