//! A server of ours that dies or hangs in the middle of a turn: it is started again, once for an answer,
//! the turn goes on, and nothing is done twice.
#![cfg(target_os = "linux")]

mod support;

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use expect_test::{Expect, expect};
use regex::Regex;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use crate::support::child::Running;
use crate::support::home::Home;
use crate::support::play::{Play, entries, kill, processes, servers, until};

/// Notes that it ran, says so, and waits until it may end.
const WORK: &str = "echo ran >> work.txt; touch ready; while [ ! -e go ]; do sleep 0.02; done";

/// Answers with a call and then with words; what it calls is under way.
fn at_work(play: &Play) -> Running {
    play.configure("silence = 1");
    let call = json!({"name": "run_command", "arguments": {"command": WORK}});
    let script = json!([{"content": "To work.", "tool_calls": [call]}, {"content": "Done."}]);
    let model = play.model("work", &script);
    let args = ["-m", &model, "--permission", "full", "go"];
    let running = play.agent(&args).within(Duration::from_secs(60)).start();
    until("the command", || play.home.has("project/ready"));
    running
}

/// Ends well, having worked once.
#[track_caller]
fn check_worked_once(play: &Play, running: Running, expected: Expect) {
    play.home.file("project/go", "");
    let finished = running.finish();
    finished.assert_code(0);
    assert_eq!(finished.stdout, "To work.\nDone.\n");
    assert_eq!(play.home.read("project/work.txt"), "ran\n");
    let told = finished.stderr.lines().filter(|it| it.contains("the model server"));
    expected.assert_eq(&without_ids(&told.map(|it| format!("{it}\n")).collect::<String>()));
    let kinds = entries(&play.home);
    let kinds: Vec<_> = kinds.iter().filter_map(|it| it["kind"].as_str()).collect();
    assert_eq!(kinds, ["header", "opened", "prompt", "reply", "started", "result", "reply"]);
    check_nothing_runs(&play.home);
}

#[track_caller]
fn check_nothing_runs(home: &Home) {
    assert_eq!(processes(home), []);
}

fn without_ids(text: &str) -> String {
    let id = Regex::new(r"llama-server-\d+").expect("the pattern is a constant");
    id.replace_all(text, "llama-server-[PID]").into_owned()
}

/// Another server than this one.
#[track_caller]
fn next_server(home: &Home, last: Pid) -> Pid {
    let mut next = None;
    until("another server", || {
        next = servers(home).into_iter().find(|it| *it != last);
        next.is_some()
    });
    next.expect("it was waited for")
}

/// S02.
#[test]
fn a_server_that_dies_between_two_requests_is_started_again() {
    let Some(play) = Play::new() else { return };
    let running = at_work(&play);
    kill(play.server_process());
    check_worked_once(
        &play,
        running,
        expect![[r#"
        the model server has ended and is started again: it was ended by signal 9; its log is `[HOME]/.local/state/agent/logs/llama-server-[PID].log`; asking again in [TIME]
    "#]],
    );
}

/// S03. What is stopped keeps its socket, and whoever connects waits.
#[test]
fn a_server_that_hangs_between_two_requests_is_ended_and_started_again() {
    let Some(play) = Play::new() else { return };
    let running = at_work(&play);
    kill_process(play.server_process(), Signal::STOP).expect("it is ours");
    check_worked_once(
        &play,
        running,
        expect![[r#"
        the model server has ended and is started again: it has answered nothing for [TIME]; asking again in [TIME]
    "#]],
    );
}

fn endless(play: &Play) -> Running {
    play.configure("silence = 1");
    let model = play.model("endless", &json!([{"content": "tick ", "repeat": true}]));
    let running = play.agent(&["-m", &model, "go"]).start();
    running.wait_for_stdout("tick tick tick");
    running
}

/// S02. The words that were said are void, and the reply is there once.
#[test]
fn a_server_that_dies_in_mid_answer_is_started_again() {
    let Some(play) = Play::new() else { return };
    let running = endless(&play);
    let first = play.server_process();
    kill(first);
    running.wait_for_stderr("started again");
    next_server(&play.home, first);
    let before = running.stdout().len();
    until("more words", || before + 100 < running.stdout().len());
    running.interrupt();
    let finished = running.finish();
    finished.assert_code(130);
    assert!(finished.stderr.contains("what it said is void"), "{}", finished.stderr);
    let kept = entries(&play.home);
    assert_eq!(kept.iter().filter(|it| it["kind"] == "reply").count(), 1);
    assert_eq!(kept.iter().filter(|it| it["kind"] == "prompt").count(), 1);
    check_nothing_runs(&play.home);
}

/// S03.
#[test]
fn a_server_that_hangs_in_mid_answer_is_ended_and_started_again() {
    let Some(play) = Play::new() else { return };
    let running = endless(&play);
    let first = play.server_process();
    kill_process(first, Signal::STOP).expect("it is ours");
    running.wait_for_stderr("it has answered nothing for 1 s");
    let second = next_server(&play.home, first);
    assert!(!servers(&play.home).contains(&first), "what hangs is killed");
    assert_ne!(first, second);
    running.interrupt();
    running.finish().assert_code(130);
    check_nothing_runs(&play.home);
}

/// Is there, and says nothing when it is asked what it is; the next one is the real one.
const MUTE: &str = r#"#!/usr/bin/env python3
import os, socket, sys, time
real, mark = os.environ["GGML_REAL"], os.environ["GGML_MARK"]
if "--host" not in sys.argv or os.path.exists(mark):
    os.execv(real, [real] + sys.argv[1:])
open(mark, "w").close()
door = socket.socket(socket.AF_UNIX)
door.bind(sys.argv[sys.argv.index("--host") + 1])
door.listen()
while True:
    caller = door.accept()[0]
    while b"/health" not in caller.recv(4096):
        time.sleep(60)
    caller.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
    caller.close()
"#;

/// S03.
#[test]
fn a_server_that_hangs_before_it_has_said_what_it_is_is_started_again() {
    let Some(play) = Play::new() else { return };
    play.configure("silence = 1");
    play.home.file("mute", MUTE);
    let mute = play.home.path("mute");
    std::fs::set_permissions(&mute, Permissions::from_mode(0o755)).expect("it is ours");
    let model = play.model("mute", &json!([{"content": "Here."}]));
    let (real, mark) = (play.server.display().to_string(), play.home.path("met"));
    let run = play.home.agent(&["-m", &model, "go"]).env("GGML_REAL", &real);
    let run = run.env("GGML_MARK", &mark.display().to_string());
    let finished = run.env("LLAMA_SERVER", &mute.display().to_string()).run();
    finished.assert_code(0);
    assert_eq!(finished.stdout, "Here.\n");
    assert!(finished.stderr.contains("it has answered nothing"), "{}", finished.stderr);
    check_nothing_runs(&play.home);
}

/// Gives a model another chat template.
fn with_template(model: &str, template: &str) {
    const KEY: &[u8] = b"tokenizer.chat_template";
    let bytes = std::fs::read(model).expect("it was written");
    let key = bytes.windows(KEY.len()).position(|it| it == KEY).expect("it has a template");
    // Behind the key come its type and its length.
    let at = key + KEY.len() + 4;
    let length = u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"));
    let end = at + 8 + usize::try_from(length).expect("it is in memory");
    // Tensors begin at multiples of 32, and what is left to them has to stay so long.
    let mut template = template.to_owned();
    while template.len() % 32 != (end - at - 8) % 32 {
        template.push(' ');
    }
    let length = (template.len() as u64).to_le_bytes();
    let whole = [&bytes[..at], &length, template.as_bytes(), &bytes[end..]].concat();
    std::fs::write(model, whole).expect("it is ours");
}

/// How long a process has computed, in hundredths of a second.
fn computed(process: Pid) -> u64 {
    let stat = format!("/proc/{}/stat", process.as_raw_nonzero());
    let stat = std::fs::read_to_string(stat).expect("it still runs");
    let fields = stat.rsplit_once(") ").expect("it has a name").1;
    fields.split(' ').nth(11).and_then(|it| it.parse().ok()).expect("it is a number")
}

/// D20. The server runs the template when it loads the model, and this one has no end.
#[test]
fn a_template_without_an_end_keeps_nobody() {
    let Some(play) = Play::new() else { return };
    let model = play.model("endless", &json!([{"content": "Here."}]));
    let (begin, end) = ("{% for a in range(1000) %}", "{% endfor %}");
    let body = "{% set x = a %}";
    with_template(&model, &format!("{}{body}{}", begin.repeat(5), end.repeat(5)));
    let running = play.agent(&["-m", &model, "go"]).start();
    let server = play.server_process();
    until("the template to run", || 100 < computed(server));
    running.interrupt();
    let finished = running.finish();
    finished.assert_code(130);
    assert_eq!(finished.stdout, "");
    check_nothing_runs(&play.home);
}

/// S03.
#[test]
fn who_waits_for_a_server_that_hangs_can_leave() {
    let Some(play) = Play::new() else { return };
    let running = endless(&play);
    play.configure("");
    kill_process(play.server_process(), Signal::STOP).expect("it is ours");
    running.interrupt();
    running.finish().assert_code(130);
    check_nothing_runs(&play.home);
}
