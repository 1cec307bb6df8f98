//! The overview of small projects.

use std::fs;

use expect_test::{Expect, expect};
use proptest::prelude::*;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;

const SHELF: &[(&str, &str)] = &[
    ("README.md", "# Shelf\n\nKeeps books.\n"),
    ("Cargo.toml", "[package]\nname = \"shelf\"\n[dependencies]\nserde = \"1\"\n"),
    (
        "src/main.rs",
        "mod library;\nfn main() {\n    let it = Library::open_library();\n    it.add_book(\"x\");\n}\n",
    ),
    (
        "src/library.rs",
        "pub struct Library {}\n\nimpl Library {\n    pub fn open_library() -> Self {\n        Self {}\n    }\n\n    \
         pub fn add_book(&self, book: &str) {}\n\n    fn unused(&self) {}\n}\n",
    ),
    (
        "scripts/stock.py",
        "class Stock:\n    def count(self):\n        pass\n\nif __name__ == '__main__':\n    Stock().count()\n",
    ),
    (
        "web/package.json",
        r#"{"name": "web", "scripts": {"build": "x"}, "dependencies": {"react": "1"}}"#,
    ),
    ("web/src/app.tsx", "export function App() {\n  return <p>Don't</p>\n}\n"),
    ("web/src/index.ts", "import { App } from './app'\nrender(App())\nApp()\n"),
    ("docs/guide.md", "x\n"),
];

fn project(files: &[(&str, &str)]) -> (TempDir, Workspace) {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let workspace = Workspace::open(dir.path(), Some(dir.path())).unwrap();
    (dir, workspace)
}

fn call(workspace: &Workspace, args: Value) -> Answer {
    let args = serde_json::from_value(args).unwrap();
    overview(workspace, Budget::default(), &Cancel::default(), args).unwrap()
}

#[track_caller]
fn check(files: &[(&str, &str)], args: Value, expected: Expect) {
    let (_dir, workspace) = project(files);
    let answer = call(&workspace, args);
    expected.assert_eq(&format!("({})\n{}", answer.gist, answer.text));
}

#[test]
fn a_project_is_told_on_one_screen() {
    check(
        SHELF,
        json!({}),
        expect![[r#"
            (9 files, 8 definitions)
            Shelf: Keeps books.
            9 files: Rust 2 files of 16 lines, TypeScript 2 files of 6 lines, Python 1 file of 6 lines, Markdown 2, JSON 1, TOML 1
              docs/ 1 file, Markdown
              scripts/ 1 file, Python
              src/ 2 files, Rust
              web/ 3 files, TypeScript
            programs: scripts/stock.py, src/main.rs
            Cargo.toml: shelf; needs serde
            web/package.json: web; offers run build; needs react
            definitions, by how much the project refers to them:
            scripts/stock.py
              1: class Stock:
              2: def count(self):
            src/library.rs
              1: pub struct Library {}
              4: pub fn open_library() -> Self
              8: pub fn add_book(&self, book: &str) {}
              10: fn unused(&self) {}
            src/main.rs
              2: fn main()
            web/src/app.tsx
              1: export function App()
        "#]],
    );
}

#[test]
fn a_directory_has_a_map_of_its_own() {
    check(
        SHELF,
        json!({"path": "web"}),
        expect![[r#"
        (3 files, 1 definition)
        definitions, by how much the project refers to them:
        web/src/app.tsx
          1: export function App()
    "#]],
    );
}

#[test]
fn what_is_asked_for_comes_first() {
    let (_dir, workspace) = project(SHELF);
    let first = |focus: Value| {
        let args = serde_json::from_value(json!({"focus": focus})).unwrap();
        overview(&workspace, Budget(90), &Cancel::default(), args).unwrap().text
    };
    let count = first(json!(["count"]));
    assert!(
        count.contains("scripts/stock.py\n") && count.contains("  2: def count(self):\n"),
        "{count}"
    );
    let app = first(json!(["App"]));
    assert!(app.contains("web/src/app.tsx\n  1: export function App()\n"), "{app}");
}

#[test]
fn nothing_is_no_trouble() {
    check(
        &[],
        json!({}),
        expect![[r#"
        (0 files, 0 definitions)
        0 files
        no definitions to show
    "#]],
    );
    check(
        &[("notes", "x")],
        json!({}),
        expect![[r#"
        (1 file, 0 definitions)
        1 file
        no definitions to show
    "#]],
    );
}

#[test]
fn what_is_no_text_or_too_large_is_only_counted() {
    let (dir, workspace) = project(&[("b.rs", "fn there() {}")]);
    fs::write(dir.path().join("a.rs"), b"fn caf\xe9() {}\nfn after() {}\n").unwrap();
    fs::write(dir.path().join("c.py"), b"def a(): pass\0").unwrap();
    let large = "def large(): pass\n".repeat(usize::try_from(LARGE).unwrap() / 18 + 1);
    fs::write(dir.path().join("d.py"), large).unwrap();
    let answer = call(&workspace, json!({}));
    expect![[r#"
        4 files: Rust 2 files of 3 lines, Python 2
        definitions, by how much the project refers to them:
        a.rs
          1: fn caf�() {}
          2: fn after() {}
        b.rs
          1: fn there() {}
    "#]]
    .assert_eq(&answer.text);
}

#[test]
fn a_map_is_cut_to_its_budget() {
    let text: String = (0..2000).map(|it| format!("fn number_{it}() {{}}\n")).collect();
    let (_dir, workspace) = project(&[("a.rs", &text)]);
    let answer = call(&workspace, json!({}));
    assert!(answer.text.len() < MAP + 300, "{}", answer.text.len());
    assert!(answer.text.ends_with(" of 2000; for others give path or focus]\n"), "{}", answer.text);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10, ..ProptestConfig::default() })]

    #[test]
    fn it_is_the_same_in_whatever_order_the_files_were_made(
        files in Just(SHELF.to_vec()).prop_shuffle(),
    ) {
        let (_dir, workspace) = project(&files);
        let (_other, in_order) = project(SHELF);
        let text = call(&workspace, json!({})).text;
        prop_assert_eq!(&text, &call(&workspace, json!({})).text);
        prop_assert_eq!(text, call(&in_order, json!({})).text);
    }
}
