//! A call in one line: what, and on what.

use crate::conversation::Call;
use crate::ui::visible::visible_line;

/// The arguments a person looks for first, in this order.
const TELLING: &[&str] = &["command", "path", "paths", "glob", "pattern", "regex", "url", "query"];

/// `read_file src/lib.rs`, from whatever the model wrote; at most `width` characters.
pub(super) fn call_line(call: &Call, width: usize) -> String {
    let args: serde_json::Value = serde_json::from_str(&call.args).unwrap_or_default();
    let told: Vec<String> = TELLING.iter().filter_map(|it| words(args.get(it)?)).collect();
    let told = match (told.is_empty(), args.as_object()) {
        (false, _) => told.join(" "),
        (true, Some(map)) if map.is_empty() => String::new(),
        (true, Some(_)) => args.to_string(),
        (true, None) => call.args.clone(),
    };
    visible_line(&format!("{} {told}", call.tool), width)
}

/// The call whole, for a person who has to decide about it: each argument on lines of its own.
pub(super) fn call_in_full(call: &Call) -> String {
    let Ok(serde_json::Value::Object(args)) = serde_json::from_str(&call.args) else {
        return format!("{}\n  {}", call.tool, call.args);
    };
    let mut text = call.tool.clone();
    for (name, value) in args {
        let value = match value {
            serde_json::Value::String(it) => it,
            other => serde_json::to_string_pretty(&other).unwrap_or_default(),
        };
        if value.contains('\n') {
            let lines = value.lines().map(|it| format!("\n    {it}"));
            text += &format!("\n  {name}:{}", lines.collect::<String>());
        } else {
            text += &format!("\n  {name}: {value}");
        }
    }
    text
}

fn words(value: &serde_json::Value) -> Option<String> {
    match value {
        serde_json::Value::String(it) if it.is_empty() => None,
        serde_json::Value::String(it) => Some(it.clone()),
        serde_json::Value::Array(items) => {
            Some(items.iter().filter_map(words).collect::<Vec<_>>().join(" "))
        }
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
}
