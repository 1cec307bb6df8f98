//! The record of a partial file: what it will be, and which of its bytes are there. Lines are only
//! ever added, each behind its checksum; the rest of a torn file is not believed.
//!
//! Bytes that were written survive a killed process, but not a power cut; bytes that were synced
//! survive both. So a line says of which start of the machine it speaks, unless its bytes are synced.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::ops::Range;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::download::ranges::Ranges;

/// Lines after which the file is written anew.
const MANY: usize = 4096;

/// What the file will be, as far as it is known. Two that differ are two files.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct About {
    pub(super) size: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sha256: Option<String>,
    /// The server's name for this very content.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) version: Option<String>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    About(About),
    /// The start of the machine that the lines of written bytes speak of.
    Boot(String),
    Written(u64, u64),
    Synced(u64, u64),
}

#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    file: File,
    lines: usize,
    boot: String,
    about: About,
}

impl Journal {
    /// A new one in place of whatever was there; it speaks of no bytes yet.
    pub(super) fn begin(path: &Path, about: &About, boot: &str) -> io::Result<Self> {
        let file = write_anew(path, about, boot, &Ranges::default(), &Ranges::default())?;
        let (path, boot) = (path.to_owned(), boot.to_owned());
        Ok(Self { path, file, lines: 0, boot, about: about.clone() })
    }

    /// Goes on with the one that is there, and says which bytes are; `None` if there is none that
    /// could be believed.
    pub(super) fn resume(path: &Path, boot: &str) -> io::Result<Option<(Self, Ranges)>> {
        let text = match std::fs::read(path) {
            Ok(text) => text,
            Err(err) if err.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(err) => return Err(err),
        };
        let Some((about, written, synced)) = read(&text, boot) else { return Ok(None) };
        let file = write_anew(path, &about, boot, &written, &synced)?;
        let mut have = synced;
        written.iter().for_each(|it| have.add(it.clone()));
        let (path, boot) = (path.to_owned(), boot.to_owned());
        Ok(Some((Self { path, file, lines: 0, boot, about }, have)))
    }

    pub(super) fn about(&self) -> &About {
        &self.about
    }

    /// These bytes have been handed to the system.
    pub(super) fn written(&mut self, range: &Range<u64>) -> io::Result<()> {
        self.add(&Line::Written(range.start, range.end))
    }

    /// These bytes are on the disk.
    pub(super) fn synced(&mut self, ranges: &Ranges) -> io::Result<()> {
        ranges.iter().try_for_each(|it| self.add(&Line::Synced(it.start, it.end)))
    }

    /// Whether it has become long, and [`Journal::shorten`] is worth its time.
    pub(super) fn is_long(&self) -> bool {
        MANY <= self.lines
    }

    /// Says the same in fewer lines.
    pub(super) fn shorten(&mut self, written: &Ranges, synced: &Ranges) -> io::Result<()> {
        self.file = write_anew(&self.path, &self.about, &self.boot, written, synced)?;
        self.lines = 0;
        Ok(())
    }

    fn add(&mut self, line: &Line) -> io::Result<()> {
        self.lines += 1;
        self.file.write_all(spelt(line).as_bytes())
    }
}

fn write_anew(
    path: &Path,
    about: &About,
    boot: &str,
    written: &Ranges,
    synced: &Ranges,
) -> io::Result<File> {
    let mut text = spelt(&Line::About(about.clone())) + &spelt(&Line::Boot(boot.to_owned()));
    text.extend(synced.iter().map(|it| spelt(&Line::Synced(it.start, it.end))));
    text.extend(written.iter().map(|it| spelt(&Line::Written(it.start, it.end))));
    let draft = path.with_extension("draft");
    let flags = rustix::fs::OFlags::NOFOLLOW.bits().cast_signed();
    let mut options = OpenOptions::new();
    options.append(true).create(true).mode(0o600).custom_flags(flags);
    let mut file = options.open(&draft)?;
    // Whatever a killed process has left of a draft.
    file.set_len(0)?;
    file.write_all(text.as_bytes())?;
    std::fs::rename(&draft, path)?;
    Ok(file)
}

fn spelt(line: &Line) -> String {
    let text = serde_json::to_string(line).expect("a line is plain data");
    format!("{:08x} {text}\n", crc32fast::hash(text.as_bytes()))
}

/// What is said about, written in this start of the machine, and synced: as far as it is sound.
fn read(text: &[u8], boot: &str) -> Option<(About, Ranges, Ranges)> {
    let mut lines = text.split(|it| *it == b'\n').map_while(understood);
    let Line::About(about) = lines.next()? else { return None };
    let (mut written, mut synced) = (Ranges::default(), Ranges::default());
    let mut is_now = false;
    for line in lines {
        match line {
            Line::Boot(it) => is_now = it == boot,
            Line::Written(start, end) if is_now && start < end => written.add(start..end),
            Line::Synced(start, end) if start < end => synced.add(start..end),
            Line::About(_) | Line::Written(..) | Line::Synced(..) => {}
        }
    }
    written.cut(about.size);
    synced.cut(about.size);
    Some((about, written, synced))
}

fn understood(line: &[u8]) -> Option<Line> {
    let (sum, text) = line.split_at_checked(9)?;
    let sum = u32::from_str_radix(str::from_utf8(&sum[..8]).ok()?, 16).ok()?;
    if sum != crc32fast::hash(text) {
        return None;
    }
    serde_json::from_slice(text).ok()
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn about() -> About {
        About { size: 1000, sha256: None, version: Some("\"v1\"".to_owned()) }
    }

    fn written() -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.journal");
        let mut journal = Journal::begin(&path, &about(), "monday").unwrap();
        journal.written(&(0..100)).unwrap();
        journal.written(&(500..600)).unwrap();
        let mut synced = Ranges::default();
        synced.add(0..100);
        journal.synced(&synced).unwrap();
        journal.written(&(100..150)).unwrap();
        (dir, path)
    }

    #[track_caller]
    fn check(path: &Path, boot: &str, expected: Expect) {
        let told = Journal::resume(path, boot).unwrap().map(|(journal, have)| {
            assert_eq!(*journal.about(), about());
            have.iter().map(|it| format!("{it:?}")).collect::<Vec<_>>().join(" ")
        });
        expected.assert_eq(&told.unwrap_or("nothing".to_owned()));
    }

    #[test]
    fn a_killed_process_has_lost_nothing() {
        let (_dir, path) = written();
        check(&path, "monday", expect!["0..150 500..600"]);
        check(&path, "monday", expect!["0..150 500..600"]);
    }

    #[test]
    fn after_a_power_cut_only_what_was_synced_is_believed() {
        let (_dir, path) = written();
        check(&path, "tuesday", expect!["0..100"]);
        // What was not believed once is not believed later.
        check(&path, "monday", expect!["0..100"]);
    }

    #[test]
    fn a_torn_journal_is_believed_as_far_as_it_is_sound() {
        let (_dir, path) = written();
        let whole = std::fs::read(&path).unwrap();
        let mut least = u64::MAX;
        for cut in (0..whole.len()).rev() {
            std::fs::write(&path, &whole[..cut]).unwrap();
            let total = Journal::resume(&path, "monday").unwrap().map_or(0, |it| it.1.total());
            assert!(total <= least, "cut at {cut}");
            least = total;
        }
        assert_eq!(least, 0);
    }

    #[test]
    fn a_line_that_was_changed_is_the_last_one() {
        let (_dir, path) = written();
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, text.replace("500,600", "500,900")).unwrap();
        check(&path, "monday", expect!["0..100"]);
        std::fs::write(&path, "anything\n").unwrap();
        check(&path, "monday", expect!["nothing"]);
    }
}
