//! The wish of the person that work on another thread end early.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Shared by who may stop a piece of work and who does it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cancel(Arc<AtomicBool>);

impl Cancel {
    pub(crate) fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
