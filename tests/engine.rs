//! Engines: got from releases, tried, used, kept, removed. The releases are served on loopback; what is
//! in them is a real llama-server.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

mod support;

use expect_test::expect;
use serde_json::{Value, json};

use crate::support::home::Run;
use crate::support::play::{Play, processes};
use crate::support::releases::{Release, Releases, packed, scripted, standing_for};

struct Machine {
    play: Play,
    releases: Releases,
}

impl Machine {
    /// With these releases. `None` where the person who runs the tests does without.
    fn with(releases: impl FnOnce(&Play) -> Vec<Release>) -> Option<Self> {
        let play = Play::new()?;
        let releases = Releases::serve(releases(&play));
        Some(Self { play, releases })
    }

    /// With one stable release, build 2, beside an older one.
    fn usual() -> Option<Self> {
        Self::with(|play| {
            vec![
                Release::proper("v0.7.0", 2),
                Release::build(2).cpu(standing_for(2, play.server)),
                Release::build(1).cpu(standing_for(1, play.server)),
            ]
        })
    }

    /// Without a llama-server that anybody named.
    fn agent(&self, args: &[&str]) -> Run {
        let run = self.play.home.agent(args).env("AGENT_ENGINE_API", &self.releases.api());
        run.env("AGENT_ENGINE_DOWNLOADS", &self.releases.downloads())
    }

    fn engine(&self, args: &[&str]) -> Run {
        self.agent(&[&["engine"], args].concat())
    }

    /// Names of what is installed; the one that is used has a star.
    #[track_caller]
    fn installed(&self) -> String {
        let printed = self.engine(&["list", "--json"]).run().stdout;
        let lines = printed.lines().map(|it| serde_json::from_str::<Value>(it).expect("JSON"));
        let name = |it: Value| {
            let star = if it["used"] == true { "*" } else { "" };
            format!("{star}{}", it["name"].as_str().expect("a name"))
        };
        lines.map(name).collect::<Vec<_>>().join(" ")
    }

    /// The program works with what is installed.
    #[track_caller]
    fn says_hello(&self) {
        let model = self.play.model("hello", &json!([{"content": "Hello from the engine."}]));
        let run = self.agent(&["-m", &model, "hello"]);
        let finished = run.run();
        finished.assert_code(0);
        assert_eq!(finished.stdout, "Hello from the engine.\n");
    }

    /// What is left in the folder of engines beside them.
    fn leftovers(&self) -> Vec<String> {
        let folder = self.play.home.path("home/.local/share/agent/engine");
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let names = entries.map(|it| it.file_name().to_string_lossy().into_owned());
        let known = ["lock", "current", "downloads"];
        let mut left: Vec<_> =
            names.filter(|it| !known.contains(&it.as_str()) && !it.starts_with('b')).collect();
        left.sort();
        left
    }
}

/// Without what differs from run to run.
fn steady(printed: &str) -> String {
    let log = regex::Regex::new(r"llama-server-\d+\.log").expect("it is constant");
    let port = regex::Regex::new(r"127\.0\.0\.1:\d+").expect("it is constant");
    let size = regex::Regex::new(r"\d+\.\d [kM]B").expect("it is constant");
    let sum = regex::Regex::new(r"is [0-9a-f]{64}, not").expect("it is constant");
    let printed = log.replace_all(printed, "llama-server-PID.log");
    let printed = sum.replace_all(&printed, "is SUM, not");
    let printed = port.replace_all(&printed, "HOST");
    size.replace_all(&printed, "N MB").into_owned()
}

// Getting one.

#[test]
fn from_nothing_to_an_answer() {
    let machine = Machine::with(|play| {
        vec![
            Release::proper("v0.7.0", 11669),
            Release::build(11669).cpu(packed(11669, play.server)),
        ]
    });
    let Some(machine) = machine else { return };
    let none = machine.agent(&["-m", "/none.gguf", "hello"]).env("PATH", "/nowhere").run();
    none.assert_code(1);
    let finished = machine.engine(&["install"]).run();
    finished.assert_code(0);
    expect![[r#"
        found b11669
        fetching llama-b11669-bin-ubuntu-x64.tar.gz (N MB)
        trying it (cpu)
        installed b11669-cpu: [HOME]/.local/share/agent/engine/b11669-cpu/llama/llama-b11669/llama-server
    "#]].assert_eq(&steady(&finished.stderr));
    assert_eq!(machine.installed(), "*b11669-cpu");
    machine.says_hello();
    assert_eq!(machine.leftovers(), [""; 0]);
    assert_eq!(processes(&machine.play.home), []);
}

#[test]
fn what_is_there_is_not_fetched_again() {
    let Some(machine) = Machine::usual() else { return };
    machine.engine(&["install"]).run().assert_code(0);
    let before = machine.releases.asked().len();
    let finished = machine.engine(&["install"]).run();
    finished.assert_code(0);
    expect![[r#"
        found b2
        b2-cpu is installed already, and is used
    "#]]
    .assert_eq(&finished.stderr);
    let asked = machine.releases.asked();
    assert!(!asked[before..].iter().any(|it| it.contains("/objects/llama")), "{asked:?}");
}

#[test]
fn a_build_may_be_named_and_the_newest_one_asked_for() {
    let Some(machine) = Machine::usual() else { return };
    // The newest builds have nothing for this machine, and one is not published yet.
    machine.releases.publish(Release::build(3).cpu(standing_for(3, machine.play.server)));
    for number in 4..40 {
        machine
            .releases
            .publish(Release::build(number).file("llama-b9-bin-macos-arm64.tar.gz", vec![1]));
    }
    machine.releases.publish(Release::build(40).cpu(vec![1]).draft());
    machine.engine(&["install", "--version", "b1"]).run().assert_code(0);
    assert_eq!(machine.installed(), "*b1-cpu");
    machine.engine(&["install", "--nightly"]).run().assert_code(0);
    assert_eq!(machine.installed(), "*b3-cpu b1-cpu");
    machine.says_hello();
}

#[test]
fn without_the_api_the_plain_addresses_serve() {
    let Some(machine) = Machine::usual() else { return };
    machine.releases.limit();
    let finished = machine.engine(&["install"]).run();
    finished.assert_code(0);
    expect![[r#"
        found b2
        warning: nobody says what `llama-b2-bin-ubuntu-x64.tar.gz` should hold, so it cannot be checked
        fetching llama-b2-bin-ubuntu-x64.tar.gz
        trying it (cpu)
        installed b2-cpu: [HOME]/.local/share/agent/engine/b2-cpu/llama/llama-b2/llama-server
    "#]].assert_eq(&steady(&finished.stderr));
    assert_eq!(machine.installed(), "*b2-cpu");
    let listed = machine.engine(&["list"]).run().stdout;
    assert!(listed.contains("not checked"), "{listed}");
    let finished = machine.engine(&["install", "--nightly"]).run();
    finished.assert_code(1);
    expect![[r#"
        error: cannot install an engine: cannot find a release: the list of releases is asked for too often from here
        hint: try again later, or without `--nightly`
    "#]].assert_eq(&finished.stderr);
}

#[test]
fn a_download_that_is_cut_goes_on() {
    let Some(machine) = Machine::usual() else { return };
    machine.releases.cut(1, 100_000);
    let first = machine.engine(&["install"]).run();
    if first.code != Some(0) {
        machine.engine(&["install"]).run().assert_code(0);
    }
    assert_eq!(machine.installed(), "*b2-cpu");
    machine.says_hello();
}

// What is refused.

#[track_caller]
fn check_refused(machine: &Machine, args: &[&str], expected: expect_test::Expect) {
    let before = machine.installed();
    let finished = machine.engine(args).run();
    finished.assert_code(1);
    let told = finished.stderr.lines().skip_while(|it| !it.starts_with("error: "));
    expected.assert_eq(&steady(&told.map(|it| format!("{it}\n")).collect::<String>()));
    assert_eq!(machine.installed(), before);
    assert_eq!(machine.leftovers(), [""; 0]);
    assert_eq!(processes(&machine.play.home), []);
}

#[test]
fn what_does_not_work_changes_nothing() {
    let Some(machine) = Machine::usual() else { return };
    machine.engine(&["install"]).run().assert_code(0);
    let scripts = [
        (3, "echo 'error: libfoo.so.1: cannot open shared object file' >&2; exit 127"),
        (4, "kill -9 $$"),
    ];
    for (build, script) in scripts {
        machine.releases.publish(Release::build(build).cpu(scripted(build, script)));
        machine.releases.publish(Release::proper(&format!("v0.7.{build}"), build));
    }
    check_refused(
        &machine,
        &["update"],
        expect![[r#"
        error: cannot install an engine: `b4-cpu` does not work here, and nothing was changed: cannot start the model server: it was ended by signal 9; its log is `[HOME]/.local/state/agent/logs/llama-server-PID.log`
        hint: the system does this when memory runs out; set a smaller `context`
    "#]],
    );
    check_refused(
        &machine,
        &["install", "--version", "b3"],
        expect![[r#"
        error: cannot install an engine: `b3-cpu` does not work here, and nothing was changed: cannot start the model server: it ended with exit status: 127: error: libfoo.so.1: cannot open shared object file; its log is `[HOME]/.local/state/agent/logs/llama-server-PID.log`
    "#]],
    );
    machine.says_hello();
}

#[test]
fn a_digest_that_is_wrong_is_the_end_of_it() {
    let Some(machine) = Machine::with(|play| {
        let other = format!("sha256:{}", "0".repeat(64));
        vec![
            Release::proper("v1", 1),
            Release::build(1).cpu(standing_for(1, play.server)).digest(Some(&other)),
            Release::build(2).cpu(standing_for(2, play.server)).digest(Some("md5:12")),
        ]
    }) else {
        return;
    };
    check_refused(
        &machine,
        &["install"],
        expect![[r#"
            error: cannot install an engine: cannot fetch `llama-b1-bin-ubuntu-x64.tar.gz`: what came is not what it should be: its sha256 is SUM, not 0000000000000000000000000000000000000000000000000000000000000000
            hint: it was thrown away; try again, and if that fails look at what is between here and there
        "#]],
    );
    check_refused(
        &machine,
        &["install", "--version", "b2"],
        expect![[r#"
        error: cannot install an engine: cannot find a release: cannot check `llama-b2-bin-ubuntu-x64.tar.gz`: `md5:12` is not a sha256
    "#]],
    );
}

#[test]
fn an_archive_that_leads_out_is_refused() {
    let Some(machine) = Machine::with(|_| {
        let evil = |name: &str, kind, target: &str| {
            let mut tar = tar::Builder::new(flate2::write::GzEncoder::new(
                Vec::new(),
                flate2::Compression::fast(),
            ));
            let mut header = tar::Header::new_gnu();
            header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
            header.as_old_mut().linkname[..target.len()].copy_from_slice(target.as_bytes());
            header.set_entry_type(kind);
            header.set_mode(0o755);
            header.set_size(0);
            header.set_cksum();
            tar.append(&header, &b""[..]).expect("memory takes it");
            tar.into_inner().and_then(flate2::write::GzEncoder::finish).expect("memory takes it")
        };
        use tar::EntryType;
        vec![
            Release::build(1).cpu(evil("../../../../evil", EntryType::Regular, "")),
            Release::build(2).cpu(evil("llama-b2/x", EntryType::Symlink, "/etc")),
            Release::build(3).cpu(evil("llama-b3/llama-server", EntryType::Link, "/bin/sh")),
            Release::build(4).cpu(evil("llama-b4/other", EntryType::Regular, "")),
            Release::build(5).cpu(b"<html>not found</html>".to_vec()),
        ]
    }) else {
        return;
    };
    check_refused(
        &machine,
        &["install", "--version", "b1"],
        expect![[r#"
        error: cannot install an engine: cannot unpack `llama-b1-bin-ubuntu-x64.tar.gz`: `../../../../evil` would be put outside
    "#]],
    );
    check_refused(
        &machine,
        &["install", "--version", "b2"],
        expect![[r#"
        error: cannot install an engine: cannot unpack `llama-b2-bin-ubuntu-x64.tar.gz`: the link `llama-b2/x` leads out of it
    "#]],
    );
    check_refused(
        &machine,
        &["install", "--version", "b3"],
        expect![[r#"
        error: cannot install an engine: cannot unpack `llama-b3-bin-ubuntu-x64.tar.gz`: `llama-b3/llama-server` is a hard link
    "#]],
    );
    check_refused(
        &machine,
        &["install", "--version", "b4"],
        expect![[r#"
        error: cannot install an engine: cannot use `llama-b4-bin-ubuntu-x64.tar.gz`: there is no `llama-server` in it
    "#]],
    );
    check_refused(
        &machine,
        &["install", "--version", "b5"],
        expect![[r#"
        error: cannot install an engine: cannot unpack `llama-b5-bin-ubuntu-x64.tar.gz`: it is damaged, or cut off: invalid gzip header
    "#]],
    );
    check_refused(
        &machine,
        &["install", "--version", "b6"],
        expect![[r#"
        error: cannot install an engine: cannot find a release: b6 is not there
        hint: `--nightly` takes the newest build there is
    "#]],
    );
    check_refused(
        &machine,
        &["install"],
        expect![[r#"
        error: cannot install an engine: cannot find a release: the stable release is not there
        hint: `--nightly` takes the newest build there is
    "#]],
    );
    check_refused(
        &machine,
        &["install", "--version", "b1", "--backend", "rocm"],
        expect![[r#"
        error: cannot install an engine: b1 cannot be used: this release has nothing for `rocm` on this machine
        hint: there is cpu
    "#]],
    );
    assert!(!machine.play.home.has("evil") && !machine.play.home.has("home/evil"));
}

#[test]
fn a_disk_that_is_full_changes_nothing() {
    let Some(machine) = Machine::usual() else { return };
    machine.engine(&["install", "--version", "b1"]).run().assert_code(0);
    // What no file may exceed, is as good as a disk without room.
    let agent = env!("CARGO_BIN_EXE_agent");
    let command = format!("ulimit -f 200; exec '{agent}' engine install");
    let run = machine.play.home.program(std::path::Path::new("/bin/sh"), &["-c", &command]);
    let run = run.env("AGENT_ENGINE_API", &machine.releases.api());
    let finished = run.env("AGENT_ENGINE_DOWNLOADS", &machine.releases.downloads()).run();
    finished.assert_code(1);
    expect![[r#"
        found b2
        fetching llama-b2-bin-ubuntu-x64.tar.gz (N MB)
        error: cannot install an engine: cannot fetch `llama-b2-bin-ubuntu-x64.tar.gz`: cannot write `[HOME]/.local/share/agent/engine/downloads/llama-b2-bin-ubuntu-x64.tar.gz.partial`: File too large
    "#]].assert_eq(&steady(&finished.stderr));
    assert_eq!(machine.installed(), "*b1-cpu");
    machine.engine(&["install"]).run().assert_code(0);
    assert_eq!(machine.installed(), "*b2-cpu b1-cpu");
}

// Several.

#[test]
fn one_is_updated_and_gone_back_to_and_removed() {
    let Some(machine) = Machine::usual() else { return };
    let none = machine.engine(&["update"]).run();
    none.assert_code(1);
    expect![[r#"
        error: no engine of ours is used, and others are not changed
        hint: agent engine install
    "#]]
    .assert_eq(&none.stderr);
    machine.engine(&["install", "--version", "b1"]).run().assert_code(0);
    machine.engine(&["update"]).run().assert_code(0);
    assert_eq!(machine.installed(), "*b2-cpu b1-cpu");
    machine.releases.publish(Release::build(3).cpu(standing_for(3, machine.play.server)));
    machine.releases.publish(Release::proper("v0.8.0", 3));
    let finished = machine.engine(&["update"]).run();
    finished.assert_code(0);
    expect![[r#"
        found b3
        fetching llama-b3-bin-ubuntu-x64.tar.gz (N MB)
        trying it (cpu)
        removed b1-cpu; the last two are kept
        installed b3-cpu: [HOME]/.local/share/agent/engine/b3-cpu/llama/llama-b3/llama-server
    "#]]
    .assert_eq(&steady(&finished.stderr));
    assert_eq!(machine.installed(), "*b3-cpu b2-cpu");

    machine.engine(&["use", "b2"]).run().assert_code(0);
    assert_eq!(machine.installed(), "b3-cpu *b2-cpu");
    machine.says_hello();
    let unknown = machine.engine(&["use", "b1"]).run();
    unknown.assert_code(1);
    expect![[r#"
        error: no engine `b1` is installed
        hint: there is `b3-cpu`, `b2-cpu`; `agent engine install --version b1` may have it
    "#]]
    .assert_eq(&unknown.stderr);

    machine.engine(&["remove", "b2"]).run().assert_code(0);
    assert_eq!(machine.installed(), "b3-cpu");
    machine.engine(&["use", "b3"]).run().assert_code(0);
    machine.engine(&["use", "path"]).env("PATH", "/nowhere").run().assert_code(0);
    assert_eq!(machine.installed(), "b3-cpu");
    machine.engine(&["remove", "b3-cpu"]).run().assert_code(0);
    let list = machine.engine(&["list"]).run().stdout;
    expect![[r#"
        no engine is installed; `agent engine install` gets one
    "#]]
    .assert_eq(&list);
}

#[test]
fn two_at_once_install_it_once() {
    let Some(machine) = Machine::usual() else { return };
    let (one, two) = (machine.engine(&["install"]).start(), machine.engine(&["install"]).start());
    let (one, two) = (one.finish(), two.finish());
    one.assert_code(0);
    two.assert_code(0);
    assert_eq!(machine.installed(), "*b2-cpu");
    let fetched = machine.releases.asked();
    let fetched = fetched.iter().filter(|it| it.starts_with("/objects/b2/llama")).count();
    assert_eq!(fetched, 1, "{}{}", one.stderr, two.stderr);
}

#[test]
fn what_a_killed_install_leaves_goes_with_the_next() {
    let Some(machine) = Machine::with(|play| {
        vec![
            Release::build(1).cpu(scripted(1, "exec sleep 600")),
            Release::build(2).cpu(standing_for(2, play.server)),
        ]
    }) else {
        return;
    };
    let running = machine.engine(&["install", "--version", "b1"]).start();
    running.wait_for_stderr("trying it");
    running.kill();
    let _ = running.finish();
    assert_eq!(machine.installed(), "");
    machine.engine(&["install", "--version", "b2"]).run().assert_code(0);
    assert_eq!(machine.installed(), "*b2-cpu");
    assert_eq!(machine.leftovers(), [""; 0]);
    support::play::until("the end of what was tried", || processes(&machine.play.home).is_empty());
}

#[test]
fn what_does_not_run_on_the_card_runs_on_the_processor() {
    let Some(machine) = Machine::with(|play| {
        let release = Release::build(1).cpu(standing_for(1, play.server));
        let name = "llama-b1-bin-ubuntu-vulkan-x64.tar.gz";
        vec![release.file(name, scripted(1, "echo 'error: vk: no device' >&2; exit 1"))]
    }) else {
        return;
    };
    check_refused(
        &machine,
        &["install", "--version", "b1", "--backend", "vulkan"],
        expect![[r#"
            error: cannot install an engine: `b1-vulkan` does not work here, and nothing was changed: cannot start the model server: it ended with exit status: 1: error: vk: no device; its log is `[HOME]/.local/state/agent/logs/llama-server-PID.log`
        "#]],
    );
    machine.engine(&["install", "--version", "b1"]).run().assert_code(0);
    assert_eq!(machine.installed(), "*b1-cpu");
}

#[test]
fn an_engine_that_was_named_is_used_as_it_is() {
    let Some(machine) = Machine::usual() else { return };
    let server = machine.play.server.to_str().expect("the path is text");
    let finished = machine.engine(&["install"]).env("LLAMA_SERVER", server).run();
    finished.assert_code(0);
    let last = finished.stderr.lines().last().unwrap_or_default();
    expect!["SERVER is what runs: `$LLAMA_SERVER` says so"]
        .assert_eq(&last.replace(server, "SERVER"));
    let status = machine.engine(&["status", "--json"]).env("LLAMA_SERVER", server).run().stdout;
    let status: Value = serde_json::from_str(&status).expect("it is JSON");
    assert_eq!(status["engine"]["whence"], "variable");
    assert!(status["engine"]["build"].is_u64(), "{status}");
    let status = machine.engine(&["status"]).run().stdout;
    let status = status.lines().take(4).map(|it| format!("{it}\n")).collect::<String>();
    expect![[r#"
        engine: b2-cpu
        program: [HOME]/.local/share/agent/engine/b2-cpu/llama/llama-b2/llama-server
        why this one: `agent engine` installed it
        installed: b2-cpu, in [HOME]/.local/share/agent/engine
    "#]]
    .assert_eq(&status);
}

// What is at work.

/// Without what differs from machine to machine.
fn anywhere(printed: &str) -> String {
    let free = regex::Regex::new(r"\d+(\.\d)? ([kMG]B|bytes) free").expect("it is constant");
    let machine = regex::Regex::new(r"(?m)machine: .*$").expect("it is constant");
    let printed = free.replace_all(printed, "N free");
    machine.replace_all(&steady(&printed), "machine: …").into_owned()
}

#[test]
fn versions_and_places_are_told() {
    let Some(machine) = Machine::usual() else { return };
    let run = machine.agent(&["version"]).env("PATH", "/nowhere").run();
    run.assert_code(0);
    expect![[r#"
        agent 0.1.0
        engine: none; `agent engine install` gets one
        models: [HOME]/.cache/huggingface/hub
        engines: [HOME]/.local/share/agent/engine
        sessions: [HOME]/.local/state/agent/sessions
        configuration: [HOME]/.config/agent/config.toml
    "#]]
    .assert_eq(&run.stdout);
    machine.engine(&["install"]).run().assert_code(0);
    let version = machine.agent(&["version", "--json"]).run().stdout;
    let version: Value = serde_json::from_str(&version).expect("it is JSON");
    assert_eq!(version["engine"]["build"], 2);
    assert_eq!(version["engine"]["backend"], "cpu");
}

#[test]
fn the_doctor_says_what_is_missing_and_what_to_do() {
    let Some(machine) = Machine::usual() else { return };
    let none = machine.agent(&["doctor"]).env("PATH", "/nowhere").run();
    none.assert_code(1);
    let told = none.stdout.lines().filter(|it| !it.contains(" commands: "));
    expect![[r#"
        ok    project: [PROJECT], no git repository
        ok    configuration: understood
        warn  model: none is configured, and none is here that would be taken
              hint: name one with `-m FILE.gguf`, or set `model`; `agent models pull` fetches one
        ok    configuration folder: [HOME]/.config/agent, N free
        ok    sessions folder: [HOME]/.local/state/agent, N free
        ok    engines folder: [HOME]/.local/share/agent, N free
        ok    models folder: [HOME]/.cache/huggingface/hub, N free
        ok    sockets folder: [TEMP]/run/agent, N free
        ok    terminal: none: there is nobody to ask
        ok    machine: …
        fail  engine: cannot find `llama-server` in the directories of `$PATH`
              hint: `agent engine install` gets one; or install llama.cpp with your package manager, or set `$LLAMA_SERVER` to the path of its llama-server
    "#]].assert_eq(&anywhere(&told.map(|it| format!("{it}\n")).collect::<String>()));

    machine.engine(&["install"]).run().assert_code(0);
    let model = machine.play.model("hello", &json!([{"content": "Hello."}]));
    let well = machine.agent(&["doctor", "--json"]).env("AGENT_MODEL", &model).run();
    well.assert_code(0);
    let well: Value = serde_json::from_str(&well.stdout).expect("it is JSON");
    assert_eq!(well["ok"], true);
    assert_eq!(processes(&machine.play.home), []);
    assert!(!machine.releases.asked().iter().any(|it| it.ends_with("per_page=1")));
}

#[test]
fn the_doctor_finds_an_engine_that_does_not_work() {
    let Some(machine) = Machine::usual() else { return };
    machine.engine(&["install"]).run().assert_code(0);
    let program = "home/.local/share/agent/engine/b2-cpu/llama/llama-b2/llama-server";
    machine.play.home.file(program, "#!/bin/sh\necho 'error: no libcuda.so.1' >&2\nexit 1\n");
    let sick = machine.agent(&["doctor"]).run();
    sick.assert_code(1);
    let told: String = sick.stdout.lines().filter(|it| it.contains(" engine: ")).collect();
    expect!["fail  engine: b2-cpu, [HOME]/.local/share/agent/engine/b2-cpu/llama/llama-b2/llama-server: cannot start the model server: it ended with exit status: 1: error: no libcuda.so.1; its log is `[HOME]/.local/state/agent/logs/llama-server-PID.log`"].assert_eq(&steady(&told));
}

/// `--network` alone asks anybody.
#[test]
fn the_doctor_asks_the_network_only_when_told_to() {
    let Some(machine) = Machine::usual() else { return };
    machine.agent(&["doctor"]).run();
    assert_eq!(machine.releases.asked(), [""; 0]);
    let hub = machine.releases.api();
    let finished = machine.agent(&["doctor", "--network"]).env("HF_ENDPOINT", &hub).run();
    let told = finished.stdout.lines().filter(|it| it.contains(" releases: ")).collect::<String>();
    assert!(told.starts_with("ok    releases: "), "{told}");
}
