//! One file over HTTP: asked for in ranges, hashed while it comes, and there under its name only when
//! it is whole. What a file is called and where it lies is the business of others.

mod ask;
mod client;
mod error;
mod fetch;
mod options;
mod sha256;

mod lanes;
mod source;
mod whole;

mod board;
mod follower;
mod journal;
mod partial;
mod ranges;
mod room;
mod tuner;

mod headers;
mod pace;
mod redirect;
mod retry;

#[cfg(test)]
#[path = "../../tests/support/hub.rs"]
#[expect(dead_code, unreachable_pub, reason = "the suites that run the binary use the rest of it")]
mod hub;
#[cfg(test)]
mod tests;

pub(crate) use ask::{Answer, Ask, Token};
pub(crate) use client::Client;
pub(crate) use error::DownloadError;
pub(crate) use fetch::{Fetched, Phase, Progress, Wanted, fetch};
pub(crate) use options::{Options, Proxies};
pub(crate) use partial::discard;
pub(crate) use sha256::Sha256;
