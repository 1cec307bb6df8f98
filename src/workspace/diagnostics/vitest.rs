//! What vitest says of tests that failed.

use crate::workspace::diagnostics::place::{Place, leading_number};
use crate::workspace::diagnostics::{FailedTest, Findings, Tally};

pub(super) fn read(lines: &[&str]) -> Findings {
    let mut found = Findings::default();
    for (n, line) in lines.iter().enumerate() {
        if let Some(name) = line.strip_prefix(" FAIL  ") {
            let section = &lines[n + 1..];
            let is_end = |it: &&str| it.starts_with(" FAIL  ") || it.starts_with('⎯');
            let end = section.iter().position(is_end).unwrap_or(section.len());
            found.tests.push(test(name, &section[..end]));
        } else if let Some(counts) = line.strip_prefix("      Tests  ") {
            found.tally = Some(tally(counts));
        }
    }
    found
}

fn test(name: &str, section: &[&str]) -> FailedTest {
    let frames = section.iter().filter_map(|it| it.trim_start().strip_prefix("❯ "));
    // A frame in a function has the name of it in front.
    let place =
        frames.filter_map(|it| Place::whole(it.rsplit(' ').next()?)).find(|it| !it.is_foreign());
    let said = section.iter().take_while(|it| !it.trim_start().starts_with("❯ "));
    let said: Vec<_> = said.copied().collect();
    let file = name.split(" > ").next().unwrap_or_default();
    FailedTest {
        name: name.to_owned(),
        file: place.map_or(file, |it| it.file).to_owned(),
        line: place.map_or(0, |it| it.line),
        message: said.join("\n"),
    }
}

/// `2 failed | 1 passed (3)`
fn tally(counts: &str) -> Tally {
    let mut tally = Tally::default();
    for (n, word) in counts.split(" | ").filter_map(|it| leading_number(it.trim())) {
        match word.split(" (").next().unwrap_or_default() {
            " failed" => tally.failed = n,
            " passed" => tally.passed = n,
            _ => {}
        }
    }
    tally
}
