//! What PHP says: its parser and phpunit.

use crate::workspace::diagnostics::place::{Place, leading_number};
use crate::workspace::diagnostics::{FailedTest, Findings, Severity, Tally};

/// `Parse error: syntax error, unexpected token in bad.php on line 2`
pub(super) fn syntax(lines: &[&str]) -> Findings {
    let diagnostic = |text: &&str| {
        let text = text.strip_prefix("PHP ").unwrap_or(text);
        let (head, rest) = text.split_once(": ")?;
        let severity = match head.trim() {
            "Parse error" | "Fatal error" => Severity::Error,
            "Warning" | "Deprecated" | "Notice" => Severity::Warning,
            _ => return None,
        };
        let (before, line) = rest.rsplit_once(" on line ")?;
        let (message, file) = before.rsplit_once(" in ")?;
        let place = Place { file, line: line.parse().ok()?, column: 0 };
        Some(place.diagnostic(severity, "", message))
    };
    Findings { diagnostics: lines.iter().filter_map(diagnostic).collect(), ..Findings::default() }
}

pub(super) fn phpunit(lines: &[&str]) -> Findings {
    let tally = lines.iter().find_map(|it| tally(it));
    let mut found = Findings { tally, ..Findings::default() };
    if found.tally.is_none() {
        return found;
    }
    for (n, line) in lines.iter().enumerate() {
        let Some(name) = numbered(line) else { continue };
        let section = &lines[n + 1..];
        let is_end = |it: &&str| numbered(it).is_some() || *it == "--" || it.ends_with("RES!");
        let section = &section[..section.iter().position(is_end).unwrap_or(section.len())];
        // Of the frames, which come after a blank line, the last is the test.
        let frames: Vec<_> = section.iter().filter_map(|it| Place::whole(it)).collect();
        let place = frames.last().copied().unwrap_or_default();
        let said = section.iter().take_while(|it| Place::whole(it).is_none());
        found.tests.push(FailedTest {
            name: name.to_owned(),
            file: place.file.to_owned(),
            line: place.line,
            message: said.copied().collect::<Vec<_>>().join("\n"),
        });
    }
    found
}

/// `1) CalcTest::testAdd`
fn numbered(line: &str) -> Option<&str> {
    leading_number(line)?.1.strip_prefix(") ").filter(|it| it.contains("::"))
}

/// `Tests: 3, Assertions: 2, Errors: 1, Failures: 1.`
fn tally(line: &str) -> Option<Tally> {
    let (mut all, mut failed) = (None, 0_u32);
    if !line.starts_with("Tests: ") || !line.contains("Assertions: ") {
        return None;
    }
    for (name, count) in line.split(", ").filter_map(|it| it.split_once(": ")) {
        let count = leading_number(count)?.0;
        match name {
            "Tests" => all = Some(count),
            "Errors" | "Failures" => failed = failed.saturating_add(count),
            _ => {}
        }
    }
    Some(Tally { failed, passed: all?.saturating_sub(failed) })
}
