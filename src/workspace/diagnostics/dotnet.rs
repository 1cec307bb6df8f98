//! What `dotnet test` says of tests that failed. Its compiler prints as that of TypeScript does.

use crate::workspace::diagnostics::place::leading_number;
use crate::workspace::diagnostics::{FailedTest, Findings, Tally};

pub(super) fn tests(lines: &[&str]) -> Findings {
    let mut found = Findings::default();
    for (n, line) in lines.iter().enumerate() {
        if let Some(name) = failed(line) {
            let section = &lines[n + 1..];
            let is_end = |it: &&str| failed(it).is_some() || it.starts_with("Failed!");
            let end = section.iter().position(is_end).unwrap_or(section.len());
            found.tests.extend(test(name, &section[..end]));
        } else if let Some(tally) = tally(line) {
            found.tally = Some(tally);
        }
    }
    found
}

/// `  Failed Sample.CalcTest.Adds [12 ms]`
fn failed(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("  Failed ")?;
    Some(rest.strip_suffix(']')?.rsplit_once(" [")?.0)
}

fn test(name: &str, section: &[&str]) -> Option<FailedTest> {
    let message = section.iter().position(|it| it.trim() == "Error Message:")?;
    let stack = section.iter().position(|it| it.trim() == "Stack Trace:");
    let said = section.get(message + 1..stack.unwrap_or(section.len())).unwrap_or_default();
    let place = section.iter().find_map(|it| {
        let (file, line) = it.split_once(" in ")?.1.rsplit_once(":line ")?;
        Some((file.to_owned(), leading_number(line)?.0))
    });
    let (file, line) = place.unwrap_or_default();
    Some(FailedTest { name: name.to_owned(), file, line, message: said.join("\n") })
}

/// `Failed!  - Failed:     1, Passed:     2, Skipped:     0, Total:     3`
fn tally(line: &str) -> Option<Tally> {
    let counts = line.strip_prefix("Failed!").or_else(|| line.strip_prefix("Passed!"))?;
    let count = |name: &str| Some(leading_number(counts.split_once(name)?.1.trim_start())?.0);
    Some(Tally { failed: count("Failed:")?, passed: count("Passed:")? })
}
