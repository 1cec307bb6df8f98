//! What jest says of tests that failed.

use crate::workspace::diagnostics::place::{Place, leading_number};
use crate::workspace::diagnostics::{FailedTest, Findings, Tally};

pub(super) fn read(lines: &[&str]) -> Findings {
    let mut found = Findings::default();
    let mut file = "";
    for (n, line) in lines.iter().enumerate() {
        if let Some(name) = line.strip_prefix("FAIL ") {
            file = name.split(' ').find(|it| it.contains('.')).unwrap_or_default();
        } else if let Some(name) = line.strip_prefix("  ● ") {
            let section = &lines[n + 1..];
            let is_end = |it: &&str| {
                it.starts_with("  ● ") || it.starts_with("FAIL ") || it.starts_with("Test Suites:")
            };
            let end = section.iter().position(is_end).unwrap_or(section.len());
            found.tests.push(test(file, name, &section[..end]));
        } else if let Some(counts) = line.strip_prefix("Tests: ") {
            found.tally = Some(tally(counts));
        } else if *line == "Summary of all failing tests" {
            break;
        }
    }
    found
}

fn test(file: &str, name: &str, section: &[&str]) -> FailedTest {
    let frames = section.iter().filter_map(|it| Place::of_frame(it));
    let place = frames.into_iter().find(|it| !it.is_foreign());
    let is_code = |it: &&&str| {
        let text = it.trim_start().trim_start_matches("> ");
        let code = leading_number(text).is_some_and(|(_, rest)| rest.starts_with(" |"));
        code || it.trim_start().starts_with("at ")
    };
    let said: Vec<_> = section.iter().take_while(|it| !is_code(it)).copied().collect();
    FailedTest {
        name: name.to_owned(),
        file: place.map_or(file, |it| it.file).to_owned(),
        line: place.map_or(0, |it| it.line),
        message: said.join("\n"),
    }
}

/// `2 failed, 1 passed, 3 total`
fn tally(counts: &str) -> Tally {
    let mut tally = Tally::default();
    for (n, word) in counts.split(", ").filter_map(|it| leading_number(it.trim())) {
        match word {
            " failed" => tally.failed = n,
            " passed" => tally.passed = n,
            _ => {}
        }
    }
    tally
}
