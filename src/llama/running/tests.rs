//! Starts and ends, most of them of a real llama-server.

use std::time::Duration;

use expect_test::{Expect, expect};
use serde_json::{Value, json};
use tokio::io::AsyncReadExt;

use super::*;
use crate::llama::testing::{self, Place, block_on};

const SCRIPT: &str = r#"[
    {"content": "I will look.", "tool_calls": [{"name": "read", "arguments": {"path": "a.rs"}}]},
    {"reasoning": "A bug, on line 3.", "tool_calls": [
        {"name": "bash", "arguments": {"cmd": "ls"}}, {"name": "bash", "arguments": {"cmd": "pwd"}}]},
    {"content": "Done: héllo ✓ 日本語"}
]"#;

const ENDLESS: &str = r#"[{"content": "tick ", "repeat": true}]"#;

fn body(replies: usize) -> Value {
    let tool = |name: &str, argument: &str| {
        let parameters = json!({"type": "object", "properties": {argument: {"type": "string"}}});
        json!({"type": "function", "function": {"name": name, "parameters": parameters}})
    };
    let mut messages = vec![json!({"role": "user", "content": "go"})];
    for _ in 0..replies {
        messages.push(json!({"role": "assistant", "content": "so"}));
        messages.push(json!({"role": "user", "content": "on"}));
    }
    json!({"messages": messages, "tools": [tool("read", "path"), tool("bash", "cmd")]})
}

#[test]
fn a_script_is_played_exactly() {
    let Some(program) = testing::server() else { return };
    let place = Place::new();
    let told = block_on(async {
        let running = place.start(program, &place.model(SCRIPT), "").await.unwrap();
        let mut told = String::new();
        for replies in 0..4 {
            let mut message = testing::reply(&running, &body(replies)).await;
            for call in message["tool_calls"].as_array_mut().into_iter().flatten() {
                *call = call["function"].take();
            }
            told += &format!("{message}\n");
        }
        running.stop().await;
        told
    });
    expect![[r#"
        {"role":"assistant","content":"I will look.","tool_calls":[{"name":"read","arguments":"{\"path\":\"a.rs\"}"}]}
        {"role":"assistant","content":"","reasoning_content":"A bug, on line 3.","tool_calls":[{"name":"bash","arguments":"{\"cmd\":\"ls\"}"},{"name":"bash","arguments":"{\"cmd\":\"pwd\"}"}]}
        {"role":"assistant","content":"Done: héllo ✓ 日本語","tool_calls":null}
        {"role":"assistant","content":"Done: héllo ✓ 日本語","tool_calls":null}
    "#]].assert_eq(&told);
}

/// Starts `program` and tells the error. The log is at `~/server.log`.
#[track_caller]
fn check_failure(place: &Place, program: &Path, model: &Path, options: &str, expected: Expect) {
    let told = match block_on(place.start(program, model, options)) {
        Ok(_) => "started".to_owned(),
        Err(err) => format!("{err:#}"),
    };
    expected.assert_eq(&told.replace(place.temp.path().to_str().unwrap(), "~"));
}

#[test]
fn a_model_that_cannot_be_loaded_is_told_by_its_fault() {
    let Some(program) = testing::server() else { return };
    let place = Place::new();
    let good = std::fs::read(place.model(SCRIPT)).unwrap();
    let other = place.path("other.gguf");
    check_failure(
        &place,
        program,
        &other,
        "",
        expect![
            "cannot start the model server: it cannot read the model: no such file or directory; its log is `~/server.log`"
        ],
    );
    for (bytes, expected) in [
        (
            &b"hello world"[..],
            expect![[r#"
            cannot start the model server: the model is not a GGUF file; its log is `~/server.log`
            hint: models are GGUF files; look for one whose name ends in `.gguf`"#]],
        ),
        (
            b"",
            expect![[r#"
            cannot start the model server: the model is incomplete or damaged; its log is `~/server.log`
            hint: download the model again"#]],
        ),
        (
            &good[..5000],
            expect![[r#"
            cannot start the model server: the model is incomplete or damaged; its log is `~/server.log`
            hint: download the model again"#]],
        ),
        (
            &good[..good.len() / 2],
            expect![[r#"
            cannot start the model server: the model is incomplete or damaged; its log is `~/server.log`
            hint: download the model again"#]],
        ),
    ] {
        std::fs::write(&other, bytes).unwrap();
        check_failure(&place, program, &other, "", expected);
    }
}

#[test]
fn too_large_a_context_is_told() {
    let Some(program) = testing::server() else { return };
    let place = Place::new();
    let model = place.model(SCRIPT);
    // A limit makes it fail on any machine, and at once.
    let program = place.program(&format!("ulimit -v 1200000; exec {} \"$@\"", program.display()));
    let options = "context = 4000000\nargs = ['--fit', 'off']";
    check_failure(
        &place,
        &program,
        &model,
        options,
        expect![[r#"
        cannot start the model server: there is not enough memory; its log is `~/server.log`
        hint: set a smaller `context`, set `cache_type` to `q8_0`, or take a smaller model"#]],
    );
}

#[test]
fn a_flag_that_is_not_known_is_told() {
    let Some(program) = testing::server() else { return };
    let place = Place::new();
    let model = place.model(SCRIPT);
    check_failure(
        &place,
        program,
        &model,
        "args = ['--no-such-flag']",
        expect![[r#"
        cannot start the model server: it does not understand `--no-such-flag`; its log is `~/server.log`
        hint: look at `args`, or update llama-server"#]],
    );
    check_failure(
        &place,
        program,
        &model,
        "cache_type = 'q99'",
        expect![[r#"
            cannot start the model server: it does not take the value of `--cache-type-k`: Unsupported cache type: q99; its log is `~/server.log`
            hint: look at `args`, or update llama-server"#]],
    );
}

#[test]
fn a_port_that_is_taken_is_told() {
    let place = Place::new();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let error =
        block_on(place.start(Path::new("/bin/true"), Path::new("/m"), &format!("port = {port}")));
    let error = format!("{:#}", error.unwrap_err()).replace(&port.to_string(), "PORT");
    expect![[r#"
        cannot start the model server: port PORT is taken by another program
        hint: choose another `port`, or none, for a private socket"#]]
    .assert_eq(&error);
}

#[test]
fn what_is_no_llama_server_is_told() {
    let place = Place::new();
    let model = place.model(SCRIPT);
    check_failure(
        &place,
        &place.path("none"),
        &model,
        "",
        expect![
            "cannot start the model server: cannot run `~/none`: No such file or directory (os error 2)"
        ],
    );
    check_failure(
        &place,
        Path::new("/bin/true"),
        &model,
        "",
        expect![[r#"
        cannot start the model server: it ended with exit status: 0 and said nothing; its log is `~/server.log`
        hint: is it a llama-server?"#]],
    );
    let program = place.program("echo 'no such option' >&2; exit 2");
    check_failure(
        &place,
        &program,
        &model,
        "",
        expect![
            "cannot start the model server: it ended with exit status: 2: no such option; its log is `~/server.log`"
        ],
    );
    let program = place.program("kill -9 $$");
    check_failure(
        &place,
        &program,
        &model,
        "",
        expect![[r#"
        cannot start the model server: it was ended by signal 9; its log is `~/server.log`
        hint: the system does this when memory runs out; set a smaller `context`"#]],
    );
}

#[test]
fn a_socket_path_that_is_too_long_is_told() {
    let error = free_socket(Path::new(&format!("/{}", "x".repeat(120)))).unwrap_err();
    let error = error.to_string().replace(&"x".repeat(120), "xxx");
    expect![[r#"
        the socket `/xxx/llama.sock` would have a path of 132 bytes, and 107 are possible
        hint: set `$XDG_RUNTIME_DIR` to a shorter directory, or set `port`"#]]
    .assert_eq(&error);
}

#[test]
fn a_server_that_says_nothing_is_given_up() {
    let place = Place::new();
    let program = place.program("echo started >&2; exec sleep 600");
    let error = block_on(async {
        let environment = place.environment.clone();
        let command = Command::new(&program, place.temp.path(), &environment);
        let log = private::create_file(&place.path("server.log")).unwrap();
        let server = Server::start(&command, log).unwrap();
        let address = Address::Unix(place.path("none.sock"));
        let log = place.path("server.log");
        let mut running = Running {
            address,
            key: String::new(),
            server,
            log,
            _home: RuntimeDir::make(&place.path("run")).unwrap(),
        };
        running.wait_until_ready(Duration::from_millis(100), &mut |_| ()).await.unwrap_err()
    });
    let error = error.to_string().replace(place.temp.path().to_str().unwrap(), "~");
    expect!["it has neither become ready nor said anything for 0 s; its log is `~/server.log`"]
        .assert_eq(&error);
}

#[test]
fn a_server_that_never_speaks_of_its_state_is_found_by_asking_it() {
    let Some(program) = testing::server() else { return };
    let place = Place::new();
    let model = place.model(SCRIPT);
    let script = format!("unset {}; exec {} \"$@\"", state::CHILD_VARIABLE, program.display());
    let program = place.program(&script);
    block_on(async {
        let running = place.start(&program, &model, "").await.unwrap();
        assert_eq!(testing::reply(&running, &body(2)).await["content"], "Done: héllo ✓ 日本語");
        running.stop().await;
    });
}

#[test]
fn a_server_on_a_port_is_told_from_others() {
    let Some(program) = testing::server() else { return };
    let place = Place::new();
    let model = place.model(SCRIPT);
    block_on(async {
        let running = loop {
            // The port is free again when it has been read. Somebody else may be given it by then.
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
            let port = listener.local_addr().unwrap().port();
            drop(listener);
            match place.start(program, &model, &format!("port = {port}")).await {
                Err(err) if format!("{err:#}").contains("is taken") => {}
                started => break started.unwrap(),
            }
        };
        assert!(probe::is_ready(&running.address, &running.key).await);
        assert!(!probe::is_ready(&running.address, "another key").await);
        running.stop().await;
    });
}

/// Starts an endless reply and returns when it has begun.
async fn begin_endless(place: &Place, program: &Path) -> (Running, tokio::net::UnixStream) {
    let running = place.start(program, &place.model(ENDLESS), "").await.unwrap();
    let body = json!({"stream": true, "messages": [{"role": "user", "content": "go"}]});
    let mut stream = testing::send(&running, &body).await;
    let (mut said, mut buffer) = (Vec::new(), [0; 4096]);
    while String::from_utf8_lossy(&said).matches("tick").count() < 2 {
        let length = stream.read(&mut buffer).await.unwrap();
        assert_ne!(length, 0, "{}", String::from_utf8_lossy(&said));
        said.extend(&buffer[..length]);
    }
    (running, stream)
}

fn is_alive(id: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    !status.is_empty() && !status.contains(") Z ")
}

#[test]
fn it_stops_in_time_while_a_reply_is_under_way() {
    let Some(program) = testing::server() else { return };
    let place = Place::new();
    block_on(async {
        let (running, stream) = begin_endless(&place, program).await;
        let (id, started) = (running.server.id().unwrap(), Instant::now());
        running.stop().await;
        assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
        assert!(!is_alive(id));
        drop(stream);
    });
    assert!(!place.path("run").exists());
}

#[test]
fn it_stops_in_time_even_if_it_cannot_move() {
    let Some(program) = testing::server() else { return };
    let place = Place::new();
    block_on(async {
        let running = place.start(program, &place.model(SCRIPT), "").await.unwrap();
        let id = running.server.id().unwrap();
        let pid = rustix::process::Pid::from_raw(id as i32).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::STOP).unwrap();
        let started = Instant::now();
        running.stop().await;
        assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
        until(|| !is_alive(id)).await;
    });
}

#[test]
fn nothing_is_left_of_a_server_that_is_dropped() {
    let Some(program) = testing::server() else { return };
    let place = Place::new();
    block_on(async {
        let (running, _stream) = begin_endless(&place, program).await;
        let id = running.server.id().unwrap();
        drop(running);
        until(|| !is_alive(id)).await;
    });
    assert!(!place.path("run").exists());
}

#[test]
fn a_server_that_ends_by_itself_is_noticed() {
    let Some(program) = testing::server() else { return };
    let place = Place::new();
    let told = block_on(async {
        let mut running = place.start(program, &place.model(SCRIPT), "").await.unwrap();
        assert_eq!(running.ended_within(Duration::ZERO).await, None);
        let pid = rustix::process::Pid::from_raw(running.server.id().unwrap() as i32).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
        running.ended_within(Duration::from_secs(10)).await.unwrap()
    });
    expect![[r#"
        it was ended by signal 9; its log is `~/server.log`
        hint: the system does this when memory runs out; set a smaller `context`"#]]
    .assert_eq(&told.replace(place.temp.path().to_str().unwrap(), "~"));
}

#[test]
fn what_a_killed_server_left_does_not_hinder_the_next() {
    let Some(program) = testing::server() else { return };
    let place = Place::new();
    let model = place.model(SCRIPT);
    std::fs::create_dir(place.path("run")).unwrap();
    drop(std::os::unix::net::UnixListener::bind(place.path("run/llama.sock")).unwrap());
    block_on(async {
        place.start(program, &model, "").await.unwrap().stop().await;
    });
}

async fn until(condition: impl Fn() -> bool) {
    let wait = async {
        while !condition() {
            tokio::time::sleep(POLL).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), wait).await.expect("the condition never came");
}

#[test]
fn agents_that_start_together_leave_each_other_their_directories() {
    let base = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        for id in 1..5 {
            let base = base.path();
            scope.spawn(move || {
                for _ in 0..100 {
                    leftovers::clear_directories(base);
                    let dir = RuntimeDir::make(&base.join(id.to_string())).unwrap();
                    assert!(dir.path.is_dir());
                }
            });
        }
    });
}
