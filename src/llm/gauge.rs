//! How full the window is, from what the server counted last.

/// What is known of the length of a request in tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Gauge {
    /// A request of so many bytes had so many tokens.
    known: Option<(usize, u32)>,
}

/// A part of the window is left for the answer, and it is no longer than this.
const ANSWER: u32 = 6;
const LONGEST_ANSWER: u32 = 8192;

/// What a token has in bytes where nothing is known of it; there is hardly a text of which it has
/// less.
const BYTES: usize = 2;

/// The most tokens a request may have, so that there is room for the answer.
pub(crate) fn most(window: u32) -> u32 {
    window - (window / ANSWER).min(LONGEST_ANSWER)
}

impl Gauge {
    /// The server has counted `tokens` in a request of so many bytes.
    pub(crate) fn learn(&mut self, bytes: usize, tokens: u32) {
        if 0 < bytes && 0 < tokens {
            self.known = Some((bytes, tokens));
        }
    }

    /// How many tokens a request of so many bytes has: what has been added since the server counted
    /// has as many a byte as the rest. `None` where it never has.
    pub(crate) fn estimate(&self, bytes: usize) -> Option<u32> {
        let (known, tokens) = self.known?;
        let tokens = bytes.saturating_mul(tokens as usize) / known;
        Some(tokens.try_into().unwrap_or(u32::MAX))
    }

    /// Whether a request of so many bytes may leave no room, if the estimate is wrong.
    pub(crate) fn is_in_doubt(&self, bytes: usize, window: u32) -> bool {
        let guess = |bytes: usize| u32::try_from(bytes / BYTES).unwrap_or(u32::MAX);
        let tokens = self.estimate(bytes).unwrap_or_else(|| guess(bytes));
        let added = self.known.map_or(0, |(known, _)| bytes.saturating_sub(known));
        let error = self.estimate(added).unwrap_or_default() / 2;
        most(window) < tokens.saturating_add(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sixth_of_the_window_is_for_the_answer() {
        assert_eq!([8192, 32_768, 262_144].map(most), [6827, 27_307, 253_952]);
    }

    #[test]
    fn what_is_added_is_like_what_was_counted() {
        let mut gauge = Gauge::default();
        assert_eq!(gauge.estimate(3000), None);
        gauge.learn(3000, 1000);
        assert_eq!([3000, 6000].map(|it| gauge.estimate(it)), [Some(1000), Some(2000)]);
    }

    #[test]
    fn the_more_was_added_the_sooner_it_is_counted() {
        let mut gauge = Gauge::default();
        gauge.learn(19_000, 6500);
        assert!(!gauge.is_in_doubt(19_300, 8192));
        assert!(gauge.is_in_doubt(20_000, 8192));
        gauge.learn(3000, 1000);
        assert!(gauge.is_in_doubt(15_000, 8192));
    }
}
