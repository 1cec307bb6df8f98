//! What the model is shown of a transcript: all of it, until room had to be made.
//!
//! A pure function of the entries, so that a session that is resumed is shown the same.

use std::borrow::Cow;

use crate::conversation::{Condensed, Entry, Outcome, Plan, Pruned};

/// An entry as the model is shown it, and where it stands in the transcript; what was made up of
/// several has no place of its own.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Shown<'a> {
    pub(crate) at: Option<usize>,
    pub(crate) entry: Cow<'a, Entry>,
}

/// A result that is no longer is not worth a stub.
const STUB: usize = 400;

/// Remarks of the program in a result are kept, if they are short and few: how a command ended,
/// where the rest of its output is.
const REMARK: usize = 200;
const REMARKS: usize = 3;

/// What the model is shown of `entries`.
pub(crate) fn view(entries: &[Entry]) -> Vec<Shown<'_>> {
    let mut shown = Vec::new();
    let condensed = entries.iter().enumerate().rev().find_map(|(at, it)| match it {
        Entry::Condensed(it) => Some((at, it)),
        _ => None,
    });
    let mut from = 0;
    if let Some((at, condensed)) = condensed {
        from = beginning(entries, at.saturating_sub(condensed.kept), at);
        let opened = entries.iter().position(|it| matches!(it, Entry::Opened { .. }));
        let opened = opened.filter(|it| *it < from);
        shown.extend(opened.map(|at| Shown { at: Some(at), entry: Cow::Borrowed(&entries[at]) }));
        let asked = unanswered(&entries[..at]).filter(|it| *it < from);
        let words = asked.and_then(|it| match &entries[it] {
            Entry::Prompt(words) => Some(&**words),
            _ => None,
        });
        let waits = waiting(&entries[..at], from);
        // As it stood when room was made: what is shown may not change later.
        let plan = Plan::of(&entries[..at]).filter(|it| !it.is_over());
        let entry = Cow::Owned(in_short(condensed, words, plan.as_ref(), waits));
        shown.push(Shown { at: None, entry });
    }
    for (at, entry) in entries.iter().enumerate().skip(from) {
        let entry = match entry {
            Entry::Full { .. } | Entry::Pruned(_) | Entry::Condensed(_) => continue,
            Entry::Result { call, outcome } => match pruned(entries, at, outcome) {
                Some(text) => {
                    let outcome = Outcome { text, ..outcome.clone() };
                    Cow::Owned(Entry::Result { call: call.clone(), outcome })
                }
                None => Cow::Borrowed(entry),
            },
            entry => Cow::Borrowed(entry),
        };
        shown.push(Shown { at: Some(at), entry });
    }
    shown
}

/// How many bytes of it the model reads, but for the marks around it.
pub(crate) fn length(entry: &Entry) -> usize {
    match entry {
        Entry::Opened { system: text }
        | Entry::Prompt(text)
        | Entry::Note(text)
        | Entry::Wanted { words: text, .. } => text.len(),
        Entry::Reply(reply) => {
            let calls = match &*reply.spoken {
                "" => reply.calls.iter().map(|it| it.tool.len() + it.args.len()).sum(),
                spoken => spoken.len(),
            };
            reply.text.len() + reply.reasoning.len() + calls
        }
        Entry::Result { outcome, .. } => outcome.text.len(),
        Entry::Decided { .. }
        | Entry::Started { .. }
        | Entry::Stopped(_)
        | Entry::Full { .. }
        | Entry::Pruned(_)
        | Entry::Condensed(_)
        | Entry::Planning
        | Entry::Planned(_)
        | Entry::Marked(_) => 0,
    }
}

/// The first place from `from` on where a conversation can begin: not between a reply and its
/// results. A journal that has lost lines may count otherwise than whoever wrote them.
fn beginning(entries: &[Entry], from: usize, to: usize) -> usize {
    let begins = |it: &Entry| {
        matches!(it, Entry::Prompt(_) | Entry::Note(_) | Entry::Wanted { .. } | Entry::Reply(_))
    };
    (from..to).find(|it| begins(&entries[*it])).unwrap_or(to)
}

/// Where the prompt stands whose turn is under way at the end of `entries`.
fn unanswered(entries: &[Entry]) -> Option<usize> {
    let speaks = |it: &&Entry| 0 < length(it) || matches!(it, Entry::Reply(_));
    let is_over = match entries.iter().rev().find(speaks) {
        Some(Entry::Reply(reply)) => reply.calls.is_empty(),
        _ => false,
    };
    let newest = || entries.iter().rposition(|it| matches!(it, Entry::Prompt(_)));
    if is_over { None } else { newest() }
}

/// What the program has said last, if it waits for an answer and stands before `from`.
fn waiting(entries: &[Entry], from: usize) -> Option<&str> {
    let at = entries.iter().rposition(|it| 0 < length(it) || matches!(it, Entry::Reply(_)))?;
    match &entries[at] {
        Entry::Wanted { words, .. } | Entry::Note(words) if at < from => Some(words),
        _ => None,
    }
}

/// What stands for all that is gone: the summary, and, word for word, the plan that is worked on, the
/// prompt, and what waits for an answer, if they are among that.
fn in_short(
    condensed: &Condensed,
    prompt: Option<&str>,
    plan: Option<&Plan>,
    waits: Option<&str>,
) -> Entry {
    let mut text = match &*condensed.summary {
        "" => "[To make room, the beginning of this conversation was left out.]".to_owned(),
        summary => {
            format!("[To make room, the conversation so far was summed up. You wrote:]\n{summary}")
        }
    };
    if let Some(plan) = plan {
        text += &format!("\n\n[The plan, as it stands:]\n{}", plan.in_words().trim_end());
    }
    if let Some(words) = prompt {
        text +=
            &format!("\n\n[The user's request that you are working on, word for word:]\n{words}");
    }
    if let Some(words) = waits {
        text += &format!("\n\n[What you were asked last, and have not answered:]\n{words}");
    }
    Entry::Note(text)
}

/// The text of a result of which something is left out.
fn pruned(entries: &[Entry], at: usize, outcome: &Outcome) -> Option<String> {
    let cuts = entries.iter().enumerate().skip(at + 1).filter_map(|(place, it)| match it {
        Entry::Pruned(it) => Some((place, it)),
        _ => None,
    });
    let (mut is_stale, mut most) = (false, usize::MAX);
    for (place, Pruned { kept, most: limit }) in cuts {
        is_stale |= at < place.saturating_sub(*kept);
        most = most.min(*limit);
    }
    if is_stale && STUB < outcome.text.len() {
        return Some(stub(&outcome.text));
    }
    (most.max(STUB) < outcome.text.len()).then(|| shortened(&outcome.text, most.max(STUB)))
}

/// What stands for a result that was left out.
fn stub(text: &str) -> String {
    let lines = text.lines().count();
    let remarks = text.lines().rev().filter(|it| it.starts_with('[') && it.len() <= REMARK);
    let mut kept: Vec<_> = remarks.take(REMARKS).collect();
    kept.reverse();
    let mut stub =
        format!("[left out to make room: {lines} lines. If you need them, make the call again.]\n");
    kept.iter().for_each(|it| stub.extend([it, "\n"]));
    stub
}

/// The beginning and the end of a text.
fn shortened(text: &str, most: usize) -> String {
    let is_between = |it: &usize| text.is_char_boundary(*it);
    let head = (0..=most / 2).rev().find(is_between).unwrap_or_default();
    let tail = (text.len() - most / 2..text.len()).find(is_between).unwrap_or(text.len());
    let left_out = text[head..tail].lines().count();
    format!(
        "{}\n[… about {left_out} lines left out to make room; ask for a smaller part …]\n{}",
        &text[..head],
        &text[tail..]
    )
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::conversation::{Call, Form, Mark, Reply, Status, StepStatus, Usage};

    /// Entries in short: `>words`, `=reply`, `!call` (a reply that makes it), `<call:result`,
    /// `prune N`, `condense N`, `+step step` a plan, `xN` a step that is done; a number at the end of
    /// a result makes it that long.
    fn entries(script: &str) -> Vec<Entry> {
        script.split(" | ").map(entry).collect()
    }

    fn entry(it: &str) -> Entry {
        let (kind, rest) = it.split_at(1);
        match kind {
            ">" => Entry::Prompt(rest.to_owned()),
            "=" => Entry::Reply(Reply { text: rest.to_owned(), ..Reply::default() }),
            "!" => {
                let call = Call { id: rest.to_owned(), ..Call::default() };
                Entry::Reply(Reply { calls: vec![call], ..Reply::default() })
            }
            "<" => {
                let (call, text) = rest.split_once(':').unwrap();
                let text = match text.parse() {
                    Ok(lines) => "a line\n".repeat(lines) + "[exit 1]\n",
                    Err(_) => text.to_owned(),
                };
                let outcome = Outcome::new(Status::Done, text, "");
                Entry::Result { call: call.to_owned(), outcome }
            }
            "p" => {
                let kept = rest.strip_prefix("rune ").unwrap().parse().unwrap();
                Entry::Pruned(Pruned { kept, most: usize::MAX })
            }
            "c" => {
                let kept = rest.strip_prefix("ondense ").unwrap().parse().unwrap();
                let summary = "so it was".to_owned();
                Entry::Condensed(Condensed { summary, kept, usage: Usage::default() })
            }
            "s" => Entry::Opened { system: rest.to_owned() },
            "?" => Entry::Wanted { form: Form::Verdict, words: rest.to_owned() },
            "+" => {
                let steps = rest.split(' ').map(|it| (it.to_owned(), StepStatus::Todo)).collect();
                Entry::Planned(Plan::default().revised(steps))
            }
            "x" => {
                let step = rest.parse().unwrap();
                Entry::Marked(Mark { step, status: StepStatus::Done, ..Mark::default() })
            }
            _ => panic!("{it}"),
        }
    }

    #[track_caller]
    fn check(script: &str, expected: Expect) {
        let entries = entries(script);
        let shown = view(&entries).into_iter().map(|it| match &*it.entry {
            Entry::Opened { system } => format!("system {system}"),
            Entry::Prompt(words) => format!("prompt {words}"),
            Entry::Note(words) => format!("note {words}"),
            Entry::Reply(it) => match &*it.calls {
                [] => format!("reply {}", it.text),
                calls => format!("reply that calls {}", calls[0].id),
            },
            Entry::Result { call, outcome } if 600 < outcome.text.len() => {
                format!("result {call}: {} bytes", outcome.text.len())
            }
            Entry::Result { call, outcome } => {
                format!("result {call}: {}", outcome.text.trim_end())
            }
            it => format!("{it:?}"),
        });
        expected.assert_eq(&shown.collect::<Vec<_>>().join("\n"));
    }

    #[test]
    fn what_waits_for_an_answer_stays_word_for_word() {
        check(
            ">go | =done | ?does it hold | condense 0",
            expect![[r#"
            note [To make room, the conversation so far was summed up. You wrote:]
            so it was

            [The user's request that you are working on, word for word:]
            go

            [What you were asked last, and have not answered:]
            does it hold"#]],
        );
        check(
            ">go | =done | ?does it hold | =yes | condense 0",
            expect![[r#"
            note [To make room, the conversation so far was summed up. You wrote:]
            so it was"#]],
        );
    }

    #[test]
    fn until_room_is_made_all_is_shown() {
        check(
            "system | >go | !1 | <1:ok | =done",
            expect![[r#"
                system ystem
                prompt go
                reply that calls 1
                result 1: ok
                reply done"#]],
        );
    }

    #[test]
    fn of_a_stale_result_a_stub_is_left_and_how_it_ended() {
        check(
            ">go | !1 | <1:200 | !2 | <2:ok | !3 | <3:200 | prune 2 | !4 | <4:200",
            expect![[r#"
                prompt go
                reply that calls 1
                result 1: [left out to make room: 201 lines. If you need them, make the call again.]
                [exit 1]
                reply that calls 2
                result 2: ok
                reply that calls 3
                result 3: 1409 bytes
                reply that calls 4
                result 4: 1409 bytes"#]],
        );
    }

    #[test]
    fn a_summary_stands_for_all_but_the_newest() {
        check(
            "system | >go | !1 | <1:ok | =done | >more | !2 | <2:ok | condense 3 | !3 | <3:ok",
            expect![[r#"
                system ystem
                note [To make room, the conversation so far was summed up. You wrote:]
                so it was
                prompt more
                reply that calls 2
                result 2: ok
                reply that calls 3
                result 3: ok"#]],
        );
    }

    #[test]
    fn a_plan_that_is_worked_on_is_kept_word_for_word() {
        check(
            ">go | !1 | <1:ok | +look write | x0 | condense 0 | x1 | =done",
            expect![[r#"
            note [To make room, the conversation so far was summed up. You wrote:]
            so it was

            [The plan, as it stands:]
            [x] 1. look
            [ ] 2. write

            [The user's request that you are working on, word for word:]
            go
            Marked(Mark { step: 1, status: Done, gist: "", text: "" })
            reply done"#]],
        );
        check(
            ">go | !1 | <1:ok | +look | x0 | condense 0",
            expect![[r#"
            note [To make room, the conversation so far was summed up. You wrote:]
            so it was

            [The user's request that you are working on, word for word:]
            go"#]],
        );
    }

    #[test]
    fn a_result_is_not_shown_without_its_call() {
        check(
            ">go | !1 | <1:ok | =done | condense 2",
            expect![[r#"
                note [To make room, the conversation so far was summed up. You wrote:]
                so it was
                reply done"#]],
        );
        check(
            ">go | !1 | <1:ok | condense 1 | =done",
            expect![[r#"
                note [To make room, the conversation so far was summed up. You wrote:]
                so it was

                [The user's request that you are working on, word for word:]
                go
                reply done"#]],
        );
    }

    #[test]
    fn only_the_newest_summary_counts_and_stubs_stay_stubs() {
        check(
            ">a | =b | condense 0 | >c | !1 | <1:200 | prune 0 | !2 | <2:ok | condense 4",
            expect![[r#"
                note [To make room, the conversation so far was summed up. You wrote:]
                so it was

                [The user's request that you are working on, word for word:]
                c
                reply that calls 2
                result 2: ok"#]],
        );
        check(
            ">c | !1 | <1:200 | prune 0 | !2 | <2:ok | condense 5",
            expect![[r#"
                note [To make room, the conversation so far was summed up. You wrote:]
                so it was

                [The user's request that you are working on, word for word:]
                c
                reply that calls 1
                result 1: [left out to make room: 201 lines. If you need them, make the call again.]
                [exit 1]
                reply that calls 2
                result 2: ok"#]],
        );
    }

    #[test]
    fn what_stays_may_be_shortened() {
        let mut entries = entries(">go | !1 | <1:200");
        entries.push(Entry::Pruned(Pruned { kept: 1, most: 500 }));
        let Entry::Result { outcome, .. } = &*view(&entries)[2].entry else { panic!() };
        assert!(outcome.text.starts_with("a line\n") && outcome.text.ends_with("[exit 1]\n"));
        assert!(outcome.text.contains("lines left out to make room"), "{}", outcome.text);
        assert!(outcome.text.len() < 600);
    }
}
