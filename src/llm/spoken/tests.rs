//! Replies as models write them, and the calls they hold.

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;

const TOOLS: &[&str] = &["read_file", "functions.read_file", "run_command", "write_file"];

fn heard(text: &str) -> Reply {
    let mut reply = Reply { text: text.to_owned(), ..Reply::default() };
    hear(&mut reply, &|it| TOOLS.contains(&it));
    reply
}

#[track_caller]
fn check(text: &str, expected: Expect) {
    let reply = heard(text);
    assert_eq!(format!("{}{}", reply.text, reply.spoken), text, "nothing is lost");
    let calls = reply.calls.iter().map(|it| format!("{} {}\n", it.tool, it.args));
    expected.assert_eq(&format!("{:?}\n{}", reply.text, calls.collect::<String>()));
}

#[test]
fn hermes_and_qwen() {
    check(
        "I look.\n<tool_call>\n{\"name\": \"read_file\", \"arguments\": {\"paths\": [\"a\"]}}\n</tool_call>",
        expect![[r#"
            "I look.\n"
            read_file {"paths": ["a"]}
        "#]],
    );
    check(
        "<tool_call>{\"name\": \"read_file\", \"arguments\": {\"path\": \"</tool_call>\"}}</tool_call>\n<tool_call>{\"name\": \"run_command\", \"arguments\": {\"command\": \"ls\"}}",
        expect![[r#"
            ""
            read_file {"path": "</tool_call>"}
            run_command {"command": "ls"}
        "#]],
    );
    check(
        "<tool_call>\n{\"name\": \"write_file\", \"arguments\": {\"path\": \"a\", \"content\": \"one\ntwo\"}}\n</tool_call>",
        expect![[r#"
            ""
            write_file {"name": "write_file", "arguments": {"path": "a", "content": "one
            two"}}
        "#]],
    );
    check(
        "<tool_call>\n{\"name\": \"read_file\", \"arguments\": {\"paths\": [\"a\"]}",
        expect![[r#"
            ""
            read_file {"name": "read_file", "arguments": {"paths": ["a"]}
        "#]],
    );
}

#[test]
fn qwen_coder() {
    let call = "<function=write_file>\n<parameter=path>\na.html\n</parameter>\n<parameter=content>\n<b>\n</parameter>x\n\n</parameter>\n</function>";
    check(
        &format!("Now.\n<tool_call>\n{call}\n</tool_call>"),
        expect![[r#"
            "Now.\n"
            write_file {"path":"a.html","content":"<b>\n</parameter>x\n"}
        "#]],
    );
    check(
        call,
        expect![[r#"
            ""
            write_file {"path":"a.html","content":"<b>\n</parameter>x\n"}
        "#]],
    );
    check(
        "<function=run_command><parameter=command>ls</parameter>",
        expect![[r#"
            ""
            run_command {"command":"ls"}
        "#]],
    );
    check(
        "<function=run_command>\n<parameter=command>\nrm -rf ./buil",
        expect![[r#"
            "<function=run_command>\n<parameter=command>\nrm -rf ./buil"
        "#]],
    );
}

#[test]
fn llama_and_mistral() {
    check(
        "<|python_tag|>{\"name\": \"read_file\", \"parameters\": {\"paths\": [\"a\"]}}<|eom_id|>",
        expect![[r#"
            ""
            read_file {"paths": ["a"]}
        "#]],
    );
    check(
        "<function=read_file>{\"paths\": [\"a\"]}</function>",
        expect![[r#"
            ""
            read_file {"paths": ["a"]}
        "#]],
    );
    check(
        "[TOOL_CALLS][{\"name\": \"read_file\", \"arguments\": {\"paths\": [\"a\"]}}, {\"name\": \"run_command\", \"arguments\": {\"command\": \"ls\"}}]",
        expect![[r#"
            ""
            read_file {"paths": ["a"]}
            run_command {"command": "ls"}
        "#]],
    );
    check(
        "Well. [TOOL_CALLS]read_file[ARGS]{\"paths\": [\"a\"]}[TOOL_CALLS]run_command[CALL_ID]x1[ARGS]{\"command\": \"ls\"}</s>",
        expect![[r#"
            "Well. "
            read_file {"paths": ["a"]}
            run_command {"command": "ls"}
        "#]],
    );
}

#[test]
fn harmony_deepseek_and_others() {
    check(
        "<|channel|>commentary to=functions.read_file <|constrain|>json<|message|>{\"paths\": [\"a\"]}<|call|>",
        expect![[r#"
            ""
            functions.read_file {"paths": ["a"]}
        "#]],
    );
    check(
        "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>read_file\n```json\n{\"paths\": [\"a\"]}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
        expect![[r#"
            ""
            read_file ```json
            {"paths": ["a"]}
            ```
        "#]],
    );
    check(
        "<｜tool▁call▁begin｜>read_file<｜tool▁sep｜>{\"paths\": [\"a\"]}<｜tool▁call▁end｜>",
        expect![[r#"
            ""
            read_file {"paths": ["a"]}
        "#]],
    );
    check(
        "<function_calls>\n<invoke name=\"run_command\">\n<parameter name=\"command\">ls</parameter>\n</invoke>\n</function_calls>",
        expect![[r#"
            ""
            run_command {"command":"ls"}
        "#]],
    );
    check(
        "```tool_code\nprint(run_command(command='echo \"a, b\"', timeout_seconds=5))\n```",
        expect![[r#"
            ""
            run_command {"command": 'echo "a, b"', "timeout_seconds": 5}
        "#]],
    );
}

#[test]
fn glm_and_kimi() {
    check(
        "<tool_call>read_file\n<arg_key>paths</arg_key>\n<arg_value>[\"a\"]</arg_value>\n<arg_key>start_line</arg_key>\n<arg_value>3</arg_value>\n</tool_call>",
        expect![[r#"
            ""
            read_file {"paths":"[\"a\"]","start_line":"3"}
        "#]],
    );
    check(
        "<|tool_calls_section_begin|><|tool_call_begin|>functions.read_file<|tool_call_argument_begin|>{\"paths\": [\"a\"]}<|tool_call_end|><|tool_calls_section_end|>",
        expect![[r#"
            ""
            functions.read_file {"paths": ["a"]}
        "#]],
    );
}

#[test]
fn plain_json_is_a_call_where_it_stands_alone() {
    check(
        "{\"name\": \"read_file\", \"arguments\": {\"paths\": [\"a\"]}}\n",
        expect![[r#"
            ""
            read_file {"paths": ["a"]}
        "#]],
    );
    check(
        "{\"name\": \"read_file\", \"parameters\": {\"paths\": [\"a\"]}}; {\"name\": \"run_command\", \"parameters\": {\"command\": \"ls\"}}",
        expect![[r#"
            ""
            read_file {"paths": ["a"]}
            run_command {"command": "ls"}
        "#]],
    );
    check(
        "First I read it.\n\n```json\n{\"tool\": \"read_file\", \"input\": {\"paths\": [\"a\"]}}\n```\n",
        expect![[r#"
            "First I read it.\n\n"
            read_file {"paths": ["a"]}
        "#]],
    );
    check(
        "[{\"type\": \"function\", \"function\": {\"name\": \"read_file\", \"arguments\": \"{}\"}}]",
        expect![[r#"
            ""
            read_file "{}"
        "#]],
    );
}

#[test]
fn what_is_quoted_told_or_unknown_is_no_call() {
    let call = "<tool_call>{\"name\": \"run_command\", \"arguments\": {\"command\": \"rm a\"}}</tool_call>";
    let json = "{\"name\": \"run_command\", \"arguments\": {\"command\": \"rm a\"}}";
    for text in [
        format!("A call looks so:\n```\n{call}\n```"),
        format!("```xml\n{call}\n```\nIs that right?"),
        format!("Write `{call}`"),
        format!("> {call}"),
        format!("    {call}"),
        format!("{call}\nThat is how it is done."),
        call.replace("run_command", "delete_all"),
        format!("{call}{}", call.replace("run_command", "delete_all")),
        format!("You could say {json}"),
        format!("{json} is what I would say"),
        format!("```json\n{json}\n```\nThat is the form."),
        format!("```sh\nls\n```\nthen\n```json\n{json}\n```"),
        format!("```markdown\n```json\n{json}\n```\n```"),
        format!("```python\n{json}\n```"),
        json.replace("arguments", "description"),
        json.replace("\"name\"", "\"user\": 1, \"name\""),
        "{\"name\": \"run_command\"}".to_owned(),
        "<function=run_command> is how it begins".to_owned(),
        "[TOOL_CALLS] is a token".to_owned(),
        "<|channel|>final<|message|>run_command".to_owned(),
        "<tool_call>".to_owned(),
        "<tool_call>run_command of yours</tool_call>".to_owned(),
    ] {
        let reply = heard(&text);
        assert_eq!((reply.calls, reply.text), (vec![], text));
    }
}

#[test]
fn a_reply_that_calls_or_was_stopped_is_left_alone() {
    let text = "<function=run_command>{\"command\": \"ls\"}</function>".to_owned();
    let calls = vec![Call::default()];
    for before in [
        Reply { text: text.clone(), calls, ..Reply::default() },
        Reply { text: text.clone(), end: End::Cancelled, ..Reply::default() },
        Reply { reasoning: text.clone(), ..Reply::default() },
    ] {
        let mut reply = before.clone();
        hear(&mut reply, &|_| true);
        assert_eq!(reply, before);
    }
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(pieces in prop::collection::vec(prop_oneof![
        prop::sample::select(vec![
            "<tool_call>", "</tool_call>", "<function=", "<parameter=", "</parameter>", ">", "</function>",
            "[TOOL_CALLS]", "[ARGS]", "<|python_tag|>", "<|channel|>", "<|message|>", "to=", "```", "```json\n",
            "<｜tool▁call▁begin｜>", "<｜tool▁sep｜>", "read_file", "{", "}", "\"", "\n", "{\"name\":\"read_file\",\"arguments\":{}}",
        ]).prop_map(str::to_owned),
        any::<String>(),
    ], 0..16)) {
        let text = pieces.concat();
        let reply = heard(&text);
        prop_assert_eq!(reply.text + &reply.spoken, text);
    }
}

/// Not measured by a clock: what is not linear would take minutes.
#[test]
fn a_megabyte_is_heard_at_once() {
    for piece in [
        "<tool_call>",
        "<function=a><parameter=b>",
        "```\n",
        "{\"a\":[",
        "</parameter>",
        "[TOOL_CALLS]",
        "> <tool_call>\n",
    ] {
        heard(&piece.repeat(1_000_000 / piece.len()));
    }
}
