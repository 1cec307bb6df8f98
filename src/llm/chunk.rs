//! One chunk of a streamed answer, as servers write it.
//!
//! These are forms of the wire: each field may be missing or null, and unknown ones are passed over.

use serde::{Deserialize, Deserializer};

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Chunk {
    pub(super) id: Option<String>,
    pub(super) choices: Option<Vec<Choice>>,
    pub(super) usage: Option<TokenCount>,
    pub(super) timings: Option<Timings>,
    pub(super) prompt_progress: Option<PromptProgress>,
    pub(super) error: Option<Fault>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Choice {
    pub(super) delta: Option<Delta>,
    pub(super) finish_reason: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Delta {
    pub(super) content: Option<String>,
    #[serde(alias = "reasoning")]
    pub(super) reasoning_content: Option<String>,
    pub(super) tool_calls: Option<Vec<CallDelta>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct CallDelta {
    pub(super) index: Option<usize>,
    pub(super) id: Option<String>,
    pub(super) function: Option<FunctionDelta>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct FunctionDelta {
    pub(super) name: Option<String>,
    pub(super) arguments: Option<String>,
}

/// The count every server gives.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct TokenCount {
    #[serde(deserialize_with = "nullable")]
    pub(super) prompt_tokens: u32,
    #[serde(deserialize_with = "nullable")]
    pub(super) completion_tokens: u32,
    pub(super) prompt_tokens_details: Option<PromptDetails>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct PromptDetails {
    pub(super) cached_tokens: Option<u32>,
}

/// The count llama-server gives, which knows time and cache.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Timings {
    #[serde(deserialize_with = "nullable")]
    pub(super) cache_n: u32,
    #[serde(deserialize_with = "nullable")]
    pub(super) prompt_n: u32,
    #[serde(deserialize_with = "nullable")]
    pub(super) prompt_ms: f64,
    #[serde(deserialize_with = "nullable")]
    pub(super) predicted_n: u32,
    #[serde(deserialize_with = "nullable")]
    pub(super) predicted_ms: f64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct PromptProgress {
    #[serde(deserialize_with = "nullable")]
    pub(super) total: u32,
    #[serde(deserialize_with = "nullable")]
    pub(super) cache: u32,
    #[serde(deserialize_with = "nullable")]
    pub(super) processed: u32,
}

/// An error, in a body of its own or in the middle of a stream.
#[derive(Debug, Default, Deserialize)]
#[serde(from = "FaultForm")]
pub(super) struct Fault {
    pub(super) code: Option<serde_json::Value>,
    pub(super) message: String,
    pub(super) kind: Option<String>,
    pub(super) n_prompt_tokens: Option<u32>,
    pub(super) n_ctx: Option<u32>,
}

/// Some servers say no more than the words.
#[derive(Deserialize)]
#[serde(untagged)]
enum FaultForm {
    Short(String),
    Whole {
        code: Option<serde_json::Value>,
        message: Option<String>,
        #[serde(rename = "type")]
        kind: Option<String>,
        n_prompt_tokens: Option<u32>,
        n_ctx: Option<u32>,
    },
}

impl From<FaultForm> for Fault {
    fn from(form: FaultForm) -> Self {
        match form {
            FaultForm::Short(message) => Self { message, ..Self::default() },
            FaultForm::Whole { code, message, kind, n_prompt_tokens, n_ctx } => {
                let message = message.unwrap_or_else(|| "no reason given".to_owned());
                Self { code, message, kind, n_prompt_tokens, n_ctx }
            }
        }
    }
}

/// What is null is as good as missing.
fn nullable<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(
    value: D,
) -> Result<T, D::Error> {
    Option::deserialize(value).map(Option::unwrap_or_default)
}
