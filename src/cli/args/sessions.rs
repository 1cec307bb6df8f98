//! What can be typed after `agent sessions`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Sessions {
    /// The sessions of this project, newest first
    List {
        /// Of all projects
        #[arg(long)]
        all: bool,
        /// As JSON, one line each
        #[arg(long)]
        json: bool,
    },
    /// What there is of a session, and what was asked in it
    Show {
        /// Its name or id, or the start of one; the newest of this project without it
        #[arg(value_name = "NAME|ID")]
        session: Option<String>,
    },
    /// Find words in prompts, replies, titles and names
    Search {
        /// All of them, in capitals or not
        #[arg(required = true)]
        words: Vec<String>,
        /// In all projects
        #[arg(long)]
        all: bool,
    },
    /// Give a session another name
    Rename {
        /// Its name or id, or the start of one
        #[arg(value_name = "NAME|ID")]
        session: String,
        /// The new name
        #[arg(value_name = "NEW")]
        name: String,
    },
    /// Take in the file of a session from elsewhere
    Import { file: PathBuf },
    /// Print a session as a document; the start of its name or id is enough
    Export(Export),
    /// Delete a session
    Delete {
        /// Its whole name or id
        #[arg(value_name = "NAME|ID")]
        session: String,
    },
    /// Delete old sessions of this project; those with a name stay
    Prune(Prune),
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Prune {
    /// Those that were not written to for so many days
    #[arg(long, value_name = "DAYS", allow_negative_numbers = true)]
    pub(in crate::cli) older_than: Option<u64>,
    /// All but the newest N
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub(in crate::cli) keep: Option<usize>,
    /// Only say which
    #[arg(long)]
    pub(in crate::cli) dry_run: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Export {
    /// Which one; the newest of this project without it
    #[arg(value_name = "NAME|ID")]
    pub(in crate::cli) session: Option<String>,

    /// Into this file instead, which must not be there yet
    #[arg(short, long, value_name = "FILE")]
    pub(in crate::cli) output: Option<PathBuf>,

    /// As what; without it the ending of FILE decides, and else it is Markdown
    #[arg(long, value_enum)]
    pub(in crate::cli) format: Option<ExportFormat>,

    /// Leave out what looks like a secret, and the path of your home; read it before you give it away
    #[arg(long)]
    pub(in crate::cli) redact: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
pub(in crate::cli) enum ExportFormat {
    /// Markdown
    Md,
    /// One JSON document, for programs
    Json,
    /// One page that needs nothing else
    Html,
}
