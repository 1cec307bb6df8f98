//! The hosts that commands may ask for, and those they asked for in vain.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use crate::sandbox::HostRule;

/// One list for the commands of a session, and what it turned away.
#[derive(Clone, Debug)]
pub(crate) struct Gate {
    rules: Arc<[HostRule]>,
    turned: Arc<Mutex<BTreeSet<String>>>,
}

/// A command may ask for as many as it likes; so many are kept in mind.
const MOST_TURNED: usize = 64;

impl Gate {
    /// `None` where nothing may pass: then there shall be no way to ask, either.
    pub(crate) fn new(rules: &[HostRule]) -> Option<Self> {
        (!rules.is_empty()).then(|| Self { rules: rules.into(), turned: Arc::default() })
    }

    pub(crate) fn rules(&self) -> &[HostRule] {
        &self.rules
    }

    pub(super) fn turn_away(&self, host: String) {
        let mut turned = self.turned.lock().unwrap_or_else(PoisonError::into_inner);
        if turned.len() < MOST_TURNED {
            turned.insert(host);
        }
    }

    /// Who was asked for in vain since this was last asked, in the order of their names.
    pub(crate) fn turned_away(&self) -> Vec<String> {
        let mut turned = self.turned.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *turned).into_iter().collect()
    }
}
