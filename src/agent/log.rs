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
        self.first(&written.err()?)
    }

    /// Whether a part of the session is on disk, from where it can be resumed. Otherwise it is in
    /// memory as a whole, and nothing of it can be done again.
    pub(super) fn is_on_disk(&self) -> bool {
        self.journal.as_ref().is_some_and(Journal::is_on_disk)
    }

    /// Returns when all that was written would survive a power cut.
    pub(super) async fn secure(&mut self) -> anyhow::Result<()> {
        if let Some(syncing) = self.syncing.take() {
            let synced = syncing.await.unwrap_or_else(|err| Err(io::Error::other(err)));
            self.dirty |= synced.is_err();
        }
        if let Some(journal) = self.journal.as_mut().filter(|_| self.dirty) {
            journal.sync()?;
            self.dirty = false;
        }
        Ok(())
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

    /// The error in words, if it is the first.
    pub(super) fn first(&mut self, err: &anyhow::Error) -> Option<String> {
        let first = !std::mem::replace(&mut self.warned, true);
        first.then(|| format!("{err:#}"))
    }
}
