//! The form that gcc made common: `path:line:column: severity: message [code]`. So print clang,
//! mypy, javac, `shellcheck -f gcc`, `cargo --message-format short` and many more.

use crate::workspace::diagnostics::place::{Place, code_at_end};
use crate::workspace::diagnostics::{Diagnostic, Findings, Severity};

pub(super) fn read(lines: &[&str]) -> Findings {
    let mut found = Findings::default();
    let mut at_home = false;
    for (n, line) in lines.iter().enumerate() {
        let Some(diagnostic) = diagnostic(line, &lines[n + 1..]) else { continue };
        // A note explains what stands before it, except where notes are all there is.
        let explains = diagnostic.severity == Severity::Note && diagnostic.code.is_empty();
        if !(explains && at_home) {
            found.diagnostics.push(diagnostic);
            at_home = true;
        }
    }
    found
}

fn diagnostic(line: &str, after: &[&str]) -> Option<Diagnostic> {
    let (place, rest) = Place::leading(line)?;
    // mypy and pytest can say where it ends too.
    let rest = rest.trim_start_matches(|it: char| it == ':' || it.is_ascii_digit()).trim_start();
    let (head, message) = rest.split_once(": ")?;
    let (word, code) = match head.split_once('[') {
        Some((word, code)) => (word, code.strip_suffix(']')?),
        None => (head, ""),
    };
    let severity = Severity::parse(word)?;
    if !code.is_empty() {
        return Some(place.diagnostic(severity, code, message));
    }
    // A lint of javac stands before the message.
    if let Some((lint, message)) = message.strip_prefix('[').and_then(|it| it.split_once("] ")) {
        return Some(place.diagnostic(severity, lint, message));
    }
    let (text, code) = code_at_end(message);
    if code.is_empty()
        && let Some((text, code)) = wrapped(message, after)
    {
        return Some(place.diagnostic(severity, &code, &text));
    }
    let mut diagnostic = place.diagnostic(severity, code, text);
    diagnostic.message += &details(after);
    Some(diagnostic)
}

/// What javac says of a symbol it cannot find, below the line it stands in.
fn details(after: &[&str]) -> String {
    let [_, caret, more @ ..] = after else { return String::new() };
    if caret.trim() != "^" {
        return String::new();
    }
    let is_detail = |it: &&&str| it.starts_with("  symbol:") || it.starts_with("  location:");
    more.iter().take_while(is_detail).map(|it| format!("\n{}", it.trim())).collect()
}

/// A message of mypy that was broken to fit a terminal.
fn wrapped(message: &str, after: &[&str]) -> Option<(String, String)> {
    let end = after.iter().take(3).position(|it| it.ends_with(']') && it.contains("  ["))?;
    if after[..=end].iter().any(|it| it.starts_with(' ') || Place::leading(it).is_some()) {
        return None;
    }
    let whole = format!("{message} {}", after[..=end].join(" "));
    let (text, code) = code_at_end(&whole);
    Some((text.to_owned(), code.to_owned()))
}

/// What the linker misses has no line: "a.c:(.text+0x5): undefined reference to `f'".
pub(super) fn linker(lines: &[&str]) -> Findings {
    let diagnostic = |line: &&str| {
        let (before, rest) = line.split_once(":(.")?;
        let file = before.rsplit(' ').next()?;
        let (_, message) = rest.split_once("): ")?;
        let place = Place { file, ..Place::default() };
        Some(place.diagnostic(Severity::Error, "", message))
    };
    Findings { diagnostics: lines.iter().filter_map(diagnostic).collect(), ..Findings::default() }
}
