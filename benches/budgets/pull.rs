//! A model from a hub on the loopback: beside curl, which fetches the same bytes and does not hash
//! them; and from a server that limits each connection.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::memory::peak;
use crate::support::home::Home;
use crate::support::hub::{Fault, Hub, Repo, model};
use crate::table::{Samples, Table, Unit};

const REPO: &str = "org/Big-GGUF";
const FILE: &str = "Big-Q4_K_M.gguf";
const SIZE: usize = 1_000_000_000;
const TIMES: usize = 5;

/// A second for what a slow server sends by one connection.
const LIMITED: usize = 40_000_000;

pub(crate) fn pull(table: &mut Table) {
    let hub = Hub::new();
    hub.repo(REPO, Repo::default().file(FILE, model(SIZE, 1)));
    let (mut ours, mut curls, mut peaks) = (Vec::new(), Vec::new(), Vec::new());
    let mut unsynced = Vec::new();
    for _ in 0..TIMES {
        curls.push(curl(&hub, "sync \"$1\""));
        unsynced.push(curl(&hub, "true"));
        let (took, peak) = agent(&hub, &[]);
        ours.push(took);
        peaks.push(peak);
    }
    let (ours, curls) = (Samples::times(ours), Samples::times(curls));
    let ratio = curls.median() / ours.median();
    table.row("pull of 1 GB", &ours, Unit::Milliseconds, None);
    let unsynced = Samples::times(unsynced);
    table.row("curl of the same, neither synced nor hashed", &unsynced, Unit::Milliseconds, None);
    table.row("curl of the same, synced, not hashed", &curls, Unit::Milliseconds, None);
    table.row(
        "  speed of pull / speed of curl (at least)",
        &Samples::one(ratio),
        Unit::Times,
        Some(0.9),
    );
    table.row("pull of 1 GB: peak memory", &Samples::new(peaks), Unit::Megabytes, Some(40.0));

    let hub = Hub::new();
    hub.repo(REPO, Repo::default().file(FILE, model(LIMITED * 4, 1)));
    hub.faults(|_, _| Fault::Limit(LIMITED as u64));
    let one = Samples::times((0..3).map(|_| curl(&hub, "true")));
    let several = Samples::times((0..3).map(|_| agent(&hub, &[]).0));
    let ratio = one.median() / several.median();
    table.row("pull where a connection has 40 MB/s", &several, Unit::Milliseconds, None);
    table.row(
        "  as fast as one connection (at least)",
        &Samples::one(ratio),
        Unit::Times,
        Some(2.0),
    );
    table.note("on a disk, with the server in this process on the same cores");
}

/// How long it takes, and the most memory it had.
fn agent(hub: &Hub, args: &[&str]) -> (Duration, f64) {
    let home = Home::new();
    let all = [&["models", "pull", "--json", REPO], args].concat();
    let run = home.agent(&all).env("HF_ENDPOINT", &hub.url()).within(Duration::from_secs(120));
    let begun = Instant::now();
    let running = run.start();
    let mut most: f64 = 0.0;
    while !running.stdout().contains("\"event\":\"done\"") {
        // `NAN` once it is gone, which `max` passes over.
        most = most.max(peak(running.id()));
        std::thread::sleep(Duration::from_millis(20));
    }
    running.finish().assert_code(0);
    (begun.elapsed(), most)
}

fn curl(hub: &Hub, then: &str) -> Duration {
    let home = Home::new();
    let (url, out) = (hub.file(REPO, FILE), home.path("model"));
    let out = out.to_str().expect("a temporary folder is UTF-8");
    let script = format!("curl -sSfL \"$0\" -o \"$1\" && {then}");
    let run = home.program(Path::new("/bin/sh"), &["-c", &script, &url, out]);
    let begun = Instant::now();
    run.within(Duration::from_secs(120)).run().assert_code(0);
    begun.elapsed()
}
