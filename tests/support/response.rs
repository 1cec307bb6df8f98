//! One scripted answer of the fault server: a head, and the steps in which its body comes, or fails to.

use std::sync::Arc;
use std::time::Instant;

use serde_json::{Value, json};

use crate::support::request::Request;
use crate::support::watched::{PATIENCE, Watched};
use crate::support::wire::{self, Usage};

/// A model that says `text` and is done.
pub fn say(text: &str) -> Response {
    Response::stream().text(text).finish("stop")
}

/// A model that calls one tool.
pub fn call(tool: &str, arguments: Value) -> Response {
    calls(&[(tool, arguments)])
}

/// A model that calls several tools in one reply.
pub fn calls(calls: &[(&str, Value)]) -> Response {
    let stream = Response::stream();
    let stream = calls.iter().fold(stream, |it, (tool, arguments)| it.call(tool, arguments));
    stream.finish("tool_calls")
}

#[derive(Clone, Debug)]
#[must_use]
pub struct Response {
    /// `None`: not even a status line.
    pub head: Option<Head>,
    pub steps: Vec<Step>,
    pub pace: Pace,
    /// Waited for before the first byte of the head.
    pub gate: Option<Gate>,
}

#[derive(Clone, Debug)]
pub struct Head {
    pub status: u16,
    pub content_type: String,
    pub headers: Vec<(String, String)>,
    pub framing: Framing,
}

/// How the end of a body is told.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Framing {
    /// By the last chunk, as llama-server does for streams: a cut is noticed.
    Chunked,
    /// By its length, as for plain JSON.
    Length,
    /// By the end of the connection: a cut looks like an end.
    Close,
}

#[derive(Clone, Debug)]
pub enum Step {
    Bytes(Vec<u8>),
    Chunk(Value),
    Call {
        tool: String,
        pieces: Vec<String>,
    },
    Finish {
        reason: String,
        usage: Option<Usage>,
    },
    Hold(Gate),
    /// Nothing more comes until the client goes away.
    Stall,
    /// The connection closes here, in the middle of whatever there was.
    Cut,
}

/// In what portions the body is sent. Each is an HTTP chunk of its own, so a client cannot get it in
/// larger ones.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    AsWritten,
    Bytewise,
    SplitAt(usize),
}

/// Holds an answer back until the test opens it.
#[derive(Clone, Debug, Default)]
pub struct Gate(Arc<Watched<bool>>);

impl Gate {
    pub fn closed() -> Self {
        Self::default()
    }

    pub fn open(&self) {
        self.0.change(|open| *open = true);
    }

    /// Gives up when a test would: it has failed by then.
    pub fn pass(&self) {
        self.0.wait(Instant::now() + PATIENCE, |open| open.then_some(()));
    }
}

/// What a server may answer at once.
impl Response {
    pub fn json(status: u16, body: &Value) -> Self {
        Self::whole(status, "application/json; charset=utf-8", body.to_string().as_bytes())
    }

    pub fn whole(status: u16, content_type: &str, body: &[u8]) -> Self {
        let head = Head {
            status,
            content_type: content_type.to_owned(),
            headers: Vec::new(),
            framing: Framing::Length,
        };
        Self::with(Some(head)).bytes(body)
    }

    /// The server is there, its model is not yet.
    pub fn loading() -> Self {
        Self::json(503, &wire::early_error(503, "Loading model", "unavailable_error"))
    }

    pub fn unauthorized() -> Self {
        Self::json(401, &wire::early_error(401, "Invalid API Key", "authentication_error"))
    }

    /// A prompt of `prompt` tokens does not fit into `window`.
    pub fn overflow(prompt: u64, window: u64) -> Self {
        Self::json(400, &wire::overflow(prompt, window))
    }

    pub fn bad_request(message: &str) -> Self {
        Self::json(400, &wire::error(400, message, "invalid_request_error"))
    }

    pub fn server_error(message: &str) -> Self {
        Self::json(500, &wire::error(500, message, "server_error"))
    }

    pub fn not_found() -> Self {
        Self::json(404, &wire::error(404, "File Not Found", "not_found_error"))
    }

    /// A proxy before a server that is gone.
    pub fn bad_gateway() -> Self {
        let page = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n\
                    <center><h1>502 Bad Gateway</h1></center>\r\n<hr><center>nginx</center>\r\n\
                    </body>\r\n</html>\r\n";
        Self::whole(502, "text/html", page.as_bytes())
    }

    /// Not HTTP.
    pub fn garbage() -> Self {
        Self::with(None).bytes(b"\x16\x03\x01 this is not the server you are looking for\r\n\r\n")
    }

    /// The request is read, and the connection closed.
    pub fn hang_up() -> Self {
        Self::with(None).cut()
    }

    /// The request is read, and nothing is ever said.
    pub fn silence() -> Self {
        Self::with(None).stall()
    }

    fn with(head: Option<Head>) -> Self {
        Self { head, steps: Vec::new(), pace: Pace::AsWritten, gate: None }
    }
}

/// What a stream is made of, in the order it is sent.
impl Response {
    /// A stream as llama-server begins it.
    pub fn stream() -> Self {
        Self::bare_stream().chunk(wire::delta(json!({"role": "assistant", "content": null})))
    }

    /// A stream without a first word.
    pub fn bare_stream() -> Self {
        // The server promises to keep the connection, and closes it after the stream.
        let headers = vec![("Keep-Alive".to_owned(), "timeout=5, max=100".to_owned())];
        let content_type = "text/event-stream".to_owned();
        Self::with(Some(Head { status: 200, content_type, headers, framing: Framing::Chunked }))
    }

    /// A delta a word.
    pub fn text(self, text: &str) -> Self {
        words(text).fold(self, |it, word| it.chunk(wire::delta(json!({"content": word}))))
    }

    pub fn reasoning(self, text: &str) -> Self {
        words(text).fold(self, |it, word| it.chunk(wire::delta(json!({"reasoning_content": word}))))
    }

    /// A call whose arguments come a few characters at a time.
    pub fn call(self, tool: &str, arguments: &Value) -> Self {
        let arguments: Vec<_> = arguments.to_string().chars().collect();
        let (first, rest) = arguments.split_at(1);
        let pieces = std::iter::once(first).chain(rest.chunks(7)).map(String::from_iter);
        self.step(Step::Call { tool: tool.to_owned(), pieces: pieces.collect() })
    }

    /// A call whose arguments come in these pieces, whether or not they are JSON.
    pub fn call_in_pieces(self, tool: &str, pieces: &[&str]) -> Self {
        let pieces = pieces.iter().map(|&it| it.to_owned()).collect();
        self.step(Step::Call { tool: tool.to_owned(), pieces })
    }

    pub fn progress(self, total: u64, cache: u64, processed: u64) -> Self {
        self.chunk(wire::progress(total, cache, processed))
    }

    /// The comment by which a server shows that it lives.
    pub fn ping(self) -> Self {
        self.bytes(b":\n\n")
    }

    pub fn chunk(self, chunk: Value) -> Self {
        self.step(Step::Chunk(chunk))
    }

    pub fn bytes(self, bytes: &[u8]) -> Self {
        self.step(Step::Bytes(bytes.to_owned()))
    }

    /// The end as llama-server tells it: reason, usage and timings, and `[DONE]`.
    pub fn finish(self, reason: &str) -> Self {
        self.finish_with(reason, Usage { cached: 0, prompt: 100, predicted: 10 })
    }

    pub fn finish_with(self, reason: &str, usage: Usage) -> Self {
        self.step(Step::Finish { reason: reason.to_owned(), usage: Some(usage) }).done()
    }

    /// The end as a foreign server tells it: a reason and no figures.
    pub fn finish_without_figures(self, reason: &str) -> Self {
        self.step(Step::Finish { reason: reason.to_owned(), usage: None }).done()
    }

    pub fn done(self) -> Self {
        self.bytes(&wire::event("[DONE]"))
    }

    /// The end when the server fails in mid-stream: there is no `[DONE]`.
    pub fn error_event(self, message: &str) -> Self {
        let error = wire::error(500, message, "server_error");
        self.bytes(&wire::event(&error.to_string()))
    }

    pub fn hold(self, gate: &Gate) -> Self {
        self.step(Step::Hold(gate.clone()))
    }

    pub fn stall(self) -> Self {
        self.step(Step::Stall)
    }

    pub fn cut(self) -> Self {
        self.step(Step::Cut)
    }

    /// A delta that ends in the middle of a character, and with it the connection.
    pub fn half_a_character(self) -> Self {
        let whole = wire::event(&wire::delta(json!({"content": "é"})).to_string());
        let at = whole.iter().position(|&it| it == "é".as_bytes()[0]).expect("it is in there");
        self.bytes(&whole[..=at]).cut()
    }

    fn step(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }
}

/// What may be done to any answer.
impl Response {
    /// Not even the head is sent before the test opens the gate.
    pub fn held_until(mut self, gate: &Gate) -> Self {
        self.gate = Some(gate.clone());
        self
    }

    pub fn in_single_bytes(mut self) -> Self {
        self.pace = Pace::Bytewise;
        self
    }

    /// The body comes in two portions; see `wire_length` for where it may be split.
    pub fn split_at(mut self, byte: usize) -> Self {
        self.pace = Pace::SplitAt(byte);
        self
    }

    pub fn status(mut self, status: u16) -> Self {
        self.head_mut().status = status;
        self
    }

    pub fn content_type(mut self, content_type: &str) -> Self {
        content_type.clone_into(&mut self.head_mut().content_type);
        self
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.head_mut().headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The body ends with the connection, as old proxies have it.
    pub fn until_close(mut self) -> Self {
        self.head_mut().framing = Framing::Close;
        self
    }

    fn head_mut(&mut self) -> &mut Head {
        self.head.as_mut().expect("an answer without a head has no headers")
    }
}

/// What is sent.
impl Response {
    /// The bytes of one step as `request`, the `nth` of the chats, is to be answered. `calls` counts
    /// the calls of this answer so far.
    pub fn render(step: &Step, nth: usize, request: &Request, calls: &mut usize) -> Vec<u8> {
        match step {
            Step::Bytes(bytes) => bytes.clone(),
            Step::Chunk(chunk) => wire::event(&chunk.to_string()),
            Step::Call { tool, pieces } => {
                let index = *calls;
                *calls += 1;
                call_events(tool, pieces, index, &format!("call{nth:014}x{index:013}"))
            }
            Step::Finish { reason, usage } => finish_events(reason, *usage, request),
            Step::Hold(_) | Step::Stall | Step::Cut => Vec::new(),
        }
    }

    /// The length of the body, for those who would split it anywhere.
    pub fn wire_length(&self, request: &Request) -> usize {
        let mut calls = 0;
        self.steps.iter().map(|it| Self::render(it, 0, request, &mut calls).len()).sum()
    }
}

fn call_events(tool: &str, pieces: &[String], index: usize, id: &str) -> Vec<u8> {
    let first = pieces.first().map_or("", String::as_str);
    let function = json!({"name": tool, "arguments": first});
    let head = json!({"index": index, "id": id, "type": "function", "function": function});
    let rest = pieces.iter().skip(1);
    let rest = rest.map(|it| json!({"index": index, "function": {"arguments": it}}));
    let deltas = std::iter::once(head).chain(rest);
    deltas
        .flat_map(|it| wire::event(&wire::delta(json!({"tool_calls": [it]})).to_string()))
        .collect()
}

/// Figures come in a chunk of their own where the client asked for them, else beside the reason.
fn finish_events(reason: &str, usage: Option<Usage>, request: &Request) -> Vec<u8> {
    let mut finish = wire::finish(reason);
    let Some(usage) = usage else { return wire::event(&finish.to_string()) };
    if request.body["stream_options"]["include_usage"] != true {
        finish["timings"] = wire::timings(usage);
        return wire::event(&finish.to_string());
    }
    let mut figures = wire::chunk(json!([]));
    figures["usage"] = wire::usage(usage);
    figures["timings"] = wire::timings(usage);
    [wire::event(&finish.to_string()), wire::event(&figures.to_string())].concat()
}

/// Each with the blank behind it.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split_inclusive(char::is_whitespace)
}
