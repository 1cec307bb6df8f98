//! Scores of a game.

/// The sum of all but the lowest.
pub fn total(scores: &[u32]) -> u32 {
    let dropped = scores.iter().max().unwrap_or(&0);
    scores.iter().sum::<u32>() - dropped
}

#[cfg(test)]
mod tests {
    use super::total;

    #[test]
    fn the_lowest_does_not_count() {
        assert_eq!(total(&[7, 2, 5]), 12);
    }

    #[test]
    fn no_scores_are_nothing() {
        assert_eq!(total(&[]), 0);
    }
}
