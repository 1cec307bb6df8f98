//! Values as they are typed, where the words of the parser would not help, and what may stand behind
//! several commands.

use std::str::FromStr;

use clap::Args;
use clap::builder::NonEmptyStringValueParser;

/// Behind a command that works with a model, where it counts as before it.
#[derive(Debug, Args)]
pub(in crate::cli) struct With {
    /// Model to work with: a name, a part of one, a file
    #[arg(short, long, value_name = "MODEL", value_parser = named())]
    pub(in crate::cli) model: Option<String>,
}

/// A name that is one: an empty one would mean the folder that we are in.
pub(super) fn named() -> NonEmptyStringValueParser {
    NonEmptyStringValueParser::new()
}

/// A number that cannot be zero.
pub(super) fn count<T: FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| "this is to be a whole number from 1 on".to_owned())
}
