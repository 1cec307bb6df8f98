//! What fills the window: counted by the server where it can, else shared out by length.

use crate::agent::Host;
use crate::agent::reach::Reach;
use crate::conversation::{Context, Entry, Front, Part, Transcript, Usage, length, view};
use crate::llm;

/// So many of the newest requests are looked at.
const RECENT: usize = 5;

/// What a token has in bytes where nobody has counted.
const BYTES: usize = 4;

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
                let all = bytes.system + bytes.instructions + bytes.conversation + bytes.results;
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
    results: usize,
}

impl Bytes {
    fn of(transcript: &Transcript) -> Self {
        let mut bytes = Self::default();
        for shown in view(transcript.entries()) {
            match &*shown.entry {
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

    /// Tokens of each part, where so many are in all, so many of them in what never changes, and so
    /// many of those in the first message.
    fn shared(&self, whole: u32, fixed: u32, system: u32) -> Vec<(Part, u32)> {
        let said = whole.saturating_sub(fixed);
        let instructions = part_of(system, self.instructions, self.system + self.instructions);
        let results = part_of(said, self.results, self.conversation + self.results);
        let parts = [
            (Part::Tools, fixed.saturating_sub(system)),
            (Part::System, system.saturating_sub(instructions)),
            (Part::Instructions, instructions),
            (Part::Conversation, said.saturating_sub(results)),
            (Part::Results, results),
        ];
        let is_there = |(part, tokens): &(Part, u32)| *part != Part::Instructions || 0 < *tokens;
        parts.into_iter().filter(is_there).collect()
    }
}

/// As many of `tokens` as `some` is of `all`.
fn part_of(tokens: u32, some: usize, all: usize) -> u32 {
    let part = (u64::from(tokens) * some as u64).checked_div(all as u64);
    part.and_then(|it| u32::try_from(it).ok()).unwrap_or_default()
}
