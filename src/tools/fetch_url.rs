//! `fetch_url`: the text of a web page.
//!
//! One host is asked, the one that was allowed: a redirect to another is told, not followed. A name
//! does not lead to this machine; only an address or `localhost` does.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Once;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{ACCEPT, CONTENT_TYPE, LOCATION};
use reqwest::{Response, Url, redirect};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::conversation::{Outcome, Status};
use crate::sandbox::{Host, is_public_enough};
use crate::tools::answer::{Answer, count};
use crate::tools::{Budget, Failure};

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    url: String,
    start_line: Option<u32>,
}

/// The most bytes of a page.
const LARGEST: usize = 4 * 1024 * 1024;

/// How long a page may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// The deepest nesting of a page; the time to read it grows with its square.
const DEEPEST: usize = 1000;

/// How many redirects on one host are followed.
const REDIRECTS: usize = 5;

/// Longer lines of a page are broken.
const WIDTH: usize = 120;

/// Fetches the page, or gives up when `stop` resolves.
pub(super) async fn run(budget: Budget, args: Args, stop: impl Future<Output = ()>) -> Outcome {
    let mut stop = pin!(stop);
    tokio::select! {
        biased;
        () = &mut stop => Outcome::new(Status::Cancelled, "stopped by the person", "stopped"),
        answer = fetch(budget, args) => answer.into(),
    }
}

async fn fetch(budget: Budget, args: Args) -> Result<Answer, Failure> {
    let mut url = understand(&args.url)?;
    let client = client().map_err(|err| unreachable(&url, &err))?;
    for _ in 0..REDIRECTS {
        let response = client.get(url.clone()).header(ACCEPT, "text/html, text/*, */*;q=0.5");
        let response = response.send().await.map_err(|err| unreachable(&url, &err))?;
        let Some(next) = redirected(&url, &response)? else {
            let page = read(&url, response).await?;
            let first = args.start_line.map_or(1, |it| it.max(1) as usize);
            // A page may be made to take for ever; what is not waited for ends with the program.
            let text = tokio::task::spawn_blocking(move || page.text());
            let text = tokio::time::timeout(PATIENCE, text).await.ok().and_then(Result::ok);
            let text = text.unwrap_or_else(|| Err(unreadable("cannot be turned into text")))?;
            return show(&url, &text, first, budget);
        };
        url = next;
    }
    Err(Failure::new(format!("`{}` redirects again and again", args.url), "redirects"))
}

/// An address of the web whose host is written in one way only.
fn understand(given: &str) -> Result<Url, Failure> {
    let refused = |reason: String| Failure::new(reason, "no such address");
    let whole = match given.contains("://") {
        true => given.trim().to_owned(),
        false => format!("https://{}", given.trim()),
    };
    let url = Url::parse(&whole).map_err(|err| refused(format!("`{given}` is no URL: {err}")))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(refused(format!("`{given}`: only http and https can be fetched")));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refused(format!("`{given}` holds a name or a password; give it without")));
    }
    // A rule was judged by what was written, so that has to be what is asked.
    let written = whole.split_once("://").map_or("", |(_, it)| it);
    let written = &written[..written.find(['/', '?', '#', '\\']).unwrap_or(written.len())];
    let host = url.host_str().unwrap_or_default();
    let port = url.port().map(|it| format!(":{it}")).unwrap_or_default();
    let default = url.port_or_known_default().map(|it| format!(":{it}")).unwrap_or_default();
    let same = |port: &str| written.eq_ignore_ascii_case(&format!("{host}{port}"));
    if !same(&port) && !same(&default) {
        return Err(refused(format!("`{given}` means the host `{host}`; write it so")));
    }
    match Host::parse(host) {
        Ok(_) => Ok(url),
        Err(reason) => Err(refused(reason)),
    }
}

/// The host and the port that a call asks, if its address can be understood: what a rule is about.
pub(crate) fn asked_by(url: &str) -> Option<(String, u16)> {
    let url = understand(url).ok()?;
    Some((url.host_str()?.to_owned(), url.port_or_known_default()?))
}

/// Never to a proxy of the environment, and to each name only where it may lead.
fn client() -> reqwest::Result<reqwest::Client> {
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| {
        // Fails when a provider is set already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
    reqwest::Client::builder()
        .no_proxy()
        .timeout(PATIENCE)
        .redirect(redirect::Policy::none())
        .user_agent(concat!("agent/", env!("CARGO_PKG_VERSION")))
        .dns_resolver(Outwards)
        .build()
}

/// Finds the addresses of a name, but for those of this machine: a name is in somebody else's
/// hands. `localhost` is not.
#[derive(Clone, Debug)]
struct Outwards;

impl Resolve for Outwards {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let name = name.as_str();
            let found = tokio::net::lookup_host((name, 0)).await?;
            let may_be = |it: &SocketAddr| name == "localhost" || is_public_enough(it.ip());
            let found: Vec<SocketAddr> = found.filter(may_be).collect();
            if found.is_empty() {
                return Err("the name leads to this machine".into());
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// Where the page is instead, if it is on the same host.
fn redirected(url: &Url, response: &Response) -> Result<Option<Url>, Failure> {
    if !response.status().is_redirection() {
        return Ok(None);
    }
    let location = response.headers().get(LOCATION).and_then(|it| it.to_str().ok());
    let Some(next) = location.and_then(|it| url.join(it).ok()) else { return Ok(None) };
    let next = understand(next.as_str())?;
    let is_same = next.host_str() == url.host_str()
        && next.port_or_known_default() == url.port_or_known_default();
    // From http to https of one host nothing is lost.
    let is_upgrade = next.host_str() == url.host_str()
        && (url.scheme(), next.scheme()) == ("http", "https")
        && (url.port(), next.port()) == (None, None);
    if is_same && next.scheme() == url.scheme() || is_upgrade {
        return Ok(Some(next));
    }
    let text = format!("`{url}` redirects to another place: `{next}`. Fetch that if you want it.");
    Err(Failure::new(text, "redirected"))
}

/// What came, and what it says it is.
struct Page {
    kind: String,
    bytes: Vec<u8>,
    is_cut: bool,
}

async fn read(url: &Url, mut response: Response) -> Result<Page, Failure> {
    let status = response.status();
    if !status.is_success() {
        let reason = status.canonical_reason().unwrap_or_default().to_lowercase();
        let text = format!("`{url}` answers {} {reason}", status.as_u16());
        return Err(Failure::new(text, "no such page"));
    }
    let kind = response.headers().get(CONTENT_TYPE).and_then(|it| it.to_str().ok());
    let kind = kind.unwrap_or("text/plain").to_ascii_lowercase();
    let (mut bytes, mut is_cut) = (Vec::new(), false);
    while let Some(more) = response.chunk().await.map_err(|err| unreachable(url, &err))? {
        let room = LARGEST - bytes.len();
        bytes.extend_from_slice(&more[..more.len().min(room)]);
        if room < more.len() {
            is_cut = true;
            break;
        }
    }
    Ok(Page { kind, bytes, is_cut })
}

impl Page {
    fn text(&self) -> Result<String, Failure> {
        let is_html = self.kind.contains("html");
        let is_text = is_html
            || self.kind.starts_with("text/")
            || ["json", "xml", "javascript", "yaml", "toml"]
                .iter()
                .any(|it| self.kind.contains(it));
        if !is_text || self.bytes.iter().take(8000).any(|it| *it == 0) {
            let kind = self.kind.split(';').next().unwrap_or_default();
            return Err(unreadable(&format!("is {kind}, {} bytes, not text", self.bytes.len())));
        }
        let mut text = match is_html {
            true => html_text(&self.bytes)?,
            false => String::from_utf8_lossy(&self.bytes).into_owned(),
        };
        if self.is_cut {
            text += &format!(
                "\n[the page is longer than {} MiB; the rest is left out]\n",
                LARGEST >> 20
            );
        }
        Ok(text)
    }
}

/// Links stand as numbers, with a list of them at the end.
fn html_text(bytes: &[u8]) -> Result<String, Failure> {
    if DEEPEST < depth(bytes) {
        return Err(unreadable("is nested too deep to be read"));
    }
    let text = String::from_utf8_lossy(bytes);
    let plain = html2text::config::plain().link_footnotes(true).no_link_wrapping();
    let plain = plain.allow_width_overflow().no_table_borders();
    plain.string_from_read(text.as_bytes(), WIDTH).map_err(|_| unreadable("is not readable HTML"))
}

/// How deep elements stand in each other, about: those that need no end tag are not counted.
fn depth(html: &[u8]) -> usize {
    let open_ended: [&[u8]; 26] = [
        b"area", b"base", b"br", b"col", b"dd", b"dt", b"embed", b"hr", b"img", b"input", b"li",
        b"link", b"meta", b"option", b"p", b"param", b"rp", b"rt", b"source", b"tbody", b"td",
        b"th", b"thead", b"tr", b"track", b"wbr",
    ];
    let (mut depth, mut deepest) = (0_usize, 0);
    for tag in html.split(|it| *it == b'<').skip(1) {
        let is_end = tag.first() == Some(&b'/');
        let name = &tag[usize::from(is_end)..];
        let length = name.iter().position(|it| !it.is_ascii_alphanumeric()).unwrap_or(name.len());
        let name = name[..length].to_ascii_lowercase();
        if name.is_empty() || open_ended.contains(&name.as_slice()) {
            continue;
        }
        depth = if is_end { depth.saturating_sub(1) } else { depth + 1 };
        deepest = deepest.max(depth);
    }
    deepest
}

fn show(url: &Url, text: &str, first: usize, budget: Budget) -> Result<Answer, Failure> {
    let total = text.lines().count();
    if total == 0 {
        return Ok(Answer { text: "[the page is empty]\n".to_owned(), gist: "empty".to_owned() });
    }
    if total < first {
        let text = format!("`{url}` has only {}", count(total, "line"));
        return Err(Failure::new(text, "no such lines"));
    }
    let (mut shown, taken) = budget.take(text.lines().skip(first - 1).map(str::to_owned));
    let last = first + taken - 1;
    if last < total {
        let next = last + 1;
        shown +=
            &format!("[cut: lines {first} to {last} of {total}; go on with start_line {next}]\n");
    }
    Ok(Answer { text: shown, gist: count(taken, "line") })
}

fn unreadable(reason: &str) -> Failure {
    Failure::new(format!("the page {reason}"), "not text")
}

fn unreachable(url: &Url, err: &reqwest::Error) -> Failure {
    let mut reason: &dyn std::error::Error = err;
    while let Some(source) = reason.source() {
        reason = source;
    }
    let reason = reason.to_string().to_lowercase();
    Failure::new(format!("cannot fetch `{url}`: {reason}"), "not reached")
}

#[cfg(test)]
mod tests;
