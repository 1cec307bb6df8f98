//! `agent "fix the failing tests"`, from the first look to green, in small projects with the real
//! tools of their languages, confined as for anybody. That it is green is seen from outside.
#![cfg(target_os = "linux")]
#![expect(clippy::disallowed_methods, reason = "the tests stand where `cli` and `sandbox` stand")]

mod support;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::fault_server::FaultServer;
use crate::support::home::{Home, Run};
use crate::support::play::{Play, entries};
use crate::support::request::Request;
use crate::support::response::{Response, call, say};

/// Compilers, on a machine that may be busy.
const LONG: Duration = Duration::from_secs(120);

/// A project whose one bug is known, and how its own tests are run.
struct Sample {
    language: &'static str,
    file: &'static str,
    old: &'static str,
    new: &'static str,
    tests: &'static [&'static str],
    /// The test that fails, as its language writes it.
    failing: &'static str,
    /// What is told of the tests before and after.
    told: [&'static str; 2],
}

const RUST: Sample = Sample {
    language: "rust",
    file: "src/lib.rs",
    old: "scores.iter().max()",
    new: "scores.iter().min()",
    tests: &["cargo", "test", "--offline", "--quiet"],
    failing: "the_lowest_does_not_count",
    told: ["1 failed, 1 passed\n", "2 passed\n[exit 0]"],
};

const PYTHON: Sample = Sample {
    language: "python",
    file: "scores.py",
    old: "max(scores, default=0)",
    new: "min(scores, default=0)",
    tests: &["python3", "-m", "unittest"],
    failing: "test_the_lowest_does_not_count",
    told: ["1 failed, 1 passed\n", "2 passed\n[exit 0]"],
};

const NODE: Sample = Sample {
    language: "node",
    file: "scores.js",
    old: "Math.max(...scores)",
    new: "Math.min(...scores)",
    tests: &["node", "--test"],
    failing: "the lowest does not count",
    told: ["1 failed, 1 passed\n", "2 passed\n[exit 0]"],
};

const GO: Sample = Sample {
    language: "go",
    file: "scores.go",
    old: "it > dropped",
    new: "it < dropped",
    tests: &["go", "test", "./..."],
    failing: "TestTheLowestDoesNotCount",
    // It does not name those that passed.
    told: ["1 failed\n", "[exit 0]"],
};

impl Sample {
    /// Copies the project into a home.
    fn put(&self, home: &Home) {
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples").join(self.language);
        copy(&from, &home.path("project"));
    }

    fn steps(&self) -> [(&'static str, Value); 4] {
        let edits = json!([{"old": self.old, "new": self.new}]);
        [
            ("check", json!({"kind": "test"})),
            ("read_file", json!({"paths": [self.file]})),
            ("edit_file", json!({"path": self.file, "edits": edits})),
            ("check", json!({"kind": "test"})),
        ]
    }

    /// The same for a model of its own.
    fn script(&self) -> Value {
        let call = |(tool, args)| json!({"tool_calls": [{"name": tool, "arguments": args}]});
        let last = json!({"content": "It is mended."});
        self.steps().map(call).into_iter().chain([last]).collect()
    }

    /// Runs the project's own tests, outside of any sandbox.
    fn is_green(&self, home: &Home) -> bool {
        let run = home.program(Path::new(self.tests[0]), &self.tests[1..]);
        // Python takes what it has compiled for current if the source is of the same second and size.
        let run = run.env("PYTHONDONTWRITEBYTECODE", "1");
        surroundings(run).within(LONG).run().code == Some(0)
    }

    /// Mends it by a model that plays `steps`.
    #[track_caller]
    fn check(&self) {
        let home = Home::new();
        self.put(&home);
        assert!(!self.is_green(&home), "there is something to mend");
        // Go would compile all it comes with anew for each command that has no cache to write to.
        let config = "[sandbox]\nwritable = [\"~/.cache/go-build\"]\n";
        if home.has("home/.cache/go-build") {
            home.file("home/.config/agent/config.toml", config);
        }
        let calls = self.steps().map(|(tool, args)| call(tool, args));
        let server = FaultServer::script(calls.into_iter().chain([say("It is mended.")]).collect());
        let run = home.agent(&["fix the failing tests"]).server(&server);
        let finished = surroundings(run).within(LONG).run();
        finished.assert_code(0);
        assert_eq!(finished.stdout.trim_end(), "It is mended.");
        let told = |nth| server.chat(nth).last_message().unwrap_or_default().to_owned();
        let failed = told(1);
        assert!(failed.contains(self.told[0]), "{failed}");
        assert!(failed.contains(self.failing), "{failed}");
        assert!(told(2).contains(self.old), "{}", told(2));
        let passed = told(4);
        assert!(passed.contains(self.told[1]), "{passed}");
        assert!(!passed.contains("failed"), "{passed}");
        assert!(self.is_green(&home), "{passed}");
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("the home is ours");
    for entry in from.read_dir().expect("the samples are there").flatten() {
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).expect("a sample can be copied");
        }
    }
}

/// The tool chains of whoever runs the tests: their home is not the one of the test.
fn surroundings(run: Run) -> Run {
    let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    let places = [("CARGO_HOME", ".cargo"), ("RUSTUP_HOME", ".rustup"), ("PYENV_ROOT", ".pyenv")];
    places.iter().fold(run, |run, (name, place)| {
        let named = std::env::var_os(name).map(PathBuf::from).unwrap_or_else(|| home.join(place));
        match named.to_str().filter(|_| named.is_dir()) {
            Some(it) => run.env(name, it),
            None => run,
        }
    })
}

#[test]
fn a_rust_project_is_mended() {
    RUST.check();
}

#[test]
fn a_python_project_is_mended() {
    PYTHON.check();
}

#[test]
fn a_node_project_is_mended() {
    NODE.check();
}

#[test]
fn a_go_project_is_mended_where_there_is_go() {
    let path = std::env::var_os("PATH").unwrap_or_default();
    if !std::env::split_paths(&path).any(|it| it.join("go").is_file()) {
        eprintln!("NOT TESTED: a project in Go, for there is no `go` here");
        return;
    }
    GO.check();
}

/// The same with the server's own template, grammar and parser of calls.
#[test]
fn a_project_is_mended_on_a_real_server() {
    let Some(play) = Play::new() else { return };
    PYTHON.put(&play.home);
    let model = play.model("mends", &PYTHON.script());
    let run = play.agent(&["-m", &model, "fix the failing tests"]);
    let finished = surroundings(run).within(LONG).run();
    finished.assert_code(0);
    assert_eq!(finished.stdout.trim_end(), "It is mended.");
    let entries = entries(&play.home);
    let results: Vec<_> = entries.iter().filter(|it| it["kind"] == "result").collect();
    let statuses: Vec<_> = results.iter().filter_map(|it| it["status"].as_str()).collect();
    assert_eq!(statuses, ["failed", "done", "done", "done"]);
    assert!(PYTHON.is_green(&play.home));
}

// A model that is wrong, and finds its way by nothing but what it is told.

/// What the model does next, from the number of calls it has made and the last result.
type Wits = fn(usize, &str) -> Response;

/// The files, the wits, and what the first of the files holds at the end.
#[track_caller]
fn recovers(files: &[(&str, &str)], wits: Wits, expected: &str) {
    let home = Home::new();
    for (name, text) in files {
        home.file(&format!("project/{name}"), text);
    }
    let server = FaultServer::answering(move |nth, request| {
        wits(nth, if nth == 0 { "" } else { request.last_message().unwrap_or_default() })
    });
    let finished = home.agent(&["make it so"]).server(&server).within(LONG).run();
    finished.assert_code(0);
    let told = |it: &Request| it.last_message().unwrap_or_default().chars().take(400).collect();
    let told: Vec<String> = server.chats().iter().map(told).collect();
    assert_eq!(finished.stdout.trim_end(), "Done.", "{told:#?}");
    let path = format!("project/{}", files[0].0);
    assert_eq!(home.read(&path), expected, "{told:#?}");
}

fn edit(old: &str, new: &str) -> Response {
    call("edit_file", json!({"path": "a.txt", "edits": [{"old": old, "new": new}]}))
}

/// Says that it knows no way: the test fails and shows what it was told.
fn lost() -> Response {
    say("I do not know what to do.")
}

/// What stands between two marks of a message.
fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    text.split_once(before)?.1.split_once(after).map(|it| it.0)
}

#[test]
fn lines_of_which_the_depth_is_not_certain_are_given_with_the_indentation_that_is_shown() {
    recovers(
        &[("a.txt", "class A:\n    def f(self):\n        return 1\n")],
        |nth, told| match nth {
            0 => edit("return 1", "return 2\n\ndef g(self):\n    return 3"),
            1 => match between(told, "The line is:\n", "\nBegin `old` with") {
                Some(line) => {
                    let new = line.replace('1', "2") + "\n\n    def g(self):\n        return 3";
                    edit(line, &new)
                }
                None => lost(),
            },
            _ if told.starts_with("@@") => say("Done."),
            _ => lost(),
        },
        "class A:\n    def f(self):\n        return 2\n\n    def g(self):\n        return 3\n",
    );
}

#[test]
fn text_that_is_remembered_wrongly_is_copied_from_the_nearest() {
    recovers(
        &[(
            "a.txt",
            "fn total(list: &[u32]) -> u32 {\n    let most = list.iter().max();\n    sum(list) - most\n}\n",
        )],
        |nth, told| match nth {
            0 => edit("let maximum = list.max();\n    return sum(list) - maximum", "x"),
            1 => edit("    let the_most = list.iter().max()?;\n    sum(list) - the_most;\n", "x"),
            2 => match between(told, ":\n", "Copy `old` from there") {
                Some(nearest) => edit(nearest, &nearest.replace("max", "min")),
                None => lost(),
            },
            _ if told.starts_with("@@") => say("Done."),
            _ => lost(),
        },
        "fn total(list: &[u32]) -> u32 {\n    let most = list.iter().min();\n    sum(list) - most\n}\n",
    );
}

#[test]
fn one_of_several_places_is_found_by_their_lines() {
    recovers(
        &[("a.txt", "[one]\nport = 1\n[two]\nport = 1\n[three]\nport = 1\n")],
        |nth, told| {
            let lines = between(told, "at lines ", ". Give more of the lines around");
            match (nth, lines) {
                (0, _) => edit("port = 1", "port = 2"),
                (1, Some(lines)) => {
                    let second: u32 =
                        lines.split(", ").nth(1).and_then(|it| it.parse().ok()).unwrap();
                    let args =
                        json!({"paths": ["a.txt"], "start_line": second - 1, "end_line": second});
                    call("read_file", args)
                }
                // It has not understood that one line is not enough.
                (2, _) => edit("port = 1\n", "port = 2\n"),
                (3, Some("2, 4, 6")) => edit("[two]\nport = 1\n", "[two]\nport = 2\n"),
                (4, _) if told.starts_with("@@") => say("Done."),
                _ => lost(),
            }
        },
        "[one]\nport = 1\n[two]\nport = 2\n[three]\nport = 1\n",
    );
}

/// The values that are to go into a call, put where the line of the schema wants them.
fn filled(shape: &str) -> Option<Value> {
    let json = shape
        .replace("?: ", ": ")
        .replace("path: string, patch", "patch")
        .replace('{', "{\"")
        .replace(": ", "\": ")
        .replace(", ", ", \"");
    let mut value: Value = serde_json::from_str(&json.replace("string", "\"\"")).ok()?;
    let it = value.as_object_mut()?;
    it.remove("patch")?;
    let edit = it.get_mut("edits")?.get_mut(0)?.as_object_mut()?;
    edit.remove("path");
    *edit.get_mut("old")? = json!("one");
    *edit.get_mut("new")? = json!("two");
    *it.get_mut("path")? = json!("a.txt");
    Some(value)
}

#[test]
fn a_malformed_call_is_made_again_from_the_line_of_its_schema() {
    recovers(
        &[("a.txt", "one\n")],
        |nth, told| match nth {
            0 => call("edit_file", json!({"path": "a.txt", "changes": 7})),
            1 => call("edit_file", json!({"path": "a.txt", "edits": [{"from": ["one"], "to": 2}]})),
            2 => {
                let shape = told.split_once("`edit_file` takes ").map(|it| it.1.trim_end());
                match shape.and_then(filled) {
                    Some(args) => call("edit_file", args),
                    None => lost(),
                }
            }
            _ if told.starts_with("@@") => say("Done."),
            _ => lost(),
        },
        "two\n",
    );
}

#[test]
fn a_file_that_may_not_be_replaced_is_edited_by_the_call_that_is_named() {
    recovers(
        &[("a.txt", "keep\none\nkeep too\n")],
        |nth, told| match nth {
            0 | 1 => call("write_file", json!({"path": "a.txt", "content": "two\n"})),
            2 => {
                let named = between(told, "call edit_file with ", ". To replace");
                let args = named.and_then(|it| serde_json::from_str::<Value>(it).ok());
                match args {
                    Some(mut args) => {
                        args["edits"][0] = json!({"old": "one", "new": "two"});
                        call("edit_file", args)
                    }
                    None => lost(),
                }
            }
            _ if told.starts_with("@@") => say("Done."),
            _ => lost(),
        },
        "keep\ntwo\nkeep too\n",
    );
}

#[test]
fn what_was_cut_from_an_output_is_found_by_its_hint() {
    recovers(
        &[
            ("a.txt", "?\n"),
            ("numbers.sh", "seq 1 4999; echo the word is $((6 * 7)); seq 5001 20000\n"),
        ],
        |nth, told| {
            let word = || told.lines().find_map(|it| it.split_once("the word is ")).map(|it| it.1);
            let hint = || {
                let (before, line) = told.rsplit_once("start_line ")?;
                // It is told once; each page after that is of the same output.
                let id =
                    between(before, "command_output, id ", ",").or((1 < nth).then_some("c1"))?;
                let digits = line.find(|it: char| !it.is_ascii_digit())?;
                Some(json!({"id": id, "start_line": line[..digits].parse::<u32>().ok()?}))
            };
            match (nth, word(), hint()) {
                (0, _, _) => call("run_command", json!({"command": "sh numbers.sh"})),
                _ if told.starts_with("@@") => say("Done."),
                (_, Some(word), _) => edit("?", word),
                (..9, None, Some(args)) => call("command_output", args),
                _ => lost(),
            }
        },
        "42\n",
    );
}

#[test]
fn a_file_and_a_tool_under_wrong_names_are_found_by_the_names_that_are_told() {
    recovers(
        &[("a.txt", "?\n"), ("deep/down/scores_of_games.txt", "seven\n")],
        |nth, told| match nth {
            0 => call("read_the_file", json!({"paths": ["score_of_game.txt"]})),
            1 => match told.split('`').find(|it| *it == "read_file") {
                Some(tool) => call(tool, json!({"paths": ["score_of_game.txt"]})),
                None => lost(),
            },
            2 => match between(told, "did you mean `", "`") {
                Some(path) => call("read_file", json!({"paths": [path]})),
                None => lost(),
            },
            3 if told == "1\tseven\n" => edit("?", "seven"),
            _ if told.starts_with("@@") => say("Done."),
            _ => lost(),
        },
        "seven\n",
    );
}

#[test]
fn line_numbers_are_left_out_when_it_is_said_that_they_are_in_the_way() {
    recovers(
        &[("a.txt", "one\nbut\nthree\n")],
        |nth, told| match nth {
            0 => call("read_file", json!({"paths": ["a.txt"]})),
            1 => edit("2\tbut", "2\ttwo"),
            2 if told.contains("line numbers") && told.contains("Leave them out") => {
                edit("but", "two")
            }
            _ if told.starts_with("@@") => say("Done."),
            _ => lost(),
        },
        "one\ntwo\nthree\n",
    );
}

#[test]
fn a_change_of_somebody_else_is_kept_when_it_is_shown() {
    recovers(
        &[("a.txt", "one\n")],
        |nth, told| match nth {
            0 => call("read_file", json!({"paths": ["a.txt"]})),
            1 => call("run_command", json!({"command": "echo theirs >> a.txt"})),
            2 => call("write_file", json!({"path": "a.txt", "content": "two\n"})),
            3 => {
                let added: String = told
                    .lines()
                    .filter_map(|it| it.strip_prefix('+'))
                    .map(|it| format!("{it}\n"))
                    .collect();
                call("write_file", json!({"path": "a.txt", "content": format!("two\n{added}")}))
            }
            _ if told.starts_with("replaced") => say("Done."),
            _ => lost(),
        },
        "two\ntheirs\n",
    );
}

#[test]
fn a_call_that_was_cut_off_is_made_in_pieces() {
    recovers(
        &[("a.txt", "")],
        |nth, told| {
            let write = |content: &str, append: bool| {
                let args = json!({"path": "a.txt", "content": content, "append": append});
                call("write_file", args)
            };
            match nth {
                0 | 1 => Response::stream()
                    .call_in_pieces("write_file", &["{\"path\": \"a.txt\", ", "\"content\": \"one"])
                    .finish("length"),
                2 if told.contains("too long") && told.contains("in smaller pieces") => {
                    write("one\n", false)
                }
                3 if told.starts_with("replaced") => write("two\n", true),
                _ if told.starts_with("added") => say("Done."),
                _ => lost(),
            }
        },
        "one\ntwo\n",
    );
}

#[test]
fn what_was_left_out_by_a_comment_is_given_whole() {
    recovers(
        &[("a.rs", "fn one() {}\nfn two() {}\n")],
        |nth, told| match nth {
            0 => call("read_file", json!({"paths": ["a.rs"]})),
            1 | 2 => {
                let content = "fn zero() {}\n// ... existing code ...\n";
                call("write_file", json!({"path": "a.rs", "content": content}))
            }
            3 if told.contains("change parts of the file with edit_file") => {
                let edits = json!([{"old": "fn one() {}", "new": "fn zero() {}\nfn one() {}"}]);
                call("edit_file", json!({"path": "a.rs", "edits": edits}))
            }
            _ if told.starts_with("@@") => say("Done."),
            _ => lost(),
        },
        "fn zero() {}\nfn one() {}\nfn two() {}\n",
    );
}

// Nothing leaves the machine.

/// Whom anybody tried to connect to, and whom with success.
fn connections(trace: &str) -> (BTreeSet<&str>, BTreeSet<&str>) {
    let calls = trace.lines().filter_map(|it| it.split_once("connect(").map(|it| it.1));
    let calls = calls.filter_map(|it| Some((between(it, "{", "}")?, it.ends_with("= 0"))));
    let calls: Vec<_> = calls.collect();
    let tried = calls.iter().map(|it| it.0).collect();
    (tried, calls.iter().filter(|it| it.1).map(|it| it.0).collect())
}

/// A whole loop where there is no network, not even a loopback. All that anybody reaches is the socket
/// of the model server.
#[test]
fn a_project_is_mended_without_a_network() {
    let Some(play) = Play::new() else { return };
    PYTHON.put(&play.home);
    let model = play.model("mends", &PYTHON.script());
    let path = std::env::var_os("PATH").unwrap_or_default();
    let is_there = |name: &str| std::env::split_paths(&path).any(|it| it.join(name).is_file());
    let trace = play.home.path("trace").display().to_string();
    let agent = env!("CARGO_BIN_EXE_agent");
    let strace = ["strace", "-f", "-qq", "-e", "trace=connect", "-o", &trace];
    let strace = if is_there("strace") { &strace[..] } else { &[] };
    if strace.is_empty() {
        eprintln!("NOT TESTED: what is connected to, for there is no `strace` here");
    }
    let what = [agent, "-m", &model, "fix the failing tests"];
    let args = [&["--map-root-user", "--net"], strace, &what].concat();
    let run = play.home.program(Path::new("unshare"), &args);
    let run = run.env("LLAMA_SERVER", play.server.to_str().expect("the path is text"));
    let finished = surroundings(run).within(LONG).run();
    finished.assert_code(0);
    assert_eq!(finished.stdout.trim_end(), "It is mended.", "{}", finished.stderr);
    assert!(PYTHON.is_green(&play.home));
    if !strace.is_empty() {
        let trace = play.home.read("trace");
        let (tried, reached) = connections(&trace);
        // Only sockets of this machine: the library of a command may look for a cache of names.
        let is_local = |it: &&str| it.starts_with("sa_family=AF_UNIX");
        assert!(tried.iter().all(is_local), "{tried:?}");
        let reached: Vec<_> = reached.into_iter().collect();
        let [server] = reached[..] else { panic!("one socket, not {reached:?}") };
        assert!(server.ends_with("/llama.sock\""), "{server}");
    }
}

#[test]
fn tests_beside_the_code_they_are_for_are_tried_too() {
    let home = Home::new();
    let code = "pub fn add(a: u32, b: u32) -> u32 {\n    a + b\n}\n";
    home.file("project/src/lib.rs", code)
        .file("project/Cargo.toml", "[package]\nname = \"a\"\nedition = \"2021\"\n");
    let tests = "\n#[cfg(test)]\nmod tests {\n    #[test]\n    fn adds() {\n        assert_eq!(super::add(1, 2), 3);\n    }\n}\n";
    let claim = json!({
        "test": "tests::adds", "file": "src/lib.rs", "code": "src/lib.rs",
        "old": "    a + b", "new": "    a * b",
    });
    let server = FaultServer::script(vec![
        call("read_file", json!({"paths": ["src/lib.rs"]})),
        call("write_file", json!({"path": "src/lib.rs", "content": format!("{code}{tests}")})),
        say("It passes."),
        say(&json!({"tests": [claim]}).to_string()),
    ]);
    let run = home.agent(&["test", "src/lib.rs"]).server(&server);
    let finished = surroundings(run).within(LONG).run();
    finished.assert_code(0);
    let kept =
        "src/lib.rs  tests::adds\n    fails with `a * b` in place of `a + b` in src/lib.rs\n";
    assert_eq!(finished.stdout, kept);
    assert_eq!(home.read("project/src/lib.rs"), format!("{code}{tests}"));
}
