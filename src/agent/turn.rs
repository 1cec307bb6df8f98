//! One turn: from the person's words to the model's last word.

use crate::agent::guard;
use crate::agent::plan;
use crate::agent::room::Room;
use crate::agent::step::{Next, Rules, given_up, next, tell_changes};
use crate::conversation::{
    Call, CallState, Condensed, Decision, Effect, Entry, Outcome, Reply, Stakes, Status, Stop,
    Transcript, Usage,
};
use crate::llm::AskError;

/// Everything a turn may touch outside the transcript.
pub(super) trait World {
    async fn ask(&mut self, transcript: &Transcript, room: RoomFor) -> anyhow::Result<Answered>;

    /// What the person said to the model since it was last asked, and it was not told.
    fn said_meanwhile(&mut self) -> Option<String>;

    /// The same for an answer that satisfies the schema.
    async fn ask_in_form(
        &mut self,
        transcript: &Transcript,
        schema: &serde_json::Value,
    ) -> anyhow::Result<Answered>;

    /// The conversation in the words of the model, in which nothing of `keep` may be missing.
    async fn sum_up(&mut self, transcript: &Transcript, keep: &str) -> anyhow::Result<Summary>;

    /// `None` when the person stops the turn instead of deciding.
    async fn approve(&mut self, call: &Call, question: &Stakes) -> Option<Decision>;

    /// What comes of a call that is sure to fail, so that the person need not decide about it.
    fn in_vain(&mut self, _: &Call, _: &Stakes) -> Option<Outcome> {
        None
    }

    /// One outcome a call, in their order. Never fails: what went wrong is an answer the model
    /// can use.
    async fn run(&mut self, calls: &[Call]) -> Vec<Outcome>;

    /// Why the turn really ends that seems to end for this reason.
    fn reason(&self, stop: Stop) -> Stop {
        stop
    }

    /// Writes the entries to the journal, then shows them; in that order.
    fn record(&mut self, entries: &[Entry]);

    /// Waits until what was recorded would survive a power cut. The reason if it does not, although
    /// the session is on disk: what happens now would be forgotten, and might be done again.
    async fn secure(&mut self) -> Result<(), String>;
}

/// How much of the window a request may take.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum RoomFor {
    /// So much that there is room for a usual answer.
    AnAnswer,
    /// All but a few words.
    AFewWords,
}

/// What came of asking the model.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Answered {
    Reply(Reply),
    /// The window has no room for an answer: so many tokens, of so many.
    Full {
        tokens: u32,
        window: u32,
    },
}

/// What came of asking for a summary.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Summary {
    Words {
        text: String,
        usage: Usage,
    },
    /// The model found none, or none that is whole.
    Unusable,
    /// The person stopped it.
    Stopped,
}

impl Summary {
    /// What is written down of it; the last `kept` entries stay word for word.
    pub(super) fn into_entry(self, kept: usize) -> Entry {
        match self {
            Self::Words { text, usage } => {
                Entry::Condensed(Condensed { summary: text, kept, usage })
            }
            Self::Unusable => Entry::Condensed(Condensed {
                summary: String::new(),
                kept,
                usage: Usage::default(),
            }),
            Self::Stopped => Entry::Stopped(Stop::Cancelled),
        }
    }
}

/// How a turn ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Finish {
    Done,
    Stopped(Stop),
}

pub(super) async fn run(
    rules: &Rules,
    transcript: &mut Transcript,
    world: &mut impl World,
) -> anyhow::Result<Finish> {
    let mut stopped = None;
    loop {
        let mut entries = match next(rules, transcript) {
            Next::Ask => vec![match world.said_meanwhile() {
                Some(words) => Entry::said_meanwhile(&words),
                None => match world.ask(transcript, RoomFor::AnAnswer).await? {
                    Answered::Reply(reply) => Entry::Reply(reply),
                    Answered::Full { tokens, window } => Entry::Full { tokens, window },
                },
            }],
            Next::GiveUp { tokens: prompt, window } => {
                return Err(AskError::TooLong { prompt, window }.into());
            }
            Next::AskAnyway => match world.ask(transcript, RoomFor::AFewWords).await? {
                Answered::Reply(reply) => vec![Entry::Reply(reply)],
                Answered::Full { tokens: prompt, window } => {
                    return Err(AskError::TooLong { prompt, window }.into());
                }
            },
            Next::MakeRoom(Room::Prune(pruned)) => vec![Entry::Pruned(pruned)],
            Next::MakeRoom(Room::Sum { kept }) => {
                match world.sum_up(transcript, "").await?.into_entry(kept) {
                    Entry::Stopped(stop) => {
                        let stop = world.reason(stop);
                        stopped = Some(stop);
                        vec![Entry::Stopped(stop)]
                    }
                    entry => vec![entry],
                }
            }
            Next::MakeRoom(Room::Drop { kept }) => vec![Summary::Unusable.into_entry(kept)],
            Next::Approve(call, question) => vec![match world.in_vain(&call, &question) {
                Some(outcome) => Entry::Result { call: call.id, outcome },
                None => approved(world.approve(&call, &question).await, call),
            }],
            Next::Run(calls) => {
                let started = calls.iter().map(|it| Entry::Started { call: it.id.clone() });
                keep(transcript, world, started.collect());
                let only_reads = calls.iter().all(|it| rules.effect(it) == Effect::Reads);
                let secured = if only_reads { Ok(()) } else { world.secure().await };
                let outcomes = match secured {
                    Ok(()) => world.run(&calls).await,
                    Err(reason) => vec![unwritten(&reason); calls.len()],
                };
                let results = calls.into_iter().zip(outcomes);
                results.map(|(call, outcome)| Entry::Result { call: call.id, outcome }).collect()
            }
            Next::Answer(call, outcome) => vec![Entry::Result { call: call.id, outcome }],
            Next::Note(text) => vec![Entry::Note(text.to_owned())],
            Next::Want(form, words) => vec![Entry::Wanted { form, words }],
            Next::Propose(plan) => vec![Entry::Planned(plan)],
            Next::Stop(stop) => {
                let stop = world.reason(stop);
                stopped = Some(stop);
                vec![Entry::Stopped(stop)]
            }
            Next::Wait => {
                // The person was told, and nothing follows that would have to wait for it.
                let _ = world.secure().await;
                return Ok(stopped.map_or(Finish::Done, Finish::Stopped));
            }
        };
        tell_changes(transcript, &mut entries);
        guard::remark(transcript.entries(), &mut entries);
        entries.extend(plan::noted(rules, transcript, &entries).map(Entry::Planned));
        keep(transcript, world, entries);
    }
}

/// Journal, screen, memory.
fn keep(transcript: &mut Transcript, world: &mut impl World, entries: Vec<Entry>) {
    world.record(&entries);
    entries.into_iter().for_each(|it| transcript.push(it));
}

fn approved(decision: Option<Decision>, call: Call) -> Entry {
    match decision {
        Some(decision) => Entry::Decided { call: call.id, decision },
        None => Entry::Result { call: call.id, outcome: given_up(&CallState::default()) },
    }
}

/// The answer to a call whose `Started` cannot be written.
fn unwritten(reason: &str) -> Outcome {
    let text = format!(
        "Not run: the session cannot be written to disk ({reason}), and until it can, nothing is \
         changed or run. Reading still works. Tell the user."
    );
    Outcome::new(Status::Failed, text, "not run: the session cannot be written")
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use std::path::Path;
    use std::sync::Arc;

    use super::*;
    use crate::conversation::{Permission, ToolSpec};
    use crate::permission::{Permissions, RuleOptions};

    /// A world where the model reads from a script and every tool says `ok`.
    struct Scripted {
        replies: Vec<Reply>,
        said: Option<String>,
        decision: Option<Decision>,
        is_disk_full: bool,
        log: String,
    }

    impl World for Scripted {
        async fn ask(&mut self, _: &Transcript, _: RoomFor) -> anyhow::Result<Answered> {
            if self.replies.is_empty() {
                anyhow::bail!("the server is gone");
            }
            Ok(Answered::Reply(self.replies.remove(0)))
        }
        fn said_meanwhile(&mut self) -> Option<String> {
            self.said.take_if(|_| self.log.contains("(runs"))
        }
        async fn ask_in_form(
            &mut self,
            transcript: &Transcript,
            _: &serde_json::Value,
        ) -> anyhow::Result<Answered> {
            self.ask(transcript, RoomFor::AFewWords).await
        }
        async fn sum_up(&mut self, _: &Transcript, _: &str) -> anyhow::Result<Summary> {
            anyhow::bail!("there is always room here")
        }
        async fn approve(&mut self, _: &Call, _: &Stakes) -> Option<Decision> {
            self.decision.clone()
        }
        async fn run(&mut self, calls: &[Call]) -> Vec<Outcome> {
            let tools: Vec<&str> = calls.iter().map(|it| &*it.tool).collect();
            self.log += &format!("(runs {})\n", tools.join(" and "));
            let ok = Outcome::new(Status::Done, "ok", "");
            vec![ok; calls.len()]
        }
        fn record(&mut self, entries: &[Entry]) {
            for entry in entries {
                self.log += &match entry {
                    Entry::Reply(it) => format!("reply {:?} calls {}\n", it.text, it.calls.len()),
                    Entry::Result { call, outcome } => {
                        format!("result {call} {:?}\n", outcome.status)
                    }
                    it => format!("{it:?}\n"),
                };
            }
        }
        async fn secure(&mut self) -> Result<(), String> {
            if self.is_disk_full {
                self.log += "(not secured)\n";
                return Err("no space left".to_owned());
            }
            self.log += "(secured)\n";
            Ok(())
        }
    }

    #[track_caller]
    fn check(calls: &[&str], decision: Option<Decision>, expected: Expect) {
        check_in((false, None), calls, decision, expected);
    }

    #[track_caller]
    fn check_in(
        (is_disk_full, said): (bool, Option<&str>),
        calls: &[&str],
        decision: Option<Decision>,
        expected: Expect,
    ) {
        let calls = calls.iter().enumerate().map(|(id, tool)| Call {
            id: id.to_string(),
            tool: (*tool).to_owned(),
            args: String::new(),
        });
        let calls: Vec<Call> = calls.collect();
        let text = if calls.is_empty() { String::new() } else { "on it".to_owned() };
        let first = Reply { text, calls, ..Reply::default() };
        let last = Reply { text: "done".to_owned(), ..Reply::default() };
        let replies = vec![first, last];
        let said = said.map(str::to_owned);
        let mut world = Scripted { replies, said, decision, is_disk_full, log: String::new() };
        let (name, definition) = ("shell".to_owned(), "{}".to_owned());
        let tools = [ToolSpec { name, definition, effect: Effect::Executes }];
        let (mode, root) = (Permission::Ask, Path::new("/p"));
        let permissions = Permissions::new(mode, root, RuleOptions::default(), Vec::new());
        let rules = Rules::new(Arc::new(permissions), 20, &tools);
        let mut transcript = Transcript::default();
        transcript.push(Entry::Prompt("go".to_owned()));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let finish = runtime.block_on(run(&rules, &mut transcript, &mut world));
        let finish = finish.map_or_else(|err| err.to_string(), |it| format!("{it:?}"));
        expected.assert_eq(&format!("{}{finish}", world.log));
    }

    #[test]
    fn each_step_is_recorded_once_and_secured_before_a_side_effect() {
        check(
            &["read", "list", "shell"],
            Some(Decision::Allowed),
            expect![[r#"
                reply "on it" calls 3
                Started { call: "0" }
                Started { call: "1" }
                (runs read and list)
                result 0 Done
                result 1 Done
                Decided { call: "2", decision: Allowed }
                Started { call: "2" }
                (secured)
                (runs shell)
                result 2 Done
                reply "done" calls 0
                (secured)
                Done"#]],
        );
    }

    #[test]
    fn what_the_person_says_meanwhile_is_told_behind_the_results() {
        check_in(
            (false, Some("not that way")),
            &["read"],
            None,
            expect![[r#"
            reply "on it" calls 1
            Started { call: "0" }
            (runs read)
            result 0 Done
            Note("[The user says, while you work:]\nnot that way")
            reply "done" calls 0
            (secured)
            Done"#]],
        );
    }

    #[test]
    fn what_cannot_be_written_down_is_not_done() {
        check_in(
            (true, None),
            &["read", "shell"],
            Some(Decision::Allowed),
            expect![[r#"
                reply "on it" calls 2
                Started { call: "0" }
                (runs read)
                result 0 Done
                Decided { call: "1", decision: Allowed }
                Started { call: "1" }
                (not secured)
                result 1 Failed
                reply "done" calls 0
                (not secured)
                Done"#]],
        );
    }

    #[test]
    fn to_stop_at_a_question_stops_the_turn() {
        check(
            &["shell", "shell"],
            None,
            expect![[r#"
                reply "on it" calls 2
                result 0 Cancelled
                result 1 Cancelled
                Stopped(Cancelled)
                (secured)
                Stopped(Cancelled)"#]],
        );
    }

    #[test]
    fn an_empty_reply_costs_one_more_request() {
        check(
            &[],
            None,
            expect![[r#"
                reply "" calls 0
                Note("Your reply was empty. Go on with the task: call a tool, or say in words what you did.")
                reply "done" calls 0
                (secured)
                Done"#]],
        );
    }
}
