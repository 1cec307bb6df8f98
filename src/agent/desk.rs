//! Where a session is worked on, prompt after prompt.

use std::pin::pin;
use std::time::Duration;

use serde_json::Value;

use crate::agent::step::{Next, Rules, given_up, next, tell_changes};
use crate::agent::turn::{self, Finish, Summary, World};
use crate::agent::{Form, Host, Interrupt, Reach, Wishes, form};
use crate::conversation::{
    Call, Context, End, Entry, Event, Front, Outcome, Prompted, Reply, Stop, ToolSpec, Transcript,
};

/// One session at work.
pub(crate) struct Desk<H, F> {
    pub(crate) rules: Rules,
    pub(crate) transcript: Transcript,
    /// What the model of a new session is told first; recorded with the first prompt, so that a
    /// session in which nothing was said leaves nothing behind.
    pub(crate) system: Option<String>,
    /// What the model has to be told with the next prompt, because the person went back.
    pub(crate) note: Option<String>,
    pub(crate) reach: Reach<H, F>,
    /// How long a turn may take.
    pub(crate) max_time: Option<Duration>,
    /// What the answer is to be given in besides words.
    pub(crate) form: Option<Form>,
    /// The answer of the newest turn in that form.
    pub(crate) formed: Option<Value>,
}

impl<H: Host, F: Front> Desk<H, F> {
    pub(crate) fn front(&mut self) -> &mut F {
        &mut self.reach.front
    }

    /// The wish to stop, for whoever bounds more than one turn.
    pub(crate) fn interrupt(&self) -> Interrupt {
        self.reach.interrupt.clone()
    }

    pub(crate) fn host(&self) -> &H {
        &self.reach.host
    }

    /// Goes on with a model of another host, which calls it so. The one before, to be stopped.
    pub(crate) fn work_with(&mut self, host: H, model: Option<String>) -> H {
        self.ask_for(model);
        std::mem::replace(&mut self.reach.host, host)
    }

    /// From now on the host is asked for this model.
    pub(crate) fn ask_for(&mut self, model: Option<String>) {
        self.reach.constants.model = model;
        self.reach.hang_up();
    }

    /// From now on the model is asked with these parameters.
    pub(crate) fn sample_by(&mut self, parameters: Vec<(String, Value)>) {
        self.reach.constants.sampling = parameters;
        self.reach.hang_up();
    }

    /// What the person may wish of a turn, for whoever hears them.
    pub(crate) fn wishes(&self) -> Wishes {
        self.reach.wishes.clone()
    }

    /// What the model may call.
    pub(crate) fn tools(&self) -> &[ToolSpec] {
        self.reach.toolbox.specs()
    }

    /// Makes a call that the person wants, and not the model: it is no part of the conversation.
    pub(crate) async fn call(&mut self, call: &Call) -> Outcome {
        self.reach.toolbox.run(call, self.reach.interrupt.fired()).await
    }

    /// Gives back the host, to be stopped. What still runs in the background is stopped.
    pub(crate) fn into_host(mut self) -> H {
        for command in self.reach.running() {
            let text = format!("a command still ran in the background and was stopped: {command}");
            self.front().show(&Event::Warning(&text));
        }
        self.reach.host
    }

    /// Whether the last turn has something left to do.
    pub(crate) fn is_mid_turn(&self) -> bool {
        next(&self.rules, &self.transcript) != Next::Wait
    }

    /// Takes the person's words and works until there is nothing left to do.
    pub(crate) async fn prompt(&mut self, words: String) -> anyhow::Result<Finish> {
        self.say(&[], words, &[]).await
    }

    /// The same with entries right before and behind the words.
    pub(super) async fn say(
        &mut self,
        before: &[Entry],
        words: String,
        behind: &[Entry],
    ) -> anyhow::Result<Finish> {
        self.reach.turn_begins();
        let mut entries = abandoned(&self.transcript);
        entries.extend(self.system.take().map(|system| Entry::Opened { system }));
        let taken_back = self.reach.toolbox.taken_back();
        let is_news = taken_back.is_some();
        // Right before the words, with which it is one message.
        entries.extend(self.note.take().map(Entry::Note));
        entries.extend(taken_back.map(Entry::Note));
        entries.extend_from_slice(before);
        entries.push(Entry::Prompt(words));
        entries.extend_from_slice(behind);
        self.write(entries);
        if is_news {
            self.reach.toolbox.told();
        }
        self.go_on().await
    }

    /// Gives the session a name.
    pub(crate) fn name(&mut self, name: &str) -> anyhow::Result<()> {
        self.reach.name(name)
    }

    /// Goes on from before this prompt, as if nothing had been said since. The files are as they are,
    /// and the model will be told which of them it may not know.
    pub(crate) fn rewind(&mut self, prompt: Prompted) {
        let length = self.transcript.before(prompt);
        let mut told = told_with_prompts(&self.transcript, length);
        told.extend(self.note.take());
        self.transcript.rewind(length);
        self.note = self.reach.toolbox.went_back(&self.transcript, &told);
        self.reach.rewind(length, self.note.as_deref());
    }

    /// Journal, screen, memory.
    pub(super) fn write(&mut self, entries: Vec<Entry>) {
        self.reach.record(&entries);
        entries.into_iter().for_each(|it| self.transcript.push(it));
    }

    /// Has the model sum up the conversation, in which nothing of `keep` may be missing, and goes on
    /// from the summary. Why not, if that cannot be.
    pub(crate) async fn compact(&mut self, keep: &str) -> anyhow::Result<Option<&'static str>> {
        let spoke = |it: &Entry| matches!(it, Entry::Reply(_) | Entry::Condensed(_));
        match self.transcript.entries().iter().rfind(|it| spoke(it)) {
            None => return Ok(Some("nothing was said yet")),
            Some(Entry::Condensed(_)) => return Ok(Some("it was summed up already")),
            Some(_) => {}
        }
        match self.reach.sum_up(&self.transcript, keep).await? {
            Summary::Stopped => Ok(Some("stopped; the conversation is as it was")),
            Summary::Unusable => Ok(Some("the model found no words for it; all is as it was")),
            summary => {
                self.write(vec![summary.into_entry(0)]);
                Ok(None)
            }
        }
    }

    /// What fills the window, as it will be with the next prompt.
    pub(crate) async fn context(&mut self) -> anyhow::Result<Context> {
        let transcript = self.with_opening();
        self.reach.context(&transcript).await
    }

    /// Has the server read what comes before the next prompt; may be dropped at any time.
    pub(crate) async fn warm(&mut self) {
        let transcript = self.with_opening();
        self.reach.warm(&transcript).await;
    }

    /// Whether the model was asked anything here.
    pub(crate) fn has_asked(&self) -> bool {
        self.reach.has_asked()
    }

    /// Whether the server has something else in its cache than this conversation.
    pub(crate) fn is_set_aside(&self) -> bool {
        self.reach.is_set_aside()
    }

    /// Why the newest turn was stopped, if it was.
    pub(crate) fn stop(&self) -> Option<Stop> {
        let entries = self.transcript.entries().iter().rev();
        let mut turn = entries.take_while(|it| !matches!(it, Entry::Prompt(_)));
        turn.find_map(|it| match it {
            Entry::Stopped(stop) => Some(*stop),
            _ => None,
        })
    }

    /// Whether the server will have to read more than the next prompt, unless it does so ahead of time.
    pub(crate) fn is_cold(&self) -> bool {
        let is_thought = |it: &Entry| matches!(it, Entry::Reply(it) if !it.reasoning.is_empty());
        let entries = self.transcript.entries();
        let turn = entries.iter().rposition(|it| matches!(it, Entry::Prompt(_))).unwrap_or(0);
        self.reach.may_forget() && entries[turn..].iter().any(is_thought)
    }

    /// The transcript as it will be before the next prompt.
    fn with_opening(&self) -> Transcript {
        let mut transcript = self.transcript.clone();
        if let Some(system) = &self.system {
            transcript.push(Entry::Opened { system: system.clone() });
        }
        transcript
    }

    /// Works on from where the transcript stands.
    pub(crate) async fn go_on(&mut self) -> anyhow::Result<Finish> {
        self.begin_turn();
        self.reach.goes_on(&self.transcript);
        let interrupt = self.reach.interrupt.clone();
        self.formed = None;
        let turn = async {
            let (transcript, reach) = (&mut self.transcript, &mut self.reach);
            let finish = turn::run(&self.rules, transcript, reach).await?;
            match &self.form {
                Some(form) if finish == Finish::Done => {
                    let (finish, formed) = form::fill(form, transcript, reach).await?;
                    self.formed = formed;
                    Ok(finish)
                }
                _ => Ok(finish),
            }
        };
        let finish = in_time(self.max_time, &interrupt, turn).await;
        self.reach.front.show(&Event::Ended);
        finish
    }

    /// What is changed from now on belongs to the newest prompt.
    pub(super) fn begin_turn(&self) {
        self.reach.toolbox.begin_turn(self.transcript.turns());
    }
}

/// The words of ours that came with the prompts behind the first `length` entries.
fn told_with_prompts(transcript: &Transcript, length: usize) -> Vec<String> {
    let entries = transcript.entries();
    let prompts = transcript.prompts().iter().filter(|it| length <= it.at);
    let told = prompts.flat_map(|it| &entries[transcript.before(*it)..it.at]);
    let words = |it: &Entry| match it {
        Entry::Note(words) => Some(words.clone()),
        _ => None,
    };
    told.filter_map(words).collect()
}

/// Has the work stopped, as a person would, when its time is up; the end of it is still waited for.
pub(crate) async fn in_time<T>(
    limit: Option<Duration>,
    interrupt: &Interrupt,
    work: impl Future<Output = T>,
) -> T {
    let Some(limit) = limit else { return work.await };
    let mut work = pin!(work);
    tokio::select! {
        biased;
        done = &mut work => return done,
        () = tokio::time::sleep(limit) => interrupt.end_time(),
    }
    work.await
}

/// What ends an interrupted turn, for a person who speaks has moved on: answers to the calls that
/// it has left open, and, where the model owes a reply, one that says nothing. Many a chat template
/// refuses a conversation, for ever, in which the user speaks twice in a row.
pub(crate) fn abandoned(transcript: &Transcript) -> Vec<Entry> {
    let answers = transcript
        .pending()
        .map(|(call, state)| Entry::Result { call: call.id.clone(), outcome: given_up(state) });
    let mut entries: Vec<_> = answers.collect();
    tell_changes(transcript, &mut entries);
    if !entries.is_empty() || transcript.owes_reply() {
        entries.push(Entry::Reply(Reply { end: End::Cancelled, ..Reply::default() }));
    }
    entries
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::conversation::{Call, Outcome, Status};

    #[track_caller]
    fn check(entries: Vec<Entry>, expected: Expect) {
        let opened = Entry::Opened { system: "You are".to_owned() };
        let transcript = std::iter::once(opened).chain(entries).collect();
        let shown = abandoned(&transcript).into_iter().map(|it| match it {
            Entry::Result { call, outcome } => format!("answer {call} {:?}", outcome.status),
            Entry::Reply(it) if it.is_empty() => format!("an empty reply, {:?}", it.end),
            it => format!("{it:?}"),
        });
        expected.assert_eq(&shown.collect::<Vec<_>>().join("\n"));
    }

    fn prompt() -> Entry {
        Entry::Prompt("go".to_owned())
    }

    fn reply(text: &str, calls: &[&str]) -> Entry {
        let call = |id: &&str| Call { id: (*id).to_owned(), ..Call::default() };
        let calls = calls.iter().map(call).collect();
        Entry::Reply(Reply { text: text.to_owned(), calls, ..Reply::default() })
    }

    fn result(call: &str, status: Status) -> Entry {
        let outcome = Outcome::new(status, "", "");
        Entry::Result { call: call.to_owned(), outcome }
    }

    #[test]
    fn after_a_finished_turn_there_is_nothing_to_end() {
        check(vec![], expect![]);
        check(vec![prompt(), reply("done", &[])], expect![]);
    }

    #[test]
    fn a_prompt_that_was_not_answered_is_answered_by_nothing() {
        check(vec![prompt()], expect!["an empty reply, Cancelled"]);
        check(
            vec![prompt(), reply("", &[]), Entry::Note("empty".to_owned())],
            expect!["an empty reply, Cancelled"],
        );
    }

    #[test]
    fn results_that_the_model_has_not_seen_are_answered_by_nothing() {
        let stopped = Entry::Stopped(Stop::Cancelled);
        check(
            vec![prompt(), reply("", &["1"]), result("1", Status::Cancelled), stopped],
            expect!["an empty reply, Cancelled"],
        );
    }

    #[test]
    fn calls_that_were_left_open_are_answered() {
        let started = Entry::Started { call: "1".to_owned() };
        check(
            vec![prompt(), reply("", &["1", "2"]), started],
            expect![[r#"
                answer 1 Interrupted
                answer 2 Cancelled
                an empty reply, Cancelled"#]],
        );
    }
}
