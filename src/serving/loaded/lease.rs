//! A model that answers somebody: it stays for so long, and what becomes of it is told here.

use std::fmt;
use std::io::{self, ErrorKind};
use std::rc::Rc;
use std::time::Duration;

use tokio::time::Instant;

use crate::llama::Address;
use crate::serving::loaded::{Holding, Loaded};
use crate::serving::speed::Speed;

/// A model that stays as long as this does.
pub(in crate::serving) struct Lease {
    pub(super) loaded: Rc<Loaded>,
    pub(super) id: u64,
    pub(in crate::serving) address: Address,
    pub(in crate::serving) key: String,
}

impl Lease {
    /// How fast it answered.
    pub(in crate::serving) fn was(&self, speed: Speed) {
        let mut models = self.loaded.models.borrow_mut();
        if let Some(model) = models.iter_mut().find(|it| it.id == self.id) {
            model.speed = Speed {
                read: speed.read.or(model.speed.read),
                written: speed.written.or(model.speed.written),
            };
        }
    }

    /// Ends it, if nobody can connect to it any more: its socket was removed, or it has closed it. What it
    /// refused in another way may be the fault of what it was asked.
    pub(in crate::serving) fn end_unreachable(&self, err: &anyhow::Error) -> bool {
        let kind = err.root_cause().downcast_ref::<io::Error>().map(io::Error::kind);
        let is_gone = matches!(kind, Some(ErrorKind::NotFound | ErrorKind::ConnectionRefused));
        if is_gone {
            self.loaded.end(self.id, "it cannot be reached");
        }
        is_gone
    }

    /// Why it has ended, if it has. Its sockets close a moment before that can be seen.
    pub(in crate::serving) async fn obituary(&self) -> Option<String> {
        const LOOKS: u32 = 10;
        for _ in 0..LOOKS {
            let ended = {
                let mut models = self.loaded.models.borrow_mut();
                let there = models.iter_mut().find(|it| it.id == self.id);
                match there.map(|it| &mut it.holding) {
                    Some(Holding::Up(running)) => running.ended(),
                    Some(_) | None => return Some("it was put away".to_owned()),
                }
            };
            if let Some(reason) = ended {
                self.loaded.forget(self.id, &reason);
                return Some(reason);
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        None
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut models = self.loaded.models.borrow_mut();
        if let Some(model) = models.iter_mut().find(|it| it.id == self.id) {
            model.answering -= 1;
            model.answers += 1;
            model.last = Instant::now();
        }
        drop(models);
        self.loaded.changed.notify_waiters();
    }
}
