//! One turn: from the person's words to the model's last word.

use crate::agent::step::{Next, Rules, next};
use crate::conversation::{
    Call, Decision, Effect, Entry, Outcome, Reply, Status, Stop, Transcript,
};

/// Everything a turn may touch outside the transcript.
pub(super) trait World {
    async fn ask(&mut self, transcript: &Transcript) -> anyhow::Result<Reply>;

    /// `None` when the person stops the turn instead of deciding.
    async fn approve(&mut self, call: &Call) -> Option<Decision>;

    /// One outcome a call, in their order. Never fails: what went wrong is an answer the model
    /// can use.
    async fn run(&mut self, calls: &[Call]) -> Vec<Outcome>;

    /// Writes the entries to the journal, then shows them; in that order.
    fn record(&mut self, entries: &[Entry]);

    /// Waits until what was recorded would survive a power cut.
    async fn secure(&mut self);
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
        let entries = match next(rules, transcript) {
            Next::Ask => vec![Entry::Reply(world.ask(transcript).await?)],
            Next::Approve(call) => vec![approved(world.approve(&call).await, call)],
            Next::Run(calls) => {
                let started = calls.iter().map(|it| Entry::Started { call: it.id.clone() });
                keep(transcript, world, started.collect());
                if calls.iter().any(|it| rules.effect(it) != Effect::Reads) {
                    world.secure().await;
                }
                let outcomes = world.run(&calls).await;
                let results = calls.into_iter().zip(outcomes);
                results.map(|(call, outcome)| Entry::Result { call: call.id, outcome }).collect()
            }
            Next::Answer(call, outcome) => vec![Entry::Result { call: call.id, outcome }],
            Next::Note(text) => vec![Entry::Note(text.to_owned())],
            Next::Stop(stop) => {
                stopped = Some(stop);
                vec![Entry::Stopped(stop)]
            }
            Next::Wait => {
                world.secure().await;
                return Ok(stopped.map_or(Finish::Done, Finish::Stopped));
            }
        };
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
        None => {
            let text = "Not run: the user stopped the turn.".to_owned();
            let outcome = Outcome { status: Status::Cancelled, text, gist: "not run".to_owned() };
            Entry::Result { call: call.id, outcome }
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::conversation::Permission;

    /// A world where the model reads from a script and every tool says `ok`.
    struct Scripted {
        replies: Vec<Reply>,
        decision: Option<Decision>,
        log: String,
    }

    impl World for Scripted {
        async fn ask(&mut self, _: &Transcript) -> anyhow::Result<Reply> {
            if self.replies.is_empty() {
                anyhow::bail!("the server is gone");
            }
            Ok(self.replies.remove(0))
        }
        async fn approve(&mut self, _: &Call) -> Option<Decision> {
            self.decision.clone()
        }
        async fn run(&mut self, calls: &[Call]) -> Vec<Outcome> {
            let tools: Vec<&str> = calls.iter().map(|it| &*it.tool).collect();
            self.log += &format!("(runs {})\n", tools.join(" and "));
            let ok = Outcome { status: Status::Done, text: "ok".to_owned(), gist: String::new() };
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
        async fn secure(&mut self) {
            self.log += "(secured)\n";
        }
    }

    #[track_caller]
    fn check(calls: &[&str], decision: Option<Decision>, expected: Expect) {
        let calls = calls.iter().enumerate().map(|(id, tool)| Call {
            id: id.to_string(),
            tool: (*tool).to_owned(),
            args: String::new(),
        });
        let calls: Vec<Call> = calls.collect();
        let text = if calls.is_empty() { String::new() } else { "on it".to_owned() };
        let first = Reply { text, calls, ..Reply::default() };
        let last = Reply { text: "done".to_owned(), ..Reply::default() };
        let mut world = Scripted { replies: vec![first, last], decision, log: String::new() };
        let effects = vec![("shell", Effect::Executes)];
        let rules = Rules { permission: Permission::Ask, max_requests: 20, effects };
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
