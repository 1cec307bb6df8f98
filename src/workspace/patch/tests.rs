//! Patches as models write them, read and applied.

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;
use crate::workspace::LineDiff;

/// Reads the patch of one file and applies it.
#[track_caller]
fn check(text: &str, patch: &str, expected: Expect) {
    expected.assert_eq(&applied(text, patch));
}

fn applied(text: &str, patch: &str) -> String {
    let files = match parse(patch) {
        Ok(files) => files,
        Err(err) => return format!("not understood: {err}"),
    };
    let [FilePatch { action: Action::Update { hunks, .. }, .. }] = &files[..] else {
        return format!("{files:?}");
    };
    match apply_hunks(text, hunks) {
        Ok(patched) => {
            let latitudes = patched.latitudes.iter().map(|it| format!(" [{it}]"));
            format!("{:?}{}", patched.text, latitudes.collect::<String>())
        }
        Err((n, miss)) => format!("hunk {}: {miss:?}", n + 1),
    }
}

/// What shall become of which file.
#[track_caller]
fn check_files(patch: &str, expected: Expect) {
    let shown = match parse(patch) {
        Err(err) => err,
        Ok(files) => files
            .into_iter()
            .map(|it| match it.action {
                Action::Create(content) => format!("create {} {content:?}\n", it.path),
                Action::Delete(_) => format!("delete {}\n", it.path),
                Action::Update { hunks, to: None } => {
                    format!("update {} {}\n", it.path, hunks.len())
                }
                Action::Update { hunks, to: Some(to) } => {
                    format!("update {} {} and move it to {to}\n", it.path, hunks.len())
                }
            })
            .collect(),
    };
    expected.assert_eq(&shown);
}

const TEXT: &str = "def a():\n    x = 1\n    return x\n\ndef b():\n    x = 1\n    return x\n";

#[test]
fn a_unified_diff_changes_several_files() {
    check_files(
        "diff --git a/x b/x\nindex 1..2 100644\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n\
         diff --git a/new b/new\nnew file mode 100644\n--- /dev/null\n+++ b/new\n@@ -0,0 +1,2 @@\n+a\n+b\n\
         diff --git a/old b/old\ndeleted file mode 100644\n--- a/old\n+++ /dev/null\n@@ -1 +0,0 @@\n-a\n\
         diff --git a/from b/to\nsimilarity index 100%\nrename from from\nrename to to\n",
        expect![[r#"
            update x 1
            create new "a\nb\n"
            delete old
            update from 0 and move it to to
        "#]],
    );
    check_files(
        "--- x.txt\t2026-01-02\n+++ x.txt\n@@ -1 +1 @@\n-a\n+b\n",
        expect![[r#"
        update x.txt 1
    "#]],
    );
    check_files(
        "--- \"a/caf\\303\\251\"\n+++ \"b/caf\\303\\251\"\n@@\n-a\n+b\n",
        expect![[r#"
        update café 1
    "#]],
    );
    check_files(
        "Here it is:\n```diff\n--- a/x\n+++ b/x\n@@ @@\n-a\n+b\n```\n",
        expect![[r#"
        update x 1
    "#]],
    );
}

#[test]
fn begin_patch_changes_several_files() {
    check_files(
        "*** Begin Patch\n*** Update File: x\n@@\n-a\n+b\n*** Add File: d/new\n+a\n+\n+b\n\
         *** Delete File: old\n*** Update File: from\n*** Move to: to\n@@ def f():\n-a\n+b\n*** End Patch\n",
        expect![[r#"
            update x 1
            create d/new "a\n\nb\n"
            delete old
            update from 1 and move it to to
        "#]],
    );
}

#[test]
fn blank_lines_of_a_new_file_may_lack_their_mark() {
    check_files(
        "*** Begin Patch\n*** Add File: x\n+a\n\n\n+b\n\n*** Add File: y\n\n+c\n\n*** End Patch\n",
        expect![[r#"
            create x "a\n\n\nb\n"
            create y "\nc\n"
        "#]],
    );
}

#[test]
fn a_patch_deletes_what_it_tells() {
    let patch = "--- a/x\n+++ /dev/null\n@@ -1,2 +0,0 @@\n-say(\"a\")\n-b\n";
    let files = parse(patch).unwrap();
    let Action::Delete(hunks) = &files[0].action else { panic!("{files:?}") };
    for text in ["say(\"a\")\nb\n", "\u{feff}say(“a”)  \r\nb", "say(\"a\")\nb\n\n"] {
        assert!(deletes(text, hunks), "{text:?}");
    }
    for text in ["", "b\n", "say(\"a\")\nb\nc\n", "say(\"a\")\n  b\n"] {
        assert!(!deletes(text, hunks), "{text:?}");
    }
    assert!(deletes("whatever\n", &[]));
}

#[test]
fn what_is_not_to_be_understood_is_named() {
    check_files("--- a/x\n+++ b/x\n@@ -1 +1 @@\n", expect!["the hunk has no lines"]);
    check_files("--- a/x\n+++ b/x\n@@\n-a\n@@ @@\n\n", expect!["the hunk has no lines"]);
    check_files(
        "*** Begin Patch\n*** Update File: x\n@@ def f():\n\n*** End Patch\n",
        expect!["the hunk has no lines"],
    );
    check_files(
        "hello\n",
        expect![
            "the patch holds no change of a file: it needs `--- a/path` and `+++ b/path` before its `@@`"
        ],
    );
    check_files(
        "--- a/x\n+++ b/x\n@@ -1 +1 @@\nwhat\n",
        expect!["line 4 of the patch must begin with a space, `+` or `-`: `what`"],
    );
    check_files(
        "*** Begin Patch\n-a\n*** End Patch",
        expect!["line 2 of the patch stands before any `*** Update File: path`: `-a`"],
    );
    check_files(
        "*** Begin Patch\n*** Add File: x\na\n*** End Patch",
        expect!["line 3 of the patch adds to a new file, so it must begin with `+`: `a`"],
    );
    check_files(
        "diff --git a/x b/x\nGIT binary patch\n",
        expect!["the patch changes a binary file, which cannot be done here"],
    );
}

#[test]
fn wrong_numbers_and_counts_do_not_matter_where_the_lines_are_there_once() {
    check(
        "a\nb\nc\n",
        "--- a/x\n+++ b/x\n@@ -90,7 +90,9 @@ fn z()\n a\n-b\n+B\n",
        expect![[r#""a\nB\nc\n""#]],
    );
    check("a\nb\nc\n", "--- a/x\n+++ b/x\n@@ ... @@\n-b\n+B\n c\n", expect![[r#""a\nB\nc\n""#]]);
    check(
        "a\n-- b\nc\n",
        "--- a/x\n+++ b/x\n@@ -1,3 +1,2 @@\n a\n--- b\n c\n",
        expect![[r#""a\nc\n""#]],
    );
}

#[test]
fn of_equal_places_none_is_taken_unless_it_is_certain_which() {
    let hunk = "     x = 1\n-    return x\n+    return 2\n";
    check(
        TEXT,
        &format!("--- a/x\n+++ b/x\n@@\n{hunk}"),
        expect!["hunk 1: Lines(Several([2, 6]))"],
    );
    check(
        TEXT,
        &format!("--- a/x\n+++ b/x\n@@ -6,2 +6,2 @@\n{hunk}"),
        expect![[r#""def a():\n    x = 1\n    return x\n\ndef b():\n    x = 1\n    return 2\n""#]],
    );
    // The counts are wrong, so nothing the numbers say is believed.
    check(
        TEXT,
        &format!("--- a/x\n+++ b/x\n@@ -6,9 +6,9 @@\n{hunk}"),
        expect!["hunk 1: Lines(Several([2, 6]))"],
    );
    check(
        TEXT,
        &format!("--- a/x\n+++ b/x\n@@ -5,2 +5,2 @@\n{hunk}"),
        expect!["hunk 1: Lines(Several([2, 6]))"],
    );
    let codex = |head: &str, tail: &str| {
        format!("*** Begin Patch\n*** Update File: x\n@@{head}\n{hunk}{tail}*** End Patch\n")
    };
    check(TEXT, &codex("", ""), expect!["hunk 1: Lines(Several([2, 6]))"]);
    check(
        TEXT,
        &codex(" def b():", ""),
        expect![[r#""def a():\n    x = 1\n    return x\n\ndef b():\n    x = 1\n    return 2\n""#]],
    );
    check(
        TEXT,
        &codex(" def a():", ""),
        expect![[r#""def a():\n    x = 1\n    return 2\n\ndef b():\n    x = 1\n    return x\n""#]],
    );
    check(
        TEXT,
        &codex("", "*** End of File\n"),
        expect![[r#""def a():\n    x = 1\n    return x\n\ndef b():\n    x = 1\n    return 2\n""#]],
    );
}

#[test]
fn what_only_adds_says_where_or_is_not_made() {
    check("a\nb\n", "--- a/x\n+++ b/x\n@@ -1,0 +2 @@\n+new\n", expect!["hunk 1: NoContext"]);
    check(
        "a\nb\n",
        "*** Begin Patch\n*** Update File: x\n@@ a\n+new\n*** End Patch",
        expect!["hunk 1: NoContext"],
    );
    check("", "--- a/x\n+++ b/x\n@@ -0,0 +1 @@\n+new\n", expect![[r#""new\n""#]]);
    check(
        "a\nb",
        "*** Begin Patch\n*** Update File: x\n@@\n+new\n*** End of File\n*** End Patch",
        expect![[r#""a\nb\nnew\n""#]],
    );
}

#[test]
fn hunks_are_found_by_the_ladder() {
    check(
        "\tif x:\n\t\treturn “1”  \n",
        "--- a/x\n+++ b/x\n@@\n if x:\n-\treturn \"1\"\n+\treturn 2\n",
        expect![[
            r#""\tif x:\n\t\treturn 2\n" [ignoring which quotes, dashes and spaces are used] [ignoring indentation; re-indented by 1 tab]"#
        ]],
    );
    check(
        "a\r\nb\r\n",
        "--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n a\n-b\n+c\n",
        expect![[r#""a\r\nc\r\n""#]],
    );
    // Not within a line.
    check("xb\nb\n", "--- a/x\n+++ b/x\n@@\n-b\n+c\n", expect![[r#""xb\nc\n""#]]);
    check("a\nb\n", "--- a/x\n+++ b/x\n@@\n-z\n+c\n", expect!["hunk 1: Lines(Nowhere(None))"]);
    check(
        "a\nb\nc\n",
        "--- a/x\n+++ b/x\n@@\n-a\n-b\n+1\n@@\n-b\n-c\n+2\n",
        expect!["hunk 2: Overlap"],
    );
}

#[test]
fn the_end_of_the_last_line_is_as_the_patch_says() {
    let none = "\\ No newline at end of file\n";
    check(
        "a\nb",
        &format!("--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n a\n-b\n{none}+c\n"),
        expect![[r#""a\nc\n""#]],
    );
    check(
        "a\nb\n",
        &format!("--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n a\n-b\n+c\n{none}"),
        expect![[r#""a\nc""#]],
    );
    check("a\nb", "--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n a\n-b\n+c\n", expect![[r#""a\nc""#]]);
}

fn lines() -> impl Strategy<Value = Vec<&'static str>> {
    prop::collection::vec(
        prop::sample::select(vec!["a", "b", "", "  c", "-- d", "++ e", "@@"]),
        0..14,
    )
}

proptest! {
    #[test]
    fn a_diff_of_two_texts_turns_one_into_the_other(
        old in lines(), new in lines(), crlf: bool, open: (bool, bool), mark: bool,
    ) {
        let end = if crlf { "\r\n" } else { "\n" };
        let text = |lines: Vec<&str>, open: bool| {
            let text: String = lines.iter().map(|it| format!("{it}{end}")).collect();
            let text = if open { text.strip_suffix(end).unwrap_or(&text).to_owned() } else { text };
            if text.ends_with(end) && lines.len() == 1 && open { String::new() } else { text }
        };
        let (old, new) = (text(old, open.0), text(new, open.1));
        let hunks = LineDiff::of(&old, &new).unified(3);
        prop_assume!(!hunks.is_empty());
        let diff = format!("--- a/x\n+++ b/x\n{hunks}");
        let marked = |text: &str| if mark { format!("\u{feff}{text}") } else { text.to_owned() };
        prop_assert_eq!(applied(&marked(&old), &diff), format!("{:?}", marked(&new)));
    }

    #[test]
    fn no_text_makes_it_fail(
        lines in prop::collection::vec("(\\*\\*\\* (Begin Patch|End Patch|Update File: x|Add File: y|Delete File: z|Move to: y|End of File))|(--- (a/x|/dev/null))|(\\+\\+\\+ (b/x|\"b/\\\\3))|(@@.{0,12})|([ +\\-\\\\].{0,3})|(diff --git a/x b/x)|(rename (from|to) x)|.{0,6}", 0..16),
        text in "[ab\n\r]{0,12}",
    ) {
        applied(&text, &lines.join("\n"));
    }

    #[test]
    fn no_number_makes_it_fail(
        numbers in prop::array::uniform4(prop_oneof![
            0..4_u128, Just(u128::from(u64::MAX) - 1), Just(u128::from(u64::MAX)), any::<u128>(),
        ]),
        text in "[ab\n]{0,12}",
    ) {
        let [a, b, c, d] = numbers;
        applied(&text, &format!("--- a/x\n+++ b/x\n@@ -{a},{b} +{c},{d} @@\n a\n-b\n+c\n"));
    }
}
