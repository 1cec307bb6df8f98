//! What `cargo test` says of tests that failed.

use std::collections::HashMap;

use crate::workspace::diagnostics::place::{Place, leading_number};
use crate::workspace::diagnostics::{FailedTest, Findings, Tally};

pub(super) fn read(lines: &[&str]) -> Findings {
    let mut found = Findings::default();
    let mut said: HashMap<&str, FailedTest> = HashMap::new();
    let mut names = Vec::new();
    let mut n = 0;
    while let Some(line) = lines.get(n) {
        n += 1;
        if let Some(tally) = line.strip_prefix("test result: ").and_then(tally) {
            let all = found.tally.get_or_insert_default();
            all.failed = all.failed.saturating_add(tally.failed);
            all.passed = all.passed.saturating_add(tally.passed);
        } else if let Some(name) = failed(line) {
            names.push(name);
        } else if let Some(name) = heading(line) {
            let section = &lines[n..];
            let is_end = |it: &&str| heading(it).is_some() || *it == "failures:";
            let end = section.iter().position(is_end).unwrap_or(section.len());
            said.insert(name, test(name, &section[..end]));
            n += end;
        }
    }
    let test = |name: &str| {
        let nothing = || FailedTest { name: name.to_owned(), ..FailedTest::default() };
        said.remove(name).unwrap_or_else(nothing)
    };
    found.tests = names.into_iter().map(test).collect();
    found
}

/// `test tests::it_panics - should panic ... FAILED`
fn failed(line: &str) -> Option<&str> {
    let name = line.strip_prefix("test ")?.strip_suffix(" ... FAILED")?;
    Some(name.strip_suffix(" - should panic").unwrap_or(name))
}

/// `---- tests::it_adds stdout ----`
fn heading(line: &str) -> Option<&str> {
    line.strip_prefix("---- ")?.strip_suffix(" stdout ----")
}

fn test(name: &str, section: &[&str]) -> FailedTest {
    let panicked = section.iter().position(|it| it.contains("panicked at "));
    let place = panicked.and_then(|at| Place::whole(section[at].rsplit_once("panicked at ")?.1));
    let place = place.unwrap_or_default();
    // What was said before it panicked is rarely why.
    let said = &section[panicked.map_or(0, |it| it + 1)..];
    let is_end = |it: &&str| {
        it.starts_with("stack backtrace:") || it.starts_with("note: run with `RUST_BACKTRACE")
    };
    let said = &said[..said.iter().position(is_end).unwrap_or(said.len())];
    FailedTest {
        name: name.to_owned(),
        file: place.file.to_owned(),
        line: place.line,
        message: said.join("\n"),
    }
}

/// `FAILED. 1 passed; 3 failed; 0 ignored`
fn tally(text: &str) -> Option<Tally> {
    let (_, counts) = text.split_once(". ")?;
    let mut tally = Tally::default();
    for part in counts.split("; ") {
        match leading_number(part)? {
            (passed, " passed") => tally.passed = passed,
            (failed, " failed") => tally.failed = failed,
            _ => break,
        }
    }
    Some(tally)
}
