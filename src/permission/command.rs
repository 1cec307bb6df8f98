//! A command as the rules see it: what stands before the real program is looked through.

use crate::permission::script::{FED, SHELLS, Scripts, filled, is_fed};
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
    "builtin",
    "busybox",
    "bwrap",
    "chroot",
    "chrt",
    "command",
    "dbus-run-session",
    "doas",
    "entr",
    "env",
    "eval",
    "exec",
    "fakeroot",
    "faketime",
    "find",
    "firejail",
    "flock",
    "hyperfine",
    "ionice",
    "linux32",
    "linux64",
    "ltrace",
    "nice",
    "nohup",
    "npx",
    "nsenter",
    "numactl",
    "parallel",
    "perf",
    "pkexec",
    "prlimit",
    "rlwrap",
    "runuser",
    "screen",
    "script",
    "sem",
    "setarch",
    "setpriv",
    "setsid",
    "sg",
    "ssh",
    "ssh-agent",
    "stdbuf",
    "strace",
    "su",
    "sudo",
    "systemd-run",
    "taskset",
    "time",
    "timeout",
    "tmux",
    "torsocks",
    "toybox",
    "trap",
    "unbuffer",
    "unshare",
    "valgrind",
    "watch",
    "xargs",
    "xvfb-run",
];

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
pub(super) const FAR: usize = 64;

/// So many bytes of scripts are looked at.
const MOST: usize = 256 * 1024;

/// What a command would run.
#[derive(Debug)]
pub(super) struct Parts {
    /// What stands in it, and in scripts of shells that are only that.
    pub(super) plain: Vec<Simple>,
    /// What stands in any other text that may be run. A rule that allows the program which is told
    /// to run it allows that, too.
    hidden: Vec<Simple>,
    /// Why it may run something else as well.
    pub(super) doubt: Option<Unclear>,
}

impl Parts {
    pub(super) fn all(&self) -> impl Iterator<Item = &Simple> + Clone {
        self.plain.iter().chain(&self.hidden)
    }
}

/// The parts of a command, those of scripts in it among them.
pub(super) fn parts(text: &str) -> Result<Parts, Unclear> {
    let mut parts = Parts { plain: plain_parts(text)?, hidden: Vec::new(), doubt: None };
    let (mut next, mut left) = (0, MOST);
    for _ in 0..8 {
        let scripts: Vec<_> = parts.all().skip(next).map(Scripts::of).collect();
        next = parts.all().count();
        for Scripts { texts, doubt } in scripts {
            parts.doubt = parts.doubt.or(doubt);
            for text in texts {
                left = left.checked_sub(text.len()).ok_or(Unclear("has very many scripts"))?;
                match parse(&text) {
                    Ok(new) => parts.hidden.extend(new),
                    Err(unclear) => parts.doubt = parts.doubt.or(Some(unclear)),
                }
            }
        }
        if parts.all().count() == next {
            return Ok(parts);
        }
    }
    Err(Unclear("is deeply nested"))
}

/// The parts of a command, those of shells in it among them.
fn plain_parts(text: &str) -> Result<Vec<Simple>, Unclear> {
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
                true => Err(FED),
                false => Ok(parts),
            };
        }
        next = parts.len();
        parts.extend(new);
    }
    Err(Unclear("is deeply nested"))
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
    let is_wrapper = is_wrapper(base(&first.text));
    let (words, is_start): (Vec<Word>, Vec<bool>) = filled(words).into_iter().unzip();
    let count = if is_wrapper { words.len().min(FAR) } else { 1 };
    let starts = || (0..count).filter(|it| is_start[*it]);
    let reading = |from: usize| {
        let mut reading = words[from..words.len().min(from + FAR)].to_vec();
        reading[0].text = base(&reading[0].text).to_owned();
        reading
    };
    let mut readings: Vec<_> = starts().map(reading).collect();
    readings.extend(starts().filter_map(|it| plain_git(&words[it..])));
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
pub(super) fn base(program: &str) -> &str {
    program.rsplit('/').next().unwrap_or(program)
}

pub(super) fn is_wrapper(program: &str) -> bool {
    WRAPPERS.contains(&program)
}

/// Redirections that touch files; what goes to `/dev/null` touches none.
pub(super) fn touched(redirects: &[Redirect]) -> impl Iterator<Item = &Redirect> {
    redirects.iter().filter(|it| {
        let (Redirect::From(word) | Redirect::To(word)) = it;
        word.literal() != Some("/dev/null")
    })
}
