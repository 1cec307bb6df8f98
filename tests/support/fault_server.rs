//! A model server that speaks llama-server's wire and misbehaves by script. It writes down all it is
//! asked, and when a client goes away.

use std::io::{self, BufReader, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Instant;

use crate::support::request::Request;
use crate::support::response::{Framing, Head, Pace, Response, Step, say};
use crate::support::watched::{PATIENCE, Watched};
use crate::support::wire;

/// Tokens the server claims to have room for.
pub const WINDOW: u64 = 32_768;

/// Serves until it is dropped.
pub struct FaultServer {
    address: SocketAddr,
    state: Arc<State>,
    /// Accepts connections. Its end closes the port.
    listener: Option<JoinHandle<()>>,
}

/// What answers a chat: which it is, counted from 0, and what it asks.
type Script = dyn Fn(usize, &Request) -> Response + Send + Sync;

struct State {
    script: Box<Script>,
    reading: Reading,
    log: Watched<Log>,
}

/// What is done with the body of a request.
#[derive(Clone, Copy, PartialEq)]
enum Reading {
    Parsed,
    Raw,
}

#[derive(Default)]
struct Log {
    requests: Vec<Request>,
    chats: usize,
    /// Which chats were answered, as far as they were, and when.
    answers: Vec<(usize, Instant)>,
    /// Which chats were left by their client before they were answered in full, and when.
    departures: Vec<(usize, Instant)>,
    /// Answers that stand in for the usual ones: method, path, answer.
    routes: Vec<(String, String, Response)>,
    /// Open connections, to be ended with the server.
    open: Vec<TcpStream>,
    closing: bool,
}

impl FaultServer {
    /// Answers each chat by the next of `responses`; the last serves for all that follow.
    pub fn script(responses: Vec<Response>) -> Self {
        assert!(!responses.is_empty(), "a script has a response");
        Self::answering(move |n, _| responses[n.min(responses.len() - 1)].clone())
    }

    /// The same with nothing about it that only llama-server has.
    pub fn foreign(responses: Vec<Response>) -> Self {
        let server = Self::script(responses);
        for path in ["/props", "/health", "/v1/health", "/slots"] {
            server.on("GET", path, Response::not_found());
        }
        for path in ["/tokenize", "/v1/chat/completions/input_tokens"] {
            server.on("POST", path, Response::not_found());
        }
        server.on("GET", "/v1/models", Response::json(200, &wire::foreign_models()));
        server
    }

    /// Answers without end.
    pub fn answering(script: impl Fn(usize, &Request) -> Response + Send + Sync + 'static) -> Self {
        Self::start(Box::new(script), Reading::Parsed)
    }

    /// Answers without end and without understanding: `body` is `Null`. For those who measure the
    /// time between an answer and the next request.
    pub fn unmindful(script: impl Fn(usize) -> Response + Send + Sync + 'static) -> Self {
        Self::start(Box::new(move |nth, _| script(nth)), Reading::Raw)
    }

    fn start(script: Box<Script>, reading: Reading) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port can be had");
        let address = listener.local_addr().expect("a listener has an address");
        let state = Arc::new(State { script, reading, log: Watched::default() });
        let shared = state.clone();
        let listener = std::thread::spawn(move || {
            for stream in listener.incoming().filter_map(Result::ok) {
                if shared.log.read(|it| it.closing) {
                    return;
                }
                let state = shared.clone();
                std::thread::spawn(move || serve(&state, stream));
            }
        });
        Self { address, state, listener: Some(listener) }
    }

    /// Answers one path in another way from now on.
    pub fn on(&self, method: &str, path: &str, response: Response) -> &Self {
        let route = (method.to_owned(), path.to_owned(), response);
        self.state.log.change(|it| it.routes.insert(0, route));
        self
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// All that was asked, in the order it came.
    pub fn requests(&self) -> Vec<Request> {
        self.state.log.read(|it| it.requests.clone())
    }

    /// The chats among them.
    pub fn chats(&self) -> Vec<Request> {
        self.requests().into_iter().filter(Request::is_chat).collect()
    }

    /// The `nth` chat, counted from 0, as soon as it is here.
    #[track_caller]
    pub fn chat(&self, nth: usize) -> Request {
        let come = |it: &Log| it.requests.iter().filter(|it| it.is_chat()).nth(nth).cloned();
        let chat = self.state.log.wait(Instant::now() + PATIENCE, come);
        chat.unwrap_or_else(|| panic!("waited in vain for chat {nth}; got {}", self.chats().len()))
    }

    /// The first request that is made ahead of a prompt, as soon as it is here.
    #[track_caller]
    pub fn ahead(&self) -> Request {
        let come = |it: &Log| it.requests.iter().find(|it| it.is_ahead()).cloned();
        let ahead = self.state.log.wait(Instant::now() + PATIENCE, come);
        ahead.expect("a request ahead of the prompt")
    }

    /// The `nth` request of any kind, counted from 0, as soon as it is here.
    #[track_caller]
    pub fn request(&self, nth: usize) -> Request {
        let come = |it: &Log| it.requests.get(nth).cloned();
        let request = self.state.log.wait(Instant::now() + PATIENCE, come);
        request.unwrap_or_else(|| panic!("waited in vain for request {nth}"))
    }

    /// When each chat came, and when the last byte of its answer was sent.
    pub fn times(&self) -> Vec<(Instant, Option<Instant>)> {
        self.state.log.read(|it| {
            let chats = it.requests.iter().filter(|it| it.is_chat()).map(|it| it.arrived);
            let answered =
                |nth| it.answers.iter().find(|(it, _)| *it == nth).map(|(_, when)| *when);
            chats.enumerate().map(|(nth, arrived)| (arrived, answered(nth))).collect()
        })
    }

    /// When the client of the `nth` chat went away without having its answer.
    #[track_caller]
    pub fn departure(&self, nth: usize) -> Instant {
        let come =
            |it: &Log| it.departures.iter().find(|(it, _)| *it == nth).map(|(_, when)| *when);
        let left = self.state.log.wait(Instant::now() + PATIENCE, come);
        left.unwrap_or_else(|| panic!("the client of chat {nth} did not go away"))
    }
}

impl Drop for FaultServer {
    fn drop(&mut self) {
        let open = self.state.log.change(|it| {
            it.closing = true;
            std::mem::take(&mut it.open)
        });
        for stream in open {
            let _ = stream.shutdown(Shutdown::Both);
        }
        // Wakes the listener, which then sees that it is over. Whoever has the port next is another.
        let woken = TcpStream::connect(self.address);
        if let (Ok(_), Some(listener)) = (woken, self.listener.take()) {
            let _ = listener.join();
        }
    }
}

/// One connection, which is one request: an error only means that the client is gone.
fn serve(state: &State, stream: TcpStream) {
    let _ = stream.set_nodelay(true);
    let Ok(kept) = stream.try_clone() else { return };
    state.log.change(|it| it.open.push(kept));
    let client = stream.peer_addr().ok();
    let _ = answer(state, &stream);
    state.log.change(|it| it.open.retain(|kept| kept.peer_addr().ok() != client));
    // A dropped server holds the connection elsewhere, and may not keep it alive.
    let _ = stream.shutdown(Shutdown::Both);
}

fn answer(state: &State, stream: &TcpStream) -> io::Result<()> {
    let mut reader = BufReader::new(stream);
    let request = match state.reading {
        Reading::Parsed => Request::read(&mut reader)?,
        Reading::Raw => Request::read_raw(&mut reader)?,
    };
    let Some(request) = request else { return Ok(()) };
    let nth = state.log.change(|it| {
        it.requests.push(request.clone());
        let nth = it.chats;
        it.chats += usize::from(request.is_chat());
        nth
    });
    let response = response_to(state, nth, &request);
    let left = Play { stream, nth, sent: 0 }.play(&response, &request);
    let now = Instant::now();
    if request.is_chat() {
        state.log.change(|it| match left {
            Ok(Outcome::Sent) => it.answers.push((nth, now)),
            Err(_) | Ok(Outcome::Left) => it.departures.push((nth, now)),
        });
    }
    left.map(|_| ())
}

fn response_to(state: &State, nth: usize, request: &Request) -> Response {
    let path = request.path.split('?').next().unwrap_or_default();
    let asked = (request.method.as_str(), path);
    let set = state.log.read(|it| {
        let set =
            it.routes.iter().find(|(method, path, _)| (method.as_str(), path.as_str()) == asked);
        set.map(|(_, _, response)| response.clone())
    });
    if let Some(set) = set {
        return set;
    }
    if request.is_chat() {
        return (state.script)(nth, request);
    }
    if request.is_ahead() {
        return say("I");
    }
    let body = match asked {
        ("GET", "/health" | "/v1/health") => serde_json::json!({"status": "ok"}),
        ("GET", "/props") => wire::props(WINDOW),
        ("GET", "/v1/models" | "/models") => wire::models(WINDOW),
        ("GET", "/slots") => wire::slots(WINDOW),
        ("POST", "/tokenize") => wire::tokens(&request.body),
        ("POST", "/v1/chat/completions/input_tokens") => {
            let tokens = request.raw.len().div_ceil(4);
            serde_json::json!({"object": "response.input_tokens", "input_tokens": tokens})
        }
        _ => return Response::not_found(),
    };
    Response::json(200, &body)
}

/// The sending of one response.
struct Play<'a> {
    stream: &'a TcpStream,
    /// Which of the chats is answered.
    nth: usize,
    /// Bytes of the body sent so far.
    sent: usize,
}

enum Outcome {
    Sent,
    /// The client went away.
    Left,
}

impl Play<'_> {
    fn play(mut self, response: &Response, request: &Request) -> io::Result<Outcome> {
        if let Some(gate) = &response.gate {
            gate.pass();
        }
        let framing = response.head.as_ref().map_or(Framing::Close, |it| it.framing);
        if let Some(head) = &response.head {
            self.stream.write_all(&head_bytes(head, response.wire_length(request)))?;
        }
        let mut calls = 0;
        for step in &response.steps {
            match step {
                Step::Hold(gate) => gate.pass(),
                Step::Stall => {
                    self.wait_for_departure();
                    return Ok(Outcome::Left);
                }
                Step::Cut => return Ok(Outcome::Sent),
                _ => {
                    let bytes = Response::render(step, self.nth, request, &mut calls);
                    self.send(&bytes, response.pace, framing)?;
                }
            }
        }
        if framing == Framing::Chunked {
            self.stream.write_all(b"0\r\n\r\n")?;
        }
        Ok(Outcome::Sent)
    }

    fn send(&mut self, bytes: &[u8], pace: Pace, framing: Framing) -> io::Result<()> {
        let cut = match pace {
            Pace::SplitAt(at) => at.saturating_sub(self.sent).min(bytes.len()),
            Pace::AsWritten | Pace::Bytewise => 0,
        };
        self.sent += bytes.len();
        let portions: Vec<&[u8]> = match pace {
            Pace::Bytewise => bytes.chunks(1).collect(),
            Pace::AsWritten | Pace::SplitAt(_) => vec![&bytes[..cut], &bytes[cut..]],
        };
        for portion in portions.into_iter().filter(|it| !it.is_empty()) {
            let framed = match framing {
                Framing::Chunked => {
                    [format!("{:x}\r\n", portion.len()).as_bytes(), portion, b"\r\n"].concat()
                }
                Framing::Length | Framing::Close => portion.to_vec(),
            };
            self.stream.write_all(&framed)?;
        }
        Ok(())
    }

    /// Whatever else it may send, at some time it closes.
    fn wait_for_departure(&mut self) {
        let mut bytes = [0; 1024];
        while let Ok(1..) = self.stream.read(&mut bytes) {}
    }
}

fn head_bytes(head: &Head, length: usize) -> Vec<u8> {
    let Head { status, content_type, .. } = head;
    let reason = match status {
        200 => "OK",
        400 => "Bad Request",
        401 => "Unauthorized",
        404 => "Not Found",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        _ => "Other",
    };
    let framing = match head.framing {
        Framing::Chunked => "Transfer-Encoding: chunked\r\n".to_owned(),
        Framing::Length => format!("Content-Length: {length}\r\nConnection: close\r\n"),
        Framing::Close => "Connection: close\r\n".to_owned(),
    };
    let set = head.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n"));
    let set: String = set.collect();
    format!(
        "HTTP/1.1 {status} {reason}\r\nServer: llama.cpp\r\nContent-Type: {content_type}\r\n\
         {framing}{set}\r\n"
    )
    .into_bytes()
}
