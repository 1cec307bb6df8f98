//! A question that is answered with yes or no.

use std::io::IsTerminal;

use anyhow::Context;

use crate::cli::note;
use crate::ui::{Keyboard, Line, visible_line};

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
    Ok(runtime.block_on(says_yes(&Keyboard::new(None), words, otherwise)))
}

/// The same where somebody is there. Only a clear yes is one; if it is none, that is said.
pub(super) async fn says_yes(keyboard: &Keyboard, words: &str, otherwise: &str) -> bool {
    let words = format!("{words} y = yes, n = no: ");
    while let Line::Entered(answer) = keyboard.question(&words).await {
        match &*answer.trim().to_lowercase() {
            "y" | "yes" => return true,
            "n" | "no" | "" => break,
            other => note(&format!("`{}` is no answer here: y or n", visible_line(other, 40))),
        }
    }
    note(otherwise);
    false
}
