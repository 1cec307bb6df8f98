//! Where a model server is, and how to talk to it.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail};
use reqwest::Url;

use crate::llm::AskError;
use crate::llm::ask::innermost;

/// A server that speaks the chat form, and the client for it.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    client: reqwest::Client,
    base: Url,
    /// What a person would call the place; nothing for a socket of our own.
    address: Option<String>,
    key: Option<String>,
    /// How long the server may be silent before it counts as gone; `None` for one whose process
    /// we watch.
    pub(super) patience: Option<Duration>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Address {
    /// A socket file of our own server.
    Unix(PathBuf),
    /// A server somebody else runs, or ours on a port.
    Http(String),
}

impl Server {
    pub(crate) fn new(
        address: &Address,
        key: Option<String>,
        patience: Option<Duration>,
    ) -> anyhow::Result<Self> {
        let base = match address {
            Address::Unix(_) => {
                Url::parse("http://localhost/").context("the base url is constant")?
            }
            Address::Http(url) => base_of(url)?,
        };
        // llama-server closes the connection after each streamed answer; a kept one would fail.
        let mut builder = reqwest::Client::builder()
            .no_proxy()
            .pool_max_idle_per_host(0)
            .connect_timeout(Duration::from_secs(10))
            .redirect(reqwest::redirect::Policy::none());
        if let Address::Unix(path) = address {
            builder = builder.unix_socket(path.clone());
        }
        // Fails when a provider is set already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        if base.scheme() == "http" {
            // Reading the system's certificates costs more than all else at start.
            builder = builder.tls_certs_only([]);
        }
        let client = builder.build().context("cannot set up the connection to the model server")?;
        let address = match address {
            Address::Unix(_) => None,
            Address::Http(_) => Some(without_password(&base)),
        };
        Ok(Self { client, base, address, key, patience })
    }

    pub(super) fn get(&self, path: &str) -> reqwest::RequestBuilder {
        self.authorized(self.client.get(self.at(path)))
    }

    pub(super) fn post(&self, path: &str) -> reqwest::RequestBuilder {
        self.authorized(self.client.post(self.at(path)))
    }

    pub(super) fn unreachable(&self, err: &reqwest::Error) -> AskError {
        AskError::Unreachable { address: self.address.clone(), reason: innermost(err) }
    }

    fn authorized(&self, request: reqwest::RequestBuilder) -> reqwest::RequestBuilder {
        match &self.key {
            Some(key) => request.bearer_auth(key),
            None => request,
        }
    }

    fn at(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        let (path, query) =
            path.split_once('?').map_or((path, None), |(it, rest)| (it, Some(rest)));
        url.set_path(&format!("{}{path}", self.base.path().trim_end_matches('/')));
        url.set_query(query);
        url
    }
}

/// An address to be shown.
fn without_password(url: &Url) -> String {
    let mut shown = url.clone();
    // Fails for addresses that cannot have a password.
    let _ = shown.set_password(None);
    shown.as_str().trim_end_matches('/').to_owned()
}

/// The part of a server's address before `/v1/…`, in all the spellings people use.
fn base_of(url: &str) -> anyhow::Result<Url> {
    let whole = if url.contains("://") { url.to_owned() } else { format!("http://{url}") };
    let mut base = Url::parse(&whole)
        .with_context(|| format!("cannot understand the server address `{url}`"))?;
    if !matches!(base.scheme(), "http" | "https") || base.host().is_none() {
        bail!(
            "cannot understand the server address `{url}`\nhint: it looks like http://127.0.0.1:8080"
        );
    }
    base.set_query(None);
    base.set_fragment(None);
    let path = base.path().trim_end_matches('/');
    let path = path.strip_suffix("/chat/completions").unwrap_or(path);
    let path = path.strip_suffix("/v1").unwrap_or(path).to_owned();
    base.set_path(&path);
    Ok(base)
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[track_caller]
    fn check(url: &str, expected: Expect) {
        let shown = match Server::new(&Address::Http(url.to_owned()), None, None) {
            Ok(server) => server.at("/v1/chat/completions").to_string(),
            Err(err) => format!("{err:#}"),
        };
        expected.assert_eq(&shown);
    }

    #[test]
    fn an_address_may_be_written_in_many_ways() {
        for url in [
            "127.0.0.1:8080",
            "http://127.0.0.1:8080",
            "http://127.0.0.1:8080/",
            "http://127.0.0.1:8080/v1",
            "http://127.0.0.1:8080/v1/chat/completions",
        ] {
            check(url, expect!["http://127.0.0.1:8080/v1/chat/completions"]);
        }
        check("https://host/api/v1/", expect!["https://host/api/v1/chat/completions"]);
    }

    #[test]
    fn a_password_in_an_address_is_not_shown() {
        let base = base_of("http://me:secret@host:8080/v1").unwrap();
        assert_eq!(without_password(&base), "http://me@host:8080");
    }

    #[test]
    fn what_is_no_address_is_refused() {
        check(
            "ftp://host",
            expect![[r#"
                cannot understand the server address `ftp://host`
                hint: it looks like http://127.0.0.1:8080"#]],
        );
        check("http://", expect!["cannot understand the server address `http://`: empty host"]);
    }
}
