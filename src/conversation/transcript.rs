//! The ordered record of a session; the only state a turn has.

use crate::conversation::{Call, Changed, Decision, End, Entry, Form, Reply, Stage, Status};

/// The entries, and what they say about the turn that is under way. Each entry is looked at once,
/// when it is pushed, so a step costs the same after ten entries as after ten thousand.
#[derive(Clone, Debug, Default)]
pub(crate) struct Transcript {
    entries: Vec<Entry>,
    turn: Turn,
    prompts: Vec<Prompted>,
    /// How many prompts were given up by going back behind them.
    given_up: usize,
}

/// Where a prompt stands, and which it was of all that were ever given in the session: the number of
/// its turn, by which what it changed is known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Prompted {
    pub(crate) number: usize,
    pub(crate) at: usize,
}

/// What the entries since the newest prompt add up to.
#[derive(Clone, Debug, Default)]
struct Turn {
    requests: u32,
    /// Calls that were made before the newest reply.
    calls_before: usize,
    /// Empty replies in a row.
    empty: u32,
    /// Replies in a row in which each call was malformed.
    malformed: u32,
    cancelled: bool,
    /// The turn is to come to a plan.
    planning: bool,
    /// The form that was asked for last, and how often.
    wanted: Option<Form>,
    wishes: u32,
    /// Where the newest reply stands, and how far its calls have come.
    reply: Option<usize>,
    calls: Vec<CallState>,
}

/// How far a call has come.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct CallState {
    pub(crate) decision: Option<Decision>,
    pub(crate) started: bool,
    pub(crate) status: Option<Status>,
}

impl CallState {
    /// The call as the person wants it, where they changed it.
    pub(crate) fn changed(&self) -> Option<&Changed> {
        match &self.decision {
            Some(Decision::Changed(changed)) => Some(changed),
            _ => None,
        }
    }
}

impl Transcript {
    /// The entries that are left of a session, with the numbers of their prompts, of which so many
    /// were given in all.
    pub(crate) fn resumed(entries: Vec<Entry>, numbers: &[usize], all: usize) -> Self {
        let mut transcript: Self = entries.into_iter().collect();
        for (prompted, number) in transcript.prompts.iter_mut().zip(numbers) {
            prompted.number = *number;
        }
        transcript.given_up = all.saturating_sub(transcript.prompts.len());
        transcript
    }

    pub(crate) fn push(&mut self, entry: Entry) {
        if matches!(entry, Entry::Prompt(_)) {
            let (number, at) = (self.turns() + 1, self.entries.len());
            self.prompts.push(Prompted { number, at });
        }
        self.turn.advance(&entry, self.entries.len(), &self.entries);
        self.entries.push(entry);
    }

    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The prompts, oldest first.
    pub(crate) fn prompts(&self) -> &[Prompted] {
        &self.prompts
    }

    /// How many turns there ever were, those that were given up too.
    pub(crate) fn turns(&self) -> usize {
        self.prompts.len() + self.given_up
    }

    /// Where to go back to before this prompt: also before the words of ours that came with it, or
    /// they would wait for a reply, and before the wish that it be planned, or the next would be.
    pub(crate) fn before(&self, prompt: Prompted) -> usize {
        let said_before = self.entries[..prompt.at].iter().rev();
        let came_with = |it: &&Entry| matches!(it, Entry::Note(_) | Entry::Planning);
        prompt.at - said_before.take_while(came_with).count()
    }

    /// Whether this prompt was to be planned.
    pub(crate) fn is_planned(&self, prompt: Prompted) -> bool {
        matches!(prompt.at.checked_sub(1).map(|it| &self.entries[it]), Some(Entry::Planning))
    }

    /// Only the first so many entries stay. Prompts that come later are counted on.
    pub(crate) fn rewind(&mut self, length: usize) {
        let mut entries = std::mem::take(&mut self.entries);
        entries.truncate(length);
        let all = self.turns();
        let kept = self.prompts.iter().take_while(|it| it.at < length);
        let numbers: Vec<_> = kept.map(|it| it.number).collect();
        *self = Self::resumed(entries, &numbers, all);
    }

    pub(crate) fn last(&self) -> Option<&Entry> {
        self.entries.last()
    }

    /// The last entry that is about neither the room in the window nor how far a plan has come.
    pub(crate) fn last_that_counts(&self) -> Option<&Entry> {
        let is_aside = |it: &&Entry| {
            let aside = matches!(it, Entry::Full { .. } | Entry::Planned(_) | Entry::Marked(_));
            it.is_cut() || aside
        };
        self.entries.iter().rev().find(|it| !is_aside(it))
    }

    /// Whether this turn looks for a plan, and has none yet.
    pub(crate) fn is_planning(&self) -> bool {
        self.turn.planning
    }

    /// The form that the newest reply has, or the next one is to have.
    pub(crate) fn wanted(&self) -> Option<Form> {
        self.turn.wanted
    }

    /// How often this form was asked for.
    pub(crate) fn wishes(&self) -> u32 {
        self.turn.wishes
    }

    /// Whether the model has not answered what was last said to it.
    pub(crate) fn owes_reply(&self) -> bool {
        let said = self.entries.iter().rev().find_map(|it| match it {
            Entry::Prompt(_) | Entry::Note(_) | Entry::Wanted { .. } | Entry::Result { .. } => {
                Some(true)
            }
            Entry::Reply(_) => Some(false),
            Entry::Opened { .. }
            | Entry::Decided { .. }
            | Entry::Started { .. }
            | Entry::Stopped(_)
            | Entry::Full { .. }
            | Entry::Pruned(_)
            | Entry::Condensed(_)
            | Entry::Planning
            | Entry::Planned(_)
            | Entry::Marked(_) => None,
        });
        said.unwrap_or(false)
    }

    /// The newest reply of a turn that is under way.
    pub(crate) fn reply(&self) -> Option<&Reply> {
        reply_at(&self.entries, self.turn.reply?)
    }

    /// Calls of the newest reply that have no result yet, oldest first.
    pub(crate) fn pending(&self) -> impl Iterator<Item = (&Call, &CallState)> {
        let calls = self.reply().map(|it| &*it.calls).unwrap_or_default();
        calls.iter().zip(&self.turn.calls).filter(|(_, state)| state.status.is_none())
    }

    /// How often the model has been asked in this turn, also beside the conversation.
    pub(crate) fn requests(&self) -> u32 {
        self.turn.requests
    }

    /// How many calls the model has made in this turn, also beside the conversation.
    pub(crate) fn calls(&self) -> usize {
        self.turn.calls_before + self.turn.calls.len()
    }

    /// How many it had made before this one, which is of the newest reply.
    pub(crate) fn calls_before(&self, call: &Call) -> usize {
        let calls = self.reply().map(|it| &*it.calls).unwrap_or_default();
        let before = calls.iter().take_while(|it| it.id != call.id).count();
        self.turn.calls_before + before
    }

    pub(crate) fn empty_replies(&self) -> u32 {
        self.turn.empty
    }

    pub(crate) fn malformed_replies(&self) -> u32 {
        self.turn.malformed
    }

    /// Whether the person has stopped this turn.
    pub(crate) fn is_cancelled(&self) -> bool {
        self.turn.cancelled
    }
}

impl FromIterator<Entry> for Transcript {
    fn from_iter<T: IntoIterator<Item = Entry>>(entries: T) -> Self {
        let mut transcript = Self::default();
        entries.into_iter().for_each(|it| transcript.push(it));
        transcript
    }
}

impl Turn {
    fn advance(&mut self, entry: &Entry, at: usize, before: &[Entry]) {
        match entry {
            Entry::Opened { .. }
            | Entry::Note(_)
            | Entry::Full { .. }
            | Entry::Pruned(_)
            | Entry::Condensed(_)
            | Entry::Planning
            | Entry::Marked(_) => {}
            Entry::Prompt(_) => {
                let planning = matches!(before.last(), Some(Entry::Planning));
                *self = Self { planning, ..Self::default() };
            }
            Entry::Wanted { form, .. } => {
                self.wishes = if self.wanted == Some(*form) { self.wishes + 1 } else { 1 };
                self.wanted = Some(*form);
            }
            Entry::Planned(plan) => {
                if plan.stage == Stage::Proposed {
                    self.planning = false;
                    self.wanted = None;
                }
            }
            Entry::Reply(reply) => {
                // What is asked for in a form is asked a few times at most.
                self.requests += u32::from(self.wanted.is_none());
                self.calls_before += self.calls.len();
                self.empty = if reply.is_empty() { self.empty + 1 } else { 0 };
                self.cancelled |= reply.end == End::Cancelled;
                self.reply = Some(at);
                self.calls = vec![CallState::default(); reply.calls.len()];
            }
            Entry::Decided { call, decision } => {
                if let Some(state) = self.state(call, before) {
                    state.decision = Some(decision.clone());
                }
            }
            Entry::Started { call } => {
                if let Some(state) = self.state(call, before) {
                    state.started = true;
                }
            }
            Entry::Result { call, outcome } => {
                self.cancelled |= outcome.status == Status::Cancelled;
                if let Some(beside) = &outcome.beside {
                    self.requests += beside.requests;
                    self.calls_before += beside.calls;
                }
                if let Some(state) = self.state(call, before) {
                    state.status = Some(outcome.status);
                }
                if self.calls.iter().all(|it| it.status.is_some()) {
                    let all = self.calls.iter().all(|it| it.status == Some(Status::Malformed));
                    self.malformed = if all { self.malformed + 1 } else { 0 };
                }
            }
            Entry::Stopped(_) => {
                self.reply = None;
                self.calls_before += self.calls.len();
                self.calls.clear();
            }
        }
    }

    /// The state of the call with this id, if the newest reply made it.
    fn state(&mut self, id: &str, entries: &[Entry]) -> Option<&mut CallState> {
        let reply = reply_at(entries, self.reply?)?;
        let index = reply.calls.iter().position(|it| it.id == id)?;
        self.calls.get_mut(index)
    }
}

fn reply_at(entries: &[Entry], at: usize) -> Option<&Reply> {
    match entries.get(at) {
        Some(Entry::Reply(reply)) => Some(reply),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    /// `p` is a prompt, `n` a note of ours, `r` a reply; `<3` goes back to before prompt 3.
    #[track_caller]
    fn check(script: &str, expected: Expect) {
        let mut transcript = Transcript::default();
        for word in script.split_whitespace() {
            match word {
                "p" => transcript.push(Entry::Prompt(String::new())),
                "P" => transcript.push(Entry::Planning),
                "n" => transcript.push(Entry::Note(String::new())),
                "r" => transcript.push(Entry::Reply(Reply::default())),
                back => {
                    let number: usize = back.trim_start_matches('<').parse().unwrap();
                    let prompts = transcript.prompts().iter();
                    let prompt = *prompts.clone().find(|it| it.number == number).unwrap();
                    transcript.rewind(transcript.before(prompt));
                }
            }
        }
        let numbers: Vec<_> = transcript.prompts().iter().map(|it| it.number).collect();
        let (left, turns) = (transcript.entries().len(), transcript.turns());
        let owes = if transcript.owes_reply() { ", a reply is owed" } else { "" };
        expected.assert_eq(&format!("{numbers:?} of {turns}, {left} entries{owes}"));
    }

    #[test]
    fn prompts_are_counted() {
        check("p r p r p", expect!["[1, 2, 3] of 3, 5 entries, a reply is owed"]);
    }

    #[test]
    fn a_number_is_given_once() {
        check("p r p r p r <2", expect!["[1] of 3, 2 entries"]);
        check("p r p r p r <2 p r p", expect!["[1, 4, 5] of 5, 5 entries, a reply is owed"]);
        check("p r p r <2 p r <1 p", expect!["[4] of 4, 1 entries, a reply is owed"]);
    }

    #[test]
    fn what_was_told_with_a_prompt_goes_with_it() {
        check("p r n n p r <2", expect!["[1] of 2, 2 entries"]);
        check("p r n p r p <3", expect!["[1, 2] of 3, 5 entries"]);
        check("p r n P p r <2", expect!["[1] of 2, 2 entries"]);
    }
}
