//! To open a project, to look at its history and to commit runs nothing of it, whatever its settings
//! of git name and whatever else it brings: H05 and H34.
#![cfg(target_os = "linux")]
#![expect(clippy::disallowed_methods, reason = "the tests stand where `cli` and `sandbox` stand")]
#![expect(clippy::print_stderr, reason = "what is left out is said")]

mod support;

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::support::fault_server::FaultServer;
use crate::support::home::{Home, Run};
use crate::support::response::{Response, call, say};
use crate::support::terminal::{CTRL_D, ENTER};

/// A program that leaves a trace beside the project, and passes on what it reads.
fn trap(home: &Home, name: &str) -> String {
    let ran = home.path("ran");
    let text = format!("#!/bin/sh\necho {name} >> '{}'\nexec cat\n", ran.display());
    home.file(&format!("traps/{name}"), &text);
    let path = home.path(&format!("traps/{name}"));
    let everybody = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(&path, everybody).expect("the home is ours");
    path.display().to_string()
}

/// Settings of git that name a program, and the program's name.
const SETTINGS: &[(&str, &str)] = &[
    ("core.fsmonitor", "fsmonitor"),
    ("core.pager", "pager"),
    ("core.editor", "editor"),
    ("core.sshCommand", "ssh"),
    ("core.askPass", "askpass"),
    ("credential.helper", "credential"),
    ("diff.external", "diff"),
    ("diff.x.textconv", "textconv"),
    ("diff.x.command", "driver"),
    ("filter.x.clean", "clean"),
    ("filter.x.smudge", "smudge"),
    ("merge.x.driver", "merge"),
    ("gpg.program", "gpg"),
    ("gpg.ssh.program", "gpg-ssh"),
    ("interactive.diffFilter", "interactive"),
    ("sequence.editor", "sequence"),
    ("uploadpack.packObjectsHook", "pack"),
];

const HOOKS: &[&str] = &[
    "pre-commit",
    "prepare-commit-msg",
    "commit-msg",
    "post-commit",
    "post-checkout",
    "post-index-change",
    "reference-transaction",
    "fsmonitor-watchman",
];

/// A repository with a change, that runs something whatever git does in it.
fn hostile_repository() -> Home {
    let home = Home::new();
    home.git(&["init", "-q", "-b", "main"]);
    for name in ["a", "b", "c"] {
        home.file(&format!("project/{name}.txt"), "one\n");
    }
    home.git(&["add", "."]);
    home.git(&["commit", "-qm", "start"]);
    let mut config = String::new();
    for (setting, name) in SETTINGS {
        let (section, key) = setting.rsplit_once('.').expect("a setting is in a section");
        let section = match section.split_once('.') {
            Some((section, part)) => format!("{section} \"{part}\""),
            None => section.to_owned(),
        };
        config += &format!("[{section}]\n\t{key} = {}\n", trap(&home, name));
    }
    config += &format!("[alias]\n\tstatus = !{0}\n\tlog = !{0}\n", trap(&home, "alias"));
    config += &format!("[filter \"y\"]\n\tprocess = {}\n", trap(&home, "process"));
    config += "[commit]\n\tgpgSign = true\n";
    // Half of it by way of another file, that is only read where the project is.
    let project = home.path("project").display().to_string();
    home.file("project/more", &config);
    let own = home.read("project/.git/config")
        + &format!("\thooksPath = {}\n", home.path("hooks").display())
        + "[user]\n\tname = A Tester\n\temail = tester@example.org\n"
        + &format!("[includeIf \"gitdir:{project}/\"]\n\tpath = {project}/more\n");
    home.file("project/.git/config", &own);
    for hook in HOOKS {
        let from = trap(&home, hook);
        for to in [home.path("hooks"), home.path("project/.git/hooks")] {
            std::fs::create_dir_all(&to).expect("the home is ours");
            std::fs::copy(&from, to.join(hook)).expect("the home is ours");
        }
    }
    // A repository that is no more than files of the project.
    let bare = format!("[core]\n\tbare = false\n\tworktree = {project}\n{config}");
    home.file("project/sub/config", &bare).file("project/sub/HEAD", "ref: refs/heads/main\n");
    home.file("project/sub/objects/x", "").file("project/sub/refs/x", "");
    home.file("project/.gitattributes", "a.txt filter=x diff=x merge=x\nb.txt filter=y diff=x\n");
    for name in ["a", "b", "c"] {
        home.file(&format!("project/{name}.txt"), "one\ntwo\n");
    }
    home.file("ran", "");
    home
}

fn ran(home: &Home) -> Vec<String> {
    let mut ran: Vec<_> = home.read("ran").lines().map(str::to_owned).collect();
    ran.sort();
    ran.dedup();
    ran
}

#[test]
fn what_is_read_and_written_of_git_runs_nothing() {
    let home = hostile_repository();
    let git = |action: &str| call("git", json!({"action": action}));
    let of = |action: &str, path: &str| call("git", json!({"action": action, "path": path}));
    let replies = vec![
        git("status"),
        git("diff"),
        git("log"),
        git("show"),
        git("branches"),
        of("blame", "a.txt"),
        of("diff", "b.txt"),
        of("log", "sub/HEAD"),
        call("project_overview", json!({})),
        call("search", json!({"pattern": "two"})),
        call("edit_file", json!({"path": "a.txt", "edits": [{"old": "two", "new": "three"}]})),
        call("git_commit", json!({"message": "more"})),
        call("git_commit", json!({"message": "more", "paths": ["c.txt"], "new_branch": "work"})),
        say("That was all."),
    ];
    let calls = replies.len();
    let server = FaultServer::script(replies);
    let finished = home.agent(&["look around"]).server(&server).run();
    finished.assert_code(0);
    assert_eq!(server.chats().len(), calls, "{}", finished.stderr);
    let diff = server.chat(2).last_message().unwrap_or_default().to_owned();
    assert!(diff.contains("+two"), "it was looked at: {diff}");
    let refused = server.chat(12).last_message().unwrap_or_default().to_owned();
    assert!(refused.contains("a program that is not run here"), "{refused}");
    let commit = server.chat(13).last_message().unwrap_or_default().to_owned();
    assert!(commit.starts_with("[work "), "it was committed: {commit}");
    home.agent(&["-C", &home.path("project/sub").display().to_string(), "and here"])
        .server(&server)
        .run()
        .assert_code(0);
    assert_eq!(ran(&home), [""; 0]);

    // That there is something to be run is shown by git itself.
    let script = "git status; git diff; git diff --no-ext-diff; git log -p --ext-diff; \
                  git add .; git commit -m x; git checkout -q -b y; cd sub && git status";
    home.program(Path::new("/bin/sh"), &["-c", script]).run();
    let control = ran(&home);
    for name in ["fsmonitor", "diff", "textconv", "clean", "process", "pre-commit", "gpg"] {
        assert!(control.iter().any(|it| it == name), "the control: {name} in {control:?}");
    }
}

#[test]
fn a_conversation_that_begins_and_ends_runs_nothing() {
    let home = hostile_repository();
    let server = FaultServer::script(vec![say("Hello.")]);
    let mut terminal = home.agent(&[]).server(&server).terminal(24, 100);
    terminal.wait_for("main");
    terminal.wait_until("a prompt", |screen| screen.trim_end().ends_with('›'));
    terminal.send("hi");
    terminal.send(ENTER);
    terminal.wait_for("Hello.");
    terminal.wait_until("a prompt", |screen| screen.trim_end().ends_with('›'));
    terminal.send(CTRL_D);
    assert_eq!(terminal.finish().0, Some(0));
    for args in [&["sessions", "list"][..], &["config", "show"], &["trust", "--show"], &["diff"]] {
        home.agent(args).server(&server).run().assert_code(0);
    }
    assert_eq!(ran(&home), [""; 0]);
}

/// Where programs are looked for, without the project having a say.
fn strace() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|it| it.join("strace")).find(|it| it.is_file());
    if found.is_none() {
        eprintln!("NOT TESTED: which programs are started, for there is no `strace` here");
    }
    found
}

/// The programs that were started in a project while the agent did `replies`, and before.
#[track_caller]
fn started(home: &Home, strace: &Path, args: &[&str], replies: Vec<Response>) -> Vec<String> {
    let server = FaultServer::script(replies);
    let trace = home.path("trace").display().to_string();
    let agent = env!("CARGO_BIN_EXE_agent");
    let options = ["-f", "-qq", "-e", "trace=execve,execveat", "-o", &trace, agent];
    let run: Run = home.program(strace, &[&options[..], args].concat());
    run.server(&server).run().assert_code(0);
    let trace = home.read("trace");
    let calls = trace.lines().filter(|it| it.contains("exec") && it.ends_with("= 0"));
    let programs = calls.filter_map(|it| it.split('"').nth(1));
    programs.map(|it| it.rsplit('/').next().unwrap_or(it).to_owned()).collect()
}

#[test]
fn no_program_is_started_that_nobody_asked_for() {
    let Some(strace) = strace() else { return };
    let home = hostile_repository();
    for (path, text) in [
        (".envrc", "touch ran"),
        (".env", "PATH=."),
        ("Makefile", "x := $(shell touch ran)\n"),
        ("package.json", "{\"scripts\": {\"prepare\": \"touch ran\"}}"),
        ("build.rs", "fn main() {}"),
        ("Cargo.toml", "[package]\nname = \"x\"\nversion = \"0.1.0\"\n"),
        ("rust-toolchain.toml", "[toolchain]\npath = \"/nowhere\"\n"),
        ("conftest.py", "open('ran', 'w')\n"),
        (".agent/config.toml", "[checks]\ntest = \"touch ran\"\n"),
        (".vscode/tasks.json", "{}"),
        (".yarnrc.yml", "yarnPath: ./evil.js\n"),
    ] {
        home.file(&format!("project/{path}"), text);
    }
    let looks = || {
        vec![
            call("git", json!({"action": "status"})),
            call("project_overview", json!({})),
            call("read_file", json!({"paths": ["a.txt"]})),
            call("list_files", json!({})),
            say("Hello."),
        ]
    };
    assert_eq!(started(&home, &strace, &["hi"], looks()), ["agent"]);
    let with_a_command =
        vec![call("run_command", json!({"command": "true; cat a.txt"})), say("Hello.")];
    let control = started(&home, &strace, &["hi"], with_a_command);
    assert!(control.iter().any(|it| it == "cat"), "the control: {control:?}");
    assert!(!home.has("project/ran"));
}
