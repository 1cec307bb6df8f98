//! `agent models rm`: a model goes from the disk, after it was said what that means.

use anyhow::bail;

use crate::cli::agreed::{Question, agreed};
use crate::cli::args::models::Remove;
use crate::cli::models::Here;
use crate::cli::surroundings::Surroundings;
use crate::cli::{Exit, note, print};
use crate::models::{Found, Reference, gigabytes, removal};
use crate::ui::visible;

pub(super) fn remove(here: &Here, around: &Surroundings, wanted: &Remove) -> anyhow::Result<Exit> {
    let models = meant(here, around, &wanted.model)?;
    let plan = removal(&models, &here.places);
    let mut text = String::new();
    for model in &models {
        let name = model.name();
        text += &format!("{}, {}, {}\n", visible(&name), gigabytes(model.size), model.keeper);
    }
    for file in &plan.files {
        text += &format!("  {}\n", visible(&file.display().to_string()));
    }
    print(&text)?;
    plan.notes.iter().for_each(|it| note(&format!("note: {}", visible(it))));
    if wanted.dry_run {
        print(&format!("would free {}\n", gigabytes(plan.freed)))?;
        return Ok(Exit::Done);
    }
    if !(wanted.yes || agreed(QUESTION)?) {
        return Ok(Exit::Failed);
    }
    plan.carry_out()?;
    print(&format!("freed {}\n", gigabytes(plan.freed)))?;
    Ok(Exit::Done)
}

/// All of a model by its whole name, what is broken or was only begun among it; what is named by less
/// than that must be one model.
fn meant<'a>(here: &'a Here, around: &Surroundings, name: &str) -> anyhow::Result<Vec<&'a Found>> {
    let path = around.directory.join(name);
    let reference = Reference::parse(name);
    let is_meant = |it: &&Found| {
        let is_file = it.files.contains(&path);
        let is_family = it.family.eq_ignore_ascii_case(&reference.words);
        let is_quant =
            reference.quant.as_ref().is_none_or(|it_asked| it.quant.as_ref() == Some(it_asked));
        is_file || (is_family && is_quant) || it.name().eq_ignore_ascii_case(name)
    };
    let exact: Vec<_> = here.found.iter().filter(is_meant).collect();
    if !exact.is_empty() {
        return Ok(exact);
    }
    let forms = here.forms(name)?;
    match forms.len() {
        1 => Ok(forms),
        _ => {
            let names: Vec<_> = forms.iter().map(|it| format!("`{}`", it.name())).collect();
            bail!(
                "`{name}` can mean several forms of `{}`\nhint: name one: {}",
                forms[0].family,
                names.join(", ")
            )
        }
    }
}

/// Only a clear yes is one.
const QUESTION: Question<'_> = Question {
    words: "remove it?",
    otherwise: "not removed",
    unasked: "`--yes` removes without asking",
};
