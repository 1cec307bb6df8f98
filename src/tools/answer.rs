//! What a tool gives back: an answer, or a failure that the model can act on.

use crate::conversation::{Outcome, Status};
use crate::tools::after_edit::Touched;
use crate::workspace::FileError;

#[derive(Debug)]
pub(super) struct Answer {
    pub(super) text: String,
    /// A few words for the person.
    pub(super) gist: String,
}

/// An answer, and the files that were changed for it.
#[derive(Debug)]
pub(super) struct Changed {
    pub(super) answer: Answer,
    pub(super) touched: Vec<Touched>,
}

impl From<Answer> for Changed {
    fn from(answer: Answer) -> Self {
        Self { answer, touched: Vec::new() }
    }
}

/// A sentence for the model: what was not done, why, and what to do instead.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Failure {
    pub(super) text: String,
    pub(super) gist: &'static str,
}

impl Failure {
    pub(super) fn new(text: impl Into<String>, gist: &'static str) -> Self {
        Self { text: text.into(), gist }
    }
}

impl From<FileError> for Failure {
    fn from(err: FileError) -> Self {
        let gist = match err {
            FileError::Missing(_) => "not found",
            FileError::Directory(_) => "a directory",
            FileError::TooLarge(..) => "too large",
            FileError::Refused(_) => "refused",
        };
        Self::new(err.to_string(), gist)
    }
}

impl From<Result<Answer, Failure>> for Outcome {
    fn from(result: Result<Answer, Failure>) -> Self {
        match result {
            Ok(Answer { text, gist }) => Self::new(Status::Done, text, gist),
            Err(Failure { text, gist }) => Self::new(Status::Failed, text, gist),
        }
    }
}

/// `1 line`, `2 lines`.
pub(super) fn count(n: usize, one: &str) -> String {
    match (n, one) {
        (1, _) => format!("1 {one}"),
        (_, "match") => format!("{n} matches"),
        (_, "entry") => format!("{n} entries"),
        _ => format!("{n} {one}s"),
    }
}
