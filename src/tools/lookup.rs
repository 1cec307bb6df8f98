//! The file that a call means; where there is none, the files it may have meant.

use crate::tools::Failure;
use crate::workspace::{Cancel, FileError, Found, ProjectPath, SourceFile, Visit, Workspace};

/// How like the name of another file must be to be suggested, from 0 to 1.
const LIKE: f64 = 0.85;

/// The most files to suggest.
const SUGGESTIONS: usize = 3;

pub(super) fn read(
    workspace: &Workspace,
    cancel: &Cancel,
    given: &str,
) -> Result<SourceFile, Failure> {
    let path = workspace.path(given)?;
    workspace.read(&path).map_err(|err| match err {
        FileError::Missing(path) => missing(workspace, cancel, &path),
        err => err.into(),
    })
}

pub(super) fn entries(
    workspace: &Workspace,
    cancel: &Cancel,
    path: &ProjectPath,
    depth: Option<usize>,
) -> Result<Vec<Found>, Failure> {
    workspace.entries(path, depth, cancel).map_err(|err| match err {
        FileError::Missing(path) => missing(workspace, cancel, &path),
        err => err.into(),
    })
}

/// Shows visitors what a call means, see [`Workspace::visit`].
pub(super) fn visit<'s>(
    workspace: &Workspace,
    cancel: &Cancel,
    path: &ProjectPath,
    visitor: impl FnMut() -> Visit<'s>,
) -> Result<(), Failure> {
    workspace.visit(path, cancel, visitor).map_err(|err| match err {
        FileError::Missing(path) => missing(workspace, cancel, &path),
        err => err.into(),
    })
}

/// That there is no `path`, and what there is instead.
pub(super) fn missing(workspace: &Workspace, cancel: &Cancel, path: &ProjectPath) -> Failure {
    let mut failure = Failure::from(FileError::Missing(path.clone()));
    let similar = similar(workspace, cancel, path);
    if !similar.is_empty() {
        failure.text += &format!("; did you mean {}?", similar.join(" or "));
    }
    failure
}

fn similar(workspace: &Workspace, cancel: &Cancel, path: &ProjectPath) -> Vec<String> {
    let wanted = path.as_path().file_name().unwrap_or_default().to_string_lossy().into_owned();
    let found = workspace.entries(&ProjectPath::default(), None, cancel);
    let mut scored: Vec<_> = found
        .into_iter()
        .flatten()
        .filter_map(|it| {
            let name = it.path.as_path().file_name()?.to_string_lossy().into_owned();
            let score = strsim::jaro_winkler(&wanted, &name);
            (LIKE <= score).then(|| (score, format!("`{}`", it.path)))
        })
        .collect();
    // The order of equals is that of the walk.
    scored.sort_by(|a, b| b.0.total_cmp(&a.0));
    scored.into_iter().take(SUGGESTIONS).map(|(_, it)| it).collect()
}
