//! Fixed tasks: explain, review, commit, refactor, test.

mod support;

use expect_test::{Expect, expect};
use serde_json::{Value, json};

use crate::support::child::Finished;
use crate::support::fault_server::FaultServer;
use crate::support::home::Home;
use crate::support::response::{Response, call, say};

/// A repository with one commit and a change that is not staged.
fn home() -> Home {
    let home = Home::new();
    home.file("project/a.rs", "fn one() {}\n");
    home.git(&["init", "--quiet"]);
    home.git(&["config", "user.name", "Somebody"]);
    home.git(&["config", "user.email", "somebody@example.org"]);
    home.git(&["add", "--all"]);
    home.git(&["commit", "--quiet", "--message", "a: has one"]);
    home.file("project/a.rs", "fn one() {}\nfn two() {}\n");
    home
}

/// Runs it with a model that says a word, and then this in the form.
fn run(home: &Home, args: &[&str], answer: &Value) -> (Finished, FaultServer) {
    let server = FaultServer::script(vec![say("I have looked."), say(&answer.to_string())]);
    let finished = home.agent(args).server(&server).run();
    (finished, server)
}

fn finding(file: &str, line: usize, severity: &str) -> Value {
    json!({"file": file, "line": line, "severity": severity, "why": "It is wrong.", "fix": "Mend it."})
}

#[track_caller]
fn check_review(args: &[&str], findings: &[Value], code: i32, expected: Expect) {
    let answer = json!({"findings": findings, "summary": "I read a.rs."});
    let home = home();
    let (finished, server) = run(&home, &[&["review"], args].concat(), &answer);
    finished.assert_code(code);
    expected.assert_eq(&finished.stdout);
    let words = server.chat(0).last_message().unwrap_or_default().to_owned();
    assert!(words.contains("+fn two() {}"), "{words}");
}

#[test]
fn findings_are_told_the_gravest_first_and_those_without_a_place_are_left_out() {
    let findings =
        [finding("a.rs", 2, "low"), finding("b.rs", 1, "high"), finding("./a.rs", 1, "high")];
    check_review(
        &[],
        &findings,
        0,
        expect![[r#"
        a.rs:1  high
            It is wrong.
            fix: Mend it.
        a.rs:2  low
            It is wrong.
            fix: Mend it.
        I read a.rs.
    "#]],
    );
    check_review(
        &["--json"],
        &findings,
        0,
        expect![[r#"
            {"findings":[{"file":"a.rs","line":1,"severity":"high","why":"It is wrong.","fix":"Mend it."},{"file":"a.rs","line":2,"severity":"low","why":"It is wrong.","fix":"Mend it."}],"summary":"I read a.rs.","left_out":1,"is_cut":false}
        "#]],
    );
}

#[test]
fn a_grave_finding_is_a_status_of_its_own_where_that_is_wanted() {
    check_review(
        &["--fail-on", "medium"],
        &[finding("a.rs", 1, "high")],
        7,
        expect![[r#"
        a.rs:1  high
            It is wrong.
            fix: Mend it.
        I read a.rs.
    "#]],
    );
    check_review(
        &["--fail-on", "high"],
        &[finding("a.rs", 1, "low")],
        0,
        expect![[r#"
        a.rs:1  low
            It is wrong.
            fix: Mend it.
        I read a.rs.
    "#]],
    );
}

#[test]
fn nothing_is_asked_where_nothing_is_changed() {
    let home = home();
    home.git(&["commit", "--quiet", "--all", "--message", "a: has two"]);
    let server = FaultServer::script(vec![say("Nobody asks.")]);
    let finished = home.agent(&["review"]).server(&server).run();
    finished.assert_code(0);
    expect![[r#"
        nothing is changed; a range of commits can be reviewed, too: agent review main..HEAD
    "#]]
    .assert_eq(&finished.stderr);
    let finished = home.agent(&["review", "b.rs", "c.rs"]).server(&server).run();
    finished.assert_code(2);
    expect![[r#"
        error: there is no file `b.rs`
        hint: name files, or one range as in `main..HEAD`
    "#]]
    .assert_eq(&finished.stderr);
    let finished = home.agent(&["review", "nothing..HEAD"]).server(&server).run();
    finished.assert_code(1);
    expect![[r#"
        error: cannot review the changes of `nothing..HEAD`: git knows no revision `nothing..HEAD`
    "#]]
    .assert_eq(&finished.stderr);
    let finished = home.agent(&["commit"]).server(&server).run();
    finished.assert_code(1);
    expect![[r#"
        error: nothing is staged
        hint: `git add` says what belongs to the commit
    "#]]
    .assert_eq(&finished.stderr);
}

#[test]
fn what_is_staged_is_committed_with_a_message_like_the_others() {
    let home = home();
    home.git(&["add", "a.rs"]);
    home.file("project/b.rs", "not staged\n");
    let answer = json!({"subject": "a: has two", "body": "Both are needed."});
    let (finished, server) = run(&home, &["commit", "because", "of", "it"], &answer);
    finished.assert_code(1);
    expect![[r#"
        a: has two

        Both are needed.
    "#]]
    .assert_eq(&finished.stdout);
    expect![[r#"
          200 tokens read, 0 from cache, 20 written at 100/s, 0 % of the window
        not committed: there is nobody to ask; `--yes` commits without asking
    "#]]
    .assert_eq(&finished.stderr);
    let words = server.chat(0).last_message().unwrap_or_default().to_owned();
    assert!(words.contains("a: has one") && words.contains("because of it"), "{words}");
    assert!(words.contains("+fn two() {}") && !words.contains("not staged"), "{words}");

    run(&home, &["commit", "--yes"], &answer).0.assert_code(0);
    expect![[r#"
        a: has two

        Both are needed.


         a.rs | 1 +
         1 file changed, 1 insertion(+)
    "#]]
    .assert_eq(&home.git(&["log", "-1", "--format=%B", "--stat"]));
    expect![[r#"
        ?? b.rs
    "#]]
    .assert_eq(&home.git(&["status", "--short"]));
}

#[test]
fn what_the_model_may_not_read_is_not_put_before_it() {
    let home = home();
    home.file("home/.config/agent/config.toml", "[permissions]\ndeny = ['read_file(keys.txt)']\n");
    home.file("project/keys.txt", "a word of its own\n");
    home.git(&["add", "--all"]);
    let answer = json!({"findings": [], "summary": "I read a.rs."});
    let (finished, server) = run(&home, &["review", "--staged"], &answer);
    finished.assert_code(0);
    let words = server.chat(0).last_message().unwrap_or_default().to_owned();
    assert!(words.contains("+fn two() {}"), "{words}");
    assert!(!words.contains("a word of its own"), "{words}");
}

#[test]
fn what_was_staged_meanwhile_is_not_committed() {
    let home = std::sync::Arc::new(home());
    home.git(&["add", "a.rs"]);
    home.file("project/b.rs", "more\n");
    let there = std::sync::Arc::clone(&home);
    let server = FaultServer::answering(move |nth, _| match nth {
        0 => say("I have looked."),
        _ => {
            there.git(&["add", "b.rs"]);
            say(&json!({"subject": "a: has two", "body": ""}).to_string())
        }
    });
    let finished = home.agent(&["commit", "--yes"]).server(&server).run();
    finished.assert_code(1);
    assert!(
        finished.stderr.contains("what is staged has changed meanwhile"),
        "{}",
        finished.stderr
    );
    assert_eq!(home.git(&["log", "-1", "--format=%s"]), "a: has one\n");
}

#[test]
fn a_change_that_is_too_long_says_that_only_its_beginning_was_looked_at() {
    let home = home();
    home.file("project/a.rs", &"fn more() {}\n".repeat(4000));
    let answer = json!({"findings": [], "summary": "I read a.rs."});
    let (finished, _) = run(&home, &["review", "--json"], &answer);
    assert!(finished.stdout.contains(r#""is_cut":true"#), "{}", finished.stdout);
    assert!(finished.stderr.contains("only its beginning"), "{}", finished.stderr);
}

/// Git takes all settings from where this file says, so our own readers do not read on.
#[test]
fn what_a_killed_agent_left_of_a_command_is_gone_with_the_next_one() {
    let home = home();
    let left = home.path("project/.git/commondir");
    std::fs::write(&left, ".\n").expect("it is ours");
    let file = std::fs::File::options().write(true).open(&left).expect("it is there");
    // The time that nothing else has.
    let time = std::time::UNIX_EPOCH + std::time::Duration::new(1, 618_033_900);
    file.set_modified(time).expect("it is ours");
    let server = FaultServer::script(vec![say("Nobody asks.")]);
    let finished = home.agent(&["commit"]).server(&server).run();
    expect![[r#"
        error: nothing is staged
        hint: `git add` says what belongs to the commit
    "#]]
    .assert_eq(&finished.stderr);
    assert!(!left.exists());
}

#[test]
fn code_gets_another_form_by_a_plan_and_the_difference_is_shown() {
    let home = home();
    let step =
        json!({"what": "Name it", "files": ["a.rs"], "run": "grep -q three a.rs", "look": ""});
    let plan = json!({"goal": "Better names", "steps": [step], "risks": []});
    let edit = json!({"path": "a.rs", "edits": [{"old": "fn two", "new": "fn three"}]});
    let read = call("read_file", json!({"paths": ["a.rs"]}));
    let script = vec![
        read,
        say("I am ready."),
        say(&plan.to_string()),
        call("edit_file", edit),
        say("It has another name."),
    ];
    let server = FaultServer::script(script);
    let finished = home.agent(&["refactor", "name", "two", "better"]).server(&server).run();
    finished.assert_code(0);
    expect![[r#"
        I am ready.
        It has another name.
        --- a/a.rs
        +++ b/a.rs
        @@ -1,2 +1,2 @@
         fn one() {}
        -fn two() {}
        +fn three() {}
    "#]]
    .assert_eq(&finished.stdout);
    let words = server.chat(0).last_message().unwrap_or_default().to_owned();
    assert!(words.starts_with("Refactor: name two better\n"), "{words}");
}

#[test]
fn nothing_is_changed_for_a_review_or_an_explanation() {
    let home = home();
    let write = call("write_file", json!({"path": "a.rs", "content": "gone"}));
    let server = FaultServer::script(vec![write, say("It has two functions.")]);
    let finished = home.agent(&["explain", "a.rs"]).server(&server).run();
    finished.assert_code(0);
    assert_eq!(finished.stdout, "It has two functions.\n");
    assert_eq!(home.read("project/a.rs"), "fn one() {}\nfn two() {}\n");
    let words = server.chat(0).last_message().unwrap_or_default().to_owned();
    assert!(words.starts_with("Explain a.rs, to somebody"), "{words}");
}

/// A module in Python, and the tests that the model writes for it in these replies.
fn prove(replies: Vec<Response>, args: &[&str]) -> (Home, Finished, FaultServer) {
    let home = Home::new();
    home.file("project/a.py", "def add(a, b):\n    return a + b\n")
        .file("project/pyproject.toml", "");
    let server = FaultServer::script(replies);
    let finished = home.agent(&[args, &["test", "add"]].concat()).server(&server).run();
    (home, finished, server)
}

fn tests_of_add(bodies: &[(&str, &str)]) -> Response {
    let mut content =
        "import unittest\nfrom a import add\n\nclass Add(unittest.TestCase):\n".to_owned();
    for (name, body) in bodies {
        content += &format!("    def {name}(self):\n        {body}\n");
    }
    call("write_file", json!({"path": "test_a.py", "content": content}))
}

fn claims(tests: &[&str]) -> Response {
    let claim = |it: &&str| {
        json!({
            "test": it, "file": "test_a.py", "code": "a.py",
            "old": "a + b", "new": "a - b",
        })
    };
    say(&json!({"tests": tests.iter().map(claim).collect::<Vec<_>>()}).to_string())
}

const GOOD: (&str, &str) = ("test_sum", "self.assertEqual(add(1, 2), 3)");
const IDLE: (&str, &str) = ("test_zero", "self.assertEqual(add(1, 0), 1)");

#[test]
fn tests_are_kept_that_pass_and_fail_when_the_code_is_broken() {
    let replies = vec![
        tests_of_add(&[GOOD, IDLE]),
        say("They pass."),
        claims(&["test_sum", "test_zero"]),
        tests_of_add(&[GOOD, ("test_zero", "self.assertEqual(add(0, 1), 1)")]),
        say("Now it can fail."),
        claims(&["test_sum", "test_zero"]),
    ];
    let (home, finished, server) = prove(replies, &[]);
    finished.assert_code(0);
    expect![[r#"
        test_a.py  test_sum
            fails with `a - b` in place of `a + b` in a.py
        test_a.py  test_zero
            fails with `a - b` in place of `a + b` in a.py
    "#]]
    .assert_eq(&finished.stdout);
    let words = server.chat(3).last_message().unwrap_or_default().to_owned();
    expect![[r#"
        Not every test is worth its place yet:
        - `test_zero`: it passes all the same with `a - b` in place of `a + b` in `a.py`
        Mend each of them, or name a better way to break the code for it. Then give the whole list again, with those that are good."#]].assert_eq(&words);
    assert_eq!(home.read("project/a.py"), "def add(a, b):\n    return a + b\n");
}

#[test]
fn tests_that_cannot_fail_do_not_stay() {
    let idle = || vec![say("It is good."), claims(&["test_zero"])];
    let mut replies = vec![tests_of_add(&[IDLE])];
    replies.extend((0..3).flat_map(|_| idle()));
    replies.push(say("I would rather not."));
    let (home, finished, _) = prove(replies, &["--output-format", "json"]);
    finished.assert_code(3);
    let result: Value = serde_json::from_str(&finished.stdout).expect("one line of JSON");
    expect![[r#"{"tests":[],"taken_out":[{"test":"test_zero","file":"test_a.py","why":"it passes all the same with `a - b` in place of `a + b` in `a.py`"}],"left":[],"not_broken":null}"#]].assert_eq(&result["structured_output"].to_string());
    assert!(!home.path("project/test_a.py").exists());
}

#[test]
fn where_nothing_can_be_broken_it_is_said() {
    let replies = vec![tests_of_add(&[IDLE]), say("It passes."), claims(&["test_zero"])];
    let (_, finished, _) = prove(replies, &["--permission", "full"]);
    finished.assert_code(0);
    expect![[r#"
        warning: commands are not confined
        ● write_file test_a.py  6 lines
          300 tokens read, 0 from cache, 30 written at 100/s, 0 % of the window
        the tests pass, but it was not tried whether they can fail: commands are not confined
    "#]]
    .assert_eq(&finished.stderr);
    assert_eq!(finished.stdout, "test_a.py  test_zero\n");
}

#[test]
fn options_for_prompts_of_ones_own_are_wrong_usage() {
    let cases: [&[&str]; 5] = [
        &["--plan", "commit"],
        &["--input-format", "stream-json", "explain"],
        &["--json-schema", "a.json", "test", "x"],
        &["--output-format", "json", "review"],
        &["--output-format", "stream-json", "commit"],
    ];
    let told = cases.map(|args| {
        let finished = home().agent(args).run();
        finished.assert_code(2);
        finished.stderr.lines().next().unwrap_or_default().to_owned()
    });
    expect![[r#"
        error: `--plan` is for prompts of your own, not for `agent commit`
        error: `--input-format` is for prompts of your own, not for `agent explain`
        error: `--json-schema` is for prompts of your own, not for `agent test`
        error: `agent review` does not know `--output-format`
        error: `agent commit` does not know `--output-format`"#]]
    .assert_eq(&told.join("\n"));
}
