//! From nothing to the first sign of life: the version, the prompt, the first request.

#![expect(clippy::disallowed_methods, reason = "the harness stands where `sandbox` stands")]

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::place::{home, sizes};
use crate::support::fault_server::FaultServer;
use crate::support::response::say;
use crate::table::{Samples, Table, Unit};

/// `agent --version`, turn about with a program that does nothing.
pub(crate) fn version(table: &mut Table) {
    let (mut ours, mut nothing) = (Vec::new(), Vec::new());
    for _ in 0..50 {
        ours.push(run(Command::new(env!("CARGO_BIN_EXE_agent")).arg("--version")));
        nothing.push(run(&mut Command::new("/bin/true")));
    }
    table.row("agent --version", &Samples::times(ours), Unit::Milliseconds, Some(3.0));
    table.row(
        "  /bin/true, turn about with it",
        &Samples::times(nothing),
        Unit::Milliseconds,
        None,
    );
}

fn run(command: &mut Command) -> Duration {
    command.env_clear().stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let begun = Instant::now();
    let status = command.status().expect("the program can be started");
    let took = begun.elapsed();
    assert!(status.success(), "{command:?}: {status}");
    took
}

/// From the start to the echo of a key that is pressed when the prompt shows.
pub(crate) fn repl(table: &mut Table) {
    let server = FaultServer::script(vec![say("hello")]);
    for (name, files) in sizes() {
        let home = home(files);
        let times = (0..21).map(|_| {
            let run = home.agent(&[]).server(&server);
            let begun = Instant::now();
            let mut terminal = run.terminal(24, 80);
            terminal.wait_for("›");
            terminal.send("x");
            terminal.wait_for("› x");
            begun.elapsed()
        });
        let what = format!("start -> echo of a key at the prompt, {name}");
        table.row(&what, &Samples::times(times.skip(1)), Unit::Milliseconds, Some(20.0));
    }
}

/// From the start to the arrival of the first request that asks the model.
pub(crate) fn first_request(table: &mut Table) {
    for (name, files) in sizes() {
        let home = home(files);
        let times = (0..21).map(|_| {
            let server = FaultServer::unmindful(|_| say("hello"));
            let run = home.agent(&["hi"]).server(&server);
            let begun = Instant::now();
            run.run().assert_code(0);
            server.times()[0].0 - begun
        });
        let what = format!("start -> the model is asked, {name}");
        table.row(&what, &Samples::times(times.skip(1)), Unit::Milliseconds, Some(30.0));
    }
}
