//! What pyright says, for people and as JSON.

use serde_json::Value;

use crate::workspace::diagnostics::place::Place;
use crate::workspace::diagnostics::{Diagnostic, Findings, Severity};

pub(super) fn read(lines: &[&str]) -> Findings {
    let mut found = Findings::default();
    let mut n = 0;
    while let Some(line) = lines.get(n) {
        n += 1;
        let Some((place, severity, mut message)) = head(line) else { continue };
        // What follows is indented deeper.
        while let Some(more) =
            lines.get(n).and_then(|it| it.strip_prefix("    ").or(it.strip_prefix("  \u{a0}")))
        {
            message += "\n";
            message += more;
            n += 1;
        }
        let (message, rule) =
            match message.trim_end().strip_suffix(')').and_then(|it| it.rsplit_once(" (")) {
                Some((message, rule)) if rule.starts_with("report") => (message, rule),
                _ => (&*message, ""),
            };
        found.diagnostics.push(place.diagnostic(severity, rule, message));
    }
    found
}

/// `  /proj/calc.py:10:12 - error: message`
fn head(line: &str) -> Option<(Place<'_>, Severity, String)> {
    let (place, rest) = Place::leading(line.strip_prefix("  ")?)?;
    let (word, message) = rest.strip_prefix(" - ")?.split_once(": ")?;
    Some((place, Severity::parse(word)?, message.to_owned()))
}

pub(super) fn json(value: &Value, found: &mut Findings) {
    for item in value["generalDiagnostics"].as_array().into_iter().flatten() {
        let text = |it: &Value| it.as_str().unwrap_or_default().to_owned();
        let start = &item["range"]["start"];
        let from_one = |it: &Value| {
            it.as_u64().and_then(|it| u32::try_from(it).ok()).unwrap_or(0).saturating_add(1)
        };
        found.diagnostics.push(Diagnostic {
            file: text(&item["file"]),
            line: from_one(&start["line"]),
            column: from_one(&start["character"]),
            severity: Severity::parse(&text(&item["severity"])).unwrap_or_default(),
            code: text(&item["rule"]),
            message: text(&item["message"]),
        });
    }
}
