//! Whether a turn goes in circles: the same calls with the same results, again and again.
//!
//! Looks at the newest calls of the turn alone. A file that changed, or an output that differs, is
//! another result, and so no circle.

use crate::conversation::{Call, Entry, Status};

/// The longest circle that is looked for, in calls: one, a pair, or a few made side by side.
const LONGEST: usize = 4;

/// After so many rounds the model is told.
const TELL: usize = 3;

/// After so many, if it was told, the turn ends.
const STOP: usize = 5;

/// What the model is told, behind the newest result.
const REMARK: &str = "\n[These calls repeat themselves with the same results. Do something else: \
                      another tool, other arguments, or say in words what is in the way.]";

/// A call that was answered.
struct Exchange<'a> {
    call: &'a Call,
    result: &'a str,
    /// The model has read the remark behind it.
    told: bool,
}

/// Whether the model was told and goes on all the same.
pub(super) fn is_circling(entries: &[Entry]) -> bool {
    let recent = recent(entries.iter());
    let is_told = |it: &Exchange<'_>| it.told;
    (1..=LONGEST).any(|round| STOP <= rounds(&recent, round) && recent[1..].iter().any(is_told))
}

/// Adds the remark to the newest of `results`, which follow `entries`, where they close a circle.
/// Calls that were not understood are counted elsewhere, and their complaint says enough.
pub(super) fn remark(entries: &[Entry], results: &mut [Entry]) {
    let may_be_due = |it: &Entry| matches!(it, Entry::Result { outcome, .. } if outcome.status != Status::Malformed);
    if !results.last().is_some_and(may_be_due) {
        return;
    }
    let is_due = {
        let recent = recent(entries.iter().chain(&*results));
        (1..=LONGEST).any(|round| TELL <= rounds(&recent, round))
    };
    if let (true, Some(Entry::Result { outcome, .. })) = (is_due, results.last_mut()) {
        outcome.text += REMARK;
    }
}

/// How often the newest `round` exchanges come in a row.
fn rounds(recent: &[Exchange<'_>], round: usize) -> usize {
    let same = |a: &Exchange<'_>, b: &Exchange<'_>| {
        a.call.tool == b.call.tool && a.call.args == b.call.args && a.result == b.result
    };
    let repeats = recent.iter().zip(recent.iter().skip(round)).take_while(|(a, b)| same(a, b));
    if recent.len() < round { 0 } else { 1 + repeats.count() / round }
}

/// The newest exchanges of the turn, the newest first; as many as can matter.
fn recent<'a>(entries: impl DoubleEndedIterator<Item = &'a Entry>) -> Vec<Exchange<'a>> {
    let (mut exchanges, mut results) = (Vec::new(), Vec::new());
    for entry in entries.rev() {
        match entry {
            Entry::Result { call, outcome } => results.push((call, &*outcome.text)),
            Entry::Reply(reply) => {
                for (id, text) in results.drain(..) {
                    if let Some(call) = reply.calls.iter().find(|it| it.id == *id) {
                        let (result, told) = match text.strip_suffix(REMARK) {
                            Some(result) => (result, true),
                            None => (text, false),
                        };
                        exchanges.push(Exchange { call, result, told });
                    }
                }
                if STOP * LONGEST <= exchanges.len() {
                    break;
                }
            }
            Entry::Prompt(_) => break,
            _ => {}
        }
    }
    exchanges
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::conversation::{Outcome, Reply};

    /// Replies, each of calls `name=result`; shows after which of them the model is told, and after
    /// which the turn ends.
    #[track_caller]
    fn check(replies: &str, expected: Expect) {
        let (mut entries, mut shown) = (vec![Entry::Prompt("go".to_owned())], String::new());
        for (n, reply) in replies.split(" | ").enumerate() {
            let said: Vec<_> = reply.split(' ').map(|it| it.split_once('=').unwrap()).collect();
            let call = |(id, (tool, _)): (usize, &(&str, &str))| Call {
                id: id.to_string(),
                tool: (*tool).to_owned(),
                args: String::new(),
            };
            let calls = said.iter().enumerate().map(call).collect();
            entries.push(Entry::Reply(Reply { calls, ..Reply::default() }));
            let result = |(id, (_, text)): (usize, &(&str, &str))| Entry::Result {
                call: id.to_string(),
                outcome: Outcome::new(Status::Done, *text, ""),
            };
            let mut results: Vec<_> = said.iter().enumerate().map(result).collect();
            remark(&entries, &mut results);
            let is_told = results.iter().any(
                |it| matches!(it, Entry::Result { outcome, .. } if outcome.text.ends_with(REMARK)),
            );
            entries.extend(results);
            if is_told {
                shown += &format!("told after {}\n", n + 1);
            }
            if is_circling(&entries) {
                shown += &format!("ends after {}\n", n + 1);
            }
        }
        expected.assert_eq(&shown);
    }

    #[test]
    fn the_same_call_with_the_same_result_is_told_and_then_ends_the_turn() {
        check("a=1 | a=1", expect![]);
        check(
            "a=1 | a=1 | a=1 | a=1 | a=1",
            expect![[r#"
                told after 3
                told after 4
                told after 5
                ends after 5
            "#]],
        );
    }

    #[test]
    fn a_result_that_differs_is_no_circle() {
        check("a=1 | a=1 | a=2 | a=2 | a=1 | a=1 | b=1 | a=1 | a=1", expect![]);
        check("a=1 | edit=1 | a=2 | edit=2 | a=3 | edit=3 | a=4", expect![]);
    }

    #[test]
    fn calls_that_take_turns_are_a_circle_too() {
        check(
            "a=1 | b=2 | a=1 | b=2 | a=1 | b=2 | c=3 | a=1 | b=2",
            expect![[r#"
                told after 6
            "#]],
        );
        check(
            "a=1 b=2 c=3 | a=1 b=2 c=3 | a=1 b=2 c=3 | a=1 b=2 c=3 | a=1 b=2 c=3",
            expect![[r#"
                told after 3
                told after 4
                told after 5
                ends after 5
            "#]],
        );
    }

    #[test]
    fn no_turn_ends_before_the_model_was_told() {
        check(
            "a=1 a=1 a=1 a=1 a=1 a=1 | a=1",
            expect![[r#"
                told after 1
                told after 2
                ends after 2
            "#]],
        );
    }

    #[test]
    fn a_new_prompt_begins_anew() {
        let reply = |id: &str| {
            let call = Call { id: id.to_owned(), ..Call::default() };
            Entry::Reply(Reply { calls: vec![call], ..Reply::default() })
        };
        let result = |id: &str| Entry::Result {
            call: id.to_owned(),
            outcome: Outcome::new(Status::Done, "x", ""),
        };
        let mut entries: Vec<_> = (0..9).flat_map(|_| [reply("1"), result("1")]).collect();
        entries.push(Entry::Prompt("again".to_owned()));
        entries.push(reply("1"));
        let mut results = [result("1")];
        remark(&entries, &mut results);
        assert_eq!(results, [result("1")]);
    }
}
