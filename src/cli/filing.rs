//! What a conversation can do with sessions: name this one, list, delete.

use anyhow::{Context, bail};

use crate::agent::{Desk, Host};
use crate::cli::agreed::says_yes;
use crate::cli::job::store;
use crate::cli::sessions::{delete as delete_with_all, table};
use crate::cli::surroundings::{Surroundings, now};
use crate::conversation::Front;
use crate::ui::{Keyboard, visible, visible_line};
use crate::workspace::Workspace;

/// Where the conversation is: the surroundings, the project, and the id of its session.
pub(super) type Here<'a> = (&'a Surroundings, &'a Workspace, &'a str);

/// `/save NAME`.
pub(super) fn save<H: Host, F: Front>(
    desk: &mut Desk<H, F>,
    (around, workspace, id): Here<'_>,
    words: &str,
) -> anyhow::Result<String> {
    if words.trim().is_empty() {
        bail!("a name is missing\nhint: `/save NAME` gives this session one; kept it is anyway");
    }
    let name = store(around)?.name(words, id, workspace.root())?;
    desk.name(&name)?;
    let name = visible(&name);
    Ok(format!("this session is `{name}` now; `agent -r \"{name}\"` goes on with it"))
}

/// `/sessions`.
pub(super) fn list((around, workspace, id): Here<'_>) -> anyhow::Result<String> {
    let found = store(around)?.list(Some(workspace.root()))?;
    let text = table(&found, now(), false);
    let mark = |line: &str| match line.starts_with(id) {
        true => format!("{line}  (this one)"),
        false => line.to_owned(),
    };
    Ok(text.lines().map(mark).collect::<Vec<_>>().join("\n"))
}

/// `/delete NAME|ID`; nothing if the person thinks better of it.
pub(super) async fn delete(
    (around, workspace, id): Here<'_>,
    keyboard: &Keyboard,
    words: &str,
) -> anyhow::Result<Option<String>> {
    let words = words.trim();
    if words.is_empty() {
        bail!("a name or an id is missing\nhint: `/sessions` lists them");
    }
    let store = store(around)?;
    let found = store.exactly(words, Some(workspace.root()))?;
    if found.id == id {
        bail!("`{words}` is the session you are in\nhint: `/new` begins another");
    }
    let called = visible_line(&found.called(), 60);
    let question = format!("delete {}  {called}, for good?", found.id);
    if !says_yes(keyboard, &question, "it stays").await {
        return Ok(None);
    }
    delete_with_all(around, &store, &found)?;
    Ok(Some(format!("deleted {}  {called}", found.id)))
}

/// The session that `/load` means, by its id.
pub(super) fn to_load((around, workspace, id): Here<'_>, words: &str) -> anyhow::Result<String> {
    let words = words.trim();
    if words.is_empty() {
        bail!("a name or an id is missing\nhint: `/sessions` lists them");
    }
    let found = store(around)?.nearest(words, workspace.root())?;
    if found.id == id {
        bail!("`{words}` is the session you are in");
    }
    Ok(found.id)
}

/// The name that a copy of this session will have, if it may have it and there is something to copy.
pub(super) fn to_fork<H: Host, F: Front>(
    desk: &Desk<H, F>,
    (around, workspace, id): Here<'_>,
    words: &str,
) -> anyhow::Result<Option<String>> {
    let store = store(around).context("this session is not kept")?;
    if desk.transcript.entries().is_empty() {
        bail!("nothing was said yet, so there is nothing to go on from");
    }
    store.find(id, Some(workspace.root())).context("this session is not kept")?;
    let name = (!words.trim().is_empty()).then(|| store.name(words, "", workspace.root()));
    name.transpose()
}
