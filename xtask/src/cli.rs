//! The command line: its grammar, without its effects.

mod build;
mod compiler;
mod grammar;
mod name;
mod patch;
mod report;
mod runner;
mod target;
mod targets;
mod test;
mod triage;

use std::path::PathBuf;

use bringup_model::patch_name::PatchName;
use clap::{Parser, Subcommand};

pub use build::{BuildArgs, DistArgs, PlanArgs};
pub use compiler::CompilerOptions;
pub use grammar::{command, parse};
pub use name::BINARY;
pub use patch::{PatchVerb, ProveArgs};
pub use report::{BlessArgs, ReportArgs, ReportFormat, ReportVerb};
pub use target::{TargetNames, TargetVerb};
pub use test::{BringupArgs, RunArgs, SmokeArgs, TestArgs, TestVerb};
pub use triage::TriageArgs;

/// Headings of the options in help texts.
const BUILD: &str = "Build options";
const GLOBAL: &str = "Global options";
const RUN: &str = "Run options";

/// Bring up Rust on musl Linux: build a cross toolchain from a target spec file and test std under QEMU
///
/// Targets have the names of Alpine's architectures (`s390x`, `x86_64`). A verb without a target works on all of them.
#[derive(Debug, Parser)]
#[command(name = name::BINARY, version, max_term_width = 100)]
pub struct Cli {
    /// Look for bringup.toml in this folder and the folders above it
    #[arg(short = 'C', long, value_name = "DIR", global = true, help_heading = GLOBAL)]
    pub directory: Option<PathBuf>,
    /// Forbid the network; fail if a download is not in the cache
    #[arg(long, global = true, help_heading = GLOBAL)]
    pub offline: bool,
    /// Use at most N processors [default: all]
    #[arg(short, long, value_name = "N", global = true, help_heading = GLOBAL, value_parser = clap::value_parser!(u16).range(1..))]
    pub jobs: Option<u16>,
    /// Keep downloads in DIR [default: $BRINGUP_CACHE, else in the user's cache]
    #[arg(long, value_name = "DIR", global = true, help_heading = GLOBAL)]
    #[expect(clippy::doc_markdown, reason = "help would show the backticks")]
    pub cache: Option<PathBuf>,
    /// Build this version of Rust [default: the first in bringup.toml]
    ///
    /// One that bringup.toml pins, or what a channel is now (`stable`, `beta`, `nightly`), or was on a day
    /// (`nightly-2026-11-20`). To a channel, the newest series is carried.
    #[arg(long, value_name = "VERSION", help_heading = BUILD, hide_short_help = true)]
    pub rust: Option<String>,
    /// Build this version of musl [default: the first in bringup.toml]
    #[arg(long, value_name = "VERSION", help_heading = BUILD, hide_short_help = true)]
    pub musl: Option<String>,
    /// Leave out patches: `rust/3` is the third of Rust's, `rust` all of them
    #[arg(long, value_name = "PATCH", value_delimiter = ',', help_heading = BUILD, hide_short_help = true)]
    pub without: Vec<PatchName>,
    /// Leave out patches that conflict with the Rust of a channel
    #[arg(long, requires = "rust", help_heading = BUILD, hide_short_help = true)]
    pub skip_conflicts: bool,
    #[command(flatten)]
    #[expect(missing_docs)]
    pub compiler: CompilerOptions,
    /// Show only errors and results
    #[arg(short, long, global = true, help_heading = GLOBAL)]
    pub quiet: bool,
    /// What to do
    #[command(subcommand)]
    pub verb: Verb,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Do everything: check the host, fetch, patch, build, smoke, test, report
    Bringup(BringupArgs),
    /// Show what the host has and lacks, and the command that installs the rest
    Doctor {
        /// Install the missing tools (requires root)
        #[arg(long)]
        install: bool,
    },
    /// List the targets with their state in the last report
    Targets,
    /// Show or check targets
    #[command(subcommand)]
    Target(TargetVerb),
    /// Download and verify the sources, the emulators and the crates of std
    Fetch {
        /// Fetch also what the `patch` verbs and `triage` use: every pinned version, layer and emulator
        #[arg(long)]
        all: bool,
    },
    /// Work with the patch series
    #[command(subcommand)]
    Patch(PatchVerb),
    /// Build the toolchain of each target and print its folder
    Build(BuildArgs),
    /// Audit ELF files and run small programs in every link mode
    Smoke(SmokeArgs),
    /// Run the test suites
    Test(TestVerb),
    /// Pack the test programs of a target for another machine and print the archive's path
    Archive {
        /// Target to pack
        target: String,
        /// Write the archive to this file [default: out/archive/TARGET-DIGEST.tar.xz]
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Pack the compiler and toolchains as a relocatable archive and print its path
    ///
    /// Requires `--compiler bootstrap`. The folder in the archive works wherever you put it: its `bin/cargo` and `bin/rustc`
    /// compile for the host and for every packed target. Its manifest.json lists the contents and the requirements.
    Dist(DistArgs),
    /// Rerun a failing test under controls and say whose fault it is
    ///
    /// The test runs alone, then ten times. If it always fails, it also runs after the tests before it, under other
    /// emulators, natively, in the other link mode, on other architectures and with other isolation; if the cause is still
    /// open, without our patches, and with std built at another opt-level. Prints a table and a verdict, and writes a page for an upstream bug to out/triage/. The exit
    /// code is 0 whatever the verdict, and 4 if there is nothing to triage.
    Triage(TriageArgs),
    /// Show, compare or merge reports
    ///
    /// The exit code is that of the worst run in the reports.
    Report(ReportArgs),
    /// Rewrite the expectation files to match the last report
    ///
    /// Removes entries of tests that pass or that no test program lists. Adds an entry for each test that fails, crashes,
    /// times out or is flaky, under `# Reason: TODO`, which `target check` rejects until you give the reason. Keeps
    /// comments and order. Shows the changes and asks before writing. Never adds or changes a `skip`.
    Bless(BlessArgs),
    /// List the steps of a build in order, and whether they are done
    Plan(PlanArgs),
    /// Explain why a step will run: what differs from its nearest earlier result
    Why(TargetNames),
    /// Compare the files of results and downloads with the digests that were recorded when they were made
    ///
    /// Looks at the folders of steps, at recorded outcomes and at downloaded archives. Prints what is missing, added or
    /// changed, and the command that removes it, so that the next run makes it again.
    Verify(TargetNames),
    /// Remove the results in out/; keep the downloads
    Clean,
    /// Print a completion script for a shell
    Completions {
        /// Shell to complete for
        shell: clap_complete::Shell,
    },
    /// Print the manual pages
    Man,
}
