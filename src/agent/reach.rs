//! What a turn can reach beside the transcript: the model, the person, the tools, the journal.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use anyhow::bail;

use crate::agent::log::Log;
use crate::agent::plan;
use crate::agent::prompt::{COMPACT, request_for_summary};
use crate::agent::turn::{Answered, RoomFor, Summary, World};
use crate::agent::{Grants, Interrupt};
use crate::conversation::{
    Answer, Call, Decision, End, Entry, Event, Form, Front, Outcome, Piece, Question, Reply,
    Stakes, Stop, Transcript, Usage,
};
use crate::llm::{self, AskError};
use crate::tools::{self, Toolbox};

/// Where the model server comes from.
pub(crate) trait Host {
    /// The server, ready to answer; started and waited for if need be.
    async fn server(&mut self, on: &mut dyn FnMut(Event<'_>)) -> anyhow::Result<llm::Server>;

    /// Why the server is no more, if it was ours and has ended.
    async fn obituary(&mut self) -> Option<String>;
}

/// The world of one session.
pub(crate) struct Reach<H, F> {
    pub(super) host: H,
    pub(super) front: F,
    pub(super) toolbox: Toolbox,
    log: Log,
    pub(super) interrupt: Interrupt,
    /// What to ask for in each request, beside what the server turns out to need.
    pub(super) constants: llm::Constants,
    /// Made when the server first answers.
    line: Option<Line>,
    /// Why it could not be made ahead of time, for the next who needs it.
    trouble: Option<anyhow::Error>,
    /// Where a rule goes that the person adds; without one, nothing is added.
    pub(crate) grants: Option<Grants>,
    /// The person's words that ask for a summary.
    pub(crate) compact: Option<String>,
}

/// The connection to the model, and what has been sent over it.
pub(super) struct Line {
    server: llm::Server,
    pub(super) request: llm::Request,
    /// What the server calls its model, where it tells.
    model: Option<String>,
    /// Tokens that fit in one conversation, where the server tells.
    pub(super) window: Option<u32>,
    /// The server can count the tokens of a request.
    counts: bool,
    /// The server holds a reply to a schema.
    holds_forms: bool,
    pub(super) gauge: llm::Gauge,
    /// Thoughts are left out from the next prompt on; `None` until the server was asked.
    forgets: Option<bool>,
    /// What the server says of its model, until it was told.
    greeting: Option<llm::Props>,
}

/// What the model is asked for.
#[derive(Clone, Copy)]
enum Wanted<'a> {
    Reply(RoomFor),
    /// A reply in a form, for the program.
    Form(Form, RoomFor),
    /// A summary, in these words. Nobody else is to hear it.
    Summary(&'a str),
    /// A reply that the server holds to this schema, if it can.
    InForm(&'a str),
}

/// What is shorter is no summary, whatever it says.
const SHORTEST_SUMMARY: usize = 20;

/// How often a summary is asked for.
const TRIES: usize = 2;

impl Line {
    /// Tells of the server what was not told yet.
    fn greet(&mut self, front: &mut impl Front) {
        let Some(props) = self.greeting.take() else { return };
        front.show(&Event::Ready { model: props.model.as_deref(), window: props.window });
        if props.tools == Some(false) {
            front.show(&Event::Warning(
                "this model's chat template knows no tools; it may talk about work instead of doing it",
            ));
        }
    }

    /// How many tokens the next request has, and the window, if no room is left for the answer. Where
    /// nobody has counted yet, the server is to say so.
    async fn full(&mut self) -> Option<(u32, u32)> {
        let window = self.window?;
        let bytes = self.request.length();
        if !self.gauge.is_in_doubt(bytes, window) {
            return None;
        }
        self.count().await;
        let tokens = self.gauge.estimate(bytes)?;
        (llm::most(window) < tokens).then_some((tokens, window))
    }

    /// The tokens of the next request, if the server can tell.
    async fn count(&mut self) -> Option<u32> {
        let request = self.request.clone();
        let tokens = self.count_of(&request).await?;
        self.gauge.learn(request.length(), tokens);
        Some(tokens)
    }

    pub(super) async fn count_of(&mut self, request: &llm::Request) -> Option<u32> {
        if !self.counts {
            return None;
        }
        let counted = llm::count(&self.server, request).await;
        // One that cannot count says so here; what else is wrong it will say to the request itself.
        self.counts = counted.is_ok();
        counted.ok()
    }

    /// Whether the reply was cut off because the window was full, and not because the model finds no
    /// end: then there was much before it.
    fn has_filled(&self, reply: &Reply) -> Option<(u32, u32)> {
        let (window, usage) = (self.window?, reply.usage);
        let is_full = reply.end == End::CutOff && window <= usage.total().saturating_add(SLACK);
        let prompt = usage.cached.saturating_add(usage.read);
        (is_full && window / 3 < prompt).then_some((prompt, window))
    }
}

/// Tokens by which a full window may seem not to be.
const SLACK: u32 = 8;

impl<H: Host, F: Front> Reach<H, F> {
    pub(crate) fn new(
        (host, front): (H, F),
        toolbox: Toolbox,
        log: Log,
        interrupt: Interrupt,
        constants: llm::Constants,
    ) -> Self {
        Self {
            host,
            front,
            toolbox,
            log,
            interrupt,
            constants,
            line: None,
            trouble: None,
            grants: None,
            compact: None,
        }
    }

    /// What runs in the background, and ends with us.
    pub(super) fn running(&self) -> Vec<String> {
        self.toolbox.running()
    }

    /// The conversation has only its first `length` entries any more.
    pub(super) fn rewind(&mut self, length: usize, note: Option<&str>) {
        if let Some(line) = &mut self.line {
            line.request = line.request.emptied();
            line.gauge = llm::Gauge::default();
        }
        if let Some(reason) = self.log.rewind(length, note) {
            self.front.show(&Event::Warning(&reason));
        }
    }

    pub(super) fn name(&mut self, name: &str) -> anyhow::Result<()> {
        self.log.name(name)
    }

    async fn put(&mut self, question: &Question) -> Option<Answer> {
        let stop = self.interrupt.fired();
        tokio::select! {
            biased;
            () = stop => None,
            answer = self.front.ask(question) => answer,
        }
    }

    pub(super) fn warn(&mut self, text: &str) {
        self.front.show(&Event::Warning(text));
    }

    pub(super) fn turn_begins(&self) {
        self.toolbox.turn_begins();
    }

    /// Connects to the model, if there is no connection yet. The outer error ends the turn, the inner
    /// one may pass; `None` when the person stops it.
    async fn meet(&mut self) -> anyhow::Result<Option<Result<&mut Line, AskError>>> {
        if let Some(trouble) = self.trouble.take() {
            return Err(trouble);
        }
        if self.line.is_none() {
            let stop = self.interrupt.fired();
            let on = &mut |it: Event<'_>| self.front.show(&it);
            let connecting = connect(&mut self.host, on, &self.constants, &mut self.toolbox);
            let connected = tokio::select! {
                biased;
                () = stop => return Ok(None),
                connected = connecting => connected?,
            };
            match connected {
                Ok(line) => self.line = Some(line),
                Err(err) => return Ok(Some(Err(err))),
            }
        }
        let line = self.line.as_mut().expect("it is there, or was made just now");
        line.greet(&mut self.front);
        Ok(Some(Ok(line)))
    }

    pub(super) async fn connected(&mut self) -> anyhow::Result<&mut Line> {
        match self.meet().await? {
            Some(line) => Ok(line?),
            None => bail!("stopped"),
        }
    }

    /// Has the server read what is sure to come, so that it need not when the person has spoken.
    /// Nobody is told now; why there is no server is told with the first prompt.
    pub(super) async fn warm(&mut self, transcript: &Transcript) {
        if self.line.is_none() {
            let on = &mut |_: Event<'_>| {};
            match connect(&mut self.host, on, &self.constants, &mut self.toolbox).await {
                Ok(Ok(line)) => self.line = Some(line),
                Ok(Err(_)) => {}
                Err(err) => self.trouble = Some(err),
            }
        }
        if let Some(line) = self.line.as_mut().filter(|it| it.counts) {
            if line.forgets.is_none() {
                line.forgets = Some(llm::forgets(&line.server).await.unwrap_or(false));
            }
            // What will be asked is another transcript, which only begins like this one.
            let mut ahead = line.request.clone();
            ahead.extend(transcript.entries());
            let _ = llm::warm(&line.server, &ahead).await;
        }
    }

    /// Whether the next prompt makes the model's template leave out what was thought before it, as far
    /// as is known: all that followed has to be read again then.
    pub(super) fn may_forget(&self) -> bool {
        self.line.as_ref().is_some_and(|it| it.counts && it.forgets != Some(false))
    }

    /// The outer error ends the turn, the inner one may pass.
    async fn ask_once(
        &mut self,
        transcript: &Transcript,
        wanted: Wanted<'_>,
    ) -> anyhow::Result<Result<Answered, AskError>> {
        let line = match self.meet().await? {
            Some(Ok(_)) => self.line.as_mut().expect("it was met"),
            Some(Err(err)) => return Ok(Err(err)),
            None => return Ok(Ok(Answered::Reply(nothing_said()))),
        };
        line.request.extend(transcript.entries());
        if let Wanted::Reply(room) | Wanted::Form(_, room) = wanted
            && room == RoomFor::AnAnswer
            && let Some((tokens, window)) = line.full().await
        {
            return Ok(Ok(Answered::Full { tokens, window }));
        }
        let other;
        let (request, event) = match wanted {
            Wanted::Reply(_) => (&line.request, Event::Asked),
            Wanted::Form(form, _) if line.holds_forms => {
                other = line.request.in_form(plan::schema(form));
                (&other, Event::Forming(form))
            }
            Wanted::Form(form, _) => (&line.request, Event::Forming(form)),
            Wanted::InForm(schema) if line.holds_forms => {
                other = line.request.in_form(schema);
                (&other, Event::Asked)
            }
            Wanted::InForm(_) => (&line.request, Event::Asked),
            Wanted::Summary(words) => {
                other = line.request.with_words(words);
                (&other, Event::Condensing)
            }
        };
        let is_reply = matches!(wanted, Wanted::Reply(_) | Wanted::InForm(_));
        let front = &mut self.front;
        front.show(&event);
        let interrupt = &self.interrupt;
        let mut veil = llm::Veil::default();
        let mut on = |it: Event<'_>| {
            match it {
                Event::Said(_) if !is_reply => {}
                Event::Said(Piece::Text(text)) => say(front, veil.feed(text)),
                it => front.show(&it),
            }
            if front.is_gone() {
                interrupt.fire();
            }
        };
        let answer = llm::ask(&line.server, request, &mut on, self.interrupt.fired()).await;
        let mut reply = match answer {
            Ok(reply) => reply,
            Err(err)
                if line.holds_forms
                    && is_refusal(&err)
                    && matches!(wanted, Wanted::Form(..) | Wanted::InForm(_)) =>
            {
                // Not every server can hold to every schema, and the words say the form too.
                line.holds_forms = false;
                return Box::pin(self.ask_once(transcript, wanted)).await;
            }
            Err(err) => return Ok(Err(err)),
        };
        reply.model = line.model.clone().unwrap_or_default();
        let usage = reply.usage;
        line.gauge.learn(request.length(), usage.cached + usage.read);
        if let Some((tokens, window)) =
            line.has_filled(&reply).filter(|_| !matches!(wanted, Wanted::Summary(_)))
        {
            let reason = "the reply has filled the window";
            self.front.show(&Event::Retrying { reason, wait: Duration::ZERO });
            return Ok(Ok(Answered::Full { tokens, window }));
        }
        if let Wanted::Form(..) | Wanted::InForm(_) = wanted {
            // What is asked for is words, whatever they look like.
            reply.calls.clear();
            return Ok(Ok(Answered::Reply(reply)));
        }
        let names = || self.toolbox.specs().iter().map(|it| it.name.as_str());
        llm::hear(&mut reply, &|it| tools::resolve(it, names()).is_some());
        if reply.spoken.is_empty() && is_reply {
            say(&mut self.front, veil.lift());
        }
        Ok(Ok(Answered::Reply(reply)))
    }

    /// Asks until there is an answer.
    async fn answer(
        &mut self,
        transcript: &Transcript,
        wanted: Wanted<'_>,
    ) -> anyhow::Result<Answered> {
        let mut attempt = 0;
        loop {
            let err = match self.ask_once(transcript, wanted).await? {
                Ok(answered) => return Ok(answered),
                Err(AskError::TooLong { prompt, window }) => {
                    return Ok(Answered::Full { tokens: prompt, window });
                }
                Err(err) => err,
            };
            if let Some(reason) = self.host.obituary().await {
                self.line = None;
                bail!("the model server has ended: {reason}");
            }
            let Some(wait) = llm::retry_after(&err, attempt) else { return Err(err.into()) };
            if err == AskError::Loading {
                // It will be there in its time, and has not failed.
                self.front.show(&Event::Loading(None));
            } else {
                attempt += 1;
                let reason = err.to_string();
                let reason = reason.lines().next().unwrap_or_default();
                self.front.show(&Event::Retrying { reason, wait });
            }
            tokio::select! {
                () = self.interrupt.fired() => return Ok(Answered::Reply(nothing_said())),
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// The call in the form in which it will run, which is the one to show and to judge.
    fn understood(&self, call: &Call) -> Call {
        let understood = tools::understand(call, self.toolbox.specs());
        understood.map_or_else(|_| call.clone(), |it| it.call)
    }
}

fn say(front: &mut impl Front, text: &str) {
    if !text.is_empty() {
        front.show(&Event::Said(Piece::Text(text)));
    }
}

async fn connect(
    host: &mut impl Host,
    on: &mut dyn FnMut(Event<'_>),
    constants: &llm::Constants,
    toolbox: &mut Toolbox,
) -> anyhow::Result<Result<Line, AskError>> {
    let server = host.server(on).await?;
    on(Event::Asked);
    let props = match llm::props(&server).await {
        Ok(props) => props,
        Err(err) => return Ok(Err(err)),
    };
    if let Some(window) = props.window {
        toolbox.fit_window(window);
    }
    let mut constants = constants.clone();
    constants.llama = props.llama;
    if !props.llama {
        constants.model = constants.model.or(props.model.clone());
    }
    let request = llm::Request::new(&constants, toolbox.specs());
    let (window, counts, gauge) = (props.window, props.llama, llm::Gauge::default());
    let (model, holds_forms) = (props.model.clone(), true);
    let (forgets, greeting) = (None, Some(props));
    let line =
        Line { server, request, model, window, counts, holds_forms, gauge, forgets, greeting };
    Ok(Ok(line))
}

impl<H: Host, F: Front> World for Reach<H, F> {
    async fn ask(&mut self, transcript: &Transcript, room: RoomFor) -> anyhow::Result<Answered> {
        let is_wanted = matches!(transcript.last_that_counts(), Some(Entry::Wanted { .. }));
        let wanted = match transcript.wanted().filter(|_| is_wanted) {
            Some(form) => Wanted::Form(form, room),
            None => Wanted::Reply(room),
        };
        self.answer(transcript, wanted).await
    }

    async fn ask_in_form(
        &mut self,
        transcript: &Transcript,
        schema: &serde_json::Value,
    ) -> anyhow::Result<Answered> {
        self.answer(transcript, Wanted::InForm(&schema.to_string())).await
    }

    async fn sum_up(&mut self, transcript: &Transcript, keep: &str) -> anyhow::Result<Summary> {
        let words = request_for_summary(self.compact.as_deref().unwrap_or(COMPACT), keep);
        let mut usage = Usage::default();
        for _ in 0..TRIES {
            match self.answer(transcript, Wanted::Summary(&words)).await? {
                Answered::Reply(reply) if reply.end == End::Cancelled => {
                    return Ok(Summary::Stopped);
                }
                Answered::Reply(reply) => {
                    usage += reply.usage;
                    let text = reply.text.trim();
                    let is_whole = reply.end == End::Finished && reply.calls.is_empty();
                    if is_whole && SHORTEST_SUMMARY <= text.len() {
                        return Ok(Summary::Words { text: text.to_owned(), usage });
                    }
                }
                Answered::Full { .. } => break,
            }
        }
        Ok(Summary::Unusable)
    }

    async fn approve(&mut self, call: &Call, stakes: &Stakes) -> Option<Decision> {
        let understood = self.understood(call);
        if let Some(commands) = self.toolbox.preview(&understood) {
            // What is allowed is what is run, and the call does not say it.
            self.front.show(&Event::Warning(&commands));
        }
        let stop = self.interrupt.fired();
        let decision = tokio::select! {
            biased;
            () = stop => None,
            decision = self.front.approve(&understood, stakes) => decision,
        };
        if let (Some(Decision::Always(rule)), Some(grants)) = (&decision, &self.grants)
            && let Err(err) = grants.add(rule)
        {
            let text = format!("the rule holds only as long as this program runs: {err:#}");
            self.front.show(&Event::Warning(&text));
        }
        decision
    }

    async fn run(&mut self, calls: &[Call]) -> Vec<Outcome> {
        if let [call] = calls
            && let Some(question) = self.toolbox.question(&self.understood(call))
        {
            return vec![match question {
                Ok(question) => tools::answered(self.put(&question).await),
                Err(outcome) => outcome,
            }];
        }
        for call in calls {
            let understood = self.understood(call);
            if understood != *call {
                self.front.show(&Event::Understood(&understood));
            }
        }
        all(calls.iter().map(|it| self.toolbox.run(it, self.interrupt.fired()))).await
    }

    fn reason(&self, stop: Stop) -> Stop {
        match stop {
            Stop::Cancelled if self.interrupt.is_time_up() => Stop::TimeLimit,
            stop => stop,
        }
    }

    fn record(&mut self, entries: &[Entry]) {
        if entries.iter().any(|it| matches!(it, Entry::Condensed(_))) {
            // What was told in a result may be gone with it, and is told again.
            self.toolbox.shows(&[]);
        }
        if let Some(reason) = self.log.append(entries) {
            self.front.show(&Event::Warning(&reason));
        }
        entries.iter().for_each(|it| self.front.show(&Event::Recorded(it)));
    }

    async fn secure(&mut self) -> Result<(), String> {
        let Err(err) = self.log.secure().await else { return Ok(()) };
        if let Some(reason) = self.log.first(&err) {
            self.front.show(&Event::Warning(&reason));
        }
        if self.log.is_on_disk() { Err(err.root_cause().to_string()) } else { Ok(()) }
    }
}

/// Whether the server finds fault with the request itself.
fn is_refusal(err: &AskError) -> bool {
    matches!(err, AskError::Refused { status: 400..500, .. } if !matches!(err, AskError::Refused { status: 429, .. }))
}

/// The reply of a model that was stopped before it spoke.
fn nothing_said() -> Reply {
    Reply { end: End::Cancelled, ..Reply::default() }
}

/// Runs the futures side by side; the outputs come in the order of the futures.
async fn all<T>(futures: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let mut running: Vec<Pin<Box<_>>> = futures.map(Box::pin).collect();
    let mut outputs: Vec<Option<T>> = running.iter().map(|_| None).collect();
    poll_fn(|context| {
        for (future, output) in running.iter_mut().zip(&mut outputs) {
            if output.is_none()
                && let Poll::Ready(it) = future.as_mut().poll(context)
            {
                *output = Some(it);
            }
        }
        if outputs.iter().all(Option::is_some) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    outputs.into_iter().flatten().collect()
}
