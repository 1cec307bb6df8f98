//! A question of ours to the server.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context;
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::header;

use crate::llama::Address;
use crate::serving::pass::send;

/// What it tells of itself is never long.
const LONGEST: usize = 8 << 20;

/// The status of the answer, and the answer; an error if it does not come within `patience`.
pub(crate) async fn ask(
    (address, key): (SocketAddr, &str),
    (method, path): (&str, &str),
    body: String,
    patience: Duration,
) -> anyhow::Result<(u16, Vec<u8>)> {
    let request = hyper::Request::builder()
        .method(method)
        .uri(path)
        .header(header::HOST, address.to_string())
        .header(header::AUTHORIZATION, format!("Bearer {key}"))
        .header(header::CONTENT_TYPE, "application/json")
        .body(Full::new(Bytes::from(body)))
        .context("cannot form a request")?;
    let asked = async {
        let (response, _connection) = send(&Address::Tcp(address), request).await?;
        let status = response.status().as_u16();
        let body = Limited::new(response.into_body(), LONGEST).collect().await;
        let body = body.map_err(|err| anyhow::anyhow!("{err}"))?;
        anyhow::Ok((status, body.to_bytes().to_vec()))
    };
    let silent = || format!("the server at {address} does not answer");
    tokio::time::timeout(patience, asked).await.with_context(silent)?.with_context(silent)
}
