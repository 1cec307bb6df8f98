//! The lines of a text that are most like what was looked for in vain: what is shown instead of
//! being changed.

use std::collections::HashMap;

/// Lines as they are in the file.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Nearest {
    /// The number of the first line, from 1.
    pub(crate) line: usize,
    pub(crate) lines: Vec<String>,
}

/// How similar lines must be on average, from 0 to 1.
const SIMILAR: f64 = 0.6;

/// Above this many comparisons of lines only places that share a line with what was looked for are
/// compared.
const COMPARISONS: usize = 200_000;

/// Above this many comparisons of characters, too: about a tenth of a second.
const CELLS: usize = 50_000_000;

/// Lines longer than this, in bytes, are similar only if they are equal.
const LINE: usize = 400;

/// How many places that share lines are compared.
const PLACES: usize = 16;

/// A line that occurs more often than this in what was looked for says nothing of the place.
const COMMON: usize = 8;

pub(super) fn nearest(text: &str, old: &str) -> Option<Nearest> {
    let old: Vec<&str> = old.trim_matches(['\r', '\n']).lines().map(str::trim).collect();
    let lines: Vec<&str> = text.lines().collect();
    if old.iter().all(|it| it.is_empty()) || lines.is_empty() {
        return None;
    }
    let is_much =
        COMPARISONS < lines.len().saturating_mul(old.len()) || CELLS < cells(&old, &lines);
    let starts = if is_much { sharing(&old, &lines) } else { (0..lines.len()).collect() };
    let score = |start: usize| {
        let pairs = old.iter().zip(&lines[start..]);
        let sum: f64 = pairs.map(|(old, line)| similarity(old, line.trim(), is_much)).sum();
        sum / old.len() as f64
    };
    let scores = starts.into_iter().map(|it| (it, score(it)));
    // Of equals the first.
    let (start, best) = scores.reduce(|best, it| if best.1 < it.1 { it } else { best })?;
    let end = (start + old.len()).min(lines.len());
    let shown = lines[start..end].iter().map(|it| (*it).to_owned()).collect();
    (SIMILAR <= best).then_some(Nearest { line: start + 1, lines: shown })
}

/// Where `old` would begin for most of its lines to be where they are, in order.
fn sharing(old: &[&str], lines: &[&str]) -> Vec<usize> {
    let mut places: HashMap<&str, Vec<usize>> = HashMap::new();
    for (at, line) in old.iter().enumerate().filter(|(_, it)| !it.is_empty()) {
        places.entry(line).or_default().push(at);
    }
    places.retain(|_, it| it.len() <= COMMON);
    let mut votes: HashMap<usize, usize> = HashMap::new();
    for (at, line) in lines.iter().enumerate() {
        for place in places.get(line.trim()).into_iter().flatten() {
            if let Some(start) = at.checked_sub(*place) {
                *votes.entry(start).or_default() += 1;
            }
        }
    }
    let mut starts: Vec<(usize, usize)> = votes.into_iter().collect();
    starts.sort_by_key(|(start, votes)| (std::cmp::Reverse(*votes), *start));
    starts.truncate(PLACES);
    let mut starts: Vec<usize> = starts.into_iter().map(|(start, _)| start).collect();
    starts.sort_unstable();
    starts
}

fn similarity(a: &str, b: &str, exact: bool) -> f64 {
    if a == b {
        return 1.0;
    }
    if exact || !are_comparable(a, b) {
        return 0.0;
    }
    strsim::normalized_levenshtein(a, b)
}

/// Whether lines are neither too unlike in length to count, nor too long to compare.
fn are_comparable(a: &str, b: &str) -> bool {
    let (short, long) = (a.len().min(b.len()), a.len().max(b.len()));
    long <= short * 2 && long <= LINE
}

/// How much it takes to compare each with each.
fn cells(old: &[&str], lines: &[&str]) -> usize {
    let of_line = |line: &&str| -> usize {
        let line = line.trim();
        let comparable = old.iter().filter(|it| **it != line && are_comparable(it, line));
        comparable.map(|it| it.len() * line.len()).sum()
    };
    lines.iter().map(of_line).sum()
}
