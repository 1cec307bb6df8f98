//! How many connections a file is worth: one more as long as that makes it faster.

/// What a further connection must bring, in parts of a hundred, to be worth a next one.
const WORTH: u64 = 10;

/// Looked at in equal intervals.
#[derive(Debug)]
pub(super) struct Tuner {
    most: usize,
    /// The best rate so far with as many connections as then.
    best: u64,
    /// Looks since the number was changed.
    looks: u32,
    is_settled: bool,
}

impl Tuner {
    pub(super) fn new(most: usize) -> Self {
        Self { most, best: 0, looks: 0, is_settled: false }
    }

    /// Whether to add one to the `connections` that brought `rate` bytes since the last look.
    pub(super) fn wants_more(&mut self, rate: u64, connections: usize) -> bool {
        self.looks += 1;
        // The first look sees connections that are still finding their speed.
        if self.is_settled || self.most <= connections || self.looks < 2 {
            return false;
        }
        let is_faster = self.best + self.best / 100 * WORTH < rate;
        self.is_settled = !is_faster;
        (self.best, self.looks) = (self.best.max(rate), 0);
        is_faster
    }

    /// The server has no room for as many.
    pub(super) fn settle(&mut self) {
        self.is_settled = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many connections there are after a while with a server that brings `rate(connections)`.
    fn settled(start: usize, rate: impl Fn(usize) -> u64) -> usize {
        let mut tuner = Tuner::new(8);
        (0..100).fold(start, |it, _| it + usize::from(tuner.wants_more(rate(it), it)))
    }

    #[test]
    fn as_many_as_make_it_faster() {
        // Each connection is limited: the more the better.
        assert_eq!(settled(4, |it| it as u64 * 1000), 8);
        // The line is full with five of them.
        assert_eq!(settled(4, |it| it.min(5) as u64 * 1000), 6);
        // It is full from the start.
        assert_eq!(settled(4, |_| 5000), 5);
        // Nothing comes at all.
        assert_eq!(settled(4, |_| 0), 4);
    }

    #[test]
    fn a_server_without_room_is_not_asked_for_more() {
        let mut tuner = Tuner::new(8);
        tuner.settle();
        assert!((0..9).all(|it| !tuner.wants_more(it * 1000, 2)));
    }
}
