//! A question that is looked into beside the conversation, in one of its own: only the answer comes
//! back, so that what was read for it does not fill the window.
//!
//! It begins with the same words and tools as the session, which the server has in its cache, and it
//! can only look. What is said in it is in the journal, as the work of the call that asked.

use std::time::Duration;

use crate::agent::prompt::about;
use crate::agent::reach::Spent;
use crate::agent::step::Rules;
use crate::agent::turn::{self, Answered, Finish, RoomFor, Summary, World};
use crate::agent::{Host, Reach};
use crate::conversation::{
    self, Call, Decision, Entry, Event, Front, Outcome, Stakes, Status, Stop, Transcript, Usage,
};
use crate::llm;
use crate::tools::Sights;

/// So often the model may be asked about one question.
const MOST_REQUESTS: u32 = 24;

/// Why anything else than a look is refused in it.
const ONLY_LOOKS: &str = "Refused: this is a question to be looked into, and only calls that look are run. Read on, or \
                          answer it.";

/// What an inquiry is held by, and what it begins with.
#[derive(Clone, Debug)]
pub(super) struct Inquiry {
    rules: Rules,
    /// What opens the session, once that is known.
    pub(super) opened: Option<Entry>,
}

impl Inquiry {
    pub(super) fn new(rules: &Rules) -> Self {
        let rules = Rules { only_looks: Some(ONLY_LOOKS), ..rules.clone() };
        Self { rules, opened: None }
    }
}

/// What a conversation has come to, while another is held.
struct Paused {
    line: Option<(llm::Request, llm::Gauge)>,
    sights: Sights,
}

/// A server that needs longer to set something aside has other work.
const LEAVING: Duration = Duration::from_secs(2);

/// The world of an inquiry: that of the session, but nobody is told what is said in it.
struct Beside<'a, H, F> {
    reach: &'a mut Reach<H, F>,
    /// The call that asked.
    call: &'a Call,
}

impl<H: Host, F: Front> Reach<H, F> {
    /// Looks into a question, and returns what was found out.
    pub(super) async fn find_out(&mut self, call: &Call, question: &str) -> Outcome {
        let Some(Inquiry { rules, opened }) = self.inquiry.clone() else {
            return Outcome::new(Status::Failed, "Not possible here. Look yourself.", "not here");
        };
        let (rules, words) = (rules.left(self.spent), about(&self.wording.find_out, question));
        let mut transcript: Transcript = opened.into_iter().chain([Entry::Prompt(words)]).collect();
        let before = self.step_aside();
        let mut world = Beside { reach: self, call };
        // A conversation within a call is a future within itself.
        let finish = Box::pin(turn::run(&rules, &mut transcript, &mut world)).await;
        self.step_back(before).await;
        let mut outcome = outcome(finish, &transcript);
        outcome.text = self.toolbox.bounded(outcome.text);
        outcome
    }

    /// Another conversation begins, with the same words and tools.
    fn step_aside(&mut self) -> Paused {
        self.is_aside = true;
        let sights = self.toolbox.look_away();
        let line = self.line.as_mut().map(|it| {
            let fresh = it.request.emptied();
            (std::mem::replace(&mut it.request, fresh), it.gauge)
        });
        Paused { line, sights }
    }

    /// The conversation goes on from where it was.
    async fn step_back(&mut self, Paused { line, sights }: Paused) {
        self.is_aside = false;
        self.is_set_aside = true;
        if let Some(line) = self.line.as_ref().filter(|it| it.counts) {
            tokio::select! {
                biased;
                () = self.interrupt.fired() => {}
                // Where it fails, the server reads more than it need.
                _ = tokio::time::timeout(LEAVING, llm::leave(&line.server)) => {}
            }
        }
        self.toolbox.look_back(sights);
        if let Some(now) = &mut self.line {
            // Without one, the connection was made for the other conversation.
            let fresh = || (now.request.emptied(), llm::Gauge::default());
            (now.request, now.gauge) = line.unwrap_or_else(fresh);
        }
    }

    fn record_beside(&mut self, call: &str, entries: &[Entry]) {
        if let Some(reason) = self.log.append_beside(call, entries) {
            self.front.show(&Event::Warning(&reason));
        }
    }
}

impl Rules {
    /// The same for what is left of a turn.
    fn left(self, spent: Spent) -> Self {
        let max_requests = self.max_requests.saturating_sub(spent.requests).min(MOST_REQUESTS);
        let max_calls = self.max_calls.map(|it| it.saturating_sub(spent.calls));
        Self { max_requests, max_calls, ..self }
    }
}

fn outcome(finish: anyhow::Result<Finish>, transcript: &Transcript) -> Outcome {
    let said = transcript.reply().map(|it| it.text.trim()).unwrap_or_default();
    let beside = beside(transcript);
    let looks = if beside.calls == 1 { "look" } else { "looks" };
    let cost = format!("{} {looks}, {} tokens read", beside.calls, beside.usage.read);
    let failed = |why: &str| {
        let text = match said {
            "" => format!("Not found out: {why}. Look yourself, or ask for less.\n"),
            said => format!("Not finished: {why}. The last words were:\n{said}\n"),
        };
        Outcome::new(Status::Failed, text, format!("{why}, {cost}"))
    };
    let outcome = match finish {
        Ok(Finish::Done) if !said.is_empty() => {
            Outcome::new(Status::Done, format!("{said}\n"), cost)
        }
        Ok(Finish::Done) => failed("there was no answer"),
        Ok(Finish::Stopped(Stop::Cancelled | Stop::TimeLimit)) => {
            Outcome::new(Status::Cancelled, "Not found out: the turn was stopped.", "stopped")
        }
        Ok(Finish::Stopped(Stop::TurnLimit | Stop::CallLimit)) => failed("it took too many looks"),
        Ok(Finish::Stopped(_)) => failed("the model lost its way"),
        Err(err) => failed(err.to_string().lines().next().unwrap_or_default()),
    };
    Outcome { beside: Some(Box::new(beside)), ..outcome }
}

/// What it took.
fn beside(transcript: &Transcript) -> conversation::Beside {
    let mut usage = Usage::default();
    for entry in transcript.entries() {
        match entry {
            Entry::Reply(reply) => usage += reply.usage,
            Entry::Condensed(condensed) => usage += condensed.usage,
            _ => {}
        }
    }
    let (requests, calls) = (transcript.requests(), transcript.calls());
    conversation::Beside { requests, calls, usage }
}

impl<H: Host, F: Front> World for Beside<'_, H, F> {
    async fn ask(&mut self, transcript: &Transcript, room: RoomFor) -> anyhow::Result<Answered> {
        self.reach.ask(transcript, room).await
    }

    /// It is said to the conversation, and not to whoever looks into something beside it.
    fn said_meanwhile(&mut self) -> Option<String> {
        None
    }

    async fn ask_in_form(
        &mut self,
        transcript: &Transcript,
        schema: &serde_json::Value,
    ) -> anyhow::Result<Answered> {
        self.reach.ask_in_form(transcript, schema).await
    }

    async fn sum_up(&mut self, transcript: &Transcript, keep: &str) -> anyhow::Result<Summary> {
        self.reach.sum_up(transcript, keep).await
    }

    async fn approve(&mut self, call: &Call, stakes: &Stakes) -> Option<Decision> {
        self.reach.approve(call, stakes).await
    }

    async fn run(&mut self, calls: &[Call]) -> Vec<Outcome> {
        self.reach.look(calls).await
    }

    fn reason(&self, stop: Stop) -> Stop {
        self.reach.reason(stop)
    }

    fn record(&mut self, entries: &[Entry]) {
        self.reach.record_beside(&self.call.id, entries);
        entries.iter().for_each(|entry| {
            self.reach.front.show(&Event::Beside { call: self.call, entry });
        });
    }

    async fn secure(&mut self) -> Result<(), String> {
        // Nothing is done that would have to be known.
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::conversation::Reply;

    #[track_caller]
    fn check(finish: anyhow::Result<Finish>, said: &str, expected: Expect) {
        let usage = Usage { cached: 10, read: 20, ..Usage::default() };
        let look = Reply { calls: vec![Call::default()], usage, ..Reply::default() };
        let reply = Reply { text: said.to_owned(), usage, ..Reply::default() };
        let entries = [Entry::Prompt("?".to_owned()), Entry::Reply(look), Entry::Reply(reply)];
        let Outcome { status, text, gist, .. } = outcome(finish, &entries.into_iter().collect());
        expected.assert_eq(&format!("{status:?} ({gist})\n{}", text.trim_end()));
    }

    #[test]
    fn the_last_words_are_the_answer() {
        check(
            Ok(Finish::Done),
            " It is in a.rs. ",
            expect![[r#"
            Done (1 look, 40 tokens read)
            It is in a.rs."#]],
        );
        check(
            Ok(Finish::Done),
            "",
            expect![[r#"
            Failed (there was no answer, 1 look, 40 tokens read)
            Not found out: there was no answer. Look yourself, or ask for less."#]],
        );
    }

    #[test]
    fn what_ended_too_soon_says_so_and_what_was_said_last() {
        check(
            Ok(Finish::Stopped(Stop::TurnLimit)),
            "Perhaps a.rs.",
            expect![[r#"
            Failed (it took too many looks, 1 look, 40 tokens read)
            Not finished: it took too many looks. The last words were:
            Perhaps a.rs."#]],
        );
        check(
            Ok(Finish::Stopped(Stop::Cancelled)),
            "",
            expect![[r#"
            Cancelled (stopped)
            Not found out: the turn was stopped."#]],
        );
        check(
            Err(anyhow::anyhow!("the server is gone\nhint: x")),
            "",
            expect![[r#"
            Failed (the server is gone, 1 look, 40 tokens read)
            Not found out: the server is gone. Look yourself, or ask for less."#]],
        );
    }
}
