//! Arguments that come wrapped once more: in a string, under `arguments`, in a call of their own.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::tools::arguments::alias::key;
use crate::tools::arguments::lenient::{Node, Slip, read};

/// Under which the arguments may stand.
const WRAPPERS: &[&str] = &[
    "arguments",
    "parameters",
    "input",
    "args",
    "params",
    "kwargs",
    "toolinput",
    "toolargs",
    "toolarguments",
    "actioninput",
    "function",
];

/// What may stand beside them and names the tool.
const NAMES: &[&str] = &["name", "tool", "toolname", "function", "functionname", "action"];

/// What may stand beside them and says nothing.
const LABELS: &[&str] = &["type", "id", "callid", "toolcallid"];

/// No model wraps them more often.
const MOST: usize = 4;

/// The arguments without what is around them. `is_tool` says whether a name means the tool that is
/// called.
pub(super) fn unwrap(
    mut node: Node,
    schema: &Value,
    slips: &mut BTreeSet<Slip>,
    is_tool: &dyn Fn(&str) -> bool,
) -> Result<(Node, Option<String>), String> {
    let mut repair = None;
    for _ in 0..MOST {
        node = match node {
            Node::Text(text) => match inside(&text, slips) {
                Some(inner) => {
                    repair = Some("the object that a string held".to_owned());
                    inner
                }
                None => return Ok((Node::Text(text), repair)),
            },
            Node::Object(fields) => match wrapper(&fields, schema, is_tool)? {
                Some(at) => {
                    let (name, inner) = fields.into_iter().nth(at).expect("it was found there");
                    repair = Some(format!("the arguments that stood in `{name}`"));
                    inner
                }
                None => return Ok((Node::Object(fields), repair)),
            },
            other => return Ok((other, repair)),
        };
    }
    Ok((node, repair))
}

/// The object that a string holds.
fn inside(text: &str, slips: &mut BTreeSet<Slip>) -> Option<Node> {
    let is_object = text.trim_start().starts_with(['{', '"', '`']);
    let (node, more) = read(text).ok().filter(|_| is_object)?;
    slips.extend(more);
    Some(node)
}

/// Which field holds the arguments, if none of the fields is one.
fn wrapper(
    fields: &[(String, Node)],
    schema: &Value,
    is_tool: &dyn Fn(&str) -> bool,
) -> Result<Option<usize>, String> {
    let is_argument = |name: &str| schema["properties"].get(name).is_some();
    if fields.iter().any(|(name, _)| is_argument(name)) {
        return Ok(None);
    }
    let holds = |it: &Node| match it {
        Node::Object(_) => true,
        Node::Text(it) => it.trim_start().starts_with('{'),
        _ => false,
    };
    let (mut found, mut stranger) = (None, None);
    for (at, (name, node)) in fields.iter().enumerate() {
        let key = key(name);
        match node {
            it if holds(it) && (WRAPPERS.contains(&&*key) || is_tool(name)) => {
                if found.replace(at).is_some() {
                    return Ok(None);
                }
            }
            Node::Text(tool) if NAMES.contains(&&*key) => {
                stranger = stranger.or(Some(tool).filter(|it| !is_tool(it)));
            }
            _ if LABELS.contains(&&*key) => {}
            _ => return Ok(None),
        }
    }
    match (found, stranger) {
        (Some(_), Some(tool)) => Err(format!("the arguments name another tool, `{tool}`")),
        _ => Ok(found),
    }
}
