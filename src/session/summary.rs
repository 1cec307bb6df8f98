//! What a list of sessions shows of one, read from the beginning of its file.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::session::line;
use crate::session::record::Record;

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Summary {
    pub(crate) id: String,
    /// `None` if the journal does not say.
    pub(crate) project: Option<PathBuf>,
    /// The beginning of the first prompt.
    pub(crate) title: String,
    pub(crate) modified: SystemTime,
    /// How many prompts there are; `None` if that would need more than a look at the beginning.
    pub(crate) prompts: Option<usize>,
    pub(crate) path: PathBuf,
}

/// The first prompt is looked for no further than this; the usual system prompt is shorter by far.
const BEGINNING: u64 = 256 * 1024;

/// A journal of this length is read to its end, so that its prompts can be counted.
const SHORT: u64 = 16 * 1024;

const TITLE_WIDTH: usize = 60;

impl Summary {
    pub(crate) fn read(id: &str, path: &Path, modified: SystemTime) -> io::Result<Self> {
        let file = File::open(path)?;
        let short = file.metadata()?.len() <= SHORT;
        let mut summary = Self {
            id: id.to_owned(),
            project: None,
            title: String::new(),
            modified,
            prompts: short.then_some(0),
            path: path.to_owned(),
        };
        let mut journal = BufReader::new(file.take(BEGINNING));
        let mut bytes = Vec::new();
        while 0 < journal.read_until(b'\n', &mut bytes)? {
            let record = line::decode(&bytes).and_then(|(it, _)| it.record);
            let prompted = matches!(record, Some(Record::Prompt { .. }));
            if !bytes.ends_with(b"\n")
                && let Some(text) = beginning_of_prompt(&bytes)
            {
                // Longer than what is looked at.
                summary.take(Some(Record::Prompt { text }));
                break;
            }
            summary.take(record);
            if prompted && !short {
                break;
            }
            bytes.clear();
        }
        Ok(summary)
    }

    fn take(&mut self, record: Option<Record>) {
        match record {
            Some(Record::Header(header)) if !header.project.is_empty() => {
                self.project = Some(PathBuf::from(header.project));
            }
            Some(Record::Prompt { text }) => {
                if self.title.is_empty() {
                    self.title = title(&text);
                }
                self.prompts = self.prompts.map(|it| it + 1);
            }
            _ => {}
        }
    }
}

/// How a line goes on that holds a prompt.
const PROMPT: &[u8] = br#""entry":{"kind":"prompt","text":""#;

/// The first words of a prompt whose line is not there to its end.
fn beginning_of_prompt(line: &[u8]) -> Option<String> {
    let from = memchr::memmem::find(line, PROMPT)? + PROMPT.len();
    let text = line.get(from..from + 4096)?;
    // The cut may lie in the middle of a letter or of an escape of up to twelve.
    let whole = |length| {
        let quoted = [b"\"", &text[..length], b"\""].concat();
        serde_json::from_slice(&quoted).ok()
    };
    (text.len() - 12..=text.len()).rev().find_map(whole)
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
