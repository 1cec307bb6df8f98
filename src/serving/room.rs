//! Which models make room for another: a pure function of what there is.

use std::time::Duration;

/// A model that is loaded, as far as memory goes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Resident {
    pub(super) need: u64,
    /// Since when nobody has asked it anything; `None` while it answers, or is being loaded or ended.
    pub(super) idle: Option<Duration>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Room {
    Enough,
    /// When these are gone, by their places.
    After(Vec<usize>),
    /// Not until one that is busy is done.
    Later,
}

/// Makes room for `need` among `all`. Who has been idle longest goes first, and nobody goes in vain.
/// One that is busy is never ended. A model for which the whole machine is too small is loaded alone:
/// the server then makes it fit, or says why it cannot.
pub(super) fn make_room(all: &[Resident], need: u64, room: u64) -> Room {
    let used = all.iter().fold(0_u64, |sum, it| sum.saturating_add(it.need));
    let lacking = used.saturating_add(need).saturating_sub(room);
    if lacking == 0 || all.is_empty() {
        return Room::Enough;
    }
    let mut idle: Vec<_> = (0..all.len()).filter(|it| all[*it].idle.is_some()).collect();
    idle.sort_by_key(|it| std::cmp::Reverse(all[*it].idle));
    let freed =
        |some: &[usize]| some.iter().fold(0_u64, |sum, it| sum.saturating_add(all[*it].need));
    if freed(&idle) < lacking {
        return if idle.len() == all.len() { Room::After(idle) } else { Room::Later };
    }
    let enough = (1..=idle.len()).find(|it| lacking <= freed(&idle[..*it])).unwrap_or(idle.len());
    idle.truncate(enough);
    // What came first may be of no use, now that a large one goes too.
    for at in (0..idle.len()).rev() {
        let without: Vec<_> = [&idle[..at], &idle[at + 1..]].concat();
        if lacking <= freed(&without) {
            idle = without;
        }
    }
    Room::After(idle)
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    use super::*;

    /// Models by their need and the seconds they have been idle; `-` for a busy one.
    #[track_caller]
    fn check(all: &str, need: u64, room: u64, expected: Expect) {
        let resident = |it: &str| {
            let (need, idle) = it.split_once(':').unwrap();
            let idle = idle.parse().ok().map(Duration::from_secs);
            Resident { need: need.parse().unwrap(), idle }
        };
        let all: Vec<_> = all.split_whitespace().map(resident).collect();
        expected.assert_eq(&format!("{:?}", make_room(&all, need, room)));
    }

    #[test]
    fn what_fits_beside_the_others_ends_none_of_them() {
        check("", 5, 10, expect!["Enough"]);
        check("3:9 2:-", 5, 10, expect!["Enough"]);
    }

    #[test]
    fn the_longest_idle_goes_first() {
        check("3:1 3:9 3:5", 4, 10, expect!["After([1])"]);
        check("3:1 3:9 3:5", 7, 10, expect!["After([1, 2])"]);
    }

    #[test]
    fn none_goes_in_vain() {
        check("1:9 8:1", 8, 10, expect!["After([1])"]);
    }

    #[test]
    fn a_busy_one_is_waited_for() {
        check("8:-", 8, 10, expect!["Later"]);
        check("5:- 3:9", 8, 10, expect!["Later"]);
        check("5:9 3:-", 6, 10, expect!["After([0])"]);
    }

    #[test]
    fn what_fits_nowhere_is_tried_alone() {
        check("", 50, 10, expect!["Enough"]);
        check("3:9 3:1", 50, 10, expect!["After([0, 1])"]);
        check("3:9 3:-", 50, 10, expect!["Later"]);
    }

    proptest! {
        #[test]
        fn a_busy_one_never_goes_and_what_goes_is_enough(
            all in prop::collection::vec((0_u64..20, prop::option::of(0_u64..9)), 0..6),
            need in 0_u64..20,
            room in 0_u64..60,
        ) {
            let idle = |it: Option<u64>| it.map(Duration::from_secs);
            let all: Vec<_> =
                all.into_iter().map(|it| Resident { need: it.0, idle: idle(it.1) }).collect();
            if let Room::After(gone) = make_room(&all, need, room) {
                prop_assert!(gone.iter().all(|it| all[*it].idle.is_some()));
                let stays = (0..all.len()).filter(|it| !gone.contains(it));
                let left: u64 = stays.map(|it| all[it].need).sum();
                prop_assert!(left + need <= room || gone.len() == all.len());
            }
        }
    }
}
