//! Where a redirect may lead: pure rules.

use reqwest::Url;

/// How often a request may be sent elsewhere.
pub(super) const MOST: usize = 10;

/// The places a request has been sent to so far, and whether its token still goes with it.
#[derive(Clone, Debug)]
pub(super) struct Path {
    seen: Vec<Url>,
    has_token: bool,
}

impl Path {
    /// Fails with a reason for what is no address of a web server.
    pub(super) fn from(url: &str) -> Result<Self, String> {
        let url = Url::parse(url).map_err(|err| format!("`{url}` is no address: {err}"))?;
        is_web(&url)?;
        Ok(Self { seen: vec![url], has_token: true })
    }

    pub(super) fn here(&self) -> &Url {
        self.seen.last().expect("a path has a start")
    }

    /// Whether it has only been at the host that was asked.
    pub(super) fn has_token(&self) -> bool {
        self.has_token
    }

    pub(super) fn is_redirected(&self) -> bool {
        1 < self.seen.len()
    }

    /// Goes on to where `location` points; fails with a reason.
    pub(super) fn follow(&mut self, location: &str) -> Result<(), String> {
        let from = self.here();
        let to = from.join(location).map_err(|err| format!("`{location}` is no address: {err}"))?;
        is_web(&to)?;
        if from.scheme() == "https" && to.scheme() != "https" {
            return Err(format!("it leads from https to `{}`, which anybody can read", place(&to)));
        }
        if self.seen.contains(&to) {
            return Err(format!("it goes round in circles at `{}`", place(&to)));
        }
        if MOST < self.seen.len() {
            return Err(format!("it leads elsewhere {MOST} times and does not end"));
        }
        // A token that has been left behind does not come back.
        self.has_token &= from.origin() == to.origin();
        self.seen.push(to);
        Ok(())
    }
}

/// An address as it may be shown: what stands behind the `?` often gives access.
pub(super) fn place(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    let port = url.port().map(|it| format!(":{it}")).unwrap_or_default();
    format!("{}://{host}{port}{}", url.scheme(), url.path())
}

fn is_web(url: &Url) -> Result<(), String> {
    let shown = place(url);
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
        return Err(format!("`{}:` is not an address of a web server", url.scheme()));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(format!("`{shown}` is written with a user name, which could hide its host"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    /// Follows each location in turn; tells where it ends, and `*` if the token is still with it.
    #[track_caller]
    fn check(start: &str, locations: &[&str], expected: Expect) {
        let told = (|| {
            let mut path = Path::from(start)?;
            for location in locations {
                path.follow(location)?;
            }
            let token = if path.has_token() { " *" } else { "" };
            Ok::<_, String>(format!("{}{token}", path.here()))
        })();
        expected.assert_eq(&told.unwrap_or_else(|it| it));
    }

    #[test]
    fn a_token_stays_with_its_host() {
        check("https://hub/a", &["/b"], expect!["https://hub/b *"]);
        check("https://hub/a", &["https://cdn/b"], expect!["https://cdn/b"]);
        check("https://hub/a", &["https://hub:444/b"], expect!["https://hub:444/b"]);
        check("https://hub/a", &["//cdn/b"], expect!["https://cdn/b"]);
    }

    #[test]
    fn a_token_that_was_left_behind_does_not_come_back() {
        check("https://hub/a", &["https://cdn/b", "https://hub/c"], expect!["https://hub/c"]);
    }

    #[test]
    fn what_is_private_stays_private() {
        check(
            "https://hub/a",
            &["http://hub/a?sig=1"],
            expect!["it leads from https to `http://hub/a`, which anybody can read"],
        );
        check("http://127.0.0.1:1/a", &["http://127.0.0.1:2/b"], expect!["http://127.0.0.1:2/b"]);
        check("http://hub/a", &["https://hub/a"], expect!["https://hub/a"]);
    }

    #[test]
    fn only_web_servers_are_asked() {
        check(
            "https://hub/a",
            &["file:///etc/passwd"],
            expect!["`file:` is not an address of a web server"],
        );
        check("ftp://hub/a", &[], expect!["`ftp:` is not an address of a web server"]);
        check(
            "https://hub/a",
            &["https://hub@evil/"],
            expect!["`https://evil/` is written with a user name, which could hide its host"],
        );
    }

    #[test]
    fn circles_and_long_ways_end() {
        check(
            "https://hub/a",
            &["/b", "/a"],
            expect!["it goes round in circles at `https://hub/a`"],
        );
        let far: Vec<_> = (0..20).map(|it| format!("/{it}")).collect();
        let far: Vec<_> = far.iter().map(String::as_str).collect();
        check("https://hub/a", &far, expect!["it leads elsewhere 10 times and does not end"]);
    }
}
