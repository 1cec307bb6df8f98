//! The wish to stop, heard wherever the turn happens to be.

use std::sync::Arc;

use tokio::sync::watch;

/// Fired from a signal, a key or a clock, waited for by whatever takes time. Clones are the same wish.
#[derive(Clone, Debug)]
pub(crate) struct Interrupt(Arc<watch::Sender<Wish>>);

#[derive(Clone, Copy, Debug, PartialEq)]
enum Wish {
    GoOn,
    /// The person's, by a signal: another means the program.
    Stop,
    /// The person's, by a key, which never means the program.
    Enough,
    /// The turn has had all the time it may have.
    TimeIsUp,
}

impl Interrupt {
    pub(crate) fn new() -> Self {
        Self(Arc::new(watch::Sender::new(Wish::GoOn)))
    }

    /// True if this is the first time since the last [`Interrupt::clear`].
    pub(crate) fn fire(&self) -> bool {
        self.0.send_replace(Wish::Stop) != Wish::Stop
    }

    /// Stops the turn, and is no first time of anything.
    pub(crate) fn stop(&self) {
        self.0.send_if_modified(|it| {
            let is_first = *it == Wish::GoOn;
            if is_first {
                *it = Wish::Enough;
            }
            is_first
        });
    }

    /// Stops the turn as the person would, if the person has not.
    pub(super) fn end_time(&self) {
        self.0.send_if_modified(|it| {
            let is_first = *it == Wish::GoOn;
            if is_first {
                *it = Wish::TimeIsUp;
            }
            is_first
        });
    }

    pub(crate) fn is_fired(&self) -> bool {
        *self.0.borrow() != Wish::GoOn
    }

    pub(crate) fn is_time_up(&self) -> bool {
        *self.0.borrow() == Wish::TimeIsUp
    }

    pub(crate) fn clear(&self) {
        self.0.send_replace(Wish::GoOn);
    }

    /// Resolves once it is fired. Owns its end, so it can outlive the borrow it was made from.
    pub(crate) fn fired(&self) -> impl Future<Output = ()> + use<> {
        let sender = self.0.clone();
        async move {
            // Fails only when all senders are gone, and we hold one.
            let _ = sender.subscribe().wait_for(|it| *it != Wish::GoOn).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_no_first_signal() {
        let interrupt = Interrupt::new();
        interrupt.stop();
        interrupt.stop();
        assert!(interrupt.is_fired() && !interrupt.is_time_up());
        assert!(interrupt.fire());
        assert!(!interrupt.fire());
        interrupt.stop();
        assert!(!interrupt.fire());
    }
}
