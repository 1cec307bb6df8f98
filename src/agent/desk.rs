//! Where a session is worked on, prompt after prompt.

use crate::agent::step::{Next, Rules, next};
use crate::agent::turn::{self, Finish, World};
use crate::agent::{Host, Reach};
use crate::conversation::{Entry, Event, Front, Outcome, Status, Transcript};

/// One session at work.
pub(crate) struct Desk<H, F> {
    pub(crate) rules: Rules,
    pub(crate) transcript: Transcript,
    /// What the model of a new session is told first; recorded with the first prompt, so that a
    /// session in which nothing was said leaves nothing behind.
    pub(crate) system: Option<String>,
    pub(crate) reach: Reach<H, F>,
}

impl<H: Host, F: Front> Desk<H, F> {
    pub(crate) fn front(&mut self) -> &mut F {
        &mut self.reach.front
    }

    /// Gives back the host, to be stopped.
    pub(crate) fn into_host(self) -> H {
        self.reach.host
    }

    /// Whether the last turn has something left to do.
    pub(crate) fn is_mid_turn(&self) -> bool {
        next(&self.rules, &self.transcript) != Next::Wait
    }

    /// Takes the person's words and works until there is nothing left to do.
    pub(crate) async fn prompt(&mut self, words: String) -> anyhow::Result<Finish> {
        let mut entries = self.abandoned();
        entries.extend(self.system.take().map(|system| Entry::Opened { system }));
        entries.push(Entry::Prompt(words));
        self.reach.record(&entries);
        entries.into_iter().for_each(|it| self.transcript.push(it));
        self.go_on().await
    }

    /// Works on from where the transcript stands.
    pub(crate) async fn go_on(&mut self) -> anyhow::Result<Finish> {
        let finish = turn::run(&self.rules, &mut self.transcript, &mut self.reach).await;
        self.reach.front.show(&Event::Ended);
        finish
    }

    /// Answers to the calls that an interrupted turn has left open: a person who speaks has moved
    /// on.
    fn abandoned(&self) -> Vec<Entry> {
        let answer = |started| match started {
            true => (
                Status::Interrupted,
                "Interrupted: the program ended while this call ran. Its effects are unknown.",
            ),
            false => (Status::Cancelled, "Not run: the session was interrupted before."),
        };
        let answers = self.transcript.pending().map(|(call, state)| {
            let (status, text) = answer(state.started);
            let outcome = Outcome { status, text: text.to_owned(), gist: "interrupted".to_owned() };
            Entry::Result { call: call.id.clone(), outcome }
        });
        answers.collect()
    }
}
