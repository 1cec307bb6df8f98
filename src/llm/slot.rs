//! What llama-server has in its cache, written to a file and read from one. Where it may, is said
//! when it is started.

use serde_json::json;

use crate::llm::ask::patiently;
use crate::llm::{AskError, Server};

/// Has the server write its cache to `file`, a plain name.
pub(crate) async fn save(server: &Server, file: &str) -> Result<(), AskError> {
    act(server, "save", file).await
}

/// Has the server read its cache from `file`.
pub(crate) async fn restore(server: &Server, file: &str) -> Result<(), AskError> {
    act(server, "restore", file).await
}

async fn act(server: &Server, action: &str, file: &str) -> Result<(), AskError> {
    let sent = server
        .post(&format!("/slots/0?action={action}"))
        .header("content-type", "application/json")
        .body(json!({"filename": file}).to_string())
        .send();
    let response = patiently(server.patience, sent).await?;
    let response = response.map_err(|err| server.unreachable(&err))?;
    let status = response.status().as_u16();
    let body = patiently(server.patience, response.bytes()).await?;
    let body = body.map_err(|err| server.unreachable(&err))?;
    if status == 200 { Ok(()) } else { Err(AskError::from_body(status, &body)) }
}
