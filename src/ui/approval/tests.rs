//! What answers mean, and what is shown to be answered.

use expect_test::{Expect, expect};
use serde_json::json;

use super::*;

fn stakes() -> Stakes {
    Stakes { always: Some("run_command(make)".to_owned()), ..Stakes::default() }
}

/// A file with these hunks.
fn change(path: &str, hunks: &[&str]) -> FileChange {
    let hunks = hunks.iter().map(|it| (*it).to_owned()).collect();
    FileChange { path: path.to_owned(), fate: String::new(), hunks, added: 1, removed: 1 }
}

fn decided(decision: Decision) -> Said {
    Said::Consent(Consent::Decided(decision))
}

#[test]
fn only_a_clear_yes_is_a_yes() {
    for yes in ["y", "Y", "  yes ", "YES"] {
        assert_eq!(said(yes, &stakes()), decided(Decision::Allowed));
    }
    for no in ["", "n", "No", "NO "] {
        assert_eq!(said(no, &stakes()), decided(Decision::Denied(String::new())));
    }
    for unclear in ["ok", "k", "ja", "yep", "?", "/"] {
        assert_eq!(said(unclear, &stakes()), Said::Unclear(unclear.to_owned()));
    }
    let words = "Yes but only in src";
    assert_eq!(said(words, &stakes()), decided(Decision::Denied(words.to_owned())));
}

#[test]
fn an_answer_that_is_none_is_told_which_there_are() {
    assert_eq!(
        unclear("q", &stakes()),
        "  `q` is no answer here: y, a, e, n, or more words for the model"
    );
    let fixed = Stakes { is_fixed: true, ..Stakes::default() };
    assert_eq!(
        unclear("\u{1b}[", &fixed),
        "  `␛[` is no answer here: y, n, or more words for the model"
    );
}

#[test]
fn a_key_that_is_not_offered_does_nothing() {
    let said = |answer: &str, stakes: &Stakes| match said(answer, stakes) {
        Said::Not(why) => why,
        other => panic!("{answer} means {other:?}"),
    };
    let fixed = Stakes { is_fixed: true, ..Stakes::default() };
    assert_eq!(said("a", &fixed), "there is no rule that would cover just this; y or n");
    assert_eq!(said("e", &fixed), "this cannot be changed; y or n");
    assert_eq!(said("h", &fixed), "there are no hunks to choose from; y or n");
    let one = Stakes { changes: vec![change("a", &["@@"])], ..Stakes::default() };
    assert_eq!(said("h", &one), "there are no hunks to choose from; y or n");
}

#[test]
fn a_command_waits_and_is_no_answer() {
    for command in ["/undo", "/help me", "/own-command", "/mode:x"] {
        assert!(matches!(said(command, &stakes()), Said::Not(why) if why.contains("wait")));
    }
    let path = "/usr/bin is where it belongs";
    assert_eq!(said(path, &stakes()), decided(Decision::Denied(path.to_owned())));
}

#[test]
fn the_keys_that_there_are_are_named() {
    assert_eq!(
        keys(&stakes()),
        "  y = yes, a = always, e = edit, n = no, or say what to do instead: "
    );
    let fixed = Stakes { is_fixed: true, ..Stakes::default() };
    assert_eq!(keys(&fixed), "  y = yes, n = no, or say what to do instead: ");
    let long = "+x\n".repeat(50);
    let changes = vec![change("a", &["@@ -1 +1 @@\n-a\n+b\n", &long])];
    assert_eq!(
        keys(&Stakes { changes, ..Stakes::default() }),
        "  y = yes, e = edit, h = by hunk, d = all of it, n = no, or say what to do instead: "
    );
}

#[track_caller]
fn check(call: (&str, serde_json::Value), stakes: Stakes, expected: Expect) {
    colored::control::set_override(false);
    let call = Call { id: String::new(), tool: call.0.to_owned(), args: call.1.to_string() };
    let lines: Vec<_> = std::iter::once(asked(&call, &stakes)).chain(reasons(&stakes)).collect();
    expected.assert_eq(&lines.join("\n"));
}

#[test]
fn a_command_is_shown_with_what_holds_it() {
    let confined = "confined: writes the project".to_owned();
    check(
        ("run_command", json!({"command": "make\u{1b}[2J"})),
        Stakes { confined, why: "a rule \u{1b}".to_owned(), ..Stakes::default() },
        expect![[r#"
            allow? run_command
              command: make␛[2J
              a rule ␛
              confined: writes the project"#]],
    );
}

#[test]
fn an_edit_is_shown_as_its_diff() {
    let hunks = ["@@ -1,2 +1,2 @@\n a\n-b\u{1b}[8m\n+p\u{443}thon\u{202e}\n"];
    check(
        ("edit_file", json!({"path": "a"})),
        Stakes { changes: vec![change("a\u{7}\u{a0}", &hunks)], ..Stakes::default() },
        expect![[r#"
            allow? edit_file
              a␇\u{a0}  +1 -1
                   1  a
                   2 -b␛[8m
                   2 +p\u{443}thon\u{202e}"#]],
    );
}

#[test]
fn a_long_diff_is_what_it_comes_to() {
    let hunk = format!("@@ -1 +1,50 @@\n{}", "+x\n".repeat(50));
    let moved = FileChange { fate: "moved to c".to_owned(), ..change("b", &["@@\n+a\n"]) };
    check(
        ("edit_file", json!({"path": "a"})),
        Stakes { changes: vec![change("a", &[&hunk]), moved], ..Stakes::default() },
        expect![[r#"
            allow? edit_file
              a  +1 -1
              b  +1 -1 (moved to c)
              53 lines of a diff; d shows them"#]],
    );
}

fn given(args: &str, text: &str) -> Given {
    let call = Call { id: String::new(), tool: "run_command".to_owned(), args: args.to_owned() };
    Amendable::of(&call).with(&[text.to_owned()])
}

#[test]
fn what_is_changed_is_the_command_and_nothing_else() {
    let args = r#"{"command":"make","timeout":5}"#;
    let seen = |args: &str| Given::Seen(args.to_owned());
    assert_eq!(given(args, "make test"), seen(r#"{"command":"make test","timeout":5}"#));
    assert_eq!(given(args, " a  "), seen(r#"{"command":" a  ","timeout":5}"#));
    assert!(matches!(given(args, " "), Given::Not(_)));
    assert_eq!(given(r#"{"url":"x"}"#, r#"{"url": "y"}"#), seen(r#"{"url": "y"}"#));
    assert!(matches!(given(r#"{"url":"x"}"#, "y"), Given::Not(_)));
}

#[track_caller]
fn amendable(args: serde_json::Value, expected: Expect) {
    let call = Call { id: String::new(), tool: "x".to_owned(), args: args.to_string() };
    let amendable = Amendable::of(&call);
    let texts = amendable.texts().iter().map(|it| format!("{}: {:?}\n", it.file_name, it.words));
    expected.assert_eq(&texts.collect::<String>());
}

#[test]
fn of_an_edit_the_text_that_is_written_is_changed() {
    amendable(
        json!({"path": "src/a.rs", "content": "fn a() {}\n"}),
        expect![[r#"
            a.rs: "fn a() {}\n"
        "#]],
    );
    let edits = json!([{"old": "a", "new": "b"}, {"old": "c", "new": "d", "path": "x/../\u{1b}"}]);
    amendable(
        json!({"path": "src/a.rs", "edits": edits}),
        expect![[r#"
            1-of-2-a.rs: "b"
            2-of-2-text: "d"
        "#]],
    );
    amendable(
        json!({"path": "src/a.rs", "edits": [{"old": "a"}]}),
        expect![[r#"
            arguments.json: "{\"path\":\"src/a.rs\",\"edits\":[{\"old\":\"a\"}]}"
        "#]],
    );
}

#[test]
fn each_text_that_was_changed_stands_in_its_place() {
    let edits = json!([{"old": "a", "new": "b"}, {"old": "c", "new": "d"}]);
    let args = json!({"path": "a", "edits": edits}).to_string();
    let call = Call { id: String::new(), tool: "edit_file".to_owned(), args };
    let given = Amendable::of(&call).with(&["B\n".to_owned(), String::new()]);
    let args = r#"{"path":"a","edits":[{"old":"a","new":"B\n"},{"old":"c","new":""}]}"#;
    assert_eq!(given, Given::Unseen(args.to_owned()));
}

#[test]
fn an_end_that_only_the_editor_wrote_is_not_taken() {
    let left = |words: &str, text: &str| {
        let args = json!({"path": "a", "content": words}).to_string();
        let call = Call { id: String::new(), tool: "write_file".to_owned(), args };
        Amendable::of(&call).texts()[0].left(text).to_owned()
    };
    assert_eq!(left("a", "b\n"), "b");
    assert_eq!(left("a\n", "b\n"), "b\n");
}

/// It is asked about again.
#[test]
fn what_a_line_does_not_show_is_not_run_at_once() {
    let args = r#"{"command":"make"}"#;
    let long = "x".repeat(500);
    for text in ["a\nb", "a\tb", "a\u{1b}[2J", "p\u{443}thon", "a\u{202e}b", &*long] {
        assert!(matches!(given(args, text), Given::Unseen(_)), "{text:?}");
    }
    let fits = |command: &str| {
        let args = json!({"command": command}).to_string();
        Amendable::of(&Call { id: String::new(), tool: "x".to_owned(), args }).texts()[0]
            .fits_a_line()
    };
    assert!(fits("make test"));
    assert!(!fits("echo \\"));
    assert!(!fits("a\nb"));
    assert!(!fits("\u{1b}]0;x\u{7}"));
}
