//! A call as the rules see it: the files, the command or the host that it is about.

use std::path::Path;

use serde_json::Value;

use crate::conversation::Effect;
use crate::workspace::ProjectPath;

/// A call as it will be run: the tool's own name, and its arguments understood.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Act<'a> {
    pub(crate) tool: &'a str,
    pub(crate) effect: Effect,
    /// `None` where they are no JSON object.
    pub(crate) args: Option<&'a Value>,
    /// Paths that stand in other places than the arguments for paths; `None` if that cannot be told.
    pub(crate) more_paths: Option<&'a [String]>,
    /// Whom it speaks to, as the tool itself reads the address: what is judged is what is asked.
    pub(crate) asked: Option<Asked<'a>>,
}

/// A host, in the one form that it has, and a port of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked<'a> {
    pub(crate) host: &'a str,
    pub(crate) port: u16,
}

/// What a call touches, as far as rules can speak of it.
pub(super) struct Subject<'a> {
    pub(super) act: Act<'a>,
    /// Files, from the root.
    pub(super) paths: Vec<String>,
    /// One of its paths leads nowhere in the project, which no rule for paths can allow.
    pub(super) strays: bool,
    pub(super) command: Option<&'a str>,
    /// What is typed into a command that runs: a shell may read it.
    pub(super) typed: Option<&'a str>,
    pub(super) directory: String,
}

/// The names under which tools take paths.
const PATHS: &[&str] = &["path", "paths", "file", "files", "file_path", "from", "to"];

impl<'a> Subject<'a> {
    pub(super) fn of(act: Act<'a>, root: &Path) -> Self {
        let text = |name: &str| act.args?.get(name)?.as_str();
        let given = PATHS.iter().filter_map(|it| act.args?.get(*it)).flat_map(strings);
        let more = act.more_paths.into_iter().flatten().map(String::as_str);
        let given: Vec<_> = given.chain(more).map(|it| normal(root, "", it)).collect();
        let strays = act.more_paths.is_none() || given.iter().any(Option::is_none);
        let paths = given.into_iter().flatten().collect();
        let command = (act.effect == Effect::Executes).then(|| text("command")).flatten();
        let is_typed = act.effect == Effect::Executes && act.tool == "command_output";
        let typed = is_typed.then(|| text("input")).flatten();
        let directory = text("cwd").and_then(|it| normal(root, "", it)).unwrap_or_default();
        Self { act, paths, strays, command, typed, directory }
    }

    /// Whether rules for this tool that forbid speak of the call.
    pub(super) fn is_of(&self, tool: &str) -> bool {
        tool == self.act.tool || (self.typed.is_some() && tool == "run_command")
    }
}

/// A text, or all texts of a list, or of the objects in it.
fn strings(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(items) => items.iter().flat_map(strings).collect(),
        _ => Vec::new(),
    }
}

/// The path from the root, if it is beneath it. Links are another matter.
pub(super) fn normal(root: &Path, directory: &str, given: &str) -> Option<String> {
    let whole = match given.starts_with('/') || directory.is_empty() {
        true => given.to_owned(),
        false => format!("{directory}/{given}"),
    };
    let path = ProjectPath::parse(&whole, root).ok()?;
    Some(path.as_path().to_string_lossy().into_owned())
}
