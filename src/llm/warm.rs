//! A request ahead of time: the server reads what will come in any case, and has it in its cache then.

use crate::llm::ask::patiently;
use crate::llm::{AskError, Request, Server};

/// Returns when the server has read it. To stop earlier, drop it: the connection is closed, and what
/// was read so far stays in the cache.
pub(crate) async fn warm(server: &Server, request: &Request) -> Result<(), AskError> {
    let sent = server
        .post("/v1/chat/completions")
        .header("content-type", "application/json")
        .body(reqwest::Body::wrap(request.body_ahead()))
        .send();
    let response = patiently(server.patience, sent).await?;
    let mut response = response.map_err(|err| server.unreachable(&err))?;
    while let Ok(Some(_)) = patiently(server.patience, response.chunk()).await? {}
    Ok(())
}
