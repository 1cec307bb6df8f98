//! Who may touch which file: asked at the moment a file is opened, about where it really is.

use std::fmt;

use crate::workspace::{FileError, ProjectPath};

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Access {
    Read,
    Write,
}

/// What the person's rules say of a file, from the freest to the strictest.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Leave {
    Free,
    /// Only after they were asked about this very file.
    Ask,
    Never,
}

/// Knows the rules. A call was judged by the path it names, a link may lead elsewhere.
pub(crate) trait Warden: fmt::Debug + Send + Sync {
    fn leave(&self, access: Access, path: &ProjectPath) -> Leave;
}

/// Fails if the file that `path` leads to is under a stricter rule than the one that was named.
pub(super) fn heed(
    warden: Option<&dyn Warden>,
    access: Access,
    path: &ProjectPath,
    real: &ProjectPath,
) -> Result<(), FileError> {
    let Some(warden) = warden else { return Ok(()) };
    let leave = warden.leave(access, real);
    let doing = if access == Access::Read { "read" } else { "changed" };
    match leave {
        Leave::Never if path == real => Err(FileError::Refused(format!(
            "`{path}` must not be {doing}: the user's rules say so"
        ))),
        Leave::Never => Err(FileError::Refused(format!(
            "`{path}` leads to `{real}`, which must not be {doing}: the user's rules say so"
        ))),
        _ if leave <= warden.leave(access, path) => Ok(()),
        _ => Err(FileError::Refused(format!(
            "`{path}` leads to `{real}`, for which the user wants to be asked: name that path"
        ))),
    }
}
