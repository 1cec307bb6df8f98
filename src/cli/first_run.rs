//! What is missing to work at all, got after the person was asked: a llama-server, and a model.

use std::io::IsTerminal;
use std::path::PathBuf;

use crate::cli::agreed::{Question, agreed};
use crate::cli::args::Options;
use crate::cli::choosing::is_file_name;
use crate::cli::engine::{self, found};
use crate::cli::models::{Here, pull};
use crate::cli::surroundings::Surroundings;
use crate::cli::{configuration, note};
use crate::config::Settings;
use crate::models::{Entry, Place, gigabytes};
use crate::ui::visible;

/// What is to be got.
struct Missing<'a> {
    engine: bool,
    model: Option<&'a Entry>,
}

/// Gets what is missing, if the person wants it; false if they do not. What is wrong where nobody is
/// there to be asked, is told by who needs it.
pub(super) fn settle(around: &Surroundings, options: &Options) -> anyhow::Result<bool> {
    let settings = configuration::load(around, options, &around.workspace()?)?.settings;
    let is_attended = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
    if settings.server.url.is_some() || !(options.yes || is_attended) {
        return Ok(true);
    }
    let engine = settings.llama.program.is_none()
        && around.variable("LLAMA_SERVER").is_none()
        && found(around, &settings.llama).is_err();
    if !engine && settings.model.as_deref().is_some_and(is_file_name) {
        return Ok(true);
    }
    let here = Here::look(around, &settings)?;
    let missing = Missing { engine, model: model(&here, &settings) };
    let needs_model = settings.model.is_none() && here.usual().is_none();
    // Where a model cannot be told, what is wrong is told better by who looks for it.
    if !(missing.engine || missing.model.is_some()) || (needs_model && missing.model.is_none()) {
        return Ok(true);
    }
    note(&told(&missing, &here, around));
    if !options.yes && !agreed(QUESTION)? {
        return Ok(false);
    }
    if missing.engine {
        engine::get(around, &settings)?;
    }
    if let Some(entry) = missing.model {
        pull::get(around, &here, &entry.reference())?;
    }
    Ok(true)
}

const QUESTION: Question<'_> = Question {
    words: "get it?",
    otherwise: "nothing was fetched",
    unasked: "`agent --yes \"…\"` gets it without asking, `-m` and `--server-url` name what you have",
};

/// The model to be fetched: the one that was named, or the best that fits, if none is here.
fn model<'a>(here: &'a Here, settings: &Settings) -> Option<&'a Entry> {
    match &settings.model {
        Some(name) if is_file_name(name) => None,
        Some(name) => here.catalog.entry(name).filter(|_| here.forms(name).is_err()),
        None if here.has_some() => None,
        None => here.catalog.best(&here.machine),
    }
}

fn told(missing: &Missing<'_>, here: &Here, around: &Surroundings) -> String {
    let mut text = format!("this machine: {}\n", visible(&here.in_words()));
    text += "not here yet, and needed:\n";
    let folder = |it: anyhow::Result<PathBuf>| match it {
        Ok(it) => visible(&it.display().to_string()).into_owned(),
        Err(_) => "a folder of yours".to_owned(),
    };
    if missing.engine {
        let place = folder(around.data_dir().map(|it| it.join("engine")));
        text += &format!(
            "  engine  llama.cpp's newest stable llama-server, some 20 to 200 MB, into {place}\n"
        );
    }
    if let Some(entry) = missing.model {
        let place = folder(pull::place(around).map(|it| it.cache));
        let why = match entry.place(&here.machine) {
            Place::Cards => "fits on the graphics card",
            Place::Both => "fits on the graphics card and in memory",
            Place::Memory => "fits in memory",
            Place::Nowhere => "does not fit this machine",
        };
        text += &format!(
            "  model   {} ({}): {}; {why}\n          about {}, {} at 100 Mbit/s, into {place}\n",
            visible(&entry.name),
            visible(&entry.reference()),
            visible(&entry.note),
            gigabytes((entry.needs * 1e9) as u64),
            time(entry.needs),
        );
        text += "          `agent models catalog` lists others\n";
    }
    text.trim_end().to_owned()
}

/// How long so many gigabytes take.
fn time(gigabytes: f64) -> String {
    match gigabytes * 80.0 / 60.0 {
        minutes if minutes < 1.5 => "a minute".to_owned(),
        minutes if minutes < 90.0 => format!("{minutes:.0} minutes"),
        minutes => format!("{:.1} hours", minutes / 60.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_is_told_as_people_would() {
        assert_eq!(
            [0.1, 7.0, 20.0, 100.0].map(time),
            ["a minute", "9 minutes", "27 minutes", "2.2 hours"]
        );
    }
}
