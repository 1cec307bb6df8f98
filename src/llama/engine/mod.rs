//! Engines: llama-servers that we install, from the releases of llama.cpp.

mod asset;
mod install;
mod machine;
mod options;
mod pick;
mod release;
mod smoke;
mod spoken;
mod store;
mod unpack;

pub(crate) use asset::{Backend, build_of};
pub(crate) use install::{Install, Installation, Step, install, lock};
pub(crate) use machine::{Libc, Machine};
pub(crate) use options::EngineOptions;
pub(crate) use release::{Sources, Wish};
pub(crate) use smoke::{Place, works};
pub(crate) use spoken::build_of_program;
pub(crate) use store::{Hold, Installed, Store};
