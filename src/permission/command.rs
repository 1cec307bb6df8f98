//! A command as the rules see it: what stands before the real program is looked through.

use crate::permission::shell::{Assignment, Form, Redirect, Simple, Unclear, Word, parse};

/// Variables that change how a program speaks, and not what it runs.
const HARMLESS: &[&str] = &[
    "CI",
    "CLICOLOR",
    "COLUMNS",
    "FORCE_COLOR",
    "LANG",
    "LC_ALL",
    "NO_COLOR",
    "RUST_BACKTRACE",
    "RUST_LOG",
];

/// What runs the program that stands behind it. Rules that forbid see each word behind as a start.
const WRAPPERS: &[&str] = &[
    "builtin", "busybox", "chroot", "chrt", "command", "doas", "env", "eval", "exec", "find",
    "flock", "ionice", "nice", "nohup", "parallel", "setsid", "stdbuf", "strace", "sudo",
    "taskset", "time", "timeout", "unshare", "watch", "xargs",
];

/// Shells, whose `-c` is a command again.
const SHELLS: &[&str] = &["ash", "bash", "dash", "ksh", "mksh", "sh", "zsh"];

/// Files that are what a shell is fed.
const INPUT: &[&str] = &["-", "/dev/fd/0", "/dev/stdin", "/proc/self/fd/0"];

/// Options of git that stand before its subcommand and take the next word.
const GIT_VALUES: &[&str] = &[
    "-C",
    "-c",
    "--attr-source",
    "--config-env",
    "--git-dir",
    "--namespace",
    "--super-prefix",
    "--work-tree",
];

/// So many words of a part are looked at, and no rule has as many.
const FAR: usize = 64;

/// The parts of a command, those of shells in it among them.
pub(super) fn parts(text: &str) -> Result<Vec<Simple>, Unclear> {
    let mut parts = parse(text)?;
    let mut next = 0;
    for _ in 0..8 {
        let new: Vec<Simple> = parts[next..]
            .iter()
            .filter_map(|it| inner_script(&it.words))
            .map(parse)
            .collect::<Result<Vec<_>, _>>()?
            .concat();
        if new.is_empty() {
            return match parts.iter().any(|it| is_fed(&it.words)) {
                true => Err(Unclear("has a shell read what to run from elsewhere")),
                false => Ok(parts),
            };
        }
        next = parts.len();
        parts.extend(new);
    }
    Err(Unclear("is deeply nested"))
}

/// Whether these words start a shell whose script does not stand among them or in a file: it comes
/// by a pipe, from a here-document, or is typed.
fn is_fed(words: &[Word]) -> bool {
    let Some(first) = words.first() else { return false };
    let wrapper = base(&first.text);
    let count = if WRAPPERS.contains(&wrapper) { words.len().min(FAR) } else { 1 };
    (0..count).any(|at| {
        let before = at.checked_sub(1).map(|it| &*words[it].text);
        // There the name of a shell is only asked for.
        let is_named = matches!(
            (wrapper, before),
            ("command", Some("-v" | "-V")) | ("find", Some("-name" | "-iname" | "-path"))
        );
        !is_named && reads_its_input(&words[at..])
    })
}

fn reads_its_input(words: &[Word]) -> bool {
    let [program, rest @ ..] = words else { return false };
    match base(&program.text) {
        "." | "source" => return rest.first().is_some_and(|it| INPUT.contains(&&*it.text)),
        it if SHELLS.contains(&it) => {}
        _ => return false,
    }
    if inner_script(words).is_some() {
        return false;
    }
    let mut rest = rest.iter();
    while let Some(word) = rest.next() {
        match &*word.text {
            "--help" | "--version" => return false,
            "-o" | "+o" | "-O" | "+O" | "--rcfile" | "--init-file" => _ = rest.next(),
            "--" => return rest.next().is_none_or(|it| INPUT.contains(&&*it.text)),
            it if INPUT.contains(&it) || it.starts_with("<(") => return true,
            it if it.starts_with("--") => {}
            it if it.starts_with(['-', '+']) && it.contains(['c', 's']) => return true,
            it if it.starts_with(['-', '+']) => {}
            _ => return false,
        }
    }
    true
}

/// The script of `bash -c 'script'`, and of `eval 'script'`.
pub(super) fn inner_script(words: &[Word]) -> Option<&str> {
    let words = stripped(words);
    match words {
        [shell, option, script, ..]
            if shell.literal().is_some_and(|it| SHELLS.contains(&base(it))) =>
        {
            let is_command = option.literal().is_some_and(|it| {
                it.starts_with('-') && !it.starts_with("--") && it.ends_with('c')
            });
            script.literal().filter(|_| is_command)
        }
        [eval, script] if eval.literal() == Some("eval") => script.literal(),
        _ => None,
    }
}

/// Whether these words do nothing but what the script in them does, which is judged by itself.
pub(super) fn is_only_its_script(words: &[Word]) -> bool {
    match stripped(words) {
        [shell, option, script] => {
            shell.literal().is_some_and(|it| ["bash", "sh"].contains(&it))
                && option.literal() == Some("-c")
                && script.literal().is_some()
        }
        _ => false,
    }
}

/// The words without those in front that change nothing about what is run.
pub(super) fn stripped(words: &[Word]) -> &[Word] {
    let mut words = words;
    while let Some(inner) = strip_one(words) {
        words = inner;
    }
    words
}

fn strip_one(words: &[Word]) -> Option<&[Word]> {
    let (name, rest) = words.split_first()?;
    let first = rest.first()?.literal()?;
    let inner = match name.literal()? {
        "time" if first == "-p" => &rest[1..],
        "time" | "nohup" | "command" if !first.starts_with('-') => rest,
        "nice" if first == "-n" && rest.get(1)?.literal()?.parse::<i32>().is_ok() => &rest[2..],
        "nice" if !first.starts_with('-') => rest,
        "timeout" if is_duration(first) => &rest[1..],
        "env" => {
            let set = |it: &Word| {
                let pair = it.literal().and_then(|it| it.split_once('='));
                pair.is_some_and(|(name, value)| is_harmless(name, value))
            };
            let count = rest.iter().take_while(|it| set(it)).count();
            let next = rest.get(count)?.literal()?;
            (!next.starts_with('-') && !next.contains('=')).then(|| &rest[count..])?
        }
        _ => return None,
    };
    (!inner.is_empty()).then_some(inner)
}

fn is_duration(text: &str) -> bool {
    let number = text.strip_suffix(['s', 'm', 'h', 'd']).unwrap_or(text);
    !number.is_empty() && number.chars().all(|it| it.is_ascii_digit() || it == '.')
}

/// Whether the assignments in front of a program leave it what it is.
pub(super) fn are_harmless(assignments: &[Assignment]) -> bool {
    assignments
        .iter()
        .all(|it| it.value.literal().is_some_and(|value| is_harmless(&it.name, value)))
}

/// A value with a slash could be a file to load.
fn is_harmless(name: &str, value: &str) -> bool {
    let plain = |it: char| it.is_ascii_alphanumeric() || "_-.,:=".contains(it);
    HARMLESS.contains(&name) && value.chars().all(plain)
}

/// Every reading of the words that a rule which forbids must see: with and without what stands in
/// front, and programs by their names alone.
pub(super) fn readings(words: &[Word]) -> Vec<Vec<Word>> {
    let Some(first) = words.first() else { return Vec::new() };
    let count = if WRAPPERS.contains(&base(&first.text)) { words.len().min(FAR) } else { 1 };
    let reading = |from: usize| {
        let mut reading = words[from..words.len().min(from + FAR)].to_vec();
        reading[0].text = base(&reading[0].text).to_owned();
        reading
    };
    let mut readings: Vec<_> = (0..count).map(reading).collect();
    readings.extend((0..count).filter_map(|it| plain_git(&words[it..])));
    readings
}

/// `git push` of `git -C . push`.
fn plain_git(words: &[Word]) -> Option<Vec<Word>> {
    let [git, rest @ ..] = words else { return None };
    let is_option = |it: &Word| it.text.starts_with('-');
    if base(&git.text) != "git" || !rest.first().is_some_and(is_option) {
        return None;
    }
    let (mut at, mut is_renamed) = (0, false);
    while let Some(option) = rest.get(at).filter(|it| is_option(it)) {
        let length = if GIT_VALUES.contains(&&*option.text) { 2 } else { 1 };
        let told = &rest[at..rest.len().min(at + length)];
        let is_literal = told.iter().all(|it| it.form == Form::Literal);
        let is_alias = |it: &Word| it.text.to_lowercase().contains("alias.");
        is_renamed |= !is_literal || told.iter().any(is_alias);
        at += length;
    }
    let mut reading = vec![Word { text: "git".to_owned(), form: git.form }];
    reading.extend(rest.iter().skip(at).take(FAR).cloned());
    // By an alias, the subcommand may be any.
    if let Some(subcommand) = reading.get_mut(1).filter(|_| is_renamed) {
        subcommand.form = Form::Unknown;
    }
    Some(reading)
}

/// `git` of `/usr/bin/git`.
fn base(program: &str) -> &str {
    program.rsplit('/').next().unwrap_or(program)
}

/// Redirections that touch files; what goes to `/dev/null` touches none.
pub(super) fn touched(redirects: &[Redirect]) -> impl Iterator<Item = &Redirect> {
    redirects.iter().filter(|it| {
        let (Redirect::From(word) | Redirect::To(word)) = it;
        word.literal() != Some("/dev/null")
    })
}
