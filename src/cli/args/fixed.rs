//! What can be typed behind the commands that do one fixed task.

use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};

use crate::cli::args::given::With;

#[derive(Debug, Args)]
pub(in crate::cli) struct Review {
    /// A range such as `main..HEAD`, or files; without it, what is not committed yet
    #[arg(value_name = "RANGE|FILE")]
    pub(in crate::cli) what: Vec<String>,

    #[command(flatten)]
    pub(in crate::cli) with: With,

    /// What is staged
    #[arg(long)]
    pub(in crate::cli) staged: bool,

    /// As JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,

    /// End with status 7 if there is a finding as grave as this, or graver
    #[arg(long, value_enum, value_name = "SEVERITY")]
    pub(in crate::cli) fail_on: Option<Severity>,
}

/// How grave a finding is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(in crate::cli) enum Severity {
    Low,
    Medium,
    High,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Commit {
    /// What the message should say besides
    pub(in crate::cli) hint: Vec<String>,

    #[command(flatten)]
    pub(in crate::cli) with: With,

    /// Commit without asking
    #[arg(short, long)]
    pub(in crate::cli) yes: bool,

    /// Only print the message
    #[arg(long, conflicts_with = "yes")]
    pub(in crate::cli) dry_run: bool,
}

impl std::fmt::Display for Severity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        })
    }
}
