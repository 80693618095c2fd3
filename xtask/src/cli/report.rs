//! `report`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

/// `report`
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Report {
    /// More than showing
    #[command(subcommand)]
    pub verb: Option<ReportVerb>,
    /// Report files [default: the last run's]
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// How to show it, on standard output
    #[arg(long, value_enum, default_value_t = Format::Terminal)]
    pub format: Format,
}

/// `report …`
#[derive(Debug, Subcommand)]
pub enum ReportVerb {
    /// Print what differs between two reports: tests that appeared, vanished or changed
    ///
    /// The exit code is 0 whatever differs.
    Diff {
        /// The earlier report.json
        before: PathBuf,
        /// The later report.json
        after: PathBuf,
    },
    /// Join reports of different targets, runners, machines or link modes, or of the parts that --partition makes, into one, on
    /// standard output
    ///
    /// The exit code is 0 whatever the verdict: `report FILE` of the result ends with that of the worst run. Files that do not fit
    /// together are refused.
    Merge {
        /// The report.json files
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
}

/// Report formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A matrix and what was unexpected
    Terminal,
    /// The matrix for a README
    Markdown,
    /// `JUnit` XML
    Junit,
    /// A page of its own
    Html,
    /// report.json
    Json,
}
