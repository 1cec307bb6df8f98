//! The commands of a conversation, in one table: what `/help` lists, what is completed and guessed, and
//! what the guide says, all come from it.

use std::fmt::Write;
use std::ops::Range;

use crate::cli::likeness::nearest;
use crate::config::values_of;
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
    /// A theme, of ours or of the person's.
    Theme,
    /// One of these, or words.
    OneOf(&'static [&'static str]),
}

/// What a conversation stands on.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) enum Ground {
    /// A project, with tools, and a session that is kept.
    #[default]
    Project,
    /// The model, and nothing else: `agent chat`.
    Model,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Command {
    pub(super) name: &'static str,
    pub(super) also: &'static [&'static str],
    pub(super) takes: Takes,
    /// How that is called.
    pub(super) operand: &'static str,
    pub(super) help: &'static str,
    /// What it does in `agent chat`, if it is there.
    chat: Option<&'static str>,
}

const fn plain(name: &'static str, help: &'static str) -> Command {
    Command { name, also: &[], takes: Takes::Nothing, operand: "", help, chat: None }
}

const fn with(
    name: &'static str,
    takes: Takes,
    operand: &'static str,
    help: &'static str,
) -> Command {
    Command { name, also: &[], takes, operand, help, chat: None }
}

impl Command {
    const fn also(self, also: &'static [&'static str]) -> Self {
        Self { also, ..self }
    }

    /// It is in `agent chat` too.
    const fn in_chat(self) -> Self {
        self.in_chat_as(self.help)
    }

    /// The same where it does something else there.
    const fn in_chat_as(self, help: &'static str) -> Self {
        Self { chat: Some(help), ..self }
    }

    fn is(&self, name: &str) -> bool {
        self.name == name || self.also.contains(&name)
    }

    /// What it does there, if it does anything.
    fn help_on(&self, ground: Ground) -> Option<&'static str> {
        match ground {
            Ground::Project => Some(self.help),
            Ground::Model => self.chat,
        }
    }
}

pub(super) const ALL: &[Command] = &[
    plain("help", "this list").in_chat().also(&["?"]),
    plain("undo", "take back what the newest turn changed"),
    plain("redo", "do it again"),
    plain("diff", "what this session changed"),
    with(
        "rewind",
        Takes::Words,
        "[N]",
        "your prompts so far; `/rewind 3` goes back to before the third",
    )
    .in_chat(),
    plain("retry", "go back to before the newest prompt, and send it again").in_chat(),
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
    )
    .in_chat(),
    with("models", Takes::Words, "[WORDS]", "the models that are here").in_chat(),
    with(
        "config",
        Takes::Key,
        "[KEY [TO]]",
        "the settings and where each came from; `/config ui.theme light` changes one",
    )
    .in_chat(),
    with(
        "theme",
        Takes::Theme,
        "NAME",
        "other colours: for a dark or a light background, none, or your own",
    )
    .in_chat(),
    plain("doctor", "whether all that is needed is there and works").in_chat(),
    plain("status", "what is worked with, and how").in_chat(),
    plain("tools", "what the model may call, and what each does"),
    plain("permissions", "what may happen without asking"),
    plain("prompt", "what the model is told before anything else").in_chat(),
    plain("context", "what fills the model's window").in_chat(),
    with(
        "compact",
        Takes::Words,
        "[WHAT]",
        "sum up the conversation, to make room; say behind it what to keep",
    )
    .in_chat(),
    plain("copy", "the newest answer, into the clipboard of your terminal").in_chat(),
    with(
        "export",
        Takes::Words,
        "[FILE]",
        "write this session down as Markdown: in the project, unless you say where",
    )
    .in_chat_as("write what was said down as Markdown, in this folder"),
    plain("new", "a new session").in_chat_as("begin anew").also(&["clear"]),
    plain("sessions", "the sessions of this project"),
    with("save", Takes::Words, "NAME", "give this session a name; `/save parser`"),
    with("load", Takes::Session, "NAME|ID", "go on with another session, by its name or id"),
    with("fork", Takes::Words, "[NAME]", "go on from here in a copy; say behind it how to call it"),
    with("delete", Takes::Session, "NAME|ID", "delete another session, by its whole name or id"),
    with("verbose", Takes::OneOf(&["on", "off"]), "[on|off]", "show what the model thinks, or not")
        .in_chat(),
    plain("exit", "leave (as Ctrl-D)").in_chat().also(&["quit", "bye"]),
];

const FILES: &str = "  !COMMAND           run a command, confined as the model's are; its output goes with your next prompt
  @FILE              in a prompt: send the file too; `@src/main.rs#10-40` some lines of it, `@src` a folder's list,
                     `@\"my notes.md\"` a name with blanks
";

const LINES: &str = "
While you type:
  Tab          completes what was begun
  Alt-Enter    begins another line, as Enter does behind a \\
  Ctrl-R       looks for an earlier prompt
  Ctrl-G       opens your editor
  Ctrl-C       gives up the line; in an empty one, twice, it leaves

While it works:
  what you type stands beneath the rest, and begins your next prompt
  Enter        queue it: it is asked, or the `/command` obeyed, when the turn is over, in its order
";

const STEPS: &str = "  Enter again  have the model told at its next step, while it works
";

const STOP: &str = "  Esc, Ctrl-C  stop, and keep what was done; what waits comes back into the line. Esc never leaves
";

const ASIDE: &str =
    "  Ctrl-B       let the command that runs go on in the background (in tmux, twice)
";

const HURRY: &str = "  Ctrl-N       enough was thought: answer now (llama-server)";

/// What `/help` says.
pub(super) fn help(ground: Ground) -> String {
    let mut text = String::new();
    for (it, help) in on(ground) {
        let also: String = it.also.iter().fold(String::new(), |text, it| text + ", /" + it);
        let also = if also.is_empty() { also } else { format!(" (also {})", &also[2..]) };
        let usage = format!("/{} {}", it.name, it.operand);
        let _ = writeln!(text, "  {usage:<19}{help}{also}");
    }
    text + &match ground {
        Ground::Project => [FILES, LINES, STEPS, STOP, ASIDE, HURRY].concat(),
        Ground::Model => [LINES, STOP, HURRY].concat(),
    }
}

/// The commands there, and what each does.
fn on(ground: Ground) -> impl Iterator<Item = (&'static Command, &'static str)> {
    ALL.iter().filter_map(move |it| Some((it, it.help_on(ground)?)))
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

/// Where a line names a command that is there.
pub(super) fn meant(line: &str, ground: Ground, own: &[String]) -> Option<Range<usize>> {
    let (name, _) = parse(line)?;
    let is_ours = on(ground).any(|(it, _)| it.is(name));
    let end = line.find(char::is_whitespace).unwrap_or(line.len());
    (is_ours || own.iter().any(|it| it == name)).then_some(0..end)
}

/// Why a command with words behind it is not done; for one that takes none.
pub(super) fn takes_nothing(name: &str, rest: &str) -> Option<String> {
    let known = ALL.iter().find(|it| it.name == name)?;
    (known.takes == Takes::Nothing && !rest.is_empty())
        .then(|| format!("`/{name}` takes nothing behind it"))
}

/// Why a command of ours is not to be had there, if it is not.
pub(super) fn is_missing(name: &str, ground: Ground) -> Option<String> {
    let known = ALL.iter().find(|it| it.name == name)?;
    known
        .help_on(ground)
        .is_none()
        .then(|| format!("`agent chat` has no `/{name}`: it has no project, and keeps nothing"))
}

/// What is said to a command that there is not.
pub(super) fn unknown<'a>(
    word: &str,
    ground: Ground,
    own: impl Iterator<Item = &'a str>,
) -> String {
    let names = on(ground).flat_map(|(it, _)| std::iter::once(&it.name).chain(it.also)).copied();
    match nearest(word, names.chain(own)) {
        Some(it) => format!("there is no command `/{word}`; did you mean `/{it}`?"),
        None => format!("there is no command `/{word}`; `/help` lists them"),
    }
}

fn named(name: &str, ground: Ground) -> Option<&'static Command> {
    on(ground).map(|(it, _)| it).find(|it| it.is(name))
}

/// How a line that begins with `/` may go on.
pub(super) fn offer(
    line: &str,
    (ground, own): (Ground, &[String]),
    names: impl FnOnce(Takes) -> Vec<String>,
) -> Offer {
    let Some(begun) = line.strip_prefix('/') else { return Offer::default() };
    let Some((name, rest)) = begun.split_once(' ') else {
        let names = on(ground).map(|(it, _)| (it.name, it.takes != Takes::Nothing));
        let names = names.chain(own.iter().map(|it| (&**it, true)));
        let fitting = names.filter(|(it, _)| it.starts_with(begun));
        let words = fitting.map(|(it, more)| format!("{it}{}", if more { " " } else { "" }));
        return Offer { from: 1, words: words.collect() };
    };
    let takes = named(name, ground).map(|it| it.takes);
    if let Some((key, begun)) = rest.split_once(' ').filter(|_| takes == Some(Takes::Key)) {
        let words = values_of(key).into_iter().filter(|it| it.starts_with(begun)).collect();
        return Offer { from: line.len() - begun.len(), words };
    }
    let words = match takes {
        Some(takes @ (Takes::Session | Takes::Model | Takes::Key | Takes::Theme)) => names(takes),
        Some(Takes::OneOf(words)) => words.iter().map(|it| (*it).to_owned()).collect(),
        _ => Vec::new(),
    };
    let words = words.into_iter().filter(|it| it.starts_with(rest)).collect();
    Offer { from: line.len() - rest.len(), words }
}

/// What belongs behind a line that begins with `/`.
pub(super) fn hint(line: &str, ground: Ground) -> Option<String> {
    let begun = line.strip_prefix('/').filter(|it| !it.is_empty())?;
    if let Some(name) = begun.strip_suffix(' ') {
        let known = named(name, ground)?;
        return Some(known.operand.to_owned()).filter(|it| !it.is_empty());
    }
    let mut fitting = on(ground).map(|(it, _)| it).filter(|it| it.name.starts_with(begun));
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
        super::unknown(word, Ground::Project, ["deploy"].into_iter())
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
            let offer = offer(line, (Ground::Project, &["deploy".to_owned()]), |it| match it {
                Takes::Session => vec!["parser".to_owned()],
                it => vec![format!("{it:?}")],
            });
            (offer.from, offer.words.join("|"))
        };
        assert_eq!(offered("/config ui.keys v"), (16, "vi".to_owned()));
        assert_eq!(offered("/config nosuch v"), (15, String::new()));
        assert_eq!(offered("/de"), (1, "delete |deploy ".to_owned()));
        assert_eq!(offered("/plan "), (6, "go|show".to_owned()));
        assert_eq!(offered("/load pa"), (6, "parser".to_owned()));
        assert_eq!(offered("/model "), (7, "Model".to_owned()));
        assert_eq!(offered("/config "), (8, "Key".to_owned()));
        assert_eq!(offered("/theme "), (7, "Theme".to_owned()));
        assert_eq!(offered("/undo x"), (6, String::new()));
    }

    #[test]
    fn what_belongs_behind_a_command_is_hinted() {
        assert_eq!(hint("/sav", Ground::Project).as_deref(), Some("e NAME"));
        assert_eq!(hint("/save ", Ground::Project).as_deref(), Some("NAME"));
        assert_eq!(hint("/re", Ground::Project), None);
        assert_eq!(hint("/undo", Ground::Project), None);
        assert_eq!(hint("/save", Ground::Project), None);
        assert_eq!(hint("/save x", Ground::Project), None);
    }

    #[test]
    fn the_guide_lists_what_there_is() {
        let mut text = "# In a conversation\n\nWhat begins with `/` is a command. This page is made from the table that \
                        `/help` shows; a test holds them equal.\n\n```text\n".to_owned();
        text += &help(Ground::Project);
        text += "\n```\n\n`agent chat`, which has no project and keeps nothing, has ";
        let there = on(Ground::Model).map(|(it, _)| format!("`/{}`", it.name));
        text += &there.collect::<Vec<_>>().join(", ");
        text += ", and the same keys but Ctrl-B and Enter again.\n\n\
                 While a single task is worked on (`agent \"…\"`) they are the same too, but nothing follows it: what was \
                 queued and not\nsaid at a step is shown when it is over, for you to enter it where it belongs.\n";
        expect_file!["../../docs/guide/conversation.md"].assert_eq(&text);
    }
}
