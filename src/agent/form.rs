//! The answer once more, in a form that a program can read.
//!
//! When the model has said its last words it is told the form and asked again. What it is told and what
//! it answers are entries like all others, so the request is the one before with more at its end. The
//! server holds the answer to the form where it can; whether it did is looked at here all the same.

use anyhow::{Context, anyhow};
use boon::{Compiler, SchemaIndex, Schemas};
use serde_json::Value;

use crate::agent::turn::{Answered, Finish, World};
use crate::conversation::{End, Entry, Reply, Stop, Transcript};
use crate::llm::AskError;

/// How often it is asked for.
const TRIES: usize = 3;

/// What of a complaint the model is told; of a long list the rest would come next.
const LONGEST_COMPLAINT: usize = 600;

pub(crate) struct Form {
    pub(super) schema: Value,
    compiled: (Schemas, SchemaIndex),
}

impl Form {
    pub(crate) fn new(schema: Value) -> anyhow::Result<Self> {
        const PLACE: &str = "urn:agent:form";
        let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
        // Nothing is read from elsewhere, neither from the disk nor from the network.
        compiler.use_loader(Box::new(boon::SchemeUrlLoader::new()));
        const NONE: &str = "it is no JSON schema that can be used";
        let added = compiler.add_resource(PLACE, schema.clone());
        added.map_err(|err| anyhow!("{err:#}")).context(NONE)?;
        let compiled = compiler.compile(PLACE, &mut schemas);
        let index = compiled.map_err(|err| anyhow!("{err:#}")).context(NONE)?;
        Ok(Self { schema, compiled: (schemas, index) })
    }

    /// The value that was said, or what is wrong with it.
    fn read(&self, reply: &Reply) -> Result<Value, String> {
        let text = unfenced(&reply.text);
        let value = serde_json::from_str(text).map_err(|err| format!("It is not JSON: {err}."))?;
        let (schemas, index) = &self.compiled;
        match schemas.validate(&value, *index) {
            Ok(()) => Ok(value),
            Err(err) => Err(complaint(&err.to_string())),
        }
    }

    /// The value of an answer that had the form.
    pub(crate) fn value(text: &str) -> Option<Value> {
        serde_json::from_str(unfenced(text)).ok()
    }

    fn request(&self) -> String {
        format!(
            "Now give the result of this task as JSON alone, without any other words, in the form of this JSON schema:\n{}",
            self.schema
        )
    }
}

/// Each place that is wrong, and what is wrong there; not where in the schema that stands.
fn complaint(report: &str) -> String {
    let line = |it: &str| {
        let it = it.trim_start_matches(['-', ' ']);
        let (place, what) = it.split_once(": ").unwrap_or(("", it));
        let place = place.split(" [").next().unwrap_or_default();
        let place = if place == "at ''" { "at the top" } else { place };
        format!("{place}: {what}")
    };
    let lines: Vec<_> = report.lines().skip(1).map(line).collect();
    lines.join("; ").chars().take(LONGEST_COMPLAINT).collect()
}

/// Without the fence that many a model puts around JSON.
fn unfenced(text: &str) -> &str {
    let text = text.trim();
    let inner = text.strip_prefix("```json").or_else(|| text.strip_prefix("```"));
    inner.and_then(|it| it.strip_suffix("```")).unwrap_or(text).trim()
}

/// Asks until there is an answer in the form.
pub(super) async fn fill(
    form: &Form,
    transcript: &mut Transcript,
    world: &mut impl World,
) -> anyhow::Result<(Finish, Option<Value>)> {
    let mut words = form.request();
    for _ in 0..TRIES {
        keep(transcript, world, Entry::Note(words));
        let reply = match world.ask_in_form(transcript, &form.schema).await? {
            // What it calls here will not be run.
            Answered::Reply(reply) => Reply { calls: Vec::new(), ..reply },
            Answered::Full { tokens: prompt, window } => {
                return Err(AskError::TooLong { prompt, window }.into());
            }
        };
        let (end, read) = (reply.end, form.read(&reply));
        keep(transcript, world, Entry::Reply(reply));
        if end == End::Cancelled {
            return Ok((stopped(Stop::Cancelled, transcript, world), None));
        }
        match read {
            Ok(value) => {
                let _ = world.secure().await;
                return Ok((Finish::Done, Some(value)));
            }
            Err(complaint) => {
                words = format!(
                    "That does not have the form. {complaint}\nGive the JSON again, whole and alone."
                );
            }
        }
    }
    Ok((stopped(Stop::OtherForm, transcript, world), None))
}

fn stopped(stop: Stop, transcript: &mut Transcript, world: &mut impl World) -> Finish {
    let stop = world.reason(stop);
    keep(transcript, world, Entry::Stopped(stop));
    Finish::Stopped(stop)
}

fn keep(transcript: &mut Transcript, world: &mut impl World, entry: Entry) {
    world.record(std::slice::from_ref(&entry));
    transcript.push(entry);
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Expect) {
        let form = Form::new(json!({
            "type": "object", "required": ["ok", "files"], "additionalProperties": false,
            "properties": {"ok": {"type": "boolean"}, "files": {"type": "array", "items": {"type": "string"}}},
        }));
        let reply = Reply { text: text.to_owned(), ..Reply::default() };
        expected.assert_eq(&match form.unwrap().read(&reply) {
            Ok(value) => value.to_string(),
            Err(complaint) => complaint,
        });
    }

    #[test]
    fn an_answer_in_the_form_is_a_value() {
        check(r#" {"ok": true, "files": ["a"]} "#, expect![[r#"{"ok":true,"files":["a"]}"#]]);
        check(
            "```json\n{\"ok\": true, \"files\": []}\n```",
            expect![[r#"{"ok":true,"files":[]}"#]],
        );
    }

    #[test]
    fn what_is_wrong_is_said() {
        check("All is well.", expect!["It is not JSON: expected value at line 1 column 1."]);
        check(
            r#"{"ok": "yes", "files": [1]}"#,
            expect![
                "at '/ok': want boolean, but got string; at '/files/0': want string, but got number"
            ],
        );
        check(r#"{"ok": true}"#, expect!["at the top: missing properties 'files'"]);
    }

    #[test]
    fn a_schema_that_is_none_is_refused() {
        for schema in [json!({"type": "thing"}), json!({"$ref": "file:///etc/passwd"}), json!(7)] {
            assert!(Form::new(schema.clone()).is_err(), "{schema}");
        }
    }
}
