//! Checks as a model meets them: what it reads of a check, and of an edit that broke something.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use expect_test::{Expect, expect};
use proptest::prelude::*;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;
use crate::conversation::{Call, Outcome};
use crate::sandbox::Environment;
use crate::tools::{Limits, Means, Toolbox};

/// A project, the tools on it, and the person's own commands.
struct World {
    dir: TempDir,
    toolbox: Toolbox,
}

impl World {
    fn new(files: &[(&str, &str)], rules: CheckRules) -> Self {
        let dir = tempfile::tempdir().unwrap();
        for (name, content) in files {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        let workspace = Arc::new(Workspace::open(dir.path(), Some(dir.path())).unwrap());
        let environment = Environment::default().with("PATH", "/usr/bin:/bin");
        let (limits, keep) = (Limits::default(), None);
        let toolbox = Toolbox::new(Means {
            workspace,
            environment,
            enclosure: None,
            limits,
            keep,
            temp: PathBuf::from("/tmp"),
            is_attended: true,
            custom: Vec::new(),
            checks: rules,
        });
        Self { dir, toolbox }
    }

    fn call(&self, tool: &str, args: Value) -> Outcome {
        self.call_until(tool, args, std::future::pending())
    }

    fn call_until(&self, tool: &str, args: Value, stop: impl Future<Output = ()>) -> Outcome {
        let (tool, args) = (tool.to_owned(), args.to_string());
        let call = Call { id: String::new(), tool, args };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(self.toolbox.run(&call, stop))
    }

    #[track_caller]
    fn check(&self, tool: &str, args: Value, expected: Expect) {
        let outcome = self.call(tool, args);
        // How long it took comes last.
        let gist = outcome.gist.rsplit_once(", ").filter(|it| it.1.ends_with(" s"));
        let gist = gist.map_or(&*outcome.gist, |it| it.0);
        let text = format!("{:?} ({gist})\n{}", outcome.status, outcome.text);
        let place = self.dir.path().canonicalize().unwrap();
        expected.assert_eq(&text.replace(&*place.to_string_lossy(), "/proj"));
    }
}

fn own(commands: &[(Purpose, &str)], after_edit: AfterEdit) -> CheckRules {
    let commands = commands.iter().map(|(it, line)| (*it, (*line).to_owned()));
    CheckRules { commands: commands.collect(), attempts: 3, after_edit }
}

#[track_caller]
fn check(files: &[(&str, &str)], commands: &[(Purpose, &str)], args: Value, expected: Expect) {
    let world = World::new(files, own(commands, AfterEdit::Nothing));
    world.check("check", args, expected);
}

const C: &str = "int main(void) {\n\treturn x;\n}\n";

#[test]
fn the_gravest_comes_first_with_its_line() {
    let print = "echo \"a.c:1:5: warning: unused [-Wunused]\n$PWD/a.c:2:9: error: no x\"; exit 1";
    check(
        &[("a.c", C)],
        &[(Purpose::Check, print)],
        json!({}),
        expect![[r#"
        Failed (1 error, 1 warning)
        $ echo "a.c:1:5: warning: unused [-Wunused]
        $PWD/a.c:2:9: error: no x"; exit 1
        1 error, 1 warning
        a.c:2:9: error no x
            return x;
        a.c:1:5: warning[-Wunused] unused
        [exit 1]
    "#]],
    );
}

#[test]
fn tests_that_failed_are_named() {
    let print = "printf 'test a ... FAILED\\n---- a stdout ----\\nthread x panicked at a.rs:1:2:\\nno\\n\\nfailures:\\ntest result: FAILED. 2 passed; 1 failed; 0 ignored\\n'; exit 101";
    check(
        &[],
        &[(Purpose::Test, print)],
        json!({"kind": "test", "filter": "a"}),
        expect![[r#"
        Failed (1 failed, 2 passed)
        $ printf 'test a ... FAILED\n---- a stdout ----\nthread x panicked at a.rs:1:2:\nno\n\nfailures:\ntest result: FAILED. 2 passed; 1 failed; 0 ignored\n'; exit 101
        1 failed, 2 passed
        FAILED a (a.rs:1)
          no
        [exit 101]
        [the command is the user's own: `path` and `filter` play no part]
    "#]],
    );
}

#[test]
fn that_none_passed_is_not_said_where_only_failures_are_named() {
    let print = "printf -- '--- FAIL: TestA (0.00s)\\n    a_test.go:3: no\\nFAIL\\nFAIL\\tx\\t0.001s\\n'; exit 1";
    check(
        &[],
        &[(Purpose::Test, print)],
        json!({"kind": "test"}),
        expect![[r#"
            Failed (1 failed)
            $ printf -- '--- FAIL: TestA (0.00s)\n    a_test.go:3: no\nFAIL\nFAIL\tx\t0.001s\n'; exit 1
            1 failed
            FAILED TestA (x/a_test.go:3)
              no
            [exit 1]
        "#]],
    );
}

#[test]
fn what_nobody_understands_is_shown_as_it_ends() {
    check(
        &[],
        &[(Purpose::Lint, "seq 100; exit 2")],
        json!({}),
        expect![[r#"
        Failed (exit 2)
        $ seq 100; exit 2
        [… the end of the output …]
        41
        42
        43
        44
        45
        46
        47
        48
        49
        50
        51
        52
        53
        54
        55
        56
        57
        58
        59
        60
        61
        62
        63
        64
        65
        66
        67
        68
        69
        70
        71
        72
        73
        74
        75
        76
        77
        78
        79
        80
        81
        82
        83
        84
        85
        86
        87
        88
        89
        90
        91
        92
        93
        94
        95
        96
        97
        98
        99
        100
        [exit 2]
    "#]],
    );
    check(
        &[],
        &[(Purpose::Check, "echo fine")],
        json!({}),
        expect![[r#"
        Done (exit 0)
        $ echo fine
        [exit 0]
    "#]],
    );
}

#[test]
fn many_are_cut() {
    let print = "for n in $(seq 30); do echo \"a.c:$n:1: error: e$n\"; done; exit 1";
    check(
        &[],
        &[(Purpose::Check, print)],
        json!({}),
        expect![[r#"
        Failed (30 errors)
        $ for n in $(seq 30); do echo "a.c:$n:1: error: e$n"; done; exit 1
        30 errors
        a.c:1:1: error e1
        a.c:2:1: error e2
        a.c:3:1: error e3
        a.c:4:1: error e4
        a.c:5:1: error e5
        a.c:6:1: error e6
        a.c:7:1: error e7
        a.c:8:1: error e8
        a.c:9:1: error e9
        a.c:10:1: error e10
        a.c:11:1: error e11
        a.c:12:1: error e12
        a.c:13:1: error e13
        a.c:14:1: error e14
        a.c:15:1: error e15
        a.c:16:1: error e16
        a.c:17:1: error e17
        a.c:18:1: error e18
        a.c:19:1: error e19
        a.c:20:1: error e20
        [and 10 errors more: mend these first]
        [exit 1]
    "#]],
    );
}

#[test]
fn the_table_knows_what_to_run() {
    let make = "test:\n\t@echo 'a.c:2:9: error: no x'; exit 1\nlint:\n\ttrue\n";
    check(
        &[("sub/Makefile", make), ("sub/a.c", C)],
        &[],
        json!({"path": "sub/a.c", "kind": "test"}),
        expect![[r#"
            Failed (1 error)
            $ cd sub && make test
            1 error
            sub/a.c:2:9: error no x
                return x;
            [exit 2]
        "#]],
    );
}

#[test]
fn where_nothing_can_be_run_it_is_said_what_was_looked_for() {
    check(
        &[("README", "")],
        &[],
        json!({}),
        expect![[r#"
            Failed (nothing to run)
            there is nothing to run here: no project of a known kind (cargo, node, python, go, maven, gradle, dotnet, ruby, php, cmake, just, make, shell) was found. Give `path` of a part of the project, or run a command"#]],
    );
    check(
        &[("Makefile", "test:\n\ttrue\n")],
        &[],
        json!({"kind": "lint"}),
        expect![[r#"
        Failed (nothing to run)
        nothing is set up to lint `.` (make). There is: test"#]],
    );
    check(
        &[("a.sh", "")],
        &[],
        json!({"kind": "tests"}),
        expect![[r#"
        Failed (no such kind)
        `kind` is check, lint, test or format, not `tests`"#]],
    );
    check(
        &[("go.mod", "")],
        &[],
        json!({"path": "../x"}),
        expect![[r#"
        Failed (refused)
        `../x` is outside the project `/proj`"#]],
    );
}

#[test]
fn what_is_not_installed_is_said() {
    let files = [("composer.json", "{}"), ("phpstan.neon", "")];
    check(
        &files,
        &[],
        json!({"kind": "check"}),
        expect![[r#"
        Failed (not installed)
        [`phpstan` is not installed, so `phpstan analyse --no-progress` was left out]
    "#]],
    );
}

#[test]
fn after_three_checks_that_failed_alike_it_is_time_to_stop() {
    let print = "cat out; exit 1";
    let rules = own(&[(Purpose::Test, print)], AfterEdit::Nothing);
    let world = World::new(&[("out", "a.c:1:1: error: a\na.c:2:1: error: b\n")], rules);
    let says_stop = || world.call("check", json!({"kind": "test"})).text.contains("stop and tell");
    assert_eq!([says_stop(), says_stop(), says_stop(), says_stop()], [false, false, true, true]);
    fs::write(world.dir.path().join("out"), "a.c:1:1: error: a\n").unwrap();
    assert!(!says_stop(), "one problem less is progress");
    assert!(!says_stop());
    world.toolbox.turn_begins();
    assert_eq!([says_stop(), says_stop(), says_stop()], [false, false, true]);
}

#[test]
fn who_has_to_allow_a_check_sees_what_it_runs() {
    let world = World::new(&[("sub/Makefile", "test:\n\ttrue\n")], CheckRules::default());
    let preview = |tool: &str, args: &str| {
        let (tool, args) = (tool.to_owned(), args.to_owned());
        world.toolbox.preview(&Call { id: String::new(), tool, args })
    };
    let seen = preview("check", r#"{"kind": "test"}"#);
    assert_eq!(seen.as_deref(), Some("`check` will run: cd sub && make test"));
    assert_eq!(preview("read_file", "{}"), None);
    assert_eq!(preview("check", r#"{"kind": "lint"}"#), None);
}

#[test]
fn a_check_is_stopped() {
    let world = World::new(&[], own(&[(Purpose::Check, "sleep 60")], AfterEdit::Nothing));
    let outcome = world.call_until("check", json!({}), std::future::ready(()));
    assert_eq!(format!("{:?}", outcome.status), "Cancelled");
}

#[track_caller]
fn check_edit(
    files: &[(&str, &str)],
    rules: CheckRules,
    tool: &str,
    args: Value,
    expected: Expect,
) {
    World::new(files, rules).check(tool, args, expected);
}

fn edit(path: &str, old: &str, new: &str) -> Value {
    json!({"path": path, "edits": [{"old": old, "new": new}]})
}

#[test]
fn an_edit_that_breaks_the_syntax_is_told_so_at_once() {
    let files = [("a.sh", "if true; then\n  echo a\nfi\n"), ("a.toml", "a = 1\n")];
    let rules = || own(&[], AfterEdit::File);
    check_edit(
        &files,
        rules(),
        "edit_file",
        edit("a.sh", "echo a", "echo )"),
        expect![[r#"
            Done (+1 -1, broke the syntax)
            @@ -1,3 +1,3 @@
             if true; then
            -  echo a
            +  echo )
             fi
            [this edit broke the syntax:]
            a.sh:2: error syntax error near unexpected token `)'
                echo )
        "#]],
    );
    check_edit(
        &files,
        rules(),
        "edit_file",
        edit("a.sh", "echo a", "echo b"),
        expect![[r#"
        Done (+1 -1)
        @@ -1,3 +1,3 @@
         if true; then
        -  echo a
        +  echo b
         fi
    "#]],
    );
    check_edit(
        &files,
        rules(),
        "write_file",
        json!({"path": "new.json", "content": "{\n\"a\": ]}"}),
        expect![[r#"
            Done (2 lines, broke the syntax)
            created `new.json`: 2 lines
            [this edit broke the syntax:]
            new.json:2:6: error expected value
                "a": ]}
        "#]],
    );
    check_edit(
        &files,
        rules(),
        "edit_file",
        edit("a.toml", "a = 1", "a = 1\nb = "),
        expect![[r#"
            Done (+1 -0, broke the syntax)
            @@ -1 +1,2 @@
             a = 1
            +b = 
            [this edit broke the syntax:]
            a.toml:2: error string values must be quoted, expected literal string
                b =
        "#]],
    );
}

#[test]
fn what_was_wrong_before_is_not_told_again() {
    let files = [("a.sh", "if true; then\n  echo a\nfin\n"), ("a.json", "{\n")];
    let rules = || own(&[], AfterEdit::File);
    check_edit(
        &files,
        rules(),
        "edit_file",
        edit("a.sh", "echo a", "echo b"),
        expect![[r#"
        Done (+1 -1)
        @@ -1,3 +1,3 @@
         if true; then
        -  echo a
        +  echo b
         fin
    "#]],
    );
    check_edit(
        &files,
        rules(),
        "edit_file",
        edit("a.json", "{", "{{"),
        expect![[r#"
        Done (+1 -1)
        @@ -1 +1 @@
        -{
        +{{
    "#]],
    );
}

#[test]
fn only_what_is_new_in_the_project_is_told() {
    let print = "test -e out && cat out; exit 1";
    let rules = own(&[(Purpose::Check, print)], AfterEdit::QuickProject);
    let old = "a.c:2:9: error: old\nb.c:1:1: error: old\n";
    let world = World::new(&[("a.c", C), ("b.c", "int b;\n"), ("out", old)], rules);
    // The first has nothing to compare with.
    world.check(
        "edit_file",
        edit("a.c", "int main", "long main"),
        expect![[r#"
        Done (+1 -1, 1 error)
        @@ -1,3 +1,3 @@
        -int main(void) {
        +long main(void) {
         	return x;
         }
        [in what was edited, by `test -e out && cat out; exit 1`:]
        a.c:2:9: error old
            return x;
    "#]],
    );
    // What was there before has moved.
    let say = |it: &str| fs::write(world.dir.path().join("out"), it).unwrap();
    say("a.c:3:9: error: old\nb.c:1:1: error: old\n");
    world.check(
        "edit_file",
        edit("a.c", "long main", "// main\nint main"),
        expect![[r#"
        Done (+2 -1)
        @@ -1,3 +1,4 @@
        -long main(void) {
        +// main
        +int main(void) {
         	return x;
         }
    "#]],
    );
    say("a.c:3:9: error: old\na.c:2:1: error: new\nb.c:1:1: error: other\n");
    world.check(
        "edit_file",
        edit("a.c", "int main", "char main"),
        expect![[r#"
        Done (+1 -1, 1 new error)
        @@ -1,4 +1,4 @@
         // main
        -int main(void) {
        +char main(void) {
         	return x;
         }
        [new since this edit, by `test -e out && cat out; exit 1`:]
        a.c:2:1: error new
            char main(void) {
        [there are new errors in other files too: b.c]
    "#]],
    );
}

#[test]
fn who_wants_to_be_asked_has_nothing_run_that_is_the_projects() {
    let rules = own(&[(Purpose::Check, "touch ran")], AfterEdit::File);
    let world = World::new(&[("a.c", C)], rules);
    world.call("edit_file", edit("a.c", "main", "start"));
    assert!(!world.dir.path().join("ran").exists());
    let rules = own(&[(Purpose::Check, "touch ran")], AfterEdit::Project);
    let world = World::new(&[("a.c", C)], rules);
    world.call("edit_file", edit("a.c", "main", "start"));
    assert!(world.dir.path().join("ran").exists());
}

#[test]
fn an_edit_is_on_disk_before_it_is_checked() {
    let rules = own(&[(Purpose::Check, "cp a.c seen")], AfterEdit::Project);
    let world = World::new(&[("a.c", C)], rules);
    world.call("edit_file", edit("a.c", "main", "start"));
    let read = |it: &str| fs::read_to_string(world.dir.path().join(it)).unwrap();
    assert_eq!(read("seen"), read("a.c"));
    assert!(read("seen").contains("start"));
}

proptest! {
    #[test]
    fn problems_that_only_grow_always_end_in_the_advice_to_stop(more in prop::collection::vec(0usize..4, 3..8)) {
        let checks = Checks::new(own(&[], AfterEdit::Nothing));
        let mut problems = 1;
        let mut said = false;
        for it in more {
            problems += it;
            said = checks.attempted(Purpose::Test, &ProjectPath::default(), problems);
        }
        prop_assert!(said);
    }
}

#[test]
fn a_file_in_another_encoding_is_checked_as_the_text_it_is() {
    let world = World::new(&[], own(&[], AfterEdit::File));
    let utf16 = |it: &str| {
        let units = "\u{feff}".encode_utf16().chain(it.encode_utf16());
        units.flat_map(u16::to_le_bytes).collect::<Vec<_>>()
    };
    fs::write(world.dir.path().join("a.json"), utf16("{\n\"a\": 1\n}\n")).unwrap();
    world.call("read_file", json!({"path": "a.json"}));
    assert_eq!(world.call("edit_file", edit("a.json", "1", "2")).gist, "+1 -1");
    assert_eq!(world.call("edit_file", edit("a.json", "2", "]")).gist, "+1 -1, broke the syntax");
}
