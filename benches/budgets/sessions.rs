//! A session of 10,000 turns: in a list, by a word in it, and gone on with.

use std::fmt::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::memory::peak;
use crate::place::{SMALL, home};
use crate::support::fault_server::FaultServer;
use crate::support::home::Home;
use crate::support::journal;
use crate::support::response::{Gate, say};
use crate::table::{Samples, Table, Unit};

const TURNS: usize = 10_000;

pub(crate) fn sessions(table: &mut Table) {
    let home = home(SMALL);
    let server = FaultServer::unmindful(|_| say("Done."));
    home.agent(&["work"]).server(&server).run().assert_code(0);
    let file = journal::file(&home);
    lengthen(&file);

    let kept = file.with_extension("summary");
    let first = (0..11).map(|_| {
        // Nothing was kept of an earlier look.
        let _ = std::fs::remove_file(&kept);
        run(&home, &["sessions", "list"])
    });
    let first = Samples::times(first);
    table.row(
        "list of a session of 10,000 turns, at first",
        &first,
        Unit::Milliseconds,
        Some(20.0),
    );
    let again = Samples::times((0..21).map(|_| run(&home, &["sessions", "list"])));
    table.row("  the same again", &again, Unit::Milliseconds, Some(20.0));
    let search = Samples::times((0..5).map(|_| run(&home, &["sessions", "search", "turn 7777"])));
    table.row("  search in it", &search, Unit::Milliseconds, None);

    let whole = std::fs::read(&file).expect("the session is there");
    let resumes = (0..11).map(|_| {
        std::fs::write(&file, &whole).expect("the session is ours");
        let server = FaultServer::unmindful(|_| say("Done."));
        let begun = Instant::now();
        home.agent(&["-c", "go on"]).server(&server).run().assert_code(0);
        server.times()[0].0 - begun
    });
    let resumes = Samples::times(resumes);
    table.row("resume of it -> the model is asked", &resumes, Unit::Milliseconds, Some(100.0));

    std::fs::write(&file, &whole).expect("the session is ours");
    let gate = Gate::closed();
    let held = gate.clone();
    let server = FaultServer::unmindful(move |_| say("Done.").held_until(&held));
    let running = home.agent(&["-c", "go on"]).server(&server).start();
    server.chat(0);
    let peak = Samples::one(peak(running.id()));
    gate.open();
    running.finish().assert_code(0);
    table.row("  peak memory then", &peak, Unit::Megabytes, Some(60.0));
    table.note(&format!(
        "its file has {} MB, and was summed up every 100 turns",
        whole.len() / 1_000_000
    ));
}

fn run(home: &Home, args: &[&str]) -> Duration {
    let run = home.agent(args);
    let begun = Instant::now();
    run.run().assert_code(0);
    begun.elapsed()
}

/// Writes turns into the file of a session, as the program would.
fn lengthen(file: &Path) {
    let mut text = std::fs::read_to_string(file).expect("the session is there");
    let mut seq = text.lines().count();
    let mut write = |kind: &str, more: Value| {
        // As the program writes it, the kind comes first.
        let entry = format!(r#"{{"kind":"{kind}",{}"#, &more.to_string()[1..]);
        let crc = crc32fast::hash(format!("{seq} 1 {entry}").as_bytes());
        let _ = writeln!(text, r#"{{"seq":{seq},"at":1,"crc":"{crc:08x}","entry":{entry}}}"#);
        seq += 1;
    };
    for turn in 1..TURNS {
        write("prompt", json!({"text": format!("turn {turn}: look into the next file")}));
        let args = json!({"path": "src/part0/file0.rs", "start_line": turn}).to_string();
        let call = json!({"id": "c", "tool": "read_file", "args": args});
        write("reply", json!({"text": "Looking.", "calls": [call], "end": "finished"}));
        write("started", json!({"call": "c"}));
        let result = "1\tpub fn number() -> u32 { 7 }\n".repeat(20);
        let result = json!({"call": "c", "status": "done", "text": result, "gist": "20 lines"});
        write("result", result);
        write("reply", json!({"text": "It gives a number.", "end": "finished"}));
        if turn % 100 == 0 {
            write("condensed", json!({"summary": "Files were read.", "kept": 3}));
        }
    }
    std::fs::write(file, text).expect("the session is ours");
}
