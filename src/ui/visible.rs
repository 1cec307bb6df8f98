//! Text that is not ours, made safe to print.
//!
//! Whatever a model, a file or a command wrote goes through here before it reaches a terminal:
//! nothing is parsed, nothing is dropped, what would act on the terminal is shown instead.

use std::borrow::Cow;
use std::fmt::Write;

/// The same text with every control character and every invisible one as a visible mark.
pub(crate) fn visible(text: &str) -> Cow<'_, str> {
    if !text.chars().any(acts) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\r' if chars.peek() == Some(&'\n') => {}
            '\0'..='\x1f' if acts(c) => {
                let picture = char::from_u32(0x2400 + u32::from(c));
                shown.push(picture.expect("each control character has a picture"));
            }
            '\x7f' => shown.push('\u{2421}'),
            _ if acts(c) => {
                let _ = write!(shown, "\\u{{{:x}}}", u32::from(c));
            }
            _ => shown.push(c),
        }
    }
    Cow::Owned(shown)
}

/// One line of it: line breaks and tabs become spaces, and what is longer than `width` is cut.
pub(crate) fn visible_line(text: &str, width: usize) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let line = visible(&words.join(" ")).into_owned();
    match line.char_indices().nth(width) {
        Some(_) => line.chars().take(width.saturating_sub(1)).chain(['…']).collect(),
        None => line,
    }
}

/// JSON that says the same with every such character written as an escape. Outside of strings JSON
/// has none of them.
pub(crate) fn visible_json(line: &str) -> Cow<'_, str> {
    if !line.chars().any(acts) {
        return Cow::Borrowed(line);
    }
    let mut shown = String::with_capacity(line.len() + 16);
    for c in line.chars() {
        if acts(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(shown, "\\u{unit:04x}");
            }
        } else {
            shown.push(c);
        }
    }
    Cow::Owned(shown)
}

/// Whether a character does something to a terminal or a reader other than being seen.
fn acts(c: char) -> bool {
    match c {
        '\n' | '\t' => false,
        '\0'..='\x1f' | '\x7f'..='\u{9f}' => true,
        // Direction, joining and zero width, the byte order mark, tags.
        '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' => true,
        '\u{2028}' | '\u{2029}' | '\u{61c}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}' => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Expect) {
        expected.assert_eq(&visible(text));
    }

    #[test]
    fn plain_text_stays_as_it_is() {
        check(
            "fn main() {\n\tprintln!(\"héllo ✓ 😀\");\n}",
            expect![[r#"
            fn main() {
            	println!("héllo ✓ 😀");
            }"#]],
        );
    }

    /// T01 to T07.
    #[test]
    fn escape_sequences_are_shown_and_not_obeyed() {
        check(
            "\x1b]0;title\x07 \x1b[2J \x1b]52;c;aGk=\x1b\\",
            expect!["␛]0;title␇ ␛[2J ␛]52;c;aGk=␛\\"],
        );
    }

    /// T08.
    #[test]
    fn eight_bit_controls_are_controls() {
        check("\u{9b}2J\u{9d}0;x", expect![[r"\u{9b}2J\u{9d}0;x"]]);
    }

    /// T09.
    #[test]
    fn a_carriage_return_cannot_overwrite_a_line() {
        check(
            "rm -rf /\recho ok\x08\x08\r\nnext",
            expect![[r#"
            rm -rf /␍echo ok␈␈
            next"#]],
        );
    }

    /// T10, T11.
    #[test]
    fn what_cannot_be_seen_is_shown() {
        check(
            "a\u{202e}b\u{200b}c\u{e0041}\u{feff}",
            expect![[r"a\u{202e}b\u{200b}c\u{e0041}\u{feff}"]],
        );
    }

    /// T12.
    #[test]
    fn the_words_after_an_unterminated_sequence_stay() {
        check("\x1b]0;never ends and then some", expect!["␛]0;never ends and then some"]);
    }

    #[test]
    fn a_line_is_one_line() {
        assert_eq!(visible_line("two\n  lines\tand \x1b[1m more", 14), "two lines and…");
    }

    #[test]
    fn what_acts_is_an_escape_in_json() {
        let shown = visible_json("\"é\x7f\u{9b}\u{202e}\u{e0041}😀\"");
        assert_eq!(shown, r#""é\u007f\u009b\u202e\udb40\udc41😀""#);
    }

    proptest! {
        #[test]
        fn escaped_json_says_the_same(text in any::<String>()) {
            let line = serde_json::Value::from(&*text).to_string();
            let shown = visible_json(&line);
            prop_assert!(!shown.chars().any(acts));
            prop_assert_eq!(serde_json::from_str::<String>(&shown).unwrap(), text);
        }

        #[test]
        fn nothing_that_acts_gets_through(text in any::<String>()) {
            let shown = visible(&text).into_owned();
            prop_assert!(!shown.chars().any(acts));
            prop_assert_eq!(visible(&shown), &*shown);
        }
    }
}
