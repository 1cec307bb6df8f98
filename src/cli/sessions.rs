//! `agent sessions`: what there is to go on with.

mod prune;
mod search;
mod show;

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, SystemTime};

use anyhow::Context;

use crate::cli::args::Sessions;
use crate::cli::beginning::settle;
use crate::cli::job::store;
use crate::cli::serving::forget;
use crate::cli::session_id::session_id;
use crate::cli::surroundings::{Surroundings, now};
use crate::cli::{Exit, note, print};
use crate::session::{Store, Summary, markdown};
use crate::ui::visible;

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
        Sessions::Export { id, output } => {
            export(&store, &one(&store, id.as_deref(), project)?, output.as_deref())?;
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

fn export(store: &Store, summary: &Summary, output: Option<&Path>) -> anyhow::Result<()> {
    let replay = store.read(summary)?;
    if !replay.damage.is_none() {
        note(&format!("warning: this session is damaged: {}", replay.damage));
    }
    let text = markdown(&summary.title, &replay.entries);
    let Some(path) = output else { return print(&visible(&text)) };
    let cannot = || format!("cannot write `{}`", path.display());
    let mut file = File::create_new(path).with_context(cannot)?;
    file.write_all(text.as_bytes()).with_context(cannot)
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
