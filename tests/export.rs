//! A session taken elsewhere: as JSON for programs, as a page for people, with no secrets in it.
#![cfg(target_os = "linux")]

mod support;

use std::path::{Path, PathBuf};
use std::time::Duration;

use expect_test::expect;
use serde_json::{Value, json};

use crate::support::child::Finished;
use crate::support::fault_server::FaultServer;
use crate::support::home::Home;
use crate::support::response::{Response, call, say};

const LAST_WORDS: &str = "\
Done. `total` adds **all** lines now:

```rust
/// The sum of a basket, in cents.
fn total(basket: &[u32]) -> u32 {
    basket.iter().sum() // was: first only
}
```

| case | before | after |
|---|--:|--:|
| empty | 0 | 0 |
| two | 3 | 7 |

1. See <https://doc.rust-lang.org/std/iter/trait.Iterator.html#method.sum>
2. A [bad](javascript:document.title='pwned') link, a picture: ![dog](TRAP/dog.png)

<img src=x onerror=\"document.title='pwned'\"><script>document.title='pwned'</script>
";

/// A session with a bit of everything, some of it hostile; `trap` is where nobody must go.
fn held(home: &Home, trap: &str) {
    home.file("project/shop.rs", "fn total(b: &[u32]) -> u32 {\n    b[0]\n}\n");
    let listing: String = (1..=120).map(|it| format!("line {it} of a long file\n")).collect();
    home.file("project/long.txt", &listing);
    let thinking = "The user wants the sum. I look at the file first.";
    let read = Response::stream()
        .reasoning(thinking)
        .text("I look at it.")
        .call("read_file", &json!({"paths": ["shop.rs", "long.txt"]}))
        .finish("tool_calls");
    let edits = json!([{"old": "    b[0]", "new": "    b.iter().sum()"}]);
    let edit = call("edit_file", json!({"path": "shop.rs", "edits": edits}));
    let missing =
        call("read_file", json!({"paths": ["</details><script>document.title='pwned'</script>"]}));
    let script = vec![read, edit, missing, say(&LAST_WORDS.replace("TRAP", trap))];
    let prompt =
        format!("mend total() </title><script src={trap}/x.js></script> \u{202e}now\u{1b}[31m");
    home.agent(&[&prompt]).server(&FaultServer::script(script)).run().assert_code(0);
    let server = FaultServer::script(vec![say("You are welcome.")]);
    home.agent(&["-c", "thanks, <b>that</b> is all"]).server(&server).run().assert_code(0);
}

fn export(home: &Home, args: &[&str]) -> Finished {
    home.agent(&[&["sessions", "export"], args].concat()).run()
}

#[test]
fn a_program_reads_one_document() {
    let home = Home::new();
    held(&home, "http://127.0.0.1:9");
    let exported = export(&home, &["--format", "json"]);
    exported.assert_code(0);
    assert!(!exported.stdout.contains(['\u{202e}', '\u{1b}']));
    let document: Value = serde_json::from_str(&exported.stdout).unwrap();
    let names: Vec<_> = document.as_object().unwrap().keys().cloned().collect();
    expect!["format version session title project agent models began ended requests usage damage entries"]
        .assert_eq(&names.join(" "));
    assert_eq!((&document["format"], &document["version"]), (&json!("agent-session"), &json!(1)));
    assert_eq!(document["requests"], 5);
    assert_eq!(document["usage"]["read"], 500);
    assert_eq!(document["damage"], Value::Null);
    let entries = document["entries"].as_array().unwrap();
    let kinds: Vec<_> = entries.iter().map(|it| it["kind"].as_str().unwrap()).collect();
    expect!["opened prompt reply started result reply started result reply started result reply prompt reply"]
        .assert_eq(&kinds.join(" "));
    assert!(entries.iter().all(|it| it["at"].as_u64() >= document["began"].as_u64()));
    assert_eq!(
        entries[1]["text"].as_str().unwrap().chars().filter(|it| *it == '\u{202e}').count(),
        1
    );
    assert_eq!(entries[2]["calls"][0]["tool"], "read_file");
}

#[test]
fn the_name_of_the_file_says_what_it_holds() {
    let home = Home::new();
    held(&home, "http://127.0.0.1:9");
    for (name, start) in [
        ("s.json", "{\n"),
        ("s.html", "<!doctype html>"),
        ("s.HTM", "<!doctype html>"),
        ("s.md", "# "),
        ("s", "# "),
    ] {
        export(&home, &["-o", name]).assert_code(0);
        let text = home.read(&format!("project/{name}"));
        assert!(text.starts_with(start), "{name}: {text}");
    }
    export(&home, &["-o", "t.md", "--format", "json"]).assert_code(0);
    assert!(home.read("project/t.md").starts_with('{'));
    export(&home, &["-o", "s.html"]).assert_code(1);
}

#[test]
fn secrets_are_in_no_form_of_it() {
    let home = Home::new();
    let key = ["ghp", "_", &"A1b2C3d4".repeat(5)].concat();
    let path = home.path("home").display().to_string();
    let words = format!("push with {key}; DB_PASSWORD=hunter2; see {path}/notes; and open-sesame");
    let write = call("run_command", json!({"command": format!("true {key} {path}")}));
    let script = vec![write, say(&format!("Pushed with {key}."))];
    home.agent(&[&words]).server(&FaultServer::script(script)).run().assert_code(0);
    for format in ["md", "json", "html"] {
        let export = |args: &[&str]| {
            let args = [&["sessions", "export", "--format", format], args].concat();
            let exported = home.agent(&args).env("OTHER_TOKEN", "open-sesame").run();
            exported.assert_code(0);
            exported.stdout
        };
        let (open, closed) = (export(&[]), export(&["--redact"]));
        for secret in [&*key, "hunter2", "open-sesame"] {
            assert!(open.contains(secret), "{format}: {open}");
            assert!(!closed.contains(secret), "{format}: {closed}");
        }
        assert!(closed.contains("see ~/notes"), "{format}: {closed}");
        assert!(closed.contains("[redacted]"));
    }
}

/// Loudly left out where the system has none: it is no part of the program.
#[test]
fn a_browser_shows_the_page_and_asks_nobody_for_anything() {
    let Some(browser) = browser() else {
        eprintln!("NOT RUN: there is no Chromium, so no browser has seen the page of a session");
        return;
    };
    let home = Home::new();
    let trap = FaultServer::script(vec![say("nobody should be here")]);
    held(&home, &trap.url());
    export(&home, &["-o", "s.html"]).assert_code(0);
    let page = format!("file://{}", home.path("project/s.html").display());
    let profile = format!("--user-data-dir={}", home.path("run/profile").display());
    let args = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--no-first-run",
        "--disable-component-update",
        "--disable-background-networking",
        "--enable-logging=stderr",
        &profile,
        "--window-size=1000,1800",
    ];
    let open = |more: &[&str]| {
        let args = [&args[..], more, &[&*page]].concat();
        let opened = home.program(&browser, &args).within(Duration::from_secs(120)).run();
        opened.assert_code(0);
        assert!(!opened.stderr.contains("CONSOLE"), "{}", opened.stderr);
        opened.stdout
    };
    let dom = open(&["--dump-dom"]);
    let title = dom.split_once("<title>").unwrap().1.split_once("</title>").unwrap().0;
    assert!(title.starts_with("mend total()") && !dom.contains("<script"), "{dom}");
    for (element, count) in
        [("<section", 2), ("<details", 4), ("<table", 1), ("<img", 0), ("<nav", 1)]
    {
        assert_eq!(dom.matches(element).count(), count, "{element} in {dom}");
    }
    assert!(dom.contains("<span class=\"k\">fn</span>") && dom.contains("<span class=\"add\">"));
    let picture = home.path("project/s.png");
    open(&[&format!("--screenshot={}", picture.display())]);
    assert!(std::fs::read(&picture).unwrap().starts_with(b"\x89PNG"));
    assert_eq!(trap.requests().len(), 0);
}

#[expect(clippy::disallowed_methods, reason = "the tests stand where `cli` stands")]
fn browser() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<_> = std::env::split_paths(&path).collect();
    ["chromium", "chromium-browser", "google-chrome"]
        .iter()
        .find_map(|name| folders.iter().map(|it| it.join(name)).find(|it| Path::is_file(it)))
}
