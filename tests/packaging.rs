//! The installer, run by a shell against a server of releases on this machine; and what of a release is
//! said in several places.
#![cfg(target_os = "linux")]

mod support;

use std::path::{Path, PathBuf};

use expect_test::{Expect, expect};

use crate::support::child::Finished;
use crate::support::fault_server::FaultServer;
use crate::support::home::Home;
use crate::support::hub::sha256;
use crate::support::response::{Response, say};

const SUMS: &str = "/latest/download/SHA256SUMS";

/// Programs that a plain system has.
const PLAIN: &[&str] = &[
    "sh",
    "cat",
    "chmod",
    "cp",
    "cut",
    "env",
    "grep",
    "gzip",
    "head",
    "mkdir",
    "mktemp",
    "mv",
    "rm",
    "sed",
    "sha256sum",
    "tar",
    "uname",
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn text(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).expect("it is text")
}

/// Those that this machine has.
fn fetchers() -> Vec<&'static str> {
    let home = Home::new();
    let is_there = |it: &&str| {
        let run = home.program(Path::new("sh"), &["-c", &format!("command -v {it} || true")]).run();
        !run.stdout.is_empty()
    };
    let found: Vec<_> = ["curl", "wget"].into_iter().filter(is_there).collect();
    assert!(!found.is_empty(), "an installer needs curl or wget");
    found
}

/// A home, and a release in which a script stands for the program.
struct World {
    home: Home,
    server: FaultServer,
    name: String,
    archive: Vec<u8>,
}

impl World {
    fn new() -> Self {
        let home = Home::new();
        let name = format!("agent-9.8.7-{}-unknown-linux-musl", std::env::consts::ARCH);
        home.file(&format!("project/{name}/agent"), "#!/bin/sh\necho agent 9.8.7\n");
        let pack = format!("chmod 755 {name}/agent && tar -czf {name}.tar.gz {name}");
        home.program(Path::new("sh"), &["-c", &pack]).run().assert_code(0);
        let archive = std::fs::read(home.path(&format!("project/{name}.tar.gz"))).expect("packed");
        let world = Self { home, server: FaultServer::answering(|_, _| say("")), name, archive };
        world.serve("/latest/download", &sha256(&world.archive));
        world
    }

    fn serve(&self, folder: &str, sum: &str) {
        let sums =
            format!("{}  agent-9.8.7-other.tar.gz\n{sum}  {}.tar.gz\n", "0".repeat(64), self.name);
        let plain = |bytes: &[u8]| Response::whole(200, "application/octet-stream", bytes);
        self.server.on("GET", &format!("{folder}/SHA256SUMS"), plain(sums.as_bytes()));
        self.server.on("GET", &format!("{folder}/{}.tar.gz", self.name), plain(&self.archive));
    }

    /// Runs the installer with no programs but the plain ones and these.
    fn install(&self, programs: &[&str], args: &[&str]) -> Finished {
        for name in PLAIN.iter().chain(programs) {
            let link = format!("mkdir -p ../bin && ln -sf \"$(command -v {name})\" ../bin/{name}");
            self.home.program(Path::new("sh"), &["-c", &link]).run().assert_code(0);
        }
        let script = root().join("packaging/install.sh");
        let args = [&[script.to_str().expect("it is text")], args].concat();
        let run = self.home.program(&self.home.path("bin/sh"), &args);
        let run = run.env("PATH", self.home.path("bin").to_str().expect("it is text"));
        run.env("AGENT_RELEASES", &self.server.url()).run()
    }

    /// What was said, however this machine is called.
    #[track_caller]
    fn check(&self, finished: &Finished, code: i32, expected: Expect) {
        finished.assert_code(code);
        let said = format!("{}{}", finished.stdout, finished.stderr);
        let said =
            said.replace(&self.name, "agent-[TARGET]").replace(&self.server.url(), "[SERVER]");
        expected.assert_eq(&said.replace(&sha256(&self.archive), "[SUM]"));
    }

    fn is_installed(&self) -> bool {
        self.home.has("home/.local/bin/agent")
    }
}

#[test]
fn the_newest_release_is_installed_with_curl_or_with_wget() {
    for fetcher in fetchers() {
        let world = World::new();
        let finished = world.install(&[fetcher], &[]);
        world.check(
            &finished,
            0,
            expect![[r#"
                fetching agent-[TARGET].tar.gz
                its sha256 is as published; installed agent 9.8.7: [HOME]/.local/bin/agent
                [HOME]/.local/bin is not in your PATH; add it: export PATH="[HOME]/.local/bin:$PATH"
            "#]],
        );
        assert!(world.is_installed());
        // Nothing is left beside it.
        let left = std::fs::read_dir(world.home.path("home/.local/bin")).expect("it is there");
        assert_eq!(left.count(), 1);
    }
}

#[test]
fn a_version_and_a_folder_can_be_named() {
    let world = World::new();
    world.serve("/download/v9.8.7", &sha256(&world.archive));
    let to = world.home.path("home/my programs");
    let finished = world
        .install(&[fetchers()[0]], &["--version", "v9.8.7", "--to", to.to_str().expect("text")]);
    finished.assert_code(0);
    assert!(world.home.has("home/my programs/agent") && !world.is_installed());
}

#[test]
fn what_has_another_sum_is_not_installed() {
    let world = World::new();
    world.serve("/latest/download", &"a".repeat(64));
    let finished = world.install(&[fetchers()[0]], &[]);
    world.check(
        &finished,
        1,
        expect![[r#"
            fetching agent-[TARGET].tar.gz
            error: what came is not what it should be: its sha256 is [SUM], not aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
            hint: nothing was installed; try again, and look at what is between here and there
        "#]],
    );
    assert!(!world.is_installed());
}

#[test]
fn what_does_not_run_or_is_not_there_is_not_installed() {
    let world = World::new();
    let finished = world.install(&[], &[]);
    world.check(
        &finished,
        1,
        expect![[r#"
            error: there is neither curl nor wget to fetch it with
            hint: install one of them
        "#]],
    );
    let finished = world.install(&[fetchers()[0]], &["--version", "1.2.3"]);
    finished.assert_code(1);
    assert!(finished.stderr.contains("cannot fetch"), "{}", finished.stderr);
    world.server.on("GET", SUMS, Response::whole(200, "text/plain", b"nothing\n"));
    let finished = world.install(&[fetchers()[0]], &[]);
    assert!(finished.stderr.contains("has nothing for"), "{}", finished.stderr);
    assert!(!world.is_installed());
}

#[test]
fn a_folder_that_cannot_be_written_is_told() {
    let world = World::new();
    // A file stands where the folder would be: that stops root as well.
    world.home.file("home/.local/bin", "");
    let finished = world.install(&[fetchers()[0]], &[]);
    world.check(
        &finished,
        1,
        expect![[r#"
            fetching agent-[TARGET].tar.gz
            error: cannot write to [HOME]/.local/bin
            hint: name a folder of your own with --to DIR
        "#]],
    );
}

#[test]
fn a_half_of_the_installer_does_nothing() {
    let world = World::new();
    let whole = text("packaging/install.sh");
    let half: String =
        whole.lines().take(whole.lines().count() - 1).map(|it| format!("{it}\n")).collect();
    world.home.file("half.sh", &half);
    world.home.program(Path::new("sh"), &["../half.sh"]).check();
    assert!(!world.is_installed());
}

#[test]
fn a_release_is_packed_and_named_the_same_everywhere() {
    let targets = [
        "x86_64-unknown-linux-musl",
        "aarch64-unknown-linux-musl",
        "x86_64-apple-darwin",
        "aarch64-apple-darwin",
    ];
    let (workflow, formula) =
        (text(".github/workflows/release.yml"), text("packaging/homebrew/agent.rb"));
    for target in targets {
        assert!(workflow.contains(&format!("target: {target}\n")), "{target}");
        assert!(formula.contains(&format!("-{target}.tar.gz\"")), "{target}");
    }
    let address = "https://github.com/OWNER/agent";
    assert!(text("Cargo.toml").contains(&format!("repository = \"{address}\"")));
    assert!(text("packaging/install.sh").contains(&format!("{address}/releases")));
    let home = Home::new();
    let program = root().join("packaging/archive");
    for folder in ["one", "two"] {
        home.file(&format!("{folder}/agent"), "the program");
        let run = home.program(&program, &["agent", targets[0]]).in_dir(folder);
        run.env("SOURCE_DATE_EPOCH", "1795655921").run().assert_code(0);
    }
    let name = format!("agent-{}-{}.tar.gz", env!("CARGO_PKG_VERSION"), targets[0]);
    let packed =
        |folder: &str| std::fs::read(home.path(&format!("{folder}/{name}"))).expect("packed");
    assert_eq!(packed("one"), packed("two"));
}

#[test]
fn the_formula_gets_the_version_and_the_sums() {
    let home = Home::new();
    let sums: String = [
        "aarch64-apple-darwin",
        "x86_64-apple-darwin",
        "aarch64-unknown-linux-musl",
        "x86_64-unknown-linux-musl",
    ]
    .iter()
    .enumerate()
    .map(|(n, it)| format!("{}  agent-9.8.7-{it}.tar.gz\n", n.to_string().repeat(64)))
    .collect();
    home.file("project/SHA256SUMS", &sums);
    let finished = home.program(&root().join("packaging/formula"), &["SHA256SUMS"]).run();
    finished.assert_code(0);
    assert!(finished.stdout.contains("version \"9.8.7\"") && !finished.stdout.contains("SUM-"));
    assert!(finished.stdout.contains(&format!("sha256 \"{}\"", "3".repeat(64))));
}

#[test]
fn each_action_of_a_workflow_is_pinned() {
    let workflow = text(".github/workflows/release.yml");
    let used =
        workflow.lines().filter_map(|it| it.trim_start_matches([' ', '-']).strip_prefix("uses: "));
    let mut count = 0;
    for action in used {
        count += 1;
        let pin = action.split(['@', ' ']).nth(1).unwrap_or_default();
        let is_commit = pin.len() == 40 && pin.bytes().all(|it| it.is_ascii_hexdigit());
        assert!(is_commit && action.contains(" # v"), "{action}");
    }
    assert!(3 < count, "the actions are found");
}
