//! What is taken apart, and how; what is refused.

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;

/// One line a simple command: assignments, words and redirections; `?` behind what is not known
/// before it runs, `*` behind a pattern.
#[track_caller]
fn check(text: &str, expected: Expect) {
    expected.assert_eq(&shown(text));
}

fn shown(text: &str) -> String {
    let word = |it: &Word| match it.form {
        Form::Literal => format!("[{}]", it.text.replace('\n', "\\n")),
        Form::Glob => format!("[{}]*", it.text),
        Form::Unknown => format!("[{}]?", it.text.replace('\n', "\\n")),
    };
    let line = |it: &Simple| {
        let set = it.assignments.iter().map(|it| format!("{}={}", it.name, word(&it.value)));
        let redirects = it.redirects.iter().map(|it| match it {
            Redirect::From(it) => format!("<{}", word(it)),
            Redirect::To(it) => format!(">{}", word(it)),
        });
        set.chain(it.words.iter().map(word)).chain(redirects).collect::<Vec<_>>().join(" ")
    };
    match parse(text) {
        Ok(commands) => commands.iter().map(line).collect::<Vec<_>>().join("\n"),
        Err(unclear) => format!("unclear: it {unclear}"),
    }
}

#[test]
fn quotes_are_taken_away() {
    check(
        r#"git commit -m "it's \"so\" \x" 'a $b' c\ d '' e''f"#,
        expect![[r#"[git] [commit] [-m] [it's "so" \x] [a $b] [c d] [] [ef]"#]],
    );
}

#[test]
fn what_is_known_only_later_is_marked() {
    check(
        r#"ls *.rs a? [ab] ~/x "$HOME" ${x}y $1 "a*" \* $"#,
        expect![[r#"[ls] [*.rs]* [a?]* [[ab]]* [~/x]? ["$HOME"]? [${x}y]? [$1]? [a*] [*] [$]"#]],
    );
    check(
        "[ -f a ] && echo {} {",
        expect![[r#"
        [[] [-f] [a] []]
        [echo] [{}] [{]"#]],
    );
}

/// H21.
#[test]
fn each_part_is_found_whatever_joins_it() {
    check(
        "a; b && c || d | e & f\ng |& h",
        expect![[r#"
            [a]
            [b]
            [c]
            [d]
            [e]
            [f]
            [g]
            [h]"#]],
    );
    check(
        "a $(b $(c)) `d` <(e) >(f) \"x $(g)\"",
        expect![[r#"
            [c]
            [b] [$(c)]?
            [d]
            [e]
            [f]
            [g]
            [a] [$(b $(c))]? [`d`]? [<(e)]? [>(f)]? ["x $(g)"]?"#]],
    );
    check(
        "(a; b) > x; { c; } 2>&1",
        expect![[r#"
            [a]
            [b]
            >[x]
            [c]"#]],
    );
    check(
        "if ! a; then b; elif c; then d; else e; fi; while f; do g; done < h",
        expect![[r#"
            [a]
            [b]
            [c]
            [d]
            [e]
            [f]
            [g]
            <[h]"#]],
    );
    check(
        "for x in a $(b) c*; do echo \"$x\"; done",
        expect![[r#"
            [b]
            [echo] ["$x"]?"#]],
    );
}

#[test]
fn time_is_a_keyword() {
    check(
        "time a; time -p ! b | time c",
        expect![[r#"
        [a]
        [b]
        [c]"#]],
    );
}

#[test]
fn redirections_are_found() {
    check(
        "a > b 2>> c < d >| e &> f 2>&1 >&- 3<g <<< h",
        expect!["[a] >[b] >[c] <[d] >[e] >[f] <[g]"],
    );
    check("a >& b; c <> d", expect!["unclear: it redirects in an unusual way"]);
    check("a >", expect!["unclear: it has a redirection without a target"]);
}

#[test]
fn assignments_are_no_words() {
    check("A=1 B+=\"x y\" c D=2", expect!["A=[1] B=[x y] [c] [D=2]"]);
    check("PATH=.", expect!["PATH=[.]"]);
    check("\"A\"=1 b", expect!["[A=1] [b]"]);
    check(
        "A=$(b) c",
        expect![[r#"
        [b]
        A=[$(b)]? [c]"#]],
    );
}

#[test]
fn a_comment_ends_with_its_line() {
    check(
        "a # it's; b\nc 'd'",
        expect![[r#"
        [a]
        [c] [d]"#]],
    );
    check("a#b #c", expect!["[a#b]"]);
    check("$(a # b\n)", expect!["unclear: it has a comment in parentheses"]);
}

#[test]
fn a_here_document_is_text_and_what_it_replaces_is_not() {
    check(
        "cat <<'EOF' > x\nrm -rf $(y)\nEOF\nls",
        expect![[r#"
        [cat] >[x]
        [ls]"#]],
    );
    check(
        "cat <<EOF\na $(b) \\$(c) `d`\nEOF\ne",
        expect![[r#"
        [cat]
        [b]
        [d]
        [e]"#]],
    );
    check(
        "cat <<-EOF\n\ta\n\tEOF\nb",
        expect![[r#"
        [cat]
        [b]"#]],
    );
    check(
        "git commit -m \"$(cat <<'EOF'\nfirst; second\nEOF\n)\"",
        expect![[r#"
        [cat]
        [git] [commit] [-m] ["$(cat <<'EOF'\nfirst; second\nEOF\n)"]?"#]],
    );
    for odd in [
        "cat <<E\\OF\na\nEOF",
        "cat <<\"a b\"\nx\na b",
        "cat <<EOF\na",
        "cat <<EOF",
        "cat <<EOF\nx\\\nEOF\nrm y\nEOF",
        "cat <<EOF 'a\nb'\nEOF",
        "cat <<EOF $(ls\n)\nEOF",
    ] {
        assert!(parse(odd).is_err(), "{odd:?}: {}", shown(odd));
    }
}

/// H22, H23: what can mean something else than it seems is refused as a whole.
#[test]
fn what_is_unusual_is_unclear() {
    for odd in [
        "a() { b; }; a",
        "function a { b; }",
        "a=(b c)",
        "case a in b) c;; esac",
        "[[ a ]] && b",
        "(( a ))",
        "a $((1+1))",
        "a $[1]",
        "a ${b:-c}",
        "a ${b}${c/d/e}",
        "cat$IFS/etc/passwd",
        "a ${IFS}",
        "$'\\x72m' b",
        "$\"a\"",
        "a {b,c}",
        "a b{1..3}",
        "r\\\nm a",
        "a \"b\\\nc\"",
        "a\rb",
        "a\u{a0}b",
        "a\u{200b}b",
        "a\u{202e}b",
        "a\u{3000}b",
        "a\0b",
        "a 'b",
        "a \"b",
        "a `b",
        "a $(b",
        "(a",
        "a)",
        "{ a; } b",
        "(a) b",
        "for PATH in .; do ls; done",
        "for http_proxy in x; do a; done",
        "for x do a; done",
        "select x in a; do b; done",
        "coproc a",
        "a `echo \\`b\\``",
        "a `echo 'b'`",
        "a=(1 2) b",
        "time -o x a",
        "rm 99999999999>x",
        "a \"$\\\n(b)\"",
        "a <\\\n(b)",
    ] {
        assert!(parse(odd).is_err(), "{odd:?}: {}", shown(odd));
    }
}

/// H25: the time is linear, and what is too much is unclear.
#[test]
fn a_giant_is_unclear_at_once() {
    for (giant, expected) in [
        ("a;".repeat(1 << 19), "is very long"),
        ("a;".repeat(10_000), "has very many parts"),
        ("$(".repeat(10_000), "is deeply nested"),
        ("(".to_owned(), "has a parenthesis that stays open"),
        ("\"$(".repeat(1000), "is deeply nested"),
        ("`".repeat(9_999), "has a quote that does not end"),
        ("$(a ".repeat(16) + &")".repeat(16), ""),
    ] {
        let unclear = parse(&giant).map(|_| "").unwrap_or_else(|it| it.0);
        assert_eq!(unclear, expected, "{}…", &giant[..giant.len().min(40)]);
    }
}

/// What bash makes of the same text: the words that a program gets.
#[expect(clippy::disallowed_methods, reason = "only bash itself can say what bash does")]
fn as_bash_has_it(words: &str) -> Option<Vec<String>> {
    let script = format!("for x in 1; do :; done; printf '%s\\0' {words}");
    let output = std::process::Command::new("bash")
        .args(["--norc", "--noprofile", "-c", &script])
        .env_clear()
        .env("LC_ALL", "C.UTF-8")
        .output()
        .expect("bash is there");
    let text = String::from_utf8(output.stdout).ok()?;
    let clean = output.status.success() && output.stderr.is_empty();
    clean.then(|| text.split_terminator('\0').map(str::to_owned).collect())
}

/// Which of the programs `a`, `b` and `c` bash starts for this text.
#[expect(clippy::disallowed_methods, reason = "only bash itself can say what bash does")]
fn started_by_bash(text: &str) -> Vec<String> {
    let dir = tempfile::tempdir().unwrap();
    let programs = "exec 9>&1; a() { echo a >&9; }; b() { echo b >&9; }; c() { echo c >&9; }";
    let output = std::process::Command::new("bash")
        .args(["--norc", "--noprofile", "-c", &format!("ulimit -t 1; {programs}\n{text}")])
        .current_dir(dir.path())
        .env_clear()
        .env("LC_ALL", "C.UTF-8")
        .stdin(std::process::Stdio::null())
        .output()
        .expect("bash is there");
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().filter(|it| ["a", "b", "c"].contains(it)).map(str::to_owned).collect()
}

/// Pieces of scripts, more often right than wrong.
fn script() -> impl Strategy<Value = String> {
    let pieces = [
        "a",
        "b",
        "c",
        "a ",
        "b ",
        "c ",
        " ",
        "\n",
        ";",
        "; ",
        "&&",
        "||",
        "|",
        "&",
        "(",
        ")",
        "( ",
        "{ ",
        "; }",
        "$(",
        "`",
        "'",
        "\"",
        "# ",
        "\\",
        "<<E\n",
        "<<'E'\n",
        "\nE\n",
        "E",
        ">x",
        " 2>&1",
        "&>x",
        "if ",
        "; then ",
        "; fi",
        "else ",
        "for x in ",
        "; do ",
        "; done",
        "$x",
        "! ",
        "x=",
        "<(",
        "${x}",
        "time ",
        "in ",
        "<<<",
    ];
    prop::collection::vec(prop::sample::select(pieces.to_vec()), 1..12).prop_map(|it| it.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 80, ..ProptestConfig::default() })]

    /// The words that are called literal are those that bash makes of them.
    #[test]
    fn literal_words_are_what_bash_makes_of_them(words in "(x[ab'\"\\\\ #=~!^%{},.:/é-]{0,8} ?){1,3}") {
        let Ok(commands) = parse(&format!("printf {words}")) else { return Ok(()) };
        let [Simple { words: ours, redirects, .. }] = &commands[..] else { return Ok(()) };
        let ours: Option<Vec<_>> = ours[1..].iter().map(Word::literal).collect();
        if let Some(ours) = ours.filter(|it| !it.is_empty() && redirects.is_empty()) {
            let theirs = as_bash_has_it(&words).unwrap_or_default();
            prop_assert_eq!(theirs, ours);
        }
    }

    /// The promise that all else rests on: no program that bash starts is missed.
    #[test]
    fn bash_starts_nothing_that_was_not_found(text in script()) {
        let Ok(commands) = parse(&text) else { return Ok(()) };
        let first = |it: &Simple| it.words.first().cloned();
        let found: Vec<Word> = commands.iter().filter_map(first).collect();
        if found.iter().all(|it| it.form == Form::Literal) {
            for name in started_by_bash(&text) {
                prop_assert!(found.iter().any(|it| it.text == name), "{text:?} starts {name}: {}", shown(&text));
            }
        }
    }

    #[test]
    fn any_text_is_taken_apart_or_refused(text in "[a'\"\\\\$`(){}<>|&;#\n =*~EOF-]{0,60}") {
        let _ = parse(&text);
    }
}
