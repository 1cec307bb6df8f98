//! What a program draws on a terminal, as the text that remains.
//!
//! Escape sequences go, of a line that is drawn again and again only its last state is taken, and
//! what is not text becomes a mark. A sequence that never ends hides nothing: it is given back.

/// Turns bytes into lines as they come. How they are cut into pieces does not matter.
#[derive(Debug, Default)]
pub(super) struct Plain {
    /// Of the line that is being drawn.
    line: String,
    /// The line was returned to its start: the next character begins it anew.
    returned: bool,
    /// A part of the line has been passed on already, and cannot be drawn again.
    passed_on: bool,
    sequence: Sequence,
    /// What stands in the sequence, in case it is none.
    held: String,
    /// The beginning of a character.
    partial: Vec<u8>,
    /// Bytes in a row that are not text.
    noise: usize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Sequence {
    #[default]
    None,
    /// After ESC.
    Begun,
    /// `ESC [ … letter`.
    Control,
    /// `ESC ] … BEL`, and its like.
    Text,
    /// ESC in such a text, which a `\` ends.
    TextEnding,
}

/// A line that is longer is passed on in pieces, so that memory stays bounded.
const LONGEST: usize = 16 * 1024;

/// A sequence that is longer is none.
const LONGEST_SEQUENCE: usize = 2048;

/// So many marks in a row are as good as a thousand.
const NOISE: usize = 3;

impl Plain {
    /// Appends the lines that are finished to `out`.
    pub(super) fn feed(&mut self, bytes: &[u8], out: &mut String) {
        let joined;
        let mut rest = if self.partial.is_empty() {
            bytes
        } else {
            joined = [&std::mem::take(&mut self.partial), bytes].concat();
            &joined[..]
        };
        loop {
            match std::str::from_utf8(rest) {
                Ok(text) => return self.text(text, out),
                Err(err) => {
                    let (valid, after) = rest.split_at(err.valid_up_to());
                    self.text(&String::from_utf8_lossy(valid), out);
                    let Some(bad) = err.error_len() else {
                        self.partial = after.to_owned();
                        return;
                    };
                    self.noise += bad;
                    rest = &after[bad..];
                }
            }
        }
    }

    /// Appends what is left.
    pub(super) fn finish(&mut self, out: &mut String) {
        self.noise += std::mem::take(&mut self.partial).len();
        self.give_back(out);
        self.mark_noise(out);
        out.push_str(&self.line);
        self.line.clear();
    }

    /// The line that has begun.
    pub(super) fn line(&self) -> &str {
        &self.line
    }

    fn text(&mut self, mut text: &str, out: &mut String) {
        while let Some(first) = text.chars().next() {
            let plain = text.find(|it: char| it.is_control()).unwrap_or(text.len());
            if self.sequence == Sequence::None && 0 < plain {
                self.draw(&text[..plain], out);
                text = &text[plain..];
            } else {
                self.character(first, out);
                text = &text[first.len_utf8()..];
            }
        }
    }

    fn character(&mut self, it: char, out: &mut String) {
        match (self.sequence, it) {
            (Sequence::None, _) => self.control(it, out),
            (_, '\n' | '\r') => {
                self.give_back(out);
                self.control(it, out);
            }
            (Sequence::Begun, '[') => self.go_on(Sequence::Control, it, out),
            (Sequence::Begun, ']' | 'P' | '^' | '_' | 'X') => self.go_on(Sequence::Text, it, out),
            // An intermediate byte, as in the choice of a character set.
            (Sequence::Begun, ' '..='/') => self.go_on(Sequence::Begun, it, out),
            (Sequence::Begun, _) | (Sequence::Control, '@'..='~') => self.end_sequence(),
            (Sequence::Text | Sequence::TextEnding, '\u{7}') | (Sequence::TextEnding, '\\') => {
                self.end_sequence();
            }
            (Sequence::Text, '\u{1b}') => self.go_on(Sequence::TextEnding, it, out),
            (Sequence::TextEnding, _) => self.go_on(Sequence::Text, it, out),
            (same, _) => self.go_on(same, it, out),
        }
    }

    fn go_on(&mut self, sequence: Sequence, it: char, out: &mut String) {
        self.sequence = sequence;
        self.held.push(it);
        if LONGEST_SEQUENCE < self.held.len() {
            self.give_back(out);
        }
    }

    fn end_sequence(&mut self) {
        self.sequence = Sequence::None;
        self.held.clear();
    }

    /// What looked like a sequence did not end: it is text.
    fn give_back(&mut self, out: &mut String) {
        self.sequence = Sequence::None;
        let held = std::mem::take(&mut self.held);
        let text: String = held.chars().filter(|it| !it.is_control()).collect();
        self.draw(&text, out);
    }

    fn control(&mut self, it: char, out: &mut String) {
        match it {
            '\n' => {
                self.mark_noise(out);
                out.push_str(&self.line);
                out.push('\n');
                self.line.clear();
                (self.returned, self.passed_on) = (false, false);
            }
            '\r' if self.passed_on => self.control('\n', out),
            '\r' => self.returned = true,
            '\t' => self.draw("\t", out),
            '\u{8}' => drop(self.line.pop()),
            '\u{1b}' => self.sequence = Sequence::Begun,
            '\u{7}' => {}
            _ => self.noise += it.len_utf8(),
        }
    }

    fn draw(&mut self, text: &str, out: &mut String) {
        if text.is_empty() {
            return;
        }
        self.mark_noise(out);
        self.append(text, out);
    }

    fn append(&mut self, text: &str, out: &mut String) {
        if std::mem::take(&mut self.returned) {
            self.line.clear();
        }
        self.line.push_str(text);
        if LONGEST < self.line.len() {
            out.push_str(&self.line);
            self.line.clear();
            self.passed_on = true;
        }
    }

    fn mark_noise(&mut self, out: &mut String) {
        match std::mem::take(&mut self.noise) {
            0 => {}
            few @ 1..=NOISE => self.append(&"\u{fffd}".repeat(few), out),
            many => self.append(&format!("[{many} bytes that are not text]"), out),
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    use super::*;

    fn plain(pieces: &[&[u8]]) -> String {
        let (mut plain, mut out) = (Plain::default(), String::new());
        pieces.iter().for_each(|it| plain.feed(it, &mut out));
        plain.finish(&mut out);
        out
    }

    #[track_caller]
    fn check(bytes: &[u8], expected: Expect) {
        let whole = plain(&[bytes]);
        for at in 0..=bytes.len() {
            assert_eq!(plain(&[&bytes[..at], &bytes[at..]]), whole, "split at byte {at}");
        }
        expected.assert_eq(&whole);
    }

    #[test]
    fn text_is_left_as_it_is() {
        check("one\ttwo\n\nd\u{e9}j\u{e0} \u{1f600}".as_bytes(), expect!["one\ttwo\n\ndéjà 😀"]);
    }

    #[test]
    fn of_a_line_drawn_again_and_again_the_last_state_is_taken() {
        check(b"10 %\r50 %\r100 %\ndone\r\n", expect!["100 %\ndone\n"]);
        check(b"working -\x08/\x08|\x08ok\n", expect!["working ok\n"]);
        check(b"50 %\r", expect!["50 %"]);
    }

    #[test]
    fn escape_sequences_go() {
        check(
            b"\x1b[1;31merror\x1b[0m: \x1b]8;;file:///x\x1b\\x.rs\x1b]8;;\x1b\\ \x1b]0;title\x07\x1b(Bend\x1b[2K\x1b=\n",
            expect!["error: x.rs end\n"],
        );
    }

    #[test]
    fn a_sequence_that_does_not_end_hides_nothing() {
        check(b"a\x1b]0;no end\nnext\n", expect!["a]0;no end\nnext\n"]);
        check(b"\x1b[", expect!["["]);
    }

    #[test]
    fn what_is_not_text_is_marked_and_counted() {
        check(b"caf\xe9\n", expect!["caf\u{fffd}\n"]);
        check(
            b"\x7fELF\x02\x01\x01\x00\x00\x00\x80\xff.\n",
            expect!["\u{fffd}ELF[8 bytes that are not text].\n"],
        );
        check(b"\xf0\x9f\x98", expect!["\u{fffd}\u{fffd}\u{fffd}"]);
    }

    #[test]
    fn an_endless_line_is_passed_on_in_pieces() {
        let (mut plain, mut out) = (Plain::default(), String::new());
        for _ in 0..100 {
            plain.feed(&[b'x'; 4096], &mut out);
        }
        assert!(plain.line().len() <= LONGEST);
        plain.finish(&mut out);
        assert_eq!(out.len(), 100 * 4096);
    }

    proptest! {
        #[test]
        fn how_output_arrives_does_not_matter(
            bytes in prop::collection::vec(prop::sample::select(b"ab\n\r\x08\x1b[]0;m\\\x07\xe9\xc3\xa9\x00".to_vec()), 0..40),
            at in 0usize..40,
        ) {
            let at = at.min(bytes.len());
            let whole = plain(&[&bytes]);
            prop_assert_eq!(plain(&[&bytes[..at], &bytes[at..]]), whole.clone());
            let is_plain = |it: char| !it.is_control() || it == '\n' || it == '\t';
            prop_assert!(whole.chars().all(is_plain));
        }
    }
}
