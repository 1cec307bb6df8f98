//! How it looks on a terminal, and what it says to the terminal itself.

mod support;

use serde_json::json;

use crate::support::fault_server::FaultServer;
use crate::support::home::Home;
use crate::support::response::{Gate, Response, call, say};
use crate::support::terminal::{CTRL_D, ENTER};

#[test]
fn a_terminal_of_few_letters_gets_no_others_of_ours() {
    let home = Home::new();
    let gate = Gate::closed();
    let ends = Response::stream().text("One\n\n| a | b |\n|---|---|\n| c | d |\n\n").hold(&gate);
    let server = FaultServer::script(vec![
        call("write_file", json!({"path": "a.txt", "content": "a\n"})),
        call("ask_user", json!({"question": "which?", "options": ["one", "two"]})),
        ends.text("> two\n").finish("stop"),
    ]);
    let run = home.agent(&[]).server(&server).env("LC_ALL", "de_DE.ISO-8859-1");
    let mut terminal = run.terminal(40, 100);
    terminal.wait_for("/help");
    terminal.wait_until("a prompt", |it| it.ends_with("\n>"));
    terminal.send("go on\\");
    terminal.send(ENTER);
    terminal.wait_for("\n...");
    terminal.send("here");
    terminal.send(ENTER);
    terminal.wait_for("or say what to do instead:");
    terminal.send("y\r");
    terminal.wait_for("or your own words:");
    terminal.send("1\r");
    terminal.wait_for("One");
    terminal.send("a draft\x1b\rthat waits");
    terminal.wait_for("> a draft\\that waits");
    terminal.send(ENTER);
    terminal.send("\x15\r");
    gate.open();
    terminal.wait_for("| two");
    terminal.wait_until("the next prompt", |it| it.ends_with("\n>"));
    terminal.send(CTRL_D);
    terminal.wait_until("the end", |_| true);
    let raw = terminal.raw();
    let (code, screen) = terminal.finish();
    assert_eq!(code, Some(0), "{screen}");
    assert!(screen.contains("* write_file a.txt"), "{screen}");
    let raw = String::from_utf8_lossy(&raw);
    assert!(raw.is_ascii(), "{:?}", raw.chars().filter(|it| !it.is_ascii()).collect::<String>());
}

#[test]
fn marks_can_be_chosen() {
    let home = Home::new();
    let server = FaultServer::script(vec![say("Seen.")]);
    let run = home.agent(&[]).server(&server).env("AGENT_UI_MARKS", "ascii");
    let mut terminal = run.terminal(40, 100);
    terminal.wait_until("a prompt", |it| it.ends_with("\n>"));
    terminal.send("/config ui.marks unicode\r");
    terminal.wait_for("\n›");
    terminal.send(CTRL_D);
    assert_eq!(terminal.finish().0, Some(0));
}
