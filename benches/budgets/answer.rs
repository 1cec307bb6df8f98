//! A long answer in Markdown, set for a terminal while it comes: what that costs.

use std::fmt::Write;
use std::time::Duration;

use crate::memory::peak;
use crate::place::{SMALL, home};
use crate::support::fault_server::FaultServer;
use crate::support::response::{Response, say};
use crate::support::talk::Talk;
use crate::table::{Samples, Table, Unit};

const BYTES: usize = 200_000;
const DELTAS: usize = 40_000;

pub(crate) fn answer(table: &mut Table) {
    let (mut cpu, mut memory) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        let home = home(SMALL);
        let server = FaultServer::script(vec![say("Ready."), long()]);
        let run = home.agent(&[]).within(Duration::from_secs(120)).server(&server);
        let mut talk = Talk::coloured(run);
        talk.say("hello", "Ready.");
        talk.prompted();
        let (before, least) = (used(talk.terminal.id()), peak(talk.terminal.id()));
        talk.say("tell me all", "That is the end of it.");
        talk.prompted();
        cpu.push(used(talk.terminal.id()) - before);
        memory.push(peak(talk.terminal.id()) - least);
        drop(talk);
    }
    table.row(
        "an answer of 200 kB in 40,000 pieces: CPU",
        &Samples::new(cpu),
        Unit::Milliseconds,
        Some(1500.0),
    );
    table.row("  memory it adds to the peak", &Samples::new(memory), Unit::Megabytes, Some(12.0));
    table.note("prose, lists, tables and code in colours, at a terminal; the answer itself is kept three times");
}

pub(crate) fn long() -> Response {
    let mut text = String::new();
    for nth in 0.. {
        let _ = write!(
            text,
            "## Part {nth}\n\nThe *{nth}th* part has **strong words**, `code_{nth}` and a [link](https://example.org/{nth}).\n\n\
             - an item that is somewhat longer than the others are\n  - one inside\n\n\
             | name | value |\n|---|---:|\n| `a{nth}` | {nth} |\n| b | two |\n\n\
             ```rust\nfn part_{nth}(x: &str) -> Option<usize> {{\n    x.parse().ok().map(|it: usize| it + {nth})\n}}\n```\n\n"
        );
        if BYTES < text.len() {
            break;
        }
    }
    text += "That is the end of it.\n";
    let letters: Vec<char> = text.chars().collect();
    let pieces = letters.chunks(letters.len().div_ceil(DELTAS));
    let stream = Response::stream();
    pieces.fold(stream, |it, piece| it.text(&piece.iter().collect::<String>())).finish("stop")
}

/// Milliseconds of processor time that a process has used.
fn used(id: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    let behind = stat.rsplit_once(") ").map_or("", |(_, it)| it);
    let ticks = behind.split(' ').skip(11).take(2).filter_map(|it| it.parse::<f64>().ok());
    // A tick is a hundredth of a second.
    ticks.sum::<f64>() * 10.0
}
