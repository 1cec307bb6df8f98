//! A task of 500 commands in a window of 8,192 tokens, on a real llama-server: what is read.

use std::time::Duration;

use crate::support::long::{self, WINDOW};
use crate::support::play::{Play, entries};
use crate::table::{Samples, Table, Unit};

const COMMANDS: usize = 500;

#[expect(clippy::cast_precision_loss, reason = "counts of tokens are small")]
pub(crate) fn long(table: &mut Table) {
    let Some(play) = Play::new() else { return };
    let model = long::task(&play, COMMANDS);
    let args = ["-m", &model, "--permission", "full", "--max-turns", "1000", "run it"];
    let run = play.agent(&args).within(Duration::from_secs(600)).run();
    run.assert_code(0);
    assert!(run.stdout.ends_with("The task is done.\n"), "{}", run.stdout);
    let cost = long::cost(&entries(&play.home));
    assert_eq!(cost.replies, COMMANDS + 1);
    let row = |table: &mut Table, what: &str, value: f64, unit, budget| {
        table.row(what, &Samples::one(value), unit, budget);
    };
    row(table, "500 commands in 8,192 tokens: new tokens", cost.new as f64, Unit::Tokens, None);
    let read = (cost.new + cost.again) as f64 / cost.new as f64;
    row(table, "  evaluated / new", read, Unit::Times, Some(1.05));
    let cuts = cost.cuts as f64 * (WINDOW / 2) as f64 / cost.new as f64;
    row(table, "  summaries / half windows of new tokens", cuts, Unit::Times, Some(1.0));
    table.note("new is also what a summary leaves and the server reads after it");
}
