//! `search`: lines of files that match a regular expression.

use std::fmt::Write as _;
use std::io;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};

use grep_regex::{RegexMatcher, RegexMatcherBuilder};
use grep_searcher::{
    BinaryDetection, Searcher, SearcherBuilder, Sink, SinkContext, SinkFinish, SinkMatch,
};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::tools::answer::{Answer, count};
use crate::tools::budget::clip;
use crate::tools::{Budget, Failure, glob, lookup};
use crate::workspace::{Cancel, Kind, LARGEST, ProjectPath, Workspace};

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    /// A regular expression; all in lower case, it ignores case.
    pattern: String,
    /// A file or directory to search.
    path: Option<String>,
    /// Only these files, e.g. *.rs.
    glob: Option<String>,
    /// Lines to show around each match.
    context: Option<u32>,
}

/// The most matches to show, and to show of one file among several.
const MOST: usize = 100;
const MOST_OF_ONE: usize = 30;

/// The most characters of one line.
const LINE: usize = 300;

/// The most lines around a match.
const CONTEXT: u32 = 20;

/// How many files are searched before their matches are counted. Files are taken in the order of
/// their paths, so the same matches come first however many threads there are.
const BATCH: usize = 512;

pub(super) fn search(
    workspace: &Workspace,
    budget: Budget,
    cancel: &Cancel,
    args: Args,
) -> Result<Answer, Failure> {
    let (matcher, is_regex) = matcher(&args.pattern)?;
    let context = args.context.unwrap_or(0).min(CONTEXT) as usize;
    let files = files(workspace, cancel, args.path.as_deref(), args.glob.as_deref())?;

    let is_one = files.len() == 1;
    let most_of_one = if is_one { MOST } else { MOST_OF_ONE };

    let (mut matched, mut shown, mut searched) = (Vec::new(), 0, 0);
    for batch in files.chunks(BATCH) {
        if cancel.is_cancelled() || MOST <= shown {
            break;
        }
        let look = Look { matcher: &matcher, context, most_of_one };
        let found = search_batch(workspace, look, cancel, batch);
        shown += found.iter().map(|it| it.matches).sum::<usize>();
        searched += batch.len();
        matched.extend(found);
    }
    let rest =
        if is_one { Rest::InOneFile } else { Rest::Among { unsearched: files.len() - searched } };
    let mut answer = report(&matched, rest, budget);
    if matched.is_empty() {
        let (pattern, files) = (&args.pattern, count(files.len(), "file"));
        answer.text = format!("no match for `{pattern}` in {files}\n");
    }
    if !is_regex {
        answer.text +=
            "[the pattern is not a valid regular expression; it was taken as plain text]\n";
    }
    Ok(answer)
}

/// What is not a regular expression is looked for as it stands.
fn matcher(pattern: &str) -> Result<(RegexMatcher, bool), Failure> {
    if pattern.is_empty() {
        return Err(Failure::new("`pattern` is empty", "no pattern"));
    }
    let mut builder = RegexMatcherBuilder::new();
    // `crlf` sets a line terminator too, one that the searcher does not have.
    builder.case_smart(true).crlf(true).line_terminator(Some(b'\n'));
    if let Ok(matcher) = builder.build(pattern) {
        return Ok((matcher, true));
    }
    match builder.fixed_strings(true).build(pattern) {
        Ok(matcher) => Ok((matcher, false)),
        Err(_) => Err(Failure::new(
            "`pattern` cannot be searched for: search looks at one line at a time, so it cannot \
             match a line end",
            "no pattern",
        )),
    }
}

fn files(
    workspace: &Workspace,
    cancel: &Cancel,
    path: Option<&str>,
    pattern: Option<&str>,
) -> Result<Vec<ProjectPath>, Failure> {
    let glob = pattern.filter(|it| !it.is_empty()).map(glob::parse).transpose()?;
    let path = workspace.path(path.unwrap_or_default())?;
    let found = lookup::entries(workspace, cancel, &path, None)?;
    let files = found.into_iter().filter(|it| it.kind == Kind::File).map(|it| it.path);
    Ok(files.filter(|it| glob.as_ref().is_none_or(|glob| glob.is_match(it.as_path()))).collect())
}

/// What to look for in each file, and how much to keep.
#[derive(Clone, Copy)]
struct Look<'a> {
    matcher: &'a RegexMatcher,
    context: usize,
    most_of_one: usize,
}

/// The files of the batch that have matches, in its order.
fn search_batch(
    workspace: &Workspace,
    look: Look<'_>,
    cancel: &Cancel,
    batch: &[ProjectPath],
) -> Vec<Matched> {
    let (next, found) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let work = || {
        let mut searcher = SearcherBuilder::new()
            .binary_detection(BinaryDetection::quit(0))
            .before_context(look.context)
            .after_context(look.context)
            .build();
        while !cancel.is_cancelled() {
            let Some(path) = batch.get(next.fetch_add(1, Ordering::Relaxed)) else { return };
            if let Some(matched) = search_file(workspace, look, &mut searcher, path) {
                found.lock().unwrap_or_else(PoisonError::into_inner).push(matched);
            }
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(batch.len() / 16);
    std::thread::scope(|scope| {
        (1..threads).for_each(|_| {
            scope.spawn(work);
        });
        work();
    });
    let mut found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

/// `None` without a match, and for what cannot or shall not be searched.
fn search_file(
    workspace: &Workspace,
    look: Look<'_>,
    searcher: &mut Searcher,
    path: &ProjectPath,
) -> Option<Matched> {
    let file = workspace.open_found(path).ok()?;
    if LARGEST < file.metadata().ok()?.len() {
        return None;
    }
    let mut matched = Matched {
        path: path.clone(),
        lines: Vec::new(),
        matches: 0,
        most: look.most_of_one,
        has_more: false,
        is_binary: false,
    };
    searcher.search_file(look.matcher, &file, &mut matched).ok()?;
    (0 < matched.matches && !matched.is_binary).then_some(matched)
}

/// The matches of one file, as they will be shown.
struct Matched {
    path: ProjectPath,
    lines: Vec<String>,
    matches: usize,
    /// So many matches are kept.
    most: usize,
    has_more: bool,
    is_binary: bool,
}

impl Matched {
    /// As grep does: `12:` before a match, `12-` before a line around one.
    fn push(&mut self, number: Option<u64>, mark: char, line: &[u8]) {
        let line = String::from_utf8_lossy(line);
        let line = clip(line.trim_end_matches(['\r', '\n']), LINE);
        self.lines.push(format!("{}{mark}{line}", number.unwrap_or_default()));
    }
}

impl Sink for Matched {
    type Error = io::Error;

    fn matched(&mut self, _: &Searcher, it: &SinkMatch<'_>) -> Result<bool, io::Error> {
        if self.matches == self.most {
            self.has_more = true;
            return Ok(false);
        }
        self.matches += 1;
        self.push(it.line_number(), ':', it.bytes());
        Ok(true)
    }

    fn context(&mut self, _: &Searcher, it: &SinkContext<'_>) -> Result<bool, io::Error> {
        self.push(it.line_number(), '-', it.bytes());
        Ok(true)
    }

    fn context_break(&mut self, _: &Searcher) -> Result<bool, io::Error> {
        self.lines.push("--".to_owned());
        Ok(true)
    }

    fn finish(&mut self, _: &Searcher, it: &SinkFinish) -> Result<(), io::Error> {
        self.is_binary = it.binary_byte_offset().is_some();
        Ok(())
    }
}

/// Where there may be more matches than were found.
#[derive(Clone, Copy, PartialEq)]
enum Rest {
    InOneFile,
    Among { unsearched: usize },
}

/// The files and their lines, as many as may be shown.
fn report(matched: &[Matched], rest: Rest, budget: Budget) -> Answer {
    let (mut lines, mut matches, mut files) = (Vec::new(), 0, 0);
    for file in matched {
        if MOST <= matches {
            break;
        }
        matches += file.matches;
        files += 1;
        lines.push(file.path.to_string());
        lines.extend(file.lines.iter().cloned());
        if file.has_more && rest != Rest::InOneFile {
            lines.push(format!("[more in this file: search with path {}]", file.path));
        }
    }
    let (mut text, taken) = budget.take(lines.iter().cloned());
    let is_short = files < matched.len() || taken < lines.len();
    let (is_cut, narrower) = match rest {
        Rest::InOneFile => (is_short || matched.iter().any(|it| it.has_more), "the pattern"),
        Rest::Among { unsearched } => {
            (is_short || 0 < unsearched, "it with path, glob or the pattern")
        }
    };
    if is_cut {
        let _ = writeln!(text, "[cut: there may be more; narrow {narrower}]");
    }
    let gist = match matches {
        0 => "no matches".to_owned(),
        _ if is_cut => format!("{matches}+ matches in {}", count(files, "file")),
        _ => format!("{} in {}", count(matches, "match"), count(files, "file")),
    };
    Answer { text, gist }
}
