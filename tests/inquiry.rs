//! A question that is looked into in a conversation of its own.
#![cfg(target_os = "linux")]

mod support;

use expect_test::expect;
use serde_json::{Value, json};

use crate::support::fault_server::FaultServer;
use crate::support::home::Home;
use crate::support::play::{Play, entries, journals, until};
use crate::support::response::{Response, call, calls, say};
use crate::support::talk::Talk;

const QUESTION: &str = "Where is the port set?";

/// A home with a file to look at.
fn home() -> Home {
    let home = Home::new();
    home.file("project/a.rs", "const PORT: u16 = 8080;\n");
    home
}

/// The question, a look, and the answer; then what comes of it.
fn looked_into(then: Vec<Response>) -> FaultServer {
    let ask = call("find_out", json!({"question": QUESTION}));
    let look = call("read_file", json!({"paths": ["a.rs"]}));
    let mut script = vec![ask, look, say("In a.rs, line 1: 8080.")];
    script.extend(then);
    FaultServer::script(script)
}

#[test]
fn only_the_answer_comes_back() {
    let home = home();
    let server = looked_into(vec![say("It is 8080.")]);
    let finished = home.agent(&["which port?"]).server(&server).run();
    finished.assert_code(0);
    expect![[r#"
        It is 8080.
    "#]]
    .assert_eq(&finished.stdout);
    expect![[r#"
          ● read_file a.rs  1 line
        ● find_out Where is the port set?  1 look, 200 tokens read
          400 tokens read, 0 from cache, 40 written at 100/s, 0 % of the window
    "#]]
    .assert_eq(&finished.stderr);
    let (asked, beside, after) = (server.chat(0), server.chat(1), server.chat(3));
    // The same beginning, up to the person's words.
    let common = asked.raw.iter().zip(&beside.raw).take_while(|(a, b)| a == b).count();
    let rest = |raw: &[u8]| String::from_utf8_lossy(&raw[common..]).into_owned();
    expect![[r#"which port?"}]}"#]].assert_eq(&rest(&asked.raw));
    let words = beside.last_message().unwrap_or_default().to_owned();
    assert!(words.starts_with(&format!("Find out: {QUESTION}")), "{words}");
    // The conversation goes on where it was, with nothing of the other.
    let known = &asked.raw[..asked.raw.len() - "]}".len()];
    assert!(after.raw.starts_with(known));
    assert!(!String::from_utf8_lossy(&after.raw).contains("const PORT"));
    expect![[r#"
        In a.rs, line 1: 8080.
    "#]]
    .assert_eq(after.last_message().unwrap_or_default());
}

#[test]
fn what_is_said_in_it_is_in_the_journal_and_no_part_of_the_session() {
    let home = home();
    let server = looked_into(vec![say("It is 8080."), say("Yes.")]);
    home.agent(&["which port?"]).server(&server).run().assert_code(0);
    let journal = journals(&home).remove(0);
    let text = std::fs::read_to_string(journal).expect("a journal is text");
    let lines = text.lines().map(|it| serde_json::from_str::<Value>(it).expect("a line is JSON"));
    let kinds = lines.map(|it| {
        let entry = &it["entry"];
        let kind = |it: &Value| it["kind"].as_str().expect("it has a kind").to_owned();
        match &entry["entry"] {
            Value::Null => kind(entry),
            within => format!("{} {}", kind(entry), kind(within)),
        }
    });
    expect![[r#"
        header
        opened
        prompt
        reply
        started
        beside reply
        beside started
        beside result
        beside reply
        result
        reply"#]]
    .assert_eq(&kinds.collect::<Vec<_>>().join("\n"));
    home.agent(&["-c", "sure?"]).server(&server).run().assert_code(0);
    let went_on = String::from_utf8_lossy(&server.chat(4).raw).into_owned();
    assert!(went_on.contains("In a.rs, line 1") && !went_on.contains("const PORT"), "{went_on}");
}

#[test]
fn nothing_is_changed_in_it_and_no_question_leads_to_another() {
    let home = home();
    let ask = || call("find_out", json!({"question": QUESTION}));
    let write = call("write_file", json!({"path": "a.rs", "content": "gone"}));
    let run = call("run_command", json!({"command": "rm a.rs"}));
    let script = vec![ask(), write, run, ask(), say("I cannot."), say("Well.")];
    let server = FaultServer::script(script);
    home.agent(&["--permission", "full", "which port?"]).server(&server).run().assert_code(0);
    assert_eq!(home.read("project/a.rs"), "const PORT: u16 = 8080;\n");
    let told = [2, 3, 4].map(|nth| server.chat(nth).last_message().unwrap_or_default().to_owned());
    expect![[r#"
        Refused: this is a question to be looked into, and only calls that look are run. Read on, or answer it.
        Refused: this is a question to be looked into, and only calls that look are run. Read on, or answer it.
        Not here: this is a question of its own already. Look yourself."#]].assert_eq(&told.join("\n"));
}

/// What was seen there was not seen here.
#[test]
fn a_file_that_was_read_in_it_is_not_known_outside() {
    let home = home();
    let write = call("write_file", json!({"path": "a.rs", "content": "gone\n"}));
    let server = looked_into(vec![write, say("Well.")]);
    home.agent(&["which port?"]).server(&server).run().assert_code(0);
    assert_eq!(home.read("project/a.rs"), "const PORT: u16 = 8080;\n");
    expect![[r#"`a.rs` exists (1 line) and was not read in this session, so it was not replaced. To change parts of it, call edit_file with {"path":"a.rs","edits":[{"old":"…","new":"…"}]}. To replace all of it, read it first."#]].assert_eq(server.chat(4).last_message().unwrap_or_default());
}

#[test]
fn programs_are_told_whose_words_they_are() {
    let home = home();
    let server = looked_into(vec![say("It is 8080.")]);
    let args = ["--output-format", "stream-json", "which port?"];
    let finished = home.agent(&args).server(&server).run();
    finished.assert_code(0);
    let lines = finished.stdout.lines().map(|it| serde_json::from_str::<Value>(it).expect("JSON"));
    let shown = lines.filter(|it| it["message"].is_object()).map(|it| {
        let parent = it["parent_tool_use_id"].is_string();
        let content = &it["message"]["content"][0];
        format!("{} {} {}\n", it["type"], content["type"], if parent { "beside" } else { "here" })
    });
    expect![[r#"
        "assistant" "tool_use" here
        "assistant" "tool_use" beside
        "user" "tool_result" beside
        "assistant" "text" beside
        "user" "tool_result" here
        "assistant" "text" here
    "#]]
    .assert_eq(&shown.collect::<String>());
}

/// A server with one slot keeps what a conversation had in its cache while another is held.
#[test]
fn neither_conversation_is_read_twice() {
    let Some(play) = Play::new() else { return };
    let text = "This is a line of a long file that is read before the question.\n".repeat(200);
    play.home.file("project/long.txt", &text).file("project/a.rs", "const PORT: u16 = 8080;\n");
    let step = |name: &str, args: Value| json!({"tool_calls": [{"name": name, "arguments": args}]});
    let mut last = json!({"content": "In a.rs, line 1: 8080."});
    last["when"] = json!("const PORT");
    let mut look = step("read_file", json!({"paths": ["a.rs"]}));
    look["when"] = json!("This is one question of a larger task");
    let script = json!([
        step("read_file", json!({"paths": ["long.txt"]})),
        step("find_out", json!({"question": QUESTION})),
        {"content": "It is 8080."}, look, last,
    ]);
    let model = play.model_with_words("asks", &script);
    let finished = play.agent(&["-m", &model, "which port?"]).run();
    finished.assert_code(0);
    assert_eq!(finished.stdout, "It is 8080.\n");
    let entries = entries(&play.home);
    let usage = |it: &Value| {
        let count = |name: &str| it["usage"][name].as_u64().expect("the server counts");
        (count("cached"), count("read"))
    };
    let here: Vec<_> = entries.iter().filter(|it| it["kind"] == "reply").map(usage).collect();
    let beside = entries.iter().filter(|it| it["kind"] == "beside").map(|it| &it["entry"]);
    let beside: Vec<_> = beside.filter(|it| it["kind"] == "reply").map(usage).collect();
    let (asked, answered) = (here[1], here[2]);
    // The words of the answer, and what stands around them.
    assert!(answered.1 < 100 && asked.0 + asked.1 <= answered.0 + 10, "{here:?} {beside:?}");
    // The words of the question; before them the same words and tools.
    assert!(beside[0].1 < 200 && 1000 < beside[0].0, "{here:?} {beside:?}");
}

#[test]
fn a_question_that_comes_first_after_a_kill_leaves_the_conversation_as_it_was() {
    let home = home();
    let both = calls(&[
        ("run_command", json!({"command": "touch begun; sleep 60"})),
        ("find_out", json!({"question": QUESTION})),
    ]);
    let server = FaultServer::script(vec![both, say("In a.rs: 8080."), say("It is 8080.")]);
    let running = home.agent(&["which port?"]).server(&server).start();
    until("the command", || home.has("project/begun"));
    running.kill();
    drop(running.finish_as_it_is());
    let talk = Talk::open(&home, &server, &["-c", "--permission", "auto"]);
    talk.terminal.wait_for("It is 8080.");
    talk.leave();
    let roles = |nth: usize| {
        let messages = server.chat(nth).messages().to_owned();
        let role = |it: &Value| it["role"].as_str().unwrap_or_default().to_owned();
        messages.iter().map(role).collect::<Vec<_>>().join(" ")
    };
    expect![[r#"
        system user
        system user assistant tool tool"#]]
    .assert_eq(&format!("{}\n{}", roles(1), roles(2)));
}

#[test]
fn questions_spend_what_the_turn_may_spend() {
    let home = home();
    let ask = || call("find_out", json!({"question": QUESTION}));
    let look = || call("read_file", json!({"paths": ["a.rs"]}));
    let script = vec![ask(), look(), look(), say("x"), ask(), look(), say("y"), say("done")];
    for (limit, code, chats) in [("--max-tool-calls=2", 6, 3), ("--max-turns=3", 4, 3)] {
        let server = FaultServer::script(script.clone());
        let finished = home.agent(&[limit, "go"]).server(&server).run();
        finished.assert_code(code);
        assert_eq!(server.chats().len(), chats, "{limit}");
    }
}

#[test]
fn a_server_that_does_not_let_go_is_not_waited_for() {
    let home = home();
    let ask = call("find_out", json!({"question": QUESTION}));
    let server = FaultServer::script(vec![ask, Response::silence()]);
    server.on("POST", "/completion", Response::silence());
    let running = home.agent(&["which port?"]).server(&server).start();
    server.chat(1);
    running.interrupt();
    running.finish_as_it_is().assert_code(130);
}

#[test]
fn what_was_read_of_the_session_is_kept_also_right_after_a_question() {
    let Some(play) = Play::new() else { return };
    play.configure("keep_seconds = 0");
    let ask = json!({"tool_calls": [{"name": "find_out", "arguments": {"question": QUESTION}}]});
    let look = json!({"content": "In a.rs.", "when": "This is one question of a larger task"});
    let script = json!([ask, {"content": "Two."}, {"content": "Three."}, look]);
    let model = play.model_with_words("asks", &script);
    play.agent(&["-m", &model, "--max-turns", "2", "begin"]).run().assert_code(4);
    play.agent(&["-m", &model, "-c", "and then?"]).run().assert_code(0);
    let replies = entries(&play.home);
    let last = replies.iter().rfind(|it| it["kind"] == "reply").expect("it has replied");
    let count = |name: &str| last["usage"][name].as_u64().unwrap_or_default();
    assert!(1000 < count("cached") && count("read") < 200, "{last}");
}
