//! What the program adds to the time of the model: from the last byte of an answer to the arrival of
//! the next request, early and late in a session.

use std::ops::Range;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::place::{FILE, SMALL, home};
use crate::support::fault_server::FaultServer;
use crate::support::home::Home;
use crate::support::response::{Response, call, calls, say};
use crate::table::{Samples, Table, Unit};

/// Turns of the long session, and where in it is looked.
const TURNS: usize = 1020;
const EARLY: Range<usize> = 2..22;
const LATE: Range<usize> = 990..1010;

/// Time enough for the model to answer, and for whatever goes on beside it to end.
const THINKING: Duration = Duration::from_millis(10);

/// One session of 1,020 turns, with a model that answers at once and one that takes its time.
pub(crate) fn gap(table: &mut Table) {
    for (name, thinking) in [("10 ms", THINKING), ("no time", Duration::ZERO)] {
        let (mut early, mut late) = (Vec::new(), Vec::new());
        for _ in 0..3 {
            let home = home(SMALL);
            let server = FaultServer::unmindful(move |nth| {
                std::thread::sleep(thinking);
                if nth + 1 < TURNS { command(nth) } else { say("All done.") }
            });
            work(&home, &server, &[]);
            let gaps = gaps(&server);
            early.extend_from_slice(&gaps[EARLY]);
            late.extend_from_slice(&gaps[LATE]);
        }
        let (early, late) = (Samples::times(early), Samples::times(late));
        let ratio = late.median() / early.median();
        table.row(
            &format!("gap around `true`, turn 10, model takes {name}"),
            &early,
            Unit::Milliseconds,
            Some(3.0),
        );
        table.row(
            &format!("gap around `true`, turn 1,000, model takes {name}"),
            &late,
            Unit::Milliseconds,
            Some(3.0),
        );
        table.row("  turn 1,000 / turn 10", &Samples::one(ratio), Unit::Times, Some(1.2));
    }
    table.note("run_command with --permission full and a journal that is synced");
}

/// The same file read again and again, in a session of ten entries and in one of ten thousand.
pub(crate) fn entries(table: &mut Table) {
    let mut medians = Vec::new();
    for (name, replies, each) in [("10", 1, 4), ("10,000", 100, 50)] {
        let home = home(SMALL);
        let first =
            FaultServer::unmindful(
                move |nth| {
                    if nth < replies { reads(nth, each) } else { say("All done.") }
                },
            );
        work(&home, &first, &[]);
        let (mut starts, mut steps) = (Vec::new(), Vec::new());
        for _ in 0..5 {
            let server =
                FaultServer::unmindful(
                    |nth| if nth < 20 { reads(nth, 1) } else { say("All done.") },
                );
            let begun = work(&home, &server, &["--continue"]);
            starts.push(server.times()[0].0 - begun);
            steps.extend(gaps(&server).into_iter().skip(2));
        }
        let (starts, steps) = (Samples::times(starts), Samples::times(steps));
        let what = format!("resume of {name} entries -> the model is asked");
        table.row(&what, &starts, Unit::Milliseconds, None);
        table.row(
            &format!("gap around read_file after {name} entries"),
            &steps,
            Unit::Milliseconds,
            None,
        );
        medians.push(steps.median());
    }
    table.row("  10,000 entries / 10", &Samples::one(medians[1] / medians[0]), Unit::Times, None);
    table.note("the longer body takes its time on the wire, see the floor");
}

/// Runs one prompt to its end; when it began.
fn work(home: &Home, server: &FaultServer, more: &[&str]) -> Instant {
    let usual = ["--permission", "full", "--max-turns", "10000", "work"];
    let run = home.agent(&[more, &usual].concat()).within(Duration::from_secs(240));
    let run = run.server(server);
    let begun = Instant::now();
    run.run().assert_code(0);
    begun
}

/// From each answer to the request that follows it.
pub(crate) fn gaps(server: &FaultServer) -> Vec<Duration> {
    let times = server.times();
    let pairs = times.windows(2);
    let gap = |pair: &[(Instant, Option<Instant>)]| {
        let answered = pair[0].1.expect("the client stays until the end");
        pair[1].0.saturating_duration_since(answered)
    };
    pairs.map(gap).collect()
}

/// Another in each turn: a model that repeats itself is stopped.
pub(crate) fn command(turn: usize) -> Response {
    call("run_command", json!({"command": format!("true {turn}")}))
}

/// So many calls that read the same file, in other words in each turn.
pub(crate) fn reads(turn: usize, count: usize) -> Response {
    let call = || json!({"path": FILE, "end_line": 10 + turn});
    let all: Vec<(&str, Value)> = (0..count).map(|_| ("read_file", call())).collect();
    calls(&all)
}
