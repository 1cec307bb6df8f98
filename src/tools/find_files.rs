//! `find_files`: files by name.

use std::sync::{Mutex, PoisonError};

use globset::GlobSet;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::tools::answer::{Answer, count};
use crate::tools::{Budget, Failure, glob, lookup};
use crate::workspace::{Cancel, Kind, Onward, ProjectPath, Visit, Workspace};

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    /// A glob, e.g. *.rs or src/**/test_*.py.
    pattern: String,
    path: Option<String>,
}

/// The most files to show.
const MOST: usize = 200;

pub(super) fn find(
    workspace: &Workspace,
    budget: Budget,
    cancel: &Cancel,
    args: Args,
) -> Result<Answer, Failure> {
    let glob = glob::parse(&args.pattern)?;
    let path = workspace.path(args.path.as_deref().unwrap_or_default())?;
    let mut found = matching(workspace, cancel, &path, &glob)?;
    if found.is_empty() {
        let text = format!("no file matches `{}`\n", args.pattern);
        return Ok(Answer { text, gist: "no files".to_owned() });
    }
    let of = found.len();
    if MOST < of {
        found.select_nth_unstable(MOST);
        found.truncate(MOST);
    }
    found.sort_unstable();
    let (mut text, taken) = budget.take(found.iter().map(ToString::to_string));
    if taken < of {
        text +=
            &format!("[cut: {taken} of {of}; to see the rest, narrow the pattern or the path]\n");
    }
    Ok(Answer { text, gist: count(of, "file") })
}

/// In no order.
fn matching(
    workspace: &Workspace,
    cancel: &Cancel,
    path: &ProjectPath,
    glob: &GlobSet,
) -> Result<Vec<ProjectPath>, Failure> {
    let found = Mutex::new(Vec::new());
    let visitor = || -> Visit<'_> {
        let mut batch = Batch { of: &found, paths: Vec::new() };
        Box::new(move |met| {
            let below = || met.path.strip_prefix(path.as_path()).unwrap_or(met.path);
            let is_meant = met.kind != Kind::Directory
                && (glob.is_match(met.path) || (!path.is_root() && glob.is_match(below())));
            if is_meant {
                batch.paths.push(ProjectPath::plain(met.path.to_owned()));
            }
            Onward::Further
        })
    };
    lookup::visit(workspace, cancel, path, visitor)?;
    Ok(found.into_inner().unwrap_or_else(PoisonError::into_inner))
}

/// What one thread has found, handed over when it ends.
struct Batch<'a> {
    of: &'a Mutex<Vec<ProjectPath>>,
    paths: Vec<ProjectPath>,
}

impl Drop for Batch<'_> {
    fn drop(&mut self) {
        self.of.lock().unwrap_or_else(PoisonError::into_inner).append(&mut self.paths);
    }
}
