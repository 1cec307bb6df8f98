//! What the model has to know when the person has taken back, or done again, what it changed.

use std::collections::BTreeSet;

use crate::conversation::Transcript;
use crate::workspace::{ProjectPath, Way, Workspace};

/// As many files as are named.
const NAMED: usize = 20;

/// `None` if there is nothing that the model does not know.
pub(super) fn note(workspace: &Workspace) -> Option<String> {
    let history = workspace.history()?;
    let sentence = |way, did: &str| {
        let files = history.untold(way);
        (!files.is_empty()).then(|| format!("The user has {did}: {}.", named(&files)))
    };
    let sentences = [
        sentence(Way::Undo, "undone what you changed in"),
        sentence(Way::Redo, "put back what you had changed in"),
    ];
    let said = sentences.into_iter().flatten().collect::<Vec<_>>().join(" ");
    (!said.is_empty()).then(|| said + " Read these files again before you change them.")
}

/// How the line begins that says which files changed since.
const WENT_BACK: &str = "The user has gone back to an earlier point of the conversation.";

/// After going back: which changes stand that nobody speaks of any more, and what was told with words
/// that are gone. `None` if the files are as the conversation says.
pub(super) fn went_back(
    workspace: &Workspace,
    transcript: &Transcript,
    told: &[String],
) -> Option<String> {
    // A history that cannot be read now says so where somebody asks for it.
    let changed = workspace.history().and_then(|it| it.changed().ok()).unwrap_or_default();
    let is_spoken_of = |turn: u64| transcript.prompts().iter().any(|it| it.number as u64 == turn);
    let forgotten = changed.into_iter().filter(|it| !is_spoken_of(it.turn));
    let files: BTreeSet<_> = forgotten.flat_map(|it| it.files).collect();
    let mut lines: Vec<String> = Vec::new();
    for line in told.iter().flat_map(|it| it.lines()).filter(|it| !it.starts_with(WENT_BACK)) {
        if !lines.iter().any(|it| it == line) {
            lines.push(line.to_owned());
        }
    }
    if !files.is_empty() {
        let files: Vec<_> = files.into_iter().collect();
        let names = named(&files);
        lines.push(format!(
            "{WENT_BACK} Changes made after it are still in: {names}. Read these files again before \
             you change them."
        ));
    }
    (!lines.is_empty()).then(|| lines.join("\n"))
}

fn named(files: &[ProjectPath]) -> String {
    let mut names: Vec<_> = files.iter().take(NAMED).map(|it| format!("`{it}`")).collect();
    if NAMED < files.len() {
        names.push(format!("and {} more", files.len() - NAMED));
    }
    names.join(", ")
}
