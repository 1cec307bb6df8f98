//! Questions to the person in full, and what is meant by the answers.

use colored::Colorize;

use crate::conversation::{Decision, Question, Stakes};
use crate::ui::visible::visible;

/// The question whole, with its options by number: who wrote it is a model.
pub(super) fn question_in_full(question: &Question) -> String {
    let mut text = format!("{} {}", "question:".bold(), visible(&question.text));
    for (at, option) in question.options.iter().enumerate() {
        text += &format!("\n  {} = {}", at + 1, visible(option));
    }
    text
}

/// Only a clear yes is a yes. What is too short to tell the model what to do instead is no answer.
pub(super) fn decision(answer: &str, stakes: &Stakes) -> Option<Decision> {
    let words = answer.trim();
    if is_always(words) {
        return stakes.always.clone().map(Decision::Always);
    }
    match &*words.to_lowercase() {
        "y" | "yes" => Some(Decision::Allowed),
        "n" | "no" | "" => Some(Decision::Denied(String::new())),
        short if short.chars().count() <= 3 => None,
        _ => Some(Decision::Denied(words.to_owned())),
    }
}

pub(super) fn is_always(answer: &str) -> bool {
    matches!(&*answer.trim().to_lowercase(), "a" | "always")
}
