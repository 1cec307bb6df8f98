//! Leave for a call: what a person is shown, what they may answer, and that what runs is just what they
//! have allowed. Each test is a conversation at a terminal.

mod support;

use expect_test::{Expect, expect};
use serde_json::{Value, json};

use crate::support::fault_server::FaultServer;
use crate::support::home::Home;
use crate::support::response::{Response, call, say};
use crate::support::talk::Talk;
use crate::support::terminal::{CTRL_A, CTRL_C, ENTER, ESCAPE};

const ASKED: &str = "say what to do instead";

fn command(command: &str) -> Response {
    call("run_command", json!({"command": command}))
}

/// Answers the question that is asked, in a prompt that ends so.
#[track_caller]
fn answer(talk: &mut Talk, prompt: &str, keys: &str) {
    talk.terminal.wait_until(&format!("`{prompt}` on the last line"), |screen| {
        screen.lines().next_back().is_some_and(|it| it.trim_end().ends_with(prompt))
    });
    talk.terminal.send(keys);
    talk.terminal.send(ENTER);
}

#[track_caller]
fn leaves(talk: Talk, expected: Expect) {
    expected.assert_eq(&talk.leave());
}

/// What the model was told last.
fn told(server: &FaultServer, nth: usize) -> String {
    let chat = server.chat(nth);
    let message = chat.messages().last().expect("something was said").clone();
    message["content"].as_str().expect("it is words").to_owned()
}

#[test]
fn a_command_is_changed_and_runs_as_it_was_changed() {
    let home = Home::new();
    let server = FaultServer::script(vec![command("touch made"), say("Well.")]);
    let mut talk = Talk::open(&home, &server, &[]);
    talk.enter("make it");
    answer(&mut talk, "instead:", "e");
    answer(&mut talk, "touch made", "-by-me");
    talk.terminal.wait_for("Well.");
    assert!(home.has("project/made-by-me") && !home.has("project/made"));
    expect![[r#"
        [The user changed this call before they allowed it, to: run_command {"command":"touch made-by-me"}]
        [exit 0]
    "#]]
    .assert_eq(&told(&server, 1));
    leaves(
        talk,
        expect![[r#"
            › make it
            allow? run_command
              command: touch made
              confined: writes the project and a /tmp of its own, no network
              always would save run_command(touch made)
              y = yes, a = always, e = edit, n = no, or say what to do instead: e
              change it, Enter runs it: touch made-by-me
            ● run_command touch made-by-me  exit 0, [TIME]
            Well.

            ›"#]],
    );
    // What was decided is in the session, and what is exported says it.
    let export = home.agent(&["sessions", "export"]).run();
    export.assert_code(0);
    assert!(export.stdout.contains("*You changed it to:*"), "{}", export.stdout);
    assert!(export.stdout.contains(r#"run_command {"command":"touch made-by-me"}"#));
}

#[test]
fn what_a_person_changes_a_command_to_may_be_denied_by_their_rules() {
    let home = Home::new();
    home.file("home/.config/agent/config.toml", "permissions.deny = ['run_command(rm *)']\n");
    let server = FaultServer::script(vec![command("ls"), command("touch x"), say("Well.")]);
    home.file("project/kept", "");
    let mut talk = Talk::open(&home, &server, &["--permission", "ask"]);
    talk.enter("clean up");
    answer(&mut talk, "instead:", "e");
    answer(&mut talk, "touch x", &format!("{CTRL_A}rm kept; "));
    talk.terminal.wait_for("Well.");
    assert!(home.has("project/kept") && !home.has("project/x"));
    expect![[r#"
        [The user changed this call before they allowed it, to: run_command {"command":"rm kept; touch x"}]
        Refused: the user's rules forbid it (`run_command(rm *)`)."#]].assert_eq(&told(&server, 2));
}

#[test]
fn each_edit_of_a_call_is_changed_by_itself_and_escape_gives_up_the_change() {
    let home = Home::new();
    home.file("project/a.txt", "one\ntwo\n");
    let edits = json!([{"old": "one", "new": "ONE"}, {"old": "two\n", "new": "TWO"}]);
    let edit = call("edit_file", json!({"path": "a.txt", "edits": edits}));
    let server = FaultServer::script(vec![edit, say("Well.")]);
    let mut talk = Talk::open(&home, &server, &[]);
    talk.enter("change them");
    answer(&mut talk, "instead:", "e");
    talk.terminal.wait_for("1 of 2, change it, Enter goes on: ONE");
    talk.terminal.send(ESCAPE);
    talk.terminal.wait_until("the question again", |it| it.matches("instead:").count() == 2);
    talk.terminal.send("e\r");
    talk.terminal.wait_until("the first", |it| it.matches("goes on: ONE").count() == 2);
    talk.terminal.send("!\r");
    talk.terminal.wait_for("2 of 2, change it, Enter goes on: TWO");
    talk.terminal.send("\x15\r");
    talk.terminal.wait_for("as you changed it, allow?");
    talk.terminal.wait_until("the question again", |it| it.matches("instead:").count() == 3);
    talk.terminal.send("y\r");
    talk.terminal.wait_for("Well.");
    assert_eq!(home.read("project/a.txt"), "ONE!\n");
    let screen = talk.leave();
    assert!(screen.contains("  instead of: one\n  1 of 2"), "{screen}");
}

/// Several lines are changed in the person's editor, and asked about once more.
#[test]
fn what_has_several_lines_is_changed_in_an_editor() {
    let home = Home::new();
    home.file("bin/ed.sh", "#!/bin/sh\nsed -i s/one/two/ \"$1\"\n");
    let server = FaultServer::script(vec![command("touch one\ntouch more"), say("Well.")]);
    let editor = format!("sh {}", home.path("bin/ed.sh").display());
    let mut talk = Talk::begin(home.agent(&[]).server(&server).env("EDITOR", &editor));
    talk.enter("make it");
    answer(&mut talk, "instead:", "e");
    talk.terminal.wait_for("as you changed it");
    assert!(!home.has("project/two"));
    answer(&mut talk, "instead:", "y");
    talk.terminal.wait_for("Well.");
    assert!(home.has("project/two") && home.has("project/more") && !home.has("project/one"));
    leaves(
        talk,
        expect![[r#"
            › make it
            allow? run_command
              command:
                touch one
                touch more
              confined: writes the project and a /tmp of its own, no network
              y = yes, e = edit, n = no, or say what to do instead: e
            as you changed it, allow? run_command
              command:
                touch two
                touch more
              confined: writes the project and a /tmp of its own, no network
              y = yes, e = edit, n = no, or say what to do instead: y
            ● run_command touch two touch more  exit 0, [TIME]
            Well.

            ›"#]],
    );
}

/// A file of twenty lines, and an edit of the second and of the nineteenth.
fn two_hunks(home: &Home) -> Response {
    let lines: String = (1..=20).map(|it| format!("line {it}\n")).collect();
    home.file("project/a.txt", &lines);
    let edit = |old: &str, new: &str| json!({"old": format!("{old}\n"), "new": format!("{new}\n")});
    let edits: Value = json!([edit("line 2", "second"), edit("line 19", "last but one")]);
    call("edit_file", json!({"path": "a.txt", "edits": edits}))
}

#[test]
fn of_an_edit_the_hunks_are_made_that_are_wanted() {
    let home = Home::new();
    let server = FaultServer::script(vec![two_hunks(&home), say("Well.")]);
    let mut talk = Talk::open(&home, &server, &[]);
    talk.enter("edit it");
    answer(&mut talk, "instead:", "h");
    answer(&mut talk, "leave it and the rest:", "n");
    talk.terminal.wait_for("hunk 2 of 2");
    answer(&mut talk, "leave it and the rest:", "y");
    talk.terminal.wait_for("Well.");
    let text = home.read("project/a.txt");
    assert!(text.contains("\nline 2\n") && text.contains("\nlast but one\n"), "{text}");
    expect![[r#"
        [The user allowed a part of this. Not made, because they did not want it:
        a.txt:
        @@ -1,5 +1,5 @@
         line 1
        -line 2
        +second
         line 3
         line 4
         line 5
        ]
        @@ -17,4 +17,4 @@
         line 17
         line 18
        -line 19
        +last but one
         line 20
    "#]]
    .assert_eq(&told(&server, 1));
    leaves(
        talk,
        expect![[r#"
                   2 -line 2
                   2 +second
                   3  line 3
                   4  line 4
                   5  line 5
                   …
                  16  line 16
                  17  line 17
                  18  line 18
                  19 -line 19
                  19 +last but one
                  20  line 20
              y = yes, e = edit, h = by hunk, n = no, or say what to do instead: h
              hunk 1 of 2: a.txt
                   1  line 1
                   2 -line 2
                   2 +second
                   3  line 3
                   4  line 4
                   5  line 5
              y = make it, n = leave it, q = leave it and the rest: n
              hunk 2 of 2: a.txt
                  16  line 16
                  17  line 17
                  18  line 18
                  19 -line 19
                  19 +last but one
                  20  line 20
              y = make it, n = leave it, q = leave it and the rest: y
            ● edit_file a.txt  +1 -1
                  17  line 17
                  18  line 18
                  19 -line 19
                  19 +last but one
                  20  line 20
            Well.

            ›"#]],
    );
}

#[test]
fn who_wants_none_of_the_hunks_has_said_no() {
    let home = Home::new();
    let server = FaultServer::script(vec![two_hunks(&home), say("Well.")]);
    let mut talk = Talk::open(&home, &server, &[]);
    talk.enter("edit it");
    answer(&mut talk, "instead:", "h");
    answer(&mut talk, "leave it and the rest:", "q");
    talk.terminal.wait_for("Well.");
    assert_eq!(told(&server, 1), "The user said no. Do something else, or ask.");
    assert!(home.read("project/a.txt").contains("line 19"));
}

/// What was allowed are these lines in the place of those: if those are no more, nothing is done.
#[test]
fn a_file_that_changes_before_the_answer_is_left_as_it_is() {
    let home = Home::new();
    let server = FaultServer::script(vec![two_hunks(&home), say("Well.")]);
    let mut talk = Talk::open(&home, &server, &[]);
    talk.enter("edit it");
    answer(&mut talk, "instead:", "h");
    answer(&mut talk, "leave it and the rest:", "y");
    talk.terminal.wait_for("hunk 2 of 2");
    home.file("project/a.txt", "line 2\nof somebody else\n");
    answer(&mut talk, "leave it and the rest:", "n");
    talk.terminal.wait_for("Well.");
    assert_eq!(home.read("project/a.txt"), "line 2\nof somebody else\n");
}

#[test]
fn a_long_diff_is_summed_up_and_shown_when_it_is_wanted() {
    let home = Home::new();
    let content: String = (1..=60).map(|it| format!("line {it}\n")).collect();
    let write = call("write_file", json!({"path": "new.txt", "content": content}));
    let server = FaultServer::script(vec![write, say("Well.")]);
    let mut talk = Talk::open(&home, &server, &[]);
    talk.enter("write it");
    talk.terminal.wait_for(ASKED);
    expect![[r#"
        › write it
        allow? write_file
          new.txt  +60 -0 (created)
          61 lines of a diff; d shows them
          always would save write_file(/new.txt)
          y = yes, a = always, e = edit, d = all of it, n = no, or say what to do instead:"#]]
    .assert_eq(&talk.terminal.screen().lines().skip(1).collect::<Vec<_>>().join("\n"));
    answer(&mut talk, "instead:", "d");
    talk.terminal.wait_for("+line 60");
    answer(&mut talk, "instead:", "y");
    talk.terminal.wait_for("Well.");
    assert_eq!(home.read("project/new.txt"), content);
}

#[test]
fn a_command_of_the_conversation_waits_and_words_are_for_the_model() {
    let home = Home::new();
    let server = FaultServer::script(vec![command("touch made"), say("Well.")]);
    let mut talk = Talk::open(&home, &server, &[]);
    talk.enter("make it");
    answer(&mut talk, "instead:", "/undo");
    talk.terminal.wait_for("commands wait until this is decided");
    answer(&mut talk, "instead:", "make it in src");
    talk.terminal.wait_for("Well.");
    assert_eq!(told(&server, 1), "The user said no: make it in src");
    assert!(!home.has("project/made"));
}

/// T01 to T12, in each question: what acts on a terminal is seen in it, and does nothing.
#[test]
fn nothing_in_a_question_acts_on_the_terminal() {
    let evil = "\u{1b}]0;t\u{7}\u{1b}]8;;x\u{1b}\\\u{1b}]52;c;eA==\u{7}\u{1b}]9;n\u{7}\u{1b}[2J\u{1b}[8m\u{1b}P0q\
                \u{1b}_Gx\u{1b}[6n\u{1b}[c\u{9b}2J\u{9d}0;x\rover\u{8}\u{202e}\u{200b}\u{e0041}\u{1b}]0;open";
    let home = Home::new();
    // What we tell the terminal ourselves looks the same to this test.
    home.file("home/.config/agent/config.toml", "[ui]\ntitle = false\n");
    home.file("bin/ed.sh", "#!/bin/sh\nprintf ' # changed' >> \"$1\"\n");
    let lines: String = (1..=20).map(|it| format!("line {it}{evil}\n").replace('\r', "")).collect();
    home.file("project/a.txt", &lines);
    let edit = |n: usize| json!({"old": format!("line {n}\u{1b}"), "new": format!("{evil}\u{1b}")});
    let server = FaultServer::script(vec![
        command(&format!("true {evil}")),
        call("edit_file", json!({"path": "a.txt", "edits": [edit(2), edit(19)]})),
        call(
            "write_file",
            json!({"path": format!("{evil}.txt").replace('/', "_"), "content": evil}),
        ),
        call(&format!("no{evil}"), json!({evil: evil})),
        say("Well."),
    ]);
    let editor = format!("sh {}", home.path("bin/ed.sh").display());
    let mut talk = Talk::begin(home.agent(&[]).server(&server).env("EDITOR", &editor));
    talk.enter("go");
    answer(&mut talk, "instead:", "e");
    talk.terminal.wait_for("as you changed it");
    answer(&mut talk, "instead:", "n");
    answer(&mut talk, "h = by hunk, n = no, or say what to do instead:", "h");
    answer(&mut talk, "leave it and the rest:", "y");
    talk.terminal.wait_for("hunk 2 of 2");
    answer(&mut talk, "leave it and the rest:", "n");
    talk.terminal.wait_for("write_file");
    answer(&mut talk, "instead:", "n");
    talk.terminal.wait_for("Well.");
    let raw = String::from_utf8_lossy(&talk.terminal.raw()).into_owned();
    // The title of the window is ours.
    let raw = ["", "… "]
        .iter()
        .fold(raw, |raw, busy| raw.replace(&format!("\x1b]2;{busy}agent · project\x1b\\"), ""));
    for acts in [
        "\u{1b}]",
        "\u{1b}[2J",
        "\u{1b}[8m",
        "\u{1b}P",
        "\u{1b}_",
        "\u{1b}[c",
        "\u{9b}",
        "\u{9d}",
        "\rover",
        "\u{8}",
        "\u{202e}",
        "\u{200b}",
        "\u{e0041}",
    ] {
        assert!(!raw.contains(acts), "{acts:?} in {raw:?}");
    }
    assert!(talk.terminal.screen().contains("␛]0;open"));
}

#[test]
fn an_answer_that_is_none_is_told_what_is_understood() {
    let home = Home::new();
    let server = FaultServer::script(vec![command("touch made"), say("Well.")]);
    let mut talk = Talk::open(&home, &server, &[]);
    talk.enter("make it");
    answer(&mut talk, "instead:", "q");
    talk.terminal.wait_for("`q` is no answer here: y, a, e, n, or more words for the model");
    answer(&mut talk, "instead:", "n");
    talk.terminal.wait_for("Well.");
    assert!(!home.has("project/made"));
}

fn write(content: &str) -> Response {
    call("write_file", json!({"path": "new.txt", "content": content}))
}

#[test]
fn of_an_edit_the_text_is_changed_and_not_its_json() {
    let home = Home::new();
    home.file("bin/ed.sh", "#!/bin/sh\nbasename \"$1\" > name\nsed -i s/one/two/ \"$1\"\n");
    let server = FaultServer::script(vec![write("one\nmore\n"), say("Well.")]);
    let editor = format!("sh {}", home.path("bin/ed.sh").display());
    let mut talk = Talk::begin(home.agent(&[]).server(&server).env("EDITOR", &editor));
    talk.enter("write it");
    answer(&mut talk, "instead:", "e");
    talk.terminal.wait_for("as you changed it");
    answer(&mut talk, "instead:", "y");
    talk.terminal.wait_for("Well.");
    assert_eq!(home.read("project/new.txt"), "two\nmore\n");
    assert_eq!(home.read("project/name"), "new.txt\n");
}

/// It asks again, and nothing has happened.
#[test]
fn where_there_is_no_editor_that_is_said() {
    let home = Home::new();
    home.file("bin/none", "");
    let server = FaultServer::script(vec![write("one\nmore\n"), say("Well.")]);
    let path = home.path("bin").display().to_string();
    let mut talk = Talk::begin(home.agent(&[]).server(&server).env("PATH", &path));
    talk.enter("write it");
    answer(&mut talk, "instead:", "e");
    talk.terminal.wait_for("there is no editor here; set `$EDITOR`");
    answer(&mut talk, "instead:", "y");
    talk.terminal.wait_for("Well.");
    assert_eq!(home.read("project/new.txt"), "one\nmore\n");
}

/// What the person has set for git is theirs; what the project brings is not.
#[test]
fn the_editor_of_the_persons_git_is_used_and_none_of_the_project() {
    let home = Home::new();
    home.git(&["init", "-q"]);
    home.git(&["config", "core.editor", "touch evil; false"]);
    home.file("bin/ed.sh", "#!/bin/sh\nsed -i s/one/two/ \"$1\"\n");
    let editor = format!("sh {}", home.path("bin/ed.sh").display());
    home.file("home/.gitconfig", &format!("[core]\n\teditor = {editor}\n"));
    let server = FaultServer::script(vec![write("one\nmore\n"), say("Well.")]);
    let config = home.path("home/.gitconfig").display().to_string();
    let mut talk = Talk::begin(home.agent(&[]).server(&server).env("GIT_CONFIG_GLOBAL", &config));
    talk.enter("write it");
    answer(&mut talk, "instead:", "e");
    talk.terminal.wait_for("as you changed it");
    answer(&mut talk, "instead:", "y");
    talk.terminal.wait_for("Well.");
    assert_eq!(home.read("project/new.txt"), "two\nmore\n");
    assert!(!home.has("project/evil"));
}

/// Else Escape would stop the turn, and the rest would stand in the next prompt.
#[test]
fn while_an_editor_is_open_the_keys_are_its_own() {
    let home = Home::new();
    let ask = "for n in 1 2 3 4; do echo ready $n; read -r line; echo \"$line\" >> \"$1\"; done";
    home.file("bin/ed.sh", &format!("#!/bin/sh\nexec < /dev/tty\n: > \"$1\"\n{ask}\n"));
    let server = FaultServer::script(vec![write("one\nmore\n"), say("Well.")]);
    let editor = format!("sh {}", home.path("bin/ed.sh").display());
    let mut talk = Talk::begin(home.agent(&[]).server(&server).env("EDITOR", &editor));
    talk.enter("write it");
    answer(&mut talk, "instead:", "e");
    for n in 1..=4 {
        talk.terminal.wait_for(&format!("ready {n}"));
        talk.terminal.send(&format!("\x1btyped {n}\r"));
    }
    talk.terminal.wait_for("as you changed it");
    answer(&mut talk, "instead:", "y");
    talk.terminal.wait_for("Well.");
    let typed: String = (1..=4).map(|n| format!("\x1btyped {n}\n")).collect();
    assert_eq!(home.read("project/new.txt"), typed);
}

fn edit(old: &str, new: &str) -> Response {
    call("edit_file", json!({"path": "a.txt", "edits": [{"old": old, "new": new}]}))
}

#[test]
fn nobody_is_asked_about_an_edit_that_cannot_be_made() {
    let home = Home::new();
    home.file("project/a.txt", "one\n");
    let server = FaultServer::script(vec![edit("two", "TWO"), edit("one", "ONE"), say("Well.")]);
    let mut talk = Talk::open(&home, &server, &[]);
    talk.enter("change it");
    answer(&mut talk, "instead:", "y");
    talk.terminal.wait_for("Well.");
    assert_eq!(home.read("project/a.txt"), "ONE\n");
    expect![[r#"
        `old` does not occur in the file, nor anything like it. Read the file again.
        `a.txt` was not changed."#]]
    .assert_eq(&told(&server, 1));
    leaves(
        talk,
        expect![[r#"
        › change it
        ● edit_file a.txt  no match
            `old` does not occur in the file, nor anything like it. Read the file again.
            `a.txt` was not changed.
        allow? edit_file
          a.txt  +1 -1
               1 -one
               1 +ONE
          y = yes, e = edit, n = no, or say what to do instead: y
        ● edit_file a.txt  +1 -1
               1 -one
               1 +ONE
        Well.

        ›"#]],
    );
}

/// What is wrong with an edit can tell what is in the file, and a rule may want to be asked for just that.
#[test]
fn where_a_rule_asks_nothing_is_told_of_the_file_before_the_answer() {
    let home = Home::new();
    home.file("home/.config/agent/config.toml", "permissions.ask = ['read_file(a.txt)']\n");
    home.file("project/a.txt", "the number is 42\n");
    let server = FaultServer::script(vec![edit("the number is 43\n", "x"), say("Well.")]);
    let mut talk = Talk::open(&home, &server, &[]);
    talk.enter("change it");
    answer(&mut talk, "instead:", "n");
    talk.terminal.wait_for("Well.");
    assert_eq!(told(&server, 1), "The user said no. Do something else, or ask.");
}

#[test]
fn what_an_edit_does_as_it_was_changed_is_shown_before_it_is_made() {
    let home = Home::new();
    home.file("project/a.txt", "one\ntwo\nthree\nfour\n");
    home.file("bin/ed.sh", "#!/bin/sh\nsed -i s/TWO/zwei/ \"$1\"\n");
    let server = FaultServer::script(vec![edit("two\n", "TWO\nmore\n"), say("Well.")]);
    let editor = format!("sh {}", home.path("bin/ed.sh").display());
    let mut talk = Talk::begin(home.agent(&[]).server(&server).env("EDITOR", &editor));
    talk.enter("change it");
    answer(&mut talk, "instead:", "e");
    talk.terminal.wait_for("as you changed it");
    assert_eq!(home.read("project/a.txt"), "one\ntwo\nthree\nfour\n");
    answer(&mut talk, "instead:", "y");
    talk.terminal.wait_for("Well.");
    assert_eq!(home.read("project/a.txt"), "one\nzwei\nmore\nthree\nfour\n");
    leaves(
        talk,
        expect![[r#"
        › change it
        allow? edit_file
          a.txt  +2 -1
               1  one
               2 -two
               2 +TWO
               3 +more
               4  three
               5  four
          y = yes, e = edit, n = no, or say what to do instead: e
        as you changed it, allow? edit_file
          a.txt  +2 -1
               1  one
               2 -two
               2 +zwei
               3 +more
               4  three
               5  four
          y = yes, e = edit, n = no, or say what to do instead: y
        ● edit_file a.txt  +2 -1
               1  one
               2 -two
               2 +zwei
               3 +more
               4  three
               5  four
        Well.

        ›"#]],
    );
}

/// The question comes again as it was.
#[test]
fn what_cannot_be_made_as_it_was_changed_is_said() {
    let home = Home::new();
    home.file("project/a.txt", "one\n");
    home.file("bin/ed.sh", "#!/bin/sh\nprintf 'one\\n' > \"$1\"\n");
    let server = FaultServer::script(vec![edit("one\n", "ONE\nmore\n"), say("Well.")]);
    let editor = format!("sh {}", home.path("bin/ed.sh").display());
    let mut talk = Talk::begin(home.agent(&[]).server(&server).env("EDITOR", &editor));
    talk.enter("change it");
    answer(&mut talk, "instead:", "e");
    talk.terminal.wait_for("as you changed it, it cannot be made: `old` and `new` are the same.");
    answer(&mut talk, "instead:", "y");
    talk.terminal.wait_for("Well.");
    assert_eq!(home.read("project/a.txt"), "ONE\nmore\n");
}

/// Ctrl-C is a signal there, also while a line is read.
#[test]
fn who_stops_at_a_question_of_a_plain_terminal_is_heard_next() {
    let home = Home::new();
    let server = FaultServer::script(vec![command("touch made"), say("Well.")]);
    let mut talk = Talk::begin(home.agent(&[]).server(&server).env("TERM", "dumb"));
    talk.enter("make it");
    talk.terminal.wait_for(ASKED);
    talk.terminal.send(CTRL_C);
    talk.terminal.wait_for("stopped");
    talk.enter("go on");
    talk.terminal.wait_for("Well.");
    assert_eq!(server.chat(1).last_message(), Some("go on"));
    assert!(!home.has("project/made"));
    leaves(
        talk,
        expect![[r#"
        › make it
        allow? run_command
          command: touch made
          confined: writes the project and a /tmp of its own, no network
          always would save run_command(touch made)
          y = yes, a = always, e = edit, n = no, or say what to do instead: ^C
        ● run_command touch made  not run
        stopped

        › go on
        Well.

        ›"#]],
    );
}

#[test]
fn a_line_of_a_plain_terminal_is_given_up_and_asked_for_anew() {
    let home = Home::new();
    let server = FaultServer::script(vec![say("Well.")]);
    let mut talk = Talk::begin(home.agent(&[]).server(&server).env("TERM", "dumb"));
    talk.prompted();
    talk.terminal.send("abc");
    talk.terminal.wait_for("abc");
    talk.terminal.send(CTRL_C);
    talk.terminal.wait_for("Ctrl-C again leaves");
    talk.prompted();
    talk.terminal.send_bytes(b"caf\xe9 au lait\r");
    talk.terminal.wait_for("Well.");
    assert_eq!(server.chat(0).last_message(), Some("caf au lait"));
    talk.prompted();
    talk.terminal.send(CTRL_C);
    talk.terminal.wait_until("to be asked", |it| it.matches("again leaves").count() == 2);
    talk.prompted();
    talk.terminal.send(CTRL_C);
    let (code, screen) = talk.terminal.finish();
    assert_eq!(code, Some(130), "{screen}");
}
