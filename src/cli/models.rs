//! `agent models`: what there is, what fits, what is worth having; and models that play a script.

mod asked;
mod catalog;
mod fit;
mod here;
mod import;
mod info;
mod list;
mod picker;
pub(super) mod pull;
mod remove;
mod search;
mod verify;

use std::collections::BTreeSet;

use anyhow::Context;

use crate::cli::args::{Models, Options, models as args};
use crate::cli::surroundings::Surroundings;
use crate::cli::{Exit, configuration, print};
use crate::models::{Script, Shape};

pub(super) use here::{Here, path_of, places};
pub(super) use picker::picks;

pub(super) fn models(
    around: &Surroundings,
    options: &Options,
    command: Models,
) -> anyhow::Result<Exit> {
    if let Models::Script { .. } = command {
        return script(command);
    }
    let settings = configuration::load(around, options, &around.workspace()?)?.settings;
    let here = || Here::look(around, &settings);
    let with_cards = || Ok::<_, anyhow::Error>(here()?.with_cards(around, &settings));
    match command {
        Models::Script { .. } => {}
        Models::Pull(wanted) => return pull::pull(around, &with_cards()?, &wanted),
        Models::Search(wanted) => return search::search(around, &wanted),
        Models::List(wanted) => print(&list::list(&here()?, &wanted))?,
        Models::Info(wanted) => print(&info::info(&with_cards()?, around, &wanted)?)?,
        Models::Fit(wanted) => print(&fit::fit(&with_cards()?, around, &settings, &wanted)?)?,
        Models::Catalog { json } => print(&catalog::catalog(&with_cards()?, json))?,
        Models::Rm(wanted) => return remove::remove(&here()?, around, &wanted),
        Models::Verify(wanted) => return verify::verify(&here()?, &wanted),
        Models::Import(wanted) => import::import(&here()?, around, &wanted)?,
    }
    Ok(Exit::Done)
}

/// What `/models` says: those of which the name holds these words.
pub(super) fn listed(here: &Here, words: &str) -> String {
    let words = Some(words.to_owned()).filter(|it| !it.is_empty());
    list::list(here, &args::List { words, json: false })
}

fn script(command: Models) -> anyhow::Result<Exit> {
    let Models::Script { script, out, chunk, context, words, forgets } = command else {
        return Ok(Exit::Usage);
    };
    let text = std::fs::read_to_string(&script)
        .with_context(|| format!("cannot read `{}`", script.display()))?;
    let parsed = Script::parse(&text).with_context(|| format!("in `{}`", script.display()))?;
    let mut known = BTreeSet::new();
    for path in words {
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("cannot read `{}`", path.display()))?;
        known.extend(words_of(&text).into_iter().map(str::to_owned));
    }
    let words = known.into_iter().collect();
    let (chunk, context) = (chunk.get(), context.get());
    parsed.write(&out, &Shape { chunk, context, words, forgets })?;
    Ok(Exit::Done)
}

/// What is one token to a usual model, more or less: words, with the blank before them and without
/// it, and marks that stand side by side.
fn words_of(text: &str) -> Vec<&str> {
    let is_letter = |it: &u8| it.is_ascii_alphabetic() || *it == b'_';
    let is_mark = |it: &u8| it.is_ascii() && !it.is_ascii_alphanumeric() && *it != b'_';
    let (mut words, mut start) = (Vec::new(), 0);
    let alike = |a: &u8, b: &u8| (is_letter(a), is_mark(a)) == (is_letter(b), is_mark(b));
    for run in text.as_bytes().chunk_by(alike) {
        let end = start + run.len();
        if 2 <= run.len() && (is_letter(&run[0]) || is_mark(&run[0])) {
            words.push(&text[start..end]);
        }
        if is_letter(&run[0]) && text[..start].ends_with(' ') {
            words.push(&text[start - 1..end]);
        }
        start = end;
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stand_with_and_without_their_blank_and_marks_together() {
        let words = words_of("{\"path\": the é_x 12 a, a}");
        assert_eq!(words.join("|"), "{\"|path|\": |the| the|_x| a|, | a");
    }
}
