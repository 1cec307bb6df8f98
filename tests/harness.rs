//! The harness tested by itself: what other suites build on.

mod support;

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::path::Path;
use std::time::Duration;

use expect_test::{Expect, expect};
use serde_json::{Value, json};

use crate::support::fault_server::FaultServer;
use crate::support::home::{Home, Run};
use crate::support::request::Request;
use crate::support::response::{Gate, Response, call, say};
use crate::support::rewrite::rewritten;
use crate::support::terminal::{CTRL_C, CTRL_D, ENTER};
use crate::support::watched::PATIENCE;
use crate::support::wire::Usage;

// The home.

#[test]
fn a_program_sees_only_the_home() {
    let home = Home::new();
    let names = "env | sed 's/=.*//' | grep -vx -e _ -e PWD -e OLDPWD -e SHLVL -e __CF.* | sort";
    shell(&home, names)
        .expect_stdout(expect![[r#"
            GIT_CEILING_DIRECTORIES
            GIT_CONFIG_GLOBAL
            GIT_CONFIG_SYSTEM
            HOME
            LANG
            PATH
            XDG_CACHE_HOME
            XDG_CONFIG_HOME
            XDG_DATA_HOME
            XDG_RUNTIME_DIR
            XDG_STATE_HOME
        "#]])
        .check();
}

#[test]
fn what_differs_from_run_to_run_is_rewritten() {
    let home = Home::new();
    shell(
        &home,
        "echo \"$PWD $HOME/x $XDG_RUNTIME_DIR took 0.8 s or 12 ms\"; printf oops >&2; exit 3",
    )
    .expect_code(3)
    .expect_stdout(expect![[r#"
            [PROJECT] [HOME]/x [TEMP]/run took [TIME] or [TIME]
        "#]])
    .expect_stderr(expect!["oops"])
    .check();
}

#[test]
fn ids_of_sessions_are_rewritten_and_other_numbers_are_not() {
    let text = "20260102-030405-k3x9 3 files, 12 msgs, 1f0c2b1e-5a77-4c1b-9d3e-0123456789ab, 5 s";
    expect!["[ID] 3 files, 12 msgs, [ID], [TIME]"].assert_eq(&rewritten(text, Path::new("/none")));
}

#[test]
fn what_is_not_expected_prints_nothing() {
    let complaint = complaint(|| {
        shell(&Home::new(), "echo something").check();
    });
    assert!(complaint.contains("stdout should be silent"), "{complaint}");
}

#[test]
fn a_program_reads_what_it_is_given_and_then_the_end() {
    let home = Home::new();
    let large = vec![b'x'; 1 << 20];
    shell(&home, "wc -c | tr -d ' '").stdin(&large).expect_stdout(expect!["1048576\n"]).check();
    shell(&home, "wc -c | tr -d ' '").expect_stdout(expect!["0\n"]).check();
}

#[test]
fn files_are_written_and_read_beneath_the_home() {
    let home = Home::new();
    home.file("project/src/a.txt", "one\n");
    shell(&home, "cat a.txt > b.txt").in_dir("project/src").check();
    assert_eq!(home.read("project/src/b.txt"), "one\n");
    assert!(!home.has("project/b.txt"));
}

#[test]
fn git_knows_nothing_of_this_machine() {
    let home = Home::new();
    home.git(&["init", "--quiet", "--initial-branch=main"]);
    home.file("project/a.txt", "one\n").git(&["add", "."]);
    home.git(&["commit", "--quiet", "--message=first"]);
    let log = home.git(&["log", "--format=%an %at %s"]);
    expect!["A Tester 1767323045 first\n"].assert_eq(&log);
}

#[test]
fn a_live_process_is_heard_and_talked_to() {
    let home = Home::new();
    let script = "echo ready; while read -r line; do echo \"got $line\"; done; echo bye >&2";
    let mut running = shell(&home, script).open_stdin().start();
    running.wait_for_stdout("ready");
    running.write("one\n");
    running.wait_for_stdout("got one");
    running.close_stdin();
    running.wait_for_stderr("bye");
    let finished = running.finish();
    finished.assert_code(0);
    expect!["ready\ngot one\n"].assert_eq(&finished.stdout);
}

#[test]
fn an_interrupt_reaches_the_process() {
    let home = Home::new();
    let script = "trap 'echo stopped; exit 130' INT; echo ready; while :; do sleep 0.05; done";
    let running = shell(&home, script).start();
    running.wait_for_stdout("ready");
    running.interrupt();
    let finished = running.finish();
    finished.assert_code(130);
    expect!["ready\nstopped\n"].assert_eq(&finished.stdout);
}

#[test]
fn a_killed_process_says_by_which_signal() {
    let running = shell(&Home::new(), "echo ready; exec sleep 60").start();
    running.wait_for_stdout("ready");
    running.kill();
    let finished = running.finish();
    assert_eq!((finished.code, finished.signal), (None, Some(9)));
}

#[test]
fn a_process_that_does_not_end_fails_the_test() {
    let complaint = complaint(|| {
        shell(&Home::new(), "exec sleep 60")
            .within(Duration::from_millis(100))
            .run()
            .assert_code(0);
    });
    assert!(complaint.contains("waited in vain for the process to end"), "{complaint}");
}

#[test]
fn a_child_left_behind_fails_the_test() {
    let complaint = complaint(|| {
        shell(&Home::new(), "sleep 60 & exit 0")
            .within(Duration::from_secs(1))
            .run()
            .assert_code(0);
    });
    assert!(complaint.contains("a child left behind holds it open"), "{complaint}");
}

#[test]
fn dropping_a_process_ends_all_of_its_group() {
    let home = Home::new();
    let running = shell(&home, "sleep 60 & echo child $!; wait").start();
    running.wait_for_stdout("child");
    let said = running.stdout();
    let child = said.trim().strip_prefix("child ").expect("it said so");
    drop(running);
    // Its new parent may not have reaped it yet, so that it may still be there as a zombie.
    let state = home.program(Path::new("ps"), &["-o", "stat=", "-p", child]).run().stdout;
    assert!(state.is_empty() || state.starts_with('Z'), "{state}");
}

// The terminal.

#[test]
fn a_terminal_shows_what_a_user_would_see() {
    let home = Home::new();
    let mut terminal = shell(&home, "printf 'name? '; read -r name; printf '\\033[31mhi %s' $name")
        .terminal(5, 40);
    terminal.wait_for("name?");
    terminal.send("wörld");
    terminal.send(ENTER);
    let (code, screen) = terminal.finish();
    assert_eq!(code, Some(0));
    expect![[r#"
        name? wörld
        hi wörld"#]]
    .assert_eq(&screen);
}

#[test]
fn a_terminal_has_a_size_that_may_change() {
    let home = Home::new();
    let mut terminal =
        shell(&home, "stty size; read -r go; stty size; printf 'a long line'").terminal(5, 40);
    terminal.wait_for("5 40");
    terminal.resize(9, 6);
    terminal.send(ENTER);
    let (_, screen) = terminal.finish();
    expect![[r#"
        5 40

        9 6
        a long
         line"#]]
    .assert_eq(&screen);
}

#[test]
fn a_control_key_of_a_terminal_is_a_signal() {
    let home = Home::new();
    let mut terminal = shell(
        &home,
        "trap 'echo caught; cat; exit 7' INT; echo ready; while :; do sleep 0.05; done",
    )
    .terminal(5, 40);
    terminal.wait_for("ready");
    terminal.send(CTRL_C);
    terminal.wait_for("caught");
    terminal.send(CTRL_D);
    assert_eq!(terminal.finish().0, Some(7));
}

#[test]
fn a_terminal_answers_where_its_cursor_is() {
    let home = Home::new();
    let script =
        "stty raw -echo; printf 'ab\\033[6n'; dd bs=1 count=6 2>/dev/null | tr '\\033' '^'";
    let (_, screen) = shell(&home, script).terminal(5, 40).finish();
    expect!["ab^[1;3R"].assert_eq(&screen);
}

// The fault server.

#[test]
fn a_scripted_reply_looks_like_that_of_llama_server() {
    let server = FaultServer::script(vec![say("hello there")]);
    let body = json!({"stream": true, "stream_options": {"include_usage": true}});
    check_events(
        &ask(&server, &body),
        expect![[r#"
            {"role":"assistant","content":null}
            {"content":"hello "}
            {"content":"there"}
            {} finish "stop"
            usage 110 timings 100
            [DONE]
        "#]],
    );
}

#[test]
fn figures_stand_beside_the_reason_where_nobody_asked_for_usage() {
    let usage = Usage { cached: 5, prompt: 7, predicted: 3 };
    let server = FaultServer::script(vec![Response::stream().finish_with("length", usage)]);
    check_events(
        &ask(&server, &json!({})),
        expect![[r#"
            {"role":"assistant","content":null}
            {} finish "length" timings 7
            [DONE]
        "#]],
    );
}

#[test]
fn the_arguments_of_a_call_come_in_pieces() {
    let server = FaultServer::script(vec![call("read_file", json!({"path": "a.txt"}))]);
    check_events(
        &ask(&server, &json!({})),
        expect![[r#"
            {"role":"assistant","content":null}
            {"tool_calls":[{"index":0,"id":"call00000000000000x0000000000000","type":"function","function":{"name":"read_file","arguments":"{"}}]}
            {"tool_calls":[{"index":0,"function":{"arguments":"\"path\":"}}]}
            {"tool_calls":[{"index":0,"function":{"arguments":"\"a.txt\""}}]}
            {"tool_calls":[{"index":0,"function":{"arguments":"}"}}]}
            {} finish "tool_calls" timings 100
            [DONE]
        "#]],
    );
}

#[test]
fn responses_come_in_order_and_the_last_repeats() {
    let server = FaultServer::script(vec![Response::loading(), say("one"), say("two")]);
    let answers: Vec<_> = (0..4).map(|_| ask(&server, &json!({}))).collect();
    assert!(answers[0].starts_with("HTTP/1.1 503 Service Unavailable\r\n"), "{}", answers[0]);
    assert!(answers[0].ends_with(
        r#"{"error":{"message":"Loading model","type":"unavailable_error","code":503}}"#
    ));
    assert!(answers[1].contains("one"));
    assert!(answers[2].contains("two"));
    assert_eq!(answers[2].contains("two"), answers[3].contains("two"));
}

#[test]
fn a_closure_answers_without_end() {
    let server = FaultServer::answering(|n, request| {
        say(&format!("{n}:{}", request.last_message().unwrap_or_default()))
    });
    for n in 0..3 {
        let answer = ask(&server, &json!({"messages": [{"role": "user", "content": "hi"}]}));
        assert!(answer.contains(&format!("{n}:hi")), "{answer}");
    }
}

#[test]
fn requests_are_kept_to_the_byte() {
    let server = FaultServer::script(vec![say("x")]);
    let body = "{ \"messages\": [ {\"role\":\"user\", \"content\":\"é\"} ] }";
    send(
        &server,
        &format!(
            "POST /v1/chat/completions HTTP/1.1\r\nX-Key: a b\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        ),
    );
    let chat = server.chat(0);
    assert_eq!(chat.raw, body.as_bytes());
    assert_eq!(chat.header("x-key"), Some("a b"));
    assert_eq!(chat.last_message(), Some("é"));
}

#[test]
fn a_request_may_come_in_chunks() {
    let server = FaultServer::script(vec![say("x")]);
    send(
        &server,
        "POST /v1/chat/completions HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n{\"a\r\n5\r\n\": 1}\r\n0\r\n\r\n",
    );
    assert_eq!(server.chat(0).body, json!({"a": 1}));
}

#[test]
fn a_stall_lasts_until_the_client_goes_away() {
    let server = FaultServer::script(vec![Response::stream().text("one ").stall()]);
    let mut client = post(&server, "{}");
    read_until(&mut client, "one ");
    drop(client);
    assert!(server.departure(0) > server.chat(0).arrived);
}

#[test]
fn the_first_byte_waits_for_the_test() {
    let gate = Gate::closed();
    let server = FaultServer::script(vec![say("late").held_until(&gate)]);
    let mut client = post(&server, "{}");
    server.chat(0);
    client.set_nonblocking(true).expect("a socket may be asked");
    let early = client.read(&mut [0]).expect_err("nothing is here yet");
    assert_eq!(early.kind(), std::io::ErrorKind::WouldBlock);
    client.set_nonblocking(false).expect("a socket may be asked");
    gate.open();
    read_until(&mut client, "late");
}

#[test]
fn a_cut_leaves_the_stream_without_its_last_chunk() {
    let server = FaultServer::script(vec![Response::stream().text("one").cut()]);
    let answer = ask(&server, &json!({}));
    assert!(answer.contains("one") && !answer.ends_with("0\r\n\r\n"), "{answer}");
}

#[test]
fn half_a_character_is_the_last_that_comes() {
    let server = FaultServer::script(vec![Response::stream().half_a_character()]);
    let mut bytes = Vec::new();
    post(&server, "{}").read_to_end(&mut bytes).expect("it closes");
    // Behind it stands only the end of the HTTP chunk.
    assert!(bytes.ends_with(b"\xc3\r\n"), "{}", String::from_utf8_lossy(&bytes));
}

#[test]
fn a_body_may_be_split_anywhere() {
    let whole = say("é");
    let server = FaultServer::script(vec![whole.clone()]);
    let expected = unchunked(&ask(&server, &json!({})));
    let split: Vec<_> = (0..=expected.len()).map(|at| whole.clone().split_at(at)).collect();
    let server = FaultServer::script([split, vec![whole.in_single_bytes()]].concat());
    for at in 0..=expected.len() + 1 {
        let mut bytes = Vec::new();
        post(&server, "{}").read_to_end(&mut bytes).expect("it closes");
        assert_eq!(unchunked_bytes(&bytes), expected.as_bytes(), "split at byte {at}");
    }
}

#[test]
fn everything_a_server_may_say_instead() {
    let said = [
        Response::overflow(15018, 4096),
        Response::server_error("boom"),
        Response::bad_request("Invalid tool_choice: junk"),
        Response::unauthorized(),
        Response::bad_gateway(),
        Response::hang_up(),
        Response::garbage(),
        Response::stream().progress(10, 0, 4).ping().error_event("no").content_type("text/plain"),
        Response::stream().text("x").finish_without_figures("stop").until_close(),
    ];
    let server = FaultServer::script(said.to_vec());
    let first_and_last = said.iter().map(|_| {
        let answer = ask(&server, &json!({}));
        let mut lines = answer.lines().filter(|it| !it.is_empty());
        let first = lines.next().unwrap_or_default().to_owned();
        format!("{first} … {}\n", lines.next_back().unwrap_or_default())
    });
    expect![[r#"
        HTTP/1.1 400 Bad Request … {"error":{"code":400,"message":"request (15018 tokens) exceeds the available context size (4096 tokens), try increasing it","type":"exceed_context_size_error","n_prompt_tokens":15018,"n_ctx":4096}}
        HTTP/1.1 500 Internal Server Error … {"error":{"code":500,"message":"boom","type":"server_error"}}
        HTTP/1.1 400 Bad Request … {"error":{"code":400,"message":"Invalid tool_choice: junk","type":"invalid_request_error"}}
        HTTP/1.1 401 Unauthorized … {"error":{"message":"Invalid API Key","type":"authentication_error","code":401}}
        HTTP/1.1 502 Bad Gateway … </html>
         … 
        ... this is not the server you are looking for … 
        HTTP/1.1 200 OK … 0
        HTTP/1.1 200 OK … data: [DONE]
    "#]]
    .assert_eq(&first_and_last.collect::<String>().replace(['\u{16}', '\u{3}', '\u{1}'], "."));
}

#[test]
fn the_server_introduces_itself_like_llama_server() {
    let server = FaultServer::script(vec![say("x")]);
    let props = get(&server, "/props");
    assert_eq!(props["default_generation_settings"]["n_ctx"], 32_768);
    assert_eq!(get(&server, "/health"), json!({"status": "ok"}));
    assert_eq!(get(&server, "/v1/models")["data"][0]["id"], "fault");
    assert!(server.chats().is_empty());
    assert_eq!(server.requests().len(), 3);
}

#[test]
fn a_foreign_server_has_models_and_nothing_else() {
    let server = FaultServer::foreign(vec![say("x")]);
    assert_eq!(get(&server, "/props")["error"]["code"], 404);
    assert_eq!(get(&server, "/v1/models")["data"][0].get("meta"), None);
    server.on("GET", "/health", Response::loading());
    assert_eq!(get(&server, "/health")["error"]["code"], 503);
}

#[test]
fn a_dropped_server_is_gone_even_for_those_who_wait() {
    let server = FaultServer::script(vec![Response::silence()]);
    let mut client = post(&server, "{}");
    server.chat(0);
    drop(server);
    let end = client.read(&mut [0]);
    assert!(matches!(&end, Ok(0)) || end.is_err_and(|it| it.kind() == ErrorKind::ConnectionReset));
}

/// With what words `act`, which must fail, fails a test.
#[track_caller]
fn complaint(act: impl FnOnce() + std::panic::UnwindSafe) -> String {
    let panic = std::panic::catch_unwind(act).expect_err("it should fail");
    panic.downcast_ref::<String>().expect("a panic has words").clone()
}

fn shell(home: &Home, script: &str) -> Run {
    home.program(Path::new("/bin/sh"), &["-c", script])
}

/// One delta a line, with what else its chunk holds.
#[track_caller]
fn check_events(answer: &str, expected: Expect) {
    let body = unchunked(answer);
    let events = body.split("\n\n").filter_map(|it| it.strip_prefix("data: "));
    let lines = events.map(|it| match serde_json::from_str::<Value>(it) {
        Err(_) => format!("{it}\n"),
        Ok(chunk) => {
            let choice = &chunk["choices"][0];
            let parts = [
                choice.get("delta").map(Value::to_string),
                choice["finish_reason"].as_str().map(|it| format!("finish {it:?}")),
                chunk["usage"].get("total_tokens").map(|it| format!("usage {it}")),
                chunk["timings"].get("prompt_n").map(|it| format!("timings {it}")),
            ];
            parts.into_iter().flatten().collect::<Vec<_>>().join(" ") + "\n"
        }
    });
    expected.assert_eq(&lines.collect::<String>());
}

/// Everything the server says to a chat, until it closes.
fn ask(server: &FaultServer, body: &Value) -> String {
    let mut bytes = Vec::new();
    post(server, &body.to_string()).read_to_end(&mut bytes).expect("the server closes");
    String::from_utf8_lossy(&bytes).into_owned()
}

fn get(server: &FaultServer, path: &str) -> Value {
    let answer = send(server, &format!("GET {path} HTTP/1.1\r\n\r\n"));
    let (_, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    serde_json::from_str(body).expect("a body of JSON")
}

fn post(server: &FaultServer, body: &str) -> TcpStream {
    let length = body.len();
    let head = format!("POST /v1/chat/completions HTTP/1.1\r\nContent-Length: {length}\r\n\r\n");
    open(server, &(head + body))
}

fn send(server: &FaultServer, request: &str) -> String {
    let mut answer = String::new();
    let mut stream = open(server, request);
    stream.shutdown(Shutdown::Write).expect("the stream is open");
    stream.read_to_string(&mut answer).expect("the server closes");
    answer
}

fn open(server: &FaultServer, request: &str) -> TcpStream {
    let address = server.url();
    let mut stream = TcpStream::connect(address.trim_start_matches("http://")).expect("it serves");
    stream.set_read_timeout(Some(PATIENCE)).expect("time is not nothing");
    stream.write_all(request.as_bytes()).expect("it reads");
    stream
}

fn read_until(stream: &mut TcpStream, text: &str) {
    let mut seen = Vec::new();
    let mut bytes = [0; 1024];
    while !String::from_utf8_lossy(&seen).contains(text) {
        let n = stream.read(&mut bytes).expect("the stream is open");
        assert_ne!(n, 0, "the stream ended without `{text}`");
        seen.extend_from_slice(&bytes[..n]);
    }
}

fn unchunked(answer: &str) -> String {
    String::from_utf8_lossy(&unchunked_bytes(answer.as_bytes())).into_owned()
}

/// The body of a chunked answer: a request in chunks is read in the same way.
fn unchunked_bytes(mut answer: &[u8]) -> Vec<u8> {
    Request::read(&mut answer).expect("HTTP").expect("an answer").raw
}
