//! What the README and the guides say is true: their command lines run, their links lead somewhere, and
//! the messages that they explain are messages of the program.

mod support;

use std::path::{Path, PathBuf};

use crate::support::fault_server::FaultServer;
use crate::support::home::Home;
use crate::support::hub::{Hub, Repo, model};
use crate::support::play::journals;
use crate::support::releases::Releases;
use crate::support::response::{call, say};

/// How command lines begin that cannot come to a good end in this world, and what they say. All others
/// end with status 0.
const FAIL: &[(&str, &str)] = &[
    // Nobody is at a terminal.
    ("agent -c", "standard input is no terminal"),
    ("agent -r parser", "standard input is no terminal"),
    ("agent", "standard input is no terminal"),
    // The model has one word to say.
    ("agent commit", "no answer satisfied the schema"),
    ("agent refactor", "and gave none"),
    ("agent review", "no answer satisfied the schema"),
    ("agent test", "no answer satisfied the schema"),
    ("agent --output-format json --json-schema", ""),
    ("agent --plan", "and gave none"),
    ("agent models fit", "is damaged"),
    ("agent models info", "is damaged"),
    // There is no engine, and none to be had.
    ("agent demo", "cannot use `$LLAMA_SERVER`"),
    ("agent engine install", "cannot find a release"),
    ("agent engine remove", "no engine is installed"),
    ("agent engine update", "no engine of ours is used"),
    ("agent engine use b", "no engine is installed"),
    ("agent server start", "cannot use `$LLAMA_SERVER`"),
    ("agent -m ~/models/", "does not exist"),
    ("agent --server-url", "cannot reach the model server"),
];

/// Lines that other suites and people run: they take long, or build.
const ELSEWHERE: &[&str] =
    &["agent selftest", "cargo build --release", "scripts/try", "scripts/test"];

/// What stands behind the mark of a block whose lines are not run.
const NOT_RUN: &str = "not run";

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn documents() -> Vec<PathBuf> {
    let guides = std::fs::read_dir(root().join("docs/guide")).expect("there are guides").flatten();
    let mut files: Vec<_> = guides.map(|it| it.path()).collect();
    files.push(root().join("README.md"));
    files.sort();
    files
}

/// The command lines of a document: what stands behind `$ ` in blocks for the console.
fn command_lines(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut is_run = false;
    for line in text.lines() {
        if let Some(mark) = line.strip_prefix("```") {
            is_run = mark == "console" || mark == "sh";
        } else if let Some(line) = line.strip_prefix("$ ").filter(|_| is_run) {
            let (line, _) = line.split_once(" # ").unwrap_or((line, ""));
            lines.push(line.trim_end().to_owned());
        }
    }
    lines
}

/// A project with a past, as the examples have it.
fn project() -> Home {
    let home = Home::new();
    home.file("project/src/parser.rs", "fn parse() {}\n")
        .file("project/Makefile", "test:\n\ttrue\n");
    home.file("project/answer.json", r#"{"type": "object"}"#);
    home.git(&["init", "-q", "-b", "main"]);
    home.git(&["add", "-A"]);
    home.git(&["commit", "-q", "-m", "begin"]);
    home.git(&["switch", "-q", "-c", "work"]);
    home.file("project/src/parser.rs", "fn parse() {}\nfn lex() {}\n");
    home.git(&["commit", "-q", "-a", "-m", "lex"]);
    home.file("project/src/parser.rs", "fn parse() {}\nfn lex() {}\nfn print() {}\n");
    home.git(&["add", "-A"]);
    home
}

/// What the models are that the examples name.
fn hub() -> Hub {
    let hub = Hub::new();
    for (name, file) in [
        ("unsloth/Qwen3.5-9B-MTP-GGUF", "Qwen3.5-9B-MTP-Q4_K_M.gguf"),
        ("unsloth/Qwen3.5-4B-MTP-GGUF", "Qwen3.5-4B-MTP-Q4_K_M.gguf"),
        ("unsloth/Qwen3.5-4B-GGUF", "Qwen3.5-4B-Q4_K_M.gguf"),
    ] {
        hub.repo(name, Repo::default().file(file, model(2000, 1)));
    }
    hub
}

/// One document, the world in which its lines are run, one after the other, and what came out wrong.
fn run_lines(path: &Path) -> Vec<String> {
    let (home, hub, releases) = (project(), hub(), Releases::serve(Vec::new()));
    let notes = serde_json::json!({"path": "notes.txt", "content": "the parser is not empty\n"});
    let server = FaultServer::answering(move |nth, _| match nth {
        0 => call("write_file", notes.clone()),
        _ => say("Done."),
    });
    let here = Path::new(env!("CARGO_BIN_EXE_agent")).parent().expect("it lies in a folder");
    let run = |line: &str| {
        let line = format!("PATH='{}':$PATH\n{line}", here.display());
        let run = home.program(Path::new("sh"), &["-c", &line]);
        let run = run.server(&server).env("HF_ENDPOINT", &hub.url());
        let run = run.env("LLAMA_SERVER", "/nowhere");
        let run = run.env("AGENT_ENGINE_API", &releases.api());
        run.env("AGENT_ENGINE_DOWNLOADS", &releases.downloads()).run()
    };
    run("agent 'is the parser empty?'").assert_code(0);
    let past = std::fs::read_to_string(&journals(&home)[0]).expect("a session is text");
    home.file("project/theirs.jsonl", &past);
    run("agent sessions rename 20 parser").assert_code(0);
    let mut wrong = Vec::new();
    let text = std::fs::read_to_string(path).expect("it is text");
    for line in command_lines(&text).iter().filter(|it| !ELSEWHERE.contains(&it.as_str())) {
        let finished = run(line);
        let fits = |it: &&(&str, &str)| match it.0 {
            "agent" | "agent -c" | "agent -r parser" => it.0 == line,
            start => line.starts_with(start),
        };
        let as_told = match FAIL.iter().find(fits) {
            None => finished.code == Some(0),
            Some((_, why)) => finished.code != Some(0) && finished.stderr.contains(why),
        };
        if !as_told {
            let said = finished.stderr.trim_end().replace('\n', "\n    ");
            wrong.push(format!("$ {line}\n    {said}\n    status {:?}", finished.code));
        }
    }
    wrong
}

#[test]
fn each_command_line_runs() {
    let documents = documents();
    let wrong: Vec<_> = std::thread::scope(|scope| {
        let runs = documents.chunks(documents.len().div_ceil(3)).map(|some| {
            scope.spawn(|| some.iter().flat_map(|it| run_lines(it)).collect::<Vec<_>>())
        });
        let runs: Vec<_> = runs.collect();
        runs.into_iter().flat_map(|it| it.join().expect("it ran")).collect()
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn blocks_that_are_not_run_say_so() {
    for path in documents() {
        let text = std::fs::read_to_string(&path).expect("it is text");
        let marks = text.lines().filter_map(|it| it.strip_prefix("```"));
        let odd = marks.filter(|it| it.starts_with("console") || it.starts_with("sh"));
        let odd: Vec<_> =
            odd.filter(|it| !["console", "sh"].contains(it) && !it.ends_with(NOT_RUN)).collect();
        assert!(odd.is_empty(), "{}: {odd:?}", path.display());
    }
}

/// Literals of the program with what is put into them as `…`, joined where they go on in the next line.
fn literals() -> String {
    let mut text = String::new();
    let mut folders = vec![root().join("src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("it is a folder").flatten() {
            match entry.path() {
                path if path.is_dir() => folders.push(path),
                path => text += &std::fs::read_to_string(path).expect("it is text"),
            }
        }
    }
    let mut whole = String::new();
    for (n, part) in text.split("\\\n").enumerate() {
        whole += if n == 0 { part } else { part.trim_start() };
    }
    whole
}

/// Whether the parts of a message stand in one line, in their order, each where the one before it ends
/// or later.
fn is_said(message: &str, literals: &str) -> bool {
    let parts: Vec<_> = message.split('…').map(str::trim).filter(|it| 2 < it.len()).collect();
    !parts.is_empty()
        && literals.lines().any(|line| {
            let found = parts.iter().try_fold(line, |rest, part| Some(rest.split_once(part)?.1));
            found.is_some()
        })
}

/// What stands between backticks in the first cell of a row: one, or two where it has some itself.
fn message(row: &str) -> Option<&str> {
    let cell = row.strip_prefix("| ")?;
    let (open, cell) = match cell.strip_prefix("``") {
        Some(cell) => ("``", cell),
        None => ("`", cell.strip_prefix('`')?),
    };
    Some(cell.split_once(open)?.0.trim())
}

#[test]
fn each_message_that_is_explained_is_one_of_the_program() {
    let literals = literals();
    let (mut seen, mut strange) = (0, Vec::new());
    let text = std::fs::read_to_string(root().join("docs/guide/troubleshooting.md"));
    for message in text.expect("it is text").lines().filter_map(message) {
        seen += 1;
        if !is_said(message, &literals) {
            strange.push(message.to_owned());
        }
    }
    assert!(40 < seen, "the messages are found");
    assert!(strange.is_empty(), "nobody says:\n{}", strange.join("\n"));
}

#[test]
fn each_link_to_a_file_leads_to_one() {
    let mut broken = Vec::new();
    for path in documents() {
        let text = std::fs::read_to_string(&path).expect("it is text");
        let links = text.split("](").skip(1);
        let pictures = text.split("src=\"").chain(text.split("srcset=\"")).skip(1);
        for piece in links.chain(pictures.filter(|it| it.starts_with("docs/"))) {
            let target = piece.split([')', '#', '"']).next().unwrap_or_default();
            let is_ours = !target.is_empty() && !target.contains("://") && !target.contains(' ');
            if is_ours && !path.with_file_name(target).exists() {
                broken.push(format!("{}: {target}", path.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn the_figures_of_the_readme_are_those_of_the_guide() {
    let read = |path: &str| std::fs::read_to_string(root().join(path)).expect("it is text");
    let (readme, guide) = (read("README.md"), read("docs/guide/comparison.md"));
    let section = readme.split("## How it compares").nth(1).expect("it is there");
    let rows = section.split("\n## ").next().unwrap_or_default();
    let rows: Vec<_> = rows.lines().filter(|it| it.starts_with("| ")).collect();
    let strange: Vec<_> =
        rows.iter().filter(|it| !guide.lines().any(|line| line == **it)).collect();
    assert!(3 < rows.len() && strange.is_empty(), "{strange:?}");
}

#[test]
fn a_guide_is_set_for_a_terminal_and_left_as_it_is_for_a_pipe() {
    let home = Home::new();
    let (code, screen) = home.agent(&["help", "plans"]).terminal(60, 60).finish();
    assert_eq!(code, Some(0));
    assert!(screen.starts_with("A plan first\n"), "{screen}");
    let piped = home.agent(&["help", "plans"]).run();
    piped.assert_code(0);
    assert!(piped.stdout.starts_with("# A plan first\n"), "{}", piped.stdout);
    let both = home.agent(&["help", "models"]).run();
    assert!(both.stdout.ends_with("`agent models --help` lists the options of the command.\n"));
    let wrong = home.agent(&["help", "trubleshooting"]).run();
    wrong.assert_code(2);
    assert!(wrong.stderr.contains("did you mean `troubleshooting`?"), "{}", wrong.stderr);
}

#[test]
fn a_guide_that_is_longer_than_the_window_goes_through_the_pager() {
    let home = Home::new();
    let shown = |pager: &str, rows| {
        let run = home.agent(&["help", "plans"]).env("PAGER", pager);
        let (code, screen) = run.terminal(rows, 60).finish();
        assert_eq!(code, Some(0), "{screen}");
        screen
    };
    assert_eq!(shown("echo $LESS; true", 10), "FRX");
    assert!(shown("sed s/^/:/", 300).starts_with("A plan first\n"), "it fits");
    let last = |screen: &str| screen.lines().next_back().unwrap_or_default().to_owned();
    let end = last(&shown("cat", 10));
    assert_eq!(last(&shown("sed s/^/:/", 10)), format!(":{end}"));
    // One that reads nothing, none, and one that there is not.
    assert_eq!(shown("echo enough", 10), "enough");
    for none in ["", "no-such-pager"] {
        assert_eq!(last(&shown(none, 10)), end, "{none}");
    }
    let piped = home.agent(&["help", "plans"]).env("PAGER", "tr a-z A-Z").run();
    assert!(piped.stdout.starts_with("# A plan first\n"), "{}", piped.stdout);
}

#[test]
fn the_short_help_is_read_without_scrolling() {
    let home = Home::new();
    let (code, screen) = home.agent(&["-h"]).terminal(24, 80).finish();
    assert_eq!(code, Some(0));
    assert!(screen.starts_with("An autonomous coding agent"), "{screen}");
    assert!(screen.ends_with("`agent help plans` is one."), "{screen}");
}

/// A block is shown as it is, so it has to fit. The page of the conversation is made from `/help`.
#[test]
fn no_block_of_a_guide_is_wider_than_a_screen() {
    let mut wide = Vec::new();
    let is_shown = |it: &&PathBuf| !it.ends_with("conversation.md") && !it.ends_with("README.md");
    for path in documents().iter().filter(is_shown) {
        let text = std::fs::read_to_string(path).expect("it is text");
        let blocks = text.split("\n```").skip(1).step_by(2);
        let lines = blocks.flat_map(str::lines).filter(|it| 80 < it.chars().count());
        wide.extend(lines.map(|it| format!("{}: {it}", path.display())));
    }
    assert!(wide.is_empty(), "{}", wide.join("\n"));
}
