//! One request, from the first byte sent to the last byte of the answer.

use std::cell::{OnceCell, RefCell};
use std::pin::pin;
use std::time::Duration;

use serde::Deserialize;

use crate::conversation::{Event, Reply};
use crate::llm::fold::Fold;
use crate::llm::sse::{Fault, Parser};
use crate::llm::{AskError, Request, Server};

/// The longest body of an error that is read.
const LONGEST_ERROR: usize = 64 * 1024;

/// Sends the conversation and tells each piece of the answer as it comes. When `stop` resolves the
/// stream is closed, which frees the server at once, and what was said so far is the reply.
pub(crate) async fn ask(
    server: &Server,
    request: &Request,
    on: &mut dyn FnMut(Event<'_>),
    stop: impl Future<Output = ()>,
) -> Result<Reply, AskError> {
    ask_or_hurry(server, request, on, (stop, std::future::pending())).await
}

/// The same, but when `enough` resolves the model is to think no more and to answer. Only llama-server
/// can have it do so.
pub(crate) async fn ask_or_hurry(
    server: &Server,
    request: &Request,
    on: &mut dyn FnMut(Event<'_>),
    (stop, enough): (impl Future<Output = ()>, impl Future<Output = ()>),
) -> Result<Reply, AskError> {
    let mut fold = Fold::default();
    let (on, id) = (RefCell::new(on), OnceCell::new());
    let stopped = {
        let mut tell = |it: Event<'_>| (on.borrow_mut())(it);
        let mut answer = pin!(stream(server, request, (&mut fold, &id), &mut tell));
        let (mut stop, mut is_hurried) = (pin!(stop), false);
        let mut hurried = pin!(async {
            enough.await;
            hurry(server, &id).await
        });
        loop {
            tokio::select! {
                biased;
                () = &mut stop => break true,
                answer = &mut answer => {
                    answer?;
                    break false;
                }
                refused = &mut hurried, if !is_hurried => {
                    is_hurried = true;
                    if let Err(why) = refused {
                        let text = format!("the model goes on thinking: {why}");
                        (on.borrow_mut())(Event::Warning(&text));
                    }
                }
            }
        }
    };
    Ok(if stopped { fold.cancelled() } else { fold.reply() })
}

/// Has the model that answers under this id think no more.
async fn hurry(server: &Server, id: &OnceCell<String>) -> Result<(), AskError> {
    let words = serde_json::json!({"id": id.get(), "action": "reasoning_end"});
    let sent = server
        .post("/v1/chat/completions/control")
        .header("content-type", "application/json")
        .body(words.to_string())
        .send();
    let mut response =
        patiently(server.patience, sent).await?.map_err(|err| server.unreachable(&err))?;
    let status = response.status().as_u16();
    let body = start_of_body(server, &mut response).await?;
    if status != 200 {
        return Err(AskError::from_body(status, &body));
    }
    let said: Hurried = serde_json::from_slice(&body).unwrap_or_default();
    match said.success {
        false => Err(AskError::Refused { status, message: said.message }),
        true => Ok(()),
    }
}

/// What a server says that was to end what its model thinks.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Hurried {
    success: bool,
    message: String,
}

async fn stream(
    server: &Server,
    request: &Request,
    (fold, id): (&mut Fold, &OnceCell<String>),
    on: &mut dyn FnMut(Event<'_>),
) -> Result<(), AskError> {
    let sent = server
        .post("/v1/chat/completions")
        .header("content-type", "application/json")
        .header("accept", "text/event-stream")
        .body(reqwest::Body::wrap(request.body()))
        .send();
    let mut response =
        patiently(server.patience, sent).await?.map_err(|err| server.unreachable(&err))?;
    let status = response.status().as_u16();
    if status != 200 {
        return Err(AskError::from_body(status, &start_of_body(server, &mut response).await?));
    }
    let mut parser = Parser::default();
    let mut last = Ok(false);
    loop {
        let bytes = patiently(server.patience, response.chunk()).await?;
        let bytes = match bytes {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return ended(fold, &parser, "the connection was closed"),
            Err(err) => return ended(fold, &parser, &innermost(&err)),
        };
        let fed = parser.feed(&bytes, |data| {
            if let Ok(false) = last {
                last = fold.take(data, on);
            }
            if let (None, Some(theirs)) = (id.get(), fold.id()) {
                let _ = id.set(theirs.to_owned());
            }
        });
        if std::mem::replace(&mut last, Ok(false))? {
            return Ok(());
        }
        fed.map_err(|fault| AskError::Garbled(words(&fault).to_owned()))?;
    }
}

/// The stream ended without `[DONE]`: some servers end so, others have died.
fn ended(fold: &Fold, parser: &Parser, reason: &str) -> Result<(), AskError> {
    if fold.is_finished() {
        return Ok(());
    }
    match parser.stray().filter(|_| fold.is_empty()) {
        Some(stray) => {
            let start: String = stray.chars().take(80).collect();
            Err(AskError::Garbled(format!("`{start}`")))
        }
        None => Err(AskError::Broken(reason.to_owned())),
    }
}

fn words(fault: &Fault) -> &'static str {
    match fault {
        Fault::NotUtf8 => "bytes that are not text",
        Fault::LineTooLong => "a line without an end",
    }
}

async fn start_of_body(
    server: &Server,
    response: &mut reqwest::Response,
) -> Result<Vec<u8>, AskError> {
    let mut body = Vec::new();
    while let Ok(Some(bytes)) = patiently(server.patience, response.chunk()).await? {
        body.extend_from_slice(&bytes);
        if body.len() > LONGEST_ERROR {
            break;
        }
    }
    Ok(body)
}

/// Waits as long as the server may be silent.
pub(super) async fn patiently<T>(
    patience: Option<Duration>,
    it: impl Future<Output = T>,
) -> Result<T, AskError> {
    let Some(patience) = patience else { return Ok(it.await) };
    let silent = |_| AskError::Broken(format!("not a word for {} s", patience.as_secs()));
    tokio::time::timeout(patience, it).await.map_err(silent)
}

/// The cause at the bottom: what the layers above add is about the library, not the server.
pub(super) fn innermost(err: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = err;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    let text = cause.to_string();
    // As in `Connection refused (os error 111)`.
    text.split(" (os error").next().unwrap_or(&text).to_lowercase()
}
