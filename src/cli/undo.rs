//! `agent undo`, `redo` and `diff`, and the same in a conversation: what a session changed.

use std::cmp::Reverse;
use std::io::IsTerminal;

use anyhow::bail;

use crate::cli::args::{OfSession, Undo};
use crate::cli::job::store;
use crate::cli::surroundings::{Surroundings, may_colour};
use crate::cli::unified::unified;
use crate::cli::{Exit, print, tell};
use crate::session::Summary;
use crate::ui::{coloured_diff, visible};
use crate::workspace::{Changed, Fate, History, ProjectPath, Reversal, Reversed, Way, Workspace};

/// As many files of a turn as a list names.
const NAMED: usize = 4;

/// The history of a session, and the project it is of.
struct Past {
    workspace: Workspace,
    session: Summary,
    /// Nobody named it, and it is not the newest: it has to be said whose it is.
    is_older: bool,
}

pub(super) fn undo(around: &Surroundings, args: &Undo) -> anyhow::Result<Exit> {
    let pasts = pasts(around, &args.of)?;
    if args.list {
        print(&all_listed(&pasts)?)?;
        return Ok(Exit::Done);
    }
    let pasts = pasts.iter().collect();
    finish(pasts, Reversal { way: Way::Undo, rehearse: args.dry_run }, &args.of)
}

pub(super) fn redo(around: &Surroundings, of: &OfSession) -> anyhow::Result<Exit> {
    let pasts = pasts(around, of)?;
    finish(redone_first(&pasts)?, Reversal { way: Way::Redo, rehearse: false }, of)
}

pub(super) fn diff(around: &Surroundings, of: &OfSession) -> anyhow::Result<Exit> {
    let workspace = around.workspace()?;
    let (store, project) = (store(around)?, workspace.root());
    let session = match &of.session {
        Some(id) => store.find(id, Some(project))?,
        None => store.newest(project)?,
    };
    workspace.keep_history(&store.folder(project, &session.id));
    if std::io::stdout().is_terminal() {
        colored::control::set_override(may_colour());
        print(&differences(&workspace)?)?;
    } else {
        // To be applied as it is.
        print(&unified(&workspace.differences()?))?;
    }
    Ok(Exit::Done)
}

/// Of the session that is named, or of all of this project that have one, newest first.
fn pasts(around: &Surroundings, of: &OfSession) -> anyhow::Result<Vec<Past>> {
    let (store, workspace) = (store(around)?, around.workspace()?);
    let project = workspace.root();
    let sessions = match &of.session {
        Some(id) => vec![store.find(id, Some(project))?],
        None => store.list(Some(project))?,
    };
    if sessions.is_empty() {
        // It knows how to say so.
        store.newest(project)?;
    }
    let mut pasts = Vec::new();
    for (nth, session) in sessions.into_iter().enumerate() {
        let workspace = around.workspace()?;
        workspace.keep_history(&store.folder(project, &session.id));
        if workspace.history().is_some_and(|it| it.modified().is_some()) {
            pasts.push(Past { workspace, session, is_older: 0 < nth });
        }
    }
    Ok(pasts)
}

/// In the order in which they were taken back, the last first. New work ends what can be done
/// again, also that of an earlier session.
fn redone_first(pasts: &[Past]) -> anyhow::Result<Vec<&Past>> {
    let mut order: Vec<_> = pasts.iter().rev().collect();
    order.sort_by_key(|it| Reverse(it.history().modified()));
    let mut found = Vec::new();
    for past in order {
        match past.history().has(Way::Redo)? {
            true => found.push(past),
            false if past.history().ends_in_work()? => break,
            false => {}
        }
    }
    Ok(found)
}

impl Past {
    fn history(&self) -> &History {
        self.workspace.history().expect("a past has a history")
    }

    /// One line, if it must be said whose it is.
    fn heading(&self) -> String {
        match self.is_older {
            true => format!("session {}: {}\n", self.session.id, visible(&self.session.title)),
            false => String::new(),
        }
    }
}

/// Reverses a turn of the first of them that has one.
fn finish(pasts: Vec<&Past>, wanted: Reversal, of: &OfSession) -> anyhow::Result<Exit> {
    let mut stuck = None;
    for past in pasts {
        if !past.history().has(wanted.way)? {
            continue;
        }
        match past.workspace.reverse(wanted)? {
            // Or one contested file would bar the way to all sessions before.
            Some(reversed) if reversed.is_stuck => drop(stuck.get_or_insert((past, reversed))),
            Some(reversed) => {
                if let Some((past, Reversed { turn, .. })) = stuck {
                    let id = &past.session.id;
                    tell(&format!("turn {turn} of session {id} is still left alone\n"))?;
                }
                tell(&(past.heading() + &told(&reversed, wanted)))?;
                return Ok(if is_whole(&reversed) { Exit::Done } else { Exit::Failed });
            }
            None => {}
        }
    }
    if let Some((past, reversed)) = stuck {
        tell(&(past.heading() + &told(&reversed, wanted)))?;
        return Ok(Exit::Failed);
    }
    let what = word(wanted.way);
    let hint = "hint: `agent sessions list` shows the others; name one with `--session ID`";
    match (&of.session, wanted.way) {
        (Some(id), _) => bail!("there is nothing to {what} in session `{id}`\n{hint}"),
        (None, Way::Redo) => bail!("there is nothing to {what}\n{hint}"),
        (None, Way::Undo) => bail!("there is nothing to {what} in any session of this project"),
    }
}

/// What a conversation shows of it.
pub(super) fn reverse(workspace: &Workspace, way: Way) -> anyhow::Result<String> {
    if workspace.history().is_none() {
        bail!("this session is not kept, so nothing can be taken back");
    }
    let wanted = Reversal { way, rehearse: false };
    Ok(match workspace.reverse(wanted)? {
        Some(reversed) => told(&reversed, wanted).trim_end().to_owned(),
        None => format!("there is nothing to {}", word(way)),
    })
}

/// A unified diff of all that the session changed, in colours if they are on.
pub(super) fn differences(workspace: &Workspace) -> anyhow::Result<String> {
    Ok(coloured_diff(&unified(&workspace.differences()?)))
}

fn word(way: Way) -> &'static str {
    match way {
        Way::Undo => "undo",
        Way::Redo => "redo",
    }
}

fn is_whole(reversed: &Reversed) -> bool {
    !reversed.files.iter().any(|(_, fate)| matches!(fate, Fate::Left(_)))
}

/// A line for each file, and one for all.
pub(super) fn told(reversed: &Reversed, wanted: Reversal) -> String {
    let names: Vec<_> = reversed.files.iter().map(|(it, _)| it.to_string()).collect();
    let names: Vec<_> = names.iter().map(|it| visible(it).into_owned()).collect();
    let width = names.iter().map(|it| it.chars().count()).max().unwrap_or(0).min(40);
    let (mut text, mut left, mut sum) = (String::new(), 0, (0, 0));
    for (name, (_, fate)) in names.iter().zip(&reversed.files) {
        let became = match fate {
            Fate::Restored { added, removed, merged } => {
                sum = (sum.0 + added, sum.1 + removed);
                let kept = if *merged { ", later changes by others kept" } else { "" };
                format!("+{added} -{removed}{kept}")
            }
            Fate::Removed { removed } => {
                sum.1 += removed;
                format!("-{removed}, deleted")
            }
            Fate::Linked(target) => format!("a link to {} again", visible(target)),
            Fate::Unlinked => "a link, deleted".to_owned(),
            Fate::Left(reason) => {
                left += 1;
                format!("left alone: {}", visible(reason))
            }
        };
        text += &format!("{name:<width$}  {became}\n");
    }
    let did = match (wanted.way, wanted.rehearse) {
        (Way::Undo, false) => "undid",
        (Way::Redo, false) => "did again",
        (Way::Undo, true) => "would undo",
        (Way::Redo, true) => "would do again",
    };
    let done = names.len() - left;
    for (turn, paths) in &reversed.passed {
        let names = named(paths);
        text += &format!("turn {turn} is still left alone: {}\n", visible(&names));
    }
    let turn = reversed.turn;
    text += &match (done, left) {
        (0, 0) => format!("{did} turn {turn}: all files are already as they were"),
        (0, _) => format!("{did} nothing of turn {turn}"),
        _ => format!("{did} turn {turn}: {}, +{} -{}", counted(done, "file"), sum.0, sum.1),
    };
    if 0 < left {
        text += &format!("; {} left alone", counted(left, "file"));
    }
    if 0 < reversed.more {
        text += &format!(" ({} more)", counted(reversed.more, "turn"));
    }
    text.push('\n');
    if 0 < reversed.damaged {
        let lines = counted(reversed.damaged, "record");
        text += &format!("the history is damaged: {lines} could not be read\n");
    }
    text
}

fn all_listed(pasts: &[Past]) -> anyhow::Result<String> {
    let mut text = String::new();
    for past in pasts {
        let changed = past.history().changed()?;
        if !changed.is_empty() {
            text += &(past.heading() + &listed(&changed));
        }
    }
    Ok(if text.is_empty() { "nothing to undo\n".to_owned() } else { text })
}

fn listed(changed: &[Changed]) -> String {
    let line = |it: &Changed| {
        let rest = if it.is_rest { " (left alone, can be tried again)" } else { "" };
        format!("turn {:<4} {}{rest}\n", it.turn, visible(&named(&it.files)))
    };
    changed.iter().map(line).collect()
}

pub(super) fn named(paths: &[ProjectPath]) -> String {
    let mut names: Vec<_> = paths.iter().take(NAMED).map(ToString::to_string).collect();
    if NAMED < paths.len() {
        names.push(format!("{} more", paths.len() - NAMED));
    }
    names.join(", ")
}

/// So many of them.
pub(super) fn counted(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}
