//! What the model is told before anything else.

use std::path::Path;

use crate::workspace::instructions::{self, Instructions};

/// The words of the program itself; the person may replace them.
pub(crate) const SYSTEM: &str = include_str!("../../prompts/system.md");

/// How the model is asked for a summary; the person may replace that too.
pub(crate) const COMPACT: &str = include_str!("../../prompts/compact.md");

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

/// The `words` that ask for a summary, and that nothing of `keep` may be missing in it.
pub(super) fn request_for_summary(words: &str, keep: &str) -> String {
    match keep.trim() {
        "" => words.trim_end().to_owned(),
        keep => format!("{}\n\nAbove all keep this: {keep}", words.trim_end()),
    }
}
