//! The door to the models: who comes is looked at, understood and answered.

use std::convert::Infallible;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Either, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::header::{self, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::time::{MissedTickBehavior, timeout};

use crate::serving::bodies::{Bodies, Room};
use crate::serving::door::{Caller, Refusal, at_the_gate, has_key};
use crate::serving::library::{Library, Listed, Missing, Wanted};
use crate::serving::loaded::{Gone, Loaded, Means, Refused};
use crate::serving::log::Log;
use crate::serving::pass::{Passing, inward, outward, send};
use crate::serving::patient::Patient;
use crate::serving::place::{Hold, Notice, Place};
use crate::serving::route::{Route, route};
use crate::serving::told::Unloading;

/// So many may be connected at once.
const CONNECTIONS: usize = 256;

/// So long somebody may take for the head of a request, and be silent within its body.
const PATIENCE: Duration = Duration::from_secs(15);

/// So long somebody may take nothing of an answer.
const NOT_READING: Duration = Duration::from_secs(60);

/// A conversation with pictures in it is long; more is a mistake.
const LONGEST_BODY: usize = 64 << 20;

/// All of them together.
const BODIES: usize = 256 << 20;

/// What we are told to do is short, and has no need to wait for room.
const LONGEST_ORDER: usize = 64 << 10;

/// How often is looked after the models.
const ROUND: Duration = Duration::from_millis(500);

/// How long answers may take to end when the server does.
const FAREWELL: Duration = Duration::from_secs(1);

struct Front {
    key: String,
    loaded: Rc<Loaded>,
    bodies: Bodies,
    /// Set when the server is to end.
    leave: watch::Sender<bool>,
}

type Answer = Response<Either<Full<Bytes>, Passing>>;

/// Serves until `stop` resolves, somebody with the key asks it to end, or its directory is gone. Calls
/// `ready` as soon as it can be asked. Must run on the main thread, within a `LocalSet`.
pub(crate) async fn serve(
    place: &Place,
    hold: Hold,
    listener: TcpListener,
    means: Means,
    library: Box<dyn Library>,
    (clock, stop): (fn() -> String, impl Future<Output = ()>),
    ready: impl FnOnce(&Notice),
) -> anyhow::Result<()> {
    let notice = Notice::of_this_process(means.address);
    let log = Log::new(place.open_log()?, &place.log(), clock);
    log.line(&format!("agent {} serves at {}", notice.version, notice.address));
    let loaded = Loaded::new(means, library, log);
    let (leave, mut leaving) = watch::channel(false);
    let bodies = Bodies::new(BODIES);
    let front = Rc::new(Front { key: place.key()?, loaded: Rc::clone(&loaded), bodies, leave });
    hold.announce(&notice)?;
    ready(&notice);
    let seats = Arc::new(Semaphore::new(CONNECTIONS));
    let mut round = tokio::time::interval(ROUND);
    round.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut stop = pin!(stop);
    let why = loop {
        tokio::select! {
            biased;
            () = &mut stop => break "it was told to",
            _ = leaving.wait_for(|it| *it) => break "it was asked to",
            _ = round.tick() => {
                if !hold.is_good() {
                    break "its directory is gone";
                }
                loaded.tend();
            }
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else {
                    // Out of descriptors: those who are served will give some back.
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    continue;
                };
                let Ok(seat) = Arc::clone(&seats).try_acquire_owned() else { continue };
                let front = Rc::clone(&front);
                tokio::task::spawn_local(async move {
                    converse(front, stream).await;
                    drop(seat);
                });
            }
        }
    };
    hold.withdraw();
    drop(listener);
    front.leave.send_replace(true);
    loaded.log.line(&format!("ends: {why}"));
    let all = u32::try_from(CONNECTIONS).unwrap_or(u32::MAX);
    // Who does not come to an end is cut off with the model.
    let _ = timeout(FAREWELL, seats.acquire_many(all)).await;
    loaded.end_all().await;
    drop(hold);
    Ok(())
}

async fn converse(front: Rc<Front>, stream: TcpStream) {
    // Each word of an answer is sent at once.
    let _ = stream.set_nodelay(true);
    let mut leaving = front.leave.subscribe();
    let service = service_fn(move |request| {
        let front = Rc::clone(&front);
        async move { Ok::<_, Infallible>(answer(&front, request).await) }
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(PATIENCE).max_headers(64);
    let stream = TokioIo::new(Patient::new(stream, NOT_READING));
    let mut connection = pin!(http.serve_connection(stream, service));
    tokio::select! {
        // What goes wrong on a connection is its caller's to notice.
        _ = &mut connection => return,
        _ = leaving.wait_for(|it| *it) => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}

async fn answer(front: &Front, request: Request<Incoming>) -> Answer {
    let text = |name: &str| request.headers().get(name).and_then(|it| it.to_str().ok());
    let caller = Caller {
        host: text("host"),
        origin: text("origin"),
        site: text("sec-fetch-site"),
        authorization: text("authorization"),
        api_key: text("x-api-key"),
    };
    if let Err(refusal) = at_the_gate(&caller) {
        return refused(refusal);
    }
    let uri = request.uri();
    let route = route(request.method().as_str(), uri.path(), uri.query());
    if route == Route::Health {
        return told(200, &json!({"status": "ok"}));
    }
    if let Err(refusal) = has_key(&caller, &front.key) {
        return refused(refusal);
    }
    let loaded = &front.loaded;
    match route {
        Route::Health => told(200, &json!({"status": "ok"})),
        Route::Models => told(200, &models(loaded).await),
        Route::Status => told(200, &json!(loaded.status())),
        Route::Unload => unload(front, request).await,
        Route::Stop => stop(front, request).await,
        Route::Model { name, path } => of_model(front, request, name, &path).await,
        Route::Unknown => {
            let words = format!("`{} {}` is not served here", request.method(), uri.path());
            failed(404, "not_found_error", &words)
        }
    }
}

async fn of_model(
    front: &Front,
    request: Request<Incoming>,
    named: Option<String>,
    path: &str,
) -> Answer {
    #[derive(Default, Deserialize)]
    struct Named {
        model: Option<String>,
    }

    let (head, body) = request.into_parts();
    let (body, _room) = match whole(front, body).await {
        Ok(body) => body,
        Err(answer) => return answer,
    };
    // Whether the rest of it is good, the model's server says.
    let in_body = || serde_json::from_slice::<Named>(&body).unwrap_or_default().model;
    let name = named.or_else(in_body).filter(|it| !it.is_empty());
    let loaded = &front.loaded;
    let wanted = match loaded.meant(name.as_deref()).await {
        Ok(wanted) => wanted,
        Err(Missing(words)) => return failed(404, "model_not_found", &words),
    };
    if head.method == hyper::Method::GET && !loaded.is_up(&wanted) {
        return not_yet(loaded, wanted);
    }
    let passed = |key: &str| inward(head.method.clone(), path, &head.headers, body.clone(), key);
    // A server that has died before it answered is started once more: what killed it may have been
    // somebody else's request.
    let mut died = None;
    for _ in 0..2 {
        let lease = match loaded.lease(&wanted).await {
            Ok(lease) => lease,
            Err(Refused::CannotLoad(reason)) => return failed(500, "server_error", &reason),
            Err(Refused::TooManyWait) => return later("too many wait for a model"),
        };
        let Ok(request) = passed(&lease.key) else {
            return failed(400, "invalid_request_error", "the request cannot be passed on");
        };
        match send(&lease.address, request).await {
            Ok((response, connection)) => {
                let (theirs, body) = response.into_parts();
                let passing = Passing::new(body, lease, connection);
                let mut answer = Response::new(Either::Right(passing));
                *answer.status_mut() = theirs.status;
                *answer.headers_mut() = outward(&theirs.headers);
                return answer;
            }
            Err(err) => match lease.obituary().await {
                Some(Gone::ByRequest) => {
                    let words = format!("{} was put away by request", wanted.name);
                    return failed(503, "unavailable_error", &words);
                }
                Some(Gone::Died(reason)) => died = Some(reason),
                None => {
                    died = Some(format!("its server does not answer: {err:#}"));
                    if !lease.end_unreachable(&err) {
                        break;
                    }
                }
            },
        }
    }
    let reason = died.unwrap_or_default();
    failed(502, "server_error", &format!("{}: {reason}", wanted.name))
}

/// What a server says that still loads its model, or why it could not. Loading begins: who looks now
/// will ask soon.
fn not_yet(loaded: &Rc<Loaded>, wanted: Wanted) -> Answer {
    if let Some(reason) = loaded.failure(&wanted) {
        return failed(500, "server_error", &reason);
    }
    loaded.look_for(wanted);
    failed(503, "unavailable_error", "Loading model")
}

async fn unload(front: &Front, request: Request<Incoming>) -> Answer {
    let body = match read(request.into_body(), LONGEST_ORDER).await {
        Ok(body) => body,
        Err(answer) => return answer,
    };
    let asked: Unloading = match serde_json::from_slice(&body) {
        Ok(asked) => asked,
        Err(err) => return failed(400, "invalid_request_error", &err.to_string()),
    };
    match front.loaded.unload(&asked).await {
        Ok(done) => told(if done.busy.is_empty() { 200 } else { 409 }, &json!(done)),
        Err(Missing(words)) => failed(404, "model_not_found", &words),
    }
}

async fn stop(front: &Front, request: Request<Incoming>) -> Answer {
    let body = match read(request.into_body(), LONGEST_ORDER).await {
        Ok(body) => body,
        Err(answer) => return answer,
    };
    let asked: Option<Unloading> = serde_json::from_slice(&body).ok();
    let busy = front.loaded.answering();
    if !busy.is_empty() && !asked.is_some_and(|it| it.force) {
        return told(409, &json!({"unloaded": [], "busy": busy}));
    }
    front.leave.send_replace(true);
    told(200, &json!({"unloaded": [], "busy": []}))
}

/// The body of a request and the room it takes, unless it is too long, or does not come.
async fn whole(front: &Front, body: Incoming) -> Result<(Bytes, Room), Answer> {
    let hint = hyper::body::Body::size_hint(&body);
    if LONGEST_BODY as u64 <= hint.lower() {
        return Err(too_long(LONGEST_BODY));
    }
    let most = hint.upper().and_then(|it| usize::try_from(it).ok()).unwrap_or(LONGEST_BODY);
    let room = front.bodies.room(most.min(LONGEST_BODY));
    let Ok(Some(mut room)) = timeout(PATIENCE, room).await else {
        return Err(later("too many long requests at once"));
    };
    let body = read(body, LONGEST_BODY).await?;
    room.shrink(body.len());
    Ok((body, room))
}

async fn read(body: Incoming, most: usize) -> Result<Bytes, Answer> {
    let mut body = Limited::new(body, most);
    let mut all = bytes::BytesMut::new();
    loop {
        match timeout(PATIENCE, body.frame()).await {
            Ok(None) => return Ok(all.freeze()),
            Ok(Some(Ok(frame))) => {
                if let Some(bytes) = frame.data_ref() {
                    all.extend_from_slice(bytes);
                }
            }
            Ok(Some(Err(err))) if err.is::<LengthLimitError>() => return Err(too_long(most)),
            Ok(Some(Err(err))) => {
                return Err(failed(400, "invalid_request_error", &err.to_string()));
            }
            Err(_) => return Err(failed(408, "timeout_error", "the request does not come")),
        }
    }
}

fn too_long(most: usize) -> Answer {
    let words = format!("the request is longer than {} KiB", most >> 10);
    failed(413, "invalid_request_error", &words)
}

/// In the form of OpenAI's list, with what it does not know of.
async fn models(loaded: &Loaded) -> Value {
    let model = |it: &Listed| {
        json!({
            "id": it.name,
            "object": "model",
            "created": it.modified,
            "owned_by": "local",
            "size": it.size,
            "loaded": loaded.is_loaded(&it.name),
        })
    };
    let all = loaded.library.all().await;
    json!({"object": "list", "data": all.iter().map(model).collect::<Vec<_>>()})
}

fn refused(refusal: Refusal) -> Answer {
    let kind = match refusal {
        Refusal::Key => "authentication_error",
        Refusal::Host | Refusal::Origin => "permission_error",
    };
    failed(refusal.status(), kind, refusal.words())
}

/// In the form in which llama-server and OpenAI say it.
fn failed(status: u16, kind: &str, words: &str) -> Answer {
    told(status, &json!({"error": {"code": status, "message": words, "type": kind}}))
}

fn later(words: &str) -> Answer {
    let mut answer = failed(503, "overloaded_error", words);
    answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("2"));
    answer
}

fn told(status: u16, body: &Value) -> Answer {
    let mut answer = Response::new(Either::Left(Full::new(Bytes::from(body.to_string()))));
    *answer.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let json = HeaderValue::from_static("application/json");
    answer.headers_mut().insert(header::CONTENT_TYPE, json);
    answer
}
