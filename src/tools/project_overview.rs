//! `project_overview`: what a project is made of, and where its main definitions are.
//!
//! Asked for the whole, it tells what a newcomer wants to know first, on one screen, and adds the
//! map; asked for a directory or for names, it draws the map of that, as large as a result may be.

mod language;
mod layout;
mod lexer;
mod manifest;
mod map;
mod rank;
mod readme;
mod source;

use std::io::Read;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use schemars::JsonSchema;
use serde::Deserialize;

use crate::tools::answer::{Answer, count};
use crate::tools::project_overview::language::Language;
use crate::tools::project_overview::map::Mapped;
use crate::tools::project_overview::source::Source;
use crate::tools::{Budget, Failure, lookup};
use crate::workspace::{Cancel, Content, Kind, Opener, ProjectPath, Workspace};

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    path: Option<String>,
    /// Names to start from.
    focus: Option<Vec<String>>,
}

/// The most characters of the map of a whole project; about 1,500 tokens.
const MAP: usize = 6000;

/// The most files that are read, those nearest to the root first.
const FILES: usize = 10_000;

/// The largest file that is read. What is larger was hardly written by hand.
const LARGE: u64 = 1 << 20;

/// The most manifests to tell of, and names of each.
const MANIFESTS: usize = 8;
const NAMES: usize = 25;

pub(super) fn overview(
    workspace: &Workspace,
    budget: Budget,
    cancel: &Cancel,
    args: Args,
) -> Result<Answer, Failure> {
    let path = workspace.path(args.path.as_deref().unwrap_or_default())?;
    let focus: Vec<_> =
        args.focus.into_iter().flatten().filter(|it| !it.trim().is_empty()).collect();
    let found = lookup::entries(workspace, cancel, &path, None)?;
    let files: Vec<_> =
        found.into_iter().filter(|it| it.kind == Kind::File).map(|it| it.path).collect();
    let is_source = |it: &&ProjectPath| Language::of(it.as_path()).is_some_and(Language::is_read);
    let mut sources: Vec<_> = files.iter().filter(is_source).cloned().collect();
    let of = sources.len();
    if FILES < of {
        sources.sort_by_key(ProjectPath::depth);
        sources.truncate(FILES);
        sources.sort_unstable();
    }
    let mapped = read_all(workspace, cancel, &sources);

    let is_whole = path.is_root() && focus.is_empty();
    let mut text = if is_whole { facts(workspace, &files, &mapped, &path) } else { String::new() };
    if FILES < of {
        text +=
            &format!("[the map covers {FILES} of {of} source files, those nearest to the root]\n");
    }
    let room = budget.0.saturating_sub(text.chars().count());
    let entries = map::important(&mapped, &focus);
    let (drawn, taken) = map::shown(&entries, if is_whole { room.min(MAP) } else { room });
    if taken == 0 {
        text += "no definitions to show\n";
    } else {
        text += "definitions, by how much the project refers to them:\n";
        text += &drawn;
    }
    if taken < entries.len() {
        let of = entries.len();
        text += &format!("[the first {taken} of {of}; for others give path or focus]\n");
    }
    let gist = format!("{}, {}", count(files.len(), "file"), count(entries.len(), "definition"));
    Ok(Answer { text, gist })
}

/// What the sources hold, in their order; what cannot be read holds nothing.
fn read_all(workspace: &Workspace, cancel: &Cancel, sources: &[ProjectPath]) -> Vec<Mapped> {
    let (next, found) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let work = || {
        let (mut mapped, mut opener) = (Vec::new(), workspace.opener());
        while let Some(path) = sources.get(next.fetch_add(1, Ordering::Relaxed)) {
            if cancel.is_cancelled() {
                break;
            }
            let language = Language::of(path.as_path()).expect("only sources are read");
            let source = text(&mut opener, path).map(|it| Source::read(&it, language));
            mapped.extend(source.map(|source| Mapped { path: path.clone(), source }));
        }
        found.lock().unwrap_or_else(PoisonError::into_inner).append(&mut mapped);
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        (1..threads.min(sources.len())).for_each(|_| {
            scope.spawn(work);
        });
        work();
    });
    let mut found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

fn text(opener: &mut Opener<'_>, path: &ProjectPath) -> Option<String> {
    let file = opener.open(path.as_path()).ok()?;
    let mut bytes = Vec::new();
    file.take(LARGE + 1).read_to_end(&mut bytes).ok()?;
    if usize::try_from(LARGE).is_ok_and(|it| it < bytes.len()) {
        return None;
    }
    match Content::of(&bytes) {
        Content::Text(text) => Some(text.shown().into_owned()),
        Content::Binary(_) => None,
    }
}

/// One screen about the whole.
fn facts(
    workspace: &Workspace,
    files: &[ProjectPath],
    mapped: &[Mapped],
    path: &ProjectPath,
) -> String {
    let mut lines = Vec::new();
    let is_readme = |it: &&ProjectPath| {
        let name = it.as_path().to_string_lossy().to_lowercase();
        it.depth() == 1 && name.starts_with("readme")
    };
    let readme = files.iter().find(is_readme).and_then(|it| text(&mut workspace.opener(), it));
    lines.extend(readme.and_then(|it| readme::first_words(&it)));
    let languages = layout::languages(files, mapped);
    lines.push(
        format!("{}: {languages}", count(files.len(), "file"))
            .trim_end_matches([' ', ':'])
            .to_owned(),
    );
    lines.extend(layout::directories(files, path));
    lines.extend(programs(mapped));
    lines.extend(manifests(workspace, files));
    lines.iter().map(|it| format!("{it}\n")).collect()
}

/// The files that are made to be run, those nearest to the root first.
fn programs(mapped: &[Mapped]) -> Option<String> {
    let programs = mapped.iter().filter(|it| it.source.is_program).map(|it| &it.path);
    let mut programs: Vec<_> = programs.collect();
    programs.sort_by_key(|it| it.depth());
    let names: Vec<_> = programs.iter().map(ToString::to_string).collect();
    (!names.is_empty()).then(|| format!("programs: {}", some(&names)))
}

fn manifests(workspace: &Workspace, files: &[ProjectPath]) -> Vec<String> {
    let name = |it: &ProjectPath| {
        it.as_path().file_name().unwrap_or_default().to_string_lossy().into_owned()
    };
    let mut manifests: Vec<_> =
        files.iter().filter(|it| manifest::is_manifest(&name(it))).collect();
    manifests.sort_by_key(|it| it.depth());
    let more = manifests.len().saturating_sub(MANIFESTS);
    let tell = |path: &&ProjectPath| {
        let text = text(&mut workspace.opener(), path).unwrap_or_default();
        let found = manifest::read(&name(path), &text);
        let mut parts = vec![found.name.map_or(path.to_string(), |it| format!("{path}: {it}"))];
        if !found.runs.is_empty() {
            parts.push(format!("offers {}", some(&found.runs)));
        }
        if !found.needs.is_empty() {
            parts.push(format!("needs {}", some(&found.needs)));
        }
        parts.join("; ")
    };
    let mut lines: Vec<_> = manifests.iter().take(MANIFESTS).map(tell).collect();
    if 0 < more {
        lines.push(format!("[{more} more such files]"));
    }
    lines
}

/// As many names as one reads.
fn some(names: &[String]) -> String {
    let shown = names.iter().take(NAMES).cloned().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(NAMES) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

#[cfg(test)]
mod tests;
