//! How much deeper or less deep a file is indented than what was looked for in it: one answer for
//! all lines, or none.

use std::fmt;

/// From the indentation that was given to that of the file.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Indent {
    /// The file has this before each line.
    Deeper(String),
    /// What was given has this before each line.
    Shallower(String),
    /// The file has a tab for so many spaces.
    Tabs(usize),
    /// The file has so many spaces for a tab.
    Spaces(usize),
}

/// The most columns a tab stands for.
const WIDEST: usize = 8;

impl Indent {
    /// What turns the indentation of each given line into that of its line in the file. Blank
    /// lines say nothing.
    pub(super) fn between<'a>(lines: impl Iterator<Item = (&'a str, &'a str)>) -> Option<Self> {
        let blank = |(given, _): &(&str, &str)| !given.trim().is_empty();
        let pairs: Vec<(&str, &str)> =
            lines.filter(blank).map(|(given, file)| (white(given), white(file))).collect();
        let (given, file) = *pairs.first()?;
        let candidates = [
            more(file, given).map(Self::Deeper),
            more(given, file).map(Self::Shallower),
            width(pairs.iter().copied()).map(Self::Tabs),
            width(pairs.iter().map(|(given, file)| (*file, *given))).map(Self::Spaces),
        ];
        let fits =
            |it: &Self| pairs.iter().all(|(given, file)| it.shift(given).as_deref() == Some(*file));
        candidates.into_iter().flatten().find(fits)
    }

    /// A line as the file would have it; `None` if it has not what would have to go.
    pub(super) fn apply(&self, line: &str) -> Option<String> {
        let white = white(line);
        let rest = &line[white.len()..];
        if rest.is_empty() {
            return Some(String::new());
        }
        Some(self.shift(white)? + rest)
    }

    fn shift(&self, white: &str) -> Option<String> {
        Some(match self {
            Self::Deeper(more) => format!("{more}{white}"),
            Self::Shallower(less) => white.strip_prefix(less.as_str())?.to_owned(),
            Self::Tabs(width) => {
                let columns = white.chars().all(|it| it == ' ').then_some(white.len())?;
                "\t".repeat(columns / width) + &" ".repeat(columns % width)
            }
            Self::Spaces(width) => {
                let tabs = white.chars().all(|it| it == '\t').then_some(white.len())?;
                " ".repeat(tabs * width)
            }
        })
    }
}

/// What `long` has before `short`, if anything.
fn more(long: &str, short: &str) -> Option<String> {
    long.strip_suffix(short).filter(|it| !it.is_empty()).map(str::to_owned)
}

/// How many of the spaces on the left stand for a tab on the right.
fn width<'a>(mut pairs: impl Iterator<Item = (&'a str, &'a str)>) -> Option<usize> {
    let (spaces, tabs) = pairs.find(|(_, tabs)| tabs.starts_with('\t'))?;
    let width = spaces.len() / tabs.len();
    (1..=WIDEST).contains(&width).then_some(width)
}

/// The white space that a line begins with.
pub(super) fn white(line: &str) -> &str {
    &line[..line.len() - line.trim_start().len()]
}

impl fmt::Display for Indent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deeper(more) => write!(f, "re-indented by {}", columns(more)),
            Self::Shallower(less) => write!(f, "indented {} less", columns(less)),
            Self::Tabs(width) => write!(f, "a tab for each {width} spaces"),
            Self::Spaces(width) => write!(f, "{width} spaces for each tab"),
        }
    }
}

fn columns(white: &str) -> String {
    let n = white.chars().count();
    let kind = match white.chars().all(|it| it == '\t') {
        true => "tab",
        false => "space",
    };
    format!("{n} {kind}{}", if n == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    /// Lines with their counterparts in the file, then one that shall be shifted.
    #[track_caller]
    fn check(pairs: &[(&str, &str)], line: &str, expected: Expect) {
        let indent = Indent::between(pairs.iter().copied());
        let shown = match indent {
            None => "no one answer".to_owned(),
            Some(it) => format!("{it}: {:?}", it.apply(line)),
        };
        expected.assert_eq(&shown);
    }

    #[test]
    fn all_lines_are_deeper_or_less_deep_by_the_same() {
        check(
            &[("a", "  a"), ("  b", "    b")],
            "x",
            expect![[r#"re-indented by 2 spaces: Some("  x")"#]],
        );
        check(
            &[("\ta", "a"), ("", ""), ("\t\tb", "\tb")],
            "\t\t\tx",
            expect![[r#"indented 1 tab less: Some("\t\tx")"#]],
        );
        check(&[("a", "  a"), ("  b", "  b")], "x", expect!["no one answer"]);
    }

    #[test]
    fn spaces_stand_for_tabs_and_the_reverse() {
        check(
            &[("a", "a"), ("    b", "\tb"), ("        c", "\t\tc")],
            "      x",
            expect![[r#"a tab for each 4 spaces: Some("\t  x")"#]],
        );
        check(
            &[("\ta", "  a"), ("\t\tb", "    b")],
            "\t\t\tx",
            expect![[r#"2 spaces for each tab: Some("      x")"#]],
        );
        check(&[("    a", "\ta"), ("      b", "\t\tb")], "", expect!["no one answer"]);
    }

    #[test]
    fn a_line_that_has_not_what_would_have_to_go_cannot_be_shifted() {
        check(&[("    a", "a")], "  x", expect!["indented 4 spaces less: None"]);
        check(&[("    a", "a")], "  ", expect![[r#"indented 4 spaces less: Some("")"#]]);
    }
}
