//! How important a node of a graph is: PageRank.

/// How much of its importance a node hands on; the rest is given out anew.
const DAMPING: f64 = 0.85;

/// Enough for an order; more digits would not change it.
const ROUNDS: usize = 30;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Edge {
    pub(super) from: usize,
    pub(super) to: usize,
    /// Greater than zero.
    pub(super) weight: f64,
}

/// The rank of each node; all add up to 1. `favour` says what each is given to begin with, in any
/// unit; if it is nothing at all, they are given the same. A node that hands nothing on gives to
/// all, by favour.
pub(super) fn rank(edges: &[Edge], favour: &[f64]) -> Vec<f64> {
    let nodes = favour.len();
    let all: f64 = favour.iter().sum();
    #[expect(clippy::cast_precision_loss, reason = "there are not that many files")]
    let given = |it: &f64| if 0.0 < all { it / all } else { 1.0 / nodes as f64 };
    let given: Vec<f64> = favour.iter().map(given).collect();

    let mut handed_on = vec![0.0; nodes];
    for edge in edges {
        handed_on[edge.from] += edge.weight;
    }
    let mut ranks = given.clone();
    for _ in 0..ROUNDS {
        let kept: f64 =
            ranks.iter().zip(&handed_on).filter(|(_, it)| **it == 0.0).map(|(rank, _)| rank).sum();
        let anew = 1.0 - DAMPING + DAMPING * kept;
        let mut next: Vec<f64> = given.iter().map(|it| anew * it).collect();
        for edge in edges {
            next[edge.to] += DAMPING * ranks[edge.from] * edge.weight / handed_on[edge.from];
        }
        ranks = next;
    }
    ranks
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn edge((from, to, weight): (usize, usize, f64)) -> Edge {
        Edge { from, to, weight }
    }

    #[test]
    fn who_is_referred_to_is_important() {
        let ranks = rank(&[(0, 2, 1.0), (1, 2, 1.0), (2, 1, 1.0)].map(edge), &[1.0; 3]);
        assert!(ranks[0] < ranks[1] && ranks[1] < ranks[2], "{ranks:?}");
    }

    #[test]
    fn favour_goes_on_to_what_the_favoured_refer_to() {
        let edges = [(0, 2, 1.0), (1, 3, 1.0)].map(edge);
        let ranks = rank(&edges, &[1.0, 10.0, 1.0, 1.0]);
        assert!(ranks[2] < ranks[3], "{ranks:?}");
    }

    #[test]
    fn nothing_has_no_rank() {
        assert!(rank(&[], &[]).is_empty());
    }

    proptest! {
        #[test]
        fn all_ranks_add_up_to_one(
            favour in prop::collection::vec(prop_oneof![Just(0.0), 0.0..100.0], 1..12),
            edges in prop::collection::vec((0..12usize, 0..12usize, 0.001..1000.0), 0..40),
        ) {
            let edges: Vec<_> = edges
                .into_iter()
                .map(|(from, to, weight)| edge((from % favour.len(), to % favour.len(), weight)))
                .collect();
            let ranks = rank(&edges, &favour);
            prop_assert_eq!(ranks.len(), favour.len());
            prop_assert!(ranks.iter().all(|it| it.is_finite() && 0.0 <= *it));
            prop_assert!((ranks.iter().sum::<f64>() - 1.0).abs() < 1e-9);
        }
    }
}
