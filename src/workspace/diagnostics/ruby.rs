//! What Ruby says: its parser, rubocop, and the tests of rspec and minitest.

use crate::workspace::diagnostics::place::{Place, leading_number};
use crate::workspace::diagnostics::{FailedTest, Findings, Severity, Tally};

/// `bad.rb:2: syntax error, unexpected integer literal`
pub(super) fn syntax(lines: &[&str]) -> Findings {
    let diagnostic = |line: &&str| {
        let (place, rest) = Place::leading(line)?;
        let message = rest.strip_prefix(": ")?;
        let message = message.strip_prefix("-e:1: ").unwrap_or(message);
        let is_syntax = message.starts_with("syntax error") && place.file.ends_with(".rb");
        is_syntax.then(|| place.diagnostic(Severity::Error, "", message))
    };
    Findings { diagnostics: lines.iter().filter_map(diagnostic).collect(), ..Findings::default() }
}

/// `calc.rb:2:3: W: Lint/UselessAssignment: Useless assignment to variable - x.`
pub(super) fn rubocop(lines: &[&str]) -> Findings {
    let diagnostic = |line: &&str| {
        let (place, rest) = Place::leading(line)?;
        let (letter, rest) = rest.strip_prefix(": ")?.split_once(": ")?;
        let severity = match letter {
            "E" | "F" => Severity::Error,
            "W" => Severity::Warning,
            "C" | "R" | "I" => Severity::Note,
            _ => return None,
        };
        let rest = rest.strip_prefix("[Correctable] ").unwrap_or(rest);
        let (code, message) =
            rest.split_once(": ").filter(|(it, _)| it.contains('/')).unwrap_or(("", rest));
        Some(place.diagnostic(severity, code, message))
    };
    Findings { diagnostics: lines.iter().filter_map(diagnostic).collect(), ..Findings::default() }
}

pub(super) fn rspec(lines: &[&str]) -> Findings {
    let tally = lines.iter().find_map(|it| {
        let (all, rest) = leading_number(it)?;
        let rest = rest.strip_prefix(" examples, ").or_else(|| rest.strip_prefix(" example, "))?;
        let (failed, _) = leading_number(rest)?;
        Some(Tally { failed, passed: all.saturating_sub(failed) })
    });
    let mut found = Findings { tally, ..Findings::default() };
    if tally.is_none() {
        return found;
    }
    sections(lines, |name, section| {
        let frame = section.iter().filter_map(|it| it.trim_start().strip_prefix("# "));
        let place = frame.filter_map(Place::leading).map(|it| it.0).next().unwrap_or_default();
        let said = section.iter().take_while(|it| !it.trim_start().starts_with("# "));
        let said: Vec<_> = said.copied().collect();
        found.tests.push(failed(name, place, &said));
    });
    found
}

pub(super) fn minitest(lines: &[&str]) -> Findings {
    let tally = lines.iter().find_map(|it| {
        let (runs, rest) = leading_number(it)?;
        let mut counts = rest.strip_prefix(" runs, ")?.split(", ").filter_map(leading_number);
        let (_, failures, errors) = (counts.next()?, counts.next()?.0, counts.next()?.0);
        let failed = failures.saturating_add(errors);
        Some(Tally { failed, passed: runs.saturating_sub(failed) })
    });
    let mut found = Findings { tally, ..Findings::default() };
    if tally.is_none() {
        return found;
    }
    sections(lines, |kind, section| {
        let [head, said @ ..] = section else { return };
        if !matches!(kind, "Failure:" | "Error:") {
            return;
        }
        // `TestAdd#test_add [mini_test.rb:4]:`
        let head = head.trim_end_matches(':');
        let (name, place) = match head.strip_suffix(']').and_then(|it| it.split_once(" [")) {
            Some((name, place)) => (name, Place::whole(place)),
            None => (head, said.iter().find_map(|it| Some(Place::leading(it.trim_start())?.0))),
        };
        let said = said.iter().take_while(|it| !it.is_empty());
        let said: Vec<_> =
            said.filter(|it| Place::leading(it.trim_start()).is_none()).copied().collect();
        found.tests.push(failed(name, place.unwrap_or_default(), &said));
    });
    found
}

/// Each `  1) name` with what stands below it.
fn sections<'a>(lines: &[&'a str], mut each: impl FnMut(&'a str, &[&'a str])) {
    let numbered = |it: &'a str| leading_number(it.strip_prefix("  ")?)?.1.strip_prefix(") ");
    for (n, line) in lines.iter().enumerate() {
        let Some(name) = numbered(line) else { continue };
        let section = &lines[n + 1..];
        let is_end = |it: &&'a str| numbered(it).is_some() || it.starts_with("Finished in ");
        let end = section.iter().position(is_end).unwrap_or(section.len());
        each(name, &section[..end]);
    }
}

fn failed(name: &str, place: Place<'_>, said: &[&str]) -> FailedTest {
    FailedTest {
        name: name.to_owned(),
        file: place.file.to_owned(),
        line: place.line,
        message: said.join("\n"),
    }
}
