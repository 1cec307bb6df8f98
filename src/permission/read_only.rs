//! Commands that only look, for which nobody needs to be asked.
//!
//! A short list of programs, each with the options it may have: what is not listed may write a file
//! or start another program, and GNU programs take any unambiguous beginning of a long option for
//! the whole. Words that could become an option later, and paths out of the project, do not pass;
//! nor does a pattern where operands are counted, for it may become any number of them.

use crate::permission::shell::{Form, Word};

/// A program and what it may be given.
struct Program {
    name: &'static str,
    options: Options,
    operands: Operands,
}

enum Options {
    /// No option of it does any harm.
    All,
    /// Letters, `:` behind those that take a value, and whole words.
    Only(&'static str, &'static [&'static str]),
}

enum Operands {
    Any,
    AtMost(usize),
    /// `+FORMAT`.
    Format,
}

const ANY: Operands = Operands::Any;

const PROGRAMS: &[Program] = &[
    Program { name: "basename", options: Options::All, operands: ANY },
    Program { name: "cat", options: Options::All, operands: ANY },
    Program { name: "cmp", options: Options::All, operands: ANY },
    Program { name: "cut", options: Options::All, operands: ANY },
    Program { name: "date", options: Options::Only("uI", &["--utc"]), operands: Operands::Format },
    Program { name: "diff", options: Options::All, operands: ANY },
    Program { name: "dirname", options: Options::All, operands: ANY },
    Program { name: "du", options: Options::All, operands: ANY },
    Program { name: "echo", options: Options::All, operands: ANY },
    Program { name: "false", options: Options::All, operands: ANY },
    Program { name: "grep", options: Options::All, operands: ANY },
    Program { name: "head", options: Options::All, operands: ANY },
    Program { name: "ls", options: Options::All, operands: ANY },
    // `-v` would evaluate its operand.
    Program { name: "printf", options: Options::Only("", &[]), operands: ANY },
    Program { name: "pwd", options: Options::All, operands: ANY },
    Program { name: "realpath", options: Options::All, operands: ANY },
    Program {
        name: "rg",
        options: Options::Only(
            "nNilLcHoOvwxFSsuUeg:tT:A:B:C:m:",
            &["--files", "--hidden", "--no-ignore", "--count", "--line-number", "--ignore-case"],
        ),
        operands: ANY,
    },
    Program {
        name: "sort",
        options: Options::Only(
            "bdfghinrRsuVzcMk:t:",
            &["--reverse", "--unique", "--numeric-sort", "--human-numeric-sort"],
        ),
        operands: ANY,
    },
    Program { name: "stat", options: Options::All, operands: ANY },
    Program { name: "tail", options: Options::All, operands: ANY },
    Program { name: "test", options: Options::Only("", TEST), operands: ANY },
    Program { name: "[", options: Options::Only("", TEST), operands: ANY },
    Program { name: "tr", options: Options::All, operands: ANY },
    Program { name: "true", options: Options::All, operands: ANY },
    // Its second operand is where it writes.
    Program {
        name: "uniq",
        options: Options::Only("cdiuz", &["--count"]),
        operands: Operands::AtMost(1),
    },
    Program { name: "wc", options: Options::All, operands: ANY },
    Program { name: "which", options: Options::All, operands: ANY },
];

/// What `test` may test. `-v` and `-R` would evaluate their operand.
const TEST: &[&str] = &[
    "-a", "-d", "-e", "-eq", "-f", "-ge", "-gt", "-h", "-L", "-le", "-lt", "-n", "-ne", "-nt",
    "-o", "-ot", "-r", "-s", "-w", "-x", "-z",
];

/// What may stand in a `find`. It has no abbreviations.
const FIND: &[&str] = &[
    "-name",
    "-iname",
    "-path",
    "-ipath",
    "-type",
    "-maxdepth",
    "-mindepth",
    "-size",
    "-mtime",
    "-mmin",
    "-newer",
    "-empty",
    "-not",
    "-o",
    "-or",
    "-a",
    "-and",
    "-print",
    "-print0",
    "-prune",
    "-regex",
    "-iregex",
    "-L",
    "-H",
    "-P",
];

/// Subcommands of git that only look, and their options.
const GIT: &[(&str, &[&str])] = &[
    ("status", &["-s", "--short", "-b", "--branch", "--porcelain", "--ignored"]),
    (
        "log",
        &[
            "--oneline",
            "--stat",
            "-p",
            "--patch",
            "--graph",
            "--all",
            "--decorate",
            "--name-only",
            "--name-status",
            "--reverse",
            "--no-merges",
            "--merges",
            "--follow",
            "--no-color",
        ],
    ),
    (
        "diff",
        &[
            "--stat",
            "--cached",
            "--staged",
            "--name-only",
            "--name-status",
            "--numstat",
            "-w",
            "--word-diff",
            "--check",
            "--no-color",
        ],
    ),
    ("show", &["--stat", "--name-only", "--name-status", "-s", "--oneline", "--no-color"]),
    ("blame", &["-w", "-s", "-e"]),
    ("ls-files", &["-m", "-o", "-c", "-d", "-s", "--others", "--exclude-standard"]),
    ("rev-parse", &["--show-toplevel", "--abbrev-ref", "--short", "--git-dir", "--verify"]),
    // With a name it makes one.
    ("branch", &["-a", "-r", "-v", "-vv", "--all", "--show-current", "--list"]),
];

/// Whether the words only look at the project. `is_inside` tells of a path whether it lies there.
pub(super) fn is_read_only(words: &[Word], is_inside: &dyn Fn(&str) -> bool) -> bool {
    let Some((name, args)) = words.split_first() else { return false };
    let Some(name) = name.literal() else { return false };
    if !args.iter().all(|it| is_plain(it, is_inside)) {
        return false;
    }
    let has_pattern = args.iter().any(|it| it.form != Form::Literal);
    let args: Vec<&str> = args.iter().map(|it| &*it.text).collect();
    match name {
        "find" => args.iter().all(|it| !it.starts_with('-') || FIND.contains(it) || is_number(it)),
        "git" => git(&args),
        "sed" => {
            matches!(&args[..], ["-n", script, ..] if prints_lines(script))
                && args[2..].iter().all(|it| !it.starts_with('-'))
        }
        _ => PROGRAMS.iter().any(|it| {
            let is_counted = !matches!(it.operands, Operands::Any);
            it.name == name && !(is_counted && has_pattern) && it.takes(&args)
        }),
    }
}

/// A word that stays what it is, and leads nowhere out of the project.
fn is_plain(word: &Word, is_inside: &dyn Fn(&str) -> bool) -> bool {
    let text = &*word.text;
    let is_option = text.starts_with('-');
    let may_become_option = text.starts_with(['*', '?', '[']);
    match word.form {
        Form::Unknown => return false,
        Form::Glob if may_become_option => return false,
        Form::Glob | Form::Literal => {}
    }
    // An option may hold a path, too.
    let climbs = text.split(['/', '=', ':']).any(|it| it == "..");
    if is_option {
        !text.contains('/') && !climbs
    } else {
        !climbs && (!text.contains('/') || is_inside(text))
    }
}

impl Program {
    fn takes(&self, args: &[&str]) -> bool {
        let mut operands = 0;
        let (mut only_operands, mut is_value) = (false, false);
        for arg in args {
            if std::mem::take(&mut is_value) {
                continue;
            }
            if only_operands || !arg.starts_with('-') || *arg == "-" {
                operands += 1;
                match self.operands {
                    Operands::Any => {}
                    Operands::AtMost(most) if operands <= most => {}
                    Operands::Format if arg.starts_with('+') => {}
                    _ => return false,
                }
            } else if *arg == "--" {
                only_operands = true;
            } else {
                match &self.options {
                    Options::All => {}
                    Options::Only(_, whole) if whole.contains(arg) => {}
                    Options::Only(..) if arg.starts_with("--") => return false,
                    Options::Only(short, _) => match letters(short, &arg[1..]) {
                        None => return false,
                        Some(wants_value) => is_value = wants_value,
                    },
                }
            }
        }
        true
    }
}

/// Whether a cluster of letters ends in one that wants the next word; `None` if one is not known.
fn letters(known: &str, cluster: &str) -> Option<bool> {
    for (at, letter) in cluster.char_indices() {
        if letter.is_ascii_digit() {
            continue;
        }
        let found = known.find(letter).filter(|_| letter != ':')?;
        if known[found + 1..].starts_with(':') {
            return Some(at + 1 == cluster.len());
        }
    }
    Some(false)
}

fn git(args: &[&str]) -> bool {
    let Some((command, rest)) = args.split_first() else { return false };
    let Some((_, options)) = GIT.iter().find(|(name, _)| name == command) else { return false };
    let is_branch = *command == "branch";
    rest.iter().all(|it| match it.strip_prefix('-') {
        // How many commits, as in `-5` and `-n5`.
        Some(it) if it.trim_start_matches('n').parse::<u32>().is_ok() => !is_branch,
        Some("" | "-" | "n") => !is_branch,
        Some(_) => options.contains(it),
        None => !is_branch,
    })
}

/// As in `sed -n 5,20p`.
fn prints_lines(script: &str) -> bool {
    let Some(range) = script.strip_suffix('p') else { return false };
    range.split(',').count() <= 2
        && range.split(',').all(|it| it == "$" || it.parse::<u32>().is_ok())
}

/// As in `-mtime -1`.
fn is_number(word: &str) -> bool {
    let digits = word.trim_start_matches('-').trim_end_matches(|it: char| it.is_ascii_alphabetic());
    !digits.is_empty() && digits.chars().all(|it| it.is_ascii_digit())
}

#[cfg(test)]
mod tests;
