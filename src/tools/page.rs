//! Lines from a certain one on, as many as fit.

use crate::tools::Budget;
use crate::tools::budget::Room;

/// Takes lines one by one, and keeps those of one page.
#[derive(Debug)]
pub(super) struct Page {
    first: usize,
    met: usize,
    is_full: bool,
    room: Room,
}

impl Page {
    /// From the `first` line on, counted from 1.
    pub(super) fn new(first: usize, budget: Budget) -> Self {
        Self { first: first.max(1), met: 0, is_full: false, room: Room::new(budget) }
    }

    /// False when no more is wanted. The first line is taken in any case.
    pub(super) fn take(&mut self, line: &str) -> bool {
        self.met += 1;
        if self.met < self.first {
            return true;
        }
        self.is_full |= !self.room.take(line);
        !self.is_full
    }

    /// The last line, if there are more.
    pub(super) fn cut(&self) -> Option<usize> {
        self.is_full.then(|| self.first + self.room.taken - 1)
    }

    /// How many lines there are before the page, if it is empty.
    pub(super) fn beyond(&self) -> Option<usize> {
        (self.room.taken == 0 && 0 < self.met).then_some(self.met)
    }

    pub(super) fn taken(&self) -> usize {
        self.room.taken
    }

    pub(super) fn into_text(self) -> String {
        self.room.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(first: usize, budget: usize, expected: (&str, Option<usize>)) {
        let mut page = Page::new(first, Budget(budget));
        let _ = ["one", "two", "three"].iter().all(|it| page.take(it));
        let cut = page.cut();
        assert_eq!((page.into_text().as_str(), cut), expected);
    }

    #[test]
    fn a_page_is_what_fits_from_its_first_line_on() {
        check(1, 100, ("one\ntwo\nthree\n", None));
        check(1, 8, ("one\ntwo\n", Some(2)));
        check(2, 4, ("two\n", Some(2)));
        check(3, 1, ("three\n", None));
    }

    #[test]
    fn a_page_after_the_end_says_where_that_is() {
        let mut page = Page::new(9, Budget(100));
        assert!(page.take("one") && page.take("two"));
        assert_eq!(page.beyond(), Some(2));
    }
}
