//! What the name of a model file says.

mod file_name;
mod part;
mod quant;

pub(crate) use file_name::{FileName, Role};
pub(crate) use part::Part;
pub(crate) use quant::Quant;
