//! What people write into a project for those who work on it: AGENTS.md and its kin.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::workspace::{ProjectPath, Workspace};

/// What a file says to whoever works in its folder.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Instructions {
    /// The file, as it is shown.
    pub(crate) from: String,
    pub(crate) text: String,
}

/// Of these a folder's first one counts: others say the same for other programs.
const NAMES: &[&str] = &[
    "AGENTS.override.md",
    "AGENTS.md",
    "AGENT.md",
    "CLAUDE.md",
    ".claude/CLAUDE.md",
    "GEMINI.md",
    "QWEN.md",
    ".github/copilot-instructions.md",
];

/// These count besides: what one person wants, which is not in the repository.
const OWN_NAMES: &[&str] = &["AGENTS.local.md", "CLAUDE.local.md"];

/// The most bytes of one file, and of all that stands at the beginning of a session.
const LARGEST: usize = 32 * 1024;

/// A file may name another, and that one too, so far.
const HOPS: usize = 4;

/// What is written for the folder, and what that names.
pub(crate) fn of_folder(workspace: &Workspace, folder: &ProjectPath) -> Vec<Instructions> {
    let mut found = Found { workspace, instructions: Vec::new(), seen: BTreeSet::new() };
    let mut take = |names: &[&str]| {
        let paths = names.iter().map(|it| ProjectPath::plain(folder.as_path().join(it)));
        paths.into_iter().any(|it| found.take(&it, 0))
    };
    take(NAMES);
    for name in OWN_NAMES {
        take(&[name]);
    }
    found.instructions
}

/// What the person has written for all projects: the first of these files that there is.
pub(crate) fn of_person(places: &[PathBuf], home: Option<&Path>) -> Option<Instructions> {
    places.iter().find_map(|place| {
        let bytes = std::fs::read(place).ok()?;
        let text = plain(&String::from_utf8_lossy(&bytes));
        let shown = match home.and_then(|it| place.strip_prefix(it).ok()) {
            Some(below) => format!("~/{}", below.display()),
            None => place.display().to_string(),
        };
        (!text.is_empty()).then(|| Instructions { from: shown.clone(), text: held(text, &shown) })
    })
}

/// As they stand at the beginning of a session, the nearest last; nothing if there are none. What
/// is too much is left out from its end, and named.
pub(crate) fn in_full(all: &[Instructions]) -> String {
    let (mut text, mut left_out) = (String::new(), Vec::new());
    for Instructions { from, text: said } in all {
        if LARGEST < text.len() + said.len() {
            left_out.push(format!("`{from}`"));
            continue;
        }
        text += &format!("\n\n## From `{from}`\n\n{said}");
    }
    if !left_out.is_empty() {
        text += &format!("\n\n[Too long to be shown; read it: {}]", left_out.join(", "));
    }
    text
}

struct Found<'a> {
    workspace: &'a Workspace,
    instructions: Vec<Instructions>,
    /// A file is taken once, though two name it.
    seen: BTreeSet<ProjectPath>,
}

impl Found<'_> {
    /// Takes a file, if it can be read, and those that it names.
    fn take(&mut self, path: &ProjectPath, hops: usize) -> bool {
        let Ok(real) = self.workspace.real(path) else { return false };
        if !self.workspace.is_file(path) || !self.seen.insert(real) {
            return false;
        }
        // What is secret, or leads out of the project, is not read, whoever names it.
        let Ok(file) = self.workspace.read(path) else { return false };
        let Ok(text) = std::str::from_utf8(file.bytes()) else { return false };
        let text = plain(text);
        let shown = path.as_path().display().to_string();
        let named: Vec<String> = match hops < HOPS {
            true => imports(&text).into_iter().map(str::to_owned).collect(),
            false => Vec::new(),
        };
        if !text.is_empty() {
            self.instructions.push(Instructions { text: held(text, &shown), from: shown });
        }
        let folder = path.as_path().parent().unwrap_or(Path::new(""));
        for name in named {
            let near = folder.join(name);
            if let Some(path) = near.to_str().and_then(|it| self.workspace.path(it).ok()) {
                self.take(&path, hops + 1);
            }
        }
        true
    }
}

/// The text, cut between lines where it is too long.
fn held(text: String, from: &str) -> String {
    if text.len() <= LARGEST {
        return text;
    }
    let end = (0..=LARGEST).rev().find(|it| text.is_char_boundary(*it)).unwrap_or_default();
    let end = text[..end].rfind('\n').unwrap_or(end);
    let line = text[..end].lines().count() + 1;
    format!("{}\n[cut: `{from}` goes on at line {line}]", &text[..end])
}

/// The text without comments that stand by themselves.
fn plain(text: &str) -> String {
    let (mut kept, mut fenced, mut in_comment) = (String::new(), false, false);
    for line in text.trim_start_matches('\u{feff}').lines() {
        let start = line.trim_start();
        if in_comment {
            in_comment = !line.contains("-->");
            continue;
        }
        fenced ^= start.starts_with("```") || start.starts_with("~~~");
        if !fenced && start.starts_with("<!--") {
            in_comment = !line.contains("-->");
            continue;
        }
        kept += line;
        kept.push('\n');
    }
    kept.trim().to_owned()
}

/// The files that a text names as `@path`, but for those in code.
fn imports(text: &str) -> Vec<&str> {
    let (mut found, mut fenced) = (Vec::new(), false);
    for line in text.lines() {
        let start = line.trim_start();
        if start.starts_with("```") || start.starts_with("~~~") {
            fenced = !fenced;
        }
        if fenced {
            continue;
        }
        // Every second piece is a code span.
        for prose in line.split('`').step_by(2) {
            let words = prose.split_whitespace().filter_map(|it| it.strip_prefix('@'));
            let ends: &[char] = &['.', ',', ';', ':', ')', '!', '?'];
            found.extend(words.map(|it| it.trim_end_matches(ends)).filter(|it| !it.is_empty()));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use std::fs;

    use expect_test::{Expect, expect};

    use super::*;

    /// A project with these files; shows what is written for `folder`.
    #[track_caller]
    fn check(files: &[(&str, &str)], folder: &str, expected: Expect) {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("p");
        fs::create_dir(&root).unwrap();
        for (path, text) in files {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let workspace = Workspace::open(&root, None).unwrap();
        let folder = workspace.path(folder).unwrap();
        let all = of_folder(&workspace, &folder);
        let shown = all.iter().map(|it| format!("{}: {}\n", it.from, it.text));
        expected.assert_eq(&shown.collect::<String>());
    }

    #[test]
    fn the_first_of_the_known_names_counts_and_what_is_ones_own_besides() {
        check(
            &[
                ("AGENTS.md", "use tabs"),
                ("CLAUDE.md", "use spaces"),
                ("AGENTS.local.md", "be brief"),
                ("sub/CLAUDE.md", "other"),
            ],
            "",
            expect![[r#"
                AGENTS.md: use tabs
                AGENTS.local.md: be brief
            "#]],
        );
        check(
            &[("AGENTS.md", "use tabs"), ("sub/CLAUDE.md", "other")],
            "sub",
            expect![[r#"
                sub/CLAUDE.md: other
            "#]],
        );
        check(&[("README.md", "hello")], "", expect![]);
    }

    #[test]
    fn files_that_are_named_are_read_once_each_and_none_outside() {
        check(
            &[
                (
                    "AGENTS.md",
                    "see @docs/style.md, @docs/style.md. and `@docs/code.md`\n```\n@docs/fence.md\n```\n@../outside.md @missing.md",
                ),
                ("docs/style.md", "tabs; more in @more.md"),
                ("docs/more.md", "and @style.md"),
                ("docs/code.md", "no"),
                ("docs/fence.md", "no"),
            ],
            "",
            expect![[r#"
                AGENTS.md: see @docs/style.md, @docs/style.md. and `@docs/code.md`
                ```
                @docs/fence.md
                ```
                @../outside.md @missing.md
                docs/style.md: tabs; more in @more.md
                docs/more.md: and @style.md
            "#]],
        );
    }

    #[test]
    fn a_secret_is_not_read_because_somebody_names_it() {
        check(
            &[("AGENTS.md", "see @.env"), (".env", "TOKEN=hunter2")],
            "",
            expect![[r#"
                AGENTS.md: see @.env
            "#]],
        );
    }

    #[test]
    fn comments_that_stand_by_themselves_are_for_people() {
        let text = "a\n<!-- no\nno -->\nb <!-- yes -->\n```\n<!-- yes -->\n```\n";
        expect![[r#"
            a
            b <!-- yes -->
            ```
            <!-- yes -->
            ```"#]]
        .assert_eq(&plain(text));
    }

    #[test]
    fn what_is_too_long_is_cut_between_lines_and_says_so() {
        let text = held("0123456\n".repeat(5000), "AGENTS.md");
        assert!(text.len() < LARGEST + 100);
        assert!(
            text.ends_with("\n[cut: `AGENTS.md` goes on at line 4097]"),
            "{}",
            &text[LARGEST - 20..]
        );
        let all = vec![
            Instructions { from: "a".to_owned(), text: "x".repeat(20_000) },
            Instructions { from: "b".to_owned(), text: "y".repeat(20_000) },
        ];
        assert!(in_full(&all).ends_with("[Too long to be shown; read it: `b`]"));
    }
}
