//! What can be typed after `agent models`.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::cli::args::given::named;

#[derive(Debug, Args)]
pub(in crate::cli) struct List {
    /// Only those whose name has this in it
    pub(in crate::cli) words: Option<String>,
    /// As JSON, one line each
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Info {
    /// A name, a part of one, or the path of a file
    #[arg(value_parser = named())]
    pub(in crate::cli) model: String,
    /// As JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Fit {
    /// A name, a part of one, or the path of a file
    #[arg(value_parser = named())]
    pub(in crate::cli) model: String,
    /// With a context of so many tokens; may be given several times
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(in crate::cli) context: Vec<u32>,
    /// How the context is stored, such as `f16` or `q8_0`
    #[arg(long, value_name = "TYPE")]
    pub(in crate::cli) cache_type: Option<String>,
    /// As JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Remove {
    /// A whole model, or one quant of it as in `org/repo:Q4_K_M`; the path of a file
    #[arg(value_parser = named())]
    pub(in crate::cli) model: String,
    /// Without asking
    #[arg(short, long)]
    pub(in crate::cli) yes: bool,
    /// Only say what would go
    #[arg(long, conflicts_with = "yes")]
    pub(in crate::cli) dry_run: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Verify {
    /// Which one; all without it
    #[arg(value_parser = named())]
    pub(in crate::cli) model: Option<String>,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Import {
    pub(in crate::cli) file: PathBuf,
    /// Into this folder, instead of the first of `models.folders`
    #[arg(long, value_name = "DIR")]
    pub(in crate::cli) into: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Pull {
    /// As in `unsloth/Qwen3.5-9B-MTP-GGUF`, with a quant behind a colon, or as its page's address
    #[arg(value_name = "REF", required_unless_present = "clean")]
    pub(in crate::cli) models: Vec<String>,

    /// Leave out what lets the model see pictures
    #[arg(long)]
    pub(in crate::cli) no_mmproj: bool,

    /// Fetch nothing; remove what has come of files that are not whole, of all models or of these
    #[arg(long)]
    pub(in crate::cli) clean: bool,

    /// As lines of JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Search {
    /// Words that are in its name
    #[arg(required = true)]
    pub(in crate::cli) words: Vec<String>,

    /// What comes first
    #[arg(long, value_enum, default_value = "downloads")]
    pub(in crate::cli) sort: SearchSort,

    /// Show at most so many
    #[arg(long, value_name = "N", default_value = "20")]
    pub(in crate::cli) limit: NonZeroUsize,

    /// As lines of JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
pub(in crate::cli) enum SearchSort {
    Downloads,
    Likes,
    /// The newest change first
    Updated,
    Trending,
}
