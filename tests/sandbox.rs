//! What commands can do and cannot do, on this kernel, by the program that people run: each case
//! as whoever runs the tests and, where that is root, as a user without any rights.
//!
//! What attacks come to is in the suite `attacks`; here stands what must work, how a command ends,
//! what is said, and that nothing is left of what a command was.
#![cfg(target_os = "linux")]
#![expect(clippy::print_stderr, reason = "what is left out is said")]

mod support;

use std::cell::RefCell;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use expect_test::{Expect, expect};
use serde_json::json;

use crate::support::child::{Finished, copy_program};
use crate::support::fault_server::FaultServer;
use crate::support::home::{Home, Run};
use crate::support::play::{processes, until};
use crate::support::response::{call, say};

/// Who runs the agent.
#[derive(Clone, Copy, Debug, PartialEq)]
enum User {
    /// Whoever runs the tests.
    Same,
    Nobody,
}

/// A home whose project and files belong to `user`.
struct Place {
    home: Home,
    user: User,
    agent: PathBuf,
}

const NOBODY: u32 = 65534;

/// Does the same as each user that it can be done as.
fn as_each(test: impl Fn(&Place)) {
    test(&Place::new(User::Same));
    if rustix::process::geteuid().is_root() {
        test(&Place::new(User::Nobody));
    } else {
        eprintln!("NOT TESTED as another user: only root can become one");
    }
}

impl Place {
    fn new(user: User) -> Self {
        let home = Home::new();
        // Where the tests were built may be nobody's to read.
        let agent = home.path("agent");
        copy_program(env!("CARGO_BIN_EXE_agent"), &agent);
        Self { home, user, agent }
    }

    /// All that was made so far is the user's.
    fn hand_over(&self) {
        if self.user == User::Nobody {
            give(&self.home.path(""));
        }
    }

    /// `agent sandbox` with these arguments, or any other program where they name one.
    fn program(&self, args: &[&str]) -> Run {
        let agent = self.agent.to_str().expect("a temporary folder is UTF-8");
        let id = NOBODY.to_string();
        let (uid, gid) = (format!("--reuid={id}"), format!("--regid={id}"));
        let become_nobody = ["setpriv", &uid, &gid, "--clear-groups"];
        let (who, what) = match self.user {
            User::Same => (&["env"][..], &[agent, "sandbox"][..]),
            User::Nobody => (&become_nobody[..], &[agent, "sandbox"][..]),
        };
        let what = if args[0].starts_with("--") { what } else { &[] };
        let all = [who, what, args].concat();
        self.home.program(Path::new(all[0]), &all[1..])
    }

    fn run(&self, args: &[&str], script: &str) -> Finished {
        self.hand_over();
        self.program(&[args, &["--", "/bin/sh", "-c", script]].concat()).run()
    }

    fn confined(&self, script: &str) -> Finished {
        self.run(&[], script)
    }
}

fn give(path: &Path) {
    std::os::unix::fs::lchown(path, Some(NOBODY), Some(NOBODY)).expect("root may give away");
    if path.is_dir() && !path.is_symlink() {
        let open = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(path, open).expect("root may open");
        for entry in path.read_dir().expect("it can be read").flatten() {
            give(&entry.path());
        }
    }
}

/// What a command prints and ends with, the same for each user.
#[track_caller]
fn check(script: &str, expected: Expect) {
    let shown = RefCell::new(Vec::new());
    as_each(|place| {
        let Finished { code, stdout, stderr, .. } = place.confined(script);
        let text = format!("exit {code:?}\n{stdout}{stderr}").replace('\r', "");
        shown.borrow_mut().push(text);
    });
    let shown = shown.into_inner();
    expected.assert_eq(&shown[0]);
    shown.iter().for_each(|it| assert_eq!(*it, shown[0], "another user sees something else"));
}

fn repository(home: &Home) {
    home.git(&["init", "-q"]);
}

#[test]
fn a_command_ends_as_it_would_by_itself() {
    check(
        "echo out; echo err >&2; exit 7",
        expect![[r#"
        exit Some(7)
        out
        err
    "#]],
    );
    check(
        "kill -TERM $$",
        expect![[r#"
        exit Some(143)
    "#]],
    );
}

#[test]
fn a_program_that_is_not_there_is_said_by_name() {
    let home = Home::new();
    let finished = home.agent(&["sandbox", "--", "no-such-program"]).run();
    expect![[r#"
        error: cannot run `no-such-program`: no such file or directory
    "#]]
    .assert_eq(&finished.stderr);
}

#[test]
fn a_command_has_no_rights_beyond_the_ordinary() {
    check(
        "grep -E 'CapEff|CapBnd|NoNewPrivs|Seccomp:' /proc/self/status",
        expect![[r#"
        exit Some(0)
        CapEff:	0000000000000000
        CapBnd:	0000000000000000
        NoNewPrivs:	1
        Seccomp:	2
    "#]],
    );
}

#[test]
fn a_command_is_alone() {
    check(
        "echo /proc/[0-9]*; cat /proc/1/cmdline /proc/1/environ 2>&1; cat /proc/net/dev | tail -n +3 | cut -d: -f1",
        expect![[r#"
            exit Some(0)
            /proc/2
            cat: /proc/1/cmdline: No such file or directory
            cat: /proc/1/environ: No such file or directory
                lo
        "#]],
    );
}

#[test]
fn work_on_a_project_works() {
    check(
        "set -e; mkdir -p a/b; echo x > a/b/c; mv a/b/c a/d; ln -s d a/l; cat a/l; rm -r a
         echo t > /tmp/t; cat /tmp/t; mkfifo f; (echo through > f &) ; cat f; rm f
         exec 9> lock; flock -n 9; echo locked; test -c /dev/null; echo n > /dev/null; ls -A",
        expect![[r#"
            exit Some(0)
            x
            t
            through
            locked
            .agent
            .claude
            .codex
            .cursor
            .envrc
            .gemini
            .idea
            .mcp.json
            .vscode
            lock
        "#]],
    );
}

#[test]
fn git_works() {
    as_each(|place| {
        repository(&place.home);
        place.home.file("home/.gitconfig", "[user]\nname = N\nemail = e@example.org\n");
        place.home.file("project/a", "1\n");
        let script = "set -e; git add -A; git commit -qm one; echo 2 >> a; git stash -q; git stash pop -q
                      git checkout -qb other; git commit -qam two; git log --format=%s; git gc -q; git status --short";
        let finished = place.confined(script);
        assert_eq!((&*finished.stdout, &*finished.stderr), ("two\none\n", ""), "{:?}", place.user);
        assert_eq!(place.home.git(&["-c", "safe.directory=*", "status", "--short"]), "");
    });
}

#[test]
fn python_sockets_and_terminals_work() {
    check(
        r#"python3 - <<'END'
import os, pty, socket, subprocess, multiprocessing
server = socket.create_server(("127.0.0.1", 0))
socket.create_connection(server.getsockname()).close()
for path in ["s", "/tmp/s"]:
    there = socket.socket(socket.AF_UNIX); there.bind(path); there.listen()
    socket.socket(socket.AF_UNIX).connect(path); os.unlink(path)
print("sockets", flush=True)
master, slave = pty.openpty()
print(os.ttyname(slave).startswith("/dev/pts/"), flush=True)
pty.spawn(["/bin/sh", "-ic", "set -m; sleep 0 & wait; echo in a terminal"])
with multiprocessing.Pool(2) as pool: print(sum(pool.map(abs, [-1, 2])))
try: socket.create_connection(("192.0.2.1", 80), 5)
except OSError as err: print(err)
END"#,
        expect![[r#"
            exit Some(0)
            sockets
            True
            in a terminal
            3
            [Errno 101] Network is unreachable
        "#]],
    );
}

#[test]
fn c_programs_are_built() {
    check(
        "printf 'int main(){return 3;}' > m.c; printf 'm: m.c\\n\\tgcc -o m m.c\\n' > Makefile; make -s m; ./m",
        expect![[r#"
            exit Some(3)
        "#]],
    );
}

#[test]
fn what_a_command_leaves_is_dead_and_nothing_is_left_in_the_project() {
    as_each(|place| {
        let finished = place.confined("setsid sh -c 'sleep 1000' >/dev/null 2>&1 & exec true");
        finished.assert_code(0);
        assert!(processes(&place.home).is_empty(), "{:?}", place.user);
        let left = std::fs::read_dir(place.home.path("project")).expect("it is there").count();
        assert_eq!(left, 0, "{:?}", place.user);
    });
}

/// A path by which no secret is known is not given to one.
#[test]
fn no_directory_is_moved_that_a_secret_lies_in_nor_a_link_to_one() {
    as_each(|place| {
        for name in ["backend/app/.env", ".aws/credentials", "real/env"] {
            place.home.file(&format!("project/{name}"), "hunter2\n");
        }
        let link = place.home.path("project/.env");
        std::os::unix::fs::symlink("real/env", link).expect("a link can be made");
        place.confined(
            "mkdir node_modules; mv backend node_modules/b; mv .aws aws; mv real unreal; mv .env e; mv backend/app x",
        );
        let finished = place.confined("grep -rs . . ; ls -A real");
        assert_eq!((&*finished.stdout, &*finished.stderr), ("env\n", ""), "{:?}", place.user);
    });
}

#[test]
fn what_the_agent_cannot_look_into_no_command_can_open_again() {
    as_each(|place| {
        repository(&place.home);
        place.home.file("project/unread/.env", "hunter2\n");
        place.home.file("project/unnamed/.env", "hunter2\n");
        place.hand_over();
        let run = |script: &str| place.program(&["--", "/bin/sh", "-c", script]).run();
        run("chmod 000 unread; chmod 444 unnamed").assert_code(0);
        let finished = run("chmod 755 un*; cat un*/.env; chmod 000 .git");
        assert_eq!(finished.stdout, "", "{:?}", place.user);
        let finished = run("chmod 755 .git; echo x > .git/hooks/evil");
        assert!(!place.home.has("project/.git/hooks/evil"), "{:?}", place.user);
        if place.user == User::Nobody {
            expect![[r#"
                error: commands cannot be confined to this project: `[PROJECT]/.git/config` cannot be looked at (permission denied), so what git obeys there cannot be protected; only the user can open it again
            "#]]
            .assert_eq(&finished.stderr);
        }
    });
}

#[test]
fn a_pipe_where_git_has_a_file_makes_nobody_wait() {
    for name in ["sub/.git/config", ".git/modules/x/HEAD", ".git/index", ".git/shallow", ".git"] {
        let home = Home::new();
        if name != ".git" {
            repository(&home);
        }
        home.file("project/.env", "hunter2\n");
        let pipe = home.path(&format!("project/{name}"));
        std::fs::create_dir_all(pipe.parent().expect("it has one")).expect("it can be made");
        let _ = std::fs::remove_file(&pipe);
        let mode = 0o644.into();
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, mode, 0)
            .expect("a pipe can be made");
        let finished = home.agent(&["sandbox", "--", "cat", ".env"]).run();
        assert_eq!(
            (finished.code, &*finished.stdout),
            (Some(0), ""),
            "{name}: {}",
            finished.stderr
        );
    }
}

#[test]
fn what_commands_can_reach_is_said() {
    let home = Home::new();
    home.file("project/.env", "");
    let shown = home.agent(&["sandbox", "--show"]).run();
    shown.assert_code(0);
    let lines: Vec<_> = shown.stdout.lines().filter(|it| !it.starts_with("but readable")).collect();
    assert_eq!(lines[0], "level: namespaces");
    assert!(shown.stdout.contains("hidden"), "{}", shown.stdout);
    assert!(shown.stdout.contains("[PROJECT]/.env"), "{}", shown.stdout);
}

#[test]
fn the_model_is_held_to_the_same_and_the_person_is_told_what_appeared() {
    let (home, server) = (
        Home::new(),
        FaultServer::script(vec![
            call(
                "run_command",
                json!({"command": "cat .env; mkdir -p a/.git; echo x > a/.envrc; ln -s /srv/x out"}),
            ),
            call("read_file", json!({"paths": [".env"]})),
            call("search", json!({"pattern": "hunter"})),
            call("write_file", json!({"path": ".vscode/tasks.json", "content": "{}"})),
            say("Done."),
        ]),
    );
    home.file("project/.env", "TOKEN=hunter2\n");
    let finished = home.agent(&["go"]).server(&server).run();
    finished.assert_code(0);
    let warnings = finished.stderr.lines().filter(|it| it.starts_with("warning"));
    expect![[r#"
        warning: a git repository has appeared in `a`; git obeys its settings and hooks there
        warning: `a/.envrc` has appeared; other programs obey it, so look at it before you use them
        warning: `out` is a new link that leads out of the project, to `/srv/x`
    "#]]
    .assert_eq(&warnings.map(|it| format!("{it}\n")).collect::<String>());
    let heard = |n: usize| server.chat(n).last_message().unwrap_or_default().to_owned();
    expect![[r#"
        [exit 0]
    "#]]
    .assert_eq(&heard(1));
    expect!["`.env` holds secrets, so its content is hidden from you. Do without it; the user can add it to `sandbox.reveal` in the configuration"].assert_eq(&heard(2));
    expect![[r#"
        no match for `hunter` in 2 files
        [not searched: `.env`: `.env` holds secrets, so its content is hidden from you. Do without it; the user can add it to `sandbox.reveal` in the configuration]
    "#]]
    .assert_eq(&heard(3));
    expect!["`.vscode/tasks.json` is left alone: what is in `.vscode` makes other programs run things, so it is the user's to change. Say what should stand there"].assert_eq(&heard(4));
}

#[test]
fn full_permission_is_unconfined_and_says_so() {
    let (home, server) = (
        Home::new(),
        FaultServer::script(vec![
            call("run_command", json!({"command": "echo x > ../out"})),
            say("Done."),
        ]),
    );
    let finished = home.agent(&["--permission", "full", "go"]).server(&server).run();
    finished.assert_code(0);
    assert!(home.has("out"));
    assert!(
        finished.stderr.contains("warning: commands are not confined\n"),
        "{}",
        finished.stderr
    );
}

/// A command that takes all there is of something: it alone ends by it.
#[track_caller]
fn devours(script: &str, code: i32) {
    as_each(|place| {
        place.confined(script).assert_code(code);
        assert!(processes(&place.home).is_empty(), "{:?}: {script}", place.user);
        place.confined("rm -f big").assert_code(0);
    });
}

#[test]
fn only_the_command_ends_by_what_it_devours() {
    // Each bounded further than it is, for the good of the machine.
    devours("for i in $(seq 200); do sleep 1000 & done; exit 0", 0);
    devours("ulimit -f 2048; exec head -c 4G /dev/zero > big", 128 + 25);
    devours("ulimit -v 200000; exec python3 -c 'x = bytearray(1 << 32)' 2> /dev/null", 1);
}

#[test]
fn where_nothing_confines_it_a_command_is_not_run() {
    let home = Home::new();
    // In a sandbox no other can be made.
    copy_program(env!("CARGO_BIN_EXE_agent"), &home.path("project/agent"));
    let inner = "./agent sandbox --level namespaces -- touch ran; echo exit $?";
    let finished = home.agent(&["sandbox", "--", "/bin/sh", "-c", inner]).run();
    assert!(!home.has("project/ran"));
    expect![[r#"
        exit 1
        error: commands cannot be confined here: namespaces: cannot confine the command: making namespaces: operation not permitted
    "#]].assert_eq(&(finished.stdout + &finished.stderr));
}

#[test]
fn what_is_given_but_not_there_is_left_out_and_said() {
    let home = Home::new();
    let config = "[sandbox]\nreadable = [\"~/sdk\"]\nwritable = [\"~/.cache/go\", \"build\"]\n";
    home.file("home/.config/agent/config.toml", config);
    let server = FaultServer::script(vec![
        call("run_command", json!({"command": "echo ran"})),
        say("Done."),
    ]);
    let finished = home.agent(&["go"]).server(&server).run();
    let warnings = |stderr: &str| {
        let warnings = stderr.lines().filter(|it| it.starts_with("warning"));
        warnings.map(|it| format!("{it}\n")).collect::<String>()
    };
    expect![[r#"
        warning: `sandbox.readable`: commands go without `[HOME]/sdk`: there is no such file or directory
        warning: `sandbox.writable`: commands go without `[HOME]/.cache/go`: there is no such file or directory
        warning: `sandbox.writable`: commands go without `build`: it is neither absolute nor begins with `~/`
    "#]]
    .assert_eq(&warnings(&finished.stderr));
    assert_eq!(server.chat(1).last_message(), Some("ran\n[exit 0]\n"));
    let sandbox = home.agent(&["sandbox", "--", "true"]).run();
    sandbox.assert_code(0);
    assert_eq!(sandbox.stderr, warnings(&finished.stderr));
}

#[test]
fn a_directory_in_exchange_for_the_one_that_was_granted_is_refused() {
    let home = Home::new();
    home.file("shared/mine", "");
    home.file("theirs/secret", "");
    let (shared, theirs) = (home.path("shared"), home.path("theirs"));
    let config = format!("[sandbox]\nwritable = [{shared:?}]\n");
    home.file("home/.config/agent/config.toml", &config);
    let list = format!("ls {}", shared.display());
    let server = FaultServer::answering(move |nth, _| {
        match nth {
            1 => {
                std::fs::rename(&shared, shared.with_file_name("old")).unwrap();
                std::fs::rename(&theirs, &shared).unwrap();
            }
            2 => {
                std::fs::rename(&shared, &theirs).unwrap();
                std::os::unix::fs::symlink(&theirs, &shared).unwrap();
            }
            3 => return say("Done."),
            _ => {}
        }
        call("run_command", json!({"command": list}))
    });
    home.agent(&["go"]).server(&server).run();
    let root = home.path("").canonicalize().unwrap().display().to_string();
    let heard = |n: usize| server.chat(n).last_message().unwrap_or_default().replace(&root, "ROOT");
    expect![[r#"
        mine
        [exit 0]
        ---
        the command could not be started: cannot confine the command: taking hold of `ROOT/shared`: stale file handle
        ---
        the command could not be started: cannot confine the command: taking hold of `ROOT/shared`: stale file handle
    "#]]
    .assert_eq(&format!("{}---\n{}\n---\n{}\n", heard(1), heard(2), heard(3)));
}

#[test]
fn nothing_of_the_models_commands_survives_an_agent_that_is_killed() {
    let command = |name: &str| format!("setsid sleep 1000 & echo > {name}; exec sleep 1000");
    let (home, server) = (
        Home::new(),
        FaultServer::script(vec![
            call("run_command", json!({"command": command("behind"), "background": true})),
            call("run_command", json!({"command": command("before")})),
        ]),
    );
    let run = home.agent(&["go"]).server(&server).start();
    until("both commands to run", || home.has("project/before") && home.has("project/behind"));
    assert!(4 <= processes(&home).len());
    run.kill();
    run.finish();
    until("the last process to end", || processes(&home).is_empty());
}

#[test]
fn nothing_survives_an_agent_that_is_killed() {
    as_each(|place| {
        place.hand_over();
        let script = "setsid sh -c 'echo > begun; exec sleep 1000' & sleep 1000";
        let run = place.program(&["--", "/bin/sh", "-c", script]).start();
        until("the command to run", || place.home.has("project/begun"));
        run.kill();
        run.finish();
        until("the last process to end", || processes(&place.home).is_empty());
        // What it left in the project is cleared away by the next.
        place.confined("rm begun").assert_code(0);
        let left = std::fs::read_dir(place.home.path("project")).expect("it is there").count();
        assert_eq!(left, 0, "{:?}", place.user);
    });
}

/// As in a container that was entered from outside.
#[test]
fn where_the_session_began_out_of_sight_what_a_command_leaves_dies_all_the_same() {
    as_each(|place| {
        place.hand_over();
        let inside = ["unshare", "--map-root-user", "--pid", "--fork", "--mount-proc"];
        let agent = place.agent.to_str().expect("a temporary folder is UTF-8");
        for level in ["namespaces", "reduced"] {
            let sandbox = [agent, "sandbox", "--level", level, "--", "/bin/sh", "-c"];
            // Without a session of its own.
            let script = "sleep 1000 >/dev/null 2>&1 & exit 7";
            let finished = place.program(&[&inside[..], &sandbox, &[script]].concat()).run();
            finished.assert_code(7);
            assert!(processes(&place.home).is_empty(), "{level} {:?}", place.user);
        }
    });
}

/// A flag that is raised at the end, whatever the end is.
struct Raised<'a>(&'a AtomicBool);

impl Drop for Raised<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Somebody saves git's settings again and again, each time as a new file in place of the old one.
#[test]
fn a_file_that_is_replaced_while_it_is_frozen_stops_no_command() {
    as_each(|place| {
        repository(&place.home);
        place.hand_over();
        let config = place.home.path("project/.git/config");
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let new = config.with_extension("new");
                while !done.load(Ordering::Relaxed) {
                    std::fs::copy(&config, &new).expect("it is there");
                    std::fs::rename(&new, &config).expect("it is ours");
                }
            });
            let _end = Raised(&done);
            let run = || place.program(&["--", "/bin/sh", "-c", "exit 7"]).run();
            let ends: Vec<_> = (0..16).map(|_| run()).collect();
            ends.iter().for_each(|it| it.assert_code(7));
        });
    });
}

/// Somebody moves a directory with a secret to and fro.
#[test]
fn a_secret_that_is_moved_while_it_is_hidden_is_not_shown() {
    as_each(|place| {
        place.home.file("project/here/.env", "hunter2\n");
        place.hand_over();
        let (here, there) = (place.home.path("project/here"), place.home.path("project/there"));
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    std::fs::rename(&here, &there).expect("it is there");
                    std::fs::rename(&there, &here).expect("it is there");
                }
            });
            let _end = Raised(&done);
            let run = || place.program(&["--", "cat", "here/.env", "there/.env"]).run();
            for finished in (0..24).map(|_| run()) {
                assert_eq!(finished.stdout, "", "{:?}", place.user);
                // By the look, or by the mount that came to nothing.
                let refusals = ["cannot be confined", "cannot confine"];
                let is_refused = refusals.iter().any(|it| finished.stderr.contains(it));
                let is_told = finished.stderr.contains("and try again");
                assert_eq!(is_refused, is_told, "{}", finished.stderr);
            }
        });
    });
}

/// Loudly left out where the system has none: it is no part of the program.
#[test]
fn bubblewrap_does_what_our_own_namespaces_do() {
    if !Path::new("/usr/bin/bwrap").exists() {
        eprintln!("NOT RUN: there is no bubblewrap, so the level of this name is not tested");
        return;
    }
    as_each(|place| {
        repository(&place.home);
        place.home.file("project/.env", "TOKEN=hunter2\n");
        place.home.file("home/.ssh/id_rsa", "hunter2\n");
        let script = "cat .env ~/.ssh/id_rsa 2>/dev/null; echo x 2>/dev/null > .git/hooks/x; touch /usr/x 2>/dev/null
                      echo x > x; cat x; grep -E 'CapEff|CapBnd|NoNewPrivs|Seccomp:' /proc/self/status
                      setsid sleep 1000 >/dev/null 2>&1 & exit 7";
        let finished = place.run(&["--level", "bubblewrap"], script);
        finished.assert_code(7);
        expect![[r#"
            x
            CapEff:	0000000000000000
            CapBnd:	0000000000000000
            NoNewPrivs:	1
            Seccomp:	2
        "#]]
        .assert_eq(&finished.stdout);
        assert!(!place.home.has("project/.git/hooks/x"));
        assert!(processes(&place.home).is_empty(), "{:?}", place.user);
    });
}

#[test]
fn path_rules_hold_what_is_outside_and_take_the_network() {
    as_each(|place| {
        place.home.file("outside/victim", "whole");
        // Somewhere that is not in the `/tmp` that all share there.
        let script = "echo x > x; cat x; touch /usr/x /etc/x 2>&1 | sed 's/.*: //'; ls /root 2>&1 | sed 's/.*: //'
                      python3 -c 'import socket; socket.socket()' 2>&1 | tail -1; echo n > /dev/null";
        let finished = place.run(&["--level", "reduced"], script);
        expect![[r#"
            x
            Permission denied
            Permission denied
            Permission denied
            OSError: [Errno 97] Address family not supported by protocol
        "#]]
        .assert_eq(&finished.stdout);
        expect![[r#"
            warning: commands are confined in part only: they see secrets in the project, can change its hooks and share /tmp and processes with you
        "#]]
        .assert_eq(&finished.stderr);
    });
}

/// Answers whoever comes, at a port of the machine that commands do not have, and counts them.
fn upstream() -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port can be had");
    let port = listener.local_addr().expect("it listens").port();
    let came = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&came);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            count.fetch_add(1, Ordering::SeqCst);
            let mut stream = stream.expect("it came");
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello\n");
        }
    });
    (port, came)
}

/// Asks for the host through the proxy, in both ways there are, and without it.
const ASK: &str = r#"
    say() {
        { { printf "$2" >&3; cat <&3; } 3<>/dev/tcp/127.0.0.1/$1; } 2>/dev/null |
            tr -d '\r' | grep -v Content- || echo "nobody at $1"
    }
    say 3128 "GET http://127.0.0.1:PORT/ HTTP/1.1\r\n\r\n"
    say 3128 "CONNECT 127.0.0.1:PORT HTTP/1.1\r\n\r\nhi"
    say PORT hi
    echo "${https_proxy-no variable}""#;

/// What a command hears that asks for a host while these are allowed, and how often that was
/// reached; the same for each user.
#[track_caller]
fn check_hosts(level: &str, hosts: &str, expected: Expect) {
    let shown = RefCell::new(Vec::new());
    as_each(|place| {
        let (port, came) = upstream();
        let port = port.to_string();
        let config = format!("sandbox.hosts = [{}]\n", hosts.replace("PORT", &port));
        place.home.file("home/.config/agent/config.toml", &config);
        place.hand_over();
        let script = ASK.replace("PORT", &port);
        let run = place.program(&["--level", level, "--", "/bin/bash", "-c", &script]);
        let Finished { stdout, stderr, .. } = run.run();
        let text = format!("{stdout}{stderr}came: {}\n", came.load(Ordering::SeqCst));
        shown.borrow_mut().push(text.replace(&port, "PORT"));
    });
    let shown = shown.into_inner();
    expected.assert_eq(&shown[0]);
    shown.iter().for_each(|it| assert_eq!(*it, shown[0], "another user sees something else"));
}

#[test]
fn a_named_host_is_reached_through_the_proxy_alone() {
    check_hosts(
        "auto",
        "'127.0.0.1:PORT'",
        expect![[r#"
        HTTP/1.1 200 OK
        Connection: close

        hello
        HTTP/1.1 200 Connection established

        HTTP/1.1 200 OK
        Connection: close

        hello
        nobody at PORT
        http://127.0.0.1:3128
        came: 2
    "#]],
    );
}

#[test]
fn a_host_that_is_not_named_is_not_reached() {
    check_hosts(
        "auto",
        "'example.org', '127.0.0.1:1'",
        expect![[r#"
        HTTP/1.1 403 Forbidden
        Connection: close

        127.0.0.1:PORT is not among the hosts that the user allows
        HTTP/1.1 403 Forbidden
        Connection: close

        127.0.0.1:PORT is not among the hosts that the user allows
        nobody at PORT
        http://127.0.0.1:3128
        agent: the command asked for 127.0.0.1:PORT, which is not allowed; `sandbox.hosts` allows hosts
        came: 0
    "#]],
    );
}

/// Attack N10.
#[test]
fn where_no_host_is_named_there_is_nobody_to_ask() {
    check_hosts(
        "auto",
        "",
        expect![[r#"
        nobody at 3128
        nobody at 3128
        nobody at PORT
        no variable
        came: 0
    "#]],
    );
}

#[test]
fn where_hosts_cannot_be_held_apart_there_is_no_network() {
    check_hosts(
        "reduced",
        "'127.0.0.1:PORT'",
        expect![[r#"
            nobody at 3128
            nobody at 3128
            nobody at PORT
            no variable
            warning: commands are confined in part only: they see secrets in the project, can change its hooks and share /tmp and processes with you; they have no network, not even to `sandbox.hosts`
            came: 0
        "#]],
    );
}

#[test]
fn a_host_that_cannot_be_understood_is_an_error_with_its_name() {
    let home = Home::new();
    home.file("home/.config/agent/config.toml", "sandbox.hosts = ['ok.org', '*.com']\n");
    let finished = home.agent(&["sandbox", "--show"]).run();
    expect![[r#"
        error: cannot understand `~/.config/agent/config.toml`: line 1, column 17: `sandbox.hosts`: `*.com` is too wide: name at least two labels
    "#]].assert_eq(&finished.stderr);
}

#[test]
fn a_project_names_no_hosts() {
    let home = Home::new();
    home.file("project/.agent/config.toml", "sandbox.hosts = ['evil.org']\n");
    let finished = home.agent(&["sandbox", "--show"]).run();
    let network = finished.stdout.lines().last().unwrap_or_default();
    let told = home.agent(&["config", "show"]).run().stderr;
    expect![[r#"
        network: none; a loopback of its own
        warning: `[PROJECT]/.agent/config.toml`: line 1, column 9: `sandbox.hosts` is ignored: what commands can reach is yours to say
    "#]].assert_eq(&format!("{network}\n{told}"));
}

#[test]
fn the_hosts_are_said_and_how_far_they_hold() {
    let home = Home::new();
    home.file("home/.config/agent/config.toml", "sandbox.hosts = ['*.Example.org', '[::1]:*']\n");
    let shown = |level| {
        let finished = home.agent(&["sandbox", "--show", "--level", level]).run();
        let told = |it: &&str| it.starts_with("but:") || it.starts_with("network");
        let lines: Vec<_> = finished.stdout.lines().filter(told).collect();
        lines.join("\n")
    };
    expect!["network: by HTTP and HTTPS to *.example.org, [::1]:*; a loopback of its own"]
        .assert_eq(&shown("namespaces"));
    expect![[r#"
        but: commands are confined in part only: they see secrets in the project, can change its hooks and share /tmp and processes with you; they have no network, not even to `sandbox.hosts`
        network: none, not even to itself"#]].assert_eq(&shown("reduced"));
}

#[test]
fn the_model_and_the_person_are_told_of_a_host_that_was_turned_away() {
    let ask = r#"exec 3<>/dev/tcp/127.0.0.1/3128; printf 'CONNECT evil.org:443 HTTP/1.1\r\n\r\n' >&3; head -1 <&3"#;
    let (home, server) = (
        Home::new(),
        FaultServer::script(vec![
            call("run_command", json!({"command": ask})),
            call("run_command", json!({"command": "true"})),
            say("Done."),
        ]),
    );
    home.file("home/.config/agent/config.toml", "sandbox.hosts = ['example.org']\n");
    let finished = home.agent(&["go"]).server(&server).run();
    finished.assert_code(0);
    let warnings = finished.stderr.lines().filter(|it| it.starts_with("warning"));
    expect![[r#"
        warning: the command asked for evil.org:443, which is not allowed; `sandbox.hosts` allows hosts
    "#]].assert_eq(&warnings.map(|it| format!("{it}\n")).collect::<String>());
    let heard = |n: usize| server.chat(n).last_message().unwrap_or_default().replace('\r', "");
    expect![[r#"
        HTTP/1.1 403 Forbidden
        [exit 0]
        [no network to evil.org:443: not among the hosts that the user allows]
    "#]]
    .assert_eq(&heard(1));
    expect![[r#"
        [exit 0]
    "#]]
    .assert_eq(&heard(2));
}

#[test]
fn a_command_in_the_background_has_the_same_hosts() {
    let (port, came) = upstream();
    let ask = format!(
        r#"exec 3<>/dev/tcp/127.0.0.1/3128; printf 'GET http://127.0.0.1:{port}/ HTTP/1.1\r\n\r\n' >&3; tail -1 <&3"#
    );
    let (home, server) = (
        Home::new(),
        FaultServer::script(vec![
            call("run_command", json!({"command": ask, "background": true})),
            call("command_output", json!({"id": "c1", "wait_seconds": 20})),
            say("Done."),
        ]),
    );
    home.file("home/.config/agent/config.toml", &format!("sandbox.hosts = ['127.0.0.1:{port}']\n"));
    home.agent(&["go"]).server(&server).run().assert_code(0);
    assert_eq!(came.load(Ordering::SeqCst), 1);
}

/// What one call to `fetch_url` becomes where these hosts are allowed to commands.
#[track_caller]
fn check_fetch(hosts: &str, expected: Expect) {
    let (port, came) = upstream();
    let (home, server) = (
        Home::new(),
        FaultServer::script(vec![
            call("fetch_url", json!({"url": format!("http://127.0.0.1:{port}/")})),
            say("Done."),
        ]),
    );
    let port = port.to_string();
    let config = format!("sandbox.hosts = [{}]\n", hosts.replace("PORT", &port));
    home.file("home/.config/agent/config.toml", &config);
    home.agent(&["--permission", "auto", "go"]).server(&server).run().assert_code(0);
    let heard = server.chat(1).last_message().unwrap_or_default().replace(&port, "PORT");
    expected.assert_eq(&format!("{heard}\ncame: {}", came.load(Ordering::SeqCst)));
}

#[test]
fn what_commands_may_fetch_the_model_may_at_that_port() {
    check_fetch(
        "'127.0.0.1:PORT'",
        expect![[r#"
        hello

        came: 1"#]],
    );
    check_fetch(
        "'127.0.0.1:1', '127.0.0.1'",
        expect![[r#"
        Refused: no rule of the user allows this host. Do without it, or ask the user.
        came: 0"#]],
    );
    check_fetch(
        "",
        expect![[r#"
        Refused: no rule of the user allows this host. Do without it, or ask the user.
        came: 0"#]],
    );
}
