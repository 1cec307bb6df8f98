//! `search` on projects of a few files, beside an implementation that takes its time.

use std::fs;

use expect_test::{Expect, expect};
use proptest::prelude::*;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;

fn project(files: &[(&str, &[u8])]) -> (TempDir, Workspace) {
    let dir = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    let workspace = Workspace::open(dir.path(), Some(dir.path())).unwrap();
    (dir, workspace)
}

fn call(workspace: &Workspace, args: Value) -> Answer {
    let args = serde_json::from_value(args).unwrap();
    search(workspace, Budget::default(), &Cancel::default(), args).unwrap()
}

#[track_caller]
fn check(files: &[(&str, &[u8])], args: Value, expected: Expect) {
    let (_dir, workspace) = project(files);
    let answer = call(&workspace, args);
    expected.assert_eq(&format!("({})\n{}", answer.gist, answer.text));
}

const MIXED: &[(&str, &[u8])] = &[
    ("a.rs", b"fn one() {\n    two()\n}\n"),
    ("b/b.py", b"def one():\n    two()\n    two()\n"),
    ("b/c.pyi", b"def one(): ...\n"),
    ("d.bin", b"one\0two"),
    ("e.txt", b"caf\xe9 one\r\n"),
];

#[test]
fn a_type_is_a_language_or_an_ending() {
    check(
        MIXED,
        json!({"pattern": "one", "type": "python"}),
        expect![[r#"
            (2 matches in 2 files)
            b/b.py
            1:def one():
            b/c.pyi
            1:def one(): ...
        "#]],
    );
    check(
        MIXED,
        json!({"pattern": "one", "type": "rs", "glob": "*.py"}),
        expect![[r#"
            (no matches)
            no match for `one` in 0 files
        "#]],
    );
}

#[test]
fn only_the_files_are_named() {
    check(
        MIXED,
        json!({"pattern": "two", "mode": "files"}),
        expect![[r#"
            (3 files)
            a.rs
            b/b.py
            d.bin
        "#]],
    );
}

#[test]
fn matching_lines_are_counted() {
    check(
        MIXED,
        json!({"pattern": "two", "mode": "count"}),
        expect![[r#"
            (4 matches in 3 files)
            a.rs: 1
            b/b.py: 2
            d.bin: a binary file that matches
            in all 4 matches in 3 files
        "#]],
    );
}

#[test]
fn a_binary_file_is_named_in_one_line() {
    check(
        MIXED,
        json!({"pattern": "one$|two$", "path": "d.bin"}),
        expect![[r#"
            (1 match in 1 file)
            d.bin: a binary file that matches
        "#]],
    );
}

#[test]
fn a_match_may_span_lines() {
    check(
        MIXED,
        json!({"pattern": r"\(\):?\s*\{?\n +two"}),
        expect![[r#"
            (2 matches in 2 files)
            a.rs
            1:fn one() {
            2:    two()
            b/b.py
            1:def one():
            2:    two()
            3:    two()
        "#]],
    );
    let long = "x\n".repeat(60);
    let (_dir, workspace) = project(&[("a", long.as_bytes())]);
    let answer = call(&workspace, json!({"pattern": "(?s).+"}));
    assert!(answer.text.ends_with("50:x\n[10 more lines of this match]\n"), "{}", answer.text);
}

#[test]
fn bytes_that_are_no_text_do_not_hide_a_match() {
    check(
        MIXED,
        json!({"pattern": "one$", "path": "e.txt"}),
        expect![[r#"
            (1 match in 1 file)
            e.txt
            1:caf� one
        "#]],
    );
}

#[test]
fn a_large_file_is_searched() {
    let (dir, workspace) = project(&[]);
    let mut large = vec![b'\n'; usize::try_from(LARGEST).unwrap() + 10];
    large.extend(b"needle\n");
    fs::write(dir.path().join("large"), &large).unwrap();
    let answer = call(&workspace, json!({"pattern": "needle"}));
    assert_eq!(answer.gist, "1 match in 1 file");
    let answer = call(&workspace, json!({"pattern": r"\n\nneedle"}));
    assert_eq!(
        answer.text,
        "no match for `\\n\\nneedle` in 1 file\n[not searched: `large`: has more than 32 MiB, too \
         much to match across lines]\n"
    );
}

#[test]
fn a_match_spans_lines_whatever_ends_them() {
    check(
        &[("dos", b"aa\r\nbb\r\n"), ("unix", b"aa\nbb\n")],
        json!({"pattern": r"aa\nbb"}),
        expect![[r#"
            (2 matches in 2 files)
            dos
            1:aa
            2:bb
            unix
            1:aa
            2:bb
        "#]],
    );
}

#[test]
fn the_other_names_of_a_mode_are_understood() {
    for (mode, gist) in [("content", "4 matches in 3 files"), ("files_with_matches", "3 files")] {
        let (_dir, workspace) = project(MIXED);
        assert_eq!(call(&workspace, json!({"pattern": "two", "mode": mode})).gist, gist);
    }
}

/// What `search` must say in its mode `lines`, in so many words.
fn naive(files: &[(String, String)], word: &str) -> (String, bool) {
    let mut sorted: Vec<_> = files.iter().collect();
    sorted.sort_by(|a, b| Path::new(&a.0).cmp(Path::new(&b.0)));
    let (mut text, mut matches) = (String::new(), 0);
    for (path, content) in sorted {
        let lines = content.lines().enumerate().filter(|(_, it)| it.contains(word));
        let lines: Vec<_> = lines.map(|(n, line)| format!("{}:{line}\n", n + 1)).collect();
        if lines.is_empty() || MOST <= matches {
            continue;
        }
        text += &format!("{path}\n");
        text.extend(lines.iter().take(MOST_OF_ONE).cloned());
        if MOST_OF_ONE < lines.len() {
            text += &format!("[more in this file: search with path {path}]\n");
        }
        matches += lines.len().min(MOST_OF_ONE);
    }
    (text, MOST <= matches)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn what_is_found_is_what_a_slow_search_finds(
        files in prop::collection::btree_map("[a-d]{1,2}(/[a-d.]{1,2}x){0,2}\\.t", "((ab|ba|c){0,3}\n){0,50}", 0..25)
            .prop_map(|it| it.into_iter().collect::<Vec<_>>()).prop_shuffle(),
        word in "[abc]{1,3}",
    ) {
        let written: Vec<_> = files.iter().map(|(path, it)| (path.as_str(), it.as_bytes())).collect();
        let (_dir, workspace) = project(&written);
        let (expected, is_cut) = naive(&files, &word);
        let answer = call(&workspace, json!({"pattern": word}));
        if expected.is_empty() {
            prop_assert_eq!(answer.gist, "no matches");
        } else {
            let cut = if is_cut { "[cut: there may be more; narrow it with path, glob or the pattern]\n" } else { "" };
            prop_assert_eq!(answer.text, expected + cut);
        }
    }
}
