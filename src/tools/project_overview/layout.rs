//! Where the files are, and what they are written in.

use std::collections::BTreeMap;
use std::path::Path;

use crate::tools::answer::count;
use crate::tools::project_overview::language::Language;
use crate::tools::project_overview::map::Mapped;
use crate::workspace::ProjectPath;

/// The most directories to show.
const DIRECTORIES: usize = 24;

/// The languages of all files, those that are read first, with their lines.
pub(super) fn languages(files: &[ProjectPath], mapped: &[Mapped]) -> String {
    let mut lines: BTreeMap<&str, usize> = BTreeMap::new();
    for file in mapped {
        let language = Language::of(file.path.as_path()).map_or("", |it| it.name);
        *lines.entry(language).or_default() += file.source.lines;
    }
    let numbers = numbers(files.iter());
    let mut sorted: Vec<_> = numbers.iter().collect();
    sorted.sort_by_key(|(name, n)| (std::cmp::Reverse((lines.get(**name), **n)), **name));
    let shown = sorted.into_iter().map(|(name, n)| match lines.get(name) {
        Some(lines) => format!("{name} {} of {}", count(*n, "file"), count(*lines, "line")),
        None => format!("{name} {n}"),
    });
    shown.collect::<Vec<_>>().join(", ")
}

/// How many files of each language.
fn numbers<'a>(files: impl Iterator<Item = &'a ProjectPath>) -> BTreeMap<&'static str, usize> {
    let mut numbers = BTreeMap::new();
    for file in files {
        if let Some(language) = Language::of(file.as_path()) {
            *numbers.entry(language.name).or_default() += 1;
        }
    }
    numbers
}

/// The directories at the top, and those in the one that holds more than half of all files.
pub(super) fn directories(files: &[ProjectPath], under: &ProjectPath) -> Vec<String> {
    let mut lines = Vec::new();
    push_below(&mut lines, files, under.as_path(), 1);
    if let Some(more) = lines.len().checked_sub(DIRECTORIES).filter(|it| 0 < *it) {
        lines.truncate(DIRECTORIES);
        lines.push(format!("  [{} more]", count(more, "entry")));
    }
    lines
}

fn push_below(lines: &mut Vec<String>, files: &[ProjectPath], under: &Path, level: usize) {
    let mut below: BTreeMap<&str, Vec<&ProjectPath>> = BTreeMap::new();
    for file in files {
        let Ok(rest) = file.as_path().strip_prefix(under) else { continue };
        let mut names = rest.iter();
        if let (Some(name), Some(_)) = (names.next().and_then(|it| it.to_str()), names.next()) {
            below.entry(name).or_default().push(file);
        }
    }
    for (name, held) in below {
        let most = numbers(held.iter().copied()).into_iter().max_by_key(|it| it.1);
        let most = most.map_or(String::new(), |(name, _)| format!(", {name}"));
        let indent = "  ".repeat(level);
        lines.push(format!("{indent}{name}/ {}{most}", count(held.len(), "file")));
        if files.len() < 2 * held.len() && level < 4 {
            let held: Vec<_> = held.into_iter().cloned().collect();
            push_below(lines, &held, &under.join(name), level + 1);
        }
    }
}
