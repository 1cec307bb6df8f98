//! How the local model server is started. The doc comments are the user's documentation.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The model server on this machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Options {
    /// The `llama-server` program, or a name to be found in `PATH`. If unset: `$LLAMA_SERVER`, then
    /// what `agent engine install` has installed, then the first `llama-server` in `PATH`.
    #[schemars(example = &"~/llama.cpp/build/bin/llama-server")]
    pub(crate) program: Option<PathBuf>,
    /// Listen on this port of 127.0.0.1, so that other programs can use the model too. If unset, a
    /// private socket that nobody else can open.
    #[schemars(example = 8080)]
    pub(crate) port: Option<u16>,
    /// Size of the context window in tokens. If unset, what the model was made for, as far as
    /// memory allows.
    #[schemars(example = 32768)]
    pub(crate) context: Option<u32>,
    /// Conversations it can hold at the same time, each with a window of its own.
    pub(crate) slots: u32,
    /// Layers of the model to keep on the graphics card. If unset, as many as fit.
    #[schemars(example = 99)]
    pub(crate) gpu_layers: Option<u32>,
    /// Threads to compute with. If unset, one for each physical core.
    #[schemars(example = 8)]
    pub(crate) threads: Option<u32>,
    /// Tokens of a prompt that are read in one step.
    #[schemars(example = 2048)]
    pub(crate) batch: Option<u32>,
    /// How the cache of the context window is stored, such as `f16` or `q8_0`.
    #[schemars(example = &"q8_0")]
    pub(crate) cache_type: Option<String>,
    /// Gigabytes of disk for what the server has read of your sessions, so that a session that goes on
    /// is not read again. The oldest makes room; 0 keeps nothing.
    pub(crate) keep_gigabytes: u32,
    /// What is read again in so many seconds is not kept.
    pub(crate) keep_seconds: u32,
    /// A server of ours that has neither spoken nor answered for so many seconds hangs: it is ended and
    /// started again. To read a long prompt is not to hang.
    #[schemars(range(min = 1))]
    pub(crate) silence: u32,
    /// Further arguments for the program, as they are.
    pub(crate) args: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            program: None,
            port: None,
            context: None,
            slots: 1,
            gpu_layers: None,
            threads: None,
            batch: None,
            cache_type: None,
            keep_gigabytes: 4,
            keep_seconds: 2,
            silence: 30,
            args: Vec::new(),
        }
    }
}
