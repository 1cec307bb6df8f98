//! What shells say of a script that they cannot read, and what shellcheck says of one they can.

use serde_json::Value;

use crate::workspace::diagnostics::place::{Place, leading_number};
use crate::workspace::diagnostics::{Diagnostic, Findings, Severity};

/// `bad.sh: line 4: syntax error: unexpected end of file`, as bash has it; dash leaves out `line`.
pub(super) fn bash(lines: &[&str]) -> Findings {
    let diagnostic = |text: &&str| {
        let (file, rest) = text.split_once(": ")?;
        let (line, message) = leading_number(rest.strip_prefix("line ").unwrap_or(rest))?;
        let message = message.strip_prefix(": ")?;
        let is_syntax = ["syntax error", "Syntax error", "unexpected EOF"];
        let is_syntax =
            is_syntax.iter().any(|it| message.to_lowercase().contains(&it.to_lowercase()));
        let place = Place { file, line, column: 0 };
        is_syntax.then(|| place.diagnostic(Severity::Error, "", message))
    };
    Findings { diagnostics: lines.iter().filter_map(diagnostic).collect(), ..Findings::default() }
}

/// `In s.sh line 3:`, the line, and beneath it `^-- SC2086 (info): message`.
pub(super) fn shellcheck(lines: &[&str]) -> Findings {
    let mut found = Findings::default();
    let mut place = None;
    for line in lines {
        if let Some(heading) = line.strip_prefix("In ").and_then(|it| it.strip_suffix(':')) {
            place = heading
                .rsplit_once(" line ")
                .and_then(|(file, line)| Some(Place { file, line: line.parse().ok()?, column: 0 }));
        } else if let Some((place, diagnostic)) = place.zip(marked(line)) {
            let column = u32::try_from(line.len() - line.trim_start().len()).unwrap_or(0);
            let (code, severity, message) = diagnostic;
            let place = Place { column: column.saturating_add(1), ..place };
            found.diagnostics.push(place.diagnostic(severity, code, message));
        }
    }
    found
}

fn marked(line: &str) -> Option<(&str, Severity, &str)> {
    let rest = line.trim_start().strip_prefix('^')?.trim_start_matches(['-', '^']);
    let (code, rest) = rest.trim_start().split_once(" (")?;
    let (word, message) = rest.split_once("): ")?;
    let severity = Severity::parse(word)?;
    code.starts_with("SC").then_some((code, severity, message))
}

pub(super) fn json(value: &Value, found: &mut Findings) {
    let items = value["comments"].as_array().or_else(|| value.as_array());
    for item in items.into_iter().flatten() {
        let (Some(file), Some(level)) = (item["file"].as_str(), item["level"].as_str()) else {
            continue;
        };
        let number = |it: &str| item[it].as_u64().and_then(|it| u32::try_from(it).ok());
        found.diagnostics.push(Diagnostic {
            file: file.to_owned(),
            line: number("line").unwrap_or(0),
            column: number("column").unwrap_or(0),
            severity: Severity::parse(level).unwrap_or_default(),
            code: number("code").map(|it| format!("SC{it}")).unwrap_or_default(),
            message: item["message"].as_str().unwrap_or_default().to_owned(),
        });
    }
}
