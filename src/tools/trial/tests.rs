//! Tests on trial: what counts, and that nothing of the project is touched.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use expect_test::{Expect, expect};
use tempfile::TempDir;

use super::*;
use crate::sandbox::{self, Environment};
use crate::tools::{Bounds, CheckRules, Enclosure, Means};
use crate::workspace::diagnostics::understand;

const CODE: &str = "def add(a, b):\n    return a + b\n\n\ndef sub(a, b):\n    return a - b\n";
const TESTS: &str = "import unittest\n\nfrom a import add\n\n\nclass Add(unittest.TestCase):\n    \
    def test_sum(self):\n        self.assertEqual(add(1, 2), 3)\n\n    \
    def test_nothing(self):\n        self.assertTrue(True)\n\n    \
    def test_wrong(self):\n        self.assertEqual(add(1, 2), 4)\n";

struct World {
    dir: TempDir,
    toolbox: Toolbox,
}

/// When it is plays no part.
fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH
}

impl World {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in [("a.py", CODE), ("test_a.py", TESTS), ("pyproject.toml", "")] {
            fs::write(dir.path().join(name), text).unwrap();
        }
        let workspace = Arc::new(Workspace::open(dir.path(), None).unwrap());
        let environment = Environment::default().with("PATH", "/usr/bin:/bin");
        let bounds = Bounds {
            project: workspace.root().to_owned(),
            home: None,
            private: Vec::new(),
            options: sandbox::Options::default(),
        };
        let enclosure = Some(Enclosure::new(bounds, workspace.survey(now)));
        let toolbox = Toolbox::new(Means {
            workspace,
            environment,
            enclosure,
            limits: Limits::default(),
            keep: None,
            temp: PathBuf::from("/tmp"),
            is_attended: false,
            custom: Vec::new(),
            checks: CheckRules::default(),
        });
        Self { dir, toolbox }
    }

    fn claim(test: &str, old: &str, new: &str) -> Claim {
        let text = |it: &str| it.to_owned();
        Claim {
            test: text(test),
            file: text("test_a.py"),
            code: text("a.py"),
            old: text(old),
            new: text(new),
        }
    }

    fn can_fail(&self, claim: &Claim) -> Trial {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(self.toolbox.can_fail(claim, std::future::pending()))
    }

    fn runs(&self, claim: &Claim) -> Trial {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(self.toolbox.runs(claim, std::future::pending()))
    }

    /// The first line of why it counts for nothing.
    #[track_caller]
    fn check(&self, trial: &Trial, expected: Expect) {
        expected.assert_eq(match trial {
            Trial::Failed(why) => why.lines().next().unwrap_or_default(),
            Trial::Held => "held",
            Trial::Stopped => "stopped",
        });
        assert_eq!(fs::read_to_string(self.dir.path().join("a.py")).unwrap(), CODE);
    }
}

#[test]
fn a_test_counts_if_it_passes_and_fails_where_the_code_is_broken() {
    let world = World::new();
    let claim = World::claim("test_sum", "return a + b", "return a - b");
    world.check(&world.runs(&claim), expect!["held"]);
    world.check(&world.can_fail(&claim), expect!["held"]);
}

#[test]
fn a_test_that_passes_whatever_the_code_does_counts_for_nothing() {
    let world = World::new();
    let claim = World::claim("Add::test_nothing", "return a + b", "return a - b");
    world.check(&world.runs(&claim), expect!["held"]);
    world.check(
        &world.can_fail(&claim),
        expect!["it passes all the same with `return a - b` in place of `return a + b` in `a.py`"],
    );
}

#[test]
fn a_test_that_does_not_pass_or_is_not_there_counts_for_nothing() {
    let world = World::new();
    let claim = World::claim("test_wrong", "return a + b", "return a - b");
    world.check(&world.runs(&claim), expect!["it does not pass:"]);
    let claim = World::claim("test_else", "return a + b", "return a - b");
    world.check(&world.runs(&claim), expect!["it was not run: no test has this name"]);
    let claim = Claim { file: "test_b.py".to_owned(), ..claim };
    world.check(&world.runs(&claim), expect!["there is no file `test_b.py`"]);
}

#[test]
fn what_is_to_be_broken_has_to_be_one_place_and_another_text() {
    let world = World::new();
    let check = |old: &str, new: &str, expected: Expect| {
        world.check(&world.can_fail(&World::claim("test_sum", old, new)), expected);
    };
    check("return a * b", "", expect!["`old` does not stand in `a.py`"]);
    check("return", "yield", expect!["`old` stands in `a.py` 2 times: give more of its lines"]);
    check(" ", "x", expect!["`old` is empty"]);
    check("a + b", "a + b", expect!["`old` and `new` are the same"]);
    let nowhere = Claim { code: "b.py".to_owned(), ..World::claim("test_sum", "a", "b") };
    world.check(&world.can_fail(&nowhere), expect!["there is no `b.py`"]);
}

#[test]
fn the_file_that_was_broken_is_newer_than_what_was_built_of_it() {
    let world = World::new();
    let path = world.dir.path().join("a.py");
    let file = fs::File::options().write(true).open(&path).unwrap();
    let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    file.set_modified(long_ago).unwrap();
    world.can_fail(&World::claim("test_sum", "a + b", "a - b"));
    assert!(long_ago < fs::metadata(&path).unwrap().modified().unwrap());
}

/// How a run that printed `output` went for the test `adds`.
#[track_caller]
fn check_seen(ended: Ended, output: &str, expected: Seen) {
    let ran =
        Ran { ended, found: understand(output), output: output.to_owned(), took: Duration::ZERO };
    assert_eq!(seen(&ran, "tests::adds"), expected, "{output}");
}

#[test]
fn only_the_test_itself_can_have_failed() {
    let ok = Ended::Exited(0);
    check_seen(ok, "test result: ok. 1 passed; 0 failed; 0 ignored", Seen::Passed);
    check_seen(ok, "test result: ok. 0 passed; 0 failed; 0 ignored; 3 filtered out", Seen::NotRun);
    check_seen(ok, "whatever it is, all is well", Seen::Passed);
    let bad = Ended::Exited(101);
    let failed = "test tests::adds ... FAILED\n\nfailures:\n\n---- tests::adds stdout ----\n\
        thread 'tests::adds' panicked at src/lib.rs:3:5:\nboom\n\n\
        test result: FAILED. 0 passed; 1 failed; 0 ignored";
    check_seen(bad, failed, Seen::Failed);
    check_seen(bad, "error[E0308]: mismatched types\n --> src/lib.rs:1:5\n", Seen::NotBuilt);
    check_seen(bad, "not ok 1 - adds", Seen::Failed);
    check_seen(bad, "Segmentation fault", Seen::Unclear);
    check_seen(Ended::Signalled(11), "running adds", Seen::Failed);
    check_seen(Ended::TimedOut, "", Seen::TimedOut);
    check_seen(Ended::Stopped, "", Seen::Stopped);
}
