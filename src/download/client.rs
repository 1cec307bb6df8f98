//! Who asks: one set of connections, and our rules for redirects, waiting and trying again.

use std::ops::Range;
use std::sync::OnceLock;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::header::{ACCEPT, ACCEPT_ENCODING, HeaderMap, LOCATION, RANGE};
use reqwest::{Method, NoProxy, Proxy, Response, StatusCode, Url};

use crate::download::headers::{content_range, packed_as, wait};
use crate::download::pace::Pace;
use crate::download::redirect::Path;
use crate::download::retry::retry_after;
use crate::download::{Answer, Ask, DownloadError, Options};

/// Bytes of a refusal that are looked at for its reason.
const REASON: u64 = 16 * 1024;

pub(crate) struct Client {
    options: Options,
    plain: reqwest::Client,
    /// Made when it is needed: reading the system's certificates costs more than a small file.
    secure: OnceLock<reqwest::Client>,
}

/// Which redirects are followed.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Follow {
    All,
    /// Those that stay at the host without naming it, as for something that was renamed.
    Relative,
}

/// An answer whose body is still to come.
pub(super) struct Opened {
    pub(super) response: Response,
    /// How it was found.
    pub(super) path: Path,
}

impl Opened {
    pub(super) fn url(&self) -> &Url {
        self.path.here()
    }

    pub(super) fn headers(&self) -> &HeaderMap {
        self.response.headers()
    }
}

impl Client {
    pub(crate) fn new(options: &Options) -> Result<Self, DownloadError> {
        // Fails when a provider is set already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let plain = builder(options)?.tls_certs_only([]).build().map_err(setup)?;
        Ok(Self { options: options.clone(), plain, secure: OnceLock::new() })
    }

    pub(super) fn options(&self) -> &Options {
        &self.options
    }

    /// A small document of at most `ask.most` bytes.
    pub(crate) async fn get(&self, ask: &Ask) -> Result<Answer, DownloadError> {
        self.patiently(|| self.document(Method::GET, ask, Follow::All, None)).await
    }

    /// What is said of a document. Leads only where a relative redirect leads: where else it lies is
    /// in `Answer::location`.
    pub(crate) async fn head(&self, ask: &Ask) -> Result<Answer, DownloadError> {
        self.patiently(|| self.document(Method::HEAD, ask, Follow::Relative, None)).await
    }

    /// These bytes of a file, or as many of them as it has.
    pub(crate) async fn range(&self, ask: &Ask, bytes: Range<u64>) -> Result<Bytes, DownloadError> {
        let answer =
            self.patiently(|| self.document(Method::GET, ask, Follow::All, Some(bytes.clone())));
        let answer = answer.await?;
        let host = host_of(&answer.url);
        match answer.status {
            206 => {}
            // A server that knows no ranges has sent the beginning of it all.
            200 => {
                let at = |it: u64| usize::try_from(it).unwrap_or(usize::MAX).min(answer.body.len());
                return Ok(answer.body.slice(at(bytes.start)..at(bytes.end)));
            }
            // The file ends before.
            416 => return Ok(Bytes::new()),
            status => {
                return Err(refused(host, status, &answer.headers, &answer.body));
            }
        }
        let got = content_range(&answer.headers);
        let is_it = got.as_ref().is_some_and(|it| {
            it.bytes.start == bytes.start
                && it.bytes.end <= bytes.end
                && it.bytes.end - it.bytes.start == answer.body.len() as u64
        });
        if !is_it {
            return Err(wrong_bytes(host, &bytes, got.map(|it| it.bytes)));
        }
        Ok(answer.body)
    }

    /// Tries until there is an answer, or until trying again is vain.
    async fn patiently<T, F>(&self, mut attempt: impl FnMut() -> F) -> Result<T, DownloadError>
    where
        F: Future<Output = Result<T, DownloadError>>,
    {
        let mut failures = 0;
        loop {
            let err = match attempt().await {
                Ok(answer) => return Ok(answer),
                Err(err) => err,
            };
            failures += 1;
            match retry_after(&err, failures, self.options.pause, fastrand::f64()) {
                Some(pause) => tokio::time::sleep(pause).await,
                None => return Err(err),
            }
        }
    }

    async fn document(
        &self,
        method: Method,
        ask: &Ask,
        follow: Follow,
        bytes: Option<Range<u64>>,
    ) -> Result<Answer, DownloadError> {
        let mut headers = HeaderMap::new();
        let mut most = ask.most;
        if let Some(bytes) = &bytes {
            headers.insert(RANGE, range_header(bytes));
            most = bytes.end;
        }
        let path = Path::from(&ask.url).map_err(DownloadError::NoAddress)?;
        let has_body = method == Method::GET;
        let opened = self.open(method, ask, path, follow, &headers).await?;
        let (url, host) = (opened.url().clone(), host_of(opened.url()));
        let (status, headers) = (opened.response.status().as_u16(), opened.headers().clone());
        let body = if has_body {
            if let Some(coding) = packed_as(&headers) {
                return Err(DownloadError::Packed { host, coding: coding.to_owned() });
            }
            // Who knows no ranges sends it all, of which the beginning will do.
            let may_be_cut = bytes.is_some() && status == 200;
            self.body(opened.response, host, most, may_be_cut).await?
        } else {
            Bytes::new()
        };
        Ok(Answer { status, headers, body, url })
    }

    /// Asks once and follows redirects. What passes by waiting is an error, any other status is not.
    pub(super) async fn open(
        &self,
        method: Method,
        ask: &Ask,
        mut path: Path,
        follow: Follow,
        headers: &HeaderMap,
    ) -> Result<Opened, DownloadError> {
        loop {
            let here = path.here().clone();
            let host = host_of(&here);
            let mut request = self.connections_to(&here)?.request(method.clone(), here);
            request = request.headers(headers.clone()).header(ACCEPT_ENCODING, "identity");
            if let Some(accept) = ask.accept {
                request = request.header(ACCEPT, accept);
            }
            if let Some(token) = ask.token.as_ref().filter(|_| path.has_token()) {
                request = request.bearer_auth(token.secret());
            }
            let patience = self.options.patience;
            let response = match tokio::time::timeout(patience, request.send()).await {
                Ok(Ok(response)) => response,
                Ok(Err(err)) => return Err(unreachable(host, &err)),
                Err(_) => return Err(DownloadError::Silent { host, bytes: 0, within: patience }),
            };
            let status = response.status();
            if matches!(status.as_u16(), 408 | 425 | 429 | 500 | 502 | 503 | 504) {
                let wait = wait(response.headers());
                return Err(DownloadError::Busy { host, status: status.as_u16(), wait });
            }
            let location = location_of(&response);
            match location {
                Some(it) if follow == Follow::All || is_relative(&it) => {
                    path.follow(&it).map_err(|reason| DownloadError::Misled { host, reason })?;
                }
                _ => return Ok(Opened { response, path }),
            }
        }
    }

    /// The whole of a body, which is small.
    async fn body(
        &self,
        mut response: Response,
        host: String,
        most: u64,
        may_be_cut: bool,
    ) -> Result<Bytes, DownloadError> {
        let mut body = BytesMut::new();
        let mut pace = Pace::new(self.options.patience);
        while let Some(bytes) = pace.next(&mut response, &host).await? {
            body.extend_from_slice(&bytes);
            if most < body.len() as u64 {
                if may_be_cut {
                    break;
                }
                return Err(DownloadError::TooLarge { host, most });
            }
        }
        Ok(body.freeze())
    }

    /// What a server says that said no.
    pub(super) async fn refusal(&self, opened: Opened) -> DownloadError {
        let host = host_of(opened.url());
        let (status, headers) = (opened.response.status().as_u16(), opened.headers().clone());
        let body = self.body(opened.response, host.clone(), REASON, true).await;
        refused(host, status, &headers, &body.unwrap_or_default())
    }

    fn connections_to(&self, url: &Url) -> Result<&reqwest::Client, DownloadError> {
        if url.scheme() == "http" {
            return Ok(&self.plain);
        }
        if let Some(client) = self.secure.get() {
            return Ok(client);
        }
        let client = builder(&self.options)?.build().map_err(setup)?;
        Ok(self.secure.get_or_init(|| client))
    }
}

fn builder(options: &Options) -> Result<reqwest::ClientBuilder, DownloadError> {
    let mut builder = reqwest::Client::builder()
        .no_proxy()
        .user_agent(&options.user_agent)
        .connect_timeout(options.patience.min(Duration::from_secs(15)))
        .redirect(reqwest::redirect::Policy::none());
    let direct = || options.proxies.none.as_deref().and_then(NoProxy::from_string);
    if let Some(proxy) = &options.proxies.http {
        builder = builder.proxy(Proxy::http(proxy).map_err(setup)?.no_proxy(direct()));
    }
    if let Some(proxy) = &options.proxies.https {
        builder = builder.proxy(Proxy::https(proxy).map_err(setup)?.no_proxy(direct()));
    }
    Ok(builder)
}

fn setup(err: reqwest::Error) -> DownloadError {
    DownloadError::Setup(innermost(&err))
}

fn location_of(response: &Response) -> Option<String> {
    use StatusCode as Is;
    let status = response.status();
    let leads = [Is::MOVED_PERMANENTLY, Is::FOUND, Is::SEE_OTHER, Is::TEMPORARY_REDIRECT];
    if !leads.contains(&status) && status != Is::PERMANENT_REDIRECT {
        return None;
    }
    Some(response.headers().get(LOCATION)?.to_str().ok()?.to_owned())
}

fn is_relative(location: &str) -> bool {
    location.starts_with('/') && !location.starts_with("//")
}

pub(super) fn range_header(bytes: &Range<u64>) -> reqwest::header::HeaderValue {
    let text = format!("bytes={}-{}", bytes.start, bytes.end.saturating_sub(1));
    text.parse().expect("digits can stand in a header")
}

pub(super) fn wrong_bytes(
    host: String,
    asked: &Range<u64>,
    got: Option<Range<u64>>,
) -> DownloadError {
    let words = |it: &Range<u64>| format!("bytes {} to {}", it.start, it.end);
    let got = got.as_ref().map_or("bytes it does not name".to_owned(), words);
    DownloadError::WrongBytes { host, asked: words(asked), got }
}

pub(super) fn host_of(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or(host.to_owned(), |port| format!("{host}:{port}"))
}

fn unreachable(host: String, err: &reqwest::Error) -> DownloadError {
    let reason = innermost(err);
    if err.is_connect() {
        DownloadError::Unreachable { host, reason }
    } else {
        DownloadError::Broken { host, reason }
    }
}

/// The reason behind the reasons.
pub(super) fn innermost(err: &(dyn std::error::Error + 'static)) -> String {
    let mut inner = err;
    while let Some(source) = inner.source() {
        inner = source;
    }
    inner.to_string()
}

/// A server's own words for its refusal: a header of the hub's, a field of JSON, or a line of text.
fn refused(host: String, status: u16, headers: &HeaderMap, body: &[u8]) -> DownloadError {
    #[derive(serde::Deserialize)]
    struct Body {
        #[serde(alias = "message")]
        error: String,
    }
    let header = |name: &str| Some(headers.get(name)?.to_str().ok()?.to_owned());
    let line = || {
        let text = String::from_utf8_lossy(body);
        let line = text.trim().lines().next().unwrap_or_default().to_owned();
        let is_text = !line.is_empty() && !line.starts_with('<') && line.len() < 300;
        is_text.then_some(line)
    };
    let said = serde_json::from_slice::<Body>(body).ok().map(|it| it.error);
    let message = header("x-error-message").or(said).or_else(line);
    let message = message.unwrap_or_else(|| "no reason given".to_owned());
    DownloadError::Refused { host, status, code: header("x-error-code"), message }
}
