//! Files stay whole whatever happens while they are written: the agent is killed, the disk is full,
//! files may not grow, nothing may be written at all. (`src/workspace/tests/killed.rs` kills a writer
//! far more often, without an agent around it.)
//!
//! The moments of the kills are chosen at random from a seed that is printed; `AGENT_TEST_SEED`
//! sets it. They are counted in things that can be seen, never in time.
#![cfg(target_os = "linux")]
#![expect(clippy::disallowed_methods, reason = "the tests stand where `cli` and `sandbox` stand")]

mod support;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::fault_server::FaultServer;
use crate::support::home::Home;
use crate::support::play::until_at_once;
use crate::support::random::Random;
use crate::support::response::{Response, call, say};

const KILLS: usize = 100;
const LANES: usize = 4;
const MOST_ROUNDS: u64 = 8;

/// What the file is filled with between its two marks.
const FILLING: usize = 40_000;

#[test]
fn a_file_is_whole_whenever_the_writer_is_killed() {
    let given = std::env::var("AGENT_TEST_SEED").ok();
    let seed: u64 = given.map_or(1, |it| it.parse().expect("a seed is a number"));
    eprintln!("AGENT_TEST_SEED={seed}");
    // On a busy machine whole rounds of kills miss the moment.
    let strays = (0..MOST_ROUNDS).map(|round| strays(seed + round * LANES as u64));
    let strays = strays.inspect(|it| eprintln!("{KILLS} kills, {it} of them left a draft"));
    assert!(strays.into_iter().any(|it| 0 < it), "no kill has struck while a file was written");
}

/// How many kills of a round left a draft.
fn strays(seed: u64) -> usize {
    std::thread::scope(|scope| {
        let lanes =
            (0..LANES as u64).map(|lane| scope.spawn(move || kill_again_and_again(seed + lane)));
        let lanes: Vec<_> = lanes.collect();
        lanes.into_iter().map(|it| it.join().expect("the lane says why")).sum()
    })
}

/// How often a draft was left behind.
fn kill_again_and_again(seed: u64) -> usize {
    let home = Home::new();
    let file = home.path("project/file");
    std::fs::write(&file, whole(0)).expect("the project can be written");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).expect("it is ours");
    let read = file.clone();
    let server = FaultServer::answering(move |_, _| call("edit_file", step(&read, "file")));
    let mut random = Random(seed);
    let mut strays = 0;
    for kill in 0..KILLS / LANES {
        let (before, steps) = (mark(&file), random.below(3));
        let most = 1 << random.below(10);
        let yields = random.below(most);
        let running = home.agent(&["go"]).server(&server).start();
        until_at_once(&format!("edit {steps} of run {kill}, seed {seed}"), || {
            before + steps <= mark(&file)
        });
        (0..yields).for_each(|_| std::thread::yield_now());
        running.kill();
        running.finish();

        let text = std::fs::read_to_string(&file).expect("the file is there");
        assert!(text == whole(mark(&file)), "kill {kill}, seed {seed}: the file is torn");
        let mode = file.metadata().expect("the file is there").permissions().mode();
        assert_eq!(mode & 0o7777, 0o640, "kill {kill}, seed {seed}");
        strays += usize::from(!drafts(&home).is_empty());
        // The next write sweeps what the last one has left; one more may be under way.
        assert!(drafts(&home).len() <= 2, "kill {kill}, seed {seed}: {:?}", drafts(&home));
    }
    let last = FaultServer::script(vec![call("edit_file", step(&file, "file")), say("done")]);
    home.agent(&["go"]).server(&last).run().assert_code(0);
    assert_eq!(drafts(&home), [""; 0]);
    strays
}

/// Both marks of the file become the next number, or the file is torn.
fn step(file: &Path, path: &str) -> Value {
    let n = mark(file);
    let edit =
        |name: &str| json!({"old": format!("{name} {n}\n"), "new": format!("{name} {}\n", n + 1)});
    json!({"path": path, "edits": [edit("head"), edit("tail")]})
}

fn whole(n: u64) -> String {
    format!("head {n}\n{}\ntail {n}\n", "x".repeat(FILLING))
}

/// The number in the first line.
fn mark(file: &Path) -> u64 {
    let text = std::fs::read_to_string(file).expect("the file is there");
    let line = text.lines().next().and_then(|it| it.strip_prefix("head "));
    line.and_then(|it| it.parse().ok()).unwrap_or_else(|| panic!("the file is torn: {text:.20}"))
}

fn drafts(home: &Home) -> Vec<String> {
    let entries = std::fs::read_dir(home.path("project")).expect("the project is there");
    let names = entries.flatten().map(|it| it.file_name().to_string_lossy().into_owned());
    names.filter(|it| it.starts_with(".agent-")).collect()
}

/// Two files are to change in one call. The script of the shell runs `"$AGENT" go` in the project
/// and may make it hard; then the project is looked at.
#[track_caller]
fn check_left_alone(shell: &[&str], first: Response, why: &str) {
    let home = Home::new();
    for name in ["a", "b"] {
        home.file(&format!("seed/{name}"), &format!("{name} is small\n"));
    }
    home.file("seed/large", &whole(0));
    let server = FaultServer::script(vec![first, say("done")]);
    let (program, args) = shell.split_first().expect("a shell has a name");
    let agent = home.program(Path::new(program), args).env("AGENT", env!("CARGO_BIN_EXE_agent"));
    agent.server(&server).run().assert_code(0);
    let told = server.chat(1).last_message().unwrap_or_default().to_owned();
    assert!(told.contains(why) && told.contains("No file was changed."), "{told}");
    let left = |name: &str| home.read(&format!("after/{name}"));
    assert_eq!((left("a"), left("b")), ("a is small\n".to_owned(), "b is small\n".to_owned()));
    assert!(left("large") == whole(0), "the large file was changed");
    let after = std::fs::read_dir(home.path("after")).expect("it was copied").flatten();
    let names: Vec<_> = after.map(|it| it.file_name()).filter(|it| it != "large").collect();
    assert_eq!(names.len(), 2, "{names:?}");
}

/// The small files first, then the large one, of which only a word changes.
fn edits() -> Response {
    let small = |name: &str| json!({"path": name, "old": "small", "new": "changed"});
    let large = json!({"path": "large", "old": "head 0", "new": "head 1"});
    call("edit_file", json!({"path": "a", "edits": [small("a"), small("b"), large]}))
}

/// A file system of its own over the project, in a namespace that ends with the shell.
fn mounted(options: &str, then: &str) -> String {
    format!(
        "mount -t tmpfs -o {options} none \"$PWD\" && cd \"$PWD\" && cp ../seed/* . && {then} \
         \"$AGENT\" go; status=$?; mkdir ../after && cp * .a* ../after 2>/dev/null; exit $status"
    )
}

#[test]
fn on_a_full_disk_all_files_stay_as_they_are() {
    let script = mounted("size=64k", "");
    check_left_alone(
        &["unshare", "-rm", "sh", "-c", &script],
        edits(),
        "cannot write `large`: no space left",
    );
}

#[test]
fn where_nothing_may_be_written_nothing_is() {
    let script = mounted("size=1m", "mount -o remount,ro none \"$PWD\" &&");
    check_left_alone(
        &["unshare", "-rm", "sh", "-c", &script],
        edits(),
        "cannot write `a`: read-only",
    );
}

#[test]
fn where_files_may_not_grow_so_large_they_stay_as_they_are() {
    let script = "cp ../seed/* . && (ulimit -f 32; exec \"$AGENT\" go); status=$?; \
                  mkdir ../after && cp * .a* ../after 2>/dev/null; exit $status";
    check_left_alone(&["sh", "-c", script], edits(), "cannot write `large`: file too large");
}
