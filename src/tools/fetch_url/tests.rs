//! Pages of a server on loopback, as a model reads them.

use std::io::{Read, Write};
use std::net::TcpListener;

use expect_test::{Expect, expect};

use super::*;

/// Fetches `path` from a server that answers each path with a page of its own.
fn fetched(pages: &'static [(&str, &str)], path: &str, budget: usize) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut asked = Vec::new();
            let mut buffer = [0; 1024];
            while !asked.ends_with(b"\r\n\r\n") {
                let n = stream.read(&mut buffer).unwrap_or_default();
                if n == 0 {
                    break;
                }
                asked.extend_from_slice(&buffer[..n]);
            }
            let asked = String::from_utf8_lossy(&asked);
            let path = asked.split(' ').nth(1).unwrap_or_default();
            let page = pages.iter().find(|(it, _)| *it == path).map_or("404\n\n", |(_, page)| page);
            let (head, body) = page.split_once("\n\n").unwrap();
            let head = head.replace("PORT", &port.to_string()).replace('\n', "\r\n");
            let _ = write!(stream, "HTTP/1.1 {head}\r\nConnection: close\r\n\r\n{body}");
        }
    });
    let args = Args { url: format!("http://127.0.0.1:{port}{path}"), start_line: None };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let outcome = runtime.block_on(run(Budget(budget), args, std::future::pending()));
    let text = format!("{:?} ({})\n{}", outcome.status, outcome.gist, outcome.text);
    text.replace(&port.to_string(), "PORT").trim_end().to_owned() + "\n"
}

#[track_caller]
fn check(pages: &'static [(&str, &str)], expected: Expect) {
    expected.assert_eq(&fetched(pages, pages[0].0, 10_000));
}

#[test]
fn a_page_of_html_is_read_as_text() {
    check(
        &[(
            "/",
            "200 OK\nContent-Type: text/html\n\n<html><head><title>T</title><script>evil()</script>\
             <style>p{}</style></head><body><h1>Heading</h1><p>Words and <a href=\"/x\">a link</a>.</p>\
             <pre>let x = 1;\nlet y;</pre><table><tr><td>a</td><td>b</td></tr></table></body>",
        )],
        expect![[r#"
            Done (10 lines)
            # Heading

            Words and [a link][1].

            let x = 1;
            let y;

            a b

            [1]: /x
        "#]],
    );
}

#[test]
fn other_text_is_read_as_it_is() {
    check(
        &[("/", "200 OK\nContent-Type: application/json\n\n{\"a\": 1}")],
        expect![[r#"
        Done (1 line)
        {"a": 1}
    "#]],
    );
}

#[test]
fn what_is_no_text_is_named() {
    check(
        &[("/", "200 OK\nContent-Type: image/png\n\n\u{1}")],
        expect![[r#"
        Failed (not text)
        the page is image/png, 1 bytes, not text
    "#]],
    );
    check(
        &[("/", "200 OK\nContent-Type: text/plain\n\na\0b")],
        expect![[r#"
        Failed (not text)
        the page is text/plain, 3 bytes, not text
    "#]],
    );
}

#[test]
fn a_page_that_is_not_there_is_told() {
    check(
        &[("/", "404 Not Found\n\n")],
        expect![[r#"
        Failed (no such page)
        `http://127.0.0.1:PORT/` answers 404 not found
    "#]],
    );
}

#[test]
fn a_redirect_is_followed_on_the_same_host_only() {
    check(
        &[("/a", "302 Found\nLocation: /b\n\n"), ("/b", "200 OK\nContent-Type: text/plain\n\nb\n")],
        expect![[r#"
            Done (1 line)
            b
        "#]],
    );
    check(
        &[("/", "302 Found\nLocation: http://evil.example/x\n\n")],
        expect![[r#"
        Failed (redirected)
        `http://127.0.0.1:PORT/` redirects to another place: `http://evil.example/x`. Fetch that if you want it.
    "#]],
    );
    check(
        &[("/", "302 Found\nLocation: file:///etc/passwd\n\n")],
        expect![[r#"
        Failed (no such address)
        `file:///etc/passwd`: only http and https can be fetched
    "#]],
    );
    check(
        &[("/", "302 Found\nLocation: /\n\n")],
        expect![[r#"
        Failed (redirects)
        `http://127.0.0.1:PORT/` redirects again and again
    "#]],
    );
}

#[test]
fn a_long_page_is_cut_and_says_how_to_go_on() {
    let page = &[("/", "200 OK\nContent-Type: text/plain\n\none\ntwo\nthree\n")];
    expect![[r#"
        Done (2 lines)
        one
        two
        [cut: lines 1 to 2 of 3; go on with start_line 3]
    "#]]
    .assert_eq(&fetched(page, "/", 8));
}

#[test]
fn deep_nesting_does_no_harm() {
    let deep = |it: usize| html_text(("<div>".repeat(it) + "x").as_bytes());
    assert_eq!(deep(900).unwrap().trim(), "x");
    assert_eq!(deep(500_000).unwrap_err().text, "the page is nested too deep to be read");
    let list = html_text(("<ul>".to_owned() + &"<li>x".repeat(5000)).as_bytes());
    assert_eq!(list.unwrap().matches('x').count(), 5000);
}

#[test]
fn an_address_that_can_be_read_in_two_ways_is_not_asked() {
    let refused =
        |it: &str| understand(it).map_or_else(|it| it.text, |it| format!("{it} is fetched"));
    let given = [
        "example.org/a",
        "https://example.org:8443/?q#f",
        "ftp://example.org",
        "file:///etc/passwd",
        "http://user:secret@example.org/",
        "http://example.org./",
        "http://2130706433/",
        "http://0x7f.1/",
        "http://[::1]/",
        "http://",
        "https://exa mple.org",
    ];
    expect![[r#"
        https://example.org/a is fetched
        https://example.org:8443/?q#f is fetched
        `ftp://example.org`: only http and https can be fetched
        `file:///etc/passwd`: only http and https can be fetched
        `http://user:secret@example.org/` holds a name or a password; give it without
        `example.org.` is no host name of letters, digits, `-` and single dots
        `http://2130706433/` means the host `127.0.0.1`; write it so
        `http://0x7f.1/` means the host `127.0.0.1`; write it so
        http://[::1]/ is fetched
        `http://` is no URL: empty host
        `https://exa mple.org` is no URL: invalid international domain name"#]]
    .assert_eq(&given.map(refused).join("\n"));
    let judged = given.map(asked_by).into_iter().flatten();
    expect![[r#"
        example.org 443
        example.org 8443
        [::1] 80
    "#]]
    .assert_eq(&judged.map(|(host, port)| format!("{host} {port}\n")).collect::<String>());
}

#[test]
fn a_name_does_not_lead_to_this_machine() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let found = runtime.block_on(Outwards.resolve("localhost".parse().unwrap()));
    assert!(found.is_ok());
}
