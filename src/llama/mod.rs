//! The llama-server program: find it, start it, know why it failed, end it.

mod address;
pub(crate) mod engine;
mod environment;
mod estimate;
mod failure;
mod find;
mod flags;
mod kept;
mod leftovers;
#[cfg(test)]
mod memory;
mod options;
mod private;
mod probe;
mod running;
mod state;
#[cfg(test)]
mod testing;

pub(crate) use address::Address;
pub(crate) use environment::environment;
pub(crate) use estimate::{Device, Question, Share, arguments, devices, estimator, shares};
pub(crate) use find::{Found, Places, Whence, find};
pub(crate) use kept::{Attic, Kept};
pub(crate) use options::Options;
pub(crate) use private::make_dir;
pub(crate) use running::{Launch, Running, hang, random_key, start};
