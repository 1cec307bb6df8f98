//! What another program reads and writes: prompts as lines, an answer in a form, limits of a turn.
#![cfg(target_os = "linux")]

mod support;

use expect_test::{Expect, expect};
use serde_json::{Value, json};

use crate::support::child::Finished;
use crate::support::fault_server::FaultServer;
use crate::support::home::Home;
use crate::support::play::Play;
use crate::support::response::{Gate, Response, call, calls, say};

const STREAM: &[&str] = &["--input-format", "stream-json", "--output-format", "stream-json"];

const SCHEMA: &str =
    r#"{"type": "object", "required": ["ok"], "properties": {"ok": {"type": "boolean"}}}"#;

fn user(words: &str) -> String {
    let line = json!({"type": "user", "message": {"role": "user", "content": words}});
    format!("{line}\n")
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|it| serde_json::from_str(it).unwrap_or_else(|_| panic!("{it}"))).collect()
}

/// Each line in a few words.
fn shown(finished: &Finished) -> String {
    let line = |it: &Value| match it["type"].as_str().unwrap_or_default() {
        "result" => format!("result {} {} {}", it["subtype"], it["result"], it["num_turns"]),
        "control_response" => format!("control_response {}", it["response"]),
        other => format!("{other} {}", it["subtype"]).replace(" null", ""),
    };
    let shown: Vec<_> = lines(&finished.stdout).iter().map(line).collect();
    format!("{}\n{}", shown.join("\n"), finished.stderr)
}

fn messages(server: &FaultServer, nth: usize) -> Vec<Value> {
    server.chats()[nth].body["messages"].as_array().expect("a list").clone()
}

#[test]
fn each_line_is_a_turn_of_one_session() {
    let home = Home::new();
    let server = FaultServer::script(vec![say("One."), call("list_files", json!({})), say("Two.")]);
    let blocks = json!({"type": "user", "message": {"role": "user", "content": [{"type": "text", "text": "second"}]}});
    let input = format!("{}\n\n{blocks}\n", user("first"));
    let finished = home.agent(STREAM).server(&server).stdin(input.as_bytes()).run();
    finished.assert_code(0);
    expect![[r#"
        system "init"
        assistant
        result "success" "One." 1
        assistant
        user
        assistant
        result "success" "Two." 2
    "#]]
    .assert_eq(&shown(&finished));
    let ids: Vec<_> = lines(&finished.stdout).iter().map(|it| it["session_id"].clone()).collect();
    assert!(ids.iter().all(|it| *it == ids[0] && it.is_string()), "{ids:?}");
    // The second prompt comes behind the first answer.
    let said: Vec<_> = messages(&server, 1).iter().map(|it| it["content"].clone()).collect();
    assert_eq!(said[1..], [json!("first"), json!("One."), json!("second")]);
}

#[test]
fn a_line_that_is_no_message_is_named() {
    let home = Home::new();
    let server = FaultServer::script(vec![say("One.")]);
    let input = format!("{}\nfix it\n{}", user("first"), user("never"));
    let finished = home.agent(STREAM).server(&server).stdin(input.as_bytes()).run();
    finished.assert_code(2);
    expect![[r#"
        system "init"
        assistant
        result "success" "One." 1
        result "error_during_execution" "line 3 of standard input is no message: not JSON (expected ident at line 1 column 2)" 0
        error: line 3 of standard input is no message: not JSON (expected ident at line 1 column 2)
    "#]].assert_eq(&shown(&finished));
    assert_eq!(server.chats().len(), 1);
    let nothing = home.agent(STREAM).server(&server).stdin(b"\n").run();
    nothing.assert_code(2);
    expect![[r#"
        error: standard input held no message
        hint: a line is as {"type":"user","message":{"role":"user","content":"fix the failing tests"}}
    "#]].assert_eq(&nothing.stderr);
}

#[test]
fn formats_that_cannot_go_together_are_refused() {
    let home = Home::new();
    let check = |args: &[&str], expected: Expect| {
        let finished = home.agent(args).stdin(user("x").as_bytes()).run();
        finished.assert_code(2);
        expected.assert_eq(&finished.stderr);
    };
    check(
        &["--input-format", "stream-json"],
        expect![[r#"
        error: several prompts have several answers
        hint: add `--output-format stream-json`
    "#]],
    );
    check(
        &[STREAM, &["fix the tests"]].concat(),
        expect![[r#"
            error: prompts come from standard input, so none can be typed
            hint: leave out `--input-format`, or the prompt
        "#]],
    );
    check(
        &["--json-schema", "s.json", "go"],
        expect![[r#"
        error: an answer that satisfies a schema is for programs
        hint: add `--output-format json`, and read `structured_output` of it
    "#]],
    );
    check(
        &["--max-time", "90", "go"],
        expect![[r#"
        error: invalid value '90' for '--max-time <DURATION>': a time is a number with a unit, as in `[TIME]`, `10m` or `1h30m`

        For more information, try '--help'.
    "#]],
    );
}

#[test]
fn a_turn_is_interrupted_and_the_session_goes_on() {
    let home = Home::new();
    let gate = Gate::closed();
    let held = say("One.").held_until(&gate);
    let server = FaultServer::script(vec![held, say("Two.")]);
    let mut running = home.agent(STREAM).server(&server).open_stdin().start();
    let control = |subtype: &str| {
        let request = json!({"subtype": subtype});
        json!({"type": "control_request", "request_id": subtype, "request": request}).to_string()
            + "\n"
    };
    running.write(&control("initialize"));
    running.write(&control("set_model"));
    running.write(&user("first"));
    server.chat(0);
    running.write(&control("interrupt"));
    running.wait_for_stdout("\"result\"");
    running.write(&user("second"));
    let finished = running.finish();
    gate.open();
    finished.assert_code(0);
    expect![[r#"
        control_response {"subtype":"success","request_id":"initialize","response":{"commands":[]}}
        control_response {"subtype":"error","request_id":"set_model","error":"there is no request `set_model`"}
        system "init"
        control_response {"subtype":"success","request_id":"interrupt","response":{}}
        result "error_during_execution" "" 0
        assistant
        result "success" "Two." 1
    "#]].assert_eq(&shown(&finished));
}

#[test]
fn ctrl_c_ends_a_session_that_waits_for_its_next_line() {
    let home = Home::new();
    let server = FaultServer::script(vec![say("One.")]);
    let mut running = home.agent(STREAM).server(&server).open_stdin().start();
    running.write(&user("first"));
    running.wait_for_stdout("\"result\"");
    running.interrupt();
    running.finish_as_it_is().assert_code(130);
}

/// The result line of a run that has to say `go`.
#[track_caller]
fn result(args: &[&str], script: Vec<Response>, code: i32) -> (Value, FaultServer) {
    let home = Home::new();
    home.file("project/schema.json", SCHEMA);
    let server = FaultServer::script(script);
    let args = [args, &["--output-format", "json", "go"]].concat();
    let finished = home.agent(&args).server(&server).run();
    finished.assert_code(code);
    (lines(&finished.stdout).remove(0), server)
}

const IN_FORM: &[&str] = &["--json-schema", "schema.json"];

#[test]
fn an_answer_has_the_form_that_was_asked_for() {
    let script = vec![call("list_files", json!({})), say("All is well."), say(r#"{"ok": true}"#)];
    let (result, server) = result(IN_FORM, script, 0);
    assert_eq!(result["structured_output"], json!({"ok": true}));
    assert_eq!(result["result"], "All is well.");
    assert_eq!((&result["subtype"], &result["num_turns"]), (&json!("success"), &json!(3)));
    let chats = server.chats();
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    assert_eq!(chats[2].body["response_format"]["json_schema"]["schema"], schema);
    assert!(chats[1].body["response_format"].is_null());
    // Tools and all that was said are the same, and at the beginning.
    assert_eq!(chats[1].body["tools"], chats[2].body["tools"]);
    let (before, after) = (messages(&server, 1), messages(&server, 2));
    assert_eq!(before[..], after[..before.len()]);
    expect![[r#"
        Now give the result of this task as JSON alone, without any other words, in the form of this JSON schema:
        {"type":"object","required":["ok"],"properties":{"ok":{"type":"boolean"}}}"#]].assert_eq(after.last().unwrap()["content"].as_str().unwrap());
}

#[test]
fn an_answer_in_another_form_is_asked_for_again() {
    let script = vec![
        say("Well."),
        say("yes"),
        say(r#"{"ok": "yes"}"#),
        say("```json\n{\"ok\": false}\n```"),
    ];
    let (result, server) = result(IN_FORM, script, 0);
    assert_eq!(result["structured_output"], json!({"ok": false}));
    let told = messages(&server, 3);
    let told: Vec<_> = told
        .iter()
        .filter(|it| it["role"] == "user")
        .skip(2)
        .map(|it| it["content"].as_str().unwrap())
        .collect();
    expect![[r#"
        That does not have the form. It is not JSON: expected value at line 1 column 1.
        Give the JSON again, whole and alone.

        That does not have the form. at '/ok': want boolean, but got string
        Give the JSON again, whole and alone."#]]
    .assert_eq(&told.join("\n\n"));
}

#[test]
fn a_model_that_never_finds_the_form_has_given_up() {
    let (result, server) = result(IN_FORM, vec![say("Well."), say("no")], 3);
    assert_eq!(result["subtype"], "error_max_structured_output_retries");
    assert!(result["structured_output"].is_null());
    assert_eq!(server.chats().len(), 4);
}

#[test]
fn a_server_that_cannot_hold_to_the_form_is_asked_without() {
    let refused = Response::bad_request("failed to parse grammar");
    let (result, server) = result(IN_FORM, vec![say("Well."), refused, say(r#"{"ok": true}"#)], 0);
    assert_eq!(result["structured_output"], json!({"ok": true}));
    assert!(server.chats()[2].body["response_format"].is_null());
}

#[test]
fn a_schema_that_is_none_is_told_before_anything_begins() {
    let home = Home::new();
    home.file("project/s.json", r#"{"type": "thing"}"#);
    let server = FaultServer::script(vec![say("never")]);
    let args = ["--output-format", "json", "--json-schema", "s.json", "go"];
    let finished = home.agent(&args).server(&server).run();
    finished.assert_code(1);
    assert!(
        finished.stderr.starts_with("error: cannot use the schema `s.json`: it is no JSON schema"),
        "{}",
        finished.stderr
    );
    assert_eq!(server.requests().len(), 0);
}

#[test]
fn a_turn_ends_when_its_time_is_up() {
    let (result, _) =
        result(&["--max-time", "300ms"], vec![Response::stream().text("I").stall()], 5);
    assert_eq!(
        (&result["subtype"], &result["stop_reason"]),
        (&json!("error_max_time"), &json!("max_time"))
    );
}

#[test]
fn a_turn_ends_at_its_limit_of_calls() {
    let two = calls(&[("list_files", json!({})), ("find_files", json!({"pattern": "*.rs"}))]);
    let (result, server) =
        result(&["--max-tool-calls", "2"], vec![two, call("list_files", json!({}))], 6);
    assert_eq!(result["subtype"], "error_max_tool_calls");
    assert_eq!(result["permission_denials"].as_array().unwrap().len(), 1);
    assert_eq!(server.chats().len(), 2);
}

#[test]
fn a_turn_ends_at_its_limit_of_requests() {
    let (result, _) = result(&["--max-turns", "1"], vec![call("list_files", json!({}))], 4);
    assert_eq!(result["subtype"], "error_max_turns");
}

#[test]
fn nothing_said_is_no_success() {
    let (result, _) = result(&[], vec![Response::stream().finish("stop")], 3);
    assert_eq!(
        (&result["is_error"], &result["stop_reason"]),
        (&json!(true), &json!("empty_replies"))
    );
}

#[test]
fn the_journal_says_why_a_turn_ended() {
    let home = Home::new();
    let server = FaultServer::script(vec![call("list_files", json!({}))]);
    home.agent(&["--max-tool-calls", "0", "go"]).server(&server).run().assert_code(6);
    let exported = home.agent(&["sessions", "export", "--format", "json"]).run().stdout;
    let document: Value = serde_json::from_str(&exported).unwrap();
    let last = document["entries"].as_array().unwrap().last().unwrap().clone();
    assert_eq!((&last["kind"], &last["stop"]), (&json!("stopped"), &json!("call_limit")));
}

/// On a real server, which makes a grammar of the schema, so that even a model that would say something
/// else keeps to it, and which has all that came before in its cache.
#[test]
fn a_real_server_holds_the_answer_to_its_form_and_reads_nothing_twice() {
    let Some(play) = Play::new() else { return };
    play.home.file("project/schema.json", SCHEMA);
    let script = json!([
        {"tool_calls": [{"name": "list_files", "arguments": {}}]},
        {"content": "All is well."},
        {"content": "nonsense"},
    ]);
    let model = play.model("form", &script);
    let args =
        ["-m", &model, "--output-format", "stream-json", "--json-schema", "schema.json", "go"];
    let finished = play.agent(&args).run();
    finished.assert_code(0);
    let lines = lines(&finished.stdout);
    let result = lines.last().unwrap();
    assert!(result["structured_output"]["ok"].is_boolean(), "{result}");
    let replies: Vec<_> = lines.iter().filter(|it| it["type"] == "assistant").collect();
    let usage = |nth: usize, field: &str| replies[nth]["message"]["usage"][field].as_u64().unwrap();
    // All but the last words of the request before, which the template ends in another way.
    let before = usage(1, "input_tokens") + usage(1, "cache_read_input_tokens");
    assert!(before <= usage(2, "cache_read_input_tokens") + 8, "{}", finished.stdout);
}
