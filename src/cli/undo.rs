//! `agent undo`, `redo` and `diff`, and the same in a conversation: what a session changed.

use std::io::IsTerminal;

use anyhow::bail;

use crate::cli::args::{OfSession, Undo};
use crate::cli::job::store;
use crate::cli::surroundings::{Surroundings, may_colour};
use crate::cli::unified::unified;
use crate::cli::{Exit, print};
use crate::ui::{coloured_diff, visible};
use crate::workspace::{Changed, Fate, ProjectPath, Reversal, Reversed, Way, Workspace};

/// As many files of a turn as a list names.
const NAMED: usize = 4;

pub(super) fn undo(around: &Surroundings, args: &Undo) -> anyhow::Result<Exit> {
    let (workspace, session) = opened(around, &args.of)?;
    if args.list {
        let changed = workspace.history().map_or(Ok(Vec::new()), |it| it.changed())?;
        print(&listed(&changed))?;
        return Ok(Exit::Done);
    }
    finish(&workspace, Reversal { way: Way::Undo, rehearse: args.dry_run }, &session)
}

pub(super) fn redo(around: &Surroundings, of: &OfSession) -> anyhow::Result<Exit> {
    let (workspace, session) = opened(around, of)?;
    finish(&workspace, Reversal { way: Way::Redo, rehearse: false }, &session)
}

pub(super) fn diff(around: &Surroundings, of: &OfSession) -> anyhow::Result<Exit> {
    let (workspace, _) = opened(around, of)?;
    if std::io::stdout().is_terminal() {
        colored::control::set_override(may_colour());
        print(&differences(&workspace)?)?;
    } else {
        // To be applied as it is.
        print(&unified(&workspace.differences()?))?;
    }
    Ok(Exit::Done)
}

/// The project with the history of the session that is meant, and the session's id.
fn opened(around: &Surroundings, of: &OfSession) -> anyhow::Result<(Workspace, String)> {
    let workspace = around.workspace()?;
    let (store, project) = (store(around)?, workspace.root());
    let session = match &of.session {
        Some(id) => store.named(id, project)?,
        None => store.newest(project)?,
    };
    workspace.keep_history(&store.folder(project, &session.id));
    Ok((workspace, session.id))
}

fn finish(workspace: &Workspace, wanted: Reversal, session: &str) -> anyhow::Result<Exit> {
    let Some(reversed) = workspace.reverse(wanted)? else {
        let what = word(wanted.way);
        bail!(
            "there is nothing to {what} in session `{session}`\n\
             hint: `agent sessions list` shows the others; name one with `--session ID`"
        );
    };
    print(&told(&reversed, wanted))?;
    Ok(if is_whole(&reversed) { Exit::Done } else { Exit::Failed })
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
fn told(reversed: &Reversed, wanted: Reversal) -> String {
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

fn listed(changed: &[Changed]) -> String {
    let line = |it: &Changed| {
        let rest = if it.is_rest { " (left alone, can be tried again)" } else { "" };
        format!("turn {:<4} {}{rest}\n", it.turn, visible(&named(&it.files)))
    };
    match changed {
        [] => "nothing to undo\n".to_owned(),
        _ => changed.iter().map(line).collect(),
    }
}

fn named(paths: &[ProjectPath]) -> String {
    let mut names: Vec<_> = paths.iter().take(NAMED).map(ToString::to_string).collect();
    if NAMED < paths.len() {
        names.push(format!("{} more", paths.len() - NAMED));
    }
    names.join(", ")
}

fn counted(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}
