//! The ladder for whole lines, of which a patch knows more than their text.

use crate::workspace::edit::fold::{Endings, Folded, Indentation};
use crate::workspace::edit::ladder::{self, Choose, NoPlace, Place, Subject, Wanted};
use crate::workspace::edit::{Miss, lines_at, made_already, nowhere, splice, split_mark};

/// A text that hunks are looked for in, without its byte order mark.
#[derive(Debug)]
pub(in crate::workspace) struct Lines<'a>(Subject<'a>);

impl<'a> Lines<'a> {
    pub(in crate::workspace) fn new(text: &'a str) -> Self {
        Self(Subject::new(split_mark(text).1))
    }

    pub(in crate::workspace) fn text(&self) -> &'a str {
        self.0.text
    }

    /// Where a line begins, counted from 1.
    pub(in crate::workspace) fn start_of(&self, line: usize) -> Option<usize> {
        let lines = self.0.endings.lines(self.0.text);
        let mut starts = lines.scan(0, |next, line| {
            let start = *next;
            *next += line.len();
            Some(start)
        });
        starts.nth(line.checked_sub(1)?)
    }
}

/// The place of `old`, whole lines that all have an end; what is known of the end of the last line
/// of the file, before and after, is told by `open`. Nothing is at the end of the text.
pub(in crate::workspace) fn find_lines(
    Lines(subject): &Lines<'_>,
    (old, new): (&str, &str),
    open: (bool, bool),
    choose: Choose<'_>,
) -> Result<Place, Miss> {
    let mut place = if old.is_empty() {
        at_the_end(subject, new)
    } else {
        let wanted = Wanted { old, new, is_lines: true };
        let place = ladder::find(subject, wanted, choose).map_err(|none| match none {
            NoPlace::Several(starts) => Miss::Several(lines_at(subject.text, &starts)),
            NoPlace::Nowhere => nowhere(subject, wanted),
        })?;
        if let Some(line) = made_already(subject, wanted, &place) {
            return Err(Miss::AlreadySo(line));
        }
        place
    };
    if place.range.end == subject.text.len() {
        let line = subject.endings.lines(&place.new).next_back().unwrap_or_default();
        let end = subject.endings.split(line).1.len();
        match (subject.is_open(), open) {
            (true, (true, false)) if !old.is_empty() && !new.is_empty() => {
                let given = subject.endings.lines(new).next_back().unwrap_or_default();
                let given = subject.endings.split(given).1;
                place.new.push_str(subject.endings.usual.unwrap_or(given));
            }
            (false, (false, true)) => place.new.truncate(place.new.len() - end),
            (false, (true, true)) | (true, _) | (false, _) => {}
        }
    }
    Ok(place)
}

/// Whether two texts are the same but for their line ends, white space behind lines and characters
/// that look alike.
pub(in crate::workspace) fn looks_like(one: &str, other: &str) -> bool {
    let folded = |text: &str| {
        let text = split_mark(text).1;
        let folded = Folded::new(text, Endings::of(text), Indentation::Kept);
        folded.text().trim_end().to_owned()
    };
    folded(one) == folded(other)
}

fn at_the_end(subject: &Subject<'_>, new: &str) -> Place {
    let end = subject.text.len();
    let usual = subject.endings.usual;
    let break_first = if subject.is_open() { usual.unwrap_or("\n") } else { "" };
    let new = match usual {
        Some(usual) => new.replace("\r\n", "\n").replace('\n', usual),
        None => new.to_owned(),
    };
    Place { range: end..end, new: break_first.to_owned() + &new, latitudes: Vec::new() }
}

pub(in crate::workspace) fn splice_lines(text: &str, places: &[Place]) -> String {
    let (mark, body) = split_mark(text);
    mark.to_owned() + &splice(body, places)
}
