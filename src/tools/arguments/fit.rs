//! Arguments made to fit the schema that the model was told, where only one thing can be meant.
//!
//! Only names and kinds are mended, never what a value says. What cannot be mended is left as it
//! is, for the types of the tool to judge.

use serde_json::{Map, Value};

use crate::tools::arguments::alias;
use crate::tools::arguments::lenient::{Node, read};

/// Mends the arguments of one call.
#[derive(Debug)]
pub(super) struct Fitting<'a> {
    tool: &'a str,
    /// What was done, in words, each once.
    pub(super) repairs: Vec<String>,
}

impl<'a> Fitting<'a> {
    pub(super) fn new(tool: &'a str) -> Self {
        Self { tool, repairs: Vec::new() }
    }

    fn note(&mut self, repair: String) {
        if !self.repairs.contains(&repair) {
            self.repairs.push(repair);
        }
    }

    /// Who learns that `path` is `paths` has learnt this too.
    fn note_one(&mut self, name: &str) {
        let renamed = format!(" as `{name}`");
        if !self.repairs.iter().any(|it| it.ends_with(&renamed)) {
            self.note(format!("`{name}` as a list of one"));
        }
    }

    /// `node`, the value of `name`, as `schema` wants it.
    pub(super) fn fit(&mut self, name: &str, node: Node, schema: &Value) -> Node {
        match (kind(schema), node) {
            ("object", Node::Object(fields)) => self.object(fields, schema),
            ("object", Node::Text(text)) => match read(&text) {
                Ok((Node::Object(fields), _)) => {
                    self.note(format!("`{name}` as the object it holds"));
                    self.object(fields, schema)
                }
                _ => Node::Text(text),
            },
            ("array", node) => self.list(name, node, &schema["items"]),
            ("integer", Node::Text(text)) if is_whole(&text) => {
                self.note(format!("`{name}` as a number"));
                Node::Number(text)
            }
            ("integer", Node::Number(number)) => {
                match number.strip_suffix(".0").filter(|it| is_whole(it)).map(str::to_owned) {
                    Some(whole) => {
                        self.note(format!("`{name}` as a whole number"));
                        Node::Number(whole)
                    }
                    None => Node::Number(number),
                }
            }
            ("boolean", Node::Text(text)) => match &*text.to_ascii_lowercase() {
                word @ ("true" | "false") => {
                    self.note(format!("`{name}` as true or false"));
                    Node::Bool(word == "true")
                }
                _ => Node::Text(text),
            },
            ("string", Node::Number(number)) => {
                self.note(format!("`{name}` as a string"));
                Node::Text(number)
            }
            ("string", Node::List(mut items)) => match (items.pop(), items.is_empty()) {
                (Some(Node::Text(only)), true) => {
                    self.note(format!("`{name}` as its only item"));
                    Node::Text(only)
                }
                (last, _) => {
                    items.extend(last);
                    Node::List(items)
                }
            },
            (_, node) => node,
        }
    }

    fn list(&mut self, name: &str, node: Node, item: &Value) -> Node {
        let items = match node {
            Node::List(items) => items,
            Node::Null => return Node::Null,
            Node::Text(text) => match read(&text) {
                Ok((Node::List(items), _)) if items.iter().all(|it| fits(it, item)) => {
                    self.note(format!("`{name}` as the list it holds"));
                    items
                }
                Ok((node @ Node::Object(_), _)) if fits(&node, item) => {
                    self.note(format!("`{name}` as a list of what it holds"));
                    vec![node]
                }
                _ if kind(item) == "string" => {
                    self.note_one(name);
                    vec![Node::Text(text)]
                }
                _ => return Node::Text(text),
            },
            single if fits(&single, item) => {
                self.note_one(name);
                vec![single]
            }
            other => return other,
        };
        Node::List(items.into_iter().map(|it| self.fit(name, it, item)).collect())
    }

    fn object(&mut self, fields: Vec<(String, Node)>, schema: &Value) -> Node {
        let Some(properties) = schema["properties"].as_object() else {
            return Node::Object(fields);
        };
        let (mut own, mut others): (Vec<_>, Vec<_>) =
            fields.into_iter().partition(|(name, _)| properties.contains_key(name));
        self.gather(&mut own, &mut others, properties);
        for (name, node) in others {
            let target = name_for(self.tool, &name, properties);
            let taken = target.and_then(|target| own.iter().position(|(it, _)| it == target));
            match (target, taken) {
                (Some(target), None) => {
                    self.note(format!("`{name}` as `{target}`"));
                    own.push((target.to_owned(), node));
                }
                (Some(target), Some(at)) if own[at].1.is_null() || own[at].1 == node => {
                    self.note(format!("`{name}` as `{target}`"));
                    own[at].1 = node;
                }
                _ if node.is_null() || alias::is_idle(&name, plain(&node)) => {
                    self.note(format!("`{name}` ignored"));
                }
                _ => own.push((name, node)),
            }
        }
        let fitted = own.into_iter().map(|(name, node)| {
            let node = match properties.get(&name) {
                Some(schema) => self.fit(&name, node, schema),
                None => node,
            };
            (name, node)
        });
        Node::Object(fitted.collect())
    }

    /// Arguments of the only item of a list that is not there: `{path, old, new}` where
    /// `{path, edits: [{old, new}]}` is wanted.
    fn gather(
        &mut self,
        own: &mut Vec<(String, Node)>,
        others: &mut Vec<(String, Node)>,
        properties: &Map<String, Value>,
    ) {
        let mut lists = properties.iter().filter(|(_, it)| kind(&it["items"]) == "object");
        let (Some((list, schema)), None) = (lists.next(), lists.next()) else { return };
        let Some(parts) = schema["items"]["properties"].as_object() else { return };
        let tool = self.tool;
        let part = |name: &str| name_for(tool, name, parts);
        let is_part =
            |name: &str| part(name).is_some() && name_for(tool, name, properties).is_none();
        let given =
            |it: &str| others.iter().any(|(name, _)| is_part(name) && part(name) == Some(it));
        let required = schema["items"]["required"].as_array();
        let mut required = required.into_iter().flatten().filter_map(Value::as_str).peekable();
        let is_there = own.iter().any(|(name, node)| name == list && !node.is_null());
        if is_there || required.peek().is_none() || !required.all(given) {
            return;
        }
        let (item, rest): (Vec<_>, Vec<_>) =
            std::mem::take(others).into_iter().partition(|(name, _)| is_part(name));
        *others = rest;
        self.note(format!("one of `{list}` from its parts"));
        own.retain(|(name, _)| name != list);
        own.push((list.clone(), Node::List(vec![Node::Object(item)])));
    }
}

/// What `name` is called among `properties`, itself included.
fn name_for<'a>(tool: &str, name: &str, properties: &'a Map<String, Value>) -> Option<&'a str> {
    let known = |it: &str| properties.get_key_value(it).map(|(name, _)| &**name);
    let wanted = alias::key(name);
    let spelt = || properties.keys().find(|it| alias::key(it) == wanted).map(|it| &**it);
    known(name).or_else(spelt).or_else(|| alias::names_for(tool, name).find_map(known))
}

fn kind(schema: &Value) -> &str {
    schema["type"].as_str().unwrap_or_default()
}

fn fits(node: &Node, schema: &Value) -> bool {
    match node {
        Node::Null => false,
        Node::Bool(_) => kind(schema) == "boolean",
        Node::Number(_) => matches!(kind(schema), "integer" | "number"),
        Node::Text(_) => kind(schema) == "string",
        Node::List(_) => kind(schema) == "array",
        Node::Object(_) => kind(schema) == "object",
    }
}

/// A whole number as JSON writes it.
fn is_whole(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|it| it.is_ascii_digit())
        && (text == "0" || !text.starts_with('0'))
}

fn plain(node: &Node) -> Option<&str> {
    match node {
        Node::Bool(true) => Some("true"),
        Node::Bool(false) => Some("false"),
        Node::Number(it) | Node::Text(it) => Some(it),
        _ => None,
    }
}
