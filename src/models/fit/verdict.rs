//! Where a model would lie on a machine, and how long a context it could have.

use crate::models::fit::{Form, Machine, Need, Wish, need};

/// From the best to none.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Place {
    /// All of it on graphics cards.
    Cards,
    /// Some of it there, the rest in memory.
    Both,
    Memory,
    /// It is larger than what there is.
    Nowhere,
}

pub(crate) fn place(need: Need, machine: &Machine) -> Place {
    let (cards, memory) = (machine.on_cards(), machine.in_memory());
    match need.total() {
        total if total <= cards => Place::Cards,
        total if cards != 0 && total <= cards.saturating_add(memory) => Place::Both,
        total if total <= memory => Place::Memory,
        _ => Place::Nowhere,
    }
}

/// The longest context that fits, in steps of 1024 tokens; `None` if not even a short one does.
pub(crate) fn longest(form: &Form, wish: &Wish, machine: &Machine) -> Option<u64> {
    const STEP: u64 = 1024;
    const SHORTEST: u64 = 4 * STEP;
    let most = form.context.clamp(SHORTEST, 1 << 24);
    let fits = |context| place(need(form, &Wish { context, ..*wish }), machine) != Place::Nowhere;
    if fits(most) {
        return Some(most);
    }
    let (mut low, mut high) = (SHORTEST / STEP, most / STEP);
    if !fits(low * STEP) {
        return None;
    }
    while low + 1 < high {
        let middle = low.midpoint(high);
        if fits(middle * STEP) {
            low = middle;
        } else {
            high = middle;
        }
    }
    Some(low * STEP)
}
