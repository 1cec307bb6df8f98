//! Whether a model fits a machine, and with how long a memory: pure arithmetic over what its header
//! says.

mod form;
mod machine;
mod need;
mod verdict;

pub(crate) use form::Form;
pub(crate) use machine::{Card, Machine};
pub(crate) use need::{Need, Wish, need};
pub(crate) use verdict::{Place, longest, place};

#[cfg(test)]
mod tests;
