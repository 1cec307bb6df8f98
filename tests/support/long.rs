//! A task that is longer than the window, on a real llama-server, and what it costs.

use serde_json::{Value, json};

use crate::support::play::Play;

/// The window of the model, in tokens.
pub const WINDOW: u64 = 8192;

/// Writes a task of so many commands, each of which says something else, and the model that does it.
pub fn task(play: &Play, commands: usize) -> String {
    let command = format!("sh next.sh {commands}");
    play.home.file(
        "project/next.sh",
        "n=$(($(cat count 2>/dev/null || echo 0)+1)); echo $n > count
         [ $n -ge $1 ] && echo \"all is done\" && exit
         for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
           echo \"line $i of step $n says something about the project\"
         done",
    );
    let call = json!({"name": "run_command", "arguments": {"command": command}});
    let summary = "## Goal\nRun it until all is done.\n## Next steps\nRun it again.";
    let script = json!([
        {"content": "Next.", "tool_calls": [call]},
        {"content": "The task is done.", "when": "all is done"},
        {"content": summary, "when": "Your window is nearly full"},
    ]);
    play.configure(&format!("context = {WINDOW}"));
    play.model_with_words("long", &script)
}

/// What a session has cost, from its journal.
#[derive(Debug, Default)]
pub struct Cost {
    pub replies: usize,
    pub cuts: usize,
    /// Tokens that the model had not been shown before.
    pub new: u64,
    /// Tokens that were read although they were not new, but for what a cut makes new.
    pub again: u64,
}

pub fn cost(entries: &[Value]) -> Cost {
    let (mut cost, mut before, mut is_cut) = (Cost::default(), 0, false);
    for entry in entries {
        is_cut |= matches!(entry["kind"].as_str(), Some("pruned" | "condensed"));
        cost.cuts += usize::from(entry["kind"] == "condensed");
        if entry["kind"] != "reply" {
            continue;
        }
        let of = |name: &str| entry["usage"][name].as_u64().expect("the server counts");
        let (read, whole) = (of("read"), of("cached") + of("read"));
        let new = if is_cut { read } else { whole - before };
        cost.replies += 1;
        cost.new += new;
        cost.again += read.saturating_sub(new);
        (before, is_cut) = (whole, false);
    }
    cost
}
