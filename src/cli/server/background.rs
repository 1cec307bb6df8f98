//! The server in the background, as the rest of the program finds, asks and starts it.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::time::{Instant, sleep};

use crate::cli::server::SOON;
use crate::cli::surroundings::Surroundings;
use crate::llama;
use crate::sandbox::{Command, Environment, start_apart};
use crate::serving::{Notice, Place, Status, ask, path_of_model};

pub(in crate::cli) struct Background {
    pub(super) notice: Notice,
    key: String,
}

/// What a server that was just started says, a line on standard output.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Word {
    Ready,
    /// There is another.
    Taken,
    Failed(String),
}

/// One that was begun by somebody else may take so long.
const OTHERS: Duration = Duration::from_secs(20);

const LOOK: Duration = Duration::from_millis(10);

/// What the server keeps is in one place, whatever session of the system it was started from: the key
/// lasts, and there is one server of a person.
pub(super) fn place(around: &Surroundings) -> anyhow::Result<Place> {
    Ok(Place { directory: around.state_dir()?.join("server") })
}

/// All that makes a difference to what a model answers, in short.
pub(in crate::cli) fn fingerprint(options: &llama::Options, program: &Path) -> String {
    let alike = llama::Options {
        program: None,
        port: None,
        keep_gigabytes: 0,
        keep_seconds: 0,
        ..options.clone()
    };
    let text = serde_json::to_string(&alike).unwrap_or_default();
    let digest = Sha256::digest(format!("{text} {}", program.display()));
    digest.iter().take(8).map(|it| format!("{it:02x}")).collect()
}

impl Background {
    /// The one that runs, if one does.
    pub(in crate::cli) fn find(around: &Surroundings) -> anyhow::Result<Option<Self>> {
        let place = place(around)?;
        let Some(notice) = place.running() else { return Ok(None) };
        Ok(Some(Self { notice, key: place.key()? }))
    }

    /// The same, started if need be; and whether it was.
    pub(in crate::cli) async fn start(
        around: &Surroundings,
        config: Option<&Path>,
    ) -> anyhow::Result<(Self, bool)> {
        if let Some(running) = Self::find(around)? {
            running.status().await.context("a server runs, and cannot be asked")?;
            return Ok((running, false));
        }
        let place = place(around)?;
        let log = place.open_log()?;
        let program = std::env::current_exe().context("cannot find this program itself")?;
        let names: Vec<String> =
            around.variables.iter().filter_map(|it| it.0.to_str().map(str::to_owned)).collect();
        // It is this program once more, so it sees what this one saw.
        let environment = Environment::default().with_named(&around.variables, &names);
        // Not in a project: what one sets is not for everybody.
        let mut command = Command::new(&program, &place.directory, &environment)
            .args(["-C".into(), place.directory.clone().into_os_string()]);
        if let Some(config) = config {
            command = command.args(["--config".into(), around.directory.join(config)]);
        }
        let command = command.args(["server", "run"]);
        let mut child = start_apart(&command, log).context("cannot start the server")?;
        let said = child.stdout.take().context("the server cannot be heard")?;
        let line = BufReader::new(said).lines().next_line().await.ok().flatten();
        let word = line.and_then(|it| serde_json::from_str(&it).ok());
        if !matches!(word, Some(Word::Ready)) {
            // It has nothing more to do.
            let _ = tokio::time::timeout(SOON, child.wait()).await;
        }
        match word {
            Some(Word::Ready) => {
                let running =
                    Self::find(around)?.context("the server ended as soon as it began")?;
                running.status().await?;
                Ok((running, true))
            }
            Some(Word::Taken) => Ok((Self::of_somebody(around).await?, false)),
            Some(Word::Failed(why)) => Err(anyhow!(why).context("cannot start the server")),
            None => {
                bail!("the server ended without a word; its log is `{}`", place.log().display())
            }
        }
    }

    /// Waits for the one that somebody else starts just now.
    async fn of_somebody(around: &Surroundings) -> anyhow::Result<Self> {
        let limit = Instant::now() + OTHERS;
        while Instant::now() < limit {
            if let Some(running) = Self::find(around)? {
                running.status().await?;
                return Ok(running);
            }
            sleep(LOOK).await;
        }
        bail!("another server is being started, or ends, and does not come to it")
    }

    /// Where programs find it.
    pub(in crate::cli) fn url(&self) -> String {
        format!("http://{}/v1", reachable(self.notice.address))
    }

    /// Where one model is as at a server of its own.
    pub(in crate::cli) fn url_of(&self, model: &str) -> String {
        format!("http://{}{}", reachable(self.notice.address), path_of_model(model))
    }

    pub(in crate::cli) fn key(&self) -> &str {
        &self.key
    }

    pub(super) async fn ask(
        &self,
        method: &str,
        path: &str,
        body: String,
        patience: Duration,
    ) -> anyhow::Result<(u16, Vec<u8>)> {
        let to = (reachable(self.notice.address), self.key.as_str());
        ask(to, (method, path), body, patience).await.with_context(
            || "the server does not answer\nhint: `agent server stop --force` ends it",
        )
    }

    /// What it tells of itself. An error if it is not ours: who it is, it knows by the key.
    pub(in crate::cli) async fn status(&self) -> anyhow::Result<Status> {
        let (status, body) = self.ask("GET", "/agent/status", String::new(), SOON).await?;
        let address = self.notice.address;
        if status == 401 {
            bail!(
                "the server does not know the key that is kept now\n\
                 hint: `agent server stop --force` ends it, and the next one knows it"
            );
        }
        if status != 200 {
            bail!("what listens at {address} is not our server: it answers with {status}");
        }
        let told: Status = serde_json::from_slice(&body)
            .with_context(|| format!("what listens at {address} is not our server"))?;
        if told.pid != self.notice.pid {
            bail!("what listens at {address} is another server (process {})", told.pid);
        }
        Ok(told)
    }

    pub(super) async fn has_ended(&self, patience: Duration) -> bool {
        let limit = Instant::now() + patience;
        while self.notice.is_alive() {
            if limit <= Instant::now() {
                return false;
            }
            sleep(LOOK).await;
        }
        true
    }
}

/// Where one that listens everywhere is found from here.
fn reachable(address: SocketAddr) -> SocketAddr {
    let mut address = address;
    if address.ip().is_unspecified() {
        let here: std::net::IpAddr = match address {
            SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        };
        address.set_ip(here);
    }
    address
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_that_answer_alike_are_alike() {
        let print = |options: &str| {
            fingerprint(&toml::from_str(options).unwrap(), Path::new("/bin/llama-server"))
        };
        assert_eq!(print(""), print("port = 8080\nkeep_seconds = 9\nprogram = 'x'"));
        assert_ne!(print(""), print("context = 4096"));
        assert_ne!(print(""), fingerprint(&llama::Options::default(), Path::new("/other")));
    }
}
