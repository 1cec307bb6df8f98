//! What the server tells of itself, in the form of the wire.

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Status {
    pub(crate) version: String,
    pub(crate) pid: u32,
    pub(crate) address: String,
    pub(crate) up_seconds: u64,
    /// How models are started, in short: equal where they are started alike.
    pub(crate) settings: String,
    /// Bytes that models may take together.
    pub(crate) room_bytes: u64,
    /// Requests that wait for a model.
    pub(crate) waiting: usize,
    pub(crate) models: Vec<Model>,
}

/// A model that is loaded, or about to be.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Model {
    pub(crate) name: String,
    pub(crate) path: String,
    pub(crate) quant: Option<String>,
    pub(crate) state: Stage,
    /// From 0 to 1, while it is loaded.
    pub(crate) loaded: Option<f32>,
    pub(crate) pid: Option<u32>,
    /// What its server says.
    pub(crate) log: Option<String>,
    /// Bytes that it was reckoned to need, and those that its process has in memory.
    pub(crate) need_bytes: u64,
    pub(crate) memory_bytes: Option<u64>,
    /// Tokens of one conversation.
    pub(crate) context: Option<u32>,
    /// Answers under way, and all there were.
    pub(crate) answering: usize,
    pub(crate) answers: u64,
    /// Of the last answer.
    pub(crate) read_per_second: Option<f64>,
    pub(crate) written_per_second: Option<f64>,
    pub(crate) idle_seconds: Option<u64>,
    /// Until it is put away; not for one that is busy, or stays.
    pub(crate) goes_in_seconds: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Stage {
    Loading,
    Idle,
    Busy,
    Ending,
}

/// Which models are to be put away.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Unloading {
    /// All, without one.
    pub(crate) model: Option<String>,
    /// Even if it is busy.
    #[serde(default)]
    pub(crate) force: bool,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Unloaded {
    pub(crate) unloaded: Vec<String>,
    /// They answer somebody, so they were left alone.
    pub(crate) busy: Vec<String>,
}
