//! What Python itself says: tracebacks, errors of syntax, and the tests of `unittest`.

use crate::workspace::diagnostics::place::{Place, leading_number};
use crate::workspace::diagnostics::{Diagnostic, FailedTest, Findings, Severity, Tally};

/// The last frame before each error.
pub(super) fn traceback(lines: &[&str]) -> Findings {
    let mut found = Findings::default();
    let mut last = None;
    for line in lines {
        if let Some(place) = frame(line) {
            last = Some(place);
        } else if !line.starts_with([' ', '\t']) {
            let (place, error) = (last.take(), error(line));
            if let Some((place, (name, message))) = place.zip(error) {
                found.diagnostics.push(Diagnostic {
                    message: if message.is_empty() { name.to_owned() } else { message.to_owned() },
                    ..place.diagnostic(Severity::Error, name, "")
                });
            }
        }
    }
    found
}

/// `  File "a.py", line 3, in f`
fn frame(line: &str) -> Option<Place<'_>> {
    let (file, rest) = line.trim_start().strip_prefix("File \"")?.split_once("\", line ")?;
    let (line, _) = leading_number(rest)?;
    Some(Place { file, line, column: 0 }).filter(|it| !it.file.starts_with('<'))
}

/// `SyntaxError: invalid syntax`, or a bare `KeyboardInterrupt`.
fn error(line: &str) -> Option<(&str, &str)> {
    let (name, message) = line.split_once(':').unwrap_or((line, ""));
    let last = name.rsplit('.').next()?;
    let is_name = last.starts_with(char::is_uppercase)
        && name.chars().all(|it| it.is_alphanumeric() || it == '_' || it == '.');
    is_name.then(|| (last, message.trim()))
}

pub(super) fn unittest(lines: &[&str]) -> Findings {
    let mut found = Findings::default();
    for (n, line) in lines.iter().enumerate() {
        if let Some(name) = heading(lines, n) {
            let section = &lines[n + 1..];
            let is_end = |it: &&str| it.starts_with("=====");
            let end = section.iter().position(is_end).unwrap_or(section.len());
            found.tests.push(test(name, &section[..end]));
        } else if let Some(ran) = line.strip_prefix("Ran ").and_then(leading_number) {
            let verdict = lines[n + 1..].iter().find(|it| !it.is_empty());
            let failed = verdict.map_or(0, |it| failures(it));
            found.tally = Some(Tally { failed, passed: ran.0.saturating_sub(failed) });
        }
    }
    found
}

/// `FAIL: test_sum (u.test_unit.Sums.test_sum)` below a double rule.
fn heading<'a>(lines: &[&'a str], n: usize) -> Option<&'a str> {
    let is_ruled = n.checked_sub(1).is_some_and(|it| lines[it].starts_with("====="));
    let line = lines[n];
    let name = line.strip_prefix("FAIL: ").or_else(|| line.strip_prefix("ERROR: "))?;
    is_ruled.then_some(name)
}

fn test(name: &str, section: &[&str]) -> FailedTest {
    let place = section.iter().rev().find_map(|it| frame(it)).unwrap_or_default();
    let said = section.iter().skip_while(|it| it.starts_with("-----"));
    let said = said.skip_while(|it| it.starts_with("Traceback") || it.starts_with(' '));
    let message: Vec<_> = said.take_while(|it| !it.starts_with("-----")).copied().collect();
    FailedTest {
        name: name.to_owned(),
        file: place.file.to_owned(),
        line: place.line,
        message: message.join("\n"),
    }
}

/// The failures in `FAILED (failures=2, errors=1)`.
fn failures(verdict: &str) -> u32 {
    let counts = verdict.split(['(', ',', ' ']).filter_map(|it| {
        let count = it.strip_prefix("failures=").or_else(|| it.strip_prefix("errors="))?;
        Some(leading_number(count)?.0)
    });
    counts.fold(0, u32::saturating_add)
}
