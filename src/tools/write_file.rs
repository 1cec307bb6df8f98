//! `write_file`: a whole file, or more of one.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::tools::Failure;
use crate::tools::after_edit::Touched;
use crate::tools::answer::{Answer, Changed, count};
use crate::workspace::{Change, FileError, SourceFile, Workspace};

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    path: String,
    content: String,
    /// Add to the end of the file instead.
    append: Option<bool>,
}

pub(super) fn write(workspace: &Workspace, args: Args) -> Result<Changed, Failure> {
    let path = workspace.path(&args.path)?;
    let content = args.content.as_bytes();
    let lines = count(args.content.lines().count(), "line");
    let mut touched = Vec::new();
    let mut touch = |before: Option<&SourceFile>| {
        let before = before.and_then(|it| it.text().ok()).map(str::to_owned);
        touched.push(Touched { path: path.clone(), before });
    };
    let text = match workspace.read(&path) {
        Err(FileError::Missing(_)) => {
            touch(None);
            workspace.apply(&[Change::Create { path: path.clone(), bytes: content.to_vec() }])?;
            format!("created `{path}`: {lines}\n")
        }
        Err(err) => return Err(err.into()),
        Ok(before) if args.append == Some(true) => {
            let before_text = before.text()?;
            let had = count(before_text.lines().count(), "line");
            touch(Some(&before));
            let bytes = [before_text.as_bytes(), content].concat();
            workspace.apply(&[Change::Replace { before, bytes }])?;
            format!("added {lines} to the end of `{path}`, which had {had}\n")
        }
        Ok(before) if before.bytes() == content => {
            format!("`{path}` already holds exactly this: nothing was changed\n")
        }
        Ok(before) => {
            touch(Some(&before));
            let had = String::from_utf8_lossy(before.bytes()).lines().count();
            workspace.apply(&[Change::Replace { before, bytes: content.to_vec() }])?;
            format!("replaced `{path}`: {lines}, before {}\n", count(had, "line"))
        }
    };
    Ok(Changed { answer: Answer { text, gist: lines }, touched })
}
