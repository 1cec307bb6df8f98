//! What to look for: from the words of the model to a matcher.

use grep_regex::{RegexMatcher, RegexMatcherBuilder};

use crate::tools::Failure;

#[derive(Debug)]
pub(super) struct Pattern {
    pub(super) matcher: RegexMatcher,
    pub(super) reading: Reading,
}

/// How the pattern was understood.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Reading {
    Lines,
    /// A match may span lines.
    Across,
    /// It is not a regular expression, and is looked for as it stands.
    Plain,
}

impl Pattern {
    pub(super) fn parse(pattern: &str) -> Result<Self, Failure> {
        if pattern.is_empty() {
            return Err(Failure::new("`pattern` is empty", "no pattern"));
        }
        // `crlf` sets a line terminator too, one that the searcher does not have.
        let lines = |it: &mut RegexMatcherBuilder| {
            it.case_smart(true).multi_line(true).crlf(true);
            it.line_terminator(Some(b'\n')).build(pattern)
        };
        let across = || RegexMatcherBuilder::new().case_smart(true).multi_line(true).build(pattern);

        let found = |matcher, reading| Ok(Self { matcher, reading });
        if let (true, Ok(matcher)) = (asks_for_line_ends(pattern), across()) {
            return found(matcher, Reading::Across);
        }
        if let Ok(matcher) = lines(&mut RegexMatcherBuilder::new()) {
            return found(matcher, Reading::Lines);
        }
        // A line end that is written in a way not thought of above.
        if let Ok(matcher) = across() {
            return found(matcher, Reading::Across);
        }
        match lines(RegexMatcherBuilder::new().fixed_strings(true)) {
            Ok(matcher) => found(matcher, Reading::Plain),
            Err(err) => {
                Err(Failure::new(format!("`pattern` cannot be searched for: {err}"), "no pattern"))
            }
        }
    }
}

/// Whether a match is meant to go on over the end of a line: a `\n` outside of a class, or a flag
/// that lets `.` match it. In `[^\n]` and `\s` the line end is not what is looked for.
fn asks_for_line_ends(pattern: &str) -> bool {
    let (mut is_in_class, mut rest) = (false, pattern.chars());
    while let Some(it) = rest.next() {
        match it {
            '\\' if rest.next() == Some('n') && !is_in_class => return true,
            '\n' if !is_in_class => return true,
            '[' => is_in_class = true,
            ']' => is_in_class = false,
            '(' if !is_in_class => {
                let flags = rest.as_str().strip_prefix('?').unwrap_or_default();
                let set = flags.split(|it: char| !it.is_ascii_alphabetic()).next();
                if set.unwrap_or_default().contains('s') {
                    return true;
                }
            }
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, expected: Reading) {
        assert_eq!(Pattern::parse(pattern).unwrap().reading, expected);
    }

    #[test]
    fn a_pattern_is_looked_for_in_one_line_at_a_time() {
        check("fn main", Reading::Lines);
        check(r"a\s+b", Reading::Lines);
        check(r"a[^\n]*b", Reading::Lines);
        check(r"\\name", Reading::Lines);
        check("(?<some>a)", Reading::Lines);
        check("(?i)a", Reading::Lines);
    }

    #[test]
    fn a_line_end_in_the_pattern_makes_it_span_lines() {
        check(r"a\nb", Reading::Across);
        check("a\nb", Reading::Across);
        check(r"(?s)a.*b", Reading::Across);
        check(r"a(?s:.*)b", Reading::Across);
        check(r"a[\n]b", Reading::Across);
        check(r"a\x0Ab", Reading::Across);
    }

    #[test]
    fn what_is_no_expression_is_plain_text() {
        check("run(", Reading::Plain);
        check("a[", Reading::Plain);
    }
}
