//! An output in a file: written once from its start, read from any line.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::FileExt;

use sha2::{Digest, Sha256};

use crate::tools::Budget;

/// The most that is kept of one output; less where tests write more.
const LARGEST: u64 = if cfg!(test) { 1 << 20 } else { 64 << 20 };

const BUFFER: usize = 64 * 1024;

/// Of every so many lines the place is remembered.
const STEP: u64 = 1024;

/// The file holds whole the beginning of the output, up to its limit.
///
/// It is written and read at places that are named each time: it has one offset of its own, which
/// a reader would move under the writer.
#[derive(Debug)]
pub(in crate::tools) struct Spool {
    id: String,
    file: File,
    bytes: u64,
    lines: u64,
    /// Where every `STEP`th line ends.
    steps: Vec<u64>,
    largest: u64,
    /// Why the file does not hold all that followed.
    lost: Option<String>,
    hash: Sha256,
}

impl Spool {
    pub(super) fn new(id: String, file: File) -> Self {
        let hash = Sha256::new();
        let steps = Vec::new();
        Self { id, file, bytes: 0, lines: 0, steps, largest: LARGEST, lost: None, hash }
    }

    /// One that was written before.
    pub(super) fn found(id: String, file: File) -> std::io::Result<Self> {
        let mut spool = Self::new(id, file);
        let mut buffer = vec![0; BUFFER];
        loop {
            match spool.file.read_at(&mut buffer, spool.bytes)? {
                0 => return Ok(spool),
                n => spool.count(&buffer[..n]),
            }
        }
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
        if let Err(err) = self.file.write_all_at(bytes, self.bytes) {
            // What was written of it is not counted, so it is not shown.
            self.lost = Some(format!("the output could not be written to disk: {err}"));
            return;
        }
        self.count(bytes);
    }

    /// So much more is in the file.
    fn count(&mut self, bytes: &[u8]) {
        for (at, _) in bytes.iter().enumerate().filter(|(_, it)| **it == b'\n') {
            self.lines += 1;
            if self.lines.is_multiple_of(STEP) {
                self.steps.push(self.bytes + at as u64 + 1);
            }
        }
        self.bytes += bytes.len() as u64;
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
        let before = first.saturating_sub(1);
        if self.all_lines() <= before {
            return Ok((String::new(), 0));
        }
        let known = usize::try_from(before / STEP).unwrap_or(usize::MAX).min(self.steps.len());
        let from = known.checked_sub(1).map_or(0, |it| self.steps[it]);
        let written = Written { file: &self.file, at: from }.take(self.bytes - from);
        let mut reader = BufReader::with_capacity(BUFFER, written);
        for _ in known as u64 * STEP..before {
            reader.skip_until(b'\n')?;
        }
        let mut line = Vec::new();
        let lines = std::iter::from_fn(|| {
            line.clear();
            match reader.read_until(b'\n', &mut line) {
                Ok(1..) => {
                    let text = String::from_utf8_lossy(&line);
                    Some(text.trim_end_matches('\n').to_owned())
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

/// A file from a place on, whoever else reads or writes it.
struct Written<'a> {
    file: &'a File,
    at: u64,
}

impl Read for Written<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let n = self.file.read_at(buffer, self.at)?;
        self.at += n as u64;
        Ok(n)
    }
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
    fn to_read_what_is_still_written_changes_nothing() {
        let mut spool = spool(1 << 20);
        let half = "0123456789abcde\n".repeat(8000);
        spool.write(half.as_bytes());
        assert_eq!(spool.page(1, Budget(16)).unwrap().1, 1);
        spool.write(half.as_bytes());
        let whole = spool.text(0, spool.bytes());
        assert_eq!((spool.all_lines(), whole == half.repeat(2)), (16_000, true));
    }

    #[test]
    fn a_page_anywhere_is_the_lines_of_that_number() {
        let mut spool = spool(1 << 20);
        let text: String = (1..=3000).map(|it| format!("{it}\n")).collect();
        // In pieces that end within lines.
        text.as_bytes().chunks(7).for_each(|it| spool.write(it));
        let found = Spool::found("c1".to_owned(), spool.file.try_clone().unwrap()).unwrap();
        for first in [1, 2, 1023, 1024, 1025, 2047, 2048, 2049, 2999, 3000] {
            let page = (format!("{first}\n"), 1);
            assert_eq!(spool.page(first, Budget(1)).unwrap(), page);
            assert_eq!(found.page(first, Budget(1)).unwrap(), page);
        }
    }

    #[test]
    fn a_line_far_behind_the_end_is_not_looked_for() {
        let mut spool = spool(100);
        let none = (String::new(), 0);
        assert_eq!(spool.page(u64::MAX, Budget(4)).unwrap(), none);
        spool.write(b"1\n2\n");
        assert_eq!(spool.page(u64::MAX, Budget(4)).unwrap(), none);
        // What someone else cut is gone, and is not looked for either.
        spool.file.set_len(0).unwrap();
        assert_eq!(spool.page(2, Budget(4)).unwrap(), none);
    }

    #[test]
    fn a_long_line_says_how_long_it_is() {
        let mut spool = spool(1 << 20);
        spool.write("x".repeat(9000).as_bytes());
        let (text, _) = spool.page(1, Budget(4)).unwrap();
        assert!(text.ends_with("x [… cut: the line has 9000 characters]\n"), "{text}");
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
