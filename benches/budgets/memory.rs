//! Fifty turns of work: the most memory the program ever had, and the time they take.

use std::time::Instant;

use crate::gap::{command, reads};
use crate::place::{SMALL, home};
use crate::support::fault_server::FaultServer;
use crate::support::response::{Gate, say};
use crate::table::{Samples, Table, Unit};

const TURNS: usize = 50;

pub(crate) fn fifty_turns(table: &mut Table) {
    let home = home(SMALL);
    let (mut peaks, mut walls) = (Vec::new(), Vec::new());
    for _ in 0..5 {
        let gate = Gate::closed();
        let held = gate.clone();
        let server = FaultServer::unmindful(move |nth| match nth {
            it if it + 1 == TURNS => say("All done.").held_until(&held),
            it if it % 2 == 0 => reads(it, 1),
            it => command(it),
        });
        let run = home.agent(&["--permission", "full", "--max-turns", "1000", "work"]);
        let begun = Instant::now();
        let running = run.server(&server).start();
        server.chat(TURNS - 1);
        let waited = Instant::now();
        peaks.push(peak(running.id()));
        let held_back = waited.elapsed();
        gate.open();
        running.finish().assert_code(0);
        walls.push(begun.elapsed() - held_back);
    }
    table.row("50 turns: peak memory", &Samples::new(peaks), Unit::Megabytes, Some(20.0));
    table.row("50 turns: from start to end", &Samples::times(walls), Unit::Milliseconds, None);
    table.note("read_file and run_command `true` turn about; VmHWM at the last request");
}

/// The most memory a process ever had, in megabytes.
pub(crate) fn peak(id: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let line = status.lines().find_map(|it| it.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|it| it.trim().trim_end_matches(" kB").parse::<f64>().ok());
    kilobytes.map_or(f64::NAN, |it| it * 1024.0 / 1e6)
}
