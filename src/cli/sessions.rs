//! `agent sessions`: what there is to go on with.

mod prune;
mod search;
mod show;

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, SystemTime};

use anyhow::Context;

use crate::cli::args::sessions::{Export, ExportFormat, Sessions};
use crate::cli::beginning::settle;
use crate::cli::job::store;
use crate::cli::serving::forget;
use crate::cli::session_id::session_id;
use crate::cli::surroundings::{Surroundings, now};
use crate::cli::{Exit, note, print};
use crate::session::{Secrets, Store, Summary, document, markdown, page};
use crate::ui::{visible, visible_json};

pub(super) fn sessions(around: &Surroundings, command: Sessions) -> anyhow::Result<Exit> {
    let (store, workspace) = (store(around)?, around.workspace()?);
    let project = workspace.root();
    match command {
        Sessions::List { all, json } => {
            let found = store.list((!all).then_some(project))?;
            let text = if json { lines(&found) } else { table(&found, now(), all) };
            print(&text)?;
        }
        Sessions::Show { session } => {
            let summary = one(&store, session.as_deref(), project)?;
            let replay = store.read(&summary)?;
            print(&show::shown(&summary, replay, now()))?;
        }
        Sessions::Search { words, all } => {
            print(&search::found(&store, (!all).then_some(project), &words)?)?;
        }
        Sessions::Rename { session, name } => {
            let found = store.nearest(&session, project)?;
            let whose = found.project.clone().unwrap_or_else(|| project.to_owned());
            let name = store.name(&name, &found.id, &whose)?;
            store.rename(&found, &name)?;
        }
        Sessions::Import { file } => import(&store, &file, project)?,
        Sessions::Export(wanted) => {
            export(around, &store, &one(&store, wanted.session.as_deref(), project)?, &wanted)?;
        }
        Sessions::Delete { session } => {
            let here = store.exactly(&session, Some(project));
            let found = here.or_else(|_| store.exactly(&session, None))?;
            delete(around, &store, &found)?;
        }
        Sessions::Prune(wanted) => print(&prune::prune(around, &store, project, &wanted, now())?)?,
    }
    Ok(Exit::Done)
}

/// The session that is meant, or the newest of this project.
fn one(store: &Store, words: Option<&str>, project: &Path) -> anyhow::Result<Summary> {
    match words {
        Some(words) => store.nearest(words, project),
        None => store.newest(project),
    }
}

fn import(store: &Store, file: &Path, project: &Path) -> anyhow::Result<()> {
    let mut opened = store.import(file, project, &session_id(now()))?;
    settle(&mut opened)?;
    let id = opened.journal.id();
    if !opened.damage.is_none() {
        note(&format!("warning: this session is damaged: {}", opened.damage));
    }
    print(&format!("imported as {id}; `agent -r {id}` goes on with it\n"))
}

/// Deletes a session, and what servers have read of it.
pub(super) fn delete(
    around: &Surroundings,
    store: &Store,
    session: &Summary,
) -> anyhow::Result<()> {
    store.delete(session)?;
    forget(around, &session.id);
    Ok(())
}

fn export(
    around: &Surroundings,
    store: &Store,
    summary: &Summary,
    wanted: &Export,
) -> anyhow::Result<()> {
    let mut held = store.held(summary)?;
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

pub(super) fn table(sessions: &[Summary], now: SystemTime, all: bool) -> String {
    if sessions.is_empty() {
        let place = if all { "" } else { " in this project" };
        return format!("no sessions yet{place}\n");
    }
    let mut text = String::new();
    for it in sessions {
        let age = age(now.duration_since(it.modified).unwrap_or_default());
        text += &format!("{:<22} {age:>8}  {}\n", it.id, visible(&it.called()));
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
            "id": it.id, "name": it.name, "title": it.title, "project": it.project,
            "modified": modified.as_secs(), "prompts": it.prompts,
        });
        format!("{line}\n")
    };
    sessions.iter().map(line).collect()
}

/// How long ago, in the largest unit that fits.
pub(super) fn age(since: Duration) -> String {
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
