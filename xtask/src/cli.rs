//! The command line: what a user may type, and nothing of what it does.

mod compiler;
mod patch;
mod report;
mod targets;
mod triage;

use std::path::PathBuf;

use bringup_model::isolation::Isolation;
use bringup_model::link::Link;
use bringup_model::partition::Partition;
use bringup_model::patch_name::PatchName;
use bringup_model::suite;
use clap::builder::PossibleValuesParser;
use clap::{Args, Parser, Subcommand};

pub use compiler::CompilerOptions;
pub use patch::{PatchVerb, Prove};
pub use report::{Format, Report, ReportVerb};
pub use triage::{OwnRunner, Triage};

/// Brings up Rust on musl Linux architectures: builds a cross toolchain from a target spec file and tests std under QEMU.
///
/// Targets are named as Alpine names architectures (`s390x`, `x86_64`); without one, a command is for all targets.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version, max_term_width = 100)]
#[command(after_help = CLOSING)]
pub struct Cli {
    /// Run as if started in this folder; bringup.toml is looked for there and above
    #[arg(short = 'C', long, value_name = "DIR", global = true, help_heading = GLOBAL)]
    pub directory: Option<PathBuf>,
    /// Forbid the network: what is not in the cache is a miss
    #[arg(long, global = true, help_heading = GLOBAL)]
    pub offline: bool,
    /// Processors to use [default: all]
    #[arg(short, long, value_name = "N", global = true, help_heading = GLOBAL, value_parser = clap::value_parser!(u16).range(1..))]
    pub jobs: Option<u16>,
    /// Folder for downloads [default: `$BRINGUP_CACHE`, else the user's cache folder]
    #[arg(long, value_name = "DIR", global = true, help_heading = GLOBAL)]
    pub cache: Option<PathBuf>,
    /// Use this version of Rust's source instead of the first in bringup.toml
    #[arg(long, value_name = "VERSION", global = true, help_heading = GLOBAL)]
    pub rust: Option<String>,
    /// Use this version of musl instead of the first in bringup.toml
    #[arg(long, value_name = "VERSION", global = true, help_heading = GLOBAL)]
    pub musl: Option<String>,
    /// Leave patches out: `rust/3` is number 3 of Rust's series, `rust` the whole series
    #[arg(long, value_name = "PATCH", value_delimiter = ',', global = true, help_heading = GLOBAL)]
    pub without: Vec<PatchName>,
    #[command(flatten)]
    #[expect(missing_docs)]
    pub compiler: CompilerOptions,
    /// Show errors and results only
    #[arg(short, long, global = true, help_heading = GLOBAL)]
    pub quiet: bool,
    /// What to do
    #[command(subcommand)]
    pub verb: Verb,
}

/// Heading of the options that every verb takes.
const GLOBAL: &str = "Options of every verb";

const CLOSING: &str = "\
Examples:
  cargo xtask bringup --setup s390x           from nothing to a report, on a fresh host
  cargo xtask bringup x86_64 --runner native  the same tests without an emulator
  cargo xtask test s390x --suite std --filter net::
  cargo xtask report --format markdown
  cargo xtask bless s390x                     known from now on: what the last run has shown
  cargo xtask archive s390x                   the same tests on another machine, there:
  cargo xtask test --archive s390x-DIGEST.tar.xz
  cargo xtask why s390x                       after a change: what will be built again

Results are in out/, the report of the last run in out/report/.

Exit codes: 0 as expected; 2 usage, or a fault in a configuration file; 4 nothing ran; 10 only improvements or stale expectations; \
    96 the host lacks something; 100 a regression; 101 a step failed; 130 interrupted.";

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// The main job: check the host, fetch, patch, build, smoke, test, report
    Bringup(Bringup),
    /// Say what the host has, what it lacks, and the command that installs it
    Doctor(Doctor),
    /// Print the table of targets, with the state from the last report
    Targets,
    /// Show a target, or check targets
    #[command(subcommand)]
    Target(TargetVerb),
    /// Download and verify the sources that are built, the emulator and the crates that std needs
    Fetch {
        /// Every pinned version and layer too, and other versions of the emulator: what the `patch` verbs and `triage` look at
        #[arg(long)]
        all: bool,
    },
    /// Work with the patch series
    #[command(subcommand)]
    Patch(PatchVerb),
    /// Build the toolchain of each target and print its folder
    Build(Build),
    /// Audit ELF files and run small programs in every link mode
    Smoke(Smoke),
    /// Run the test suites
    Test(TestVerb),
    /// Pack a target's test programs for another machine, and print the archive's path
    Archive {
        /// The target
        target: String,
        /// Write the archive to this file [default: out/archive/TARGET-DIGEST.tar.xz]
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Pack the compiler and the toolchains of targets to be used anywhere, and print the archive's path
    ///
    /// Goes with `--compiler bootstrap` only. The archive holds a folder that works wherever it is put: its `bin/cargo` and `bin/rustc` compile
    /// for the host and for every target that is packed. manifest.json in it says what it consists of, and what it needs.
    Dist(Dist),
    /// Run a failing test under controls and say whose fault it is
    ///
    /// The test runs again as it failed: alone, then ten times. If it always fails, it runs under other versions of the
    /// emulator, natively, in the other link mode, on other architectures and with other isolation; and if these do not settle
    /// it, with std built at another opt-level. Prints a table and the verdict in one sentence, and writes a page for an upstream
    /// bug to out/triage/. The exit code is 0 whatever the verdict, and 4 if there is nothing to triage.
    Triage(Triage),
    /// Show the last report, or other ones
    ///
    /// The exit code is that of the worst run that is shown: 0 if all are as expected, 100 for a regression.
    Report(Report),
    /// Rewrite the expectation files by the last report: what it shows is then expected
    ///
    /// Entries of tests that pass, or that no test program lists, go; tests that fail, crash, hang or come and go get an entry
    /// with `# Reason: TODO` above it, which `target check` refuses until it says why. Comments, order and everything else
    /// stay. Shows what changes, and asks before it writes. A `skip` is never added or changed.
    Bless(Bless),
    /// Print the steps of a run, in order, and whether they are done
    Plan(Plan),
    /// Say why a step will run: what changed against its last result
    Why(TargetNames),
    /// Remove the out folder; the cache of downloads stays
    Clean,
    /// Print a completion script for a shell
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    Man,
}

/// `plan`
#[derive(Debug, Args)]
pub struct Plan {
    #[command(flatten)]
    #[expect(missing_docs)]
    pub targets: TargetNames,
    /// Print below each step what decides its result
    #[arg(long)]
    pub inputs: bool,
}

/// Targets to work on.
#[derive(Debug, Args, Clone, Default)]
pub struct TargetNames {
    /// Names of targets [default: all]
    #[arg(value_name = "TARGET")]
    pub targets: Vec<String>,
    /// The targets that this Alpine release ships: 3.14, edge, …
    #[arg(long, value_name = "VERSION", conflicts_with = "targets")]
    pub release: Option<String>,
}

/// `bringup`
#[derive(Debug, Args)]
pub struct Bringup {
    #[command(flatten)]
    #[expect(missing_docs)]
    pub test: Test,
    /// Install first what the host lacks (needs root)
    #[arg(long)]
    pub setup: bool,
}

/// `doctor`
#[derive(Debug, Args)]
pub struct Doctor {
    /// Install what is lacking (needs root)
    #[arg(long)]
    pub install: bool,
}

/// `target …`
#[derive(Debug, Subcommand)]
pub enum TargetVerb {
    /// Print what a target resolves to
    Show {
        /// The target
        target: String,
        /// Print rustc's target spec (JSON) only
        #[arg(long)]
        spec: bool,
    },
    /// Check target.toml, the spec, the limits and the expectations of each target, and that alpine.toml agrees
    ///
    /// Of expectations it refuses also what a run puts up with: reasons that are still `TODO`, and tests that no test program
    /// lists, as far as runs on this machine have shown.
    Check(TargetNames),
}

/// `build`
#[derive(Debug, Args)]
pub struct Build {
    #[command(flatten)]
    #[expect(missing_docs)]
    pub targets: TargetNames,
    /// Build nothing: write the bootstrap.toml of these targets, let x.py plan by it, and print its path
    #[arg(long)]
    pub dry_run: bool,
}

/// `dist`
#[derive(Debug, Args)]
pub struct Dist {
    #[command(flatten)]
    #[expect(missing_docs)]
    pub targets: TargetNames,
    /// Write the archive to this file [default: out/dist/bringup-rust-VERSION-HOST-DIGEST.tar.xz]
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// How programs of the targets are linked and run.
#[derive(Debug, Args, Clone)]
pub struct Run {
    /// How the programs are linked [default: dynamic,static]
    #[arg(long, value_enum, value_name = "MODE", value_delimiter = ',')]
    pub link: Vec<Link>,
    /// What runs the programs: qemu, native (this machine, if it is of the target's architecture), or ssh:HOST (another
    /// machine that is, by any name that ssh takes; for the suites only)
    #[arg(long, value_name = "RUNNER", default_value = "qemu", value_parser = runner)]
    pub runner: RunnerKind,
    /// Have ssh read this configuration file instead of the user's
    #[arg(long, value_name = "FILE")]
    pub ssh_config: Option<PathBuf>,
    /// Use this emulator (a program, or a folder that holds qemu-ARCH) instead of looking for one
    #[arg(long, value_name = "PATH")]
    pub qemu: Option<PathBuf>,
    /// How much of their isolation the programs get, where the kernel allows it
    #[arg(long, value_enum, value_name = "WHAT", default_value_t)]
    pub isolation: Isolation,
    /// Run also what an earlier run of the same programs has shown
    #[arg(long)]
    pub rerun: bool,
}

/// `smoke`
#[derive(Debug, Args)]
pub struct Smoke {
    #[command(flatten)]
    #[expect(missing_docs)]
    pub targets: TargetNames,
    #[command(flatten)]
    #[expect(missing_docs)]
    pub run: Run,
}

/// What `test` and `bringup` run.
#[derive(Debug, Args)]
pub struct Test {
    #[command(flatten)]
    #[expect(missing_docs)]
    pub targets: TargetNames,
    /// Suites to run [default: core,alloc,std]
    ///
    /// `ui` is those of rustc's own tests that run a program of the target, `ui-compile` the others; both take long, and a
    /// compiler of their own source: --compiler bootstrap.
    #[arg(long, value_name = "SUITE", value_delimiter = ',', value_parser = PossibleValuesParser::new(suite::all()))]
    pub suite: Vec<String>,
    #[command(flatten)]
    #[expect(missing_docs)]
    pub run: Run,
    /// Run only tests whose name contains this
    #[arg(long, value_name = "TEXT")]
    pub filter: Option<String>,
    /// Run one part of the tests, for `report merge`: `slice:2/4` is the second of four, `hash:2/4` too, by a hash of the name
    #[arg(long, value_name = "slice:I/N")]
    pub partition: Option<Partition>,
    /// Tests that run at once in one process; the processes run beside each other anyway
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    pub test_threads: u16,
    /// Run each test N times, each time alone, and say how often it failed
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub stress: Option<u16>,
}

/// `test`
#[derive(Debug, Args)]
pub struct TestVerb {
    #[command(flatten)]
    #[expect(missing_docs)]
    pub test: Test,
    /// Run the test programs in an archive that `archive` made; nothing is built, and no compiler needed
    #[arg(long, value_name = "FILE", conflicts_with_all = ["release", "rust", "musl", "without"])]
    pub archive: Option<PathBuf>,
}

/// What runs a target's programs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunnerKind {
    /// QEMU user-mode emulation
    Qemu,
    /// The host itself, if it is of the target's architecture
    Native,
    /// Another machine, by the name that ssh knows it by
    Ssh(String),
}

/// `bless`
#[derive(Debug, Args)]
pub struct Bless {
    /// Whose expectations to rewrite [default: those of all targets of the report]
    #[arg(value_name = "TARGET")]
    pub targets: Vec<String>,
    /// By this report.json [default: the last run's]
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// Put new entries into qemu/TARGET.expect.txt: the emulator is at fault, not the target
    #[arg(long)]
    pub emulator: bool,
    /// Write without asking
    #[arg(short, long)]
    pub yes: bool,
}

fn runner(text: &str) -> Result<RunnerKind, String> {
    match (text, text.strip_prefix("ssh:")) {
        ("qemu", _) => Ok(RunnerKind::Qemu),
        ("native", _) => Ok(RunnerKind::Native),
        // What begins with a dash would be an option.
        (_, Some(host)) if !host.is_empty() && !host.starts_with('-') => Ok(RunnerKind::Ssh(host.into())),
        _ => Err("expected qemu, native or ssh:HOST".into()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_grammar_is_sound() {
        super::Cli::command().debug_assert();
    }
}
