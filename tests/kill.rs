//! The agent killed at any moment, two hundred times: what it has shown is in its journal, nothing
//! is done twice, nothing of it lives on, and the session goes on to its end.
//!
//! The moments are chosen at random from a seed that is printed; `AGENT_TEST_SEED` sets it. They are
//! counted in things that can be seen, never in time.
#![cfg(target_os = "linux")]
#![expect(clippy::disallowed_methods, reason = "the tests stand where `cli` and `sandbox` stand")]
#![expect(clippy::print_stderr, reason = "a seed that nobody sees cannot be tried again")]

mod support;

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::support::child::Running;
use crate::support::fault_server::FaultServer;
use crate::support::home::{Home, Run};
use crate::support::play::{Play, journals, processes, until, until_at_once};
use crate::support::random::Random;
use crate::support::response::{call, say};

/// Replies of a session that call a command; one more ends it.
const STEPS: usize = 6;

#[test]
fn nothing_is_lost_or_done_twice_when_the_agent_is_killed() {
    let (seed, times) = (seed(), times());
    std::thread::scope(|scope| {
        // What confines a command takes its time, and ends it in another way.
        scope.spawn(move || kill_with_a_scripted_server(seed, "auto", 40 * times));
        scope.spawn(move || kill_with_a_scripted_server(seed + 1, "full", 140 * times));
        scope.spawn(move || kill_with_a_real_server(seed + 2, 20 * times));
    });
}

fn kill_with_a_scripted_server(seed: u64, permission: &str, kills: usize) {
    let home = Home::new();
    let server = FaultServer::answering(|_, request| {
        let said = request.messages().iter().filter(|it| it["role"] == "assistant").count();
        if said < STEPS { call("run_command", command(said)) } else { say("done") }
    });
    let start =
        |args: &[&str]| home.agent(&[&["--permission", permission], args].concat()).server(&server);
    let tally = kill_again_and_again(&home, seed, kills, &start);
    eprintln!("scripted server, seed {seed}: {tally:?}");
    assert!(0 < tally.before_the_journal && 0 < tally.in_a_command, "{tally:?}");
}

fn kill_with_a_real_server(seed: u64, kills: usize) {
    let Some(play) = Play::new() else { return };
    let call = |step| json!({"name": "run_command", "arguments": command(step)});
    let mut script: Vec<_> = (0..STEPS).map(|it| json!({"tool_calls": [call(it)]})).collect();
    script.push(json!({"content": "done"}));
    let model = play.model("steps", &json!(script));
    let start = |args: &[&str]| play.agent(&[&["-m", &model], args].concat());
    let tally = kill_again_and_again(&play.home, seed, kills, &start);
    eprintln!("llama-server, seed {seed}: {tally:?}");
    // Each start has cleared away what the killed ones before it left.
    let left = std::fs::read_dir(play.home.path("run/agent")).expect("servers had their places");
    assert_eq!(left.count(), 0);
    let logs = std::fs::read_dir(play.home.path("home/.local/state/agent/logs"));
    assert!(logs.expect("servers had their logs").count() <= 9);
}

#[test]
fn what_ran_before_the_agent_took_the_place_of_a_shell_lives_on() {
    let home = Home::new();
    let server = FaultServer::script(vec![call("run_command", command(0)), say("done")]);
    let agent = env!("CARGO_BIN_EXE_agent");
    // With a session of its own, or the test itself would end it.
    let script = format!("setsid cat <fifo >log 2>&1 & exec {agent} \"$@\"");
    let fifo = home.path("project/fifo");
    let made = std::process::Command::new("mkfifo").arg(&fifo).status();
    assert!(made.expect("mkfifo is there").success());
    // As long as this is open, `cat` waits for more.
    let mut end = std::fs::OpenOptions::new().read(true).write(true).open(&fifo).expect("a fifo");
    let run = home.program(Path::new("/bin/sh"), &["-c", &script, "agent", "go"]).server(&server);
    run.run().assert_code(0);
    end.write_all(b"still here\n").expect("somebody listens");
    until("what was there before to hear it", || read(&home.path("project/log")) == "still here\n");
}

/// Leaves a trace that nothing else leaves, and takes its time.
fn command(step: usize) -> Value {
    json!({"command": format!("echo begun {step} >> lines; (:); (:); echo ended {step} >> lines")})
}

/// Where the kills struck.
#[derive(Debug, Default)]
struct Tally {
    before_the_journal: usize,
    in_a_command: usize,
    elsewhere: usize,
    too_late: usize,
}

impl Tally {
    fn kills(&self) -> usize {
        self.before_the_journal + self.in_a_command + self.elsewhere
    }
}

fn kill_again_and_again(
    home: &Home,
    seed: u64,
    kills: usize,
    agent: &dyn Fn(&[&str]) -> Run,
) -> Tally {
    let mut random = Random(seed);
    let mut tally = Tally::default();
    while tally.kills() < kills {
        assert!(tally.too_late < kills, "most sessions end before their moment comes: {tally:?}");
        let _ = std::fs::remove_file(home.path("project/lines"));
        let known: BTreeSet<_> = journals(home).into_iter().collect();
        let fresh = || journals(home).into_iter().find(|it| !known.contains(it));

        let moment = Moment::choose(&mut random);
        let running = agent(&["--output-format", "stream-json", "go"]).start();
        let context = format!("seed {seed}, kill {}, {moment:?}", tally.kills());
        await_moment(&moment, &running, home, &fresh);
        running.kill();
        let killed = running.finish();
        until(&format!("the last process to end: {context}"), || processes(home).is_empty());

        let before = fresh().map(|it| (read(&it), it));
        match &before {
            _ if killed.signal.is_none() => tally.too_late += 1,
            None => tally.before_the_journal += 1,
            Some((journal, _)) if open_calls(&whole(journal)) != [""; 0] => tally.in_a_command += 1,
            Some(_) => tally.elsewhere += 1,
        }
        check_shown(&killed.stdout, before.as_ref().map_or("", |it| &it.0), &context);

        let on: &[&str] = if before.is_some() { &["-c", "go on"] } else { &["go"] };
        agent(on).run().assert_code(0);
        let (before, journal) = match before {
            Some((before, journal)) => (before, journal),
            None => (String::new(), fresh().expect("the second run wrote one")),
        };
        let after = read(&journal);
        let kept = before.rfind('\n').map_or("", |it| &before[..=it]);
        assert!(after.starts_with(kept), "{context}: the journal was changed");
        check_whole(&after, &home.path("project/lines"), &context);
        until(&format!("the last process to end: {context}"), || processes(home).is_empty());
    }
    tally
}

/// When to kill.
#[derive(Debug)]
enum Moment {
    /// After the test has given way so often: in start-up.
    Yields(u64),
    /// The journal has so many bytes.
    Journal(u64),
    /// So many lines of JSON were printed.
    Shown(usize),
    /// Commands have left so many bytes behind: in the middle of one.
    Traces(u64),
}

impl Moment {
    fn choose(random: &mut Random) -> Self {
        match random.below(10) {
            0..3 => {
                let most = 1 << random.below(12);
                Self::Yields(random.below(most))
            }
            3..6 => Self::Journal(1 + random.below(5500)),
            6..8 => Self::Shown(random.below(2 * STEPS as u64 + 2) as usize),
            _ => Self::Traces(1 + random.below(16 * STEPS as u64)),
        }
    }
}

/// Returns when the moment is there, or the process has ended without it.
fn await_moment(
    moment: &Moment,
    running: &Running,
    home: &Home,
    journal: &dyn Fn() -> Option<PathBuf>,
) {
    let size = |it: &Path| it.metadata().map_or(0, |it| it.len());
    let (lines, mut path) = (home.path("project/lines"), None);
    let mut yields = 0;
    until_at_once("a moment or the end", || {
        yields += 1;
        let here = match moment {
            Moment::Yields(n) => *n <= yields,
            Moment::Journal(n) => {
                path = path.take().or_else(journal);
                path.as_ref().is_some_and(|it| *n <= size(it))
            }
            Moment::Shown(n) => *n <= running.stdout().lines().count(),
            Moment::Traces(n) => *n <= size(&lines),
        };
        here || has_ended(running)
    });
}

fn has_ended(running: &Running) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", running.id()));
    stat.is_ok_and(|it| it.contains(") Z "))
}

/// What was shown before the kill is in the journal.
#[track_caller]
fn check_shown(stdout: &str, journal: &str, context: &str) {
    let known = whole(journal);
    let complete = stdout.split_inclusive('\n').filter(|it| it.ends_with('\n'));
    for line in complete.map(|it| serde_json::from_str::<Value>(it).expect("a line is JSON")) {
        let content = line["message"]["content"].as_array().cloned().unwrap_or_default();
        for part in content {
            let is_there = |it: &Value| match part["type"].as_str() {
                Some("tool_use") => it["calls"].as_array().is_some_and(|calls| {
                    calls.iter().any(|it| it["id"] == part["id"] && it["tool"] == part["name"])
                }),
                Some("tool_result") => {
                    it["kind"] == "result"
                        && it["call"] == part["tool_use_id"]
                        && it["text"] == part["content"]
                }
                Some("text") => it["kind"] == "reply" && it["text"] == part["text"],
                _ => true,
            };
            assert!(known.iter().any(is_there), "{context}: shown and not kept: {part}");
        }
    }
}

/// The session came to its end: each call is answered, and each command ran once at most, and
/// wholly where the answer says so.
#[track_caller]
fn check_whole(journal: &str, traces: &Path, context: &str) {
    let entries = whole(journal);
    assert_eq!(entries.len(), journal.lines().count(), "{context}: a line is damaged");
    assert_eq!(open_calls(&entries), [""; 0], "{context}: calls without an answer");
    let last = entries.last().expect("a session has entries");
    assert_eq!((&last["kind"], &last["text"]), (&json!("reply"), &json!("done")), "{context}");

    let traces = read(traces);
    let lines: Vec<_> = traces.lines().collect();
    let once: BTreeSet<_> = lines.iter().collect();
    assert_eq!(once.len(), lines.len(), "{context}: done twice: {lines:?}");
    let calls = entries.iter().filter_map(|it| it["calls"].as_array()).flatten();
    for call in calls {
        let args = call["args"].as_str().unwrap_or_default();
        let step = args.split_once("begun ").and_then(|(_, it)| it.split(' ').next());
        let step = step.expect("each command has its number");
        let answer = entries.iter().find(|it| it["kind"] == "result" && it["call"] == call["id"]);
        let (begun, ended) = (format!("begun {step}"), format!("ended {step}"));
        let ran = (once.contains(&begun.as_str()), once.contains(&ended.as_str()));
        let fits = match answer.and_then(|it| it["status"].as_str()) {
            Some("done") => ran == (true, true),
            Some("cancelled") => ran == (false, false),
            _ => true,
        };
        assert!(fits, "{context}: {answer:?} and {lines:?}");
    }
}

/// The calls that were started and have no answer.
fn open_calls(entries: &[Value]) -> Vec<&str> {
    let of = |kind: &'static str| entries.iter().filter(move |it| it["kind"] == kind);
    let open =
        of("started").filter(|started| !of("result").any(|it| it["call"] == started["call"]));
    open.filter_map(|it| it["call"].as_str()).collect()
}

/// The entries of a journal, but for a torn end.
fn whole(journal: &str) -> Vec<Value> {
    let lines = journal.lines().map(serde_json::from_str::<Value>);
    lines.map_while(Result::ok).map(|mut it| it["entry"].take()).collect()
}

fn read(path: &Path) -> String {
    String::from_utf8(std::fs::read(path).unwrap_or_default()).expect("it is text")
}

fn seed() -> u64 {
    let given = std::env::var("AGENT_TEST_SEED").ok();
    let seed = given.map_or(1, |it| it.parse().expect("a seed is a number"));
    eprintln!("AGENT_TEST_SEED={seed}");
    seed
}

/// With 5 it is killed a thousand times.
fn times() -> usize {
    let given = std::env::var("AGENT_TEST_KILLS").ok();
    given.map_or(1, |it| it.parse().expect("it is a number"))
}
