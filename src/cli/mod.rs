//! From what was typed to what is run: reads the world once, builds everything, prints what failed.

mod agreed;
mod args;
mod beginning;
mod bench;
mod chat;
mod checking;
mod choosing;
mod commands;
mod completing;
mod configuration;
mod conversing;
mod demo;
mod doctor;
mod drawing;
mod duration;
mod editor;
mod engine;
mod filing;
mod first_run;
mod help;
mod input;
mod instructing;
mod job;
mod likeness;
#[cfg(test)]
mod manual;
mod mentions;
mod mode;
mod models;
mod own_commands;
mod paging;
mod picking;
mod planning;
mod prompts;
mod proving;
mod remembering;
mod report;
mod rewind;
mod sandbox;
mod selftest;
mod server;
mod serving;
mod session_id;
mod sessions;
mod signals;
mod single;
mod stream;
mod suggesting;
mod surroundings;
mod talk;
mod task;
mod telling;
mod tool_files;
mod trust;
mod tuning;
mod undo;
mod unified;
mod version;

use std::ffi::OsString;
use std::fmt;
use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use anyhow::{Context, anyhow};

use crate::cli::args::{Subcommands, Typed};
use crate::cli::signals::outlive_limits;
use crate::cli::surroundings::Surroundings;
use crate::config::WrongFlag;
use crate::sandbox::adopt_orphans;
use crate::ui;

/// What the exit status says. Few, and documented in `--help`.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Exit {
    Done,
    Failed,
    Usage,
    GaveUp,
    /// As often as it may be, the model was asked.
    TurnLimit,
    TimeLimit,
    CallLimit,
    /// Something is wrong with what was to be looked at.
    Found,
    Cancelled,
    /// What a command that ran in our place said.
    Theirs(u8),
}

impl Exit {
    fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::GaveUp => 3,
            Self::TurnLimit => 4,
            Self::TimeLimit => 5,
            Self::CallLimit => 6,
            Self::Found => 7,
            Self::Cancelled => 130,
            Self::Theirs(code) => code,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// An error that is mended on the command line.
#[derive(Debug)]
struct WrongUsage(String);

impl fmt::Display for WrongUsage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for WrongUsage {}

/// The person ended the program before there was anything to do: there is nothing to say of it.
#[derive(Debug)]
struct Abandoned;

impl fmt::Display for Abandoned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("stopped")
    }
}

impl std::error::Error for Abandoned {}

pub fn run(args: impl Iterator<Item = OsString>) -> ExitCode {
    colored::control::set_override(std::io::stderr().is_terminal() && surroundings::may_colour());
    report::on_panic(surroundings::wants_backtrace());
    let typed = match help::parse(args) {
        Ok(typed) => typed,
        Err(err) => {
            // Help and version are no errors; clap knows which stream and status each has.
            let _ = err.print();
            return ExitCode::from(u8::try_from(err.exit_code()).unwrap_or(2));
        }
    };
    match dispatch(typed) {
        Ok(exit) => exit.into(),
        Err(err) if err.is::<Abandoned>() => Exit::Cancelled.into(),
        Err(err) => {
            report::report(&err);
            let mistyped = err.is::<WrongUsage>() || err.is::<WrongFlag>();
            if mistyped { Exit::Usage.into() } else { Exit::Failed.into() }
        }
    }
}

fn dispatch(mut typed: Typed) -> anyhow::Result<Exit> {
    if typed.command.is_some() && !typed.prompt.is_empty() {
        let words = typed.prompt.join(" ");
        let text = format!(
            "`{words}` and a subcommand cannot both be meant\nhint: put the prompt in quotation marks"
        );
        return Err(anyhow!(WrongUsage(text)));
    }
    typed.settle();
    let around = Surroundings::look(typed.options.directory.as_deref())?;
    ui::ascii_alone(!around.shows_marks());
    ui::hold_still(around.is_dumb());
    match typed.command {
        None => job::work(&around, &typed.options, &typed.prompt),
        Some(Subcommands::Demo(demo)) => demo::demo(&around, &typed.options, &demo),
        Some(Subcommands::Explain { what, .. }) => mode::explain(&around, &typed.options, &what),
        Some(Subcommands::Review(wanted)) => mode::review(&around, &typed.options, &wanted),
        Some(Subcommands::Commit(wanted)) => mode::commit(&around, &typed.options, &wanted),
        Some(Subcommands::Test { what, .. }) => mode::test(&around, &typed.options, &what),
        Some(Subcommands::Refactor { what, .. }) => mode::refactor(&around, &typed.options, &what),
        Some(Subcommands::Sessions { command }) => sessions::sessions(&around, command),
        Some(Subcommands::Undo(undo)) => undo::undo(&around, &undo),
        Some(Subcommands::Redo(redo)) => undo::redo(&around, &redo),
        Some(Subcommands::Diff(diff)) => undo::diff(&around, &diff),
        Some(Subcommands::Prompt { command: args::Prompt::Show { name } }) => {
            prompts::show(&around, &typed.options, name)
        }
        Some(Subcommands::Config { command }) => {
            configuration::configuration(&around, &typed.options, &command)
        }
        Some(Subcommands::Trust(wanted)) => trust::trust(&around, &wanted),
        Some(Subcommands::Models { command }) => models::models(&around, &typed.options, command),
        Some(Subcommands::Version(it)) => version::version(&around, &typed.options, &it),
        Some(Subcommands::Doctor(it)) => doctor::doctor(&around, &typed.options, &it),
        Some(Subcommands::Engine { command }) => engine::engine(&around, &typed.options, &command),
        Some(Subcommands::Selftest(it)) => selftest::selftest(&around, &typed.options, &it),
        Some(Subcommands::Sandbox(sandbox)) => sandbox::sandbox(&around, &typed.options, &sandbox),
        Some(Subcommands::Server { command }) => server::server(&around, &typed.options, &command),
        Some(Subcommands::Chat(chat)) => chat::chat(&around, &typed.options, &chat),
        Some(Subcommands::Bench(bench)) => bench::bench(&around, &typed.options, &bench),
        Some(Subcommands::Completions { shell }) => completing::script(shell),
        Some(Subcommands::Complete { what }) => completing::words(&around, &typed.options, what),
        Some(Subcommands::Help { words }) => help::help(&around, &words),
    }
}

/// Does what starts programs, on the one thread that may.
fn on_children<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context("cannot set up the event loop")?;
    adopt_orphans().context("cannot watch over child processes")?;
    runtime.block_on(async {
        outlive_limits();
        work.await
    })
}

/// To standard error; if that is gone, there is nobody to tell.
fn note(text: &str) {
    let stderr = std::io::stderr();
    let text = ui::in_lines(&stderr, &ui::showable(text));
    let _ = writeln!(stderr.lock(), "{text}");
}

/// The same for lines in which each blank counts: a break in them is one of theirs.
fn note_exactly(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{}", ui::showable(text));
}

/// Prose, to standard output: broken between words where people look.
fn tell(text: &str) -> anyhow::Result<()> {
    print(&ui::in_lines(std::io::stdout(), text))
}

/// To standard output; a reader that has heard enough is no error.
fn print(text: &str) -> anyhow::Result<()> {
    let stdout = std::io::stdout();
    // What a program or a file gets is as it is.
    let text = if stdout.is_terminal() { ui::showable(text) } else { text.into() };
    match stdout.lock().write_all(text.as_bytes()) {
        Err(err) if err.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        written => written.context("cannot write to standard output"),
    }
}
