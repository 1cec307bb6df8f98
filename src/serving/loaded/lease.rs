//! A model that answers somebody: it stays for so long, and what becomes of it is told here.

use std::cell::{Cell, OnceCell};
use std::fmt;
use std::io::{self, ErrorKind};
use std::rc::Rc;
use std::time::Duration;

use tokio::task::AbortHandle;
use tokio::time::Instant;

use crate::llama::{self, Address};
use crate::serving::library::Wanted;
use crate::serving::loaded::turns::Turn;
use crate::serving::loaded::{Holding, Loaded};
use crate::serving::speed::Speed;

/// A model that stays as long as this does.
pub(in crate::serving) struct Lease {
    loaded: Rc<Loaded>,
    id: u64,
    heard: Rc<Cell<Instant>>,
    gone: Rc<OnceCell<Gone>>,
    pub(in crate::serving) address: Address,
    pub(in crate::serving) key: String,
}

/// Why a model is not there any more.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::serving) enum Gone {
    /// Somebody wants it away, and so it does not come back for those whom it was to answer.
    ByRequest,
    Died(String),
}

/// Looks after a model that answers somebody: one that hangs would answer for ever.
pub(super) struct Watch(AbortHandle);

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Loaded {
    /// Lends it, if it can answer and is not to go for somebody who came before.
    pub(super) fn lend(self: &Rc<Self>, wanted: &Wanted, turn: Turn) -> Option<Lease> {
        let mut models = self.models.borrow_mut();
        let model = models.iter_mut().find(|it| it.wanted.path == wanted.path)?;
        let Holding::Up(running) = &model.holding else { return None };
        if self.turns.is_promised(model.id, turn) {
            return None;
        }
        if model.answering == 0 {
            model.heard.set(Instant::now());
            model.watch =
                Some(self.watch(model.id, running.address.clone(), Rc::clone(&model.heard)));
        }
        model.answering += 1;
        Some(Lease {
            loaded: Rc::clone(self),
            id: model.id,
            heard: Rc::clone(&model.heard),
            gone: Rc::clone(&model.gone),
            address: running.address.clone(),
            key: running.key.clone(),
        })
    }

    fn watch(self: &Rc<Self>, id: u64, address: Address, heard: Rc<Cell<Instant>>) -> Watch {
        let loaded = Rc::clone(self);
        let patience = Duration::from_secs(loaded.means.options.silence.into());
        let watching = tokio::task::spawn_local(async move {
            llama::hang(&address, patience, &heard).await;
            // What hangs does not end when it is asked to; what is forgotten is killed, and then those who
            // wait for an answer are told.
            loaded.forget(id, &format!("it has answered nothing for {} s", patience.as_secs()));
        });
        Watch(watching.abort_handle())
    }
}

impl Lease {
    /// It has said something just now.
    pub(in crate::serving) fn heard(&self) {
        self.heard.set(Instant::now());
    }

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
    pub(in crate::serving) async fn obituary(&self) -> Option<Gone> {
        const LOOKS: u32 = 10;
        for _ in 0..LOOKS {
            let ended = {
                let mut models = self.loaded.models.borrow_mut();
                let there = models.iter_mut().find(|it| it.id == self.id);
                match there.map(|it| &mut it.holding) {
                    Some(Holding::Up(running)) => running.ended(),
                    Some(_) | None => {
                        let put_away = || Gone::Died("it was put away".to_owned());
                        return Some(self.gone.get().cloned().unwrap_or_else(put_away));
                    }
                }
            };
            if let Some(reason) = ended {
                self.loaded.forget(self.id, &reason);
                return Some(Gone::Died(reason));
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
            if model.answering == 0 {
                model.watch = None;
            }
            model.answers += 1;
            model.last = Instant::now();
        }
        drop(models);
        self.loaded.changed.notify_waiters();
    }
}
