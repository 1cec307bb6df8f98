//! What happens next, as a pure function of what has happened so far.
//!
//! Because a step depends on the transcript alone, a session that was killed resumes by asking the
//! same question again.

use crate::agent::guard;
use crate::conversation::{
    Call, CallState, Decision, Effect, End, Entry, Outcome, Permission, Reply, Status, Stop,
    ToolSpec, Transcript,
};
use crate::tools;

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Next {
    /// It is the person's turn to speak.
    Wait,
    /// Send the conversation to the model.
    Ask,
    /// The person has to allow this call first.
    Approve(Call),
    /// One call, or several that only read and may run side by side.
    Run(Vec<Call>),
    /// Answer a call without running it.
    Answer(Call, Outcome),
    /// Tell the model something before it is asked again.
    Note(&'static str),
    Stop(Stop),
}

/// What decides, besides the transcript.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    pub(crate) permission: Permission,
    /// How often the model may be asked in one turn.
    pub(crate) max_requests: u32,
    /// The most each tool can do.
    pub(crate) effects: Vec<(&'static str, Effect)>,
}

/// So many replies in a row may be useless before the turn ends.
const PATIENCE: u32 = 3;

impl Rules {
    pub(crate) fn new(permission: Permission, max_requests: u32, tools: &[ToolSpec]) -> Self {
        let effects = tools.iter().map(|it| (it.name, it.effect)).collect();
        Self { permission, max_requests, effects }
    }

    /// Of the tool that will run, whatever the model calls it. One that does not exist does nothing.
    pub(crate) fn effect(&self, call: &Call) -> Effect {
        let meant = tools::resolve(&call.tool, self.effects.iter().map(|(name, _)| *name));
        let known = self.effects.iter().find(|(name, _)| Some(*name) == meant);
        known.map_or(Effect::Reads, |(_, effect)| *effect)
    }
}

pub(crate) fn next(rules: &Rules, transcript: &Transcript) -> Next {
    if let Some((call, state)) = transcript.pending().next() {
        return next_for_call(rules, transcript, call, state);
    }
    match transcript.last() {
        None | Some(Entry::Opened { .. } | Entry::Stopped(_)) => Next::Wait,
        Some(_) if transcript.is_cancelled() => Next::Stop(Stop::Cancelled),
        Some(Entry::Reply(reply)) => after_last_words(transcript, reply),
        Some(_) if transcript.malformed_replies() >= PATIENCE => Next::Stop(Stop::MalformedCalls),
        Some(_) if guard::is_circling(transcript.entries()) => Next::Stop(Stop::RepeatedCalls),
        Some(_) if transcript.requests() >= rules.max_requests => Next::Stop(Stop::TurnLimit),
        Some(_) => Next::Ask,
    }
}

/// The model made no call.
fn after_last_words(transcript: &Transcript, reply: &Reply) -> Next {
    match reply.end {
        End::CutOff => Next::Stop(Stop::CutOff),
        _ if !reply.is_empty() => Next::Wait,
        _ if transcript.empty_replies() >= PATIENCE => Next::Stop(Stop::EmptyReplies),
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
    if is_cut_off(transcript, call) {
        return answer(
            Status::Malformed,
            "Not run: the call was cut off because the reply became too long. Make it again in smaller pieces.",
            "cut off",
        );
    }
    let effect = rules.effect(call);
    match (&state.decision, rules.permission) {
        (Some(Decision::Denied(why)), _) if why.is_empty() => {
            answer(Status::Refused, "The user said no. Do something else, or ask.", "denied")
        }
        (Some(Decision::Denied(why)), _) => {
            answer(Status::Refused, &format!("The user said no: {why}"), "denied")
        }
        _ if effect == Effect::Reads => Next::Run(readers(rules, transcript)),
        _ if effect == Effect::Asks => Next::Run(vec![call.clone()]),
        (_, Permission::ReadOnly) => answer(
            Status::Refused,
            "Refused: this session may look but not change or run anything.",
            "refused: read-only",
        ),
        (None, Permission::Ask) => Next::Approve(call.clone()),
        _ => Next::Run(vec![call.clone()]),
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
    let fresh = transcript.pending().take_while(|(call, state)| {
        !state.started && rules.effect(call) == Effect::Reads && !is_cut_off(transcript, call)
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
