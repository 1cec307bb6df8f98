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
        let spanning = Spanning::read(pattern);
        let across = || {
            let pattern = &spanning.pattern;
            RegexMatcherBuilder::new().case_smart(true).multi_line(true).build(pattern)
        };

        let found = |matcher, reading| Ok(Self { matcher, reading });
        if let (true, Ok(matcher)) = (spanning.is_meant, across()) {
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

/// A pattern as it is read where matches span lines.
struct Spanning {
    /// With a line end meaning any, as files have them.
    pattern: String,
    /// Whether a match is meant to go on over the end of a line: a `\n` outside of a class, or a
    /// flag that lets `.` match it. In `[^\n]` and `\s` the line end is not what is looked for.
    is_meant: bool,
}

impl Spanning {
    fn read(written: &str) -> Self {
        const ANY: &str = r"(?:\r?\n)";
        let (mut pattern, mut is_meant) = (String::with_capacity(written.len()), false);
        let (mut classes, mut is_verbose, mut rest) = (0, false, written.chars());
        while let Some(it) = rest.next() {
            match it {
                '\\' => match rest.next() {
                    Some('n') if classes == 0 => {
                        is_meant = true;
                        pattern += ANY;
                    }
                    escaped => pattern.extend([it].into_iter().chain(escaped)),
                },
                '\n' if classes == 0 => {
                    is_meant = true;
                    // Between the words of a verbose pattern it means nothing.
                    pattern += if is_verbose { "\n" } else { ANY };
                }
                '[' => {
                    classes += 1;
                    pattern.push(it);
                    // What is first in a class does not end it.
                    for first in ['^', ']'] {
                        if let Some(after) = rest.as_str().strip_prefix(first) {
                            pattern.push(first);
                            rest = after.chars();
                        }
                    }
                }
                ']' => {
                    classes = usize::saturating_sub(classes, 1);
                    pattern.push(it);
                }
                '(' if classes == 0 => {
                    let flags = rest.as_str().strip_prefix('?').unwrap_or_default();
                    let set = flags.split(|it: char| !it.is_ascii_alphabetic()).next();
                    let set = set.unwrap_or_default();
                    is_meant |= set.contains('s');
                    is_verbose |= set.contains('x');
                    pattern.push(it);
                }
                _ => pattern.push(it),
            }
        }
        Self { pattern, is_meant }
    }
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
    fn a_line_end_is_any_line_end() {
        let check = |pattern, expected| assert_eq!(Spanning::read(pattern).pattern, expected);
        check(r"a\n+b", r"a(?:\r?\n)+b");
        check("a\nb", r"a(?:\r?\n)b");
        check(r"\\n[^\n][[:alpha:]\n][]\n](?s:.)", r"\\n[^\n][[:alpha:]\n][]\n](?s:.)");
        check("(?x) a # one\n b", "(?x) a # one\n b");
        check(r"a\", r"a\");
    }

    #[test]
    fn what_is_no_expression_is_plain_text() {
        check("run(", Reading::Plain);
        check("a[", Reading::Plain);
    }
}
