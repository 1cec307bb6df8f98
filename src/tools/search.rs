//! `search`: lines of files that match a regular expression.
//!
//! Files are searched while the walk still finds others, on all processors. What is shown is
//! nevertheless the same from run to run: the first matches in the order of the paths.

mod first;
mod matches;
mod pattern;

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use globset::GlobSet;
use grep_regex::RegexMatcher;
use grep_searcher::{BinaryDetection, Searcher, SearcherBuilder};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::tools::answer::{Answer, count};
use crate::tools::search::first::First;
use crate::tools::search::matches::{Keep, Matches};
use crate::tools::search::pattern::{Pattern, Reading};
use crate::tools::{Budget, Failure, glob, lookup};
use crate::workspace::{
    Cancel, FileError, Kind, LARGEST, Met, Onward, Opener, ProjectPath, Visit, Workspace,
};

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    /// A regular expression; lower case ignores case, \n spans lines.
    pattern: String,
    path: Option<String>,
    /// E.g. *.rs.
    glob: Option<String>,
    /// E.g. py.
    #[serde(rename = "type")]
    language: Option<String>,
    context: Option<u32>,
    mode: Option<Mode>,
}

// The other names are those of other agents' tools, which models remember.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq)]
#[serde(rename_all = "snake_case")]
enum Mode {
    #[default]
    #[serde(alias = "content", alias = "line", alias = "matches")]
    Lines,
    #[serde(alias = "files_with_matches", alias = "files_only", alias = "file")]
    Files,
    #[serde(alias = "counts")]
    Count,
}

/// The most matches to show, and to show of one file among several.
const MOST: usize = 100;
const MOST_OF_ONE: usize = 30;

/// The most files to name.
const MOST_FILES: usize = 200;

/// The most lines around a match.
const CONTEXT: u32 = 20;

/// How much of one file is in memory: a line, or all of it where matches span lines.
const IN_MEMORY: u64 = LARGEST;

/// The most files to name that could not be searched.
const UNSEARCHED: usize = 5;

pub(super) fn search(
    workspace: &Workspace,
    budget: Budget,
    cancel: &Cancel,
    args: Args,
) -> Result<Answer, Failure> {
    let pattern = Pattern::parse(&args.pattern)?;
    let path = workspace.path(args.path.as_deref().unwrap_or_default())?;
    let only = only(args.glob.as_deref(), args.language.as_deref())?;
    let mode = args.mode.unwrap_or_default();
    let is_one = workspace.is_file(&path);
    let scope = Scope {
        workspace,
        cancel,
        pattern: &pattern,
        only: &only,
        keep: match mode {
            Mode::Lines if is_one => Keep::Lines(MOST),
            Mode::Lines => Keep::Lines(MOST_OF_ONE),
            Mode::Files => Keep::Whether,
            Mode::Count => Keep::Number,
        },
        context: match mode {
            Mode::Lines => args.context.unwrap_or(0).min(CONTEXT) as usize,
            Mode::Files | Mode::Count => 0,
        },
    };
    let most = match mode {
        Mode::Lines => MOST,
        Mode::Files => MOST_FILES,
        Mode::Count => usize::MAX,
    };
    let found = find(scope, &path, most)?;

    let mut answer = match mode {
        _ if found.matched.is_empty() => nothing(&args.pattern, found.files),
        Mode::Lines => lines(&found, is_one, budget),
        Mode::Files => names(&found, budget),
        Mode::Count => counts(&found, budget),
    };
    answer.text.extend(unsearched(&found.unsearched));
    if pattern.reading == Reading::Plain {
        answer.text +=
            "[the pattern is not a valid regular expression; it was taken as plain text]\n";
    }
    Ok(answer)
}

/// The files that are meant, by name and by language.
fn only(pattern: Option<&str>, language: Option<&str>) -> Result<Vec<GlobSet>, Failure> {
    let some = |it: &&str| !it.is_empty();
    let pattern = pattern.filter(some).map(glob::parse).transpose()?;
    let language = language.filter(some).map(glob::language).transpose()?;
    Ok(pattern.into_iter().chain(language).collect())
}

/// What is searched for, where, and how much is kept.
#[derive(Clone, Copy)]
struct Scope<'a> {
    workspace: &'a Workspace,
    cancel: &'a Cancel,
    pattern: &'a Pattern,
    only: &'a [GlobSet],
    keep: Keep,
    context: usize,
}

/// What has come of it, in the order of the paths.
struct Found {
    matched: Vec<Matches>,
    /// There are matches beyond these, or may be.
    is_cut: bool,
    files: usize,
    unsearched: Vec<(ProjectPath, String)>,
}

fn find(scope: Scope<'_>, path: &ProjectPath, most: usize) -> Result<Found, Failure> {
    let first = Mutex::new(First::new(most));
    let (files, unsearched) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let lock = || first.lock().unwrap_or_else(PoisonError::into_inner);

    let visitor = || -> Visit<'_> {
        let (mut searcher, mut opener) = (searcher(scope), scope.workspace.opener());
        let (lock, files, unsearched) = (&lock, &files, &unsearched);
        Box::new(move |met: Met<'_>| {
            if met.kind == Kind::File && !scope.only.iter().all(|it| it.is_match(met.path)) {
                return Onward::Further;
            }
            if lock().is_beyond(met.path) {
                return Onward::PastThis;
            }
            if met.kind != Kind::File {
                return Onward::Further;
            }
            files.fetch_add(1, Ordering::Relaxed);
            match search_file(scope, &mut searcher, &mut opener, met.path) {
                Ok(it) if it.number == 0 => {}
                Ok(it) => lock().add(it.path.clone(), it.number, it),
                Err(Unsearched::Gone) => {}
                Err(Unsearched::Because(reason)) => {
                    let path = ProjectPath::plain(met.path.to_owned());
                    let mut all = unsearched.lock().unwrap_or_else(PoisonError::into_inner);
                    all.push((path, reason));
                }
            }
            Onward::Further
        })
    };
    lookup::visit(scope.workspace, scope.cancel, path, visitor)?;

    let first = first.into_inner().unwrap_or_else(PoisonError::into_inner);
    let mut unsearched = unsearched.into_inner().unwrap_or_else(PoisonError::into_inner);
    // Whether one beyond the first was come to is a matter of chance.
    unsearched.retain(|(path, _)| !first.is_beyond(path.as_path()));
    unsearched.sort();
    let is_cut = first.is_full();
    Ok(Found {
        matched: first.into_sorted().collect(),
        is_cut,
        files: files.into_inner(),
        unsearched,
    })
}

fn searcher(scope: Scope<'_>) -> Searcher {
    SearcherBuilder::new()
        // Reading goes on to find out whether the file is worth a mention.
        .binary_detection(BinaryDetection::convert(0))
        .multi_line(scope.pattern.reading == Reading::Across)
        .heap_limit(usize::try_from(IN_MEMORY).ok())
        .line_number(matches!(scope.keep, Keep::Lines(_)))
        .before_context(scope.context)
        .after_context(scope.context)
        .build()
}

enum Unsearched {
    /// It is no more, or the person wants no answer.
    Gone,
    Because(String),
}

fn search_file(
    scope: Scope<'_>,
    searcher: &mut Searcher,
    opener: &mut Opener<'_>,
    path: &Path,
) -> Result<Matches, Unsearched> {
    let opened = opener.open(path);
    let path = ProjectPath::plain(path.to_owned());
    let file = opened.map_err(|err| match err {
        FileError::Missing(_) => Unsearched::Gone,
        err => Unsearched::Because(err.to_string()),
    })?;
    let mut matches = Matches::none_yet(path, scope.keep);
    let reader = Interruptible { file, cancel: scope.cancel };
    let matcher: &RegexMatcher = &scope.pattern.matcher;
    match searcher.search_reader(matcher, reader, &mut matches) {
        Ok(()) => Ok(matches),
        Err(_) if scope.cancel.is_cancelled() => Err(Unsearched::Gone),
        Err(_) if 0 < matches.number => {
            matches.has_more = true;
            Ok(matches)
        }
        Err(err) => Err(Unsearched::Because(match scope.pattern.reading {
            _ if !err.to_string().contains("allocation limit") => format!("cannot be read: {err}"),
            Reading::Across => {
                format!("has more than {} MiB, too much to match across lines", IN_MEMORY >> 20)
            }
            Reading::Lines | Reading::Plain => {
                format!("has a line of more than {} MiB", IN_MEMORY >> 20)
            }
        })),
    }
}

/// A file whose end comes when the person wants no answer any more.
struct Interruptible<'a> {
    file: File,
    cancel: &'a Cancel,
}

impl Read for Interruptible<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.cancel.is_cancelled() {
            return Err(io::Error::other("stopped"));
        }
        self.file.read(buffer)
    }
}

fn nothing(pattern: &str, files: usize) -> Answer {
    let text = format!("no match for `{pattern}` in {}\n", count(files, "file"));
    Answer { text, gist: "no matches".to_owned() }
}

/// The files and their lines, as many as may be shown.
fn lines(found: &Found, is_one: bool, budget: Budget) -> Answer {
    let (mut lines, mut matches) = (Vec::new(), 0);
    for file in &found.matched {
        matches += file.number;
        if file.is_binary {
            lines.push(format!("{}: a binary file that matches", file.path));
            continue;
        }
        lines.push(file.path.to_string());
        lines.extend(file.lines.iter().cloned());
        if file.has_more && !is_one {
            lines.push(format!("[more in this file: search with path {}]", file.path));
        }
    }
    let (mut text, taken) = budget.take(lines.iter().cloned());
    let is_short = taken < lines.len();
    let is_cut = match is_one {
        true => is_short || found.matched.iter().any(|it| it.has_more),
        false => is_short || found.is_cut,
    };
    if is_cut {
        let narrower = if is_one { "the pattern" } else { "it with path, glob or the pattern" };
        let _ = writeln!(text, "[cut: there may be more; narrow {narrower}]");
    }
    let files = count(found.matched.len(), "file");
    let gist = match is_cut {
        true => format!("{matches}+ matches in {files}"),
        false => format!("{} in {files}", count(matches, "match")),
    };
    Answer { text, gist }
}

fn names(found: &Found, budget: Budget) -> Answer {
    let (mut text, taken) = budget.take(found.matched.iter().map(|it| it.path.to_string()));
    let is_cut = found.is_cut || taken < found.matched.len();
    if is_cut {
        text += "[cut: there may be more; narrow it with path, glob or the pattern]\n";
    }
    let files = count(found.matched.len(), "file");
    let more = if is_cut { "+" } else { "" };
    Answer { text, gist: files.replacen(' ', &format!("{more} "), 1) }
}

fn counts(found: &Found, budget: Budget) -> Answer {
    let matches: usize = found.matched.iter().map(|it| it.number).sum();
    let line = |it: &Matches| match it.is_binary {
        true => format!("{}: a binary file that matches", it.path),
        false => format!("{}: {}", it.path, it.number),
    };
    let (mut text, taken) = budget.take(found.matched.iter().take(MOST_FILES).map(line));
    let of = found.matched.len();
    if taken < of {
        let _ = writeln!(text, "[cut: {taken} of {of} files; narrow it with path or glob]");
    }
    let gist = format!("{} in {}", count(matches, "match"), count(of, "file"));
    let _ = writeln!(text, "in all {gist}");
    Answer { text, gist }
}

fn unsearched(files: &[(ProjectPath, String)]) -> Vec<String> {
    let line =
        |(path, reason): &(ProjectPath, String)| format!("[not searched: `{path}`: {reason}]\n");
    let mut lines: Vec<_> = files.iter().take(UNSEARCHED).map(line).collect();
    if let Some(more) = files.len().checked_sub(UNSEARCHED).filter(|it| 0 < *it) {
        lines.push(format!("[not searched: {} more]\n", count(more, "file")));
    }
    lines
}

#[cfg(test)]
mod tests;
