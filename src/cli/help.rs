//! `agent help`: guides that are compiled in, and what clap knows of each command.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io::IsTerminal;

use anyhow::anyhow;
use clap::{Command, CommandFactory, FromArgMatches};

use crate::cli::args::Typed;
use crate::cli::likeness::nearest;
use crate::cli::surroundings::{Surroundings, may_colour};
use crate::cli::{Exit, WrongUsage, paging, print};
use crate::ui::{PageStyle, page};

/// Subcommands that belong together, in the order in which they are needed.
const GROUPS: &[(&str, &[&str])] = &[
    ("Work", &["explain", "review", "commit", "test", "refactor", "chat", "demo"]),
    ("Sessions", &["sessions", "undo", "redo", "diff"]),
    ("Models", &["models", "engine", "server", "bench"]),
    ("Safety", &["sandbox", "selftest", "trust"]),
    ("Setup", &["config", "prompt", "doctor", "version", "completions", "help"]),
];

struct Guide {
    name: &'static str,
    about: &'static str,
    text: &'static str,
}

/// A guide lies in `docs/guide` under its name.
macro_rules! guide {
    ($name:literal, $about:literal) => {
        Guide {
            name: $name,
            about: $about,
            text: include_str!(concat!("../../docs/guide/", $name, ".md")),
        }
    };
}

const GUIDES: &[Guide] = &[
    guide!("first-run", "from nothing to a first answer"),
    guide!("models", "find, fetch, choose and keep models"),
    guide!("engine", "the llama-server that runs them"),
    guide!("server", "models for other programs, chat and bench"),
    guide!("conversation", "commands and keys at the prompt"),
    guide!("plans", "a plan first, then step by step"),
    guide!("sessions", "resume, rewind, fork, undo, export"),
    guide!("permissions", "what may happen, rules, and what confines commands"),
    guide!("checks", "explain, review, commit, test, refactor; checks after an edit"),
    guide!("instructions", "what the model is told: AGENTS.md, prompts, the window"),
    guide!("tools", "tools and commands of your own"),
    guide!("configuration", "every setting, its default, and where it comes from"),
    guide!("headless", "for scripts and programs: JSON, limits, exit status"),
    guide!("security", "what is trusted, what is not, what holds it"),
    guide!("troubleshooting", "each message, and what to do"),
    guide!("comparison", "how it differs from other programs, with figures"),
];

/// What was typed. Help shows the subcommands in their groups.
pub(super) fn parse(args: impl Iterator<Item = OsString>) -> Result<Typed, clap::Error> {
    let mut command = in_groups(Typed::command());
    let mut matches = command.try_get_matches_from_mut(args)?;
    Typed::from_arg_matches_mut(&mut matches).map_err(|err| err.format(&mut command))
}

/// All that can be typed, for the man page.
#[cfg(test)]
pub(super) fn whole() -> Command {
    Typed::command().override_usage("agent [OPTIONS] [PROMPT]...\nagent COMMAND")
}

fn in_groups(mut command: Command) -> Command {
    let (short, long) = (names(), grouped(&command));
    for (_, group) in GROUPS {
        // Told above, so not a second time.
        for name in *group {
            command = command.mut_subcommand(name, |it| it.hide(true));
        }
    }
    let usage = "agent [OPTIONS] [PROMPT]...  or  agent COMMAND";
    command.before_help(short).before_long_help(long).override_usage(usage)
}

/// A line a group, for a screen that has no room.
fn names() -> String {
    let line = |(title, names): &(&str, &[&str])| format!("{title:9} {}", names.join(", "));
    GROUPS.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// A line a subcommand, by group.
fn grouped(command: &Command) -> String {
    let mut text = String::new();
    for (title, names) in GROUPS {
        text += &format!("{title}:\n");
        for name in *names {
            let about = command.find_subcommand(name).and_then(Command::get_about);
            let about = about.map(ToString::to_string).unwrap_or_default();
            text += &format!("  {name:12} {about}\n");
        }
        text += "\n";
    }
    text.trim_end().to_owned()
}

pub(super) fn help(around: &Surroundings, words: &[String]) -> anyhow::Result<Exit> {
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    let text = match *words.as_slice() {
        [] => listed(),
        [name] => match GUIDES.iter().find(|it| it.name == name) {
            Some(guide) => {
                paging::print_paged(around, &laid_out(around, guide))?;
                return Ok(Exit::Done);
            }
            None => of_command(&[name])?,
        },
        _ => of_command(&words)?,
    };
    print(&text)?;
    Ok(Exit::Done)
}

/// All that `agent help` knows.
pub(super) fn topics() -> Vec<String> {
    let commands = GROUPS.iter().flat_map(|(_, names)| *names).copied();
    let names: BTreeSet<_> = GUIDES.iter().map(|it| it.name).chain(commands).collect();
    names.into_iter().map(str::to_owned).collect()
}

fn listed() -> String {
    let mut text = "Guides, as in `agent help models`:\n".to_owned();
    for guide in GUIDES {
        text += &format!("  {:15} {}\n", guide.name, guide.about);
    }
    let commands = grouped(&Typed::command());
    text + &format!(
        "\n{commands}\n\n`agent help COMMAND` has its options, as `agent COMMAND --help` does.\n"
    )
}

/// As it was written where nobody looks.
fn laid_out(around: &Surroundings, guide: &Guide) -> String {
    let stdout = std::io::stdout();
    // A mark for the test that runs what stands in guides.
    let mut text = guide.text.replace("console not run", "console");
    if Typed::command().find_subcommand(guide.name).is_some() {
        text += &format!("\n`agent {} --help` lists the options of the command.\n", guide.name);
    }
    if !stdout.is_terminal() {
        return text;
    }
    let size = rustix::termios::tcgetwinsize(&stdout);
    let width = size.map_or(80, |it| usize::from(it.ws_col).clamp(20, 100));
    let style = PageStyle { width, is_coloured: may_colour(), is_light: around.is_light() };
    page(&text, style)
}

/// What clap says of a subcommand, or of one of its own.
fn of_command(words: &[&str]) -> anyhow::Result<String> {
    let mut command = Typed::command();
    command.build();
    let mut found = &mut command;
    for word in words {
        if found.find_subcommand(word).is_none() {
            return Err(anyhow!(WrongUsage(unknown(found, word))));
        }
        found = found.find_subcommand_mut(word).expect("it was just found");
    }
    let help = found.render_long_help();
    Ok(if std::io::stdout().is_terminal() && may_colour() {
        help.ansi().to_string()
    } else {
        help.to_string()
    })
}

fn unknown(among: &Command, word: &str) -> String {
    let is_whole = among.get_name() == "agent";
    let shown = among.get_subcommands().filter(|it| !it.is_hide_set()).map(Command::get_name);
    let guides = GUIDES.iter().map(|it| it.name).filter(|_| is_whole);
    match nearest(word, guides.chain(shown)) {
        Some(near) => format!("there is no help for `{word}`; did you mean `{near}`?"),
        None if is_whole => {
            format!("there is no help for `{word}`\nhint: `agent help` lists what there is")
        }
        None => format!(
            "`{}` has no subcommand `{word}`\nhint: `{0} --help` lists them",
            among.get_bin_name().unwrap_or_default()
        ),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn each_subcommand_is_in_one_group() {
        let command = Typed::command();
        let shown = command.get_subcommands().filter(|it| !it.is_hide_set());
        let mut shown: Vec<_> = shown.map(Command::get_name).collect();
        let mut listed: Vec<_> = GROUPS.iter().flat_map(|(_, names)| *names).copied().collect();
        shown.sort_unstable();
        listed.sort_unstable();
        assert_eq!(shown, listed);
    }

    #[test]
    fn each_guide_of_the_folder_is_compiled_in() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/guide");
        let files = std::fs::read_dir(folder).unwrap().map(|it| it.unwrap().path());
        let names = files.map(|it| it.file_stem().unwrap().to_str().unwrap().to_owned());
        let ours: BTreeSet<_> = GUIDES.iter().map(|it| it.name.to_owned()).collect();
        assert_eq!(names.collect::<BTreeSet<_>>(), ours);
    }

    /// One line of the twenty-four is the next prompt's.
    #[test]
    fn the_short_help_fits_one_screen() {
        let help = in_groups(Typed::command()).render_help().to_string();
        let widest = help.lines().map(|it| it.chars().count()).max();
        assert!(help.lines().count() <= 23 && widest <= Some(80), "{help}");
    }

    #[test]
    fn the_short_help_of_each_subcommand_fits_one_screen() {
        fn look(command: &mut Command) {
            let help = command.render_help().to_string();
            let rows = |it: &str| it.chars().count().div_ceil(80).max(1);
            assert!(help.lines().map(rows).sum::<usize>() <= 23, "{help}");
            command.get_subcommands_mut().for_each(look);
        }
        let mut command = Typed::command();
        command.build();
        command.get_subcommands_mut().for_each(look);
    }

    #[test]
    fn what_there_is_no_help_for_is_told_with_what_is_nearest() {
        let told = |words: &[&str]| of_command(words).unwrap_err().to_string();
        expect![[r#"
            there is no help for `modles`; did you mean `models`?
            there is no help for `trobleshooting`; did you mean `troubleshooting`?
            there is no help for `entirely`
            hint: `agent help` lists what there is
            there is no help for `pul`; did you mean `pull`?
            `agent models` has no subcommand `entirely`
            hint: `agent models --help` lists them"#]]
        .assert_eq(
            &[
                told(&["modles"]),
                told(&["trobleshooting"]),
                told(&["entirely"]),
                told(&["models", "pul"]),
                told(&["models", "entirely"]),
            ]
            .join("\n"),
        );
    }
}
