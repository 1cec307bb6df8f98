//! An output as the formats read it: plain lines, and the JSON in it.

use std::borrow::Cow;

use serde_json::Value;

pub(super) struct Output<'a> {
    plain: Cow<'a, str>,
}

/// So many documents over several lines are looked for: each that is none costs a look at the
/// whole rest.
const DOCUMENTS: usize = 4;

impl<'a> Output<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        Self { plain: plain(text) }
    }

    pub(super) fn lines(&self) -> Vec<&str> {
        self.plain.lines().map(|it| it.trim_end_matches(['\r', ' ', '\t'])).collect()
    }

    /// Calls `each` with every JSON array or object that begins on a line of its own.
    pub(super) fn values(&self, mut each: impl FnMut(&Value)) {
        let (mut at, mut documents) = (0, 0);
        while at < self.plain.len() {
            let rest = &self.plain[at..];
            let end = rest.find('\n').map_or(rest.len(), |it| it + 1);
            let line = rest[..end].trim();
            if !line.starts_with(['{', '[']) {
                at += end;
                continue;
            }
            if let Ok(value) = serde_json::from_str::<Value>(line) {
                each(&value);
                at += end;
                continue;
            }
            documents += 1;
            let mut stream = serde_json::Deserializer::from_str(rest).into_iter::<Value>();
            match (documents <= DOCUMENTS).then(|| stream.next()).flatten() {
                Some(Ok(value)) => {
                    each(&value);
                    at += stream.byte_offset();
                }
                _ => at += end,
            }
        }
    }
}

/// Without the sequences that colour a terminal or move its cursor.
fn plain(text: &str) -> Cow<'_, str> {
    if !text.contains('\u{1b}') {
        return text.into();
    }
    let mut plain = String::with_capacity(text.len());
    let mut pieces = text.split('\u{1b}');
    plain += pieces.next().unwrap_or_default();
    for piece in pieces {
        plain += match piece.chars().next() {
            // A control sequence ends with its first letter.
            Some('[') => match piece[1..].find(|it: char| ('@'..='~').contains(&it)) {
                Some(end) => &piece[1 + end + 1..],
                None => "",
            },
            // A command to the terminal, such as a link, ends with a bell or the next escape.
            Some(']') => piece.split_once('\u{7}').map_or("", |(_, rest)| rest),
            Some(it) => &piece[it.len_utf8()..],
            None => "",
        };
    }
    plain.into()
}
