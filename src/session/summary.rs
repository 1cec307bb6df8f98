//! What a list of sessions shows of one.
//!
//! It is gathered by one look over the whole file, in which few records are looked into. Of a long
//! file is kept what was found, and since a file only grows, the next look begins where that ended.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Seek, SeekFrom, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::session::line;
use crate::session::record::Record;

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Summary {
    pub(crate) id: String,
    /// What the person calls it.
    pub(crate) name: Option<String>,
    /// `None` if the journal does not say.
    pub(crate) project: Option<PathBuf>,
    /// The beginning of the first prompt.
    pub(crate) title: String,
    pub(crate) modified: SystemTime,
    /// How many prompts there are, those that were given up too.
    pub(crate) prompts: usize,
    pub(crate) path: PathBuf,
}

/// So many new bytes make it worth to keep what was found.
const LONG: u64 = 256 * 1024;

/// So many bytes before the end of a look tell whether the file is the same.
const MARK: u64 = 64;

/// How the name of the file ends in which it is kept, beside the journal.
pub(super) const KEPT: &str = "summary";

const TITLE_WIDTH: usize = 60;

/// What was found up to there. It is made again whenever it cannot be read.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
struct Found {
    /// Where the look ended, behind a newline.
    end: u64,
    /// A checksum of the bytes before `end`.
    mark: u32,
    name: String,
    project: String,
    title: String,
    prompts: usize,
}

impl Summary {
    /// What a list calls it: its name and its title, as far as it has them.
    pub(crate) fn called(&self) -> String {
        match &self.name {
            Some(name) if self.title.is_empty() => format!("[{name}]"),
            Some(name) => format!("[{name}] {}", self.title),
            None => self.title.clone(),
        }
    }

    /// Whether the session was held in this project, or may have been. A journal is text, and holds
    /// a path that is none as well as it can.
    pub(crate) fn belongs_to(&self, project: &Path) -> bool {
        let known = self.project.as_ref();
        known.is_none_or(|it| it.to_string_lossy() == project.to_string_lossy())
    }

    pub(crate) fn read(id: &str, path: &Path, modified: SystemTime) -> io::Result<Self> {
        let file = File::open(path)?;
        let found = Found::kept(path, &file).unwrap_or_default();
        let before = found.end;
        let (found, rest) = found.look(&file)?;
        if LONG <= found.end - before {
            // It is a comfort: the next look is longer without it.
            let _ = found.keep(path);
        }
        let Found { name, project, title, prompts, .. } = rest;
        Ok(Self {
            id: id.to_owned(),
            name: Some(name).filter(|it| !it.is_empty()),
            project: Some(PathBuf::from(project)).filter(|it| *it != Path::new("")),
            title,
            modified,
            prompts,
            path: path.to_owned(),
        })
    }
}

impl Found {
    /// What an earlier look has found, if the file is still what it was up to there.
    fn kept(path: &Path, file: &File) -> Option<Self> {
        let kept = fs::read(path.with_extension(KEPT)).ok()?;
        let kept: Self = serde_json::from_slice(&kept).ok()?;
        (mark(file, kept.end).ok()? == kept.mark).then_some(kept)
    }

    fn keep(&self, path: &Path) -> io::Result<()> {
        let kept = path.with_extension(KEPT);
        // Another program may keep the same at this moment.
        let new = path.with_extension(format!("{KEPT}-{}", std::process::id()));
        let _ = fs::remove_file(&new);
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
        file.write_all(&serde_json::to_vec(self)?)?;
        fs::rename(new, kept)
    }

    /// Goes on to the end of the file: what holds up to the last newline, and with what follows it.
    fn look(mut self, mut file: &File) -> io::Result<(Self, Self)> {
        file.seek(SeekFrom::Start(self.end))?;
        let mut journal = BufReader::with_capacity(1 << 16, file);
        let (mut bytes, mut rest) = (Vec::new(), None);
        while 0 < journal.read_until(b'\n', &mut bytes)? {
            if bytes.ends_with(b"\n") {
                self.take(&bytes);
                self.end += bytes.len() as u64;
            } else {
                let mut more = self.clone();
                more.take(&bytes);
                rest = Some(more);
            }
            bytes.clear();
        }
        self.mark = mark(file, self.end)?;
        let rest = rest.unwrap_or_else(|| self.clone());
        Ok((self, rest))
    }

    fn take(&mut self, bytes: &[u8]) {
        match kind(bytes) {
            Some(b"prompt") if !self.title.is_empty() => self.prompts += 1,
            // Where it is not found it may stand further behind.
            Some(b"prompt" | b"header" | b"named") | None => {
                match line::decode(bytes).and_then(|(it, _)| it.record) {
                    Some(Record::Header(header)) => self.project = header.project,
                    Some(Record::Named { name }) => self.name = name,
                    Some(Record::Prompt { text }) => {
                        self.title = title(&text);
                        self.prompts += 1;
                    }
                    _ => {}
                }
            }
            Some(_) => {}
        }
    }
}

/// The kind of the record in a line, which stands near its beginning.
fn kind(line: &[u8]) -> Option<&[u8]> {
    const ENTRY: &[u8] = br#""entry":{"kind":""#;
    let near = &line[..line.len().min(192)];
    let from = memchr::memmem::find(near, ENTRY)? + ENTRY.len();
    let length = memchr::memchr(b'"', &near[from..])?;
    Some(&near[from..from + length])
}

fn mark(file: &File, end: u64) -> io::Result<u32> {
    let mut bytes = vec![0; end.min(MARK) as usize];
    let from = end - bytes.len() as u64;
    file.read_exact_at(&mut bytes, from)?;
    Ok(crc32fast::hash(&bytes))
}

/// The first line that says something, cut to the width of a list.
fn title(prompt: &str) -> String {
    let line = prompt.lines().map(str::trim).find(|it| !it.is_empty()).unwrap_or_default();
    match line.char_indices().nth(TITLE_WIDTH) {
        None => line.to_owned(),
        Some(_) => {
            let kept: String = line.chars().take(TITLE_WIDTH - 1).collect();
            format!("{}…", kept.trim_end())
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[track_caller]
    fn check(prompt: &str, expected: Expect) {
        expected.assert_eq(&title(prompt));
    }

    #[test]
    fn a_title_is_the_first_line_that_says_something() {
        check("\n   \n  Fix the build \nIt fails.", expect!["Fix the build"]);
        check(" \n", expect![]);
    }

    #[test]
    fn a_prompt_of_megabytes_has_a_title_too() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal");
        for escape in ["é", "\n", "\u{1f600}", "\u{1}", "\\"] {
            let text = format!("review this{}", escape.repeat(1 << 20));
            let line = line::encode(2, 8, None, &Record::Prompt { text });
            std::fs::write(&path, line).unwrap();
            let summary = Summary::read("id", &path, SystemTime::UNIX_EPOCH).unwrap();
            assert!(summary.title.starts_with("review this"), "{:?}", summary.title);
        }
    }

    fn read(path: &Path) -> Summary {
        Summary::read("id", path, SystemTime::UNIX_EPOCH).unwrap()
    }

    /// A journal of a header, so many prompts, and a name.
    fn long(prompts: u64) -> String {
        let prompt = |seq| {
            let text = format!("prompt {seq} {}", "x".repeat(1000));
            line::encode(seq, 1, None, &Record::Prompt { text })
        };
        let name = Record::Named { name: "long".to_owned() };
        (1..=prompts).map(prompt).chain([line::encode(prompts + 1, 1, None, &name)]).collect()
    }

    #[test]
    fn what_was_found_in_a_long_file_is_kept_and_gone_on_from() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("id.jsonl");
        let text = long(400);
        fs::write(&path, &text).unwrap();
        let first = read(&path);
        assert_eq!((first.prompts, first.name.as_deref()), (400, Some("long")));
        let kept = path.with_extension(KEPT);
        assert!(kept.exists());
        assert_eq!(read(&path), first);

        // What was found is believed, so a look is short.
        let told = fs::read_to_string(&kept).unwrap();
        fs::write(&kept, told.replace(r#""prompts":400"#, r#""prompts":4000"#)).unwrap();
        let more = line::encode(402, 1, None, &Record::Prompt { text: "more".to_owned() });
        fs::write(&path, text.clone() + &more).unwrap();
        assert_eq!(read(&path).prompts, 4001);

        // But not of another file, nor of one that became shorter.
        fs::write(&path, text.replace("long", "gone") + &more).unwrap();
        assert_eq!(read(&path).prompts, 401);
        fs::write(&path, long(3)).unwrap();
        assert_eq!(read(&path).prompts, 3);
        fs::write(&kept, "{").unwrap();
        assert_eq!(read(&path).prompts, 3);
    }

    #[test]
    fn a_short_file_has_nothing_beside_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("id.jsonl");
        fs::write(&path, long(3)).unwrap();
        assert_eq!(read(&path).prompts, 3);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_long_title_is_cut_between_characters() {
        check(
            &"é".repeat(60),
            expect!["éééééééééééééééééééééééééééééééééééééééééééééééééééééééééééé"],
        );
        check(
            &"é".repeat(61),
            expect!["ééééééééééééééééééééééééééééééééééééééééééééééééééééééééééé…"],
        );
    }
}
