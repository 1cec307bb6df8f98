//! Reads a journal as far as it can be read. No bytes make it fail; only the reading itself can.
//!
//! The records are a tree. What counts is the branch that ends in the last of them.

use std::io::{self, BufRead};

use crate::conversation::Entry;
use crate::session::Damage;
use crate::session::line::{self, Line};
use crate::session::record::{Header, Record};

/// What a journal holds.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Replay {
    pub(crate) header: Option<Header>,
    /// What the person calls the session.
    pub(crate) name: Option<String>,
    /// The entries of the branch.
    pub(crate) entries: Vec<Entry>,
    /// The number of the record that each of them stands in.
    pub(crate) places: Vec<u64>,
    /// For each prompt of the branch, the how manieth it is of all that were given.
    pub(crate) numbers: Vec<usize>,
    /// How many prompts there are on all branches.
    pub(crate) prompts: usize,
    /// What has to be told with the next prompt, because the person went back.
    pub(crate) note: Option<String>,
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
    let mut reading = Reading { replay: Replay { ended: true, ..Replay::default() }, tree: vec![] };
    let mut bytes = Vec::new();
    let (mut offset, mut number, mut last_whole) = (0, 0, 0);
    while 0 < journal.read_until(b'\n', &mut bytes)? {
        number += 1;
        let taken = reading.take(&bytes);
        let replay = &mut reading.replay;
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
    let mut replay = reading.finish();
    replay.damage.lines.retain(|&it| it <= last_whole);
    replay.damage.torn = offset - replay.end;
    Ok(replay)
}

struct Reading {
    replay: Replay,
    /// All records, in their order.
    tree: Vec<Node>,
}

struct Node {
    seq: u64,
    at: u64,
    parent: Option<u64>,
    said: Said,
}

enum Said {
    Entry(Entry),
    /// With its number among all prompts.
    Prompt(String, usize),
    Rewound(Option<String>),
    /// Nothing of the conversation.
    Nothing,
}

/// What became of one line.
struct Taken {
    /// Where its last whole record ends, if it has one.
    end: Option<usize>,
    clean: bool,
}

impl Reading {
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
                    self.replay.is_suspect |= bytes.ends_with(b"\n");
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
        let Line { seq, at, parent, record } = line;
        let replay = &mut self.replay;
        let Some(missing) = seq.checked_sub(replay.next) else { return false };
        replay.damage.missing = replay.damage.missing.saturating_add(missing);
        replay.next = seq.saturating_add(1);
        replay.is_suspect |= 0 < missing;
        let said = match record {
            Some(Record::Header(header)) => {
                let first = replay.header.take().and_then(|it| it.forked);
                replay.header = Some(Header { forked: first.or(header.forked), ..header });
                Said::Nothing
            }
            Some(Record::Named { name }) => {
                replay.name = Some(name).filter(|it| !it.is_empty());
                Said::Nothing
            }
            Some(Record::Rewound { note }) => Said::Rewound(note),
            Some(record) => {
                let entry = record.into_entry();
                // Calls of the turn before, and of the reply before, cannot run any more.
                replay.is_suspect &= !matches!(entry, Some(Entry::Prompt(_) | Entry::Reply(_)));
                match entry {
                    Some(Entry::Prompt(words)) => {
                        replay.prompts += 1;
                        Said::Prompt(words, replay.prompts)
                    }
                    entry => entry.map_or(Said::Nothing, Said::Entry),
                }
            }
            None => {
                replay.damage.unknown += 1;
                Said::Nothing
            }
        };
        self.tree.push(Node { seq, at, parent, said });
        true
    }

    /// Keeps what is on the branch.
    fn finish(self) -> Replay {
        let Self { mut replay, tree } = self;
        let on_branch = on_branch(&tree);
        for (node, _) in tree.into_iter().zip(on_branch).filter(|(_, is_on)| *is_on) {
            let entry = match node.said {
                Said::Entry(entry) => entry,
                Said::Prompt(words, number) => {
                    replay.numbers.push(number);
                    replay.note = None;
                    Entry::Prompt(words)
                }
                Said::Rewound(note) => {
                    replay.note = note;
                    continue;
                }
                Said::Nothing => continue,
            };
            replay.entries.push(entry);
            replay.places.push(node.seq);
            replay.times.push(node.at);
        }
        replay
    }
}

/// Which records are on the branch of the last one. Where a record is lost that another follows on,
/// that one follows on what comes before it in the file.
fn on_branch(tree: &[Node]) -> Vec<bool> {
    let mut is_on = vec![false; tree.len()];
    let mut end = tree.len();
    while let Some(at) = end.checked_sub(1) {
        is_on[at] = true;
        end = match tree[at].parent {
            Some(parent) => at.min(tree.partition_point(|it| it.seq <= parent)),
            None => at,
        };
    }
    is_on
}

pub(super) fn next_start(bytes: &[u8], from: usize) -> usize {
    let found = bytes[from..].windows(line::START.len()).position(|it| it == line::START);
    found.map_or(bytes.len(), |it| from + it)
}

#[cfg(test)]
pub(crate) mod tests {
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    use super::*;
    use crate::conversation::Transcript;
    use crate::session::record::FORMAT;

    /// A header and the prompts `a`, `b`, `c`, each with a trap for whoever looks for a line.
    pub(crate) fn fixture() -> Vec<String> {
        let header = Record::Header(Header {
            format: FORMAT,
            agent: "0.1.0".into(),
            session: "s".into(),
            project: "/p".into(),
            forked: None,
        });
        let prompts =
            ["a", "b", "c"].map(|it| Record::Prompt { text: format!("{it}\n{{\"seq\":") });
        std::iter::once(header)
            .chain(prompts)
            .zip(0..)
            .map(|(record, seq)| line::encode(seq, 5, None, &record))
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
        let prompts = match replay.numbers == (1..=replay.prompts).collect::<Vec<_>>() {
            true => format!("{prompts:?}"),
            false => format!("{prompts:?} {:?} of {}", replay.numbers, replay.prompts),
        };
        let header = if replay.header.is_some() { "" } else { "no header; " };
        let Replay { next, end, ended, damage, .. } = &replay;
        let newline = if *ended { "" } else { ", newline missing" };
        expected.assert_eq(&format!(
            "{header}{prompts}, next {next}, {end} of {}{newline}; {damage}",
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

    /// The fixture, and what `more` says after it: records with the number of the one they follow.
    fn with(more: &[(Option<u64>, Record)]) -> String {
        let more = more.iter().zip(4..);
        let more = more.map(|((parent, record), seq)| line::encode(seq, 5, *parent, record));
        fixture().into_iter().chain(more).collect()
    }

    fn prompt(text: &str) -> Record {
        Record::Prompt { text: text.into() }
    }

    const REWOUND: Record = Record::Rewound { note: None };

    #[test]
    fn every_form_that_was_ever_written_is_read() {
        let one = include_bytes!("../../tests/data/journals/format-1.jsonl");
        let two = include_bytes!("../../tests/data/journals/format-2.jsonl");
        let shown = |bytes: &[u8]| {
            let Replay { header, name, entries, numbers, prompts, damage, .. } = read(bytes);
            assert!(damage.is_none(), "{damage}");
            let format = header.unwrap().format;
            let transcript: Transcript = entries.into_iter().collect();
            let words = transcript.prompts().iter().map(|it| &transcript.entries()[it.at]);
            let (words, length) = (words.collect::<Vec<_>>(), transcript.entries().len());
            format!("{format} {name:?} {numbers:?} of {prompts}, {length} entries, {words:?}\n")
        };
        expect![[r#"
            1 None [1, 2, 3] of 3, 10 entries, [Prompt("greet me"), Prompt("write a.txt"), Prompt("thanks")]
            2 Some("copy") [1, 2, 3, 6, 8] of 8, 14 entries, [Prompt("greet me"), Prompt("write a.txt"), Prompt("thanks"), Prompt("better"), Prompt("better")]
        "#]].assert_eq(&(shown(one) + &shown(two)));
    }

    #[test]
    fn who_went_back_goes_on_from_there() {
        let back = (Some(1), REWOUND);
        check(
            &with(std::slice::from_ref(&back)),
            expect![[r#"["a"] [1] of 3, next 5, 434 of 434; "#]],
        );
        check(
            &with(&[back.clone(), (None, prompt("d"))]),
            expect![[r#"["a", "d"] [1, 4] of 4, next 6, 505 of 505; "#]],
        );
        check(
            &with(&[back, (None, prompt("d")), (Some(0), REWOUND), (None, prompt("e"))]),
            expect![[r#"["e"] [5] of 5, next 8, 648 of 648; "#]],
        );
    }

    #[test]
    fn any_record_may_follow_on_any_other() {
        check(
            &with(&[(Some(1), prompt("d")), (Some(2), prompt("e"))]),
            expect![[r#"["a", "b", "e"] [1, 2, 5] of 5, next 6, 526 of 526; "#]],
        );
        check(
            &with(&[(Some(9), prompt("d")), (Some(5), prompt("e"))]),
            expect![[r#"["a", "b", "c", "d", "e"], next 6, 526 of 526; "#]],
        );
    }

    #[test]
    fn a_lost_place_to_go_back_to_is_the_one_before_it() {
        let [header, a, _, c] = fixture().try_into().unwrap();
        let back = line::encode(4, 5, Some(2), &REWOUND);
        check(
            &(header + &a + &c + &back),
            expect![[r#"["a"] [1] of 2, next 5, 352 of 352; 1 record is missing"#]],
        );
    }

    #[test]
    fn what_is_to_be_told_waits_for_the_next_prompt() {
        let note = Some("look".to_owned());
        let back = (Some(1), Record::Rewound { note: note.clone() });
        assert_eq!(read(with(std::slice::from_ref(&back)).as_bytes()).note, note);
        assert_eq!(read(with(&[back, (None, prompt("d"))]).as_bytes()).note, None);
    }

    #[test]
    fn a_name_holds_on_every_branch_until_the_next() {
        let named = |it: &str| (None, Record::Named { name: it.into() });
        let name = |more: &[_]| read(with(more).as_bytes()).name;
        assert_eq!(name(&[named("x"), (Some(1), REWOUND)]).as_deref(), Some("x"));
        assert_eq!(name(&[named("x"), named("y")]).as_deref(), Some("y"));
        assert_eq!(name(&[named("x"), named("")]), None);
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
        let lines = with(&[(Some(1), REWOUND), (None, prompt("d")), (Some(u64::MAX), prompt("e"))]);
        let lines: Vec<_> = lines.split_inclusive('\n').map(str::to_owned).collect();
        prop_oneof![
            any::<Vec<u8>>(),
            (prop::sample::select(lines), any::<prop::sample::Index>())
                .prop_map(|(line, end)| line.as_bytes()[..=end.index(line.len())].to_vec()),
        ]
    }
}
