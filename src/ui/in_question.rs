//! A call as a person sees it who has to decide about it: whole, and nothing in it can hide.
//!
//! Beside what acts on a terminal, which is never printed, this shows what only misleads a reader:
//! tabs and long runs of blanks, which push the rest out of sight; blanks that are none to a shell;
//! letters of another script that look like those around them; what joins letters of words.

use std::fmt::Write;

use crate::conversation::Call;
use crate::ui::call_line::call_in_full;
use crate::ui::visible::{ZWJ, ZWNJ, escape, is_pictograph, visible};

/// As many blanks in a row may be indentation.
const INDENT: usize = 40;

pub(super) fn in_question(call: &Call) -> String {
    plain(&call_in_full(call))
}

/// A text in which nothing misleads.
pub(super) fn plain(text: &str) -> String {
    let text = &*visible(text);
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let length = match c {
            ' ' => rest.len() - rest.trim_start_matches(' ').len(),
            _ if c.is_alphanumeric() => {
                rest.find(|it: char| !it.is_alphanumeric()).unwrap_or(rest.len())
            }
            _ => c.len_utf8(),
        };
        let (piece, behind) = rest.split_at(length);
        match c {
            ' ' if INDENT < length => {
                let _ = write!(shown, " [{length} blanks] ");
            }
            '\t' => shown.push('→'),
            ZWNJ => escape(&mut shown, c),
            // A picture of several is seen as one; a word is not seen to be another.
            ZWJ if !behind.starts_with(is_pictograph) => escape(&mut shown, c),
            _ if c != ' ' && c != '\n' && c.is_whitespace() => escape(&mut shown, c),
            _ => word(&mut shown, piece),
        }
        rest = behind;
    }
    shown
}

/// Letters that pass for others are escaped where they stand among these.
fn word(shown: &mut String, word: &str) {
    let mixed = word.chars().any(|it| it.is_ascii_alphabetic());
    for c in word.chars() {
        if mixed && looks_latin(c) { escape(shown, c) } else { shown.push(c) }
    }
}

/// Greek, Cyrillic, Armenian, Cherokee, letters for mathematics, and those as wide as ideographs.
fn looks_latin(c: char) -> bool {
    matches!(
        c,
        '\u{370}'..='\u{58f}' | '\u{13a0}'..='\u{13ff}' | '\u{ff01}'..='\u{ff5e}' | '\u{1d400}'..='\u{1d7ff}'
    )
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn shown(command: &str) -> String {
        let args = json!({"command": command}).to_string();
        in_question(&Call { id: String::new(), tool: "run_command".to_owned(), args })
    }

    #[track_caller]
    fn check(command: &str, expected: Expect) {
        expected.assert_eq(&shown(command));
    }

    /// H26.
    #[test]
    fn the_tail_of_a_command_cannot_be_hidden() {
        check(
            &format!("ls{};rm -rf x", " ".repeat(2000)),
            expect![[r#"
            run_command
              command: ls [2000 blanks] ;rm -rf x"#]],
        );
        check(
            &format!("ls{};rm -rf x", "\t".repeat(5)),
            expect![[r#"
            run_command
              command: ls→→→→→;rm -rf x"#]],
        );
        check(
            "ls\u{202e}\u{1b}[8m;rm\r\u{8}",
            expect![[r#"
            run_command
              command: ls\u{202e}␛[8m;rm␍␈"#]],
        );
        let long = shown(&(0..300).map(|it| format!("echo {it}\n")).collect::<String>());
        assert_eq!(long.lines().count(), 302);
        assert!(long.ends_with("echo 299"));
    }

    /// H23.
    #[test]
    fn what_looks_like_something_else_is_shown_escaped() {
        check(
            "ls\u{a0}-l; p\u{443}thon \u{2003}x",
            expect![[r#"
            run_command
              command: ls\u{a0}-l; p\u{443}thon \u{2003}x"#]],
        );
        check(
            "echo می\u{200c}خواهم क\u{94d}\u{200d}ष 👨\u{200d}👩 ❤",
            expect![[r#"
            run_command
              command: echo می\u{200c}خواهم क्\u{200d}ष 👨‍👩 ❤"#]],
        );
        check(
            "echo größer привет 你好 Ω",
            expect![[r#"
            run_command
              command: echo größer привет 你好 Ω"#]],
        );
    }

    #[test]
    fn code_is_shown_as_it_is() {
        check(
            "if a; then\n        b\nfi",
            expect![[r#"
            run_command
              command:
                if a; then
                        b
                fi"#]],
        );
    }

    proptest! {
        #[test]
        fn every_visible_character_is_kept(command in "[ -~é]{1,60}") {
            let squeezed = |it: &str| it.split_whitespace().collect::<String>();
            prop_assert!(squeezed(&shown(&command)).ends_with(&squeezed(&command)));
        }
    }
}
