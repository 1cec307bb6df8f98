//! Output of any length in bounded memory: the beginning, the end, and how much lies between.

use std::collections::VecDeque;

/// What a child wrote. Errors stand at the ends of an output, so both ends are kept.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Captured {
    pub(crate) head: Vec<u8>,
    pub(crate) tail: VecDeque<u8>,
    /// Bytes between head and tail that were not kept.
    pub(crate) omitted: u64,
    half: usize,
}

impl Captured {
    /// Keeps at most `limit` bytes.
    pub(crate) fn new(limit: usize) -> Self {
        Self { half: limit / 2, ..Self::default() }
    }

    /// What is known to be the two ends of something longer.
    pub(crate) fn ends(head: Vec<u8>, omitted: u64, tail: Vec<u8>) -> Self {
        Self { head, tail: tail.into(), omitted, half: 0 }
    }

    pub(crate) fn push(&mut self, mut bytes: &[u8]) {
        let room = self.half.saturating_sub(self.head.len()).min(bytes.len());
        self.head.extend_from_slice(&bytes[..room]);
        bytes = &bytes[room..];
        let surplus = (self.tail.len() + bytes.len()).saturating_sub(self.half);
        self.omitted += surplus as u64;
        let from_tail = surplus.min(self.tail.len());
        self.tail.drain(..from_tail);
        self.tail.extend(&bytes[surplus - from_tail..]);
    }

    /// The whole as text; a cut is a line that says so, and stands between whole lines where the
    /// output has lines that are not too long.
    pub(crate) fn text(&self) -> String {
        let Some((mut text, omitted, tail)) = self.cut() else {
            let tail: Vec<u8> = self.tail.iter().copied().collect();
            return String::from_utf8_lossy(&[&self.head[..], &tail].concat()).into_owned();
        };
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        text += &format!("[… {omitted} bytes left out …]\n");
        text + &tail
    }

    /// Where something was left out: what comes before it, how many bytes it has, what comes after.
    pub(crate) fn cut(&self) -> Option<(String, u64, String)> {
        if self.omitted == 0 {
            return None;
        }
        let tail: Vec<u8> = self.tail.iter().copied().collect();
        // A line that has no end nearby is cut, rather than left out with all that stands beside it.
        let (head_least, tail_most) = (self.head.len() / 2, tail.len() / 2);
        let newline = self.head.iter().rposition(|it| *it == b'\n').map(|it| it + 1);
        let head_end = newline.filter(|it| head_least <= *it).unwrap_or(self.head.len());
        let newline = tail.iter().position(|it| *it == b'\n').map(|it| it + 1);
        let tail_start = newline.filter(|it| *it <= tail_most).unwrap_or(0);
        let omitted = self.omitted + (self.head.len() - head_end + tail_start) as u64;
        let head = String::from_utf8_lossy(&self.head[..head_end]).into_owned();
        Some((head, omitted, String::from_utf8_lossy(&tail[tail_start..]).into_owned()))
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(limit: usize, chunks: &[&str], expected: Expect) {
        let mut captured = Captured::new(limit);
        chunks.iter().for_each(|it| captured.push(it.as_bytes()));
        expected.assert_eq(&captured.text());
    }

    #[test]
    fn short_output_is_kept_whole() {
        check(16, &["hello ", "world"], expect!["hello world"]);
    }

    #[test]
    fn a_cut_stands_between_whole_lines_and_says_its_size() {
        check(
            16,
            &["one\ntwo\nthree\nfour\nfive\nsix\n"],
            expect![[r#"
            one
            two
            [… 16 bytes left out …]
            six
        "#]],
        );
    }

    #[test]
    fn one_endless_line_is_cut_where_it_must_be() {
        check(
            8,
            &["abcdefghijkl"],
            expect![[r#"
            abcd
            [… 4 bytes left out …]
            ijkl"#]],
        );
    }

    #[test]
    fn one_endless_line_among_others_is_cut_where_it_must_be() {
        check(
            32,
            &["Go\nabcdefghijklmnopqrstuvwxyzabcdefghijkl\n"],
            expect![[r#"
            Go
            abcdefghijklm
            [… 10 bytes left out …]
            xyzabcdefghijkl
        "#]],
        );
    }

    proptest! {
        #[test]
        fn how_output_arrives_does_not_matter(bytes in prop::collection::vec(any::<u8>(), 0..64), at in 0usize..64, limit in 0usize..40) {
            let at = at.min(bytes.len());
            let (mut whole, mut parts) = (Captured::new(limit), Captured::new(limit));
            whole.push(&bytes);
            parts.push(&bytes[..at]);
            parts.push(&bytes[at..]);
            prop_assert_eq!(&whole, &parts);
            let kept = whole.head.len() + whole.tail.len();
            prop_assert!(kept <= limit);
            prop_assert_eq!(kept as u64 + whole.omitted, bytes.len() as u64);
        }
    }
}
