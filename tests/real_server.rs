//! The program on a real llama-server whose model plays a script: the server's own template,
//! grammar, parser and cache are at work, and so is everything that starts, watches and ends it.
#![cfg(target_os = "linux")]
#![expect(clippy::disallowed_methods, reason = "the tests stand where `cli` and `sandbox` stand")]

mod support;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use expect_test::{Expect, expect};
use regex::Regex;
use rustix::process::Pid;
use serde_json::{Value, json};

use crate::support::child::Running;
use crate::support::home::Home;
use crate::support::play::{Play, entries, kill, processes, servers, until};
use crate::support::terminal::{CTRL_C, CTRL_D, ENTER};

// The demo.

#[test]
fn the_demo_mends_a_rust_project_and_leaves_nothing() {
    let Some(play) = Play::new() else { return };
    // Not by way of rustup, which would look for its toolchains in the home.
    let cargo = Path::new(env!("CARGO")).parent().expect("a program is in a folder");
    let path = format!("{}:{}", cargo.display(), std::env::var("PATH").unwrap_or_default());
    check_demo(
        &play,
        &path,
        expect![[r#"
        I will run the tests to see what fails.
        1900 is taken for a leap year. Let me read the code.
        `is_leap_year` forgets the rule for full centuries.
        Now the tests again.
        All tests pass. The bug was in `is_leap_year`: it took every fourth year for a leap year, also 1900. It now leaves out the centuries that 400 does not divide:

        ```rust
        pub fn is_leap_year(year: u32) -> bool {
            year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
        }
        ```
    "#]],
    );
}

#[test]
fn the_demo_mends_a_shell_script_where_there_is_no_cargo() {
    let Some(play) = Play::new() else { return };
    let path = std::env::var_os("PATH").unwrap_or_default();
    let without = std::env::split_paths(&path).filter(|it| !it.join("cargo").exists());
    let path = std::env::join_paths(without).expect("they were joined before");
    check_demo(
        &play,
        path.to_str().expect("the path is text"),
        expect![[r#"
        I will run the tests to see what fails.
        1900 is taken for a leap year. Let me read the code.
        `is_leap_year` forgets the rule for full centuries.
        Now the tests again.
        All tests pass. The bug was in `is_leap_year`: it took every fourth year for a leap year, also 1900. It now leaves out the centuries that 400 does not divide:

        ```sh
        is_leap_year() {
            [ $(($1 % 4)) -eq 0 ] && { [ $(($1 % 100)) -ne 0 ] || [ $(($1 % 400)) -eq 0 ]; }
        }
        ```
    "#]],
    );
}

/// A `cargo` that comes to this, first in the `PATH`.
fn with_cargo(play: &Play, script: &str) -> String {
    play.home.file("home/bin/cargo", &format!("#!/bin/sh\n{script}\n"));
    let runs = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(play.home.path("home/bin/cargo"), runs).expect("the file is ours");
    let path = std::env::var("PATH").unwrap_or_default();
    format!("{}:{path}", play.home.path("home/bin").display())
}

#[test]
fn the_demo_uses_the_shell_where_there_is_a_cargo_that_does_not_run() {
    let Some(play) = Play::new() else { return };
    let path = with_cargo(&play, "echo no tool chain >&2; exit 1");
    let finished = play.agent(&["demo"]).env("PATH", &path).run();
    finished.assert_code(0);
    assert!(finished.stdout.contains("```sh"), "{}", finished.stdout);
}

#[test]
fn a_demo_that_strays_from_its_script_says_so() {
    let Some(play) = Play::new() else { return };
    let path = with_cargo(&play, "[ $1 = --version ] && exit; echo no linker >&2; exit 101");
    let finished = play.agent(&["demo"]).env("PATH", &path).run();
    finished.assert_code(1);
    assert!(!finished.stderr.contains("For real work"), "{}", finished.stderr);
    let lines = finished.stderr.lines().skip_while(|it| !it.starts_with("error: "));
    expect![[r#"
        error: the demo did not go as its script says: the test came to `exit 101, [TIME]`: no linker
        hint: `agent demo --keep` keeps the project; there, `agent sandbox -- cargo test` runs the test as the demo does
    "#]].assert_eq(&lines.map(|it| format!("{it}\n")).collect::<String>());
}

#[track_caller]
fn check_demo(play: &Play, path: &str, expected: Expect) {
    std::fs::create_dir(play.home.path("tmp")).expect("the home is ours");
    let tmp = play.home.path("tmp").display().to_string();
    let run = play.agent(&["demo"]).env("PATH", path).env("TMPDIR", &tmp);
    let finished = run.run();
    finished.assert_code(0);
    expected.assert_eq(&finished.stdout);
    assert!(!finished.stderr.contains("warning"), "{}", finished.stderr);
    check_nothing_left(&play.home);
    assert_eq!(listed(&play.home, "tmp"), [""; 0]);
    assert!(!play.home.has("home/.local/state/agent/sessions"));
}

// The cache.

/// Twenty-odd replies of all kinds, and with them all kinds of answers.
fn all_kinds() -> Value {
    let command = |it: &str| json!({"name": "run_command", "arguments": {"command": it}});
    let read = |it: &str| json!({"name": "read_file", "arguments": {"paths": [it]}});
    let mut steps = vec![
        json!({"content": "One call.", "tool_calls": [read("a.txt")]}),
        json!({"reasoning": "Hm, é ✓.", "content": "Two at once.", "tool_calls": [read("a.txt"), read("b.txt")]}),
        json!({"tool_calls": [command("echo \"quoted\" 'é' \\ < > & \t; false")]}),
        json!({"reasoning": "Only thought.", "tool_calls": [read("none.txt"), command("exit 7")]}),
        json!({"content": "Outside.", "tool_calls": [read("../../x")]}),
        json!({"tool_calls": [{"name": "edit_file", "arguments": {
            "path": "a.txt", "edits": [{"old": "one\n", "new": "\tzwölf\n"}]}}]}),
        json!({"tool_calls": [{"name": "edit_file", "arguments": {
            "path": "a.txt", "edits": [{"old": "not there", "new": ""}]}}]}),
        json!({"tool_calls": [{"name": "list_files", "arguments": {}}]}),
        json!({"tool_calls": [{"name": "list_files", "arguments": {"depth": 1}}]}),
        json!({"content": "", "reasoning": "Nothing to say."}),
    ];
    let more = |n: u32| json!({"content": format!("Step {n}."), "tool_calls": [command(&format!("echo {n}"))]});
    steps.extend((0..12).map(more));
    steps.push(json!({"reasoning": "Enough.", "content": "All done."}));
    steps.push(json!({"content": "tick ", "repeat": true}));
    steps.push(json!({"content": "May I?", "tool_calls": [command("echo no")]}));
    steps.push(json!({"reasoning": "Refused.", "content": "Well then."}));
    json!(steps)
}

fn project(home: &Home) {
    home.file("project/a.txt", "one\ntwo\n").file("project/b.txt", "three\n");
}

#[test]
fn what_was_sent_once_is_never_read_again() {
    let Some(play) = Play::new() else { return };
    project(&play.home);
    let model = play.model("all", &all_kinds());
    play.agent(&["-m", &model, "go"]).run().assert_code(0);
    assert_eq!(check_law(&play.home), 23);
    check_nothing_left(&play.home);
}

#[test]
fn a_server_that_stays_up_reads_only_what_is_new_of_a_session_that_goes_on() {
    let Some(play) = Play::new() else { return };
    project(&play.home);
    let model = play.model("all", &all_kinds());
    let (_server, url) = serve(&play, &model);
    play.agent(&["--server-url", &url, "go"]).run().assert_code(0);

    // A reply that the person stops is kept, and the slot is free at once.
    let running = play.agent(&["--server-url", &url, "-c", "and tick"]).start();
    running.wait_for_stdout("tick tick tick");
    running.interrupt();
    let finished = running.finish();
    finished.assert_code(130);
    let kept = entries(&play.home);
    let reply = kept.iter().rfind(|it| it["kind"] == "reply").expect("it was kept");
    let text = reply["text"].as_str().unwrap_or_default();
    assert!(text.starts_with("tick tick tick"), "{reply}");
    assert!(finished.stdout.contains(text.trim()), "what was kept was shown");

    let args = ["--server-url", &url, "-c", "--permission", "read-only", "and more"];
    play.agent(&args).run().assert_code(0);
    let refused = entries(&play.home).iter().any(|it| it["status"] == "refused");
    assert!(refused, "a call is refused");
    assert_eq!(check_law(&play.home), 25);
}

/// Each request finds all of the one before in the cache; the server always reads the last token.
/// How many requests were looked at: a reply that was stopped has no figures.
#[track_caller]
fn check_law(home: &Home) -> usize {
    let entries = entries(home);
    let usages = entries.iter().map(|it| &it["usage"]).filter(|it| it.is_object());
    let figures = usages.map(|it| {
        let number = |name: &str| it[name].as_u64().expect("a count");
        (number("cached"), number("read"))
    });
    let figures: Vec<_> = figures.filter(|it| *it != (0, 0)).collect();
    for (n, pair) in figures.windows(2).enumerate() {
        let (before, after) = (pair[0].0 + pair[0].1, pair[1].0);
        assert!(
            before <= after + 1,
            "request {}: {before} sent, {after} found: {figures:?}",
            n + 1
        );
    }
    figures.len()
}

/// A server that somebody else runs, ready to answer, and its address.
fn serve(play: &Play, model: &str) -> (Running, String) {
    let port = free_port();
    let text = port.to_string();
    let args = ["--model", model, "--port", &text, "--threads", "1", "--parallel", "1"];
    let server = play.home.program(play.server, &args).start();
    let health = || -> std::io::Result<bool> {
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.write_all(b"GET /health HTTP/1.0\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer.contains(" 200 "))
    };
    until("the server", || health().unwrap_or(false));
    (server, format!("http://127.0.0.1:{port}"))
}

/// Free when it was looked for; nobody else asks for it that soon.
fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port can be had");
    listener.local_addr().expect("it listens").port()
}

// Interruptions.

fn endless() -> Value {
    json!([{"content": "tick ", "repeat": true}, {"content": "I go on."}])
}

/// How often the server of a home was done with a request.
fn answered(home: &Home) -> usize {
    const LOGS: &str = "home/.local/state/agent/logs";
    let logs = listed(home, LOGS).into_iter();
    let logs = logs.filter_map(|it| std::fs::read(home.path(LOGS).join(it)).ok());
    logs.map(|it| String::from_utf8_lossy(&it).matches("stop processing").count()).sum()
}

/// Templates of the Qwen family do so: with the next prompt they drop what was thought.
#[test]
fn what_is_left_out_with_a_prompt_is_read_while_it_is_typed() {
    let Some(play) = Play::new() else { return };
    let thought = "I think about it for a long time. ".repeat(20);
    let script = json!([{"reasoning": thought, "content": "One."}, {"content": "Two."}]);
    play.home.file("script.json", &script.to_string());
    let [from, model] = ["script.json", "model"].map(|it| play.home.path(it).display().to_string());
    let args = ["models", "script", &from, &model, "--chunk", "12", "--forgets"];
    play.home.agent(&args).check();
    let mut terminal = play.agent(&["-m", &model]).terminal(24, 80);
    terminal.wait_for("›");
    until("what comes first to be read", || answered(&play.home) == 1);
    terminal.send("go and do what is a long thing to say, so that it matters when it is read");
    terminal.send(ENTER);
    terminal.wait_for("One.");
    until("what was left out to be read", || answered(&play.home) == 3);
    terminal.send("and?");
    terminal.send(ENTER);
    terminal.wait_for("Two.");
    terminal.wait_until("the next prompt", |screen| screen.trim_end().ends_with('›'));
    terminal.send(CTRL_D);
    assert_eq!(terminal.finish().0, Some(0));
    let entries = entries(&play.home);
    let read = entries.iter().filter(|it| it["kind"] == "reply").map(|it| &it["usage"]["read"]);
    let read: Vec<_> = read.map(|it| it.as_u64().expect("the server counts")).collect();
    // The words, and what stands around them.
    assert!(read[1] < 40, "{read:?}");
}

#[test]
fn a_conversation_goes_on_with_the_same_server_after_an_interruption() {
    let Some(play) = Play::new() else { return };
    let model = play.model("endless", &endless());
    let mut terminal = play.agent(&["-m", &model]).terminal(24, 80);
    terminal.wait_for("›");
    terminal.send("go");
    terminal.send(ENTER);
    terminal.wait_for("tick tick tick");
    let server = play.server_process();
    terminal.send(CTRL_C);
    terminal.wait_for("stopped");
    terminal.send("and now?");
    terminal.send(ENTER);
    terminal.wait_for("I go on.");
    assert_eq!(servers(&play.home), [server]);
    terminal.wait_until("the next prompt", |screen| screen.trim_end().ends_with('›'));
    terminal.send(CTRL_D);
    assert_eq!(terminal.finish().0, Some(0));
    let entries = entries(&play.home);
    assert!(entries.iter().any(|it| it["end"] == "cancelled" && it["text"] != ""), "{entries:?}");
    check_nothing_left(&play.home);
}

/// S02: `server_fails.rs` has what comes of a single death.
#[test]
fn a_server_that_is_killed_twice_is_reported_and_the_session_goes_on() {
    let Some(play) = Play::new() else { return };
    let model = play.model("endless", &endless());
    let running = play.agent(&["-m", &model, "go"]).start();
    running.wait_for_stdout("tick tick tick");
    let first = play.server_process();
    kill(first);
    running.wait_for_stderr("started again");
    until("another server", || servers(&play.home).iter().any(|it| *it != first));
    let before = running.stdout().len();
    until("more words", || before + 100 < running.stdout().len());
    kill(play.server_process());
    let finished = running.finish();
    finished.assert_code(1);
    expect![[r#"
        the model server has ended and is started again: it was ended by signal 9; its log is `[HOME]/.local/state/agent/logs/llama-server-[PID].log`; what it said is void; asking again in [TIME]
        the model is being loaded
        error: the model server has ended: it was ended by signal 9; its log is `[HOME]/.local/state/agent/logs/llama-server-[PID]-2.log`
        hint: the system does this when memory runs out; set a smaller `context`
    "#]].assert_eq(&without_ids(&finished.stderr));
    assert_eq!(listed(&play.home, "home/.local/state/agent/logs").len(), 2, "the logs are there");

    let model = play.model("short", &json!([{"content": "I go on."}]));
    let finished = play.agent(&["-m", &model, "-c", "again"]).run();
    finished.assert_code(0);
    expect!["I go on.\n"].assert_eq(&finished.stdout);
    let kinds = entries(&play.home);
    let kinds: Vec<_> = kinds.iter().filter_map(|it| it["kind"].as_str()).collect();
    assert_eq!(kinds, ["header", "opened", "prompt", "reply", "prompt", "reply"]);
}

/// S14.
#[test]
fn a_server_dies_with_the_agent_in_mid_answer() {
    let Some(play) = Play::new() else { return };
    let model = play.model("endless", &endless());
    let running = play.agent(&["-m", &model, "go"]).start();
    running.wait_for_stdout("tick tick tick");
    check_death(&play, running);
}

/// S14.
#[test]
fn a_server_dies_with_the_agent_while_it_loads_and_hears_nothing() {
    let Some(play) = Play::new() else { return };
    let model = play.model("endless", &endless());
    // The model is a pipe that nobody writes to: to open it lasts for ever. And standard input is one
    // that never ends.
    let fifos = "mkfifo \"$HOME/model\" \"$HOME/input\"";
    play.home.program(Path::new("/bin/sh"), &["-c", fifos]).check();
    let server = play.server.display();
    let script = format!(
        "#!/bin/sh\nshift 2\nexec 3<>\"$HOME/input\"\n\
         exec {server} --model \"$HOME/model\" \"$@\" <&3\n"
    );
    play.home.file("deaf", &script);
    let deaf = play.home.path("deaf");
    std::fs::set_permissions(&deaf, PermissionsExt::from_mode(0o755)).expect("it is ours");
    play.configure(&format!("program = \"{}\"", deaf.display()));
    let running = play.agent(&["-m", &model, "go"]).start();
    let logs = "home/.local/state/agent/logs";
    until("the server to load", || {
        listed(&play.home, logs)
            .iter()
            .any(|it| play.home.read(&format!("{logs}/{it}")).contains("loading model"))
    });
    check_death(&play, running);
}

/// Kills the agent; the kernel must end the rest.
#[track_caller]
fn check_death(play: &Play, running: Running) {
    assert_eq!(servers(&play.home).len(), 1);
    kill(Pid::from_raw(running.id().cast_signed()).expect("it has an id"));
    until("the server to be gone", || processes(&play.home).is_empty());
    assert_eq!(running.finish().signal, Some(9));
    // What it could not clear away, the next one does.
    assert_eq!(listed(&play.home, "run/agent").len(), 1);
    play.configure("");
    let model = play.model("short", &json!([{"content": "Here."}]));
    play.agent(&["-m", &model, "again"]).run().assert_code(0);
    check_nothing_left(&play.home);
}

/// S15: each has one that nobody else can use, so no load is an accident.
#[test]
fn two_agents_have_a_server_each() {
    let Some(play) = Play::new() else { return };
    let wait = json!({"name": "run_command", "arguments": {"command": "until [ -e go ]; do sleep 0.02; done"}});
    let model = play.model("wait", &json!([{"tool_calls": [wait]}, {"content": "Both."}]));
    let both = [0, 1].map(|_| play.agent(&["-m", &model, "go"]).start());
    until("two servers", || servers(&play.home).len() == 2);
    play.home.file("project/go", "");
    for running in both {
        let finished = running.finish();
        finished.assert_code(0);
        assert_eq!(finished.stdout, "Both.\n");
    }
    check_nothing_left(&play.home);
}

// Starts that fail.

#[track_caller]
fn check_failure(play: &Play, model: &str, expected: Expect) {
    let finished = play.agent(&["-m", model, "go"]).run();
    finished.assert_code(1);
    assert_eq!(finished.stdout, "");
    expected.assert_eq(&without_ids(&finished.stderr));
    if let Some((_, rest)) = finished.stderr.split_once("its log is `[HOME]/") {
        let log = rest.split('`').next().unwrap_or_default();
        assert!(play.home.has(&format!("home/{log}")), "the log is where it is said to be");
    }
    check_nothing_left(&play.home);
}

/// S01.
#[test]
fn a_model_that_cannot_be_loaded_is_told_by_its_fault() {
    let Some(play) = Play::new() else { return };
    let model = play.model("good", &endless());
    check_failure(
        &play,
        "../none.gguf",
        expect![[r#"
        error: `[PROJECT]/../none.gguf` does not exist
    "#]],
    );
    check_failure(
        &play,
        ".",
        expect![[r#"
        error: `[PROJECT]/.` is a directory without a model
        hint: models end in `.gguf`
    "#]],
    );
    play.home.file("bad.gguf", "hello");
    check_failure(
        &play,
        "../bad.gguf",
        expect![[r#"
        error: `[PROJECT]/../bad.gguf` is not a GGUF file
        hint: models are files whose name ends in `.gguf`
    "#]],
    );
    let whole = std::fs::read(model).expect("it was written");
    let cut = |length: usize| {
        std::fs::write(play.home.path("cut.gguf"), &whole[..length]).expect("the home is ours");
    };
    cut(5000);
    check_failure(
        &play,
        "../cut.gguf",
        expect![[r#"
            error: `[PROJECT]/../cut.gguf` is damaged: `tokenizer.chat_template` is said to have 3065 bytes, more than follow (at byte 4892)
            hint: download the model again
        "#]],
    );
    cut(whole.len() / 2);
    check_failure(
        &play,
        "../cut.gguf",
        expect![[r#"
            error: `[PROJECT]/../cut.gguf` is damaged: the tensor `blk.0.attn_output.weight` ends past the end of the file (at byte 8245)
            hint: download the model again
        "#]],
    );
}

/// S13.
#[test]
fn a_port_that_is_taken_is_told() {
    let Some(play) = Play::new() else { return };
    let model = play.model("good", &endless());
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port can be had");
    let port = listener.local_addr().expect("it listens").port();
    play.configure(&format!("port = {port}"));
    let finished = play.agent(&["-m", &model, "go"]).run();
    finished.assert_code(1);
    expect![[r#"
        error: cannot start the model server: port [PORT] is taken by another program
        hint: choose another `port`, or none, for a private socket
    "#]]
    .assert_eq(&finished.stderr.replace(&port.to_string(), "[PORT]"));
}

#[test]
fn a_flag_that_the_server_does_not_know_is_told() {
    let Some(play) = Play::new() else { return };
    let model = play.model("good", &endless());
    play.configure("args = [\"--no-such-flag\"]");
    check_failure(
        &play,
        &model,
        expect![[r#"
        error: cannot start the model server: it does not understand `--no-such-flag`; its log is `[HOME]/.local/state/agent/logs/llama-server-[PID].log`
        hint: look at `args`, or update llama-server
    "#]],
    );
}

/// S01.
#[test]
fn a_program_that_is_no_server_is_told() {
    let Some(play) = Play::new() else { return };
    let model = play.model("good", &endless());
    play.configure("program = \"/bin/true\"");
    check_failure(
        &play,
        &model,
        expect![[r#"
        error: cannot start the model server: it ended with exit status: 0 and said nothing; its log is `[HOME]/.local/state/agent/logs/llama-server-[PID].log`
        hint: is it a llama-server?
    "#]],
    );
}

#[track_caller]
fn check_nothing_left(home: &Home) {
    until("the last process to end", || processes(home).is_empty());
    assert_eq!(listed(home, "run/agent"), [""; 0]);
}

/// The names in a folder; none where there is no folder.
fn listed(home: &Home, folder: &str) -> Vec<String> {
    let files = std::fs::read_dir(home.path(folder)).into_iter().flatten().flatten();
    files.map(|it| it.file_name().to_string_lossy().into_owned()).collect()
}

/// The number of a process is in the name of its log.
fn without_ids(text: &str) -> String {
    let id = Regex::new(r"llama-server-\d+").expect("the pattern is a constant");
    id.replace_all(text, "llama-server-[PID]").into_owned()
}
