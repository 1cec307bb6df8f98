//! `ask_user`: a question to the person. Who asks it is not a tool's business: the front end does.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::conversation::{Answer, Outcome, Question, Status};

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    question: String,
    options: Option<Vec<String>>,
}

/// More cannot be chosen from at a glance.
const MOST: usize = 9;

/// The question of a call; or why it is none.
pub(super) fn question(args: Args) -> Result<Question, Outcome> {
    let text = args.question.trim().to_owned();
    if text.is_empty() {
        return Err(Outcome::new(Status::Failed, "`question` is empty", "no question"));
    }
    let mut options = args.options.unwrap_or_default();
    if MOST < options.len() {
        let text = format!("{} options are too many: give at most {MOST}", options.len());
        return Err(Outcome::new(Status::Failed, text, "too many options"));
    }
    options.retain(|it| !it.trim().is_empty());
    Ok(Question { text, options })
}

/// What the model is told of the answer; `None` when the person stopped the turn instead.
pub(crate) fn outcome(answer: Option<Answer>) -> Outcome {
    match answer {
        Some(Answer::Said(words)) => {
            Outcome::new(Status::Done, format!("The user answered: {words}\n"), "answered")
        }
        Some(Answer::Nobody) => Outcome::new(
            Status::Failed,
            "Nobody is there to ask. Decide yourself, and say in your last words what you decided.",
            "nobody to ask",
        ),
        None => {
            Outcome::new(Status::Cancelled, "Not answered: the user stopped the turn.", "stopped")
        }
    }
}
