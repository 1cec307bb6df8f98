//! Who came first among those who wait for room. A model that is to go for one of them takes no new requests of
//! those who came later, or it would never be idle.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

/// A place in the order of coming.
pub(super) type Turn = u64;

#[derive(Default)]
pub(super) struct Turns {
    last: Cell<Turn>,
    /// Who lacks room, and the models that are to go for it, by their ids.
    lacking: RefCell<BTreeMap<Turn, Vec<u64>>>,
}

impl Turns {
    pub(super) fn come(&self) -> Turn {
        self.last.set(self.last.get() + 1);
        self.last.get()
    }

    pub(super) fn lacks(&self, turn: Turn, ids: Vec<u64>) {
        self.lacking.borrow_mut().insert(turn, ids);
    }

    /// True if it had lacked room.
    pub(super) fn is_served(&self, turn: Turn) -> bool {
        self.lacking.borrow_mut().remove(&turn).is_some()
    }

    /// Whether somebody who came before this one lacks room.
    pub(super) fn is_late(&self, turn: Turn) -> bool {
        self.lacking.borrow().range(..turn).next().is_some()
    }

    /// Whether this model is to go for somebody who came before.
    pub(super) fn is_promised(&self, id: u64, turn: Turn) -> bool {
        self.lacking.borrow().range(..turn).any(|(_, ids)| ids.contains(&id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_that_is_to_go_serves_only_who_came_before() {
        let turns = Turns::default();
        let (first, second, third) = (turns.come(), turns.come(), turns.come());
        turns.lacks(second, vec![7]);
        assert!(!turns.is_promised(7, first) && !turns.is_promised(7, second));
        assert!(turns.is_promised(7, third) && !turns.is_promised(8, third));
        assert!(turns.is_late(third) && !turns.is_late(second));
        assert!(turns.is_served(second) && !turns.is_served(second));
        assert!(!turns.is_promised(7, third) && !turns.is_late(third));
    }
}
