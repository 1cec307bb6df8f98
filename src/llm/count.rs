//! How many tokens a request has, as the server counts them.

use serde::Deserialize;

use crate::llm::ask::patiently;
use crate::llm::{AskError, Request, Server};

#[derive(Deserialize)]
struct Count {
    input_tokens: u32,
}

/// Asks llama-server, which reads the request but does not evaluate it.
pub(crate) async fn count(server: &Server, request: &Request) -> Result<u32, AskError> {
    let sent = server
        .post("/v1/chat/completions/input_tokens")
        .header("content-type", "application/json")
        .body(reqwest::Body::wrap(request.body()))
        .send();
    let response = patiently(server.patience, sent).await?;
    let response = response.map_err(|err| server.unreachable(&err))?;
    let status = response.status().as_u16();
    let body = patiently(server.patience, response.bytes()).await?;
    let body = body.map_err(|err| server.unreachable(&err))?;
    match serde_json::from_slice::<Count>(&body) {
        Ok(Count { input_tokens }) if status == 200 => Ok(input_tokens),
        _ => Err(AskError::from_body(status, &body)),
    }
}
