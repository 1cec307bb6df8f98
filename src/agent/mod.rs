//! The loop: decide the next step, take it, write it down, show it.

mod interrupt;
mod prompt;
mod step;
mod turn;

pub(crate) use interrupt::Interrupt;
pub(crate) use prompt::{Facts, system_prompt};
pub(crate) use step::Rules;
pub(crate) use turn::Finish;
