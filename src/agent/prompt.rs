//! What the model is told before anything else.

use std::path::Path;

use crate::workspace::instructions::{self, Instructions};

/// The words of the program itself; the person may replace them.
pub(crate) const SYSTEM: &str = include_str!("../../prompts/system.md");

/// What else the model is told, in words that the person may replace, too. What belongs to a form
/// that is read here is not among them.
#[derive(Clone, Debug)]
pub(crate) struct Wording {
    /// How it is asked for a summary.
    pub(crate) compact: String,
    /// What it is told beside a task that it shall plan.
    pub(crate) plan: String,
    /// How it is asked a question beside the conversation, with its place in it.
    pub(crate) find_out: String,
}

impl Wording {
    pub(crate) const COMPACT: &str = include_str!("../../prompts/compact.md");
    pub(crate) const PLAN: &str = include_str!("../../prompts/plan.md");
    pub(crate) const FIND_OUT: &str = include_str!("../../prompts/find_out.md");
}

impl Default for Wording {
    fn default() -> Self {
        let [compact, plan, find_out] =
            [Self::COMPACT, Self::PLAN, Self::FIND_OUT].map(str::to_owned);
        Self { compact, plan, find_out }
    }
}

/// What is true of this machine and project. No time, no random: the prompt of two sessions in one
/// project is the same, and so it is in the server's cache.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Facts<'a> {
    pub(crate) project: &'a Path,
    pub(crate) system: &'a str,
    /// What people have written for whoever works here, the nearest last.
    pub(crate) instructions: &'a [Instructions],
}

/// The first message: `words`, `more` of the person's if there are some, and the facts.
pub(crate) fn system_prompt(words: &str, more: Option<&str>, facts: Facts<'_>) -> String {
    let more = more.map(|it| format!("\n\n{}", it.trim())).unwrap_or_default();
    let mut text = format!(
        "{}{more}\n\nProject: {} (paths are relative to it)\nSystem: {}",
        words.trim_end(),
        facts.project.display(),
        facts.system,
    );
    if !facts.instructions.is_empty() {
        text += "\n\n# Instructions\n\nThese are for whoever works here. The later count before the earlier, the \
                 user's own words before all.";
        text += &instructions::in_full(facts.instructions);
    }
    text
}

/// The words, with what they are about in its place; words without such a place are followed by it.
pub(crate) fn about(words: &str, what: &str) -> String {
    const PLACE: &str = "$ARGUMENTS";
    let words = words.trim_end();
    match words.contains(PLACE) {
        true => words.replace(PLACE, what),
        false => format!("{words}\n\n{what}"),
    }
}

/// The `words` that ask for a summary, and that nothing of `keep` may be missing in it.
pub(super) fn request_for_summary(words: &str, keep: &str) -> String {
    match keep.trim() {
        "" => words.trim_end().to_owned(),
        keep => format!("{}\n\nAbove all keep this: {keep}", words.trim_end()),
    }
}
