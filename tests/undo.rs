//! What a session changed is shown and taken back, by the binary, as a person would.

mod support;

use std::os::unix::fs::PermissionsExt;

use expect_test::{Expect, expect};
use serde_json::json;

use crate::support::fault_server::FaultServer;
use crate::support::home::Home;
use crate::support::play::until;
use crate::support::response::{call, calls, say};
use crate::support::terminal::{CTRL_D, ENTER, Terminal};

/// A project of which a session has changed two files and made one.
fn edited() -> (Home, FaultServer) {
    let home = Home::new();
    home.file("project/a.txt", "one\ntwo\nthree\n").file("project/b.txt", "b\n");
    let mode = std::fs::Permissions::from_mode(0o640);
    std::fs::set_permissions(home.path("project/a.txt"), mode).expect("the file is ours");
    let edit = json!({"path": "a.txt", "edits": [{"old": "two", "new": "2"}]});
    let server = FaultServer::script(vec![
        call("edit_file", edit),
        call("read_file", json!({"paths": ["b.txt"]})),
        calls(&[
            ("write_file", json!({"path": "b.txt", "content": "B\n"})),
            ("write_file", json!({"path": "new/c.txt", "content": "c\n"})),
        ]),
        say("done"),
    ]);
    home.agent(&["change it"]).server(&server).run().assert_code(0);
    assert_eq!(home.read("project/new/c.txt"), "c\n");
    (home, server)
}

#[test]
fn a_turn_is_listed_shown_and_taken_back() {
    let (home, _server) = edited();
    home.agent(&["undo", "--list"])
        .expect_stdout(expect![[r#"
            turn 1    a.txt, b.txt, new/c.txt
        "#]])
        .check();
    home.agent(&["diff"])
        .expect_stdout(expect![[r#"
            --- a/a.txt
            +++ b/a.txt
            @@ -1,3 +1,3 @@
             one
            -two
            +2
             three
            --- a/b.txt
            +++ b/b.txt
            @@ -1 +1 @@
            -b
            +B
            --- /dev/null
            +++ b/new/c.txt
            @@ -0,0 +1 @@
            +c
        "#]])
        .check();
    home.agent(&["undo", "--dry-run"])
        .expect_stdout(expect![[r#"
            a.txt      +1 -1
            b.txt      +1 -1
            new/c.txt  -1, deleted
            would undo turn 1: 3 files, +2 -3
        "#]])
        .check();
    home.agent(&["undo"])
        .expect_stdout(expect![[r#"
            a.txt      +1 -1
            b.txt      +1 -1
            new/c.txt  -1, deleted
            undid turn 1: 3 files, +2 -3
        "#]])
        .check();
    assert_eq!(home.read("project/a.txt"), "one\ntwo\nthree\n");
    assert_eq!(home.read("project/b.txt"), "b\n");
    assert!(!home.has("project/new"));
    let mode = std::fs::metadata(home.path("project/a.txt")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
    home.agent(&["diff"]).check();
    home.agent(&["undo"])
        .expect_code(1)
        .expect_stderr(expect![[r#"
            error: there is nothing to undo in any session of this project
        "#]])
        .check();
    home.agent(&["redo"])
        .expect_stdout(expect![[r#"
            a.txt      +1 -1
            b.txt      +1 -1
            new/c.txt  +1 -0
            did again turn 1: 3 files, +3 -2
        "#]])
        .check();
    assert_eq!(home.read("project/b.txt"), "B\n");
}

#[test]
fn what_the_person_changed_later_is_left_alone_and_said() {
    let (home, _server) = edited();
    home.file("project/a.txt", "zero\none\n2\nthree\n").file("project/b.txt", "mine\n");
    home.agent(&["undo"])
        .expect_code(1)
        .expect_stdout(expect![[r#"
            a.txt      +1 -1, later changes by others kept
            b.txt      left alone: it was changed since, in the same lines
            new/c.txt  -1, deleted
            undid turn 1: 2 files, +1 -2; 1 file left alone
        "#]])
        .check();
    assert_eq!(home.read("project/a.txt"), "zero\none\ntwo\nthree\n");
    assert_eq!(home.read("project/b.txt"), "mine\n");
    // It is asked for again when that is settled.
    home.agent(&["undo"])
        .expect_code(1)
        .expect_stdout(expect![[r#"
        b.txt  left alone: it was changed since, in the same lines
        undid nothing of turn 1; 1 file left alone
    "#]])
        .check();
    home.agent(&["undo", "--list"])
        .expect_stdout(expect![[r#"
        turn 1    b.txt (left alone, can be tried again)
    "#]])
        .check();
    home.file("project/b.txt", "B\n");
    home.agent(&["undo"])
        .expect_stdout(expect![[r#"
        b.txt  +1 -1
        undid turn 1: 1 file, +1 -1
    "#]])
        .check();
    assert_eq!(home.read("project/b.txt"), "b\n");
    home.agent(&["redo"]).run().assert_code(0);
    assert_eq!(home.read("project/a.txt"), "zero\none\n2\nthree\n");
    assert_eq!(home.read("project/b.txt"), "B\n");
}

#[test]
fn a_name_that_is_no_plain_text_is_shown_as_git_shows_it() {
    let home = Home::new();
    let command = r"echo 1 > 'a
b.txt'";
    let server =
        FaultServer::script(vec![call("run_command", json!({"command": command})), say("done")]);
    home.agent(&["do it"]).server(&server).run().assert_code(0);
    home.agent(&["diff"])
        .expect_stdout(expect![[r#"
        --- /dev/null
        +++ "b/a\nb.txt"
        @@ -0,0 +1 @@
        +1
    "#]])
        .check();
}

#[test]
fn the_model_is_told_in_the_words_of_the_next_prompt() {
    let (home, server) = edited();
    home.agent(&["undo"]).run().assert_code(0);
    home.agent(&["-c", "and now?"]).server(&server).run().assert_code(0);
    home.agent(&["-c", "and then?"]).server(&server).run().assert_code(0);
    let users = |nth: usize| {
        let chat = server.chat(nth);
        let said = chat.messages().iter().filter(|it| it["role"] == "user");
        said.map(|it| format!("{}\n", it["content"].as_str().unwrap_or_default()))
            .collect::<String>()
    };
    expect![[r#"
        change it
    "#]]
    .assert_eq(&users(3));
    expect![[r#"
        change it
        The user has undone what you changed in: `a.txt`, `b.txt`, `new/c.txt`. Read these files again before you change them.

        and now?
    "#]]
    .assert_eq(&users(4));
}

#[test]
fn what_a_command_did_is_taken_back_too() {
    let home = Home::new();
    home.file("project/a.txt", "a\n").file("project/gone.txt", "gone\n");
    let command = "echo b > a.txt; rm gone.txt; mkdir -p d/e; touch d/e/made; ln -s a.txt l";
    let server =
        FaultServer::script(vec![call("run_command", json!({"command": command})), say("done")]);
    home.agent(&["do it"]).server(&server).run().assert_code(0);
    assert_eq!(home.read("project/a.txt"), "b\n");
    home.agent(&["undo"])
        .expect_stdout(expect![[r#"
            a.txt     +1 -1
            d/e/made  -0, deleted
            gone.txt  +1 -0
            l         a link, deleted
            undid turn 1: 4 files, +2 -1
        "#]])
        .check();
    assert_eq!(home.read("project/a.txt"), "a\n");
    assert_eq!(home.read("project/gone.txt"), "gone\n");
    assert!(!home.has("project/d"));
    assert!(!home.has("project/l"));
}

#[test]
fn a_session_is_named_or_guessed_never_invented() {
    let (home, _server) = edited();
    home.agent(&["undo", "--session", "zzz"])
        .expect_code(1)
        .expect_stderr(expect![[r#"
            error: there is no session `zzz`
        "#]])
        .check();
    home.file("other/x", "");
    home.agent(&["undo"])
        .in_dir("other")
        .expect_code(1)
        .expect_stderr(expect![[r#"
            error: there are no sessions yet for `[TEMP]/other`
            hint: the first prompt starts one
        "#]])
        .check();
    let journal = support::journal::file(&home);
    let id = journal.file_stem().and_then(|it| it.to_str()).expect("an id is text");
    home.agent(&["undo", "--session", id]).run().assert_code(0);
    home.agent(&["sessions", "delete", id]).run().assert_code(0);
    let left = std::fs::read_dir(journal.parent().expect("it lies in a folder"));
    assert_eq!(left.expect("that stays").count(), 0, "the history goes with its session");
}

#[test]
fn what_is_taken_back_after_a_session_is_that_of_the_one_before() {
    let home = Home::new();
    home.file("project/a.txt", "0\n");
    let write = |text: &str| call("write_file", json!({"path": "a.txt", "content": text}));
    let read = || call("read_file", json!({"paths": ["a.txt"]}));
    for (prompt, text) in [("one", "1\n"), ("two", "2\n")] {
        let server = FaultServer::script(vec![read(), write(text), say("done")]);
        home.agent(&[prompt]).server(&server).run().assert_code(0);
    }
    let server = FaultServer::script(vec![say("nothing to do")]);
    home.agent(&["three"]).server(&server).run().assert_code(0);
    home.agent(&["undo", "--list"])
        .expect_stdout(expect![[r#"
        session [ID]: two
        turn 1    a.txt
        session [ID]: one
        turn 1    a.txt
    "#]])
        .check();
    home.agent(&["undo", "--dry-run"])
        .expect_stdout(expect![[r#"
        session [ID]: two
        a.txt  +1 -1
        would undo turn 1: 1 file, +1 -1
    "#]])
        .check();
    home.agent(&["undo"]).run().assert_code(0);
    assert_eq!(home.read("project/a.txt"), "1\n");
    home.agent(&["undo"])
        .expect_stdout(expect![[r#"
        session [ID]: one
        a.txt  +1 -1
        undid turn 1: 1 file, +1 -1
    "#]])
        .check();
    assert_eq!(home.read("project/a.txt"), "0\n");
    home.agent(&["undo"])
        .expect_code(1)
        .expect_stderr(expect![[r#"
        error: there is nothing to undo in any session of this project
    "#]])
        .check();
    // The last to be taken back is the first to be done again.
    for text in ["1\n", "2\n"] {
        home.agent(&["redo"]).run().assert_code(0);
        assert_eq!(home.read("project/a.txt"), text);
    }
    home.agent(&["redo"])
        .expect_code(1)
        .expect_stderr(expect![[r#"
        error: there is nothing to redo
        hint: `agent sessions list` shows the others; name one with `--session ID`
    "#]])
        .check();
    // What a newer session does ends what can be done again.
    home.agent(&["undo"]).run().assert_code(0);
    let server = FaultServer::script(vec![read(), write("4\n"), say("done")]);
    home.agent(&["four"]).server(&server).run().assert_code(0);
    home.agent(&["redo"])
        .expect_code(1)
        .expect_stderr(expect![[r#"
        error: there is nothing to redo
        hint: `agent sessions list` shows the others; name one with `--session ID`
    "#]])
        .check();
}

#[test]
fn a_conversation_undoes_redoes_and_tells_the_model() {
    let home = Home::new();
    home.file("project/a.txt", "one\n");
    let edit = json!({"path": "a.txt", "edits": [{"old": "one", "new": "two"}]});
    let server = FaultServer::script(vec![call("edit_file", edit), say("Done."), say("I see.")]);
    let run = home.agent(&["--permission", "auto"]).server(&server).env("NO_COLOR", "1");
    let mut terminal = run.terminal(40, 90);
    type_line(&mut terminal, "/undo");
    terminal.wait_for("there is nothing to undo");
    type_line(&mut terminal, "change it");
    terminal.wait_for("Done.");
    type_line(&mut terminal, "/diff");
    terminal.wait_for("+++ b/a.txt");
    prompted(&terminal);
    type_line(&mut terminal, "/undo");
    terminal.wait_for("undid turn 1");
    assert_eq!(home.read("project/a.txt"), "one\n");
    type_line(&mut terminal, "/redo");
    terminal.wait_for("did again turn 1");
    assert_eq!(home.read("project/a.txt"), "two\n");
    type_line(&mut terminal, "/undo");
    terminal.wait_until("a second undo", |it| it.matches("undid turn 1").count() == 2);
    type_line(&mut terminal, "what now?");
    terminal.wait_for("I see.");
    told(
        server.chat(2).last_message().unwrap_or_default(),
        expect![[r#"
            The user has undone what you changed in: `a.txt`. Read these files again before you change them.

            what now?"#]],
    );
    // Who comes from outside is told that this one is at work.
    let redo = home.agent(&["redo"]).expect_code(1);
    redo.expect_stderr(expect![[r#"
        error: this session is in use by another agent
        hint: type `/undo` or `/redo` there
    "#]])
        .check();
    prompted(&terminal);
    terminal.send(CTRL_D);
    terminal.finish();
}

#[track_caller]
fn told(text: &str, expected: Expect) {
    expected.assert_eq(text);
}

#[track_caller]
fn prompted(terminal: &Terminal) {
    terminal.wait_until("a prompt on the last line", |screen| {
        screen.lines().next_back().is_some_and(|it| it.trim_end() == "›")
    });
}

#[track_caller]
fn type_line(terminal: &mut Terminal, line: &str) {
    prompted(terminal);
    terminal.send(line);
    terminal.send(ENTER);
}

/// Killed when it has announced an edit and may or may not have made it: whatever it had come to
/// can be taken back.
#[test]
fn what_a_killed_agent_did_is_taken_back() {
    for announced in 1..=6 {
        let home = Home::new();
        home.file("project/a.txt", "start\n").file("project/b.txt", "start\n");
        let server = FaultServer::answering(|nth, _| {
            let file = ["a.txt", "b.txt", "c/d.txt"][nth % 3];
            call("write_file", json!({"path": file, "content": format!("{nth}\n")}))
        });
        let running = home.agent(&["go on and on"]).server(&server).start();
        until("an edit to be announced", || announced <= announcements(&home));
        running.kill();
        running.finish();
        home.agent(&["undo"]).run().assert_code(0);
        assert_eq!(home.read("project/a.txt"), "start\n", "killed after {announced}");
        assert_eq!(home.read("project/b.txt"), "start\n", "killed after {announced}");
        assert!(!home.has("project/c"), "killed after {announced}");
    }
}

fn announcements(home: &Home) -> usize {
    let folders = std::fs::read_dir(home.path("home/.local/state/agent/sessions"));
    let sessions = folders.into_iter().flatten().flatten().map(|it| std::fs::read_dir(it.path()));
    let files = sessions.flatten().flatten().flatten().map(|it| it.path());
    let records = files.map(|it| std::fs::read(it.join("history/records.jsonl")));
    records.flatten().map(|it| it.iter().filter(|it| **it == b'\n').count()).sum()
}
