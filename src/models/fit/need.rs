//! How much memory a model takes with a context.

use crate::models::fit::form::{Form, Layer};
use crate::models::gguf::Element;

/// How one wants to work with it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Wish {
    pub(crate) context: u64,
    pub(crate) slots: u64,
    /// How keys and values are stored.
    pub(crate) key: Element,
    pub(crate) value: Element,
    /// Tokens that are read in one step.
    pub(crate) batch: u64,
}

/// Bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Need {
    pub(crate) weights: u64,
    /// Of the context.
    pub(crate) cache: u64,
    /// Of layers that keep a state instead.
    pub(crate) state: u64,
    /// For computing.
    pub(crate) compute: u64,
}

impl Wish {
    /// As llama-server does it by itself, with one conversation.
    pub(crate) fn usual(context: u64) -> Self {
        let half = Element::named("f16").expect("it is in the table");
        Self { context, slots: 1, key: half, value: half, batch: 512 }
    }
}

impl Need {
    pub(crate) fn total(self) -> u64 {
        [self.weights, self.cache, self.state, self.compute]
            .into_iter()
            .fold(0, u64::saturating_add)
    }
}

/// Rooms for tokens are made by so many.
const ROOMS: u64 = 256;

pub(crate) fn need(form: &Form, wish: &Wish) -> Need {
    // A server divides its context among its slots.
    let each = rooms(wish.context / wish.slots.max(1));
    let whole = each.saturating_mul(wish.slots.max(1));
    let mut need = Need { weights: form.weights, ..Need::default() };
    for layer in &form.layers {
        let cells = |key, value, tokens: u64| {
            wish.key.row(key).saturating_add(wish.value.row(value)).saturating_mul(tokens)
        };
        match *layer {
            Layer::Full { key, value } => {
                need.cache = need.cache.saturating_add(cells(key, value, whole));
            }
            Layer::Window { key, value, tokens } => {
                let kept = rooms(each.min(tokens.saturating_add(wish.batch)));
                let all = kept.saturating_mul(wish.slots.max(1));
                need.cache = need.cache.saturating_add(cells(key, value, all));
            }
            Layer::State { bytes } => {
                need.state = need.state.saturating_add(bytes.saturating_mul(wish.slots.max(1)));
            }
            Layer::Nothing => {}
        }
    }
    need.compute = compute(form, wish);
    need
}

fn rooms(tokens: u64) -> u64 {
    tokens.checked_next_multiple_of(ROOMS).unwrap_or(u64::MAX)
}

/// The scores of a batch, and what the layers hand on; a mask for the context.
fn compute(form: &Form, wish: &Wish) -> u64 {
    const LEAST: u64 = 32 << 20;
    let scores = wish.batch.saturating_mul(form.vocabulary).saturating_mul(4);
    let handed_on = wish.batch.saturating_mul(form.width).saturating_mul(4 * 8);
    let mask = wish.batch.saturating_mul(wish.context).saturating_mul(2);
    [scores, handed_on, mask].into_iter().fold(LEAST, u64::saturating_add)
}
