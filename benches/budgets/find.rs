//! Finding one's way in 20,000 files, turn about with ripgrep and fd on the same work.
//!
//! A call is measured from the last byte of the model's answer to the arrival of the next request:
//! the tool, the journal, the longer body on the wire. A peer is measured as a process, from its
//! start to its end. So both sides pay for what surrounds the work: ours is the gap around a call
//! that does nearly nothing, theirs the time of `--version`. Both are in the table.

#![expect(clippy::disallowed_methods, reason = "the harness stands where `sandbox` stands")]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::gap::gaps;
use crate::place::LARGE;
use crate::support::fault_server::FaultServer;
use crate::support::home::Home;
use crate::support::response::{call, say};
use crate::table::{Samples, Table, Unit};

/// How often each is measured; the first time does not count.
const ROUNDS: usize = 16;

/// As many times as long as the peer.
const BUDGET: f64 = 1.15;

/// A tool's call and the peer's arguments for the same work.
struct Contest {
    what: &'static str,
    tool: &'static str,
    args: Value,
    peer: &'static str,
    peer_args: &'static [&'static str],
}

fn contests() -> [Contest; 8] {
    let search =
        |what, args, peer_args| Contest { what, tool: "search", args, peer: "rg", peer_args };
    let find = |what, pattern, peer_args| {
        let args = json!({"pattern": pattern});
        Contest { what, tool: "find_files", args, peer: "fd", peer_args }
    };
    [
        search("rare literal", json!({"pattern": "NEEDLE"}), &["NEEDLE"]),
        // A peer has no limit for all files together: one for each file, and its output is read.
        search("common word, 30 of a file", json!({"pattern": "return"}), &["-m30", "return"]),
        search(
            "common word, counted",
            json!({"pattern": "return", "mode": "count"}),
            &["-c", "return"],
        ),
        search(
            "alternation",
            json!({"pattern": "needle_[0-9]+|haystack_(left|right)|Err\\(Lost"}),
            &["needle_[0-9]+|haystack_(left|right)|Err\\(Lost"],
        ),
        search("no match", json!({"pattern": "no such thing"}), &["no such thing"]),
        find("*.py", "*.py", &["--glob", "*.py"]),
        find("one file", "file_777.rs", &["--glob", "file_777.rs"]),
        find("no file", "*.zzz", &["--glob", "*.zzz"]),
    ]
}

pub(crate) fn find(table: &mut Table) {
    let Some(peers) = peers() else {
        table.note("NOT MEASURED: find: there is no target/peers/bin/rg or fd; run scripts/peers");
        return;
    };
    let home = grown();
    let project = home.path("project");
    let files: u64 = run_peer(&peers.join("fd"), &project, &["--type=f", "."]).1;
    table.note(&format!("{files} files, rg and fd in the versions that scripts/peers built"));

    around(table, &home, &peers);
    for it in contests() {
        let (ours, theirs) = turn_about(&home, it.tool, &it.args, &|| {
            run_peer(&peers.join(it.peer), &project, it.peer_args).0
        });
        let what = format!("{}: {}", it.tool, it.what);
        let budget = theirs.median() * BUDGET;
        table.row(&what, &ours, Unit::Milliseconds, Some(budget));
        table.row(&format!("  {}, turn about with it", it.peer), &theirs, Unit::Milliseconds, None);
        let ratio = ours.median() / theirs.median();
        table.row("  times as long", &Samples::one(ratio), Unit::Times, Some(BUDGET));
    }
    table.note("answer -> next request for ours, start -> end of the process for a peer");
}

/// What surrounds the work on either side.
fn around(table: &mut Table, home: &Home, peers: &Path) {
    let project = home.path("project");
    let args = json!({"pattern": "x", "path": "empty"});
    let (ours, theirs) = turn_about(home, "search", &args, &|| {
        run_peer(&peers.join("rg"), &project, &["--version"]).0
    });
    table.row("search: of one empty file", &ours, Unit::Milliseconds, None);
    table.row("  rg --version, turn about with it", &theirs, Unit::Milliseconds, None);
}

fn turn_about(
    home: &Home,
    tool: &'static str,
    args: &Value,
    peer: &dyn Fn() -> Duration,
) -> (Samples, Samples) {
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let args = args.clone();
        // The first call of a session warms up.
        let server = FaultServer::unmindful(move |nth| match nth {
            0 | 1 => call(tool, args.clone()),
            _ => say("All done."),
        });
        home.agent(&["--permission", "full", "work"]).server(&server).run().assert_code(0);
        ours.push(gaps(&server)[1]);
        theirs.push(peer());
    }
    (Samples::times(ours.into_iter().skip(1)), Samples::times(theirs.into_iter().skip(1)))
}

/// The directory of the peers, if both are there.
fn peers() -> Option<PathBuf> {
    let bin = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/peers/bin");
    (bin.join("rg").exists() && bin.join("fd").exists()).then_some(bin)
}

/// How long it took and how many lines it wrote. It is told to do as the tools do: hidden
/// files are files, small letters match large ones, lines have numbers.
fn run_peer(program: &Path, project: &Path, args: &[&str]) -> (Duration, u64) {
    let mut command = Command::new(program);
    command.args(args).args(["--hidden", "--no-require-git"]);
    if program.ends_with("rg") {
        command.args(["--smart-case", "--line-number"]);
    }
    command.env_clear().current_dir(project).stdin(Stdio::null()).stderr(Stdio::null());
    let begun = Instant::now();
    let output = command.output().expect("the peer can be started");
    let took = begun.elapsed();
    (took, output.stdout.iter().filter(|it| **it == b'\n').count() as u64)
}

/// A project of 20,000 files of all sizes in seven languages, with ignore files and a few needles.
fn grown() -> Home {
    const ENDINGS: [&str; 7] = ["rs", "py", "ts", "go", "c", "md", "json"];
    let home = Home::new();
    let mut random = 1_u64;
    let mut next = move |below: u64| {
        random =
            random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % below
    };
    home.file("project/.gitignore", "*.log\n/build/\n");
    home.file("project/empty", "");
    for n in 0..LARGE {
        let mut text = String::new();
        let most = next(300) + 10;
        let lines = next(most) + 1;
        for line in 0..lines {
            let _ = match next(9) {
                0 => writeln!(text),
                1 => writeln!(text, "fn part_{n}_{line}(given: usize) -> Result<Part, Err> {{"),
                2 => writeln!(text, "    let value_{line} = table.get({});", next(1000)),
                3 if next(4) == 0 => writeln!(text, "    return value_{line};"),
                4 => writeln!(text, "// What is said here has been said before, at line {line}."),
                5 => writeln!(text, "    if value.is_empty() && {n} < other.len() {{"),
                _ => writeln!(text, "        self.items.push(Item::new({}, name));", next(1000)),
            };
        }
        if n % 5000 == 77 {
            let _ = writeln!(text, "NEEDLE needle_{n}");
        }
        let ending = ENDINGS[n % ENDINGS.len()];
        let (part, group) = (n / 40, n / 1000);
        home.file(&format!("project/group_{group}/part_{part}/file_{n}.{ending}"), &text);
    }
    home
}
