//! What the name of a model file says.

mod file_name;
mod part;
mod quant;

pub(crate) use file_name::{FileName, Role};
pub(crate) use part::Part;
pub(crate) use quant::Quant;

/// In small letters and without the marks between the words: people and files differ in both.
pub(crate) fn squeezed(name: &str) -> String {
    name.chars().filter(|it| !"-_ .:".contains(*it)).flat_map(char::to_lowercase).collect()
}
