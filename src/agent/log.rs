//! The journal as a turn uses it: written at once, synced while the model is asked.

use std::io;

use tokio::task::{JoinHandle, spawn_blocking};

use crate::conversation::Entry;
use crate::session::Journal;

/// A session's journal; a session without one is kept in memory only.
pub(crate) struct Log {
    journal: Option<Journal>,
    /// The sync that runs beside us.
    syncing: Option<JoinHandle<io::Result<()>>>,
    /// Something was written that no sync has begun to cover.
    dirty: bool,
    warned: bool,
}

impl Log {
    pub(crate) fn new(journal: Option<Journal>) -> Self {
        Self { journal, syncing: None, dirty: false, warned: false }
    }

    /// Writes the entries; the reason if, for the first time, that was not possible.
    pub(super) fn append(&mut self, entries: &[Entry]) -> Option<String> {
        let journal = self.journal.as_mut()?;
        let written = journal.append(&entries.iter().collect::<Vec<_>>());
        self.dirty = true;
        // What follows these is the model's answer, which takes its time.
        if let Some(Entry::Prompt(_) | Entry::Result { .. }) = entries.last() {
            self.sync_beside();
        }
        self.first(written)
    }

    /// Returns when all that was written would survive a power cut.
    pub(super) async fn secure(&mut self) -> Option<String> {
        if let Some(syncing) = self.syncing.take() {
            let synced = syncing.await.unwrap_or_else(|err| Err(io::Error::other(err)));
            self.dirty |= synced.is_err();
        }
        if !self.dirty {
            return None;
        }
        let synced = self.journal.as_mut()?.sync();
        self.dirty = synced.is_err();
        self.first(synced)
    }

    /// Begins a sync on another thread, unless one runs.
    fn sync_beside(&mut self) {
        if self.syncing.as_ref().is_some_and(|it| !it.is_finished()) {
            return;
        }
        if let Some(sync) = self.journal.as_ref().and_then(Journal::syncing) {
            self.syncing = Some(spawn_blocking(move || sync.run()));
            self.dirty = false;
        }
    }

    fn first(&mut self, result: anyhow::Result<()>) -> Option<String> {
        let err = result.err()?;
        let first = !std::mem::replace(&mut self.warned, true);
        first.then(|| format!("{err:#}"))
    }
}
