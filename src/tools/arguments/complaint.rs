//! What is wrong with arguments, in terms of what the model was told.

use serde_json::Value;

pub(super) fn complaint(args: &str, parameters: &Value, err: &serde_json::Error) -> String {
    let value: Value = match serde_json::from_str(args) {
        Ok(value) => value,
        Err(err) if err.is_eof() => {
            return "the arguments end before their JSON object does".to_owned();
        }
        Err(err) => return format!("the arguments are not valid JSON {}", place(args, &err)),
    };
    let twice = || {
        let name = err.to_string().strip_prefix("duplicate field `")?.split('`').next()?.to_owned();
        Some(format!("`{name}` is given twice"))
    };
    let complaint = mismatch("", &value, parameters).or_else(twice);
    complaint.unwrap_or_else(|| "the arguments do not fit".to_owned())
}

/// Where the JSON breaks, with what stands there.
fn place(args: &str, err: &serde_json::Error) -> String {
    let line = args.lines().nth(err.line().saturating_sub(1)).unwrap_or_default().as_bytes();
    let start = err.column().saturating_sub(16).min(line.len());
    let end = (start + 32).min(line.len());
    let near = String::from_utf8_lossy(&line[start..end]);
    format!("at line {}, column {}, near `{near}`", err.line(), err.column())
}

/// The first thing in `value` that is not as `schema` says; `at` is the name of the value.
fn mismatch(at: &str, value: &Value, schema: &Value) -> Option<String> {
    if let (Some(allowed), Value::String(it)) = (schema["enum"].as_array(), value) {
        let names: Vec<_> = allowed.iter().filter_map(Value::as_str).collect();
        let complaint = format!("`{at}` must be one of {}, not `{it}`", names.join(", "));
        return (!names.contains(&&**it)).then_some(complaint);
    }
    let fits = match (schema["type"].as_str()?, value) {
        ("object", Value::Object(fields)) => return object_mismatch(at, fields, schema),
        ("array", Value::Array(items)) => {
            let mut items = items.iter().enumerate();
            return items.find_map(|(n, it)| mismatch(&format!("{at}[{n}]"), it, &schema["items"]));
        }
        ("integer", value) => value.as_u64().is_some_and(|it| u32::try_from(it).is_ok()),
        ("string", value) => value.is_string(),
        ("boolean", value) => value.is_boolean(),
        _ => false,
    };
    let name = if at.is_empty() { "the arguments".to_owned() } else { format!("`{at}`") };
    let expected = match schema["type"].as_str()? {
        "object" => "a JSON object",
        "array" => "an array",
        "integer" => "a whole number from 0 on",
        "string" => "a string",
        _ => "true or false",
    };
    (!fits).then(|| format!("{name} must be {expected}, not {}", kind(value)))
}

fn object_mismatch(
    at: &str,
    fields: &serde_json::Map<String, Value>,
    schema: &Value,
) -> Option<String> {
    let name = |field: &str| if at.is_empty() { field.to_owned() } else { format!("{at}.{field}") };
    let properties = schema["properties"].as_object()?;
    let is_required = |field: &str| required(schema).any(|it| it == field);
    for (field, value) in fields {
        let Some(schema) = properties.get(field) else {
            let nearest = nearest(field, properties.keys().map(String::as_str));
            let hint = nearest.map(|it| format!("; did you mean `{it}`?")).unwrap_or_default();
            return Some(format!("there is no argument `{}`{hint}", name(field)));
        };
        let is_absent = value.is_null() && !is_required(field);
        if let Some(found) = mismatch(&name(field), value, schema).filter(|_| !is_absent) {
            return Some(found);
        }
    }
    let missing = required(schema).find(|it| !fields.contains_key(*it))?;
    Some(format!("`{}` is missing", name(missing)))
}

fn required(schema: &Value) -> impl Iterator<Item = &str> {
    schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str)
}

fn kind(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(it) => it.to_string(),
        Value::Number(it) => it.to_string(),
        Value::String(_) => "a string".to_owned(),
        Value::Array(_) => "an array".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    }
}

/// A schema in one line: `{path: string, edits: [{old: string, new: string}]}`, `?` for what may
/// be left out.
pub(in crate::tools) fn shape(schema: &Value) -> String {
    match schema["type"].as_str() {
        Some("object") => {
            let field = |(name, schema_of): (&String, &Value)| {
                let mark = if required(schema).any(|it| it == name) { "" } else { "?" };
                format!("{name}{mark}: {}", shape(schema_of))
            };
            let fields = schema["properties"].as_object().into_iter().flatten().map(field);
            format!("{{{}}}", fields.collect::<Vec<_>>().join(", "))
        }
        Some("array") => format!("[{}]", shape(&schema["items"])),
        Some(other) => other.to_owned(),
        None => "anything".to_owned(),
    }
}

/// The name that was most likely meant, if one is like enough.
pub(in crate::tools) fn nearest<'a>(
    name: &str,
    names: impl Iterator<Item = &'a str>,
) -> Option<&'a str> {
    let score = |it: &str| {
        let holds = name.contains(it) || it.contains(name);
        if holds && !name.is_empty() { 1.0 } else { strsim::jaro_winkler(name, it) }
    };
    let scored = names.map(|it| (it, score(it)));
    let (best, score) = scored.reduce(|best, it| if best.1 < it.1 { it } else { best })?;
    (0.75 <= score).then_some(best)
}
