//! The tools as a model meets them: what it is told, what it calls, what it reads.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use expect_test::{Expect, expect};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use schemars::generate::SchemaSettings;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::task::LocalSet;

use super::*;
use crate::tools::*;

mod commands;
mod custom;
mod repository;

/// A project with a secret beside it, and the tools on it.
struct World {
    toolbox: Toolbox,
    dir: TempDir,
    runtime: Runtime,
    local: LocalSet,
}

impl World {
    fn new(files: &[(&str, &str)], limits: Limits) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let project = dir.path().join("project");
        fs::create_dir_all(&project).unwrap();
        for (name, content) in files.iter().chain(&[("../outside/secret", "S3CRET\n")]) {
            let path = project.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        let workspace = Workspace::open(&project, Some(dir.path())).unwrap();
        let environment = Environment::default().with("PATH", "/usr/bin:/bin");
        let workspace = workspace.into();
        let temp = dir.path().to_owned();
        let means = Means {
            workspace,
            environment,
            enclosure: None,
            limits,
            keep: None,
            temp,
            is_attended: true,
            custom: Vec::new(),
            checks: CheckRules::default(),
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        Self { toolbox: Toolbox::new(means), dir, runtime, local: LocalSet::new() }
    }

    fn call(&self, tool: &str, args: &str) -> Outcome {
        self.call_until(tool, args, std::future::pending())
    }

    fn call_until(&self, tool: &str, args: &str, stop: impl Future<Output = ()>) -> Outcome {
        let call = Call { id: String::new(), tool: tool.to_owned(), args: args.to_owned() };
        self.local.block_on(&self.runtime, self.toolbox.run(&call, stop))
    }

    /// The outcome as text, with the place of the project left out.
    fn shown(&self, tool: &str, args: &str) -> String {
        let outcome = self.call(tool, args);
        let gist = outcome.gist.split(", 0.").next().unwrap_or_default();
        let text = format!("{:?} ({gist})\n{}", outcome.status, outcome.text);
        let place = self.dir.path().canonicalize().unwrap();
        text.trim_end().replace(&*place.to_string_lossy(), "") + "\n"
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.dir.path().join("project").join(path)).unwrap()
    }

    #[track_caller]
    fn secret_is_safe(&self) {
        let names: Vec<_> = fs::read_dir(self.dir.path().join("outside")).unwrap().collect();
        assert_eq!(names.len(), 1, "something was written outside");
        assert_eq!(fs::read(self.dir.path().join("outside/secret")).unwrap(), b"S3CRET\n");
    }
}

#[track_caller]
fn check(files: &[(&str, &str)], tool: &str, args: Value, expected: Expect) {
    let world = World::new(files, Limits::default());
    expected.assert_eq(&world.shown(tool, &args.to_string()));
}

#[track_caller]
fn check_small(files: &[(&str, &str)], tool: &str, args: Value, expected: Expect) {
    let limits = Limits { result: Budget(40), ..Limits::default() };
    expected.assert_eq(&World::new(files, limits).shown(tool, &args.to_string()));
}

/// The schema of a type as a definition has it: nothing in it that a model need not read, and what
/// may be left out is told by `required` alone.
fn schema<A: schemars::JsonSchema>() -> Value {
    let settings = SchemaSettings::default().with(|it| it.inline_subschemas = true);
    let mut schema = settings.into_generator().into_root_schema_for::<A>().to_value();
    strip(&mut schema, true);
    schema
}

fn strip(schema: &mut Value, is_schema: bool) {
    if let Value::Object(fields) = schema {
        if is_schema {
            for unread in ["$schema", "title", "format", "minimum", "additionalProperties"] {
                fields.remove(unread);
            }
            if let Some(Value::Array(values)) = fields.get_mut("enum") {
                values.retain(|it| !it.is_null());
            }
            if let Some(Value::Array(types)) = fields.get("type") {
                let some = types.iter().find(|it| *it != "null").cloned().unwrap();
                fields.insert("type".to_owned(), some);
            }
        }
        for (name, value) in fields {
            strip(value, name != "properties");
        }
    }
}

#[test]
fn the_definitions_say_what_the_types_say() {
    let schemas = [
        schema::<read_file::Args>(),
        schema::<write_file::Args>(),
        schema::<edit_file::Args>(),
        schema::<list_files::Args>(),
        schema::<find_files::Args>(),
        schema::<search::Args>(),
        schema::<project_overview::Args>(),
        schema::<run_command::Args>(),
        schema::<command_output::Args>(),
        schema::<check::Args>(),
        schema::<git::Args>(),
        schema::<git_commit::Args>(),
        schema::<fetch_url::Args>(),
        schema::<ask_user::Args>(),
        schema::<update_plan::Args>(),
        schema::<find_out::Args>(),
    ];
    assert_eq!(specs().len(), schemas.len());
    for (spec, schema) in specs().iter().zip(schemas) {
        let definition: Value = serde_json::from_str(&spec.definition).unwrap();
        assert_eq!(definition["name"], spec.name);
        assert!(definition["description"].is_string());
        assert_eq!(definition["parameters"], schema, "{}", spec.name);
    }
}

#[test]
fn the_definitions_cost_few_tokens() {
    let wrapped: Vec<_> = specs()
        .iter()
        .map(|it| format!(r#"{{"type":"function","function":{}}}"#, it.definition))
        .collect();
    let bpe = tiktoken_rs::cl100k_base_singleton();
    let each: Vec<_> = wrapped.iter().map(|it| bpe.count_ordinary(it)).collect();
    let tokens: usize = each.iter().sum();
    assert!(tokens <= 1155, "{tokens} tokens: {each:?}");
}

#[test]
fn a_tool_that_is_not_there_is_answered_with_those_that_are() {
    check(
        &[],
        "readfile",
        json!({}),
        expect![[r#"
            Malformed (not understood)
            [understood: `readfile` as `read_file`]
            `paths` is missing. Nothing was done. `read_file` takes {paths: [string], start_line?: integer, end_line?: integer}
        "#]],
    );
    check(
        &[],
        "zzz",
        json!({}),
        expect![[r#"
            Malformed (not understood)
            there is no tool `zzz`. The tools are read_file, write_file, edit_file, list_files, find_files, search, project_overview, run_command, command_output, check, git, git_commit, fetch_url, ask_user, update_plan, find_out
        "#]],
    );
}

#[test]
fn reading_numbers_the_lines() {
    check(
        &[("a", "one\n\tt\u{e9}\r\n")],
        "read_file",
        json!({"paths": ["a"]}),
        expect![[r#"
        Done (2 lines)
        1	one
        2		té
    "#]],
    );
    check(
        &[("a", "\u{feff}one")],
        "read_file",
        json!({"path": "a"}),
        expect![[r#"
            Done (1 line)
            [understood: `path` as `paths`]
            1	one
        "#]],
    );
    check(
        &[("a", "")],
        "read_file",
        json!({"paths": "a"}),
        expect![[r#"
            Done (empty)
            [understood: `paths` as a list of one]
            [the file is empty]
        "#]],
    );
}

#[test]
fn a_range_says_what_it_is_part_of() {
    let file = [("a", "1\n2\n3\n4\n")];
    check(
        &file,
        "read_file",
        json!({"paths": ["a"], "start_line": 2, "end_line": 3}),
        expect![[r#"
        Done (2 lines)
        2	2
        3	3
        [lines 2 to 3 of 4]
    "#]],
    );
    check(
        &file,
        "read_file",
        json!({"paths": ["a"], "start_line": 9}),
        expect![[r#"
        Failed (no such lines)
        `a` has only 4 lines
    "#]],
    );
    check(
        &file,
        "read_file",
        json!({"paths": ["a"], "start_line": 3, "end_line": 2}),
        expect![[r#"
        Failed (no such lines)
        end_line 2 lies before start_line 3
    "#]],
    );
}

#[test]
fn a_long_file_is_cut_with_how_to_go_on() {
    let text = "line\n".repeat(100);
    check_small(
        &[("a", &text)],
        "read_file",
        json!({"paths": ["a"]}),
        expect![[r#"
        Done (5 lines)
        1	line
        2	line
        3	line
        4	line
        5	line
        [cut: lines 1 to 5 of 100; go on with start_line 6]
    "#]],
    );
    check_small(
        &[("a", &text)],
        "read_file",
        json!({"paths": ["a"], "start_line": 97}),
        expect![[r#"
            Done (4 lines)
            97	line
            98	line
            99	line
            100	line
            [lines 97 to 100 of 100]
        "#]],
    );
}

#[test]
fn several_files_are_read_although_one_is_missing() {
    check(
        &[("a", "1\n"), ("b/c", "2\n")],
        "read_file",
        json!({"paths": ["a", "x", "b"]}),
        expect![[r#"
            Done (2 files, 1 not read)
            == a ==
            1	1
            == x ==
            there is no `x`
            == b ==
            c
        "#]],
    );
    check(
        &[],
        "read_file",
        json!({"paths": ["x", "y"]}),
        expect![[r#"
        Failed (none was read)
        == x ==
        there is no `x`
        == y ==
        there is no `y`
    "#]],
    );
    check(
        &[],
        "read_file",
        json!({"paths": []}),
        expect![[r#"
        Failed (no file)
        `paths` is empty: name at least one file
    "#]],
    );
}

#[test]
fn a_file_that_is_missing_is_answered_with_similar_ones() {
    check(
        &[("src/main.rs", "")],
        "read_file",
        json!({"paths": ["main.rs"]}),
        expect![[r#"
        Failed (not found)
        there is no `main.rs`; did you mean `src/main.rs`?
    "#]],
    );
    check(
        &[("src/lib.rs", "")],
        "edit_file",
        json!({"path": "src/libs.rs", "edits": [{"old": "a", "new": "b"}]}),
        expect![[r#"
            Failed (not found)
            there is no `src/libs.rs`; did you mean `src/lib.rs`?
        "#]],
    );
}

/// H15.
#[test]
fn what_is_not_text_is_named() {
    let world = World::new(&[("a.png", "")], Limits::default());
    fs::write(world.dir.path().join("project/a.png"), b"\x89PNG\r\n\x1a\n\0").unwrap();
    fs::write(world.dir.path().join("project/latin"), b"caf\xe9\n").unwrap();
    let edit = json!({"path": "latin", "edits": [{"old": "caf", "new": "b"}]}).to_string();
    let shown = [
        world.shown("read_file", r#"{"paths": ["a.png"]}"#),
        world.shown("read_file", r#"{"paths": ["latin"]}"#),
        world.shown("edit_file", &edit),
    ];
    expect![[r#"
        Done (a PNG image)
        `a.png` is a PNG image, 9 bytes; it cannot be shown as text
        Done (1 line)
        1	caf�
        [not valid UTF-8: the bytes that are not text are shown as �]
        Done (+1 -1)
        @@ -1 +1 @@
        -caf�
        +b�
    "#]]
    .assert_eq(&shown.concat());
}

#[test]
fn writing_says_what_became_of_the_file() {
    let world = World::new(&[], Limits::default());
    let shown = [
        world.shown("write_file", r#"{"path": "x/y/a", "content": "1\n2\n"}"#),
        world.shown("write_file", r#"{"path": "x/y/a", "content": "1\n2\n"}"#),
        world.shown("write_file", r#"{"path": "x/y/a", "content": "3\n", "append": true}"#),
        world.shown("write_file", r#"{"path": "x/y/a", "content": "4\n"}"#),
        world.shown("write_file", r#"{"path": "x/y", "content": "4\n"}"#),
        world.shown("write_file", r#"{"path": "", "content": "4\n"}"#),
    ];
    expect![[r#"
        Done (2 lines)
        created `x/y/a`: 2 lines
        Done (2 lines)
        `x/y/a` already holds exactly this: nothing was changed
        Done (1 line)
        added 1 line to the end of `x/y/a`, which had 2 lines
        Done (1 line)
        replaced `x/y/a`: 1 line, before 3 lines
        Failed (a directory)
        `x/y` is a directory, not a file
        Failed (a directory)
        `.` is a directory, not a file
    "#]]
    .assert_eq(&shown.concat());
    assert_eq!(world.read("x/y/a"), "4\n");
}

const SOURCE: &[(&str, &str)] =
    &[("a.rs", "fn a() {\n    one();\n    two();\n}\n\nfn b() {\n    one();\n}\n")];

#[test]
fn an_edit_shows_what_changed() {
    check(
        &[("a", "1\n2\n3\n4\n5\n6\n7\n8\n9")],
        "edit_file",
        json!({"path": "a", "edits": [{"old": "2", "new": "two\ntwo"}, {"old": "9", "new": "nine"}]}),
        expect![[r#"
            Done (+3 -2)
            @@ -1,4 +1,5 @@
             1
            -2
            +two
            +two
             3
             4
            @@ -7,3 +8,3 @@
             7
             8
            -9
            \ No newline at end of file
            +nine
            \ No newline at end of file
        "#]],
    );
}

#[test]
fn an_edit_that_does_not_fit_says_why() {
    let edit = |old: &str, new: &str| json!({"path": "a.rs", "edits": [{"old": old, "new": new}]});
    check(
        SOURCE,
        "edit_file",
        edit("one();", "x"),
        expect![[r#"
        Failed (ambiguous)
        `old` occurs 2 times, at lines 2, 7. Give more of the lines around the one you mean.
        `a.rs` was not changed.
    "#]],
    );
    check(
        SOURCE,
        "edit_file",
        edit("    one();\n    tow();", "x"),
        expect![[r#"
        Failed (no match)
        `old` does not occur in the file. The nearest is lines 2 to 3:
            one();
            two();
        Copy `old` from there.
        `a.rs` was not changed.
    "#]],
    );
    check(
        SOURCE,
        "edit_file",
        edit("nothing like it", "x"),
        expect![[r#"
        Failed (no match)
        `old` does not occur in the file, nor anything like it. Read the file again.
        `a.rs` was not changed.
    "#]],
    );
    check(
        SOURCE,
        "edit_file",
        edit("fn z() {", "fn a() {\n    one();"),
        expect![[r#"
            Failed (already so)
            this is already so: `new` is in the file at line 1, and `old` nowhere else.
            `a.rs` was not changed.
        "#]],
    );
    check(
        SOURCE,
        "edit_file",
        edit("", "x"),
        expect![[r#"
        Failed (nothing to replace)
        `old` is empty. To add text, give as `old` the line it shall follow, and repeat that line in `new`; to write the whole file, use write_file.
        `a.rs` was not changed.
    "#]],
    );
    check(
        SOURCE,
        "edit_file",
        edit("two", "two"),
        expect![[r#"
        Failed (no change)
        `old` and `new` are the same.
        `a.rs` was not changed.
    "#]],
    );
    check(
        SOURCE,
        "edit_file",
        json!({"path": "a.rs", "edits": []}),
        expect![[r#"
        Failed (no edits)
        `edits` is empty: nothing was changed
    "#]],
    );
}

#[test]
fn of_several_edits_all_are_made_or_none() {
    let world = World::new(SOURCE, Limits::default());
    let args =
        json!({"path": "a.rs", "edits": [{"old": "two", "new": "2"}, {"old": "zzz", "new": ""}]});
    expect![[r#"
        Failed (no match)
        edit 2 of 2: `old` does not occur in the file, nor anything like it. Read the file again.
        `a.rs` was not changed.
    "#]]
    .assert_eq(&world.shown("edit_file", &args.to_string()));
    assert_eq!(world.read("a.rs"), SOURCE[0].1);
}

/// H15.
#[test]
fn an_edit_keeps_crlf_and_the_byte_order_mark() {
    let world = World::new(&[("a", "\u{feff}one\r\ntwo\r\n")], Limits::default());
    let args = json!({"path": "a", "edits": [{"old": "one\ntwo", "new": "1\n2\n3"}]});
    expect![[r#"
        Done (+3 -2)
        @@ -1,2 +1,3 @@
        -one
        -two
        +1
        +2
        +3
    "#]]
    .assert_eq(&world.shown("edit_file", &args.to_string()));
    assert_eq!(world.read("a"), "\u{feff}1\r\n2\r\n3\r\n");
}

#[test]
fn an_edit_says_what_it_overlooked() {
    check(
        &[("a.py", "class A:\n    def f(self):\n        if x:\n            return 1\n")],
        "edit_file",
        json!({"path": "a.py", "edits": [{"old": "if x:\n    return 1", "new": "if y:\n    return 2"}]}),
        expect![[r#"
            Done (+2 -2)
            @@ -1,4 +1,4 @@
             class A:
                 def f(self):
            -        if x:
            -            return 1
            +        if y:
            +            return 2
            [matched ignoring indentation; re-indented by 8 spaces]
        "#]],
    );
    check(
        &[("a", "say(“hi”)  \nb\n")],
        "edit_file",
        json!({"path": "a", "edits": [{"old": "say(\"hi\")\n", "new": ""}, {"old": "b ", "new": "c"}]}),
        expect![[r#"
            Done (+1 -2)
            @@ -1,2 +1 @@
            -say(“hi”)  
            -b
            +c
            [edit 1 of 2: matched ignoring which quotes, dashes and spaces are used]
            [edit 2 of 2: matched ignoring white space at the end of lines]
        "#]],
    );
    check(
        SOURCE,
        "edit_file",
        json!({"path": "a.rs", "edits": [{"old": "2\t    one();", "new": "2\t    two();"}]}),
        expect![[r#"
            Failed (no match)
            `old` does not occur in the file: it begins with line numbers, which read_file adds. Leave them out.
            `a.rs` was not changed.
        "#]],
    );
    check(
        SOURCE,
        "edit_file",
        json!({"path": "a.rs", "edits": [{"old": "two();", "new": "// ... existing code ..."}]}),
        expect![[r#"
            Failed (not the whole text)
            `// ... existing code ...` would be written as it is. Give the whole text instead, or word the comment otherwise.
            `a.rs` was not changed.
        "#]],
    );
}

#[test]
fn several_files_are_edited_together_or_not_at_all() {
    let world = World::new(&[("a", "1\n"), ("b", "2\n")], Limits::default());
    let edits = |second: &str| {
        let edits = json!([{"old": "1", "new": "one"}, {"path": "b", "old": second, "new": "two"}]);
        world.shown("edit_file", &json!({"path": "a", "edits": edits}).to_string())
    };
    expect![[r#"
        Failed (no match)
        edit 2 of 2: `old` does not occur in the file, nor anything like it. Read the file again.
        No file was changed.
    "#]]
    .assert_eq(&edits("zzz"));
    assert_eq!((world.read("a"), world.read("b")), ("1\n".to_owned(), "2\n".to_owned()));
    expect![[r#"
        Done (+2 -2 in 2 files)
        == a ==
        @@ -1 +1 @@
        -1
        +one
        == b ==
        @@ -1 +1 @@
        -2
        +two
    "#]]
    .assert_eq(&edits("2"));
    assert_eq!((world.read("a"), world.read("b")), ("one\n".to_owned(), "two\n".to_owned()));
}

#[test]
fn a_patch_creates_changes_moves_and_deletes_files() {
    let files = [("a", "1\n2\n"), ("old", "x\n"), ("run.sh", "go\n")];
    let world = World::new(&files, Limits::default());
    let script = world.dir.path().join("project/run.sh");
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    let patch = "*** Begin Patch\n*** Update File: a\n@@\n 1\n-2\n+two\n*** Add File: d/new\n+n\n\
                 *** Delete File: old\n*** Update File: run.sh\n*** Move to: bin/run.sh\n@@\n-go\n+gone\n\
                 *** End Patch\n";
    let args = json!({"patch": patch}).to_string();
    expect![[r#"
        Failed (not read)
        `old` was not read in this session. Read it before you delete it.
        No file was changed.
    "#]]
    .assert_eq(&world.shown("edit_file", &args));
    assert_eq!(world.read("a"), "1\n2\n");
    world.call("read_file", r#"{"paths": ["old"]}"#);
    expect![[r#"
        Done (+3 -3 in 4 files)
        == a ==
        @@ -1,2 +1,2 @@
         1
        -2
        +two
        == created `d/new`: 1 line ==
        == deleted `old` ==
        == moved `run.sh` to `bin/run.sh` ==
        @@ -1 +1 @@
        -go
        +gone
    "#]]
    .assert_eq(&world.shown("edit_file", &args));
    let names = world.shown("list_files", "{}");
    expect![[r#"
        Done (5 entries)
        a
        bin/
          run.sh
        d/
          new
    "#]]
    .assert_eq(&names);
    let mode = fs::metadata(world.dir.path().join("project/bin/run.sh")).unwrap().permissions();
    assert_eq!(mode.mode() & 0o777, 0o755);
    // It cannot be applied twice.
    expect![[r#"
        Failed (no match)
        the hunk: its old lines do not occur in the file, nor anything like it. Read the file again.
        `a` was not changed.
    "#]]
    .assert_eq(&world.shown("edit_file", &args));
}

#[test]
fn a_patch_of_which_one_hunk_fails_changes_nothing() {
    let world = World::new(&[("a", "1\n2\n3\n"), ("b", "1\n")], Limits::default());
    let patch = "--- a/b\n+++ b/b\n@@ -1 +1 @@\n-1\n+one\n--- a/a\n+++ b/a\n@@ -1 +1 @@\n-1\n+one\n@@ -3 +3 @@\n-4\n+four\n";
    let args = json!({"path": "a", "edits": patch}).to_string();
    expect![[r#"
        Failed (no match)
        hunk 2 of 2: its old lines do not occur in the file, nor anything like it. Read the file again.
        No file was changed.
    "#]].assert_eq(&world.shown("edit_file", &args));
    assert_eq!((world.read("a"), world.read("b")), ("1\n2\n3\n".to_owned(), "1\n".to_owned()));
    let only = json!({"path": "a", "patch": "@@\n+new\n"}).to_string();
    expect![[r#"
        Failed (no context)
        the hunk: it only adds lines, so where is not known. Give some of the lines before or after them.
        `a` was not changed.
    "#]].assert_eq(&world.shown("edit_file", &only));
}

#[test]
fn a_file_is_not_replaced_before_it_was_read() {
    let world = World::new(&[("a", "1\n2\n"), ("empty", "")], Limits::default());
    let shown = [
        world.shown("write_file", r#"{"path": "a", "content": "3\n"}"#),
        world.shown("write_file", r#"{"path": "empty", "content": "3\n"}"#),
        world.shown("write_file", r#"{"path": "a", "content": "3\n", "append": true}"#),
        world.shown("write_file", r#"{"path": "a", "content": "3\n"}"#),
        world.shown("read_file", r#"{"paths": ["./a"], "start_line": 3}"#),
        world.shown("write_file", r#"{"path": "a", "content": "// ... rest of file ...\n"}"#),
        world.shown("write_file", r#"{"path": "a", "content": "3\n"}"#),
    ];
    expect![[r#"
        Failed (not read)
        `a` exists (2 lines) and was not read in this session, so it was not replaced. To change parts of it, call edit_file with {"path":"a","edits":[{"old":"…","new":"…"}]}. To replace all of it, read it first.
        Done (1 line)
        replaced `empty`: 1 line, before 0 lines
        Done (1 line)
        added 1 line to the end of `a`, which had 2 lines
        Failed (not read)
        `a` exists (3 lines) and was not read in this session, so it was not replaced. To change parts of it, call edit_file with {"path":"a","edits":[{"old":"…","new":"…"}]}. To replace all of it, read it first.
        Done (1 line)
        3	3
        [lines 3 to 3 of 3]
        Failed (not the whole text)
        `// ... rest of file ...` in `content` would be written as it is. Give the whole text, change parts of the file with edit_file, or word the comment otherwise. `a` was not changed.
        Failed (not all read)
        `a` (3 lines) was not replaced, for not all of it was read in this session: read lines 1 to 2 first, or change parts with edit_file, for example {"path":"a","edits":[{"old":"…","new":"…"}]}.
    "#]].assert_eq(&shown.concat());
}

#[test]
fn a_file_is_not_lost_before_all_of_it_was_read() {
    let lines: String = (1..=40).map(|it| format!("line {it}\n")).collect();
    let world = World::new(
        &[("a", &lines), ("z", &lines)],
        Limits { result: Budget(120), ..Limits::default() },
    );
    fs::write(world.dir.path().join("project/x.png"), b"\x89PNG\r\n\x1a\n").unwrap();
    let read = |path: &str, start: u32, end: u32| {
        let args = json!({"paths": [path], "start_line": start, "end_line": end});
        assert_eq!(world.call("read_file", &args.to_string()).status, Status::Done);
    };
    let replace = || world.shown("write_file", r#"{"path": "a", "content": "x\n"}"#);
    let delete = || {
        world.shown(
            "edit_file",
            r#"{"patch": "*** Begin Patch\n*** Delete File: z\n*** End Patch"}"#,
        )
    };
    read("a", 1, 40);
    let cut = replace();
    read("a", 20, 25);
    read("a", 27, 40);
    let parts = replace();
    let edit = json!({"path": "a", "edits": [{"old": "line 30\n", "new": "30\nmore\n"}]});
    assert_eq!(world.call("edit_file", &edit.to_string()).status, Status::Done);
    let edited = replace();
    read("a", 10, 19);
    read("a", 26, 28);
    read("a", 36, 41);
    read("z", 2, 9);
    let shown = [cut, parts, edited, replace(), delete()];
    expect![[r#"
        Failed (not all read)
        `a` (40 lines) was not replaced, for not all of it was read in this session: read lines 13 to 40 first, or change parts with edit_file, for example {"path":"a","edits":[{"old":"…","new":"…"}]}.
        Failed (not all read)
        `a` (40 lines) was not replaced, for not all of it was read in this session: read lines 13 to 19, 26, 37 to 40 first, or change parts with edit_file, for example {"path":"a","edits":[{"old":"…","new":"…"}]}.
        Failed (not all read)
        `a` (41 lines) was not replaced, for not all of it was read in this session: read lines 13 to 19, 26, 38 to 41 first, or change parts with edit_file, for example {"path":"a","edits":[{"old":"…","new":"…"}]}.
        Done (1 line)
        replaced `a`: 1 line, before 41 lines
        Failed (not read)
        not all of `z` was read in this session. Read lines 1, 10 to 40 before you delete it.
        `z` was not changed.
    "#]].assert_eq(&shown.concat());
    assert_eq!((world.read("a"), world.read("z")), ("x\n".to_owned(), lines));
    world.call("read_file", r#"{"paths": ["x.png"]}"#);
    expect![[r#"
        Failed (not read)
        `x.png` exists and is a PNG image, which nobody can read here, so it was not replaced. If it shall go, delete it with a command first.
    "#]].assert_eq(&world.shown("write_file", r#"{"path": "x.png", "content": "x"}"#));
}

#[test]
fn what_is_added_begins_a_line() {
    let files = [("a", "1\n2"), ("crlf", "1\r\n2"), ("ended", "1\n"), ("given", "1")];
    let world = World::new(&files, Limits::default());
    let add = |path: &str, content: &str| {
        let args = json!({"path": path, "content": content, "append": true});
        world.shown("write_file", &args.to_string())
    };
    let shown = [add("a", "3\n"), add("crlf", "3\n"), add("ended", "2\n"), add("given", "\n2\n")];
    expect![[r#"
        Done (1 line)
        added 1 line to the end of `a`, which had 2 lines
        [the last line had no end: it was given one first]
        Done (1 line)
        added 1 line to the end of `crlf`, which had 2 lines
        [the last line had no end: it was given one first]
        [kept: CRLF line ends]
        Done (1 line)
        added 1 line to the end of `ended`, which had 1 line
        Done (2 lines)
        added 2 lines to the end of `given`, which had 1 line
    "#]]
    .assert_eq(&shown.concat());
    let texts = ["a", "crlf", "ended", "given"].map(|it| world.read(it));
    assert_eq!(texts, ["1\n2\n3\n", "1\r\n2\r\n3\r\n", "1\n2\n", "1\n2\n"]);
}

#[test]
fn a_file_and_a_link_to_it_are_edited_as_one() {
    let world = World::new(&[("a", "1\n2\n")], Limits::default());
    symlink("a", world.dir.path().join("project/link")).unwrap();
    let edits = json!([{"old": "1", "new": "one"}, {"path": "link", "old": "2", "new": "two"}]);
    expect![[r#"
        Done (+2 -2)
        @@ -1,2 +1,2 @@
        -1
        -2
        +one
        +two
    "#]]
    .assert_eq(&world.shown("edit_file", &json!({"path": "a", "edits": edits}).to_string()));
    assert_eq!(world.read("a"), "one\ntwo\n");
}

#[test]
fn a_patch_does_not_delete_a_file_that_it_does_not_describe() {
    let world = World::new(&[("z.py", "a\nb\n")], Limits::default());
    world.call("read_file", r#"{"paths": ["z.py"]}"#);
    let patch = "--- a/z.py\n+++ /dev/null\n@@ -1 +0,0 @@\n-other\n";
    expect![[r#"
        Failed (no match)
        `z.py` holds other lines than those the patch deletes. Read it again, or delete it with a command.
        `z.py` was not changed.
    "#]].assert_eq(&world.shown("edit_file", &json!({"patch": patch}).to_string()));
    assert_eq!(world.read("z.py"), "a\nb\n");
    let patch = patch.replace("-1", "-1,2").replace("-other\n", "-a\n-b\n");
    assert_eq!(world.call("edit_file", &json!({"patch": patch}).to_string()).status, Status::Done);
}

#[test]
fn a_byte_that_is_no_text_is_not_replaced_by_the_sign_for_it() {
    let world = World::new(&[], Limits::default());
    let place = world.dir.path().join("project/a");
    let bytes = [b"b\xe9 x\n".as_slice(), "\u{fffd}\nc\n".as_bytes()].concat();
    fs::write(&place, &bytes).unwrap();
    let edit = |old: &str, new: &str| {
        let args = json!({"path": "a", "edits": [{"old": old, "new": new}]});
        world.call("edit_file", &args.to_string()).gist
    };
    assert_eq!(edit("b\u{fffd} x", "b\u{fffd} y"), "not UTF-8");
    assert_eq!(fs::read(&place).unwrap(), bytes);
    assert_eq!(edit("\u{fffd}\nc\n", "\u{fffd}\nd\n"), "+1 -1");
    assert_eq!(
        fs::read(&place).unwrap(),
        [b"b\xe9 x\n".as_slice(), "\u{fffd}\nd\n".as_bytes()].concat()
    );
}

#[test]
fn a_file_that_changed_since_it_was_read_is_shown_first() {
    let world = World::new(&[("a", "1\n2\n3\n")], Limits::default());
    let place = world.dir.path().join("project/a");
    world.call("read_file", r#"{"paths": ["a"]}"#);
    let edit = r#"{"path": "a", "edits": [{"old": "3", "new": "three"}]}"#;
    fs::write(&place, "1\ntheirs\n3\n").unwrap();
    expect![[r#"
        Failed (changed meanwhile)
        `a` has changed since it was read or written here:
        @@ -1,3 +1,3 @@
         1
        -2
        +theirs
         3
        It was left as it is. Make your change with this in mind.
        `a` was not changed.
    "#]]
    .assert_eq(&world.shown("edit_file", edit));
    assert_eq!(world.read("a"), "1\ntheirs\n3\n");
    assert_eq!(world.call("edit_file", edit).status, Status::Done);
    // What we wrote ourselves is known.
    assert_eq!(world.call("write_file", r#"{"path": "a", "content": "x\n"}"#).status, Status::Done);
    fs::write(&place, "again\n").unwrap();
    let write = r#"{"path": "a", "content": "y\n"}"#;
    assert_eq!(world.call("write_file", write).status, Status::Failed);
    assert_eq!(world.read("a"), "again\n");
    assert_eq!(world.call("write_file", write).status, Status::Done);
}

#[test]
fn a_file_keeps_its_encoding_and_its_line_ends() {
    let world = World::new(&[("crlf", "\u{feff}a\r\nb\r\n")], Limits::default());
    let place = |it: &str| world.dir.path().join("project").join(it);
    let utf16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    fs::write(place("utf16"), utf16("\u{feff}é\r\nb\r\n")).unwrap();
    fs::write(place("latin"), b"caf\xe9\r\nb\n").unwrap();
    let edit = |path: &str, old: &str, new: &str| {
        let args = json!({"path": path, "edits": [{"old": old, "new": new}]});
        world.shown("edit_file", &args.to_string())
    };
    let shown = [
        world.shown("read_file", r#"{"paths": ["utf16"]}"#),
        edit("utf16", "é\nb", "é\nü"),
        world.shown("write_file", r#"{"path": "utf16", "content": "x\n", "append": true}"#),
        world.shown("read_file", r#"{"paths": ["crlf"]}"#),
        world.shown("write_file", r#"{"path": "crlf", "content": "c\nd\n"}"#),
        edit("latin", "caf\u{fffd}\nb", "caf\u{fffd}\nc"),
        edit("latin", "caf\u{fffd}", "caf\u{fffd}s"),
        world.shown("write_file", r#"{"path": "latin", "content": "é", "append": true}"#),
    ];
    expect![[r#"
        Done (2 lines)
        1	é
        2	b
        [the file is UTF-16; edits keep it so]
        Done (+1 -1)
        @@ -1,2 +1,2 @@
         é
        -b
        +ü
        Done (1 line)
        added 1 line to the end of `utf16`, which had 2 lines
        [kept: CRLF line ends, UTF-16]
        Done (2 lines)
        1	a
        2	b
        Done (2 lines)
        replaced `crlf`: 2 lines, before 2 lines
        [kept: CRLF line ends]
        Done (+1 -1)
        @@ -1,2 +1,2 @@
         caf�
        -b
        +c
        [matched ignoring which quotes, dashes and spaces are used]
        Failed (not UTF-8)
        the file is not UTF-8, so `�` cannot be written to it without breaking it. Leave out of `old` and `new` the lines that are not ASCII.
        `latin` was not changed.
        Failed (not UTF-8)
        `latin` is not UTF-8, so only ASCII can be written to it without breaking it; it was not changed
    "#]].assert_eq(&shown.concat());
    assert_eq!(fs::read(place("utf16")).unwrap(), utf16("\u{feff}é\r\nü\r\nx\r\n"));
    assert_eq!(world.read("crlf"), "\u{feff}c\r\nd\r\n");
    assert_eq!(fs::read(place("latin")).unwrap(), b"caf\xe9\r\nc\n");
}

#[test]
fn a_file_too_large_to_be_read_whole_is_read_in_part() {
    let world = World::new(&[], Limits::default());
    let place = |it: &str| world.dir.path().join("project").join(it);
    let line = format!("{}\n", "x".repeat(1023));
    fs::write(place("lines"), line.repeat(33 * 1024)).unwrap();
    fs::File::create(place("zeros")).unwrap().set_len(20 << 30).unwrap();
    fs::write(place("one"), vec![b'y'; 33 << 20]).unwrap();
    let last = world.shown("read_file", r#"{"paths": ["lines"], "start_line": 33792}"#);
    assert!(last.starts_with("Done (1 line)\n33792\txxx"), "{last:.60}");
    let one = world.shown("read_file", r#"{"paths": ["one"]}"#);
    expect![[r#"
        Done (1 line)
        1	yyy [… cut: the line has 34603008 bytes]
        [lines 1 to 1, where the file ends; 33 MiB]
    "#]]
    .assert_eq(&one.replace(&"y".repeat(1900), "yyy"));
    let shown = [
        world.shown("read_file", r#"{"paths": ["zeros"]}"#),
        world.shown("edit_file", r#"{"path": "one", "edits": [{"old": "a", "new": "b"}]}"#),
    ];
    expect![[r#"
        Done (a binary file)
        `zeros` is a binary file, 21474836480 bytes; it cannot be shown as text
        Failed (too large)
        `one` is too large for that (33 MiB; the limit is 32 MiB): read ranges of it, or use a command
    "#]]
    .assert_eq(&shown.concat());
}

const TREE: &[(&str, &str)] = &[
    ("src/main.rs", "fn main() {\n    run();\n}\n"),
    ("src/a/deep/run.rs", "pub fn run() {}\n// RUN\n"),
    ("doc/guide.md", "Run it.\n"),
    (".gitignore", "*.log\n"),
    ("x.log", "run\n"),
];

#[test]
fn a_listing_is_a_tree() {
    check(
        TREE,
        "list_files",
        json!({}),
        expect![[r#"
        Done (6 entries)
        .gitignore
        doc/
          guide.md
        src/
          a/
          main.rs
    "#]],
    );
    check(
        TREE,
        "list_files",
        json!({"path": "src", "depth": 3, "extension": ".rs"}),
        expect![[r#"
        Done (4 entries)
        a/
          deep/
            run.rs
        main.rs
    "#]],
    );
    check(
        TREE,
        "list_files",
        json!({"path": "sr"}),
        expect![[r#"
        Failed (not found)
        there is no `sr`; did you mean `src`?
    "#]],
    );
    check(
        TREE,
        "list_files",
        json!({"extension": "zig"}),
        expect![[r#"
        Done (nothing)
        nothing to show in `.`
    "#]],
    );
}

#[test]
fn a_listing_that_is_too_long_loses_depth_first() {
    check_small(
        TREE,
        "list_files",
        json!({"depth": 9}),
        expect![[r#"
        Done (3 entries)
        .gitignore
        doc/
        src/
        [cut to depth 1; to see more, list a directory below]
    "#]],
    );
    let many: Vec<_> = (0..20).map(|it| format!("file{it:02}")).collect();
    let many: Vec<_> = many.iter().map(|it| (it.as_str(), "")).collect();
    check_small(
        &many,
        "list_files",
        json!({}),
        expect![[r#"
        Done (5 entries)
        file00
        file01
        file02
        file03
        file04
        [cut: 5 of 20; to see the rest, use find_files with a pattern]
    "#]],
    );
    check_small(
        &many,
        "find_files",
        json!({"pattern": "file*"}),
        expect![[r#"
        Done (20 files)
        file00
        file01
        file02
        file03
        file04
        [cut: 5 of 20; to see the rest, narrow the pattern or the path]
    "#]],
    );
}

#[test]
fn files_are_found_by_name() {
    check(
        TREE,
        "find_files",
        json!({"pattern": "*.rs"}),
        expect![[r#"
        Done (2 files)
        src/a/deep/run.rs
        src/main.rs
    "#]],
    );
    check(
        TREE,
        "find_files",
        json!({"pattern": "*.rs", "path": "src/a"}),
        expect![[r#"
        Done (1 file)
        src/a/deep/run.rs
    "#]],
    );
    check(
        TREE,
        "find_files",
        json!({"pattern": "nope"}),
        expect![[r#"
        Done (no files)
        no file matches `nope`
    "#]],
    );
}

#[test]
fn matches_stand_under_their_file() {
    check(
        TREE,
        "search",
        json!({"pattern": "run"}),
        expect![[r#"
        Done (4 matches in 3 files)
        doc/guide.md
        1:Run it.
        src/a/deep/run.rs
        1:pub fn run() {}
        2:// RUN
        src/main.rs
        2:    run();
    "#]],
    );
    check(
        TREE,
        "search",
        json!({"pattern": "RUN"}),
        expect![[r#"
        Done (1 match in 1 file)
        src/a/deep/run.rs
        2:// RUN
    "#]],
    );
    check(
        TREE,
        "search",
        json!({"pattern": "^ +run", "glob": "*.rs", "context": 1}),
        expect![[r#"
        Done (1 match in 1 file)
        src/main.rs
        1-fn main() {
        2:    run();
        3-}
    "#]],
    );
    check(
        TREE,
        "search",
        json!({"pattern": "nope", "path": "src"}),
        expect![[r#"
        Done (no matches)
        no match for `nope` in 2 files
    "#]],
    );
}

#[test]
fn what_is_not_a_regular_expression_is_searched_as_it_stands() {
    check(
        TREE,
        "search",
        json!({"pattern": "run("}),
        expect![[r#"
        Done (2 matches in 2 files)
        src/a/deep/run.rs
        1:pub fn run() {}
        src/main.rs
        2:    run();
        [the pattern is not a valid regular expression; it was taken as plain text]
    "#]],
    );
    check(
        TREE,
        "search",
        json!({"pattern": "a\nb"}),
        expect![[r#"
            Done (no matches)
            no match for `a
            b` in 4 files
        "#]],
    );
}

#[test]
fn binary_files_are_only_named_and_many_matches_are_cut() {
    let many = "hit\n".repeat(200);
    let world = World::new(&[("b", "hit\n\0"), ("c", &many), ("d", &many)], Limits::default());
    let outcome = world.call("search", r#"{"pattern": "hit"}"#);
    assert_eq!(outcome.gist, "61 matches in 3 files");
    assert!(outcome.text.contains("[more in this file: search with path c]\n"));
    let more = world.call("search", r#"{"pattern": "hit", "path": "c"}"#);
    assert_eq!(more.gist, "100+ matches in 1 file");
    assert!(more.text.ends_with("\n100:hit\n[cut: there may be more; narrow the pattern]\n"));
    check_small(
        &[("c", &many)],
        "search",
        json!({"pattern": "hit"}),
        expect![[r#"
            Done (30+ matches in 1 file)
            c
            1:hit
            2:hit
            3:hit
            4:hit
            5:hit
            6:hit
            [cut: there may be more; narrow it with path, glob or the pattern]
        "#]],
    );
}

#[test]
fn a_command_tells_how_it_ended() {
    check(
        &[],
        "run_command",
        json!({"command": "echo out; echo err >&2; exit 3"}),
        expect![[r#"
        Failed (exit 3)
        out
        err
        [exit 3]
    "#]],
    );
    check(
        &[("d/x", "")],
        "run_command",
        json!({"command": "ls", "cwd": "d"}),
        expect![[r#"
        Done (exit 0)
        x
        [exit 0]
    "#]],
    );
    check(
        &[],
        "run_command",
        json!({"command": "echo $TERM $CI; kill -9 $$"}),
        expect![[r#"
        Failed (killed by signal 9)
        dumb 1
        [killed by signal 9]
    "#]],
    );
    check(
        &[],
        "run_command",
        json!({"command": " "}),
        expect![[r#"
        Failed (no command)
        `command` is empty
    "#]],
    );
    check(
        &[],
        "run_command",
        json!({"command": "a\0b"}),
        expect![[r#"
        Failed (no command)
        `command` holds a NUL byte
    "#]],
    );
}

#[test]
fn a_command_that_takes_too_long_or_writes_too_much_keeps_what_it_said() {
    let world = World::new(&[], Limits::default());
    let outcome =
        world.call("run_command", r#"{"command": "echo so far; sleep 99", "timeout_seconds": 1}"#);
    expect![[r#"
        so far
        [stopped after 1 s with this output so far; to allow more, give timeout_seconds, at most 1800, or background: true for what shall go on running]
    "#]].assert_eq(&outcome.text);
    check_small(
        &[],
        "run_command",
        json!({"command": "seq 1 1000"}),
        expect![[r#"
            Done (exit 0)
            1
            2
            3
            4
            5
            6
            7
            8
            9
            [… lines 10 to 996 left out: see them with command_output, id c1, start_line 10 …]
            997
            998
            999
            1000
            [exit 0]
        "#]],
    );
}

#[test]
fn stop_is_answered_at_once() {
    let world = World::new(TREE, Limits::default());
    let calls = [
        ("read_file", r#"{"paths": ["src/main.rs"]}"#),
        ("search", r#"{"pattern": "x"}"#),
        ("write_file", r#"{"path": "x", "content": ""}"#),
        ("run_command", r#"{"command": "sleep 99"}"#),
    ];
    for (tool, args) in calls {
        assert_eq!(world.call_until(tool, args, async {}).status, Status::Cancelled, "{tool}");
    }
}

/// H03, H04.
#[test]
fn no_tool_leaves_the_project() {
    let world = World::new(&[("d/x", "")], Limits::default());
    let root = world.dir.path().canonicalize().unwrap();
    symlink("../outside/secret", root.join("project/file")).unwrap();
    symlink("../outside", root.join("project/dir")).unwrap();
    symlink(root.join("outside/new"), root.join("project/dangling")).unwrap();
    let absolute = root.join("outside/secret").display().to_string();
    let paths = [
        "../outside/secret",
        "../outside",
        &absolute,
        "d/../../outside/secret",
        "file",
        "dir/secret",
        "dir",
        "dir/new",
        "dangling",
        "~/x",
        "file:///etc/passwd",
        "/project-evil",
        "/",
        "..",
        "a\0b",
    ];
    for path in paths {
        let calls = [
            ("read_file", json!({"paths": [path]})),
            ("write_file", json!({"path": path, "content": "x"})),
            ("write_file", json!({"path": path, "content": "x", "append": true})),
            ("edit_file", json!({"path": path, "edits": [{"old": "S3CRET", "new": "x"}]})),
            ("list_files", json!({"path": path})),
            ("find_files", json!({"path": path, "pattern": "*"})),
            ("search", json!({"path": path, "pattern": "S3C"})),
            ("project_overview", json!({"path": path})),
            ("run_command", json!({"cwd": path, "command": "cat secret; echo x > new"})),
        ];
        for (tool, args) in calls {
            let outcome = world.call(tool, &args.to_string());
            assert_eq!(outcome.status, Status::Failed, "{tool} {path:?}: {}", outcome.text);
            assert!(!outcome.text.contains("S3CRET"), "{tool} {path:?} tells the secret");
        }
    }
    let everywhere = world.call("search", r#"{"pattern": "S3CRET"}"#);
    assert_eq!(everywhere.gist, "no matches");
    world.secret_is_safe();
}

/// Arguments that are nearly right, wrong in any way, or not JSON at all.
fn any_args() -> impl Strategy<Value = String> {
    let text =
        prop_oneof!["[a-c./~]{0,6}", ".{0,8}", Just("f".to_owned()), Just("*.rs".to_owned())];
    let leaf = prop_oneof![
        text.prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (0u32..9).prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        Just(Value::Null),
    ];
    let names = prop::sample::select(vec![
        "path",
        "paths",
        "content",
        "append",
        "edits",
        "patch",
        "old",
        "new",
        "pattern",
        "glob",
        "context",
        "depth",
        "extension",
        "start_line",
        "end_line",
        "x",
    ]);
    let value = leaf.prop_recursive(3, 24, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::vec((names.clone(), inner), 0..6)
                .prop_map(|it| it.into_iter().map(|(k, v)| (k.to_owned(), v)).collect()),
        ]
    });
    prop_oneof![8 => value.prop_map(|it| it.to_string()), 1 => ".{0,20}"]
}

/// H30.
#[test]
fn no_arguments_break_a_tool() {
    let world = World::new(&[("f", "a\nb\n"), ("b/c", "a\r\n")], Limits::default());
    let mut runner = TestRunner::new(Config { cases: 100, ..Config::default() });
    let tools = [
        "read_file",
        "write_file",
        "edit_file",
        "list_files",
        "find_files",
        "search",
        "project_overview",
    ];
    let full = |args: String| {
        // What is required is there in half of the cases, so that the tools themselves are met.
        let mut value: Value = serde_json::from_str(&args).unwrap_or_default();
        for (name, default) in [
            ("path", json!("f")),
            ("pattern", json!("a")),
            ("content", json!("a\n")),
            ("edits", json!([{"old": "a", "new": "b"}])),
        ] {
            if let Some(fields) = value.as_object_mut() {
                fields.entry(name).or_insert(default);
            }
        }
        value
    };
    runner
        .run(&any_args(), |args| {
            for tool in tools {
                let outcome = world.call(tool, &args);
                prop_assert_ne!(outcome.gist, "broke down");
                let properties = definition_properties(tool);
                let mut value = full(args.clone());
                if let Some(fields) = value.as_object_mut() {
                    fields.retain(|name, _| properties.contains(name));
                }
                let outcome = world.call(tool, &value.to_string());
                prop_assert_ne!(outcome.gist, "broke down");
            }
            Ok(())
        })
        .unwrap();
    world.secret_is_safe();
}

fn definition_properties(tool: &str) -> Vec<String> {
    let specs = specs();
    let spec = specs.iter().find(|it| it.name == tool).unwrap();
    let definition: Value = serde_json::from_str(&spec.definition).unwrap();
    definition["parameters"]["properties"].as_object().unwrap().keys().cloned().collect()
}
