//! Each test is rules, a call, and what becomes of it.

use expect_test::{Expect, expect};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::permission::Asked;

mod commands;
mod sayings;

/// `allow: RULE, RULE; ask: …; deny: …`.
fn permissions(mode: Permission, rules: &str) -> Permissions {
    let mut options = RuleOptions::default();
    for line in rules.split(';').map(str::trim).filter(|it| !it.is_empty()) {
        let (kind, rules) = line.split_once(':').unwrap();
        let rules = rules.split(", ").map(|it| Rule::parse(it).unwrap());
        match kind {
            "allow" => options.allow.extend(rules),
            "ask" => options.ask.extend(rules),
            "deny" => options.deny.extend(rules),
            kind => panic!("no kind {kind:?}"),
        }
    }
    Permissions::new(mode, Path::new("/p"), options, Vec::new())
}

fn effect(tool: &str) -> Effect {
    match tool {
        "read_file" | "search" => Effect::Reads,
        "edit_file" | "write_file" => Effect::Writes,
        "run_command" | "command_output" => Effect::Executes,
        "fetch_url" => Effect::Reaches,
        "ask_user" => Effect::Asks,
        tool => panic!("no tool {tool:?}"),
    }
}

/// Addresses are read in a simple way here; how they really are is for the tool to say.
fn judged(permissions: &Permissions, tool: &str, args: Option<&Value>) -> Verdict {
    let address = args.and_then(|it| it.get("url")?.as_str()?.split_once("://"));
    let asked = address.map(|(scheme, rest)| {
        let authority = rest.split('/').next().unwrap_or_default();
        let default = if scheme == "http" { 80 } else { 443 };
        let (host, port) = authority.split_once(':').unwrap_or((authority, ""));
        Asked { host, port: port.parse().unwrap_or(default) }
    });
    permissions.judge(Act { tool, effect: effect(tool), args, more_paths: Some(&[]), asked })
}

fn shown(permissions: &Permissions, tool: &str, args: Option<&Value>) -> String {
    match judged(permissions, tool, args) {
        Verdict::Allow => "allow".to_owned(),
        Verdict::Ask(Stakes { why, always, .. }) => {
            let why = if why.is_empty() { why } else { format!(": {why}") };
            let always = always.map(|it| format!(" (always: {it})")).unwrap_or_default();
            format!("ask{why}{always}")
        }
        Verdict::Refuse { why, .. } => why,
    }
}

/// `TOOL ARGUMENT` a line, where the argument is the path, the command or the address.
#[track_caller]
fn check(mode: Permission, rules: &str, calls: &str, expected: Expect) {
    let permissions = permissions(mode, rules);
    let line = |line: &str| {
        let (tool, argument) = line.split_once(' ').unwrap_or((line, ""));
        let name = match effect(tool) {
            Effect::Executes if tool == "command_output" => "input",
            Effect::Executes => "command",
            Effect::Reaches => "url",
            _ => "path",
        };
        let args = json!({name: argument.replace("\\n", "\n")});
        format!("{line}\n    {}\n", shown(&permissions, tool, Some(&args)))
    };
    expected.assert_eq(&calls.lines().map(|it| line(it.trim())).collect::<String>());
}

const EACH: &str = "read_file a
    ask_user a
    edit_file a
    run_command touch a
    fetch_url http://a";

#[test]
fn without_rules_the_mode_decides() {
    check(
        Permission::ReadOnly,
        "",
        EACH,
        expect![[r#"
        read_file a
            allow
        ask_user a
            allow
        edit_file a
            Refused: this session may look but not change or run anything.
        run_command touch a
            Refused: this session may look but not change or run anything.
        fetch_url http://a
            Refused: this session may look but not change or run anything.
    "#]],
    );
    check(
        Permission::Ask,
        "",
        EACH,
        expect![[r#"
        read_file a
            allow
        ask_user a
            allow
        edit_file a
            ask (always: edit_file(/a))
        run_command touch a
            ask (always: run_command(touch a))
        fetch_url http://a
            ask (always: fetch_url(domain:a))
    "#]],
    );
    check(
        Permission::Auto,
        "",
        EACH,
        expect![[r#"
        read_file a
            allow
        ask_user a
            allow
        edit_file a
            allow
        run_command touch a
            allow
        fetch_url http://a
            Refused: no rule of the user allows this host. Do without it, or ask the user.
    "#]],
    );
    check(
        Permission::Full,
        "",
        EACH,
        expect![[r#"
        read_file a
            allow
        ask_user a
            allow
        edit_file a
            allow
        run_command touch a
            allow
        fetch_url http://a
            allow
    "#]],
    );
}

#[test]
fn deny_counts_more_than_ask_and_ask_more_than_allow() {
    let rules = "allow: edit_file(src/**); ask: edit_file(src/b*); deny: edit_file(src/bc)";
    let calls = "edit_file src/a\nedit_file src/b\nedit_file src/bc\nedit_file c";
    check(
        Permission::Ask,
        rules,
        calls,
        expect![[r#"
        edit_file src/a
            allow
        edit_file src/b
            ask: the rule `edit_file(src/b*)` wants you to be asked
        edit_file src/bc
            Refused: the user's rules forbid it (`edit_file(src/bc)`).
        edit_file c
            ask (always: edit_file(/c))
    "#]],
    );
    check(
        Permission::Auto,
        rules,
        calls,
        expect![[r#"
        edit_file src/a
            allow
        edit_file src/b
            ask: the rule `edit_file(src/b*)` wants you to be asked
        edit_file src/bc
            Refused: the user's rules forbid it (`edit_file(src/bc)`).
        edit_file c
            allow
    "#]],
    );
    check(
        Permission::Full,
        rules,
        calls,
        expect![[r#"
        edit_file src/a
            allow
        edit_file src/b
            allow
        edit_file src/bc
            Refused: the user's rules forbid it (`edit_file(src/bc)`).
        edit_file c
            allow
    "#]],
    );
    check(
        Permission::ReadOnly,
        rules,
        calls,
        expect![[r#"
        edit_file src/a
            Refused: this session may look but not change or run anything.
        edit_file src/b
            Refused: this session may look but not change or run anything.
        edit_file src/bc
            Refused: the user's rules forbid it (`edit_file(src/bc)`).
        edit_file c
            Refused: this session may look but not change or run anything.
    "#]],
    );
}

/// H04, H08, H10.
#[test]
fn a_path_is_what_it_comes_to() {
    check(
        Permission::Ask,
        "allow: edit_file(src/**); deny: read_file(secrets/**), edit_file(.env)",
        "edit_file ./src/../src//a
         edit_file src/../lib/a
         edit_file /p/src/a
         edit_file /q/src/a
         edit_file src
         read_file secrets/key
         read_file ./x/../secrets//key/
         read_file SECRETS/Key
         read_file /p/secrets/key
         edit_file secrets/key
         search secrets/key
         edit_file config/.ENV
         write_file src/.env",
        expect![[r#"
            edit_file ./src/../src//a
                allow
            edit_file src/../lib/a
                ask (always: edit_file(lib/a))
            edit_file /p/src/a
                allow
            edit_file /q/src/a
                ask
            edit_file src
                ask (always: edit_file(/src))
            read_file secrets/key
                Refused: the user's rules forbid it (`read_file(secrets/**)`).
            read_file ./x/../secrets//key/
                Refused: the user's rules forbid it (`read_file(secrets/**)`).
            read_file SECRETS/Key
                Refused: the user's rules forbid it (`read_file(secrets/**)`).
            read_file /p/secrets/key
                Refused: the user's rules forbid it (`read_file(secrets/**)`).
            edit_file secrets/key
                Refused: the user's rules forbid it (`read_file(secrets/**)`).
            search secrets/key
                Refused: the user's rules forbid it (`read_file(secrets/**)`).
            edit_file config/.ENV
                Refused: the user's rules forbid it (`edit_file(.env)`).
            write_file src/.env
                Refused: the user's rules forbid it (`edit_file(.env)`).
        "#]],
    );
}

#[test]
fn a_rule_with_a_path_speaks_of_the_file_whichever_tool_touches_it() {
    check(
        Permission::Ask,
        "allow: edit_file(src/**); deny: write_file(x)",
        "write_file src/a\nedit_file x\nread_file x",
        expect![[r#"
            write_file src/a
                allow
            edit_file x
                Refused: the user's rules forbid it (`write_file(x)`).
            read_file x
                allow
        "#]],
    );
    check(
        Permission::Ask,
        "allow: read_file(x)",
        "edit_file x",
        expect![[r#"
        edit_file x
            ask (always: edit_file(/x))
    "#]],
    );
    check(
        Permission::Ask,
        "allow: edit_file",
        "edit_file x\nwrite_file x",
        expect![[r#"
        edit_file x
            allow
        write_file x
            ask (always: write_file(/x))
    "#]],
    );
    check(
        Permission::Auto,
        "deny: search; ask: read_file(a)",
        "search a\nread_file a\nread_file b\nedit_file a",
        expect![[r#"
        search a
            Refused: the user's rules forbid it (`search`).
        read_file a
            ask: the rule `read_file(a)` wants you to be asked
        read_file b
            allow
        edit_file a
            ask: the rule `read_file(a)` wants you to be asked
    "#]],
    );
}

#[test]
fn a_host_is_the_one_that_is_named_and_so_is_a_port() {
    check(
        Permission::Auto,
        "allow: fetch_url(domain:example.org), fetch_url(domain:*.rust-lang.org), fetch_url(domain:127.0.0.1:8080)",
        "fetch_url https://example.org/x
         fetch_url https://example.org:8443/
         fetch_url https://example.org.evil.net/
         fetch_url https://evil.net/example.org
         fetch_url https://sub.example.org/
         fetch_url https://doc.rust-lang.org/
         fetch_url https://rust-lang.org/
         fetch_url https://evilrust-lang.org/
         fetch_url http://127.0.0.1:8080/
         fetch_url http://127.0.0.1:8081/
         fetch_url http://127.0.0.1/
         fetch_url nonsense",
        expect![[r#"
            fetch_url https://example.org/x
                allow
            fetch_url https://example.org:8443/
                allow
            fetch_url https://example.org.evil.net/
                Refused: no rule of the user allows this host. Do without it, or ask the user.
            fetch_url https://evil.net/example.org
                Refused: no rule of the user allows this host. Do without it, or ask the user.
            fetch_url https://sub.example.org/
                Refused: no rule of the user allows this host. Do without it, or ask the user.
            fetch_url https://doc.rust-lang.org/
                allow
            fetch_url https://rust-lang.org/
                Refused: no rule of the user allows this host. Do without it, or ask the user.
            fetch_url https://evilrust-lang.org/
                Refused: no rule of the user allows this host. Do without it, or ask the user.
            fetch_url http://127.0.0.1:8080/
                allow
            fetch_url http://127.0.0.1:8081/
                Refused: no rule of the user allows this host. Do without it, or ask the user.
            fetch_url http://127.0.0.1/
                Refused: no rule of the user allows this host. Do without it, or ask the user.
            fetch_url nonsense
                Refused: only http and https are fetched, from a host that is written plainly.
        "#]],
    );
    check(
        Permission::Ask,
        "deny: fetch_url(domain:evil.net)",
        "fetch_url https://evil.net/\nfetch_url https://ok.net/\nfetch_url nonsense",
        expect![[r#"
            fetch_url https://evil.net/
                Refused: the user's rules forbid it (`fetch_url(domain:evil.net)`).
            fetch_url https://ok.net/
                ask (always: fetch_url(domain:ok.net))
            fetch_url nonsense
                ask: the address cannot be understood, so the rule `fetch_url(domain:evil.net)` could not be held against it
        "#]],
    );
    check(
        Permission::Full,
        "deny: fetch_url(domain:evil.net)",
        "fetch_url http://evil.net\nfetch_url nonsense",
        expect![[r#"
        fetch_url http://evil.net
            Refused: the user's rules forbid it (`fetch_url(domain:evil.net)`).
        fetch_url nonsense
            Refused: the address cannot be understood, so the user's rule `fetch_url(domain:evil.net)` cannot be held. Say it in a plainer way.
    "#]],
    );
}

#[test]
fn arguments_that_are_not_understood_pass_no_rule_that_forbids() {
    let shown = |mode, rules, tool| shown(&permissions(mode, rules), tool, None);
    expect!["Refused: the arguments cannot be understood as a JSON object, so the user's rule `edit_file(x)` cannot be held. Say it in a plainer way."].assert_eq(&shown(Permission::Ask, "deny: edit_file(x)", "edit_file"));
    assert_eq!(shown(Permission::Auto, "deny: edit_file(x)", "read_file"), "allow");
    assert_eq!(shown(Permission::Ask, "allow: edit_file(x)", "edit_file"), "ask");
}

#[test]
fn what_is_granted_holds_at_once() {
    let permissions = permissions(Permission::Ask, "deny: run_command(make evil)");
    let of = |command: &str| shown(&permissions, "run_command", Some(&json!({"command": command})));
    assert_eq!(of("make x"), "ask (always: run_command(make x))");
    permissions.grant(Rule::parse("run_command(make *)").unwrap());
    assert_eq!(of("make x"), "allow");
    assert_ne!(of("make evil"), "allow");
}

/// H33: a call has no way to widen what it may do.
#[test]
fn nothing_in_a_call_widens_its_leave() {
    let permissions = permissions(Permission::Ask, "");
    for args in [
        json!({"command": "touch x", "permission": "full"}),
        json!({"command": "touch x", "sandbox": false, "allow": ["run_command"]}),
        json!({"command": "agent --permission full x"}),
        json!({"command": "agent trust"}),
    ] {
        assert!(shown(&permissions, "run_command", Some(&args)).starts_with("ask"), "{args}");
    }
}

fn any_rule() -> impl Strategy<Value = Rule> {
    prop::sample::select(vec![
        "read_file",
        "read_file(a)",
        "edit_file",
        "edit_file(a)",
        "edit_file(s/**)",
        "run_command",
        "run_command(ls *)",
        "run_command(git push *)",
        "fetch_url",
        "fetch_url(domain:a.b)",
        "ask_user",
    ])
    .prop_map(|it| Rule::parse(it).unwrap())
}

fn any_rules() -> impl Strategy<Value = RuleOptions> {
    let rules = || prop::collection::vec(any_rule(), 0..3);
    (rules(), rules(), rules()).prop_map(|(allow, ask, deny)| RuleOptions { allow, ask, deny })
}

fn any_call() -> impl Strategy<Value = (&'static str, Option<Value>)> {
    let paths = prop::sample::select(vec!["a", "s/a", "A", "../a", "/p/s", "x"]);
    let commands = prop::sample::select(vec![
        "ls",
        "ls a",
        "ls; git push",
        "sudo git push",
        "git $X",
        "rm a > s/x",
        "f() { ls; }",
        "cat a",
    ]);
    let hosts = prop::sample::select(vec!["http://a.b", "http://c.d", "?"]);
    let files =
        prop::sample::select(vec!["read_file", "search", "edit_file", "write_file", "ask_user"]);
    prop_oneof![
        (files, prop::option::of(paths))
            .prop_map(|(tool, path)| (tool, path.map(|it| json!({"path": it})))),
        commands.prop_map(|it| ("run_command", Some(json!({"command": it})))),
        hosts.prop_map(|it| ("fetch_url", Some(json!({"url": it})))),
    ]
}

/// How much is left: nothing, a question, all.
fn freedom(mode: Permission, rules: &RuleOptions, (tool, args): &(&str, Option<Value>)) -> u8 {
    let permissions = Permissions::new(mode, Path::new("/p"), rules.clone(), Vec::new());
    match judged(&permissions, tool, args.as_ref()) {
        Verdict::Refuse { .. } => 0,
        Verdict::Ask(_) => 1,
        Verdict::Allow => 2,
    }
}

proptest! {
    /// What a project may add to the rules of a person leaves no call more than it had.
    #[test]
    fn rules_that_ask_or_forbid_only_narrow(
        mode in prop::sample::select(vec![Permission::ReadOnly, Permission::Ask, Permission::Auto, Permission::Full]),
        rules in any_rules(),
        added in any_rules(),
        call in any_call(),
    ) {
        let mut more = rules.clone();
        more.ask.extend(added.ask);
        more.deny.extend(added.deny);
        prop_assert!(freedom(mode, &more, &call) <= freedom(mode, &rules, &call));
    }

    /// Rules that allow take nothing away, and never what is forbidden.
    #[test]
    fn rules_that_allow_only_widen(rules in any_rules(), added in any_rules(), call in any_call()) {
        let mut more = rules.clone();
        more.allow.extend(added.allow);
        for mode in [Permission::ReadOnly, Permission::Ask, Permission::Auto, Permission::Full] {
            let (before, after) = (freedom(mode, &rules, &call), freedom(mode, &more, &call));
            prop_assert!(before <= after);
            prop_assert!(mode != Permission::ReadOnly || before == after);
        }
    }
}

#[test]
fn what_is_typed_into_a_command_is_judged_as_one() {
    check(
        Permission::Full,
        "deny: run_command(git push *)",
        "command_output git push
        command_output yes
        command_output echo $(",
        expect![[r#"
            command_output git push
                Refused: the user's rules forbid it (`run_command(git push *)`).
            command_output yes
                allow
            command_output echo $(
                Refused: the input has a parenthesis that stays open, so the user's rule `run_command(git push *)` cannot be held. Say it in a plainer way.
        "#]],
    );
    check(
        Permission::Ask,
        "ask: run_command(git push *); allow: run_command(ls *), command_output",
        "command_output git push
        command_output ls",
        expect![[r#"
            command_output git push
                ask: the rule `run_command(git push *)` wants you to be asked
            command_output ls
                allow
        "#]],
    );
    check(
        Permission::Ask,
        "allow: run_command(ls *)",
        "command_output ls",
        expect![[r#"
        command_output ls
            ask
    "#]],
    );
}
