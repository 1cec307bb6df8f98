//! One request to a llama-server, and its answer as it comes.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::client::conn::http1;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::task::JoinHandle;

use crate::llama::Address;
use crate::serving::loaded::Lease;
use crate::serving::speed::Tail;

/// A connection of one request: its end is the end of what is answered on it, which llama-server
/// takes as the word to stop.
#[derive(Debug)]
pub(super) struct Connection(JoinHandle<()>);

impl Drop for Connection {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Returns when the answer begins.
pub(super) async fn send(
    address: &Address,
    request: Request<Full<Bytes>>,
) -> anyhow::Result<(Response<Incoming>, Connection)> {
    // One kind of stream, so that there is one copy of all that speaks HTTP on it.
    let stream: Box<dyn Stream> = match address {
        Address::Unix(path) => Box::new(UnixStream::connect(path).await?),
        Address::Tcp(address) => {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            Box::new(stream)
        }
    };
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let connection = Connection(tokio::spawn(async move {
        // Why it ended, is told to whoever waits for the answer.
        let _ = connection.await;
    }));
    Ok((sender.send_request(request).await?, connection))
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// What is about one connection, not about what is said on it; and what is ours to say.
const NOT_PASSED: &[HeaderName] = &[
    header::CONNECTION,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::TE,
    header::TRAILER,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::SERVER,
];

/// The same request, as one of ours to the model's own server.
pub(super) fn inward(
    method: hyper::Method,
    path: &str,
    headers: &HeaderMap,
    body: Bytes,
    key: &str,
) -> anyhow::Result<Request<Full<Bytes>>> {
    let mut request = Request::builder().method(method).uri(path).body(Full::new(body))?;
    let ours = request.headers_mut();
    // A list of what passes: the rest is between the caller and us, the key above all.
    for name in [header::ACCEPT, header::CONTENT_TYPE, header::USER_AGENT] {
        if let Some(value) = headers.get(&name) {
            ours.insert(name, value.clone());
        }
    }
    ours.insert(header::HOST, HeaderValue::from_static("localhost"));
    ours.insert(header::AUTHORIZATION, HeaderValue::from_str(&format!("Bearer {key}"))?);
    Ok(request)
}

/// What of an answer's head is passed on.
pub(super) fn outward(headers: &HeaderMap) -> HeaderMap {
    let is_passed = |name: &HeaderName| {
        !NOT_PASSED.contains(name)
            && name != "keep-alive"
            && !name.as_str().starts_with("access-control-")
    };
    let passed = headers.iter().filter(|(name, _)| is_passed(name));
    passed.map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// An answer on its way: each piece is passed on when it comes. The model counts as busy until all of
/// it has gone, or nobody wants it any more.
#[derive(Debug)]
pub(super) struct Passing {
    answer: Incoming,
    tail: Tail,
    lease: Lease,
    _connection: Connection,
}

impl Passing {
    pub(super) fn new(answer: Incoming, lease: Lease, connection: Connection) -> Self {
        Self { answer, tail: Tail::default(), lease, _connection: connection }
    }
}

impl Body for Passing {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = ready!(Pin::new(&mut self.answer).poll_frame(cx));
        if let Some(Ok(frame)) = &frame
            && let Some(bytes) = frame.data_ref()
        {
            self.lease.heard();
            self.tail.push(bytes);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.answer.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.answer.size_hint()
    }
}

impl Drop for Passing {
    fn drop(&mut self) {
        if let Some(speed) = self.tail.speed() {
            self.lease.was(speed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_between_two_stays_between_two() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("authorization", "Bearer theirs"),
            ("x-api-key", "theirs"),
            ("cookie", "theirs"),
            ("x-conversation-id", "c1"),
            ("content-type", "application/json"),
        ] {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        let request =
            inward(hyper::Method::POST, "/props", &headers, Bytes::new(), "ours").unwrap();
        let mut sent: Vec<_> = request
            .headers()
            .iter()
            .map(|(n, v)| format!("{n}: {}", v.to_str().unwrap()))
            .collect();
        sent.sort();
        assert_eq!(
            sent,
            ["authorization: Bearer ours", "content-type: application/json", "host: localhost"]
        );
    }

    #[test]
    fn whom_a_browser_may_tell_is_not_for_the_models_server_to_say() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("access-control-allow-origin", "*"),
            ("keep-alive", "timeout=5"),
            ("transfer-encoding", "chunked"),
            ("content-type", "text/event-stream"),
        ] {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        let passed = outward(&headers);
        assert_eq!(passed.keys().map(HeaderName::as_str).collect::<Vec<_>>(), ["content-type"]);
    }
}
