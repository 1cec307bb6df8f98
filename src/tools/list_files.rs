//! `list_files`: what is in a directory, as a tree.

use std::collections::BTreeSet;
use std::path::Path;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::tools::answer::{Answer, count};
use crate::tools::{Budget, Failure, lookup};
use crate::workspace::{Cancel, Found, Kind, ProjectPath, Workspace};

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    path: Option<String>,
    /// Default 2.
    depth: Option<u32>,
    /// Only files that end so, e.g. rs; for those who know it from elsewhere.
    #[schemars(skip)]
    extension: Option<String>,
}

pub(super) fn list(
    workspace: &Workspace,
    budget: Budget,
    cancel: &Cancel,
    args: Args,
) -> Result<Answer, Failure> {
    let path = workspace.path(args.path.as_deref().unwrap_or_default())?;
    let depth = args.depth.unwrap_or(2).max(1) as usize;
    let found = lookup::entries(workspace, cancel, &path, Some(depth))?;
    let found = match args.extension.as_deref().map(|it| it.trim_start_matches(['*', '.'])) {
        None | Some("") => found,
        Some(extension) => only(found, extension),
    };
    Ok(show(&found, &path, depth, budget))
}

/// A directory without further wishes.
pub(super) fn tree(
    workspace: &Workspace,
    budget: Budget,
    cancel: &Cancel,
    path: &ProjectPath,
    depth: usize,
) -> Result<Answer, Failure> {
    let found = lookup::entries(workspace, cancel, path, Some(depth))?;
    Ok(show(&found, path, depth, budget))
}

/// The files with this extension, and the directories above them.
fn only(found: Vec<Found>, extension: &str) -> Vec<Found> {
    let has = |it: &Found| it.path.as_path().extension().is_some_and(|it| it == extension);
    let files: Vec<_> = found.iter().filter(|it| it.kind != Kind::Directory && has(it)).collect();
    let above: BTreeSet<&Path> =
        files.iter().flat_map(|it| it.path.as_path().ancestors()).collect();
    let keep: Vec<bool> = found.iter().map(|it| above.contains(it.path.as_path())).collect();
    found.into_iter().zip(keep).filter(|(_, keep)| *keep).map(|(it, _)| it).collect()
}

/// With so many levels that it fits; what does not fit in one level is cut.
fn show(found: &[Found], path: &ProjectPath, depth: usize, budget: Budget) -> Answer {
    if found.is_empty() {
        let text = format!("nothing to show in `{path}`\n");
        return Answer { text, gist: "nothing".to_owned() };
    }
    let depths = || found.iter().map(|it| it.path.depth());
    let top = depths().min().unwrap_or_default();
    let depth = depth.min(depths().max().unwrap_or_default() - top + 1);
    let lines = |levels: usize| {
        let shown = found.iter().filter(move |it| it.path.depth() < top + levels);
        shown.map(|it| line(it, top)).collect::<Vec<_>>()
    };
    let fits = |levels: &usize| {
        let lines = lines(*levels);
        budget.take(lines.iter().cloned()).1 == lines.len()
    };
    let levels = (1..=depth).rev().find(fits).unwrap_or(1);

    let lines = lines(levels);
    let of = lines.len();
    let (mut text, taken) = budget.take(lines.into_iter());
    if taken < of {
        text +=
            &format!("[cut: {taken} of {of}; to see the rest, use find_files with a pattern]\n");
    } else if levels < depth {
        text += &format!("[cut to depth {levels}; to see more, list a directory below]\n");
    }
    Answer { text, gist: count(taken, "entry") }
}

fn line(found: &Found, top: usize) -> String {
    let level = found.path.depth() - top;
    let name = found.path.as_path().file_name().unwrap_or_default().to_string_lossy();
    let mark = match found.kind {
        Kind::Directory => "/",
        Kind::File => "",
        Kind::Link => " (link)",
        Kind::Other => " (special)",
    };
    format!("{}{name}{mark}", "  ".repeat(level))
}
