//! Which bytes of a file are here: a set of ranges.

use std::ops::Range;

/// Disjoint, sorted, and no two that touch.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Ranges(Vec<Range<u64>>);

impl Ranges {
    pub(super) fn add(&mut self, new: Range<u64>) {
        if new.is_empty() {
            return;
        }
        let begin = self.0.partition_point(|it| it.end < new.start);
        let end = self.0.partition_point(|it| it.start <= new.end);
        let joined = self.0[begin..end]
            .iter()
            .fold(new, |all, it| all.start.min(it.start)..all.end.max(it.end));
        self.0.splice(begin..end, [joined]);
    }

    /// Forgets what lies at or behind `size`.
    pub(super) fn cut(&mut self, size: u64) {
        self.0.retain_mut(|it| {
            it.end = it.end.min(size);
            !it.is_empty()
        });
    }

    pub(super) fn total(&self) -> u64 {
        self.0.iter().map(|it| it.end - it.start).sum()
    }

    /// How far it is whole from its beginning.
    pub(super) fn front(&self) -> u64 {
        self.0.first().filter(|it| it.start == 0).map_or(0, |it| it.end)
    }

    /// The first range at or behind `from` and before `size` that is not here.
    pub(super) fn hole(&self, from: u64, size: u64) -> Option<Range<u64>> {
        let mut start = from;
        for it in &self.0[self.0.partition_point(|it| it.end <= from)..] {
            if start < it.start {
                return Some(start..it.start.min(size)).filter(|it| !it.is_empty());
            }
            start = it.end;
        }
        Some(start..size).filter(|it| !it.is_empty())
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Range<u64>> {
        self.0.iter()
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(added: &[Range<u64>], expected: Expect) {
        let mut ranges = Ranges::default();
        added.iter().cloned().for_each(|it| ranges.add(it));
        let hole = ranges.hole(0, 100);
        expected.assert_eq(&format!("{:?}, front {}, hole {hole:?}", ranges.0, ranges.front()));
    }

    #[test]
    fn ranges_that_touch_are_one() {
        check(&[0..10, 20..30], expect!["[0..10, 20..30], front 10, hole Some(10..20)"]);
        check(&[0..10, 20..30, 10..20], expect!["[0..30], front 30, hole Some(30..100)"]);
        check(&[50..100, 0..50], expect!["[0..100], front 100, hole None"]);
        check(&[5..6, 0..9], expect!["[0..9], front 9, hole Some(9..100)"]);
        check(&[5..5, 5..6], expect!["[5..6], front 0, hole Some(0..5)"]);
        check(&[5..5, 6..6], expect!["[], front 0, hole Some(0..100)"]);
    }

    proptest! {
        #[test]
        fn it_is_a_set_of_bytes(added in prop::collection::vec((0u64..60, 0u64..20), 0..12), size in 0u64..80) {
            let mut ranges = Ranges::default();
            let mut bytes = [false; 100];
            for (start, length) in added {
                ranges.add(start..start + length);
                bytes[start as usize..(start + length) as usize].fill(true);
            }
            ranges.cut(size);
            bytes[size as usize..].fill(false);
            prop_assert_eq!(ranges.total(), bytes.iter().filter(|it| **it).count() as u64);
            let front = bytes.iter().position(|it| !it).unwrap_or(bytes.len()) as u64;
            prop_assert_eq!(ranges.front(), front);
            for from in 0..size {
                let start = (from..size).find(|it| !bytes[*it as usize]);
                let hole = start.map(|start| {
                    let end = (start..size).find(|it| bytes[*it as usize]).unwrap_or(size);
                    start..end
                });
                prop_assert_eq!(ranges.hole(from, size), hole);
            }
            prop_assert!(ranges.0.windows(2).all(|it| it[0].end < it[1].start));
        }
    }
}
