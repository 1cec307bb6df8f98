//! Code and diffs in colours, as HTML. The colours are the page's; here pieces get their kind.

use std::str::FromStr;
use std::sync::LazyLock;

use syntect::easy::ScopeRegionIterator;
use syntect::parsing::{ParseState, ScopeStack, SyntaxSet};

use crate::session::page::escaped;

static SYNTAXES: LazyLock<SyntaxSet> = LazyLock::new(SyntaxSet::load_defaults_newlines);

/// What is longer is shown plain: to read it would take seconds.
const LONGEST: usize = 64 * 1024;
const LONGEST_LINE: usize = 2000;

/// How scopes begin and which class they get; the first that fits counts.
const CLASSES: &[(&str, Option<&str>)] = &[
    ("comment", Some("c")),
    ("meta.interpolation", None),
    ("string", Some("s")),
    ("constant", Some("n")),
    ("keyword.operator", None),
    ("keyword", Some("k")),
    ("storage", Some("k")),
    ("entity.name.function", Some("f")),
    ("support.function", Some("f")),
    ("support.macro", Some("f")),
    ("entity.name", Some("t")),
    ("support", Some("t")),
];

/// The code with its pieces marked, if its language is known.
pub(super) fn highlighted(code: &str, language: &str) -> String {
    let language = language.split([',', ' ', '{']).next().unwrap_or_default();
    if language == "diff" || language == "patch" {
        return diff(code);
    }
    let syntax = SYNTAXES.find_syntax_by_token(language);
    let Some(syntax) = syntax.filter(|_| !language.is_empty() && code.len() <= LONGEST) else {
        return escaped(code);
    };
    let (mut state, mut stack) = (ParseState::new(syntax), ScopeStack::new());
    let mut html = String::new();
    for line in code.split_inclusive('\n') {
        let parsed =
            if line.len() <= LONGEST_LINE { state.parse_line(line, &SYNTAXES).ok() } else { None };
        let Some(changes) = parsed else {
            html += &escaped(line);
            continue;
        };
        let mut pieces: Vec<(Option<&str>, String)> = Vec::new();
        for (piece, change) in ScopeRegionIterator::new(&changes, line) {
            // A grammar that closes what it never opened is no reason to show less.
            let _ = stack.apply(change);
            let class = class_of(&stack);
            match pieces.last_mut() {
                Some((last, text)) if *last == class => *text += piece,
                _ if piece.is_empty() => {}
                _ => pieces.push((class, piece.to_owned())),
            }
        }
        for (class, text) in pieces {
            html += &marked(class, &text);
        }
    }
    html
}

fn class_of(stack: &ScopeStack) -> Option<&'static str> {
    static SCOPES: LazyLock<Vec<(ScopeStack, Option<&'static str>)>> = LazyLock::new(|| {
        let scope = |(name, class): &(&str, Option<&'static str>)| {
            (ScopeStack::from_str(name).expect("the names are well formed"), *class)
        };
        CLASSES.iter().map(scope).collect()
    });
    let class = |scope: &syntect::parsing::Scope| {
        let fits = |it: &&(ScopeStack, _)| it.0.scopes[0].is_prefix_of(*scope);
        SCOPES.iter().find(fits).map(|(_, class)| *class)
    };
    stack.scopes.iter().rev().find_map(class).flatten()
}

fn marked(class: Option<&str>, text: &str) -> String {
    match class {
        Some(class) if !text.trim().is_empty() => {
            format!("<span class=\"{class}\">{}</span>", escaped(text))
        }
        _ => escaped(text),
    }
}

/// Whether lines of it begin as those of a unified diff do.
pub(super) fn is_diff(text: &str) -> bool {
    let is_hunk = |it: &str| it.starts_with("@@ ") && it[3..].contains("@@");
    text.lines().any(is_hunk)
}

/// What was added and what was removed, each in its colour.
pub(super) fn diff(text: &str) -> String {
    let mut is_in_hunk = !is_diff(text);
    let mut html = String::new();
    for line in text.split_inclusive('\n') {
        let class = match line.as_bytes() {
            [b'@', b'@', ..] => {
                is_in_hunk = true;
                Some("h")
            }
            [b'+', b'+', b'+', b' ', ..] | [b'-', b'-', b'-', b' ', ..] => {
                is_in_hunk = !is_diff(text);
                Some("h")
            }
            [b'+', ..] if is_in_hunk => Some("add"),
            [b'-', ..] if is_in_hunk => Some("del"),
            _ => None,
        };
        html += &marked(class, line);
    }
    html
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[track_caller]
    fn check(code: &str, language: &str, expected: Expect) {
        expected.assert_eq(&highlighted(code, language));
    }

    #[test]
    fn pieces_of_code_have_their_kind() {
        check(
            "// no <b>\nfn main() { let x = \"a\\n\" + 1; }\n",
            "rust",
            expect![[r#"
            <span class="c">// no &lt;b&gt;
            </span><span class="k">fn</span> <span class="f">main</span>() { <span class="k">let</span> x = <span class="s">&quot;a</span><span class="n">\n</span><span class="s">&quot;</span> + <span class="n">1</span>; }
        "#]],
        );
    }

    #[test]
    fn an_unknown_language_is_plain() {
        check("a < b", "klingon", expect!["a &lt; b"]);
        check("a < b", "", expect!["a &lt; b"]);
    }

    #[test]
    fn a_diff_shows_what_went_and_what_came() {
        check(
            "--- a\n+++ b\n@@ -1 +1 @@\n-<old>\n+new\n same\n",
            "diff",
            expect![[r#"
            <span class="h">--- a
            </span><span class="h">+++ b
            </span><span class="h">@@ -1 +1 @@
            </span><span class="del">-&lt;old&gt;
            </span><span class="add">+new
            </span> same
        "#]],
        );
        assert!(is_diff("edited\n@@ -1 +1 @@\n"));
        assert!(!is_diff("- a list\n- of things\n@@ not"));
    }

    #[test]
    fn no_letter_is_lost() {
        let text = |html: &str| {
            let mut text = String::new();
            for (n, part) in html.split('<').enumerate() {
                text += if n == 0 { part } else { part.split_once('>').unwrap().1 };
            }
            text
        };
        let code = include_str!("code.rs");
        assert_eq!(text(&highlighted(code, "rs")), escaped(code));
    }
}
