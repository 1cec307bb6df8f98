//! What stands within a line of Markdown: emphasis, code, links.
//!
//! A mark that opens something is one only if something closes it, so from such a mark on the text is
//! held back until that is known, or until it is too long to wait for.

use crate::ui::markdown::flow::Flow;
use crate::ui::markdown::ink::Ink;

/// How far behind a mark its other half is looked for, in bytes.
const REACH: usize = 1000;

#[derive(Debug)]
pub(super) struct Inline {
    is_coloured: bool,
    held: String,
    /// How everything here looks.
    base: Ink,
    open: Vec<Mark>,
    /// The letter before what is held.
    before: char,
}

#[derive(Clone, Copy, Debug)]
struct Mark {
    letter: char,
    length: usize,
}

/// What is to be done with the text from here on.
enum Step {
    /// More has to come before that is known.
    Wait,
    /// So many bytes are done.
    Done(usize),
    /// The letter is only a letter.
    Letter,
}

/// What a search came to.
enum Found {
    At(usize),
    NotYet,
    Nowhere,
}

impl Inline {
    pub(super) fn new(is_coloured: bool, base: Ink) -> Self {
        Self { is_coloured, held: String::new(), base, open: Vec::new(), before: ' ' }
    }

    /// A whole text at once.
    pub(super) fn set(&mut self, text: &str, flow: &mut Flow) {
        self.held += text;
        self.finish(flow);
    }

    pub(super) fn feed(&mut self, text: &str, flow: &mut Flow) {
        self.held += text;
        self.go(flow, false);
    }

    /// The paragraph is over.
    pub(super) fn finish(&mut self, flow: &mut Flow) {
        self.go(flow, true);
        self.open.clear();
        self.before = ' ';
    }

    fn go(&mut self, flow: &mut Flow, is_end: bool) {
        let text = std::mem::take(&mut self.held);
        let mut at = 0;
        while let Some(c) = text[at..].chars().next() {
            let rest = &text[at..];
            let step = match c {
                // Without looks, the marks are what tells.
                _ if !self.is_coloured => Step::Letter,
                '\\' => self.escaped(rest, flow, is_end),
                '`' => self.code(rest, flow, is_end),
                '*' | '_' | '~' => self.mark(rest, c, is_end),
                '[' => self.link(rest, flow, is_end),
                '!' if rest == "!" && !is_end => Step::Wait,
                '!' if rest.starts_with("![") => match self.link(&rest[1..], flow, is_end) {
                    Step::Done(length) => Step::Done(length + 1),
                    other => other,
                },
                '<' => self.address(rest, flow, is_end),
                _ => Step::Letter,
            };
            let done = match step {
                Step::Wait => break,
                Step::Done(length) => length,
                Step::Letter => {
                    flow.push(c, self.ink());
                    c.len_utf8()
                }
            };
            self.before = rest[..done].chars().next_back().unwrap_or(c);
            at += done;
        }
        text[at..].clone_into(&mut self.held);
    }

    fn ink(&self) -> Ink {
        self.open.iter().fold(self.base, |ink, mark| {
            ink.with(match (mark.letter, mark.length) {
                ('~', _) => Ink::STRUCK,
                (_, 1) => Ink::ITALIC,
                (_, 2) => Ink::BOLD,
                _ => Ink::BOLD.with(Ink::ITALIC),
            })
        })
    }

    fn escaped(&self, rest: &str, flow: &mut Flow, is_end: bool) -> Step {
        match rest[1..].chars().next() {
            None if !is_end => Step::Wait,
            Some(c) if c.is_ascii_punctuation() => {
                flow.push(c, self.ink());
                Step::Done(2)
            }
            _ => Step::Letter,
        }
    }

    fn code(&self, rest: &str, flow: &mut Flow, is_end: bool) -> Step {
        let length = run(rest, '`');
        if length == rest.len() && !is_end {
            return Step::Wait;
        }
        match end_of_code(window(rest, is_end), length) {
            Found::NotYet => Step::Wait,
            Found::Nowhere => {
                flow.push_str(&rest[..length], self.ink());
                Step::Done(length)
            }
            Found::At(end) => {
                let code = &rest[length..end];
                // Blanks on both sides only keep backticks apart.
                let inner = code.strip_prefix(' ').and_then(|it| it.strip_suffix(' '));
                flow.push_str(inner.unwrap_or(code), self.ink().with(Ink::CODE));
                Step::Done(end + length)
            }
        }
    }

    fn mark(&mut self, rest: &str, letter: char, is_end: bool) -> Step {
        let length = run(rest, letter);
        if length == rest.len() && !is_end {
            return Step::Wait;
        }
        let next = rest[length..].chars().next().unwrap_or(' ');
        if can_close(letter, self.before, next) {
            let mut left = length;
            while let Some(open) = self.open.last().copied() {
                if open.letter != letter || left < open.length {
                    break;
                }
                left -= open.length;
                self.open.pop();
            }
            if left < length {
                return Step::Done(length - left);
            }
        }
        let is_mark = if letter == '~' { length == 2 } else { length <= 3 };
        if !is_mark || !can_open(letter, self.before, next) {
            return Step::Letter;
        }
        let mark = Mark { letter, length };
        match end_of_mark(window(rest, is_end), mark) {
            Found::NotYet => Step::Wait,
            Found::Nowhere => Step::Letter,
            Found::At(_) => {
                self.open.push(mark);
                Step::Done(length)
            }
        }
    }

    /// `[text](address)`; a person sees both.
    fn link(&self, rest: &str, flow: &mut Flow, is_end: bool) -> Step {
        let (text, sure) = window(rest, is_end);
        let missing = if sure { Step::Letter } else { Step::Wait };
        let Some(close) = closing(text, '[', ']') else { return missing };
        let behind = &text[close + 1..];
        match behind.chars().next() {
            None => return missing,
            Some('(') => {}
            Some(_) => return Step::Letter,
        }
        let Some(end) = closing(behind, '(', ')') else { return missing };
        let (label, address) = (&text[1..close], &behind[1..end]);
        let is_same = label == address;
        Self::new(true, self.ink().with(Ink::UNDERLINED)).set(label, flow);
        if !is_same {
            flow.push(' ', Ink::NONE);
            flow.push_str(&format!("({address})"), self.ink().with(Ink::DIM));
        }
        Step::Done(close + 1 + end + 1)
    }

    /// `<https://…>`.
    fn address(&self, rest: &str, flow: &mut Flow, is_end: bool) -> Step {
        let (text, sure) = window(rest, is_end);
        let begins = ["<https://", "<http://"];
        if !begins.iter().any(|it| text.starts_with(it)) {
            let may_become = !sure && begins.iter().any(|it| it.starts_with(text));
            return if may_become { Step::Wait } else { Step::Letter };
        }
        match text.find(|it: char| it == '>' || it.is_whitespace()) {
            Some(end) if text[end..].starts_with('>') => {
                flow.push_str(&text[1..end], self.ink().with(Ink::UNDERLINED));
                Step::Done(end + 1)
            }
            None if !sure => Step::Wait,
            _ => Step::Letter,
        }
    }
}

/// As much as is looked at, and whether no more of it can come.
fn window(rest: &str, is_end: bool) -> (&str, bool) {
    if rest.len() < REACH {
        return (rest, is_end);
    }
    let end = (0..=REACH).rev().find(|it| rest.is_char_boundary(*it)).unwrap_or(0);
    (&rest[..end], true)
}

fn run(text: &str, letter: char) -> usize {
    text.len() - text.trim_start_matches(letter).len()
}

fn can_open(letter: char, before: char, next: char) -> bool {
    !next.is_whitespace() && (letter != '_' || !before.is_alphanumeric())
}

fn can_close(letter: char, before: char, next: char) -> bool {
    !before.is_whitespace() && (letter != '_' || !next.is_alphanumeric())
}

/// Where the code ends that the text begins with, by backticks as many as it began with.
fn end_of_code((text, sure): (&str, bool), length: usize) -> Found {
    let mut at = length;
    while let Some(found) = text[at..].find('`') {
        at += found;
        let ticks = run(&text[at..], '`');
        if at + ticks == text.len() && !sure {
            return Found::NotYet;
        }
        if ticks == length {
            return Found::At(at);
        }
        at += ticks;
    }
    if sure { Found::Nowhere } else { Found::NotYet }
}

/// Where the mark is closed that the text begins with.
fn end_of_mark((text, sure): (&str, bool), mark: Mark) -> Found {
    let nowhere = if sure { Found::Nowhere } else { Found::NotYet };
    let (mut at, mut before) = (mark.length, mark.letter);
    while let Some(c) = text[at..].chars().next() {
        let length = match c {
            '\\' => 1 + text[at + 1..].chars().next().map_or(0, char::len_utf8),
            '`' => {
                let ticks = run(&text[at..], '`');
                match end_of_code((&text[at..], sure), ticks) {
                    Found::At(end) => end + ticks,
                    Found::NotYet => return Found::NotYet,
                    Found::Nowhere => ticks,
                }
            }
            _ if c == mark.letter => {
                let length = run(&text[at..], c);
                let Some(next) = text[at + length..].chars().next().or(sure.then_some(' ')) else {
                    return Found::NotYet;
                };
                let fits =
                    length == mark.length || mark.length < length && !can_open(c, before, next);
                if fits && can_close(c, before, next) {
                    return Found::At(at);
                }
                length
            }
            _ => c.len_utf8(),
        };
        before = text[at..at + length].chars().next_back().unwrap_or(c);
        at += length;
    }
    nowhere
}

/// Where the bracket closes that the text begins with.
fn closing(text: &str, open: char, close: char) -> Option<usize> {
    let (mut depth, mut is_escaped) = (0_usize, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            _ if c == open => depth += 1,
            _ if c == close => {
                depth -= 1;
                if depth == 0 {
                    return Some(at);
                }
            }
            _ => {}
        }
    }
    None
}
