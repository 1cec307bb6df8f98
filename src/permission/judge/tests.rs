//! Each test is rules, a call, and what becomes of it.

use expect_test::{Expect, expect};
use serde_json::json;

use super::*;

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
        "run_command" => Effect::Executes,
        "fetch_url" => Effect::Reaches,
        "ask_user" => Effect::Asks,
        tool => panic!("no tool {tool:?}"),
    }
}

fn shown(permissions: &Permissions, tool: &str, args: Option<&Value>) -> String {
    match permissions.judge(Act { tool, effect: effect(tool), args }) {
        Verdict::Allow => "allow".to_owned(),
        Verdict::Ask(Question { why, always }) => {
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

/// H21.
#[test]
fn a_command_is_allowed_when_every_part_is() {
    check(
        Permission::Ask,
        "allow: run_command(cargo test *), run_command(git push origin *), edit_file(out/**)",
        "run_command cargo test --lib
         run_command cargo test && cargo test -q | head -5
         run_command cargo test; rm -rf x
         run_command cargo test && git push origin main
         run_command cargo test $(rm x)
         run_command cargo test `rm x`
         run_command cargo test <(rm x)
         run_command cargo test > out/log 2>&1
         run_command cargo test > ../log
         run_command cargo test > /etc/passwd
         run_command cargo test > log
         run_command cargo test > $X
         run_command cargo test 2>/dev/null
         run_command cargo test\\nrm x
         run_command cargo test & rm x
         run_command (cargo test; cargo test -q)
         run_command for x in a b; do cargo test $x; done
         run_command cat <<EOF\\n$(rm x)\\nEOF
         run_command cargo testing
         run_command ./cargo test",
        expect![[r#"
            run_command cargo test --lib
                allow
            run_command cargo test && cargo test -q | head -5
                allow
            run_command cargo test; rm -rf x
                ask
            run_command cargo test && git push origin main
                allow
            run_command cargo test $(rm x)
                ask
            run_command cargo test `rm x`
                ask
            run_command cargo test <(rm x)
                ask
            run_command cargo test > out/log 2>&1
                allow
            run_command cargo test > ../log
                ask
            run_command cargo test > /etc/passwd
                ask
            run_command cargo test > log
                ask
            run_command cargo test > $X
                ask
            run_command cargo test 2>/dev/null
                allow
            run_command cargo test\nrm x
                ask
            run_command cargo test & rm x
                ask
            run_command (cargo test; cargo test -q)
                allow
            run_command for x in a b; do cargo test $x; done
                allow
            run_command cat <<EOF\n$(rm x)\nEOF
                ask
            run_command cargo testing
                ask (always: run_command(cargo testing))
            run_command ./cargo test
                ask (always: run_command(./cargo test))
        "#]],
    );
}

/// H22, H24.
#[test]
fn what_stands_in_front_of_a_program_is_looked_through_or_not_allowed() {
    check(
        Permission::Ask,
        "allow: run_command(cargo test *), run_command(sudo ls)",
        "run_command timeout 60 cargo test
         run_command time -p nice -n 5 nohup cargo test
         run_command RUST_BACKTRACE=1 cargo test
         run_command env NO_COLOR=1 cargo test
         run_command bash -c 'cargo test && ls'
         run_command PATH=. cargo test
         run_command env PATH=. cargo test
         run_command RUSTC_WRAPPER=./x cargo test
         run_command GIT_SSH_COMMAND=x cargo test
         run_command CI=$(x) cargo test
         run_command export PAGER=x && cargo test
         run_command PATH=.; cargo test
         run_command cd sub && cargo test
         run_command exec cargo test
         run_command sudo cargo test
         run_command sudo ls
         run_command xargs cargo test
         run_command bash -c 'cargo test; rm x'
         run_command bash -c \"$X\"
         run_command bash -lc 'cargo test'
         run_command eval 'cargo test'
         run_command . ./x && cargo test
         run_command env -S 'rm x' cargo test
         run_command timeout -s KILL 5 cargo test
         run_command command -v cargo test",
        expect![[r#"
            run_command timeout 60 cargo test
                allow
            run_command time -p nice -n 5 nohup cargo test
                allow
            run_command RUST_BACKTRACE=1 cargo test
                allow
            run_command env NO_COLOR=1 cargo test
                allow
            run_command bash -c 'cargo test && ls'
                allow
            run_command PATH=. cargo test
                ask
            run_command env PATH=. cargo test
                ask (always: run_command(env PATH=. cargo test))
            run_command RUSTC_WRAPPER=./x cargo test
                ask
            run_command GIT_SSH_COMMAND=x cargo test
                ask
            run_command CI=$(x) cargo test
                ask
            run_command export PAGER=x && cargo test
                ask
            run_command PATH=.; cargo test
                ask
            run_command cd sub && cargo test
                ask
            run_command exec cargo test
                ask (always: run_command(exec cargo test))
            run_command sudo cargo test
                ask (always: run_command(sudo cargo test))
            run_command sudo ls
                allow
            run_command xargs cargo test
                ask (always: run_command(xargs cargo test))
            run_command bash -c 'cargo test; rm x'
                ask
            run_command bash -c "$X"
                ask
            run_command bash -lc 'cargo test'
                ask
            run_command eval 'cargo test'
                ask
            run_command . ./x && cargo test
                ask
            run_command env -S 'rm x' cargo test
                ask (always: run_command(env -S 'rm x' cargo test))
            run_command timeout -s KILL 5 cargo test
                ask (always: run_command(timeout -s KILL 5 cargo test))
            run_command command -v cargo test
                ask (always: run_command(command -v cargo test))
        "#]],
    );
}

#[test]
fn what_is_forbidden_is_found_wherever_it_stands() {
    check(
        Permission::Auto,
        "deny: run_command(git push *), edit_file(.github/**), read_file(secrets/**); ask: run_command(make deploy)",
        "run_command git push
         run_command /usr/bin/git 'push' origin
         run_command ls; git push
         run_command echo $(git push)
         run_command sudo -u x git push
         run_command env A=b timeout 5 git push
         run_command find . -exec git push \\;
         run_command bash -c 'cd x && git push'
         run_command eval 'git push'
         run_command git $X
         run_command $G push
         run_command git pull
         run_command echo x > .github/workflows/a.yml
         run_command echo x > $F
         run_command cat secrets/key
         run_command make deploy
         run_command make test
         run_command case a in a) git push;; esac
         run_command g() { git \"$@\"; }; g push",
        expect![[r#"
            run_command git push
                Refused: the user's rules forbid it (`run_command(git push *)`).
            run_command /usr/bin/git 'push' origin
                Refused: the user's rules forbid it (`run_command(git push *)`).
            run_command ls; git push
                Refused: the user's rules forbid it (`run_command(git push *)`).
            run_command echo $(git push)
                Refused: the user's rules forbid it (`run_command(git push *)`).
            run_command sudo -u x git push
                Refused: the user's rules forbid it (`run_command(git push *)`).
            run_command env A=b timeout 5 git push
                Refused: the user's rules forbid it (`run_command(git push *)`).
            run_command find . -exec git push \;
                Refused: the user's rules forbid it (`run_command(git push *)`).
            run_command bash -c 'cd x && git push'
                Refused: the user's rules forbid it (`run_command(git push *)`).
            run_command eval 'git push'
                Refused: the user's rules forbid it (`run_command(git push *)`).
            run_command git $X
                Refused: the user's rules forbid it (`run_command(git push *)`).
            run_command $G push
                Refused: the user's rules forbid it (`run_command(git push *)`).
            run_command git pull
                allow
            run_command echo x > .github/workflows/a.yml
                Refused: the user's rules forbid it (`edit_file(.github/**)`).
            run_command echo x > $F
                allow
            run_command cat secrets/key
                Refused: the user's rules forbid it (`read_file(secrets/**)`).
            run_command make deploy
                ask: the rule `run_command(make deploy)` wants you to be asked
            run_command make test
                allow
            run_command case a in a) git push;; esac
                Refused: the command uses an unusual construct, so the user's rule `run_command(git push *)` cannot be held. Say it in a plainer way.
            run_command g() { git "$@"; }; g push
                Refused: the command defines a function or an array, so the user's rule `run_command(git push *)` cannot be held. Say it in a plainer way.
        "#]],
    );
    check(
        Permission::Ask,
        "deny: run_command(git push *)",
        "run_command case a in a) git push;; esac\nrun_command git push",
        expect![[r#"
        run_command case a in a) git push;; esac
            ask
        run_command git push
            Refused: the user's rules forbid it (`run_command(git push *)`).
    "#]],
    );
    check(
        Permission::Full,
        "deny: run_command(git push *)",
        "run_command a ${x:-y}\nrun_command git push\nrun_command git pull",
        expect![[r#"
        run_command a ${x:-y}
            Refused: the command expands a variable in an unusual way, so the user's rule `run_command(git push *)` cannot be held. Say it in a plainer way.
        run_command git push
            Refused: the user's rules forbid it (`run_command(git push *)`).
        run_command git pull
            allow
    "#]],
    );
}

/// H25.
#[test]
fn a_giant_command_is_never_covered() {
    let permissions =
        permissions(Permission::Ask, "allow: run_command(ls *); deny: run_command(rm *)");
    for giant in
        ["ls;".repeat(350_000), "ls;".repeat(10_000), "$(ls ".repeat(10_000), "sudo ".repeat(6_000)]
    {
        let args = json!({"command": giant});
        assert_eq!(shown(&permissions, "run_command", Some(&args)), "ask");
    }
}

#[test]
fn what_only_looks_is_not_asked_about_unless_files_are_kept_unread() {
    let looks =
        "run_command grep -rn x src | head -20\nrun_command cat < a\nrun_command cat < ../a";
    check(
        Permission::Ask,
        "",
        looks,
        expect![[r#"
        run_command grep -rn x src | head -20
            allow
        run_command cat < a
            allow
        run_command cat < ../a
            ask
    "#]],
    );
    check(
        Permission::Ask,
        "deny: read_file(secrets/**)",
        looks,
        expect![[r#"
        run_command grep -rn x src | head -20
            ask
        run_command cat < a
            ask
        run_command cat < ../a
            ask
    "#]],
    );
}

#[test]
fn a_host_is_read_as_the_network_reads_it() {
    check(
        Permission::Auto,
        "allow: fetch_url(domain:example.org), fetch_url(domain:*.rust-lang.org), fetch_url(domain:127.0.0.1)",
        "fetch_url https://example.org/x
         fetch_url https://EXAMPLE.org.:8443/
         fetch_url https://example.org.evil.net/
         fetch_url https://evil.net/example.org
         fetch_url https://example.org@evil.net/
         fetch_url https://sub.example.org/
         fetch_url https://doc.rust-lang.org/
         fetch_url https://rust-lang.org/
         fetch_url https://evilrust-lang.org/
         fetch_url http://0x7f.1/
         fetch_url http://2130706433/
         fetch_url nonsense",
        expect![[r#"
            fetch_url https://example.org/x
                allow
            fetch_url https://EXAMPLE.org.:8443/
                allow
            fetch_url https://example.org.evil.net/
                Refused: no rule of the user allows this host. Do without it, or ask the user.
            fetch_url https://evil.net/example.org
                Refused: no rule of the user allows this host. Do without it, or ask the user.
            fetch_url https://example.org@evil.net/
                Refused: no rule of the user allows this host. Do without it, or ask the user.
            fetch_url https://sub.example.org/
                Refused: no rule of the user allows this host. Do without it, or ask the user.
            fetch_url https://doc.rust-lang.org/
                allow
            fetch_url https://rust-lang.org/
                Refused: no rule of the user allows this host. Do without it, or ask the user.
            fetch_url https://evilrust-lang.org/
                Refused: no rule of the user allows this host. Do without it, or ask the user.
            fetch_url http://0x7f.1/
                allow
            fetch_url http://2130706433/
                allow
            fetch_url nonsense
                Refused: no rule of the user allows this host. Do without it, or ask the user.
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
            ask
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
fn a_directory_of_its_own_is_where_a_command_begins() {
    let permissions = permissions(Permission::Auto, "deny: edit_file(sub/x)");
    let args = json!({"command": "echo > x", "cwd": "sub"});
    expect!["Refused: the user's rules forbid it (`edit_file(sub/x)`)."].assert_eq(&shown(
        &permissions,
        "run_command",
        Some(&args),
    ));
    let args = json!({"command": "echo > x"});
    assert_eq!(shown(&permissions, "run_command", Some(&args)), "allow");
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
