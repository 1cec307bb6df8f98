//! `agent sessions`: what there is to go on with.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, SystemTime};

use anyhow::Context;

use crate::cli::args::{Export, ExportFormat, Sessions};
use crate::cli::job::store;
use crate::cli::surroundings::{Surroundings, now};
use crate::cli::{Exit, note, print};
use crate::session::{Secrets, Store, Summary, document, markdown, page};
use crate::ui::{visible, visible_json};

pub(super) fn sessions(around: &Surroundings, command: Sessions) -> anyhow::Result<Exit> {
    let store = store(around)?;
    match command {
        Sessions::List { all, json } => {
            let workspace = around.workspace()?;
            let found = store.list((!all).then_some(workspace.root()))?;
            let text = if json { lines(&found) } else { table(&found, now(), all) };
            print(&text)?;
        }
        Sessions::Export(wanted) => export(around, &store, &wanted)?,
        Sessions::Delete { id } => {
            store.delete(&id)?;
        }
    }
    Ok(Exit::Done)
}

fn export(around: &Surroundings, store: &Store, wanted: &Export) -> anyhow::Result<()> {
    let id = match &wanted.id {
        Some(id) => id.clone(),
        None => store.newest(around.workspace()?.root())?.id,
    };
    let mut held = store.read(&id)?;
    if !held.damage.is_none() {
        note(&format!("warning: this session is damaged: {}", held.damage));
    }
    if wanted.redact {
        let variables = &around.variables;
        let variables = variables.iter().filter_map(|(it, value)| it.to_str().zip(value.to_str()));
        held = Secrets::new(around.home.as_deref(), variables).taken_from(held);
    }
    let path = wanted.output.as_deref();
    let text = match wanted.format.unwrap_or_else(|| format_of(path)) {
        // What is only shown is made safe; a file keeps each byte that was said.
        ExportFormat::Md if path.is_none() => {
            visible(&markdown(&held.title, &held.entries)).into_owned()
        }
        ExportFormat::Md => markdown(&held.title, &held.entries),
        ExportFormat::Json => visible_json(&document(&held)).into_owned(),
        ExportFormat::Html => visible(&page(&held)).into_owned(),
    };
    let Some(path) = path else { return print(&text) };
    let cannot = || format!("cannot write `{}`", path.display());
    let mut file = File::create_new(around.directory.join(path)).with_context(cannot)?;
    file.write_all(text.as_bytes()).with_context(cannot)
}

/// What a file of this name is expected to hold.
fn format_of(path: Option<&Path>) -> ExportFormat {
    let ending = path.and_then(|it| it.extension()).map(|it| it.to_ascii_lowercase());
    match ending.as_deref().and_then(|it| it.to_str()) {
        Some("json") => ExportFormat::Json,
        Some("html" | "htm") => ExportFormat::Html,
        _ => ExportFormat::Md,
    }
}

fn table(sessions: &[Summary], now: SystemTime, all: bool) -> String {
    if sessions.is_empty() {
        let place = if all { "" } else { " in this project" };
        return format!("no sessions yet{place}\n");
    }
    let mut text = String::new();
    for it in sessions {
        let age = age(now.duration_since(it.modified).unwrap_or_default());
        text += &format!("{:<22} {age:>8}  {}\n", it.id, visible(&it.title));
        if all {
            let project =
                it.project.as_ref().map(|it| it.display().to_string()).unwrap_or_default();
            text += &format!("{:<22} {:>8}  {}\n", "", "", visible(&project));
        }
    }
    text
}

fn lines(sessions: &[Summary]) -> String {
    let line = |it: &Summary| {
        let modified = it.modified.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let line = serde_json::json!({
            "id": it.id, "title": it.title, "project": it.project, "modified": modified.as_secs(),
        });
        format!("{line}\n")
    };
    sessions.iter().map(line).collect()
}

/// How long ago, in the largest unit that fits.
fn age(since: Duration) -> String {
    match since.as_secs() {
        s @ 0..60 => format!("{s} s ago"),
        s @ 60..3600 => format!("{} min ago", s / 60),
        s @ 3600..86_400 => format!("{} h ago", s / 3600),
        s => format!("{} d ago", s / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_has_one_unit() {
        let shown = [3, 75, 7300, 200_000].map(|it| age(Duration::from_secs(it)));
        assert_eq!(shown, ["3 s ago", "1 min ago", "2 h ago", "2 d ago"]);
    }
}
