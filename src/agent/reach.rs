//! What a turn can reach beside the transcript: the model, the person, the tools, the journal.

use std::cell::Cell;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use anyhow::bail;
use tokio::time::Instant;

use crate::agent::inquiry::Inquiry;
use crate::agent::line::{Line, connect, hangs, watched};
use crate::agent::log::Log;
use crate::agent::plan;
use crate::agent::prompt::{Wording, request_for_summary};
use crate::agent::turn::{Answered, RoomFor, Summary, World};
use crate::agent::wishes::Thought;
use crate::agent::{Grants, Interrupt, Rules, Wishes};
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

    /// Returns when the server is ours and hangs: it neither speaks, as `heard` tells, nor answers
    /// whether it is there. It is no more then.
    async fn hang(&mut self, heard: &Cell<Instant>);

    /// Why the server is no more, if it was ours and has ended.
    async fn obituary(&mut self) -> Option<String>;
}

/// The world of one session.
pub(crate) struct Reach<H, F> {
    pub(super) host: H,
    pub(super) front: F,
    pub(super) toolbox: Toolbox,
    pub(super) log: Log,
    pub(super) interrupt: Interrupt,
    pub(super) wishes: Wishes,
    /// What to ask for in each request, beside what the server turns out to need.
    pub(super) constants: llm::Constants,
    /// Made when the server first answers.
    pub(super) line: Option<Line>,
    /// Why it could not be made ahead of time, for the next who needs it.
    trouble: Option<anyhow::Error>,
    /// How questions are looked into beside the conversation.
    pub(super) inquiry: Option<Inquiry>,
    /// That is being done now: what the model says is for itself.
    pub(super) is_aside: bool,
    /// The server has set the conversation aside for another, and was asked nothing of it since.
    pub(super) is_set_aside: bool,
    /// The model has answered.
    has_asked: bool,
    /// What this turn has taken so far.
    pub(super) spent: Spent,
    /// Where a rule goes that the person adds; without one, nothing is added.
    pub(crate) grants: Option<Grants>,
    pub(crate) wording: Wording,
}

/// What a turn has taken of what it may, with all that was done beside the conversation.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Spent {
    pub(super) requests: u32,
    pub(super) calls: usize,
}

/// What the model is asked for.
#[derive(Clone, Copy)]
enum Asked<'a> {
    Reply(RoomFor),
    /// A reply in a form, for the program.
    Form(Form, RoomFor),
    /// A summary, in these words. Nobody else is to hear it.
    Summary(&'a str),
    /// A reply that the server holds to this schema, if it can.
    InSchema(&'a str),
}

/// What is shorter is no summary, whatever it says.
const SHORTEST_SUMMARY: usize = 20;

/// Before a server that has ended is started again: whatever ended it may take a moment to pass.
const RESTART: Duration = Duration::from_millis(500);

/// How often a summary is asked for.
const TRIES: usize = 2;

impl<H: Host, F: Front> Reach<H, F> {
    pub(crate) fn new(
        (host, front): (H, F),
        toolbox: Toolbox,
        log: Log,
        interrupt: Interrupt,
        constants: llm::Constants,
    ) -> Self {
        let wishes = Wishes::default();
        wishes.heeded_by(toolbox.aside());
        Self {
            host,
            front,
            toolbox,
            log,
            interrupt,
            wishes,
            constants,
            line: None,
            inquiry: None,
            is_aside: false,
            is_set_aside: false,
            has_asked: false,
            spent: Spent::default(),
            trouble: None,
            grants: None,
            wording: Wording::default(),
        }
    }

    /// From now on questions are looked into beside the conversation, by these rules.
    pub(crate) fn inquire_by(&mut self, rules: &Rules) {
        self.inquiry = Some(Inquiry::new(rules));
    }

    /// What was sent counts for nothing: it is sent anew, when it is sent again.
    pub(super) fn hang_up(&mut self) {
        (self.line, self.trouble) = (None, None);
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

    /// The conversation goes on from here.
    pub(super) fn goes_on(&mut self, transcript: &Transcript) {
        self.spent = Spent { requests: transcript.requests(), calls: transcript.calls() };
        if let Some(inquiry) = self.inquiry.as_mut().filter(|it| it.opened.is_none()) {
            let opened = |it: &&Entry| matches!(it, Entry::Opened { .. });
            inquiry.opened = transcript.entries().iter().find(opened).cloned();
        }
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
        wanted: Asked<'_>,
    ) -> anyhow::Result<Result<Answered, AskError>> {
        let line = match self.meet().await? {
            Some(Ok(_)) => self.line.as_mut().expect("it was met"),
            Some(Err(err)) => return Ok(Err(err)),
            None => return Ok(Ok(Answered::Reply(nothing_said()))),
        };
        line.request.extend(transcript.entries());
        let heard = Cell::new(Instant::now());
        if let Asked::Reply(room) | Asked::Form(_, room) = wanted
            && room == RoomFor::AnAnswer
        {
            match watched(&mut self.host, &heard, line.full()).await {
                Some(None) => {}
                Some(Some((tokens, window))) => return Ok(Ok(Answered::Full { tokens, window })),
                None => return Ok(Err(hangs())),
            }
        }
        let other;
        let (request, event) = match wanted {
            Asked::Reply(_) => (&line.request, Event::Asked),
            Asked::Form(form, _) if line.holds_forms => {
                other = line.request.in_form(plan::schema(form));
                (&other, Event::Forming(form))
            }
            Asked::Form(form, _) => (&line.request, Event::Forming(form)),
            Asked::InSchema(schema) if line.holds_forms => {
                other = line.request.in_form(schema);
                (&other, Event::Asked)
            }
            Asked::InSchema(_) => (&line.request, Event::Asked),
            Asked::Summary(words) => {
                other = line.request.with_words(words);
                (&other, Event::Condensing)
            }
        };
        let is_reply = matches!(wanted, Asked::Reply(_) | Asked::InSchema(_));
        let (front, is_aside) = (&mut self.front, self.is_aside);
        front.show(&event);
        let (interrupt, wishes) = (&self.interrupt, &self.wishes);
        let thought = if line.can_hurry { Thought::Bounded } else { Thought::Unbounded };
        let mut veil = llm::Veil::default();
        let mut on = |it: Event<'_>| {
            heard.set(Instant::now());
            if let Event::Said(piece) = it {
                let thinks = matches!(piece, Piece::Reasoning(_));
                wishes.thinks(if thinks { thought } else { Thought::None });
            }
            match it {
                Event::Said(_) if !is_reply || is_aside => {}
                Event::Said(Piece::Text(text)) => say(front, veil.feed(text)),
                it => front.show(&it),
            }
            if front.is_gone() {
                interrupt.fire();
            }
        };
        let ends = (self.interrupt.fired(), self.wishes.enough());
        let asked = llm::ask_or_hurry(&line.server, request, &mut on, ends);
        let answer = watched(&mut self.host, &heard, asked).await;
        self.wishes.thinks(Thought::None);
        let mut reply = match answer.unwrap_or_else(|| Err(hangs())) {
            Ok(reply) => reply,
            Err(err)
                if line.holds_forms
                    && is_refusal(&err)
                    && matches!(wanted, Asked::Form(..) | Asked::InSchema(_)) =>
            {
                // Not every server can hold to every schema, and the words say the form too.
                line.holds_forms = false;
                let answered = Box::pin(self.ask_once(transcript, wanted)).await;
                if let (Some(line), Ok(Err(_))) = (&mut self.line, &answered) {
                    // It was not the schema.
                    line.holds_forms = true;
                }
                return answered;
            }
            Err(err) => return Ok(Err(err)),
        };
        reply.model = line.model.clone().unwrap_or_default();
        let usage = reply.usage;
        self.is_set_aside = false;
        self.has_asked = true;
        line.gauge.learn(request.length(), usage.cached + usage.read);
        if let Some((tokens, window)) =
            line.has_filled(&reply).filter(|_| !matches!(wanted, Asked::Summary(_)))
        {
            let reason = "the reply has filled the window";
            self.front.show(&Event::Retrying { reason, wait: Duration::ZERO });
            return Ok(Ok(Answered::Full { tokens, window }));
        }
        if let Asked::Form(..) | Asked::InSchema(_) = wanted {
            // What is asked for is words, whatever they look like.
            reply.calls.clear();
            return Ok(Ok(Answered::Reply(reply)));
        }
        let names = || self.toolbox.specs().iter().map(|it| it.name.as_str());
        llm::hear(&mut reply, &|it| tools::resolve(it, names()).is_some());
        if reply.spoken.is_empty() && is_reply && !is_aside {
            say(&mut self.front, veil.lift());
        }
        Ok(Ok(Answered::Reply(reply)))
    }

    /// Asks until there is an answer.
    async fn answer(
        &mut self,
        transcript: &Transcript,
        wanted: Asked<'_>,
    ) -> anyhow::Result<Answered> {
        let (mut attempt, mut has_restarted) = (0, false);
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
                // One that ends with each answer would do so for ever.
                if std::mem::replace(&mut has_restarted, true) {
                    bail!("the model server has ended: {reason}");
                }
                let reason = reason.lines().next().unwrap_or_default();
                let reason = format!("the model server has ended and is started again: {reason}");
                self.front.show(&Event::Retrying { reason: &reason, wait: RESTART });
                if self.waits(RESTART).await {
                    continue;
                }
                return Ok(Answered::Reply(nothing_said()));
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
            if !self.waits(wait).await {
                return Ok(Answered::Reply(nothing_said()));
            }
        }
    }

    /// Whether the time passed before the person stopped it.
    async fn waits(&self, wait: Duration) -> bool {
        tokio::select! {
            () = self.interrupt.fired() => false,
            () = tokio::time::sleep(wait) => true,
        }
    }

    /// Runs calls side by side.
    pub(super) async fn look(&mut self, calls: &[Call]) -> Vec<Outcome> {
        for call in calls {
            let understood = self.understood(call);
            if understood != *call {
                self.front.show(&Event::Understood(&understood));
            }
        }
        all(calls.iter().map(|it| self.toolbox.run(it, self.interrupt.fired()))).await
    }

    pub(super) fn has_asked(&self) -> bool {
        self.has_asked
    }

    /// Whether the server has something else in its cache than this conversation.
    pub(super) fn is_set_aside(&self) -> bool {
        self.is_set_aside
    }

    /// The call in the form in which it will run, which is the one to show and to judge.
    pub(super) fn understood(&self, call: &Call) -> Call {
        let understood = tools::understand(call, self.toolbox.specs());
        understood.map_or_else(|_| call.clone(), |it| it.call)
    }
}

fn say(front: &mut impl Front, text: &str) {
    if !text.is_empty() {
        front.show(&Event::Said(Piece::Text(text)));
    }
}

impl<H: Host, F: Front> World for Reach<H, F> {
    async fn ask(&mut self, transcript: &Transcript, room: RoomFor) -> anyhow::Result<Answered> {
        let is_wanted = matches!(transcript.last_that_counts(), Some(Entry::Wanted { .. }));
        let wanted = match transcript.wanted().filter(|_| is_wanted) {
            Some(form) => Asked::Form(form, room),
            None => Asked::Reply(room),
        };
        let answered = self.answer(transcript, wanted).await?;
        if let Answered::Reply(reply) = &answered {
            self.spent.requests += u32::from(matches!(wanted, Asked::Reply(_)));
            self.spent.calls += reply.calls.len();
        }
        Ok(answered)
    }

    fn said_meanwhile(&mut self) -> Option<String> {
        let words = self.wishes.unsaid();
        (!words.is_empty()).then(|| words.join("\n"))
    }

    async fn ask_in_form(
        &mut self,
        transcript: &Transcript,
        schema: &serde_json::Value,
    ) -> anyhow::Result<Answered> {
        self.answer(transcript, Asked::InSchema(&schema.to_string())).await
    }

    async fn sum_up(&mut self, transcript: &Transcript, keep: &str) -> anyhow::Result<Summary> {
        let words = request_for_summary(&self.wording.compact, keep);
        let mut usage = Usage::default();
        for _ in 0..TRIES {
            match self.answer(transcript, Asked::Summary(&words)).await? {
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
        self.leave_for(call, stakes).await
    }

    fn in_vain(&mut self, call: &Call, stakes: &Stakes) -> Option<Outcome> {
        let outcome = self.fails(call, stakes)?;
        let understood = self.understood(call);
        if understood != *call {
            self.front.show(&Event::Understood(&understood));
        }
        Some(outcome)
    }

    async fn run(&mut self, calls: &[Call]) -> Vec<Outcome> {
        let asks = |it: &Call| self.toolbox.inquiry(&self.understood(it));
        let questions: Vec<_> = calls.iter().map(asks).collect();
        if questions.iter().any(Option::is_some) {
            let mut outcomes = Vec::new();
            for (call, question) in calls.iter().zip(questions) {
                outcomes.push(match question {
                    Some(Ok(question)) => self.find_out(call, &question).await,
                    Some(Err(outcome)) => outcome,
                    None => self.look(std::slice::from_ref(call)).await.remove(0),
                });
            }
            return outcomes;
        }
        if let [call] = calls
            && let Some(question) = self.toolbox.question(&self.understood(call))
        {
            return vec![match question {
                Ok(question) => tools::answered(self.put(&question).await),
                Err(outcome) => outcome,
            }];
        }
        self.look(calls).await
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
    matches!(err, AskError::Refused { status, .. } if (400..500).contains(status) && *status != 429)
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
