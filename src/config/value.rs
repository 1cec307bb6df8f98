//! Whether a value suits its key, and what is wrong with it if not.

use serde::Deserialize;

use crate::config::Settings;
use crate::config::key::{Key, Kind};

impl Key {
    /// The value `text` stands for: a text as it is, a list in TOML or separated by commas.
    pub(crate) fn parse(&self, text: &str) -> Result<toml::Value, String> {
        let trimmed = text.trim();
        let value = match self.kind {
            Kind::Text => Some(text.into()),
            Kind::Choice(_) => Some(trimmed.into()),
            Kind::List if !trimmed.starts_with('[') => {
                let parts = trimmed.split(',').map(str::trim).filter(|it| !it.is_empty());
                Some(toml::Value::Array(parts.map(Into::into).collect()))
            }
            Kind::Whole | Kind::Number | Kind::Switch | Kind::List => toml_value(trimmed),
        };
        let value = value.ok_or_else(|| self.refusal(text))?;
        self.check(&value)?;
        Ok(value)
    }

    /// What is wrong with `value`, as a sentence.
    pub(crate) fn check(&self, value: &toml::Value) -> Result<(), String> {
        let number = value.as_float().or(value.as_integer().map(|it| it as f64));
        let within = number.is_none_or(|it| {
            it.is_finite()
                && self.least.is_none_or(|least| least <= it)
                && self.most.is_none_or(|most| it <= most)
        });
        let fits = Settings::deserialize(document([(&*self.name, value.clone())]));
        match fits {
            Ok(_) if within => Ok(()),
            // Each text of a list may have a form of its own, of which only its type knows.
            Err(err) if self.kind == Kind::List && is_list_of_texts(value) => {
                Err(format!("`{}`: {}", self.name, err.message()))
            }
            _ => Err(self.refusal(&value.to_string())),
        }
    }

    /// Says that `value`, as it is written, will not do.
    pub(crate) fn refusal(&self, value: &str) -> String {
        let Self { name, secret, .. } = self;
        let not = if *secret { String::new() } else { format!(", not `{value}`") };
        format!("`{name}` must be {}{not}", self.expected())
    }

    fn expected(&self) -> String {
        let range = match (self.least, self.most) {
            (None, None) => String::new(),
            (Some(least), None) => format!(" from {least}"),
            (None, Some(most)) => format!(" up to {most}"),
            (Some(least), Some(most)) => format!(" from {least} to {most}"),
        };
        match &self.kind {
            Kind::Text => "a text in quotation marks".to_owned(),
            Kind::Whole => format!("a whole number{range}"),
            Kind::Number => format!("a number{range}"),
            Kind::Switch => "`true` or `false`".to_owned(),
            Kind::List => "a list of texts".to_owned(),
            Kind::Choice(choices) => {
                let names: Vec<_> = choices.iter().map(|it| format!("`{}`", it.name)).collect();
                match names.as_slice() {
                    [some @ .., last] if !some.is_empty() => {
                        format!("{} or {last}", some.join(", "))
                    }
                    names => names.concat(),
                }
            }
        }
    }
}

/// A document in which these keys, and no others, are set.
pub(crate) fn document<'a>(
    values: impl IntoIterator<Item = (&'a str, toml::Value)>,
) -> toml::Table {
    let mut document = toml::Table::new();
    for (key, value) in values {
        let (path, name) = key.rsplit_once('.').unwrap_or(("", key));
        let mut table = &mut document;
        for part in path.split('.').filter(|it| !it.is_empty()) {
            let inner = table.entry(part).or_insert_with(|| toml::Table::new().into());
            table = inner.as_table_mut().expect("no key is also a table");
        }
        table.insert(name.to_owned(), value);
    }
    document
}

fn is_list_of_texts(value: &toml::Value) -> bool {
    value.as_array().is_some_and(|it| it.iter().all(toml::Value::is_str))
}

fn toml_value(text: &str) -> Option<toml::Value> {
    let value = toml::de::DeValue::parse(text).ok()?;
    toml::Value::deserialize(toml::de::ValueDeserializer::from(value)).ok()
}

#[cfg(test)]
pub(super) mod tests {
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    use crate::config::key::Keys;

    /// Understands `text` as a value of the key `name`.
    pub(in crate::config) fn parse(name: &str, text: &str) -> Result<toml::Value, String> {
        let keys = Keys::all();
        keys.get(name).ok_or_else(|| keys.unknown(name))?.parse(text)
    }

    #[track_caller]
    fn check(name: &str, text: &str, expected: Expect) {
        expected.assert_eq(&match parse(name, text) {
            Ok(value) => value.to_string(),
            Err(err) => err.to_string(),
        });
    }

    #[test]
    fn a_text_is_taken_as_it_is() {
        check("model", " 7b \"x\"", expect![[r#"' 7b "x"'"#]]);
        check("server.url", "1", expect![[r#""1""#]]);
    }

    #[test]
    fn a_number_is_a_number_of_the_right_kind_and_size() {
        check("max_turns", " 7 ", expect!["7"]);
        check("max_turns", "0", expect!["`max_turns` must be a whole number from 1, not `0`"]);
        check(
            "max_turns",
            "many",
            expect!["`max_turns` must be a whole number from 1, not `many`"],
        );
        check("max_turns", "1.5", expect!["`max_turns` must be a whole number from 1, not `1.5`"]);
        check(
            "max_turns",
            "5000000000",
            expect!["`max_turns` must be a whole number from 1, not `5000000000`"],
        );
        check(
            "llama.port",
            "65536",
            expect!["`llama.port` must be a whole number from 0 to 65535, not `65536`"],
        );
        check("sampling.temperature", "1", expect!["1"]);
        check("sampling.temperature", "0.7", expect!["0.7"]);
        check(
            "sampling.temperature",
            "9",
            expect!["`sampling.temperature` must be a number from 0 to 5, not `9`"],
        );
        check(
            "sampling.temperature",
            "nan",
            expect!["`sampling.temperature` must be a number from 0 to 5, not `nan`"],
        );
        check(
            "sampling.mirostat_tau",
            "inf",
            expect!["`sampling.mirostat_tau` must be a number from 0 to 100, not `inf`"],
        );
        check(
            "sampling.mirostat",
            "3",
            expect!["`sampling.mirostat` must be a whole number from 0 to 2, not `3`"],
        );
        check("sampling.seed", "-1", expect!["-1"]);
    }

    #[test]
    fn a_choice_is_one_of_its_names() {
        check("permission", "read-only", expect![[r#""read-only""#]]);
        check(
            "permission",
            "everything",
            expect![[
                r#"`permission` must be `read-only`, `ask`, `auto` or `full`, not `"everything"`"#
            ]],
        );
        check(
            "ui.color",
            "",
            expect![[r#"`ui.color` must be `auto`, `always` or `never`, not `""`"#]],
        );
    }

    #[test]
    fn a_list_is_written_in_either_way() {
        check("llama.args", "--jinja, --mlock,", expect![[r#"["--jinja", "--mlock"]"#]]);
        check("llama.args", r#"["a, b"]"#, expect![[r#"["a, b"]"#]]);
        check("llama.args", "[1]", expect!["`llama.args` must be a list of texts, not `[1]`"]);
        check("llama.args", "[", expect!["`llama.args` must be a list of texts, not `[`"]);
        check("llama.args", "", expect!["[]"]);
    }

    #[test]
    fn a_key_must_exist() {
        check("modle", "x", expect!["unknown key `modle`; did you mean `model`?"]);
    }

    #[test]
    fn a_secret_is_not_repeated() {
        let keys = Keys::all();
        let err = keys.get("server.api_key").unwrap().check(&toml::Value::Integer(12345));
        expect!["`server.api_key` must be a text in quotation marks"].assert_eq(&err.unwrap_err());
    }

    proptest! {
        #[test]
        fn any_text_is_a_value_or_an_error(text: String) {
            for key in Keys::all().keys {
                let _ = key.parse(&text);
            }
        }
    }
}
