//! The page of a session, and what hostile words make of it.

use expect_test::expect;
use proptest::prelude::*;

use super::*;
use crate::conversation::Changed;
use crate::session::record::tests::entry;

fn held(entries: Vec<Entry>) -> Held {
    let times = (0..entries.len() as u64).map(|it| 1_700_000_000_000 + it * 60_000).collect();
    Held {
        title: "mend <it>".into(),
        project: Some("/home/me/shop".into()),
        entries,
        times,
        ..Held::default()
    }
}

fn call(tool: &str, args: &str) -> Call {
    Call { id: "1".into(), tool: tool.into(), args: args.into() }
}

fn main_of(page: &str) -> &str {
    let (_, main) = page.split_once("<body>\n").unwrap();
    main.split_once("</body>").unwrap().0
}

#[test]
fn a_session_is_a_page() {
    let usage = Usage { cached: 1000, read: 12_345, written: 7, read_ms: 900.0, written_ms: 100.0 };
    let edit = r#"{"path":"a.rs","edits":[{"old":"1","new":"2"}]}"#;
    let entries = vec![
        Entry::Opened { system: "not shown".into() },
        Entry::Prompt("mend <it>\nplease".into()),
        Entry::Reply(Reply {
            text: "I **look**.".into(),
            reasoning: "Hm.".into(),
            calls: vec![call("edit_file", edit)],
            usage,
            model: "m.gguf".into(),
            ..Reply::default()
        }),
        Entry::Result {
            call: "1".into(),
            outcome: Outcome::new(Status::Done, "Edited.\n@@ -1 +1 @@\n-1\n+2\n", "+1 -1"),
        },
        Entry::Reply(Reply { text: "Done.".into(), ..Reply::default() }),
        Entry::Prompt("thanks".into()),
        Entry::Stopped(crate::conversation::Stop::Cancelled),
    ];
    expect![[r##"
        <header>
        <h1 dir="auto">mend &lt;it&gt;</h1>
        <dl>
        <div><dt>Project</dt><dd>shop</dd></div>
        <div><dt>Model</dt><dd>m.gguf</dd></div>
        <div><dt>Began</dt><dd>2023-11-14 22:13 UTC</dd></div>
        <div><dt>Requests</dt><dd>1</dd></div>
        <div><dt>Tokens</dt><dd>12 345 read, 1 000 from the cache, 7 written</dd></div>
        <div><dt>Time of the model</dt><dd>1.0 s</dd></div>
        </dl>
        </header>
        <nav aria-label="Prompts">
        <ol>
        <li><a href="#prompt-1" dir="auto">mend &lt;it&gt;</a></li>
        <li><a href="#prompt-2" dir="auto">thanks</a></li>
        </ol>
        </nav>
        <main>
        <section id="prompt-1">
        <div class="prompt">
        <h2>You <a href="#prompt-1"><time>2023-11-14 22:14 UTC</time></a></h2>
        <p dir="auto">mend &lt;it&gt;
        please</p>
        </div>
        <details class="thought"><summary>Thought</summary>
        <pre>Hm.</pre>
        </details>
        <div class="reply" dir="auto">
        <p>I <strong>look</strong>.</p>
        </div>
        <details class="call" open><summary><b>edit_file</b> <code>a.rs</code> <span>+1 -1</span></summary>
        <div class="argument"><i>path</i> <code>a.rs</code></div>
        <pre>Edited.
        <span class="h">@@ -1 +1 @@
        </span><span class="del">-1
        </span><span class="add">+2</span></pre>
        </details>
        <div class="reply" dir="auto">
        <p>Done.</p>
        </div>
        </section>
        <section id="prompt-2">
        <div class="prompt">
        <h2>You <a href="#prompt-2"><time>2023-11-14 22:18 UTC</time></a></h2>
        <p dir="auto">thanks</p>
        </div>
        <p class="remark" dir="auto">stopped</p>
        </section>
        </main>
    "##]].assert_eq(main_of(&page(&held(entries))));
}

#[test]
fn the_page_says_that_nothing_may_be_loaded_or_run() {
    let page = page(&held(vec![]));
    assert!(page.contains("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\">"));
    for reach in ["<script", "<link", "@import", "url(", "src=", "<iframe"] {
        assert!(!page.contains(reach), "{reach}");
    }
    assert!(!page.contains("/home/me"), "the way to the project is nobody's business");
}

/// Words that would like to be something else, in each place where words can stand.
#[test]
fn hostile_words_are_words() {
    for evil in [
        "</script><script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "</pre></details></style><style>*{display:none}</style>",
        "\"><svg onload=alert(1)>",
        "' onmouseover='alert(1)",
        "[x](javascript:alert(1))",
        "<!--",
        "<a href=\"javascript:alert(1)\">x</a>",
    ] {
        let args = serde_json::json!({"path": evil, evil: evil, "content": format!("{evil}\n")});
        let mut outcome = Outcome::new(Status::Failed, evil, evil);
        outcome.notices.push(evil.into());
        let summary = evil.to_owned();
        let entries = vec![
            Entry::Prompt(evil.into()),
            Entry::Prompt(evil.into()),
            Entry::Reply(Reply {
                text: evil.into(),
                reasoning: evil.into(),
                calls: vec![call(evil, &args.to_string())],
                model: evil.into(),
                ..Reply::default()
            }),
            Entry::Result { call: "1".into(), outcome },
            Entry::Decided { call: "1".into(), decision: Decision::Denied(evil.into()) },
            Entry::Decided {
                call: "1".into(),
                decision: Decision::Changed(
                    Changed { call: call(evil, evil), left_out: String::new() }.into(),
                ),
            },
            Entry::Decided {
                call: "1".into(),
                decision: Decision::Changed(
                    Changed { call: call("x", "{}"), left_out: evil.into() }.into(),
                ),
            },
            Entry::Note(evil.into()),
            Entry::Condensed(Condensed { summary, kept: 0, usage: Usage::default() }),
        ];
        let project = Some(format!("/p/{}", evil.replace('/', "")).into());
        let held = Held { title: evil.into(), project, ..held(entries) };
        check_elements(&page(&held));
    }
}

/// Only elements that we make, with only attributes that we set.
#[track_caller]
fn check_elements(page: &str) {
    for part in page.split('<').skip(1) {
        let tag = part.split('>').next().unwrap_or_default().to_lowercase();
        let name = tag.trim_start_matches('/').split([' ', '\n']).next().unwrap_or_default();
        let ours = [
            "!doctype",
            "html",
            "head",
            "meta",
            "title",
            "style",
            "body",
            "header",
            "h1",
            "h2",
            "dl",
            "div",
            "dt",
            "dd",
            "nav",
            "ol",
            "ul",
            "li",
            "a",
            "main",
            "section",
            "time",
            "p",
            "details",
            "summary",
            "b",
            "i",
            "code",
            "pre",
            "span",
            "h3",
            "h4",
            "h5",
            "h6",
            "em",
            "strong",
            "del",
            "blockquote",
            "hr",
            "br",
            "table",
            "thead",
            "tbody",
            "tr",
            "th",
            "td",
            "input",
        ];
        assert!(ours.contains(&name), "`{tag}`");
        for event in [" on", "javascript:", " src"] {
            let is_outside_of_values = tag.split('"').step_by(2).any(|it| it.contains(event));
            assert!(!is_outside_of_values, "`{tag}`");
        }
        assert!(!tag.contains("href=\"javascript"), "`{tag}`");
    }
    let [opened, closed] = ["<details", "</details"].map(|it| page.matches(it).count());
    assert_eq!(opened, closed);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_session_is_a_page(entries in prop::collection::vec(entry(), 0..6)) {
        check_elements(&page(&held(entries)));
    }
}
