//! What fills the window: counted by the server where it can, else shared out by length.

use crate::agent::Host;
use crate::agent::reach::Reach;
use crate::conversation::{Context, Entry, Form, Front, Part, Transcript, Usage, length, view};
use crate::llm;

/// So many of the newest requests are looked at.
const RECENT: usize = 5;

/// What a token has in bytes where nobody has counted.
const BYTES: usize = 4;

/// The tool by which the model keeps a plan of its own.
const UPDATE_PLAN: &str = "update_plan";

/// The heading under which instructions stand in the first message.
const INSTRUCTIONS: &str = "\n\n# Instructions\n";

impl<H: Host, F: Front> Reach<H, F> {
    /// What the next request would be made of.
    pub(super) async fn context(&mut self, transcript: &Transcript) -> anyhow::Result<Context> {
        let tools: usize = self.toolbox.specs().iter().map(|it| it.definition.len()).sum();
        let constants = self.constants.clone();
        let line = self.connected().await?;
        let mut next = line.request.clone();
        next.extend(transcript.entries());
        let whole = line.count_of(&next).await;
        // The same without what is said, and without the tools.
        let opened = transcript.entries().iter().find(|it| matches!(it, Entry::Opened { .. }));
        let alone: Vec<_> =
            opened.cloned().into_iter().chain([Entry::Prompt(String::new())]).collect();
        let mut without = llm::Request::new(&constants, &[]);
        without.extend(&alone);
        let system = line.count_of(&without).await;
        let mut with_tools = line.request.emptied();
        with_tools.extend(&alone);
        let fixed = line.count_of(&with_tools).await;

        let bytes = Bytes::of(transcript);
        let counts = (whole, fixed, system);
        let (parts, counted) = match counts {
            (Some(whole), Some(fixed), Some(system)) => (bytes.shared(whole, fixed, system), true),
            _ => {
                let all = bytes.system + bytes.instructions + bytes.said();
                let guess = |bytes: usize| u32::try_from(bytes / BYTES).unwrap_or(u32::MAX);
                let length = tools + all;
                let whole = line.gauge.estimate(length).unwrap_or_else(|| guess(length));
                let share = |of: usize| part_of(whole, of, length);
                let system = share(bytes.system + bytes.instructions);
                (bytes.shared(whole, share(tools) + system, system), false)
            }
        };
        let answer = line.window.map_or(0, |it| it - llm::most(it));
        let usage = |it: &Entry| match it {
            Entry::Reply(reply) => Some(reply.usage).filter(|it| *it != Usage::default()),
            _ => None,
        };
        let mut recent: Vec<_> =
            transcript.entries().iter().rev().filter_map(usage).take(RECENT).collect();
        recent.reverse();
        Ok(Context { window: line.window, parts, answer, counted, recent })
    }
}

/// How long each part is that is made of words.
#[derive(Debug, Default)]
struct Bytes {
    system: usize,
    instructions: usize,
    conversation: usize,
    plan: usize,
    results: usize,
}

impl Bytes {
    fn of(transcript: &Transcript) -> Self {
        let mut bytes = Self::default();
        let (mut is_wanted, mut updates) = (false, Vec::new());
        for shown in view(transcript.entries()) {
            match &*shown.entry {
                Entry::Wanted { form: Form::Plan, words } => {
                    bytes.plan += words.len();
                    is_wanted = true;
                }
                reply @ Entry::Reply(_) if std::mem::take(&mut is_wanted) => {
                    bytes.plan += length(reply);
                }
                Entry::Reply(reply) => {
                    let plan: Vec<_> =
                        reply.calls.iter().filter(|it| it.tool == UPDATE_PLAN).collect();
                    let said = plan.iter().map(|it| it.tool.len() + it.args.len()).sum::<usize>();
                    bytes.plan += said;
                    bytes.conversation += length(&shown.entry).saturating_sub(said);
                    updates = plan.iter().map(|it| it.id.clone()).collect();
                }
                Entry::Result { call, outcome } if updates.contains(call) => {
                    bytes.plan += outcome.text.len();
                }
                Entry::Opened { system } => {
                    let instructions = system.find(INSTRUCTIONS).map_or(0, |it| system.len() - it);
                    bytes.instructions += instructions;
                    bytes.system += system.len() - instructions;
                }
                Entry::Result { outcome, .. } => bytes.results += outcome.text.len(),
                entry => bytes.conversation += length(entry),
            }
        }
        bytes
    }

    /// What was said since the beginning.
    fn said(&self) -> usize {
        self.conversation + self.plan + self.results
    }

    /// Tokens of each part, where so many are in all, so many of them in what never changes, and so
    /// many of those in the first message.
    fn shared(&self, whole: u32, fixed: u32, system: u32) -> Vec<(Part, u32)> {
        let said = whole.saturating_sub(fixed);
        let instructions = part_of(system, self.instructions, self.system + self.instructions);
        let all = self.said();
        let (plan, results) = (part_of(said, self.plan, all), part_of(said, self.results, all));
        let parts = [
            (Part::Tools, fixed.saturating_sub(system)),
            (Part::System, system.saturating_sub(instructions)),
            (Part::Instructions, instructions),
            (Part::Conversation, said.saturating_sub(plan + results)),
            (Part::Plan, plan),
            (Part::Results, results),
        ];
        let is_there = |(part, tokens): &(Part, u32)| {
            !matches!(part, Part::Instructions | Part::Plan) || 0 < *tokens
        };
        parts.into_iter().filter(is_there).collect()
    }
}

/// As many of `tokens` as `some` is of `all`.
fn part_of(tokens: u32, some: usize, all: usize) -> u32 {
    let part = (u64::from(tokens) * some as u64).checked_div(all as u64);
    part.and_then(|it| u32::try_from(it).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conversation::{Call, Outcome, Reply, Status};

    #[test]
    fn a_plan_is_what_was_asked_and_answered_for_it_and_what_the_model_noted() {
        let call = |id: &str, tool: &str| Call {
            id: id.to_owned(),
            tool: tool.to_owned(),
            args: "{}".to_owned(),
        };
        let reply = |text: &str, calls| {
            Entry::Reply(Reply { text: text.to_owned(), calls, ..Reply::default() })
        };
        let result = |call: &str, text: &str| Entry::Result {
            call: call.to_owned(),
            outcome: Outcome::new(Status::Done, text, ""),
        };
        let entries = [
            Entry::Prompt("go".to_owned()),
            reply("ok", vec![call("1", UPDATE_PLAN), call("2", "git")]),
            result("1", "[ ] one"),
            result("2", "four"),
            Entry::Wanted { form: Form::Plan, words: "as JSON".to_owned() },
            reply("{....}", Vec::new()),
            reply("done", Vec::new()),
        ];
        let bytes = Bytes::of(&entries.into_iter().collect());
        let noted = UPDATE_PLAN.len() + 2 + "[ ] one".len();
        assert_eq!(bytes.plan, noted + "as JSON".len() + "{....}".len());
        assert_eq!(bytes.conversation, "go".len() + "ok".len() + "git{}".len() + "done".len());
        assert_eq!(bytes.results, "four".len());
        let parts = bytes.shared(100 + 10 * bytes.said() as u32, 100, 40);
        assert!(parts.contains(&(Part::Plan, 10 * bytes.plan as u32)), "{parts:?}");
        assert!(Bytes::default().shared(9, 9, 9).iter().all(|(it, _)| *it != Part::Plan));
    }
}
