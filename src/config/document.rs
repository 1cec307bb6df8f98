//! A settings file as the person wrote it: which key is set to what, and where.

use anyhow::anyhow;
use serde::Deserialize;
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

use crate::config::key::Keys;

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Assignment {
    pub(crate) key: String,
    pub(crate) value: toml::Value,
    pub(crate) position: Position,
}

/// Where in a text; both counted from 1, columns in characters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Position {
    line: usize,
    column: usize,
}

/// All that `text` sets. Fails at the first thing that is wrong, saying where it is.
pub(crate) fn read(text: &str, keys: &Keys) -> anyhow::Result<Vec<Assignment>> {
    let table = DeTable::parse(text).map_err(|err| {
        let message = err.message().trim().replace('\n', ", ");
        wrong(Position::of(text, err.span().map_or(0, |it| it.start)), &message)
    })?;
    let mut assignments = Vec::new();
    walk(text, keys, "", table.into_inner(), &mut assignments)?;
    Ok(assignments)
}

fn walk(
    text: &str,
    keys: &Keys,
    prefix: &str,
    table: DeTable<'_>,
    assignments: &mut Vec<Assignment>,
) -> anyhow::Result<()> {
    // The table is sorted by name; what is said about it goes by where it stands.
    let mut lines: Vec<_> = table.into_iter().collect();
    lines.sort_by_key(|(key, _)| key.span().start);
    for (key, value) in lines {
        let name = format!("{prefix}{}", key.get_ref());
        let position = Position::of(text, key.span().start);
        if let Some(key) = keys.get(&name) {
            let span = value.span();
            let at = Position::of(text, span.start);
            // TOML knows larger numbers than its values can hold.
            let value = toml::Value::deserialize(ValueDeserializer::from(value))
                .map_err(|_| wrong(at, &key.refusal(&text[span])))?;
            key.check(&value).map_err(|err| wrong(at, &err))?;
            assignments.push(Assignment { key: name, value, position });
            continue;
        }
        if !keys.is_table(&name) {
            return Err(wrong(position, &keys.unknown(&name)));
        }
        let span = value.span();
        match value.into_inner() {
            DeValue::Table(table) => {
                walk(text, keys, &format!("{name}."), table, assignments)?;
            }
            other => {
                let other = Spanned::new(span.clone(), other);
                let kind = other.get_ref().type_str();
                let message = format!("`{name}` must be a table, not a {kind}");
                return Err(wrong(Position::of(text, span.start), &message));
            }
        }
    }
    Ok(())
}

fn wrong(position: Position, message: &str) -> anyhow::Error {
    anyhow!("{position}: {message}")
}

impl Position {
    fn of(text: &str, offset: usize) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let line = before.rsplit('\n').next().unwrap_or_default();
        Self { line: before.matches('\n').count() + 1, column: line.chars().count() + 1 }
    }
}

impl std::fmt::Display for Position {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Expect) {
        let line = |it: &Assignment| format!("{} = {} ({})\n", it.key, it.value, it.position);
        expected.assert_eq(&match read(text, &Keys::all()) {
            Ok(all) => all.iter().map(line).collect(),
            Err(err) => err.to_string(),
        });
    }

    #[test]
    fn a_key_may_be_written_in_any_way_of_toml() {
        check("", expect![]);
        check(
            "model = 'm'\nserver.url = 'u'\n  [sampling]\n\ttemperature = 1\n[llama]\nargs = [\n 'a' ]",
            expect![[r#"
                model = "m" (line 1, column 1)
                server.url = "u" (line 2, column 8)
                sampling.temperature = 1 (line 4, column 2)
                llama.args = ["a"] (line 6, column 1)
            "#]],
        );
        check(
            "ui = { color = 'never' }",
            expect![[r#"
            ui.color = "never" (line 1, column 8)
        "#]],
        );
    }

    #[test]
    fn an_unknown_key_is_an_error() {
        check(
            "\n\ntempratur = 1",
            expect![
                "line 3, column 1: unknown key `tempratur`; did you mean `sampling.temperature`?"
            ],
        );
        check(
            "[server]\nurl = 'u'\napikey = 'k'",
            expect![
                "line 3, column 1: unknown key `server.apikey`; did you mean `server.api_key`?"
            ],
        );
        check("[sampler]\ntop_k = 1", expect!["line 1, column 2: unknown key `sampler`"]);
        check(
            "é.b.c = 1",
            expect!["line 1, column 1: invalid unquoted key, expected letters, numbers, `-`, `_`"],
        );
        check(
            "model.name = 'x'",
            expect![[
                r#"line 1, column 1: `model` must be a text in quotation marks, not `{ name = "x" }`"#
            ]],
        );
    }

    #[test]
    fn a_value_of_the_wrong_kind_is_an_error() {
        check(
            "max_turns = '3'",
            expect![[r#"line 1, column 13: `max_turns` must be a whole number from 1, not `"3"`"#]],
        );
        check(
            "max_turns = -3",
            expect!["line 1, column 13: `max_turns` must be a whole number from 1, not `-3`"],
        );
        check(
            "max_turns = 2.0",
            expect!["line 1, column 13: `max_turns` must be a whole number from 1, not `2.0`"],
        );
        check(
            "model = 3",
            expect!["line 1, column 9: `model` must be a text in quotation marks, not `3`"],
        );
        check(
            "permission = 'none'",
            expect![[
                r#"line 1, column 14: `permission` must be `read-only`, `ask`, `auto` or `full`, not `"none"`"#
            ]],
        );
        check(
            "[sampling]\ntemperature = 1979-05-27",
            expect![
                "line 2, column 15: `sampling.temperature` must be a number from 0 to 5, not `1979-05-27`"
            ],
        );
        check(
            "[llama]\nargs = ['a', 1]",
            expect![[r#"line 2, column 8: `llama.args` must be a list of texts, not `["a", 1]`"#]],
        );
        check(
            "max_turns = 99999999999999999999999",
            expect![
                "line 1, column 13: `max_turns` must be a whole number from 1, not `99999999999999999999999`"
            ],
        );
        check(
            "server = 'localhost'",
            expect!["line 1, column 10: `server` must be a table, not a string"],
        );
    }

    #[test]
    fn what_is_not_toml_is_an_error() {
        check(
            "model = ",
            expect!["line 1, column 9: string values must be quoted, expected literal string"],
        );
        check("model = 'a\nb'", expect!["line 2, column 3: key with no value, expected `=`"]);
        check("model = 'a'\nmodel = 'b'", expect!["line 2, column 1: duplicate key"]);
        check("[server", expect!["line 1, column 8: unclosed table, expected `]`"]);
        check("été = = 1", expect!["line 1, column 7: extra `=`, expected nothing"]);
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text: String) {
            let _ = read(&text, &Keys::all());
        }

        #[test]
        fn anything_like_a_settings_file_is_read_or_refused(
            text in "(((model|server|url|llama|args|[a-z\\[\\].'\"é]{1,4})( ?[=.] ?|\\[|\\]|\n)){0,4}('a'|1|-2.5|\\[1\\]|\\{\\}|true|inf)?\n){0,6}"
        ) {
            let _ = read(&text, &Keys::all());
        }
    }
}
