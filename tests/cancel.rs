//! Stopping the program: at once, with nothing left running and nothing lost.

mod support;

use std::path::Path;
use std::time::Instant;

use expect_test::{Expect, expect};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::OwnedFd;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open};
use serde_json::json;

use crate::support::child::{Finished, Running};
use crate::support::fault_server::FaultServer;
use crate::support::home::Home;
use crate::support::journal;
use crate::support::play;
use crate::support::reports::Reports;
use crate::support::response::{Response, call, say};
use crate::support::watched::PATIENCE;

#[test]
fn an_interrupt_closes_the_stream_at_once_and_keeps_what_was_said() {
    let home = Home::new();
    let stalls = Response::stream().reasoning("Hm. ").text("one two ").stall();
    let server = FaultServer::script(vec![stalls, say("three")]);
    let run = home.agent(&["count"]).server(&server).start();
    run.wait_for_stdout("one two");
    let asked = Instant::now();
    run.interrupt();
    // The server waits for this itself; how long it took is for whoever reads the output.
    let took = server.departure(0).duration_since(asked);
    println!("the stream was closed {took:?} after the signal");
    check(
        &home,
        run.finish(),
        expect![[r#"
            exit Some(130)
            --- stdout
            one two 
            --- stderr
            stopped
            --- journal
            header
            opened
            prompt "count"
            reply "cancelled" "one two "
            stopped "cancelled"
        "#]],
    );

    home.agent(&["-c", "go on"]).server(&server).run().assert_code(0);
    let chat = server.chat(1);
    let said = chat.messages()[1..].iter();
    let said = said.map(|it| format!("{}: {}\n", it["role"], it["content"]));
    expect![[r#"
        "user": "count"
        "assistant": "one two "
        "user": "go on"
    "#]]
    .assert_eq(&said.collect::<String>());
}

#[test]
fn calls_of_a_reply_that_was_stopped_are_not_made() {
    let home = Home::new();
    let call = Response::stream().text("Now ").call("run_command", &json!({"command": "touch x"}));
    let server = FaultServer::script(vec![call.text("and ").stall(), say("Well.")]);
    let run = home.agent(&["go"]).server(&server).start();
    run.wait_for_stdout("and");
    run.interrupt();
    run.finish().assert_code(130);
    home.agent(&["-c", "go on"]).server(&server).run().assert_code(0);
    assert!(!home.has("project/x"));
    assert_eq!(server.chat(1).messages()[2].get("tool_calls"), None);
}

#[test]
fn an_interrupt_kills_all_that_a_command_has_started() {
    let home = Home::new();
    let (run, _server) = with_a_family(&home, |run, _| run.interrupt());
    check(
        &home,
        run,
        expect![[r#"
            exit Some(130)
            --- stdout
            --- stderr
            ● run_command setsid sh -c 'echo $$ > report; exec sleep 1000'…  stopped, [TIME]
            stopped
              100 tokens read, 0 from cache, 10 written at 100/s, 0 % of the window
            --- journal
            header
            opened
            prompt "go"
            reply 1 calls ""
            started
            result "cancelled" "[stopped by the person with this output so far]\n"
            stopped "cancelled"
        "#]],
    );
}

#[test]
fn other_signals_kill_all_that_a_command_has_started_too() {
    for signal in [Signal::TERM, Signal::HUP] {
        let (run, _server) = with_a_family(&Home::new(), |run, _| run.signal(signal));
        run.assert_code(130);
    }
}

#[test]
fn two_interrupts_at_once_leave_nothing_behind_either() {
    let home = Home::new();
    let (run, _server) = with_a_family(&home, |run, _| {
        run.interrupt();
        run.interrupt();
    });
    run.assert_code(130);
}

#[test]
fn the_second_interrupt_leaves_though_nobody_reads_what_is_written() {
    let home = Home::new();
    let long = "a line that nobody reads\n".repeat(10_000);
    let server = FaultServer::script(vec![say(&long)]);
    home.program(Path::new("mkfifo"), &["words"]).run().assert_code(0);
    // Open for both, opening does not wait for the other end.
    let words = std::fs::File::options().read(true).write(true).open(home.path("project/words"));
    let words = words.expect("the pipe is ours");
    let script = format!("exec {} hello > words", env!("CARGO_BIN_EXE_agent"));
    let run = home.program(Path::new("/bin/sh"), &["-c", &script]).server(&server).start();
    // A pipe holds 64 kB. That it is full is told by nothing that could be waited for.
    let limit = Instant::now() + PATIENCE;
    while rustix::io::ioctl_fionread(&words).expect("a pipe") < 60_000 {
        assert!(Instant::now() < limit, "the pipe does not fill");
        std::thread::yield_now();
    }
    run.interrupt();
    run.interrupt();
    // Two that come at the same time are one.
    run.signal(Signal::TERM);
    run.signal(Signal::HUP);
    run.finish().assert_code(130);
}

#[test]
fn an_interrupt_ends_the_wait_for_another_attempt() {
    let (home, server) = (Home::new(), FaultServer::script(vec![Response::bad_gateway()]));
    let run = home.agent(&["hello"]).server(&server).start();
    server.chat(2);
    run.interrupt();
    let finished = run.finish();
    assert!(server.chats().len() <= 4);
    check_code_and_journal(
        &home,
        &finished,
        expect![[r#"
        exit Some(130)
        header
        opened
        prompt "hello"
        reply "cancelled" ""
        stopped "cancelled"
    "#]],
    );
}

#[test]
fn an_interrupt_ends_the_wait_for_a_server_that_is_silent() {
    let (home, server) = (Home::new(), FaultServer::script(vec![Response::silence()]));
    let run = home.agent(&["hello"]).server(&server).start();
    server.chat(0);
    run.interrupt();
    check(
        &home,
        run.finish(),
        expect![[r#"
        exit Some(130)
        --- stdout
        --- stderr
        stopped
        --- journal
        header
        opened
        prompt "hello"
        reply "cancelled" ""
        stopped "cancelled"
    "#]],
    );

    let server = FaultServer::script(vec![say("never")]);
    server.on("GET", "/props", Response::silence());
    let home = Home::new();
    let run = home.agent(&["hello"]).server(&server).start();
    server.request(0);
    run.interrupt();
    check(
        &home,
        run.finish(),
        expect![[r#"
        exit Some(130)
        --- stdout
        --- stderr
        stopped
        --- journal
        header
        opened
        prompt "hello"
        reply "cancelled" ""
        stopped "cancelled"
    "#]],
    );
}

#[test]
fn an_interrupt_while_input_is_read_ends_the_program() {
    let home = Home::new();
    let server = FaultServer::script(vec![say("never")]);
    let run = home.agent(&["review"]).server(&server).open_stdin().start();
    run.interrupt();
    let finished = run.finish_as_it_is();
    assert_eq!((finished.code, finished.signal), (None, Some(2)));
}

#[test]
fn a_program_reads_why_the_turn_ended() {
    let home = Home::new();
    let server = FaultServer::script(vec![Response::stream().text("one ").stall()]);
    let run = home.agent(&["--output-format", "json", "count"]).server(&server).start();
    server.chat(0);
    run.interrupt();
    let finished = run.finish();
    finished.assert_code(130);
    let line: serde_json::Value = serde_json::from_str(&finished.stdout).expect("a line of JSON");
    assert_eq!((&line["stop_reason"], &line["is_error"]), (&json!("cancelled"), &json!(true)));
}

#[test]
fn to_terminate_is_to_stop() {
    let home = Home::new();
    let server = FaultServer::script(vec![Response::stream().text("one two ").stall()]);
    let run = home.agent(&["count"]).server(&server).start();
    run.wait_for_stdout("one two");
    run.signal(Signal::TERM);
    check(
        &home,
        run.finish(),
        expect![[r#"
        exit Some(130)
        --- stdout
        one two 
        --- stderr
        stopped
        --- journal
        header
        opened
        prompt "count"
        reply "cancelled" "one two "
        stopped "cancelled"
    "#]],
    );
}

/// A command that leaves processes in every way there is; each of them writes its id to `report`.
const FAMILY: &str = "\
setsid sh -c 'echo $$ > report; exec sleep 1000' & \
sh -c 'setsid sh -c \"echo \\$\\$ > report; exec sleep 1000\" & exit' ; \
(nohup sh -c 'trap \"\" INT TERM HUP; echo $$ > report; sleep 1000' >/dev/null 2>&1 &) ; \
echo $$ > report; sleep 1000";

/// Runs that command, does `act` when all of it runs, and makes sure that none of it is left when
/// the program has ended.
#[track_caller]
fn with_a_family(home: &Home, act: impl FnOnce(&Running, &[Pid])) -> (Finished, FaultServer) {
    let reports = Reports::open(home);
    let server = FaultServer::script(vec![call("run_command", json!({"command": FAMILY}))]);
    let run = home.agent(&["go"]).server(&server).start();
    let written = reports.lines(4);
    let pids: Vec<Pid> = written.iter().map(|it| play::outside(home, it)).collect();
    let open = |it: &Pid| pidfd_open(*it, PidfdFlags::empty()).expect("it runs");
    let held: Vec<_> = pids.iter().map(open).collect();
    act(&run, &pids);
    let finished = run.finish();
    held.iter().for_each(ends);
    (finished, server)
}

/// The kernel ends what is killed in its own time.
#[track_caller]
fn ends(process: &OwnedFd) {
    let limit = Timespec { tv_sec: PATIENCE.as_secs().try_into().expect("small"), tv_nsec: 0 };
    let ended = poll(&mut [PollFd::new(process, PollFlags::IN)], Some(&limit));
    assert_eq!(ended, Ok(1), "a process was left behind");
}

/// How it ended, what it printed, and what the session holds.
#[track_caller]
fn check(home: &Home, run: Finished, expected: Expect) {
    let Finished { code, stdout, stderr, .. } = &run;
    let journal = journal::shape(home);
    expected.assert_eq(&format!(
        "exit {code:?}\n--- stdout\n{stdout}--- stderr\n{stderr}--- journal\n{journal}"
    ));
}

/// The same where it depends on the moment what was printed.
#[track_caller]
fn check_code_and_journal(home: &Home, run: &Finished, expected: Expect) {
    expected.assert_eq(&format!("exit {:?}\n{}", run.code, journal::shape(home)));
}
