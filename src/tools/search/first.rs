//! Of what many threads find in any order, the first by path: the same from run to run.

use std::collections::BTreeMap;
use std::path::Path;

use crate::workspace::{ProjectPath, in_order};

/// Holds what comes first until it weighs so much; what lies beyond need not even be looked for.
#[derive(Debug)]
pub(super) struct First<T> {
    most: usize,
    held: BTreeMap<ProjectPath, (usize, T)>,
    weight: usize,
}

impl<T> First<T> {
    pub(super) fn new(most: usize) -> Self {
        Self { most, held: BTreeMap::new(), weight: 0 }
    }

    pub(super) fn is_full(&self) -> bool {
        self.most <= self.weight
    }

    /// Whether nothing at or below `path` can be among the first any more.
    pub(super) fn is_beyond(&self, path: &Path) -> bool {
        let last = || self.held.last_key_value().map(|(last, _)| last.as_path());
        self.is_full() && last().is_some_and(|it| in_order(it, path).is_lt())
    }

    pub(super) fn add(&mut self, path: ProjectPath, weight: usize, found: T) {
        if self.is_beyond(path.as_path()) {
            return;
        }
        self.weight += weight;
        self.held.insert(path, (weight, found));
        while let Some(last) = self.held.last_entry() {
            let without = self.weight - last.get().0;
            if without < self.most {
                break;
            }
            self.weight = without;
            last.remove();
        }
    }

    /// In the order of the paths.
    pub(super) fn into_sorted(self) -> impl Iterator<Item = T> {
        self.held.into_values().map(|(_, found)| found)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Sorted as a whole, taken from the front until the weight is reached.
    fn naive(most: usize, mut all: Vec<(ProjectPath, usize)>) -> Vec<ProjectPath> {
        all.sort();
        let mut weight = 0;
        let first = all.into_iter().take_while(|(_, it)| {
            let has_room = weight < most;
            weight += it;
            has_room
        });
        first.map(|(path, _)| path).collect()
    }

    proptest! {
        #[test]
        fn the_first_are_the_same_in_any_order(
            all in prop::collection::btree_map("[ab]/[a-z]{1,2}", 1..5usize, 0..30)
                .prop_map(|it| it.into_iter().collect::<Vec<_>>()).prop_shuffle(),
            most in 1..20usize,
        ) {
            let plain = |it: &str| ProjectPath::plain(it.into());
            let mut first = First::new(most);
            let mut passed = Vec::new();
            for (path, weight) in &all {
                if first.is_beyond(Path::new(path)) {
                    passed.push(plain(path));
                } else {
                    first.add(plain(path), *weight, plain(path));
                }
            }
            let expected = naive(most, all.iter().map(|(path, it)| (plain(path), *it)).collect());
            let is_full = most <= all.iter().map(|it| it.1).sum();
            prop_assert_eq!(first.is_full(), is_full);
            prop_assert_eq!(first.into_sorted().collect::<Vec<_>>(), expected.clone());
            prop_assert!(passed.iter().all(|it| !expected.contains(it)));
        }
    }
}
