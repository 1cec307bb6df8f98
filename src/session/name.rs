//! What a person may call a session.

use anyhow::bail;

use crate::session::Summary;

/// The most characters of a name.
const LONGEST: usize = 64;

/// The name as it will be written, if no session of `all` but the one with this id has it.
pub(super) fn checked(words: &str, id: &str, all: &[Summary]) -> anyhow::Result<String> {
    let name = words.split_whitespace().collect::<Vec<_>>().join(" ");
    let is_plain = !name.starts_with(['-', '/']) && !name.chars().any(char::is_control);
    if name.is_empty() || LONGEST < name.chars().count() || !is_plain {
        bail!(
            "`{name}` cannot be the name of a session\n\
             hint: a name has 1 to {LONGEST} characters and begins with neither - nor /"
        );
    }
    let taken = |it: &&Summary| it.id == name || it.name.as_ref() == Some(&name) && it.id != id;
    match all.iter().find(taken) {
        None => Ok(name),
        Some(it) if it.id == name => {
            bail!("`{name}` is the id of a session, so it cannot be a name")
        }
        Some(it) => bail!(
            "session `{}` has the name `{name}`\n\
             hint: `agent sessions rename {} NEW` gives that one another",
            it.id,
            it.id
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use expect_test::{Expect, expect};

    use super::*;

    #[track_caller]
    fn check(words: &str, expected: Expect) {
        let other = Summary {
            id: "a1".to_owned(),
            name: Some("parser".to_owned()),
            project: None,
            title: String::new(),
            modified: SystemTime::UNIX_EPOCH,
            prompts: 0,
            path: "a1".into(),
        };
        let mine = Summary { id: "b1".to_owned(), name: Some("mine".to_owned()), ..other.clone() };
        let named = checked(words, "b1", &[other, mine]);
        expected.assert_eq(&named.unwrap_or_else(|err| err.to_string()));
    }

    #[test]
    fn a_name_is_a_few_words() {
        check(" fix  the parser\n", expect!["fix the parser"]);
        check("mine", expect!["mine"]);
        check(
            "",
            expect![[r#"
            `` cannot be the name of a session
            hint: a name has 1 to 64 characters and begins with neither - nor /"#]],
        );
        check(
            "-x",
            expect![[r#"
            `-x` cannot be the name of a session
            hint: a name has 1 to 64 characters and begins with neither - nor /"#]],
        );
        check(
            "a\u{1b}[2J",
            expect![[r#"
            `a[2J` cannot be the name of a session
            hint: a name has 1 to 64 characters and begins with neither - nor /"#]],
        );
    }

    #[test]
    fn a_name_is_had_by_one() {
        check(
            "parser",
            expect![[r#"
            session `a1` has the name `parser`
            hint: `agent sessions rename a1 NEW` gives that one another"#]],
        );
        check("a1", expect!["`a1` is the id of a session, so it cannot be a name"]);
    }
}
