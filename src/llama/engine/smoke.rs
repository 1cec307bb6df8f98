//! Whether an engine works: it is started as ever, plays a script of one call, and is stopped.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use crate::llama::{Address, Launch, Options, Running, start};
use crate::models::{Script, Shape};
use crate::sandbox::Environment;

/// Where a server may be started.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    pub(crate) runtime_dir: &'a Path,
    pub(crate) log: &'a Path,
    pub(crate) environment: &'a Environment,
}

/// All of it takes a second or two, and with a graphics card that has to be woken some more.
const PATIENCE: Duration = Duration::from_secs(120);

const SCRIPT: &str =
    r#"[{"tool_calls": [{"name": "look", "arguments": {"at": "the engine"}}]}, {"content": "ok"}]"#;

/// Tries `program` with a model that is written to `model`.
pub(crate) async fn works(program: &Path, model: &Path, place: &Place<'_>) -> anyhow::Result<()> {
    Script::parse(SCRIPT)?.write(model, &Shape::default())?;
    // So small a model is only slowed down by more.
    let options = Options { threads: Some(1), context: Some(4096), ..Options::default() };
    let launch = Launch {
        program,
        model,
        options: &options,
        attic: None,
        runtime_dir: place.runtime_dir,
        log: place.log,
        environment: place.environment,
    };
    let exchange = async {
        let running = start(&launch, &mut |_| ()).await?;
        let called = call(&running).await;
        running.stop().await;
        called
    };
    let in_time = tokio::time::timeout(PATIENCE, exchange).await;
    in_time.context("it took longer than two minutes to answer")?
}

/// Asks for the call, and looks whether it comes as one.
async fn call(running: &Running) -> anyhow::Result<()> {
    // Fails when a provider is set already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = reqwest::Client::builder().no_proxy().tls_certs_only([]);
    let base = match &running.address {
        Address::Unix(path) => {
            builder = builder.unix_socket(path.clone());
            "http://localhost".to_owned()
        }
        Address::Tcp(address) => format!("http://{address}"),
    };
    let body = json!({
        "messages": [{"role": "user", "content": "Look at the engine."}],
        "tools": [{"type": "function", "function": {
            "name": "look",
            "description": "Looks at something.",
            "parameters": {
                "type": "object",
                "properties": {"at": {"type": "string"}},
                "required": ["at"],
            },
        }}],
    });
    let asked = builder.build()?.post(format!("{base}/v1/chat/completions"));
    let asked = asked.bearer_auth(&running.key).header("content-type", "application/json");
    let answer = asked.body(body.to_string()).send().await.context("it does not answer")?;
    let status = answer.status().as_u16();
    let text = answer.text().await.context("its answer broke off")?;
    ensure!(status == 200, "it answers a call with status {status}");
    let answer: Value = serde_json::from_str(&text).context("its answer is not JSON")?;
    let function = &answer["choices"][0]["message"]["tool_calls"][0]["function"];
    let arguments = function["arguments"].as_str().and_then(|it| serde_json::from_str(it).ok());
    let is_right = function["name"] == "look" && arguments == Some(json!({"at": "the engine"}));
    ensure!(is_right, "it does not give back a call as its model made it");
    Ok(())
}
