//! Finding the one place that a piece of text means: first exactly, then with ever more latitude.
//! Where a level finds several places none of them is taken, and no further level is asked.

use std::cell::OnceCell;
use std::fmt;
use std::ops::Range;

use crate::workspace::edit::compose::compose;
use crate::workspace::edit::fold::{Endings, Folded, Indentation};
use crate::workspace::edit::indent::Indent;

/// What was overlooked to find a place. Line ends are not told of.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Latitude {
    /// White space behind lines.
    Trailing,
    /// Quotes, dashes and spaces that only look alike.
    LookAlikes,
    Indented(Indent),
    /// The indentation before `old`, which the further lines of `new` were not given either.
    Margin(Indent),
    /// A blank line that `old` begins or ends with.
    BlankLine,
    /// Lines that `old` leaves out.
    Elided,
}

/// A text that is looked through, once a level.
#[derive(Debug)]
pub(super) struct Subject<'a> {
    pub(super) text: &'a str,
    pub(super) endings: Endings,
    kept: OnceCell<Folded>,
    dropped: OnceCell<Folded>,
}

/// What is looked for and what shall take its place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted<'a> {
    pub(super) old: &'a str,
    pub(super) new: &'a str,
    /// Whether it is whole lines; else it may begin and end within a line.
    pub(super) is_lines: bool,
}

/// Where it is, and what comes there.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::workspace) struct Place {
    pub(in crate::workspace) range: Range<usize>,
    pub(in crate::workspace) new: String,
    pub(in crate::workspace) latitudes: Vec<Latitude>,
}

/// Why there is no place.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum NoPlace {
    Nowhere,
    /// Where each of them begins.
    Several(Vec<usize>),
}

/// Which of several places is meant, if that is certain.
pub(super) type Choose<'a> = &'a dyn Fn(&[Range<usize>]) -> Option<usize>;

/// The most places that are told apart.
const PLACES: usize = 1000;

impl Wanted<'_> {
    /// Whether its place must begin a line. That of lines does; and so does that of a blank line
    /// which shall not stay: the end of the line before is none, and without it two lines are one.
    fn begins_line(&self, endings: Endings) -> bool {
        let blank = |text: &str| {
            let line = endings.lines(text).next().unwrap_or_default();
            line.trim().is_empty() && !endings.split(line).1.is_empty()
        };
        let Self { old, new, is_lines } = *self;
        let leaves_end = new.is_empty() && !old.ends_with(['\n', '\r']);
        is_lines || (blank(old) && !blank(new) && !old.trim().is_empty() && !leaves_end)
    }
}

impl<'a> Subject<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let endings = Endings::of(text);
        Self { text, endings, kept: OnceCell::new(), dropped: OnceCell::new() }
    }

    fn folded(&self, indentation: Indentation) -> &Folded {
        let cell = match indentation {
            Indentation::Kept => &self.kept,
            Indentation::Dropped => &self.dropped,
        };
        cell.get_or_init(|| Folded::new(self.text, self.endings, indentation))
    }

    fn begins_line(&self, at: usize) -> bool {
        let before = &self.text[..at];
        before.is_empty() || before.ends_with('\n') || (self.endings.lone && before.ends_with('\r'))
    }

    /// Whether this is within the two characters of one line end.
    fn splits_end(&self, at: usize) -> bool {
        self.text[..at].ends_with('\r') && self.text[at..].starts_with('\n')
    }

    /// Whether the last line has no end.
    pub(super) fn is_open(&self) -> bool {
        self.endings
            .lines(self.text)
            .next_back()
            .is_some_and(|it| self.endings.split(it).1.is_empty())
    }
}

pub(super) fn find(
    subject: &Subject<'_>,
    wanted: Wanted<'_>,
    choose: Choose<'_>,
) -> Result<Place, NoPlace> {
    match levels(subject, wanted, choose) {
        Err(NoPlace::Nowhere) => {}
        decided => return decided,
    }
    for (old, new) in without_blank_lines(wanted, subject.endings) {
        match levels(subject, Wanted { old, new, ..wanted }, choose) {
            Err(NoPlace::Nowhere) => {}
            Err(several) => return Err(several),
            Ok(mut place) => {
                place.latitudes.insert(0, Latitude::BlankLine);
                return Ok(place);
            }
        }
    }
    Err(NoPlace::Nowhere)
}

/// The first three levels: as it stands, as it looks, and wherever it is indented.
pub(super) fn levels(
    subject: &Subject<'_>,
    wanted: Wanted<'_>,
    choose: Choose<'_>,
) -> Result<Place, NoPlace> {
    let only = |found: Vec<Range<usize>>| match (&found[..], choose(&found)) {
        ([], _) => Ok(None),
        (_, Some(chosen)) => Ok(Some(found[chosen].clone())),
        (_, None) => Err(NoPlace::Several(found.iter().map(|it| it.start).collect())),
    };
    if let Some(range) = only(exactly(subject, wanted))? {
        return Ok(place(subject, wanted, range, None).expect("without indentation it always fits"));
    }
    // Blank lines by themselves are everywhere and mean nothing.
    if wanted.old.trim().is_empty() {
        return Err(NoPlace::Nowhere);
    }
    if let Some(range) = only(as_it_looks(subject, wanted))? {
        return Ok(place(subject, wanted, range, None).expect("without indentation it always fits"));
    }
    let (ranges, indents): (Vec<_>, Vec<_>) = indented(subject, wanted).into_iter().unzip();
    let indent_of = |it: &Range<usize>| ranges.iter().position(|other| other == it);
    match only(ranges.clone())? {
        Some(range) => {
            let indent = indent_of(&range).map(|it| &indents[it]);
            place(subject, wanted, range, indent).ok_or(NoPlace::Nowhere)
        }
        None => Err(NoPlace::Nowhere),
    }
}

fn exactly(subject: &Subject<'_>, wanted: Wanted<'_>) -> Vec<Range<usize>> {
    let text = subject.text;
    let must_begin = wanted.begins_line(subject.endings);
    // What ends with the first half of a line end may become something that does, too.
    let keeps_half = wanted.old.ends_with('\r') && wanted.new.ends_with('\r');
    let fits = |it: &Range<usize>| {
        (!must_begin || subject.begins_line(it.start))
            && !subject.splits_end(it.start)
            && (keeps_half || !subject.splits_end(it.end))
    };
    let found = occurrences(text, wanted.old).map(|at| at..at + wanted.old.len());
    found.filter(fits).take(PLACES).collect()
}

fn as_it_looks(subject: &Subject<'_>, wanted: Wanted<'_>) -> Vec<Range<usize>> {
    let folded = subject.folded(Indentation::Kept);
    let old = Folded::new(wanted.old, subject.endings, Indentation::Kept);
    if wanted.is_lines {
        return whole_lines(subject, folded, &old);
    }
    let lone = subject.endings.lone;
    let ends_line = wanted.old.ends_with('\n') || (lone && wanted.old.ends_with('\r'));
    // White space by itself in the last line is the indentation of the next, if it is there.
    let last = subject.endings.lines(wanted.old).next_back().unwrap_or_default();
    if !ends_line && last.trim().is_empty() {
        return Vec::new();
    }
    let must_begin = wanted.begins_line(subject.endings);
    let needle = &old.text()[1..];
    let needle = if ends_line { needle } else { needle.trim_end_matches('\n') };
    // Where white space at the end was overlooked, there must be nothing but that.
    let must_end = !ends_line && wanted.old.ends_with(char::is_whitespace);
    let place = |at: usize| {
        let end = at + needle.len();
        let is_end = folded.text()[end..].starts_with('\n');
        if must_end && !is_end {
            return None;
        }
        let start = folded.original(subject.text, at)?;
        if must_begin && !subject.begins_line(start) {
            return None;
        }
        let mut end = folded.original(subject.text, end)?;
        if must_end {
            let line = subject.endings.lines(&subject.text[end..]).next().unwrap_or_default();
            end += subject.endings.split(line).0.len();
        }
        Some(start..end)
    };
    occurrences(folded.text(), needle).filter_map(place).take(PLACES).collect()
}

/// Places of whole lines that are all indented differently by the same.
fn indented(subject: &Subject<'_>, wanted: Wanted<'_>) -> Vec<(Range<usize>, Indent)> {
    let folded = subject.folded(Indentation::Dropped);
    let endings = subject.endings;
    let old = Folded::new(wanted.old, endings, Indentation::Dropped);
    let indent = |range: Range<usize>| {
        let file = endings.lines(&subject.text[range.clone()]);
        let pairs = endings.lines(wanted.old).zip(file);
        let pairs = pairs.map(|(old, file)| (endings.split(old).0, endings.split(file).0));
        let indent = Indent::between(pairs)?;
        let is_ended = wanted.old.ends_with(['\n', '\r']);
        let range = if is_ended { range } else { without_end(subject, range) };
        Some((range, indent))
    };
    whole_lines(subject, folded, &old).into_iter().filter_map(indent).collect()
}

fn whole_lines(subject: &Subject<'_>, folded: &Folded, old: &Folded) -> Vec<Range<usize>> {
    let needle = old.text();
    let place = |at: usize| {
        let start = folded.original(subject.text, at + 1)?;
        let end = folded.original(subject.text, at + needle.len()).unwrap_or(subject.text.len());
        Some(start..end)
    };
    occurrences(folded.text(), needle).filter_map(place).take(PLACES).collect()
}

/// Lines but for the end of the last.
fn without_end(subject: &Subject<'_>, range: Range<usize>) -> Range<usize> {
    let last = subject.endings.lines(&subject.text[range.clone()]).next_back().unwrap_or_default();
    range.start..range.end - subject.endings.split(last).1.len()
}

fn place(
    subject: &Subject<'_>,
    Wanted { old, new, .. }: Wanted<'_>,
    range: Range<usize>,
    indent: Option<&Indent>,
) -> Option<Place> {
    let hunk = &subject.text[range.clone()];
    // Whoever knows the carriage returns says where there shall be some.
    let is_literal = hunk == old && old.contains('\r');
    let mut made = match is_literal {
        true => new.to_owned(),
        false => compose(hunk, (old, new), subject.endings, indent)?,
    };
    let ends = |text: &str| text.ends_with(['\n', '\r']);
    // The last line of the file has no end, though what was looked for has one.
    if ends(old) && !ends(hunk) && range.end == subject.text.len() {
        let line = subject.endings.lines(&made).next_back().unwrap_or_default();
        made.truncate(made.len() - subject.endings.split(line).1.len());
    }
    let mut latitudes = Vec::new();
    let bare = |text: &str| -> Vec<String> {
        let lines = subject.endings.lines(text).map(|it| subject.endings.split(it).0);
        lines.map(|it| if indent.is_some() { it.trim_start() } else { it }.to_owned()).collect()
    };
    let (theirs, ours) = (bare(hunk), bare(old));
    if theirs != ours {
        let trimmed = |lines: &[String]| -> Vec<String> {
            lines.iter().map(|it| it.trim_end().to_owned()).collect()
        };
        let is_trailing = trimmed(&theirs) == trimmed(&ours);
        latitudes.push(if is_trailing { Latitude::Trailing } else { Latitude::LookAlikes });
    }
    latitudes.extend(indent.cloned().map(Latitude::Indented));
    Some(Place { range, new: made, latitudes })
}

/// The piece without the blank lines it begins or ends with, in each way; from what replaces it the
/// same is taken where it is there.
fn without_blank_lines(wanted: Wanted<'_>, endings: Endings) -> Vec<(&str, &str)> {
    let blank = |line: &&str| line.trim().is_empty();
    let first =
        |text: &'_ str| -> usize { endings.lines(text).next().filter(blank).map_or(0, str::len) };
    let last = |text: &'_ str| -> usize {
        endings.lines(text).next_back().filter(blank).map_or(0, str::len)
    };
    let (old, new) = (wanted.old, wanted.new);
    let mut readings = Vec::new();
    for (at_start, at_end) in [(true, false), (false, true), (true, true)] {
        let cut = |text: &'_ str| {
            let start = if at_start { first(text) } else { 0 };
            start..text.len() - if at_end { last(&text[start..]) } else { 0 }
        };
        let range = cut(old);
        let is_less = (!at_start || 0 < range.start) && (!at_end || range.end < old.len());
        if is_less && !old[range.clone()].trim().is_empty() {
            let (mut old, new) = (&old[range], &new[cut(new)]);
            // What comes in place of a whole line is one, or the next would be joined to it.
            if at_end && !new.is_empty() && !new.ends_with(['\n', '\r']) {
                old = endings.split(old).0;
            }
            readings.push((old, new));
        }
    }
    readings
}

/// Where `piece` begins, occurrences that overlap counted each.
pub(super) fn occurrences(text: &str, piece: &str) -> impl Iterator<Item = usize> {
    let step = piece.chars().next().map_or(1, char::len_utf8);
    let mut from = 0;
    std::iter::from_fn(move || {
        let rest = text.get(from..).filter(|_| !piece.is_empty())?;
        let at = from + rest.find(piece)?;
        from = at + step;
        Some(at)
    })
}

impl fmt::Display for Latitude {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Trailing => f.write_str("ignoring white space at the end of lines"),
            Self::LookAlikes => f.write_str("ignoring which quotes, dashes and spaces are used"),
            Self::Indented(indent) => write!(f, "ignoring indentation; {indent}"),
            Self::Margin(indent) => {
                write!(f, "without the indentation before it; the lines after the first {indent}")
            }
            Self::BlankLine => f.write_str("without the blank line around it"),
            Self::Elided => f.write_str("around the lines left out"),
        }
    }
}
