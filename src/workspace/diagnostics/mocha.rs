//! What mocha says of tests that failed.

use crate::workspace::diagnostics::place::{Place, leading_number};
use crate::workspace::diagnostics::{FailedTest, Findings, Tally};

pub(super) fn read(lines: &[&str]) -> Findings {
    let mut found = Findings::default();
    // The list of tests has numbers too; what went wrong follows the counts.
    let count = |word: &str| {
        let line =
            lines.iter().find(|it| it.trim_start().contains(word) && it.starts_with("  "))?;
        let (n, rest) = leading_number(line.trim_start())?;
        rest.trim_start().starts_with(word).then_some(n)
    };
    let Some(failed) = count("failing") else { return found };
    found.tally = Some(Tally { failed, passed: count("passing").unwrap_or(0) });
    let start = lines.iter().position(|it| it.trim_start().ends_with(" failing"));
    let lines = &lines[start.map_or(lines.len(), |it| it + 1)..];
    let starts: Vec<_> = (0..lines.len()).filter(|it| numbered(lines[*it]).is_some()).collect();
    for (n, start) in starts.iter().enumerate() {
        let end = starts.get(n + 1).copied().unwrap_or(lines.len());
        found.tests.push(test(&lines[*start..end]));
    }
    found
}

/// The name in `  1) group`.
fn numbered(line: &str) -> Option<&str> {
    let (_, rest) = leading_number(line.strip_prefix("  ")?)?;
    rest.strip_prefix(") ")
}

fn test(section: &[&str]) -> FailedTest {
    // The name goes on, deeper each time, until a colon ends it.
    let last = section.iter().take(12).position(|it| it.ends_with(':')).unwrap_or(0);
    let first = numbered(section[0]).unwrap_or_default();
    let rest = section.iter().take(last + 1).skip(1).map(|it| it.trim());
    let name: Vec<_> = std::iter::once(first).chain(rest).collect();
    let said = section[last + 1..].iter();
    let message: Vec<_> = said
        .clone()
        .take_while(|it| !it.trim_start().starts_with("at "))
        .map(|it| it.trim())
        .collect();
    let place = said.filter_map(|it| Place::of_frame(it)).find(|it| !it.is_foreign());
    let place = place.unwrap_or_default();
    FailedTest {
        name: name.join(" ").trim_end_matches(':').to_owned(),
        file: place.file.to_owned(),
        line: place.line,
        message: message.join("\n"),
    }
}
