//! `report` and `bless`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

/// `report`
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct ReportArgs {
    /// Compare or merge instead of showing
    #[command(subcommand)]
    pub verb: Option<ReportVerb>,
    /// Reports to show [default: the last run's]
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Print the report in this format
    #[arg(long, value_enum, default_value_t = ReportFormat::Terminal)]
    pub format: ReportFormat,
}

/// `report …`
#[derive(Debug, Subcommand)]
pub enum ReportVerb {
    /// Print the tests that appeared, vanished or changed between two reports
    ///
    /// The exit code is always 0.
    Diff {
        /// Earlier report.json
        before: PathBuf,
        /// Later report.json
        after: PathBuf,
    },
    /// Merge reports into one and print it
    ///
    /// The reports may be of different targets, runners, machines or link modes, or of the parts that `--partition` makes.
    /// Reports that do not fit together are rejected. The exit code of a merge is 0 whatever the verdict; that of `report FILE`
    /// is that of the worst run.
    Merge {
        /// report.json files to merge
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
}

/// Report formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// Matrix and unexpected results
    Terminal,
    /// Matrix for a README
    Markdown,
    /// `JUnit` XML
    Junit,
    /// Page in one file
    Html,
    /// report.json
    Json,
}

/// `bless`
#[derive(Debug, Args)]
pub struct BlessArgs {
    /// Targets whose expectations to rewrite [default: all in the report]
    #[arg(value_name = "TARGET")]
    pub targets: Vec<String>,
    /// Use this report.json [default: the last run's]
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// Write new entries to qemu/TARGET.expect.txt: the emulator is at fault, not the target
    #[arg(long)]
    pub emulator: bool,
    /// Write without asking
    #[arg(short, long)]
    pub yes: bool,
}
