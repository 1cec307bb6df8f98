//! A file that is not whole yet: it lies beside its place, belongs to one process, and knows by its
//! journal which of its bytes are there.

use std::ffi::OsString;
use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::ops::Range;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::download::DownloadError;
use crate::download::journal::{About, Journal};
use crate::download::ranges::Ranges;

/// Bytes written since the last time that are worth a sync.
const UNSYNCED: u64 = 64 * 1024 * 1024;

/// Held open and locked as long as this lives.
#[derive(Debug)]
pub(super) struct Partial {
    path: PathBuf,
    file: File,
    journal: Journal,
    have: Ranges,
    synced: Ranges,
    unsynced: u64,
    /// Nothing more is put down.
    is_in_doubt: bool,
}

/// What came of the wish to own a partial file.
pub(super) enum Claimed {
    /// It is ours. Nobody else writes to it until we close it.
    Ours(File),
    /// Another process is fetching it.
    Theirs,
}

/// Where what has come of the file at `to` lies until it is whole.
pub(super) fn partial_of(to: &Path) -> PathBuf {
    with_ending(to, ".partial")
}

fn journal_of(partial: &Path) -> PathBuf {
    with_ending(partial, ".journal")
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut path = OsString::from(path);
    path.push(ending);
    PathBuf::from(path)
}

/// Removes what has come of the file at `to`; how many bytes that frees. What another process is
/// fetching is left alone, and `None`.
pub(crate) fn discard(to: &Path) -> Result<Option<u64>, DownloadError> {
    let partial = partial_of(to);
    if !partial.exists() {
        return Ok(Some(0));
    }
    match claim(&partial)? {
        Claimed::Theirs => Ok(None),
        Claimed::Ours(file) => {
            let freed = file.metadata().map_or(0, |it| it.blocks() * 512);
            remove(&partial).map_err(DownloadError::disk("remove", &partial))?;
            Ok(Some(freed))
        }
    }
}

/// The journal goes last: without its file it is believed by nobody.
fn remove(partial: &Path) -> io::Result<()> {
    std::fs::remove_file(partial)?;
    match std::fs::remove_file(journal_of(partial)) {
        Err(err) if err.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

/// Opens and locks it, made if need be.
pub(super) fn claim(partial: &Path) -> Result<Claimed, DownloadError> {
    let cannot = || DownloadError::disk("open", partial);
    loop {
        let flags = rustix::fs::OFlags::NOFOLLOW.bits().cast_signed();
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let file = options.mode(0o644).custom_flags(flags).open(partial).map_err(cannot())?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(Claimed::Theirs),
            Err(TryLockError::Error(err)) => return Err(DownloadError::disk("lock", partial)(err)),
        }
        // Whoever had it may have made it whole, or thrown it away, while we opened it.
        if is_at(&file, partial) {
            return Ok(Claimed::Ours(file));
        }
    }
}

/// Whether it is this file that has the name.
fn is_at(file: &File, path: &Path) -> bool {
    let (ours, there) = (file.metadata(), path.symlink_metadata());
    ours.is_ok_and(|ours| {
        there.is_ok_and(|there| (ours.dev(), ours.ino()) == (there.dev(), there.ino()))
    })
}

impl Partial {
    /// Goes on with what `file` and its journal hold, if that is part of what is wanted now; else
    /// from the beginning. `is_same` judges by what was known when it was begun.
    pub(super) fn open(
        to: &Path,
        file: &File,
        boot: &str,
        is_same: impl FnOnce(&About) -> bool,
    ) -> Result<Option<Self>, DownloadError> {
        let path = partial_of(to);
        let journal = journal_of(&path);
        let resumed = Journal::resume(&journal, boot);
        let resumed = resumed.map_err(DownloadError::disk("read", &journal))?;
        let Some((journal, have)) = resumed.filter(|(it, _)| is_same(it.about())) else {
            return Ok(None);
        };
        // A journal that is left beside another file speaks of bytes that are not there.
        let length = file.metadata().map_or(0, |it| it.len());
        if length != journal.about().size {
            return Ok(None);
        }
        let file = file.try_clone().map_err(DownloadError::disk("open", &path))?;
        let synced = Ranges::default();
        Ok(Some(Self { path, file, journal, have, synced, unsynced: 0, is_in_doubt: false }))
    }

    /// Begins anew in `file`.
    pub(super) fn begin(
        to: &Path,
        file: &File,
        boot: &str,
        about: &About,
    ) -> Result<Self, DownloadError> {
        let path = partial_of(to);
        let file = file.try_clone().map_err(DownloadError::disk("open", &path))?;
        // First nothing is claimed, then the bytes go.
        let journal = Journal::begin(&journal_of(&path), about, boot);
        let journal = journal.map_err(DownloadError::disk("write beside", &path))?;
        let emptied = file.set_len(0).and_then(|()| file.set_len(about.size));
        emptied.map_err(DownloadError::disk("write", &path))?;
        let (have, synced) = (Ranges::default(), Ranges::default());
        Ok(Self { path, file, journal, have, synced, unsynced: 0, is_in_doubt: false })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn about(&self) -> &About {
        self.journal.about()
    }

    pub(super) fn have(&self) -> &Ranges {
        &self.have
    }

    /// Another handle of the file, to read what was written.
    pub(super) fn reader(&self) -> Result<File, DownloadError> {
        self.file.try_clone().map_err(DownloadError::disk("open", &self.path))
    }

    pub(super) fn write(&self, at: u64, bytes: &[u8]) -> Result<(), DownloadError> {
        self.file.write_all_at(bytes, at).map_err(DownloadError::disk("write", &self.path))
    }

    /// Puts down that these bytes were written.
    pub(super) fn note(&mut self, range: Range<u64>) -> Result<(), DownloadError> {
        if self.is_in_doubt {
            return Ok(());
        }
        let cannot = || DownloadError::disk("write beside", &self.path);
        self.journal.written(&range).map_err(cannot())?;
        self.unsynced += range.end - range.start;
        self.have.add(range);
        if self.journal.is_long() {
            self.journal.shorten(&self.have, &self.synced).map_err(cannot())?;
        }
        Ok(())
    }

    /// What should be synced, now and then: the file, and what is sure once that is done.
    pub(super) fn due(&mut self) -> Option<(File, Ranges)> {
        if self.unsynced < UNSYNCED {
            return None;
        }
        let file = self.file.try_clone().ok()?;
        self.unsynced = 0;
        Some((file, self.have.clone()))
    }

    /// Puts down that these bytes are on the disk, if they are.
    pub(super) fn note_synced(
        &mut self,
        outcome: io::Result<()>,
        ranges: Ranges,
    ) -> Result<(), DownloadError> {
        if let Err(err) = outcome {
            self.doubt();
            return Err(DownloadError::disk("sync", &self.path)(err));
        }
        self.journal.synced(&ranges).map_err(DownloadError::disk("write beside", &self.path))?;
        self.synced = ranges;
        Ok(())
    }

    /// What could not be written may read as if it had been, as long as the system keeps it in memory:
    /// only what was synced before is believed from now on.
    fn doubt(&mut self) {
        self.is_in_doubt = true;
        self.have = self.synced.clone();
        // A disk that takes nothing may not take this either; then the hash tells.
        let _ = self.journal.shorten(&Ranges::default(), &self.synced);
    }

    /// All is there and right: gives it its name, for good.
    pub(super) fn finish(mut self, to: &Path, size: u64) -> Result<(), DownloadError> {
        if let Err(err) = self.file.set_len(size).and_then(|()| self.file.sync_all()) {
            self.doubt();
            return Err(DownloadError::disk("write", &self.path)(err));
        }
        if !is_at(&self.file, &self.path) {
            let err = io::Error::other("another file was put in its place");
            return Err(DownloadError::disk("keep", &self.path)(err));
        }
        std::fs::rename(&self.path, to).map_err(DownloadError::disk("make", to))?;
        // Without its file it is believed by nobody, so that it may stay if it must.
        let _ = std::fs::remove_file(journal_of(&self.path));
        let folder = to.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let synced = File::open(folder).and_then(|it| it.sync_all());
        synced.map_err(DownloadError::disk("sync", folder))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partial_file_has_one_owner() {
        let dir = tempfile::tempdir().unwrap();
        let to = dir.path().join("model");
        let partial = partial_of(&to);
        let first = claim(&partial).unwrap();
        assert!(matches!(first, Claimed::Ours(_)));
        assert!(matches!(claim(&partial).unwrap(), Claimed::Theirs));
        assert_eq!(discard(&to).unwrap(), None);
        drop(first);
        assert!(matches!(claim(&partial).unwrap(), Claimed::Ours(_)));
        assert_eq!(discard(&to).unwrap(), Some(0));
        assert_eq!(dir.path().read_dir().unwrap().count(), 0);
    }

    #[test]
    fn a_journal_beside_another_file_is_not_believed() {
        let dir = tempfile::tempdir().unwrap();
        let to = dir.path().join("model");
        let about = About { size: 10, sha256: None, version: None };
        let Claimed::Ours(file) = claim(&partial_of(&to)).unwrap() else { panic!("it is new") };
        let mut partial = Partial::begin(&to, &file, "monday", &about).unwrap();
        partial.write(0, b"12345").unwrap();
        partial.note(0..5).unwrap();
        drop((partial, file));
        let open = || {
            let Claimed::Ours(file) = claim(&partial_of(&to)).unwrap() else { panic!("held") };
            Partial::open(&to, &file, "monday", |_| true).unwrap()
        };
        assert_eq!(open().unwrap().have().total(), 5);
        std::fs::write(partial_of(&to), "12345").unwrap();
        assert!(open().is_none());
    }

    fn begun(to: &Path) -> Partial {
        let about = About { size: 10, sha256: None, version: None };
        let Claimed::Ours(file) = claim(&partial_of(to)).unwrap() else { panic!("it is new") };
        Partial::begin(to, &file, "monday", &about).unwrap()
    }

    #[test]
    fn what_could_not_be_synced_is_not_believed() {
        let dir = tempfile::tempdir().unwrap();
        let to = dir.path().join("model");
        let mut partial = begun(&to);
        partial.write(0, b"1234567890").unwrap();
        partial.note(0..4).unwrap();
        partial.note_synced(Ok(()), partial.have().clone()).unwrap();
        partial.note(4..10).unwrap();
        let full = Err(io::ErrorKind::StorageFull.into());
        let err = partial.note_synced(full, partial.have().clone()).unwrap_err();
        assert!(matches!(err, DownloadError::Disk { deed: "sync", .. }), "{err}");
        // Who is stopped by it puts down what it has.
        partial.note(4..10).unwrap();
        drop(partial);
        for boot in ["monday", "tuesday"] {
            let (_, have) = Journal::resume(&journal_of(&partial_of(&to)), boot).unwrap().unwrap();
            assert_eq!(have.total(), 4, "{boot}");
        }
    }

    #[test]
    fn what_lies_in_its_place_by_then_does_not_get_its_name() {
        let dir = tempfile::tempdir().unwrap();
        let to = dir.path().join("model");
        let partial = begun(&to);
        std::fs::remove_file(partial_of(&to)).unwrap();
        std::fs::write(partial_of(&to), "another").unwrap();
        partial.finish(&to, 10).unwrap_err();
        assert!(!to.exists());
    }

    #[test]
    fn a_link_in_its_place_is_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let to = dir.path().join("model");
        std::os::unix::fs::symlink(dir.path().join("victim"), partial_of(&to)).unwrap();
        assert!(claim(&partial_of(&to)).is_err());
        assert!(!dir.path().join("victim").exists());
    }
}
