//! GGUF, the format of model files: their headers are read, and files that play a script written.

mod element;
#[cfg(fuzzing)]
mod fuzz;
mod header;
mod open;
mod parts;
mod read;
pub(in crate::models) mod write;

pub(crate) use element::Element;
#[cfg(fuzzing)]
pub use fuzz::fuzz_header;
pub(crate) use header::{Header, Tensor, Value};
pub(crate) use open::{open, peek};
pub(crate) use parts::parts;
pub(in crate::models) use read::{Fault, Reader, Step};

#[cfg(test)]
mod tests;
