//! `write_file`: a whole file, or more of one.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::tools::Failure;
use crate::tools::answer::{Answer, count};
use crate::workspace::{Change, FileError, Workspace};

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    path: String,
    content: String,
    /// Add to the end of the file instead.
    append: Option<bool>,
}

pub(super) fn write(workspace: &Workspace, args: Args) -> Result<Answer, Failure> {
    let path = workspace.path(&args.path)?;
    let content = args.content.as_bytes();
    let lines = count(args.content.lines().count(), "line");
    let text = match workspace.read(&path) {
        Err(FileError::Missing(_)) => {
            workspace.apply(&[Change::Create { path: path.clone(), bytes: content.to_vec() }])?;
            format!("created `{path}`: {lines}\n")
        }
        Err(err) => return Err(err.into()),
        Ok(before) if args.append == Some(true) => {
            let before_text = before.text()?;
            let had = count(before_text.lines().count(), "line");
            let bytes = [before_text.as_bytes(), content].concat();
            workspace.apply(&[Change::Replace { before, bytes }])?;
            format!("added {lines} to the end of `{path}`, which had {had}\n")
        }
        Ok(before) if before.bytes() == content => {
            format!("`{path}` already holds exactly this: nothing was changed\n")
        }
        Ok(before) => {
            let had = String::from_utf8_lossy(before.bytes()).lines().count();
            workspace.apply(&[Change::Replace { before, bytes: content.to_vec() }])?;
            format!("replaced `{path}`: {lines}, before {}\n", count(had, "line"))
        }
    };
    Ok(Answer { text, gist: lines })
}
