//! `agent models import`: a file from elsewhere is one of ours.

use anyhow::Context;

use crate::cli::args::models::Import;
use crate::cli::models::Here;
use crate::cli::print;
use crate::cli::surroundings::Surroundings;
use crate::models::import as take;
use crate::ui::visible;

pub(super) fn import(here: &Here, around: &Surroundings, wanted: &Import) -> anyhow::Result<()> {
    let folder = match &wanted.into {
        Some(folder) => around.directory.join(folder),
        None => here.places.folders.first().cloned().context(
            "there is no folder for models\nhint: name one with `--into DIR`, or set `models.folders`",
        )?,
    };
    let done = take(&around.directory.join(&wanted.file), &folder)?;
    let how = if done.is_copy { "copied" } else { "linked" };
    print(&format!("{how} to {}\n", visible(&done.path.display().to_string())))
}
