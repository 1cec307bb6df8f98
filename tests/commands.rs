//! Commands that go on while the model does other things, and their certain end.

mod support;

use expect_test::{Expect, expect};
use serde_json::json;

use crate::support::fault_server::FaultServer;
use crate::support::home::Home;
use crate::support::response::{call, say};

/// What the model was told last, with the two ends of what is different each time.
#[track_caller]
fn told(server: &FaultServer, nth: usize, expected: Expect) {
    let chat = server.chat(nth);
    let messages = chat.messages().iter().filter(|it| it["role"] == "tool");
    let text = messages.last().and_then(|it| it["content"].as_str()).unwrap_or_default().to_owned();
    expected.assert_eq(&text);
}

#[test]
fn a_server_is_started_used_and_ends_with_the_program() {
    let home = Home::new();
    // It answers what is put into a pipe, as a server would.
    let server_script =
        "mkfifo ask; echo $$ > pid; echo ready; while read line < ask; do echo got $line; done";
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
    let id = home.read("project/pid");
    // Who reaps what is dead is not our business.
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", id.trim())).unwrap_or_default();
    assert!(stat.is_empty() || stat.contains(") Z "), "the server is still there: {stat}");
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
