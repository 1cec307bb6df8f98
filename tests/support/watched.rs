//! A value that other threads change and a test waits for: what stands here instead of sleeping.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long a condition may take to come true. Generous: only a failing test waits this long.
pub const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Debug, Default)]
pub struct Watched<T> {
    value: Mutex<T>,
    changed: Condvar,
}

impl<T> Watched<T> {
    pub fn new(value: T) -> Self {
        Self { value: Mutex::new(value), changed: Condvar::new() }
    }

    pub fn read<R>(&self, look: impl FnOnce(&T) -> R) -> R {
        look(&self.lock())
    }

    pub fn change<R>(&self, change: impl FnOnce(&mut T) -> R) -> R {
        let answer = change(&mut self.lock());
        self.changed.notify_all();
        answer
    }

    /// The first answer that `look` gives; `None` if it gives none until the deadline.
    pub fn wait<R>(&self, deadline: Instant, mut look: impl FnMut(&T) -> Option<R>) -> Option<R> {
        let mut value = self.lock();
        loop {
            if let Some(answer) = look(&value) {
                return Some(answer);
            }
            let left = deadline.checked_duration_since(Instant::now())?;
            let woken = self.changed.wait_timeout(value, left);
            value = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// A test that panics while it looks has failed already; the value is as good as before.
    fn lock(&self) -> MutexGuard<'_, T> {
        self.value.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
