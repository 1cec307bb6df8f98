//! The server in the background, on a real llama-server: what it serves, whom it lets in, and that
//! nothing is left of it.

#![cfg(target_os = "linux")]

mod support;

use std::io::{Read, Write};
use std::net::TcpStream;

use expect_test::{Expect, expect};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::support::child::Finished;
use crate::support::home::Run;
use crate::support::play::{Play, kill, processes, servers, until, until_at_once};

/// A home with two models, and a server for them that is ended with this.
struct Served {
    play: Play,
    address: String,
    key: String,
}

/// What both models say, one answer after the other.
fn script() -> Value {
    json!([{"content": "One."}, {"content": "Two."}])
}

/// An answer that takes seconds, and more than lies between two ends of a connection.
fn long_script() -> Value {
    json!([{"content": "It goes on and on. ".repeat(18_000)}])
}

impl Served {
    fn new(server: &str) -> Option<Self> {
        Self::playing(&script(), server)
    }

    /// Both models are there, and a server that was started; `server` are settings of its.
    fn playing(script: &Value, server: &str) -> Option<Self> {
        let mut served = Self::stopped(script, server)?;
        served.start();
        Some(served)
    }

    fn stopped(script: &Value, server: &str) -> Option<Self> {
        let play = Play::new()?;
        for name in ["alpha-1B-Q4_K_M", "beta-1B-Q8_0"] {
            play.home.file(&format!("models/{name}.txt"), "");
            play.model(&format!("models/{name}"), script);
        }
        let models = play.home.path("models");
        play.configure(&format!(
            "[models]\nfolders = ['{}']\n[server]\naddress = '127.0.0.1:0'\n{server}",
            models.display()
        ));
        Some(Self { play, address: String::new(), key: String::new() })
    }

    #[track_caller]
    fn start(&mut self) {
        let started = self.agent(&["server", "start", "--json"]);
        started.assert_code(0);
        let told: Value = serde_json::from_str(&started.stdout).expect("it is JSON");
        let url = told["url"].as_str().expect("it has an address");
        self.address = url.trim_start_matches("http://").trim_end_matches("/v1").to_owned();
        self.key = self.agent(&["server", "status", "--key"]).stdout.trim().to_owned();
    }

    /// A setting of all llama-servers that are started from now on.
    fn set(&self, setting: &str) {
        let config = self.play.home.read("home/.config/agent/config.toml");
        let config = config.replacen("[llama]", &format!("[llama]\n{setting}"), 1);
        self.play.home.file("home/.config/agent/config.toml", &config);
    }

    /// In place of llama-server a script is run.
    fn program(&self, script: &str) {
        self.play.home.file("program", &format!("#!/bin/sh\n{script}\n"));
        let program = self.play.home.path("program");
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(&program, mode).expect("it is ours");
        self.set(&format!("program = '{}'", program.display()));
    }

    fn run(&self, args: &[&str]) -> Run {
        self.play.agent(args)
    }

    #[track_caller]
    fn agent(&self, args: &[&str]) -> Finished {
        self.run(args).run()
    }

    /// Runs it, and what it printed: that of standard error behind that of standard output.
    #[track_caller]
    fn check(&self, args: &[&str], code: i32, expected: Expect) {
        let finished = self.agent(args);
        finished.assert_code(code);
        expected.assert_eq(&(finished.stdout + &finished.stderr));
    }

    /// Sends a request with the key, unless `headers` have another.
    #[track_caller]
    fn send(&self, line: &str, headers: &[(&str, &str)], body: &str) -> TcpStream {
        let mut stream = TcpStream::connect(&self.address).expect("it listens");
        let mut request = format!("{line} HTTP/1.1\r\nContent-Length: {}\r\n", body.len());
        let has = |name: &str| headers.iter().any(|it| it.0 == name);
        if !has("Host") {
            request += &format!("Host: {}\r\n", self.address);
        }
        if !has("Authorization") {
            request += &format!("Authorization: Bearer {}\r\n", self.key);
        }
        for (name, value) in headers {
            request += &format!("{name}: {value}\r\n");
        }
        request += &format!("Connection: close\r\n\r\n{body}");
        stream.write_all(request.as_bytes()).expect("it hears");
        stream
    }

    #[track_caller]
    fn ask(&self, line: &str, headers: &[(&str, &str)], body: &str) -> (u16, String) {
        answer(self.send(line, headers, body))
    }

    /// What a model says.
    #[track_caller]
    fn chat(&self, model: &str) -> String {
        let (status, body) = self.ask(CHAT, &[], &chat(model, false));
        assert_eq!(status, 200, "{body}");
        let told: Value = serde_json::from_str(&body).expect("it is JSON");
        told["choices"][0]["message"]["content"].as_str().expect("it speaks").to_owned()
    }

    /// The models that are loaded, and how each is.
    #[track_caller]
    fn loaded(&self) -> Vec<String> {
        let told = self.agent(&["server", "ps", "--json"]);
        told.assert_code(0);
        let models: Vec<Value> = serde_json::from_str(&told.stdout).expect("it is JSON");
        let line = |it: &Value| format!("{} {}", text(&it["name"]), text(&it["state"]));
        models.iter().map(line).collect()
    }

    #[track_caller]
    fn daemon(&self) -> Pid {
        let daemons = daemons(&self.play);
        assert_eq!(daemons.len(), 1, "{daemons:?}");
        daemons[0]
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // It lives in a session of its own, and would outlive us.
        processes(&self.play.home).into_iter().for_each(|it| kill(it.0));
    }
}

/// Is there, and when it is asked what it is, it dies the first time, and says nothing the second.
const MUTE: &str = r#"
import os, signal, socket, sys, time
real, marks, args = sys.argv[1], [sys.argv[2] + it for it in (".1", ".2")], sys.argv[3:]
left = [it for it in marks if not os.path.exists(it)]
if "--host" not in args or not left:
    os.execv(real, [real] + args)
open(left[0], "w").close()
door = socket.socket(socket.AF_UNIX)
door.bind(args[args.index("--host") + 1])
door.listen()
while True:
    caller = door.accept()[0]
    while b"/health" not in caller.recv(4096):
        if len(left) == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(60)
    caller.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
    caller.close()
"#;

const CHAT: &str = "POST /v1/chat/completions";

fn chat(model: &str, stream: bool) -> String {
    let said = json!([{"role": "user", "content": "hello"}]);
    json!({"model": model, "messages": said, "stream": stream}).to_string()
}

fn text(it: &Value) -> &str {
    it.as_str().expect("it is text")
}

fn daemons(play: &Play) -> Vec<Pid> {
    let all = processes(&play.home).into_iter();
    all.filter(|(_, command)| command.contains("server run")).map(|it| it.0).collect()
}

/// Status and body, without the lengths of its pieces.
#[track_caller]
fn answer(mut stream: TcpStream) -> (u16, String) {
    let mut whole = Vec::new();
    // One that is cut off ends with an error.
    let _ = stream.read_to_end(&mut whole);
    let whole = String::from_utf8_lossy(&whole).into_owned();
    let (head, body) = whole.split_once("\r\n\r\n").unwrap_or((&whole, ""));
    let status = head.split(' ').nth(1).and_then(|it| it.parse().ok()).unwrap_or(0);
    let body = match head.to_lowercase().contains("transfer-encoding: chunked") {
        true => body.split("\r\n").skip(1).step_by(2).collect(),
        false => body.to_owned(),
    };
    (status, body)
}

/// Waits for the first words of a stream.
#[track_caller]
fn begun(mut stream: &TcpStream) {
    let (mut seen, mut bytes) = (Vec::new(), [0; 1024]);
    while !String::from_utf8_lossy(&seen).contains("It goes") {
        let n = stream.read(&mut bytes).expect("it answers");
        assert_ne!(n, 0, "{}", String::from_utf8_lossy(&seen));
        seen.extend_from_slice(&bytes[..n]);
    }
}

#[test]
fn models_are_loaded_by_the_name_in_the_request() {
    let Some(served) = Served::new("") else { return };
    assert_eq!(servers(&served.play.home), []);
    assert_eq!(served.chat("alpha"), "One.");
    assert_eq!(served.chat("beta-1B:Q8_0"), "One.");
    assert_eq!(served.chat("alpha-1b"), "One.");
    assert_eq!(served.loaded(), ["alpha-1B:Q4_K_M idle", "beta-1B:Q8_0 idle"]);
    assert_eq!(servers(&served.play.home).len(), 2);
    let (status, body) = served.ask("GET /v1/models", &[], "");
    let told: Value = serde_json::from_str(&body).expect("it is JSON");
    let all = told["data"].as_array().expect("it is a list");
    let names: Vec<_> = all.iter().map(|it| text(&it["id"])).collect();
    assert_eq!((status, names), (200, vec!["alpha-1B:Q4_K_M", "beta-1B:Q8_0"]));
}

#[test]
fn an_answer_passes_through_as_it_comes() {
    let Some(served) = Served::new("") else { return };
    let (status, body) = served.ask(CHAT, &[], &chat("alpha", true));
    assert_eq!(status, 200);
    assert!(body.starts_with("data: ") && body.contains("data: [DONE]"), "{body}");
    assert!(body.contains("\"model\":\"alpha-1B:Q4_K_M\""), "its path is told: {body}");
}

#[test]
fn a_name_that_means_nothing_or_several_is_told_so() {
    let Some(served) = Served::new("") else { return };
    for (name, expected) in [
        (
            "gamma",
            expect![
                "there is no model `gamma` here\nhint: `agent models list` shows what there is"
            ],
        ),
        ("1b", expect!["`1b` can mean several models\nhint: name one: `alpha-1B`, `beta-1B`"]),
    ] {
        let (status, body) = served.ask(CHAT, &[], &chat(name, false));
        let told: Value = serde_json::from_str(&body).expect("it is JSON");
        assert_eq!((status, text(&told["error"]["type"])), (404, "model_not_found"));
        expected.assert_eq(text(&told["error"]["message"]));
    }
}

/// S20: who has no key gets nothing.
#[test]
fn nobody_is_served_without_the_key() {
    let Some(served) = Served::new("") else { return };
    for key in ["", "Bearer wrong", "Bearer "] {
        for line in [CHAT, "GET /v1/models", "GET /agent/status", "POST /agent/stop", "GET /x"] {
            let (status, body) = served.ask(line, &[("Authorization", key)], "{}");
            assert_eq!(status, 401, "{line} with `{key}`: {body}");
        }
    }
    assert_eq!(served.ask("GET /health", &[("Authorization", "")], "").0, 200);
    served.daemon();
}

/// S21: a page that a browser shows is kept out, whatever name it has for us.
#[test]
fn pages_of_others_are_not_served_even_with_the_key() {
    let Some(served) = Served::new("") else { return };
    for headers in [
        [("Host", "evil.example"), ("X-A", "")],
        [("Host", "127.0.0.1.evil.example:80"), ("X-A", "")],
        [("Origin", "https://evil.example"), ("X-A", "")],
        [("Origin", "null"), ("X-A", "")],
        [("Sec-Fetch-Site", "cross-site"), ("X-A", "")],
    ] {
        for line in [CHAT, "GET /health", "GET /agent/status"] {
            assert_eq!(served.ask(line, &headers, "{}").0, 403, "{line} {headers:?}");
        }
    }
}

#[test]
fn what_is_too_long_is_refused_before_it_is_read() {
    let Some(served) = Served::new("") else { return };
    let mut stream = TcpStream::connect(&served.address).expect("it listens");
    let head = format!(
        "{CHAT} HTTP/1.1\r\nHost: localhost\r\nX-Api-Key: {}\r\nContent-Length: 999999999\r\n\r\n{{",
        served.key
    );
    stream.write_all(head.as_bytes()).expect("it hears");
    assert_eq!(answer(stream).0, 413);
}

/// Each of these may become 64 MiB long, and together they have all the room there is.
#[test]
fn long_requests_do_not_keep_the_server_from_being_told_to_end() {
    let Some(served) = Served::new("") else { return };
    let head = format!(
        "{CHAT} HTTP/1.1\r\nHost: localhost\r\nX-Api-Key: {}\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{{\r\n",
        served.key
    );
    let begin = |_| {
        let mut stream = TcpStream::connect(&served.address).expect("it listens");
        stream.write_all(head.as_bytes()).expect("it hears");
        stream
    };
    let _long: Vec<_> = (0..5).map(begin).collect();
    served.agent(&["server", "stop"]).assert_code(0);
    until("the end of the server", || processes(&served.play.home).is_empty());
}

#[test]
fn who_asks_while_a_model_is_loaded_waits_for_it() {
    let Some(served) = Served::new("") else { return };
    let all: Vec<_> = (0..8).map(|_| served.send(CHAT, &[], &chat("alpha", false))).collect();
    for stream in all {
        let (status, body) = answer(stream);
        assert_eq!(status, 200, "{body}");
    }
    assert_eq!(servers(&served.play.home).len(), 1);
}

#[test]
fn a_model_goes_when_nobody_asks_it_anything() {
    let Some(served) = Served::new("keep_minutes = 0.001") else { return };
    served.chat("alpha");
    until("the model to go", || servers(&served.play.home).is_empty());
    assert_eq!(served.loaded(), [""; 0]);
    assert_eq!(served.chat("alpha"), "One.", "it comes again");
}

/// Each needs 80 MB, by what its file says.
#[test]
fn the_longest_idle_goes_when_there_is_no_room() {
    let Some(served) = Served::new("gigabytes = 0.12") else { return };
    served.chat("alpha");
    served.chat("beta");
    assert_eq!(served.loaded(), ["beta-1B:Q8_0 idle"]);
    served.chat("alpha");
    assert_eq!(served.loaded(), ["alpha-1B:Q4_K_M idle"]);
    assert_eq!(servers(&served.play.home).len(), 1);
}

#[test]
fn who_needs_the_room_of_a_busy_one_waits() {
    let Some(served) = Served::playing(&long_script(), "gigabytes = 0.12") else { return };
    let busy = served.send(CHAT, &[], &chat("alpha", true));
    begun(&busy);
    let waiting = served.send(CHAT, &[], &chat("beta", true));
    until("somebody to wait", || {
        served.agent(&["server", "status"]).stdout.contains("1 waiting for a model")
    });
    assert_eq!(served.loaded(), ["alpha-1B:Q4_K_M busy"]);
    drop(busy);
    begun(&waiting);
    assert_eq!(served.loaded(), ["beta-1B:Q8_0 busy"]);
}

#[test]
fn who_comes_later_does_not_keep_a_model_that_somebody_waits_to_replace() {
    let Some(served) = Served::playing(&long_script(), "gigabytes = 0.12") else { return };
    let waiting_are = |count: &str| {
        let told = format!("{count} waiting for a model");
        until("somebody to wait", || served.agent(&["server", "status"]).stdout.contains(&told));
    };
    let busy = served.send(CHAT, &[], &chat("alpha", true));
    begun(&busy);
    let first = served.send(CHAT, &[], &chat("beta", true));
    waiting_are("1");
    let second = served.send(CHAT, &[], &chat("alpha", true));
    waiting_are("2");
    drop(busy);
    begun(&first);
    assert_eq!(served.loaded(), ["beta-1B:Q8_0 busy"]);
    // Who leaves the line makes nobody wait.
    let third = served.send(CHAT, &[], &chat("beta", true));
    waiting_are("2");
    drop(second);
    begun(&third);
    drop((first, third));
    assert_eq!(served.chat("alpha").len(), 18_000 * "It goes on and on. ".len());
}

#[test]
fn a_client_that_leaves_ends_its_answer() {
    let Some(served) = Served::playing(&long_script(), "") else { return };
    let stream = served.send(CHAT, &[], &chat("alpha", true));
    begun(&stream);
    assert_eq!(served.loaded(), ["alpha-1B:Q4_K_M busy"]);
    drop(stream);
    until("the model to be idle", || served.loaded() == ["alpha-1B:Q4_K_M idle"]);
    until("its slot to be free", || {
        let (_, body) = served.ask("GET /model/alpha/slots", &[], "");
        body.contains("\"is_processing\":false")
    });
}

#[test]
fn a_busy_model_is_left_alone_unless_it_is_forced() {
    let Some(served) = Served::playing(&long_script(), "") else { return };
    let stream = served.send(CHAT, &[], &chat("alpha", true));
    begun(&stream);
    served.check(
        &["server", "unload", "alpha"],
        1,
        expect![[r#"
            left alone, as it is busy: `alpha-1B:Q4_K_M`
            hint: `--force` ends it all the same
        "#]],
    );
    served.check(
        &["server", "stop"],
        1,
        expect![[r#"
            left alone, as it is busy: `alpha-1B:Q4_K_M`
            hint: `--force` ends it all the same
        "#]],
    );
    served.check(
        &["server", "unload", "alpha", "--force"],
        0,
        expect![[r#"
            unloaded alpha-1B:Q4_K_M
        "#]],
    );
    assert_eq!(servers(&served.play.home), []);
    let (_, rest) = answer(stream);
    assert!(!rest.contains("[DONE]"), "it was cut off");
}

#[test]
fn the_person_is_asked_before_a_busy_model_ends() {
    let Some(served) = Served::playing(&long_script(), "") else { return };
    let stream = served.send(CHAT, &[], &chat("alpha", true));
    begun(&stream);
    for (word, code, left) in [("n", 1, vec!["alpha-1B:Q4_K_M busy"]), ("y", 0, Vec::new())] {
        let mut terminal = served.run(&["server", "unload"]).terminal(24, 80);
        terminal.wait_for("end it? y = yes, n = no:");
        terminal.send(&format!("{word}\r"));
        assert_eq!(terminal.finish().0, Some(code));
        assert_eq!(served.loaded(), left);
    }
}

#[test]
fn a_busy_server_ends_when_it_is_forced_to() {
    let Some(served) = Served::playing(&long_script(), "") else { return };
    let stream = served.send(CHAT, &[], &chat("alpha", true));
    begun(&stream);
    served.check(
        &["server", "stop", "--force"],
        0,
        expect![[r#"
            stopped
        "#]],
    );
    assert_eq!(processes(&served.play.home), []);
}

#[test]
fn a_server_whose_key_was_removed_can_be_ended() {
    let Some(served) = Served::new("") else { return };
    served.chat("alpha");
    let key = "home/.local/state/agent/server/key";
    std::fs::remove_file(served.play.home.path(key)).expect("it is there");
    served.check(
        &["server", "restart"],
        1,
        expect![[r#"
            error: the server does not know the key that is kept now
            hint: `--force` ends its process
        "#]],
    );
    served.check(
        &["server", "stop", "--force"],
        0,
        expect![[r#"
            stopped
            it refuses to end; ending its process
        "#]],
    );
    assert_eq!(processes(&served.play.home), []);
    served.agent(&["server", "start"]).assert_code(0);
}

#[test]
fn a_server_goes_on_where_another_could_not_start() {
    let Some(served) = Served::new("") else { return };
    let daemon = served.daemon();
    let config = served.play.home.read("home/.config/agent/config.toml");
    served.play.home.file("home/.config/agent/config.toml", &config.replace("[server]", "[sever]"));
    served.check(&["server", "restart"], 1, expect![[r#"
        error: the server goes on as it was: another one could not start: cannot understand `~/.config/agent/config.toml`: line 5, column 2: unknown key `sever`; did you mean `server`?
    "#]]);
    served.play.home.file("home/.config/agent/config.toml", &config);
    assert_eq!(served.daemon(), daemon);
    assert_eq!(served.chat("alpha"), "One.");
}

#[test]
fn stop_leaves_nothing() {
    let Some(served) = Served::new("") else { return };
    served.chat("alpha");
    served.check(
        &["server", "stop"],
        0,
        expect![[r#"
            stopped
        "#]],
    );
    assert_eq!(processes(&served.play.home), []);
    served.check(
        &["server", "status"],
        1,
        expect![[r#"
            no server runs
        "#]],
    );
    served.check(
        &["server", "stop"],
        0,
        expect![[r#"
            no server runs
        "#]],
    );
    let runtime = served.play.home.path("home/.local/state/agent/server/run");
    let left = runtime.read_dir().expect("models had sockets there").count();
    assert_eq!(left, 0, "sockets are left in {}", runtime.display());
}

/// S15: two that are started at the same moment are one.
#[test]
fn two_starts_at_once_are_one_server() {
    let Some(served) = Served::stopped(&script(), "") else { return };
    let starts: Vec<_> =
        (0..4).map(|_| served.run(&["server", "start", "--json"]).start()).collect();
    let told: Vec<Value> = starts
        .into_iter()
        .map(|it| {
            let finished = it.finish();
            finished.assert_code(0);
            serde_json::from_str(&finished.stdout).expect("it is JSON")
        })
        .collect();
    assert!(told.iter().all(|it| it["pid"] == told[0]["pid"]), "{told:?}");
    assert_eq!(told.iter().filter(|it| it["started"] == true).count(), 1, "{told:?}");
    until("the others to be gone", || daemons(&served.play).len() == 1);
}

/// S14: no model's server outlives ours, and what ours leaves hinders nobody.
#[test]
fn a_killed_server_leaves_no_process_and_the_next_one_starts() {
    let Some(mut served) = Served::new("") else { return };
    served.chat("alpha");
    served.chat("beta");
    let key = served.key.clone();
    kill(served.daemon());
    until("all to be gone", || processes(&served.play.home).is_empty());
    assert!(served.play.home.has("home/.local/state/agent/server/server.json"), "it could not");
    served.check(
        &["server", "status"],
        1,
        expect![[r#"
            no server runs
        "#]],
    );
    served.start();
    assert_eq!(served.key, key, "programs need not be told another");
    assert_eq!(served.chat("alpha"), "One.");
}

/// Its id may be that of another process by now.
#[test]
fn a_stale_notice_ends_nobody_else() {
    let Some(mut served) = Served::stopped(&script(), "") else { return };
    let us = std::process::id();
    let notice =
        json!({"pid": us, "began": 1, "address": "127.0.0.1:9", "version": "0.1.0"}).to_string();
    served.play.home.file("home/.local/state/agent/server/server.json", &notice);
    served.check(
        &["server", "stop", "--force"],
        0,
        expect![[r#"
            no server runs
        "#]],
    );
    served.start();
    assert_eq!(served.chat("alpha"), "One.");
}

#[test]
fn a_model_whose_server_dies_is_started_again() {
    let Some(served) = Served::new("") else { return };
    served.chat("alpha");
    let first = served.play.server_process();
    kill(first);
    assert_eq!(served.chat("alpha"), "One.");
    assert_ne!(served.play.server_process(), first);
}

/// What is stopped keeps its socket, and whoever connects waits.
#[test]
fn a_model_that_hangs_is_ended_and_started_again() {
    let Some(mut served) = Served::stopped(&script(), "") else { return };
    served.set("silence = 1");
    served.start();
    served.chat("alpha");
    let first = served.play.server_process();
    kill_process(first, Signal::STOP).expect("it is ours");
    assert_eq!(served.chat("alpha"), "One.");
    assert!(!servers(&served.play.home).contains(&first), "what hangs is killed");
    let log = served.agent(&["server", "logs"]).stdout;
    assert!(log.contains("alpha-1B:Q4_K_M: it has answered nothing for"), "{log}");
}

#[test]
fn an_answer_of_a_model_that_hangs_ends() {
    let Some(mut served) = Served::stopped(&long_script(), "") else { return };
    served.set("silence = 1");
    served.start();
    let busy = served.send(CHAT, &[], &chat("alpha", true));
    begun(&busy);
    kill_process(served.play.server_process(), Signal::STOP).expect("it is ours");
    let (_, rest) = answer(busy);
    assert!(!rest.contains("[DONE]"));
    assert_eq!(served.loaded(), [""; 0]);
}

/// Who watches a model come asks twice a second, and there may be many of them.
#[test]
fn who_only_looks_whether_a_model_is_there_keeps_nobody_waiting() {
    let Some(mut served) = Served::stopped(&script(), "") else { return };
    let real = served.play.server.display();
    let slow = format!("case \"$*\" in *alpha*) exec sleep 1000;; esac\nexec '{real}' \"$@\"");
    served.program(&slow);
    served.start();
    served.chat("beta");
    for _ in 0..70 {
        assert_eq!(served.ask("GET /model/alpha/props", &[], "").0, 503);
    }
    assert_eq!(served.chat("beta"), "One.");
    let status = served.agent(&["server", "status"]).stdout;
    assert!(status.contains("1 waiting for a model"), "{status}");
}

#[test]
fn a_model_that_is_put_away_before_it_answers_does_not_come_back() {
    let Some(served) = Served::new("") else { return };
    served.chat("alpha");
    kill_process(served.play.server_process(), Signal::STOP).expect("it is ours");
    let waiting = served.send(CHAT, &[], &chat("alpha", false));
    until("it to be busy", || served.loaded() == ["alpha-1B:Q4_K_M busy"]);
    served.agent(&["server", "unload", "--force"]).assert_code(0);
    let (status, body) = answer(waiting);
    assert_eq!(status, 503, "{body}");
    assert!(body.contains("alpha-1B:Q4_K_M was put away by request"), "{body}");
    assert_eq!(served.loaded(), [""; 0]);
}

/// Whoever gets its address then is told no key.
#[test]
fn a_server_that_ends_is_not_to_be_found_before_its_port_is_free() {
    let Some(served) = Served::playing(&long_script(), "") else { return };
    let busy = served.send(CHAT, &[], &chat("alpha", true));
    begun(&busy);
    // It takes its time.
    kill_process(served.play.server_process(), Signal::STOP).expect("it is ours");
    kill_process(served.daemon(), Signal::TERM).expect("it is ours");
    until_at_once("the port to be free", || TcpStream::connect(&served.address).is_err());
    assert!(!served.play.home.has("home/.local/state/agent/server/server.json"));
}

#[test]
fn a_model_that_cannot_be_reached_is_started_again() {
    let Some(served) = Served::new("") else { return };
    served.chat("alpha");
    let first = served.play.server_process();
    let sockets = served.play.home.path("home/.local/state/agent/server/run");
    std::fs::remove_dir_all(sockets).expect("they are ours");
    assert_eq!(served.chat("alpha"), "One.");
    assert_ne!(served.play.server_process(), first);
}

#[test]
fn a_model_that_cannot_be_loaded_says_why() {
    let Some(served) = Served::new("") else { return };
    let path = served.play.home.path("models/alpha-1B-Q4_K_M.gguf");
    let whole = std::fs::read(&path).expect("it is there");
    // Its header is good, and its last tensor is nonsense to the server.
    let name = whole.windows(8).rposition(|it| it == b"general.");
    assert!(name.is_some(), "the file is a model");
    let architecture = whole.windows(5).position(|it| it == b"llama").expect("it is of that kind");
    let mut other = whole.clone();
    other[architecture..architecture + 5].copy_from_slice(b"lllll");
    std::fs::write(&path, other).expect("it is ours");
    let (status, body) = served.ask(CHAT, &[], &chat("alpha", false));
    assert_eq!(status, 500, "{body}");
    assert!(body.contains("cannot start the model server"), "{body}");
    let finished = served.agent(&["-m", "alpha", "hello"]);
    finished.assert_code(1);
    assert!(finished.stderr.contains("cannot start the model server"), "{}", finished.stderr);
}

#[test]
fn a_port_that_is_taken_is_told() {
    let Some(served) = Served::new("") else { return };
    let home = Served::stopped(&script(), "").expect("there is a server to test with");
    let address = served.address.clone();
    let finished = home.run(&["server", "start"]).env("AGENT_SERVER_ADDRESS", &address).run();
    finished.assert_code(1);
    let told = finished.stderr.replace(&address, "ADDRESS");
    expect![[r#"
        error: cannot start the server: another program listens at ADDRESS
        hint: choose another `server.address`, or end it
    "#]]
    .assert_eq(&told);
    assert_eq!(processes(&home.play.home), []);
}

#[test]
fn a_session_uses_the_server_that_runs() {
    let Some(served) = Served::new("") else { return };
    let finished = served.agent(&["-m", "alpha", "hello"]);
    finished.assert_code(0);
    assert_eq!(finished.stdout, "One.\n");
    assert_eq!(served.loaded(), ["alpha-1B:Q4_K_M idle"], "the model is there still");
}

#[test]
fn a_session_with_other_settings_has_a_server_of_its_own() {
    let Some(served) = Served::new("") else { return };
    let finished = served.run(&["-m", "alpha", "hello"]).env("AGENT_LLAMA_CONTEXT", "16384").run();
    finished.assert_code(0);
    assert_eq!(finished.stdout, "One.\n");
    let note = "the server in the background has other settings; starting one for this session";
    assert!(finished.stderr.contains(note), "{}", finished.stderr);
    assert_eq!(served.loaded(), [""; 0]);
}

#[test]
fn a_session_starts_the_server_where_models_are_to_stay() {
    let Some(served) = Served::stopped(&script(), "keep_alive = true") else { return };
    let finished = served.agent(&["-m", "alpha", "hello"]);
    finished.assert_code(0);
    assert_eq!(finished.stdout, "One.\n");
    assert_eq!(served.loaded(), ["alpha-1B:Q4_K_M idle"]);
    let pid = served.play.server_process();
    served.agent(&["-m", "alpha", "hello"]).assert_code(0);
    assert_eq!(served.play.server_process(), pid, "it was loaded once");
}

#[test]
fn the_logs_say_what_happened() {
    let Some(served) = Served::new("") else { return };
    served.chat("alpha");
    let told = served.agent(&["server", "logs", "-n", "2"]);
    let lines: Vec<_> = told.stdout.lines().filter_map(|it| it.split_once(' ')).collect();
    let said: Vec<_> = lines.iter().map(|it| it.1).collect();
    assert_eq!(said, ["alpha-1B:Q4_K_M: is being loaded", "alpha-1B:Q4_K_M: is ready"]);
    let theirs = served.agent(&["server", "logs", "alpha"]);
    assert!(theirs.stdout.contains("model loaded"), "{}", theirs.stdout);
}

#[test]
fn talking_to_a_model_needs_no_project() {
    let Some(served) = Served::stopped(&script(), "") else { return };
    let finished = served.agent(&["chat", "alpha", "hello"]);
    finished.assert_code(0);
    assert_eq!(finished.stdout, "One.\n");
    let piped = served.run(&["chat", "beta"]).stdin(b"hello\n").run();
    piped.assert_code(0);
    assert_eq!(piped.stdout, "One.\n");
    let missing = served.agent(&["chat", "gamma", "hello"]);
    missing.assert_code(1);
    assert!(missing.stderr.contains("there is no model `gamma` here"), "{}", missing.stderr);
}

#[test]
fn a_talk_goes_on_begins_anew_and_ends() {
    let Some(served) = Served::stopped(&script(), "") else { return };
    let mut terminal = served.run(&["chat", "alpha"]).terminal(24, 80);
    terminal.wait_for("/help");
    terminal.send("hello\r");
    terminal.wait_for("One.");
    terminal.send("and then?\r");
    terminal.wait_for("Two.");
    terminal.send("/clear\r");
    terminal.wait_for("begun anew");
    terminal.send("/nonsense\r");
    terminal.wait_for("there is no command `/nonsense`");
    terminal.send("/bye\r");
    assert_eq!(terminal.finish().0, Some(0));
    assert_eq!(processes(&served.play.home), []);
}

/// One dies when it is asked what it is, and one hangs; the third is the real one.
#[test]
fn a_talk_outlives_the_server_of_its_model() {
    let Some(served) = Served::stopped(&script(), "") else { return };
    served.set("silence = 1");
    served.play.home.file("mute", MUTE);
    let (mute, real) = (served.play.home.path("mute"), served.play.server.display());
    let mute = mute.display();
    served.program(&format!("exec python3 '{mute}' '{real}' '{mute}' \"$@\""));
    let mut terminal = served.run(&["chat", "alpha"]).terminal(24, 120);
    terminal.wait_for("/help");
    terminal.send("hello\r");
    // It is started again once for an answer.
    terminal.wait_for("it was ended by signal 9");
    terminal.wait_until("a prompt", |it| it.contains("answered nothing") && it.ends_with('›'));
    terminal.send("/clear\rhello\r");
    terminal.wait_for("One.");
    terminal.wait_until("a prompt", |it| it.ends_with('›'));
    terminal.send("/bye\r");
    assert_eq!(terminal.finish().0, Some(0));
    assert_eq!(processes(&served.play.home), []);
}

#[test]
fn ctrl_c_stops_an_answer_and_not_the_talk() {
    let Some(served) = Served::stopped(&long_script(), "") else { return };
    let mut terminal = served.run(&["chat", "alpha"]).terminal(24, 80);
    terminal.wait_for("/help");
    terminal.send("hello\r");
    terminal.wait_for("It goes on");
    terminal.send("\x03");
    terminal.wait_until("a prompt", |it| it.ends_with("stopped\n\n›"));
    terminal.send("/clear\r");
    terminal.wait_for("begun anew");
    terminal.send("/bye\r");
    assert_eq!(terminal.finish().0, Some(0));
    assert_eq!(processes(&served.play.home), []);
}

#[test]
fn talking_uses_the_server_that_runs() {
    let Some(served) = Served::new("") else { return };
    assert_eq!(served.agent(&["chat", "alpha", "hello"]).stdout, "One.\n");
    assert_eq!(served.loaded(), ["alpha-1B:Q4_K_M idle"]);
}

/// A program that never becomes ready stands for a model that takes long.
#[test]
fn a_model_that_is_being_loaded_can_be_put_away() {
    let Some(mut served) = Served::stopped(&script(), "") else { return };
    served.program("exec sleep 1000");
    served.start();
    let waiting = served.send(CHAT, &[], &chat("alpha", false));
    until("the model to be loaded", || served.loaded() == ["alpha-1B:Q4_K_M loading"]);
    assert_eq!(served.ask("GET /model/alpha/props", &[], "").0, 503);
    let finished = served.agent(&["server", "unload"]);
    finished.assert_code(1);
    served.check(
        &["server", "unload", "--force"],
        0,
        expect![[r#"
            unloaded alpha-1B:Q4_K_M
        "#]],
    );
    let (status, body) = answer(waiting);
    assert_eq!(status, 500);
    assert!(body.contains("it was put away: by request"), "{body}");
    assert_eq!(processes(&served.play.home).len(), 1, "the server alone");
}

#[test]
fn the_speed_of_a_model_is_measured_in_seconds() {
    let Some(served) = Served::stopped(&script(), "") else { return };
    let finished = served.agent(&["bench", "alpha", "--prompts", "64,256,99999", "--json"]);
    finished.assert_code(0);
    let lines: Vec<Value> = finished
        .stdout
        .lines()
        .map(|it| serde_json::from_str(it).expect("a line is JSON"))
        .collect();
    assert_eq!(lines.len(), 2, "{lines:?}");
    for (line, wanted) in lines.iter().zip([64.0, 256.0]) {
        let figure = |name: &str| line[name].as_f64().expect("it is a number");
        assert!((wanted * 0.7..wanted * 1.5).contains(&figure("read")), "{line}");
        for name in ["read_per_second", "written_per_second", "first_ms", "load_ms"] {
            assert!(0.0 < figure(name), "{name}: {line}");
        }
        assert!(0.9 < figure("reused"), "{line}");
    }
    let told = "prompts of 99999 tokens do not fit the window of 32768\n";
    assert_eq!(finished.stderr, told);
}

#[test]
fn settings_of_the_server_are_compared() {
    let Some(served) = Served::stopped(&script(), "") else { return };
    let args = ["bench", "alpha", "--prompts", "64", "--times", "1", "--vary", "cache-type"];
    let finished = served.agent(&args);
    finished.assert_code(0);
    let settings: Vec<_> =
        finished.stdout.lines().filter_map(|it| it.split_whitespace().next()).collect();
    assert_eq!(settings, ["alpha-1B-Q4_K_M.gguf,", "setting", "f16", "q8_0", "q4_0"]);
}
