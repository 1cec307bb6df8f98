//! How the model chooses its words. The doc comments are the user's documentation.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How the model chooses its words. What is unset is left to the server and the model.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Sampling {
    /// How freely the model chooses; 0 always takes the likeliest token.
    #[schemars(range(min = 0, max = 5))]
    #[schemars(example = 0.7)]
    pub(crate) temperature: Option<f64>,
    /// Choose among this many of the likeliest tokens; 0 means all.
    #[schemars(example = 40)]
    pub(crate) top_k: Option<u32>,
    /// Choose among the likeliest tokens that together have this probability.
    #[schemars(range(min = 0, max = 1))]
    #[schemars(example = 0.95)]
    pub(crate) top_p: Option<f64>,
    /// Choose among the tokens that are at least this likely, relative to the likeliest.
    #[schemars(range(min = 0, max = 1))]
    #[schemars(example = 0.05)]
    pub(crate) min_p: Option<f64>,
    /// The most tokens of one reply.
    #[schemars(range(min = 1))]
    #[schemars(example = 4096)]
    pub(crate) max_tokens: Option<u32>,
    /// Mirostat keeps the text equally surprising: 0 is off, 1 and 2 are its versions. It takes the
    /// place of `top_k`, `top_p` and `min_p`.
    #[schemars(range(max = 2))]
    #[schemars(example = 0)]
    pub(crate) mirostat: Option<u8>,
    /// How surprising mirostat keeps the text.
    #[schemars(range(min = 0, max = 100))]
    #[schemars(example = 5.0)]
    pub(crate) mirostat_tau: Option<f64>,
    /// How fast mirostat adapts.
    #[schemars(range(min = 0, max = 1))]
    #[schemars(example = 0.1)]
    pub(crate) mirostat_eta: Option<f64>,
    /// Where chance begins: the same seed gives the same reply. -1 takes another each time.
    #[schemars(range(min = -1, max = 4294967295_i64))]
    #[schemars(example = 42)]
    pub(crate) seed: Option<i64>,
}

impl Sampling {
    /// What a request carries: only what is set, by the names the server knows. These are the names
    /// of the fields.
    pub(crate) fn parameters(&self) -> Vec<(String, Value)> {
        match serde_json::to_value(self).expect("numbers are plain data") {
            Value::Object(fields) => fields.into_iter().filter(|(_, it)| !it.is_null()).collect(),
            _ => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[track_caller]
    fn check(sampling: Sampling, expected: Expect) {
        let all = sampling.parameters();
        expected
            .assert_eq(&all.iter().map(|(name, it)| format!("{name}={it}\n")).collect::<String>());
    }

    #[test]
    fn nothing_is_sent_that_is_not_set() {
        check(Sampling::default(), expect![]);
        check(
            Sampling { temperature: Some(0.7), seed: Some(-1), ..Sampling::default() },
            expect![[r#"
                temperature=0.7
                seed=-1
            "#]],
        );
    }

    #[test]
    fn the_names_are_those_of_the_server() {
        let sampling = Sampling {
            temperature: Some(0.0),
            top_k: Some(40),
            top_p: Some(0.95),
            min_p: Some(0.05),
            max_tokens: Some(512),
            mirostat: Some(2),
            mirostat_tau: Some(5.0),
            mirostat_eta: Some(0.1),
            seed: Some(42),
        };
        check(
            sampling,
            expect![[r#"
            temperature=0.0
            top_k=40
            top_p=0.95
            min_p=0.05
            max_tokens=512
            mirostat=2
            mirostat_tau=5.0
            mirostat_eta=0.1
            seed=42
        "#]],
        );
    }
}
