//! Where else models are. The doc comments are the user's documentation.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Models on this machine.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Options {
    /// Further folders with model files. The caches of Hugging Face's tools, llama.cpp, Ollama and
    /// LM Studio are looked at anyway.
    pub(crate) folders: Vec<PathBuf>,
}
