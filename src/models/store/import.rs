//! A file from elsewhere is taken in: by a link where that can be, so that nothing is there twice.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use crate::models::gguf::{self, Header};

/// How a file was taken in.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Imported {
    /// The first file in its new place.
    pub(crate) path: PathBuf,
    /// It lies on another disk and was copied.
    pub(crate) is_copy: bool,
}

/// Takes a model into `folder`, all its parts. A model of the same name is not overwritten.
pub(crate) fn import(file: &Path, folder: &Path) -> anyhow::Result<Imported> {
    let (files, _): (Vec<PathBuf>, Header) = gguf::parts(file)?;
    std::fs::create_dir_all(folder)
        .with_context(|| format!("cannot make `{}`", folder.display()))?;
    let mut places = Vec::new();
    for file in &files {
        let name = file.file_name().context("a file has a name")?;
        let place = folder.join(name);
        // By its ending it is found again.
        let place = if place.extension().is_some_and(|it| it.eq_ignore_ascii_case("gguf")) {
            place
        } else {
            folder.join(format!("{}.gguf", name.to_string_lossy()))
        };
        if place.symlink_metadata().is_ok() {
            bail!("there is a `{}` already\nhint: give one of them another name", place.display());
        }
        places.push(place);
    }
    let mut is_copy = false;
    for (file, place) in files.iter().zip(&places) {
        is_copy |= take(file, place).with_context(|| {
            format!("cannot take `{}` into `{}`", file.display(), folder.display())
        })?;
    }
    Ok(Imported { path: places.swap_remove(0), is_copy })
}

/// Whether it had to be copied.
fn take(file: &Path, place: &Path) -> anyhow::Result<bool> {
    // The file itself, not a link to it: whoever owns the link may remove what it leads to.
    let real = file.canonicalize()?;
    if std::fs::hard_link(&real, place).is_ok() {
        return Ok(false);
    }
    let folder = place.parent().context("a file is in a folder")?;
    // Its name appears when all of it is there.
    let mut draft = tempfile::NamedTempFile::new_in(folder)?;
    std::io::copy(&mut std::fs::File::open(&real)?, draft.as_file_mut())?;
    draft.as_file().sync_all()?;
    draft.persist_noclobber(place)?;
    Ok(true)
}
