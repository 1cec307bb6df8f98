//! What a server says about itself.

use std::time::Duration;

use serde::Deserialize;

use crate::llm::ask::patiently;
use crate::llm::{AskError, Server};

/// What a server knows by heart is told in no time, even by a busy one.
const PATIENCE: Duration = Duration::from_secs(60);

/// What matters to a conversation about the server that holds it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Props {
    /// It is llama-server, with all it can do beyond the common form.
    pub(crate) llama: bool,
    /// Tokens that fit in one conversation, where the server tells.
    pub(crate) window: Option<u32>,
    /// What the server calls the model it serves first.
    pub(crate) model: Option<String>,
    /// Whether the model's template knows tools, where the server tells.
    pub(crate) tools: Option<bool>,
}

#[derive(Deserialize)]
struct LlamaProps {
    default_generation_settings: Settings,
    #[serde(default)]
    model_alias: Option<String>,
    #[serde(default)]
    model_path: Option<String>,
    #[serde(default)]
    chat_template_caps: Option<Caps>,
}

#[derive(Deserialize)]
struct Settings {
    n_ctx: u32,
}

#[derive(Deserialize)]
struct Caps {
    #[serde(default)]
    supports_tools: Option<bool>,
}

#[derive(Deserialize)]
struct Models {
    data: Vec<Model>,
}

#[derive(Deserialize)]
struct Model {
    id: String,
}

/// Asks for the properties llama-server has; of other servers, for the list of their models.
pub(crate) async fn props(server: &Server) -> Result<Props, AskError> {
    let (status, body) = fetch(server, "/props").await?;
    if status == 200
        && let Ok(it) = serde_json::from_slice::<LlamaProps>(&body)
    {
        let file = |path: String| path.rsplit('/').next().unwrap_or_default().to_owned();
        let alias = it.model_alias.filter(|it| !it.is_empty() && !it.contains('/'));
        return Ok(Props {
            llama: true,
            window: Some(it.default_generation_settings.n_ctx),
            model: alias.or(it.model_path.map(file)),
            tools: it.chat_template_caps.and_then(|it| it.supports_tools),
        });
    }
    let err = AskError::from_body(status, &body);
    // One that has never heard of this path is another server; one in trouble may be any.
    let in_trouble = status == 429 || (status >= 500 && status != 501);
    if in_trouble || matches!(err, AskError::Unauthorized(_)) {
        return Err(err);
    }
    let (status, body) = fetch(server, "/v1/models").await?;
    if let err @ AskError::Unauthorized(_) = AskError::from_body(status, &body) {
        return Err(err);
    }
    let models = serde_json::from_slice::<Models>(&body).ok();
    let first = models.and_then(|it| it.data.into_iter().next()).map(|it| it.id);
    Ok(Props { model: first, ..Props::default() })
}

async fn fetch(server: &Server, path: &str) -> Result<(u16, Vec<u8>), AskError> {
    let patience = server.patience.map_or(PATIENCE, |it| it.min(PATIENCE));
    patiently(Some(patience), whole(server, path)).await?
}

async fn whole(server: &Server, path: &str) -> Result<(u16, Vec<u8>), AskError> {
    let unreachable = |err: reqwest::Error| server.unreachable(&err);
    let mut response = server.get(path).send().await.map_err(unreachable)?;
    let status = response.status().as_u16();
    let mut body = Vec::new();
    while let Some(bytes) = response.chunk().await.map_err(unreachable)? {
        body.extend_from_slice(&bytes);
        if body.len() > (8 << 20) {
            return Err(AskError::Garbled(format!("`{path}` has no end")));
        }
    }
    Ok((status, body))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use expect_test::expect;

    use super::*;
    use crate::llm::Address;

    #[test]
    fn a_server_that_never_answers_is_not_waited_for_for_ever() {
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = Address::Http(format!("http://{}", silent.local_addr().unwrap()));
        let server = Server::new(&address, None, Some(Duration::from_millis(10))).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let asked = runtime.block_on(props(&server));
        expect![[r#"Err(Broken("not a word for 0 s"))"#]].assert_eq(&format!("{asked:?}"));
    }
}
