//! `agent sessions show`: what there is of one session.

use std::fmt::Write;
use std::time::SystemTime;

use crate::cli::sessions::age;
use crate::conversation::{Entry, Transcript};
use crate::session::{Replay, Summary};
use crate::ui::{visible, visible_line};

/// What is known of it, and its prompts by number.
pub(super) fn shown(summary: &Summary, replay: Replay, now: SystemTime) -> String {
    let mut text = String::new();
    let mut row = |name: &str, value: &str| {
        let _ = writeln!(text, "{name:<9} {}", visible(value));
    };
    row("id", &summary.id);
    if let Some(name) = &summary.name {
        row("name", name);
    }
    if let Some(project) = &summary.project {
        row("project", &project.display().to_string());
    }
    row("written", &age(now.duration_since(summary.modified).unwrap_or_default()));
    if let Some(forked) = replay.header.as_ref().and_then(|it| it.forked.as_ref()) {
        row("copy of", &format!("{}, up to record {}", forked.session, forked.seq));
    }
    row("file", &summary.path.display().to_string());
    if !replay.damage.is_none() {
        row("damage", &replay.damage.to_string());
    }
    let transcript = Transcript::resumed(replay.entries, &replay.numbers, replay.prompts);
    let given_up = transcript.turns() - transcript.prompts().len();
    let more = if given_up == 0 { String::new() } else { format!(", {given_up} given up") };
    row("prompts", &format!("{}{more}", transcript.prompts().len()));
    for prompt in transcript.prompts() {
        if let Some(Entry::Prompt(words)) = transcript.entries().get(prompt.at) {
            let _ = writeln!(text, "{:>6}  {}", prompt.number, visible_line(words, 70));
        }
    }
    text
}
