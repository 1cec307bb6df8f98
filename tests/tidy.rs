//! Rules of the house that the compiler cannot state. `docs/architecture.md` says why they are so.

use std::path::{Path, PathBuf};

/// Each module and the modules it may name. A line changed here is a decision: give it a reason in
/// `docs/decisions/`. `config` and `cli` have rules of their own.
const MAY_NAME: &[(&str, &[&str])] = &[
    ("conversation", &[]),
    ("workspace", &[]),
    ("sandbox", &[]),
    ("download", &[]),
    ("models", &["download"]),
    ("permission", &["conversation", "workspace"]),
    ("llama", &["sandbox", "download", "models"]),
    ("llm", &["conversation"]),
    ("session", &["conversation"]),
    ("serving", &["llama", "sandbox"]),
    ("tools", &["conversation", "workspace", "sandbox"]),
    ("agent", &["conversation", "workspace", "llm", "permission", "session", "tools"]),
    ("ui", &["conversation"]),
];

/// What `config` may name of other modules, besides whatever ends in `Options`.
const OPTION_TYPES: &[&str] = &["Permission", "Sampling"];

/// Where tests say loudly what they leave out.
const SKIPS: &str = "src/llama/testing.rs";

/// Files of `src` that may be longer than the rest, and why.
const LONG: &[(&str, &str)] = &[
    ("src/tools/toolbox/tests.rs", "a flat list of cases, a section a tool"),
    ("src/tools/toolbox/tests/repository.rs", "a flat list of cases, most of it what is said"),
    ("src/workspace/diagnostics/tests.rs", "a flat list of outputs, a section a program"),
];
const LONGEST: usize = 600;

#[test]
fn modules_look_only_downwards() {
    let mut wrong = Vec::new();
    for (module, may_name) in MAY_NAME {
        for (place, path) in sources(module_files(module)).flat_map(|it| it.paths_in_crate()) {
            if path[0] != *module && !may_name.contains(&path[0].as_str()) {
                wrong.push(format!("{place}: {module} names {}", path[0]));
            }
        }
    }
    none(&wrong, "a module looks only at those below it");
}

#[test]
fn config_names_only_options_of_others() {
    let mut wrong = Vec::new();
    for source in sources(module_files("config")) {
        for (module, _) in MAY_NAME {
            for (place, path) in source.paths_under(&format!("{module}::")) {
                let is_item = |it: &&String| it.starts_with(char::is_uppercase);
                let Some(item) = path.iter().find(is_item) else { continue };
                if !item.ends_with("Options") && !OPTION_TYPES.contains(&item.as_str()) {
                    wrong.push(format!("{place}: {module}::{item}"));
                }
            }
        }
    }
    none(&wrong, "config gathers options and knows nothing else of a module");
}

#[test]
fn every_folder_of_the_source_has_its_line() {
    let known = |it: &str| {
        ["lib", "main", "config", "cli"].contains(&it)
            || MAY_NAME.iter().any(|(name, _)| *name == it)
    };
    let folders = children("src");
    assert!(folders.len() > 3, "the walk finds what is there");
    let names = folders.into_iter().map(|it| stem(&it));
    let strangers: Vec<_> = names.filter(|it| !known(it)).collect();
    none(&strangers, "a new module needs its line in MAY_NAME");
}

#[test]
fn no_file_is_named_after_nothing() {
    let vague = [
        "common", "handler", "handlers", "helper", "helpers", "manager", "misc", "service",
        "services", "types", "util", "utils",
    ];
    let parts =
        |it: &PathBuf| it.with_extension("").iter().any(|it| vague.iter().any(|no| it == *no));
    let named: Vec<_> = rust_files().into_iter().filter(parts).map(shown).collect();
    none(&named, "name what it holds");
}

#[test]
fn every_file_says_what_it_is_for() {
    let silent = sources(rust_files()).filter(|it| !it.text.starts_with("//! "));
    none(&silent.map(|it| shown(&it.path)).collect::<Vec<_>>(), "open with a `//!` line");
}

#[test]
fn only_the_front_ends_print() {
    let speaks = |it: &PathBuf| is_front_end(it) || it.ends_with(SKIPS);
    let silent: Vec<_> = files("src", "rs").into_iter().filter(|it| !speaks(it)).collect();
    let words = ["println!(", "print!(", "eprintln!(", "eprint!(", "dbg!("];
    none(&lines_with(silent, &words), "only `ui` and `cli` print");
}

#[test]
fn no_test_is_ignored() {
    none(&lines_with(rust_files(), &[concat!("#[", "ignore")]), "assert today's answer instead");
}

#[test]
fn nothing_is_left_to_be_done() {
    let words = [concat!("todo", "!("), concat!("unimplemented", "!(")];
    none(&lines_with(rust_files(), &words), "write it or plan it in PLAN.md");
}

#[test]
fn modules_are_named_from_the_root() {
    let words = [concat!("super::", "super")];
    none(&lines_with(rust_files(), &words), "say `crate::…`");
}

#[test]
fn no_file_knows_the_home_of_its_author() {
    let anybody = ["user", "me", "you", "alice", "bob"];
    let mut wrong = Vec::new();
    for source in sources(written_files()) {
        for (n, line) in source.text.lines().enumerate() {
            for home in [concat!("/ho", "me/"), concat!("/Us", "ers/"), concat!("/ro", "ot/")] {
                let whose = line.split(home).skip(1).map(leading_word);
                let whose = whose.filter(|it| !it.is_empty() && !anybody.contains(it));
                wrong.extend(
                    whose.map(|it| format!("{}:{}: {home}{it}", shown(&source.path), n + 1)),
                );
            }
        }
    }
    none(&wrong, "a path that only one machine has");
}

#[test]
fn no_file_is_too_long_to_read() {
    let listed = |it: &Path| LONG.iter().any(|(path, _)| it == Path::new(path));
    let long = sources(files("src", "rs")).filter_map(|it| {
        let lines = it.text.lines().count();
        (lines > LONGEST && !listed(&it.path))
            .then(|| format!("{}: {lines} lines", shown(&it.path)))
    });
    none(&long.collect::<Vec<_>>(), "split the state it reaches, or list it in LONG with a reason");
}

#[test]
fn every_tool_has_its_file() {
    let missing = files("tools", "json").into_iter().map(|it| stem(&it));
    let missing = missing.map(|it| format!("src/tools/{it}.rs"));
    let missing: Vec<_> = missing.filter(|it| !Path::new(it).exists()).collect();
    none(&missing, "one file, one tool");
}

#[test]
fn paths_are_found_in_groups_too() {
    let text =
        "use crate::a::{B, c::D};\nuse crate::{e, f::G};\n// crate::h\nlet x = crate::i::J::k();";
    let source = Source { path: PathBuf::from("x.rs"), text: text.to_owned() };
    let found = source
        .paths_in_crate()
        .into_iter()
        .map(|(place, path)| format!("{} {}", place.trim_start_matches("x.rs:"), path.join("::")));
    assert_eq!(found.collect::<Vec<_>>(), ["1 a::B", "1 a::c::D", "2 e", "2 f::G", "4 i::J::k"]);
}

/// The text of one file, without its comments' meaning: they may speak of everything.
struct Source {
    path: PathBuf,
    text: String,
}

/// `file:line`, and the segments of a path that stands there.
type Place = (String, Vec<String>);

impl Source {
    /// Paths from the root of the crate, without the `crate`. In the `mod.rs` of a module `super`
    /// means the same root.
    fn paths_in_crate(&self) -> Vec<Place> {
        let mut paths = self.paths_under("crate::");
        if self.path.iter().count() == 3 && self.path.ends_with("mod.rs") {
            let is_module = |it: &Place| MAY_NAME.iter().any(|(name, _)| it.1[0] == *name);
            paths.extend(self.paths_under("super::").into_iter().filter(is_module));
        }
        paths
    }

    /// What follows each `prefix`, groups in braces spelt out.
    fn paths_under(&self, prefix: &str) -> Vec<Place> {
        let code: Vec<_> = self.text.lines().map(without_comment).collect();
        let code = code.join("\n");
        let mut found = Vec::new();
        for (at, _) in code.match_indices(prefix) {
            if code[..at].ends_with(|it: char| it.is_alphanumeric() || it == '_') {
                continue;
            }
            let place = format!("{}:{}", shown(&self.path), code[..at].lines().count().max(1));
            let mut paths = Vec::new();
            spell_out(&code[at + prefix.len()..], &[], &mut paths);
            found.extend(paths.into_iter().map(|it| (place.clone(), it)));
        }
        found
    }
}

/// Reads one path or group at the start of `text`; returns what stands behind it.
fn spell_out<'a>(text: &'a str, before: &[String], paths: &mut Vec<Vec<String>>) -> &'a str {
    let text = text.trim_start();
    let Some(mut rest) = text.strip_prefix('{') else {
        let word = leading_word(text);
        let path = [before, &[word.to_owned()]].concat();
        let rest = &text[word.len()..];
        return match rest.strip_prefix("::") {
            Some(rest) => spell_out(rest, &path, paths),
            None => {
                paths.push(path);
                rest
            }
        };
    };
    loop {
        rest = spell_out(rest, before, paths);
        // Past `as name` and the like, to whatever comes next in the group.
        let Some(end) = rest.find([',', '}']) else { return rest };
        let closed = rest[end..].starts_with('}');
        rest = rest[end + 1..].trim_start();
        if closed {
            return rest;
        }
        if let Some(rest) = rest.strip_prefix('}') {
            return rest;
        }
    }
}

fn leading_word(text: &str) -> &str {
    let end = text.find(|it: char| !it.is_alphanumeric() && !"_-.".contains(it));
    let word = &text[..end.unwrap_or(text.len())];
    word.trim_end_matches(['.', '-'])
}

fn without_comment(line: &str) -> &str {
    if line.trim_start().starts_with("//") { "" } else { line }
}

fn lines_with(files: Vec<PathBuf>, words: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for source in sources(files) {
        for (n, line) in source.text.lines().map(without_comment).enumerate() {
            if words.iter().any(|it| holds(line, it)) {
                found.push(format!("{}:{}: {}", shown(&source.path), n + 1, line.trim()));
            }
        }
    }
    found
}

/// As a word of its own: `print!(` is not in `eprint!(`.
fn holds(line: &str, word: &str) -> bool {
    let inside = |it: char| it.is_alphanumeric() || it == '_';
    line.match_indices(word).any(|(at, _)| !line[..at].ends_with(inside))
}

fn is_front_end(file: &Path) -> bool {
    ["src/ui", "src/cli"].iter().any(|it| file.starts_with(it))
}

fn sources(files: Vec<PathBuf>) -> impl Iterator<Item = Source> {
    files.into_iter().map(|path| {
        let text = std::fs::read_to_string(&path);
        let text = text.unwrap_or_else(|err| panic!("{}: {err}", path.display()));
        Source { path, text }
    })
}

fn module_files(module: &str) -> Vec<PathBuf> {
    files(&format!("src/{module}"), "rs")
}

/// All our Rust.
fn rust_files() -> Vec<PathBuf> {
    let more = if Path::new("benches").exists() { files("benches", "rs") } else { Vec::new() };
    [files("src", "rs"), files("tests", "rs"), more].concat()
}

/// All that somebody wrote by hand, in the folders that hold such things.
fn written_files() -> Vec<PathBuf> {
    let text = ["json", "md", "py", "rs", "sh", "toml", "txt", "yml", ""];
    let folders = ["src", "tests", "benches", "docs", "prompts", "scripts", "tools", ".ci"];
    let folders = folders.into_iter().filter(|it| Path::new(it).exists());
    let mut all: Vec<_> = folders.flat_map(walk).collect();
    all.extend(children(".").into_iter().filter(|it| it.is_file()));
    all.retain(|it| text.iter().any(|end| it.extension().unwrap_or_default() == *end));
    all.retain(|it| std::fs::read_to_string(it).is_ok());
    assert!(all.len() > 20, "the walk finds what is there");
    all
}

/// A rule that looks at nothing holds for ever, so finding nothing is a fault.
#[track_caller]
fn files(folder: &str, extension: &str) -> Vec<PathBuf> {
    let mut files = walk(folder);
    files.retain(|it| it.extension().is_some_and(|it| it == extension));
    assert!(!files.is_empty(), "no .{extension} file in `{folder}`");
    files
}

fn walk(folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for path in children(folder) {
        if path.is_dir() {
            found.extend(walk(path.to_str().expect("our paths are UTF-8")));
        } else {
            found.push(path);
        }
    }
    found
}

#[track_caller]
fn children(folder: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|err| panic!("`{folder}`: {err}"));
    let mut paths: Vec<_> = entries.map(|it| it.expect("a folder can be read").path()).collect();
    paths.sort();
    paths
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

fn shown(path: impl AsRef<Path>) -> String {
    path.as_ref().display().to_string()
}

#[track_caller]
fn none(wrong: &[String], rule: &str) {
    assert!(wrong.is_empty(), "{rule}:\n{}\n", wrong.join("\n"));
}
