//! `agent chat`: words with a model, with the keys and the commands of any conversation.

mod support;

use std::path::Path;

use expect_test::expect;
use serde_json::Value;

use crate::support::fault_server::FaultServer;
use crate::support::home::{Home, Run};
use crate::support::response::{Gate, Response, say};
use crate::support::talk::Talk;
use crate::support::terminal::{ENTER, ESCAPE, Terminal};

fn chat(home: &Home, server: &FaultServer) -> Run {
    home.agent(&["chat"]).server(server)
}

/// The roles and words of a request.
fn said(server: &FaultServer, nth: usize) -> String {
    let chat = server.chat(nth);
    let words = |it: &Value| format!("{}: {}", it["role"], it["content"]).replace('"', "");
    chat.messages().iter().map(words).collect::<Vec<_>>().join(" | ")
}

#[track_caller]
fn stands(terminal: &Terminal, line: &str) {
    terminal.wait_until(&format!("`{line}` on the last line"), |it| {
        it.lines().next_back().is_some_and(|it| it == line)
    });
}

#[test]
fn a_draft_stands_beneath_and_lines_wait_for_their_turn() {
    let home = Home::new();
    let gate = Gate::closed();
    let stream = Response::stream().text("One. ").hold(&gate).finish("stop");
    let server = FaultServer::script(vec![stream, say("Two."), say("Three.")]);
    let mut talk = Talk::begin(chat(&home, &server));
    talk.say("count", "One.");
    talk.terminal.send("go on\r");
    // There is no step at which it could be told.
    stands(&talk.terminal, "queued: go on");
    talk.terminal.send("\rand once more");
    stands(&talk.terminal, "› and once more");
    gate.open();
    talk.terminal.wait_for("Two.");
    talk.offered("and once more");
    talk.terminal.send(ENTER);
    talk.terminal.wait_for("Three.");
    talk.prompted();
    assert_eq!(
        said(&server, 2),
        "user: count | assistant: One.  | user: go on | assistant: Two. | user: and once more"
    );
    assert_eq!(server.chat(2).body.get("tools"), None);
    assert_eq!(home.agent(&["sessions"]).run().stdout, "", "nothing of it is kept");
}

#[test]
fn escape_stops_an_answer_and_gives_back_what_waited() {
    let home = Home::new();
    let stalls = Response::stream().text("One two ").stall();
    let server = FaultServer::script(vec![stalls, say("Well.")]);
    let mut talk = Talk::begin(chat(&home, &server));
    talk.say("count", "One two");
    talk.terminal.send("more\rand");
    stands(&talk.terminal, "› and");
    talk.terminal.send(ESCAPE);
    talk.terminal.wait_for("stopped");
    talk.terminal.wait_for("› more\nand");
    talk.terminal.send(ENTER);
    talk.terminal.wait_for("Well.");
    assert_eq!(said(&server, 1), "user: count | assistant: One two  | user: more\\nand");
}

#[test]
fn commands_that_need_no_project_are_those_of_any_conversation() {
    let home = Home::new();
    home.file("project/a.txt", "secret\n");
    let server = FaultServer::answering(|_, chat| {
        let last = chat.messages().last().and_then(|it| it["content"].as_str()).unwrap_or_default();
        say(&format!("You said {last}."))
    });
    let mut talk = Talk::begin(chat(&home, &server));
    talk.say("see @a.txt", "You said see @a.txt.");
    talk.enter("/retry");
    talk.terminal.wait_until("an answer", |it| it.matches("You said see").count() == 2);
    talk.prompted();
    talk.say("!ls", "You said !ls.");
    talk.say("/undo", "`agent chat` has no `/undo`: it has no project, and keeps nothing");
    talk.say("/cleer", "did you mean `/clear`?");
    talk.say("/udno", "there is no command `/udno`; `/help` lists them");
    talk.say("/copy", "the newest answer, 13 characters, is in the clipboard");
    talk.say("/prompt", "nothing");
    talk.say("/export talk.md", "written to talk.md");
    talk.say("/status", "kept nowhere, 2 prompts");
    talk.enter("/rewind 3");
    talk.terminal.wait_until("the prompt again", |it| it.ends_with("› !ls"));
    talk.terminal.send(ENTER);
    talk.terminal.wait_until("an answer", |it| it.matches("You said !ls").count() == 2);
    talk.prompted();
    talk.say("/clear", "begun anew");
    talk.say("hello", "You said hello.");
    expect![[r#"
        # see @a.txt

        ## You

        see @a.txt

        ## Agent

        You said see @a.txt.

        ## You

        !ls

        ## Agent

        You said !ls.
    "#]]
    .assert_eq(&home.read("project/talk.md"));
    assert_eq!(said(&server, 1), "user: see @a.txt");
    assert_eq!(said(&server, 4), "user: hello");
    let screen = talk.leave();
    assert!(!screen.contains("files are"), "{screen}");
}

#[test]
fn tab_and_help_know_what_there_is_here() {
    let home = Home::new();
    let server = FaultServer::script(vec![say("Hi.")]);
    let mut talk = Talk::begin(chat(&home, &server));
    talk.prompted();
    talk.terminal.send("/un\t/ne\t");
    talk.terminal.wait_for("› /un/ne");
    talk.terminal.send("\x15/ne\t");
    talk.terminal.wait_for("› /new");
    talk.terminal.send("\x15/help\r");
    talk.terminal.wait_for("enough was thought");
    let screen = talk.leave();
    for there in ["/clear", "/model", "/retry", "/export", "begin anew"] {
        assert!(screen.contains(there), "{there}\n{screen}");
    }
    for missing in ["/undo", "/plan", "@FILE", "!COMMAND", "Ctrl-B", "Enter again"] {
        assert!(!screen.contains(missing), "{missing}\n{screen}");
    }
}

#[test]
fn hints_of_a_chat_name_it() {
    let home = Home::new();
    let server = FaultServer::script(vec![say("Hi.")]);
    let empty = home.agent(&["chat"]).server(&server).stdin(b"").run();
    empty.assert_code(2);
    let blank = home.agent(&["chat", " "]).server(&server).run();
    blank.assert_code(2);
    let bytes = home.agent(&["chat", "what?"]).server(&server).stdin(b"\0").run();
    bytes.assert_code(2);
    expect![[r#"
        error: there is no prompt, and standard input is no terminal to ask for one
        hint: say something, as in: agent chat "why is the sky blue?"
        error: the prompt is empty
        hint: say something, as in: agent chat "why is the sky blue?"
        error: standard input is not text
        hint: `agent` looks into files of a project; `agent chat` takes text
    "#]]
    .assert_eq(&(empty.stderr + &blank.stderr + &bytes.stderr));
}

#[test]
fn one_answer_is_stopped_by_escape_and_what_was_typed_is_told() {
    let home = Home::new();
    let server = FaultServer::script(vec![Response::stream().text("One ").stall()]);
    let script = format!(
        "{} chat count; echo left with $?; stty | grep -- -icanon || echo cooked",
        env!("CARGO_BIN_EXE_agent")
    );
    let shell = home.program(Path::new("/bin/sh"), &["-c", &script]).server(&server);
    let mut terminal = shell.terminal(30, 90);
    terminal.wait_for("One");
    terminal.send("and two\r");
    stands(&terminal, "not said yet: and two; nobody hears it here");
    terminal.send(ESCAPE);
    let (_, screen) = terminal.finish();
    let end = "what you typed meanwhile was told to nobody: and two\nleft with 130\ncooked";
    assert!(screen.ends_with(end), "{screen}");
}

#[test]
fn options_of_work_in_a_project_are_refused() {
    let home = Home::new();
    for (args, why) in [
        (&["-c", "chat", "hi"][..], "`agent chat` keeps no sessions"),
        (&["-r", "nosuch", "chat", "hi"], "`agent chat` keeps no sessions"),
        (&["--plan", "chat", "hi"], "`--plan` is for prompts of your own"),
    ] {
        let finished = home.agent(args).run();
        finished.assert_code(2);
        assert!(finished.stderr.contains(why), "{}", finished.stderr);
    }
}
