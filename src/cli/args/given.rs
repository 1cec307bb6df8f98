//! Values as they are typed, where the words of the parser would not help.

use std::str::FromStr;

use clap::builder::NonEmptyStringValueParser;

/// A name that is one: an empty one would mean the folder that we are in.
pub(super) fn named() -> NonEmptyStringValueParser {
    NonEmptyStringValueParser::new()
}

/// A number that cannot be zero.
pub(super) fn count<T: FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| "this is to be a whole number from 1 on".to_owned())
}
