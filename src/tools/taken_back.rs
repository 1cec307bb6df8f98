//! What the model has to know when the person has taken back, or done again, what it changed.

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

fn named(files: &[ProjectPath]) -> String {
    let mut names: Vec<_> = files.iter().take(NAMED).map(|it| format!("`{it}`")).collect();
    if NAMED < files.len() {
        names.push(format!("and {} more", files.len() - NAMED));
    }
    names.join(", ")
}
