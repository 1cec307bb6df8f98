//! The keys of a person who watches a single task, and what becomes of the words they type.

use crate::agent::{Desk, Interrupt};
use crate::cli::Exit;
use crate::cli::serving::Serving;
use crate::cli::talk::heed;
use crate::ui::{Keyboard, Screen, Watching, Words, visible_line};

/// So much of them is shown: they are there to be typed again.
const SHOWN: usize = 400;

/// As long as it is not at its end, keys are heeded.
pub(super) struct Attended<'a> {
    keyboard: Option<&'a Keyboard>,
    watching: Option<Watching>,
}

/// Heeds keys, where there is a keyboard.
pub(super) fn attend<'a>(
    desk: &Desk<Serving, Screen>,
    keyboard: Option<&'a Keyboard>,
    interrupt: &Interrupt,
    words: Words,
) -> Attended<'a> {
    let watching = keyboard.map(|it| it.watch(words, heed(desk, interrupt)));
    Attended { keyboard, watching }
}

impl Attended<'_> {
    /// Gives the keys back. What was typed and not said cannot be given back to the shell, so it is told.
    pub(super) fn end(self, desk: &mut Desk<Serving, Screen>, ended: &anyhow::Result<Exit>) {
        drop(self.watching);
        let Some(keyboard) = self.keyboard else { return };
        if let Ok(Exit::Cancelled) = ended {
            // A question may still wait for its answer.
            keyboard.let_go();
        }
        let mut unsaid = desk.wishes().unsaid();
        unsaid.extend(keyboard.unheard());
        if !unsaid.is_empty() {
            let words = visible_line(&unsaid.join(" ↵ "), SHOWN);
            desk.front().note(&format!("what you typed meanwhile was told to nobody: {words}"));
        }
    }
}
