//! What a front end is told while a turn goes on.

use std::time::Duration;

use crate::conversation::{Answer, Call, Consent, Entry, Form, Question, Stakes};

/// Where a person, or another program, follows a turn and is asked.
pub(crate) trait Front {
    fn show(&mut self, event: &Event<'_>);

    /// Nobody follows any more, so nothing more needs to be done.
    fn is_gone(&self) -> bool;

    /// May this call run? `None` when the person stops the turn instead.
    async fn approve(&mut self, call: &Call, stakes: &Stakes) -> Option<Consent>;

    /// Puts a question to the person. `None` when the person stops the turn instead.
    async fn ask(&mut self, question: &Question) -> Option<Answer>;
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Event<'a> {
    /// The model server is being started; how much of the model is loaded, 0 to 1, once known.
    Loading(Option<f32>),
    /// The server is ready to answer: what it calls its model, the tokens that fit in it, and whether
    /// what the model thinks can be ended.
    Ready { model: Option<&'a str>, window: Option<u32>, can_hurry: bool },
    /// A request is on its way.
    Asked,
    /// The server reads the prompt.
    Reading(Progress),
    /// The model says something.
    Said(Piece<'a>),
    /// A call that was not made as the tool wants it, in the form in which it will run.
    Understood(&'a Call),
    /// The window is full, and the model is asked to sum up what was said.
    Condensing,
    /// This test is run, with the code broken for it if it is to fail.
    Trying { test: &'a str, is_broken: bool },
    /// The model is asked for a reply in a form, which is not for reading.
    Forming(Form),
    /// The request failed in a way that may pass; it is made again after `wait`. What was said
    /// since `Asked` is void.
    Retrying { reason: &'a str, wait: Duration },
    /// The entry is in the journal.
    Recorded(&'a Entry),
    /// The entry is of another conversation, held to answer this call.
    Beside { call: &'a Call, entry: &'a Entry },
    /// Something the person should know that does not end the turn.
    Warning(&'a str),
    /// The turn is over; why, is in the last entry.
    Ended,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Piece<'a> {
    Text(&'a str),
    Reasoning(&'a str),
    /// A call has begun; its name is known before its arguments.
    Call(&'a str),
    /// More of the arguments of the call that began last.
    Arguments(&'a str),
}

/// How far the server has read the prompt, in tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Progress {
    pub(crate) total: u32,
    pub(crate) cached: u32,
    pub(crate) processed: u32,
}
