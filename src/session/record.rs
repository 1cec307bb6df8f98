//! What a journal says about one entry: the form on disk, which is a promise to later versions.
//!
//! Tags and field names here are never renamed. A field added later has a default, so that older
//! journals still load; a kind added later is skipped by older versions.

use serde::{Deserialize, Serialize};

use crate::conversation::{self, Entry};
use crate::session::planned;

/// The newest form on disk that is understood. It grows only if an older program could no longer
/// make sense of what a newer one writes.
pub(crate) const FORMAT: u32 = 2;

/// A journal in which each record follows on the one before it. Every journal begins as one; the
/// first record that does not is announced by a header with [`FORMAT`].
pub(crate) const LINEAR: u32 = 1;

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
    /// The person went back: what follows goes on from the parent of this record.
    Rewound {
        /// What the model has to be told with the next prompt of the files as they are now.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<String>,
    },
    /// What the person calls the session from here on, whatever branch this is on; nothing if empty.
    Named {
        name: String,
    },
    /// What was said beside the conversation, to answer this call of it.
    Beside {
        call: String,
        entry: Box<Record>,
    },
    Planning,
    Wanted {
        form: planned::Form,
        words: String,
    },
    Planned(planned::Plan),
    Marked(planned::Mark),
}

/// The first record of a journal, whose time is when the session was created. A later one takes its
/// place but for `forked`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Header {
    pub(crate) format: u32,
    /// The version of the program that wrote it.
    pub(crate) agent: String,
    pub(crate) session: String,
    /// The project's path; empty if it was not known.
    pub(crate) project: String,
    /// Where what follows up to there was copied from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) forked: Option<Forked>,
}

/// A session that another one was made from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Forked {
    pub(crate) session: String,
    /// The number of its last record that was copied.
    pub(crate) seq: u64,
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
    #[serde(default, skip_serializing_if = "String::is_empty")]
    model: String,
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
    /// A program that does not know it must not take it for leave to run the call of the model.
    Changed(Changed),
    Denied(String),
    Nobody,
}

/// A call that the person put in the place of the model's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Changed {
    tool: String,
    args: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    left_out: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Outcome {
    call: String,
    status: Status,
    text: String,
    gist: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    notices: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    beside: Option<Beside>,
}

/// What it took beside the conversation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Beside {
    requests: u32,
    calls: usize,
    usage: Usage,
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
    TimeLimit,
    CallLimit,
    OtherForm,
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
    /// The entry it stands for; what is about the session stands for none.
    pub(crate) fn into_entry(self) -> Option<Entry> {
        Some(match self {
            Self::Header(_) | Self::Rewound { .. } | Self::Named { .. } | Self::Beside { .. } => {
                return None;
            }
            Self::Opened { system } => Entry::Opened { system },
            Self::Prompt { text } => Entry::Prompt(text),
            Self::Reply(reply) => Entry::Reply(reply.into()),
            Self::Decided { call, decision, rule } => {
                Entry::Decided { decision: decision.into_domain(&call, rule), call }
            }
            Self::Started { call } => Entry::Started { call },
            Self::Result(Outcome { call, status, text, gist, notices, beside }) => {
                let beside = beside.map(|it| Box::new(it.into()));
                let status = status.into();
                let outcome = conversation::Outcome { status, text, gist, notices, beside };
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
                let (decision, rule) = Decision::from_domain(decision);
                Self::Decided { call, decision, rule }
            }
            Entry::Started { call } => Self::Started { call },
            Entry::Result { call, outcome } => {
                let conversation::Outcome { status, text, gist, notices, beside } = outcome;
                let (status, beside) = (status.into(), beside.map(|it| (*it).into()));
                Self::Result(Outcome { call, status, text, gist, notices, beside })
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
        let conversation::Reply { text, spoken, reasoning, calls, end, usage, model } = reply;
        let calls = calls.into_iter().map(Call::from).collect();
        Self { text, spoken, reasoning, calls, end: end.into(), usage: usage.into(), model }
    }
}

impl From<Reply> for conversation::Reply {
    fn from(reply: Reply) -> Self {
        let Reply { text, spoken, reasoning, calls, end, usage, model } = reply;
        let calls = calls.into_iter().map(conversation::Call::from).collect();
        Self { text, spoken, reasoning, calls, end: end.into(), usage: usage.into(), model }
    }
}

impl From<conversation::Beside> for Beside {
    fn from(it: conversation::Beside) -> Self {
        Self { requests: it.requests, calls: it.calls, usage: it.usage.into() }
    }
}

impl From<Beside> for conversation::Beside {
    fn from(it: Beside) -> Self {
        Self { requests: it.requests, calls: it.calls, usage: it.usage.into() }
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
    fn from_domain(decision: conversation::Decision) -> (Self, Option<String>) {
        match decision {
            conversation::Decision::Allowed => (Self::Allowed, None),
            conversation::Decision::Always(rule) => (Self::Allowed, Some(rule)),
            conversation::Decision::Changed(changed) => {
                let conversation::Changed { call, left_out } = *changed;
                let conversation::Call { tool, args, .. } = call;
                (Self::Changed(Changed { tool, args, left_out }), None)
            }
            conversation::Decision::Denied(words) => (Self::Denied(words), None),
            conversation::Decision::Nobody => (Self::Nobody, None),
        }
    }

    fn into_domain(self, id: &str, rule: Option<String>) -> conversation::Decision {
        match (self, rule) {
            (Self::Changed(Changed { tool, args, left_out }), _) => {
                let call = conversation::Call { id: id.to_owned(), tool, args };
                conversation::Decision::Changed(conversation::Changed { call, left_out }.into())
            }
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
mirror!(
    Stop: Cancelled,
    TurnLimit,
    EmptyReplies,
    MalformedCalls,
    RepeatedCalls,
    CutOff,
    TimeLimit,
    CallLimit,
    OtherForm,
    NoPlan
);

#[cfg(test)]
pub(crate) mod tests;
