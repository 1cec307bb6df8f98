//! A call that the person changes before it runs: the text of it that they are given, and what they give
//! back.

use std::pin::Pin;

use serde_json::{Map, Value};

use crate::conversation::Call;
use crate::ui::in_question::plain;

/// The person's own editor, which is another program.
pub(crate) trait Amend {
    /// The text as they leave it, or why there is none.
    fn amend<'a>(
        &'a self,
        name: &'a str,
        text: &'a str,
    ) -> Pin<Box<dyn Future<Output = Result<String, String>> + 'a>>;
}

/// What is longer is not changed in a line.
const LINE: usize = 400;

/// The part of a call that is changed.
#[derive(Debug)]
pub(super) enum Amendable {
    /// The command, among other arguments that stay as they are.
    Command { command: String, args: Map<String, Value> },
    /// All arguments, as JSON.
    Arguments(String),
}

/// What the person gave back.
#[derive(Debug, PartialEq)]
pub(super) enum Given {
    /// Arguments that they have seen as they are.
    Seen(String),
    /// Arguments of which a line does not show all.
    Unseen(String),
    /// Nothing that could run, or nothing else; what to say.
    Not(String),
}

impl Amendable {
    pub(super) fn of(call: &Call) -> Self {
        let args = serde_json::from_str::<Map<String, Value>>(&call.args);
        match args {
            Ok(args) => match args.get("command").and_then(Value::as_str) {
                Some(command) => Self::Command { command: command.to_owned(), args },
                None => {
                    let line = Value::Object(args.clone()).to_string();
                    let pretty = serde_json::to_string_pretty(&args).unwrap_or_default();
                    Self::Arguments(if line.len() <= LINE { line } else { pretty })
                }
            },
            Err(_) => Self::Arguments(call.args.clone()),
        }
    }

    pub(super) fn text(&self) -> &str {
        match self {
            Self::Command { command, .. } => command,
            Self::Arguments(text) => text,
        }
    }

    /// What the person's editor knows it by.
    pub(super) fn file_name(&self) -> &'static str {
        match self {
            Self::Command { .. } => "command.sh",
            Self::Arguments(_) => "arguments.json",
        }
    }

    /// Whether a line shows all of it, and gives it back as it was: one that ends in a stroke would
    /// go on in the next.
    pub(super) fn fits_a_line(&self) -> bool {
        is_plain(self.text()) && !self.text().ends_with('\\')
    }

    /// The arguments with this text in them.
    pub(super) fn with(self, text: &str) -> Given {
        if text.trim().is_empty() {
            return Given::Not("nothing is left of it, so it is as it was".to_owned());
        }
        let args = match self {
            Self::Command { mut args, .. } => {
                args.insert("command".to_owned(), text.into());
                Value::Object(args).to_string()
            }
            Self::Arguments(_) => match serde_json::from_str::<Map<String, Value>>(text) {
                Ok(_) => text.to_owned(),
                Err(err) => {
                    return Given::Not(format!(
                        "that is no JSON object, so it is as it was: {err}"
                    ));
                }
            },
        };
        if is_plain(text) { Given::Seen(args) } else { Given::Unseen(args) }
    }
}

/// Whether it is seen as it is on a line.
fn is_plain(text: &str) -> bool {
    text.len() <= LINE && !text.contains('\n') && plain(text) == text
}
