//! What the person wants of a turn that is under way, besides its end.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::tools::Aside;

/// Told by whoever hears the person, heeded where the turn happens to be. Clones are the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wishes(Arc<State>);

#[derive(Debug, Default)]
struct State {
    /// What shall be said to the model before it is asked again.
    words: Mutex<Vec<String>>,
    aside: Mutex<Aside>,
    thought: AtomicU8,
    enough: Notify,
}

/// Whether the model thinks, and whether that can be ended.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(u8)]
pub(super) enum Thought {
    None,
    Bounded,
    /// The server cannot end it.
    Unbounded,
}

impl Wishes {
    /// These words shall be said at the next step.
    pub(crate) fn say(&self, words: Vec<String>) {
        self.words().extend(words);
    }

    /// What is to be said and was not; whoever takes it says it.
    pub(crate) fn unsaid(&self) -> Vec<String> {
        std::mem::take(&mut *self.words())
    }

    /// The command that is waited for shall go on beside the turn; why not, if that cannot be.
    pub(crate) fn put_aside(&self) -> Option<&'static str> {
        let aside = self.0.aside.lock().unwrap_or_else(PoisonError::into_inner);
        (!aside.wish()).then_some("no command runs that could go on in the background")
    }

    /// The model shall think no more; why not, if that cannot be.
    pub(crate) fn answer_now(&self) -> Option<&'static str> {
        match self.0.thought.load(Ordering::Relaxed) {
            it if it == Thought::Bounded as u8 => {
                self.0.enough.notify_waiters();
                None
            }
            it if it == Thought::Unbounded as u8 => {
                Some("this server cannot have its model think no more")
            }
            _ => Some("the model is not thinking now"),
        }
    }

    pub(super) fn thinks(&self, thought: Thought) {
        self.0.thought.store(thought as u8, Ordering::Relaxed);
    }

    /// Resolves when enough was thought.
    pub(super) async fn enough(&self) {
        self.0.enough.notified().await;
    }

    pub(super) fn heeded_by(&self, aside: &Aside) {
        *self.0.aside.lock().unwrap_or_else(PoisonError::into_inner) = aside.clone();
    }

    fn words(&self) -> MutexGuard<'_, Vec<String>> {
        self.0.words.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
