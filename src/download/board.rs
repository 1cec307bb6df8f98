//! Who fetches what: pieces are given out from the front of a file to its end, so that it can be
//! hashed while it comes; when all are given out, who is idle takes from who is slow.

use std::ops::Range;
use std::time::Duration;

use tokio::time::Instant;

use crate::download::ranges::Ranges;

/// A piece is what a connection brings in about this time.
const PIECE_TIME: Duration = Duration::from_secs(4);
const SMALLEST_PIECE: u64 = 1024 * 1024;
const LARGEST_PIECE: u64 = 64 * 1024 * 1024;
const FIRST_PIECE: u64 = 8 * 1024 * 1024;

/// What is less than this, or comes sooner, is not taken from a connection that still brings something:
/// what is on its way already would come twice.
const SMALLEST_THEFT: u64 = 256 * 1024;
const SOON: Duration = Duration::from_secs(1);

/// Who has brought nothing, or next to nothing, for so long has all the rest taken away.
pub(super) const STALLED: Duration = Duration::from_secs(3);

/// Bytes a second that are next to nothing.
const TRICKLE: u64 = 1024;

#[derive(Debug)]
pub(super) struct Board {
    size: u64,
    have: Ranges,
    /// What each connection is busy with, by its number.
    busy: Vec<Option<Piece>>,
    /// Bytes a second that each brought last.
    speeds: Vec<Option<u64>>,
    most: usize,
}

#[derive(Clone, Debug, PartialEq)]
struct Piece {
    start: u64,
    /// Where the next byte of it goes.
    at: u64,
    end: u64,
    since: Instant,
    /// When something came.
    heard: Instant,
}

/// What somebody may fetch.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Claim {
    pub(super) range: Range<u64>,
    /// From whom it was taken.
    pub(super) from: Option<usize>,
}

impl Board {
    /// `most` is how many connections there will be.
    pub(super) fn new(size: u64, have: Ranges, most: usize) -> Self {
        Self { size, have, busy: Vec::new(), speeds: Vec::new(), most: most.max(1) }
    }

    pub(super) fn is_done(&self) -> bool {
        self.have.total() == self.size
    }

    pub(super) fn have(&self) -> &Ranges {
        &self.have
    }

    /// Gives `who` something to do; `None` if there is nothing to be had just now.
    pub(super) fn claim(&mut self, who: usize, now: Instant) -> Option<Claim> {
        if self.busy.len() <= who {
            self.busy.resize(who + 1, None);
            self.speeds.resize(who + 1, None);
        }
        let claim = self.next_hole(who).map(|range| Claim { range, from: None });
        let claim = claim.or_else(|| self.theft(now))?;
        let Range { start, end } = claim.range;
        self.busy[who] = Some(Piece { start, at: start, end, since: now, heard: now });
        Some(claim)
    }

    /// The first of what is neither here nor on its way.
    fn next_hole(&self, who: usize) -> Option<Range<u64>> {
        let mut taken = self.have.clone();
        for piece in self.busy.iter().flatten() {
            taken.add(piece.start..piece.end);
        }
        let hole = taken.hole(0, self.size)?;
        let end = hole.end.min(hole.start + self.piece_size(who));
        // A crumb that would be left is taken too.
        let end = if hole.end - end < SMALLEST_PIECE / 2 { hole.end } else { end };
        Some(hole.start..end)
    }

    fn piece_size(&self, who: usize) -> u64 {
        // What is small is shared by all.
        let share = (self.size / (2 * self.most as u64)).max(SMALLEST_PIECE);
        let speed = self.speeds[who].map(|it| it * PIECE_TIME.as_secs());
        let size = speed.unwrap_or(FIRST_PIECE).clamp(SMALLEST_PIECE, LARGEST_PIECE);
        size.min(share)
    }

    /// From the one whose rest would take longest: the second half, or all if nothing comes.
    fn theft(&mut self, now: Instant) -> Option<Claim> {
        let rests = self.busy.iter().enumerate().filter_map(|(from, piece)| {
            let piece = piece.as_ref()?;
            let rest = piece.end - piece.at;
            let speed = piece.speed(now);
            let is_stalled = STALLED <= now.duration_since(piece.heard)
                || STALLED <= now.duration_since(piece.since) && speed < TRICKLE;
            let is_slow = SOON <= now.duration_since(piece.since) && speed * SOON.as_secs() < rest;
            let is_worth_it =
                if is_stalled { 0 < rest } else { is_slow && 2 * SMALLEST_THEFT <= rest };
            is_worth_it.then(|| (is_stalled, rest / speed.max(1), rest, from))
        });
        let (is_stalled, _, rest, from) = rests.max()?;
        let piece = self.busy[from].as_mut()?;
        let start = if is_stalled { piece.at } else { piece.end - rest / 2 };
        let range = start..piece.end;
        piece.end = start;
        Some(Claim { range, from: Some(from) })
    }

    /// How many of `length` bytes that came are still for `who` to write, and where. From here on
    /// nobody takes them away.
    pub(super) fn accept(&mut self, who: usize, length: u64, now: Instant) -> Range<u64> {
        let Some(piece) = &mut self.busy[who] else { return 0..0 };
        let start = piece.at;
        piece.at = piece.end.min(start + length);
        piece.heard = now;
        start..piece.at
    }

    /// These bytes are in the file.
    pub(super) fn wrote(&mut self, range: Range<u64>) {
        self.have.add(range);
    }

    /// What `who` has still to fetch.
    pub(super) fn rest(&self, who: usize) -> Range<u64> {
        self.busy.get(who).and_then(Option::as_ref).map_or(0..0, |it| it.at..it.end)
    }

    /// `who` is done with its piece, or leaves the rest of it to others.
    pub(super) fn release(&mut self, who: usize, now: Instant) {
        if let Some(piece) = self.busy.get_mut(who).and_then(Option::take)
            && SMALLEST_THEFT <= piece.at - piece.start
        {
            self.speeds[who] = Some(piece.speed(now));
        }
    }
}

impl Piece {
    /// Bytes a second.
    fn speed(&self, now: Instant) -> u64 {
        let took = now.duration_since(self.since).as_millis().max(1);
        let brought = u128::from(self.at - self.start) * 1000;
        u64::try_from(brought / took).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    use super::*;

    const MB: u64 = 1024 * 1024;

    /// Plays `moves` on a file of `size` megabytes: `c0` claims for 0, `w0 3` brings it 3 MB, `r0`
    /// releases, `+5` lets 5 seconds pass. Tells what was claimed.
    #[track_caller]
    fn check(size: u64, most: usize, moves: &str, expected: Expect) {
        let mut board = Board::new(size * MB, Ranges::default(), most);
        let (mut now, mut told) = (Instant::now(), Vec::new());
        for step in moves.split(", ") {
            let (verb, rest) = step.split_at(1);
            let mut numbers = rest.split(' ').map(|it| it.parse::<u64>().unwrap());
            let number = numbers.next().unwrap();
            let who = number as usize;
            match verb {
                "+" => now += Duration::from_secs(number),
                "w" => {
                    let range = board.accept(who, numbers.next().unwrap() * MB, now);
                    board.wrote(range);
                }
                "r" => board.release(who, now),
                _ => {
                    let claim = board.claim(who, now);
                    told.push(claim.map_or(format!("{who}: nothing"), |it| {
                        let from = it.from.map(|it| format!(" from {it}")).unwrap_or_default();
                        format!("{who}: {}..{}{from}", it.range.start / MB, it.range.end / MB)
                    }));
                }
            }
        }
        expected.assert_eq(&told.join("\n"));
    }

    #[test]
    fn pieces_are_given_out_from_the_front() {
        check(
            100,
            2,
            "c0, c1, w0 8, r0, c0",
            expect![[r#"
                0: 0..8
                1: 8..16
                0: 16..41"#]],
        );
    }

    #[test]
    fn a_piece_fits_the_speed_of_who_fetches_it() {
        check(
            1000,
            2,
            "c0, c1, +4, w0 8, w1 4, r0, c0, r1, c1",
            expect![[r#"
                0: 0..8
                1: 8..16
                0: 16..24
                1: 12..16"#]],
        );
    }

    #[test]
    fn what_is_small_is_shared_by_all() {
        check(
            4,
            2,
            "c0, c1, c2, c3",
            expect![[r#"
                0: 0..1
                1: 1..2
                2: 2..3
                3: 3..4"#]],
        );
    }

    #[test]
    fn who_is_idle_takes_half_of_what_would_last_longest() {
        check(
            16,
            1,
            "c0, c1, +1, w0 6, w1 1, r0, w0 2, c2",
            expect![[r#"
                0: 0..8
                1: 8..16
                2: 6..8"#]],
        );
        check(
            16,
            1,
            "c0, c1, +1, w0 8, w1 2, r0, c0",
            expect![[r#"
                0: 0..8
                1: 8..16
                0: 13..16 from 1"#]],
        );
    }

    #[test]
    fn who_brings_nothing_has_all_taken_away() {
        check(
            16,
            1,
            "c0, c1, w1 1, +5, w0 8, r0, c0",
            expect![[r#"
                0: 0..8
                1: 8..16
                0: 9..16 from 1"#]],
        );
    }

    #[test]
    fn nothing_is_taken_of_what_is_there_soon() {
        check(
            1,
            1,
            "c0, c1",
            expect![[r#"
                0: 0..1
                1: nothing"#]],
        );
        check(
            16,
            1,
            "c0, c1, +1, w0 8, w1 5, r0, c0",
            expect![[r#"
                0: 0..8
                1: 8..16
                0: nothing"#]],
        );
    }

    proptest! {
        /// Whatever the connections do, each byte is fetched, and none of them twice.
        #[test]
        fn each_byte_is_fetched_once(
            size in 0u64..40 * MB,
            most in 1usize..5,
            moves in prop::collection::vec((0usize..5, 0u64..4 * MB, 0u64..5), 0..80),
        ) {
            let mut board = Board::new(size, Ranges::default(), most);
            let mut now = Instant::now();
            let mut written = Ranges::default();
            let (mut total, mut busy) = (0, [false; 5]);
            // In the end one connection does all that is left.
            let left = (0..2000).map(|_| (0, 64 * MB, 4));
            for (who, bytes, seconds) in moves.into_iter().chain(left) {
                now += Duration::from_secs(seconds);
                if !busy[who] {
                    busy[who] = board.claim(who, now).is_some();
                    continue;
                }
                let range = board.accept(who, bytes, now);
                total += range.end - range.start;
                written.add(range.clone());
                board.wrote(range);
                if board.rest(who).is_empty() || bytes == 0 {
                    board.release(who, now);
                    busy[who] = false;
                }
                if board.is_done() {
                    break;
                }
            }
            prop_assert!(board.is_done());
            prop_assert_eq!(total, size);
            prop_assert_eq!(written.total(), size);
        }
    }
}
