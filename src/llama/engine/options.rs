//! Where engines come from. The doc comments are the user's documentation.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where `agent engine install` finds llama.cpp's releases. Only for mirrors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct EngineOptions {
    /// The repository in GitHub's API, or in something that speaks like it.
    pub(crate) api: String,
    /// Its releases by their plain addresses, for when the API does not answer.
    pub(crate) downloads: String,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            api: "https://api.github.com/repos/ggml-org/llama.cpp".to_owned(),
            downloads: "https://github.com/ggml-org/llama.cpp/releases".to_owned(),
        }
    }
}
