//! A tool that the person defined: words for the model, and a command that its arguments go into.
//!
//! An argument is never read by a shell as anything but text: it is an element of the command's own
//! list, or stands in the environment and is named where the template names it.

mod template;

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::conversation::{Effect, Outcome, ToolSpec};
use crate::tools::commands::Commands;
use crate::tools::custom::template::Template;
use crate::tools::run_command::{self, LONGEST};
use crate::tools::shell::Shell;
use crate::tools::{Failure, Limits, arguments};
use crate::workspace::{ProjectPath, Workspace};

/// A tool as its file defines it.
#[derive(Clone, Debug)]
pub(crate) struct CustomTool {
    spec: ToolSpec,
    parameters: Value,
    template: Template,
    timeout: Option<Duration>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Definition {
    name: String,
    description: String,
    parameters: Value,
    command: Command,
    effect: What,
    /// Seconds.
    timeout: Option<u32>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Command {
    Arguments(Vec<String>),
    Shell(String),
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum What {
    Reads,
    Executes,
}

impl CustomTool {
    /// Understands a definition; why not, for the person who wrote it.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let definition: Definition =
            serde_json::from_str(text).map_err(|err| match err.line() {
                0 => err.to_string(),
                _ => format!("{err}")
                    .replace("untagged enum Command", "`command`: a string or a list"),
            })?;
        let Definition { name, description, parameters, command, effect, timeout } = definition;
        if !is_name(&name) {
            return Err(format!(
                "`{name}` cannot be its name: lower-case letters, digits and `_`, at most 64"
            ));
        }
        let kinds = kinds(&parameters)?;
        let template = match command {
            Command::Arguments(list) => Template::list(&list, &kinds)?,
            Command::Shell(script) => Template::shell(&script, &kinds)?,
        };
        let words = json!({"name": name, "description": description, "parameters": parameters});
        let effect = match effect {
            What::Reads => Effect::Reads,
            What::Executes => Effect::Executes,
        };
        let spec = ToolSpec { name, definition: words.to_string(), effect };
        let timeout = timeout.map(|it| Duration::from_secs(it.max(1).into()).min(LONGEST));
        Ok(Self { spec, parameters, template, timeout })
    }

    pub(crate) fn name(&self) -> &str {
        &self.spec.name
    }

    pub(super) fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    /// The arguments of a call, or a complaint to send back.
    pub(super) fn arguments(&self, args: &str) -> Result<Map<String, Value>, String> {
        let mut args: Map<String, Value> = arguments::parse(args, &self.spec)?;
        args.retain(|_, it| !it.is_null());
        match complaint(&args, &self.parameters) {
            None => Ok(args),
            Some(text) => {
                let shape = arguments::shape(&self.parameters);
                Err(format!("{text}. Nothing was done. `{}` takes {shape}", self.spec.name))
            }
        }
    }

    pub(super) async fn run(
        &self,
        workspace: &Workspace,
        (shell, commands): (&Shell, &Commands),
        limits: Limits,
        args: &Map<String, Value>,
        stop: impl Future<Output = ()>,
    ) -> Result<Outcome, Failure> {
        let root = workspace.directory(&ProjectPath::default())?;
        let command = self.template.command(args, shell, &root)?;
        let time = self.timeout.unwrap_or(limits.command);
        // The same call is the same command.
        let told = format!("{} {}", self.spec.name, Value::from(args.clone()));
        run_command::to_its_end(
            (shell, commands),
            Limits { command: time, ..limits },
            (&command, &told),
            // The model has no say in it.
            "",
            stop,
        )
        .await
    }
}

fn is_name(name: &str) -> bool {
    let allowed = |it: char| it.is_ascii_lowercase() || it.is_ascii_digit() || it == '_';
    name.starts_with(|it: char| it.is_ascii_lowercase())
        && name.len() <= 64
        && name.chars().all(allowed)
}

/// What a parameter is made of.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    One,
    Several,
}

/// The parameters by name. Nothing that cannot become a word of a command.
fn kinds(parameters: &Value) -> Result<Vec<(String, Kind)>, String> {
    if parameters["type"] != "object" {
        return Err("`parameters` must be a JSON schema of type `object`".to_owned());
    }
    let none = Map::new();
    let properties = parameters["properties"].as_object().unwrap_or(&none);
    let kind = |(name, schema): (&String, &Value)| {
        let kind = match (schema["type"].as_str(), schema["items"]["type"].as_str()) {
            (Some(it), _) if is_scalar(it) => Kind::One,
            (Some("array"), Some(it)) if is_scalar(it) => Kind::Several,
            _ => {
                return Err(format!(
                    "the parameter `{name}` must be a string, a number, true or false, or an array \
                     of these"
                ));
            }
        };
        let plain = |it: char| it.is_ascii_alphanumeric() || it == '_';
        match name.chars().all(plain) && !name.is_empty() {
            true => Ok((name.clone(), kind)),
            false => Err(format!("`{name}` cannot be the name of a parameter")),
        }
    };
    let kinds: Vec<_> = properties.iter().map(kind).collect::<Result<_, _>>()?;
    let required = parameters["required"].as_array().into_iter().flatten();
    for name in required.filter_map(Value::as_str) {
        if !properties.contains_key(name) {
            return Err(format!("`{name}` is required, but is no parameter"));
        }
    }
    Ok(kinds)
}

fn is_scalar(kind: &str) -> bool {
    ["string", "integer", "number", "boolean"].contains(&kind)
}

/// The first thing that is not as the schema says.
fn complaint(args: &Map<String, Value>, parameters: &Value) -> Option<String> {
    let properties = &parameters["properties"];
    for (name, value) in args {
        let Some(schema) = properties.get(name) else {
            return Some(format!("there is no argument `{name}`"));
        };
        let items = value.as_array().filter(|_| schema["type"] == "array");
        let wrong = match items {
            Some(items) => {
                let wrong = items.iter().find_map(|it| misfit(it, &schema["items"]));
                wrong.map(|it| format!("an array, each {it}"))
            }
            None => misfit(value, schema),
        };
        if let Some(expected) = wrong {
            return Some(format!("`{name}` must be {expected}"));
        }
    }
    let required = parameters["required"].as_array().into_iter().flatten();
    let missing = required.filter_map(Value::as_str).find(|it| !args.contains_key(*it))?;
    Some(format!("`{missing}` is missing"))
}

/// What a value should have been.
fn misfit(value: &Value, schema: &Value) -> Option<String> {
    let (fits, expected) = match schema["type"].as_str().unwrap_or_default() {
        "string" => (value.is_string(), "a string"),
        "integer" => (value.is_i64() || value.is_u64(), "a whole number"),
        "number" => (value.is_number(), "a number"),
        "boolean" => (value.is_boolean(), "true or false"),
        _ => (value.is_array(), "an array"),
    };
    if !fits {
        return Some(expected.to_owned());
    }
    let allowed = schema["enum"].as_array()?;
    let names: Vec<_> = allowed
        .iter()
        .map(|it| it.as_str().map_or_else(|| it.to_string(), str::to_owned))
        .collect();
    (!allowed.contains(value)).then(|| format!("one of {}", names.join(", ")))
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    /// The definition of a tool with these lines in place of the usual ones.
    fn definition(changes: Value) -> String {
        let mut usual = json!({
            "name": "lookup", "description": "Looks a word up.", "effect": "reads",
            "parameters": {
                "type": "object",
                "properties": {
                    "word": {"type": "string"},
                    "most": {"type": "integer"},
                    "how": {"type": "string", "enum": ["near", "far"]},
                    "files": {"type": "array", "items": {"type": "string"}},
                },
                "required": ["word"],
            },
            "command": ["lookup", "{word}"],
        });
        for (name, value) in changes.as_object().unwrap() {
            usual[name] = value.clone();
        }
        usual.to_string()
    }

    #[track_caller]
    fn refuses(changes: Value, expected: Expect) {
        expected.assert_eq(&CustomTool::parse(&definition(changes)).unwrap_err());
    }

    #[test]
    fn a_definition_that_cannot_work_is_refused() {
        refuses(
            json!({"name": "rm -rf"}),
            expect!["`rm -rf` cannot be its name: lower-case letters, digits and `_`, at most 64"],
        );
        refuses(
            json!({"effect": "none"}),
            expect!["unknown variant `none`, expected `reads` or `executes` at line 1 column 65"],
        );
        refuses(
            json!({"comand": 1}),
            expect![
                "unknown field `comand`, expected one of `name`, `description`, `parameters`, `command`, `effect`, `timeout` at line 1 column 319"
            ],
        );
        refuses(
            json!({"command": 1}),
            expect![
                "data did not match any variant of `command`: a string or a list at line 1 column 293"
            ],
        );
        refuses(json!({"command": []}), expect!["`command` must begin with a program"]);
        refuses(
            json!({"command": "echo '{word}'"}),
            expect!["`{word}` stands in single quotes, where nothing is put in"],
        );
        refuses(
            json!({"command": "ls {files}"}),
            expect!["`{files}` is an array: write the command as a list, not as a string"],
        );
        refuses(json!({"command": ["{word}"]}), expect!["`command` must begin with a program"]);
        refuses(
            json!({"command": ["ls", "--all={files}"]}),
            expect!["`{files}` is an array, and must be an element by itself"],
        );
        refuses(
            json!({"parameters": {"type": "string"}}),
            expect!["`parameters` must be a JSON schema of type `object`"],
        );
        refuses(
            json!({"parameters": {"type": "object", "properties": {"x": {"type": "object"}}}}),
            expect![
                "the parameter `x` must be a string, a number, true or false, or an array of these"
            ],
        );
    }

    #[track_caller]
    fn complains(args: &str, expected: Expect) {
        let tool = CustomTool::parse(&definition(json!({}))).unwrap();
        let usual = ". Nothing was done. `lookup` takes {word: string, most?: integer, how?: string, files?: [string]}";
        let complaint = tool.arguments(args).unwrap_err();
        expected.assert_eq(complaint.strip_suffix(usual).unwrap_or(&complaint));
    }

    #[test]
    fn arguments_that_do_not_fit_are_complained_about() {
        complains("{}", expect!["`word` is missing"]);
        complains(r#"{"word": 1}"#, expect!["`word` must be a string"]);
        complains(r#"{"word": "x", "most": 1.5}"#, expect!["`most` must be a whole number"]);
        complains(r#"{"word": "x", "how": "away"}"#, expect!["`how` must be one of near, far"]);
        complains(
            r#"{"word": "x", "files": ["a", 1]}"#,
            expect!["`files` must be an array, each a string"],
        );
        complains(r#"{"word": "x", "files": "a"}"#, expect!["`files` must be an array"]);
        complains(r#"{"word": "x", "why": ""}"#, expect!["there is no argument `why`"]);
        complains(r#"{"word": "x"#, expect!["the arguments end before their JSON object does"]);
    }

    #[test]
    fn the_model_reads_only_what_is_for_it() {
        let tool = CustomTool::parse(&definition(
            json!({"parameters": {"type": "object"}, "command": "date"}),
        ));
        expect![[
            r#"{"name":"lookup","description":"Looks a word up.","parameters":{"type":"object"}}"#
        ]]
        .assert_eq(&tool.unwrap().spec.definition);
    }
}
