//! What the server says of itself on standard output.
//!
//! Told that it is a child, llama-server reports its state there, a line each. This is how its own
//! router watches its children, promised to nobody else: where the lines do not come, or cannot be
//! understood, nothing may depend on them.

use serde::Deserialize;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum State {
    /// With the part of the model that is loaded, 0 to 1, if it is said.
    Loading {
        fraction: Option<f32>,
    },
    Ready,
    /// The model was put away for the time nobody asks it anything.
    Sleeping,
    /// A state that is not known here.
    Other,
}

/// The variable that makes the server a child.
pub(super) const CHILD_VARIABLE: &str = "LLAMA_SERVER_ROUTER_PORT";

const PREFIX: &str = "cmd_child_to_router:state:";

#[derive(Deserialize)]
struct Line {
    state: String,
    payload: Option<serde_json::Value>,
}

/// The payload of `loading`: several files may be loaded one after the other.
#[derive(Deserialize)]
struct Progress {
    stages: Vec<String>,
    current: String,
    value: f32,
}

impl State {
    /// The state a line tells; `None` if it is not such a line.
    pub(super) fn parse(line: &str) -> Option<Self> {
        let line = line.strip_prefix(PREFIX)?;
        let Ok(Line { state, payload }) = serde_json::from_str(line) else {
            return Some(Self::Other);
        };
        Some(match state.as_str() {
            "loading" => Self::Loading { fraction: payload.and_then(fraction) },
            "ready" => Self::Ready,
            "sleeping" => Self::Sleeping,
            _ => Self::Other,
        })
    }
}

fn fraction(payload: serde_json::Value) -> Option<f32> {
    let Progress { stages, current, value } = serde_json::from_value(payload).ok()?;
    let done = stages.iter().position(|it| *it == current)?;
    Some(((done as f32 + value) / stages.len() as f32).clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[track_caller]
    fn check(line: &str, expected: Expect) {
        expected.assert_eq(&format!("{:?}", State::parse(line)));
    }

    #[test]
    fn loading_says_how_far_it_has_come() {
        check(
            r#"cmd_child_to_router:state:{"state":"loading","payload":{"stages":["text_model"],"current":"text_model","value":0.25}}"#,
            expect!["Some(Loading { fraction: Some(0.25) })"],
        );
    }

    #[test]
    fn each_file_is_an_equal_part() {
        check(
            r#"cmd_child_to_router:state:{"state":"loading","payload":{"stages":["text_model","mmproj_model"],"current":"mmproj_model","value":0.5}}"#,
            expect!["Some(Loading { fraction: Some(0.75) })"],
        );
    }

    #[test]
    fn ready_brings_the_model() {
        check(
            r#"cmd_child_to_router:state:{"state":"ready","payload":{"id":"m.gguf","aliases":["m.gguf"],"tags":[],"object":"model","architecture":{"input_modalities":["text"],"output_modalities":["text"]},"created":1795244061,"owned_by":"llamacpp","meta":{"vocab_type":2,"n_vocab":316,"n_ctx":32768,"n_ctx_train":32768,"n_embd":256,"n_params":252672,"size":144768,"ftype":"Q4_0"}}}"#,
            expect!["Some(Ready)"],
        );
    }

    #[test]
    fn what_is_not_understood_is_not_an_error() {
        check(
            r#"cmd_child_to_router:state:{"state":"loading","payload":{"percent":3}}"#,
            expect!["Some(Loading { fraction: None })"],
        );
        check(r#"cmd_child_to_router:state:{"state":"dreaming"}"#, expect!["Some(Other)"]);
        check("cmd_child_to_router:state:READY", expect!["Some(Other)"]);
        check("main: model loaded", expect!["None"]);
    }
}
