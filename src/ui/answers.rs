//! Questions to the person in full.

use crate::conversation::Question;
use crate::ui::palette::Paint;
use crate::ui::visible::visible;

/// The question whole, with its options by number: who wrote it is a model.
pub(super) fn question_in_full(question: &Question) -> String {
    let mut text = format!("{} {}", "question:".strong(), visible(&question.text));
    for (at, option) in question.options.iter().enumerate() {
        text += &format!("\n  {} = {}", at + 1, visible(option));
    }
    text
}
