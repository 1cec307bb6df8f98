//! Each test is a transcript in shorthand and the step that must follow it.

mod changed;

use std::path::Path;
use std::sync::Arc;

use expect_test::{Expect, expect};

use crate::agent::step::{Next, Rules, next};
use crate::conversation::{
    Call, Changed, Decision, Effect, End, Entry, Form, Mark, Outcome, Permission, Plan, Reply,
    Stage, Status, Stop, ToolSpec, Transcript,
};
use crate::permission::{Permissions, Rule, RuleOptions};

fn rules(permission: Permission) -> Rules {
    let tools = [("read", Effect::Reads), ("edit", Effect::Writes), ("shell", Effect::Executes)];
    let tools =
        tools.map(|(name, effect)| ToolSpec { name: name.into(), definition: "{}".into(), effect });
    let (root, rules) = (Path::new("/p"), RuleOptions::default());
    let permissions = Permissions::new(permission, root, rules, Vec::new());
    Rules::new(Arc::new(permissions), 4, &tools)
}

#[track_caller]
fn check(script: &str, expected: Expect) {
    check_as(Permission::Ask, script, expected);
}

#[track_caller]
fn check_as(permission: Permission, script: &str, expected: Expect) {
    expected.assert_eq(&shown(next(&rules(permission), &parse(script))));
}

fn shown(next: Next) -> String {
    match next {
        Next::Approve(call, _) => format!("approve {} {}", call.id, call.tool),
        Next::Run(calls) => {
            let calls = calls.iter().map(|it| format!(" {} {}", it.id, it.tool));
            format!("run{}", calls.collect::<String>())
        }
        Next::Answer(call, outcome) => {
            format!("answer {} {:?}: {}", call.id, outcome.status, outcome.text)
        }
        Next::Want(form, words) => {
            format!("want {form:?}: {}", words.lines().next().unwrap_or_default())
        }
        Next::Propose(plan) => format!("propose {}", plan.goal),
        other => format!("{other:?}"),
    }
}

/// One line an entry: `open`, `user …`, `reply …`, `cut …`, `cancelled …`, `call ID TOOL`,
/// `allow ID`, `deny ID …`, `change ID TOOL`, `start ID`, `result ID STATUS`, `note`, `stopped`,
/// `planning`, `want FORM`, `planned STAGE`, `marked`.
fn parse(script: &str) -> Transcript {
    let mut entries: Vec<Entry> = Vec::new();
    for line in script.lines().map(str::trim).filter(|it| !it.is_empty()) {
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        let (id, more) = rest.split_once(' ').unwrap_or((rest, ""));
        let (id, more, rest) = (id.to_owned(), more.to_owned(), rest.to_owned());
        let reply = |end| Entry::Reply(Reply { text: rest.clone(), end, ..Reply::default() });
        match (verb, entries.last_mut()) {
            ("open", _) => entries.push(Entry::Opened { system: rest }),
            ("user", _) => entries.push(Entry::Prompt(rest)),
            ("reply", _) => entries.push(reply(End::Finished)),
            ("cut", _) => entries.push(reply(End::CutOff)),
            ("cancelled", _) => entries.push(reply(End::Cancelled)),
            ("call", Some(Entry::Reply(reply))) => {
                reply.calls.push(Call { id, tool: more, args: "{}".to_owned() });
            }
            ("allow", _) => {
                entries.push(Entry::Decided { call: id, decision: Decision::Allowed });
            }
            ("deny", _) => {
                entries.push(Entry::Decided { call: id, decision: Decision::Denied(more) });
            }
            ("change", _) => {
                let call = Call { id: id.clone(), tool: more, args: r#"{"by":"me"}"#.to_owned() };
                let changed = Changed { call, left_out: String::new() };
                entries
                    .push(Entry::Decided { call: id, decision: Decision::Changed(changed.into()) });
            }
            ("start", _) => entries.push(Entry::Started { call: id }),
            ("result", _) => {
                let status = match &*more {
                    "" => Status::Done,
                    "malformed" => Status::Malformed,
                    "cancelled" => Status::Cancelled,
                    it => panic!("no status {it:?}"),
                };
                let outcome = Outcome::new(status, "", "");
                entries.push(Entry::Result { call: id, outcome });
            }
            ("planning", _) => entries.push(Entry::Planning),
            ("want", _) => {
                let form = if rest == "plan" { Form::Plan } else { Form::Verdict };
                entries.push(Entry::Wanted { form, words: String::new() });
            }
            ("planned", _) => {
                let stage = if rest == "noted" { Stage::Noted } else { Stage::Proposed };
                entries.push(Entry::Planned(Plan { stage, ..Plan::default() }));
            }
            ("marked", _) => entries.push(Entry::Marked(Mark::default())),
            ("note", _) => entries.push(Entry::Note(rest)),
            ("stopped", _) => entries.push(Entry::Stopped(Stop::TurnLimit)),
            _ => panic!("cannot read {line:?}"),
        }
    }
    entries.into_iter().collect()
}

#[test]
fn an_open_session_waits_for_a_person() {
    check("open", expect!["Wait"]);
    check("", expect!["Wait"]);
}

#[test]
fn a_question_goes_to_the_model() {
    check("user hi", expect!["Ask"]);
}

#[test]
fn a_reply_without_calls_ends_the_turn() {
    check(
        "user hi
         reply hello",
        expect!["Wait"],
    );
}

#[test]
fn what_changes_things_waits_for_a_person() {
    check(
        "user clean up
         reply
         call 1 shell",
        expect!["approve 1 shell"],
    );
}

#[test]
fn a_call_is_judged_as_the_tool_that_it_means() {
    for name in ["Shell", "functions.shell", "shell()", "SHELL:0"] {
        check_as(
            Permission::ReadOnly,
            &format!("user look\nreply\ncall 1 {name}"),
            expect![
                "answer 1 Refused: Refused: this session may look but not change or run anything."
            ],
        );
    }
    check("user look\nreply\ncall 1 Read", expect!["run 1 Read"]);
    check("user look\nreply\ncall 1 Edit", expect!["approve 1 Edit"]);
}

#[test]
fn an_allowed_call_runs() {
    check(
        "user clean up
         reply
         call 1 shell
         allow 1",
        expect!["run 1 shell"],
    );
}

#[test]
fn a_denied_call_is_answered_with_the_persons_words() {
    check(
        "user clean up
         reply
         call 1 shell
         deny 1 use make clean",
        expect!["answer 1 Refused: The user said no: use make clean"],
    );
}

#[test]
fn reading_needs_no_leave_and_runs_side_by_side() {
    check(
        "user look
         reply
         call 1 read
         call 2 read
         call 3 edit
         call 4 read",
        expect!["run 1 read 2 read"],
    );
}

#[test]
fn what_writes_runs_alone() {
    check_as(
        Permission::Auto,
        "user look
         reply
         call 1 edit
         call 2 edit",
        expect!["run 1 edit"],
    );
}

#[test]
fn a_read_only_session_changes_nothing() {
    check_as(
        Permission::ReadOnly,
        "user look
         reply
         call 1 edit",
        expect!["answer 1 Refused: Refused: this session may look but not change or run anything."],
    );
}

#[test]
fn leave_given_before_does_not_widen_a_read_only_session() {
    check_as(
        Permission::ReadOnly,
        "user look
         reply
         call 1 edit
         allow 1",
        expect!["answer 1 Refused: Refused: this session may look but not change or run anything."],
    );
}

#[test]
fn an_unknown_tool_is_left_to_the_toolbox_to_explain() {
    check(
        "user look
         reply
         call 1 no_such_tool",
        expect!["run 1 no_such_tool"],
    );
}

#[test]
fn a_call_cut_short_by_a_crash_is_not_run_twice() {
    check(
        "user clean up
         reply
         call 1 shell
         call 2 shell
         allow 1
         start 1",
        expect![
            "answer 1 Interrupted: Interrupted: the program ended while this call ran. Its effects are unknown; look before you repeat it."
        ],
    );
}

#[test]
fn results_go_back_to_the_model_when_all_are_there() {
    check(
        "user look
         reply
         call 1 read
         call 2 read
         start 1
         start 2
         result 1",
        expect![
            "answer 2 Interrupted: Interrupted: the program ended while this call ran. Its effects are unknown; look before you repeat it."
        ],
    );
    check(
        "user look
         reply
         call 1 read
         start 1
         result 1",
        expect!["Ask"],
    );
}

#[test]
fn a_stopped_call_stops_the_turn_and_those_after_it() {
    check(
        "user go
         reply
         call 1 read
         call 2 shell
         start 1
         result 1 cancelled",
        expect!["answer 2 Cancelled: Not run: the user stopped the turn."],
    );
    check(
        "user go
         reply
         call 1 shell
         result 1 cancelled",
        expect!["Stop(Cancelled)"],
    );
}

#[test]
fn a_stopped_reply_stops_the_turn() {
    check(
        "user go
         cancelled so far",
        expect!["Stop(Cancelled)"],
    );
}

#[test]
fn a_new_prompt_begins_afresh_after_a_stop() {
    check(
        "user go
         cancelled so far
         stopped
         user on",
        expect!["Ask"],
    );
}

#[test]
fn the_turn_limit_counts_requests_of_this_turn() {
    let asked = "reply
                 call 1 read
                 start 1
                 result 1
                 ";
    check(&format!("user go\n{}", asked.repeat(3)), expect!["Ask"]);
    check(&format!("user go\n{}", asked.repeat(4)), expect!["Stop(TurnLimit)"]);
    check(&format!("user go\n{}stopped\nuser on", asked.repeat(4)), expect!["Ask"]);
}

#[test]
fn an_answer_at_the_turn_limit_is_still_an_answer() {
    let asked = "reply
                 call 1 read
                 result 1
                 ";
    check(&format!("user go\n{}reply done", asked.repeat(3)), expect!["Wait"]);
}

#[test]
fn an_empty_reply_is_nudged_twice_and_then_ends_the_turn() {
    check(
        "user go
         reply",
        expect![[
            r#"Note("Your reply was empty. Go on with the task: call a tool, or say in words what you did.")"#
        ]],
    );
    check(
        "user go
         reply
         note
         reply
         note",
        expect!["Ask"],
    );
    check(
        "user go
         reply
         note
         reply
         note
         reply",
        expect!["Stop(EmptyReplies)"],
    );
}

#[test]
fn three_malformed_replies_in_a_row_end_the_turn() {
    let wrong = "reply
                 call 1 read
                 result 1 malformed
                 ";
    check(&format!("user go\n{}", wrong.repeat(2)), expect!["Ask"]);
    check(&format!("user go\n{}", wrong.repeat(3)), expect!["Stop(MalformedCalls)"]);
    let right = "reply
                 call 1 read
                 result 1
                 ";
    check(&format!("user go\n{wrong}{right}{wrong}"), expect!["Ask"]);
}

#[test]
fn a_call_that_was_cut_off_never_runs_but_those_before_it_do() {
    check(
        "user go
         cut
         call 1 read
         call 2 read",
        expect!["run 1 read"],
    );
    check(
        "user go
         cut
         call 1 read
         call 2 read
         result 1",
        expect![
            "answer 2 Malformed: Not run: the call was cut off because the reply became too long. Make it again in smaller pieces."
        ],
    );
}

#[test]
fn words_that_were_cut_off_end_the_turn() {
    check(
        "user go
         cut and th",
        expect!["Stop(CutOff)"],
    );
}

#[test]
fn ids_of_earlier_replies_may_come_again() {
    check(
        "user go
         reply
         call 1 read
         start 1
         result 1
         reply
         call 1 read",
        expect!["run 1 read"],
    );
}

/// The same with a rule of the person.
#[track_caller]
fn check_ruled(permission: Permission, deny_or_ask: &str, script: &str, expected: Expect) {
    let (kind, rule) = deny_or_ask.split_once(' ').unwrap();
    let rule = vec![Rule::parse(rule).unwrap()];
    let rules = match kind {
        "deny" => RuleOptions { deny: rule, ..RuleOptions::default() },
        _ => RuleOptions { ask: rule, ..RuleOptions::default() },
    };
    let mut ruled = self::rules(permission);
    ruled.permissions = Arc::new(Permissions::new(permission, Path::new("/p"), rules, vec![]));
    expected.assert_eq(&shown(next(&ruled, &parse(script))));
}

#[test]
fn what_is_forbidden_is_answered_and_leave_changes_nothing() {
    let script = "user go
         reply
         call 1 shell
         allow 1";
    check_ruled(
        Permission::Full,
        "deny shell",
        script,
        expect!["answer 1 Refused: Refused: the user's rules forbid it (`shell`)."],
    );
}

#[test]
fn what_is_asked_about_is_asked_about_even_if_it_only_reads() {
    let script = "user look
         reply
         call 1 read
         call 2 read";
    check_ruled(Permission::Auto, "ask read", script, expect!["approve 1 read"]);
    check_ruled(Permission::Auto, "ask read", &format!("{script}\nallow 1"), expect!["run 1 read"]);
    check_ruled(Permission::Full, "ask read", script, expect!["run 1 read 2 read"]);
}

#[test]
fn a_read_that_is_forbidden_does_not_run_beside_others() {
    let script = "user look
         reply
         call 1 read
         call 2 list";
    check_ruled(Permission::Auto, "deny list", script, expect!["run 1 read"]);
}

#[track_caller]
fn check_with_two_calls_at_most(script: &str, expected: Expect) {
    let rules = Rules { max_calls: Some(2), ..rules(Permission::Auto) };
    expected.assert_eq(&shown(next(&rules, &parse(script))));
}

#[test]
fn as_many_calls_are_run_as_may_be() {
    check_with_two_calls_at_most(
        "user go\nreply\ncall 1 read\ncall 2 read\ncall 3 read",
        expect!["run 1 read 2 read"],
    );
    check_with_two_calls_at_most(
        "user go\nreply\ncall 1 read\ncall 2 read\nresult 1\nresult 2",
        expect!["Ask"],
    );
    check_with_two_calls_at_most(
        "user go\nreply\ncall 1 read\ncall 2 read\nresult 1\nresult 2\nreply done",
        expect!["Wait"],
    );
}

#[test]
fn one_call_too_many_is_answered_and_ends_the_turn() {
    let before = "user go\nreply\ncall 1 read\ncall 2 read\nresult 1\nresult 2\nreply\ncall 3 read";
    check_with_two_calls_at_most(
        before,
        expect![
            "answer 3 Refused: Not run: as many calls were made as the user allows for one turn."
        ],
    );
    check_with_two_calls_at_most(&format!("{before}\nresult 3"), expect!["Stop(CallLimit)"]);
    check_with_two_calls_at_most(&format!("{before}\nresult 3\nstopped"), expect!["Wait"]);
    check_with_two_calls_at_most(
        &format!("{before}\nresult 3\nstopped\nuser more\nreply\ncall 4 read"),
        expect!["run 4 read"],
    );
}

#[test]
fn while_a_task_is_planned_only_looks_are_run() {
    let script = "planning
         user hi
         reply
         call 1 read
         call 2 shell";
    check_as(Permission::Full, script, expect!["run 1 read"]);
    check_as(
        Permission::Full,
        &format!("{script}\nstart 1\nresult 1"),
        expect![
            "answer 2 Refused: Refused: this is planned first, and until there is a plan only calls that look are run. Read what you need to know, or say in a sentence that you are ready to plan."
        ],
    );
    check_as(
        Permission::Full,
        "planning\nuser hi\nreply\ncall 1 read\nresult 1\nplanned noted\nreply\ncall 2 shell",
        expect![
            "answer 2 Refused: Refused: this is planned first, and until there is a plan only calls that look are run. Read what you need to know, or say in a sentence that you are ready to plan."
        ],
    );
    let over =
        "planning\nuser hi\nreply ok\nwant plan\nreply {}\nplanned\nuser go\nreply\ncall 1 shell";
    check_as(Permission::Full, over, expect!["run 1 shell"]);
}

#[test]
fn a_model_that_is_ready_is_asked_for_its_plan() {
    check("planning\nuser hi", expect!["Ask"]);
    check(
        "planning\nuser hi\nreply",
        expect![[
            r#"Note("Your reply was empty. Go on with the task: call a tool, or say in words what you did.")"#
        ]],
    );
    check(
        "planning\nuser hi\nreply I am ready",
        expect!["want Plan: Write the plan now, as one JSON object and nothing else:"],
    );
    check("planning\nuser hi\nreply I am ready\nwant plan", expect!["Ask"]);
}

#[test]
fn a_reply_that_is_a_plan_is_put_before_the_person() {
    let asked = "planning\nuser hi\nreply I am ready\nwant plan";
    let plan = r#"reply {"goal":"g","steps":["a"]}"#;
    check(&format!("{asked}\n{plan}"), expect!["propose g"]);
    check(&format!("{asked}\n{plan}\nplanned"), expect!["Wait"]);
    check(
        &format!("{asked}\nreply well"),
        expect!["want Plan: That is no plan: there is no JSON object in it."],
    );
    check(
        &format!("{asked}\ncut {{\"goal"),
        expect!["want Plan: That is no plan: it was cut off; take fewer steps, or fewer words."],
    );
    check(
        &format!("{asked}\nreply well\nwant plan\nreply well\nwant plan\nreply well"),
        expect!["Stop(NoPlan)"],
    );
    check(&format!("{asked}\ncancelled"), expect!["Stop(Cancelled)"]);
}

#[test]
fn how_far_a_plan_has_come_changes_nothing_about_a_turn() {
    check("user hi\nmarked", expect!["Ask"]);
    check("user hi\nreply ok\nmarked", expect!["Wait"]);
    check("user hi\nreply ok\nwant verdict", expect!["Ask"]);
    check("user hi\nreply ok\nwant verdict\nreply no", expect!["Wait"]);
}
