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

/// As many texts of a call are changed one after the other; of more, the arguments are.
const MOST_TEXTS: usize = 5;

/// The part of a call that is changed.
#[derive(Debug)]
pub(super) enum Amendable {
    /// Texts among the arguments, where each is; the rest stays as it is.
    Texts(Vec<Text>, Value),
    /// All arguments, as JSON.
    Arguments(Text),
}

/// One of them.
#[derive(Clone, Debug)]
pub(super) struct Text {
    place: String,
    pub(super) words: String,
    /// What the person's editor knows it by.
    pub(super) file_name: String,
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
        let arguments = |words: String| {
            Self::Arguments(Text {
                place: String::new(),
                words,
                file_name: "arguments.json".to_owned(),
            })
        };
        let Ok(args) = serde_json::from_str::<Map<String, Value>>(&call.args) else {
            return arguments(call.args.clone());
        };
        let args = Value::Object(args);
        let texts = texts(&args);
        if !texts.is_empty() && texts.len() <= MOST_TEXTS {
            return Self::Texts(texts, args);
        }
        let line = args.to_string();
        let pretty = || serde_json::to_string_pretty(&args).unwrap_or_default();
        arguments(if line.len() <= LINE { line } else { pretty() })
    }

    /// What is changed, one after the other.
    pub(super) fn texts(&self) -> &[Text] {
        match self {
            Self::Texts(texts, _) => texts,
            Self::Arguments(text) => std::slice::from_ref(text),
        }
    }

    /// What this text comes in the place of.
    pub(super) fn replaced(&self, text: &Text) -> Option<&str> {
        let Self::Texts(_, args) = self else { return None };
        args.pointer(&format!("{}/old", text.place.strip_suffix("/new")?))?.as_str()
    }

    /// The arguments with these texts in them, each in its place.
    pub(super) fn with(self, given: &[String]) -> Given {
        // Where something is replaced, nothing may come in its place.
        let may_be_nothing = self.texts().iter().any(|it| it.place.ends_with("/new"));
        if !may_be_nothing && given.iter().all(|it| it.trim().is_empty()) {
            return Given::Not("nothing is left of it, so it is as it was".to_owned());
        }
        let args = match self {
            Self::Texts(texts, mut args) => {
                for (text, given) in texts.iter().zip(given) {
                    if let Some(value) = args.pointer_mut(&text.place) {
                        *value = given.clone().into();
                    }
                }
                args.to_string()
            }
            Self::Arguments(_) => {
                let given = given.concat();
                match serde_json::from_str::<Map<String, Value>>(&given) {
                    Ok(_) => given,
                    Err(err) => {
                        return Given::Not(format!(
                            "that is no JSON object, so it is as it was: {err}"
                        ));
                    }
                }
            }
        };
        match given {
            [one] if is_plain(one) && !one.is_empty() => Given::Seen(args),
            _ => Given::Unseen(args),
        }
    }
}

impl Text {
    /// Whether a line shows all of it, and gives it back as it was: one that ends in a stroke would
    /// go on in the next.
    pub(super) fn fits_a_line(&self) -> bool {
        is_plain(&self.words) && !self.words.ends_with('\\') && !self.words.is_empty()
    }

    /// What an editor has left: many end a last line that had no end.
    pub(super) fn left<'a>(&self, text: &'a str) -> &'a str {
        match self.words.ends_with('\n') {
            true => text,
            false => text.strip_suffix('\n').unwrap_or(text),
        }
    }
}

/// The command that runs, or what is to be written.
fn texts(args: &Value) -> Vec<Text> {
    let of = |place: String, file_name: String| {
        let words = args.pointer(&place)?.as_str()?.to_owned();
        Some(Text { place, words, file_name })
    };
    let path = |at: &Value| at.get("path").and_then(Value::as_str).map(file_name);
    let name = path(args).unwrap_or_else(|| "text".to_owned());
    if let Some(command) = of("/command".to_owned(), "command.sh".to_owned()) {
        return vec![command];
    }
    if let Some(content) = of("/content".to_owned(), name.clone()) {
        return vec![content];
    }
    if let Some(patch) = of("/patch".to_owned(), "change.patch".to_owned()) {
        return vec![patch];
    }
    let Some(edits) = args.get("edits").and_then(Value::as_array) else { return Vec::new() };
    let all = edits.iter().enumerate().map(|(nth, edit)| {
        let name = path(edit).unwrap_or_else(|| name.clone());
        let numbered = format!("{}-of-{}-{name}", nth + 1, edits.len());
        let name = if edits.len() == 1 { name } else { numbered };
        of(format!("/edits/{nth}/new"), name)
    });
    // An edit that is not understood is shown as the model wrote it.
    all.collect::<Option<Vec<_>>>().unwrap_or_default()
}

/// The last part of a path that the model wrote, if it is a name that nothing takes for something else.
fn file_name(path: &str) -> String {
    let name = path.rsplit('/').next().unwrap_or_default();
    let is_plain = |it: char| it.is_ascii_alphanumeric() || matches!(it, '.' | '_' | '-');
    let is_name = name.starts_with(|it: char| it.is_ascii_alphanumeric())
        && name.len() <= 100
        && name.chars().all(is_plain);
    if is_name { name.to_owned() } else { "text".to_owned() }
}

/// Whether it is seen as it is on a line.
fn is_plain(text: &str) -> bool {
    text.len() <= LINE && !text.contains('\n') && plain(text) == text
}
