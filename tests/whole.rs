//! A whole session at a terminal, on a real llama-server: from the first prompt to the last, by way of all
//! that a person does in between.
#![cfg(target_os = "linux")]

mod support;

use expect_test::{Expect, expect};
use regex::Regex;
use serde_json::json;

use crate::support::play::{Play, until};
use crate::support::talk::Talk;
use crate::support::terminal::{CTRL_C, ENTER, ESCAPE, TAB};

const CTRL_U: &str = "\x15";

/// What is on the screen, without what differs from run to run.
#[track_caller]
fn shows(talk: &Talk, expected: Expect) {
    talk.prompted();
    let screen = talk.terminal.screen();
    let times = Regex::new(r"\d+(\.\d)? (ms|s)\b").expect("the pattern is a constant");
    let told = |it: &&str| !it.starts_with("agent 0.") && !it.contains("tokens read,");
    let lines =
        screen.lines().filter(told).map(|it| format!("{}\n", times.replace_all(it, "[TIME]")));
    expected.assert_eq(&lines.collect::<String>());
}

/// Waits until the screen ends with this question, and answers it.
#[track_caller]
fn answer(talk: &mut Talk, question: &str, keys: &str) {
    talk.terminal.wait_until(&format!("`{question}` at the end"), |it| it.ends_with(question));
    talk.terminal.send(keys);
}

/// Begins with an empty screen.
fn cleared(talk: &mut Talk) {
    talk.prompted();
    talk.terminal.send("\x0c");
    talk.terminal.wait_until("nothing but a prompt", |it| it.trim_end() == "›");
}

#[test]
fn from_the_first_prompt_to_the_last() {
    let Some(play) = Play::new() else { return };
    play.home.file("project/main.py", "def add(a, b):\n    return a - b\n\n\nprint(add(2, 2))\n");
    play.home.file("project/notes/todo list.md", "- subtract\n");
    play.home.git(&["init", "-q", "-b", "main"]);
    let edit = json!({"path": "main.py", "edits": [{"old": "    return a - b", "new": "    return a + b"}]});
    let said = "## What it does\n\nIt adds, *or should*:\n\n- `add` takes the difference\n- the result is printed\n\n```python\nadd(2, 2)\n```\n";
    let steps = json!([{"what": "Add a test", "files": ["test.py"], "run": "true", "look": ""}]);
    let plan = json!({"goal": "Have it tested", "steps": steps, "risks": []}).to_string();
    let script = json!([
        {"content": "I look at it.", "tool_calls": [{"name": "read_file", "arguments": {"paths": ["main.py"]}}]},
        {"content": said},
        {"content": "I mend it.", "tool_calls": [{"name": "edit_file", "arguments": edit}]},
        {"content": "It adds now."},
        {"content": "I run it.", "tool_calls": [{"name": "run_command", "arguments": {"command": "python3 main.py"}}]},
        {"content": "It says 4."},
        {"content": "I am ready."},
        {"content": plan},
        {"content": "It is tested."},
        {"content": "It goes on and on. ".repeat(4000)},
        {"content": "Here I am again."},
    ]);
    let model = play.model_with_words("whole", &script);
    let mut talk = Talk::begin(play.agent(&["-m", &model, "--permission", "ask"]));

    // A file is completed, and goes with the prompt; the answer is set as it comes.
    talk.terminal.send("what does @main");
    talk.terminal.send(TAB);
    talk.offered("what does @main.py");
    talk.terminal.send("do?");
    talk.terminal.send(ENTER);
    talk.terminal.wait_for("add(2, 2)\n");
    shows(
        &talk,
        expect![[r#"
            › what does @main.py do?
              attached main.py: 5 lines
            I look at it.
            ● read_file main.py  5 lines
            ## What it does

            It adds, *or should*:

            • `add` takes the difference
            • the result is printed

            ```python
            add(2, 2)
            ```

            ›
        "#]],
    );

    // An edit is shown and allowed; a command is changed before it runs.
    cleared(&mut talk);
    talk.enter("mend it");
    answer(&mut talk, "say what to do instead:", "y\r");
    talk.terminal.wait_for("It adds now.");
    assert!(play.home.read("project/main.py").contains("a + b"));
    talk.enter("run it");
    answer(&mut talk, "say what to do instead:", "e\r");
    answer(&mut talk, "Enter runs it: python3 main.py", " && echo fine\r");
    talk.terminal.wait_for("It says 4.");
    shows(
        &talk,
        expect![[r#"
            › mend it
            I mend it.
            allow? edit_file
              main.py  +1 -1
                   1  def add(a, b):
                   2 -    return a - b
                   2 +    return a + b
                   3
                   4
                   5  print(add(2, 2))
              y = yes, e = edit, n = no, or say what to do instead: y
            ● edit_file main.py  +1 -1
                   1  def add(a, b):
                   2 -    return a - b
                   2 +    return a + b
                   3
                   4
            It adds now.

            › run it
            I run it.
            allow? run_command
              command: python3 main.py
              confined: writes the project and a /tmp of its own, no network
              always would save run_command(python3 main.py)
              y = yes, a = always, e = edit, n = no, or say what to do instead: e
              change it, Enter runs it: python3 main.py && echo fine
            ● run_command python3 main.py && echo fine  exit 0, [TIME]
                4
                fine
            It says 4.

            ›
        "#]],
    );

    // What was done is seen, taken back and done again.
    cleared(&mut talk);
    talk.say("/diff", "+    return a + b");
    for (command, line) in [("/undo", "a - b"), ("/redo", "a + b")] {
        talk.enter(command);
        until(line, || play.home.read("project/main.py").contains(line));
    }
    shows(
        &talk,
        expect![[r#"
            › /diff
            --- a/main.py
            +++ b/main.py
            @@ -1,5 +1,5 @@
             def add(a, b):
            -    return a - b
            +    return a + b


             print(add(2, 2))
            › /undo
            main.py  +1 -1
            undid turn 2: 1 file, +1 -1
            › /redo
            main.py  +1 -1
            did again turn 2: 1 file, +1 -1
            ›
        "#]],
    );

    // A plan, which the person accepts.
    cleared(&mut talk);
    talk.enter("/plan have it tested");
    answer(&mut talk, "[q]uit:", "a\r");
    talk.terminal.wait_for("It is tested.");
    shows(
        &talk,
        expect![[r#"
            › /plan have it tested
            I am ready.
            plan: Have it tested
              [ ] 1. Add a test
                     test.py
                     run: true
              [a]ccept  [e]dit  [d]rop N  [m]ove N M  [c]omment WORDS  [q]uit: a
            step 1 of 1: Add a test
            It is tested.
            ✓ step 1 of 1 is done: `true`: exit 0, [TIME]

            ›
        "#]],
    );

    // Stopped while it writes; what was typed meanwhile comes back, in a window of another size.
    cleared(&mut talk);
    talk.say("tell me all", "It goes on and on.");
    talk.terminal.send("and then");
    talk.terminal.wait_until("the draft", |it| it.ends_with("› and then"));
    talk.terminal.resize(20, 60);
    talk.terminal.send(ESCAPE);
    talk.terminal.wait_for("stopped");
    talk.offered("and then");
    talk.terminal.send(CTRL_U);
    talk.prompted();

    // What is pasted is one word; the session has a name, and is gone on with by it.
    cleared(&mut talk);
    let pasted: String = (1..=9).map(|it| format!("line {it}\r")).collect();
    talk.terminal.send(&format!("\x1b[200~{pasted}\x1b[201~"));
    talk.offered("[pasted 9 lines]");
    talk.terminal.send(CTRL_C);
    talk.prompted();
    talk.enter("/save whole");
    talk.say("/new", "/load");
    talk.enter("/load whole");
    talk.terminal.wait_for("going on after");
    talk.say("are you there?", "Here I am again.");
    talk.prompted();
    drop(talk);
    assert!(play.home.read("project/main.py").contains("a + b"));
}
