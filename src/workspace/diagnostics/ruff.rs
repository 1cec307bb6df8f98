//! What ruff says, in its short, long and JSON forms; flake8 and pylint print the short one too.

use serde_json::Value;

use crate::workspace::diagnostics::place::Place;
use crate::workspace::diagnostics::{Diagnostic, Findings, Severity};

pub(super) fn read(lines: &[&str]) -> Findings {
    let mut found = Findings::default();
    for (n, line) in lines.iter().enumerate() {
        let long = || {
            let place = lines.get(n + 1)?.trim_start().strip_prefix("--> ")?;
            Some((Place::whole(place)?, *line))
        };
        let short = Place::leading(line).map(|(place, rest)| (place, rest.trim_start_matches(':')));
        let Some((place, rest)) = short.or_else(long) else { continue };
        if let Some((code, message)) = coded(rest) {
            found.diagnostics.push(place.diagnostic(severity(code), code, message));
        }
    }
    found
}

/// A code and its message: `F401 [*] message`.
fn coded(text: &str) -> Option<(&str, &str)> {
    let (code, message) = text.trim_start().split_once(' ')?;
    let code = code.trim_end_matches(':');
    let letters = code.trim_end_matches(|it: char| it.is_ascii_digit());
    let digits = code.len() - letters.len();
    let is_code = (1..=5).contains(&letters.len())
        && letters.chars().all(|it| it.is_ascii_uppercase())
        && (3..=4).contains(&digits);
    let is_known = is_code || matches!(code, "invalid-syntax" | "SyntaxError");
    let message = message.trim_start();
    is_known.then(|| (code, message.strip_prefix("[*] ").unwrap_or(message)))
}

/// What breaks a program, beside what displeases: names without meaning, and errors of syntax.
fn severity(code: &str) -> Severity {
    let breaks = ["E9", "F82", "F7", "F63", "invalid", "Syntax"];
    match breaks.iter().any(|it| code.starts_with(it)) {
        true => Severity::Error,
        false => Severity::Warning,
    }
}

pub(super) fn json(value: &Value, found: &mut Findings) {
    for item in value.as_array().into_iter().flatten() {
        let (Some(file), Some(line)) =
            (item["filename"].as_str(), item["location"]["row"].as_u64())
        else {
            continue;
        };
        let code = item["code"].as_str().unwrap_or("invalid-syntax");
        let column = item["location"]["column"].as_u64().unwrap_or(0);
        found.diagnostics.push(Diagnostic {
            file: file.to_owned(),
            line: u32::try_from(line).unwrap_or(0),
            column: u32::try_from(column).unwrap_or(0),
            severity: severity(code),
            code: code.to_owned(),
            message: item["message"].as_str().unwrap_or_default().to_owned(),
        });
    }
}
