//! Finding the places of hunks and making the change. A hunk has more to say of its place than its
//! lines; only what is certain counts.

use std::ops::Range;

use crate::workspace::edit::{Latitude, Lines, Miss, find_lines, looks_like, splice_lines};
use crate::workspace::patch::Hunk;

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Patched {
    pub(crate) text: String,
    /// What was overlooked to find the places.
    pub(crate) latitudes: Vec<Latitude>,
}

/// Why a hunk has no place.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum HunkMiss {
    Lines(Miss),
    /// It only adds, and does not say where.
    NoContext,
    /// It changes lines that another hunk changes, too.
    Overlap,
}

/// Changes a text by all hunks, or tells which one has no place, counted from 0. The hunks speak
/// of the text as it is before any of them.
pub(crate) fn apply_hunks(text: &str, hunks: &[Hunk]) -> Result<Patched, (usize, HunkMiss)> {
    let lines = Lines::new(text);
    let mut places = Vec::new();
    for (n, hunk) in hunks.iter().enumerate() {
        let (old, new) = (hunk.old_text(), hunk.new_text());
        if old.is_empty() && !(lines.text().is_empty() || hunk.is_at_end) {
            return Err((n, HunkMiss::NoContext));
        }
        let choose = |found: &[Range<usize>]| chosen(&lines, hunk, found);
        let place = find_lines(&lines, (&old, &new), hunk.open, &choose);
        places.push((n, place.map_err(|miss| (n, HunkMiss::Lines(miss)))?));
    }
    places.sort_by_key(|(_, place)| (place.range.start, place.range.end));
    for pair in places.windows(2) {
        if pair[1].1.range.start < pair[0].1.range.end {
            return Err((pair[1].0, HunkMiss::Overlap));
        }
    }
    let places: Vec<_> = places.into_iter().map(|(_, place)| place).collect();
    let latitudes = places.iter().flat_map(|it| it.latitudes.clone()).collect();
    Ok(Patched { text: splice_lines(text, &places), latitudes })
}

/// Whether the lines of a file that goes are those that the patch tells, if it tells any.
pub(crate) fn deletes(text: &str, hunks: &[Hunk]) -> bool {
    let old: String = hunks.iter().map(Hunk::old_text).collect();
    hunks.is_empty() || looks_like(text, &old)
}

/// The one place, the one at the end of the file, the one on the line that is told, or the one
/// within what the anchors begin.
fn chosen(lines: &Lines<'_>, hunk: &Hunk, found: &[Range<usize>]) -> Option<usize> {
    if found.len() == 1 {
        return Some(0);
    }
    let text = lines.text();
    if hunk.is_at_end || hunk.open.0 {
        return found.iter().position(|it| it.end == text.len());
    }
    if let Some(line) = hunk.line {
        let start = lines.start_of(line)?;
        return found.iter().position(|it| it.start == start);
    }
    let block = block(text, &hunk.anchors)?;
    let mut within = (0..found.len())
        .filter(|it| block.start <= found[*it].start && found[*it].end <= block.end);
    within.next().filter(|_| within.next().is_none())
}

/// What the innermost anchor begins: its line, and those below it that are indented more. `None`
/// if an anchor is not there, or more than once.
fn block(text: &str, anchors: &[String]) -> Option<Range<usize>> {
    let mut block = (!anchors.is_empty()).then_some(0..text.len())?;
    for anchor in anchors {
        let starts = |range: &Range<usize>| {
            let (mut at, mut found) = (range.start, Vec::new());
            for line in text[range.clone()].split_inclusive('\n') {
                if line.trim() == anchor.trim() {
                    found.push(at);
                }
                at += line.len();
            }
            found
        };
        let [start] = starts(&block)[..] else { return None };
        block = start..end_of_block(text, start, block.end);
    }
    Some(block)
}

fn end_of_block(text: &str, start: usize, most: usize) -> usize {
    let depth = |line: &str| line.len() - line.trim_start().len();
    let mut lines = text[start..most].split_inclusive('\n');
    let first = lines.next().unwrap_or_default();
    let mut end = start + first.len();
    for line in lines {
        let is_closing = line.trim_start().starts_with(['}', ')', ']', '{']);
        if !line.trim().is_empty() && depth(line) <= depth(first) && !is_closing {
            break;
        }
        end += line.len();
        if is_closing && depth(line) <= depth(first) && !line.trim_start().starts_with('{') {
            break;
        }
    }
    end
}
