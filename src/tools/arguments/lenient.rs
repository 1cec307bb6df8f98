//! JSON as models write it: each slip that has one reading is read, and named.
//!
//! Strings and numbers come out as they were written. Where two readings are possible there is a
//! complaint instead.

use std::collections::{BTreeSet, HashSet};

use serde_json::Value;

/// A value whose numbers are still text, so that none is changed by reading it.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Node {
    Null,
    Bool(bool),
    Number(String),
    Text(String),
    List(Vec<Node>),
    Object(Vec<(String, Node)>),
}

/// A way in which a text is not JSON although it can only mean one thing.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Slip {
    Fence,
    TrailingComma,
    RawBreak,
    Quotes,
    BareName,
    PythonWord,
    Backslash,
    Unclosed,
    Overclosed,
}

/// Deeper than any call of ours, and than any that is meant.
const DEEPEST: usize = 64;

impl Slip {
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Fence => "the fence around the JSON left out",
            Self::TrailingComma => "a trailing comma left out",
            Self::RawBreak => "raw line breaks or tabs in a string",
            Self::Quotes => "other quotes as double quotes",
            Self::BareName => "names without quotes",
            Self::PythonWord => "True, False or None as in JSON",
            Self::Backslash => "a single backslash as a backslash",
            Self::Unclosed => "missing brackets at the end added",
            Self::Overclosed => "surplus brackets at the end left out",
        }
    }
}

impl Node {
    pub(super) fn is_null(&self) -> bool {
        *self == Self::Null
    }

    pub(super) fn into_value(self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Bool(it) => it.into(),
            // What is too large for any number is none that a tool could take.
            Self::Number(it) => serde_json::from_str(&it).unwrap_or(Value::String(it)),
            Self::Text(it) => it.into(),
            Self::List(items) => items.into_iter().map(Self::into_value).collect(),
            Self::Object(fields) => Value::Object(
                fields.into_iter().map(|(name, it)| (name, it.into_value())).collect(),
            ),
        }
    }
}

/// The value that a whole text holds, and its slips; or what is wrong with it.
pub(super) fn read(text: &str) -> Result<(Node, BTreeSet<Slip>), String> {
    let mut reader = Reader { text, at: 0, slips: BTreeSet::new(), depth: 0, is_cut: false };
    if let Some(inside) = inside_fence(text) {
        reader.slips.insert(Slip::Fence);
        reader.text = inside;
    }
    let node = reader.value()?;
    reader.end()?;
    Ok((node, reader.slips))
}

/// What stands in a fence that is all there is.
fn inside_fence(text: &str) -> Option<&str> {
    let (info, rest) = text.trim().strip_prefix("```")?.split_once('\n')?;
    let is_name = info.trim().chars().all(|it| it.is_alphanumeric() || it == '_');
    rest.trim_end().strip_suffix("```").filter(|_| is_name)
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    slips: BTreeSet<Slip>,
    depth: usize,
    /// The text ended after a whole value; nothing but closing brackets can be missing.
    is_cut: bool,
}

impl Reader<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn skip_space(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches([' ', '\t', '\n', '\r', '\u{feff}']).len();
    }

    fn next_after_space(&mut self) -> Option<char> {
        self.skip_space();
        self.peek()
    }

    fn value(&mut self) -> Result<Node, String> {
        let Some(c) = self.next_after_space() else { return Err(ends()) };
        match c {
            '{' | '[' => {
                if self.depth == DEEPEST {
                    return Err(self.wrong("the arguments are nested too deeply"));
                }
                self.depth += 1;
                self.at += 1;
                let node = if c == '{' { self.object() } else { self.list() };
                self.depth -= 1;
                node
            }
            '"' | '\'' | '\u{201c}' | '\u{2018}' => self.string().map(Node::Text),
            '-' | '0'..='9' => self.number(),
            _ => self.word(),
        }
    }

    fn object(&mut self) -> Result<Node, String> {
        let (mut fields, mut names) = (Vec::new(), HashSet::new());
        loop {
            match self.next_after_space() {
                Some('}') => {
                    self.close(!fields.is_empty());
                    return Ok(Node::Object(fields));
                }
                Some(_) => {}
                None => return Err(ends()),
            }
            let name = self.name()?;
            if self.next_after_space() != Some(':') {
                return Err(if self.peek().is_none() { ends() } else { self.not_json() });
            }
            self.at += 1;
            let value = self.value()?;
            if !names.insert(name.clone()) {
                return Err(format!("`{name}` is given twice"));
            }
            fields.push((name, value));
            if self.goes_on('}')? {
                continue;
            }
            return Ok(Node::Object(fields));
        }
    }

    fn list(&mut self) -> Result<Node, String> {
        let mut items = Vec::new();
        loop {
            match self.next_after_space() {
                Some(']') => {
                    self.close(!items.is_empty());
                    return Ok(Node::List(items));
                }
                Some(_) => {}
                None => return Err(ends()),
            }
            items.push(self.value()?);
            if self.goes_on(']')? {
                continue;
            }
            return Ok(Node::List(items));
        }
    }

    /// Takes a closing bracket where a value could stand; after a comma it is a slip.
    fn close(&mut self, after_comma: bool) {
        self.at += 1;
        if after_comma {
            self.slips.insert(Slip::TrailingComma);
        }
    }

    /// After a value: whether a comma follows. Otherwise the bracket, or the end of a text that
    /// lacks it, is taken.
    fn goes_on(&mut self, bracket: char) -> Result<bool, String> {
        match self.next_after_space() {
            _ if self.is_cut => Ok(false),
            Some(',') => {
                self.at += 1;
                Ok(true)
            }
            Some(c) if c == bracket => {
                self.at += 1;
                Ok(false)
            }
            Some(_) => Err(self.not_json()),
            // A number may go on where the text does not.
            None if self.text.trim_end().ends_with(|it: char| it.is_ascii_digit()) => Err(ends()),
            None => {
                self.is_cut = true;
                self.slips.insert(Slip::Unclosed);
                Ok(false)
            }
        }
    }

    fn name(&mut self) -> Result<String, String> {
        if matches!(self.peek(), Some('"' | '\'' | '\u{201c}' | '\u{2018}')) {
            return self.string();
        }
        let rest = self.rest();
        let is_part = |it: char| it.is_alphanumeric() || it == '_' || it == '-';
        let end = rest.find(|it| !is_part(it)).unwrap_or(rest.len());
        let name = rest[..end].to_owned();
        if name.is_empty() || name.starts_with(|it: char| it.is_numeric() || it == '-') {
            return Err(self.not_json());
        }
        self.at += end;
        self.slips.insert(Slip::BareName);
        Ok(name)
    }

    fn number(&mut self) -> Result<Node, String> {
        let rest = self.rest();
        let is_part = |it: char| it.is_alphanumeric() || "+-._".contains(it);
        let end = rest.find(|it| !is_part(it)).unwrap_or(rest.len());
        let number = &rest[..end];
        if !is_number(number) {
            return Err(self.not_json());
        }
        let number = number.to_owned();
        self.at += end;
        Ok(Node::Number(number))
    }

    fn word(&mut self) -> Result<Node, String> {
        let rest = self.rest();
        let end = rest.find(|it: char| !it.is_alphanumeric()).unwrap_or(rest.len());
        let (node, is_python) = match &rest[..end] {
            "true" => (Node::Bool(true), false),
            "false" => (Node::Bool(false), false),
            "null" => (Node::Null, false),
            "True" => (Node::Bool(true), true),
            "False" => (Node::Bool(false), true),
            "None" => (Node::Null, true),
            _ => return Err(self.not_json()),
        };
        if is_python {
            self.slips.insert(Slip::PythonWord);
        }
        self.at += end;
        Ok(node)
    }

    /// A string in any quotes. JSON's own escapes mean what they mean; a backslash before what is
    /// no escape can only stand for itself, unless the string has escapes that might be meant so
    /// too.
    fn string(&mut self) -> Result<String, String> {
        let start = self.at;
        let quote = self.peek().expect("the caller has seen a quote");
        let closing = match quote {
            '\u{201c}' => '\u{201d}',
            '\u{2018}' => '\u{2019}',
            other => other,
        };
        if quote != '"' {
            self.slips.insert(Slip::Quotes);
        }
        self.at += quote.len_utf8();
        let mut text = String::new();
        let (mut letters, mut lone) = (false, false);
        loop {
            let rest = self.rest();
            let special = |it: char| it == closing || it == '\\' || it < ' ';
            let Some(plain) = rest.find(special) else { return Err(ends()) };
            text.push_str(&rest[..plain]);
            let c = rest[plain..].chars().next().expect("it was found");
            self.at += plain;
            if c == closing {
                self.at += c.len_utf8();
                break;
            }
            if c != '\\' {
                if !matches!(c, '\n' | '\r' | '\t') {
                    return Err(self.wrong("the arguments hold a control character"));
                }
                self.slips.insert(Slip::RawBreak);
                text.push(c);
                self.at += 1;
                continue;
            }
            let Some(escape) = self.text[self.at + 1..].chars().next() else { return Err(ends()) };
            let plain = match escape {
                '"' | '\\' | '/' => Some(escape),
                'b' => Some('\u{8}'),
                'f' => Some('\u{c}'),
                'n' => Some('\n'),
                'r' => Some('\r'),
                't' => Some('\t'),
                '\'' if closing == '\'' => Some('\''),
                _ => None,
            };
            letters |= escape.is_ascii_lowercase() && (plain.is_some() || escape == 'u');
            match plain {
                Some(c) => {
                    text.push(c);
                    self.at += 2;
                }
                None if escape == 'u' => {
                    let c = self.unicode()?;
                    text.push(c);
                }
                // Elsewhere these are an escape, a quote, or a line that goes on.
                None if matches!(escape, 'x' | '\'' | '0'..='9' | '\n' | '\r') => {
                    return Err(self.wrong("the arguments have an escape that JSON does not know"));
                }
                None => {
                    lone = true;
                    text.push('\\');
                    text.push(escape);
                    self.at += 1 + escape.len_utf8();
                }
            }
        }
        if lone {
            if letters {
                self.at = start;
                return Err(self.wrong(
                    "some backslashes are escapes and some are not (write `\\\\` for one that is \
                     meant) in the string",
                ));
            }
            self.slips.insert(Slip::Backslash);
        }
        Ok(text)
    }

    /// `\uXXXX`, or two of them that are one character.
    fn unicode(&mut self) -> Result<char, String> {
        let first = self.unit()?;
        let code = match first {
            0xd800..=0xdbff if self.rest().starts_with("\\u") => {
                let second = self.unit()?;
                if !(0xdc00..=0xdfff).contains(&second) {
                    return Err(self.wrong("the arguments have half of a character"));
                }
                0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00)
            }
            other => other,
        };
        char::from_u32(code).ok_or_else(|| self.wrong("the arguments have half of a character"))
    }

    fn unit(&mut self) -> Result<u32, String> {
        let Some(digits) = self.text.get(self.at + 2..self.at + 6) else {
            let is_end = self.text.len() < self.at + 6;
            return Err(if is_end { ends() } else { self.not_json() });
        };
        if !digits.bytes().all(|it| it.is_ascii_hexdigit()) {
            return Err(self.not_json());
        }
        self.at += 6;
        Ok(u32::from_str_radix(digits, 16).expect("four digits fit"))
    }

    /// Nothing may follow the value, but for brackets that close nothing.
    fn end(&mut self) -> Result<(), String> {
        self.skip_space();
        let rest = self.rest();
        if rest.is_empty() {
            return Ok(());
        }
        if rest.chars().all(|it| "]} \t\r\n".contains(it)) {
            self.slips.insert(Slip::Overclosed);
            return Ok(());
        }
        if rest.trim_start_matches([',', ';', ' ', '\n']).starts_with(['{', '[']) {
            return Err(
                "the arguments are more than one JSON object: make one call for each".into()
            );
        }
        Err(self.not_json())
    }

    fn not_json(&self) -> String {
        self.wrong("the arguments are not valid JSON")
    }

    /// A complaint with the place, and what stands there.
    fn wrong(&self, what: &str) -> String {
        let before = &self.text[..self.at];
        let line = before.matches('\n').count() + 1;
        let line_start = before.rfind('\n').map_or(0, |it| it + 1);
        let column = before[line_start..].chars().count() + 1;
        let from = before[line_start..].char_indices().rev().nth(15).map_or(0, |(at, _)| at);
        let near = self.text[line_start + from..].lines().next().unwrap_or_default();
        let near: String = near.chars().take(32).collect();
        format!("{what} at line {line}, column {column}, near `{near}`")
    }
}

fn ends() -> String {
    "the arguments end before their JSON object does".to_owned()
}

/// As JSON has them: no leading zero or plus, digits on both sides of a point.
fn is_number(text: &str) -> bool {
    let digits = |it: &str| !it.is_empty() && it.bytes().all(|it| it.is_ascii_digit());
    let text = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    digits(whole)
        && (whole == "0" || !whole.starts_with('0'))
        && fraction.is_none_or(digits)
        && exponent.is_none_or(|it| digits(it.strip_prefix(['+', '-']).unwrap_or(it)))
}
