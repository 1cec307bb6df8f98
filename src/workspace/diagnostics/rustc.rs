//! What rustc and clippy print through cargo, for people and as JSON.

use serde_json::Value;

use crate::workspace::diagnostics::place::Place;
use crate::workspace::diagnostics::{Diagnostic, Findings, Severity};

/// No message of one error has more lines.
const LONGEST: usize = 100;

pub(super) fn read(lines: &[&str]) -> Findings {
    let mut found = Findings::default();
    for (n, line) in lines.iter().enumerate() {
        let Some((severity, code, message)) = head(line) else { continue };
        let block = &lines[n + 1..lines.len().min(n + LONGEST)];
        let block = &block[..block.iter().position(|it| it.is_empty()).unwrap_or(block.len())];
        // A message without a place sums up others.
        let place = block.iter().take(3).find_map(|it| it.trim_start().strip_prefix("--> "));
        let Some(place) = place.and_then(Place::whole) else { continue };
        let code = if code.is_empty() { lint(block).unwrap_or_default() } else { code };
        let mut diagnostic = place.diagnostic(severity, code, message);
        if let Some(label) = label(block) {
            diagnostic.message += ": ";
            diagnostic.message += label;
        }
        found.diagnostics.push(diagnostic);
    }
    found
}

/// `error[E0308]: mismatched types`
fn head(line: &str) -> Option<(Severity, &str, &str)> {
    let (head, message) = line.split_once(": ")?;
    let (word, code) = match head.split_once('[') {
        Some((word, code)) => (word, code.strip_suffix(']')?),
        None => (head, ""),
    };
    let severity = Severity::parse(word).filter(|it| *it != Severity::Note)?;
    Some((severity, code, message))
}

/// What stands beside the first marked piece of code.
fn label<'a>(block: &[&'a str]) -> Option<&'a str> {
    let marked = block.iter().find(|it| it.contains('^') && is_beneath_code(it))?;
    let label = marked.rsplit_once('^')?.1.trim_start_matches('-').trim();
    (!label.is_empty() && !label.starts_with("help:")).then_some(label)
}

/// `  |     ^^^ expected`, without a line number.
fn is_beneath_code(line: &str) -> bool {
    line.trim_start().starts_with('|')
}

/// The lint in `` = note: `#[warn(unused)]` on by default ``.
fn lint<'a>(block: &[&'a str]) -> Option<&'a str> {
    let levels = ["`#[warn(", "`#[deny(", "`#[forbid("];
    block.iter().filter(|it| it.contains("= note: `#[")).find_map(|line| {
        let rest = levels.iter().find_map(|it| line.split_once(it))?.1;
        Some(rest.split_once(')')?.0)
    })
}

pub(super) fn json(value: &Value, found: &mut Findings) {
    if value["reason"] != "compiler-message" {
        return;
    }
    let message = &value["message"];
    let spans = message["spans"].as_array().map(Vec::as_slice).unwrap_or_default();
    let Some(span) = spans.iter().find(|it| it["is_primary"] == true) else { return };
    let text = |it: &Value| it.as_str().unwrap_or_default().to_owned();
    let number = |it: &Value| it.as_u64().and_then(|it| u32::try_from(it).ok()).unwrap_or(0);
    let severity = message["level"].as_str().and_then(|it| Severity::parse(it.split(':').next()?));
    let mut diagnostic = Diagnostic {
        file: text(&span["file_name"]),
        line: number(&span["line_start"]),
        column: number(&span["column_start"]),
        severity: severity.unwrap_or_default(),
        code: text(&message["code"]["code"]),
        message: text(&message["message"]),
    };
    if let Some(label) = span["label"].as_str().filter(|it| !it.is_empty()) {
        diagnostic.message += ": ";
        diagnostic.message += label;
    }
    found.diagnostics.push(diagnostic);
}
