//! Commands that go on while the model does other things, and their certain end.

mod support;

use expect_test::{Expect, expect};
use serde_json::json;

use crate::support::fault_server::FaultServer;
use crate::support::home::Home;
use crate::support::play::processes;
use crate::support::response::{call, say};

/// What the model was told last.
#[track_caller]
fn told(server: &FaultServer, nth: usize, expected: Expect) {
    let chat = server.chat(nth);
    expected.assert_eq(chat.last_message().unwrap_or_default());
}

#[test]
fn a_server_is_started_used_and_ends_with_the_program() {
    let home = Home::new();
    // It answers what is put into a pipe, as a server would.
    let server_script =
        "mkfifo ask; echo ready; while :; do read line < ask && echo got $line; done";
    let server = FaultServer::script(vec![
        call("run_command", json!({"command": server_script, "background": true})),
        call("run_command", json!({"command": "echo hello > ask"})),
        call("command_output", json!({"id": "c1"})),
        say("It works."),
    ]);
    let finished = home.agent(&["try the server"]).server(&server).run();
    finished.assert_code(0);
    told(
        &server,
        1,
        expect![[r#"
            ready
            [c1 runs in the background, until the session ends or you stop it; look again with command_output]
        "#]],
    );
    let left = "warning: a command still ran in the background and was stopped: c1 (mkfifo ask";
    assert!(finished.stderr.contains(left), "{}", finished.stderr);
    let left = processes(&home);
    assert!(left.is_empty(), "the server is still there: {left:?}");
}

#[test]
fn results_are_as_long_as_the_window_of_the_model_allows() {
    let home = Home::new();
    let long = json!({"command": "seq 1 100000"});
    let server = FaultServer::script(vec![call("run_command", long), say("Long.")]);
    home.agent(&["count"]).server(&server).run().assert_code(0);
    let chat = server.chat(1);
    let text = chat.messages().last().and_then(|it| it["content"].as_str()).unwrap_or_default();
    // An eighth of 32,768 tokens, at three characters a token.
    assert!((11_000..12_500).contains(&text.len()), "{}", text.len());
    assert!(text.contains("see them with command_output, id c1, start_line"), "{text}");
}

#[test]
fn a_question_has_an_answer_only_where_somebody_is() {
    let home = Home::new();
    let question = json!({"question": "Which port?", "options": ["80", "8080"]});
    let server = FaultServer::script(vec![call("ask_user", question), say("I took 80.")]);
    let finished = home.agent(&["serve it"]).server(&server).run();
    finished.assert_code(0);
    told(
        &server,
        1,
        expect![
            "Nobody is there to ask. Decide yourself, and say in your last words what you decided."
        ],
    );
}

/// A tool that the person defined, with these words in place of the usual ones.
fn definition(name: &str, command: &str) -> String {
    let word = json!({"type": "object", "properties": {"word": {"type": "string"}}});
    let tool = json!({
        "name": name, "description": "Says a word.", "parameters": word, "command": command,
        "effect": "executes",
    });
    tool.to_string()
}

#[test]
fn tools_of_the_person_are_offered_and_run_and_those_of_a_stranger_are_not() {
    let home = Home::new();
    home.file("home/.config/agent/tools/say.json", &definition("say", "echo said {word}"));
    home.file("home/.config/agent/tools/search.json", &definition("search", "true"));
    home.file("home/.config/agent/tools/wrong.json", "{\"name\": \"x\"");
    home.file("home/.config/agent/tools/notes.txt", "");
    home.file("project/.agent/tools/theirs.json", &definition("theirs", "touch ran"));
    let server = FaultServer::script(vec![
        call("say", json!({"word": "$(id) 'x'"})),
        call("theirs", json!({"word": ""})),
        say("Well."),
    ]);
    let finished = home.agent(&["say it"]).server(&server).run();
    finished.assert_code(0);
    let tools = server.chat(0).body["tools"].clone();
    let last = tools.as_array().and_then(|it| it.last()).map(|it| it["function"]["name"].clone());
    assert_eq!(last, Some(json!("say")));
    told(
        &server,
        1,
        expect![[r#"
        said $(id) 'x'
        [exit 0]
    "#]],
    );
    assert!(!home.has("project/ran"));
    let warnings = finished.stderr.lines().filter(|it| it.starts_with("warning: "));
    expect![[r#"
        warning: ignored, because you have not said that you trust it: `.agent/tools/theirs.json`
        warning: the tool `[HOME]/.config/agent/tools/search.json` is left out: there is a tool `search` already
        warning: the tool `[HOME]/.config/agent/tools/wrong.json` is left out: EOF while parsing an object at line 1 column 12"#]].assert_eq(&warnings.collect::<Vec<_>>().join("\n"));
}

#[test]
fn a_tool_that_claims_to_read_changes_nothing_where_nothing_may_be_changed() {
    let home = Home::new();
    home.file("project/.env", "TOKEN=hunter2\n").file("project/src/a", "one\n");
    home.file("shared/b", "").git(&["init", "-q"]);
    let config = format!("[sandbox]\nwritable = [{:?}]\n", home.path("shared"));
    home.file("home/.config/agent/config.toml", &config);
    let script = format!(
        "cat src/a .env; for it in x src/x .git/x .envrc src/a '{}/x'; do (echo x > $it); done 2>&1 | grep -c 'Read-only'; echo y > /tmp/y && cat /tmp/y",
        home.path("shared").display()
    );
    let tool = definition("look", &script).replace("executes", "reads");
    home.file("home/.config/agent/tools/look.json", &tool);
    let server = FaultServer::answering(|nth, _| match nth {
        0 | 2 => call("look", json!({})),
        _ => say("Well."),
    });
    home.agent(&["--permission", "read-only", "look"]).server(&server).run().assert_code(0);
    assert_eq!(home.read("project/src/a"), "one\n");
    for file in ["project/x", "project/src/x", "project/.git/x", "project/.envrc", "shared/x"] {
        assert!(!home.has(file), "{file}");
    }
    told(
        &server,
        1,
        expect![[r#"
        one
        6
        y
        [exit 0]
    "#]],
    );
    home.agent(&["--permission", "auto", "look"]).server(&server).run().assert_code(0);
    assert!(home.has("project/x") && home.has("shared/x"), "where it may, it does");
}

#[test]
fn a_tool_that_takes_too_long_is_not_told_to_ask_for_more() {
    let home = Home::new();
    let tool = definition("slow", "echo so far; exec sleep 1000");
    let tool = tool.replace(r#""effect""#, r#""timeout":1,"effect""#);
    home.file("home/.config/agent/tools/slow.json", &tool);
    let server = FaultServer::script(vec![call("slow", json!({})), say("Well.")]);
    home.agent(&["try it"]).server(&server).run().assert_code(0);
    told(
        &server,
        1,
        expect![[r#"
        so far
        [stopped after 1 s with this output so far]
    "#]],
    );
}

#[test]
fn what_a_command_in_the_background_has_left_goes_on_with_it() {
    let home = Home::new();
    // Who started what reads the pipe has ended, so that it is a child of the program.
    let reader = "read x < ask; echo got $x > got; mv got answer";
    let script = format!("mkfifo ask; (sh -c '{reader}' &); echo ready; sleep 1000");
    let asks = "echo hello > ask; until [ -e answer ]; do sleep 0.01; done; cat answer";
    let server = FaultServer::script(vec![
        call("run_command", json!({"command": script, "background": true})),
        call("run_command", json!({"command": "true"})),
        call("run_command", json!({"command": asks, "timeout_seconds": 20})),
        say("It works."),
    ]);
    home.agent(&["try it"]).server(&server).run().assert_code(0);
    told(
        &server,
        3,
        expect![[r#"
        got hello
        [exit 0]
    "#]],
    );
}
