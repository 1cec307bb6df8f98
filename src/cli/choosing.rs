//! Which model is worked with: the one that was named, or one that is here.

use std::path::PathBuf;

use anyhow::bail;

use crate::cli::models::Here;
use crate::cli::surroundings::Surroundings;
use crate::config::Settings;
use crate::models;

/// A model of this machine.
pub(super) struct Chosen {
    pub(super) file: PathBuf,
    /// Why this one, where that is not plain.
    pub(super) note: Option<String>,
}

pub(super) fn chosen(around: &Surroundings, settings: &Settings) -> anyhow::Result<Chosen> {
    if let Some(name) = &settings.model {
        if is_file_name(name) {
            let file = models::locate(&around.directory.join(name))?;
            return Ok(Chosen { file, note: None });
        }
        let (file, note) = Here::look(around, settings)?.file(around, name)?;
        return Ok(Chosen { file, note });
    }
    let here = Here::look(around, settings)?;
    if let Some(found) = here.usual() {
        let note = Some(format!("working with {}", found.name()));
        return Ok(Chosen { file: models::locate(&found.path)?, note });
    }
    let known = match &here.some()[..] {
        [] => "\nhint: `agent --yes \"…\"` gets what suits this machine".to_owned(),
        some => {
            format!("\nhint: name one of those that are here with `-m`: {}, …", some.join(", "))
        }
    };
    bail!(
        "there is no model to work with\n\
         hint: name a model file with `-m FILE.gguf`, or a running server with `--server-url URL`; \
         `agent demo` shows the program at work without either{known}"
    );
}

/// Whether a model is named by where it lies, not by what a server calls it.
pub(super) fn is_file_name(model: &str) -> bool {
    model.ends_with(".gguf") || model.starts_with(['/', '~', '.'])
}
