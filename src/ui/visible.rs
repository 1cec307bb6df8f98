//! Text that is not ours, made safe to print.
//!
//! Whatever a model, a file or a command wrote goes through here before it reaches a terminal:
//! nothing is parsed, nothing is dropped, what would act on the terminal is shown instead.

mod joined;

use std::borrow::Cow;
use std::fmt::Write;

use crate::ui::cells::Cells;
use crate::ui::visible::joined::{BEFORE, LONGEST, belong, may_follow};

pub(super) use crate::ui::visible::joined::{
    ZWJ, ZWNJ, depends, is_flag_letter, is_pictograph, is_tone,
};

/// The same text with every control character and every invisible one as a visible mark. What joins letters
/// stays where it does: in a picture of several, in words of some scripts.
pub(crate) fn visible(text: &str) -> Cow<'_, str> {
    if !text.chars().any(acts) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(shown("", text))
}

/// The text as it is seen behind this one.
fn shown(before: &str, text: &str) -> String {
    let mut shown = String::with_capacity(text.len() + 16);
    let mut belonging = 0;
    for (at, c) in text.char_indices() {
        let rest = &text[at..];
        if depends(c) && belonging == 0 {
            let before = text[..at].chars().rev().chain(before.chars().rev());
            belonging = belong(before.take(BEFORE), rest);
        }
        if 0 < belonging {
            belonging -= 1;
            shown.push(c);
        } else if !rest.starts_with("\r\n") {
            mark(&mut shown, c);
        }
    }
    shown
}

fn mark(shown: &mut String, c: char) {
    match c {
        '\0'..='\x1f' if acts(c) => {
            let picture = char::from_u32(0x2400 + u32::from(c));
            shown.push(picture.expect("each control character has a picture"));
        }
        '\x7f' => shown.push('\u{2421}'),
        _ if acts(c) => escape(shown, c),
        _ => shown.push(c),
    }
}

pub(super) fn escape(shown: &mut String, c: char) {
    let _ = write!(shown, "\\u{{{:x}}}", u32::from(c));
}

/// The same for a text that comes in pieces: what is not known before the next piece is held back until then.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    before: String,
    held: String,
}

impl Pieces {
    pub(super) fn next(&mut self, piece: &str) -> String {
        let text = std::mem::take(&mut self.held) + piece;
        let (known, open) = text.split_at(open_from(&text));
        open.clone_into(&mut self.held);
        self.shown(known)
    }

    /// No more is to come, or something else comes first.
    pub(super) fn rest(&mut self) -> String {
        let text = std::mem::take(&mut self.held);
        self.shown(&text)
    }

    fn shown(&mut self, text: &str) -> String {
        let shown = shown(&self.before, text);
        self.before += text;
        let from = self.before.char_indices().nth_back(BEFORE - 1).map_or(0, |(at, _)| at);
        self.before.drain(..from);
        shown
    }
}

/// Where that begins of which the next piece tells what it does.
fn open_from(text: &str) -> usize {
    if text.ends_with('\r') {
        return text.len() - 1;
    }
    let open = text.chars().rev().take_while(|it| depends(*it)).count();
    match text.char_indices().nth_back(open.wrapping_sub(1)) {
        // Nothing that may pass is as long.
        Some((at, _)) if open <= LONGEST => at,
        _ => text.len(),
    }
}

/// What is to stand in a line for a letter that is typed behind this one; `None` for the letter itself, which may
/// belong to one that is still to come.
pub(super) fn typed(before: &str, c: char) -> Option<String> {
    if !acts(c) || depends(c) && may_follow(before, c) {
        return None;
    }
    Some(shown("", c.encode_utf8(&mut [0; 4])))
}

/// One line of it: line breaks and tabs become spaces, and what is longer than `width` columns is cut. It is no
/// wider on a terminal that joins nothing.
pub(crate) fn visible_line(text: &str, width: usize) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let line = visible(&words.join(" ")).into_owned();
    let (mut cells, mut columns, mut fits) = (Cells::default(), 0, 0);
    for (at, c) in line.char_indices() {
        columns += cells.add_at_most(c);
        if width < columns {
            // What joined it to the next would join it to the mark.
            return format!("{}…", line[..fits].trim_end_matches([ZWJ, ZWNJ]));
        }
        // Room is left for what says that it was cut.
        if columns < width {
            fits = at + c.len_utf8();
        }
    }
    line
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
        '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' => true,
        '\u{61c}' | '\u{feff}' | '\u{e0000}'..='\u{e0fff}' => true,
        // What else is not seen: hyphens of the mind, fillers, how the letter before is to be drawn.
        '\u{ad}' | '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' => true,
        '\u{180b}'..='\u{180f}' | '\u{3164}' | '\u{ffa0}' | '\u{fe00}'..='\u{fe0f}' => true,
        '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    use super::*;
    use crate::ui::visible::joined::{FLAGS, is_arabic, is_virama};

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

    #[test]
    fn what_is_typed_is_seen_unless_it_may_belong_to_what_comes() {
        assert_eq!(typed("a", 'b'), None);
        assert_eq!(typed("a", '\u{202e}').as_deref(), Some(r"\u{202e}"));
        assert_eq!(typed("a", ZWJ).as_deref(), Some(r"\u{200d}"));
        assert_eq!(typed("see 👨", ZWJ), None);
        assert_eq!(typed("می", '\u{200c}'), None);
        assert_eq!(typed("🏴\u{e0067}\u{e0062}", '\u{e0073}'), None);
        assert_eq!(typed("🏴\u{e0067}\u{e0062}", '\u{e0078}').as_deref(), Some(r"\u{e0078}"));
    }

    fn open(text: &str) -> String {
        let letters = text.chars();
        letters
            .map(|it| if acts(it) { format!("<{:x}>", u32::from(it)) } else { it.into() })
            .collect()
    }

    /// What is invisible in it stands in angles.
    #[track_caller]
    fn passes(text: &str, expected: &str) {
        assert_eq!(open(&visible(text)), expected);
    }

    #[test]
    fn what_joins_pictures_to_one_stays() {
        passes("👨\u{200d}👩\u{200d}👧", "👨<200d>👩<200d>👧");
        passes("🧑🏽\u{200d}💻 👩\u{200d}❤\u{fe0f}\u{200d}👨", "🧑🏽<200d>💻 👩<200d>❤<fe0f><200d>👨");
        passes("❤\u{fe0f} ☎\u{fe0e} 1\u{fe0f}\u{20e3}", "❤<fe0f> ☎<fe0e> 1<fe0f>\u{20e3}");
        passes("🏳\u{fe0f}\u{200d}🌈 🇩🇪", "🏳<fe0f><200d>🌈 🇩🇪");
        let scotland = "🏴\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}";
        passes(scotland, "🏴<e0067><e0062><e0073><e0063><e0074><e007f>");
    }

    #[test]
    fn anywhere_else_it_is_shown() {
        passes("a\u{200d}b 👨\u{200d} \u{200d}👨", r"a\u{200d}b 👨\u{200d} \u{200d}👨");
        passes("👨\u{200d}\u{200d}👩", r"👨\u{200d}\u{200d}👩");
        passes("👨\u{200d}rm", r"👨\u{200d}rm");
        passes("a\u{fe0f} 1\u{fe0f} ❤\u{fe0f}\u{fe0f}", r"a\u{fe0f} 1\u{fe0f} ❤<fe0f>\u{fe0f}");
        passes("🏴\u{e0078}\u{e007f}", r"🏴\u{e0078}\u{e007f}");
        passes("a\u{e0101} so\u{ad}ft \u{3164}", r"a\u{e0101} so\u{ad}ft \u{3164}");
    }

    #[test]
    fn words_of_scripts_that_need_it_stay() {
        passes("می\u{200c}خواهم", "می<200c>خواهم");
        passes("क\u{94d}\u{200d}ष ന\u{d4d}\u{200d}", "क\u{94d}<200d>ष ന\u{d4d}<200d>");
        passes(
            "می\u{200c} x\u{200c}y ا\u{200c}\u{200c}ب",
            "می\\u{200c} x\\u{200c}y ا\\u{200c}\\u{200c}ب",
        );
    }

    #[test]
    fn a_line_is_cut_by_its_columns() {
        assert_eq!(visible_line("日本語日本語", 7), "日本語…");
        assert_eq!(visible_line("👨\u{200d}👩 is", 7), "👨\u{200d}👩 is");
        assert_eq!(visible_line("👨\u{200d}👩 is", 4), "👨…");
        assert_eq!(visible_line("e\u{301}e\u{301}e\u{301}", 2), "e\u{301}…");
    }

    /// Of what is around a letter that is not seen depends whether it may pass.
    fn hostile() -> impl Strategy<Value = String> {
        let joins = "[👨❤🏴🏽🇩1#aیक\u{94d}\u{64b}\u{200c}\u{200d}\u{fe0e}\u{fe0f}\u{20e3}\u{e0067}\u{e0062}\u{e007f}\u{202e}\r\n]{0,12}";
        let whole = "([👨aی]|🏽|\u{200d}👩?|1\u{fe0f}\u{20e3}|🏴?\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}|\u{e007f}){0,6}";
        prop_oneof![any::<String>(), joins, whole]
    }

    /// Whether what is not seen stands there for the sake of its neighbours.
    fn is_needed(letters: &[char], at: usize) -> bool {
        let (before, behind) = (&letters[..at], &letters[at + 1..]);
        let (last, next) = (before.last().copied(), behind.first().copied());
        let is = |it: Option<char>, what: fn(char) -> bool| it.is_some_and(what);
        match letters[at] {
            ZWJ | ZWNJ if is(last, is_virama) => true,
            ZWJ => {
                let drawn = before.strip_suffix(&['\u{fe0f}']).unwrap_or(before);
                let bare = drawn.split_last().filter(|(it, _)| is_tone(**it) && drawn.len() == at);
                let picture = bare.map_or(drawn, |(_, it)| it).last().copied();
                is(picture, is_pictograph) && is(next, is_pictograph)
            }
            ZWNJ => {
                let mut letters = before
                    .iter()
                    .rev()
                    .filter(|it| !matches!(it, '\u{64b}'..='\u{65f}' | '\u{670}'));
                is(letters.next().copied(), is_arabic) && is(next, is_arabic)
            }
            '\u{fe0f}' if next == Some('\u{20e3}') => is(last, |it| "0123456789#*".contains(it)),
            '\u{fe0e}' | '\u{fe0f}' => is(last, is_pictograph),
            _ => {
                let is_tag = |it: &&char| matches!(it, '\u{e0020}'..='\u{e007f}');
                let begun = before.iter().rev().take_while(is_tag).count();
                let rest = letters[at - begun..].iter().take_while(is_tag);
                at.checked_sub(begun + 1).is_some_and(|it| letters[it] == '🏴')
                    && FLAGS.contains(&&*rest.collect::<String>())
            }
        }
    }

    proptest! {
        #[test]
        fn however_it_is_cut_the_same_is_seen(text in hostile(), at in 0usize..12) {
            let at = text.char_indices().nth(at).map_or(text.len(), |(at, _)| at);
            let mut pieces = Pieces::default();
            let shown = pieces.next(&text[..at]) + &pieces.next(&text[at..]) + &pieces.rest();
            prop_assert_eq!(shown, visible(&text));
        }

        #[test]
        fn escaped_json_says_the_same(text in any::<String>()) {
            let line = serde_json::Value::from(&*text).to_string();
            let shown = visible_json(&line);
            prop_assert!(!shown.chars().any(acts));
            prop_assert_eq!(serde_json::from_str::<String>(&shown).unwrap(), text);
        }

        #[test]
        fn nothing_that_acts_gets_through(text in hostile()) {
            let shown = visible(&text).into_owned();
            let letters: Vec<char> = shown.chars().collect();
            for (at, c) in letters.iter().enumerate().filter(|(_, it)| acts(**it)) {
                prop_assert!(depends(*c) && is_needed(&letters, at), "{shown:?}");
            }
            prop_assert_eq!(visible(&shown), &*shown);
        }
    }
}
