//! What comes next in a plan that was accepted, as a pure function of what has happened: so a session
//! that was killed in the middle of its plan goes on by asking the same question.

use std::ops::Range;

use crate::agent::plan::form;
use crate::conversation::{End, Entry, Form, Mark, Plan, PlanCheck, Stage, StepStatus, Stop};

const VERDICT_WORDS: &str = include_str!("../../../prompts/verdict.md");

/// What follows, between two turns.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Following {
    /// There is no plan to be carried out, or it is carried out.
    Nothing,
    /// This step has failed; the person says what becomes of it.
    Halted(usize),
    /// The model is told to do this step.
    Begin { step: usize, words: String },
    /// This command says whether the step is done.
    Check { step: usize, command: String },
    /// The model says so, asked in these words.
    Judge { words: String },
    /// It is known already.
    Mark(Mark),
}

/// What follows after `entries`, at the end of a turn.
pub(super) fn following(entries: &[Entry]) -> Following {
    let Some(plan) = Plan::of(entries).filter(|it| it.stage == Stage::Accepted) else {
        return Following::Nothing;
    };
    let Some(at) = plan.current() else { return Following::Nothing };
    let mark = |status, gist: &str, text: &str| {
        let (gist, text) = (gist.to_owned(), text.to_owned());
        Following::Mark(Mark { step: at, status, gist, text })
    };
    let step = &plan.steps[at];
    match step.status {
        StepStatus::Done | StepStatus::Skipped | StepStatus::Failed => Following::Halted(at),
        StepStatus::Checking => mark(
            StepStatus::Failed,
            "the check was interrupted",
            "The program ended while the check ran; how it ended is unknown.",
        ),
        StepStatus::Todo => {
            Following::Begin { step: at, words: words_for_step(&plan, at, entries) }
        }
        StepStatus::Doing if is_left(entries) => mark(StepStatus::Todo, "", ""),
        StepStatus::Doing => match (broken_off(entries), &step.check) {
            (Some(why), _) => mark(StepStatus::Failed, why, ""),
            (None, PlanCheck::Nothing) => mark(StepStatus::Done, "", ""),
            (None, PlanCheck::Command(it)) => Following::Check { step: at, command: it.clone() },
            (None, PlanCheck::Look(what)) => match verdict(entries) {
                None => Following::Judge { words: words_for_verdict(what) },
                Some(Some((true, why))) => mark(StepStatus::Done, &why, &why),
                Some(Some((false, why))) => mark(StepStatus::Failed, &why, &why),
                Some(None) => {
                    let gist = "the model did not say whether it holds";
                    mark(StepStatus::Failed, gist, "")
                }
            },
        },
    }
}

/// The entries of the turn in which the newest step was begun.
fn turn(entries: &[Entry]) -> &[Entry] {
    &entries[turn_of_step(entries)]
}

/// Where they stand.
fn turn_of_step(entries: &[Entry]) -> Range<usize> {
    let is_prompt = |it: &Entry| matches!(it, Entry::Prompt(_));
    let begins = |it: &Entry| matches!(it, Entry::Marked(it) if it.status == StepStatus::Doing);
    let begun = entries.iter().rposition(begins).unwrap_or(entries.len());
    let from = entries[..begun].iter().rposition(is_prompt).unwrap_or_default();
    let length = entries[begun..].iter().position(is_prompt);
    from..length.map_or(entries.len(), |it| begun + it)
}

/// Whether the person has spoken of something else before the step came to an end.
fn is_left(entries: &[Entry]) -> bool {
    let turn = turn_of_step(entries);
    let is_newest = turn.end == entries.len();
    let last = entries[turn].iter().rev().find_map(|it| match it {
        Entry::Reply(reply) => Some(reply.end == End::Finished && reply.calls.is_empty()),
        Entry::Stopped(_) => Some(false),
        _ => None,
    });
    !is_newest && last != Some(true)
}

/// Why the turn of the step ended before its end.
fn broken_off(entries: &[Entry]) -> Option<&'static str> {
    turn(entries).iter().rev().find_map(|it| match it {
        Entry::Stopped(stop) => Some(why(*stop)),
        Entry::Reply(reply) if reply.end == End::Cancelled => Some(STOPPED),
        _ => None,
    })
}

/// What a step comes to that the person stopped.
pub(super) const STOPPED: &str = "stopped";

fn why(stop: Stop) -> &'static str {
    match stop {
        Stop::Cancelled => STOPPED,
        Stop::TurnLimit => "the turn limit was reached",
        Stop::EmptyReplies => "the model said nothing",
        Stop::MalformedCalls => "no call could be understood",
        Stop::RepeatedCalls => "the same calls over and over",
        Stop::CutOff => "the reply was cut off",
        Stop::TimeLimit => "the time limit was reached",
        Stop::CallLimit => "the limit of calls was reached",
        Stop::OtherForm => "no answer had the form that was asked for",
        Stop::NoPlan => "there was no plan",
    }
}

/// What the model has answered in this turn when it was asked whether the step is done; the outer
/// `None` if it was not asked.
fn verdict(entries: &[Entry]) -> Option<Option<(bool, String)>> {
    let turn = turn(entries);
    let asked = |it: &Entry| matches!(it, Entry::Wanted { form: Form::Verdict, .. });
    let at = turn.iter().rposition(asked)?;
    let said = turn[at..].iter().rev().find_map(|it| match it {
        Entry::Reply(reply) => Some(&*reply.text),
        _ => None,
    });
    Some(said.and_then(form::verdict))
}

fn words_for_verdict(what: &str) -> String {
    format!("Does this hold now: {what}\n{}", VERDICT_WORDS.trim_end())
}

/// What the model is told to do.
fn words_for_step(plan: &Plan, at: usize, entries: &[Entry]) -> String {
    let step = &plan.steps[at];
    let mut text = String::new();
    if let Some(news) = changed(plan, entries) {
        text += &news;
    }
    if let Some(before) = at.checked_sub(1).map(|it| &plan.steps[it]) {
        text += &match (before.status, &before.check) {
            (StepStatus::Skipped, _) => format!("Step {at} is left out.\n"),
            (_, PlanCheck::Command(command)) => {
                format!("Step {at} is done: `{command}` succeeded.\n")
            }
            _ => format!("Step {at} is done.\n"),
        };
    }
    text += &format!("Step {} of {}: {}\n", at + 1, plan.steps.len(), step.what);
    if !step.files.is_empty() {
        text += &format!("Files: {}\n", step.files.join(", "));
    }
    if let Some(mark) = last_failure(entries, at) {
        text += &match (&step.check, &*mark.text) {
            // Without the time that a command took: the same shall be the same text.
            (PlanCheck::Command(command), said) if !said.is_empty() => {
                format!("It was tried and is not done; `{command}` says:\n{}\n", said.trim_end())
            }
            _ => format!("It was tried and is not done: {}.\n", mark.gist),
        };
    }
    text += &match &step.check {
        PlanCheck::Nothing => String::new(),
        PlanCheck::Command(command) => {
            format!(
                "It counts as done if `{command}` succeeds, which is run when you are finished.\n"
            )
        }
        PlanCheck::Look(what) => {
            format!("It counts as done if this holds, so look before you finish: {what}\n")
        }
    };
    text + "Do this step and no other, then say in a sentence what you did."
}

/// What the model has to know of the plan before the first step, if it is not the one it wrote.
fn changed(plan: &Plan, entries: &[Entry]) -> Option<String> {
    let accepted = entries
        .iter()
        .rposition(|it| matches!(it, Entry::Planned(plan) if plan.stage != Stage::Noted))?;
    if entries[accepted..].iter().any(|it| matches!(it, Entry::Marked(_))) {
        return None;
    }
    let from = entries.iter().rposition(|it| matches!(it, Entry::Planning)).unwrap_or_default();
    let proposed = entries[from..].iter().find_map(|it| match it {
        Entry::Planned(plan) if plan.stage == Stage::Proposed => Some(plan),
        _ => None,
    });
    let is_same = proposed.is_some_and(|it| it.is_same_work(plan));
    (!is_same).then(|| format!("The user has changed the plan. It is now:\n{}\n", plan.in_words()))
}

/// The newest failure of a step since it was planned.
fn last_failure(entries: &[Entry], step: usize) -> Option<&Mark> {
    let since = entries.iter().rev().take_while(|it| !matches!(it, Entry::Planned(_)));
    since
        .filter_map(|it| match it {
            Entry::Marked(mark) => Some(mark),
            _ => None,
        })
        .find(|it| it.step == step && it.status == StepStatus::Failed)
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::conversation::{PlanStep, Reply};

    /// Two steps: a command checks the first, a look the second.
    fn plan(stage: Stage) -> Plan {
        let step = |what: &str, check| PlanStep {
            what: what.to_owned(),
            files: vec!["a.txt".to_owned()],
            check,
            ..PlanStep::default()
        };
        let steps = vec![
            step("Write it", PlanCheck::Command("make test".to_owned())),
            step("Read it", PlanCheck::Look("it reads well".to_owned())),
        ];
        Plan { stage, goal: "A text".to_owned(), steps, risks: Vec::new() }
    }

    /// Entries in short: `proposed`, `accepted`, `edited`, `>` a prompt, `=words` a reply, `~` one
    /// that was stopped, `?` the question for a verdict, `N status` a mark.
    fn entry(it: &str) -> Entry {
        let reply = |text: &str, end| {
            Entry::Reply(Reply { text: text.to_owned(), end, ..Reply::default() })
        };
        match it {
            "planning" => Entry::Planning,
            "proposed" => Entry::Planned(plan(Stage::Proposed)),
            "accepted" => Entry::Planned(plan(Stage::Accepted)),
            "edited" => {
                let mut plan = plan(Stage::Accepted);
                plan.steps.remove(0);
                Entry::Planned(plan)
            }
            ">" => Entry::Prompt("go".to_owned()),
            "~" => reply("", End::Cancelled),
            "?" => Entry::Wanted { form: Form::Verdict, words: String::new() },
            "limit" => Entry::Stopped(Stop::TurnLimit),
            it => match it.strip_prefix('=') {
                Some(words) => reply(words, End::Finished),
                None => {
                    let (step, status) = it.split_once(' ').unwrap();
                    let all = [
                        StepStatus::Todo,
                        StepStatus::Doing,
                        StepStatus::Checking,
                        StepStatus::Done,
                        StepStatus::Failed,
                        StepStatus::Skipped,
                    ];
                    let status = *all.iter().find(|it| it.name() == status).unwrap();
                    let is_failed = status == StepStatus::Failed;
                    let text = if is_failed { "2 errors\n[exit 1]\n" } else { "" };
                    Entry::Marked(Mark {
                        step: step.parse().unwrap(),
                        status,
                        gist: String::new(),
                        text: text.to_owned(),
                    })
                }
            },
        }
    }

    #[track_caller]
    fn check(script: &str, expected: Expect) {
        let entries: Vec<_> = script.split(" | ").map(entry).collect();
        let shown = match following(&entries) {
            Following::Begin { words, .. } => words,
            it => format!("{it:?}"),
        };
        expected.assert_eq(&shown);
    }

    #[test]
    fn a_plan_that_nobody_accepted_is_not_carried_out() {
        check(">", expect!["Nothing"]);
        check("planning | > | =ready | proposed", expect!["Nothing"]);
    }

    #[test]
    fn an_accepted_plan_begins_with_its_first_step() {
        check(
            "planning | > | proposed | accepted",
            expect![[r#"
                Step 1 of 2: Write it
                Files: a.txt
                It counts as done if `make test` succeeds, which is run when you are finished.
                Do this step and no other, then say in a sentence what you did."#]],
        );
    }

    #[test]
    fn a_plan_that_was_changed_is_told() {
        check(
            "planning | > | proposed | edited",
            expect![[r#"
                The user has changed the plan. It is now:
                Goal: A text
                [ ] 1. Read it
                    files: a.txt
                    look: it reads well

                Step 1 of 1: Read it
                Files: a.txt
                It counts as done if this holds, so look before you finish: it reads well
                Do this step and no other, then say in a sentence what you did."#]],
        );
    }

    #[test]
    fn a_command_checks_a_step_and_the_next_one_begins() {
        check(
            "accepted | > | 0 doing | =done",
            expect![[r#"Check { step: 0, command: "make test" }"#]],
        );
        check(
            "accepted | > | 0 doing | =done | 0 checking | 0 done",
            expect![[r#"
                Step 1 is done: `make test` succeeded.
                Step 2 of 2: Read it
                Files: a.txt
                It counts as done if this holds, so look before you finish: it reads well
                Do this step and no other, then say in a sentence what you did."#]],
        );
    }

    #[test]
    fn a_check_that_was_cut_short_is_not_run_again_by_itself() {
        check(
            "accepted | > | 0 doing | =done | 0 checking",
            expect![[
                r#"Mark(Mark { step: 0, status: Failed, gist: "the check was interrupted", text: "The program ended while the check ran; how it ended is unknown." })"#
            ]],
        );
        check("accepted | > | 0 doing | =done | 0 checking | 0 failed", expect!["Halted(0)"]);
    }

    #[test]
    fn a_turn_that_broke_off_is_a_step_that_failed() {
        check(
            "accepted | > | 0 doing | ~",
            expect![[r#"Mark(Mark { step: 0, status: Failed, gist: "stopped", text: "" })"#]],
        );
        check(
            "accepted | > | 0 doing | =a | limit",
            expect![[
                r#"Mark(Mark { step: 0, status: Failed, gist: "the turn limit was reached", text: "" })"#
            ]],
        );
    }

    #[test]
    fn words_of_something_else_are_no_part_of_a_step() {
        let broken_off = "accepted | > | 0 doing | ~ | > | =of something else";
        check(broken_off, expect![[r#"Mark(Mark { step: 0, status: Todo, gist: "", text: "" })"#]]);
        check(
            "accepted | > | 0 doing | =done | > | =of something else",
            expect![[r#"Check { step: 0, command: "make test" }"#]],
        );
        check(
            "accepted | > | 0 doing | =done | > | ~",
            expect![[r#"Check { step: 0, command: "make test" }"#]],
        );
    }

    #[test]
    fn a_step_that_is_tried_again_is_told_what_was_wrong() {
        check(
            "accepted | > | 0 doing | =done | 0 checking | 0 failed | 0 todo",
            expect![[r#"
                Step 1 of 2: Write it
                Files: a.txt
                It was tried and is not done; `make test` says:
                2 errors
                [exit 1]
                It counts as done if `make test` succeeds, which is run when you are finished.
                Do this step and no other, then say in a sentence what you did."#]],
        );
    }

    #[test]
    fn the_model_says_whether_what_it_looked_at_holds() {
        let before = "accepted | 0 skipped | > | 1 doing | =done";
        check(
            before,
            expect![[
                r#"Judge { words: "Does this hold now: it reads well\nAnswer as one JSON object and nothing else: {\"holds\": true or false, \"why\": \"…\"}. Judge by what you have seen, not by what you meant to do." }"#
            ]],
        );
        check(
            &format!("{before} | ? | ={{\"holds\":true,\"why\":\"it does\"}}"),
            expect![[r#"Mark(Mark { step: 1, status: Done, gist: "it does", text: "it does" })"#]],
        );
        check(
            &format!("{before} | ? | ={{\"holds\":false,\"why\":\"no\"}}"),
            expect![[r#"Mark(Mark { step: 1, status: Failed, gist: "no", text: "no" })"#]],
        );
        check(
            &format!("{before} | ? | =well"),
            expect![[
                r#"Mark(Mark { step: 1, status: Failed, gist: "the model did not say whether it holds", text: "" })"#
            ]],
        );
        check(&format!("{before} | ? | ={{\"holds\":true}} | 1 done"), expect!["Nothing"]);
    }
}
