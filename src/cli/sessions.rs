//! `agent sessions`: what there is to go on with.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, SystemTime};

use anyhow::Context;

use crate::cli::args::Sessions;
use crate::cli::job::store;
use crate::cli::serving::forget;
use crate::cli::surroundings::{Surroundings, now};
use crate::cli::{Exit, note, print};
use crate::session::{Store, Summary, markdown};
use crate::ui::visible;

pub(super) fn sessions(around: &Surroundings, command: Sessions) -> anyhow::Result<Exit> {
    let store = store(around)?;
    match command {
        Sessions::List { all, json } => {
            let workspace = around.workspace()?;
            let found = store.list((!all).then_some(workspace.root()))?;
            let text = if json { lines(&found) } else { table(&found, now(), all) };
            print(&text)?;
        }
        Sessions::Export { id, output } => export(around, &store, id, output.as_deref())?,
        Sessions::Delete { id } => {
            store.delete(&id)?;
            forget(around, &id);
        }
    }
    Ok(Exit::Done)
}

fn export(
    around: &Surroundings,
    store: &Store,
    id: Option<String>,
    output: Option<&Path>,
) -> anyhow::Result<()> {
    let id = match id {
        Some(id) => id,
        None => store.newest(around.workspace()?.root())?.id,
    };
    let (summary, entries, damage) = store.read(&id)?;
    if !damage.is_none() {
        note(&format!("warning: this session is damaged: {damage}"));
    }
    let text = markdown(&summary.title, &entries);
    let Some(path) = output else { return print(&visible(&text)) };
    let cannot = || format!("cannot write `{}`", path.display());
    let mut file = File::create_new(path).with_context(cannot)?;
    file.write_all(text.as_bytes()).with_context(cannot)
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
