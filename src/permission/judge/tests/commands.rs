//! Commands and the rules about them.

use super::*;

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
         run_command LC_ALL=./evil cargo test
         run_command env LC_ALL=/evil cargo test
         run_command LC_ALL=C.UTF-8 cargo test
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
            run_command LC_ALL=./evil cargo test
                ask
            run_command env LC_ALL=/evil cargo test
                ask (always: run_command(env LC_ALL=/evil cargo test))
            run_command LC_ALL=C.UTF-8 cargo test
                allow
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
                ask: the command uses an unusual construct, so the rule `run_command(git push *)` could not be held against it
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
        assert!(shown(&permissions, "run_command", Some(&args)).starts_with("ask"));
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
