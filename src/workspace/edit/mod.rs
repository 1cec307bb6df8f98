//! Replacing pieces of a text: pure, and never a guess.
//!
//! A piece is looked for exactly, then as it looks, then wherever it is indented, then without what
//! was added around it or left out of it. The first level that finds exactly one place wins; one
//! that finds several ends the search. No byte outside the place changes.

mod compose;
mod elision;
mod fold;
mod indent;
mod ladder;
mod lines;
mod margin;
mod nearest;

use std::ops::Range;

use crate::workspace::edit::ladder::{NoPlace, Place, Subject, Wanted};

pub(crate) use elision::placeholder;
pub(crate) use ladder::Latitude;
pub(super) use lines::{Lines, find_lines, looks_like, splice_lines};
pub(crate) use nearest::Nearest;

/// Why a piece was not replaced.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Miss {
    /// It does not occur; the most similar lines, if any are similar enough.
    Nowhere(Option<Nearest>),
    /// What shall replace it stands there, once, from this line on; it does not occur but in that.
    AlreadySo(usize),
    /// It begins on each of these lines; of very many, only the first are listed.
    Several(Vec<usize>),
    /// It was given without the indentation that this line has before it, and how deep the further
    /// lines of what shall replace it are meant to be is not certain.
    Margin(Nearest),
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Replaced {
    pub(crate) text: String,
    /// What was overlooked to find the place; empty if nothing that matters.
    pub(crate) latitudes: Vec<Latitude>,
}

/// A replacement this short may occur anywhere; finding it says nothing.
const TELLING: usize = 12;

const BYTE_ORDER_MARK: char = '\u{feff}';

/// Replaces the one place that `old` means. What is new is given the line ends that are usual
/// there, in whichever way `old` and `new` are written.
pub(crate) fn replace_once(text: &str, old: &str, new: &str) -> Result<Replaced, Miss> {
    let (mark, body) = split_mark(text);
    let (old, new) = (split_mark(old).1, split_mark(new).1);
    let subject = Subject::new(body);
    let wanted = Wanted { old, new, is_lines: false };
    let places = match ladder::find(&subject, wanted, &only_one) {
        Ok(place) => match made_already(&subject, wanted, &place) {
            Some(line) => return Err(Miss::AlreadySo(line)),
            None => vec![margin::settle(&subject, place).map_err(Miss::Margin)?],
        },
        Err(NoPlace::Several(starts)) => return Err(Miss::Several(lines_at(body, &starts))),
        Err(NoPlace::Nowhere) => match elision::places(&subject, wanted) {
            Some(places) => places,
            None => return Err(nowhere(&subject, wanted)),
        },
    };
    let latitudes = places.iter().flat_map(|it| it.latitudes.clone()).collect();
    Ok(Replaced { text: mark.to_owned() + &splice(body, &places), latitudes })
}

fn only_one(found: &[Range<usize>]) -> Option<usize> {
    (found.len() == 1).then_some(0)
}

/// The text with what comes to each place; they are in order and do not overlap.
fn splice(text: &str, places: &[Place]) -> String {
    let (mut made, mut from) = (String::with_capacity(text.len()), 0);
    for place in places {
        made += &text[from..place.range.start];
        made += &place.new;
        from = place.range.end;
    }
    made + &text[from..]
}

/// A byte order mark and what it stands before.
fn split_mark(text: &str) -> (&str, &str) {
    let length = if text.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len_utf8() } else { 0 };
    text.split_at(length)
}

/// The line on which lines that shall be added stand around the place where they shall be added.
fn made_already(subject: &Subject<'_>, wanted: Wanted<'_>, place: &Place) -> Option<usize> {
    let (before, after) = wanted.new.split_once(wanted.old)?;
    let adds = |it: &str| it.contains('\n') && it.contains(char::is_alphanumeric);
    if wanted.new.trim().len() < TELLING || !(adds(before) || adds(after)) {
        return None;
    }
    let around = |it: &Range<usize>| it.start <= place.range.start && place.range.end <= it.end;
    let choose = |found: &[Range<usize>]| found.iter().position(around);
    let made = Wanted { old: wanted.new, ..wanted };
    let range = ladder::levels(subject, made, &choose).ok()?.range;
    Some(line_at(subject.text, range.start))
}

fn nowhere(subject: &Subject<'_>, wanted: Wanted<'_>) -> Miss {
    if TELLING <= wanted.new.trim().len() {
        let reverse = Wanted { old: wanted.new, ..wanted };
        if let Ok(place) = ladder::levels(subject, reverse, &only_one) {
            return Miss::AlreadySo(line_at(subject.text, place.range.start));
        }
    }
    Miss::Nowhere(nearest::nearest(subject.text, wanted.old))
}

fn line_at(text: &str, at: usize) -> usize {
    text[..at].matches('\n').count() + 1
}

/// The same for places in order.
fn lines_at(text: &str, places: &[usize]) -> Vec<usize> {
    let (mut line, mut from) = (1, 0);
    let mut line_of = |at: &usize| {
        line += text[from..*at].matches('\n').count();
        from = *at;
        line
    };
    places.iter().map(&mut line_of).collect()
}

#[cfg(test)]
mod tests;
