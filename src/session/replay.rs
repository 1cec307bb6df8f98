//! Reads a journal as far as it can be read. No bytes make it fail; only the reading itself can.

use std::io::{self, BufRead};

use crate::conversation::Entry;
use crate::session::Damage;
use crate::session::line::{self, Line};
use crate::session::record::{Header, Record};

/// What a journal holds.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Replay {
    pub(crate) header: Option<Header>,
    pub(crate) entries: Vec<Entry>,
    /// When each entry was written, in milliseconds since 1970.
    pub(crate) times: Vec<u64>,
    pub(crate) damage: Damage,
    /// The number of the next record.
    pub(crate) next: u64,
    /// Where the last whole record ends: what follows was torn.
    pub(crate) end: u64,
    /// Whether a newline stands before `end`.
    pub(crate) ended: bool,
    /// A record that was written whole is lost since the newest reply. It may have told that a call
    /// was begun.
    pub(crate) is_suspect: bool,
}

pub(crate) fn replay(mut journal: impl BufRead) -> io::Result<Replay> {
    let mut replay = Replay { ended: true, ..Replay::default() };
    let mut bytes = Vec::new();
    let (mut offset, mut number, mut last_whole) = (0, 0, 0);
    while 0 < journal.read_until(b'\n', &mut bytes)? {
        number += 1;
        let taken = replay.take(&bytes);
        if !taken.clean {
            replay.damage.lines.push(number);
        }
        if let Some(end) = taken.end {
            last_whole = number;
            replay.end = offset + end as u64;
            replay.ended = bytes[..end].ends_with(b"\n");
        }
        offset += bytes.len() as u64;
        bytes.clear();
    }
    replay.damage.lines.retain(|&it| it <= last_whole);
    replay.damage.torn = offset - replay.end;
    Ok(replay)
}

/// What became of one line.
struct Taken {
    /// Where its last whole record ends, if it has one.
    end: Option<usize>,
    clean: bool,
}

impl Replay {
    /// Usually one record; more if the newline between two was lost.
    fn take(&mut self, bytes: &[u8]) -> Taken {
        let mut taken = Taken { end: None, clean: true };
        let mut at = 0;
        while !bytes[at..].trim_ascii().is_empty() {
            match line::decode(&bytes[at..]) {
                Some((line, length)) => {
                    at += length;
                    taken.end = Some(at);
                    taken.clean &= self.accept(line);
                }
                None => {
                    taken.clean = false;
                    self.is_suspect |= bytes.ends_with(b"\n");
                    at = next_start(bytes, at + 1);
                }
            }
        }
        if taken.end == Some(at) && bytes.ends_with(b"\n") {
            taken.end = Some(bytes.len());
        }
        taken
    }

    /// False if the record is older than one before it, which no journal of ours contains.
    fn accept(&mut self, line: Line) -> bool {
        let Some(missing) = line.seq.checked_sub(self.next) else { return false };
        self.damage.missing = self.damage.missing.saturating_add(missing);
        self.next = line.seq.saturating_add(1);
        self.is_suspect |= 0 < missing;
        match line.record {
            Some(Record::Header(header)) => self.header = Some(header),
            Some(record) => {
                let entry = record.into_entry();
                // Calls of the turn before, and of the reply before, cannot run any more.
                self.is_suspect &= !matches!(entry, Some(Entry::Prompt(_) | Entry::Reply(_)));
                self.times.extend(entry.as_ref().map(|_| line.at));
                self.entries.extend(entry);
            }
            None => self.damage.unknown += 1,
        }
        true
    }
}

fn next_start(bytes: &[u8], from: usize) -> usize {
    let found = bytes[from..].windows(line::START.len()).position(|it| it == line::START);
    found.map_or(bytes.len(), |it| from + it)
}

#[cfg(test)]
pub(crate) mod tests {
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    use super::*;
    use crate::session::record::FORMAT;

    /// A header and the prompts `a`, `b`, `c`, each with a trap for whoever looks for a line.
    pub(crate) fn fixture() -> Vec<String> {
        let header = Record::Header(Header {
            format: FORMAT,
            agent: "0.1.0".into(),
            session: "s".into(),
            project: "/p".into(),
        });
        let prompts =
            ["a", "b", "c"].map(|it| Record::Prompt { text: format!("{it}\n{{\"seq\":") });
        std::iter::once(header)
            .chain(prompts)
            .zip(0..)
            .map(|(record, seq)| line::encode(seq, 5, &record))
            .collect()
    }

    fn read(bytes: &[u8]) -> Replay {
        replay(bytes).unwrap()
    }

    #[track_caller]
    fn check(journal: &str, expected: Expect) {
        let replay = read(journal.as_bytes());
        let prompts: Vec<_> = replay
            .entries
            .iter()
            .map(|it| match it {
                Entry::Prompt(text) => &text[..1],
                _ => "?",
            })
            .collect();
        let header = if replay.header.is_some() { "" } else { "no header; " };
        let Replay { next, end, ended, damage, .. } = &replay;
        let newline = if *ended { "" } else { ", newline missing" };
        expected.assert_eq(&format!(
            "{header}{prompts:?}, next {next}, {end} of {}{newline}; {damage}",
            journal.len()
        ));
    }

    #[test]
    fn a_whole_journal_has_no_damage() {
        check(&fixture().concat(), expect![[r#"["a", "b", "c"], next 4, 362 of 362; "#]]);
        check("", expect!["no header; [], next 0, 0 of 0; "]);
    }

    #[test]
    fn a_torn_tail_is_not_read() {
        let whole = fixture().concat();
        check(
            &whole[..whole.len() - 5],
            expect![[
                r#"["a", "b"], next 3, 280 of 357; the last 77 bytes were no whole record and were put aside in a `.torn` file"#
            ]],
        );
    }

    #[test]
    fn a_record_without_its_newline_counts() {
        check(
            fixture().concat().trim_end(),
            expect![[r#"["a", "b", "c"], next 4, 361 of 361, newline missing; "#]],
        );
    }

    #[test]
    fn a_damaged_line_costs_only_itself() {
        check(
            &fixture().concat().replace(r#""b\n"#, r#""B\n"#),
            expect![[r#"["a", "c"], next 4, 362 of 362; line 3 is damaged; 1 record is missing"#]],
        );
    }

    #[test]
    fn a_lost_newline_costs_nothing() {
        check(
            &fixture().concat().replace("}}\n", "}}\u{b}"),
            expect![[
                r#"["a", "b", "c"], next 4, 361 of 362, newline missing; line 1 is damaged; the last byte belonged to no whole record and was put aside"#
            ]],
        );
    }

    #[test]
    fn a_missing_line_is_seen() {
        let [header, a, _, c] = fixture().try_into().unwrap();
        check(
            &(header + &a + &c),
            expect![[r#"["a", "c"], next 4, 280 of 280; 1 record is missing"#]],
        );
    }

    #[test]
    fn a_repeated_line_is_not_taken_twice() {
        let [header, a, b, _] = fixture().try_into().unwrap();
        check(
            &(header + &a + &a + &b),
            expect![[r#"["a", "b"], next 3, 362 of 362; line 3 is damaged"#]],
        );
    }

    #[test]
    fn a_lost_header_costs_only_itself() {
        check(
            &fixture()[1..].concat(),
            expect![[r#"no header; ["a", "b", "c"], next 4, 246 of 246; 1 record is missing"#]],
        );
    }

    #[test]
    fn what_no_one_wrote_is_not_a_journal() {
        check(
            "hello\n\nworld",
            expect![
                "no header; [], next 0, 0 of 12; the last 12 bytes were no whole record and were put aside in a `.torn` file"
            ],
        );
    }

    #[test]
    fn any_prefix_of_a_journal_is_a_prefix_of_its_entries() {
        let whole = fixture().concat().into_bytes();
        let entries = read(&whole).entries;
        for end in 0..=whole.len() {
            let cut = read(&whole[..end]);
            assert!(entries.starts_with(&cut.entries), "cut at byte {end}");
            let lines = whole[..end].iter().filter(|&&it| it == b'\n').count();
            assert!(lines.saturating_sub(1) <= cut.entries.len(), "cut at byte {end}");
            assert_eq!(cut.end + cut.damage.torn, end as u64);
            assert!(!cut.is_suspect, "cut at byte {end}");
            assert!(cut.damage.lines.is_empty() && cut.damage.missing == 0, "cut at byte {end}");
        }
    }

    #[test]
    fn a_flipped_bit_costs_at_most_one_record_and_is_told() {
        let whole = fixture().concat().into_bytes();
        let all = read(&whole);
        for bit in 0..whole.len() * 8 {
            let mut bytes = whole.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let flipped = read(&bytes);
            let lost = all.entries.iter().filter(|it| !flipped.entries.contains(it)).count();
            let lost = lost + usize::from(flipped.header.is_none());
            assert!(lost <= 1, "bit {bit}: {lost} lost");
            assert!(flipped.entries.iter().all(|it| all.entries.contains(it)), "bit {bit}");
            assert!(!flipped.damage.is_none(), "bit {bit} goes unsaid");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_can_be_read(pieces in prop::collection::vec(piece(), 0..8)) {
            let bytes = pieces.concat();
            let replay = read(&bytes);
            prop_assert_eq!(replay.end + replay.damage.torn, bytes.len() as u64);
        }
    }

    /// Bytes, or something like a piece of a journal.
    fn piece() -> impl Strategy<Value = Vec<u8>> {
        let lines = fixture();
        prop_oneof![
            any::<Vec<u8>>(),
            (prop::sample::select(lines), any::<prop::sample::Index>())
                .prop_map(|(line, end)| line.as_bytes()[..=end.index(line.len())].to_vec()),
        ]
    }
}
