//! What CMake says of a project it cannot configure, and what CTest says of tests that failed.

use crate::workspace::diagnostics::place::{Place, leading_number};
use crate::workspace::diagnostics::{FailedTest, Findings, Severity, Tally};

/// No message has more lines.
const LONGEST: usize = 20;

/// `CMake Error at CMakeLists.txt:3 (add_executable):`, and the message indented below it.
pub(super) fn configure(lines: &[&str]) -> Findings {
    let mut found = Findings::default();
    for (n, line) in lines.iter().enumerate() {
        let Some((word, rest)) = line.strip_prefix("CMake ").and_then(|it| it.split_once(" at "))
        else {
            continue;
        };
        let severity = if word.contains("Error") { Severity::Error } else { Severity::Warning };
        let Some((place, _)) = Place::leading(rest) else { continue };
        let said = lines[n + 1..].iter().take(LONGEST);
        let said = said.take_while(|it| it.is_empty() || it.starts_with("  "));
        let said: Vec<_> = said.map(|it| it.trim()).filter(|it| !it.is_empty()).collect();
        found.diagnostics.push(place.diagnostic(severity, "", &said.join(" ")));
    }
    found
}

pub(super) fn ctest(lines: &[&str]) -> Findings {
    let tally = lines.iter().find_map(|it| tally(it));
    let mut found = Findings { tally, ..Findings::default() };
    let start = lines.iter().position(|it| *it == "The following tests FAILED:");
    for line in &lines[start.map_or(lines.len(), |it| it + 1)..] {
        // `	  1 - adds (Failed)`
        let Some((_, rest)) = leading_number(line.trim_start()) else { break };
        let Some(rest) = rest.strip_prefix(" - ") else { break };
        let (name, message) = rest.rsplit_once(" (").unwrap_or((rest, ""));
        found.tests.push(FailedTest {
            name: name.to_owned(),
            message: message.split(')').next().unwrap_or_default().to_owned(),
            ..FailedTest::default()
        });
    }
    found
}

/// `50% tests passed, 1 tests failed out of 2`
fn tally(line: &str) -> Option<Tally> {
    let (failed, rest) = leading_number(line.split_once("% tests passed, ")?.1)?;
    let (all, _) = leading_number(rest.split_once(" tests failed out of ")?.1)?;
    Some(Tally { failed, passed: all.saturating_sub(failed) })
}
