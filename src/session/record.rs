//! What a journal says about one entry: the form on disk, which is a promise to later versions.
//!
//! Tags and field names here are never renamed. A field added later has a default, so that older
//! journals still load; a kind added later is skipped by older versions.

use serde::{Deserialize, Serialize};

use crate::conversation::{self, Entry};
use crate::session::planned;

/// The version of the form on disk. It grows only if an older program could no longer make sense
/// of what a newer one writes.
pub(crate) const FORMAT: u32 = 1;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Record {
    Header(Header),
    Opened {
        system: String,
    },
    Prompt {
        text: String,
    },
    Reply(Reply),
    Decided {
        call: String,
        decision: Decision,
        /// What was allowed with it, from then on.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rule: Option<String>,
    },
    Started {
        call: String,
    },
    Result(Outcome),
    Note {
        text: String,
    },
    Stopped {
        stop: Stop,
    },
    Full {
        tokens: u32,
        window: u32,
    },
    Pruned {
        kept: usize,
        /// Without one, what stays stays whole.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        most: Option<usize>,
    },
    Condensed {
        summary: String,
        kept: usize,
        #[serde(default)]
        usage: Usage,
    },
    Planning,
    Wanted {
        form: planned::Form,
        words: String,
    },
    Planned(planned::Plan),
    Marked(planned::Mark),
}

/// The first record of a journal. Its time is when the session was created.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Header {
    pub(crate) format: u32,
    /// The version of the program that wrote it.
    pub(crate) agent: String,
    pub(crate) session: String,
    /// The project's path; empty if it was not known.
    pub(crate) project: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Reply {
    text: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    spoken: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    reasoning: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    calls: Vec<Call>,
    end: End,
    #[serde(default)]
    usage: Usage,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum End {
    Finished,
    CutOff,
    Cancelled,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Call {
    id: String,
    tool: String,
    args: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Decision {
    Allowed,
    Denied(String),
    Nobody,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Outcome {
    call: String,
    status: Status,
    text: String,
    gist: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    notices: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Status {
    Done,
    Failed,
    Malformed,
    Refused,
    Cancelled,
    Interrupted,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Stop {
    Cancelled,
    TurnLimit,
    EmptyReplies,
    MalformedCalls,
    RepeatedCalls,
    CutOff,
    NoPlan,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Usage {
    cached: u32,
    read: u32,
    written: u32,
    /// JSON knows no infinity: a time that is not finite is not kept.
    read_ms: Option<f64>,
    written_ms: Option<f64>,
}

impl Record {
    /// The entry it stands for; the header stands for none.
    pub(crate) fn into_entry(self) -> Option<Entry> {
        Some(match self {
            Self::Header(_) => return None,
            Self::Opened { system } => Entry::Opened { system },
            Self::Prompt { text } => Entry::Prompt(text),
            Self::Reply(reply) => Entry::Reply(reply.into()),
            Self::Decided { call, decision, rule } => {
                Entry::Decided { call, decision: decision.into_domain(rule) }
            }
            Self::Started { call } => Entry::Started { call },
            Self::Result(Outcome { call, status, text, gist, notices }) => {
                let outcome = conversation::Outcome { status: status.into(), text, gist, notices };
                Entry::Result { call, outcome }
            }
            Self::Note { text } => Entry::Note(text),
            Self::Stopped { stop } => Entry::Stopped(stop.into()),
            Self::Full { tokens, window } => Entry::Full { tokens, window },
            Self::Pruned { kept, most } => {
                Entry::Pruned(conversation::Pruned { kept, most: most.unwrap_or(usize::MAX) })
            }
            Self::Condensed { summary, kept, usage } => {
                let usage = usage.into();
                Entry::Condensed(conversation::Condensed { summary, kept, usage })
            }
            Self::Planning => Entry::Planning,
            Self::Wanted { form, words } => Entry::Wanted { form: form.into(), words },
            Self::Planned(plan) => Entry::Planned(plan.into()),
            Self::Marked(mark) => Entry::Marked(mark.into()),
        })
    }
}

impl From<&Entry> for Record {
    fn from(entry: &Entry) -> Self {
        match entry.clone() {
            Entry::Opened { system } => Self::Opened { system },
            Entry::Prompt(text) => Self::Prompt { text },
            Entry::Reply(reply) => Self::Reply(reply.into()),
            Entry::Decided { call, decision } => {
                let (decision, rule) = match decision {
                    conversation::Decision::Allowed => (Decision::Allowed, None),
                    conversation::Decision::Always(rule) => (Decision::Allowed, Some(rule)),
                    conversation::Decision::Denied(words) => (Decision::Denied(words), None),
                    conversation::Decision::Nobody => (Decision::Nobody, None),
                };
                Self::Decided { call, decision, rule }
            }
            Entry::Started { call } => Self::Started { call },
            Entry::Result { call, outcome } => {
                let conversation::Outcome { status, text, gist, notices } = outcome;
                Self::Result(Outcome { call, status: status.into(), text, gist, notices })
            }
            Entry::Note(text) => Self::Note { text },
            Entry::Stopped(stop) => Self::Stopped { stop: stop.into() },
            Entry::Full { tokens, window } => Self::Full { tokens, window },
            Entry::Pruned(conversation::Pruned { kept, most }) => {
                Self::Pruned { kept, most: Some(most).filter(|it| *it != usize::MAX) }
            }
            Entry::Condensed(conversation::Condensed { summary, kept, usage }) => {
                Self::Condensed { summary, kept, usage: usage.into() }
            }
            Entry::Planning => Self::Planning,
            Entry::Wanted { form, words } => Self::Wanted { form: form.into(), words },
            Entry::Planned(plan) => Self::Planned(plan.into()),
            Entry::Marked(mark) => Self::Marked(mark.into()),
        }
    }
}

impl From<conversation::Reply> for Reply {
    fn from(reply: conversation::Reply) -> Self {
        let conversation::Reply { text, spoken, reasoning, calls, end, usage } = reply;
        let calls = calls.into_iter().map(Call::from).collect();
        Self { text, spoken, reasoning, calls, end: end.into(), usage: usage.into() }
    }
}

impl From<Reply> for conversation::Reply {
    fn from(reply: Reply) -> Self {
        let Reply { text, spoken, reasoning, calls, end, usage } = reply;
        let calls = calls.into_iter().map(conversation::Call::from).collect();
        Self { text, spoken, reasoning, calls, end: end.into(), usage: usage.into() }
    }
}

impl From<conversation::Usage> for Usage {
    fn from(usage: conversation::Usage) -> Self {
        let conversation::Usage { cached, read, written, read_ms, written_ms } = usage;
        let finite = |it: f64| it.is_finite().then_some(it);
        let (read_ms, written_ms) = (finite(read_ms), finite(written_ms));
        Self { cached, read, written, read_ms, written_ms }
    }
}

impl From<Usage> for conversation::Usage {
    fn from(usage: Usage) -> Self {
        let Usage { cached, read, written, read_ms, written_ms } = usage;
        let (read_ms, written_ms) = (read_ms.unwrap_or_default(), written_ms.unwrap_or_default());
        Self { cached, read, written, read_ms, written_ms }
    }
}

impl Decision {
    fn into_domain(self, rule: Option<String>) -> conversation::Decision {
        match (self, rule) {
            (Self::Allowed, None) => conversation::Decision::Allowed,
            (Self::Allowed, Some(rule)) => conversation::Decision::Always(rule),
            (Self::Denied(words), _) => conversation::Decision::Denied(words),
            (Self::Nobody, _) => conversation::Decision::Nobody,
        }
    }
}

impl From<conversation::Call> for Call {
    fn from(conversation::Call { id, tool, args }: conversation::Call) -> Self {
        Self { id, tool, args }
    }
}

impl From<Call> for conversation::Call {
    fn from(Call { id, tool, args }: Call) -> Self {
        Self { id, tool, args }
    }
}

/// The same names on both sides; the compiler sees to it that none is forgotten.
macro_rules! mirror {
    ($name:ident: $($variant:ident),+) => {
        impl From<conversation::$name> for $name {
            fn from(it: conversation::$name) -> Self {
                match it { $(conversation::$name::$variant => Self::$variant,)+ }
            }
        }

        impl From<$name> for conversation::$name {
            fn from(it: $name) -> Self {
                match it { $($name::$variant => Self::$variant,)+ }
            }
        }
    };
}

mirror!(End: Finished, CutOff, Cancelled);
mirror!(Status: Done, Failed, Malformed, Refused, Cancelled, Interrupted);
mirror!(Stop: Cancelled, TurnLimit, EmptyReplies, MalformedCalls, RepeatedCalls, CutOff, NoPlan);

#[cfg(test)]
pub(crate) mod tests {
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
            text().prop_map(|call| Entry::Decided {
                call,
                decision: conversation::Decision::Allowed
            }),
            (text(), text()).prop_map(|(call, words)| Entry::Decided {
                call,
                decision: conversation::Decision::Denied(words)
            }),
            (text(), text()).prop_map(|(call, rule)| Entry::Decided {
                call,
                decision: conversation::Decision::Always(rule)
            }),
            text()
                .prop_map(|call| Entry::Decided { call, decision: conversation::Decision::Nobody }),
            text().prop_map(|call| Entry::Started { call }),
            (text(), status(), text(), text(), prop::collection::vec(text(), 0..2)).prop_map(
                |(call, status, text, gist, notices)| {
                    Entry::Result {
                        call,
                        outcome: conversation::Outcome { status, text, gist, notices },
                    }
                }
            ),
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
        let call = any::<(String, String, String)>()
            .prop_map(|(id, tool, args)| conversation::Call { id, tool, args });
        let calls = prop::collection::vec(call, 0..3);
        let end = prop::sample::select(vec![Finished, CutOff, Cancelled]);
        (any::<[String; 3]>(), calls, end, usage()).prop_map(
            |([text, spoken, reasoning], calls, end, usage)| conversation::Reply {
                text,
                spoken,
                reasoning,
                calls,
                end,
                usage,
            },
        )
    }

    fn usage() -> impl Strategy<Value = conversation::Usage> {
        let ms = || prop::num::f64::NORMAL | prop::num::f64::ZERO | prop::num::f64::SUBNORMAL;
        (any::<[u32; 3]>(), ms(), ms()).prop_map(
            |([cached, read, written], read_ms, written_ms)| conversation::Usage {
                cached,
                read,
                written,
                read_ms,
                written_ms,
            },
        )
    }

    fn status() -> impl Strategy<Value = conversation::Status> {
        use conversation::Status::*;
        prop::sample::select(vec![Done, Failed, Malformed, Refused, Cancelled, Interrupted])
    }

    fn stop() -> impl Strategy<Value = conversation::Stop> {
        use conversation::Stop::*;
        let all =
            vec![Cancelled, TurnLimit, EmptyReplies, MalformedCalls, RepeatedCalls, CutOff, NoPlan];
        prop::sample::select(all)
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
        let usage = conversation::Usage {
            cached: 1,
            read: 2,
            written: 3,
            read_ms: 4.5,
            written_ms: f64::NAN,
        };
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
        };
        let outcome = conversation::Outcome {
            status: conversation::Status::Done,
            text: "one\ntwo".into(),
            gist: "2 lines".into(),
            notices: vec!["look".into()],
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
                Entry::Condensed(conversation::Condensed {
                    summary: "so far".into(),
                    kept: 2,
                    usage,
                }),
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
                {"kind":"reply","text":"Let me look.","spoken":"<tool_call>","reasoning":"hm","calls":[{"id":"c1","tool":"read","args":"{\"path\":\"a\"}"}],"end":"cut_off","usage":{"cached":1,"read":2,"written":3,"read_ms":4.5,"written_ms":null}}
                {"kind":"reply","text":"","end":"finished","usage":{"cached":0,"read":0,"written":0,"read_ms":0.0,"written_ms":0.0}}
                {"kind":"decided","call":"c1","decision":"allowed"}
                {"kind":"decided","call":"c1","decision":{"denied":"not that"}}
                {"kind":"decided","call":"c1","decision":"allowed","rule":"edit_file(a)"}
                {"kind":"started","call":"c1"}
                {"kind":"result","call":"c1","status":"done","text":"one\ntwo","gist":"2 lines","notices":["look"]}
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
    fn unknown_fields_are_passed_over() {
        let record: Record =
            serde_json::from_str(r#"{"kind":"prompt","text":"a","image":[1,{"b":2}]}"#).unwrap();
        assert_eq!(record.into_entry(), Some(Entry::Prompt("a".into())));
    }
}
