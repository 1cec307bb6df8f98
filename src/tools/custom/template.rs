//! A command with places for arguments.

use std::ffi::OsString;
use std::path::Path;

use serde_json::{Map, Value};

use crate::sandbox::Command;
use crate::tools::Failure;
use crate::tools::custom::Kind;
use crate::tools::shell::Shell;

/// What a tool runs.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Template {
    /// A program and its arguments, each made of pieces.
    List(Vec<Vec<Piece>>),
    /// A script in which each place is a variable of the environment.
    Shell { script: String, names: Vec<String> },
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Piece {
    Text(String),
    Place(String),
}

/// Runs what follows it, without reading it.
const AS_IT_IS: &str = r#"exec "$@""#;

/// Before the name of an argument in the environment.
const PREFIX: &str = "AGENT_ARG_";

impl Template {
    pub(super) fn list(list: &[String], kinds: &[(String, Kind)]) -> Result<Self, String> {
        let words: Vec<_> = list.iter().map(|it| pieces(it, kinds)).collect();
        match words.first().map(Vec::as_slice) {
            Some([Piece::Text(program)]) if !program.is_empty() => {}
            _ => return Err("`command` must begin with a program".to_owned()),
        }
        for word in words.iter().filter(|it| 1 < it.len()) {
            if let Some(name) = word.iter().find_map(|it| several(it, kinds)) {
                return Err(format!("`{{{name}}}` is an array, and must be an element by itself"));
            }
        }
        Ok(Self::List(words))
    }

    pub(super) fn shell(script: &str, kinds: &[(String, Kind)]) -> Result<Self, String> {
        if script.trim().is_empty() {
            return Err("`command` is empty".to_owned());
        }
        let (mut text, mut names, mut quotes) = (String::new(), Vec::new(), Quotes::None);
        for piece in pieces(script, kinds) {
            if let Some(name) = several(&piece, kinds) {
                return Err(format!(
                    "`{{{name}}}` is an array: write the command as a list, not as a string"
                ));
            }
            match (piece, quotes) {
                (Piece::Text(it), _) => {
                    quotes = quotes.after(&it);
                    text += &it;
                }
                (Piece::Place(name), Quotes::Single) => {
                    return Err(format!(
                        "`{{{name}}}` stands in single quotes, where nothing is put in"
                    ));
                }
                (Piece::Place(name), quotes) => {
                    let quote = if quotes == Quotes::None { "\"" } else { "" };
                    text += &format!("{quote}${{{PREFIX}{name}}}{quote}");
                    names.push(name);
                }
            }
        }
        Ok(Self::Shell { script: text, names })
    }

    /// The command with its arguments. An element of a list whose argument is not given is left out.
    pub(super) fn command(
        &self,
        args: &Map<String, Value>,
        shell: &Shell,
        directory: &Path,
    ) -> Result<Command, Failure> {
        if args.values().any(holds_nul) {
            return Err(Failure::new("an argument holds a NUL byte", "not started"));
        }
        Ok(match self {
            Self::List(words) => {
                let words = words.iter().flat_map(|it| filled(it, args)).map(OsString::from);
                let command = shell.command(AS_IT_IS, directory)?;
                command.args([OsString::from("sh")]).args(words)
            }
            Self::Shell { script, names } => {
                let mut command = shell.command(script, directory)?;
                for name in names {
                    let value = args.get(name).map(word).unwrap_or_default();
                    command.environment =
                        command.environment.with(&format!("{PREFIX}{name}"), value);
                }
                command
            }
        })
    }
}

/// The quotes that a place in a script stands in.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Quotes {
    None,
    Single,
    Double,
}

impl Quotes {
    fn after(mut self, text: &str) -> Self {
        let mut rest = text.chars();
        while let Some(it) = rest.next() {
            self = match (self, it) {
                (Self::None | Self::Double, '\\') => {
                    rest.next();
                    self
                }
                (Self::None, '\'') => Self::Single,
                (Self::None, '"') => Self::Double,
                (Self::Single, '\'') | (Self::Double, '"') => Self::None,
                (same, _) => same,
            };
        }
        self
    }
}

/// `{name}` is a place where `name` is a parameter, but for `${name}`; all else is text.
fn pieces(text: &str, kinds: &[(String, Kind)]) -> Vec<Piece> {
    let (mut pieces, mut begun, mut rest) = (Vec::new(), String::new(), text);
    while let Some(at) = rest.find('{') {
        let (before, from) = rest.split_at(at);
        begun += before;
        let name = from[1..].split_once('}').map(|(name, _)| name);
        let known = name.filter(|it| kinds.iter().any(|(name, _)| name == it));
        match known.filter(|_| !begun.ends_with('$')) {
            Some(name) => {
                if !begun.is_empty() {
                    pieces.push(Piece::Text(std::mem::take(&mut begun)));
                }
                pieces.push(Piece::Place(name.to_owned()));
                rest = &from[name.len() + 2..];
            }
            None => {
                begun.push('{');
                rest = &from[1..];
            }
        }
    }
    begun += rest;
    if !begun.is_empty() || pieces.is_empty() {
        pieces.push(Piece::Text(begun));
    }
    pieces
}

/// The name of a place for an array.
fn several<'a>(piece: &'a Piece, kinds: &[(String, Kind)]) -> Option<&'a str> {
    let Piece::Place(name) = piece else { return None };
    let is_several = kinds.iter().any(|(it, kind)| it == name && *kind == Kind::Several);
    is_several.then_some(name)
}

/// What becomes of one element: none, one, or as many as an array has.
fn filled(pieces: &[Piece], args: &Map<String, Value>) -> Vec<String> {
    if let [Piece::Place(name)] = pieces
        && let Some(Value::Array(items)) = args.get(name)
    {
        return items.iter().map(word).collect();
    }
    let piece = |it: &Piece| match it {
        Piece::Text(text) => Some(text.clone()),
        Piece::Place(name) => args.get(name).map(word),
    };
    pieces.iter().map(piece).collect::<Option<String>>().into_iter().collect()
}

fn word(value: &Value) -> String {
    match value {
        Value::String(it) => it.clone(),
        other => other.to_string(),
    }
}

fn holds_nul(value: &Value) -> bool {
    match value {
        Value::String(it) => it.contains('\0'),
        Value::Array(items) => items.iter().any(holds_nul),
        _ => false,
    }
}
