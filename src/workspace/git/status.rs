//! What is changed, in git's short form: `## branch`, then two letters and a path a line.

use git2::{BranchType, ErrorCode, Status, StatusOptions};

use crate::workspace::git::repository::{Git, Lines, spec};
use crate::workspace::{FileError, ProjectPath};

impl Git<'_> {
    pub(crate) fn status(&self, path: &ProjectPath, each: &mut Lines<'_>) -> Result<(), FileError> {
        if !each(&self.headline()) {
            return Ok(());
        }
        let mut options = StatusOptions::new();
        options.include_untracked(true).renames_head_to_index(true).disable_pathspec_match(true);
        if let Some(spec) = spec(path) {
            options.pathspec(spec);
        }
        for entry in self.repository.statuses(Some(&mut options))?.iter() {
            let name = String::from_utf8_lossy(entry.path_bytes()).into_owned();
            let moved = entry.head_to_index().and_then(|it| {
                let (old, new) = (it.old_file().path()?, it.new_file().path()?);
                (old != new).then(|| format!("{} -> {}", old.display(), new.display()))
            });
            let (name, mut status) = (moved.unwrap_or(name), entry.status());
            // Taken out of the index and still there: these are two things, of one path.
            if status.contains(Status::INDEX_DELETED | Status::WT_NEW) {
                status.remove(Status::WT_NEW);
                if !each(&format!("{} {name}", letters(status))) {
                    break;
                }
                status = Status::WT_NEW;
            }
            if !each(&format!("{} {name}", letters(status))) {
                break;
            }
        }
        Ok(())
    }

    /// `## main...origin/main [ahead 1, behind 2]`, with what is under way.
    fn headline(&self) -> String {
        let mut line = match (self.branch(), self.repository.head()) {
            (Some(branch), Ok(_)) => format!("## {branch}{}", self.upstream(&branch)),
            (Some(branch), Err(err)) if err.code() == ErrorCode::UnbornBranch => {
                format!("## {branch} (no commits yet)")
            }
            (_, Ok(head)) => {
                let id = head.target().map(|it| short(it.to_string())).unwrap_or_default();
                format!("## no branch: HEAD is {id}")
            }
            (_, Err(_)) => "## no branch".to_owned(),
        };
        if let Some(what) = self.under_way() {
            line += &format!(" ({what} is under way)");
        }
        line
    }

    /// Where the branch stands beside the one it follows.
    pub(super) fn upstream(&self, branch: &str) -> String {
        let beside = || {
            let ours = self.repository.find_branch(branch, BranchType::Local).ok()?;
            let theirs = ours.upstream().ok()?;
            let name = String::from_utf8_lossy(theirs.name_bytes().ok()?).into_owned();
            let (ours, theirs) = (ours.get().target()?, theirs.get().target()?);
            let (ahead, behind) = self.repository.graph_ahead_behind(ours, theirs).ok()?;
            let counts = [("ahead", ahead), ("behind", behind)];
            let counts = counts.iter().filter(|(_, n)| 0 < *n).map(|(it, n)| format!("{it} {n}"));
            let counts = counts.collect::<Vec<_>>().join(", ");
            Some(match counts.is_empty() {
                true => format!("...{name}"),
                false => format!("...{name} [{counts}]"),
            })
        };
        beside().unwrap_or_default()
    }
}

fn letters(status: Status) -> String {
    if status.is_conflicted() {
        return "UU".to_owned();
    }
    if status.contains(Status::WT_NEW) {
        return "??".to_owned();
    }
    let first = |kinds: &[(Status, char)]| {
        kinds.iter().find(|(it, _)| status.contains(*it)).map_or(' ', |(_, letter)| *letter)
    };
    let index = first(&[
        (Status::INDEX_RENAMED, 'R'),
        (Status::INDEX_NEW, 'A'),
        (Status::INDEX_DELETED, 'D'),
        (Status::INDEX_TYPECHANGE, 'T'),
        (Status::INDEX_MODIFIED, 'M'),
    ]);
    let work_tree = first(&[
        (Status::WT_DELETED, 'D'),
        (Status::WT_TYPECHANGE, 'T'),
        (Status::WT_MODIFIED, 'M'),
    ]);
    format!("{index}{work_tree}")
}

/// The start of an id that tells it from others.
pub(super) fn short(id: String) -> String {
    id.chars().take(8).collect()
}
