//! Questions to the person in full.

use crate::conversation::Question;
use crate::ui::palette::Paint;
use crate::ui::visible::{visible, visible_line};

/// The question whole, with its options by number: who wrote it is a model.
pub(super) fn question_in_full(question: &Question) -> String {
    let mut text = format!("{} {}", "question:".strong(), visible(&question.text));
    for (at, option) in question.options.iter().enumerate() {
        text += &format!("\n  {} = {}", at + 1, visible(option));
    }
    text
}

/// Which numbers there are in a list of so many.
pub(crate) fn numbers(count: usize) -> String {
    match count {
        1 => "the only number is 1".to_owned(),
        n => format!("the numbers go from 1 to {n}"),
    }
}

/// What is said to the number of an option that there is not.
pub(super) fn no_option(question: &Question, words: &str) -> String {
    let numbers = numbers(question.options.len());
    let words = visible_line(words, 40);
    format!("  there is no {words}: {numbers}; {words} once more is your answer as it stands")
}
