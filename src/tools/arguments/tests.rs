//! Calls as models get them wrong, and what becomes of each.

use std::borrow::Cow;

use expect_test::{Expect, expect, expect_file};
use proptest::prelude::*;
use serde::{Deserialize, Serialize};

use super::*;
use crate::tools::toolbox::specs;
use crate::tools::{edit_file, find_files, list_files, read_file, run_command, search, write_file};

fn call(tool: &str, args: &str) -> Call {
    Call { id: String::new(), tool: tool.to_owned(), args: args.to_owned() }
}

/// The call as its tool would take it, or the complaint.
fn outcome(tool: &str, args: &str) -> Result<Understood, String> {
    let specs = specs();
    let understood = understand(&call(tool, args), &specs)?;
    let Call { tool, args, .. } = &understood.call;
    let Some(spec) = specs.iter().find(|it| it.name == *tool) else {
        return Err(format!("there is no tool `{tool}`"));
    };
    match &**tool {
        "read_file" => parse::<read_file::Args>(args, spec).map(drop)?,
        "write_file" => parse::<write_file::Args>(args, spec).map(drop)?,
        "edit_file" => parse::<edit_file::Args>(args, spec).map(drop)?,
        "list_files" => parse::<list_files::Args>(args, spec).map(drop)?,
        "find_files" => parse::<find_files::Args>(args, spec).map(drop)?,
        "search" => parse::<search::Args>(args, spec).map(drop)?,
        "run_command" => parse::<run_command::Args>(args, spec).map(drop)?,
        other => panic!("{other} has no line here"),
    }
    Ok(understood)
}

/// One call of the corpus and what must come of it.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct Case {
    kind: String,
    tool: String,
    args: String,
    /// The tool that runs, and with which arguments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    runs: Option<(String, Value)>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    mention: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    refused: String,
}

fn corpus() -> Vec<Case> {
    let lines = include_str!("corpus.jsonl").lines();
    lines.map(|it| serde_json::from_str(it).expect("a line of the corpus")).collect()
}

#[test]
fn each_call_of_the_corpus_runs_as_it_was_meant_or_is_refused_with_the_reason() {
    let judged = corpus().into_iter().map(|case| {
        let Case { kind, tool, args, .. } = case;
        let (mut runs, mut mention, mut refused) = (None, String::new(), String::new());
        match outcome(&tool, &args) {
            Ok(it) => {
                mention = it.mention().trim_end().to_owned();
                let args = match &*it.call.args {
                    "" | "null" => "{}",
                    args => args,
                };
                runs = Some((it.call.tool, serde_json::from_str(args).unwrap()));
            }
            Err(it) => refused = it.split(". Nothing was done").next().unwrap().to_owned(),
        }
        Case { kind, tool, args, runs, mention, refused }
    });
    let lines = judged.map(|it| serde_json::to_string(&it).unwrap() + "\n");
    expect_file!["corpus.jsonl"].assert_eq(&lines.collect::<String>());
}

#[test]
fn the_corpus_is_large_and_of_many_kinds() {
    let cases = corpus();
    let mut kinds: Vec<_> = cases.iter().map(|it| &*it.kind).collect();
    kinds.dedup();
    assert!(cases.len() >= 220 && kinds.len() >= 10, "{} of {}", cases.len(), kinds.len());
    let refused = cases.iter().filter(|it| !it.refused.is_empty()).count();
    assert!(refused >= 60 && cases.len() - refused >= 100, "{refused} refused");
}

/// Nothing runs that the model did not say: each string stands in the call, with its escapes
/// undone as often as it was wrapped in strings.
#[test]
fn each_string_that_would_run_stands_in_the_call() {
    for case in corpus().iter().filter(|it| it.runs.is_some()) {
        let mut said = vec![case.args.clone()];
        (0..3).for_each(|_| said.push(unescaped(said.last().unwrap()).into_owned()));
        for text in strings(&case.runs.as_ref().unwrap().1) {
            assert!(said.iter().any(|it| it.contains(&text)), "{text:?} is not in {}", case.args);
        }
    }
}

fn strings(value: &Value) -> Vec<String> {
    match value {
        Value::String(it) => vec![it.clone()],
        Value::Array(items) => items.iter().flat_map(strings).collect(),
        Value::Object(fields) => fields.values().flat_map(strings).collect(),
        _ => Vec::new(),
    }
}

/// The text with what JSON would escape put plainly, wherever it stands.
fn unescaped(text: &str) -> Cow<'_, str> {
    let mut plain = String::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '\\' {
            plain.push(c);
            continue;
        }
        match chars.next() {
            Some('n') => plain.push('\n'),
            Some('r') => plain.push('\r'),
            Some('t') => plain.push('\t'),
            Some('u') => {
                let mut unit = || {
                    let digits: String = chars.by_ref().take(4).collect();
                    u16::from_str_radix(&digits, 16).unwrap()
                };
                let mut units = vec![unit()];
                if (0xd800..0xdc00).contains(&units[0]) {
                    assert_eq!((chars.next(), chars.next()), (Some('\\'), Some('u')));
                    let digits: String = chars.by_ref().take(4).collect();
                    units.push(u16::from_str_radix(&digits, 16).unwrap());
                }
                plain += &String::from_utf16(&units).unwrap();
            }
            Some(c @ ('"' | '\\' | '/' | '\'')) => plain.push(c),
            Some(other) => plain.extend(['\\', other]),
            None => plain.push('\\'),
        }
    }
    plain.into()
}

#[track_caller]
fn check(args: &str, expected: Expect) {
    let complaint = outcome("edit_file", args).unwrap_err();
    let (complaint, shape) = complaint.split_once(". Nothing was done. ").unwrap();
    assert_eq!(
        shape,
        "`edit_file` takes {path: string, edits?: [{old: string, new: string, path?: string}], patch?: string}"
    );
    expected.assert_eq(complaint);
}

#[test]
fn json_that_is_cut_off_is_told_from_json_that_is_wrong() {
    check(
        r#"{"path": "a", "edits": ["#,
        expect!["the arguments end before their JSON object does"],
    );
    check(
        r#"{"path": "a" "edits": []}"#,
        expect![[
            r#"the arguments are not valid JSON at line 1, column 14, near `{"path": "a" "edits": []}`"#
        ]],
    );
    for open in ["[", "{\"a\":", "[{\"arguments\":", "\"\\\""] {
        outcome("edit_file", &open.repeat(1_000_000)).unwrap_err();
    }
    check(
        &"[".repeat(1_000_000),
        expect![
            "the arguments are nested too deeply at line 1, column 65, near `[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[`"
        ],
    );
}

#[test]
fn the_field_that_is_wrong_is_named() {
    check("[1]", expect!["the arguments must be a JSON object, not an array"]);
    check(r#"{"path": true, "edits": []}"#, expect!["`path` must be a string, not true"]);
    check(
        r#"{"path": "a", "edits": [{"old": "x", "new": "y"}, {"old": "x"}]}"#,
        expect!["`edits[1].new` is missing"],
    );
    check(r#"{"path": "a", "edits": "x"}"#, expect!["`edits` must be an array, not a string"]);
}

#[test]
fn an_argument_that_is_not_known_is_answered_with_the_nearest() {
    check(
        r#"{"pathes": "a", "edits": []}"#,
        expect!["there is no argument `pathes`; did you mean `path`?"],
    );
    check(r#"{"path": "a", "edits": [], "zzz": 1}"#, expect!["there is no argument `zzz`"]);
}

/// Arguments that fit one of the tools.
fn fitting() -> impl Strategy<Value = (&'static str, Value)> {
    let text = || any::<String>().prop_map(Value::from);
    let number = || prop_oneof![any::<u32>().prop_map(Value::from), Just(Value::Null)];
    let maybe = || prop_oneof![any::<String>().prop_map(Value::from), Just(Value::Null)];
    let object = |fields: Vec<(&str, Value)>| -> Value {
        Value::Object(fields.into_iter().map(|(name, it)| (name.to_owned(), it)).collect())
    };
    let edit =
        (text(), text()).prop_map(move |(old, new)| object(vec![("old", old), ("new", new)]));
    let list = |it: Vec<Value>| Value::Array(it);
    prop_oneof![
        (prop::collection::vec(text(), 0..3).prop_map(list), number()).prop_map(
            move |(paths, n)| ("read_file", object(vec![("paths", paths), ("start_line", n)]))
        ),
        (text(), text(), any::<bool>()).prop_map(move |(path, content, append)| {
            let fields = vec![("path", path), ("content", content), ("append", append.into())];
            ("write_file", object(fields))
        }),
        (text(), prop::collection::vec(edit, 0..3).prop_map(list)).prop_map(
            move |(path, edits)| ("edit_file", object(vec![("path", path), ("edits", edits)]))
        ),
        (maybe(), number())
            .prop_map(move |(path, n)| ("list_files", object(vec![("path", path), ("depth", n)]))),
        (text(), maybe()).prop_map(move |(pattern, path)| (
            "find_files",
            object(vec![("pattern", pattern), ("path", path)])
        )),
        (text(), maybe(), number()).prop_map(move |(pattern, glob, n)| (
            "search",
            object(vec![("pattern", pattern), ("glob", glob), ("context", n)])
        )),
        (text(), maybe()).prop_map(move |(command, cwd)| (
            "run_command",
            object(vec![("command", command), ("cwd", cwd)])
        )),
    ]
}

/// A text without its last closing brackets.
fn unclosed(args: &str) -> &str {
    args.trim_end_matches(['}', ']', ' ', '\n'])
}

proptest! {
    #[test]
    fn arguments_that_fit_are_not_touched((tool, args) in fitting(), pretty in any::<bool>()) {
        let args = if pretty { serde_json::to_string_pretty(&args) } else { serde_json::to_string(&args) }.unwrap();
        let understood = outcome(tool, &args).unwrap();
        prop_assert_eq!(understood, Understood { call: call(tool, &args), repairs: Vec::new() });
    }

    /// A part of a call is refused, or lacks nothing but brackets, which is told.
    #[test]
    fn a_part_of_a_call_never_passes_for_another((tool, args) in fitting(), at in any::<prop::sample::Index>()) {
        let whole = args.to_string();
        let at = at.index(whole.len());
        prop_assume!(0 < at && whole.is_char_boundary(at));
        if let Ok(it) = outcome(tool, &whole[..at]) {
            prop_assert_eq!(&it.repairs, &["missing brackets at the end added"]);
            let said: Value = serde_json::from_str(&it.call.args).unwrap();
            for (name, value) in said.as_object().unwrap() {
                let is_whole = *value == args[name] || unclosed(&whole[..at]).ends_with(unclosed(&value.to_string()));
                prop_assert!(is_whole, "{} of {}", value, whole);
            }
        }
    }

    #[test]
    fn no_text_makes_it_panic(tool in "[a-z_]{0,12}|read_file|edit_file|bash", args in any::<String>(), at in "[\\[{\\]}\",:'\\\\a-z0-9“”` \n]{0,60}") {
        let _ = outcome(&tool, &args);
        let _ = outcome(&tool, &at);
        let _ = outcome("edit_file", &format!("{{\"path\":\"a\",\"edits\":{at}"));
    }

    #[test]
    fn json_is_read_as_json(args in "[\\[{\\]}\",:\\\\a-u0-9. \n-]{0,24}") {
        if let (Ok(value), Ok((node, slips))) = (serde_json::from_str::<Value>(&args), lenient::read(&args)) {
            prop_assert!(slips.is_empty());
            prop_assert_eq!(node.into_value(), value);
        }
    }
}

/// Not measured by a clock: a reader that were not linear would take minutes.
#[test]
fn a_megabyte_is_read_at_once() {
    let content = "fn main() { say(\"\\\\n\"); }\n".repeat(32_000);
    let right = serde_json::json!({"path": "a", "content": content}).to_string();
    assert!(outcome("write_file", &right).unwrap().repairs.is_empty());
    let wrong = format!("{{'path': 'a', 'content': '{}',", "line\n".repeat(200_000));
    outcome("write_file", &wrong).unwrap_err();
    let many = format!("{{{}", "\"a\":1,".repeat(150_000));
    outcome("write_file", &many).unwrap_err();
    let edits = "{old_string: 'a', new_string: 'b'},".repeat(30_000);
    let edits = outcome("edit_file", &format!("{{path: 'a', edits: [{edits}]"));
    assert_eq!(edits.unwrap().repairs.len(), 6);
}
