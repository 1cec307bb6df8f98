//! One file, one tool: its arguments and what it does.
//!
//! What the model reads about a tool stands in `tools/<name>.json` beside `src`; a test holds it
//! equal to the argument types here. A tool reaches only what its function takes.

mod answer;
mod arguments;
mod budget;
mod edit_file;
mod find_files;
mod glob;
mod list_files;
mod lookup;
mod read_file;
mod run_command;
mod search;
mod shell;
mod toolbox;
mod write_file;

pub(crate) use answer::Failure;
pub(crate) use arguments::{resolve, understand};
pub(crate) use budget::Budget;
pub(crate) use toolbox::{Limits, Means, Toolbox};
