//! A model that the person picks from those that are here, by its number or its name.

use std::path::Path;

use crate::cli::choosing::is_file_name;
use crate::cli::job::Job;
use crate::cli::models::{Here, picks};
use crate::cli::planning::Person;
use crate::cli::surroundings::Surroundings;
use crate::cli::{Abandoned, note};
use crate::models::Found;
use crate::ui::{Line, numbers, visible, visible_line};

/// What is asked while one is worked with, and what while there is none.
pub(super) const ANOTHER: &str = "  a number or a name, or Enter to stay: ";
const FIRST: &str = "  which one? a number or a name: ";

/// The name of the model, or nothing if the person wants none of these.
pub(super) async fn pick(
    (around, here): (&Surroundings, &Here),
    person: &Person<'_>,
    (used, question): (Option<&Path>, &str),
    mut tell: impl FnMut(&str),
) -> Result<Option<String>, Abandoned> {
    let (text, names) = picks(here, used);
    tell(&text);
    if names.is_empty() {
        return Ok(None);
    }
    let whole = |name: &str| match here.file(around, name) {
        Ok((file, _)) if !is_file_name(name) => {
            let found = here.found.iter().find(|it| it.is_usable() && it.path == file);
            Ok(found.map_or_else(|| name.to_owned(), Found::name))
        }
        Ok(_) => Ok(name.to_owned()),
        Err(err) => Err(format!("{err:#}").replace("\nhint: ", "; ")),
    };
    loop {
        let Line::Entered(line) = person.question(question).await else {
            return Err(Abandoned);
        };
        if line.trim().is_empty() {
            return Ok(None);
        }
        match meant(&names, line.trim(), whole) {
            Ok(name) => return Ok(Some(name)),
            Err(why) => tell(&format!("  {}", visible_line(&why, 300))),
        }
    }
}

/// The model that an answer means, by its whole name, or why it means none.
fn meant(
    names: &[String],
    answer: &str,
    whole: impl FnOnce(&str) -> Result<String, String>,
) -> Result<String, String> {
    if !answer.chars().all(|it| it.is_ascii_digit()) {
        return whole(answer);
    }
    let nth = answer.parse::<usize>().ok().and_then(|it| it.checked_sub(1));
    let name = nth.and_then(|it| names.get(it)).cloned();
    name.ok_or_else(|| format!("there is no {answer}: {}", numbers(names.len())))
}

impl Job<'_> {
    /// Has the person say which model is worked with, where several are here and none was named. Who
    /// names none is told what is missing by who needs it.
    pub(super) async fn choose_a_model(&mut self, person: &Person<'_>) -> anyhow::Result<()> {
        if self.settings.server.url.is_some() || self.settings.model.is_some() {
            return Ok(());
        }
        let here = Here::look(self.around, &self.settings)?;
        if here.usual().is_some() || !here.has_some() {
            return Ok(());
        }
        note("several models are here, and none was named to work with");
        let Some(name) = pick((self.around, &here), person, (None, FIRST), note).await? else {
            return Ok(());
        };
        self.settings.model = Some(self.as_setting(name));
        self.remember_model()?;
        let (name, file) = (self.settings.model.clone().unwrap_or_default(), self.file());
        let line = format!(
            "working with {name} this time\n  `model = \"{name}\"` in {file} makes it the usual one"
        );
        note(&visible(&line));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(answer: &str, meaning: Result<&str, &str>) {
        let names = ["one:Q4", "two:Q8"].map(str::to_owned);
        let whole = |it: &str| match it {
            "two" => Ok("two:Q8".to_owned()),
            _ => Err("not here".to_owned()),
        };
        let meaning = meaning.map(str::to_owned).map_err(str::to_owned);
        assert_eq!(meant(&names, answer, whole), meaning);
    }

    #[test]
    fn a_model_is_picked_by_its_number_or_its_name() {
        check("2", Ok("two:Q8"));
        check("two", Ok("two:Q8"));
        check("three", Err("not here"));
        check("0", Err("there is no 0: the numbers go from 1 to 2"));
        check(
            "99999999999999999999999",
            Err("there is no 99999999999999999999999: the numbers go from 1 to 2"),
        );
    }
}
