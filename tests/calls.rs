//! Calls as weak models make them: in text, under other names, over and over; the whole way from the
//! wire to the file and back.
#![cfg(target_os = "linux")]

mod support;

use expect_test::{Expect, expect};
use serde_json::json;

use crate::support::fault_server::FaultServer;
use crate::support::home::Home;
use crate::support::journal;
use crate::support::play::{Play, entries};
use crate::support::response::{Response, call, say};

/// Runs one prompt; shows what the person sees and what the model was sent at the end.
#[track_caller]
fn check(
    args: &[&str],
    code: i32,
    replies: Vec<Response>,
    expected: Expect,
) -> (Home, FaultServer) {
    let (home, server) = (Home::new(), FaultServer::script(replies));
    home.file("project/a.txt", "one\n");
    let run = home.agent(&[args, &["go"]].concat()).server(&server).run();
    run.assert_code(code);
    let (stdout, stderr) = (&run.stdout, &run.stderr);
    let chats = server.chats();
    let sent = chats.last().expect("it asked").messages()[2..].iter().map(|it| format!("{it}\n"));
    expected.assert_eq(&format!("{stdout}---\n{stderr}---\n{}", sent.collect::<String>()));
    (home, server)
}

#[test]
fn a_call_written_as_text_runs_and_stays_text() {
    let text = "I write it.\n<tool_call>\n{\"name\": \"write_file\", \"arguments\": {\"path\": \"b.txt\", \"content\": \"two\n\"}}\n</tool_call>";
    let (home, server) = check(
        &["--permission", "auto"],
        0,
        vec![say(text), say("Done.")],
        expect![[r#"
            I write it.
            Done.
            ---
            ● write_file b.txt  1 line
              200 tokens read, 0 from cache, 20 written at 100/s, 0 % of the window
            ---
            {"role":"assistant","content":"I write it.\n<tool_call>\n{\"name\": \"write_file\", \"arguments\": {\"path\": \"b.txt\", \"content\": \"two\n\"}}\n</tool_call>"}
            {"role":"user","content":"[You wrote the call as text. Use the tool-call format.]\n\nResult of write_file:\n[understood: raw line breaks or tabs in a string, the arguments that stood in `arguments`]\ncreated `b.txt`: 1 line\n"}
        "#]],
    );
    assert_eq!(home.read("project/b.txt"), "two\n");
    expect![[r#"
        header
        opened
        prompt "go"
        reply 1 calls "I write it.\n"
        started
        result "done" "[understood: raw line breaks or tabs in a string, the arguments that stood in `arguments`]\ncreated `b.txt`: 1 line\n"
        reply "Done."
    "#]].assert_eq(&journal::shape(&home));

    // What is resumed is what was said.
    home.agent(&["-c", "and now?"]).server(&server).run().assert_code(0);
    let (before, after) = (&server.chat(1).raw, &server.chat(2).raw);
    assert!(after.starts_with(before.strip_suffix(b"]}").expect("messages come last")));
}

#[test]
fn a_call_under_another_name_is_judged_as_the_tool_that_runs() {
    check(
        &["--permission", "read-only"],
        0,
        vec![call("Bash", json!({"cmd": "touch b"})), say("Well.")],
        expect![[r#"
            Well.
            ---
            ● Bash {"cmd":"touch b"}  refused: read-only
              200 tokens read, 0 from cache, 20 written at 100/s, 0 % of the window
            ---
            {"role":"assistant","content":"","tool_calls":[{"id":"call00000000000000x0000000000000","type":"function","function":{"name":"Bash","arguments":"{\"cmd\":\"touch b\"}"}}]}
            {"role":"tool","tool_call_id":"call00000000000000x0000000000000","name":"Bash","content":"Refused: this session may look but not change or run anything."}
        "#]],
    );
    check(
        &["--permission", "ask"],
        0,
        vec![call("functions.bash", json!({"cmd": "touch b", "reason": "to see"})), say("Well.")],
        expect![[r#"
            Well.
            ---
            allow? run_command
              command: touch b
              confined: writes the project and a /tmp of its own, no network
              no: there is no terminal to ask at (see `--permission`)
            ● functions.bash {"cmd":"touch b","reason":"to see"}  denied
              200 tokens read, 0 from cache, 20 written at 100/s, 0 % of the window
            ---
            {"role":"assistant","content":"","tool_calls":[{"id":"call00000000000000x0000000000000","type":"function","function":{"name":"functions.bash","arguments":"{\"cmd\":\"touch b\",\"reason\":\"to see\"}"}}]}
            {"role":"tool","tool_call_id":"call00000000000000x0000000000000","name":"functions.bash","content":"Refused: there is nobody to ask; only what needs no leave can be done."}
        "#]],
    );
    check(
        &["--permission", "auto"],
        0,
        vec![
            call("Edit", json!({"file_path": "a.txt", "old_string": "one", "new_string": "two"})),
            say("Done."),
        ],
        expect![[r#"
            Done.
            ---
            ● edit_file a.txt  +1 -1
                   1 -one
                   1 +two
              200 tokens read, 0 from cache, 20 written at 100/s, 0 % of the window
            ---
            {"role":"assistant","content":"","tool_calls":[{"id":"call00000000000000x0000000000000","type":"function","function":{"name":"Edit","arguments":"{\"file_path\":\"a.txt\",\"old_string\":\"one\",\"new_string\":\"two\"}"}}]}
            {"role":"tool","tool_call_id":"call00000000000000x0000000000000","name":"Edit","content":"[understood: `Edit` as `edit_file`, one of `edits` from its parts, `file_path` as `path`, `old_string` as `old`, `new_string` as `new`]\n@@ -1 +1 @@\n-one\n+two\n"}
        "#]],
    );
}

#[test]
fn a_call_in_text_that_was_cut_off_does_not_run() {
    let text = "<function=run_command>{\"command\": \"touch b\"";
    check(
        &["--permission", "auto"],
        0,
        vec![Response::stream().text(text).finish("length"), say("I see.")],
        expect![[r#"
            I see.
            ---
            ● run_command {"command": "touch b"  cut off
                Not run: the call was cut off because the reply became too long. Make it again in smaller pieces.
              200 tokens read, 0 from cache, 20 written at 100/s, 0 % of the window
            ---
            {"role":"assistant","content":"<function=run_command>{\"command\": \"touch b\""}
            {"role":"user","content":"[You wrote the call as text. Use the tool-call format.]\n\nResult of run_command:\nNot run: the call was cut off because the reply became too long. Make it again in smaller pieces."}
        "#]],
    );
}

#[test]
fn a_model_that_goes_in_circles_is_told_and_then_stopped() {
    let (_, server) = check(
        &[],
        3,
        vec![call("read_file", json!({"paths": ["a.txt"]}))],
        expect![[r#"
            ---
            ● read_file a.txt  1 line
            ● read_file a.txt  1 line
            ● read_file a.txt  1 line
            ● read_file a.txt  1 line
            ● read_file a.txt  1 line
            stopped: the model made the same calls over and over, with the same results
              500 tokens read, 0 from cache, 50 written at 100/s, 0 % of the window
            ---
            {"role":"assistant","content":"","tool_calls":[{"id":"call00000000000000x0000000000000","type":"function","function":{"name":"read_file","arguments":"{\"paths\":[\"a.txt\"]}"}}]}
            {"role":"tool","tool_call_id":"call00000000000000x0000000000000","name":"read_file","content":"1\tone\n"}
            {"role":"assistant","content":"","tool_calls":[{"id":"call00000000000001x0000000000000","type":"function","function":{"name":"read_file","arguments":"{\"paths\":[\"a.txt\"]}"}}]}
            {"role":"tool","tool_call_id":"call00000000000001x0000000000000","name":"read_file","content":"1\tone\n"}
            {"role":"assistant","content":"","tool_calls":[{"id":"call00000000000002x0000000000000","type":"function","function":{"name":"read_file","arguments":"{\"paths\":[\"a.txt\"]}"}}]}
            {"role":"tool","tool_call_id":"call00000000000002x0000000000000","name":"read_file","content":"1\tone\n\n[These calls repeat themselves with the same results. Do something else: another tool, other arguments, or say in words what is in the way.]"}
            {"role":"assistant","content":"","tool_calls":[{"id":"call00000000000003x0000000000000","type":"function","function":{"name":"read_file","arguments":"{\"paths\":[\"a.txt\"]}"}}]}
            {"role":"tool","tool_call_id":"call00000000000003x0000000000000","name":"read_file","content":"1\tone\n\n[These calls repeat themselves with the same results. Do something else: another tool, other arguments, or say in words what is in the way.]"}
        "#]],
    );
    assert_eq!(server.chats().len(), 5);
}

#[test]
fn a_real_server_keeps_its_cache_over_calls_that_were_text() {
    let Some(play) = Play::new() else { return };
    play.home.file("project/a.txt", "one\n");
    let say = |it: &str| json!({"content": it});
    let model = play.model(
        "text",
        &json!([
            say("I look.\n<function=read_file>{\"paths\": [\"a.txt\"]}</function>"),
            say("Twice.\n```json\n{\"tool\": \"list_files\", \"input\": {}}\n```"),
            say("[TOOL_CALLS]read_file[ARGS]{\"path\": \"a.txt\"}[TOOL_CALLS]search[ARGS]{\"pattern\": \"one\"}"),
            say("All done."),
        ]),
    );
    let finished = play.agent(&["-m", &model, "go"]).run();
    finished.assert_code(0);
    let entries = entries(&play.home);
    let done = entries.iter().filter(|it| it["kind"] == "result" && it["status"] == "done").count();
    assert_eq!(done, 4, "{entries:?}");
    let replies = entries.iter().filter(|it| it["kind"] == "reply");
    let number = |it: &serde_json::Value| it.as_u64().expect("a count");
    let figures: Vec<_> = replies
        .map(|it| &it["usage"])
        .map(|it| (number(&it["cached"]), number(&it["read"]), number(&it["written"])))
        .collect();
    assert_eq!(figures.len(), 4);
    for pair in figures.windows(2) {
        // All that was sent; what the model itself said is often found too, but not held to here.
        assert!(pair[0].0 + pair[0].1 <= pair[1].0 + 1, "{figures:?}");
    }
}
