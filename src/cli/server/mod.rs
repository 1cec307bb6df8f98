//! `agent server`: models for other programs, served in the background.

mod background;
mod library;
mod logs;
mod run;
mod shown;

use std::io::IsTerminal;
use std::time::Duration;

use anyhow::{Context, bail};
use rustix::process::Signal;
use serde_json::json;

use crate::cli::agreed::says_yes;
use crate::cli::args::Options;
use crate::cli::args::server::Server;
use crate::cli::surroundings::Surroundings;
use crate::cli::{Exit, note, print};
use crate::serving::{Unloaded, Unloading};
use crate::ui::{Keyboard, visible, visible_json};

pub(super) use background::{Background, fingerprint};

/// So long it may take to answer what it knows by heart.
const SOON: Duration = Duration::from_secs(10);

/// So long a process may take that is told to end by the system.
const SHORTLY: Duration = Duration::from_secs(3);

/// So long models may take to end.
const ENDING: Duration = Duration::from_secs(30);

pub(super) fn server(
    around: &Surroundings,
    options: &Options,
    command: &Server,
) -> anyhow::Result<Exit> {
    if let Server::Run = command {
        return run::run(around, options);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context("cannot set up the event loop")?;
    runtime.block_on(act(around, options, command))
}

async fn act(around: &Surroundings, options: &Options, command: &Server) -> anyhow::Result<Exit> {
    match command {
        Server::Run => {}
        Server::Start { json } => return start(around, options, *json).await,
        Server::Stop { force } => match Background::find(around)? {
            Some(running) => return end(&running, *force).await,
            None => note("no server runs"),
        },
        Server::Restart { force } => {
            if let Some(running) = Background::find(around)? {
                // Better known while there still is one.
                run::check(around, options, running.notice.address)
                    .await
                    .context("the server goes on as it was: another one could not start")?;
                let ended = end(&running, *force).await?;
                if ended != Exit::Done {
                    return Ok(ended);
                }
            }
            return start(around, options, false).await;
        }
        Server::Status { key: true, .. } => {
            print(&format!("{}\n", background::place(around)?.key()?))?;
        }
        Server::Status { json, .. } => return status(around, *json).await,
        Server::Ps { json } => {
            let status = running(around)?.status().await?;
            match json {
                true => print(&visible_json(&format!("{}\n", json!(status.models))))?,
                false => print(&shown::models(&status))?,
            }
        }
        Server::Unload { model, force } => {
            return unload(&running(around)?, model.as_deref(), *force).await;
        }
        Server::Logs(wanted) => return logs::logs(around, wanted).await,
    }
    Ok(Exit::Done)
}

fn running(around: &Surroundings) -> anyhow::Result<Background> {
    match Background::find(around)? {
        Some(running) => Ok(running),
        None => bail!("no server runs\nhint: `agent server start` starts it"),
    }
}

async fn start(around: &Surroundings, options: &Options, json: bool) -> anyhow::Result<Exit> {
    let (running, is_new) = Background::start(around, options.config.as_deref()).await?;
    let (url, pid) = (running.url(), running.notice.pid);
    if json {
        print(&format!("{}\n", json!({"url": url, "pid": pid, "started": is_new})))?;
    } else {
        let how = if is_new { "serving" } else { "already serving" };
        print(&format!("{how} at {url} (process {pid})\n"))?;
        note("programs need the key that `agent server status --key` shows");
    }
    if !running.notice.address.ip().is_loopback() {
        note(
            "warning: others can reach this address; what they send and get can be read on the way",
        );
    }
    Ok(Exit::Done)
}

async fn status(around: &Surroundings, json: bool) -> anyhow::Result<Exit> {
    let Some(running) = Background::find(around)? else {
        print(if json { "{\"running\":false}\n" } else { "no server runs\n" })?;
        return Ok(Exit::Failed);
    };
    let status = running.status().await?;
    let text = match json {
        true => {
            let mut told = json!({"running": true, "url": running.url()});
            if let (Some(told), serde_json::Value::Object(more)) =
                (told.as_object_mut(), json!(status))
            {
                told.extend(more);
            }
            visible_json(&format!("{told}\n")).into_owned()
        }
        false => shown::status(&running.url(), &status),
    };
    print(&text)?;
    Ok(Exit::Done)
}

/// Ends the server: by asking it, and if it does not hear, by ending its process.
async fn end(running: &Background, force: bool) -> anyhow::Result<Exit> {
    let mut force = force;
    loop {
        let asked = json!({"model": null, "force": force}).to_string();
        match running.ask("POST", "/agent/stop", asked, SOON).await {
            Ok((200, _)) => break,
            Ok((409, body)) => {
                if !may_end(&busy(&body)).await {
                    return Ok(Exit::Failed);
                }
                force = true;
            }
            Ok(_) if force => return put_an_end_to(running, "it refuses to end").await,
            Ok((401, _)) => bail!(
                "the server does not know the key that is kept now\nhint: `--force` ends its process"
            ),
            Ok((status, body)) => {
                bail!("the server refuses to end ({status}): {}", words_of(&body));
            }
            Err(_) if force => return put_an_end_to(running, "it does not answer").await,
            Err(err) => {
                return Err(err.context("cannot end the server\nhint: `--force` ends its process"));
            }
        }
    }
    if !running.has_ended(ENDING).await {
        if !force {
            bail!("the server does not end\nhint: `agent server stop --force`");
        }
        running.notice.signal(Signal::KILL)?;
    }
    print("stopped\n")?;
    Ok(Exit::Done)
}

/// Ends its process, whatever it is doing. What it started ends with it.
async fn put_an_end_to(running: &Background, why: &str) -> anyhow::Result<Exit> {
    note(&format!("{why}; ending its process"));
    running.notice.signal(Signal::TERM)?;
    if !running.has_ended(SHORTLY).await {
        running.notice.signal(Signal::KILL)?;
        running.has_ended(SHORTLY).await;
    }
    print("stopped\n")?;
    Ok(Exit::Done)
}

async fn unload(running: &Background, model: Option<&str>, force: bool) -> anyhow::Result<Exit> {
    let mut asked = Unloading { model: model.map(str::to_owned), force };
    loop {
        let (status, body) =
            running.ask("POST", "/agent/unload", json!(asked).to_string(), ENDING).await?;
        if status != 200 && status != 409 {
            bail!("{}", words_of(&body));
        }
        let done: Unloaded =
            serde_json::from_slice(&body).context("cannot understand the server")?;
        for name in &done.unloaded {
            print(&format!("unloaded {}\n", visible(name)))?;
        }
        if done.busy.is_empty() {
            if done.unloaded.is_empty() {
                note("nothing was loaded");
            }
            return Ok(Exit::Done);
        }
        if !may_end(&done.busy).await {
            return Ok(Exit::Failed);
        }
        asked.force = true;
    }
}

/// Whether the person wants models ended that answer somebody. Without a person nobody does.
async fn may_end(busy: &[String]) -> bool {
    let names: Vec<_> = busy.iter().map(|it| format!("`{}`", visible(it))).collect();
    let names = names.join(", ");
    if !std::io::stdin().is_terminal() {
        note(&format!("left alone, as it is busy: {names}\nhint: `--force` ends it all the same"));
        return false;
    }
    note(&format!("busy: {names}"));
    says_yes(&Keyboard::new(None), "end it?", "left alone").await
}

fn busy(body: &[u8]) -> Vec<String> {
    serde_json::from_slice::<Unloaded>(body).unwrap_or_default().busy
}

/// The sentence of an error, with its hint.
fn words_of(body: &[u8]) -> String {
    let body: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    body["error"]["message"].as_str().unwrap_or("it does not say why").to_owned()
}
