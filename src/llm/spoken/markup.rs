//! The marks by which models set calls off, each as its family was taught.

use crate::conversation::Call;
use crate::llm::spoken::json::{self, named};

/// What begins a call, or a list of calls.
const STARTS: &[&str] = &[
    "<tool_call>",
    "<tool_calls>",
    "<function_calls>",
    "<function=",
    "<invoke name=",
    "[TOOL_CALLS]",
    "<|python_tag|>",
    "<|channel|>",
    "<|start|>assistant",
    "<｜tool▁calls▁begin｜>",
    "<｜tool▁call▁begin｜>",
];

/// What says nothing, before, between and after calls.
const IDLE: &[&str] = &[
    "<tool_calls>",
    "</tool_calls>",
    "<function_calls>",
    "</function_calls>",
    "</tool_call>",
    "<｜tool▁calls▁begin｜>",
    "<｜tool▁calls▁end｜>",
    "<｜end▁of▁sentence｜>",
    "<|eom_id|>",
    "<|eot_id|>",
    "<|im_end|>",
    "<|call|>",
    "<|end|>",
    "</s>",
    ";",
];

/// No reply makes more calls.
const MOST: usize = 64;

/// Where a call may begin.
pub(super) fn places(text: &str) -> impl Iterator<Item = usize> {
    let marks = text.match_indices(['<', '[']).map(|(at, _)| at);
    marks.filter(|at| STARTS.iter().any(|it| text[*at..].starts_with(it)))
}

/// Whether the text may be the first part of a mark.
pub(super) fn may_begin(text: &str) -> bool {
    STARTS.iter().any(|it| it.starts_with(text))
}

/// The rest of a reply, read call by call.
pub(super) struct Markup<'a> {
    rest: &'a str,
}

impl<'a> Markup<'a> {
    pub(super) fn new(rest: &'a str) -> Self {
        Self { rest }
    }

    /// The calls, if there is nothing else to the end.
    pub(super) fn calls(mut self) -> Option<Vec<Call>> {
        let mut calls = Vec::new();
        loop {
            self.skip_idle();
            if self.rest.is_empty() {
                return Some(calls);
            }
            if MOST <= calls.len() {
                return None;
            }
            calls.extend(self.one()?);
        }
    }

    fn skip_idle(&mut self) {
        loop {
            self.rest = self.rest.trim_start();
            let Some(it) = IDLE.iter().find(|it| self.rest.starts_with(**it)) else { return };
            self.rest = &self.rest[it.len()..];
        }
    }

    fn one(&mut self) -> Option<Vec<Call>> {
        if self.eat("<tool_call>") {
            self.rest = self.rest.trim_start();
            if !self.rest.starts_with(['{', '[']) {
                return self.tagged().map(|it| vec![it]);
            }
            return json::marked(self.value("</tool_call>"));
        }
        if let Some(call) = self.tagged() {
            return Some(vec![call]);
        }
        if self.eat("[TOOL_CALLS]") {
            self.rest = self.rest.trim_start();
            if self.rest.starts_with(['[', '{']) {
                return json::marked(self.value("[TOOL_CALLS]"));
            }
            let end = self.rest.find(['[', '{'])?;
            let name = self.rest[..end].trim().to_owned();
            self.rest = &self.rest[end..];
            if self.eat("[CALL_ID]") {
                self.rest = &self.rest[self.rest.find(['[', '{'])?..];
            }
            self.eat("[ARGS]");
            return Some(vec![named(name, self.value("[TOOL_CALLS]"))]);
        }
        if self.eat("<|python_tag|>") {
            return json::marked(self.value("<|"));
        }
        if self.rest.starts_with("<|start|>assistant") || self.rest.starts_with("<|channel|>") {
            let header = self.upto("<|message|>")?;
            let (_, name) = header.split_once("to=")?;
            let name = name.split(|it: char| it.is_whitespace() || it == '<').next()?;
            return Some(vec![named(name.to_owned(), self.value("<|call|>"))]);
        }
        if self.eat("<｜tool▁call▁begin｜>") {
            let kind = self.upto("<｜tool▁sep｜>")?;
            let name = if kind == "function" { self.upto("\n")? } else { kind };
            let args = match self.rest.find("<｜tool▁call▁end｜>") {
                Some(end) => {
                    let args = &self.rest[..end];
                    self.rest = &self.rest[end + "<｜tool▁call▁end｜>".len()..];
                    args
                }
                None => std::mem::take(&mut self.rest),
            };
            return Some(vec![named(name.trim().to_owned(), args.trim())]);
        }
        None
    }

    /// A call whose name stands in its tag.
    fn tagged(&mut self) -> Option<Call> {
        if self.eat("<function=") {
            let name = self.upto(">")?;
            return self.function(name, "<parameter=", "</function>");
        }
        if self.eat("<invoke name=") {
            let name = self.upto(">")?;
            return self.function(unquoted(name), "<parameter name=", "</invoke>");
        }
        None
    }

    /// The JSON that stands here, to its end; where it has none, to `close`, or to the end of all.
    fn value(&mut self, close: &str) -> &'a str {
        self.rest = self.rest.trim_start();
        let is_end = |end: &usize| {
            let after = self.rest[*end..].trim_start();
            after.is_empty() || after.starts_with(['<', '[', ';'])
        };
        let end = json::end(self.rest).filter(is_end);
        let end = end.or_else(|| self.rest.find(close)).unwrap_or(self.rest.len());
        let (value, rest) = self.rest.split_at(end);
        self.rest = rest;
        value
    }

    /// A call whose name was read: parameters in tags, or one JSON object.
    fn function(&mut self, name: &str, open: &str, close: &str) -> Option<Call> {
        let name = name.trim().to_owned();
        self.rest = self.rest.trim_start();
        if self.rest.starts_with('{') {
            let args = self.value(close);
            self.rest = self.rest.trim_start();
            self.eat(close);
            return Some(named(name, args));
        }
        let mut fields = serde_json::Map::new();
        loop {
            self.rest = self.rest.trim_start();
            if self.eat(close) || self.rest.is_empty() || self.rest.starts_with("</tool_call>") {
                break;
            }
            if !self.eat(open) {
                return None;
            }
            let field = unquoted(self.upto(">")?.split(" string=").next()?).to_owned();
            let value = self.parameter(open, close)?;
            if fields.insert(field, value.into()).is_some() {
                return None;
            }
        }
        Some(named(name, serde_json::Value::from(fields).to_string()))
    }

    /// The text of a parameter, to the first closing tag that something follows which may. The line
    /// breaks at both ends belong to the tags.
    fn parameter(&mut self, open: &str, close: &str) -> Option<String> {
        let tag = "</parameter>";
        let closes = |at: &usize| {
            let after = self.rest[at + tag.len()..].trim_start();
            after.is_empty() || [open, close, "</tool_call>"].iter().any(|it| after.starts_with(it))
        };
        let at = self.rest.match_indices(tag).map(|(at, _)| at).find(closes)?;
        let value = &self.rest[..at];
        self.rest = &self.rest[at + tag.len()..];
        let value = match value.strip_prefix('\n') {
            Some(inner) => inner.strip_suffix('\n').unwrap_or(inner),
            None => value,
        };
        Some(value.to_owned())
    }

    fn eat(&mut self, mark: &str) -> bool {
        let Some(rest) = self.rest.strip_prefix(mark) else { return false };
        self.rest = rest;
        true
    }

    fn upto(&mut self, mark: &str) -> Option<&'a str> {
        let (before, rest) = self.rest.split_once(mark)?;
        self.rest = rest;
        Some(before)
    }
}

fn unquoted(name: &str) -> &str {
    name.trim().trim_matches(['"', '\''])
}

/// `read_file(paths=["a"])`, as in Python; the values are left as they stand.
pub(super) fn python_call(line: &str) -> Option<Call> {
    let line = line.trim();
    let line = line.strip_prefix("print(").and_then(|it| it.strip_suffix(')')).unwrap_or(line);
    let (name, inside) = line.split_once('(')?;
    let mut rest = inside.strip_suffix(')')?.trim();
    let mut fields = Vec::new();
    while !rest.is_empty() {
        let (field, after) = rest.split_once('=')?;
        let end = argument_end(after);
        fields.push(format!("{:?}: {}", field.trim(), &after[..end]));
        rest = after[end..].trim_start_matches([',', ' ']);
    }
    Some(named(name.trim().to_owned(), format!("{{{}}}", fields.join(", "))))
}

/// Where the first comma stands that is in no string and no bracket.
fn argument_end(text: &str) -> usize {
    let (mut depth, mut quote, mut escaped) = (0, None, false);
    for (at, c) in text.char_indices() {
        match (c, quote) {
            _ if escaped => escaped = false,
            ('\\', Some(_)) => escaped = true,
            (c, Some(open)) if c == open => quote = None,
            (_, Some(_)) => {}
            ('"' | '\'', None) => quote = Some(c),
            ('[' | '{' | '(', None) => depth += 1,
            (']' | '}' | ')', None) => depth -= 1,
            (',', None) if depth == 0 => return at,
            _ => {}
        }
    }
    text.len()
}
