//! What bytes from a terminal mean as keys, however they are cut into pieces.

/// A key as it counts while the agent works.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Key {
    Letter(char),
    Enter,
    AltEnter,
    Backspace,
    /// Alt-Backspace and Ctrl-W.
    EraseWord,
    Escape,
    /// With the letter beside it, a capital.
    Ctrl(char),
    Pasted(String),
    /// What the terminal answers to a question about its looks.
    Answer(String),
    /// Which terminal it is: the end of what it was asked.
    Attributes,
    /// The person looks at this window, or no longer does.
    Focus(bool),
}

/// What was begun and is not whole.
#[derive(Debug, Default, PartialEq)]
enum State {
    #[default]
    Ground,
    /// The key by itself, or the beginning of a sequence.
    Escape,
    /// A sequence with parameters, these.
    Sequence(Vec<u8>),
    /// One more byte, and the sequence is whole.
    Single,
    /// An answer of the terminal, which ends in a way of its own.
    Text {
        kind: u8,
        text: Vec<u8>,
        ends: bool,
    },
    Paste(Vec<u8>),
}

/// More of a paste is dropped: nobody means to type that.
const LONGEST_PASTE: usize = 4 << 20;

/// A sequence that is longer is none.
const LONGEST_SEQUENCE: usize = 64;

/// As much of an answer is kept.
const LONGEST_ANSWER: usize = 256;

const PASTE_END: &[u8] = b"\x1b[201~";

#[derive(Debug, Default)]
pub(super) struct Decoder {
    state: State,
    /// The beginning of a letter of several bytes.
    letter: Vec<u8>,
}

impl Decoder {
    /// The keys that are whole with these bytes.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Vec<Key> {
        let mut keys = Vec::new();
        bytes.iter().for_each(|it| self.take(*it, &mut keys));
        keys
    }

    /// Whether a short while decides what the last bytes mean.
    pub(super) fn is_in_doubt(&self) -> bool {
        !matches!(self.state, State::Ground | State::Paste(_))
    }

    /// Whether the terminal has begun to answer.
    pub(super) fn is_in_answer(&self) -> bool {
        matches!(self.state, State::Text { .. })
    }

    /// Whether something is being pasted.
    pub(super) fn is_pasting(&self) -> bool {
        matches!(self.state, State::Paste(_))
    }

    /// Nothing has followed: what was in doubt was Escape by itself, or nothing.
    pub(super) fn settle(&mut self) -> Option<Key> {
        if !self.is_in_doubt() {
            return None;
        }
        let was_escape = std::mem::take(&mut self.state) == State::Escape;
        was_escape.then_some(Key::Escape)
    }

    fn take(&mut self, byte: u8, keys: &mut Vec<Key>) {
        match &mut self.state {
            State::Ground => self.take_plain(byte, keys),
            State::Escape => self.take_after_escape(byte, keys),
            State::Single => self.state = State::Ground,
            State::Sequence(params) => match byte {
                0x20..=0x3f if params.len() < LONGEST_SEQUENCE => params.push(byte),
                b'~' if params == b"200" => self.state = State::Paste(Vec::new()),
                0x20..=0x7e => {
                    keys.extend(told(params, byte));
                    self.state = State::Ground;
                }
                // It was none: what comes now means itself.
                _ => {
                    self.state = State::Ground;
                    self.take_plain(byte, keys);
                }
            },
            State::Text { kind, text, ends } => match byte {
                0x07 | b'\\' if byte == 0x07 || *ends => {
                    let is_answer = *kind == b']' && text.len() < LONGEST_ANSWER;
                    keys.extend(
                        is_answer.then(|| Key::Answer(String::from_utf8_lossy(text).into_owned())),
                    );
                    self.state = State::Ground;
                }
                _ => {
                    *ends = byte == 0x1b;
                    if !*ends && text.len() < LONGEST_ANSWER {
                        text.push(byte);
                    }
                }
            },
            State::Paste(text) => {
                if text.len() < LONGEST_PASTE || byte == PASTE_END[0] || has_begun_to_end(text) {
                    text.push(byte);
                }
                if text.ends_with(PASTE_END) {
                    text.truncate(text.len() - PASTE_END.len());
                    keys.push(Key::Pasted(String::from_utf8_lossy(text).into_owned()));
                    self.state = State::Ground;
                }
            }
        }
    }

    fn take_plain(&mut self, byte: u8, keys: &mut Vec<Key>) {
        if !(0x80..=0xbf).contains(&byte) {
            // A letter that breaks off is dropped.
            self.letter.clear();
        }
        match byte {
            0x1b => self.state = State::Escape,
            b'\r' | b'\n' => keys.push(Key::Enter),
            0x08 | 0x7f => keys.push(Key::Backspace),
            b'\t' => keys.push(Key::Ctrl('I')),
            0x17 => keys.push(Key::EraseWord),
            0..=0x1f => keys.push(Key::Ctrl(char::from(byte | 0x40))),
            0x20..=0x7e => keys.push(Key::Letter(char::from(byte))),
            0x80.. => {
                self.letter.push(byte);
                match std::str::from_utf8(&self.letter) {
                    Ok(text) => {
                        keys.extend(text.chars().map(Key::Letter));
                        self.letter.clear();
                    }
                    Err(err) if err.error_len().is_some() => self.letter.clear(),
                    Err(_) => {}
                }
            }
        }
    }

    fn take_after_escape(&mut self, byte: u8, keys: &mut Vec<Key>) {
        self.state = State::Ground;
        match byte {
            b'[' => self.state = State::Sequence(Vec::new()),
            b'O' => self.state = State::Single,
            b']' | b'P' | b'X' | b'^' | b'_' => {
                self.state = State::Text { kind: byte, text: Vec::new(), ends: false };
            }
            0x1b => {
                keys.push(Key::Escape);
                self.state = State::Escape;
            }
            b'\r' | b'\n' => keys.push(Key::AltEnter),
            0x08 | 0x7f => keys.push(Key::EraseWord),
            // A letter with Alt means nothing here.
            0x20..=0x7e => {}
            _ => self.take_plain(byte, keys),
        }
    }
}

/// What a terminal says of itself by a sequence.
fn told(params: &[u8], letter: u8) -> Option<Key> {
    match (params, letter) {
        ([b'?', ..], b'c') => Some(Key::Attributes),
        ([], b'I') => Some(Key::Focus(true)),
        ([], b'O') => Some(Key::Focus(false)),
        _ => None,
    }
}

/// Whether the end of this may be the beginning of the mark behind a paste.
fn has_begun_to_end(text: &[u8]) -> bool {
    (1..PASTE_END.len()).any(|it| text.ends_with(&PASTE_END[..it]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The keys of the pieces; at a `|` nothing follows for a while.
    #[track_caller]
    fn check(pieces: &[&[u8]], expected: &[Key]) {
        let mut decoder = Decoder::default();
        let mut keys = Vec::new();
        for piece in pieces {
            match *piece {
                b"|" => keys.extend(decoder.settle()),
                piece => keys.extend(decoder.feed(piece)),
            }
        }
        assert_eq!(keys, expected);
    }

    fn letters(text: &str) -> Vec<Key> {
        text.chars().map(Key::Letter).collect()
    }

    #[test]
    fn letters_are_whole_however_they_are_cut() {
        check(&["hé✓😀".as_bytes()], &letters("hé✓😀"));
        check(&[b"h\xc3", b"\xa9\xe2", b"\x9c", b"\x93"], &letters("hé✓"));
        check(&[b"\xc3a\x80\xffb"], &letters("ab"));
    }

    #[test]
    fn escape_is_itself_only_when_nothing_follows() {
        check(&[b"\x1b", b"|"], &[Key::Escape]);
        check(&[b"\x1b", b"[A", b"|"], &[]);
        check(&[b"\x1b\x1b[A", b"|"], &[Key::Escape]);
        check(&[b"\x1b\x1b", b"|"], &[Key::Escape, Key::Escape]);
        check(&[b"\x1b[", b"|", b"A"], &letters("A"));
    }

    #[test]
    fn keys_that_mean_nothing_here_leave_nothing() {
        check(&[b"\x1b[1;5C\x1bOP\x1b[3~\x1bx\x1b[<0;3;4M"], &[]);
        check(&[b"\x1b_11;rgb:ffff/ffff/ffff\x1b\\a\x1bP0;b\x07c"], &letters("ac"));
        check(&[b"\x1bPq\x1b[200~\x1b\\d"], &letters("d"));
    }

    #[test]
    fn what_the_terminal_says_of_itself_is_known() {
        let answer = |it: &str| Key::Answer(it.to_owned());
        check(&[b"\x1b]11;rgb:f/f/f\x1b", b"\\a"], &[answer("11;rgb:f/f/f"), Key::Letter('a')]);
        check(&[b"\x1b]11;#fff\x07\x1b[?62;22c"], &[answer("11;#fff"), Key::Attributes]);
        check(&[b"\x1b[O\x1b[I"], &[Key::Focus(false), Key::Focus(true)]);
        let long = [b"\x1b]".as_slice(), &[b'x'; 1000], b"\x07a"].concat();
        check(&[&long], &letters("a"));
    }

    #[test]
    fn what_edits_is_known() {
        check(&[b"\r\n"], &[Key::Enter, Key::Enter]);
        check(&[b"\x1b\r\x1b\n"], &[Key::AltEnter, Key::AltEnter]);
        check(&[b"\x7f\x08"], &[Key::Backspace, Key::Backspace]);
        check(&[b"\x17\x1b\x7f"], &[Key::EraseWord, Key::EraseWord]);
        check(&[b"\x15\x02\x0e"], &[Key::Ctrl('U'), Key::Ctrl('B'), Key::Ctrl('N')]);
    }

    #[test]
    fn what_is_pasted_is_one_key_and_nothing_in_it_acts() {
        let pasted = |it: &str| Key::Pasted(it.to_owned());
        check(&[b"\x1b[200~a\x1bb\x03\rc\x1b[201~"], &[pasted("a\x1bb\x03\rc")]);
        check(&[b"\x1b[20", b"0~a\x1b[2", b"01~", b"d"], &[pasted("a"), Key::Letter('d')]);
        let mut decoder = Decoder::default();
        decoder.feed(b"\x1b[200~");
        assert!(!decoder.is_in_doubt());
        decoder.feed(&vec![b'x'; LONGEST_PASTE + 10]);
        let keys = decoder.feed(b"\x1b[201~");
        assert!(matches!(&keys[..], [Key::Pasted(it)] if it.len() == LONGEST_PASTE));
    }

    proptest! {
        #[test]
        fn pieces_do_not_matter(bytes in any::<Vec<u8>>(), at in any::<prop::sample::Index>()) {
            let whole = Decoder::default().feed(&bytes);
            let (first, rest) = bytes.split_at(at.index(bytes.len() + 1));
            let mut decoder = Decoder::default();
            let mut keys = decoder.feed(first);
            keys.extend(decoder.feed(rest));
            prop_assert_eq!(keys, whole);
        }
    }
}
