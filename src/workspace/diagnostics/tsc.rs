//! What the compiler of TypeScript says, plain and pretty. The plain form is also that of
//! `dotnet build`.

use crate::workspace::diagnostics::place::{Place, leading_number};
use crate::workspace::diagnostics::{Diagnostic, Findings, Severity};

/// `src/c.ts(1,7): error TS2322: message`
pub(super) fn plain(lines: &[&str]) -> Findings {
    let diagnostic = |line: &&str| {
        let (before, rest) = line.split_once("): ")?;
        let (file, place) = before.rsplit_once('(')?;
        let (line, rest_of_place) = leading_number(place)?;
        let column = rest_of_place.strip_prefix(',').and_then(leading_number).map_or(0, |it| it.0);
        let (severity, code, message) = head(rest)?;
        // The project that `dotnet` was building.
        let message = message.strip_suffix("proj]").and_then(|it| it.rsplit_once(" ["));
        let message = message.map_or(head(rest)?.2, |(message, _)| message);
        let place = Place { file: file.trim_start(), line, column };
        Some(place.diagnostic(severity, code, message))
    };
    gather(lines, diagnostic)
}

/// `src/c.ts:1:7 - error TS2322: message`
pub(super) fn pretty(lines: &[&str]) -> Findings {
    let diagnostic = |line: &&str| {
        let (place, rest) = Place::leading(line)?;
        let (severity, code, message) = head(rest.strip_prefix(" - ")?)?;
        Some(place.diagnostic(severity, code, message))
    };
    gather(lines, diagnostic)
}

fn gather(lines: &[&str], diagnostic: impl Fn(&&str) -> Option<Diagnostic>) -> Findings {
    Findings { diagnostics: lines.iter().filter_map(diagnostic).collect(), ..Findings::default() }
}

/// `error TS2322: message`
fn head(text: &str) -> Option<(Severity, &str, &str)> {
    let (head, message) = text.split_once(": ")?;
    let (word, code) = head.split_once(' ')?;
    let severity = Severity::parse(word)?;
    (!code.contains(' ')).then_some((severity, code, message))
}
