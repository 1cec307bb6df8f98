//! What can be typed.

mod fixed;
mod given;
pub(super) mod models;
pub(super) mod server;
pub(super) mod sessions;

use std::ffi::OsString;
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub(super) use crate::cli::args::fixed::{Commit, Review, Severity};
use crate::cli::args::given::With;
use crate::cli::doctor::Doctor;
use crate::cli::duration::duration;
use crate::cli::engine::Engine;
use crate::cli::version::Version;
use crate::conversation::Permission;
use crate::sandbox::Wanted;

const AFTER_HELP: &str = "\
`agent --help` says all, `agent help` lists guides, `agent help plans` is one.";

const AFTER_LONG_HELP: &str = "\
Examples:
  agent \"fix the failing tests\"     work on it and say what was done
  agent                             a conversation in this project
  agent -c                          go on with the newest session here
  agent -r parser --fork            go on from the session `parser` in one of its own
  git diff | agent \"review this\"    standard input is added to the prompt
  agent -- models                   a prompt that is also a subcommand's name

Exit status: 0 done, 1 failed, 2 wrong usage, 3 the model gave up or a step of the
plan failed, 4 the limit of requests was reached (--max-turns), 5 that of time
(--max-time), 6 that of calls (--max-tool-calls), 7 a review found something
(--fail-on), 130 cancelled.

`agent help` lists the guides: first-run, models, permissions, troubleshooting …";

/// What comes before the options is the list of subcommands, in groups: `help::grouped`.
const TEMPLATE: &str = "\
{about-with-newline}
{usage-heading} {usage}

{before-help}{all-args}{after-help}";

/// An autonomous coding agent that works with a model on your own machine.
#[derive(Debug, Parser)]
#[command(name = "agent", version, after_help = AFTER_HELP, after_long_help = AFTER_LONG_HELP)]
#[command(help_template = TEMPLATE, disable_help_subcommand = true)]
pub(super) struct Typed {
    #[command(subcommand)]
    pub(super) command: Option<Subcommands>,

    #[command(flatten)]
    pub(super) options: Options,

    /// What to do; without it, a conversation begins
    #[arg(value_name = "PROMPT", hide_short_help = true, help_heading = None)]
    pub(super) prompt: Vec<String>,
}

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Model to work with: a name, a part of one, a file
    ///
    /// As `agent models list` has it, the path of a GGUF file, or what the server calls it.
    #[arg(short, long, value_name = "MODEL", value_parser = given::named())]
    pub(super) model: Option<String>,

    /// Use an OpenAI-compatible server that runs already, instead of starting one
    #[arg(hide_short_help = true, long, value_name = "URL")]
    pub(super) server_url: Option<String>,

    /// What may happen unasked: read-only, ask, auto, full
    ///
    /// read-only: look, change nothing, run nothing. ask: ask before each change and each command.
    /// auto: change files of the project and run confined commands, refuse the rest. full:
    /// everything, commands with your rights; what your rules deny stays denied. Without it, `ask`
    /// in a conversation and `auto` for a single prompt.
    #[arg(long, value_enum, value_name = "HOW", hide_possible_values = true)]
    pub(super) permission: Option<Permission>,

    /// Work in this directory
    #[arg(short = 'C', long = "directory", value_name = "DIR", global = true)]
    pub(super) directory: Option<PathBuf>,

    /// Get a missing engine or model without asking
    #[arg(long)]
    pub(super) yes: bool,

    /// Plan the task first, then do it step by step
    #[arg(long)]
    pub(super) plan: bool,

    /// Go on with the newest session of this project
    #[arg(short, long = "continue", conflicts_with = "resume")]
    pub(super) continue_newest: bool,

    /// Go on with this one; the start of its name is enough
    #[arg(short, long, value_name = "NAME|ID")]
    pub(super) resume: Option<String>,

    /// With -c or -r: in a copy of it, which may have a name, and leave it as it is
    #[arg(
        hide_short_help = true,
        long,
        value_name = "NAME",
        num_args = 0..=1,
        require_equals = true
    )]
    pub(super) fork: Option<Option<String>>,

    /// How to print what happens
    #[arg(
        hide_short_help = true,
        help_heading = "For programs",
        long,
        value_enum,
        default_value = "text",
        hide_default_value = true
    )]
    pub(super) output_format: OutputFormat,

    /// How prompts are read
    #[arg(
        hide_short_help = true,
        help_heading = "For programs",
        long,
        value_enum,
        default_value = "text",
        hide_default_value = true
    )]
    pub(super) input_format: InputFormat,

    /// Give the result also as JSON that satisfies this schema (`structured_output`)
    #[arg(hide_short_help = true, help_heading = "For programs", long, value_name = "FILE")]
    pub(super) json_schema: Option<PathBuf>,

    /// Ask the model at most so often for one prompt
    #[arg(hide_short_help = true, help_heading = "Limits of a turn", long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..), allow_negative_numbers = true)]
    pub(super) max_turns: Option<u32>,

    #[command(flatten)]
    pub(super) limits: TurnLimits,

    /// Tell the model this first, instead of our own words
    #[arg(hide_short_help = true, help_heading = "What the model is told", long, value_name = "FILE", conflicts_with_all = ["continue_newest", "resume"])]
    pub(super) system_prompt: Option<PathBuf>,

    /// Tell the model this too: the text of a file, or what you write here
    #[arg(hide_short_help = true, help_heading = "What the model is told", long, value_name = "FILE|TEXT", conflicts_with_all = ["continue_newest", "resume"])]
    pub(super) append_system_prompt: Option<String>,

    /// Use this configuration file instead of the usual one
    #[arg(hide_short_help = true, long, value_name = "FILE", global = true)]
    pub(super) config: Option<PathBuf>,

    /// Show what the model thinks and each request took
    #[arg(short, long)]
    pub(super) verbose: bool,

    #[command(flatten)]
    pub(super) sampling: Sampling,
}

/// What one prompt may take, at most.
#[derive(Clone, Copy, Debug, Default, Args)]
pub(super) struct TurnLimits {
    /// Stop after so long, as in `90s`, `10m` or `1h30m`; loading the model counts
    #[arg(hide_short_help = true, help_heading = "Limits of a turn", long, value_name = "DURATION", value_parser = duration)]
    pub(super) max_time: Option<Duration>,

    /// Stop when the model makes more calls than that
    #[arg(
        hide_short_help = true,
        help_heading = "Limits of a turn",
        long,
        value_name = "N",
        allow_negative_numbers = true
    )]
    pub(super) max_tool_calls: Option<usize>,
}

/// Sent to the server only when set.
#[derive(Debug, Args)]
#[command(next_help_heading = "Sampling")]
pub(super) struct Sampling {
    /// How freely the model chooses; 0 takes always the likeliest
    #[arg(hide_short_help = true, long, value_name = "X", allow_negative_numbers = true)]
    pub(super) temperature: Option<f64>,

    /// Choose among the N likeliest tokens
    #[arg(hide_short_help = true, long, value_name = "N", allow_negative_numbers = true)]
    pub(super) top_k: Option<u32>,

    /// Choose among the likeliest that add up to this probability
    #[arg(hide_short_help = true, long, value_name = "P", allow_negative_numbers = true)]
    pub(super) top_p: Option<f64>,

    /// Leave out what is less likely than P times the likeliest
    #[arg(hide_short_help = true, long, value_name = "P", allow_negative_numbers = true)]
    pub(super) min_p: Option<f64>,

    /// Cut a reply after so many tokens
    #[arg(hide_short_help = true, long, value_name = "N", allow_negative_numbers = true)]
    pub(super) max_tokens: Option<u32>,

    /// Keep the surprise of the text steady: 0 off, 1 or 2 the version
    #[arg(hide_short_help = true, long, value_name = "0|1|2", value_parser = clap::value_parser!(u8).range(0..=2), allow_negative_numbers = true)]
    pub(super) mirostat: Option<u8>,

    /// The surprise mirostat aims at
    #[arg(hide_short_help = true, long, value_name = "X", allow_negative_numbers = true)]
    pub(super) mirostat_tau: Option<f64>,

    /// How fast mirostat learns
    #[arg(hide_short_help = true, long, value_name = "X", allow_negative_numbers = true)]
    pub(super) mirostat_eta: Option<f64>,

    /// The same seed, the same choices
    #[arg(hide_short_help = true, long, value_name = "N", allow_negative_numbers = true)]
    pub(super) seed: Option<i64>,
}

#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
pub(super) enum OutputFormat {
    Text,
    Json,
    StreamJson,
}

#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
pub(super) enum InputFormat {
    /// As words typed and text piped in
    Text,
    /// One line of standard input each, as JSON
    StreamJson,
}

#[derive(Debug, Subcommand)]
pub(super) enum Subcommands {
    /// See it work in seconds: a real server, a scripted model, a bug that gets mended
    Demo(Demo),
    /// Say what something in the project is, and how it works
    Explain {
        /// A file, a name, a question; without it, the project
        what: Vec<String>,
        #[command(flatten)]
        with: With,
    },
    /// Say what is wrong with a change, or with files
    Review(Review),
    /// Write a message for what is staged, and commit it
    Commit(Commit),
    /// Write tests, and keep those that pass and can fail
    Test {
        /// What is to be tested: a file, a name
        #[arg(required = true)]
        what: Vec<String>,
        #[command(flatten)]
        with: With,
    },
    /// Give code another form, by a plan whose steps are checked by the tests
    Refactor {
        /// What should become of what
        #[arg(required = true)]
        what: Vec<String>,
        #[command(flatten)]
        with: With,
    },
    /// List, search, name, move and delete sessions
    Sessions {
        #[command(subcommand)]
        command: sessions::Sessions,
    },
    /// Take back what the newest turn changed, files and commands alike
    Undo(Undo),
    /// Do again what was taken back
    Redo(OfSession),
    /// What a session changed in all
    Diff(OfSession),
    /// What the model is told before your first prompt
    Prompt {
        #[command(subcommand)]
        command: Prompt,
    },
    /// See what is configured, and where each value came from
    Config {
        #[command(subcommand)]
        command: Config,
    },
    /// Run a command as the model's commands are run: confined to this project
    Sandbox(Sandbox),
    /// Attack what confines commands on this machine, and see what holds
    Selftest(Selftest),
    /// Believe what this project brings: tools of its own, as they are now
    Trust(Trust),
    /// What is at work here, and where what it keeps lies
    Version(Version),
    /// See whether all that is needed is there and works
    Doctor(Doctor),
    /// Install, update and choose the llama-server that runs models
    Engine {
        #[command(subcommand)]
        command: Engine,
    },
    /// Models: what is here, what fits, what is worth having, and how to get it
    Models {
        #[command(subcommand)]
        command: Models,
    },
    /// Serve models to other programs, in the background, as OpenAI does
    Server {
        #[command(subcommand)]
        command: server::Server,
    },
    /// Talk to a model, without a project and without tools
    Chat(server::Chat),
    /// Measure how fast a model reads and writes on this machine
    Bench(server::Bench),
    /// Print completions for a shell
    Completions {
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
    /// Say what there is for a completion
    #[command(hide = true)]
    Complete {
        #[arg(value_enum)]
        what: Completable,
    },
    /// A guide, or what there is to say about a command; without a name, all there are
    Help {
        /// A guide, or a command and its subcommand
        #[arg(value_name = "TOPIC|COMMAND")]
        words: Vec<String>,
    },
}

impl Typed {
    /// What was said of the model behind the command counts as if it stood before it.
    pub(super) fn settle(&mut self) {
        let with = match &mut self.command {
            Some(
                Subcommands::Explain { with, .. }
                | Subcommands::Test { with, .. }
                | Subcommands::Refactor { with, .. },
            ) => with.model.take(),
            Some(Subcommands::Review(it)) => it.with.model.take(),
            Some(Subcommands::Commit(it)) => it.with.model.take(),
            Some(Subcommands::Chat(it)) => it.with.model.take(),
            _ => None,
        };
        self.options.model = with.or(self.options.model.take());
    }
}

/// What a shell asks for while a person types.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Completable {
    Models,
    Sessions,
    /// What there is help for
    Topics,
}

#[derive(Debug, Args)]
pub(super) struct Demo {
    /// Keep the sample project and say where it is
    #[arg(long)]
    pub(super) keep: bool,
}

#[derive(Debug, Args)]
pub(super) struct Selftest {
    /// As JSON
    #[arg(long)]
    pub(super) json: bool,

    /// Only list the cases, without running any
    #[arg(long, conflicts_with = "json")]
    pub(super) list: bool,

    /// What shall confine the attacks
    #[arg(long, value_enum)]
    pub(super) level: Option<Wanted>,

    /// Only these cases, by the start of their ids
    #[arg(value_name = "ID")]
    pub(super) only: Vec<String>,

    /// What an attack runs from inside
    #[arg(long, hide = true, num_args = 1.., allow_hyphen_values = true)]
    pub(super) probe: Vec<String>,
}

#[derive(Debug, Args)]
pub(super) struct Sandbox {
    /// Say what commands can reach, before or instead of running one
    #[arg(long)]
    pub(super) show: bool,

    /// What shall enforce it
    #[arg(long, value_enum)]
    pub(super) level: Option<Wanted>,

    /// The command and its arguments
    #[arg(last = true, value_name = "CMD")]
    pub(super) command: Vec<OsString>,
}

#[derive(Debug, Args)]
pub(super) struct Trust {
    /// Only show what it brings, and what you agreed to before
    #[arg(long)]
    pub(super) show: bool,
    /// Take back all you agreed to in this project, saved rules among it
    #[arg(long, conflicts_with = "show")]
    pub(super) revoke: bool,
}

#[derive(Debug, Args)]
pub(super) struct Undo {
    #[command(flatten)]
    pub(super) of: OfSession,

    /// Only list the turns that can be taken back, newest first
    #[arg(long, conflicts_with = "dry_run")]
    pub(super) list: bool,

    /// Only say what would be done
    #[arg(long)]
    pub(super) dry_run: bool,
}

#[derive(Debug, Args)]
pub(super) struct OfSession {
    /// Of this session (the start of its name or id is enough), not of the newest of this project
    #[arg(long, value_name = "NAME|ID")]
    pub(super) session: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(super) enum Prompt {
    /// Print it, word for word, and how long it is
    Show {
        /// How it begins, which is what is shown without a name, or what it is told else
        name: Option<PromptName>,
    },
}

#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, ValueEnum)]
pub(super) enum PromptName {
    System,
    Compact,
    Plan,
    #[value(name = "find_out")]
    FindOut,
    Explain,
    Review,
    Commit,
    Refactor,
    Test,
    Init,
    #[value(name = "run_tests")]
    RunTests,
}

impl PromptName {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Compact => "compact",
            Self::Plan => "plan",
            Self::FindOut => "find_out",
            Self::Explain => "explain",
            Self::Review => "review",
            Self::Commit => "commit",
            Self::Refactor => "refactor",
            Self::Test => "test",
            Self::Init => "init",
            Self::RunTests => "run_tests",
        }
    }
}

#[derive(Debug, Subcommand)]
pub(super) enum Config {
    /// Each value and where it came from
    Show,
    /// A configuration file with all there is, each option explained
    Example,
    /// The JSON schema of the configuration file, for editors
    Schema,
    /// Where the configuration files are looked for
    Path,
}

#[derive(Debug, Subcommand)]
pub(super) enum Models {
    /// The models that are here, whatever program brought them
    List(models::List),
    /// What a model is, and what of it is here
    Info(models::Info),
    /// How much memory a model takes on this machine, by the length of its context
    Fit(models::Fit),
    /// Models worth having, and which of them fit this machine
    Catalog {
        /// As JSON, one line each
        #[arg(long)]
        json: bool,
    },
    /// Remove a model from the disk
    Rm(models::Remove),
    /// Read every byte of a model again, and compare
    Verify(models::Verify),
    /// Take in a model file from elsewhere, by a link where that can be
    Import(models::Import),
    /// Fetch models from the hub, or go on with what was begun
    Pull(models::Pull),
    /// Look for models at the hub
    Search(models::Search),
    /// Write a model file that plays a script on a real llama-server, word for word
    Script {
        /// JSON: a list of steps with `content`, `reasoning`, `tool_calls` or `raw`
        #[arg(value_name = "SCRIPT.json")]
        script: PathBuf,
        /// Where to write the model
        #[arg(value_name = "OUT.gguf")]
        out: PathBuf,
        /// Characters of one token, which is what streams at once
        #[arg(long, value_name = "N", default_value = "6", value_parser = given::count::<NonZeroUsize>)]
        chunk: NonZeroUsize,
        /// Tokens the model says it was trained for; a prompt has one a byte
        #[arg(long, value_name = "N", default_value = "32768", value_parser = given::count::<NonZeroU32>)]
        context: NonZeroU32,
        /// Each word of this text is one token in a prompt; may be given several times
        #[arg(long, value_name = "FILE")]
        words: Vec<PathBuf>,
        /// With each prompt, drop what was thought before it
        #[arg(long)]
        forgets: bool,
    },
}
