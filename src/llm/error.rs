//! Why a request was not answered.

use std::fmt;

use crate::llm::chunk::Fault;

/// An enum because callers branch: some of these pass by waiting, one by making room.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum AskError {
    /// No connection, or none that held until an answer began.
    Unreachable {
        /// Where it should be; `None` for our own, whose address means nothing to a person.
        address: Option<String>,
        reason: String,
    },
    /// The model is still being loaded.
    Loading,
    Unauthorized(String),
    /// The conversation is longer than the window, both in tokens.
    TooLong {
        prompt: u32,
        window: u32,
    },
    /// The server said no with a status of its own.
    Refused {
        status: u16,
        message: String,
    },
    /// The server gave up in the middle of its answer and said so.
    Failed(String),
    /// The answer stopped without an end.
    Broken(String),
    /// What came was not an answer.
    Garbled(String),
}

impl AskError {
    /// Understands the body of an answer that is not 200; any body will do.
    pub(super) fn from_body(status: u16, body: &[u8]) -> Self {
        #[derive(serde::Deserialize)]
        struct Body {
            error: Fault,
        }
        let fault = match serde_json::from_slice::<Body>(body) {
            Ok(it) => it.error,
            Err(_) => Fault { message: gist_of(body), ..Fault::default() },
        };
        Self::from_fault(status, fault)
    }

    pub(super) fn from_fault(status: u16, fault: Fault) -> Self {
        if let (Some(prompt), Some(window)) = (fault.n_prompt_tokens, fault.n_ctx) {
            return Self::TooLong { prompt, window };
        }
        match (status, fault.kind.as_deref()) {
            (401 | 403, _) => Self::Unauthorized(fault.message),
            (503, Some("unavailable_error")) => Self::Loading,
            _ => Self::Refused { status, message: fault.message },
        }
    }
}

/// The words of a body that is not JSON: the first line of text that is not markup.
fn gist_of(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let mut words = String::new();
    let mut in_tag = false;
    for c in text.chars().take(4000) {
        match c {
            '<' => in_tag = true,
            '>' => {
                in_tag = false;
                words.push(' ');
            }
            _ if in_tag => {}
            _ => words.push(c),
        }
    }
    let words: Vec<&str> = words.split_whitespace().take(20).collect();
    if words.is_empty() { "no reason given".to_owned() } else { words.join(" ") }
}

impl fmt::Display for AskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable { address: Some(address), reason } => write!(
                f,
                "cannot reach the model server at {address}: {reason}\nhint: does it run there?"
            ),
            Self::Unreachable { address: None, reason } => {
                write!(f, "cannot reach the model server: {reason}")
            }
            Self::Loading => write!(f, "the model server is still loading its model"),
            Self::Unauthorized(reason) => write!(
                f,
                "the model server wants another key: {reason}\nhint: set `server.api_key` or AGENT_SERVER_API_KEY"
            ),
            Self::TooLong { prompt, window } => write!(
                f,
                "the conversation has {prompt} tokens, the model's window {window}\n\
                 hint: shorten the prompt, or give the server a larger window (`llama.context`)"
            ),
            Self::Refused { status, message } => {
                write!(f, "the model server refused the request ({status}): {message}")
            }
            Self::Failed(message) => write!(f, "the model server gave up: {message}"),
            Self::Broken(reason) => write!(f, "the model server's answer broke off: {reason}"),
            Self::Garbled(reason) => write!(
                f,
                "what the server sent is not an answer: {reason}\n\
                 hint: is there an OpenAI-compatible server at this address?"
            ),
        }
    }
}

impl std::error::Error for AskError {}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[track_caller]
    fn check(status: u16, body: &str, expected: Expect) {
        expected.assert_eq(&format!("{:?}", AskError::from_body(status, body.as_bytes())));
    }

    #[test]
    fn a_wrong_key() {
        check(
            401,
            r#"{"error":{"message":"Invalid API Key","type":"authentication_error","code":401}}"#,
            expect![[r#"Unauthorized("Invalid API Key")"#]],
        );
    }

    #[test]
    fn an_overflow_has_both_counts() {
        check(
            400,
            r#"{"error":{"code":400,"message":"request (15018 tokens) exceeds the available context size (4096 tokens), try increasing it","type":"exceed_context_size_error","n_prompt_tokens":15018,"n_ctx":4096}}"#,
            expect!["TooLong { prompt: 15018, window: 4096 }"],
        );
    }

    #[test]
    fn loading_is_not_failure() {
        check(
            503,
            r#"{"error":{"message":"Loading model","type":"unavailable_error","code":503}}"#,
            expect!["Loading"],
        );
    }

    #[test]
    fn a_full_server_is_busy_not_loading() {
        check(
            503,
            r#"{"error":{"message":"no slot","type":"server_busy","code":503}}"#,
            expect![[r#"Refused { status: 503, message: "no slot" }"#]],
        );
    }

    #[test]
    fn other_servers_write_errors_shorter() {
        check(
            404,
            r#"{"error":"model not found"}"#,
            expect![[r#"Refused { status: 404, message: "model not found" }"#]],
        );
    }

    #[test]
    fn an_error_may_lack_its_words() {
        check(
            500,
            r#"{"error":{"message":null,"type":null,"code":null}}"#,
            expect![[r#"Refused { status: 500, message: "no reason given" }"#]],
        );
    }

    #[test]
    fn a_page_is_reduced_to_its_words() {
        check(
            502,
            "<html><head><title>502 Bad Gateway</title></head><body><h1>nginx</h1></body></html>",
            expect![[r#"Refused { status: 502, message: "502 Bad Gateway nginx" }"#]],
        );
    }

    #[test]
    fn no_body_is_no_reason() {
        check(500, "", expect![[r#"Refused { status: 500, message: "no reason given" }"#]]);
    }
}
