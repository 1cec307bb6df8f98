//! The one way out of a confined command: a proxy that lets named hosts pass.
//!
//! The command has no network but its own loopback. There, at a port of ours, this proxy answers:
//! the listening socket was made inside and handed out to us, so what connects comes from the
//! command, and what goes on from here is judged by name first.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;

use crate::sandbox::Gate;
use crate::sandbox::host::{Host, HostRule, Target, is_covered, may_mean};

/// The port of the proxy on the loopback of a command.
pub(super) const PORT: u16 = 3128;

/// The most bytes before the end of a request's head.
const HEAD: usize = 64 * 1024;

/// How long to wait for a host that does not answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// How many connections of one command are answered at a time: each costs the agent two
/// descriptors, of which it needs some itself.
const CONNECTIONS: usize = 128;

/// How long to wait when the system has no descriptor left.
const RESPITE: Duration = Duration::from_millis(50);

/// A proxy at work. Dropping it ends all that goes through it.
#[derive(Debug)]
pub(super) struct Serving(AbortHandle);

impl Serving {
    /// Must be called in a runtime.
    pub(super) fn start(listener: std::net::TcpListener, gate: Gate) -> io::Result<Self> {
        let listener = TcpListener::from_std(listener)?;
        Ok(Self(tokio::spawn(serve(listener, gate)).abort_handle()))
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// What tells programs of the proxy.
pub(super) fn variables() -> [(&'static str, String); 8] {
    let proxy = format!("http://127.0.0.1:{PORT}");
    let none = "localhost,127.0.0.1,::1".to_owned();
    [
        ("HTTP_PROXY", proxy.clone()),
        ("HTTPS_PROXY", proxy.clone()),
        ("ALL_PROXY", proxy.clone()),
        ("NO_PROXY", none.clone()),
        ("http_proxy", proxy.clone()),
        ("https_proxy", proxy.clone()),
        ("all_proxy", proxy),
        ("no_proxy", none),
    ]
}

/// Answers until it is dropped.
async fn serve(listener: TcpListener, gate: Gate) {
    let mut connections = tokio::task::JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept(), if connections.len() < CONNECTIONS => match accepted {
                Ok((stream, _)) => {
                    let gate = gate.clone();
                    connections.spawn(async move {
                        // Who asked sees that the connection ends.
                        let _ = answer(stream, &gate).await;
                    });
                }
                // No descriptor is left: one that ends gives one back.
                Err(_) => tokio::time::sleep(RESPITE).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn answer(mut stream: TcpStream, gate: &Gate) -> io::Result<()> {
    let rules = gate.rules();
    let received = receive_head(&mut stream).await?;
    let Request { target, head, rest } = match understand(&received) {
        Ok(request) => request,
        Err(reason) => return refuse(&mut stream, "400 Bad Request", &reason).await,
    };
    if !is_covered(rules, &target) {
        gate.turn_away(target.to_string());
        let reason = format!("{target} is not among the hosts that the user allows");
        return refuse(&mut stream, "403 Forbidden", &reason).await;
    }
    let mut there = match connect(rules, &target).await {
        Ok(there) => there,
        Err(err) => {
            let reason = format!("cannot reach {target}: {err}");
            return refuse(&mut stream, "502 Bad Gateway", &reason).await;
        }
    };
    match head {
        Some(head) => there.write_all(&head).await?,
        None => stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await?,
    }
    there.write_all(rest).await?;
    tokio::io::copy_bidirectional(&mut stream, &mut there).await?;
    Ok(())
}

/// All that came up to the end of the head, and maybe more.
async fn receive_head(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut received = Vec::new();
    loop {
        if 0 == stream.read_buf(&mut received).await? {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let searched = received.windows(4).any(|it| it == b"\r\n\r\n");
        if searched || HEAD < received.len() {
            return Ok(received);
        }
    }
}

/// What a client asks of the proxy.
#[derive(Debug, PartialEq)]
struct Request<'a> {
    target: Target,
    /// What the host is to be sent first; `None` if the client wants to speak to it itself.
    head: Option<Vec<u8>>,
    rest: &'a [u8],
}

fn understand(received: &[u8]) -> Result<Request<'_>, String> {
    let mut headers = [httparse::EMPTY_HEADER; 100];
    let mut request = httparse::Request::new(&mut headers);
    let length = match request.parse(received) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return Err("the head of the request is too long".into()),
        Err(err) => return Err(format!("this is no HTTP request: {err}")),
    };
    let rest = &received[length..];
    let (method, path) = (request.method.unwrap_or_default(), request.path.unwrap_or_default());
    if method == "CONNECT" {
        return Ok(Request { target: Target::parse(path)?, head: None, rest });
    }
    let Some(after_scheme) = path.strip_prefix("http://") else {
        return Err("a proxy is asked for `http://…`, or by CONNECT".to_owned());
    };
    let end = after_scheme.find(['/', '?', '#']).unwrap_or(after_scheme.len());
    let (authority, path) = after_scheme.split_at(end);
    let has_port = authority.rfind(':') > authority.rfind(']');
    let target = if has_port {
        Target::parse(authority)?
    } else {
        Target { host: Host::parse(authority)?, port: 80 }
    };
    let slash = if path.starts_with('/') { "" } else { "/" };
    let mut head = format!("{method} {slash}{path} HTTP/1.1\r\nHost: {authority}\r\n").into_bytes();
    for header in request.headers.iter() {
        // The host is the one that was judged; what is said to a proxy stays here; and the next
        // request shall be judged, too.
        let ours = ["host", "connection", "proxy-connection", "proxy-authorization", "keep-alive"];
        if !ours.iter().any(|it| header.name.eq_ignore_ascii_case(it)) {
            head.extend_from_slice(header.name.as_bytes());
            head.extend_from_slice(b": ");
            head.extend_from_slice(header.value);
            head.extend_from_slice(b"\r\n");
        }
    }
    head.extend_from_slice(b"Connection: close\r\n\r\n");
    Ok(Request { target, head: Some(head), rest })
}

/// To the first of the addresses of the host that may be meant and answers.
async fn connect(rules: &[HostRule], target: &Target) -> io::Result<TcpStream> {
    let addresses: Vec<SocketAddr> = match &target.host {
        Host::Address(address) => vec![SocketAddr::new(*address, target.port)],
        Host::Name(name) => tokio::net::lookup_host((name.as_str(), target.port)).await?.collect(),
    };
    let mut failed = io::Error::other("the name has no address that may be connected to");
    for address in addresses {
        if !may_mean(rules, target, address.ip()) {
            continue;
        }
        match tokio::time::timeout(PATIENCE, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(err)) => failed = err,
            Err(_) => failed = io::ErrorKind::TimedOut.into(),
        }
    }
    Err(failed)
}

async fn refuse(stream: &mut TcpStream, status: &str, reason: &str) -> io::Result<()> {
    let answer = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{reason}\n",
        reason.len() + 1
    );
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown().await
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use tokio::task::LocalSet;

    use super::*;

    #[track_caller]
    fn check_head(head: &str, expected: Expect) {
        let understood = match understand(head.as_bytes()) {
            Ok(Request { target, head, rest }) => format!(
                "{target}\n{}{}",
                String::from_utf8_lossy(&head.unwrap_or_default()).replace('\r', ""),
                String::from_utf8_lossy(rest)
            ),
            Err(reason) => reason,
        };
        expected.assert_eq(understood.trim_end());
    }

    #[test]
    fn a_plain_request_is_sent_on_to_the_host_that_was_judged() {
        check_head(
            "POST http://OK.com/a?b HTTP/1.1\r\nHost: evil.com\r\nProxy-Authorization: x\r\nX-A: 1\r\nConnection: keep-alive\r\n\r\nbody",
            expect![[r#"
                ok.com:80
                POST /a?b HTTP/1.1
                Host: OK.com
                X-A: 1
                Connection: close

                body"#]],
        );
        check_head(
            "GET http://[::1]:8080?q HTTP/1.1\r\n\r\n",
            expect![[r#"
                [::1]:8080
                GET /?q HTTP/1.1
                Host: [::1]:8080
                Connection: close"#]],
        );
    }

    #[test]
    fn a_tunnel_names_its_host_and_port() {
        check_head(
            "CONNECT ok.com:443 HTTP/1.1\r\n\r\nhello",
            expect![[r#"
            ok.com:443
            hello"#]],
        );
        check_head("CONNECT ok.com HTTP/1.1\r\n\r\n", expect!["`ok.com` names no port"]);
    }

    #[test]
    fn what_is_no_request_to_a_proxy_is_told() {
        check_head(
            "GET / HTTP/1.1\r\n\r\n",
            expect!["a proxy is asked for `http://…`, or by CONNECT"],
        );
        check_head("\x16\x03\x01\r\n\r\n", expect!["this is no HTTP request: invalid token"]);
        check_head(
            "GET http://ok.com@evil.com/ HTTP/1.1\r\n\r\n",
            expect!["`ok.com@evil.com` is no host name of letters, digits, `-` and single dots"],
        );
    }

    /// Speaks to a proxy with these rules, behind which an upstream answers `upstream`.
    fn talk(rules: &[&str], say: impl Fn(u16) -> String) -> (String, Vec<String>) {
        let rules: Vec<_> = rules.iter().map(|it| HostRule::parse(it).unwrap()).collect();
        let gate = Gate::new(&rules).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        LocalSet::new().block_on(&runtime, async {
            let upstream = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let port = upstream.local_addr().unwrap().port();
            tokio::task::spawn_local(async move {
                while let Ok((mut stream, _)) = upstream.accept().await {
                    let mut taken = Vec::new();
                    while !taken.ends_with(b"\n") && 0 < stream.read_buf(&mut taken).await.unwrap()
                    {
                    }
                    stream.write_all(b"upstream").await.unwrap();
                }
            });
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let proxy = listener.local_addr().unwrap();
            let _serving = Serving::start(listener.into_std().unwrap(), gate.clone()).unwrap();
            let mut stream = TcpStream::connect(proxy).await.unwrap();
            stream.write_all(say(port).as_bytes()).await.unwrap();
            let mut heard = String::new();
            stream.read_to_string(&mut heard).await.unwrap();
            let hide = |it: &str| it.replace(&port.to_string(), "PORT").replace('\r', "");
            let lines = heard.lines().filter(|it| !it.starts_with("Content-Length"));
            let heard = lines.map(|it| format!("{it}\n")).collect::<String>();
            (hide(&heard), gate.turned_away().iter().map(|it| hide(it)).collect())
        })
    }

    #[track_caller]
    fn check(rules: &[&str], say: impl Fn(u16) -> String, expected: Expect) {
        let (heard, turned) = talk(rules, say);
        expected.assert_eq(&format!("{heard}turned away: {turned:?}"));
    }

    #[test]
    fn a_host_on_the_list_is_reached() {
        check(
            &["127.0.0.1:*"],
            |port| format!("GET http://127.0.0.1:{port}/ HTTP/1.1\r\n\r\n"),
            expect![[r#"
                upstream
                turned away: []"#]],
        );
        check(
            &["localhost:*"],
            |port| format!("CONNECT localhost:{port} HTTP/1.1\r\n\r\nhello\n"),
            expect![[r#"
                HTTP/1.1 200 Connection established

                upstream
                turned away: []"#]],
        );
    }

    #[test]
    fn a_host_that_is_not_on_the_list_is_not_and_is_told_of() {
        check(
            &["ok.com"],
            |port| format!("CONNECT 127.0.0.1:{port} HTTP/1.1\r\n\r\n"),
            expect![[r#"
                HTTP/1.1 403 Forbidden
                Content-Type: text/plain; charset=utf-8
                Connection: close

                127.0.0.1:PORT is not among the hosts that the user allows
                turned away: ["127.0.0.1:PORT"]"#]],
        );
    }
}
