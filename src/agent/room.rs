//! How room is made when the window is full: by leaving out what is stale first, then by a summary,
//! and so much at once that it happens rarely.
//!
//! All sizes are parts of the window, for a window of 8,192 tokens is as good as one of 262,144.

use crate::conversation::{Entry, Pruned, Shown, length, view};

/// What makes room.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Room {
    /// Results are left out.
    Prune(Pruned),
    /// The model sums up all but the last so many entries.
    Sum { kept: usize },
    /// All but the last so many entries goes, without a summary.
    Drop { kept: usize },
}

/// After room was made the conversation takes at most this part of the window, or what never goes
/// and a bit more: so half a window can be filled before it happens again.
const AFTER: usize = 3;

/// What stays word for word, as a part of the window: of results, and of the whole conversation.
const FRESH: usize = 6;
const NEWEST: usize = 12;

/// The newest exchange, a reply and what came of it, stays if it is no longer than this part.
const EXCHANGE: usize = 4;

/// What makes room in `entries`, the last of which says that there is none; `None` if there is
/// nothing that could go. The tools take `fixed` bytes of each request.
pub(super) fn room(entries: &[Entry], fixed: usize) -> Option<Room> {
    let Some(Entry::Full { tokens, window }) = entries.last() else { return None };
    let shown = view(entries);
    let whole = fixed + shown.iter().map(|it| length(&it.entry)).sum::<usize>();
    let scale = Scale::new(whole, *tokens);
    let window = *window as usize;
    let speaks = |it: &&Entry| matches!(it, Entry::Prompt(_) | Entry::Reply(_));
    // What was tried since somebody spoke did not help.
    let newest = entries.iter().rev().take_while(|it| !speaks(it));
    let tried = |is: fn(&Entry) -> bool| newest.clone().any(is);
    if tried(|it| matches!(it, Entry::Condensed(it) if it.kept == 0 && it.summary.is_empty())) {
        return None;
    }
    if tried(|it| matches!(it, Entry::Condensed(_))) {
        return Some(Room::Drop { kept: 0 });
    }
    let bytes = |part| scale.bytes(window / part);
    let newest_stay = kept(entries, &shown, bytes(NEWEST), bytes(EXCHANGE));
    if !tried(|it| matches!(it, Entry::Pruned(_))) {
        // The model has not seen what it has just asked for.
        let fresh_stay = kept(entries, &shown, bytes(FRESH), usize::MAX);
        let pruned = Pruned { kept: fresh_stay, most: usize::MAX };
        let never_goes = shown.iter().filter(|it| matches!(&*it.entry, Entry::Opened { .. }));
        let never_goes = fixed + never_goes.map(|it| length(&it.entry)).sum::<usize>();
        let after = (window / AFTER).max(scale.tokens(never_goes) + window / NEWEST);
        let left = fixed + length_after(entries, pruned);
        if left < whole && scale.tokens(left) <= after {
            return Some(Room::Prune(pruned));
        }
        // More than fits has come at once: without a part of it the model cannot even sum up.
        if window <= *tokens as usize {
            let fresh = newest.clone().filter(|it| matches!(it, Entry::Result { .. })).count();
            if let Some(most) = bytes(FRESH).checked_div(fresh) {
                return Some(Room::Prune(Pruned { kept: fresh_stay, most }));
            }
        }
    }
    let spoken = shown.iter().filter(|it| matches!(&*it.entry, Entry::Reply(_))).count();
    match spoken {
        0 => None,
        _ if window <= *tokens as usize => Some(Room::Drop { kept: newest_stay }),
        _ => Some(Room::Sum { kept: newest_stay }),
    }
}

/// How many of the last entries stay: whole exchanges, a reply with its results, that are shown with
/// at most `most` bytes; but the newest may have `newest`, and words that nobody has answered stay
/// however many they are.
fn kept(entries: &[Entry], shown: &[Shown<'_>], most: usize, newest: usize) -> usize {
    let begins = |it: &Shown<'_>| {
        matches!(&*it.entry, Entry::Prompt(_) | Entry::Wanted { .. } | Entry::Reply(_))
    };
    let (mut bytes, mut begin) = (0, entries.len());
    for it in shown.iter().rev() {
        bytes += length(&it.entry);
        let is_of_newest = begin == entries.len();
        let asks = matches!(&*it.entry, Entry::Prompt(_) | Entry::Wanted { .. });
        let is_asked = is_of_newest && asks;
        let limit = if is_of_newest { newest.max(most) } else { most };
        let Some(at) = it.at.filter(|_| bytes <= limit || is_asked) else { break };
        if begins(it) {
            begin = at;
        }
    }
    entries.len() - begin
}

/// What is shown once `pruned` holds, in bytes.
fn length_after(entries: &[Entry], pruned: Pruned) -> usize {
    let mut after = entries.to_vec();
    after.push(Entry::Pruned(pruned));
    view(&after).iter().map(|it| length(&it.entry)).sum()
}

/// How many bytes a token has in this conversation.
struct Scale {
    bytes: usize,
    tokens: usize,
}

impl Scale {
    fn new(bytes: usize, tokens: u32) -> Self {
        Self { bytes: bytes.max(1), tokens: (tokens as usize).max(1) }
    }

    fn bytes(&self, tokens: usize) -> usize {
        tokens.saturating_mul(self.bytes) / self.tokens
    }

    fn tokens(&self, bytes: usize) -> usize {
        bytes.saturating_mul(self.tokens) / self.bytes
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::conversation::{Call, Condensed, Form, Outcome, Reply, Status, Usage};

    /// A token a byte, in a window of 12,000; the tools take 1,000. Entries are `kind length`: a prompt,
    /// a reply with a call, the result of the newest call, words of the model, or what made room.
    #[track_caller]
    fn check(script: &str, expected: Expect) {
        let mut entries = vec![Entry::Opened { system: "s".repeat(1000) }];
        let mut calls = 0;
        for it in script.split(", ") {
            let (kind, length) = it.split_once(' ').unwrap();
            let length: usize = length.parse().unwrap();
            let text = "x".repeat(length);
            entries.push(match kind {
                "prompt" => Entry::Prompt(text),
                "call" => {
                    calls += 1;
                    let call = Call { id: calls.to_string(), tool: String::new(), args: text };
                    Entry::Reply(Reply { calls: vec![call], ..Reply::default() })
                }
                "result" => Entry::Result {
                    call: calls.to_string(),
                    outcome: Outcome::new(Status::Done, text, ""),
                },
                "want" => Entry::Wanted { form: Form::Plan, words: text },
                "words" => Entry::Reply(Reply { text, ..Reply::default() }),
                "pruned" => Entry::Pruned(Pruned { kept: length, most: usize::MAX }),
                "summed" => {
                    let summary = "so it was".to_owned();
                    Entry::Condensed(Condensed { summary, kept: length, usage: Usage::default() })
                }
                "dropped" => {
                    let (summary, usage) = (String::new(), Usage::default());
                    Entry::Condensed(Condensed { summary, kept: length, usage })
                }
                _ => panic!("{kind}"),
            });
        }
        let tokens = 1000 + view(&entries).iter().map(|it| length(&it.entry)).sum::<usize>();
        entries.push(Entry::Full { tokens: tokens as u32, window: 12_000 });
        expected.assert_eq(&format!("{:?}", room(&entries, 1000)));
    }

    #[test]
    fn stale_results_go_first() {
        check(
            "prompt 200, call 100, result 4000, call 100, result 3500, call 100, result 1000",
            expect!["Some(Prune(Pruned { kept: 3, most: 18446744073709551615 }))"],
        );
    }

    #[test]
    fn where_that_would_not_last_the_conversation_is_summed_up() {
        check(
            "prompt 200, call 3000, result 2000, call 2000, result 1000, call 500, result 500",
            expect!["Some(Sum { kept: 3 })"],
        );
        check("prompt 200, words 8500, prompt 900", expect!["Some(Sum { kept: 2 })"]);
    }

    #[test]
    fn an_exchange_that_is_long_is_summed_up_with_the_rest() {
        check(
            "prompt 200, call 3000, result 1000, call 2000, result 3000",
            expect!["Some(Sum { kept: 0 })"],
        );
    }

    #[test]
    fn words_that_nobody_has_answered_stay_however_long_they_are() {
        check("prompt 200, words 3000, prompt 6500", expect!["Some(Sum { kept: 2 })"]);
        check("prompt 200, words 8500, want 1100", expect!["Some(Sum { kept: 2 })"]);
    }

    #[test]
    fn when_more_than_fits_comes_at_once_it_is_shortened() {
        check(
            "prompt 200, call 100, result 15000",
            expect!["Some(Prune(Pruned { kept: 3, most: 2000 }))"],
        );
    }

    #[test]
    fn what_did_not_help_is_not_tried_again() {
        check("prompt 200, call 6000, result 15000, pruned 3", expect!["Some(Drop { kept: 0 })"]);
        check("prompt 200, call 7000, result 3000, summed 2", expect!["Some(Drop { kept: 0 })"]);
        check("prompt 11000, call 100, result 900, dropped 0", expect!["None"]);
    }

    #[test]
    fn a_prompt_that_is_too_long_by_itself_leaves_nothing_to_go() {
        check("prompt 11000", expect!["None"]);
    }
}
