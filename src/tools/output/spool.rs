//! An output in a file: written once from its start, read from any line.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;

use sha2::{Digest, Sha256};

use crate::tools::Budget;
use crate::tools::budget::clip;

/// The most that is kept of one output; less where tests write more.
const LARGEST: u64 = if cfg!(test) { 1 << 20 } else { 64 << 20 };

/// The most characters of one line that are shown.
const LINE: usize = 4000;

/// The file holds whole the beginning of the output, up to its limit.
#[derive(Debug)]
pub(in crate::tools) struct Spool {
    id: String,
    file: File,
    bytes: u64,
    lines: u64,
    largest: u64,
    /// Why the file does not hold all that followed.
    lost: Option<String>,
    hash: Sha256,
}

impl Spool {
    pub(super) fn new(id: String, file: File) -> Self {
        let hash = Sha256::new();
        Self { id, file, bytes: 0, lines: 0, largest: LARGEST, lost: None, hash }
    }

    /// One that was written before.
    pub(super) fn found(id: String, file: File) -> std::io::Result<Self> {
        let mut spool = Self::new(id, file);
        let mut reader = BufReader::new(&spool.file);
        let mut buffer = vec![0; 64 * 1024];
        loop {
            match reader.read(&mut buffer)? {
                0 => break,
                n => {
                    spool.bytes += n as u64;
                    spool.lines += newlines(&buffer[..n]);
                }
            }
        }
        Ok(spool)
    }

    pub(in crate::tools) fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Lines that are finished.
    pub(super) fn lines(&self) -> u64 {
        self.lines
    }

    pub(super) fn lost(&self) -> Option<&str> {
        self.lost.as_deref()
    }

    /// Tells equal outputs from others.
    pub(in crate::tools) fn digest(&self) -> Vec<u8> {
        self.hash.clone().finalize().to_vec()
    }

    pub(super) fn write(&mut self, bytes: &[u8]) {
        self.hash.update(bytes);
        if self.lost.is_some() || bytes.is_empty() {
            return;
        }
        if self.largest < self.bytes + bytes.len() as u64 {
            self.lost = Some(format!("the output is longer than {} MiB", self.largest >> 20));
            return;
        }
        if let Err(err) = self.file.write_all(bytes) {
            // What was written of it is not counted, so it is not shown.
            self.lost = Some(format!("the output could not be written to disk: {err}"));
            return;
        }
        self.bytes += bytes.len() as u64;
        self.lines += newlines(bytes);
    }

    pub(super) fn read(&self, from: u64, length: u64) -> Vec<u8> {
        let mut bytes = vec![0; usize::try_from(length).unwrap_or_default()];
        match self.file.read_exact_at(&mut bytes, from) {
            Ok(()) => bytes,
            // The file was cut by someone else; what it held is gone.
            Err(_) => Vec::new(),
        }
    }

    pub(super) fn text(&self, from: u64, length: u64) -> String {
        String::from_utf8_lossy(&self.read(from, length)).into_owned()
    }

    /// As many lines from the `first` on, counted from 1, as fit; and how many that are.
    pub(in crate::tools) fn page(
        &self,
        first: u64,
        budget: Budget,
    ) -> std::io::Result<(String, u64)> {
        let mut reader = BufReader::with_capacity(64 * 1024, self.file.try_clone()?);
        reader.seek(SeekFrom::Start(0))?;
        let mut line = Vec::new();
        for _ in 1..first {
            line.clear();
            reader.read_until(b'\n', &mut line)?;
        }
        let lines = std::iter::from_fn(|| {
            line.clear();
            match reader.read_until(b'\n', &mut line) {
                Ok(1..) => {
                    let text = String::from_utf8_lossy(&line);
                    Some(clip(text.trim_end_matches('\n'), LINE).into_owned())
                }
                _ => None,
            }
        });
        let (text, taken) = budget.take(lines);
        Ok((text, taken as u64))
    }

    /// All lines, with the one that has no end.
    pub(in crate::tools) fn all_lines(&self) -> u64 {
        let last = self.read(self.bytes.saturating_sub(1), self.bytes.min(1));
        self.lines + u64::from(last.first().is_some_and(|it| *it != b'\n'))
    }
}

fn newlines(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|it| **it == b'\n').count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spool(largest: u64) -> Spool {
        let dir = tempfile::tempdir().unwrap();
        Spool { largest, ..Spool::new("c1".to_owned(), tempfile::tempfile_in(dir.path()).unwrap()) }
    }

    #[test]
    fn a_page_is_as_many_lines_as_fit() {
        let mut spool = spool(100);
        spool.write(b"1\n2\n3\n4");
        assert_eq!(spool.page(2, Budget(4)).unwrap(), ("2\n3\n".to_owned(), 2));
        assert_eq!(spool.page(4, Budget(4)).unwrap(), ("4\n".to_owned(), 1));
        assert_eq!(spool.page(5, Budget(4)).unwrap(), (String::new(), 0));
        assert_eq!(spool.all_lines(), 4);
    }

    #[test]
    fn what_is_too_long_ends_where_it_was_whole() {
        let mut spool = spool(8);
        spool.write(b"one\ntwo\n");
        assert_eq!(spool.lost(), None);
        spool.write(b"three\n");
        spool.write(b"4\n");
        assert!(spool.lost().is_some());
        assert_eq!(spool.page(1, Budget(40)).unwrap(), ("one\ntwo\n".to_owned(), 2));
    }
}
