//! A task that is planned first: nothing but looks is done before there is a plan, the plan is carried
//! out step by step, and each step is checked as it says.
#![cfg(target_os = "linux")]

mod support;

use expect_test::{Expect, expect};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::fault_server::FaultServer;
use crate::support::home::Home;
use crate::support::journal;
use crate::support::long::WINDOW;
use crate::support::play::{Play, entries, until};
use crate::support::response::{Gate, Response, call, say};
use crate::support::terminal::{CTRL_C, ENTER, Terminal};
use crate::support::wire;

/// A plan as the server lets the model write it: each step is what, and the command that checks it.
fn plan(steps: &[(&str, &str)]) -> Response {
    let step = |(what, run): &(&str, &str)| json!({"what": what, "files": ["a.txt"], "run": run, "look": ""});
    let steps: Vec<_> = steps.iter().map(step).collect();
    say(&json!({"goal": "Write it", "steps": steps, "risks": ["none"]}).to_string())
}

fn write(text: &str) -> Response {
    call("write_file", json!({"path": "a.txt", "content": text}))
}

/// What of a request is new beside the one before: the messages, cut short.
fn news(server: &FaultServer) -> String {
    let chats = server.chats();
    let mut seen = 0;
    let mut text = String::new();
    for chat in &chats {
        for message in &chat.messages()[seen.max(1)..] {
            let said = message["content"].as_str().unwrap_or_default();
            let calls = message["tool_calls"].as_array().map_or(0, Vec::len);
            text += &format!(
                "{}{}: {said}\n",
                message["role"].as_str().unwrap_or_default(),
                if calls == 0 { "" } else { " calls" }
            );
        }
        seen = chat.messages().len();
        let form = &chat.body["response_format"]["json_schema"]["schema"]["required"];
        text += &format!("--- {} {form}\n", chat.body["tool_choice"]);
    }
    text
}

/// Each request is the beginning of the next one, but for what asks for a form; and what never changes
/// never does.
#[track_caller]
fn only_grows(server: &FaultServer) {
    let messages = |raw: &[u8]| {
        let text = String::from_utf8_lossy(raw).into_owned();
        text.split(r#"],"tool_choice""#)
            .next()
            .unwrap_or_default()
            .trim_end_matches("]}")
            .to_owned()
    };
    let sent: Vec<_> = server.chats().iter().map(|it| messages(&it.raw)).collect();
    assert!(3 < sent.len(), "there was little to compare");
    for (n, pair) in sent.windows(2).enumerate() {
        assert!(
            pair[1].starts_with(&pair[0]),
            "request {} rewrites:\n{}\n{}",
            n + 1,
            pair[0],
            pair[1]
        );
    }
}

#[test]
fn a_task_is_planned_and_then_done_step_by_step() {
    let home = Home::new();
    home.file("project/a.txt", "one\n");
    let server = FaultServer::script(vec![
        call("read_file", json!({"paths": ["a.txt"]})),
        say("I am ready."),
        plan(&[("Write two", "grep -q two a.txt"), ("Write three", "")]),
        write("two\n"),
        say("Two is written."),
        write("two three\n"),
        say("Three is written."),
    ]);
    let run = home.agent(&["--plan", "write it"]).server(&server).run();
    run.assert_code(0);
    assert_eq!(home.read("project/a.txt"), "two three\n");
    expect![[r#"
        I am ready.
        Two is written.
        Three is written.
        ===
        ● read_file a.txt  1 line
        plan: Write it
          [ ] 1. Write two
                 a.txt
                 run: grep -q two a.txt
          [ ] 2. Write three
                 a.txt
          risk: none
          300 tokens read, 0 from cache, 30 written at 100/s, 0 % of the window
        step 1 of 2: Write two
        ● write_file a.txt  1 line
          200 tokens read, 0 from cache, 20 written at 100/s, 0 % of the window
        ✓ step 1 of 2 is done: `grep -q two a.txt`: exit 0, [TIME]
        step 2 of 2: Write three
        ● write_file a.txt  1 line
          200 tokens read, 0 from cache, 20 written at 100/s, 0 % of the window
        ✓ step 2 of 2 is done
        plan: Write it
          [x] 1. Write two  `grep -q two a.txt`: exit 0, [TIME]
          [x] 2. Write three
          risk: none
    "#]]
    .assert_eq(&format!("{}===\n{}", run.stdout, run.stderr));
    expect![[r#"
        user: write it

        Make a plan for this before you do it. While you plan, only calls that look are run; whatever changes or runs something is refused. Read what you need to know. When you know enough, say so in a sentence, without a call: then you are asked for the plan.
        --- null null
        assistant calls: 
        tool: 1	one

        --- null null
        assistant: I am ready.
        user: Write the plan now, as one JSON object and nothing else:
        {"goal": "…", "steps": [{"what": "…", "files": ["…"], "run": "…", "look": "…"}], "risks": ["…"]}
        A step is a piece of work that can be checked by itself. "files" are those it touches. "run" is a shell command that succeeds only if the step is done; where there is none it is "", and "look" says in words what must hold then. "risks" is what may go wrong.
        --- "none" ["goal","steps","risks"]
        assistant: {"goal":"Write it","steps":[{"what":"Write two","files":["a.txt"],"run":"grep -q two a.txt","look":""},{"what":"Write three","files":["a.txt"],"run":"","look":""}],"risks":["none"]}
        user: Step 1 of 2: Write two
        Files: a.txt
        It counts as done if `grep -q two a.txt` succeeds, which is run when you are finished.
        Do this step and no other, then say in a sentence what you did.
        --- null null
        assistant calls: 
        tool: replaced `a.txt`: 1 line, before 1 line

        --- null null
        assistant: Two is written.
        user: Step 1 is done: `grep -q two a.txt` succeeded.
        Step 2 of 2: Write three
        Files: a.txt
        Do this step and no other, then say in a sentence what you did.
        --- null null
        assistant calls: 
        tool: replaced `a.txt`: 1 line, before 1 line

        --- null null
    "#]].assert_eq(&news(&server));
    expect![[r#"
        header
        opened
        planning
        prompt "write it\n\nMake a plan for this before you do it. While you plan, only calls that look are run; whatever changes or runs something is refused. Read what you need to know. When you know enough, say so in a sentence, without a call: then you are asked for the plan."
        reply 1 calls ""
        started
        result "done" "1\tone\n"
        reply "I am ready."
        wanted
        reply "{\"goal\":\"Write it\",\"steps\":[{\"what\":\"Write two\",\"files\":[\"a.txt\"],\"run\":\"grep -q two a.txt\",\"look\":\"\"},{\"what\":\"Write three\",\"files\":[\"a.txt\"],\"run\":\"\",\"look\":\"\"}],\"risks\":[\"none\"]}"
        planned
        planned
        prompt "Step 1 of 2: Write two\nFiles: a.txt\nIt counts as done if `grep -q two a.txt` succeeds, which is run when you are finished.\nDo this step and no other, then say in a sentence what you did."
        marked "doing"
        reply 1 calls ""
        started
        result "done" "replaced `a.txt`: 1 line, before 1 line\n"
        reply "Two is written."
        marked "checking"
        marked "done" "[exit 0]\n"
        prompt "Step 1 is done: `grep -q two a.txt` succeeded.\nStep 2 of 2: Write three\nFiles: a.txt\nDo this step and no other, then say in a sentence what you did."
        marked "doing"
        reply 1 calls ""
        started
        result "done" "replaced `a.txt`: 1 line, before 1 line\n"
        reply "Three is written."
        marked "done"
    "#]].assert_eq(&journal::shape(&home));
    only_grows(&server);
}

#[test]
fn while_it_is_planned_nothing_is_changed_or_run() {
    let home = Home::new();
    home.file("project/a.txt", "one\n");
    let server = FaultServer::script(vec![
        write("two\n"),
        call("run_command", json!({"command": "touch b.txt"})),
        say("I am ready."),
        plan(&[("Look", "")]),
        say("I looked."),
    ]);
    let run = home.agent(&["--plan", "--permission", "full", "write it"]).server(&server).run();
    run.assert_code(0);
    assert_eq!(home.read("project/a.txt"), "one\n");
    assert!(!home.path("project/b.txt").exists());
    let chats = server.chats();
    for (n, name) in [(1, "write_file"), (2, "run_command")] {
        let said = chats[n].last_message().unwrap_or_default();
        assert!(said.starts_with("Refused: this is planned first"), "{name}: {said}");
    }
    let tools: Vec<_> = chats.iter().map(|it| it.body["tools"].to_string()).collect();
    assert!(tools.iter().all(|it| *it == tools[0]), "the tools changed");
}

#[test]
fn a_step_that_fails_its_check_ends_the_work_and_says_which() {
    let home = Home::new();
    let server = FaultServer::script(vec![
        say("Ready."),
        plan(&[("Write two", "echo no two; exit 4"), ("Write three", "")]),
        say("I think it is done."),
    ]);
    let run = home.agent(&["--plan", "write it"]).server(&server).run();
    run.assert_code(3);
    expect![[r#"
        plan: Write it
          [ ] 1. Write two
                 a.txt
                 run: echo no two; exit 4
          [ ] 2. Write three
                 a.txt
          risk: none
          200 tokens read, 0 from cache, 20 written at 100/s, 0 % of the window
        step 1 of 2: Write two
          100 tokens read, 0 from cache, 10 written at 100/s, 0 % of the window
        ✗ step 1 of 2 is not done: `echo no two; exit 4`: exit 4, [TIME]
            no two
        plan: Write it
          [!] 1. Write two  `echo no two; exit 4`: exit 4, [TIME]
                 a.txt
                 run: echo no two; exit 4
          [ ] 2. Write three
                 a.txt
          risk: none
    "#]]
    .assert_eq(&run.stderr);
    assert_eq!(server.chats().len(), 3);
}

#[test]
fn where_no_command_checks_a_step_the_model_says_whether_it_holds() {
    let home = Home::new();
    let steps = json!([{"what": "Write two", "files": [], "run": "", "look": "there is a two"}]);
    let server = FaultServer::script(vec![
        say("Ready."),
        say(&json!({"goal": "g", "steps": steps, "risks": []}).to_string()),
        say("Done."),
        say(r#"{"holds": false, "why": "there is none"}"#),
    ]);
    let run = home.agent(&["--plan", "write it"]).server(&server).run();
    run.assert_code(3);
    assert!(run.stderr.contains("step 1 of 1 is not done: there is none"), "{}", run.stderr);
    let asked = server.chat(3);
    assert!(
        asked.last_message().is_some_and(|it| it.starts_with("Does this hold now: there is a two"))
    );
    assert_eq!(asked.body["response_format"]["json_schema"]["schema"]["required"][0], "holds");
    only_grows(&server);
}

#[test]
fn a_server_that_knows_no_schemas_is_asked_in_words() {
    let home = Home::new();
    let server = FaultServer::foreign(vec![
        say("Ready."),
        Response::bad_request("response_format is not supported"),
        say("Here it is:\n```json\n{'goal': 'g', 'steps': [{'step': 'Look'}],}\n```"),
        say("I looked."),
    ]);
    let run = home.agent(&["--plan", "look"]).server(&server).run();
    run.assert_code(0);
    let forms: Vec<_> =
        server.chats().iter().map(|it| it.body.get("response_format").is_some()).collect();
    assert_eq!(forms, [false, true, false, false]);
    only_grows(&server);
}

#[test]
fn a_reply_that_is_no_plan_is_asked_for_again_and_given_up_at_last() {
    let home = Home::new();
    let server = FaultServer::script(vec![say("Ready."), say("{}")]);
    let run = home.agent(&["--plan", "look"]).server(&server).run();
    run.assert_code(3);
    assert_eq!(server.chats().len(), 4);
    let said = server.chat(2).last_message().unwrap_or_default().to_owned();
    assert!(said.starts_with("That is no plan: it has no list `steps`"), "{said}");
    assert!(run.stderr.contains("asked for a plan three times"), "{}", run.stderr);
}

#[test]
fn there_must_be_something_to_plan() {
    let home = Home::new();
    let server = FaultServer::script(vec![say("Hi.")]);
    let terminal = home.agent(&["--plan"]).server(&server).terminal(24, 80);
    let (code, screen) = terminal.finish();
    assert_eq!(code, Some(2), "{screen}");
    assert!(screen.contains("there is nothing to plan"), "{screen}");
}

/// The result, and each event about the plan.
#[track_caller]
fn check_json(format: &str, expected: Expect) {
    let home = Home::new();
    let server = FaultServer::script(vec![
        say("Ready."),
        plan(&[("Write two", "true"), ("Write three", "exit 4")]),
        say("Done."),
    ]);
    let run = home.agent(&["--plan", "--output-format", format, "write it"]).server(&server).run();
    run.assert_code(3);
    let lines = run.stdout.lines().map(|it| serde_json::from_str::<Value>(it).expect("JSON"));
    let of_plan = lines.filter(|it| {
        it["type"] == "result" || it["subtype"].as_str().is_some_and(|it| it.starts_with("plan"))
    });
    let seconds = regex::Regex::new(r", \d+\.\d s").expect("it is a pattern");
    let shown = of_plan.map(|mut it| {
        let fields = it.as_object_mut().expect("an event is an object");
        for name in ["session_id", "duration_ms", "usage", "permission_denials", "num_turns"] {
            fields.remove(name);
        }
        format!("{}\n", seconds.replace_all(&it.to_string(), ", [TIME]"))
    });
    expected.assert_eq(&shown.collect::<String>());
}

#[test]
fn programs_are_told_of_the_plan_and_of_each_step() {
    check_json(
        "json",
        expect![[r#"
            {"type":"result","subtype":"error_during_execution","is_error":true,"result":"step 2 of 2 is not done: Write three (`exit 4`: exit 4, [TIME])","stop_reason":null,"uuid":"[ID]","timings":{"cache_n":0,"prompt_n":400,"prompt_ms":400.0,"predicted_n":40,"predicted_ms":400.0},"plan":{"stage":"accepted","goal":"Write it","steps":[{"what":"Write two","files":["a.txt"],"status":"done","outcome":"`true`: exit 0, [TIME]","run":"true"},{"what":"Write three","files":["a.txt"],"status":"failed","outcome":"`exit 4`: exit 4, [TIME]","run":"exit 4"}],"risks":["none"]},"duration_api_ms":800,"total_cost_usd":0}
        "#]],
    );
    check_json(
        "stream-json",
        expect![[r#"
            {"type":"system","subtype":"plan","uuid":"[ID]","plan":{"stage":"proposed","goal":"Write it","steps":[{"what":"Write two","files":["a.txt"],"status":"todo","outcome":"","run":"true"},{"what":"Write three","files":["a.txt"],"status":"todo","outcome":"","run":"exit 4"}],"risks":["none"]}}
            {"type":"system","subtype":"plan","uuid":"[ID]","plan":{"stage":"accepted","goal":"Write it","steps":[{"what":"Write two","files":["a.txt"],"status":"todo","outcome":"","run":"true"},{"what":"Write three","files":["a.txt"],"status":"todo","outcome":"","run":"exit 4"}],"risks":["none"]}}
            {"type":"system","subtype":"plan_step","uuid":"[ID]","step":1,"of":2,"what":"Write two","status":"doing","outcome":""}
            {"type":"system","subtype":"plan_step","uuid":"[ID]","step":1,"of":2,"what":"Write two","status":"checking","outcome":""}
            {"type":"system","subtype":"plan_step","uuid":"[ID]","step":1,"of":2,"what":"Write two","status":"done","outcome":"`true`: exit 0, [TIME]"}
            {"type":"system","subtype":"plan_step","uuid":"[ID]","step":2,"of":2,"what":"Write three","status":"doing","outcome":""}
            {"type":"system","subtype":"plan_step","uuid":"[ID]","step":2,"of":2,"what":"Write three","status":"checking","outcome":""}
            {"type":"system","subtype":"plan_step","uuid":"[ID]","step":2,"of":2,"what":"Write three","status":"failed","outcome":"`exit 4`: exit 4, [TIME]"}
            {"type":"result","subtype":"error_during_execution","is_error":true,"result":"step 2 of 2 is not done: Write three (`exit 4`: exit 4, [TIME])","stop_reason":null,"uuid":"[ID]","timings":{"cache_n":0,"prompt_n":400,"prompt_ms":400.0,"predicted_n":40,"predicted_ms":400.0},"plan":{"stage":"accepted","goal":"Write it","steps":[{"what":"Write two","files":["a.txt"],"status":"done","outcome":"`true`: exit 0, [TIME]","run":"true"},{"what":"Write three","files":["a.txt"],"status":"failed","outcome":"`exit 4`: exit 4, [TIME]","run":"exit 4"}],"risks":["none"]},"duration_api_ms":800,"total_cost_usd":0}
        "#]],
    );
}

#[test]
fn the_result_is_what_was_said_last_not_what_was_said_in_a_form() {
    let home = Home::new();
    let steps = json!([{"what": "Look", "files": [], "run": "", "look": "it is there"}]);
    let server = FaultServer::script(vec![
        say("Ready."),
        say(&json!({"goal": "g", "steps": steps, "risks": []}).to_string()),
        say("I looked."),
        say(r#"{"holds": true, "why": "it is"}"#),
    ]);
    let run = home.agent(&["--plan", "--output-format", "json", "look"]).server(&server).run();
    run.assert_code(0);
    let result: Value = serde_json::from_str(&run.stdout).expect("JSON");
    assert_eq!(result["result"], "I looked.");
    assert_eq!(result["plan"]["steps"][0]["outcome"], "it is");
}

#[test]
fn the_model_keeps_a_plan_of_its_own_through_a_summary() {
    let home = Home::new();
    let steps = |second: &str| json!({"steps": [{"step": "look", "status": "done"}, {"step": "write", "status": second}]});
    let server = FaultServer::script(vec![
        call("update_plan", steps("doing")),
        Response::overflow(7000, WINDOW),
        say("## Goal\nTo look and to write what is there."),
        say("Done."),
    ]);
    server.on("GET", "/props", Response::json(200, &wire::props(WINDOW)));
    server.on("POST", "/v1/chat/completions/input_tokens", Response::not_found());
    let run = home.agent(&["go"]).server(&server).run();
    run.assert_code(0);
    expect![[r#"
        ● update_plan  1 of 2 done
          [x] 1. look
          [>] 2. write
          made room in the window: the conversation so far was summed up
          300 tokens read, 0 from cache, 30 written at 100/s, 1 % of the window
    "#]]
    .assert_eq(&run.stderr);
    expect![[r#"
        [x] 1. look
        [>] 2. write
    "#]]
    .assert_eq(server.chat(1).last_message().unwrap_or_default());
    let after = server.chat(3);
    let said = |it: &Value| format!("{}\n", it["content"].as_str().unwrap_or_default());
    expect![[r#"
        [To make room, the conversation so far was summed up. You wrote:]
        ## Goal
        To look and to write what is there.

        [The plan, as it stands:]
        [x] 1. look
        [>] 2. write

        go

        [x] 1. look
        [>] 2. write

    "#]]
    .assert_eq(&after.messages()[1..].iter().map(said).collect::<String>());
}

// At a terminal.

/// Answers what stands on the last line of the screen.
#[track_caller]
fn answer(terminal: &mut Terminal, question: &str, line: &str) {
    let wait = |terminal: &Terminal, last: &str| {
        terminal.wait_until(&format!("`{last}` at the end"), |it| it.ends_with(last));
    };
    wait(terminal, question);
    terminal.send(line);
    // What is asked next may look the same.
    wait(terminal, &format!("{question} {line}"));
    terminal.send(ENTER);
}

const REVIEW: &str = "[q]uit:";
const PROMPT: &str = "›";

#[test]
fn a_person_has_the_last_word_on_a_plan_and_on_each_step_that_fails() {
    let home = Home::new();
    // An editor that makes a mistake, and mends it when it is opened again.
    home.file("home/edit.sh", "grep -q '^no step$' \"$1\" && sed -i '/^no step$/d' \"$1\" || { sed -i 's/two/Two/' \"$1\"; echo 'no step' >> \"$1\"; }\n");
    let editor = format!("sh {}", home.path("home/edit.sh").display());
    let server = FaultServer::script(vec![
        say("Ready."),
        plan(&[("Write two", "grep -q two a.txt"), ("Sing", ""), ("Write three", "")]),
        say("Ready again."),
        plan(&[("Write Two", "grep -q Two a.txt"), ("Write three", "grep -q three a.txt")]),
        say("I did nothing."),
        write("Two\n"),
        say("Two is written."),
        say("I do not want to."),
        say("I see."),
        plan(&[("Write three", "")]),
        write("Two three\n"),
        say("Three is written."),
    ]);
    let mut terminal = home
        .agent(&["--permission", "auto"])
        .server(&server)
        .env("NO_COLOR", "1")
        .env("EDITOR", &editor)
        .terminal(120, 120);
    answer(&mut terminal, PROMPT, "/plan");
    answer(&mut terminal, PROMPT, "/plan write it");
    answer(&mut terminal, REVIEW, "d 2");
    answer(&mut terminal, REVIEW, "m 2 1");
    answer(&mut terminal, REVIEW, "m 3 1");
    answer(&mut terminal, REVIEW, "e");
    answer(&mut terminal, REVIEW, "e");
    answer(&mut terminal, REVIEW, "c check the three as well");
    answer(&mut terminal, REVIEW, "a");
    answer(&mut terminal, REVIEW, "r");
    answer(&mut terminal, REVIEW, "p");
    answer(&mut terminal, REVIEW, "a");
    answer(&mut terminal, PROMPT, "/plan show");
    answer(&mut terminal, PROMPT, "/exit");
    let (code, screen) = terminal.finish();
    assert_eq!(code, Some(0), "{screen}");
    assert_eq!(home.read("project/a.txt"), "Two three\n");
    let state = std::fs::read_dir(home.path("home/.local/state/agent")).expect("it is kept");
    let mut names = state.flatten().map(|it| it.file_name().to_string_lossy().into_owned());
    assert!(!names.any(|it| it.starts_with("edit")), "what was edited is left");
    let asked = server.chat(2).last_message().unwrap_or_default().to_owned();
    let asked = asked.split("\n\nMake a plan").next().unwrap_or_default();
    expect![[r#"
        I have changed the plan. It is now:
        Goal: Write it
        [ ] 1. Write three
            files: a.txt
        [ ] 2. Write Two
            files: a.txt
            run: grep -q Two a.txt

        check the three as well

        Change the plan accordingly."#]]
    .assert_eq(asked);
    let (_, shown) = screen.split_once('\n').expect("a header");
    expect![[r#"
        › /plan
        there is no plan; `/plan TASK` makes one
        › /plan write it
        Ready.
        plan: Write it
          [ ] 1. Write two
                 a.txt
                 run: grep -q two a.txt
          [ ] 2. Sing
                 a.txt
          [ ] 3. Write three
                 a.txt
          risk: none
          200 tokens read, 0 from cache, 20 written at 100/s, 0 % of the window
          [a]ccept  [e]dit  [d]rop N  [m]ove N M  [c]omment WORDS  [q]uit: d 2
        plan: Write it
          [ ] 1. Write two
                 a.txt
                 run: grep -q two a.txt
          [ ] 2. Write three
                 a.txt
          risk: none
          [a]ccept  [e]dit  [d]rop N  [m]ove N M  [c]omment WORDS  [q]uit: m 2 1
        plan: Write it
          [ ] 1. Write three
                 a.txt
          [ ] 2. Write two
                 a.txt
                 run: grep -q two a.txt
          risk: none
          [a]ccept  [e]dit  [d]rop N  [m]ove N M  [c]omment WORDS  [q]uit: m 3 1
          say which step goes where, as in `m 2 1`: say a step from 1 to 2
          [a]ccept  [e]dit  [d]rop N  [m]ove N M  [c]omment WORDS  [q]uit: e
          line 16: a step begins with `- [ ] `; `e` opens it again
          [a]ccept  [e]dit  [d]rop N  [m]ove N M  [c]omment WORDS  [q]uit: e
        plan: Write it
          [ ] 1. Write three
                 a.txt
          [ ] 2. Write Two
                 a.txt
                 run: grep -q Two a.txt
          risk: none
          [a]ccept  [e]dit  [d]rop N  [m]ove N M  [c]omment WORDS  [q]uit: c check the three as well
        Ready again.
        plan: Write it
          [ ] 1. Write Two
                 a.txt
                 run: grep -q Two a.txt
          [ ] 2. Write three
                 a.txt
                 run: grep -q three a.txt
          risk: none
          200 tokens read, 0 from cache, 20 written at 100/s, 0 % of the window
          [a]ccept  [e]dit  [d]rop N  [m]ove N M  [c]omment WORDS  [q]uit: a
        step 1 of 2: Write Two
        I did nothing.
          100 tokens read, 0 from cache, 10 written at 100/s, 0 % of the window
        ✗ step 1 of 2 is not done: `grep -q Two a.txt`: exit 2, [TIME]
            grep: a.txt: No such file or directory
          [r]etry  [s]kip  re[p]lan  [q]uit: r
        step 1 of 2: Write Two
        ● write_file a.txt  1 line
        Two is written.
          200 tokens read, 0 from cache, 20 written at 100/s, 0 % of the window
        ✓ step 1 of 2 is done: `grep -q Two a.txt`: exit 0, [TIME]
        step 2 of 2: Write three
        I do not want to.
          100 tokens read, 0 from cache, 10 written at 100/s, 0 % of the window
        ✗ step 2 of 2 is not done: `grep -q three a.txt`: exit 1, [TIME]
          [r]etry  [s]kip  re[p]lan  [q]uit: p
        I see.
        plan: Write it
          [ ] 1. Write three
                 a.txt
          risk: none
          200 tokens read, 0 from cache, 20 written at 100/s, 0 % of the window
          [a]ccept  [e]dit  [d]rop N  [m]ove N M  [c]omment WORDS  [q]uit: a
        step 1 of 1: Write three
        ● write_file a.txt  1 line
        Three is written.
          200 tokens read, 0 from cache, 20 written at 100/s, 0 % of the window
        ✓ step 1 of 1 is done

        › /plan show
        plan: Write it
          [x] 1. Write three
          risk: none
        › /exit"#]]
    .assert_eq(shown);
    only_grows(&server);
}

#[test]
fn what_the_person_changed_is_told_to_the_model() {
    let home = Home::new();
    let steps = [("Write two", ""), ("Sing", "")];
    let server = FaultServer::script(vec![say("Ready."), plan(&steps), say("I sang.")]);
    let mut terminal = home.agent(&["--plan", "sing"]).server(&server).terminal(60, 90);
    answer(&mut terminal, REVIEW, "d 1");
    answer(&mut terminal, REVIEW, "a");
    let (code, screen) = terminal.finish();
    assert_eq!(code, Some(0), "{screen}");
    expect![[r#"
        The user has changed the plan. It is now:
        Goal: Write it
        [ ] 1. Sing
            files: a.txt

        Step 1 of 1: Sing
        Files: a.txt
        Do this step and no other, then say in a sentence what you did."#]]
    .assert_eq(server.chat(2).last_message().unwrap_or_default());
}

#[test]
fn a_plan_that_is_left_is_not_carried_out() {
    let home = Home::new();
    let server = FaultServer::script(vec![say("Ready."), plan(&[("Sing", "")]), say("I sang.")]);
    let mut terminal = home.agent(&["--plan", "sing"]).server(&server).terminal(60, 90);
    answer(&mut terminal, REVIEW, "q");
    let (code, screen) = terminal.finish();
    assert_eq!(code, Some(130), "{screen}");
    assert_eq!(server.chats().len(), 2);
    // It waits, and is gone on with later.
    let mut terminal = home.agent(&["-c"]).server(&server).terminal(60, 90);
    terminal.wait_for("a plan waits for your word");
    answer(&mut terminal, PROMPT, "/plan go");
    answer(&mut terminal, REVIEW, "a");
    terminal.wait_for("step 1 of 1 is done");
    answer(&mut terminal, PROMPT, "/exit");
    assert_eq!(terminal.finish().0, Some(0));
}

#[test]
fn a_session_that_was_killed_goes_on_in_the_middle_of_its_plan() {
    let (home, gate) = (Home::new(), Gate::closed());
    let held = Response::stream().hold(&gate).text("late").finish("stop");
    let server = FaultServer::script(vec![
        say("Ready."),
        plan(&[("Write two", "test ! -e once && touch once"), ("Write three", "")]),
        held,
        say("Two is written."),
        say("Three is written."),
    ]);
    let running =
        home.agent(&["--plan", "--permission", "auto", "write it"]).server(&server).start();
    server.chat(2);
    running.kill();
    drop(running.finish_as_it_is());
    gate.open();
    let mut terminal = home.agent(&["-c", "--permission", "auto"]).server(&server).terminal(60, 90);
    terminal.wait_for("step 2 of 2 is done");
    answer(&mut terminal, PROMPT, "/plan");
    terminal.wait_for("[x] 2. Write three");
    answer(&mut terminal, PROMPT, "/exit");
    assert_eq!(terminal.finish().0, Some(0));
    only_grows(&server);
}

#[test]
fn a_check_that_was_cut_short_is_not_run_again_by_itself() {
    let home = Home::new();
    let server = FaultServer::script(vec![
        say("Ready."),
        plan(&[("Write two", "echo run >> runs; while :; do :; done")]),
        say("Done."),
    ]);
    let running = home.agent(&["--plan", "write it"]).server(&server).start();
    let runs = home.path("project/runs");
    until("the check to run", || std::fs::read_to_string(&runs).is_ok_and(|it| it == "run\n"));
    running.kill();
    drop(running.finish_as_it_is());
    let mut terminal = home.agent(&["-c"]).server(&server).terminal(60, 90);
    terminal.wait_for("step 1 of 1 is not done: the check was interrupted");
    answer(&mut terminal, REVIEW, "s");
    answer(&mut terminal, PROMPT, "/exit");
    assert_eq!(terminal.finish().0, Some(0));
    assert_eq!(home.read("project/runs"), "run\n");
}

#[test]
fn a_step_that_the_person_stops_waits_for_a_word() {
    let (home, gate) = (Home::new(), Gate::closed());
    let server = FaultServer::script(vec![
        say("Ready."),
        plan(&[("Write two", "")]),
        Response::stream().text("I beg ").hold(&gate).finish("stop"),
        say("Two is written."),
    ]);
    let mut terminal = home.agent(&[]).server(&server).terminal(60, 120);
    answer(&mut terminal, PROMPT, "/plan write it");
    answer(&mut terminal, REVIEW, "a");
    terminal.wait_for("I beg");
    terminal.send(CTRL_C);
    terminal.wait_for("the plan stands at step 1 of 1: Write two; `/plan go` goes on");
    answer(&mut terminal, PROMPT, "/plan go");
    terminal.wait_for("step 1 of 1 is done");
    answer(&mut terminal, PROMPT, "/exit");
    assert_eq!(terminal.finish().0, Some(0));
    let said = server.chat(3).last_message().unwrap_or_default().to_owned();
    assert!(said.contains("It was tried and is not done: stopped."), "{said}");
}

#[test]
fn the_command_of_a_check_is_asked_about_like_any_other() {
    let home = Home::new();
    let steps = [("Write two", "touch b.txt"), ("Write three", "touch c.txt")];
    let server = FaultServer::script(vec![say("Ready."), plan(&steps), say("Done.")]);
    let mut terminal = home.agent(&["--permission", "ask"]).server(&server).terminal(60, 120);
    answer(&mut terminal, PROMPT, "/plan write it");
    answer(&mut terminal, REVIEW, "a");
    let allow = "or say what to do instead:";
    answer(&mut terminal, allow, "y");
    answer(&mut terminal, allow, "not that file");
    terminal.wait_for("step 2 of 2 is not done: you said: not that file");
    answer(&mut terminal, REVIEW, "s");
    answer(&mut terminal, PROMPT, "/exit");
    assert_eq!(terminal.finish().0, Some(0));
    assert!(home.path("project/b.txt").exists() && !home.path("project/c.txt").exists());
    // Where nobody may run anything, the step is not done.
    let read_only = home.agent(&["--plan", "--permission", "read-only", "write it"]);
    let server = FaultServer::script(vec![say("Ready."), plan(&steps), say("Done.")]);
    let run = read_only.server(&server).run();
    run.assert_code(3);
    assert!(run.stderr.contains("step 1 of 2 is not done: refused: read-only"), "{}", run.stderr);
}

// On a real llama-server.

#[test]
fn what_is_asked_for_in_a_form_finds_all_before_it_in_the_cache() {
    let Some(play) = Play::new() else { return };
    play.home.file("project/a.txt", "one\n");
    let steps = json!([
        {"what": "Write two", "files": ["a.txt"], "run": "grep -q two a.txt", "look": ""},
        {"what": "Read it", "files": [], "run": "", "look": "it says two"},
    ]);
    let form = json!({"goal": "Two", "steps": steps, "risks": []}).to_string();
    let call = |name: &str, arguments: Value| json!([{"name": name, "arguments": arguments}]);
    let script = json!([
        {"content": "I look.", "tool_calls": call("read_file", json!({"paths": ["a.txt"]}))},
        {"content": "I am ready."},
        {"content": form},
        {"tool_calls": call("write_file", json!({"path": "a.txt", "content": "two\n"}))},
        {"content": "Two is written."},
        {"content": "It says two."},
        {"content": r#"{"holds":true,"why":"I read it"}"#},
    ]);
    let model = play.model_with_words("plan", &script);
    let run = play.agent(&["-m", &model, "--plan", "write two"]).run();
    run.assert_code(0);
    assert!(run.stderr.contains("✓ step 2 of 2 is done: I read it"), "{}", run.stderr);
    assert_eq!(play.home.read("project/a.txt"), "two\n");
    let entries = entries(&play.home);
    let replies: Vec<_> = entries.iter().filter(|it| it["kind"] == "reply").collect();
    assert_eq!(replies.len(), 7);
    let count = |it: &Value, name: &str| it["usage"][name].as_u64().expect("the server counts");
    let mut before = 0;
    for (n, reply) in replies.iter().enumerate() {
        let (cached, read) = (count(reply, "cached"), count(reply, "read"));
        // The last token of what is known is always read once more.
        assert!(before <= cached + 1, "reply {n}: {cached} of {before} tokens came from the cache");
        assert!(n == 0 || read < 400, "reply {n}: {read} tokens were read");
        before = cached + read;
    }
}

#[test]
fn back_before_a_plan_is_back_before_the_wish_for_one() {
    let home = Home::new();
    let server = FaultServer::script(vec![
        say("Hi."),
        say("Ready."),
        plan(&[("Look", "")]),
        write("x"),
        say("It is written."),
    ]);
    let mut terminal = home.agent(&["--permission", "auto"]).server(&server).terminal(60, 90);
    answer(&mut terminal, PROMPT, "hello");
    terminal.wait_for("Hi.");
    answer(&mut terminal, PROMPT, "/plan write it");
    answer(&mut terminal, REVIEW, "q");
    answer(&mut terminal, PROMPT, "/rewind 2");
    terminal.wait_until("the task in the line", |it| it.ends_with("› /plan write it"));
    terminal.send("\x15");
    answer(&mut terminal, PROMPT, "just write it");
    terminal.wait_for("It is written.");
    assert!(home.has("project/a.txt"));
    answer(&mut terminal, PROMPT, "/exit");
    assert_eq!(terminal.finish().0, Some(0));
}

#[test]
fn a_task_that_was_planned_is_planned_again() {
    let home = Home::new();
    let server = FaultServer::script(vec![
        say("Ready."),
        plan(&[("Look", "")]),
        say("Ready again."),
        plan(&[("Look well", "")]),
    ]);
    let mut terminal = home.agent(&[]).server(&server).terminal(60, 90);
    answer(&mut terminal, PROMPT, "/plan look");
    answer(&mut terminal, REVIEW, "q");
    answer(&mut terminal, PROMPT, "/retry");
    terminal.wait_for("Look well");
    answer(&mut terminal, REVIEW, "q");
    let first = |nth: usize| server.chat(nth).messages()[1].clone();
    assert_eq!(first(0), first(2));
    assert_eq!(server.chat(3).body["tool_choice"], server.chat(1).body["tool_choice"]);
    answer(&mut terminal, PROMPT, "/exit");
    assert_eq!(terminal.finish().0, Some(0));
}

#[test]
fn a_program_that_is_to_end_does_not_wait_for_an_answer() {
    let home = Home::new();
    let server =
        FaultServer::script(vec![say("Ready."), plan(&[("Sing", "false")]), say("I sang.")]);
    let mut terminal = home.agent(&[]).server(&server).terminal(60, 90);
    answer(&mut terminal, PROMPT, "/plan sing");
    terminal.wait_until("the question", |it| it.ends_with(REVIEW));
    terminal.signal(Signal::TERM);
    assert_eq!(terminal.finish().0, Some(130));
    let mut terminal = home.agent(&["-c", "--permission", "auto"]).server(&server).terminal(60, 90);
    answer(&mut terminal, PROMPT, "/plan go");
    answer(&mut terminal, REVIEW, "a");
    terminal.wait_until("the question", |it| it.ends_with("[q]uit:") && it.contains("[r]etry"));
    terminal.signal(Signal::TERM);
    assert_eq!(terminal.finish().0, Some(130));
}

#[test]
fn a_limit_that_ends_a_step_ends_the_plan_with_its_status() {
    for (limit, code) in [("--max-turns=2", 4), ("--max-tool-calls=1", 6)] {
        let home = Home::new();
        let look = |it: &str| call("search", json!({"pattern": it}));
        let steps = plan(&[("Look", "true")]);
        let server = FaultServer::script(vec![
            say("Ready."),
            steps,
            look("a"),
            look("b"),
            look("c"),
            say("x"),
        ]);
        let finished = home.agent(&["--plan", limit, "go"]).server(&server).run();
        finished.assert_code(code);
    }
}
