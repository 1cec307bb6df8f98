//! A person goes back to before one of their prompts.
#![cfg(target_os = "linux")]

mod support;

use expect_test::expect;
use serde_json::{Value, json};

use crate::support::fault_server::FaultServer;
use crate::support::home::Home;
use crate::support::journal;
use crate::support::play::Play;
use crate::support::request::Request;
use crate::support::response::{Response, call, say};
use crate::support::talk::Talk;
use crate::support::terminal::ENTER;

/// Clears the line.
const CTRL_U: &str = "\x15";

fn write(text: &str) -> Response {
    call("write_file", json!({"path": "a.txt", "content": text}))
}

/// What the model is shown but for the system prompt: who speaks, and the words.
fn shown(request: &Request) -> String {
    let messages = request.body["messages"].as_array().expect("a chat has messages");
    let line = |it: &Value| {
        let calls = if it["tool_calls"].is_array() { " (calls)" } else { "" };
        let words = it["content"].as_str().unwrap_or_default().trim();
        format!("{}{calls}: {words}\n", it["role"].as_str().unwrap_or_default())
    };
    messages.iter().skip(1).map(line).collect()
}

/// A greeting, then a file that is written in two turns.
fn two_turns(more: Vec<Response>) -> (Home, FaultServer) {
    let home = Home::new();
    let script = vec![say("Hi."), write("one\n"), say("It says one."), write("two\n"), say("Two.")];
    (home, FaultServer::script([script, more].concat()))
}

fn hold(home: &Home, server: &FaultServer) -> Talk {
    let mut talk = Talk::open(home, server, &["--permission", "auto"]);
    talk.say("hello", "Hi.");
    talk.say("write one", "It says one.");
    talk.say("write two", "Two.");
    talk
}

#[test]
fn conversation_and_files_go_back_and_the_prompt_can_be_edited() {
    let (home, server) = two_turns(vec![say("Again.")]);
    let mut talk = hold(&home, &server);
    talk.say("/rewind", "only one of them");
    talk.enter("/rewind 2");
    talk.offered("write one");
    assert!(!home.has("project/a.txt"));
    talk.terminal.send(" please");
    talk.terminal.send(ENTER);
    talk.terminal.wait_for("Again.");
    talk.say("/rewind", "4  write one please");
    talk.say("/rewind 3", "you went back to before it");
    expect![[r#"
        › hello
        Hi.

        › write one
        ● write_file a.txt  1 line
        It says one.

        › write two
        ● write_file a.txt  1 line
        Two.

        › /rewind
           1  hello
           2  write one  changed a.txt
           3  write two  changed a.txt
        `/rewind N` goes back to before prompt N, with conversation and files;
        `/rewind N conversation` and `/rewind N files` with only one of them
        › /rewind 2
        a.txt  +1 -1
        undid turn 3: 1 file, +1 -1 (1 turn more)
        a.txt  -1, deleted
        undid turn 2: 1 file, +0 -1
        the conversation is as it was before prompt 2
        › write one please
        Again.

        › /rewind
           1  hello
           4  write one please
        `/rewind N` goes back to before prompt N, with conversation and files;
        `/rewind N conversation` and `/rewind N files` with only one of them
        › /rewind 3
        error: there is no prompt 3: you went back to before it
        hint: `/rewind` lists them
        ›"#]]
    .assert_eq(&talk.leave());
    let [early, .., late] = &server.chats()[..] else { panic!("many chats") };
    expect![[r#"
        user: hello
        assistant: Hi.
        user: write one please
    "#]]
    .assert_eq(&shown(late));
    // What was sent first is still the beginning.
    let end = br#"}]}"#;
    let beginning = early.raw.strip_suffix(&end[..]).expect("a body ends so");
    assert!(late.raw.starts_with(beginning));
}

#[test]
fn who_goes_back_with_the_conversation_alone_has_the_model_told_of_the_files() {
    let (home, server) = two_turns(vec![say("Again.")]);
    let mut talk = hold(&home, &server);
    talk.enter("/rewind 3 conversation");
    talk.offered("write two");
    talk.terminal.send(CTRL_U);
    talk.leave();
    assert_eq!(home.read("project/a.txt"), "two\n");
    // It is told although the program was left meanwhile, and once only.
    let mut talk = Talk::open(&home, &server, &["-c"]);
    talk.say("what now?", "Again.");
    talk.leave();
    let chats = server.chats();
    expect![[r#"
        user: hello
        assistant: Hi.
        user: write one
        assistant (calls): 
        tool: created `a.txt`: 1 line
        assistant: It says one.
        user: The user has gone back to an earlier point of the conversation. Changes made after it are still in: `a.txt`. Read these files again before you change them.

        what now?
    "#]].assert_eq(&shown(chats.last().expect("it was asked")));
    expect![[r#"
        header
        opened
        prompt "hello"
        reply "Hi."
        prompt "write one"
        reply 1 calls ""
        started
        result "done" "created `a.txt`: 1 line\n"
        reply "It says one."
        prompt "write two"
        reply 1 calls ""
        started
        result "done" "replaced `a.txt`: 1 line, before 1 line\n"
        reply "Two."
        header
        rewound
        note "The user has gone back to an earlier point of the conversation. Changes made after it are still in: `a.txt`. Read these files again before you change them."
        prompt "what now?"
        reply "Again."
    "#]].assert_eq(&journal::shape(&home));
}

#[test]
fn files_can_go_back_alone() {
    let (home, server) = two_turns(vec![say("I see.")]);
    let mut talk = hold(&home, &server);
    talk.say("/rewind 3 files", "undid turn 3");
    assert_eq!(home.read("project/a.txt"), "one\n");
    talk.say("and now?", "I see.");
    talk.leave();
    let chats = server.chats();
    expect![[r#"
        user: hello
        assistant: Hi.
        user: write one
        assistant (calls): 
        tool: created `a.txt`: 1 line
        assistant: It says one.
        user: write two
        assistant (calls): 
        tool: replaced `a.txt`: 1 line, before 1 line
        assistant: Two.
        user: The user has undone what you changed in: `a.txt`. Read these files again before you change them.

        and now?
    "#]].assert_eq(&shown(chats.last().expect("it was asked")));
}

#[test]
fn what_the_person_changed_since_stays_and_is_named() {
    let (home, server) = two_turns(vec![say("I see.")]);
    let mut talk = hold(&home, &server);
    home.file("project/a.txt", "mine\n");
    talk.enter("/rewind 2");
    talk.offered("write one");
    talk.terminal.send(CTRL_U);
    talk.say("look", "I see.");
    assert_eq!(home.read("project/a.txt"), "mine\n");
    expect![[r#"
        › hello
        Hi.

        › write one
        ● write_file a.txt  1 line
        It says one.

        › write two
        ● write_file a.txt  1 line
        Two.

        › /rewind 2
        a.txt  left alone: it was changed since, in the same lines
        undid nothing of turn 3; 1 file left alone (1 turn more)
        a.txt  left alone: it was changed since, in the same lines
        turn 3 is still left alone: a.txt
        undid nothing of turn 2; 1 file left alone
        the conversation is as it was before prompt 2
        › look
        I see.

        ›"#]]
    .assert_eq(&talk.leave());
    let chats = server.chats();
    expect![[r#"
        user: hello
        assistant: Hi.
        user: The user has gone back to an earlier point of the conversation. Changes made after it are still in: `a.txt`. Read these files again before you change them.

        look
    "#]].assert_eq(&shown(chats.last().expect("it was asked")));
}

#[test]
fn what_is_changed_afterwards_is_a_turn_of_its_own() {
    let (home, server) = two_turns(vec![
        call("write_file", json!({"path": "b.txt", "content": "three\n"})),
        say("Three."),
    ]);
    let mut talk = hold(&home, &server);
    talk.enter("/rewind 3 conversation");
    talk.offered("write two");
    talk.terminal.send(CTRL_U);
    talk.say("write three", "Three.");
    talk.say("/undo", "undid turn 4");
    assert!(!home.has("project/b.txt"));
    assert_eq!(home.read("project/a.txt"), "two\n");
    talk.leave();
}

#[test]
fn what_was_seen_in_what_is_gone_is_not_overwritten() {
    let (home, server) = two_turns(vec![write("three\n"), say("I must read it.")]);
    let mut talk = hold(&home, &server);
    talk.enter("/rewind 2 conversation");
    talk.offered("write one");
    talk.terminal.send(CTRL_U);
    talk.say("write three", "I must read it.");
    talk.leave();
    assert_eq!(home.read("project/a.txt"), "two\n");
    let told = server.chats().pop().and_then(|it| it.last_message().map(str::to_owned));
    let told = told.expect("the model was told");
    assert!(told.contains("was not read in this session"), "{told}");
}

#[test]
fn a_note_that_is_gone_with_its_prompt_is_told_again() {
    let (home, server) = two_turns(vec![say("I see."), say("I see it again.")]);
    let mut talk = hold(&home, &server);
    talk.say("/undo", "undid turn 3");
    talk.say("look", "I see.");
    talk.enter("/rewind 4 conversation");
    talk.offered("look");
    talk.terminal.send(ENTER);
    talk.terminal.wait_for("I see it again.");
    talk.leave();
    let chats = server.chats();
    let [.., before, last] = &chats[..] else { panic!("many chats") };
    assert_eq!(shown(before), shown(last));
}

#[test]
fn a_wrong_number_is_explained() {
    let home = Home::new();
    let server = FaultServer::script(vec![say("Hi.")]);
    let mut talk = Talk::open(&home, &server, &[]);
    talk.say("/rewind", "nothing was said yet");
    talk.say("hello", "Hi.");
    talk.say("/rewind 2", "they go from 1 to");
    talk.say("/rewind two", "is not the number of a prompt");
    talk.say("/rewind 1 all", "cannot be understood");
    expect![[r#"
        › /rewind
        nothing was said yet
        › hello
        Hi.

        › /rewind 2
        error: there is no prompt 2: they go from 1 to 1
        hint: `/rewind` lists them
        › /rewind two
        error: `two` is not the number of a prompt
        hint: `/rewind` lists them
        › /rewind 1 all
        error: this cannot be understood
        hint: `/rewind N` goes back to before prompt N, with conversation and files; `/rewind N
              conversation` and `/rewind N files` with only one of them
        ›"#]]
    .assert_eq(&talk.leave());
}

#[test]
fn the_server_has_in_its_cache_what_a_person_goes_back_to() {
    let Some(play) = Play::new() else { return };
    let script = json!([
        {"content": "Hi there."},
        {"content": "The second.", "when": "two"},
        {"content": "Another second.", "when": "other"},
        {"content": "The third.", "when": "three"},
    ]);
    let model = play.model("rewind", &script);
    let mut talk = Talk::begin(play.agent(&["-m", &model]));
    talk.say("hello", "Hi there.");
    talk.say("two", "The second.");
    talk.enter("/rewind 2");
    talk.offered("two");
    talk.terminal.send(CTRL_U);
    talk.say("other", "Another second.");
    talk.say("/fork copy", "which stays as it is");
    talk.say("three", "The third.");
    talk.leave();
    let copy = journal::files(&play.home)
        .into_iter()
        .map(|it| std::fs::read_to_string(it).expect("a journal is text"))
        .find(|it| it.contains("\"forked\""))
        .expect("there is a copy");
    let usage = |line: &str| {
        let line: Value = serde_json::from_str(line).expect("a line is JSON");
        let usage = line["entry"]["usage"].clone();
        let number = |name: &str| usage[name].as_u64();
        Some((number("cached")?, number("read")?))
    };
    let all: Vec<_> = copy.lines().filter_map(usage).collect();
    let [first, _, other, third] = all[..] else { panic!("four replies, not {all:?}") };
    // All that was sent up to there, and what was said in between.
    assert!(first.0 + first.1 <= other.0, "{all:?}");
    assert!(other.0 + other.1 <= third.0, "{all:?}");
}
