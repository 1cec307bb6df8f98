//! The wish that a command which somebody waits for shall go on beside them.

use std::sync::Arc;

use tokio::sync::watch;

/// Clones are the same wish.
#[derive(Clone, Debug)]
pub(crate) struct Aside(Arc<watch::Sender<()>>);

impl Default for Aside {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(())))
    }
}

impl Aside {
    /// Whether a command runs for which it could come true; then it does.
    pub(crate) fn wish(&self) -> bool {
        self.0.send(()).is_ok()
    }

    /// Resolves when it is wished from now on.
    pub(super) fn wished(&self) -> impl Future<Output = ()> + use<> {
        let mut wishes = self.0.subscribe();
        async move {
            if wishes.changed().await.is_err() {
                // Nobody is left who could wish.
                std::future::pending::<()>().await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wish_needs_somebody_who_waits_for_it() {
        let aside = Aside::default();
        assert!(!aside.wish());
        let wished = aside.wished();
        assert!(aside.clone().wish());
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(wished);
        assert!(!aside.wish());
    }
}
