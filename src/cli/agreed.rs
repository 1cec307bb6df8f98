//! A question that is answered with yes or no.

use std::io::IsTerminal;

use anyhow::Context;

use crate::cli::note;
use crate::ui::{Keyboard, Line};

/// What is asked, what is said if it comes to nothing, and how to do without the question.
#[derive(Clone, Copy, Debug)]
pub(super) struct Question<'a> {
    pub(super) words: &'a str,
    pub(super) otherwise: &'a str,
    pub(super) unasked: &'a str,
}

/// Whether the person says yes. Where there is nobody to ask, it is no.
pub(super) fn agreed(question: Question<'_>) -> anyhow::Result<bool> {
    let Question { words, otherwise, unasked } = question;
    if !(std::io::stdin().is_terminal() && std::io::stderr().is_terminal()) {
        note(&format!("{otherwise}: there is nobody to ask; {unasked}"));
        return Ok(false);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let runtime = runtime.context("cannot set up the event loop")?;
    let keyboard = Keyboard::new(None);
    let words = format!("{words} y = yes, n = no: ");
    while let Line::Entered(answer) = runtime.block_on(keyboard.question(&words)) {
        match &*answer.trim().to_lowercase() {
            "y" | "yes" => return Ok(true),
            "n" | "no" | "" => break,
            _ => {}
        }
    }
    note(otherwise);
    Ok(false)
}
