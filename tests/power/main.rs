//! The power fails at each moment of a session, and nothing that was acknowledged is lost.
//!
//! The real binary works on a task against a scripted server while a tracer writes down what it makes
//! of the disk. From that a model of a disk tells, for the moment behind each system call, what may be
//! found when the power is back. Each of these states is put on a real disk, and the real binary goes
//! on with it.
#![cfg(target_os = "linux")]
#![expect(clippy::print_stderr, reason = "what is left out is said loudly")]
#![allow(unreachable_pub, reason = "a suite is a crate of its own: its `pub` reaches nobody")]

mod disk;
mod session;
#[path = "../support/mod.rs"]
mod support;
mod tracer;
mod tree;

use std::collections::HashMap;
use std::path::Path;

use serde_json::Value;

use crate::disk::Survivor;
use crate::session::{Moment, Plan, Promise, Stage, Step, entries, journal, journal_path};
use crate::support::child::Finished;
use crate::support::fault_server::FaultServer;
use crate::support::home::Home;
use crate::support::response::{Response, say};
use crate::tracer::{Event, Trace};
use crate::tree::Tree;

/// An edit of two files, a command, a second edit, and a file in a new folder.
const PLAN: Plan = Plan {
    files: &[("a.txt", "one\ntwo\nthree\n"), ("b.txt", LONG), ("c.txt", "c is first\n")],
    by_commands: &["c.txt", "made.txt"],
    steps: &[
        Step::Edit(&[
            ("a.txt", "one\ntwo\nthree\n", "one\n2\nthree\nand four\n"),
            ("b.txt", LONG, "b is short\n"),
        ]),
        Step::Command("echo made > made.txt; echo c is second > c.txt"),
        Step::Edit(&[("a.txt", "one\n2\nthree\nand four\n", "one\n")]),
        Step::Write("new/deep/d.txt", "d\n"),
    ],
};

/// More than is written about a content that is kept.
const LONG: &str = "A quick brown fox jumps over the lazy dog,\nand sphinxes of black quartz \
                    judge my vow;\npack my box with five dozen liquor jugs.\n";

const START: Stage = Stage::Working(0);
const GO: &[&str] = &["--permission", "full", "go"];
const GO_ON: &[&str] = &["--permission", "full", "-c", "go on"];

#[test]
fn a_power_cut_at_any_moment_loses_nothing_that_was_acknowledged() {
    let Some(home) = home() else { return };
    let before = Tree::read(&home.path(""));
    let runs = vec![
        (START, watch(&home, GO, PLAN.answers(), &never)),
        (Stage::Undoing, watch(&home, &["undo"], Vec::new(), &never)),
    ];
    Proof::new(&home).check(before, Promise::default(), runs);
}

/// What a killed process has written is there for the next one, and yet not certain.
#[test]
fn a_power_cut_after_a_kill_loses_nothing_that_was_acknowledged() {
    let Some(home) = home() else { return };
    let before = Tree::read(&home.path(""));
    // All that the first edit replaces and makes is kept, and not synced yet.
    let is_kept = |it: &Tree| kept(pack(it)) == 4;
    let runs = vec![
        (START, watch(&home, GO, PLAN.answers(), &is_kept)),
        (START, watch(&home, GO_ON, PLAN.answers(), &never)),
        (Stage::Undoing, watch(&home, &["undo"], Vec::new(), &never)),
    ];
    assert!(matches!(runs[0].1.events.last(), Some((Event::Ended(None), _))), "it was killed");
    Proof { first: 1, ..Proof::new(&home) }.check(before, Promise::default(), runs);
}

/// The first cut has torn the journal in the middle of a record.
#[test]
fn a_second_power_cut_loses_nothing_that_was_acknowledged() {
    let Some(home) = home() else { return };
    let (promise, certain) = cut(&home, &|promise, it| {
        let journal = journal(it).unwrap_or_default();
        promise.stage == Stage::Working(1) && !journal.ends_with(b"\n")
    });
    let runs = vec![
        (START, watch(&home, GO_ON, vec![say("I go on")], &never)),
        (Stage::Undoing, watch(&home, &["undo"], Vec::new(), &never)),
    ];
    Proof::new(&home).check(certain, promise, runs);
}

/// The first cut has left the place of a content that was to be kept, and zeros in it.
#[test]
fn what_a_power_cut_has_blanked_is_kept_again() {
    let Some(home) = home() else { return };
    let (promise, certain) = cut(&home, &|_, it| {
        let pack = pack(it);
        kept(pack) == 3 && pack.ends_with(&[0; 8])
    });
    let runs = vec![
        (START, watch(&home, GO_ON, PLAN.answers(), &never)),
        (Stage::Undoing, watch(&home, &["undo"], Vec::new(), &never)),
    ];
    Proof::new(&home).check(certain, promise, runs);
}

/// Works until the power is cut, and puts on the disk what is left: the first state that is `wanted`.
fn cut(home: &Home, wanted: &dyn Fn(&Promise, &Tree) -> bool) -> (Promise, Tree) {
    let before = Tree::read(&home.path(""));
    let run = vec![(START, watch(home, GO, PLAN.answers(), &never))];
    let mut found = None;
    session::replay(before, Promise::default(), run, &mut |moment| {
        let mut trees = moment.survivors.into_iter().map(|it| it.tree);
        if found.is_none() {
            found = trees.find(|it| wanted(&moment.promise, it)).map(|it| (moment.promise, it));
        }
    });
    let (promise, left) = found.expect("there is such a state");
    left.write(&home.path(""));
    (promise, Tree::read(&home.path("")))
}

/// What edits have replaced and made.
fn pack(tree: &Tree) -> &[u8] {
    let is_pack = |it: &Path| it.ends_with("history/edits.pack");
    let mut packs = tree.below("home").filter(|(path, _)| is_pack(path));
    packs.next().and_then(|(path, _)| tree.file(path)).unwrap_or_default()
}

/// How many contents a pack has a place for.
fn kept(pack: &[u8]) -> usize {
    pack.windows(4).filter(|it| it == b"blob").count()
}

fn never(_: &Tree) -> bool {
    false
}

/// A project to work on; `None` where nobody may watch another program.
fn home() -> Option<Home> {
    let home = Home::in_memory();
    if let Err(err) = tracer::probe(&home.path("")) {
        eprintln!("NOT RUN: programs cannot be watched here ({err}), so no power cut is replayed");
        return None;
    }
    for (path, text) in PLAN.files {
        home.file(&format!("project/{path}"), text);
    }
    Some(home)
}

fn watch(
    home: &Home,
    args: &[&str],
    answers: Vec<Response>,
    is_over: &dyn Fn(&Tree) -> bool,
) -> Trace {
    let answers = if answers.is_empty() { vec![say("I have nothing to say")] } else { answers };
    let server = FaultServer::script(answers);
    let command = home.agent(args).server(&server).command();
    let trace = tracer::trace(command, &home.path(""), is_over);
    trace.unwrap_or_else(|err| panic!("cannot watch the agent: {err}"))
}

/// What a person is told of the session that is found.
struct Told {
    list: Finished,
    export: Finished,
}

/// How the session goes on.
struct Resumed {
    finished: Finished,
    /// What the model is told.
    messages: String,
    leaves_the_project: bool,
}

/// What becomes of an undo.
struct Undone {
    finished: Finished,
    after: Tree,
}

/// Nothing is tried twice of that on which it depends.
struct Proof<'a> {
    home: &'a Home,
    /// Nothing new is found before this run.
    first: usize,
    told: HashMap<u64, Told>,
    resumed: HashMap<u64, Resumed>,
    undone: HashMap<(u64, u64), Undone>,
}

impl<'a> Proof<'a> {
    fn new(home: &'a Home) -> Self {
        let (told, resumed, undone) = (HashMap::new(), HashMap::new(), HashMap::new());
        Self { home, first: 0, told, resumed, undone }
    }

    fn check(mut self, certain: Tree, promise: Promise, runs: Vec<(Stage, Trace)>) {
        let (mut moments, mut states, mut wrong) = (0, 0, Vec::new());
        session::replay(certain, promise, runs, &mut |moment| {
            if moment.run < self.first {
                return;
            }
            moments += 1;
            states += moment.survivors.len();
            for Survivor { how, tree } in &moment.survivors {
                let broken = self.broken(&moment, tree);
                let context = format!("{moments}, after {}, {how}", moment.after);
                wrong.extend(broken.into_iter().map(|it| format!("{context}: {it}")));
            }
        });
        let different = self.undone.len();
        eprintln!("{moments} moments, {states} states, {different} of them different");

        let some: Vec<_> = wrong.iter().take(SHOWN).map(String::as_str).collect();
        assert!(wrong.is_empty(), "{} broken promises:\n{}", wrong.len(), some.join("\n"));
    }

    /// The promises that are broken if this is found.
    fn broken(&mut self, moment: &Moment, tree: &Tree) -> Vec<String> {
        let mut broken = Vec::new();
        check_state(tree, &moment.promise, &mut broken);
        let (home, project) = (tree.fingerprint("home"), tree.fingerprint("project"));
        let journal = tree.fingerprint_without("home", "history");
        let told = self.told.entry(journal).or_insert_with(|| tell(self.home, tree));
        check_told(tree, moment, told, &mut broken);
        let resumed = self.resumed.entry(home).or_insert_with(|| resume(self.home, tree));
        check_resumed(tree, moment, resumed, &mut broken);
        let undone = self.undone.entry((home, project)).or_insert_with(|| undo(self.home, tree));
        check_undone(tree, undone, &mut broken);
        broken
    }
}

/// As many broken promises as are shown.
const SHOWN: usize = 20;

fn tell(home: &Home, tree: &Tree) -> Told {
    tree.write(&home.path(""));
    let list = home.agent(&["sessions", "list", "--json"]).run();
    Told { list, export: home.agent(&["sessions", "export"]).run() }
}

fn resume(home: &Home, tree: &Tree) -> Resumed {
    tree.write(&home.path(""));
    let server = FaultServer::script(vec![say("I go on")]);
    let finished = home.agent(&["-c", "go on"]).server(&server).run();
    let messages = server.chats().last().map(|it| it.body["messages"].to_string());
    let after = Tree::read(&home.path("")).fingerprint("project");
    let leaves_the_project = after == tree.fingerprint("project");
    Resumed { finished, messages: messages.unwrap_or_default(), leaves_the_project }
}

fn undo(home: &Home, tree: &Tree) -> Undone {
    tree.write(&home.path(""));
    let finished = home.agent(&["undo"]).run();
    Undone { finished, after: Tree::read(&home.path("")) }
}

/// What must be so before any program looks at it.
fn check_state(tree: &Tree, promise: &Promise, wrong: &mut Vec<String>) {
    let journal = journal(tree).unwrap_or_default();
    if !journal.starts_with(&promise.journal) {
        let all = promise.journal.len();
        wrong.push(format!("of {all} acknowledged bytes of the journal not all are there"));
    }
    for path in PLAN.edited() {
        let now = content(tree, path);
        let allowed = PLAN.allowed(path, promise.stage);
        if !allowed.iter().any(|it| it.map(str::as_bytes) == now) {
            let now = now.map(String::from_utf8_lossy);
            wrong.push(format!("`{path}` is {now:?}, and may be {allowed:?}"));
        }
    }
}

fn content<'a>(tree: &'a Tree, path: &str) -> Option<&'a [u8]> {
    tree.file(format!("project/{path}"))
}

/// Whatever is left of a journal, it is read, and what is lost is said.
fn check_told(tree: &Tree, moment: &Moment, found: &Told, wrong: &mut Vec<String>) {
    let Some(kept) = journal(tree) else { return };
    let Told { list, export } = found;
    for it in [list, export].into_iter().filter(|it| it.code != Some(0)) {
        wrong.push(format!("the session cannot be read: {}", it.stderr));
    }
    if list.stdout.lines().count() != 1 {
        wrong.push(format!("the session is not listed: {}", list.stdout));
    }
    let is_clean = moment.journal.starts_with(kept) && (kept.is_empty() || kept.ends_with(b"\n"));
    if export.stderr.is_empty() != is_clean {
        wrong.push(format!("`{}` is told, and clean: {is_clean}", export.stderr));
    }
    for text in entries(&moment.promise.journal).iter().flat_map(words) {
        // A call without a result is not exported.
        if !export.stdout.contains(text.trim_end()) && !text.starts_with('{') {
            wrong.push(format!("it is not exported: {text}"));
        }
    }
}

/// The session goes on with all that was acknowledged, and does nothing twice.
fn check_resumed(tree: &Tree, moment: &Moment, found: &Resumed, wrong: &mut Vec<String>) {
    let Resumed { finished, messages, leaves_the_project } = found;
    if !leaves_the_project {
        wrong.push("to go on has changed the project".to_owned());
    }
    if journal(tree).is_some() && finished.code != Some(0) {
        wrong.push(format!("the session does not go on: {}", finished.stderr));
    }
    for text in entries(&moment.promise.journal).iter().flat_map(words) {
        if !messages.contains(Value::from(text).to_string().trim_matches('"')) {
            wrong.push(format!("the model does not know of {text}"));
        }
    }
}

/// All is as it was before the session, or it is said what is not.
fn check_undone(tree: &Tree, found: &Undone, wrong: &mut Vec<String>) {
    let Undone { finished, after } = found;
    let Finished { code, stdout, stderr, .. } = finished;
    if code.is_none_or(|it| 1 < it) {
        wrong.push(format!("undo ends with {code:?}: {stderr}"));
    }
    let is_back = |path: &&str| content(after, path) == PLAN.first(path).map(str::as_bytes);
    let edited = PLAN.edited().into_iter().filter(|it| !is_back(it));
    // What a command has done is known when it was written down, and that may be lost.
    let by_commands = PLAN.by_commands.iter().copied();
    let by_commands = by_commands.filter(|it| !is_back(it) && !stdout.contains(it));
    for path in edited.chain(by_commands.filter(|_| is_command_known(tree))) {
        let now = content(after, path).map(String::from_utf8_lossy);
        wrong.push(format!("`{path}` is {now:?} after undo: {stdout}{stderr}"));
    }
    let is_draft = |it: &Path| it.to_string_lossy().contains(".agent-");
    if after.below("project").any(|(it, _)| is_draft(it)) {
        wrong.push(format!("undo leaves a draft: {stdout}{stderr}"));
    }
}

fn is_command_known(tree: &Tree) -> bool {
    let records = journal_path(tree).map(|it| it.with_extension("").join("history/records.jsonl"));
    let records = records.and_then(|it| tree.file(it)).unwrap_or_default();
    let lines = records.split_inclusive(|it| *it == b'\n').filter(|it| it.ends_with(b"\n"));
    let mut lines = lines.filter_map(|it| serde_json::from_slice::<Value>(it).ok());
    lines.any(|it| it["record"]["by"] == "command")
}

/// The words of an entry that a person and a model are shown.
fn words(entry: &Value) -> Vec<&str> {
    let of = |name: &str| entry[name].as_str().into_iter();
    match entry["kind"].as_str() {
        Some("prompt" | "result") => of("text").collect(),
        Some("reply") => {
            let calls = entry["calls"].as_array().into_iter().flatten();
            of("text").chain(calls.filter_map(|it| it["args"].as_str())).collect()
        }
        _ => Vec::new(),
    }
}
