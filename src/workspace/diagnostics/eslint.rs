//! What eslint says, in its usual form and as JSON. stylelint and biome's older kin print the same.

use serde_json::Value;

use crate::workspace::diagnostics::place::{Place, leading_number};
use crate::workspace::diagnostics::{Diagnostic, Findings, Severity};

/// A path on a line of its own, then `  1:12  error  Missing semicolon  semi`.
pub(super) fn stylish(lines: &[&str]) -> Findings {
    let mut found = Findings::default();
    let mut file = None;
    for line in lines {
        if !line.starts_with(' ') {
            let is_path = !line.contains(": ") && line.contains(['/', '.']);
            file = is_path.then_some(*line);
        } else if let Some(diagnostic) = file.and_then(|file| row(file, line)) {
            found.diagnostics.push(diagnostic);
        }
    }
    found
}

fn row(file: &str, line: &str) -> Option<Diagnostic> {
    let (number, rest) = leading_number(line.trim_start())?;
    let (column, rest) = leading_number(rest.strip_prefix(':')?)?;
    let (word, rest) = rest.trim_start().split_once("  ")?;
    let severity = Severity::parse(word)?;
    let (message, rule) = match rest.trim().rsplit_once("  ") {
        Some((message, rule)) if !rule.contains(' ') => (message, rule),
        _ => (rest, ""),
    };
    Some(Place { file, line: number, column }.diagnostic(severity, rule, message))
}

pub(super) fn json(value: &Value, found: &mut Findings) {
    for item in value.as_array().into_iter().flatten() {
        let Some(file) = item["filePath"].as_str() else { continue };
        for message in item["messages"].as_array().into_iter().flatten() {
            let number = |name: &str| {
                message[name].as_u64().and_then(|it| u32::try_from(it).ok()).unwrap_or(0)
            };
            found.diagnostics.push(Diagnostic {
                file: file.to_owned(),
                line: number("line"),
                column: number("column"),
                severity: if number("severity") == 1 { Severity::Warning } else { Severity::Error },
                code: message["ruleId"].as_str().unwrap_or_default().to_owned(),
                message: message["message"].as_str().unwrap_or_default().to_owned(),
            });
        }
    }
}
