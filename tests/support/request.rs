//! One HTTP request as the fault server received it.

use std::io::{self, BufRead};
use std::time::Instant;

use serde_json::Value;

#[derive(Clone, Debug)]
pub struct Request {
    pub method: String,
    /// With its query.
    pub path: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body to the byte: a cache of prompts lives on equal bytes, not on equal JSON.
    pub raw: Vec<u8>,
    /// The body as JSON, `Null` if it is none.
    pub body: Value,
    /// When its last byte was here.
    pub arrived: Instant,
}

impl Request {
    /// Reads one request; `None` if the client left without asking.
    pub fn read(stream: &mut impl BufRead) -> io::Result<Option<Self>> {
        let mut request = Self::read_raw(stream)?;
        if let Some(it) = &mut request {
            it.body = serde_json::from_slice(&it.raw).unwrap_or_default();
        }
        Ok(request)
    }

    /// The same without a look at its body, which costs more than to receive it.
    pub fn read_raw(stream: &mut impl BufRead) -> io::Result<Option<Self>> {
        let first = line(stream)?;
        let mut words = first.split(' ');
        let (Some(method), Some(path)) = (words.next(), words.next()) else { return Ok(None) };
        let mut request = Self {
            method: method.to_owned(),
            path: path.to_owned(),
            headers: headers(stream)?,
            raw: Vec::new(),
            body: Value::Null,
            arrived: Instant::now(),
        };
        request.raw = request.read_body(stream)?;
        request.arrived = Instant::now();
        Ok(Some(request))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(it, _)| it == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Whether it asks a model to speak.
    pub fn is_chat(&self) -> bool {
        self.method == "POST" && self.path.ends_with("/chat/completions") && !self.is_ahead()
    }

    /// Asks for nothing but that the server reads what comes before the next prompt.
    pub fn is_ahead(&self) -> bool {
        self.body["max_tokens"] == 1
    }

    /// The messages of a chat.
    pub fn messages(&self) -> &[Value] {
        self.body["messages"].as_array().map_or(&[], Vec::as_slice)
    }

    /// The content of the last message of a chat, if it is plain text.
    pub fn last_message(&self) -> Option<&str> {
        self.messages().last()?["content"].as_str()
    }

    fn read_body(&self, stream: &mut impl BufRead) -> io::Result<Vec<u8>> {
        if self.header("transfer-encoding").is_some_and(|it| it.eq_ignore_ascii_case("chunked")) {
            return chunks(stream);
        }
        let length = self.header("content-length").and_then(|it| it.parse().ok()).unwrap_or(0);
        exactly(stream, length)
    }
}

/// A body in chunks, put together; trailers are dropped.
fn chunks(stream: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let size = line(stream)?;
        let size = size.split(';').next().unwrap_or_default().trim();
        let size = usize::from_str_radix(size, 16).map_err(io::Error::other)?;
        if size == 0 {
            headers(stream)?;
            return Ok(body);
        }
        body.extend(exactly(stream, size)?);
        line(stream)?;
    }
}

fn headers(stream: &mut impl BufRead) -> io::Result<Vec<(String, String)>> {
    let mut headers = Vec::new();
    loop {
        let line = line(stream)?;
        let Some((name, value)) = line.split_once(':') else { return Ok(headers) };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
}

fn line(stream: &mut impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    stream.read_line(&mut line)?;
    Ok(line.trim_end().to_owned())
}

fn exactly(stream: &mut impl BufRead, length: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; length];
    stream.read_exact(&mut bytes)?;
    Ok(bytes)
}
