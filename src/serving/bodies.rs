//! The room that all bodies of requests have together: each is bounded by itself, and there may be many.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What is counted of them, in bytes.
const PIECE: usize = 1 << 10;

pub(super) struct Bodies(Arc<Semaphore>);

/// Room for one, as long as this lives.
#[derive(Debug)]
pub(super) struct Room(OwnedSemaphorePermit);

impl Bodies {
    pub(super) fn new(bytes: usize) -> Self {
        Self(Arc::new(Semaphore::new(bytes / PIECE)))
    }

    /// Waits for all that a body may need, before its first byte: who has some and waits for more would wait
    /// for others that do the same.
    pub(super) async fn room(&self, bytes: usize) -> Option<Room> {
        Arc::clone(&self.0).acquire_many_owned(pieces(bytes)).await.ok().map(Room)
    }
}

impl Room {
    /// It was no longer than this.
    pub(super) fn shrink(&mut self, bytes: usize) {
        let spare = self.0.num_permits().saturating_sub(pieces(bytes) as usize);
        drop(self.0.split(spare));
    }
}

fn pieces(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(PIECE)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn what_does_not_fit_waits_for_what_is_there() {
        let bodies = Bodies::new(8 * PIECE);
        let room = |bytes| bodies.room(bytes).now_or_never().flatten();
        let mut large = room(6 * PIECE).expect("all is free");
        let _small = room(2 * PIECE - 1).expect("it fits");
        assert!(room(1).is_none());
        large.shrink(4 * PIECE);
        let _other = room(2 * PIECE).expect("so much is free again");
        assert!(room(1).is_none());
        drop(large);
        assert!(room(4 * PIECE).is_some());
    }
}
