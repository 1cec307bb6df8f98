//! A request about nothing, after which llama-server looks for what it has set aside.

use serde_json::json;

use crate::llm::ask::patiently;
use crate::llm::{AskError, Server};

/// Has the server set aside the conversation in its cache. It does so only when most of that would be
/// lost, and only then it looks whether it has the next one set aside; between two conversations that
/// begin alike it would rather read the longer one again.
pub(crate) async fn leave(server: &Server) -> Result<(), AskError> {
    let sent = server
        .post("/completion")
        .header("content-type", "application/json")
        .body(json!({"prompt": "\n", "n_predict": 0}).to_string())
        .send();
    let response = patiently(server.patience, sent).await?;
    let response = response.map_err(|err| server.unreachable(&err))?;
    let body = patiently(server.patience, response.bytes()).await?;
    body.map(|_| ()).map_err(|err| server.unreachable(&err))
}
