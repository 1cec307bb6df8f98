//! Weights: names, files, and a model that plays a script.

mod gguf;
pub(crate) mod hub;
mod locate;
mod script;

pub(crate) use locate::locate;
pub(crate) use script::{Script, Shape};
