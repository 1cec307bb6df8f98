//! The person's wish to stop, heard wherever the turn happens to be.

use std::sync::Arc;

use tokio::sync::watch;

/// Fired from a signal or a key, waited for by whatever takes time. Clones are the same wish.
#[derive(Clone, Debug)]
pub(crate) struct Interrupt(Arc<watch::Sender<bool>>);

impl Interrupt {
    pub(crate) fn new() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }

    /// True if this is the first time since the last [`Interrupt::clear`].
    pub(crate) fn fire(&self) -> bool {
        !self.0.send_replace(true)
    }

    pub(crate) fn clear(&self) {
        self.0.send_replace(false);
    }

    /// Resolves once it is fired. Owns its end, so it can outlive the borrow it was made from.
    pub(crate) fn fired(&self) -> impl Future<Output = ()> + use<> {
        let sender = self.0.clone();
        async move {
            // Fails only when all senders are gone, and we hold one.
            let _ = sender.subscribe().wait_for(|it| *it).await;
        }
    }
}
