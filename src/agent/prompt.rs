//! What the model is told before anything else.

use std::path::Path;

use crate::workspace::instructions::{self, Instructions};

/// The words of the program itself; the person may replace them.
const SYSTEM: &str = include_str!("../../prompts/system.md");

/// How the model is asked for a summary.
const COMPACT: &str = include_str!("../../prompts/compact.md");

/// What is true of this machine and project. No time, no random: the prompt of two sessions in one
/// project is the same, and so it is in the server's cache.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Facts<'a> {
    pub(crate) project: &'a Path,
    pub(crate) system: &'a str,
    /// What people have written for whoever works here, the nearest last.
    pub(crate) instructions: &'a [Instructions],
}

/// The first message: `own` words instead of ours, if the person has some, and the facts.
pub(crate) fn system_prompt(own: Option<&str>, facts: Facts<'_>) -> String {
    let mut text = format!(
        "{}\n\nProject: {} (paths are relative to it)\nSystem: {}",
        own.unwrap_or(SYSTEM).trim_end(),
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

/// The words that ask for a summary in which nothing of `keep` may be missing.
pub(super) fn request_for_summary(keep: &str) -> String {
    match keep.trim() {
        "" => COMPACT.trim_end().to_owned(),
        keep => format!("{}\n\nAbove all keep this: {keep}", COMPACT.trim_end()),
    }
}
