//! One thing that happened in a session.

use crate::conversation::{Changed, Mark, Plan};

/// What a session is made of. Entries are only ever appended; what the model is sent, what the
/// journal holds and what the screen shows are all functions of them.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Entry {
    /// Opens a session: what the model is told before anything else.
    Opened { system: String },
    /// The person's words; opens a turn.
    Prompt(String),
    /// What the model said.
    Reply(Reply),
    /// The person allowed or denied a call.
    Decided { call: String, decision: Decision },
    /// A call is about to run. Without a later `Result`, its effects are unknown.
    Started { call: String },
    /// A call is answered, whether or not it ran.
    Result { call: String, outcome: Outcome },
    /// A word from this program to the model, where the conversation needs one.
    Note(String),
    /// The turn ended in another way than by a finished reply.
    Stopped(Stop),
    /// The next request would leave no room for a reply: so many tokens, of so many.
    Full { tokens: u32, window: u32 },
    /// From here on the model is shown less of what calls returned; see [`crate::conversation::view()`].
    Pruned(Pruned),
    /// From here on the model is shown a summary of all but the newest entries.
    Condensed(Condensed),
    /// The prompt that follows is to be planned: until there is a plan, only what looks is run.
    Planning,
    /// The next reply is to have a form; with the words that ask for it.
    Wanted { form: Form, words: String },
    /// The plan from here on.
    Planned(Plan),
    /// A step of the plan has come so far.
    Marked(Mark),
}

/// How the model is told that the person speaks before it is their turn. Journals hold it.
const MEANWHILE: &str = "[The user says, while you work:]\n";

/// What a reply is made of that is not for reading.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Form {
    /// A plan.
    Plan,
    /// Whether what a step is checked by holds, and why.
    Verdict,
}

/// What is left out of results to make room. They are as they were in the transcript.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Pruned {
    /// Results among the last so many entries before this one stay; of those before them a stub does.
    pub(crate) kept: usize,
    /// But of what stays, a result has at most so many bytes.
    pub(crate) most: usize,
}

/// What was said so far, in short.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Condensed {
    /// In the words of the model; empty where it found none, and the oldest simply goes.
    pub(crate) summary: String,
    /// The last so many entries before this one stay word for word.
    pub(crate) kept: usize,
    /// What the summary cost.
    pub(crate) usage: Usage,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Reply {
    pub(crate) text: String,
    /// What it said behind that: its calls, where it wrote them as text. Sent back unchanged.
    pub(crate) spoken: String,
    /// What the model thought before it spoke; sent back unchanged, or its cache is lost.
    pub(crate) reasoning: String,
    pub(crate) calls: Vec<Call>,
    pub(crate) end: End,
    pub(crate) usage: Usage,
    /// What the server calls the model that said it; empty where it does not say.
    pub(crate) model: String,
}

/// Why a reply ended.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) enum End {
    /// The model finished.
    #[default]
    Finished,
    /// The window or the token limit ended it; its last call may be cut off.
    CutOff,
    /// The person stopped it; its calls are not kept.
    Cancelled,
}

/// A tool call as the model made it: the arguments are its own bytes, understood only by `tools`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Call {
    /// Unique among the calls of one reply.
    pub(crate) id: String,
    pub(crate) tool: String,
    pub(crate) args: String,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Decision {
    Allowed,
    /// And so is whatever this rule means, from now on.
    Always(String),
    /// Not as the model made it, but so.
    Changed(Box<Changed>),
    /// With what the person said, which may be nothing.
    Denied(String),
    /// There was nobody who could have allowed it.
    Nobody,
}

/// The answer to a call.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Outcome {
    pub(crate) status: Status,
    /// What the model reads.
    pub(crate) text: String,
    /// What the person reads, in a few words: `12 lines`, `exit 1 after 0.8 s`.
    pub(crate) gist: String,
    /// What the person should know of it whatever the model makes of it: a hook that appeared, a
    /// link that leads out.
    pub(crate) notices: Vec<String>,
    /// What it took of the model beside the conversation, if it took anything.
    pub(crate) beside: Option<Box<Beside>>,
}

/// Work for one call in a conversation of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Beside {
    pub(crate) requests: u32,
    pub(crate) calls: usize,
    pub(crate) usage: Usage,
}

impl Outcome {
    pub(crate) fn new(status: Status, text: impl Into<String>, gist: impl Into<String>) -> Self {
        let (notices, beside) = (Vec::new(), None);
        Self { status, text: text.into(), gist: gist.into(), notices, beside }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Status {
    Done,
    /// It ran, or tried to, and did not succeed.
    Failed,
    /// The call itself was wrong: no such tool, or arguments that cannot be understood.
    Malformed,
    /// The rules or the person said no; nothing ran.
    Refused,
    /// The person stopped it while it ran.
    Cancelled,
    /// The program died while it ran.
    Interrupted,
}

/// Why a turn ended without a finished reply.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Stop {
    Cancelled,
    /// As many requests were made as one turn may make.
    TurnLimit,
    /// The turn took as long as one may take.
    TimeLimit,
    /// More calls were made than one turn may make.
    CallLimit,
    /// Reply after reply said nothing.
    EmptyReplies,
    /// Call after call could not be understood.
    MalformedCalls,
    /// The same calls had the same results, over and over.
    RepeatedCalls,
    /// The reply filled what was left of the window.
    CutOff,
    /// The answer was to have a form, and answer after answer had another.
    OtherForm,
    /// Reply after reply was no plan.
    NoPlan,
}

/// Tokens of one request and the time they took, as the server counted them.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Usage {
    /// Prompt tokens served from the server's cache.
    pub(crate) cached: u32,
    /// Prompt tokens the server had to read.
    pub(crate) read: u32,
    pub(crate) written: u32,
    pub(crate) read_ms: f64,
    pub(crate) written_ms: f64,
}

impl Usage {
    /// Tokens of the window that are in use after this request.
    pub(crate) fn total(&self) -> u32 {
        self.cached + self.read + self.written
    }
}

impl std::ops::AddAssign for Usage {
    fn add_assign(&mut self, more: Self) {
        self.cached = self.cached.saturating_add(more.cached);
        self.read = self.read.saturating_add(more.read);
        self.written = self.written.saturating_add(more.written);
        self.read_ms += more.read_ms;
        self.written_ms += more.written_ms;
    }
}

impl Entry {
    /// What the person said while a turn was under way: a word of ours, for the turn goes on.
    pub(crate) fn said_meanwhile(words: &str) -> Self {
        Self::Note(format!("{MEANWHILE}{words}"))
    }

    /// Those words, if it is that.
    pub(crate) fn meanwhile(&self) -> Option<&str> {
        match self {
            Self::Note(text) => text.strip_prefix(MEANWHILE),
            _ => None,
        }
    }

    /// Whether from here on the model is shown something else of what came before. All other
    /// entries only add to what it was shown.
    pub(crate) fn is_cut(&self) -> bool {
        matches!(self, Self::Pruned(_) | Self::Condensed(_))
    }
}

impl Reply {
    pub(crate) fn is_empty(&self) -> bool {
        self.text.trim().is_empty() && self.calls.is_empty()
    }
}
