//! The history on disk: the records, and the contents they speak of.
//!
//! What an edit replaces is on disk for certain before the edit is made. What commands replace is
//! only written: that costs them next to nothing, and a content that a power cut took is found out
//! by its hash.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rustix::fs::{Timespec, Timestamps, UTIME_NOW, futimens};

use crate::workspace::history::Access;
use crate::workspace::history::acts::Acts;
use crate::workspace::history::digest::Digest;
use crate::workspace::history::pack::Pack;
use crate::workspace::history::record::{Record, decode, encode};

#[derive(Debug)]
pub(super) struct Ledger {
    folder: PathBuf,
    /// Whether the directories are known to have the files.
    placed: bool,
    records: File,
    /// Where the records are known to be whole.
    end: u64,
    edits: Pack,
    seen: Pack,
    acts: Acts,
    /// Lines that could not be read.
    damaged: usize,
}

/// A command that changes large files again and again shall not fill the disk, in bytes.
const MOST_SEEN: u64 = 512 * 1024 * 1024;

const RECORDS: &str = "records.jsonl";

impl Ledger {
    /// Whether there is a history in this directory.
    pub(super) fn exists(folder: &Path) -> bool {
        folder.join(RECORDS).exists()
    }

    pub(super) fn modified(folder: &Path) -> Option<SystemTime> {
        std::fs::metadata(folder.join(RECORDS)).and_then(|it| it.modified()).ok()
    }

    /// Makes the directory, for the person alone, where there is none. Nobody else can change this
    /// history as long as it is open for a change.
    pub(super) fn open(folder: &Path, access: Access) -> io::Result<Self> {
        let path = folder.join(RECORDS);
        if access == Access::Change {
            DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        }
        let mut options = OpenOptions::new();
        options.read(true).custom_flags(rustix::fs::OFlags::NOFOLLOW.bits() as i32);
        if access == Access::Change {
            options.write(true).create(true).truncate(false).mode(0o600);
        }
        let mut records = options.open(&path)?;
        if access == Access::Change {
            lock(&records)?;
        }
        let mut text = Vec::new();
        records.read_to_end(&mut text)?;
        // What follows the last newline was torn, and is written over.
        let end = text.iter().rposition(|it| *it == b'\n').map_or(0, |it| it + 1);
        let (mut acts, mut damaged) = (Acts::default(), 0);
        for line in text[..end].split(|it| *it == b'\n').filter(|it| !it.is_empty()) {
            match decode(line) {
                Some(record) => acts.take(record),
                None => damaged += 1,
            }
        }
        if access == Access::Change && end < text.len() {
            records.set_len(end as u64)?;
        }
        let edits = Pack::open(&folder.join("edits.pack"), access)?;
        let seen = Pack::open(&folder.join("seen.pack"), access)?;
        let (folder, end) = (folder.to_owned(), end as u64);
        Ok(Self { folder, placed: false, records, end, edits, seen, acts, damaged })
    }

    pub(super) fn acts(&self) -> &Acts {
        &self.acts
    }

    pub(super) fn damaged(&self) -> usize {
        self.damaged
    }

    /// Keeps a content that is about to be replaced; certain after the next [`Self::announce`].
    pub(super) fn keep(&mut self, bytes: &[u8]) -> io::Result<Digest> {
        let digest = Digest::of(bytes);
        self.edits.put(digest, bytes)?;
        Ok(digest)
    }

    /// Keeps a content in case a command replaces it.
    pub(super) fn keep_seen(&mut self, bytes: &[u8]) -> io::Result<Digest> {
        let digest = Digest::of(bytes);
        if MOST_SEEN < self.seen.length() {
            return Err(io::Error::other("what they have changed fills the history"));
        }
        // To read all that was seen before would make the first command wait.
        if !self.edits.has(&digest) && !self.seen.has(&digest) {
            self.seen.put(digest, bytes)?;
        }
        Ok(digest)
    }

    pub(super) fn content(&self, digest: &Digest) -> Option<Vec<u8>> {
        self.edits.get(digest).or_else(|| self.seen.get(digest))
    }

    /// Returns when the record, and what was kept before it, will survive the loss of power.
    pub(super) fn announce(&mut self, record: Record) -> io::Result<()> {
        self.edits.sync()?;
        if !self.placed {
            // Its directory, that of the session, and the one that holds all of the project.
            self.folder.ancestors().take(3).try_for_each(|it| File::open(it)?.sync_all())?;
            self.placed = true;
        }
        let before = self.end;
        let line = self.write(encode(&record))?;
        if let Err(err) = self.records.sync_data() {
            // What is not certain is not done, so it shall not be found either.
            let _ = self.records.set_len(before);
            self.end = before;
            return Err(err);
        }
        self.end = before + line;
        self.acts.take(record);
        Ok(())
    }

    pub(super) fn add(&mut self, record: Record) -> io::Result<()> {
        let line = self.write(encode(&record))?;
        self.end += line;
        self.acts.take(record);
        Ok(())
    }

    /// The time as the file system writes it beside files.
    pub(super) fn clock(&self) -> io::Result<Duration> {
        let now = Timespec { tv_sec: 0, tv_nsec: UTIME_NOW };
        futimens(&self.records, &Timestamps { last_access: now, last_modification: now })?;
        let metadata = self.records.metadata()?;
        let (seconds, nanoseconds) = (metadata.mtime(), metadata.mtime_nsec());
        Ok(Duration::new(seconds.try_into().unwrap_or(0), nanoseconds.try_into().unwrap_or(0)))
    }

    /// From now on contents go where there is no room.
    #[cfg(test)]
    pub(super) fn fill_disk(&mut self, full: File) {
        self.edits.replace_file(full);
    }

    /// Gives back how long the lines are.
    fn write(&mut self, lines: String) -> io::Result<u64> {
        if let Err(err) = self.records.write_all_at(lines.as_bytes(), self.end) {
            let _ = self.records.set_len(self.end);
            return Err(err);
        }
        Ok(lines.len() as u64)
    }
}

/// A program that is just ending may hold it a moment longer, so it is tried for a fifth of a second.
fn lock(file: &File) -> io::Result<()> {
    for _ in 0..20 {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(10)),
            // Some network file systems have no locks.
            Err(TryLockError::Error(err)) if err.kind() == io::ErrorKind::Unsupported => {
                return Ok(());
            }
            Err(TryLockError::Error(err)) => return Err(err),
        }
    }
    Err(io::ErrorKind::WouldBlock.into())
}
