//! What it costs to confine a command: the same turns with `true`, confined and bare, turn about.

use std::time::Duration;

use serde_json::json;

use crate::gap::gaps;
use crate::place::{home, sizes};
use crate::support::fault_server::FaultServer;
use crate::support::home::Home;
use crate::support::response::{call, say};
use crate::table::{Samples, Table, Unit};

/// Sessions of each kind, and how many commands one has. The first ones find out what works here
/// and look at the whole project.
const SESSIONS: usize = 8;
const COMMANDS: usize = 24;
const FIRST: usize = 3;

/// What confinement may add to one command.
const BUDGET: f64 = 6.0;

pub(crate) fn confined(table: &mut Table) {
    for (name, files) in sizes() {
        let home = home(files);
        let (mut confined, mut bare, mut begun) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..SESSIONS {
            let session = session(&home, "auto");
            begun.push(session[0]);
            confined.extend_from_slice(&session[FIRST..]);
            bare.extend_from_slice(&self::session(&home, "full")[FIRST..]);
        }
        let (confined, bare) = (Samples::times(confined), Samples::times(bare));
        let on_top = Samples::one(confined.median() - bare.median());
        let row = |what: &str| format!("{what}, {name}");
        table.row(&row("gap around a confined `true`"), &confined, Unit::Milliseconds, None);
        table.row(&row("  a bare one, turn about with it"), &bare, Unit::Milliseconds, None);
        table.row(&row("  confinement on top"), &on_top, Unit::Milliseconds, Some(BUDGET));
        let begun = Samples::times(begun);
        table.row(&row("  the first of a session"), &begun, Unit::Milliseconds, None);
    }
    table.note("two looks at the project are part of each confined command");
}

/// The gaps around the commands of one session.
fn session(home: &Home, permission: &str) -> Vec<Duration> {
    let server = FaultServer::unmindful(|nth| match nth < COMMANDS {
        // Another each time: a model that repeats itself is stopped.
        true => call("run_command", json!({"command": format!("true {nth}")})),
        false => say("All done."),
    });
    let args = ["--permission", permission, "--max-turns", "1000", "work"];
    let run = home.agent(&args).within(Duration::from_secs(120)).server(&server);
    run.run().assert_code(0);
    gaps(&server)
}
