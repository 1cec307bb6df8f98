//! A journal made from another: of a session that goes on in two ways, or that comes from elsewhere.

use std::io::{self, BufRead};

use anyhow::bail;

use crate::session::line::{self, Sealed};
use crate::session::record::{FORMAT, Forked, Header, LINEAR, Record};
use crate::session::replay::next_start;

/// No session has so many records; a number beyond would leave none for those that follow.
const MOST: u64 = 1 << 53;

/// Whose the copy is.
pub(super) struct Becomes<'a> {
    pub(super) id: &'a str,
    /// What the journal says of its own place is not believed.
    pub(super) project: &'a str,
    pub(super) keeps_name: bool,
    /// The session that it goes on from in another way.
    pub(super) forked: Option<&'a str>,
}

/// The text of the copy: each whole record as it stands, of kinds that are not known too, but for
/// headers, which say whose it is now, and for names that it does not keep.
pub(super) fn copy(original: impl BufRead, becomes: &Becomes<'_>) -> anyhow::Result<String> {
    let (mut body, mut header, mut next) = (String::new(), None, 0);
    for bytes in lines(original) {
        for line in sealed_in(&bytes?) {
            if line.seq < next || MOST < line.seq {
                continue;
            }
            next = line.seq.saturating_add(1);
            match line.record() {
                Some(Record::Header(it)) if FORMAT < it.format => {
                    bail!("it was written by version {}, which is newer than this one", it.agent)
                }
                Some(Record::Header(it)) if line.seq == 0 => header = Some((line.at, it)),
                Some(Record::Header(it)) => {
                    let record = Record::Header(becomes.header(it.format, None));
                    body += &line::encode(line.seq, line.at, line.parent, &record);
                }
                Some(Record::Named { .. }) if !becomes.keeps_name => {
                    let record = Record::Named { name: String::new() };
                    body += &line::encode(line.seq, line.at, line.parent, &record);
                }
                _ => body += &line::seal(line),
            }
        }
    }
    if next == 0 {
        bail!("it is not the file of a session");
    }
    let (at, header) = header.unzip();
    let forked = becomes.forked.map(|it| Forked { session: it.to_owned(), seq: next - 1 });
    let forked = forked.or_else(|| header.as_ref().and_then(|it| it.forked.clone()));
    let header = becomes.header(header.map_or(LINEAR, |it| it.format), forked);
    Ok(line::encode(0, at.unwrap_or_default(), None, &Record::Header(header)) + &body)
}

impl Becomes<'_> {
    fn header(&self, format: u32, forked: Option<Forked>) -> Header {
        Header {
            format,
            agent: env!("CARGO_PKG_VERSION").to_owned(),
            session: self.id.to_owned(),
            project: self.project.to_owned(),
            forked,
        }
    }
}

fn lines(mut original: impl BufRead) -> impl Iterator<Item = io::Result<Vec<u8>>> {
    std::iter::from_fn(move || {
        let mut bytes = Vec::new();
        match original.read_until(b'\n', &mut bytes) {
            Ok(0) => None,
            Ok(_) => Some(Ok(bytes)),
            Err(err) => Some(Err(err)),
        }
    })
}

/// Usually one; more where the newline between two was lost.
fn sealed_in(bytes: &[u8]) -> Vec<Sealed<'_>> {
    let (mut found, mut at) = (Vec::new(), 0);
    while at < bytes.len() {
        match line::unseal(&bytes[at..]) {
            Some((line, length)) => {
                found.push(line);
                at += length;
            }
            None => at = next_start(bytes, at + 1),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    const FORK: Becomes<'_> =
        Becomes { id: "new", project: "/mine", keeps_name: false, forked: Some("old") };

    const IMPORT: Becomes<'_> =
        Becomes { id: "new", project: "/mine", keeps_name: true, forked: None };

    fn journal() -> String {
        let header = |format| {
            Record::Header(Header {
                format,
                agent: "0.0.1".into(),
                session: "old".into(),
                project: "/theirs".into(),
                forked: None,
            })
        };
        let dream = Sealed { seq: 2, at: 7, parent: None, entry: r#"{"kind":"dream","of":1}"# };
        [
            line::encode(0, 5, None, &header(LINEAR)),
            line::encode(1, 6, None, &Record::Prompt { text: "a".into() }),
            line::seal(dream),
            line::encode(3, 8, None, &Record::Named { name: "x".into() }),
            line::encode(4, 9, None, &header(FORMAT)),
            line::encode(5, 9, Some(1), &Record::Rewound { note: None }),
        ]
        .concat()
    }

    #[track_caller]
    fn check(journal: &str, becomes: &Becomes<'_>, expected: Expect) {
        let copied = copy(journal.as_bytes(), becomes);
        expected.assert_eq(&copied.unwrap_or_else(|err| err.to_string()));
    }

    #[test]
    fn a_fork_says_where_it_comes_from_and_has_no_name() {
        check(
            &journal(),
            &FORK,
            expect![[r#"
            {"seq":0,"at":5,"crc":"ba22ce4f","entry":{"kind":"header","format":1,"agent":"0.1.0","session":"new","project":"/mine","forked":{"session":"old","seq":5}}}
            {"seq":1,"at":6,"crc":"a113518a","entry":{"kind":"prompt","text":"a"}}
            {"seq":2,"at":7,"crc":"b6aa9c01","entry":{"kind":"dream","of":1}}
            {"seq":3,"at":8,"crc":"4da82e90","entry":{"kind":"named","name":""}}
            {"seq":4,"at":9,"crc":"f109369c","entry":{"kind":"header","format":2,"agent":"0.1.0","session":"new","project":"/mine"}}
            {"seq":5,"at":9,"parent":1,"crc":"b6153acb","entry":{"kind":"rewound"}}
        "#]],
        );
    }

    #[test]
    fn what_comes_from_elsewhere_is_of_this_project() {
        check(
            &journal(),
            &IMPORT,
            expect![[r#"
            {"seq":0,"at":5,"crc":"499b1be1","entry":{"kind":"header","format":1,"agent":"0.1.0","session":"new","project":"/mine"}}
            {"seq":1,"at":6,"crc":"a113518a","entry":{"kind":"prompt","text":"a"}}
            {"seq":2,"at":7,"crc":"b6aa9c01","entry":{"kind":"dream","of":1}}
            {"seq":3,"at":8,"crc":"50fc339b","entry":{"kind":"named","name":"x"}}
            {"seq":4,"at":9,"crc":"f109369c","entry":{"kind":"header","format":2,"agent":"0.1.0","session":"new","project":"/mine"}}
            {"seq":5,"at":9,"parent":1,"crc":"b6153acb","entry":{"kind":"rewound"}}
        "#]],
        );
    }

    #[test]
    fn what_is_damaged_is_left_out() {
        let damaged = journal().replace(r#""text":"a""#, r#""text":"b""#);
        check(
            &damaged,
            &IMPORT,
            expect![[r#"
            {"seq":0,"at":5,"crc":"499b1be1","entry":{"kind":"header","format":1,"agent":"0.1.0","session":"new","project":"/mine"}}
            {"seq":2,"at":7,"crc":"b6aa9c01","entry":{"kind":"dream","of":1}}
            {"seq":3,"at":8,"crc":"50fc339b","entry":{"kind":"named","name":"x"}}
            {"seq":4,"at":9,"crc":"f109369c","entry":{"kind":"header","format":2,"agent":"0.1.0","session":"new","project":"/mine"}}
            {"seq":5,"at":9,"parent":1,"crc":"b6153acb","entry":{"kind":"rewound"}}
        "#]],
        );
        let no_header = journal().split_inclusive('\n').skip(1).take(1).collect::<String>();
        check(
            &no_header,
            &IMPORT,
            expect![[r#"
            {"seq":0,"at":0,"crc":"2522e3a0","entry":{"kind":"header","format":1,"agent":"0.1.0","session":"new","project":"/mine"}}
            {"seq":1,"at":6,"crc":"a113518a","entry":{"kind":"prompt","text":"a"}}
        "#]],
        );
    }

    #[test]
    fn a_number_that_leaves_none_for_others_is_left_out() {
        let last = line::encode(u64::MAX, 1, None, &Record::Prompt { text: "b".into() });
        check(&last, &IMPORT, expect!["it is not the file of a session"]);
    }

    #[test]
    fn what_is_no_session_is_refused() {
        check("hello\n", &IMPORT, expect!["it is not the file of a session"]);
        check("", &IMPORT, expect!["it is not the file of a session"]);
        let newer = Header { format: FORMAT + 1, agent: "9.0.0".into(), ..IMPORT.header(1, None) };
        check(
            &line::encode(0, 1, None, &Record::Header(newer)),
            &IMPORT,
            expect!["it was written by version 9.0.0, which is newer than this one"],
        );
    }
}
