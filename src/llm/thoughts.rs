//! What becomes of what a model thought, once the person speaks again: its template decides.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::llm::ask::patiently;
use crate::llm::{AskError, Server};

/// What no template says by itself.
const THOUGHT: &str = "x7vq2 was thought";

#[derive(Deserialize)]
struct Rendered {
    prompt: String,
}

/// Whether thoughts stay within a turn and are left out from the next prompt on. Found by having the
/// server render both.
pub(crate) async fn forgets(server: &Server) -> Result<bool, AskError> {
    let arguments = json!({"path": "a"}).to_string();
    let call = json!({
        "id": "a1", "type": "function",
        "function": {"name": "read_file", "arguments": arguments},
    });
    let mut messages = vec![
        json!({"role": "user", "content": "a"}),
        json!({
            "role": "assistant", "content": "b", "reasoning_content": THOUGHT, "tool_calls": [call],
        }),
        json!({"role": "tool", "tool_call_id": "a1", "content": "c"}),
    ];
    let is_in_turn = shows_thought(server, &messages).await?;
    messages.push(json!({"role": "assistant", "content": "d"}));
    messages.push(json!({"role": "user", "content": "e"}));
    Ok(is_in_turn && !shows_thought(server, &messages).await?)
}

async fn shows_thought(server: &Server, messages: &[Value]) -> Result<bool, AskError> {
    let sent = server
        .post("/apply-template")
        .header("content-type", "application/json")
        .body(json!({"messages": messages}).to_string())
        .send();
    let response = patiently(server.patience, sent).await?;
    let response = response.map_err(|err| server.unreachable(&err))?;
    let status = response.status().as_u16();
    let body = patiently(server.patience, response.bytes()).await?;
    let body = body.map_err(|err| server.unreachable(&err))?;
    match serde_json::from_slice::<Rendered>(&body) {
        Ok(Rendered { prompt }) if status == 200 => Ok(prompt.contains(THOUGHT)),
        _ => Err(AskError::from_body(status, &body)),
    }
}
