//! Letters that cannot be seen, and that letters around them need: they join pictures to one picture, and
//! shape words of some scripts. Anywhere else they hide, or hide something.

/// Joins two letters.
pub(in crate::ui) const ZWJ: char = '\u{200d}';
/// Keeps two letters from being joined.
pub(in crate::ui) const ZWNJ: char = '\u{200c}';
/// Draw the letter before as text, and as a picture.
const AS_TEXT: char = '\u{fe0e}';
const AS_PICTURE: char = '\u{fe0f}';
const KEYCAP: char = '\u{20e3}';
const BLACK_FLAG: char = '\u{1f3f4}';

/// The flags that are written in letters of their own, which stand unseen behind a black one. Others are drawn as
/// that alone, and what they say would be hidden.
pub(super) const FLAGS: [&str; 3] = [
    "\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}",
    "\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}",
    "\u{e0067}\u{e0062}\u{e0077}\u{e006c}\u{e0073}\u{e007f}",
];

/// So many letters in front of one tell what it does.
pub(super) const BEFORE: usize = 6;

/// So many letters together may be waited for.
pub(super) const LONGEST: usize = 6;

/// Whether it depends on what is around it, what it does.
pub(in crate::ui) fn depends(c: char) -> bool {
    matches!(c, ZWJ | ZWNJ | AS_TEXT | AS_PICTURE | '\u{e0020}'..='\u{e007f}')
}

/// How many letters at the beginning of `rest` belong to what is in front of them and may pass.
/// `before` is read backwards.
pub(super) fn belong(mut before: impl Iterator<Item = char> + Clone, rest: &str) -> usize {
    let mut letters = rest.chars();
    let (first, next) = (letters.next(), letters.next());
    let last = before.clone().next();
    let passes = match first {
        Some(ZWJ | ZWNJ) if last.is_some_and(is_virama) => true,
        Some(ZWJ) => ends_in_picture(before) && next.is_some_and(is_pictograph),
        Some(ZWNJ) => {
            before.find(|it| !is_arabic_mark(*it)).is_some_and(is_arabic)
                && next.is_some_and(is_arabic)
        }
        Some(AS_PICTURE) if next == Some(KEYCAP) => {
            last.is_some_and(|it| matches!(it, '0'..='9' | '#' | '*'))
        }
        Some(AS_TEXT | AS_PICTURE) => last.is_some_and(is_pictograph),
        _ if last == Some(BLACK_FLAG) && FLAGS.iter().any(|it| rest.starts_with(it)) => {
            return LONGEST;
        }
        _ => false,
    };
    usize::from(passes)
}

/// Whether there is a text that begins with this letter and may pass there.
pub(super) fn may_follow(before: &str, c: char) -> bool {
    let rests = match c {
        ZWJ => ["\u{200d}👨", ""],
        ZWNJ => ["\u{200c}ی", ""],
        AS_PICTURE => ["\u{fe0f}", "\u{fe0f}\u{20e3}"],
        AS_TEXT => ["\u{fe0e}", ""],
        _ => {
            let flag = before.rsplit_once(BLACK_FLAG).map(|(_, it)| format!("{it}{c}"));
            return flag.is_some_and(|flag| FLAGS.iter().any(|it| it.starts_with(&flag)));
        }
    };
    rests.iter().any(|it| 0 < belong(before.chars().rev().take(BEFORE), it))
}

/// A picture, drawn as one or not, in a colour of skin or not.
fn ends_in_picture(before: impl Iterator<Item = char>) -> bool {
    let mut before = before.peekable();
    let _ = before.next_if(|it| *it == AS_PICTURE || is_tone(*it));
    before.next().is_some_and(is_pictograph)
}

pub(in crate::ui) fn is_tone(c: char) -> bool {
    matches!(c, '\u{1f3fb}'..='\u{1f3ff}')
}

/// Two of them are the flag of a country.
pub(in crate::ui) fn is_flag_letter(c: char) -> bool {
    matches!(c, '\u{1f1e6}'..='\u{1f1ff}')
}

/// What Unicode calls extended pictographic.
pub(in crate::ui) fn is_pictograph(c: char) -> bool {
    match c {
        '\0'..='\u{a8}' => false,
        '\u{2600}'..='\u{27bf}' => is_dingbat(c),
        '\u{1f000}'.. => is_picture(c),
        _ => matches!(
            c,
            '©' | '®' | '‼' | '⁉' | '™' | 'ℹ' | '↔'..='↙' | '↩'..='↪' | '⌚'..='⌛' | '⌨' | '⎈' | '⏏'
                | '⏩'..='⏳' | '⏸'..='⏺' | 'Ⓜ' | '▪'..='▫' | '▶' | '◀' | '◻'..='◾' | '⤴'..='⤵'
                | '⬅'..='⬇' | '⬛'..='⬜' | '⭐' | '⭕' | '〰' | '〽' | '㊗' | '㊙'
        ),
    }
}

fn is_dingbat(c: char) -> bool {
    matches!(
        c,
        '☀'..='★' | '☇'..='☒' | '☔'..='⚅' | '⚐'..='✅' | '✈'..='✒' | '✔' | '✖' | '✝' | '✡' | '✨'
            | '✳'..='✴' | '❄' | '❇' | '❌' | '❎' | '❓'..='❕' | '❗' | '❣'..='❧' | '➕'..='➗' | '➡' | '➰' | '➿'
    )
}

fn is_picture(c: char) -> bool {
    matches!(
        c,
        '\u{1f000}'..='\u{1f0ff}' | '\u{1f10d}'..='\u{1f10f}' | '\u{1f12f}' | '\u{1f16c}'..='\u{1f171}'
            | '\u{1f17e}'..='\u{1f17f}' | '\u{1f18e}' | '\u{1f191}'..='\u{1f19a}'
            | '\u{1f1ad}'..='\u{1f1e5}' | '\u{1f201}'..='\u{1f20f}' | '\u{1f21a}' | '\u{1f22f}'
            | '\u{1f232}'..='\u{1f23a}' | '\u{1f23c}'..='\u{1f23f}' | '\u{1f249}'..='\u{1f3fa}'
            | '\u{1f400}'..='\u{1f53d}' | '\u{1f546}'..='\u{1f64f}' | '\u{1f680}'..='\u{1f6ff}'
            | '\u{1f774}'..='\u{1f77f}' | '\u{1f7d5}'..='\u{1f7ff}' | '\u{1f80c}'..='\u{1f80f}'
            | '\u{1f848}'..='\u{1f84f}' | '\u{1f85a}'..='\u{1f85f}' | '\u{1f888}'..='\u{1f88f}'
            | '\u{1f8ae}'..='\u{1f8ff}' | '\u{1f90c}'..='\u{1f93a}' | '\u{1f93c}'..='\u{1f945}'
            | '\u{1f947}'..='\u{1faff}' | '\u{1fc00}'..='\u{1fffd}'
    )
}

/// Takes the vowel from the letter before it: whether that is joined to the next one has to be said.
pub(super) fn is_virama(c: char) -> bool {
    matches!(
        c,
        '\u{94d}'
            | '\u{9cd}'
            | '\u{a4d}'
            | '\u{acd}'
            | '\u{b4d}'
            | '\u{bcd}'
            | '\u{c4d}'
            | '\u{ccd}'
            | '\u{d4d}'
            | '\u{dca}'
    )
}

/// Letters of words in Arabic, Persian, Urdu and others.
pub(super) fn is_arabic(c: char) -> bool {
    matches!(
        c,
        '\u{620}'..='\u{64a}' | '\u{66e}'..='\u{66f}' | '\u{671}'..='\u{6d3}' | '\u{6d5}'
            | '\u{6ee}'..='\u{6ef}' | '\u{6fa}'..='\u{6fc}' | '\u{6ff}' | '\u{750}'..='\u{77f}'
    )
}

fn is_arabic_mark(c: char) -> bool {
    matches!(c, '\u{64b}'..='\u{65f}' | '\u{670}')
}
