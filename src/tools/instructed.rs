//! Instructions of folders below the root: told with the first result that is about a file there.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use crate::conversation::{Call, Outcome, Status};
use crate::workspace::instructions::{self, Instructions};
use crate::workspace::{ProjectPath, Workspace};

/// The tools that are about files by name.
const TOOLS: &[&str] = &["read_file", "edit_file", "write_file", "list_files"];

/// Which folders the model was told of.
#[derive(Debug)]
pub(super) struct Instructed {
    /// At the beginning of the session, where nothing is ever left out.
    at_start: BTreeSet<ProjectPath>,
    told: Mutex<BTreeSet<ProjectPath>>,
}

impl Instructed {
    pub(super) fn new(at_start: BTreeSet<ProjectPath>) -> Self {
        Self { told: Mutex::new(at_start.clone()), at_start }
    }

    /// What the model is shown: the results of a session that goes on, or of one that was summed up.
    pub(super) fn shown<'a>(&self, workspace: &Workspace, results: impl Iterator<Item = &'a str>) {
        let folders = results.flat_map(told_in).filter_map(|it| workspace.path(it).ok());
        *self.hold() = self.at_start.iter().cloned().chain(folders).collect();
    }

    /// Adds to the outcome what is written for the folders that the call has come to.
    pub(super) fn tell(&self, workspace: &Workspace, call: &Call, outcome: &mut Outcome) {
        if !TOOLS.contains(&&*call.tool) || outcome.status != Status::Done {
            return;
        }
        for path in paths(&call.args) {
            let Ok(path) = workspace.path(&path) else { continue };
            for folder in folders(&path) {
                if !self.hold().insert(folder.clone()) {
                    continue;
                }
                for told in instructions::of_folder(workspace, &folder) {
                    outcome.text += &in_a_result(&told, &folder);
                }
            }
        }
    }

    /// Nothing but what is told at the start is told from now on. What was until now.
    pub(super) fn begin_anew(&self) -> BTreeSet<ProjectPath> {
        std::mem::replace(&mut *self.hold(), self.at_start.clone())
    }

    pub(super) fn go_on(&self, told: BTreeSet<ProjectPath>) {
        *self.hold() = told;
    }

    fn hold(&self) -> std::sync::MutexGuard<'_, BTreeSet<ProjectPath>> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const BEGINNING: &str = "[Instructions for what is in `";

fn in_a_result(told: &Instructions, folder: &ProjectPath) -> String {
    let Instructions { from, text } = told;
    format!("\n{BEGINNING}{}/`, from `{from}`:]\n{text}\n", folder.as_path().display())
}

/// The folders whose instructions a result tells.
fn told_in(result: &str) -> impl Iterator<Item = &str> {
    let lines = result.lines().filter_map(|it| it.strip_prefix(BEGINNING));
    lines.filter_map(|it| it.split_once("/`").map(|(folder, _)| folder))
}

/// What a call names, wherever in its arguments.
fn paths(args: &str) -> Vec<String> {
    let mut found = Vec::new();
    if let Ok(args) = serde_json::from_str(args) {
        gather(&args, &mut found);
    }
    found
}

fn gather(value: &serde_json::Value, found: &mut Vec<String>) {
    let serde_json::Value::Object(fields) = value else { return };
    for (name, value) in fields {
        match (name.as_str(), value) {
            ("path", serde_json::Value::String(path)) => found.push(path.clone()),
            ("paths", serde_json::Value::Array(all)) => {
                found.extend(all.iter().filter_map(|it| it.as_str()).map(str::to_owned));
            }
            ("edits", serde_json::Value::Array(all)) => {
                all.iter().for_each(|it| gather(it, found));
            }
            _ => {}
        }
    }
}

/// The folders on the way to `path` and itself, the outermost first, but for the root.
fn folders(path: &ProjectPath) -> Vec<ProjectPath> {
    let above = path.as_path().ancestors().filter(|it| *it != Path::new(""));
    let mut folders: Vec<_> = above.map(|it| ProjectPath::plain(it.to_owned())).collect();
    folders.reverse();
    folders
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_names_its_files_in_many_ways() {
        let args = r#"{"path":"a","paths":["b","c"],"edits":[{"path":"d","old":"path"}],"to":"e"}"#;
        assert_eq!(paths(args), ["a", "b", "c", "d"]);
        assert_eq!(paths("{"), [""; 0]);
    }

    #[test]
    fn what_was_told_is_found_again_in_the_result() {
        let told = Instructions { from: "a/b/AGENTS.md".to_owned(), text: "x".to_owned() };
        let folder = ProjectPath::plain("a/b".into());
        let result = "1\tx\n".to_owned() + &in_a_result(&told, &folder);
        assert_eq!(told_in(&result).collect::<Vec<_>>(), ["a/b"]);
    }
}
