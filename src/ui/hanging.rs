//! Prose, broken between words, with what goes on below where it began: behind a label, a mark, or a word and
//! what it means.

use std::os::fd::AsFd;

use crate::ui::cells::{Cells, columns, may_break, without_looks};
use crate::ui::palette::RESET;
use crate::ui::status::{columns_of, is_still};

/// What stands in front of words, which go on behind it.
const LABELS: [&str; 10] = [
    "allow? ",
    "error: ",
    "hint: ",
    "look: ",
    "note: ",
    "plan: ",
    "question: ",
    "risk: ",
    "run: ",
    "warning: ",
];

/// The text as the stream shows it: in lines, if that is a terminal, and for people who look at it.
pub(crate) fn in_lines(stream: impl AsFd, text: &str) -> String {
    match columns_of(stream).filter(|_| !is_still()) {
        Some(width) => hanging(text, width),
        None => text.to_owned(),
    }
}

/// The lines, none wider than `width` where words allow it. Looks may be in it; they end with each line.
pub(crate) fn hanging(text: &str, width: usize) -> String {
    let lines = text.split('\n').map(|line| broken(line, width));
    lines.collect::<Vec<_>>().join("\n")
}

fn broken(line: &str, width: usize) -> String {
    // What a tab comes to, only the terminal knows.
    if columns(line) <= width || line.contains('\t') {
        return line.to_owned();
    }
    let indent = indent(&without_looks(line), width);
    let (mut whole, mut at, mut looks) = (String::new(), 0, String::new());
    for word in words(line) {
        let (lead, letters) = word.split_at(lead(word));
        let blanks = lead.matches(' ').count();
        let takes = columns(letters);
        if indent < at && 0 < takes && width < at + blanks + takes {
            let begins = if looks.is_empty() { "" } else { RESET };
            let below = " ".repeat(indent);
            whole.extend([begins, "\n", &*below, &*looks, &*lead.replace(' ', "")]);
            at = indent;
        } else {
            whole += lead;
            at += blanks;
        }
        whole += letters;
        at += takes;
        // A word that is too long the terminal breaks, so that it can be copied whole.
        if width < at {
            at = (at - 1) % width.max(1) + 1;
        }
        wear(&mut looks, word);
    }
    whole
}

/// The length of the blanks and looks before a word.
fn lead(word: &str) -> usize {
    let mut is_look = false;
    let mut is_before = |c: char| {
        let was_look = is_look;
        is_look = c == '\x1b' || is_look && c != 'm';
        was_look || is_look || c == ' '
    };
    word.find(|c| !is_before(c)).unwrap_or(word.len())
}

/// Each with the blanks before it, and with looks that begin or end at it.
fn words(line: &str) -> Vec<&str> {
    let (mut words, mut from, mut has_begun) = (Vec::new(), 0, false);
    let (mut last, mut cells, mut is_look) = (None, Cells::default(), false);
    for (at, c) in line.char_indices() {
        match c {
            '\x1b' => is_look = true,
            _ if is_look => is_look = c != 'm',
            ' ' => {
                if has_begun {
                    words.push(&line[from..at]);
                    (from, has_begun, last) = (at, false, None);
                }
                cells = Cells::default();
            }
            _ => {
                let columns = cells.add(c);
                if last.is_some_and(|last| may_break(last, c, columns)) {
                    words.push(&line[from..at]);
                    from = at;
                }
                (last, has_begun) = (Some(c), true);
            }
        }
    }
    words.push(&line[from..]);
    words
}

/// What the letters look like behind this word.
fn wear(looks: &mut String, word: &str) {
    for part in word.split('\x1b').skip(1) {
        let Some((look, _)) = part.split_once('m') else { continue };
        match look {
            "[0" => looks.clear(),
            _ => *looks += &format!("\x1b{look}m"),
        }
    }
}

/// Where the line goes on: as far to the right as leaves half of it for words.
fn indent(line: &str, width: usize) -> usize {
    let start = line.len() - line.trim_start_matches(' ').len();
    let places = match label(&line[start..]) {
        0 => gaps(line, start, width),
        length => vec![columns(&line[..start + length])],
    };
    let Some(first) = places.first().copied() else {
        // What is a little to the right goes on a little more so: it is no line of its own.
        return if start == 0 || width < start * 2 { start.min(4) } else { start + 2 };
    };
    let fits = places.iter().copied().rfind(|it| it * 2 <= width);
    // Where there is no room beside the word, neither.
    fits.unwrap_or(first.min(4))
}

/// The columns behind gaps of more than one blank: the first of them, and others as far as half of the
/// width.
fn gaps(line: &str, start: usize, width: usize) -> Vec<usize> {
    let (mut places, mut from, mut before) = (Vec::new(), start, columns(&line[..start]));
    while let Some(gap) = line[from..].find("  ")
        && (places.is_empty() || before * 2 <= width)
    {
        let behind = line.len() - line[from + gap..].trim_start_matches(' ').len();
        before += columns(&line[from..behind]);
        from = behind;
        places.push(before);
    }
    places
}

/// The length of marks, numbers and a label in front.
fn label(line: &str) -> usize {
    let mut length = 0;
    loop {
        let rest = &line[length..];
        let adds = mark(rest).or_else(|| {
            let label = LABELS.iter().find(|it| rest.starts_with(**it));
            label.map(|it| it.len())
        });
        match adds {
            Some(adds) => length += adds,
            None => return length,
        }
    }
}

/// As in `- `, `[x] `, `2. ` and `2 = `.
fn mark(line: &str) -> Option<usize> {
    let word = line.split(' ').next().filter(|it| it.len() < line.len())?;
    if line.get(2..4) == Some("] ") && line.starts_with('[') {
        return Some(4);
    }
    if matches!(word, "●" | "✓" | "✗" | "›" | "-" | "*" | "•") {
        return Some(word.len() + 1);
    }
    let rest = line.trim_start_matches(|it: char| it.is_ascii_digit());
    let digits = line.len() - rest.len();
    let behind = [". ", " = "].iter().find(|it| rest.starts_with(**it));
    behind.filter(|_| 0 < digits).map(|it| digits + it.len())
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(text: &str, width: usize, expected: Expect) {
        let lines = hanging(text, width).replace('\x1b', "^");
        expected.assert_eq(&lines.lines().map(|it| format!("|{it}\n")).collect::<String>());
    }

    #[test]
    fn what_a_word_means_goes_on_below_where_it_began() {
        check(
            "  /diff      what this session changed\nA sentence that is too long for it.\nshort",
            28,
            expect![[r#"
                |  /diff      what this
                |             session changed
                |A sentence that is too long
                |for it.
                |short
            "#]],
        );
    }

    #[test]
    fn where_there_is_no_room_beside_it_goes_on_further_left() {
        check(
            "  /a-long-command   words of it",
            20,
            expect![[r#"
                |  /a-long-command
                |    words of it
            "#]],
        );
        check(
            "unbreakable-word-of-many-letters",
            8,
            expect![[r#"
                |unbreakable-word-of-many-letters
            "#]],
        );
    }

    #[test]
    fn words_go_on_behind_their_label_and_mark() {
        check(
            "note: the model that was taken is new\n  [x] 2. Test what it does  exit 0 of it\n  3 = three words more",
            20,
            expect![[r#"
                |note: the model that
                |      was taken is
                |      new
                |  [x] 2. Test what
                |         it does
                |         exit 0 of
                |         it
                |  3 = three words
                |      more
            "#]],
        );
        check(
            "  what is made to fit goes on",
            20,
            expect![[r#"
            |  what is made to
            |    fit goes on
        "#]],
        );
        check(
            "    9. a longer sentence of words",
            16,
            expect![[r#"
            |    9. a longer
            |       sentence
            |       of words
        "#]],
        );
    }

    #[test]
    fn the_last_gap_that_leaves_room_counts() {
        check(
            "  git   looks   What changed, and who did it when",
            34,
            expect![[r#"
            |  git   looks   What changed, and
            |                who did it when
        "#]],
        );
    }

    #[test]
    fn looks_end_with_the_line_and_begin_again() {
        check(
            "\x1b[1;36mhint:\x1b[0m a \x1b[2mquiet word of it\x1b[0m and\x1b[2m  some more\x1b[0m",
            18,
            expect![[r#"
                |^[1;36mhint:^[0m a ^[2mquiet word^[0m
                |      ^[2mof it^[0m and^[2m^[0m
                |      ^[2msome more^[0m
            "#]],
        );
    }

    #[test]
    fn behind_a_word_that_is_too_long_goes_on_where_it_ended() {
        check(
            "see /a/path/that/is/long.rs for it now",
            16,
            expect![[r#"
            |see
            |/a/path/that/is/long.rs for it
            |now
        "#]],
        );
    }

    #[test]
    fn ideographs_are_broken_between_them() {
        check(
            "hint: 日本語の文章は、空白がない。",
            18,
            expect![[r#"
            |hint: 日本語の文章
            |      は、空白がな
            |      い。
        "#]],
        );
        check(
            "a e\u{301}e\u{301}e\u{301} 👨\u{200d}👩\u{200d}👧 b",
            6,
            expect![[r#"
            |a ééé
            |👨‍👩‍👧 b
        "#]],
        );
    }

    #[test]
    fn gaps_that_nothing_can_stand_below_are_not_looked_for() {
        let line = "a  ".repeat(8000);
        assert_eq!(gaps(&line, 0, 20), [3, 6, 9, 12]);
        // The first is one wherever it is.
        assert_eq!(gaps(&format!("{}  b  c", "a".repeat(30)), 0, 20), [32]);
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_nothing_too_wide(text in "[ab日é:\\-👨\u{200d}]{0,5}( {1,3}[ab日é]{1,9}){0,9}", width in 20usize..40) {
            let lines = hanging(&text, width);
            let bare = |it: &str| it.replace([' ', '\n'], "");
            prop_assert_eq!(bare(&lines), bare(&text));
            prop_assert!(lines.split('\n').all(|it| columns(it.trim_end()) <= width), "{}", lines);
        }
    }
}
