//! Contents by their hash, in one file that only grows.
//!
//! Each is there once, compressed where that helps. What is read is checked against its hash, so a
//! damaged content is a lost one, never a wrong one.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use crate::workspace::history::Access;
use crate::workspace::history::digest::Digest;

#[derive(Debug)]
pub(super) struct Pack {
    /// `None` where there is nothing to read, and nothing may be made.
    file: Option<File>,
    /// Where the file is known to be whole.
    end: u64,
    places: HashMap<Digest, Place>,
    /// Something was written that no sync covers.
    dirty: bool,
}

/// Where a content lies, and how long it is, kept and in full.
#[derive(Clone, Copy, Debug)]
struct Place {
    at: u64,
    kept: u32,
    full: u32,
}

/// Before each content: `MAGIC`, the hash, the two lengths, and a checksum over them.
const HEADER: usize = 4 + 32 + 4 + 4 + 4;
const MAGIC: &[u8; 4] = b"blob";

impl Pack {
    pub(super) fn open(path: &Path, access: Access) -> io::Result<Self> {
        let file = match access {
            Access::Look => match File::open(path) {
                Err(err) if err.kind() == io::ErrorKind::NotFound => None,
                file => Some(file?),
            },
            Access::Change => Some(
                OpenOptions::new()
                    .read(true)
                    .write(true)
                    .create(true)
                    .truncate(false)
                    .mode(0o600)
                    .custom_flags(rustix::fs::OFlags::NOFOLLOW.bits() as i32)
                    .open(path)?,
            ),
        };
        let mut pack = Self { file, end: 0, places: HashMap::new(), dirty: false };
        pack.find_all()?;
        // Who wrote what is there may have been killed before it was synced.
        pack.dirty = access == Access::Change && 0 < pack.end;
        Ok(pack)
    }

    /// Finds what is in the file. The first header that is not whole ends it: what follows was torn.
    fn find_all(&mut self) -> io::Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        let length = file.metadata()?.len();
        let mut header = [0; HEADER];
        while self.end + HEADER as u64 <= length {
            file.read_exact_at(&mut header, self.end)?;
            let Some((digest, kept, full)) = understood(&header) else { break };
            let at = self.end + HEADER as u64;
            if length < at + u64::from(kept) {
                break;
            }
            self.places.insert(digest, Place { at, kept, full });
            self.end = at + u64::from(kept);
        }
        Ok(())
    }

    pub(super) fn has(&self, digest: &Digest) -> bool {
        self.places.contains_key(digest)
    }

    /// In bytes.
    pub(super) fn length(&self) -> u64 {
        self.end
    }

    /// Keeps a content, also one of which a power cut has left no more than the place. It may still be
    /// lost with the power; see [`Self::sync`].
    pub(super) fn put(&mut self, digest: Digest, bytes: &[u8]) -> io::Result<()> {
        if self.get(&digest).is_some() {
            return Ok(());
        }
        let file = self.file.as_ref().ok_or(io::ErrorKind::ReadOnlyFilesystem)?;
        let full = u32::try_from(bytes.len()).map_err(|_| io::ErrorKind::FileTooLarge)?;
        let packed = lz4_flex::block::compress(bytes);
        let kept = if packed.len() < bytes.len() { &packed } else { bytes };
        let length = u32::try_from(kept.len()).map_err(|_| io::ErrorKind::FileTooLarge)?;
        let written = [&header(digest, length, full), kept].concat();
        if let Err(err) = file.write_all_at(&written, self.end) {
            // If this fails too, the next content is written over what is there now.
            let _ = file.set_len(self.end);
            return Err(err);
        }
        self.dirty = true;
        let place = Place { at: self.end + HEADER as u64, kept: length, full };
        self.places.insert(digest, place);
        self.end += written.len() as u64;
        Ok(())
    }

    /// The content, if it is here and what it was.
    pub(super) fn get(&self, digest: &Digest) -> Option<Vec<u8>> {
        let Place { at, kept, full } = *self.places.get(digest)?;
        let mut bytes = vec![0; kept as usize];
        self.file.as_ref()?.read_exact_at(&mut bytes, at).ok()?;
        if kept != full {
            bytes = lz4_flex::block::decompress(&bytes, full as usize).ok()?;
        }
        (Digest::of(&bytes) == *digest).then_some(bytes)
    }

    #[cfg(test)]
    pub(super) fn replace_file(&mut self, file: File) {
        self.file = Some(file);
    }

    /// Returns when all that was put will survive the loss of power.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        if self.dirty {
            self.file.as_ref().map_or(Ok(()), File::sync_data)?;
            self.dirty = false;
        }
        Ok(())
    }
}

fn header(digest: Digest, kept: u32, full: u32) -> [u8; HEADER] {
    let mut header = [0; HEADER];
    header[..4].copy_from_slice(MAGIC);
    header[4..36].copy_from_slice(&digest.0);
    header[36..40].copy_from_slice(&kept.to_le_bytes());
    header[40..44].copy_from_slice(&full.to_le_bytes());
    let checksum = crc32fast::hash(&header[..44]);
    header[44..].copy_from_slice(&checksum.to_le_bytes());
    header
}

fn understood(bytes: &[u8; HEADER]) -> Option<(Digest, u32, u32)> {
    let number = |at: usize| bytes[at..at + 4].try_into().map(u32::from_le_bytes).ok();
    let is_whole = bytes.starts_with(MAGIC) && number(44)? == crc32fast::hash(&bytes[..44]);
    let digest = Digest(bytes[4..36].try_into().ok()?);
    is_whole.then_some((digest, number(36)?, number(40)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_is_found_again_after_a_cut_at_any_byte() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pack");
        let all: [&[u8]; 4] = [b"", b"one", &[7; 300], b"\0\xff"];
        let mut pack = Pack::open(&path, Access::Change).unwrap();
        let mut ends = Vec::new();
        for bytes in all {
            pack.put(Digest::of(bytes), bytes).unwrap();
            pack.put(Digest::of(bytes), bytes).unwrap();
            ends.push(pack.end);
        }
        pack.sync().unwrap();
        let whole = std::fs::read(&path).unwrap();
        assert!(whole.len() < 4 * HEADER + 300, "it is compressed, and there once");
        for cut in 0..=whole.len() {
            std::fs::write(&path, &whole[..cut]).unwrap();
            let mut pack = Pack::open(&path, Access::Change).unwrap();
            for (bytes, end) in all.iter().zip(&ends) {
                let expected = (*end <= cut as u64).then(|| bytes.to_vec());
                assert_eq!(pack.get(&Digest::of(bytes)), expected, "cut at {cut}");
            }
            pack.put(Digest::of(b"after"), b"after").unwrap();
            let pack = Pack::open(&path, Access::Look).unwrap();
            assert_eq!(pack.get(&Digest::of(b"after")).unwrap(), b"after", "cut at {cut}");
        }
    }

    #[test]
    fn what_has_only_its_place_is_put_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pack");
        let bytes = b"some content, content, content";
        Pack::open(&path, Access::Change).unwrap().put(Digest::of(bytes), bytes).unwrap();
        let mut blanked = std::fs::read(&path).unwrap();
        blanked[HEADER..].fill(0);
        std::fs::write(&path, &blanked).unwrap();
        let mut pack = Pack::open(&path, Access::Change).unwrap();
        assert_eq!(pack.get(&Digest::of(bytes)), None);
        pack.put(Digest::of(bytes), bytes).unwrap();
        let pack = Pack::open(&path, Access::Look).unwrap();
        assert_eq!(pack.get(&Digest::of(bytes)).unwrap(), bytes);
    }

    #[test]
    fn a_flipped_bit_may_lose_a_content_and_never_changes_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pack");
        let bytes = b"some content, content, content";
        Pack::open(&path, Access::Change).unwrap().put(Digest::of(bytes), bytes).unwrap();
        let whole = std::fs::read(&path).unwrap();
        for bit in 0..whole.len() * 8 {
            let mut damaged = whole.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            std::fs::write(&path, &damaged).unwrap();
            let pack = Pack::open(&path, Access::Look).unwrap();
            let found = pack.get(&Digest::of(bytes));
            assert!(found.is_none_or(|it| it == bytes), "bit {bit}");
        }
    }
}
