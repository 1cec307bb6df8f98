//! The journal as a turn uses it: written at once, synced while the model is asked.

use std::io;

use anyhow::Context;
use tokio::sync::oneshot::{self, error::TryRecvError};
use tokio::task::spawn_blocking;

use crate::conversation::Entry;
use crate::session::Journal;

/// A session's journal; a session without one is kept in memory only.
pub(crate) struct Log {
    journal: Option<Journal>,
    /// What the sync that runs beside us will say.
    syncing: Option<oneshot::Receiver<io::Result<()>>>,
    /// Why a sync beside us failed. The kernel says so once, and the next one may succeed although
    /// what was lost stays lost.
    failed: Option<io::Error>,
    /// Something was written that no sync has begun to cover.
    dirty: bool,
    warned: bool,
}

impl Log {
    pub(crate) fn new(journal: Option<Journal>) -> Self {
        Self { journal, syncing: None, failed: None, dirty: false, warned: false }
    }

    /// Writes the entries; the reason if, for the first time, that was not possible.
    pub(super) fn append(&mut self, entries: &[Entry]) -> Option<String> {
        let journal = self.journal.as_mut()?;
        let written = journal.append(&entries.iter().collect::<Vec<_>>());
        self.dirty = true;
        // What follows these is the model's answer, which takes its time.
        if let (Ok(()), Some(Entry::Prompt(_) | Entry::Result { .. })) = (&written, entries.last())
        {
            self.sync_beside();
        }
        self.first(&written.err()?)
    }

    /// Writes what was said beside the conversation, for this call.
    pub(super) fn append_beside(&mut self, call: &str, entries: &[Entry]) -> Option<String> {
        let written = self.journal.as_mut()?.append_beside(call, entries);
        self.dirty = true;
        self.first(&written.err()?)
    }

    /// Writes that the person went back; the reason if, for the first time, that was not possible.
    pub(super) fn rewind(&mut self, length: usize, note: Option<&str>) -> Option<String> {
        let journal = self.journal.as_mut()?;
        // The files have gone back already.
        let written = journal.rewind(length, note).and_then(|()| journal.sync());
        self.first(&written.err()?)
    }

    pub(super) fn name(&mut self, name: &str) -> anyhow::Result<()> {
        let journal = self.journal.as_mut().context("this session is not kept")?;
        journal.name(name).and_then(|()| journal.sync())
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
            self.note(synced);
        }
        if let Some(err) = self.failed.take() {
            return Err(err).context("cannot sync the session to disk");
        }
        if let Some(journal) = self.journal.as_mut().filter(|_| self.dirty) {
            journal.sync()?;
            self.dirty = false;
        }
        Ok(())
    }

    /// Begins a sync on another thread, unless one runs.
    fn sync_beside(&mut self) {
        if let Some(syncing) = &mut self.syncing {
            match syncing.try_recv() {
                Err(TryRecvError::Empty) => return,
                Err(err) => self.note(Err(io::Error::other(err))),
                Ok(synced) => self.note(synced),
            }
        }
        self.syncing = None;
        if let Some(sync) = self.journal.as_ref().and_then(Journal::syncing) {
            let (tell, syncing) = oneshot::channel();
            // Nobody may be left to hear it.
            spawn_blocking(move || tell.send(sync.run()).unwrap_or_default());
            self.syncing = Some(syncing);
            self.dirty = false;
        }
    }

    /// Takes the word of a sync that has ended.
    fn note(&mut self, synced: io::Result<()>) {
        if let Err(err) = synced {
            self.dirty = true;
            self.failed = Some(err);
        }
    }

    /// The error in words, if it is the first.
    pub(super) fn first(&mut self, err: &anyhow::Error) -> Option<String> {
        let first = !std::mem::replace(&mut self.warned, true);
        first.then(|| format!("{err:#}"))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::SystemTime;

    use expect_test::expect;

    use super::*;
    use crate::conversation::{Outcome, Status};

    #[test]
    fn a_sync_that_failed_is_told_although_the_next_one_succeeds() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("p/s.jsonl");
        let journal = Journal::new(path, "s", Path::new("/p"), || SystemTime::UNIX_EPOCH);
        let mut log = Log::new(Some(journal));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let (tell, syncing) = oneshot::channel();
            tell.send(Err(io::Error::other("lost"))).unwrap();
            log.syncing = Some(syncing);
            let outcome = Outcome::new(Status::Done, "", "");
            assert_eq!(log.append(&[Entry::Result { call: "1".to_owned(), outcome }]), None);
            let err = log.secure().await.unwrap_err();
            expect!["cannot sync the session to disk: lost"].assert_eq(&format!("{err:#}"));
            log.secure().await.unwrap();
        });
    }
}
