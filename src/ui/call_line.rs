//! A call in one line: what, and on what.

use std::borrow::Cow;

use serde_json::Value;

use crate::conversation::Call;
use crate::ui::visible::{visible, visible_line};

/// The arguments a person looks for first, in this order.
const TELLING: &[&str] = &[
    "action", "kind", "revision", "command", "path", "paths", "glob", "pattern", "regex", "filter",
    "url", "query", "question", "id", "message",
];

/// `read_file src/lib.rs`, from whatever the model wrote; at most `width` characters.
pub(super) fn call_line(call: &Call, width: usize) -> String {
    let args: Value = serde_json::from_str(&call.args).unwrap_or_default();
    let told: Vec<String> = TELLING.iter().filter_map(|it| words(args.get(it)?)).collect();
    let told = match (told.is_empty(), args.as_object()) {
        (false, _) => told.join(" "),
        // What it says is shown as a list.
        (true, Some(_)) if call.tool == "update_plan" => String::new(),
        (true, Some(map)) if map.is_empty() => String::new(),
        (true, Some(_)) => args.to_string(),
        (true, None) => call.args.clone(),
    };
    visible_line(&format!("{} {told}", call.tool), width)
}

/// The call whole, for a person who has to decide about it: each argument on lines of its own, and
/// last the path, which long ones would push off the screen.
pub(super) fn call_in_full(call: &Call) -> String {
    let Ok(Value::Object(args)) = serde_json::from_str(&call.args) else {
        return visible(&format!("{}\n  {}", call.tool, call.args)).into_owned();
    };
    let (last, first): (Vec<_>, Vec<_>) = args.iter().partition(|(name, _)| *name == "path");
    let mut text = visible_line(&call.tool, 60);
    for (name, value) in first.into_iter().chain(last) {
        match edits(value).filter(|_| name == "edits") {
            Some(edits) => edits.iter().for_each(|it| text += &edit_in_full(it)),
            None => text += &argument(name, value),
        }
    }
    text
}

/// What is replaced and by what, where a value is a list of just that.
fn edits(value: &Value) -> Option<Vec<Edit<'_>>> {
    value.as_array()?.iter().map(edit).collect()
}

/// One may name a file of its own.
struct Edit<'a> {
    path: Option<&'a str>,
    old: &'a str,
    new: &'a str,
}

fn edit(value: &Value) -> Option<Edit<'_>> {
    let path = value.get("path").and_then(Value::as_str);
    let fields = 2 + usize::from(path.is_some());
    let edit = value.as_object().filter(|it| it.len() == fields)?;
    Some(Edit { path, old: edit.get("old")?.as_str()?, new: edit.get("new")?.as_str()? })
}

fn edit_in_full(Edit { path, old, new }: &Edit<'_>) -> String {
    let path = path.map(|it| format!(" of {}", visible_line(it, 200))).unwrap_or_default();
    format!("\n  edit{path}:{}{}", lines("\n    -", old), lines("\n    +", new))
}

fn argument(name: &str, value: &Value) -> String {
    // A name with a line break could pass for another argument.
    let name = visible_line(name, 60);
    let value = match value {
        Value::String(it) => Cow::Borrowed(&**it),
        other => Cow::Owned(serde_json::to_string_pretty(other).unwrap_or_default()),
    };
    if value.contains('\n') {
        format!("\n  {name}:{}", lines("\n    ", value.strip_suffix('\n').unwrap_or(&value)))
    } else {
        format!("\n  {name}: {}", visible(&value))
    }
}

/// Each line behind a mark; a line break at the end shows as an empty one.
fn lines(mark: &str, text: &str) -> String {
    let lines = text.split('\n').filter(|_| !text.is_empty());
    lines.map(|it| format!("{mark}{}", visible(it))).collect()
}

fn words(value: &Value) -> Option<String> {
    match value {
        Value::String(it) if it.is_empty() => None,
        Value::String(it) => Some(it.clone()),
        Value::Array(items) => Some(items.iter().filter_map(words).collect::<Vec<_>>().join(" ")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[track_caller]
    fn check(tool: &str, args: &str, expected: Expect) {
        let call = Call { id: String::new(), tool: tool.to_owned(), args: args.to_owned() };
        expected.assert_eq(&call_line(&call, 40));
    }

    #[test]
    fn the_telling_argument_is_shown() {
        check(
            "read_file",
            r#"{"start_line":3,"path":"src/lib.rs"}"#,
            expect!["read_file src/lib.rs"],
        );
        check("search", r#"{"path":"src","pattern":"fn main"}"#, expect!["search src fn main"]);
    }

    #[test]
    fn what_is_done_stands_before_what_it_is_done_to() {
        check("git", r#"{"path":"f.txt","action":"blame"}"#, expect!["git blame f.txt"]);
        check(
            "git",
            r#"{"action":"diff","path":"src","revision":"HEAD~1"}"#,
            expect!["git diff HEAD~1 src"],
        );
        check("check", r#"{"filter":"parses","kind":"test"}"#, expect!["check test parses"]);
    }

    #[test]
    fn other_arguments_are_shown_as_they_are() {
        check("wait", r#"{"seconds":3}"#, expect![[r#"wait {"seconds":3}"#]]);
        check("look", "not json", expect!["look not json"]);
        check("look", "{}", expect!["look"]);
    }

    #[test]
    fn a_long_command_is_cut_to_one_line() {
        check(
            "run_command",
            r#"{"command":"for x in 1 2 3\ndo echo this is long\ndone"}"#,
            expect!["run_command for x in 1 2 3 do echo this…"],
        );
    }

    #[track_caller]
    fn check_in_full(tool: &str, args: &str, expected: Expect) {
        let call = Call { id: String::new(), tool: tool.to_owned(), args: args.to_owned() };
        expected.assert_eq(&call_in_full(&call));
    }

    #[test]
    fn a_person_sees_an_edit_as_lines_and_where_it_is_made() {
        check_in_full(
            "edit_file",
            r#"{"path":"a.rs","edits":[{"old":"one\ntwo","new":"\u001b[2J"},{"old":"three\n","new":""}]}"#,
            expect![[r#"
                edit_file
                  edit:
                    -one
                    -two
                    +␛[2J
                  edit:
                    -three
                    -
                  path: a.rs"#]],
        );
        check_in_full(
            "edit_file",
            r#"{"path":"a.rs","edits":[{"old":"one","new":"two","path":"b\u001b.rs"}]}"#,
            expect![[r#"
                edit_file
                  edit of b␛.rs:
                    -one
                    +two
                  path: a.rs"#]],
        );
        check_in_full(
            "write_file",
            r#"{"path":"a.rs","content":"one\ntwo\n"}"#,
            expect![[r#"
            write_file
              content:
                one
                two
              path: a.rs"#]],
        );
    }

    #[test]
    fn nothing_of_a_call_is_kept_from_the_person() {
        check_in_full(
            "edit_file",
            r#"{"edits":[{"old":"a","new":"b","all":true}],"x\n  path: b":1}"#,
            expect![[r#"
                edit_file
                  edits:
                    [
                      {
                        "old": "a",
                        "new": "b",
                        "all": true
                      }
                    ]
                  x path: b: 1"#]],
        );
        check_in_full(
            "look",
            "not json",
            expect![[r#"
            look
              not json"#]],
        );
    }
}
