//! The models to choose from in a conversation: those that are here, and those that would suit.

use std::path::Path;

use crate::cli::models::Here;
use crate::cli::models::info::told;
use crate::models::{Form, Found, Wish, gigabytes, longest, need, open, place};
use crate::ui::visible;

/// As many that are not here are named.
const SUITABLE: usize = 3;

/// One that is here.
struct Row {
    name: String,
    size: String,
    fits: String,
    is_used: bool,
}

/// What is shown, and the names by number.
pub(in crate::cli) fn picks(here: &Here, used: Option<&Path>) -> (String, Vec<String>) {
    let usable = here.found.iter().filter(|it| it.is_usable());
    let row = |it: &Found| Row {
        name: it.name(),
        size: gigabytes(it.size),
        fits: fits(here, it),
        is_used: used.is_some_and(|used| is_same(used, &it.path)),
    };
    let rows: Vec<Row> = usable.map(row).collect();
    let is_here = |repo: &str| here.found.iter().any(|it| it.is_usable() && it.family == repo);
    let suits = here.catalog.entries.iter().filter(|it| {
        it.place(&here.machine) != crate::models::Place::Nowhere && !is_here(&it.repo)
    });
    let suitable = suits.take(SUITABLE).map(|it| {
        let place = told(it.place(&here.machine));
        (it.name.clone(), format!("{} GB", it.needs), place.to_owned())
    });
    let mut text = table(&rows, &suitable.collect::<Vec<_>>());
    if let Some(used) = used.filter(|_| rows.iter().all(|it| !it.is_used)) {
        text += &format!("\nworked with, by its file: {}", visible(&used.display().to_string()));
    }
    (text, rows.into_iter().map(|it| it.name).collect())
}

fn table(rows: &[Row], suitable: &[(String, String, String)]) -> String {
    let names = rows.iter().map(|it| &it.name).chain(suitable.iter().map(|it| &it.0));
    let width = names.map(|it| it.chars().count()).max().unwrap_or(0).clamp(4, 60);
    let mut text = match rows {
        [] => "there are no models here\n".to_owned(),
        _ => String::new(),
    };
    for (nth, it) in rows.iter().enumerate() {
        let mark = if it.is_used { "*" } else { " " };
        let (n, name) = (nth + 1, visible(&it.name));
        text += &format!("{mark}{n:>3}  {name:<width$}  {:>7}  {}\n", it.size, it.fits);
    }
    for (name, needs, place) in suitable {
        let name = visible(name);
        text += &format!(
            "   -  {name:<width$}  {needs:>7}  {place}; not here: agent models pull {name}\n"
        );
    }
    if rows.iter().any(|it| it.is_used) {
        text += "* the one that is worked with\n";
    }
    text.trim_end().to_owned()
}

/// With the longest context that it can have.
fn fits(here: &Here, found: &Found) -> String {
    let form = open(&found.path).ok().and_then(|it| Form::of(&it));
    let Some(form) = form else { return "nobody knows whether it fits".to_owned() };
    match longest(&form, &Wish::usual(form.context), &here.machine) {
        None => "does not fit".to_owned(),
        Some(tokens) => {
            let place = place(need(&form, &Wish::usual(tokens)), &here.machine);
            format!("{}, up to {tokens} tokens", told(place))
        }
    }
}

fn is_same(a: &Path, b: &Path) -> bool {
    a == b || a.canonicalize().ok().is_some_and(|it| Some(it) == b.canonicalize().ok())
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn the_one_in_use_is_marked_and_what_is_not_here_has_no_number() {
        let row = |name: &str, is_used| Row {
            name: name.to_owned(),
            size: "2.5 GB".to_owned(),
            fits: "in memory, up to 4096 tokens".to_owned(),
            is_used,
        };
        let suitable = ("big".to_owned(), "9 GB".to_owned(), "in memory".to_owned());
        expect![[r#"
            *  1  org/small:Q4   2.5 GB  in memory, up to 4096 tokens
               2  e␛il           2.5 GB  in memory, up to 4096 tokens
               -  big              9 GB  in memory; not here: agent models pull big
            * the one that is worked with"#]]
        .assert_eq(&table(&[row("org/small:Q4", true), row("e\u{1b}il", false)], &[suitable]));
        expect!["there are no models here"].assert_eq(&table(&[], &[]));
    }
}
