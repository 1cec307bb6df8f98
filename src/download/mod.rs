//! One file over HTTP: asked for in ranges, hashed while it comes, and there under its name only when
//! it is whole. What a file is called and where it lies is the business of others.

mod ask;
mod client;
mod error;
mod fetch;
mod headers;
mod options;
mod pace;
mod redirect;
mod retry;
mod sha256;

pub(crate) use ask::{Answer, Ask, Token};
pub(crate) use client::Client;
pub(crate) use error::DownloadError;
pub(crate) use fetch::{Fetched, Progress, Wanted, fetch};
pub(crate) use options::{Options, Proxies};
pub(crate) use sha256::Sha256;
