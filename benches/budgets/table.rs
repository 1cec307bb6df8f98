//! The table: what was measured, how much it was, how much it may be.

use std::time::Duration;

/// Rows are printed as they come, so that the slow ones do not hide the quick ones.
pub(crate) struct Table;

/// How often the same thing was measured, smallest first.
#[derive(Clone, Debug)]
pub(crate) struct Samples(Vec<f64>);

#[derive(Clone, Copy, Debug)]
pub(crate) enum Unit {
    Milliseconds,
    Megabytes,
    Tokens,
    /// How many times as much.
    Times,
}

impl Table {
    pub(crate) fn begin() -> Self {
        println!("{:<58} {:>11} {:>11} {:>9} {:>6}", "what", "median", "p90", "budget", "ratio");
        Self
    }

    pub(crate) fn row(&mut self, what: &str, samples: &Samples, unit: Unit, budget: Option<f64>) {
        let median = samples.median();
        let p90 = if samples.0.len() > 1 { unit.show(samples.at(0.9)) } else { String::new() };
        let (may, ratio) = match budget {
            Some(it) => (unit.show(it), format!("{:.2}", median / it)),
            None => (String::new(), String::new()),
        };
        println!("{what:<58} {:>11} {p90:>11} {may:>9} {ratio:>6}", unit.show(median));
    }

    /// A word about how the rows above came about.
    pub(crate) fn note(&mut self, text: &str) {
        println!("    {text}");
    }
}

impl Samples {
    pub(crate) fn new(mut values: Vec<f64>) -> Self {
        assert!(!values.is_empty(), "something was measured");
        values.sort_by(f64::total_cmp);
        Self(values)
    }

    pub(crate) fn times(values: impl IntoIterator<Item = Duration>) -> Self {
        Self::new(values.into_iter().map(|it| it.as_secs_f64() * 1000.0).collect())
    }

    pub(crate) fn one(value: f64) -> Self {
        Self(vec![value])
    }

    pub(crate) fn median(&self) -> f64 {
        self.at(0.5)
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "a place in a short list"
    )]
    fn at(&self, part: f64) -> f64 {
        self.0[((self.0.len() - 1) as f64 * part).round() as usize]
    }
}

impl Unit {
    fn show(self, value: f64) -> String {
        match self {
            Self::Milliseconds => format!("{value:.2} ms"),
            Self::Megabytes => format!("{value:.1} MB"),
            Self::Tokens => format!("{value:.0}"),
            Self::Times => format!("{value:.2} x"),
        }
    }
}
