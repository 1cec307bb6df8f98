//! `find_out`: a question that takes many looks. Who looks is not a tool's business: the turn holds a
//! conversation of its own about it.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::conversation::{Outcome, Status};

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    question: String,
}

/// The question of a call; or why it is none.
pub(super) fn question(args: &Args) -> Result<String, Outcome> {
    let question = args.question.trim();
    if question.is_empty() {
        return Err(Outcome::new(Status::Failed, "`question` is empty", "no question"));
    }
    Ok(question.to_owned())
}

/// A question that reached the tool itself was asked where another one is looked into.
pub(super) fn too_deep() -> Outcome {
    let text = "Not here: this is a question of its own already. Look yourself.";
    Outcome::new(Status::Refused, text, "not in a question")
}
