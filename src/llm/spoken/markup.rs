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
    "<|tool_calls_section_begin|>",
    "<|tool_call_begin|>",
];

/// What stands before a name, between it and the arguments, and behind them: DeepSeek, Kimi.
const SECTIONS: &[[&str; 3]] = &[
    ["<｜tool▁call▁begin｜>", "<｜tool▁sep｜>", "<｜tool▁call▁end｜>"],
    ["<|tool_call_begin|>", "<|tool_call_argument_begin|>", "<|tool_call_end|>"],
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
    "<|tool_calls_section_begin|>",
    "<|tool_calls_section_end|>",
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
            return self.hermes();
        }
        if self.eat("[TOOL_CALLS]") {
            return self.mistral();
        }
        if self.eat("<|python_tag|>") {
            return json::marked(self.value("<|"));
        }
        let one = if self.rest.starts_with("<|start|>assistant")
            || self.rest.starts_with("<|channel|>")
        {
            self.harmony()
        } else if let Some(section) = SECTIONS.iter().find(|it| self.rest.starts_with(it[0])) {
            self.section(*section)
        } else {
            self.tagged()
        };
        one.map(|it| vec![it])
    }

    /// JSON in tags, as Hermes and Qwen have it; some of their kin have other things in them.
    fn hermes(&mut self) -> Option<Vec<Call>> {
        self.rest = self.rest.trim_start();
        match self.rest.chars().next()? {
            '{' | '[' => json::marked(self.value("</tool_call>")),
            '<' => self.tagged().map(|it| vec![it]),
            _ => self.glm().map(|it| vec![it]),
        }
    }

    /// A name, then keys and values in tags.
    fn glm(&mut self) -> Option<Call> {
        let end = self.rest.find(['<', '\n'])?;
        let name = self.rest[..end].trim().to_owned();
        self.rest = &self.rest[end..];
        let mut fields = serde_json::Map::new();
        while self.eat_after_space("<arg_key>") {
            let field = self.upto("</arg_key>")?.trim().to_owned();
            if !self.eat_after_space("<arg_value>") {
                return None;
            }
            let value = self.text("</arg_value>", &["<arg_key>", "</tool_call>"])?;
            if fields.insert(field, value.into()).is_some() {
                return None;
            }
        }
        self.eat_after_space("</tool_call>");
        Some(named(name, serde_json::Value::from(fields).to_string()))
    }

    /// A list of calls, or a name and its arguments.
    fn mistral(&mut self) -> Option<Vec<Call>> {
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
        Some(vec![named(name, self.value("[TOOL_CALLS]"))])
    }

    /// A message to a tool.
    fn harmony(&mut self) -> Option<Call> {
        let header = self.upto("<|message|>")?;
        let (_, name) = header.split_once("to=")?;
        let name = name.split(|it: char| it.is_whitespace() || it == '<').next()?;
        Some(named(name.to_owned(), self.value("<|call|>")))
    }

    /// A name and its arguments between tokens.
    fn section(&mut self, [begin, middle, end]: [&str; 3]) -> Option<Call> {
        self.eat(begin);
        let kind = self.upto(middle)?;
        let name = if kind == "function" { self.upto("\n")? } else { kind };
        let args = self.upto(end).unwrap_or_else(|| std::mem::take(&mut self.rest));
        Some(named(name.trim().to_owned(), args.trim()))
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
            self.eat_after_space(close);
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
            let value = self.text("</parameter>", &[open, close, "</tool_call>"])?;
            if fields.insert(field, value.into()).is_some() {
                return None;
            }
        }
        Some(named(name, serde_json::Value::from(fields).to_string()))
    }

    /// The text to the first closing tag that something follows which may. The line breaks at both
    /// ends belong to the tags.
    fn text(&mut self, close: &str, may_follow: &[&str]) -> Option<String> {
        let closes = |at: &usize| {
            let after = self.rest[at + close.len()..].trim_start();
            after.is_empty() || may_follow.iter().any(|it| after.starts_with(it))
        };
        let at = self.rest.match_indices(close).map(|(at, _)| at).find(closes)?;
        let value = &self.rest[..at];
        self.rest = &self.rest[at + close.len()..];
        let value = match value.strip_prefix('\n') {
            Some(inner) => inner.strip_suffix('\n').unwrap_or(inner),
            None => value,
        };
        Some(value.to_owned())
    }

    fn eat_after_space(&mut self, mark: &str) -> bool {
        self.rest = self.rest.trim_start();
        self.eat(mark)
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
