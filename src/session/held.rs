//! A session as it stands in its journal, for whoever reads it without going on with it.

use std::path::PathBuf;

use crate::conversation::{Entry, Usage};
use crate::session::Damage;

#[derive(Clone, Debug, Default)]
pub(crate) struct Held {
    pub(crate) id: String,
    /// The name that a list has for it.
    pub(crate) title: String,
    /// `None` if the journal does not say.
    pub(crate) project: Option<PathBuf>,
    /// The version of the program that began it; empty if the journal does not say.
    pub(crate) agent: String,
    pub(crate) entries: Vec<Entry>,
    /// When each entry was written, in milliseconds since 1970.
    pub(crate) times: Vec<u64>,
    pub(crate) damage: Damage,
}

impl Held {
    /// Each entry and when it was written.
    pub(crate) fn dated(&self) -> impl Iterator<Item = (u64, &Entry)> {
        self.times.iter().copied().zip(&self.entries)
    }

    /// All requests and what they cost, those for summaries and beside the conversation among them.
    pub(crate) fn usage(&self) -> (usize, Usage) {
        let used = self.entries.iter().filter_map(|it| match it {
            Entry::Reply(reply) => Some((1, reply.usage)),
            Entry::Condensed(condensed) => Some((1, condensed.usage)),
            Entry::Result { outcome, .. } => {
                outcome.beside.as_ref().map(|it| (it.requests as usize, it.usage))
            }
            _ => None,
        });
        let used = used.filter(|(_, usage)| *usage != Usage::default());
        used.fold((0, Usage::default()), |(count, mut sum), (requests, usage)| {
            sum += usage;
            (count + requests, sum)
        })
    }

    /// The models that spoke, in the order in which they first did.
    pub(crate) fn models(&self) -> Vec<&str> {
        let mut models = Vec::new();
        for entry in &self.entries {
            if let Entry::Reply(reply) = entry
                && !reply.model.is_empty()
                && !models.contains(&&*reply.model)
            {
                models.push(&*reply.model);
            }
        }
        models
    }
}
