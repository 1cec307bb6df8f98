//! Who is let in: pure functions of what a request says of itself.
//!
//! A server at a fixed address of this machine can be reached by every program on it, and by every
//! page that a browser shows. The key keeps out the first. A page is kept out twice more: by the
//! address it comes from, and by the name it called us by, for a name can be made to lead here.

use std::net::IpAddr;

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Refusal {
    /// It was sent to a name that is not ours.
    Host,
    /// It was sent by a page of somebody else.
    Origin,
    Key,
}

/// What is looked at.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Caller<'a> {
    pub(super) host: Option<&'a str>,
    pub(super) origin: Option<&'a str>,
    /// `Sec-Fetch-Site`, which no page can forge.
    pub(super) site: Option<&'a str>,
    pub(super) authorization: Option<&'a str>,
    pub(super) api_key: Option<&'a str>,
}

impl Refusal {
    pub(super) fn status(self) -> u16 {
        match self {
            Self::Host | Self::Origin => 403,
            Self::Key => 401,
        }
    }

    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Host => "this server is called by its address or `localhost`, by no other name",
            Self::Origin => "pages of browsers are not served",
            Self::Key => "the key is missing or wrong; `agent server status --key` shows it",
        }
    }
}

/// Whether a page, or somebody who does not call us by our address, may be heard at all.
pub(super) fn at_the_gate(caller: &Caller<'_>) -> Result<(), Refusal> {
    if !caller.host.is_some_and(is_address) {
        return Err(Refusal::Host);
    }
    let is_foreign = |it: &str| !it.split_once("://").is_some_and(|(_, it)| is_loopback(it));
    let is_from_elsewhere = |it: &str| !matches!(it, "none" | "same-origin" | "same-site");
    if caller.origin.is_some_and(is_foreign) || caller.site.is_some_and(is_from_elsewhere) {
        return Err(Refusal::Origin);
    }
    Ok(())
}

pub(super) fn has_key(caller: &Caller<'_>, key: &str) -> Result<(), Refusal> {
    let bearer = caller.authorization.and_then(|it| {
        let (scheme, token) = it.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    });
    let shown = bearer.or(caller.api_key).unwrap_or_default();
    if is_same(shown.as_bytes(), key.as_bytes()) { Ok(()) } else { Err(Refusal::Key) }
}

/// In a time that does not tell how much of it was right.
fn is_same(shown: &[u8], key: &[u8]) -> bool {
    let differs = shown.iter().zip(key).fold(0, |all, (a, b)| all | (a ^ b));
    !key.is_empty() && shown.len() == key.len() && std::hint::black_box(differs) == 0
}

/// A number leads nowhere else, whoever says it; a name may lead anywhere.
fn is_address(authority: &str) -> bool {
    let host = host_of(authority);
    host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok()
}

fn is_loopback(authority: &str) -> bool {
    let host = host_of(authority);
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<IpAddr>().is_ok_and(|it| it.is_loopback())
}

/// Of `[::1]:80`, `127.0.0.1:80` or `localhost`, the part before the port.
fn host_of(authority: &str) -> &str {
    if let Some(rest) = authority.strip_prefix('[') {
        return rest.split_once(']').map_or(rest, |(host, _)| host);
    }
    authority.split_once(':').map_or(authority, |(host, _)| host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn gate(host: &str, origin: Option<&str>, expected: Result<(), Refusal>) {
        let caller = Caller { host: Some(host), origin, ..Caller::default() };
        assert_eq!(at_the_gate(&caller), expected, "{host} {origin:?}");
    }

    #[test]
    fn it_is_called_by_its_address() {
        for host in ["localhost", "LOCALHOST:7435", "127.0.0.1:7435", "[::1]:7435", "192.168.1.7"] {
            gate(host, None, Ok(()));
        }
    }

    /// S21: a name that leads here is not ours.
    #[test]
    fn another_name_is_refused_whatever_it_looks_like() {
        for host in [
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "127.0.0.1@evil.example",
            "[::1",
            "[evil.example]",
            "",
            " localhost",
        ] {
            let expected = if host == "[::1" { Ok(()) } else { Err(Refusal::Host) };
            gate(host, None, expected);
        }
        assert_eq!(at_the_gate(&Caller::default()), Err(Refusal::Host), "no name at all");
    }

    #[test]
    fn a_page_of_this_machine_is_heard_and_no_other() {
        gate("localhost", Some("http://localhost:3000"), Ok(()));
        gate("localhost", Some("http://127.0.0.1"), Ok(()));
        gate("localhost", Some("http://[::1]:3000"), Ok(()));
        for origin in
            ["https://evil.example", "null", "", "http://localhost.evil.example", "file://"]
        {
            gate("localhost", Some(origin), Err(Refusal::Origin));
        }
        // A page in the same network is a page of somebody else.
        gate("192.168.1.7", Some("http://192.168.1.7"), Err(Refusal::Origin));
    }

    #[test]
    fn what_a_browser_says_of_a_page_is_believed() {
        let site = |it| {
            at_the_gate(&Caller { host: Some("localhost"), site: Some(it), ..Caller::default() })
        };
        assert_eq!(site("cross-site"), Err(Refusal::Origin));
        assert_eq!(site("same-origin"), Ok(()));
        assert_eq!(site("none"), Ok(()));
    }

    #[test]
    fn the_key_is_shown_in_either_of_two_ways() {
        let bearer = |it| has_key(&Caller { authorization: Some(it), ..Caller::default() }, "k1");
        let header = |it| has_key(&Caller { api_key: Some(it), ..Caller::default() }, "k1");
        assert_eq!(bearer("Bearer k1"), Ok(()));
        assert_eq!(bearer("bearer  k1"), Ok(()));
        assert_eq!(header("k1"), Ok(()));
        for wrong in ["Bearer k2", "Bearer k", "Bearer k11", "Bearer ", "Basic k1", "k1", ""] {
            assert_eq!(bearer(wrong), Err(Refusal::Key), "{wrong}");
        }
        assert_eq!(header("k2"), Err(Refusal::Key));
        let none = has_key(&Caller::default(), "");
        assert_eq!(none, Err(Refusal::Key), "no key is no key");
    }
}
