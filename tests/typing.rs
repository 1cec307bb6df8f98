//! The keyboard while the agent works: what is typed stands beneath what streams, waits, is said, and
//! stops.

mod support;

use std::path::Path;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use serde_json::json;

use crate::support::fault_server::FaultServer;
use crate::support::home::Home;
use crate::support::play::{Play, entries, until};
use crate::support::response::{Gate, Response, call, say};
use crate::support::talk::Talk;
use crate::support::terminal::{CTRL_D, CTRL_Z, ENTER, ESCAPE, Terminal};

const CTRL_B: &str = "\x02";
const CTRL_N: &str = "\x0e";
const STEERS: &str = "Enter again says it at the next step";

/// The words of the newest prompt, as the model got them.
fn asked(server: &FaultServer, nth: usize) -> String {
    let chat = server.chat(nth);
    let message = chat.messages().last().expect("something was said");
    message["content"].as_str().expect("it is words").to_owned()
}

/// The last line of the screen that is not blank.
fn last_line(screen: &str) -> &str {
    screen.lines().next_back().unwrap_or_default()
}

#[track_caller]
fn stands(terminal: &Terminal, line: &str) {
    terminal.wait_until(&format!("`{line}` on the last line"), |it| last_line(it) == line);
}

#[test]
fn a_draft_stands_beneath_what_streams_and_begins_the_next_prompt() {
    let home = Home::new();
    let (first, second) = (Gate::closed(), Gate::closed());
    let stream = Response::stream().text("One ").hold(&first).text("two\nthree ").hold(&second);
    let server = FaultServer::script(vec![stream.text("four.").finish("stop"), say("Fixed.")]);
    let mut talk = Talk::open(&home, &server, &[]);
    talk.say("count", "One");
    talk.terminal.send("fix thé 日本");
    stands(&talk.terminal, "› fix thé 日本");
    first.open();
    talk.terminal.wait_for("One two\nthree\n› fix thé 日本");
    talk.terminal.send("\x7f\x7f\x17test\x1b\rnow");
    stands(&talk.terminal, "› fix test↵now");
    second.open();
    talk.terminal.wait_for("three four.");
    talk.terminal.wait_for("› fix test\nnow");
    assert!(!talk.terminal.screen().contains('↵'));
    talk.terminal.send(ENTER);
    talk.terminal.wait_for("Fixed.");
    assert_eq!(asked(&server, 1), "fix test\nnow");
    talk.prompted();
    assert!(!talk.terminal.screen().contains("日"));
}

#[test]
fn enter_queues_and_what_waits_is_asked_in_its_order() {
    let home = Home::new();
    let gate = Gate::closed();
    let stream = Response::stream().text("One. ").hold(&gate).finish("stop");
    let server = FaultServer::script(vec![stream, say("Two."), say("Three.")]);
    let mut talk = Talk::open(&home, &server, &[]);
    talk.say("count", "One.");
    talk.terminal.send("go on\r");
    stands(&talk.terminal, &format!("queued: go on; {STEERS}"));
    talk.terminal.send("/verbose on\rand once more\r");
    let says = "queued: and once more (3 wait); Enter again says what stands before the command";
    stands(&talk.terminal, says);
    gate.open();
    talk.terminal.wait_for("Three.");
    talk.prompted();
    assert_eq!(asked(&server, 1), "go on");
    assert_eq!(asked(&server, 2), "and once more");
    let screen = talk.terminal.screen();
    let order = ["One.", "› go on", "Two.", "› /verbose on", "from now on", "› and once", "Three."];
    let places: Vec<_> = order.iter().map(|it| screen.find(it).unwrap_or(usize::MAX)).collect();
    assert!(places.is_sorted(), "{screen}");
    assert!(!screen.contains("queued:"), "{screen}");
    // What was asked is in the history.
    talk.terminal.send("\x1b[A");
    talk.offered("and once more");
}

#[test]
fn enter_again_says_it_at_the_next_step() {
    let home = Home::new();
    home.file("project/a.txt", "a\n");
    let gate = Gate::closed();
    let reads = Response::stream().text("I look. ").hold(&gate);
    let reads = reads.call("read_file", &json!({"path": "a.txt"})).finish("tool_calls");
    let server = FaultServer::script(vec![reads, say("So I do."), say("Again.")]);
    let mut talk = Talk::open(&home, &server, &[]);
    talk.say("look", "I look.");
    talk.terminal.send("not so\r");
    stands(&talk.terminal, &format!("queued: not so; {STEERS}"));
    talk.terminal.send(ENTER);
    stands(&talk.terminal, "it is told at the next step: not so");
    gate.open();
    talk.terminal.wait_for("So I do.");
    talk.prompted();
    let said = server.chat(1);
    let roles: Vec<_> = said.messages().iter().map(|it| it["role"].clone()).collect();
    assert_eq!(roles, ["system", "user", "assistant", "tool", "user"]);
    assert_eq!(asked(&server, 1), "[The user says, while you work:]\nnot so");
    talk.say("/export notes.md", "written to notes.md");
    assert!(home.read("project/notes.md").contains("You, meanwhile\n\nnot so"));
    talk.leave();
    // It is a part of the session.
    home.agent(&["-c", "again"]).server(&server).run().assert_code(0);
    let told =
        server.chat(2).messages().iter().any(|it| {
            it["content"].as_str().is_some_and(|it| it.contains("while you work:]\nnot so"))
        });
    assert!(told);
}

#[test]
fn what_could_not_be_said_is_the_next_prompt() {
    let home = Home::new();
    let gate = Gate::closed();
    let stream = Response::stream().text("Done. ").hold(&gate).finish("stop");
    let server = FaultServer::script(vec![stream, say("That too.")]);
    let mut talk = Talk::open(&home, &server, &[]);
    talk.say("do", "Done.");
    talk.terminal.send("this too\r\r");
    stands(&talk.terminal, "it is told at the next step: this too");
    gate.open();
    talk.terminal.wait_for("That too.");
    assert_eq!(asked(&server, 1), "this too");
}

#[test]
fn escape_stops_and_keeps_what_was_typed() {
    let home = Home::new();
    let stalls = Response::stream().reasoning("Hm. ").text("One two ").stall();
    let server = FaultServer::script(vec![stalls, say("Three.")]);
    let mut talk = Talk::open(&home, &server, &[]);
    talk.say("count", "One two");
    // An arrow is no Escape.
    talk.terminal.send("go on\r\x1b[Amore");
    stands(&talk.terminal, "› more");
    let since = std::time::Instant::now();
    talk.terminal.send(ESCAPE);
    println!("the stream was closed {:?} after the key", server.departure(0).duration_since(since));
    talk.terminal.wait_for("stopped");
    talk.terminal.wait_for("› go on\nmore");
    talk.terminal.send(ENTER);
    talk.terminal.wait_for("Three.");
    let messages = server.chat(1).messages()[1..].to_vec();
    let said: Vec<_> = messages.iter().map(|it| it["content"].clone()).collect();
    assert_eq!(said, ["count", "One two ", "go on\nmore"]);
    talk.prompted();
}

#[test]
fn escape_stops_whatever_is_under_way() {
    let waiting = Response::silence();
    let reading = Response::stream().progress(1000, 0, 10).stall();
    let thinking = Response::stream().reasoning("Hm. ").stall();
    let writing = Response::stream().call_in_pieces("write_file", &["{\"path\":"]).stall();
    for (what, response) in [
        ("waiting for the model", waiting),
        ("reading", reading),
        ("thinking", thinking),
        ("calling write_file", writing),
    ] {
        let home = Home::new();
        let server = FaultServer::script(vec![response, say("Well.")]);
        let mut talk = Talk::open(&home, &server, &[]);
        talk.say("go", what);
        talk.terminal.send("draft");
        stands(&talk.terminal, "› draft");
        talk.terminal.send(ESCAPE);
        talk.terminal.wait_for("stopped");
        talk.offered("draft");
        // It never leaves.
        talk.terminal.send("\x15\x1b");
        talk.say("again", "Well.");
    }
}

#[test]
fn escape_stops_a_command_and_a_question() {
    let home = Home::new();
    let sleeps = call("run_command", json!({"command": "echo begun; sleep 1000"}));
    let server = FaultServer::script(vec![sleeps.clone(), say("Well."), sleeps, say("Then not.")]);
    let mut talk = Talk::open(&home, &server, &["--permission", "full"]);
    talk.say("run", "run_command echo begun");
    talk.terminal.send(ESCAPE);
    talk.terminal.wait_for("stopped");
    talk.say("on", "Well.");
    talk.leave();

    let server = FaultServer::script(vec![
        call("run_command", json!({"command": "touch x"})),
        say("Then not."),
    ]);
    let mut talk = Talk::open(&home, &server, &[]);
    talk.say("run", "or say what to do instead:");
    talk.terminal.send(ESCAPE);
    talk.terminal.wait_for("stopped");
    talk.say("on", "Then not.");
    assert!(!home.has("project/x"));
}

/// As a paste comes in a terminal that does not mark it.
#[test]
fn lines_that_come_at_once_are_asked_one_by_one_and_answer_no_question() {
    let home = Home::new();
    let command = json!({"command": "touch made"});
    let server = FaultServer::script(vec![
        call("run_command", command),
        say("No."),
        say("Two."),
        say("Three."),
    ]);
    let mut talk = Talk::open(&home, &server, &["--permission", "ask"]);
    talk.terminal.send("do it\ry\rthree \\\rlines\r");
    talk.terminal.wait_for("allow?");
    talk.terminal.wait_for("or say what to do instead:");
    talk.terminal.send("n\r");
    talk.terminal.wait_for("Three.");
    talk.prompted();
    assert!(!home.has("project/made"));
    assert_eq!([0, 2, 3].map(|it| asked(&server, it)), ["do it", "y", "three \nlines"]);
}

#[test]
fn what_is_typed_ahead_answers_no_question() {
    let home = Home::new();
    let gate = Gate::closed();
    let runs = Response::stream().text("I run it. ").hold(&gate);
    let runs = runs.call("run_command", &json!({"command": "touch x"})).finish("tool_calls");
    let server = FaultServer::script(vec![runs, say("Then not."), say("Yes what?")]);
    let mut talk = Talk::open(&home, &server, &[]);
    talk.say("run", "I run it.");
    talk.terminal.send("y\ry");
    stands(&talk.terminal, "› y");
    gate.open();
    talk.terminal.wait_for("or say what to do instead:");
    assert!(!talk.terminal.screen().contains("queued"));
    talk.terminal.send("n\r");
    talk.terminal.wait_for("Then not.");
    talk.terminal.wait_for("Yes what?");
    assert_eq!(asked(&server, 2), "y");
    talk.offered("y");
    assert!(!home.has("project/x"));
}

#[test]
fn a_command_is_put_into_the_background() {
    let home = Home::new();
    let command = json!({"command": "echo begun; touch started; until [ -e go ]; do sleep 0.01; done; echo over"});
    let server = FaultServer::script(vec![
        call("run_command", command),
        call("command_output", json!({"id": "c1", "wait_seconds": 60})),
        say("It is over."),
    ]);
    let mut talk = Talk::open(&home, &server, &["--permission", "full"]);
    talk.enter("run");
    until("the command", || home.has("project/started"));
    talk.terminal.send(CTRL_B);
    talk.terminal.wait_for("c1 runs in the background");
    assert_eq!(
        asked(&server, 1),
        "begun\n[the user has put it into the background: c1 runs in the background, until the session \
         ends or you stop it; look again with command_output]\n"
    );
    home.file("project/go", "");
    talk.terminal.wait_for("It is over.");
    assert!(asked(&server, 2).starts_with("over\n[exit 0]"), "{}", asked(&server, 2));
}

#[test]
fn what_cannot_be_done_is_said_until_the_next_key() {
    let home = Home::new();
    let gate = Gate::closed();
    let stream = Response::stream().text("One. ").hold(&gate).finish("stop");
    let server = FaultServer::script(vec![stream]);
    let mut talk = Talk::open(&home, &server, &[]);
    talk.say("count", "One.");
    talk.terminal.send(CTRL_B);
    stands(&talk.terminal, "no command runs that could go on in the background");
    talk.terminal.send(CTRL_N);
    stands(&talk.terminal, "the model is not thinking now");
    talk.terminal.send("x");
    stands(&talk.terminal, "› x");
    talk.terminal.send("\x7f");
    stands(&talk.terminal, "One.");
    gate.open();
    talk.prompted();
}

#[test]
fn enough_was_thought() {
    let home = Home::new();
    let (gate, told) = (Gate::closed(), json!({"success": true}));
    let thinks = Response::stream().reasoning("Hm. ").hold(&gate);
    let server = FaultServer::script(vec![thinks.text("So.").finish("stop")]);
    server.on("POST", "/v1/chat/completions/control", Response::json(200, &told));
    let mut talk = Talk::open(&home, &server, &[]);
    talk.say("think", "thinking");
    talk.terminal.send(CTRL_N);
    let asked = || {
        let all = server.requests();
        all.iter().find(|it| it.path == "/v1/chat/completions/control").map(|it| it.body.clone())
    };
    until("the request", || asked().is_some());
    let asked = asked().expect("it was there");
    assert_eq!(asked["action"], "reasoning_end");
    assert!(asked["id"].as_str().is_some_and(|it| it.starts_with("chatcmpl-")), "{asked}");
    gate.open();
    talk.terminal.wait_for("So.");
    assert_eq!(server.chat(0).body["reasoning_control"], true);
}

#[test]
fn a_server_that_cannot_hurry_is_not_asked_to() {
    let home = Home::new();
    let gate = Gate::closed();
    let thinks = Response::stream().reasoning("Hm. ").hold(&gate);
    let server = FaultServer::foreign(vec![thinks.text("So.").finish("stop")]);
    let mut talk = Talk::open(&home, &server, &[]);
    talk.say("think", "thinking");
    talk.terminal.send(CTRL_N);
    stands(&talk.terminal, "this server cannot have its model think no more");
    gate.open();
    talk.terminal.wait_for("So.");
    assert_eq!(server.chat(0).body.get("reasoning_control"), None);
}

#[test]
fn what_is_pasted_meanwhile_is_a_chip_also_in_the_prompt() {
    let home = Home::new();
    let gate = Gate::closed();
    let stream = Response::stream().text("One. ").hold(&gate).finish("stop");
    let server = FaultServer::script(vec![stream, say("Long.")]);
    let mut talk = Talk::open(&home, &server, &[]);
    let text: String = (1..=12).map(|it| format!("pasted {it}\r")).collect();
    talk.say("count", "One.");
    talk.terminal.send(&format!("see: \x1b[200~{text}\x1b[201~"));
    stands(&talk.terminal, "› see: [pasted 12 lines]");
    gate.open();
    talk.offered("see: [pasted 12 lines]");
    talk.terminal.send(ENTER);
    talk.terminal.wait_for("Long.");
    assert_eq!(asked(&server, 1), format!("see: {}", text.replace('\r', "\n")));
}

#[test]
fn a_draft_follows_a_window_that_is_made_narrower() {
    let home = Home::new();
    let gates = [Gate::closed(), Gate::closed()];
    let stream = Response::stream().text("One.\n").hold(&gates[0]).text("Two.\n").hold(&gates[1]);
    let server = FaultServer::script(vec![stream.text("Three.").finish("stop")]);
    let mut talk = Talk::open(&home, &server, &[]);
    talk.say("count", "One.");
    let draft = "a draft that is longer than the window will be when it is made narrower";
    talk.terminal.send(draft);
    stands(&talk.terminal, &format!("› {draft}"));
    talk.terminal.resize(40, 30);
    stands(&talk.terminal, "… be when it is made narrower");
    talk.terminal.send("!");
    stands(&talk.terminal, "…be when it is made narrower!");
    gates[0].open();
    talk.terminal.wait_for("Two.\n\n…be when it is made narrower!");
    gates[1].open();
    talk.terminal.wait_for("Three.");
    talk.terminal.wait_until("one draft", |it| it.matches("narrower").count() == 1);
}

#[test]
fn words_up_to_the_edge_lose_no_letter_to_a_draft() {
    let home = Home::new();
    let gates = [Gate::closed(), Gate::closed(), Gate::closed()];
    let times = |it: &str, n| it.repeat(n);
    // What is longer than a line is written as it comes, and stops here in the last column.
    let stream = Response::stream().text(&times("x", 101)).text(&times("x", 99)).hold(&gates[0]);
    let stream = stream.text(&times("y", 100)).hold(&gates[1]).text("\n\nMore. ").hold(&gates[2]);
    let server = FaultServer::script(vec![stream.text("End.").finish("stop")]);
    let mut talk = Talk::open(&home, &server, &[]);
    let (x, y) = (times("x", 100), times("y", 100));
    talk.say("long", &format!("{x}\n{x}"));
    talk.terminal.send("draft");
    talk.terminal.wait_until("the draft", |it| it.ends_with(&format!("{x}\n{x}\n› draft")));
    talk.terminal.send("s");
    talk.terminal.wait_until("more of it", |it| it.ends_with(&format!("{x}\n{x}\n› drafts")));
    gates[0].open();
    talk.terminal.wait_until("more", |it| it.ends_with(&format!("{x}\n{x}\n{y}\n› drafts")));
    gates[1].open();
    talk.terminal.wait_until("a line", |it| it.ends_with(&format!("{y}\n\nMore.\n› drafts")));
    gates[2].open();
    talk.offered("drafts");
}

#[test]
fn a_draft_stands_again_after_the_work_was_suspended() {
    let home = Home::new();
    let (gate, last) = (Gate::closed(), Gate::closed());
    let stream = Response::stream().text("One.\n").hold(&gate).text("Two.\n").hold(&last);
    let server = FaultServer::script(vec![stream.text("Three.").finish("stop"), say("Hi.")]);
    // Whatever the shell does to the terminal meanwhile.
    let script = format!(
        "set -m; {}; stty | grep -- -icanon || echo cooked; stty sane; echo away; read line; fg; \
         stty | grep -- -icanon || echo left cooked",
        env!("CARGO_BIN_EXE_agent")
    );
    let shell = home.program(Path::new("/bin/sh"), &["-c", &script]).server(&server);
    let mut terminal = shell.terminal(30, 90);
    terminal.wait_until("a prompt", |it| it.ends_with('›'));
    terminal.send("count\r");
    terminal.wait_for("One.");
    terminal.send("ello");
    stands(&terminal, "› ello");
    terminal.send(CTRL_Z);
    terminal.wait_for("away");
    assert!(terminal.screen().contains("cooked"), "{}", terminal.screen());
    assert!(!terminal.screen().contains("ello"), "{}", terminal.screen());
    terminal.send(ENTER);
    stands(&terminal, "› ello");
    gate.open();
    terminal.wait_for("Two.");
    terminal.send("!");
    stands(&terminal, "› ello!");
    last.open();
    terminal.wait_for("Three.");
    stands(&terminal, "› ello!");
    terminal.send("\r");
    terminal.wait_for("Hi.");
    terminal.wait_until("a prompt", |it| it.ends_with('›'));
    terminal.send(CTRL_D);
    let (_, screen) = terminal.finish();
    assert!(screen.ends_with("left cooked"), "{screen}");
    assert_eq!(asked(&server, 1), "ello!");
}

/// A conversation in a shell, of which this is run when it stands still.
#[track_caller]
fn in_shell(home: &Home, server: &FaultServer, then: &str) -> Option<Terminal> {
    let bash = Path::new("/bin/bash");
    if !bash.exists() {
        return None;
    }
    let script = format!("set -m; {}; {then}", env!("CARGO_BIN_EXE_agent"));
    let shell = home.program(bash, &["--norc", "-c", &script]).server(server);
    let terminal = shell.terminal(30, 90);
    terminal.wait_until("a prompt", |it| it.ends_with('›'));
    Some(terminal)
}

/// What was written since then.
fn since(terminal: &Terminal, length: usize) -> String {
    String::from_utf8_lossy(&terminal.raw()[length..]).into_owned()
}

#[test]
fn a_job_in_the_background_leaves_the_terminal_alone_and_takes_it_in_front() {
    let home = Home::new();
    let gates = [Gate::closed(), Gate::closed(), Gate::closed()];
    let stream = Response::stream().text("One.\n").hold(&gates[0]).text("Two.\n").hold(&gates[1]);
    let stream = stream.text("Three.\n").hold(&gates[2]).text("Four.").finish("stop");
    let server = FaultServer::script(vec![stream]);
    // Bash puts a job that runs before itself without a signal.
    let then = "stty sane; bg; echo behind; read line; stty -a | grep -o -- '-*icanon'; fg; \
                stty | grep -- -icanon || echo left cooked";
    let Some(mut terminal) = in_shell(&home, &server, then) else { return };
    terminal.send("count\r");
    terminal.wait_for("One.");
    terminal.send("ello");
    stands(&terminal, "› ello");
    terminal.send(CTRL_Z);
    terminal.wait_for("behind");
    let length = terminal.raw().len();
    gates[0].open();
    terminal.wait_for("Two.");
    let written = since(&terminal, length);
    assert!(!written.contains('\x1b') && !written.contains("ello"), "{written:?}");
    terminal.send(ENTER);
    stands(&terminal, "› ello");
    assert!(terminal.screen().contains("\nicanon"), "{}", terminal.screen());
    terminal.send("!");
    stands(&terminal, "› ello!");
    gates[1].open();
    terminal.wait_for("Three.\n\n› ello!");
    gates[2].open();
    terminal.wait_until("a prompt", |it| it.contains("tokens read") && it.ends_with("› ello!"));
    terminal.send("\x15");
    terminal.wait_until("a prompt", |it| it.ends_with('›'));
    terminal.send(CTRL_D);
    let (_, screen) = terminal.finish();
    assert!(screen.ends_with("left cooked"), "{screen}");
}

#[test]
fn the_window_has_its_own_title_while_the_program_stands_still() {
    let home = Home::new();
    let server = FaultServer::script(vec![Response::stream().text("One.\n").stall()]);
    let then = "echo away; read line; fg; echo away again; read line; fg";
    let Some(mut terminal) = in_shell(&home, &server, then) else { return };
    let (keeps, gives_back) = ("\x1b[22;2t", "\x1b[23;2t");
    let mut step = |keys: &str, until: &str, expected: [usize; 2]| {
        let length = terminal.raw().len();
        terminal.send(keys);
        terminal.wait_until(until, |it| it.ends_with(until));
        let written = since(&terminal, length);
        let counts = [keeps, gives_back].map(|it| written.matches(it).count());
        assert_eq!(counts, expected, "{until}: {written:?}");
        assert_eq!(written.contains("\x1b]2;"), expected[0] == 1, "{written:?}");
    };
    step(CTRL_Z, "away", [0, 1]);
    step(ENTER, "›", [1, 0]);
    terminal.send("count\r");
    terminal.wait_for("One.");
    let length = terminal.raw().len();
    terminal.send(CTRL_Z);
    terminal.wait_for("away again");
    assert!(since(&terminal, length).contains(gives_back));
    let length = terminal.raw().len();
    terminal.send("\r");
    terminal.wait_for_raw(&format!("{keeps}\x1b]2;… agent · project"));
    terminal.send("x");
    stands(&terminal, "› x");
    assert!(!since(&terminal, length).contains(gives_back));
}

/// What the shell runs, where the system tells.
fn child(terminal: &Terminal) -> Option<Pid> {
    let shell = terminal.id();
    let children = std::fs::read_to_string(format!("/proc/{shell}/task/{shell}/children")).ok()?;
    let child = children.trim().parse().unwrap_or_else(|_| panic!("one child: {children:?}"));
    Some(Pid::from_raw(child).expect("a process has a number"))
}

#[test]
fn who_quits_at_once_leaves_the_terminal_as_it_was_found() {
    let home = Home::new();
    let script = format!(
        "{}; echo left with $?; stty | grep -- -icanon || echo cooked",
        env!("CARGO_BIN_EXE_agent")
    );
    for in_a_turn in [false, true] {
        let server = FaultServer::script(vec![Response::stream().text("One.\n").stall()]);
        let shell = home.program(Path::new("/bin/sh"), &["-c", &script]).server(&server);
        let mut terminal = shell.terminal(30, 90);
        terminal.wait_until("a prompt", |it| it.ends_with('›'));
        if in_a_turn {
            terminal.send("count\r");
            terminal.wait_for("One.");
        }
        terminal.send("draft");
        stands(&terminal, "› draft");
        let Some(child) = child(&terminal) else { return };
        kill_process(child, Signal::QUIT).expect("it is there");
        terminal.wait_for_raw("\x1b[23;2t");
        let (_, screen) = terminal.finish();
        assert!(screen.ends_with("left with 131\ncooked"), "{screen}");
        assert_eq!(screen.contains("draft"), !in_a_turn, "{screen}");
    }
}

#[test]
fn who_is_stopped_from_outside_finds_the_terminal_as_they_left_it() {
    let home = Home::new();
    let gate = Gate::closed();
    let stream = Response::stream().text("One.\n").hold(&gate).finish("stop");
    let server = FaultServer::script(vec![stream, say("Two.")]);
    let then = "stty sane; echo away; read line; fg; stty sane; echo away again; read line; fg; \
                stty | grep -- -icanon || echo left cooked";
    let Some(mut terminal) = in_shell(&home, &server, then) else { return };
    let Some(child) = child(&terminal) else { return };
    let stop = || {
        kill_process_group(child, Signal::STOP).expect("it is there");
    };
    terminal.send("count\r");
    terminal.wait_for("One.");
    terminal.send("ello");
    stands(&terminal, "› ello");
    stop();
    terminal.wait_for("away");
    terminal.send(ENTER);
    stands(&terminal, "› ello");
    terminal.send("!");
    stands(&terminal, "› ello!");
    gate.open();
    terminal.wait_until("a prompt", |it| it.contains("tokens read") && it.ends_with("› ello!"));
    stop();
    terminal.wait_for("away again");
    terminal.send(ENTER);
    stands(&terminal, "› ello!");
    terminal.send("\x7f?");
    stands(&terminal, "› ello?");
    terminal.send(ENTER);
    terminal.wait_for("Two.");
    assert_eq!(asked(&server, 1), "ello?");
    terminal.wait_until("a prompt", |it| it.ends_with('›'));
    terminal.send(CTRL_D);
    let (_, screen) = terminal.finish();
    assert!(screen.ends_with("left cooked"), "{screen}");
}

#[test]
fn escape_stops_a_single_task_and_gives_the_terminal_back() {
    let home = Home::new();
    let server = FaultServer::script(vec![Response::stream().text("One ").text("two").stall()]);
    let script = format!(
        "{} count; echo left with $?; stty | grep -- -icanon || echo cooked",
        env!("CARGO_BIN_EXE_agent")
    );
    let shell = home.program(Path::new("/bin/sh"), &["-c", &script]).server(&server);
    let mut terminal = shell.terminal(30, 90);
    terminal.wait_for("One");
    terminal.send("git push\rls");
    stands(&terminal, "› ls");
    terminal.send(ESCAPE);
    let (_, screen) = terminal.finish();
    // It cannot be given back to the shell.
    let end = "what you typed meanwhile was told to nobody: git push ↵ ls\nleft with 130\ncooked";
    assert!(screen.ends_with(end), "{screen}");
}

#[test]
fn a_single_task_is_told_what_is_entered_twice() {
    let home = Home::new();
    home.file("project/a.txt", "a\n");
    let gates = [Gate::closed(), Gate::closed()];
    let reads = Response::stream().text("I look. ").hold(&gates[0]);
    let reads = reads.call("read_file", &json!({"path": "a.txt"})).finish("tool_calls");
    let ends = Response::stream().text("So I do. ").hold(&gates[1]).finish("stop");
    let server = FaultServer::script(vec![reads, ends]);
    let mut terminal = home.agent(&["look"]).server(&server).terminal(30, 90);
    terminal.wait_for("I look.");
    terminal.send("not so\r");
    stands(&terminal, &format!("not said yet: not so; {STEERS}"));
    terminal.send(ENTER);
    stands(&terminal, "it is told at the next step: not so");
    gates[0].open();
    terminal.wait_for("So I do.");
    assert_eq!(asked(&server, 1), "[The user says, while you work:]\nnot so");
    // No step comes any more.
    terminal.send("too late\r\r");
    stands(&terminal, "it is told at the next step: too late");
    gates[1].open();
    let (code, screen) = terminal.finish();
    assert_eq!(code, Some(0));
    assert!(screen.contains("what you typed meanwhile was told to nobody: too late"), "{screen}");
    assert!(!screen.contains("nobody: not so"), "{screen}");
}

#[test]
fn who_wants_it_plain_is_told_what_waits() {
    let home = Home::new();
    home.file("home/.config/agent/config.toml", "ui.plain = true\n");
    let gate = Gate::closed();
    let stream = Response::stream().text("One.").hold(&gate).finish("stop");
    let server = FaultServer::script(vec![stream, say("Two.")]);
    let mut talk = Talk::open(&home, &server, &[]);
    talk.say("count", "One.");
    talk.terminal.send("go on\r");
    gate.open();
    talk.terminal.wait_for("Two.");
    assert_eq!(asked(&server, 1), "go on");
    let raw = String::from_utf8_lossy(&talk.terminal.raw()).into_owned();
    assert!(!raw.contains('\x0b'), "nothing is drawn beneath");
}

#[test]
fn a_real_server_has_its_model_think_no_more() {
    let Some(play) = Play::new() else { return };
    let thought: String = (0..12_000).map(|it| format!("thought {it} ")).collect();
    let step = json!({"reasoning": thought, "marked": true, "content": "The answer is 42."});
    let model = play.model("thinker", &json!([step, {"content": "And so on."}]));
    play.configure("context = 65536");
    let mut talk = Talk::begin(play.agent(&["-m", &model, "--verbose"]));
    talk.say("think", "thought 1");
    talk.terminal.send("more");
    talk.terminal.send(CTRL_N);
    talk.terminal.wait_for("The answer is 42.");
    talk.offered("more");
    talk.terminal.send("\r");
    talk.terminal.wait_for("And so on.");
    let entries = entries(&play.home);
    let reply = entries.iter().find(|it| it["kind"] == "reply").expect("it replied");
    let reasoning = reply["reasoning"].as_str().expect("it thought");
    assert!(reasoning.starts_with("thought 0 thought 1"), "{reasoning:.60}");
    assert!(!reasoning.contains("thought 11999"), "{} bytes", reasoning.len());
}
