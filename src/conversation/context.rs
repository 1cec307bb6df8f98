//! What fills the window of the model, in tokens.

use crate::conversation::Usage;

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Context {
    /// Tokens that fit, where the server tells.
    pub(crate) window: Option<u32>,
    /// In the order in which the model reads them.
    pub(crate) parts: Vec<(Part, u32)>,
    /// What is kept free for the answer.
    pub(crate) answer: u32,
    /// The server has counted; otherwise it is an estimate.
    pub(crate) counted: bool,
    /// What the newest requests cost, the newest last.
    pub(crate) recent: Vec<Usage>,
}

/// Where tokens come from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Part {
    Tools,
    System,
    Instructions,
    Conversation,
    Plan,
    Results,
}

impl Context {
    pub(crate) fn used(&self) -> u32 {
        self.parts.iter().map(|(_, tokens)| tokens).sum()
    }
}
