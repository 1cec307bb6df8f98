//! Server-sent events, from bytes that may be split anywhere.

/// A line longer than this is not an answer, it is a fault.
const LONGEST_LINE: usize = 16 << 20;

/// How a line of a stream of events begins; with a colon alone it is a comment.
const FIELDS: &[&str] = &[":", "data", "event", "id", "retry"];

/// Takes bytes, gives the data of whole events. Comments and other fields are passed over.
#[derive(Debug, Default)]
pub(super) struct Parser {
    line: Vec<u8>,
    data: String,
    has_data: bool,
    /// The last byte was a carriage return, so a line feed that follows belongs to it.
    after_cr: bool,
    /// The first line that no stream of events has.
    stray: Option<String>,
}

#[derive(Debug, PartialEq)]
pub(super) enum Fault {
    NotUtf8,
    LineTooLong,
}

impl Parser {
    /// Calls `on` with the data of each event that is complete.
    pub(super) fn feed(&mut self, bytes: &[u8], mut on: impl FnMut(&str)) -> Result<(), Fault> {
        let mut rest = bytes;
        while !rest.is_empty() {
            if std::mem::take(&mut self.after_cr) && rest[0] == b'\n' {
                rest = &rest[1..];
                continue;
            }
            let Some(end) = rest.iter().position(|it| matches!(it, b'\n' | b'\r')) else {
                self.line.extend_from_slice(rest);
                return if self.line.len() > LONGEST_LINE {
                    Err(Fault::LineTooLong)
                } else {
                    Ok(())
                };
            };
            self.line.extend_from_slice(&rest[..end]);
            self.after_cr = rest[end] == b'\r';
            rest = &rest[end + 1..];
            self.end_line(&mut on)?;
        }
        Ok(())
    }

    fn end_line(&mut self, on: &mut impl FnMut(&str)) -> Result<(), Fault> {
        let line = std::str::from_utf8(&self.line).map_err(|_| Fault::NotUtf8)?;
        let line = line.strip_prefix('\u{feff}').unwrap_or(line);
        if line.is_empty() {
            if std::mem::take(&mut self.has_data) {
                on(&self.data);
                self.data.clear();
            }
        } else if let Some(data) = line.strip_prefix("data:") {
            if self.has_data {
                self.data.push('\n');
            }
            self.data += data.strip_prefix(' ').unwrap_or(data);
            self.has_data = true;
        } else if self.stray.is_none() && !FIELDS.iter().any(|it| line.starts_with(it)) {
            self.stray = Some(line.to_owned());
        }
        self.line.clear();
        Ok(())
    }

    /// What has come that belongs to no stream of events: the first such line, whole or not.
    pub(super) fn stray(&self) -> Option<String> {
        let line = String::from_utf8_lossy(&self.line);
        let begins_field = FIELDS.iter().any(|it| it.starts_with(&*line) || line.starts_with(it));
        self.stray.clone().or_else(|| (!begins_field).then(|| line.into_owned()))
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    use super::*;

    fn parse<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Result<Vec<String>, Fault> {
        let (mut parser, mut events) = (Parser::default(), Vec::new());
        for piece in pieces {
            parser.feed(piece, |it| events.push(it.to_owned()))?;
        }
        Ok(events)
    }

    /// Checks the events of `stream`, whole and split at each byte.
    #[track_caller]
    fn check(stream: &[u8], expected: Expect) {
        let whole = parse([stream]);
        for at in 0..=stream.len() {
            assert_eq!(parse([&stream[..at], &stream[at..]]), whole, "split at byte {at}");
        }
        assert_eq!(parse(stream.chunks(1)), whole, "byte by byte");
        expected.assert_eq(&format!("{whole:?}"));
    }

    #[test]
    fn an_event_ends_with_an_empty_line() {
        check(b"data: a\n\ndata: b\n\ndata: c\n", expect![[r#"Ok(["a", "b"])"#]]);
    }

    #[test]
    fn all_three_line_ends_are_the_same() {
        check(b"data: a\r\n\r\ndata: b\r\rdata: c\n\n", expect![[r#"Ok(["a", "b", "c"])"#]]);
    }

    #[test]
    fn lines_of_one_event_are_joined() {
        check(b"data: a\ndata:b\ndata\ndata:  c\n\n", expect![[r#"Ok(["a\nb\n c"])"#]]);
    }

    #[test]
    fn comments_and_other_fields_say_nothing() {
        check(b": ping\n\nevent: x\nid: 7\ndata: a\n\n", expect![[r#"Ok(["a"])"#]]);
    }

    #[test]
    fn letters_of_several_bytes_survive_any_split() {
        check(
            "data: h\u{e9}llo \u{2713} \u{1f600}\n\n".as_bytes(),
            expect![[r#"Ok(["héllo ✓ 😀"])"#]],
        );
    }

    #[test]
    fn bytes_that_are_not_text_are_a_fault() {
        check(b"data: \xff\n\n", expect!["Err(NotUtf8)"]);
    }

    #[test]
    fn an_endless_line_is_a_fault() {
        let piece = vec![b'x'; 1 << 20];
        assert_eq!(parse(std::iter::repeat_n(&*piece, 20)), Err(Fault::LineTooLong));
    }

    #[test]
    fn what_is_no_event_is_kept_for_the_message() {
        let stray = |stream: &[u8]| {
            let mut parser = Parser::default();
            parser.feed(stream, |_| {}).map(|()| parser.stray())
        };
        assert_eq!(stray(b": ping\n\ndata: a\n\nda"), Ok(None));
        assert_eq!(stray(b"<html>\n<p>\n"), Ok(Some("<html>".to_owned())));
        assert_eq!(stray(b"{\"error\":1}"), Ok(Some("{\"error\":1}".to_owned())));
        assert_eq!(stray(b""), Ok(None));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..20), 0..20)) {
            let whole = pieces.concat();
            prop_assert_eq!(parse(pieces.iter().map(|it| &**it)), parse([&*whole]));
        }
    }
}
