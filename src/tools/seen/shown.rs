//! Which lines of a text were shown.

use std::fmt;
use std::ops::Range;

/// Counted from 0; in order, and none touches the next.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::tools) struct Lines(Vec<Range<usize>>);

/// The most ranges that are named.
const NAMED: usize = 5;

impl Lines {
    pub(super) fn all(count: usize) -> Self {
        let mut lines = Self::default();
        lines.add(0..count);
        lines
    }

    pub(super) fn add(&mut self, mut new: Range<usize>) {
        if new.is_empty() {
            return;
        }
        self.0.retain(|old| {
            let is_apart = old.end < new.start || new.end < old.start;
            if !is_apart {
                new = new.start.min(old.start)..new.end.max(old.end);
            }
            is_apart
        });
        let at = self.0.partition_point(|it| it.start < new.start);
        self.0.insert(at, new);
    }

    pub(super) fn has(&self, lines: &Range<usize>) -> bool {
        let holds = |it: &Range<usize>| it.start <= lines.start && lines.end <= it.end;
        lines.is_empty() || self.0.iter().any(holds)
    }

    /// Those of so many that are not among these.
    pub(super) fn others(&self, count: usize) -> Self {
        let starts = std::iter::once(0).chain(self.0.iter().map(|it| it.end));
        let ends = self.0.iter().map(|it| it.start).chain([count]);
        Self(starts.zip(ends).map(|(start, end)| start..end).filter(|it| !it.is_empty()).collect())
    }

    pub(in crate::tools) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The same lines in what became of the text. Those between the first and the last change count
    /// as shown where all were that they replace: one line that was not is enough to lose it.
    pub(super) fn carried(&self, before: &str, after: &str) -> Self {
        let old: Vec<&str> = before.split_inclusive('\n').collect();
        let new: Vec<&str> = after.split_inclusive('\n').collect();
        let same = |(a, b): &(&&str, &&str)| a == b;
        let head = old.iter().zip(&new).take_while(same).count();
        let rests = (old[head..].iter().rev(), new[head..].iter().rev());
        let tail = rests.0.zip(rests.1).take_while(same).count();
        let (old_tail, new_tail) = (old.len() - tail, new.len() - tail);
        let mut carried = Self::default();
        for range in &self.0 {
            carried.add(range.start..range.end.min(head));
            let below = range.start.max(old_tail)..range.end;
            if !below.is_empty() {
                carried.add(below.start - old_tail + new_tail..below.end - old_tail + new_tail);
            }
        }
        if self.has(&(head..old_tail)) {
            carried.add(head..new_tail);
        }
        carried
    }
}

/// As they are counted elsewhere: from 1.
impl fmt::Display for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if matches!(&self.0[..], [one] if one.len() == 1) {
            "line "
        } else {
            "lines "
        })?;
        for (n, range) in self.0.iter().take(NAMED).enumerate() {
            let comma = if n == 0 { "" } else { ", " };
            match range.len() {
                1 => write!(f, "{comma}{}", range.end)?,
                _ => write!(f, "{comma}{} to {}", range.start + 1, range.end)?,
            }
        }
        f.write_str(if NAMED < self.0.len() { " and more" } else { "" })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lines(ranges: &[(usize, usize)]) -> Lines {
        let mut lines = Lines::default();
        ranges.iter().for_each(|(start, end)| lines.add(*start..*end));
        lines
    }

    #[test]
    fn ranges_that_touch_are_one() {
        assert_eq!(lines(&[(4, 6), (0, 2), (2, 4)]).to_string(), "lines 1 to 6");
        assert_eq!(lines(&[(4, 5), (0, 2)]).others(7).to_string(), "lines 3 to 4, 6 to 7");
        assert_eq!(lines(&[(0, 2)]).others(3).to_string(), "line 3");
        assert!(lines(&[(0, 2), (2, 3)]).others(3).is_empty());
    }

    #[test]
    fn an_edit_moves_the_lines_below_it() {
        let check = |shown: &[(usize, usize)], after: &str, expected: &str| {
            let carried = lines(shown).carried("1\n2\n3\n4\n5\n", after);
            assert_eq!(carried.to_string(), expected);
        };
        check(&[(0, 5)], "1\n2\nx\ny\n4\n5\n", "lines 1 to 6");
        check(&[(0, 1), (4, 5)], "1\n2\nx\ny\n4\n5\n", "lines 1, 6");
        check(&[(2, 3)], "1\n2\nx\ny\n4\n5\n", "lines 3 to 4");
        check(&[], "1\n2\nnew\n3\n4\n5\n", "line 3");
        // Between two changes one line was not shown.
        check(&[(0, 2), (3, 5)], "1\nx\n3\ny\n5\n", "lines 1, 5");
    }

    proptest! {
        #[test]
        fn each_line_is_shown_or_not(
            ranges in prop::collection::vec((0..20_usize, 0..6_usize), 0..8), count in 0..30_usize,
        ) {
            let ranges: Vec<_> = ranges.iter().map(|(start, more)| (*start, start + more)).collect();
            let shown = lines(&ranges);
            let others = shown.others(count);
            for line in 0..count {
                let is_shown = ranges.iter().any(|it| (it.0..it.1).contains(&line));
                prop_assert_eq!(shown.has(&(line..line + 1)), is_shown);
                prop_assert_eq!(others.has(&(line..line + 1)), !is_shown);
            }
            prop_assert!(shown.0.windows(2).all(|it| it[0].end < it[1].start));
        }
    }
}
