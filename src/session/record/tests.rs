//! What is on disk, written and read back.

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;

/// Any entry at all.
pub(crate) fn entry() -> impl Strategy<Value = Entry> {
    let text = || any::<String>();
    prop_oneof![
        text().prop_map(|system| Entry::Opened { system }),
        text().prop_map(Entry::Prompt),
        reply().prop_map(Entry::Reply),
        text().prop_map(|call| Entry::Decided { call, decision: conversation::Decision::Allowed }),
        (text(), text()).prop_map(|(call, words)| Entry::Decided {
            call,
            decision: conversation::Decision::Denied(words)
        }),
        (text(), text()).prop_map(|(call, rule)| Entry::Decided {
            call,
            decision: conversation::Decision::Always(rule)
        }),
        text().prop_map(|call| Entry::Decided { call, decision: conversation::Decision::Nobody }),
        (text(), text(), text()).prop_map(|(call, args, left_out)| {
            let changed = conversation::Call { id: call.clone(), tool: args.clone(), args };
            let changed = conversation::Changed { call: changed, left_out };
            Entry::Decided { call, decision: conversation::Decision::Changed(changed.into()) }
        }),
        text().prop_map(|call| Entry::Started { call }),
        (
            text(),
            status(),
            text(),
            text(),
            prop::collection::vec(text(), 0..2),
            prop::option::of(beside())
        )
            .prop_map(|(call, status, text, gist, notices, beside)| {
                Entry::Result {
                    call,
                    outcome: conversation::Outcome {
                        status,
                        text,
                        gist,
                        notices,
                        beside: beside.map(Box::new),
                    },
                }
            }),
        text().prop_map(Entry::Note),
        stop().prop_map(Entry::Stopped),
        any::<(u32, u32)>().prop_map(|(tokens, window)| Entry::Full { tokens, window }),
        any::<(usize, usize)>()
            .prop_map(|(kept, most)| Entry::Pruned(conversation::Pruned { kept, most })),
        (text(), any::<usize>(), usage()).prop_map(|(summary, kept, usage)| {
            Entry::Condensed(conversation::Condensed { summary, kept, usage })
        }),
        Just(Entry::Planning),
        text().prop_map(|words| Entry::Wanted { form: conversation::Form::Plan, words }),
        text().prop_map(|words| Entry::Wanted { form: conversation::Form::Verdict, words }),
        planned::tests::plan().prop_map(Entry::Planned),
        planned::tests::mark().prop_map(Entry::Marked),
    ]
}

fn reply() -> impl Strategy<Value = conversation::Reply> {
    use conversation::End::*;
    let call = any::<(String, String, String)>().prop_map(|(id, tool, args)| conversation::Call {
        id,
        tool,
        args,
    });
    let calls = prop::collection::vec(call, 0..3);
    let end = prop::sample::select(vec![Finished, CutOff, Cancelled]);
    (any::<[String; 4]>(), calls, end, usage()).prop_map(
        |([text, spoken, reasoning, model], calls, end, usage)| conversation::Reply {
            text,
            spoken,
            reasoning,
            calls,
            end,
            usage,
            model,
        },
    )
}

fn beside() -> impl Strategy<Value = conversation::Beside> {
    (any::<(u32, usize)>(), usage()).prop_map(|((requests, calls), usage)| conversation::Beside {
        requests,
        calls,
        usage,
    })
}

fn usage() -> impl Strategy<Value = conversation::Usage> {
    let ms = || prop::num::f64::NORMAL | prop::num::f64::ZERO | prop::num::f64::SUBNORMAL;
    (any::<[u32; 3]>(), ms(), ms()).prop_map(|([cached, read, written], read_ms, written_ms)| {
        conversation::Usage { cached, read, written, read_ms, written_ms }
    })
}

fn status() -> impl Strategy<Value = conversation::Status> {
    use conversation::Status::*;
    prop::sample::select(vec![Done, Failed, Malformed, Refused, Cancelled, Interrupted])
}

fn stop() -> impl Strategy<Value = conversation::Stop> {
    use conversation::Stop::*;
    prop::sample::select(vec![
        Cancelled,
        TurnLimit,
        EmptyReplies,
        MalformedCalls,
        RepeatedCalls,
        CutOff,
        TimeLimit,
        CallLimit,
        OtherForm,
        NoPlan,
    ])
}

proptest! {
    #[test]
    fn every_entry_comes_back_as_it_was(entry in entry()) {
        let text = serde_json::to_string(&Record::from(&entry)).unwrap();
        let back: Record = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(back.into_entry(), Some(entry));
    }
}

#[track_caller]
fn check(entries: &[Entry], expected: Expect) {
    let lines: Vec<_> =
        entries.iter().map(|it| serde_json::to_string(&Record::from(it)).unwrap()).collect();
    expected.assert_eq(&lines.join("\n"));
}

#[test]
fn the_form_on_disk_does_not_change() {
    let call = || "c1".to_owned();
    let usage =
        conversation::Usage { cached: 1, read: 2, written: 3, read_ms: 4.5, written_ms: f64::NAN };
    let reply = conversation::Reply {
        text: "Let me look.".into(),
        spoken: "<tool_call>".into(),
        reasoning: "hm".into(),
        calls: vec![conversation::Call {
            id: call(),
            tool: "read".into(),
            args: r#"{"path":"a"}"#.into(),
        }],
        end: conversation::End::CutOff,
        usage,
        model: "m.gguf".into(),
    };
    let outcome = conversation::Outcome {
        status: conversation::Status::Done,
        text: "one\ntwo".into(),
        gist: "2 lines".into(),
        notices: vec!["look".into()],
        beside: Some(Box::new(conversation::Beside { requests: 2, calls: 1, usage })),
    };
    let step = |what: &str, check| conversation::PlanStep {
        what: what.into(),
        check,
        ..conversation::PlanStep::default()
    };
    let plan = conversation::Plan {
        stage: conversation::Stage::Proposed,
        goal: "mend it".into(),
        steps: vec![
            conversation::PlanStep {
                files: vec!["a.rs".into()],
                status: conversation::StepStatus::Done,
                gist: "exit 0".into(),
                ..step("one", conversation::PlanCheck::Command("make".into()))
            },
            step("two", conversation::PlanCheck::Look("it reads well".into())),
        ],
        risks: vec!["none".into()],
    };
    let denied = conversation::Decision::Denied("not that".into());
    let always = conversation::Decision::Always("edit_file(a)".into());
    check(
        &[
            Entry::Opened { system: "You are".into() },
            Entry::Prompt("Hello".into()),
            Entry::Reply(reply),
            Entry::Reply(conversation::Reply::default()),
            Entry::Decided { call: call(), decision: conversation::Decision::Allowed },
            Entry::Decided { call: call(), decision: denied },
            Entry::Decided { call: call(), decision: always },
            Entry::Started { call: call() },
            Entry::Result { call: call(), outcome },
            Entry::Note("go on".into()),
            Entry::Stopped(conversation::Stop::TurnLimit),
            Entry::Full { tokens: 7000, window: 8192 },
            Entry::Pruned(conversation::Pruned { kept: 3, most: usize::MAX }),
            Entry::Pruned(conversation::Pruned { kept: 3, most: 900 }),
            Entry::Condensed(conversation::Condensed { summary: "so far".into(), kept: 2, usage }),
            Entry::Planning,
            Entry::Wanted { form: conversation::Form::Plan, words: "as JSON".into() },
            Entry::Planned(plan),
            Entry::Marked(conversation::Mark {
                step: 1,
                status: conversation::StepStatus::Failed,
                gist: "exit 1".into(),
                text: "no".into(),
            }),
        ],
        expect![[r#"
            {"kind":"opened","system":"You are"}
            {"kind":"prompt","text":"Hello"}
            {"kind":"reply","text":"Let me look.","spoken":"<tool_call>","reasoning":"hm","calls":[{"id":"c1","tool":"read","args":"{\"path\":\"a\"}"}],"end":"cut_off","usage":{"cached":1,"read":2,"written":3,"read_ms":4.5,"written_ms":null},"model":"m.gguf"}
            {"kind":"reply","text":"","end":"finished","usage":{"cached":0,"read":0,"written":0,"read_ms":0.0,"written_ms":0.0}}
            {"kind":"decided","call":"c1","decision":"allowed"}
            {"kind":"decided","call":"c1","decision":{"denied":"not that"}}
            {"kind":"decided","call":"c1","decision":"allowed","rule":"edit_file(a)"}
            {"kind":"started","call":"c1"}
            {"kind":"result","call":"c1","status":"done","text":"one\ntwo","gist":"2 lines","notices":["look"],"beside":{"requests":2,"calls":1,"usage":{"cached":1,"read":2,"written":3,"read_ms":4.5,"written_ms":null}}}
            {"kind":"note","text":"go on"}
            {"kind":"stopped","stop":"turn_limit"}
            {"kind":"full","tokens":7000,"window":8192}
            {"kind":"pruned","kept":3}
            {"kind":"pruned","kept":3,"most":900}
            {"kind":"condensed","summary":"so far","kept":2,"usage":{"cached":1,"read":2,"written":3,"read_ms":4.5,"written_ms":null}}
            {"kind":"planning"}
            {"kind":"wanted","form":"plan","words":"as JSON"}
            {"kind":"planned","stage":"proposed","goal":"mend it","steps":[{"what":"one","files":["a.rs"],"run":"make","status":"done","gist":"exit 0"},{"what":"two","look":"it reads well","status":"todo"}],"risks":["none"]}
            {"kind":"marked","step":1,"status":"failed","gist":"exit 1","text":"no"}"#]],
    );
}

#[test]
fn what_is_about_the_session_has_a_form_too() {
    let records = [
        Record::Rewound { note: None },
        Record::Rewound { note: Some("look again".into()) },
        Record::Named { name: "parser".into() },
        Record::Header(Header {
            format: FORMAT,
            agent: "0.1.0".into(),
            session: "s".into(),
            project: "/p".into(),
            forked: Some(Forked { session: "o".into(), seq: 7 }),
        }),
    ];
    let lines = records.map(|it| serde_json::to_string(&it).unwrap()).join("\n");
    expect![[r#"
        {"kind":"rewound"}
        {"kind":"rewound","note":"look again"}
        {"kind":"named","name":"parser"}
        {"kind":"header","format":2,"agent":"0.1.0","session":"s","project":"/p","forked":{"session":"o","seq":7}}"#]].assert_eq(&lines);
}

#[test]
fn unknown_fields_are_passed_over() {
    let record: Record =
        serde_json::from_str(r#"{"kind":"prompt","text":"a","image":[1,{"b":2}]}"#).unwrap();
    assert_eq!(record.into_entry(), Some(Entry::Prompt("a".into())));
}
