//! A project is mended in a loop: its tests are run and read, files are changed, and what a change
//! broke is told with the change.

#![expect(clippy::disallowed_methods, reason = "the test looks for Python as a person would")]

mod support;

use std::process::Command;

use serde_json::json;

use crate::support::fault_server::FaultServer;
use crate::support::home::{Home, Run};
use crate::support::response::{Response, call, say};
use crate::support::terminal::{CTRL_D, ENTER};

const CALC: &str = "def add(a, b):\n    return a - b\n";

const TEST: &str = "import unittest\nfrom calc import add\n\n\nclass Sums(unittest.TestCase):\n    def test_add(self):\n        self.assertEqual(add(1, 2), 3)\n\n    def test_none(self):\n        self.assertEqual(add(0, 0), 0)\n";

/// A home with a small project in Python, and Python itself.
fn python_project() -> Home {
    let home = Home::new();
    home.file("project/calc.py", CALC).file("project/test_calc.py", TEST);
    // What is called `python3` may be a script that looks for Python in the home of the person.
    let who = Command::new("python3").args(["-c", "import sys; print(sys.executable)"]).output();
    let who = who.expect("this test needs python3").stdout;
    let python = String::from_utf8(who).expect("a path is text");
    std::fs::create_dir(home.path("bin")).expect("the home is ours");
    let link = home.path("bin/python3");
    std::os::unix::fs::symlink(python.trim(), link).expect("a link can be made");
    home
}

fn agent(home: &Home, server: &FaultServer, args: &[&str]) -> Run {
    let path = format!("{}:/usr/bin:/bin", home.path("bin").display());
    // A pytest or ruff of this machine would answer in another way.
    let own = "AGENT_CHECKS_TEST";
    home.agent(args).server(server).env("PATH", &path).env(own, "python3 -m unittest")
}

fn fix(old: &str, new: &str) -> Response {
    call("edit_file", json!({"path": "calc.py", "edits": [{"old": old, "new": new}]}))
}

#[test]
fn failing_tests_are_mended_until_they_pass() {
    let home = python_project();
    let server = FaultServer::script(vec![
        call("check", json!({"kind": "test"})),
        fix("a - b", "a + + (b"),
        fix("a + + (b", "a + b"),
        call("check", json!({"kind": "test"})),
        say("The tests pass."),
    ]);
    let finished = agent(&home, &server, &["fix the failing tests"]).run();
    finished.assert_code(0);
    assert_eq!(home.read("project/calc.py"), "def add(a, b):\n    return a + b\n");
    let result = |nth: usize| {
        let chat = server.chat(nth);
        chat.last_message().expect("a result was sent").to_owned()
    };
    let failed = result(1);
    assert!(failed.contains("1 failed, 1 passed"), "{failed}");
    assert!(failed.contains("FAILED test_add"), "{failed}");
    assert!(failed.contains("(test_calc.py:7)"), "{failed}");
    assert!(failed.contains("AssertionError: -1 != 3"), "{failed}");
    let broken = result(2);
    assert!(broken.contains("this edit broke the syntax"), "{broken}");
    assert!(broken.contains("calc.py:2: error[SyntaxError]"), "{broken}");
    let mended = result(3);
    assert!(!mended.contains("broke"), "{mended}");
    let passed = result(4);
    assert!(passed.contains("2 passed"), "{passed}");
    assert!(passed.contains("[exit 0]"), "{passed}");
}

#[test]
fn checks_that_go_on_failing_end_in_the_advice_to_stop() {
    let home = python_project();
    let check = || call("check", json!({"kind": "test"}));
    let server = FaultServer::script(vec![check(), check(), check(), say("I stop here.")]);
    agent(&home, &server, &["fix the failing tests"]).run().assert_code(0);
    let last = server.chat(3);
    let last = last.last_message().expect("a result was sent");
    assert!(last.contains("stop and tell the user"), "{last}");
    let before = server.chat(2);
    assert!(!before.last_message().expect("a result was sent").contains("stop and tell"));
}

#[test]
fn a_project_cannot_choose_what_a_check_runs() {
    let home = python_project();
    home.file("project/.agent/config.toml", "[checks]\ncheck = \"touch theirs\"\n");
    let server = FaultServer::script(vec![call("check", json!({"kind": "check"})), say("Well.")]);
    let finished = agent(&home, &server, &["check it"]).run();
    finished.assert_code(0);
    assert!(finished.stderr.contains("`checks.check`"), "{}", finished.stderr);
    assert!(!home.has("project/theirs"));
}

#[test]
fn who_is_asked_about_a_check_sees_what_it_runs() {
    let home = python_project();
    let server = FaultServer::script(vec![call("check", json!({"kind": "test"})), say("Well.")]);
    let mut terminal = agent(&home, &server, &[]).env("NO_COLOR", "1").terminal(30, 100);
    let is_prompted = |it: &str| it.lines().next_back().is_some_and(|it| it.trim_end() == "›");
    terminal.wait_until("a prompt", is_prompted);
    terminal.send("test it");
    terminal.send(ENTER);
    terminal.wait_for("say what to do instead");
    let screen = terminal.screen();
    assert!(screen.contains("`check` will run: python3 -m unittest"), "{screen}");
    terminal.send("n");
    terminal.send(ENTER);
    terminal.wait_for("Well.");
    terminal.wait_until("a prompt", is_prompted);
    terminal.send(CTRL_D);
    assert_eq!(terminal.finish().0, Some(0));
}
