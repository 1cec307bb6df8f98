//! Models in several files: `…-00001-of-00003.gguf` is the one that leads to the others.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use crate::models::gguf::{Header, open};
use crate::models::name::Part;

/// The first part of the model that a file is a part of; the file itself, if it is whole.
fn first_part(path: &Path) -> PathBuf {
    sibling(path, 1).unwrap_or_else(|| path.to_owned())
}

/// The files of a model, in order, and the headers of all as one. A part that is missing or of
/// another model is an error.
pub(crate) fn parts(path: &Path) -> anyhow::Result<(Vec<PathBuf>, Header)> {
    let first = first_part(path);
    let mut whole = open(&first)?;
    let name = first.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let named = Part::of(&name).map_or(1, |it| u64::from(it.count));
    let count = whole.whole("split.count").unwrap_or(named).max(1);
    if count != named {
        bail!(
            "`{}` says that it is one of {count} parts, but not by its name\n\
             hint: give it back the name it had, which ends in `-00001-of-{count:05}.gguf`",
            first.display()
        );
    }
    let mut files = vec![first.clone()];
    for number in 2..=count {
        let number = u32::try_from(number).context("no model has so many parts")?;
        let Some(path) = sibling(&first, number) else { break };
        if !path.exists() {
            bail!(
                "part {number} of {count} is missing: `{}`\nhint: download the model again",
                path.display()
            );
        }
        let part = open(&path)?;
        if part.whole("split.no").is_some_and(|it| it + 1 != u64::from(number)) {
            bail!("`{}` is another part than its name says", path.display());
        }
        whole.tensors.extend(part.tensors);
        files.push(path);
    }
    if let Some(said) = whole.whole("split.tensors.count")
        && said != whole.tensors.len() as u64
    {
        bail!(
            "the parts of `{}` do not belong together: {} tensors of {said}",
            first.display(),
            whole.tensors.len()
        );
    }
    Ok((files, whole))
}

/// Another part of the same model.
fn sibling(path: &Path, number: u32) -> Option<PathBuf> {
    let name = path.file_name()?.to_str()?;
    let part = Part::of(name)?;
    Some(path.with_file_name(part.sibling(name, number)))
}
