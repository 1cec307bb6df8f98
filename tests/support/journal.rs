//! What a session has written down, read back without the program.

use std::path::PathBuf;

use serde_json::Value;

use crate::support::home::Home;

/// The files of all sessions of a home, oldest name first.
pub fn files(home: &Home) -> Vec<PathBuf> {
    let sessions = home.path("home/.local/state/agent/sessions");
    let inside = |it: PathBuf| std::fs::read_dir(it).into_iter().flatten().flatten();
    let all = inside(sessions).flat_map(|it| inside(it.path())).map(|it| it.path());
    let mut files: Vec<_> =
        all.filter(|it| it.extension().is_some_and(|it| it == "jsonl")).collect();
    files.sort();
    files
}

/// The file of the only session.
#[track_caller]
pub fn file(home: &Home) -> PathBuf {
    let files = files(home);
    let [file] = &files[..] else { panic!("one session, not {files:?}") };
    file.clone()
}

/// The entries of the only session, in their order.
#[track_caller]
pub fn entries(home: &Home) -> Vec<Value> {
    let text = std::fs::read_to_string(file(home)).expect("a journal is text");
    let lines = text.lines().map(|it| serde_json::from_str::<Value>(it).expect("a line of JSON"));
    lines.map(|it| it["entry"].clone()).collect()
}

/// One entry a line: its kind, and what tells it from others of its kind.
#[track_caller]
pub fn shape(home: &Home) -> String {
    let line = |it: &Value| {
        let part = |name: &str| it.get(name).map(|it| format!(" {it}")).unwrap_or_default();
        let calls = it["calls"].as_array().map(|it| format!(" {} calls", it.len()));
        let system = it["kind"] == "opened" || it["kind"] == "header";
        let said = if system { String::new() } else { part("text") };
        format!(
            "{}{}{}{}{}{}{}{}\n",
            it["kind"].as_str().unwrap_or_default(),
            part("kept"),
            part("summary"),
            part("status"),
            part("stop"),
            if it["end"] == "finished" { String::new() } else { part("end") },
            calls.unwrap_or_default(),
            said,
        )
    };
    entries(home).iter().map(line).collect()
}
