//! Which session is meant: by its name or its id, or by the beginning of one.

use anyhow::anyhow;

use crate::session::Summary;

/// As many sessions as an error names.
const NAMED: usize = 8;

/// A whole name comes first, then a whole id, the beginning of an id, the beginning of a name.
pub(super) fn choose<'a>(words: &str, all: &'a [Summary]) -> anyhow::Result<&'a Summary> {
    let name = |it: &Summary| it.name.clone().unwrap_or_default();
    let ways: [&dyn Fn(&Summary) -> bool; 4] =
        [&|it| name(it) == words, &|it| it.id == words, &|it| it.id.starts_with(words), &|it| {
            name(it).starts_with(words)
        }];
    for is_meant in ways.into_iter().filter(|_| !words.is_empty()) {
        let matching: Vec<_> = all.iter().filter(|it| is_meant(it)).collect();
        match matching[..] {
            [] => {}
            [one] => return Ok(one),
            _ => return Err(several(words, matching)),
        }
    }
    Err(no_such(words, all))
}

/// The session with exactly this name or id, for what cannot be taken back.
pub(super) fn exact<'a>(words: &str, all: &'a [Summary]) -> anyhow::Result<&'a Summary> {
    let is_meant = |it: &Summary| it.id == words || it.name.as_deref() == Some(words);
    match choose(words, all) {
        Ok(it) if !is_meant(it) => {
            let by_name = it.name.as_ref().filter(|it| it.starts_with(words));
            Err(anyhow!(
                "there is no session `{words}`; did you mean `{}`?\n\
                 hint: a session is deleted by its whole id or name",
                by_name.unwrap_or(&it.id)
            ))
        }
        chosen => chosen,
    }
}

/// Whether these words are the beginning of its id or its name.
pub(super) fn may_be_meant(words: &str, it: &Summary) -> bool {
    let name = it.name.as_deref().unwrap_or_default();
    it.id.starts_with(words) || name.starts_with(words)
}

fn several(words: &str, mut matching: Vec<&Summary>) -> anyhow::Error {
    matching.sort_by(|a, b| a.id.cmp(&b.id));
    let called = |it: &Summary| match &it.name {
        Some(name) => format!("`{}` ({name})", it.id),
        None => format!("`{}`", it.id),
    };
    let mut names: Vec<_> = matching.iter().take(NAMED).map(|it| called(it)).collect();
    if NAMED < matching.len() {
        names.push(format!("{} more", matching.len() - NAMED));
    }
    anyhow!("more than one session begins with `{words}`: {}", names.join(", "))
}

fn no_such(words: &str, all: &[Summary]) -> anyhow::Error {
    let likeness = |it: &str| {
        // What is abbreviated is compared with as much of each; a letter that is left out would cost two.
        let length = words.chars().count();
        let beginning: String = it.chars().take(length).collect();
        strsim::osa_distance(words, &beginning).min(strsim::osa_distance(words, it))
    };
    let called = all.iter().flat_map(|it| it.name.iter().chain([&it.id]));
    let nearest = called.min_by_key(|it| likeness(it));
    let nearest = nearest
        .filter(|it| !words.is_empty() && likeness(it) <= (words.chars().count() / 3).min(2));
    match (all, nearest) {
        ([], _) => anyhow!("there is no session `{words}`: there are no sessions yet"),
        (_, Some(nearest)) => {
            anyhow!("there is no session `{words}`; did you mean `{nearest}`?")
        }
        (_, None) => anyhow!("there is no session `{words}`"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use expect_test::{Expect, expect};

    use super::*;

    fn all() -> Vec<Summary> {
        let named = [
            ("a1", "parser"),
            ("a2", "parse it"),
            ("b1", ""),
            ("b2", "a2"),
            ("c1", "x"),
            ("c2", "x"),
        ];
        let summary = |(id, name): (&str, &str)| Summary {
            id: id.to_owned(),
            name: Some(name.to_owned()).filter(|it| !it.is_empty()),
            project: None,
            title: String::new(),
            modified: SystemTime::UNIX_EPOCH,
            prompts: 0,
            path: id.into(),
        };
        named.map(summary).into()
    }

    #[track_caller]
    fn check(words: &str, expected: Expect) {
        expected.assert_eq(&match choose(words, &all()) {
            Ok(it) => it.id.clone(),
            Err(err) => err.to_string(),
        });
    }

    #[test]
    fn a_whole_name_comes_before_an_id() {
        check("parser", expect!["a1"]);
        check("a2", expect!["b2"]);
        check("a1", expect!["a1"]);
    }

    #[test]
    fn a_beginning_is_enough_if_it_is_of_one_only() {
        check("parse ", expect!["a2"]);
        check(
            "parse",
            expect!["more than one session begins with `parse`: `a1` (parser), `a2` (parse it)"],
        );
        check("b", expect!["more than one session begins with `b`: `b1`, `b2` (a2)"]);
        check("x", expect!["more than one session begins with `x`: `c1` (x), `c2` (x)"]);
        check("", expect!["there is no session ``"]);
    }

    #[test]
    fn a_slip_is_guessed() {
        check("prser", expect!["there is no session `prser`; did you mean `parser`?"]);
        check("zebra", expect!["there is no session `zebra`"]);
    }

    #[test]
    fn what_cannot_be_taken_back_wants_the_whole_word() {
        assert_eq!(exact("parser", &all()).unwrap().id, "a1");
        assert_eq!(exact("b1", &all()).unwrap().id, "b1");
        expect![[r#"
            there is no session `parse `; did you mean `parse it`?
            hint: a session is deleted by its whole id or name"#]]
        .assert_eq(&exact("parse ", &all()).unwrap_err().to_string());
    }
}
