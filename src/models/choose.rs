//! Which form of a model is the best that fits.

use crate::models::name::Quant;

/// A form that can be had, here or from afar.
#[derive(Clone, Debug)]
pub(crate) struct Candidate {
    pub(crate) quant: Option<Quant>,
    pub(crate) size: u64,
}

/// What is to be had room for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room {
    /// Bytes for the model and all that goes with it.
    pub(crate) bytes: u64,
    /// Of these, what a context of so many tokens takes, and computing.
    pub(crate) besides: u64,
    pub(crate) context: u64,
}

/// The best that fits, and why in one line; without one that fits, the smallest, and that it does not.
pub(crate) fn choose(
    candidates: &[Candidate],
    parameters: Option<u64>,
    room: Room,
) -> Option<(usize, String)> {
    let rank = |at: &usize| {
        let it = &candidates[*at];
        (it.quant.as_ref().map_or(u32::MAX, |it| it.rank(parameters)), it.size)
    };
    let fits = |at: &usize| candidates[*at].size.saturating_add(room.besides) <= room.bytes;
    let named = |at: usize| match &candidates[at].quant {
        Some(quant) => quant.to_string(),
        None => "this form".to_owned(),
    };
    let (have, context) = (gigabytes(room.bytes), room.context / 1024);
    if let Some(best) = (0..candidates.len()).filter(fits).min_by_key(rank) {
        let of = match candidates.len() {
            1 => "the only one, and it fits".to_owned(),
            count => format!("the best of {count} that fits"),
        };
        return Some((best, format!("{}: {of} {have} with a context of {context}k", named(best))));
    }
    let smallest = (0..candidates.len()).min_by_key(|it| candidates[*it].size)?;
    let line = format!(
        "{}: the smallest of {}, though it does not fit {have} with a context of {context}k",
        named(smallest),
        candidates.len()
    );
    Some((smallest, line))
}

/// `16 GB`, `1.5 GB`, `700 MB`, `3 kB`.
pub(crate) fn gigabytes(bytes: u64) -> String {
    const GIGA: f64 = 1e9;
    match bytes as f64 / GIGA {
        it if it < 0.000_95 => format!("{:.0} kB", bytes as f64 / 1e3),
        it if it < 0.95 => format!("{:.0} MB", bytes as f64 / 1e6),
        it if it < 9.95 && 0.05 < (it - it.round()).abs() => format!("{it:.1} GB"),
        it => format!("{it:.0} GB"),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    const GIGA: u64 = 1_000_000_000;

    #[track_caller]
    fn check(candidates: &[(&str, u64)], bytes: u64, expected: Expect) {
        let candidate =
            |it: &(&str, u64)| Candidate { quant: Quant::parse(it.0), size: it.1 * GIGA };
        let candidates: Vec<_> = candidates.iter().map(candidate).collect();
        let room = Room { bytes: bytes * GIGA, besides: 3 * GIGA, context: 32768 };
        let chosen = choose(&candidates, Some(27 * GIGA), room);
        expected.assert_eq(&chosen.map_or("none".to_owned(), |it| it.1));
    }

    const MANY: &[(&str, u64)] = &[
        ("BF16", 54),
        ("Q8_0", 29),
        ("Q6_K", 22),
        ("Q4_K_M", 16),
        ("UD-Q4_K_M", 16),
        ("Q3_K_M", 13),
        ("UD-IQ3_XXS", 11),
        ("IQ2_M", 9),
    ];

    #[test]
    fn the_best_that_fits_is_taken_and_it_is_said_why() {
        check(MANY, 64, expect!["UD-Q4_K_M: the best of 8 that fits 64 GB with a context of 32k"]);
        check(MANY, 20, expect!["UD-Q4_K_M: the best of 8 that fits 20 GB with a context of 32k"]);
        check(MANY, 16, expect!["Q3_K_M: the best of 8 that fits 16 GB with a context of 32k"]);
        check(MANY, 14, expect!["UD-IQ3_XXS: the best of 8 that fits 14 GB with a context of 32k"]);
        check(
            MANY,
            8,
            expect!["IQ2_M: the smallest of 8, though it does not fit 8 GB with a context of 32k"],
        );
        check(
            &[("Q8_0", 4)],
            8,
            expect!["Q8_0: the only one, and it fits 8 GB with a context of 32k"],
        );
        check(
            &[("no quant", 4)],
            8,
            expect!["this form: the only one, and it fits 8 GB with a context of 32k"],
        );
        check(&[], 8, expect!["none"]);
    }

    #[test]
    fn sizes_are_told_as_people_do() {
        let told = [16 * GIGA, 1_540_000_000, 700_000_000, 9_960_000_000].map(gigabytes);
        assert_eq!(told, ["16 GB", "1.5 GB", "700 MB", "10 GB"]);
    }
}
