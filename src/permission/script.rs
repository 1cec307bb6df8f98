//! Scripts among the words of a command: what a shell in it, or a program that calls one, would run.
//!
//! For rules that forbid, so whatever could be a script is one.

use crate::permission::command::{FAR, base, is_wrapper};
use crate::permission::shell::{Form, Simple, Unclear, Word};

/// Shells, whose `-c` is a command again.
pub(super) const SHELLS: &[&str] = &["ash", "bash", "dash", "ksh", "mksh", "sh", "zsh"];

/// Files that are what a shell is fed.
const INPUT: &[&str] = &["-", "/dev/fd/0", "/dev/stdin", "/proc/self/fd/0"];

/// Programs that have a shell run some of their words, each by itself or all from one on.
const CALLERS: &[&str] = &[
    "entr",
    "flock",
    "hyperfine",
    "parallel",
    "runuser",
    "screen",
    "script",
    "sem",
    "sg",
    "ssh",
    "su",
    "tmux",
    "watch",
];

/// Programs that write what they read or find into the commands they run.
const FILLING: &[&str] = &["find", "parallel", "sem", "xargs"];

/// Behind these in a `find` stands a program.
const EXEC: &[&str] = &["-exec", "-execdir", "-ok", "-okdir"];

/// What sets variables that its words name.
const SETTERS: &[&str] = &["declare", "export", "readonly", "typeset"];

/// Variables by which a program does something else than its words say.
const ESTRANGING: &[&str] =
    &["BASHOPTS", "BASH_ENV", "GIT_EXEC_PATH", "IFS", "LD_AUDIT", "LD_PRELOAD", "PS4", "SHELLOPTS"];

/// Variables that hold a command.
const COMMANDS: &[&str] = &[
    "EDITOR",
    "GIT_ASKPASS",
    "GIT_EDITOR",
    "GIT_EXTERNAL_DIFF",
    "GIT_PAGER",
    "GIT_PROXY_COMMAND",
    "GIT_SEQUENCE_EDITOR",
    "GIT_SSH",
    "GIT_SSH_COMMAND",
    "LESSOPEN",
    "MANPAGER",
    "PAGER",
    "PROMPT_COMMAND",
    "SSH_ASKPASS",
    "VISUAL",
];

const UNKNOWN: Unclear = Unclear("has a text run as a command that is not known before");

pub(super) const FED: Unclear = Unclear("has a shell read what to run from elsewhere");

/// What a shell is told to run.
#[derive(Debug, PartialEq)]
pub(super) enum Told<'a> {
    Script(&'a str),
    File,
    /// What comes by a pipe, from a here-document, or is typed.
    Input,
    Nothing,
}

/// What the shell that these words start runs; `None` if they start none.
pub(super) fn told(words: &[Word]) -> Option<Told<'_>> {
    let [program, rest @ ..] = words else { return None };
    match base(&program.text) {
        "." | "source" => {
            let is_input = rest.first().is_some_and(|it| INPUT.contains(&&*it.text));
            return Some(if is_input { Told::Input } else { Told::File });
        }
        it if SHELLS.contains(&it) => {}
        _ => return None,
    }
    let mut rest = rest.iter();
    let (mut is_script, mut is_input) = (false, false);
    let operand = loop {
        let Some(word) = rest.next() else { break None };
        match &*word.text {
            "--help" | "--version" => return Some(Told::Nothing),
            "--rcfile" | "--init-file" => _ = rest.next(),
            "--" => break rest.next(),
            it if INPUT.contains(&it) => break Some(word),
            it if it.starts_with("--") => {}
            it if it.starts_with(['-', '+']) => {
                is_script |= it.starts_with('-') && it.contains('c');
                is_input |= it.contains('s');
                if it.ends_with(['o', 'O']) {
                    rest.next();
                }
            }
            _ => break Some(word),
        }
    };
    let is_fed = |it: &Word| INPUT.contains(&&*it.text) || it.text.starts_with("<(");
    Some(match operand {
        Some(script) if is_script => script.literal().map_or(Told::Input, Told::Script),
        Some(file) if !is_input && !is_fed(file) => Told::File,
        _ => Told::Input,
    })
}

/// Whether these words start a shell whose script does not stand among them or in a file.
pub(super) fn is_fed(words: &[Word]) -> bool {
    let Some(first) = words.first() else { return false };
    let wrapper = base(&first.text);
    let count = if is_wrapper(wrapper) { words.len().min(FAR) } else { 1 };
    (0..count).any(|at| {
        let before = at.checked_sub(1).map(|it| &*words[it].text);
        // There the name of a shell is only asked for.
        let is_named = matches!(
            (wrapper, before),
            ("command", Some("-v" | "-V")) | ("find", Some("-name" | "-iname" | "-path"))
        );
        !is_named && told(&words[at..]) == Some(Told::Input)
    })
}

/// The scripts in a part of a command.
#[derive(Debug, Default)]
pub(super) struct Scripts {
    pub(super) texts: Vec<String>,
    /// Why there may be more, or the part may not do what it says.
    pub(super) doubt: Option<Unclear>,
}

impl Scripts {
    pub(super) fn of(part: &Simple) -> Self {
        let mut scripts = Self::default();
        for it in &part.assignments {
            scripts.assigned(&it.name, &it.value.text, it.value.form);
        }
        let Some(first) = part.words.first() else { return scripts };
        let first = base(&first.text);
        let words = &part.words[..part.words.len().min(FAR)];
        if is_wrapper(first) && words.len() < part.words.len() {
            scripts.doubt = Some(Unclear("has very many words"));
        }
        if is_fed(&part.words) {
            scripts.doubt = Some(FED);
        }
        if first == "alias" {
            scripts.doubt = Some(Unclear("gives programs other names"));
        }
        if is_wrapper(first) || SETTERS.contains(&first) {
            for it in words {
                if let Some((name, value)) = it.text.trim_start_matches('"').split_once('=') {
                    scripts.assigned(name, value, it.form);
                }
            }
        }
        let count = if is_wrapper(first) { words.len() } else { 1 };
        for at in 0..words.len() {
            if let Some(Told::Script(script)) = told(&words[at..]) {
                scripts.texts.push(script.to_owned());
            }
            if at < count {
                scripts.called(&words[at..]);
            }
        }
        if let Some(place) = placeholder(words) {
            scripts.texts.iter_mut().for_each(|it| *it = it.replace(&place, "$x"));
        }
        scripts
    }

    fn assigned(&mut self, name: &str, value: &str, form: Form) {
        if ESTRANGING.contains(&name)
            || ["GIT_CONFIG", "BASH_FUNC"].iter().any(|it| name.starts_with(it))
        {
            self.doubt = Some(Unclear("sets a variable that changes what programs do"));
        } else if COMMANDS.contains(&name) {
            self.texts.push(value.to_owned());
            if form != Form::Literal {
                self.doubt = Some(UNKNOWN);
            }
        }
    }

    /// What the program that these words start has a shell run, if it is one that does.
    fn called(&mut self, words: &[Word]) {
        let (program, rest) = (base(&words[0].text), &words[1..]);
        let joined = |words: &[Word]| -> String {
            words.iter().map(|it| &*it.text).collect::<Vec<_>>().join(" ")
        };
        let operands = match rest.first() {
            Some(it) if it.text == "--" => &rest[1..],
            _ => rest,
        };
        let said = match program {
            "eval" => operands,
            // What comes behind it are signals.
            "trap" if 1 < operands.len() => &operands[..1],
            "env" => {
                let is_split = |it: &Word| {
                    it.text.starts_with("--s") || it.text.starts_with('-') && it.text.contains('S')
                };
                match rest.iter().position(is_split) {
                    Some(at) => &rest[at..],
                    None => return,
                }
            }
            it if CALLERS.contains(&it) => rest,
            _ => return,
        };
        if said.iter().any(|it| it.form == Form::Unknown) {
            self.doubt = Some(UNKNOWN);
        }
        if matches!(program, "eval" | "trap") {
            return self.texts.push(joined(said));
        }
        // Behind it stands what is written into the command.
        let end = said.iter().position(|it| it.text.starts_with(":::")).unwrap_or(said.len());
        let filled = if FILLING.contains(&program) { " $x" } else { "" };
        for at in 0..end {
            let (text, behind) = (&*said[at].text, joined(&said[at + 1..end]));
            for start in starts(text) {
                self.texts.push(start.to_owned());
                self.texts.push(format!("{start} {behind}{filled}"));
            }
        }
    }
}

/// Where a script may begin in a word: with it, or as the value of an option that it is.
fn starts(word: &str) -> Vec<&str> {
    if !word.starts_with('-') {
        return vec![word];
    }
    let value = match word.starts_with("--") {
        true => word.split_once('='),
        false => word.split_once(['c', 'S', 's']),
    };
    value.map(|it| it.1).filter(|it| !it.is_empty()).into_iter().collect()
}

/// What `find`, `xargs` and the like put something else for.
fn placeholder(words: &[Word]) -> Option<String> {
    words.iter().find(|it| FILLING.contains(&base(&it.text)))?;
    let mut words = words.iter().map(|it| &*it.text);
    let given = words.find(|it| it.starts_with("-I")).map(|it| match it.strip_prefix("-I") {
        Some(glued) if !glued.is_empty() => glued.to_owned(),
        _ => words.next().unwrap_or_default().to_owned(),
    });
    Some(given.filter(|it| !it.is_empty()).unwrap_or_else(|| "{}".to_owned()))
}

/// The words as they may be when they are run: what is written into them is unknown, and so is what
/// is added to them. With each goes whether a program may stand there.
pub(super) fn filled(words: &[Word]) -> Vec<(Word, bool)> {
    let Some(place) = placeholder(words) else {
        return words.iter().map(|it| (it.clone(), true)).collect();
    };
    let unknown = || Word { text: "$x".to_owned(), form: Form::Unknown };
    let end = words.iter().position(|it| it.text.starts_with(":::")).unwrap_or(words.len());
    let mut filled = Vec::new();
    for (at, word) in words[..end].iter().enumerate() {
        let before = at.checked_sub(1).map_or("", |it| &*words[it].text);
        let is_start = EXEC.contains(&before) || before.starts_with("-I") || before == place;
        match word.text.contains(&place) {
            true => filled.push((unknown(), is_start && before != "-I")),
            false => filled.push((word.clone(), true)),
        }
    }
    if words.iter().any(|it| ["parallel", "sem", "xargs"].contains(&base(&it.text))) {
        filled.push((unknown(), false));
    }
    filled
}
