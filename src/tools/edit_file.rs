//! `edit_file`: pieces of files replaced, all or none, each where it occurs exactly once; or a patch.

mod asked;
mod draft;
mod miss;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};

use crate::tools::answer::Changed;
use crate::tools::edit_file::asked::asked;
use crate::tools::edit_file::draft::Draft;
use crate::tools::foresight::Foreseen;
use crate::tools::seen::Seen;
use crate::tools::{Budget, Failure};
use crate::workspace::{Cancel, Workspace, is_patch};

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    // The model is told that it must; a patch names its files itself.
    #[schemars(required)]
    path: Option<String>,
    edits: Option<Edits>,
    /// Instead of edits: a unified diff.
    patch: Option<String>,
    // One edit without its list has one reading.
    #[schemars(skip)]
    old: Option<String>,
    #[schemars(skip)]
    new: Option<String>,
}

#[derive(Debug, JsonSchema)]
struct Edits(Vec<Edit>);

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Edit {
    /// Text exactly as in the file, without line numbers, long enough to occur only once.
    old: String,
    new: String,
    /// If in another file.
    path: Option<String>,
}

/// A list of edits, or a patch in their place.
impl<'de> Deserialize<'de> for Edits {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            List(Vec<Edit>),
            Patch(String),
        }
        match Written::deserialize(deserializer)? {
            Written::List(edits) => Ok(Self(edits)),
            Written::Patch(new) if is_patch(&new) => {
                Ok(Self(vec![Edit { old: String::new(), new, path: None }]))
            }
            Written::Patch(_) => Err(serde::de::Error::custom("neither a list nor a patch")),
        }
    }
}

/// The files that a call of this tool would change, wherever in its arguments they stand; `None` if
/// that is not to be understood.
pub(super) fn paths(args: &str) -> Option<Vec<String>> {
    let paths = asked::paths(serde_json::from_str(args).ok()?);
    (!paths.is_empty()).then_some(paths)
}

/// What the call would make of the files, or why it would fail.
pub(super) fn foresee(
    workspace: &Workspace,
    seen: &Seen,
    budget: Budget,
    args: Args,
) -> Result<Vec<Foreseen>, Failure> {
    Ok(drafted(workspace, seen, budget, &Cancel::default(), args)?.foreseen())
}

pub(super) fn edit(
    workspace: &Workspace,
    seen: &Seen,
    budget: Budget,
    cancel: &Cancel,
    args: Args,
) -> Result<Changed, Failure> {
    drafted(workspace, seen, budget, cancel, args)?.apply()
}

fn drafted<'a>(
    workspace: &'a Workspace,
    seen: &'a Seen,
    budget: Budget,
    cancel: &'a Cancel,
    args: Args,
) -> Result<Draft<'a>, Failure> {
    let mut draft = Draft::new(workspace, seen, budget, cancel);
    for step in asked(args)? {
        draft.take(step).map_err(|failure| draft.left_alone(failure))?;
    }
    Ok(draft)
}
