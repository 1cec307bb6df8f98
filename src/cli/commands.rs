//! The commands of a conversation, in one table: what `/help` lists, what is completed and guessed, and
//! what the guide says, all come from it.

use std::fmt::Write;

use crate::cli::likeness::nearest;
use crate::ui::Offer;

/// What may stand behind a command.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Takes {
    Nothing,
    /// Words of the person's own.
    Words,
    /// The name of a session.
    Session,
    /// The name of a model that is here.
    Model,
    /// A key of the configuration.
    Key,
    /// One of these, or words.
    OneOf(&'static [&'static str]),
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Command {
    pub(super) name: &'static str,
    pub(super) also: &'static [&'static str],
    pub(super) takes: Takes,
    /// How that is called.
    pub(super) operand: &'static str,
    pub(super) help: &'static str,
}

const fn plain(name: &'static str, help: &'static str) -> Command {
    Command { name, also: &[], takes: Takes::Nothing, operand: "", help }
}

const fn with(
    name: &'static str,
    takes: Takes,
    operand: &'static str,
    help: &'static str,
) -> Command {
    Command { name, also: &[], takes, operand, help }
}

impl Command {
    const fn also(self, also: &'static [&'static str]) -> Self {
        Self { also, ..self }
    }

    fn is(&self, name: &str) -> bool {
        self.name == name || self.also.contains(&name)
    }
}

pub(super) const ALL: &[Command] = &[
    plain("help", "this list").also(&["?"]),
    plain("undo", "take back what the newest turn changed"),
    plain("redo", "do it again"),
    plain("diff", "what this session changed"),
    with(
        "rewind",
        Takes::Words,
        "[N]",
        "your prompts so far; `/rewind 3` goes back to before the third",
    ),
    plain("retry", "go back to before the newest prompt, and send it again"),
    with(
        "plan",
        Takes::OneOf(&["go", "show"]),
        "[TASK]",
        "the plan; `/plan TASK` plans before it does, `/plan go` goes on with it",
    ),
    with(
        "review",
        Takes::Words,
        "[WHAT]",
        "have what was changed looked through, or what you name",
    ),
    with("test", Takes::Words, "[WHAT]", "have the tests run, and what fails mended"),
    plain("init", "have an AGENTS.md written, which tells the model about this project"),
    with(
        "model",
        Takes::Model,
        "[NAME]",
        "the models there are, to choose one; or the one you name, from now on",
    ),
    with("models", Takes::Words, "[WORDS]", "the models that are here"),
    with(
        "config",
        Takes::Key,
        "[KEY [TO]]",
        "the settings and where each came from; `/config ui.theme light` changes one",
    ),
    with(
        "theme",
        Takes::OneOf(&["dark", "light", "auto", "none"]),
        "NAME",
        "other colours: for a dark or a light background, none, or your own",
    ),
    plain("doctor", "whether all that is needed is there and works"),
    plain("status", "what is worked with, and how"),
    plain("tools", "what the model may call, and what each does"),
    plain("permissions", "what may happen without asking"),
    plain("prompt", "what the model is told before anything else"),
    plain("context", "what fills the model's window"),
    with(
        "compact",
        Takes::Words,
        "[WHAT]",
        "sum up the conversation, to make room; say behind it what to keep",
    ),
    plain("copy", "the newest answer, into the clipboard of your terminal"),
    with("export", Takes::Words, "[FILE]", "write this session down as Markdown, in the project"),
    plain("new", "a new session").also(&["clear"]),
    plain("sessions", "the sessions of this project"),
    with("save", Takes::Words, "NAME", "give this session a name; `/save parser`"),
    with("load", Takes::Session, "NAME|ID", "go on with another session, by its name or id"),
    with("fork", Takes::Words, "[NAME]", "go on from here in a copy; say behind it how to call it"),
    with("delete", Takes::Session, "NAME|ID", "delete another session, by its whole name or id"),
    with("verbose", Takes::OneOf(&["on", "off"]), "[on|off]", "show what the model thinks, or not"),
    plain("exit", "leave (as Ctrl-D)").also(&["quit", "bye"]),
];

const MORE: &str = "  !COMMAND           run a command, confined as the model's are; its output goes with your next prompt
  @FILE              in a prompt: send the file too; `@src/main.rs#10-40` some lines of it, `@src` a folder's list
Tab completes. A line that ends in \\ goes on in the next, and Alt-Enter begins another; Ctrl-G opens your editor,
Ctrl-R looks for an earlier prompt. Ctrl-C stops the work and keeps what was done; twice, it leaves.

While it works:
  what you type stands beneath the rest, and begins your next prompt
  Enter        queue it: it is asked, or the `/command` obeyed, when the turn is over, in its order
  Enter again  have the model told at its next step, while it works
  Esc, Ctrl-C  stop, and keep what was done; what waits comes back into the line. Esc never leaves
  Ctrl-B       let the command that runs go on in the background (in tmux, twice)
  Ctrl-N       enough was thought: answer now (llama-server)";

/// What `/help` says.
pub(super) fn help() -> String {
    let mut text = String::new();
    for it in ALL {
        let also: String = it.also.iter().fold(String::new(), |text, it| text + ", /" + it);
        let also = if also.is_empty() { also } else { format!(" (also {})", &also[2..]) };
        let usage = format!("/{} {}", it.name, it.operand);
        let _ = writeln!(text, "  {usage:<19}{}{also}", it.help);
    }
    text + MORE
}

/// The command that a line begins with, by its own name, and what stands behind it. `None` if the
/// line is none; a path like `/usr/bin` is not.
pub(super) fn parse(line: &str) -> Option<(&str, &str)> {
    let line = line.trim();
    let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let name = word.strip_prefix('/')?;
    let is_name = name == "?"
        || (!name.is_empty()
            && name.chars().all(|it| it.is_alphabetic() || matches!(it, '-' | '_' | ':')));
    let known = ALL.iter().find(|it| it.is(name)).map_or(name, |it| it.name);
    is_name.then_some((known, rest.trim()))
}

/// Why a command with words behind it is not done; for one that takes none.
pub(super) fn takes_nothing(name: &str, rest: &str) -> Option<String> {
    let known = ALL.iter().find(|it| it.name == name)?;
    (known.takes == Takes::Nothing && !rest.is_empty())
        .then(|| format!("`/{name}` takes nothing behind it"))
}

/// What is said to a command that there is not.
pub(super) fn unknown<'a>(word: &str, own: impl Iterator<Item = &'a str>) -> String {
    let names = ALL.iter().flat_map(|it| std::iter::once(&it.name).chain(it.also)).copied();
    match nearest(word, names.chain(own)) {
        Some(it) => format!("there is no command `/{word}`; did you mean `/{it}`?"),
        None => format!("there is no command `/{word}`; `/help` lists them"),
    }
}

/// How a line that begins with `/` may go on.
pub(super) fn offer(line: &str, own: &[String], names: impl FnOnce(Takes) -> Vec<String>) -> Offer {
    let Some(begun) = line.strip_prefix('/') else { return Offer::default() };
    let Some((name, rest)) = begun.split_once(' ') else {
        let names = ALL.iter().map(|it| (it.name, it.takes != Takes::Nothing));
        let names = names.chain(own.iter().map(|it| (&**it, true)));
        let fitting = names.filter(|(it, _)| it.starts_with(begun));
        let words = fitting.map(|(it, more)| format!("{it}{}", if more { " " } else { "" }));
        return Offer { from: 1, words: words.collect() };
    };
    let words = match ALL.iter().find(|it| it.is(name)).map(|it| it.takes) {
        Some(takes @ (Takes::Session | Takes::Model | Takes::Key)) => names(takes),
        Some(Takes::OneOf(words)) => words.iter().map(|it| (*it).to_owned()).collect(),
        _ => Vec::new(),
    };
    let words = words.into_iter().filter(|it| it.starts_with(rest)).collect();
    Offer { from: line.len() - rest.len(), words }
}

/// What belongs behind a line that begins with `/`.
pub(super) fn hint(line: &str) -> Option<String> {
    let begun = line.strip_prefix('/').filter(|it| !it.is_empty())?;
    if let Some(name) = begun.strip_suffix(' ') {
        let known = ALL.iter().find(|it| it.is(name))?;
        return Some(known.operand.to_owned()).filter(|it| !it.is_empty());
    }
    let mut fitting = ALL.iter().filter(|it| it.name.starts_with(begun));
    let (only, None) = (fitting.next()?, fitting.next()) else { return None };
    let rest = &only.name[begun.len()..];
    // Who has typed all of it sees nothing that they have not.
    (!rest.is_empty()).then(|| format!("{rest} {}", only.operand).trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use expect_test::expect_file;

    use super::*;

    fn unknown(word: &str) -> String {
        super::unknown(word, ["deploy"].into_iter())
    }

    #[test]
    fn a_path_is_no_command() {
        assert_eq!(parse("/help"), Some(("help", "")));
        assert_eq!(parse("  /clear "), Some(("new", "")));
        assert_eq!(parse("/modle x  y"), Some(("modle", "x  y")));
        assert_eq!(parse("/usr/bin/env is missing"), None);
        assert_eq!(parse("/ is full"), None);
    }

    #[test]
    fn a_mistyped_command_is_guessed() {
        assert_eq!(unknown("hlep"), "there is no command `/hlep`; did you mean `/help`?");
        assert_eq!(unknown("deplyo"), "there is no command `/deplyo`; did you mean `/deploy`?");
        assert_eq!(unknown("frobnicate"), "there is no command `/frobnicate`; `/help` lists them");
        assert_eq!(unknown("foo"), "there is no command `/foo`; `/help` lists them");
        assert_eq!(takes_nothing("undo", "x").unwrap(), "`/undo` takes nothing behind it");
    }

    #[test]
    fn commands_and_what_they_take_are_completed() {
        let offered = |line: &str| {
            let offer = offer(line, &["deploy".to_owned()], |it| match it {
                Takes::Session => vec!["parser".to_owned()],
                it => vec![format!("{it:?}")],
            });
            (offer.from, offer.words.join("|"))
        };
        assert_eq!(offered("/de"), (1, "delete |deploy ".to_owned()));
        assert_eq!(offered("/plan "), (6, "go|show".to_owned()));
        assert_eq!(offered("/load pa"), (6, "parser".to_owned()));
        assert_eq!(offered("/model "), (7, "Model".to_owned()));
        assert_eq!(offered("/config "), (8, "Key".to_owned()));
        assert_eq!(offered("/undo x"), (6, String::new()));
    }

    #[test]
    fn what_belongs_behind_a_command_is_hinted() {
        assert_eq!(hint("/sav").as_deref(), Some("e NAME"));
        assert_eq!(hint("/save ").as_deref(), Some("NAME"));
        assert_eq!(hint("/re"), None);
        assert_eq!(hint("/undo"), None);
        assert_eq!(hint("/save"), None);
        assert_eq!(hint("/save x"), None);
    }

    #[test]
    fn the_guide_lists_what_there_is() {
        let mut text = "# In a conversation\n\nWhat begins with `/` is a command. This page is made from the table that \
                        `/help` shows; a test holds them equal.\n\n```text\n".to_owned();
        text += &help();
        text += "\n```\n";
        expect_file!["../../docs/guide/conversation.md"].assert_eq(&text);
    }
}
