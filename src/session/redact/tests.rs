//! What goes, and what stays.

use proptest::prelude::*;

use super::*;
use crate::conversation::{Call, Changed};
use crate::session::record::tests::entry;

fn secrets() -> Secrets {
    let variables = [("HF_TOKEN", "correct-horse"), ("PATH", "/usr/local/bin"), ("PIN_TOKEN", "1")];
    Secrets::new(Some(Path::new("/h/me")), variables)
}

#[track_caller]
fn check(text: &str, expected: &str) {
    assert_eq!(secrets().text(text), expected);
}

/// Put together here, so that nobody who looks for lost keys finds one.
fn token(start: &str, length: usize) -> String {
    format!("{start}{}", "A1b2C3d4".repeat(9).split_at(length).0)
}

#[test]
fn a_token_is_known_by_its_beginning() {
    for (start, length) in [
        ("ghp_", 36),
        ("gho_", 36),
        ("github_pat_", 60),
        ("glpat-", 20),
        ("sk-", 48),
        ("sk-proj-", 48),
        ("sk-ant-api03-", 60),
        ("gsk_", 48),
        ("xai-", 60),
        ("hf_", 34),
        ("sk_live_", 24),
        ("xoxb-", 40),
        ("AIza", 35),
        ("npm_", 36),
        ("pypi-", 60),
        ("cio", 32),
        ("SG.A1b2C3d4A1b2C3d4.", 40),
        ("dckr_pat_", 27),
        ("hvs.", 24),
        ("123456789:AA", 33),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.", 43),
    ] {
        check(&format!("a {} b", token(start, length)), "a [redacted] b");
    }
    check(&format!("id {}IOSFODNN7EXAMPLE.", "AKIA"), "id [redacted].");
    check(&format!("{}{}", "AGE-SECRET-KEY-1", "Q".repeat(58)), "[redacted]");
}

#[test]
fn a_private_key_goes_to_its_end_or_to_the_end_of_all() {
    let begin = ["-----BEGIN ", "PRIVATE KEY-----"].concat();
    let rsa = ["-----BEGIN RSA ", "PRIVATE KEY-----"].concat();
    let end = "-----END PRIVATE KEY-----";
    check(&format!("1\t{begin}\n2\tMIIB\n3\t{end}\n4\tx"), "1\t[redacted]\n4\tx");
    check(&format!("{rsa}\nMIIB and no more"), "[redacted]");
    let public = "-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----";
    check(public, public);
}

#[test]
fn what_is_assigned_to_a_secret_name_goes() {
    check("DB_PASSWORD=hunter2", "DB_PASSWORD=[redacted]");
    check("3\tAPI_KEY=\"a b c\"\n", "3\tAPI_KEY=\"[redacted]\"\n");
    check("export AWS_SECRET_ACCESS_KEY='x/y+z'", "export AWS_SECRET_ACCESS_KEY='[redacted]'");
    check("password: correcthorse", "password: [redacted]");
    check(r#"{"client_secret": "abc", "id": 1}"#, r#"{"client_secret": "[redacted]", "id": 1}"#);
    check(r#"{\"token\":\"abc\"}"#, r#"{\"token\":\"[redacted]\"}"#);
    check("let api_key = \"abc\";", "let api_key = \"[redacted]\";");
    check("'apiKey' => 'abc',", "'apiKey' => '[redacted]',");
    check("DATABASE_URL=postgres://u:p@h/d", "DATABASE_URL=[redacted]");
    check("GITHUB_TOKEN := abc", "GITHUB_TOKEN := [redacted]");
    check("PASSWORD=any-thing", "PASSWORD=[redacted]");
    check("PASSWORD='$ecret'", "PASSWORD='[redacted]'");
    check("token = \"correct-horse and more\"", "token = \"[redacted]\"");
}

#[test]
fn what_is_no_secret_stays() {
    for text in [
        "max_tokens=4096",
        "tokens: 512",
        "fn token(&self) -> String",
        "password: String,",
        "password: &str",
        "token = next_token()",
        "API_KEY=$OTHER",
        "api_key: ${{ secrets.KEY }}",
        "secret = os.environ[\"X\"]",
        "token = None",
        "see https://example.org/a?b=c and ssh://git@example.org/x",
        "risk-free and task-list",
        "keyboard: qwerty",
        "commit 3b18e512dba79e4c8300dd08aeb37f8e728b8dad",
    ] {
        check(text, text);
    }
}

#[test]
fn passwords_in_addresses_headers_and_commands_go() {
    check("https://me:s3cret@example.org/x", "https://me:[redacted]@example.org/x");
    check("redis://:s3cret@host:1", "redis://:[redacted]@host:1");
    check("Authorization: Bearer abc.def", "Authorization: Bearer [redacted]");
    check("-H 'authorization: Basic YTpi'", "-H 'authorization: Basic [redacted]'");
    check("X-Api-Key: abc", "X-Api-Key: [redacted]");
    check("login --password hunter2 -v", "login --password [redacted] -v");
    check("curl -u me:pw https://x", "curl -u [redacted] https://x");
    check("machine h login me password pw", "machine h login me password [redacted]");
    check("Set-Cookie: a=b; HttpOnly\nnext", "Set-Cookie: [redacted]\nnext");
}

#[test]
fn what_this_machine_knows_goes() {
    check("it says correct-horse", "it says [redacted]");
    check("1 and /usr/local/bin", "1 and /usr/local/bin");
    check("/h/me/p, /h/me and /h/media", "~/p, ~ and /h/media");
    assert_eq!(Secrets::new(Some(Path::new("/")), []).text("/etc"), "/etc");
}

#[test]
fn arguments_stay_json() {
    let args = r#"{"path":"/h/me/.env","content":"TOKEN=\"abc\"\nX=1","password":"pw","n":2}"#;
    let expected =
        r#"{"path":"~/.env","content":"TOKEN=\"[redacted]\"\nX=1","password":"[redacted]","n":2}"#;
    assert_eq!(secrets().arguments(args), expected);
    assert_eq!(secrets().arguments(r#"{"token": "abc"#), r#"{"token": "[redacted]"#);
}

/// Each place of a session where words can stand.
#[test]
fn nothing_is_left_anywhere() {
    let key = token("ghp_", 36);
    let text = || format!("key {key}");
    let call = Call { id: "1".into(), tool: "t".into(), args: format!("{{\"a\":\"{key}\"}}") };
    let mut outcome = Outcome::new(crate::conversation::Status::Done, text(), text());
    outcome.notices.push(text());
    let condensed =
        crate::conversation::Condensed { summary: text(), kept: 0, usage: Default::default() };
    let reply = Reply {
        text: text(),
        spoken: text(),
        reasoning: text(),
        calls: vec![call.clone()],
        ..Reply::default()
    };
    let decided = |decision| Entry::Decided { call: "1".into(), decision };
    let entries = vec![
        Entry::Opened { system: text() },
        Entry::Prompt(text()),
        Entry::Reply(reply),
        decided(Decision::Always(text())),
        decided(Decision::Denied(text())),
        decided(Decision::Changed(Changed { call: call.clone(), left_out: text() }.into())),
        Entry::Result { call: "1".into(), outcome },
        Entry::Note(text()),
        Entry::Condensed(condensed),
    ];
    let held = Held { title: text(), project: Some("/h/me/p".into()), entries, ..Held::default() };
    let shown = format!("{:?}", secrets().taken_from(held));
    assert!(!shown.contains(&key), "{shown}");
    assert!(!shown.contains("/h/me"), "{shown}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_session_can_be_redacted_and_twice_is_once(entry in entry(), text in ".{0,200}") {
        let secrets = secrets();
        let once = secrets.entry(entry);
        prop_assert_eq!(secrets.entry(once.clone()), once);
        let near = format!("{text} password = \"{text}\" /h/me{text} https://a:{text}@b -----BEGIN PRIVATE KEY-----{text}");
        secrets.text(&near);
    }
}
