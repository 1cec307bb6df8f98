//! What happens next, as a pure function of what has happened so far.
//!
//! Because a step depends on the transcript alone, a session that was killed resumes by asking the
//! same question again.

use std::sync::Arc;

use crate::agent::guard;
use crate::agent::plan;
use crate::agent::room::{Room, room};
use crate::conversation::{
    Call, CallState, Decision, Effect, End, Entry, Form, Outcome, Plan, Reply, Stakes, Status,
    Stop, ToolSpec, Transcript,
};
use crate::permission::{Act, Asked, Permissions, Verdict};
use crate::tools;

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Next {
    /// It is the person's turn to speak.
    Wait,
    /// Send the conversation to the model, if there is room for an answer.
    Ask,
    /// Send it however little room there is: nothing can go.
    AskAnyway,
    /// The person has to allow this call first.
    Approve(Call, Stakes),
    /// One call, or several that only read and may run side by side.
    Run(Vec<Call>),
    /// Answer a call without running it.
    Answer(Call, Outcome),
    /// Tell the model something before it is asked again.
    Note(&'static str),
    /// Ask for a reply in a form, in these words.
    Want(Form, String),
    /// The reply is this plan, for the person to look at.
    Propose(Plan),
    /// The window is full.
    MakeRoom(Room),
    /// Nothing can go, and what there is does not fit: so many tokens in so many.
    GiveUp {
        tokens: u32,
        window: u32,
    },
    Stop(Stop),
}

/// What decides, besides the transcript.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    pub(crate) permissions: Arc<Permissions>,
    /// How often the model may be asked in one turn.
    pub(crate) max_requests: u32,
    /// How many calls the model may make in one turn.
    pub(crate) max_calls: Option<usize>,
    /// What there is, and the most each can do.
    pub(crate) tools: Vec<ToolSpec>,
    /// Why calls that do more than look are refused, where they are.
    pub(super) only_looks: Option<&'static str>,
}

/// So many replies in a row may be useless before the turn ends.
const PATIENCE: u32 = 3;

impl Rules {
    pub(crate) fn new(
        permissions: Arc<Permissions>,
        max_requests: u32,
        tools: &[ToolSpec],
    ) -> Self {
        let (max_calls, only_looks) = (None, None);
        Self { permissions, max_requests, max_calls, tools: tools.to_vec(), only_looks }
    }

    /// Whether this call is one too many.
    fn is_beyond(&self, transcript: &Transcript, call: &Call) -> bool {
        self.max_calls.is_some_and(|it| it <= transcript.calls_before(call))
    }

    /// What the person's rules make of the call, as the tool that it will really run.
    pub(super) fn judge(&self, call: &Call) -> Verdict {
        let understood = tools::understand(call, &self.tools).map(|it| it.call);
        let call = understood.as_ref().unwrap_or(call);
        let args: Option<serde_json::Value> = match call.args.trim() {
            "" | "null" => Some(serde_json::json!({})),
            args => serde_json::from_str(args).ok(),
        };
        let args = args.as_ref().filter(|it| it.is_object());
        let more_paths = tools::more_paths(call);
        let more_paths = more_paths.as_deref();
        let url = args.and_then(|it| it.get("url")?.as_str());
        let asked = url.and_then(tools::asked_by);
        let asked = asked.as_ref().map(|(host, port)| Asked { host, port: *port });
        self.permissions.judge(Act {
            tool: &call.tool,
            effect: self.effect(call),
            args,
            more_paths,
            asked,
        })
    }

    /// What each request says of the tools, in bytes.
    fn length_of_tools(&self) -> usize {
        self.tools.iter().map(|it| it.definition.len()).sum()
    }

    /// Of the tool that will run, whatever the model calls it. One that does not exist, or a call
    /// that cannot be understood, does nothing.
    pub(crate) fn effect(&self, call: &Call) -> Effect {
        let Ok(understood) = tools::understand(call, &self.tools) else { return Effect::Reads };
        let known = self.tools.iter().find(|it| it.name == understood.call.tool);
        known.map_or(Effect::Reads, |it| it.effect.max(tools::demands(&understood.call)))
    }
}

pub(crate) fn next(rules: &Rules, transcript: &Transcript) -> Next {
    if let Some((call, state)) = transcript.pending().next() {
        return next_for_call(rules, transcript, as_wanted(call, state), state);
    }
    match transcript.last_that_counts() {
        None | Some(Entry::Opened { .. } | Entry::Stopped(_) | Entry::Planning) => Next::Wait,
        Some(_) if transcript.is_cancelled() => Next::Stop(Stop::Cancelled),
        Some(Entry::Reply(reply)) => after_last_words(rules, transcript, reply),
        Some(_) if transcript.malformed_replies() >= PATIENCE => Next::Stop(Stop::MalformedCalls),
        Some(_) if guard::is_circling(transcript.entries()) => Next::Stop(Stop::RepeatedCalls),
        Some(_) if rules.max_calls.is_some_and(|it| it < transcript.calls()) => {
            Next::Stop(Stop::CallLimit)
        }
        Some(_) if transcript.requests() >= rules.max_requests => Next::Stop(Stop::TurnLimit),
        Some(_) => match transcript.last() {
            Some(&Entry::Full { tokens, window }) => {
                match room(transcript.entries(), rules.length_of_tools()) {
                    Some(room) => Next::MakeRoom(room),
                    None if tokens < window => Next::AskAnyway,
                    None => Next::GiveUp { tokens, window },
                }
            }
            _ => Next::Ask,
        },
    }
}

/// The model made no call.
fn after_last_words(rules: &Rules, transcript: &Transcript, reply: &Reply) -> Next {
    match reply.end {
        _ if transcript.wanted() == Some(Form::Plan) => after_plan(transcript, reply),
        _ if transcript.wanted().is_some() => Next::Wait,
        End::CutOff => Next::Stop(Stop::CutOff),
        _ if reply.is_empty() => after_nothing(rules, transcript),
        _ if transcript.is_planning() => Next::Want(Form::Plan, plan::words_for_plan(None)),
        _ => Next::Wait,
    }
}

/// The model was asked for a plan.
fn after_plan(transcript: &Transcript, reply: &Reply) -> Next {
    let read = match reply.end {
        End::CutOff => Err("it was cut off; take fewer steps, or fewer words".to_owned()),
        End::Finished | End::Cancelled => plan::read(&reply.text),
    };
    match read {
        Ok(plan) => Next::Propose(plan),
        Err(_) if PATIENCE <= transcript.wishes() => Next::Stop(Stop::NoPlan),
        Err(why) => Next::Want(Form::Plan, plan::words_for_plan(Some(&why))),
    }
}

fn after_nothing(rules: &Rules, transcript: &Transcript) -> Next {
    match transcript.empty_replies() {
        PATIENCE.. => Next::Stop(Stop::EmptyReplies),
        _ if rules.tools.is_empty() => Next::Note("Your reply was empty. Answer in words."),
        _ => Next::Note(
            "Your reply was empty. Go on with the task: call a tool, or say in words what you did.",
        ),
    }
}

fn next_for_call(rules: &Rules, transcript: &Transcript, call: &Call, state: &CallState) -> Next {
    let answer = |status, text: &str, gist: &str| {
        Next::Answer(call.clone(), Outcome::new(status, text, gist))
    };
    if state.started || transcript.is_cancelled() {
        return Next::Answer(call.clone(), given_up(state));
    }
    if rules.is_beyond(transcript, call) {
        return answer(
            Status::Refused,
            "Not run: as many calls were made as the user allows for one turn.",
            "not run: too many calls",
        );
    }
    if is_cut_off(transcript, call) {
        return answer(
            Status::Malformed,
            "Not run: the call was cut off because the reply became too long. Make it again in smaller pieces.",
            "cut off",
        );
    }
    if let Some(why) = rules.only_looks.filter(|_| rules.effect(call) != Effect::Reads) {
        return answer(Status::Refused, why, "refused: only looks");
    }
    if transcript.is_planning() && rules.effect(call) != Effect::Reads {
        return answer(
            Status::Refused,
            "Refused: this is planned first, and until there is a plan only calls that look are run. \
             Read what you need to know, or say in a sentence that you are ready to plan.",
            "refused: planning",
        );
    }
    match (&state.decision, rules.judge(call)) {
        (Some(Decision::Nobody), _) => answer(
            Status::Refused,
            "Refused: there is nobody to ask; only what needs no leave can be done.",
            "denied",
        ),
        (Some(Decision::Denied(why)), _) if why.is_empty() => {
            answer(Status::Refused, "The user said no. Do something else, or ask.", "denied")
        }
        (Some(Decision::Denied(why)), _) => {
            answer(Status::Refused, &format!("The user said no: {why}"), "denied")
        }
        // Leave that was given before does not count against a rule.
        (_, Verdict::Refuse { why, gist }) => answer(Status::Refused, &why, gist),
        (None, Verdict::Ask(question)) => Next::Approve(call.clone(), question),
        _ if rules.effect(call) == Effect::Reads => Next::Run(readers(rules, transcript)),
        _ => Next::Run(vec![call.clone()]),
    }
}

/// The call that counts: the person's, where they changed the model's.
fn as_wanted<'a>(call: &'a Call, state: &'a CallState) -> &'a Call {
    state.changed().map_or(call, |it| &it.call)
}

/// Says in the results of calls that the person changed what really ran, which the model did not ask
/// for.
pub(super) fn tell_changes(transcript: &Transcript, results: &mut [Entry]) {
    for result in results {
        let Entry::Result { call, outcome } = result else { continue };
        let state = transcript.pending().find(|it| it.0.id == *call).map(|it| it.1);
        if let Some(changed) = state.and_then(CallState::changed) {
            outcome.text.insert_str(0, &changed.in_words());
        }
    }
}

/// The answer to a call that will not be run, because the turn was stopped or cut short.
pub(super) fn given_up(state: &CallState) -> Outcome {
    // Started but without a result: we were killed in between, and running it twice may do harm
    // that once did not.
    let (status, text, gist) = match state.started {
        true => (
            Status::Interrupted,
            "Interrupted: the program ended while this call ran. Its effects are unknown; look before you repeat it.",
            "interrupted, effects unknown",
        ),
        false => (Status::Cancelled, "Not run: the user stopped the turn.", "not run"),
    };
    Outcome::new(status, text, gist)
}

/// The calls that only read, up to the first one that does more.
fn readers(rules: &Rules, transcript: &Transcript) -> Vec<Call> {
    let may_run = |call: &Call, state: &CallState| match state.decision {
        Some(Decision::Denied(_) | Decision::Nobody) => false,
        Some(Decision::Allowed | Decision::Always(_)) => true,
        // The rules were asked about another call.
        Some(Decision::Changed(_)) => !matches!(rules.judge(call), Verdict::Refuse { .. }),
        None => rules.judge(call) == Verdict::Allow,
    };
    let wanted = transcript.pending().map(|(call, state)| (as_wanted(call, state), state));
    let fresh = wanted.take_while(|(call, state)| {
        !state.started
            && rules.effect(call) == Effect::Reads
            && !is_cut_off(transcript, call)
            && !rules.is_beyond(transcript, call)
            && may_run(call, state)
    });
    fresh.map(|(call, _)| call.clone()).collect()
}

/// Whether the reply ended in the middle of this call.
fn is_cut_off(transcript: &Transcript, call: &Call) -> bool {
    let reply = transcript.reply();
    reply.is_some_and(|it| {
        it.end == End::CutOff && it.calls.last().is_some_and(|last| last.id == call.id)
    })
}

#[cfg(test)]
mod tests;
