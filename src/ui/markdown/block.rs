//! How a line begins: in which lists and quotes it is, and what it is.

use crate::ui::markdown::flow::Lead;

/// What other lines can be in.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Container {
    Quote,
    Item {
        /// Columns before its mark, and before its text.
        offset: usize,
        text: usize,
        /// What is shown for the mark.
        mark: String,
    },
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    Blank,
    Text,
    Heading(usize),
    Rule,
    Fence,
    /// A line that may be of a table.
    Row,
    /// Code that is only indented.
    Indented,
}

#[derive(Debug, PartialEq)]
pub(super) struct Opening {
    /// So many of the containers that are open go on.
    pub(super) matched: usize,
    pub(super) new: Vec<Container>,
    pub(super) kind: Kind,
    /// Columns in front of it.
    pub(super) indent: usize,
    /// Where its text begins, in bytes.
    pub(super) at: usize,
}

/// What a line may be that stands behind others.
pub(super) struct Behind<'a> {
    pub(super) containers: &'a [Container],
    pub(super) is_paragraph: bool,
}

/// What the line is; `None` as long as that depends on what comes of it.
pub(super) fn opening(line: &str, is_whole: bool, behind: &Behind<'_>) -> Option<Opening> {
    let line = line.strip_suffix('\n').unwrap_or(line);
    let (mut at, matched) = inside(line, behind.containers);
    let mut new = Vec::new();
    loop {
        let (indent, bytes) = blanks(&line[at..]);
        let rest = &line[at + bytes..];
        let found = |kind, at| Some((kind, at));
        let goes_on = behind.is_paragraph && new.is_empty() && matched == behind.containers.len();
        let (kind, at) = match rest.chars().next() {
            None if !is_whole => None,
            None => found(Kind::Blank, at + bytes),
            Some('>') => {
                new.push(Container::Quote);
                at += bytes + 1;
                at += usize::from(line[at..].starts_with(' '));
                continue;
            }
            Some(_) if 4 <= indent && new.is_empty() && matched == 0 && !goes_on => {
                is_whole.then_some((Kind::Indented, at))
            }
            Some(c) => match marker(rest, is_whole, goes_on) {
                Marker::Unsure => None,
                Marker::Rule => found(Kind::Rule, at + bytes),
                Marker::Item { length, mark } => {
                    new.push(Container::Item { offset: indent, text: indent + length, mark });
                    at += bytes + length.min(rest.len());
                    continue;
                }
                Marker::No => leaf(c, rest, is_whole).map(|it| (it, at + bytes)),
            },
        }?;
        return Some(Opening { matched, new, kind, indent, at });
    }
}

/// How far a line of code goes into the containers: less deep ones are none the less of the code, but
/// for those that leave a quote.
pub(super) fn inside_code(line: &str, containers: &[Container]) -> Option<usize> {
    let mut at = 0;
    for container in containers {
        let (indent, bytes) = blanks(&line[at..]);
        match container {
            Container::Quote => at = quoted(line, at + bytes)?,
            Container::Item { text, .. } => at += blanks_of(&line[at..], indent.min(*text)),
        }
    }
    Some(at)
}

/// Where the line begins inside of the containers it is in, and how many these are.
fn inside(line: &str, containers: &[Container]) -> (usize, usize) {
    let (mut at, mut matched) = (0, 0);
    for container in containers {
        let (indent, bytes) = blanks(&line[at..]);
        match container {
            Container::Quote => match quoted(line, at + bytes) {
                Some(behind) => at = behind,
                None => break,
            },
            Container::Item { offset, text, .. } => {
                // Models are careless: two columns are enough below a long number, too.
                if indent < (*text).min(offset + 2) && !line[at..].trim().is_empty() {
                    break;
                }
                at += blanks_of(&line[at..], indent.min(*text));
            }
        }
        matched += 1;
    }
    (at, matched)
}

fn quoted(line: &str, at: usize) -> Option<usize> {
    let rest = line[at..].strip_prefix('>')?;
    Some(at + 1 + usize::from(rest.starts_with(' ')))
}

/// The blanks a text begins with: columns and bytes.
fn blanks(text: &str) -> (usize, usize) {
    let mut columns = 0;
    for (at, c) in text.char_indices() {
        match c {
            ' ' => columns += 1,
            '\t' => columns += 4 - columns % 4,
            _ => return (columns, at),
        }
    }
    (columns, text.len())
}

/// The bytes of so many columns of blanks.
fn blanks_of(text: &str, columns: usize) -> usize {
    (0..=blanks(text).1).rfind(|it| blanks(&text[..*it]).0 <= columns).unwrap_or(0)
}

enum Marker {
    Rule,
    /// Bytes up to its text, and what is shown instead.
    Item {
        length: usize,
        mark: String,
    },
    No,
    Unsure,
}

fn marker(rest: &str, is_whole: bool, goes_on: bool) -> Marker {
    let first = rest.chars().next().unwrap_or(' ');
    let is_blank = |it: char| it == ' ' || it == '\t';
    if matches!(first, '-' | '*' | '+' | '_') {
        let is_bullet = first != '_';
        if rest.chars().all(|it| it == first || is_blank(it)) {
            let is_rule = 3 <= rest.matches(first).count() && first != '+';
            return match rest[1..].trim().is_empty() && is_bullet && !goes_on {
                _ if !is_whole => Marker::Unsure,
                _ if is_rule => Marker::Rule,
                true => Marker::Item { length: 2, mark: "• ".to_owned() },
                false => Marker::No,
            };
        }
        if !is_bullet || !rest[1..].starts_with(is_blank) {
            return Marker::No;
        }
        return task(rest, is_whole);
    }
    let digits = rest.len() - rest.trim_start_matches(|it: char| it.is_ascii_digit()).len();
    if !(1..=9).contains(&digits) {
        return Marker::No;
    }
    let mut behind = rest[digits..].chars();
    match (behind.next(), behind.next()) {
        (None, _) | (Some('.' | ')'), None) if !is_whole => Marker::Unsure,
        // A number in the middle of a sentence is no list, unless it begins one.
        (Some('.' | ')'), Some(' ' | '\t')) if !goes_on || &rest[..digits] == "1" => {
            let mark = format!("{} ", &rest[..=digits]);
            Marker::Item { length: mark.len(), mark }
        }
        _ => Marker::No,
    }
}

/// An item with a bullet, or with a box.
fn task(rest: &str, is_whole: bool) -> Marker {
    for mark in ["[ ] ", "[x] ", "[X] "] {
        if rest[2..].starts_with(mark) {
            return Marker::Item { length: 2 + mark.len(), mark: mark.to_owned() };
        }
        if !is_whole && mark.starts_with(&rest[2..]) {
            return Marker::Unsure;
        }
    }
    Marker::Item { length: 2, mark: "• ".to_owned() }
}

/// What is no list and no quote.
fn leaf(first: char, rest: &str, is_whole: bool) -> Option<Kind> {
    let run = rest.len() - rest.trim_start_matches(first).len();
    let held = |kind| is_whole.then_some(kind);
    match first {
        '|' => held(Kind::Row),
        '#' if 6 < run => Some(Kind::Text),
        '#' if run == rest.len() || rest[run..].starts_with([' ', '\t']) => {
            held(Kind::Heading(run))
        }
        '`' | '~' if 3 <= run => {
            let is_code = first == '`' && rest[run..].contains('`');
            if is_code { Some(Kind::Text) } else { held(Kind::Fence) }
        }
        '`' | '~' if run == rest.len() => held(Kind::Text),
        _ => Some(Kind::Text),
    }
}

impl Container {
    /// What is in front of its first line, and of those after it.
    pub(super) fn leads(&self) -> (Lead, Lead) {
        match self {
            Self::Quote => {
                let lead = Lead { text: "│ ".to_owned(), columns: 2 };
                (lead.clone(), lead)
            }
            Self::Item { mark, .. } => {
                let columns = mark.chars().count();
                let rest = Lead { text: " ".repeat(columns), columns };
                (Lead { text: mark.clone(), columns }, rest)
            }
        }
    }
}
