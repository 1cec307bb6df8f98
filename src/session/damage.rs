//! What could not be read in a journal, for the person.

use std::fmt;

/// Everything else of the journal was read.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Damage {
    /// Lines, counted from 1, in which something is broken.
    pub(crate) lines: Vec<usize>,
    /// Records that should be there and are not.
    pub(crate) missing: u64,
    /// Bytes after the last whole record, which were put aside.
    pub(crate) torn: u64,
    /// Records that are whole, but of a kind only a newer version knows.
    pub(crate) unknown: usize,
}

impl Damage {
    pub(crate) fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

/// A sentence for the person; nothing if there is no damage.
impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        match self.lines.as_slice() {
            [] => {}
            [line] => parts.push(format!("line {line} is damaged")),
            [first, .., last] => {
                let count = self.lines.len();
                parts.push(format!("{count} lines between {first} and {last} are damaged"));
            }
        }
        match self.missing {
            0 => {}
            1 => parts.push("1 record is missing".to_owned()),
            n => parts.push(format!("{n} records are missing")),
        }
        match self.torn {
            0 => {}
            1 => parts.push("the last byte belonged to no whole record and was put aside".into()),
            n => parts.push(format!(
                "the last {n} bytes were no whole record and were put aside in a `.torn` file"
            )),
        }
        match self.unknown {
            0 => {}
            1 => parts.push("1 record of a newer version was passed over".to_owned()),
            n => parts.push(format!("{n} records of a newer version were passed over")),
        }
        f.write_str(&parts.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[track_caller]
    fn check(damage: Damage, expected: Expect) {
        expected.assert_eq(&damage.to_string());
    }

    #[test]
    fn no_damage_is_no_sentence() {
        assert!(Damage::default().is_none());
        check(Damage::default(), expect![]);
    }

    #[test]
    fn all_that_was_lost_is_said() {
        check(
            Damage { lines: vec![3], missing: 1, torn: 0, unknown: 0 },
            expect!["line 3 is damaged; 1 record is missing"],
        );
        check(
            Damage { lines: vec![3, 4, 9], missing: 2, torn: 17, unknown: 2 },
            expect![
                "3 lines between 3 and 9 are damaged; 2 records are missing; the last 17 bytes were no whole record and were put aside in a `.torn` file; 2 records of a newer version were passed over"
            ],
        );
        check(
            Damage { lines: vec![], missing: 0, torn: 1, unknown: 1 },
            expect![
                "the last byte belonged to no whole record and was put aside; 1 record of a newer version was passed over"
            ],
        );
    }
}
