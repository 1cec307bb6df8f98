//! What node says: of a file it cannot read, and of its tests, as TAP and for people.

use crate::workspace::diagnostics::place::{Place, leading_number};
use crate::workspace::diagnostics::{Diagnostic, FailedTest, Findings, Severity, Tally};

/// The place, the line, a mark beneath it, and after a blank line `SyntaxError: message`.
pub(super) fn syntax(lines: &[&str]) -> Findings {
    let mut found = Findings::default();
    for (n, line) in lines.iter().enumerate() {
        let place = Place::whole(line.strip_prefix("file://").unwrap_or(line));
        let Some(place) = place.filter(|it| it.column == 0 && !it.is_foreign()) else { continue };
        let [_, mark, rest @ ..] = &lines[n + 1..] else { continue };
        if !mark.trim_start().starts_with('^') {
            continue;
        }
        let Some(error) = rest.iter().take(3).find(|it| it.contains("Error: ")) else { continue };
        let Some((name, message)) = error.split_once(": ") else { continue };
        let column = u32::try_from(mark.chars().count() - mark.trim_start().chars().count());
        let column = column.unwrap_or(0).saturating_add(1);
        let place = Place { column, ..place };
        found.diagnostics.push(Diagnostic {
            code: name.to_owned(),
            ..place.diagnostic(Severity::Error, "", message)
        });
    }
    found
}

/// What is said of one test has no more lines.
const LONGEST: usize = 60;

/// `not ok 1 - adds`, and what stands between `---` and `...` below it.
pub(super) fn tap(lines: &[&str]) -> Findings {
    let mut found = Findings::default();
    if !lines.iter().any(|it| it.starts_with("TAP version") || plan(it)) {
        return found;
    }
    let (mut tally, mut suites) = (Tally::default(), Vec::new());
    for (n, line) in lines.iter().enumerate() {
        let (indent, text) = (line.len() - line.trim_start().len(), line.trim_start());
        if let Some(name) = text.strip_prefix("# Subtest: ") {
            suites.retain(|(it, _)| *it < indent);
            suites.push((indent, name));
        } else if let Some(rest) = text.strip_prefix("not ok ") {
            let is_left_out = rest.contains("# TODO") || rest.contains("# SKIP");
            let block = block(&lines[n + 1..], indent);
            // A suite fails because of its tests.
            if is_left_out || block.iter().any(|it| it.contains("'subtestsFailed'")) {
                continue;
            }
            tally.failed = tally.failed.saturating_add(1);
            let name = rest.split_once(" - ").map_or(rest, |(_, name)| name);
            let path = suites.iter().filter(|(it, _)| *it < indent).map(|(_, name)| *name);
            let path: Vec<_> = path.chain([name]).collect();
            found.tests.push(test(&path.join(" > "), block));
        } else if text.starts_with("ok ") {
            tally.passed = tally.passed.saturating_add(1);
        }
    }
    found.tally = Some(tally);
    found
}

/// `1..3`
fn plan(line: &str) -> bool {
    let plan = line.strip_prefix("1..").and_then(leading_number);
    plan.is_some_and(|(_, rest)| rest.is_empty() || rest.starts_with(" #"))
}

/// What stands between `---` and `...`, if the next line opens it.
fn block<'a, 'b>(lines: &'b [&'a str], indent: usize) -> &'b [&'a str] {
    match lines {
        [open, rest @ ..] if open.trim() == "---" => {
            let is_end =
                |it: &&str| it.trim() == "..." && it.len() - it.trim_start().len() <= indent + 2;
            &rest[..rest.iter().take(LONGEST).position(is_end).unwrap_or(0)]
        }
        _ => &[],
    }
}

fn test(name: &str, block: &[&str]) -> FailedTest {
    let value = |key: &str| block.iter().position(|it| it.trim_start().starts_with(key));
    let quoted = |it: &str| it.trim().trim_matches(['\'', '"']).to_owned();
    let error = ["error: ", "message: "].iter().find_map(|key| value(key));
    let message = error.map(|at| {
        let text = block[at].split_once(": ").map_or("", |it| it.1);
        if !text.trim().starts_with(['|', '>']) {
            return quoted(text);
        }
        let indent = block[at].len() - block[at].trim_start().len();
        let is_deeper = |it: &&&str| it.is_empty() || indent < it.len() - it.trim_start().len();
        block[at + 1..].iter().take_while(is_deeper).map(|it| format!("{}\n", it.trim())).collect()
    });
    let thrown = value("stack: ").and_then(|at| {
        block[at + 1..].iter().filter_map(|it| frame(it)).find(|it| !it.is_foreign())
    });
    let location =
        value("location: ").map(|at| quoted(block[at].split_once(": ").map_or("", |it| it.1)));
    let declared = location.as_deref().and_then(Place::whole);
    let place = thrown.or(declared).unwrap_or_default();
    FailedTest {
        name: name.to_owned(),
        file: place.file.to_owned(),
        line: place.line,
        message: message.unwrap_or_default(),
    }
}

/// A frame of a stack without its `at`.
fn frame(line: &str) -> Option<Place<'_>> {
    let inside = line.trim().strip_suffix(')').and_then(|it| it.rsplit_once('(')).map(|it| it.1);
    Place::whole(inside.unwrap_or(line.trim()))
}

/// `✖ adds (1.8ms)`, and what was thrown, indented below it.
pub(super) fn spec(lines: &[&str]) -> Findings {
    let mut found = Findings::default();
    let count = |name: &str| {
        let line = lines.iter().rev().find_map(|it| it.strip_prefix(name))?;
        Some(leading_number(line)?.0)
    };
    let (Some(failed), Some(passed)) = (count("ℹ fail "), count("ℹ pass ")) else {
        return found;
    };
    found.tally = Some(Tally { failed, passed });
    let start = lines.iter().position(|it| *it == "✖ failing tests:");
    let lines = &lines[start.map_or(0, |it| it + 1)..];
    let mut declared = Place::default();
    for (n, line) in lines.iter().enumerate() {
        if let Some(place) = line.strip_prefix("test at ").and_then(Place::whole) {
            declared = place;
        }
        let Some(name) = line.trim_start().strip_prefix("✖ ") else { continue };
        let section = &lines[n + 1..];
        let is_end = |it: &&str| {
            it.trim_start().starts_with(['✖', '✔', '▶', 'ℹ']) || it.starts_with("test at ")
        };
        let end = section.iter().position(is_end).unwrap_or(section.len());
        let said = section[..end].iter();
        let message = said.clone().take_while(|it| !it.trim_start().starts_with("at "));
        let message: Vec<_> = message.map(|it| it.trim()).collect();
        if message.is_empty() {
            continue;
        }
        let thrown = said.filter_map(|it| Place::of_frame(it)).find(|it| !it.is_foreign());
        let place = thrown.unwrap_or(declared);
        let name = name.rsplit_once(" (").map_or(name, |(name, _)| name);
        found.tests.push(FailedTest {
            name: name.to_owned(),
            file: place.file.to_owned(),
            line: place.line,
            message: message.join("\n"),
        });
    }
    found
}
