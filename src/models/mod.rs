//! Weights: names, files, where they are, what they need, and a model that plays a script.

mod catalog;
mod choose;
mod fit;
mod gguf;
pub(crate) mod hub;
mod locate;
mod name;
mod options;
mod reference;
mod script;
mod store;
mod variables;

pub(crate) use catalog::{Catalog, Entry};
pub(crate) use choose::{Candidate, Room, choose, gigabytes};
pub(crate) use fit::{Card, Form, Machine, Need, Place, Wish, longest, need, place};
#[cfg(fuzzing)]
pub use gguf::fuzz_header;
pub(crate) use gguf::{Element, Header, open, parts};
pub(crate) use locate::{locate, read};
pub(crate) use name::{FileName, Quant, Role};
pub(crate) use options::Options;
pub(crate) use reference::{Match, Reference};
#[cfg(test)]
pub(crate) use script::Build;
pub(crate) use script::{Script, Shape};
pub(crate) use store::{Found, Places, State, Verdict, import, removal, scan, verify};
