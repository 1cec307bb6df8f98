//! What passes as only looking, what does not, and whether that is so.

use std::fs;
use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::permission::command::touched;
use crate::permission::shell::parse;

/// Whether every part of the command only looks.
fn looks(command: &str) -> bool {
    let is_inside = |it: &str| !it.starts_with('/') || it.starts_with("/p/");
    parse(command).is_ok_and(|parts| {
        parts.iter().all(|it| {
            it.assignments.is_empty()
                && touched(&it.redirects).next().is_none()
                && is_read_only(&it.words, &is_inside)
        })
    })
}

#[test]
fn what_models_look_with_needs_no_question() {
    for command in [
        "ls -la src",
        "cat a.rs | head -n 20",
        "cat a*.rs",
        "sort a*.rs | uniq",
        "grep -rn 'fn main' src/ --include=*.rs",
        "rg -n -g '*.rs' main src",
        "rg --files",
        "find . -name '*.rs' -type f -not -path './target/*'",
        "find src -mtime -1 -maxdepth 2",
        "git status --short && git diff --stat",
        "git log --oneline -5",
        "git log -n 5 -- src",
        "git show HEAD:src/a.rs",
        "git branch -a",
        "sed -n '10,20p' a.rs",
        "wc -l src/*.rs | sort -n | tail -5",
        "sort -rk 2 a",
        "uniq -c a",
        "[ -f a ] && echo yes",
        "pwd; date +%F",
        "test -d a || true",
        "ls /p/src",
    ] {
        assert!(looks(command), "{command}");
    }
}

/// H20.
#[test]
fn what_can_write_or_start_something_needs_one() {
    for command in [
        "find . -exec rm {} +",
        "find . -execdir x \\;",
        "find . -ok x \\;",
        "find . -delete",
        "find . -fprintf x y",
        "find . -fls x",
        "sed -i s/a/b/ a",
        "sed -n 1e a",
        "sed 's/a/b/e' a",
        "sed -n 'w x' a",
        "sed -n '1w x' a",
        "sed -n 1p -i a",
        "sed -n 1p -s -i a",
        "rg --pre ./x y",
        "rg --pre=./x y",
        "rg --hostname-bin x y",
        "rg -z x",
        "sort -o a b",
        "sort -uo a b",
        "sort --output=a b",
        "sort --outp a b",
        "sort --compress-program=./x a",
        "sort -T /x a",
        "uniq a b",
        "uniq -c a b",
        "uniq a*",
        "uniq a?",
        "uniq -c [ab]",
        "uniq -- d/*",
        "uniq {a,b}",
        "uniq a{,2}",
        "date +*",
        "tar --checkpoint-action=exec=x -cf a b",
        "git -c core.pager=x log",
        "git -C /x status",
        "git --git-dir=x status",
        "git diff --output=a",
        "git diff --ext-diff",
        "git log --textconv",
        "git grep -Ox y",
        "git branch new",
        "git branch -D x",
        "git branch -- x",
        "git checkout a",
        "git stash",
        "xargs ls",
        "env",
        "env ls",
        "awk 'BEGIN{system(\"x\")}'",
        "tee a",
        "less a",
        "vim -c x",
        "python -c x",
        "date -s 1",
        "date 01010000",
        "test -v 'a[$(x)]'",
        "[ -v a ]",
        "printf -v x y",
        "cat $X",
        "cat *",
        "$X a",
        "./ls",
        "/bin/ls",
        "'l's -la; rm a",
        "cat ../a",
        "cat a/../../b",
        "cat /etc/passwd",
        "cat ~/.ssh/id_rsa",
        "grep -f/etc/shadow a",
        "grep --file=/etc/shadow a",
        "grep --file=../x a",
        "cat a > b",
        "A=1 ls",
        "cd a && ls",
        "ls()",
        "command ls",
        "l\u{455}",
        "",
    ] {
        let all = parse(command).unwrap_or_default();
        assert!(all.is_empty() || !looks(command), "{command}");
    }
}

/// Every file beneath, with what is in it and what else can be changed.
fn tree(dir: &Path) -> Vec<String> {
    use std::os::unix::fs::MetadataExt;
    let mut lines = Vec::new();
    for entry in fs::read_dir(dir).unwrap().map(Result::unwrap) {
        let (path, it) = (entry.path(), entry.metadata().unwrap());
        let text = if it.is_file() { fs::read(&path).unwrap() } else { Vec::new() };
        lines.push(format!("{} {:o} {} {text:?}", path.display(), it.mode(), it.mtime_nsec()));
        if it.is_dir() {
            lines.extend(tree(&path));
        }
    }
    lines.sort();
    lines
}

fn word() -> impl Strategy<Value = String> {
    let words = [
        "a",
        "b",
        "d/c",
        "-n",
        "-o",
        "-r",
        "-uo",
        "--output=new",
        "--outp",
        "-exec",
        "touch",
        "new",
        "{}",
        "+",
        "-i",
        "1p",
        "w new",
        "-delete",
        "-c",
        "-",
        "--",
        "-fprint",
        "'x y'",
        "-k",
        "+%F",
        "-name",
        "'*'",
        "d/*",
        "a*",
        "a?",
        "[ab]",
        "d/[cd]",
        "{a,b}",
        "a{,2}",
        "-*",
        "-v",
        "'a[$(touch new)]'",
        "-s",
        "1",
        "2",
    ];
    prop::sample::select(words.to_vec()).prop_map(str::to_owned)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    /// Run in earnest: what is said to only look leaves every byte as it was.
    #[test]
    #[expect(clippy::disallowed_methods, reason = "only to run it shows what it does")]
    fn what_only_looks_changes_nothing(
        program in prop::sample::select(PROGRAMS.iter().map(|it| it.name).chain(["find", "sed"]).collect::<Vec<_>>()),
        words in prop::collection::vec(word(), 0..4),
        joint in prop::sample::select(vec![" ; cat ", " | sort ", " && uniq "]),
        more in prop::collection::vec(word(), 0..3),
    ) {
        let command = format!("{program} {}{joint}{}", words.join(" "), more.join(" "));
        prop_assume!(looks(&command));
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("d")).unwrap();
        let files = [
            ("a", "2\n1\n1\n"),
            ("a2", "x\n"),
            ("b", "x y\n"),
            ("d/c", "1\n"),
            ("d/d", "x\n"),
            ("-oa", "y\n"),
        ];
        for (name, text) in files {
            fs::write(dir.path().join(name), text).unwrap();
        }
        let before = tree(dir.path());
        std::process::Command::new("bash")
            .args(["--norc", "--noprofile", "-c", &format!("ulimit -t 2; {command}")])
            .current_dir(dir.path())
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .stdin(std::process::Stdio::null())
            .output()
            .unwrap();
        prop_assert_eq!(tree(dir.path()), before, "{}", command);
    }
}
