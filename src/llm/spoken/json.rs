//! A call as a JSON object: its name beside its arguments.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use crate::conversation::Call;

type Fields<'a> = BTreeMap<String, &'a RawValue>;

const NAMES: &[&str] = &["name", "tool", "tool_name", "function", "action"];
const ARGUMENTS: &[&str] =
    &["arguments", "parameters", "input", "args", "tool_input", "action_input"];
const LABELS: &[&str] = &["type", "id", "call_id", "tool_call_id"];

/// The calls that a text is, to its last character: objects, or lists of them, one after another.
pub(super) fn calls(text: &str) -> Option<Vec<Call>> {
    let (mut rest, mut calls) = (text.trim(), Vec::new());
    while !rest.is_empty() {
        let (value, after) = rest.split_at(end(rest)?);
        calls.extend(calls_of(value)?);
        rest = after.trim_start_matches([';', ' ', '\t', '\r', '\n']);
    }
    Some(calls)
}

fn calls_of(text: &str) -> Option<Vec<Call>> {
    if let Ok(all) = serde_json::from_str::<Vec<Fields<'_>>>(text) {
        return all.iter().map(call).collect();
    }
    Some(vec![call(&serde_json::from_str::<Fields<'_>>(text).ok()?)?])
}

/// The same where a mark says that it is a call: what is not JSON may be meant as such, and a call
/// may do without arguments.
pub(super) fn marked(text: &str) -> Option<Vec<Call>> {
    let text = text.trim();
    if let Some(calls) = calls(text) {
        return Some(calls);
    }
    if let Ok(fields) = serde_json::from_str::<Fields<'_>>(text) {
        let only_name = fields.len() == 1;
        return only_name.then(|| Some(vec![named(name(&fields)?, "{}")]))?;
    }
    // The arguments are found in it by whoever mends it.
    text.starts_with('{').then(|| Some(vec![named(scanned_name(text)?, text)]))?
}

/// Nothing but a name, arguments and labels.
fn call(fields: &Fields<'_>) -> Option<Call> {
    if let Some(inner) = fields.get("function")
        && let Ok(inner) = serde_json::from_str::<Fields<'_>>(inner.get())
    {
        let is_bare = fields.keys().all(|it| it == "function" || LABELS.contains(&&**it));
        return is_bare.then(|| call(&inner))?;
    }
    let known = |it: &&str| [NAMES, ARGUMENTS, LABELS].iter().any(|names| names.contains(it));
    let mut arguments = ARGUMENTS.iter().filter_map(|it| fields.get(*it));
    let (Some(arguments), None) = (arguments.next(), arguments.next()) else { return None };
    let is_call = fields.keys().all(|it| known(&&**it));
    is_call.then(|| Some(named(name(fields)?, arguments.get())))?
}

fn name(fields: &Fields<'_>) -> Option<String> {
    let mut names = NAMES.iter().filter_map(|it| fields.get(*it));
    let (Some(name), None) = (names.next(), names.next()) else { return None };
    serde_json::from_str(name.get()).ok()
}

/// The first value of a field that may be the name, in what is no JSON.
fn scanned_name(text: &str) -> Option<String> {
    let quotes = ['"', '\''];
    let rest = text[1..].trim_start().trim_start_matches(quotes);
    let (field, rest) = rest.split_once(':')?;
    let field = field.trim_end().trim_end_matches(quotes);
    let name = rest.trim_start().strip_prefix(quotes)?;
    NAMES.contains(&field).then(|| Some(name.split(quotes).next()?.to_owned()))?
}

pub(super) fn named(tool: String, args: impl Into<String>) -> Call {
    Call { id: String::new(), tool, args: args.into() }
}

/// Where the JSON value at the start of `text` ends, if it does.
pub(super) fn end(text: &str) -> Option<usize> {
    let (mut depth, mut in_string, mut escaped) = (0usize, false, false);
    for (at, c) in text.bytes().enumerate() {
        match c {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
    }
    None
}
