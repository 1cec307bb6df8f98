//! What can be typed after `agent server`, `agent chat` and `agent bench`.

use std::num::NonZeroU32;

use clap::{Args, Subcommand, ValueEnum};

use crate::cli::args::given::{With, count, named};

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Server {
    /// Start it; it loads a model when somebody asks for it
    Start {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// End it, and every model
    Stop {
        /// Even while it answers somebody
        #[arg(long)]
        force: bool,
    },
    /// End it and start it anew, with the settings as they are now
    Restart {
        /// Even while it answers somebody
        #[arg(long)]
        force: bool,
    },
    /// Whether it runs, and where
    Status {
        /// As JSON
        #[arg(long)]
        json: bool,
        /// Only the key that programs need, made if there is none yet
        #[arg(long, conflicts_with = "json")]
        key: bool,
    },
    /// The models that are loaded
    Ps {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Put models away
    Unload {
        /// Which one; all without it
        #[arg(value_parser = named())]
        model: Option<String>,
        /// Even while it answers somebody
        #[arg(long)]
        force: bool,
    },
    /// What it did, and what went wrong
    Logs(Logs),
    /// Serve until it is ended; what `start` starts
    #[command(hide = true)]
    Run,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Logs {
    /// What this model's own server says
    #[arg(value_parser = named())]
    pub(in crate::cli) model: Option<String>,
    /// Go on with what comes
    #[arg(short, long)]
    pub(in crate::cli) follow: bool,
    /// Begin so many lines before the end
    #[arg(short = 'n', long, value_name = "N", default_value = "100")]
    pub(in crate::cli) lines: usize,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Chat {
    /// The model, as `agent models list` names it, and what to say; a single word that is no model is
    /// something to say
    #[arg(value_name = "MODEL|PROMPT")]
    pub(in crate::cli) words: Vec<String>,
    #[command(flatten)]
    pub(in crate::cli) with: With,
    /// What the model is told first
    #[arg(long, value_name = "TEXT")]
    pub(in crate::cli) system: Option<String>,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Bench {
    /// The model, as `agent models list` names it; the usual one without it
    #[arg(value_parser = named())]
    pub(in crate::cli) model: Option<String>,
    /// Prompts of so many tokens
    #[arg(long, value_name = "N,N", value_delimiter = ',', default_value = "128,512,2048", value_parser = count::<NonZeroU32>)]
    pub(in crate::cli) prompts: Vec<NonZeroU32>,
    /// Answers of so many tokens
    #[arg(long, value_name = "N", default_value = "64", value_parser = count::<NonZeroU32>)]
    pub(in crate::cli) tokens: NonZeroU32,
    /// Each measurement is made so often, and the middle one counts
    #[arg(long, value_name = "N", default_value = "3", value_parser = count::<NonZeroU32>)]
    pub(in crate::cli) times: NonZeroU32,
    /// Compare settings of the server
    #[arg(long, value_enum)]
    pub(in crate::cli) vary: Option<Vary>,
    /// As JSON, one line for each measurement
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
pub(in crate::cli) enum Vary {
    /// How the context is stored: f16, q8_0
    CacheType,
    /// With flash attention and without
    FlashAttn,
    /// With fewer and more threads
    Threads,
}
