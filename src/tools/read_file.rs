//! `read_file`: files with line numbers, in ranges where they are long.

use std::fmt::Write as _;
use std::ops;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};

use crate::tools::answer::{Answer, count};
use crate::tools::seen::Seen;
use crate::tools::{Budget, Failure, large_file, list_files, lookup};
use crate::workspace::{Cancel, Content, Encoding, FileError, Workspace};

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    #[serde(alias = "path", deserialize_with = "one_or_more")]
    paths: Vec<String>,
    /// From 1.
    start_line: Option<u32>,
    end_line: Option<u32>,
}

/// The most files in one call.
const MOST: usize = 20;

/// A path by itself has one reading.
fn one_or_more<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Paths {
        One(String),
        More(Vec<String>),
    }
    Ok(match Paths::deserialize(deserializer)? {
        Paths::One(path) => vec![path],
        Paths::More(paths) => paths,
    })
}

/// The lines that are asked for, from 1, both included.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Range {
    pub(super) first: usize,
    pub(super) last: usize,
}

/// What a file is read with.
#[derive(Clone, Copy)]
struct Desk<'a> {
    workspace: &'a Workspace,
    seen: &'a Seen,
    cancel: &'a Cancel,
}

pub(super) fn read(
    workspace: &Workspace,
    seen: &Seen,
    budget: Budget,
    cancel: &Cancel,
    args: Args,
) -> Result<Answer, Failure> {
    let range = Range {
        first: args.start_line.map_or(1, |it| it.max(1) as usize),
        last: args.end_line.map_or(usize::MAX, |it| it as usize),
    };
    if range.last < range.first {
        let (first, last) = (range.first, range.last);
        let text = format!("end_line {last} lies before start_line {first}");
        return Err(Failure::new(text, "no such lines"));
    }
    let desk = Desk { workspace, seen, cancel };
    match &args.paths[..] {
        [] => Err(Failure::new("`paths` is empty: name at least one file", "no file")),
        [path] => read_one(desk, budget, path, range),
        paths if MOST < paths.len() => {
            let text = format!("{} files are too many: read at most {MOST} at once", paths.len());
            Err(Failure::new(text, "too many files"))
        }
        paths => read_several(desk, budget, paths, range),
    }
}

/// One section for each; a file that cannot be read does not keep the others from being shown.
fn read_several(
    desk: Desk<'_>,
    budget: Budget,
    paths: &[String],
    range: Range,
) -> Result<Answer, Failure> {
    let (mut text, mut read) = (String::new(), 0);
    for path in paths {
        let section = read_one(desk, budget.share(paths.len()), path, range);
        read += usize::from(section.is_ok());
        let section = section.map_or_else(|it| it.text + "\n", |it| it.text);
        let _ = write!(text, "== {path} ==\n{section}");
    }
    if read == 0 {
        return Err(Failure::new(text, "none was read"));
    }
    let failed = paths.len() - read;
    let gist = if failed == 0 { String::new() } else { format!(", {failed} not read") };
    Ok(Answer { text, gist: count(read, "file") + &gist })
}

fn read_one(
    Desk { workspace, seen, cancel }: Desk<'_>,
    budget: Budget,
    given: &str,
    range: Range,
) -> Result<Answer, Failure> {
    let path = workspace.path(given)?;
    let file = match workspace.read(&path) {
        Ok(file) => file,
        Err(FileError::Directory(path)) => {
            return list_files::tree(workspace, budget, cancel, &path, 1);
        }
        Err(FileError::Missing(path)) => return Err(lookup::missing(workspace, cancel, &path)),
        Err(FileError::TooLarge(path, size)) => {
            return large_file::read(workspace, budget, cancel, (&path, size), range);
        }
        Err(err) => return Err(err.into()),
    };
    let answer = match file.content() {
        Content::Text(text) => {
            let (mut answer, shown) = numbered(&path.to_string(), &text.shown(), range, budget)?;
            seen.note_lines(&file, shown);
            match text.encoding {
                Encoding::Utf8 => {}
                Encoding::Utf16 { .. } => answer.text += "[the file is UTF-16; edits keep it so]\n",
                Encoding::Unknown => {
                    answer.text +=
                        "[not valid UTF-8: the bytes that are not text are shown as \u{fffd}]\n";
                }
            }
            answer
        }
        Content::Binary(kind) => {
            seen.note_lines(&file, 0..0);
            let size = file.bytes().len();
            let text = format!("`{path}` is {kind}, {size} bytes; it cannot be shown as text\n");
            Answer { text, gist: kind }
        }
    };
    Ok(answer)
}

/// The lines with their numbers, and which of them fitted, counted from 0.
fn numbered(
    path: &str,
    text: &str,
    range: Range,
    budget: Budget,
) -> Result<(Answer, ops::Range<usize>), Failure> {
    let text = text.trim_start_matches('\u{feff}');
    let total = text.lines().count();
    if total == 0 {
        let text = "[the file is empty]\n".to_owned();
        return Ok((Answer { text, gist: "empty".to_owned() }, 0..0));
    }
    if total < range.first {
        let text = format!("`{path}` has only {}", count(total, "line"));
        return Err(Failure::new(text, "no such lines"));
    }
    let wanted = range.last.min(total) - range.first + 1;
    let lines = text.lines().enumerate().skip(range.first - 1).take(wanted);
    let (mut shown, taken) = budget.take(lines.map(|(at, it)| format!("{}\t{it}", at + 1)));
    let last = range.first + taken - 1;
    if taken < wanted {
        let next = last + 1;
        let _ = writeln!(
            shown,
            "[cut: lines {} to {last} of {total}; go on with start_line {next}]",
            range.first
        );
    } else if taken < total {
        let _ = writeln!(shown, "[lines {} to {last} of {total}]", range.first);
    }
    Ok((Answer { text: shown, gist: count(taken, "line") }, range.first - 1..last))
}
