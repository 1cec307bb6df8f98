//! A text as matching sees it: line ends alike, nothing behind the last word of a line, typographic
//! look-alikes as what a keyboard has. Knows where each of its places is in the text itself.

/// What becomes of the white space that a line begins with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Indentation {
    Kept,
    Dropped,
}

/// Which line ends a text has.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Endings {
    /// What most lines end with; `None` if no line has an end.
    pub(super) usual: Option<&'static str>,
    /// Whether a carriage return by itself ends a line: only where nothing else does.
    pub(super) lone: bool,
}

impl Endings {
    pub(super) fn of(text: &str) -> Self {
        let (all, crlf) = (text.matches('\n').count(), text.matches("\r\n").count());
        let lone = all == 0 && text.contains('\r');
        let usual = match lone {
            true => Some("\r"),
            false if all == 0 => None,
            false if all < 2 * crlf => Some("\r\n"),
            false => Some("\n"),
        };
        Self { usual, lone }
    }

    /// The lines of a text, each with its end.
    pub(super) fn lines(self, text: &str) -> impl DoubleEndedIterator<Item = &str> {
        text.split_inclusive(move |it| it == '\n' || (self.lone && it == '\r'))
    }

    /// A line without its end, and that end.
    pub(super) fn split(self, line: &str) -> (&str, &str) {
        let content = match line.strip_suffix('\n') {
            Some(line) => line.strip_suffix('\r').unwrap_or(line),
            None if self.lone => line.strip_suffix('\r').unwrap_or(line),
            None => line,
        };
        line.split_at(content.len())
    }
}

/// Begins with a line end, and so does what is looked for when it shall begin a line.
#[derive(Debug)]
pub(super) struct Folded {
    text: String,
    lines: Vec<Start>,
}

/// Where a line begins, here and in the text itself.
#[derive(Clone, Copy, Debug)]
struct Start {
    folded: usize,
    original: usize,
}

impl Folded {
    pub(super) fn new(text: &str, endings: Endings, indentation: Indentation) -> Self {
        let mut folded = String::with_capacity(text.len() + 2);
        let (mut lines, mut original) = (Vec::new(), 0);
        folded.push('\n');
        for line in endings.lines(text) {
            lines.push(Start { folded: folded.len(), original });
            let content = endings.split(line).0.trim_end();
            let content = match indentation {
                Indentation::Kept => content,
                Indentation::Dropped => content.trim_start(),
            };
            if content.is_ascii() {
                folded.push_str(content);
            } else {
                folded.extend(content.chars().map(plain));
            }
            folded.push('\n');
            original += line.len();
        }
        Self { text: folded, lines }
    }

    /// With a line end before and after.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Where in `text`, of which this is the folding, the place `at` is; no line begins before the
    /// first.
    pub(super) fn original(&self, text: &str, at: usize) -> Option<usize> {
        let after = self.lines.partition_point(|it| it.folded <= at);
        let line = self.lines.get(after.checked_sub(1)?)?;
        let within = self.text.get(line.folded..at)?;
        if within.ends_with('\n') {
            return Some(text.len());
        }
        let rest = &text[line.original..];
        let ahead = rest.char_indices().nth(within.chars().count());
        Some(line.original + ahead.map_or(rest.len(), |(at, _)| at))
    }
}

/// What a keyboard has for it.
fn plain(character: char) -> char {
    match character {
        '\u{2018}'..='\u{201b}' | '\u{2032}' | '\u{2035}' => '\'',
        '\u{201c}'..='\u{201f}' | '\u{2033}' | '\u{2036}' => '"',
        '\u{2010}'..='\u{2015}' | '\u{2212}' => '-',
        '\u{a0}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}' => ' ',
        // A byte that is no text; this is how the model was shown it.
        '\u{10ff80}'..='\u{10ffff}' => '\u{fffd}',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(text: &str, indentation: Indentation, expected: Expect) {
        let folded = Folded::new(text, Endings::of(text), indentation);
        expected.assert_eq(&format!("{:?}", folded.text()));
    }

    #[test]
    fn line_ends_and_white_space_before_them_are_alike() {
        check("a \r\n\tb\t\nc", Indentation::Kept, expect![[r#""\na\n\tb\nc\n""#]]);
        check("a \r\n\tb\t\nc", Indentation::Dropped, expect![[r#""\na\nb\nc\n""#]]);
    }

    #[test]
    fn a_carriage_return_ends_a_line_only_where_nothing_else_does() {
        check("a\rb\r", Indentation::Kept, expect![[r#""\na\nb\n""#]]);
        check("a\rb\n", Indentation::Kept, expect![[r#""\na\rb\n""#]]);
    }

    #[test]
    fn look_alikes_are_what_a_keyboard_has() {
        check(
            "“a” ‘b’ c–d—e−f\u{a0}g\u{3000}h",
            Indentation::Kept,
            expect![[r#""\n\"a\" 'b' c-d-e-f g h\n""#]],
        );
    }

    proptest! {
        #[test]
        fn each_place_is_found_again(text in "[a“ \r\n\u{a0}é]{0,20}") {
            let folded = Folded::new(&text, Endings::of(&text), Indentation::Kept);
            let mut last = 0;
            for (at, character) in folded.text().char_indices().skip(1) {
                let place = folded.original(&text, at).unwrap_or(text.len());
                prop_assert!(last <= place && text.is_char_boundary(place));
                if character != '\n' {
                    prop_assert_eq!(text[place..].chars().next().map(plain), Some(character));
                }
                last = place;
            }
        }
    }
}
