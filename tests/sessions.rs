//! What there is of sessions, and how they are taken elsewhere.
#![cfg(target_os = "linux")]

mod support;

use std::path::PathBuf;

use expect_test::expect;
use serde_json::json;

use crate::support::fault_server::FaultServer;
use crate::support::home::Home;
use crate::support::journal;
use crate::support::response::{Response, call, say};
use crate::support::talk::Talk;

fn held() -> Home {
    let home = Home::new();
    home.file("project/a.txt", "one\n");
    let read = call("read_file", json!({"paths": ["a.txt"]}));
    let server = FaultServer::script(vec![read, say("It says one.")]);
    home.agent(&["what is in a.txt?"]).server(&server).run().assert_code(0);
    home
}

#[test]
fn a_session_is_exported_as_a_document() {
    let home = held();
    let printed = home.agent(&["sessions", "export"]).run();
    printed.assert_code(0);
    expect![[r##"
        # what is in a.txt?

        ## You

        what is in a.txt?

        ## Agent

        <details><summary>read_file — 1 line</summary>

        ```json
        {"paths":["a.txt"]}
        ```

        ```
        1	one
        ```

        </details>

        ## Agent

        It says one.
    "##]]
    .assert_eq(&printed.stdout);
    home.agent(&["sessions", "export", "-o", "session.md"]).run().assert_code(0);
    assert_eq!(home.read("project/session.md"), printed.stdout);
}

#[test]
fn an_export_overwrites_nothing_and_knows_its_session() {
    let home = held();
    let again = home.agent(&["sessions", "export", "-o", "a.txt"]).run();
    again.assert_code(1);
    expect![[r#"
        error: cannot write `a.txt`: file exists
    "#]]
    .assert_eq(&again.stderr);
    assert_eq!(home.read("project/a.txt"), "one\n");
    let unknown = home.agent(&["sessions", "export", "1999"]).run();
    unknown.assert_code(1);
    assert!(unknown.stderr.contains("there is no session `1999`"), "{}", unknown.stderr);
}

/// The ids of all sessions, the one that was written to last first.
fn ids(home: &Home) -> Vec<String> {
    let mut files = journal::files(home);
    files.sort_by_key(|it| std::fs::metadata(it).and_then(|it| it.modified()).ok());
    let id = |it: &PathBuf| it.file_stem().expect("a name").to_string_lossy().into_owned();
    files.iter().rev().map(id).collect()
}

/// What a run prints, but for how long ago things were.
fn printed(home: &Home, args: &[&str]) -> String {
    let finished = home.agent(args).run();
    let text = format!("{}{}", finished.stdout, finished.stderr);
    let is_age = |it: &str| it.ends_with(" s ago") || it.ends_with(" min ago");
    let line = |line: &str| {
        let parts: Vec<_> = line.split("  ").map(str::trim).filter(|it| !is_age(it)).collect();
        parts.join("  ") + "\n"
    };
    text.lines().map(line).collect()
}

#[test]
fn a_session_is_found_by_the_name_it_was_given() {
    let home = held();
    let id = ids(&home).remove(0);
    home.agent(&["sessions", "rename", &id[..8], "the file"]).run().assert_code(0);
    expect![[r#"
        [ID]    [TIME] ago  [the file] what is in a.txt?
    "#]]
    .assert_eq(&printed(&home, &["sessions", "list"]));
    let server = FaultServer::script(vec![say("Still one.")]);
    home.agent(&["-r", "the", "and now?"]).server(&server).run().assert_code(0);
    assert_eq!(server.chat(0).last_message(), Some("and now?"));
    assert_eq!(ids(&home), [&*id]);
    expect![[r#"
        error: there is no session `thw file`; did you mean `the file`?
    "#]]
    .assert_eq(&printed(&home, &["-r", "thw file", "x"]));
    expect![[r#"
        error: `[ID]` is the id of a session, so it cannot be a name
    "#]]
    .assert_eq(&printed(&home, &["sessions", "rename", "the file", &id]));
    expect![[r#"
        error: there is no session `the`; did you mean `the file`?
        hint: a session is deleted by its whole id or name
    "#]]
    .assert_eq(&printed(&home, &["sessions", "delete", "the"]));
    home.agent(&["sessions", "delete", "the file"]).run().assert_code(0);
    expect![[r#"
        no sessions yet in this project
    "#]]
    .assert_eq(&printed(&home, &["sessions", "list"]));
}

#[test]
fn a_copy_goes_on_and_leaves_the_other_as_it_is() {
    let home = held();
    let original = journal::file(&home);
    let before = std::fs::read(&original).expect("it is there");
    let server = FaultServer::script(vec![say("In a copy.")]);
    home.agent(&["-c", "--fork", "go on"]).server(&server).run().assert_code(0);
    assert_eq!(std::fs::read(&original).expect("it is there"), before);
    let last = server.chat(0);
    assert_eq!(last.body["messages"].as_array().map(Vec::len), Some(6));
    assert_eq!(ids(&home).len(), 2);
    let copy = ids(&home).remove(0);
    let shown = printed(&home, &["sessions", "show", &copy]);
    let shown: String = shown.split_inclusive('\n').filter(|it| !it.starts_with("file")).collect();
    expect![[r#"
        id        [ID]
        project  [PROJECT]
        written  [TIME] ago
        copy of  [ID], up to record 6
        prompts  2
            1  what is in a.txt?
            2  go on
    "#]]
    .assert_eq(&shown);
    expect![[r#"
        error: `--fork` needs a session to go on from
        hint: the newest with `-c --fork`, another with `-r NAME --fork`
    "#]]
    .assert_eq(&printed(&home, &["--fork", "x"]));
}

/// A session whose agent is in the middle of its work.
#[test]
fn a_session_that_is_in_use_can_be_copied_and_no_call_of_it_runs_twice() {
    let home = Home::new();
    let touch = call("run_command", json!({"command": "echo ran >> log"}));
    let stalled = FaultServer::script(vec![touch, Response::stream().text("wait ").stall()]);
    let busy = home.agent(&["--permission", "full", "work"]).server(&stalled).start();
    busy.wait_for_stdout("wait");
    let refused = home.agent(&["-c", "x"]).server(&stalled).run();
    refused.assert_code(1);
    assert!(refused.stderr.contains("agent -r [ID] --fork"), "{}", refused.stderr);
    let server = FaultServer::script(vec![say("Beside it.")]);
    home.agent(&["-c", "--fork", "and you?"]).server(&server).run().assert_code(0);
    assert_eq!(server.chats().len(), 1);
    assert_eq!(home.read("project/log"), "ran\n");
    drop(busy);
}

#[test]
fn words_are_found_where_they_were_said() {
    let home = held();
    let server = FaultServer::script(vec![say("A parser reads.\nThis one reads lines.")]);
    home.agent(&["-c", "what does the parser read?"]).server(&server).run().assert_code(0);
    expect![[r#"
        [ID]  [TIME] ago  what is in a.txt?
          turn 2, agent: A parser reads.
    "#]]
    .assert_eq(&printed(&home, &["sessions", "search", "PARSER", "lines"]));
    expect![[r#"
        [ID]  [TIME] ago  what is in a.txt?
          turn 1, you: what is in a.txt?
    "#]]
    .assert_eq(&printed(&home, &["sessions", "search", "a.txt"]));
    expect![[r#"
        error: nothing was said with `zebra`
        hint: `--all` looks in all projects
    "#]]
    .assert_eq(&printed(&home, &["sessions", "search", "zebra"]));
}

#[test]
fn a_session_from_elsewhere_is_taken_in_and_believed_in_nothing() {
    let (there, here) = (Home::new(), held());
    let touch = call("run_command", json!({"command": "echo ran >> log"}));
    let server = FaultServer::script(vec![say("Hi."), touch]);
    there.agent(&["hello"]).server(&server).run().assert_code(0);
    // The agent is killed when the call was allowed and not yet begun.
    there.agent(&["-c", "--permission", "full", "run it"]).server(&server).run();
    let text = std::fs::read_to_string(journal::file(&there)).expect("it is there");
    let until = text.find(r#"{"kind":"started""#).expect("the call was begun");
    let cut = text[..until].rfind('\n').expect("it is not the first line") + 1;
    here.file("project/theirs.jsonl", &text[..cut]);
    expect![[r#"
        imported as [ID]; `agent -r [ID]` goes on with it
    "#]]
    .assert_eq(&printed(&here, &["sessions", "import", "theirs.jsonl"]));
    // Again, and its id is taken.
    expect![[r#"
        imported as [ID]; `agent -r [ID]` goes on with it
    "#]]
    .assert_eq(&printed(&here, &["sessions", "import", "theirs.jsonl"]));
    assert_eq!(ids(&here).len(), 3);
    let server = FaultServer::script(vec![say("I am here now.")]);
    // A session of our own would go on with the turn it was killed in.
    let mut talk = Talk::open(&here, &server, &["-c", "--permission", "full"]);
    talk.say("where are you?", "I am here now.");
    talk.leave();
    assert!(!here.has("project/log"));
    expect![[r#"
        error: cannot import `a.txt`: it is not the file of a session
    "#]]
    .assert_eq(&printed(&here, &["sessions", "import", "a.txt"]));
    expect![[r#"
        error: cannot import `.`: it is not a file
    "#]]
    .assert_eq(&printed(&here, &["sessions", "import", "."]));
}

#[test]
fn what_is_pruned_is_said_before_and_after() {
    let home = held();
    let server = FaultServer::unmindful(|_| say("Hi."));
    for prompt in ["two", "three"] {
        home.agent(&[prompt]).server(&server).run().assert_code(0);
    }
    let oldest = ids(&home).pop().expect("there are three");
    home.agent(&["sessions", "rename", &oldest, "mine"]).run().assert_code(0);
    let dry = printed(&home, &["sessions", "prune", "--keep", "0", "--dry-run"]);
    assert!(dry.ends_with("would delete 2 sessions\n"), "{dry}");
    assert_eq!(ids(&home).len(), 3);
    expect![[r#"
        deleted 0 sessions
    "#]]
    .assert_eq(&printed(&home, &["sessions", "prune", "--older-than", "1"]));
    let done = printed(&home, &["sessions", "prune", "--keep", "0"]);
    assert!(done.ends_with("deleted 2 sessions\n"), "{done}");
    assert_eq!(ids(&home), [oldest]);
    for args in [&["sessions", "prune"][..], &["sessions", "prune", "--dry-run"]] {
        home.agent(args).run().assert_code(2);
    }
}

#[test]
fn a_conversation_goes_from_one_session_to_another() {
    let home = Home::new();
    home.file("project/a.txt", "one\n");
    let write = call("write_file", json!({"path": "b.txt", "content": "two\n"}));
    let server = FaultServer::script(vec![
        say("First."),
        say("Second."),
        say("First again."),
        write,
        say("In the copy."),
    ]);
    let mut talk = Talk::open(&home, &server, &["--permission", "auto"]);
    talk.say("/fork", "nothing was said yet");
    talk.say("one", "First.");
    talk.say("/save the first", "this session is `the first` now");
    talk.say("/new", "goes back to the other");
    talk.say("two", "Second.");
    talk.say("/save the first", "has the name `the first`");
    talk.say("/load the f", "the last: one");
    talk.say("three", "First again.");
    talk.say("/delete the first", "is the session you are in");
    // Neither a doubt nor a no deletes anything.
    let other = ids(&home)[1].clone();
    talk.enter(&format!("/delete {other}"));
    talk.terminal.wait_for("for good? y = yes, n = no:");
    talk.terminal.send("n\r");
    talk.terminal.wait_for("it stays");
    assert!(ids(&home).contains(&other));
    talk.enter(&format!("/delete {other}"));
    talk.terminal.wait_until("the second question", |it| it.matches("n = no:").count() == 2);
    talk.terminal.send("y\r");
    talk.terminal.wait_for("deleted [ID]");
    assert!(!ids(&home).contains(&other));
    talk.say("/load nowhere", "there is no session `nowhere`");
    talk.say("/fork other way", "which stays as it is");
    talk.say("write it", "In the copy.");
    talk.say("/undo", "undid turn 3");
    talk.say("/sessions", "(this one)");
    talk.leave();
    assert_eq!(server.chats().len(), 5);
    assert!(!home.has("project/b.txt"));
    let words = |nth: usize| {
        let messages = server.chat(nth).body["messages"].clone();
        let said = messages.as_array().expect("a chat has messages").iter().skip(1);
        let said = said.map(|it| it["content"].as_str().unwrap_or_default().to_owned());
        said.collect::<Vec<_>>().join(" | ")
    };
    expect![[r#"
        one
        two
        one | First. | three
        one | First. | three | First again. | write it
    "#]]
    .assert_eq(&(0..4).map(|it| words(it) + "\n").collect::<String>());
    let listed = printed(&home, &["sessions", "list"]);
    for name in ["[the first] one", "[other way] one"] {
        assert!(listed.contains(name), "{listed}");
    }
    assert_eq!(ids(&home).len(), 2);
}

/// What was under way goes on in the copy, and the session that it is from stays as the kill has left it.
#[test]
fn a_copy_of_a_session_that_was_killed_goes_on_with_its_turn() {
    let home = Home::new();
    let touch = call("run_command", json!({"command": "echo ran >> log"}));
    let stalled = FaultServer::script(vec![touch, Response::stream().text("wait ").stall()]);
    let busy = home.agent(&["--permission", "full", "work"]).server(&stalled).start();
    busy.wait_for_stdout("wait");
    busy.kill();
    busy.finish_as_it_is();
    let original = journal::file(&home);
    let before = std::fs::read(&original).expect("it is there");
    let server = FaultServer::script(vec![say("It has run."), say("Yes.")]);
    let args = ["-c", "--fork=the copy", "--permission", "full"];
    let mut talk = Talk::open(&home, &server, &args);
    talk.terminal.wait_for("It has run.");
    talk.say("really?", "Yes.");
    let screen = talk.leave();
    assert!(screen.contains("the last turn was interrupted; going on with it"), "{screen}");
    assert!(!screen.contains("stopped"), "{screen}");
    assert_eq!(home.read("project/log"), "ran\n");
    assert_eq!(std::fs::read(&original).expect("it is there"), before);
    assert_eq!(server.chats().len(), 2);
    let listed = printed(&home, &["sessions", "list"]);
    assert!(listed.contains("[the copy] work"), "{listed}");
    expect![[r#"
        error: session `[ID]` has the name `the copy`
        hint: `agent sessions rename [ID] NEW` gives that one another
    "#]]
    .assert_eq(&printed(&home, &["-c", "--fork=the copy", "x"]));
}

/// The other agent goes on with the turn, so the copy does not, and says so.
#[test]
fn in_a_copy_of_a_session_in_use_the_turn_has_ended() {
    let home = Home::new();
    let touch = call("run_command", json!({"command": "echo ran >> log"}));
    let stalled = FaultServer::script(vec![touch, Response::stream().text("wait ").stall()]);
    let busy = home.agent(&["--permission", "full", "work"]).server(&stalled).start();
    busy.wait_for_stdout("wait");
    let server = FaultServer::script(vec![say("Beside it.")]);
    let mut talk = Talk::open(&home, &server, &["-c", "--fork"]);
    talk.say("and you?", "Beside it.");
    let screen = talk.leave();
    assert!(screen.contains("stays with the other session"), "{screen}");
    assert!(!screen.contains("going on with it") && !screen.contains("stopped"), "{screen}");
    assert_eq!(server.chats().len(), 1);
    drop(busy);
}
