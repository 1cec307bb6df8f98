//! What pytest says of tests that failed: the sections with their tracebacks, and the summary.

use std::collections::HashMap;

use crate::workspace::diagnostics::place::{Place, leading_number};
use crate::workspace::diagnostics::{FailedTest, Findings, Tally};

pub(super) fn read(lines: &[&str]) -> Findings {
    let mut sections: HashMap<&str, FailedTest> = HashMap::new();
    let mut order = Vec::new();
    let mut found = Findings::default();
    for (n, line) in lines.iter().enumerate() {
        if let Some(title) = title(line) {
            let section = &lines[n + 1..];
            let is_end = |it: &&str| title_or_rule(it);
            let end = section.iter().position(is_end).unwrap_or(section.len());
            order.push(title);
            sections.entry(title).or_insert_with(|| test(title, &section[..end]));
        } else if let Some((id, message)) = summary(line) {
            let (file, name) = id.split_once("::").unwrap_or((id, id));
            let mut test = sections.remove(&*name.replace("::", ".")).unwrap_or_default();
            if test.message.is_empty() {
                test.message = message.to_owned();
            }
            if test.file.is_empty() {
                test.file = file.to_owned();
            }
            test.name = id.to_owned();
            found.tests.push(test);
        } else if found.tally.is_none() {
            found.tally = tally(line);
        }
    }
    // Without a summary, what the sections say.
    found.tests.extend(order.into_iter().filter_map(|it| sections.remove(it)));
    if found.tally.is_none() {
        found.tests.clear();
    }
    found
}

/// The name in `____ ERROR at setup of test_error ____`.
fn title(line: &str) -> Option<&str> {
    let name = line.strip_prefix('_')?.trim_matches('_');
    let name = name.strip_prefix(' ')?.strip_suffix(' ')?;
    // Between the frames of a traceback stands `_ _ _ _`.
    let name = (!name.contains("_ _")).then_some(name)?;
    let stages = ["ERROR at setup of ", "ERROR at teardown of ", "ERROR collecting "];
    let name = stages.iter().find_map(|it| name.strip_prefix(it)).unwrap_or(name);
    // A part of a test has what sets it apart behind its name.
    Some(name.split_once(" (").map_or(name, |(name, _)| name))
}

fn title_or_rule(line: &str) -> bool {
    title(line).is_some() || line.starts_with("=====")
}

/// `FAILED tests/test_calc.py::test_add - assert -1 == 3`
fn summary(line: &str) -> Option<(&str, &str)> {
    let (word, rest) = line.split_once(' ')?;
    let is_failed = matches!(word, "FAILED" | "ERROR") || word.starts_with("SUBFAIL");
    let (id, message) = rest.split_once(" - ").unwrap_or((rest, ""));
    let is_id = id.contains(".py") && !id.contains(": ");
    (is_failed && is_id).then_some((id, message))
}

fn test(title: &str, section: &[&str]) -> FailedTest {
    let said = section.iter().filter_map(|it| it.strip_prefix("E  ").or(it.strip_prefix("E\t")));
    let message: Vec<_> = said.collect();
    let mut places =
        section.iter().rev().filter_map(|it| Place::leading(it).map(|(place, _)| place));
    let place = places.next().unwrap_or_default();
    FailedTest {
        name: title.to_owned(),
        file: place.file.to_owned(),
        line: place.line,
        message: message.join("\n"),
    }
}

/// `6 failed, 3 passed, 1 error in 0.37s`, with or without a rule on both sides.
fn tally(line: &str) -> Option<Tally> {
    let (counts, time) = line.trim_matches(['=', ' ']).rsplit_once(" in ")?;
    let is_time = time.split_once('s').is_some_and(|(it, _)| it.parse::<f64>().is_ok());
    let mut tally = is_time.then(Tally::default)?;
    for count in counts.split(", ") {
        match leading_number(count)? {
            (n, " failed" | " error" | " errors") => tally.failed = tally.failed.saturating_add(n),
            (n, " passed") => tally.passed = n,
            _ => {}
        }
    }
    Some(tally)
}
