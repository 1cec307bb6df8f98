//! `agent sessions search`: where something was said.

use std::path::Path;

use anyhow::bail;

use crate::cli::sessions::age;
use crate::cli::surroundings::now;
use crate::conversation::Transcript;
use crate::session::{Hit, Store, Summary, has_all, search};
use crate::ui::visible;

/// As many hits of one session are shown.
const SHOWN: usize = 5;

/// The sessions in which all the words were said, newest first, each with its hits.
pub(super) fn found(
    store: &Store,
    project: Option<&Path>,
    words: &[String],
) -> anyhow::Result<String> {
    let words: Vec<_> = words.iter().flat_map(|it| it.split_whitespace()).collect();
    let words: Vec<_> = words.iter().map(|it| it.to_lowercase()).collect();
    let mut text = String::new();
    for summary in store.list(project)? {
        // What cannot be read is not searched, as it is not listed.
        let Ok(replay) = store.read(&summary) else { continue };
        let transcript = Transcript::resumed(replay.entries, &replay.numbers, replay.prompts);
        let hits = search(&words, &transcript);
        if !hits.is_empty() || has_all(&words, &summary.called()) {
            text += &shown(&summary, &hits, project.is_none());
        }
    }
    if text.is_empty() {
        let hint = if project.is_some() { "\nhint: `--all` looks in all projects" } else { "" };
        bail!("nothing was said with `{}`{hint}", words.join(" "));
    }
    Ok(text)
}

fn shown(summary: &Summary, hits: &[Hit], with_project: bool) -> String {
    let age = age(now().duration_since(summary.modified).unwrap_or_default());
    let mut text = format!("{}  {age}  {}\n", summary.id, visible(&summary.called()));
    if let Some(project) = summary.project.as_ref().filter(|_| with_project) {
        text += &format!("  {}\n", visible(&project.display().to_string()));
    }
    for Hit { turn, is_prompt, line } in hits.iter().take(SHOWN) {
        let who = if *is_prompt { "you" } else { "agent" };
        text += &format!("  turn {turn}, {who}: {}\n", visible(line));
    }
    if SHOWN < hits.len() {
        text += &format!("  {} more\n", hits.len() - SHOWN);
    }
    text
}
