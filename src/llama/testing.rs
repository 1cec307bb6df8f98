//! A real llama-server for tests, playing scripts.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use crate::llama::{Address, Launch, Options, Running, environment, start};
use crate::models::{Script, Shape};
use crate::sandbox::Environment;

/// The llama-server to test with; `None` if the person who runs the tests wants to do without.
/// Without one, and without that word, a test fails: a suite that skips what it cannot run proves
/// nothing.
pub(super) fn server() -> Option<&'static Path> {
    static SERVER: OnceLock<Result<Option<PathBuf>, String>> = OnceLock::new();
    match SERVER.get_or_init(find) {
        Ok(server) => server.as_deref(),
        Err(reason) => panic!("no llama-server to test with: {reason}"),
    }
}

#[expect(clippy::disallowed_methods, reason = "tests are configured by the environment")]
fn find() -> Result<Option<PathBuf>, String> {
    if std::env::var_os("AGENT_TEST_NO_LLAMA").is_some_and(|it| it == "1") {
        eprintln!("SKIPPED: tests with a real llama-server, by AGENT_TEST_NO_LLAMA=1");
        return Ok(None);
    }
    if let Some(server) = std::env::var_os("AGENT_TEST_LLAMA_SERVER") {
        return Ok(Some(server.into()));
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/llama-server");
    let output = std::process::Command::new(script).output().map_err(|it| it.to_string())?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    Ok(Some(String::from_utf8_lossy(&output.stdout).trim().into()))
}

/// Directories in which servers are started.
pub(super) struct Place {
    pub(super) temp: TempDir,
    pub(super) environment: Environment,
}

impl Place {
    #[expect(clippy::disallowed_methods, reason = "a program needs what programs need")]
    pub(super) fn new() -> Self {
        let ours: Vec<_> = std::env::vars_os().collect();
        Self { temp: tempfile::tempdir().unwrap(), environment: environment(&ours) }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.temp.path().join(name)
    }

    /// A model that plays this script.
    pub(super) fn model(&self, script: &str) -> PathBuf {
        let path = self.path("model.gguf");
        Script::parse(script).unwrap().write(&path, &Shape::default()).unwrap();
        path
    }

    /// A program that is this shell script.
    pub(super) fn program(&self, script: &str) -> PathBuf {
        use std::os::unix::fs::PermissionsExt;
        let path = self.path("program");
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    pub(super) async fn start(
        &self,
        program: &Path,
        model: &Path,
        options: &str,
    ) -> anyhow::Result<Running> {
        let options: Options = toml::from_str(options).unwrap();
        // With so little to compute, threads would do nothing but wait for each other, and for
        // seconds where other tests run beside this one.
        let options = Options { threads: Some(1), ..options };
        let launch = Launch {
            attic: None,
            program,
            model,
            options: &options,
            runtime_dir: &self.path("run"),
            log: &self.path("server.log"),
            environment: &self.environment,
        };
        start(&launch, &mut |_| ()).await
    }
}

/// Runs on the one thread that children must be started on.
pub(super) fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(future)
}

/// Sends a request for a reply and returns the connection.
pub(super) async fn send(running: &Running, body: &Value) -> UnixStream {
    let Address::Unix(path) = &running.address else { panic!("not a socket") };
    let mut stream = UnixStream::connect(path).await.unwrap();
    let body = body.to_string();
    let request = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        running.key,
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

/// The message with which the model replies.
pub(super) async fn reply(running: &Running, body: &Value) -> Value {
    let mut response = String::new();
    send(running, body).await.read_to_string(&mut response).await.unwrap();
    let (_, body) = response.split_once("\r\n\r\n").unwrap();
    let mut answer: Value = serde_json::from_str(body).unwrap();
    answer["choices"][0]["message"].take()
}
