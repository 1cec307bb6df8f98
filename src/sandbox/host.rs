//! Which host a name means, and which hosts may be spoken to.
//!
//! A name is understood once, here, and what was understood is what is judged and connected to.
//! Two readers of one name are how `evil\0.example.org` passes a list that holds `example.org`.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A host and the port of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Target {
    pub(super) host: Host,
    pub(super) port: u16,
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Host {
    /// In lower case, letters, digits, `-` and `_` between dots.
    Name(String),
    Address(IpAddr),
}

/// One host of the list: `example.org`, `*.example.org`, `127.0.0.1:8080`, `[::1]:*`.
#[derive(Clone, Debug, Eq, JsonSchema, PartialEq)]
#[schemars(with = "String")]
pub(crate) struct HostRule {
    reach: Reach,
    port: PortRule,
}

#[derive(Clone, Debug, Eq, PartialEq)]
enum Reach {
    Exactly(Host),
    /// Whatever lies below this name; not the name itself.
    Below(String),
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum PortRule {
    /// 80 and 443.
    Web,
    Exactly(u16),
    Any,
}

impl Host {
    /// What is wrong with the name, if it is none.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let refused = |reason: &str| Err(format!("`{}` {reason}", text.escape_debug()));
        if let Some(address) = text.strip_prefix('[') {
            let address = address.strip_suffix(']').and_then(|it| it.parse::<Ipv6Addr>().ok());
            return match address {
                Some(address) => Ok(Self::Address(plain(address))),
                None => refused("is no IPv6 address"),
            };
        }
        if let Ok(address) = text.parse::<Ipv4Addr>() {
            return Ok(Self::Address(address.into()));
        }
        if text.is_empty() || 253 < text.len() {
            return refused("is no host name");
        }
        let is_letter = |it: char| it.is_ascii_alphanumeric() || it == '-' || it == '_';
        if !text.split('.').all(|it| (1..=63).contains(&it.len()) && it.chars().all(is_letter)) {
            return refused("is no host name of letters, digits, `-` and single dots");
        }
        let last = text.rsplit('.').next().unwrap_or_default();
        // `2130706433`, `0x7f.1`: what a resolver may take for an address.
        if last.starts_with(|it: char| it.is_ascii_digit()) {
            return refused("looks like an address, but is none in its usual form");
        }
        Ok(Self::Name(text.to_ascii_lowercase()))
    }
}

impl Target {
    /// `host:port`, as in the first line of a `CONNECT`.
    pub(crate) fn parse(authority: &str) -> Result<Self, String> {
        let (host, port) = split(authority);
        let Some(port) = port.and_then(|it| it.parse().ok()).filter(|it| 0 < *it) else {
            return Err(format!("`{}` names no port", authority.escape_debug()));
        };
        Ok(Self { host: Host::parse(host)?, port })
    }
}

/// An address in its own form: one of IPv4 that is written as one of IPv6 is one of IPv4.
fn plain(address: Ipv6Addr) -> IpAddr {
    address.to_ipv4_mapped().map_or(IpAddr::V6(address), IpAddr::V4)
}

/// The host and the text after the colon that follows it.
fn split(authority: &str) -> (&str, Option<&str>) {
    let from = authority.rfind(']').unwrap_or(0);
    match authority[from..].find(':') {
        Some(at) => (&authority[..from + at], Some(&authority[from + at + 1..])),
        None => (authority, None),
    }
}

impl HostRule {
    /// What is wrong with the rule, if it is none.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if text.contains('/') {
            return Err(format!("`{text}` is no host: hosts are names, without scheme and path"));
        }
        let (host, port) = split(text);
        let port = match port {
            None => PortRule::Web,
            Some("*") => PortRule::Any,
            Some(port) => match port.parse() {
                Ok(port) if 0 < port => PortRule::Exactly(port),
                _ => return Err(format!("`{text}` names no port")),
            },
        };
        let reach = match host.strip_prefix("*.") {
            None => Reach::Exactly(Host::parse(host)?),
            Some(above) => match Host::parse(above)? {
                Host::Name(name) if name.contains('.') => Reach::Below(name),
                _ => return Err(format!("`{text}` is too wide: name at least two labels")),
            },
        };
        Ok(Self { reach, port })
    }

    pub(super) fn covers(&self, target: &Target) -> bool {
        let by_port = match self.port {
            PortRule::Web => matches!(target.port, 80 | 443),
            PortRule::Exactly(port) => port == target.port,
            PortRule::Any => true,
        };
        let by_name = match (&self.reach, &target.host) {
            (Reach::Exactly(host), it) => host == it,
            (Reach::Below(above), Host::Name(name)) => {
                name.strip_suffix(above.as_str()).is_some_and(|it| it.ends_with('.'))
            }
            (Reach::Below(_), Host::Address(_)) => false,
        };
        by_port && by_name
    }

    /// The hosts it covers, with a port where not each is meant: what a rule of permission names.
    pub(crate) fn domains(&self) -> Vec<String> {
        let host = match &self.reach {
            Reach::Exactly(host) => host.to_string(),
            Reach::Below(above) => format!("*.{above}"),
        };
        match self.port {
            PortRule::Web => vec![format!("{host}:80"), format!("{host}:443")],
            PortRule::Exactly(port) => vec![format!("{host}:{port}")],
            PortRule::Any => vec![host],
        }
    }

    /// Whether it names this machine itself, so that a way there is meant.
    fn is_local(&self) -> bool {
        match &self.reach {
            Reach::Exactly(Host::Address(_)) => true,
            Reach::Exactly(Host::Name(name)) => name == "localhost",
            Reach::Below(_) => false,
        }
    }
}

/// Whether one of the rules covers the target. Without rules nothing is covered.
pub(super) fn is_covered(rules: &[HostRule], target: &Target) -> bool {
    rules.iter().any(|it| it.covers(target))
}

/// Whether a name that is covered may also mean this address. A name in somebody else's hands must
/// not become a way to this machine, or to what only its neighbours may ask.
pub(super) fn may_mean(rules: &[HostRule], target: &Target, address: IpAddr) -> bool {
    is_public_enough(address) || rules.iter().any(|it| it.is_local() && it.covers(target))
}

/// Not this machine, and not where clouds keep their secrets.
pub(crate) fn is_public_enough(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(it) => {
            !(it.is_loopback()
                || it.is_unspecified()
                || it.is_link_local()
                || it.is_multicast()
                || it.is_broadcast()
                || it.octets()[0] == 0)
        }
        IpAddr::V6(it) => match plain(it) {
            IpAddr::V4(inner) => is_public_enough(IpAddr::V4(inner)),
            IpAddr::V6(it) => {
                !(it.is_loopback()
                    || it.is_unspecified()
                    || it.is_unicast_link_local()
                    || it.is_multicast())
            }
        },
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Address(IpAddr::V4(address)) => address.fmt(f),
            Self::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
        }
    }
}

impl fmt::Display for HostRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.reach {
            Reach::Exactly(host) => host.fmt(f)?,
            Reach::Below(above) => write!(f, "*.{above}")?,
        }
        match self.port {
            PortRule::Web => Ok(()),
            PortRule::Exactly(port) => write!(f, ":{port}"),
            PortRule::Any => f.write_str(":*"),
        }
    }
}

impl Serialize for HostRule {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for HostRule {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    use super::*;

    /// Each target, and whether the rules let it pass.
    #[track_caller]
    fn check(rules: &[&str], targets: &[&str], expected: Expect) {
        let rules: Vec<_> = rules.iter().map(|it| HostRule::parse(it).unwrap()).collect();
        let judged = targets.iter().map(|it| match Target::parse(it) {
            Ok(target) if is_covered(&rules, &target) => format!("{target} passes\n"),
            Ok(target) => format!("{target} is not covered\n"),
            Err(reason) => format!("{reason}\n"),
        });
        expected.assert_eq(&judged.collect::<String>());
    }

    /// Attack N10.
    #[test]
    fn an_empty_list_lets_nothing_pass() {
        check(
            &[],
            &["example.org:443", "localhost:80"],
            expect![[r#"
                example.org:443 is not covered
                localhost:80 is not covered
            "#]],
        );
    }

    #[test]
    fn a_rule_says_which_hosts_and_ports_it_covers() {
        let domains = |it| HostRule::parse(it).unwrap().domains().join(" ");
        let rules = ["example.org", "*.Example.org", "example.org:8443", "[::1]:*"];
        expect![[r#"
            example.org:80 example.org:443
            *.example.org:80 *.example.org:443
            example.org:8443
            [::1]"#]]
        .assert_eq(&rules.map(domains).join("\n"));
    }

    /// Attack N11.
    #[test]
    fn a_name_is_read_in_one_way_only() {
        check(
            &["ok.com", "*.ok.org"],
            &[
                "ok.com:443",
                "OK.com:80",
                "evil\0.ok.com:443",
                "ok.com.evil:443",
                "evilok.com:443",
                "ok.com.:443",
                "ok..com:443",
                "a.ok.org:443",
                "ok.org:443",
                "evilok.org:443",
                "[::1]:443",
                "[::ffff:1.2.3.4]:80",
                "2130706433:80",
                "0x7f.1:80",
                "127.1:80",
                "ok.com@evil.com:443",
                "ok.com:443:80",
                "ok.com",
                "ok.com:0",
                "ok.com%2eevil:443",
                "оk.com:443",
            ],
            expect![[r#"
                ok.com:443 passes
                ok.com:80 passes
                `evil\0.ok.com` is no host name of letters, digits, `-` and single dots
                ok.com.evil:443 is not covered
                evilok.com:443 is not covered
                `ok.com.` is no host name of letters, digits, `-` and single dots
                `ok..com` is no host name of letters, digits, `-` and single dots
                a.ok.org:443 passes
                ok.org:443 is not covered
                evilok.org:443 is not covered
                [::1]:443 is not covered
                1.2.3.4:80 is not covered
                `2130706433` looks like an address, but is none in its usual form
                `0x7f.1` looks like an address, but is none in its usual form
                `127.1` looks like an address, but is none in its usual form
                `ok.com@evil.com` is no host name of letters, digits, `-` and single dots
                `ok.com:443:80` names no port
                `ok.com` names no port
                `ok.com:0` names no port
                `ok.com%2eevil` is no host name of letters, digits, `-` and single dots
                `оk.com` is no host name of letters, digits, `-` and single dots
            "#]],
        );
    }

    #[test]
    fn another_port_has_to_be_named() {
        check(
            &["a.org", "b.org:8080", "c.org:*", "[::1]:*"],
            &["a.org:22", "b.org:8080", "b.org:443", "c.org:1", "[0:0::1]:5"],
            expect![[r#"
                a.org:22 is not covered
                b.org:8080 passes
                b.org:443 is not covered
                c.org:1 passes
                [::1]:5 passes
            "#]],
        );
    }

    #[test]
    fn a_rule_that_is_none_is_refused() {
        let said = ["", "*", "*.com", "http://a.org", "a.org/x", "a.org:x", "*.1.2.3.4", "a b"];
        let said = said.map(|it| HostRule::parse(it).unwrap_err());
        expect![[r#"
            `` is no host name
            `*` is no host name of letters, digits, `-` and single dots
            `*.com` is too wide: name at least two labels
            `http://a.org` is no host: hosts are names, without scheme and path
            `a.org/x` is no host: hosts are names, without scheme and path
            `a.org:x` names no port
            `*.1.2.3.4` is too wide: name at least two labels
            `a b` is no host name of letters, digits, `-` and single dots"#]]
        .assert_eq(&said.join("\n"));
    }

    #[test]
    fn a_name_that_is_covered_does_not_lead_to_this_machine() {
        let rules = ["ok.com", "localhost:8080", "10.0.0.7"].map(|it| HostRule::parse(it).unwrap());
        let check = |target: &str, address: &str| {
            may_mean(&rules, &Target::parse(target).unwrap(), address.parse().unwrap())
        };
        assert!(check("ok.com:443", "93.184.216.34"));
        assert!(check("ok.com:443", "10.0.0.1"));
        assert!(!check("ok.com:443", "127.0.0.1"));
        assert!(!check("ok.com:443", "169.254.169.254"));
        assert!(!check("ok.com:443", "::ffff:127.0.0.1"));
        assert!(!check("ok.com:443", "0.0.0.0"));
        assert!(check("localhost:8080", "127.0.0.1"));
        assert!(!check("localhost:80", "127.0.0.1"));
        assert!(check("10.0.0.7:80", "10.0.0.7"));
    }

    proptest! {
        #[test]
        fn what_is_understood_is_what_was_written(text in "[a-zA-Z0-9.:\\[\\]*-]{0,24}") {
            if let Ok(target) = Target::parse(&text) {
                let again = Target::parse(&target.to_string());
                prop_assert_eq!(again, Ok(target));
            }
        }

        #[test]
        fn a_rule_is_told_as_it_can_be_written(text in "(\\*\\.)?[a-zA-Z0-9.:\\[\\]-]{0,24}(:\\*)?") {
            if let Ok(rule) = HostRule::parse(&text) {
                let again = HostRule::parse(&rule.to_string());
                prop_assert_eq!(again, Ok(rule));
            }
        }

        #[test]
        fn no_text_makes_it_fail(text in any::<String>()) {
            let _ = (Target::parse(&text), HostRule::parse(&text));
        }
    }
}
