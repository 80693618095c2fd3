//! report.json: the model that every renderer reads. docs/report.md describes each field.

pub mod diff;
pub mod merge;
mod read;
mod selection;
mod v1;
mod verdict;

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize, Serializer};

pub use self::selection::TestSelection;
pub use self::verdict::RunVerdict;
use super::build_options::BuildOptions;
use super::isolation::Isolation;
use super::link::Link;
use super::outcome::{Outcome, Repeated, Verdict, is_zero};
use super::partition::Partition;
use super::runner_spec::RunnerSpec;
use super::version::Version;

/// The schema of the reports that this version writes.
pub const SCHEMA: &str = "bringup-report/2";

/// The results of one command, or of several merged reports.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// The machines that Bringup ran on: one, or several for merged reports.
    pub hosts: Vec<ReportHost>,
    /// The versions of what was built and run.
    pub pins: Versions,
    /// The options of the build, or of the build of the archive.
    pub build: BuildOptions,
    /// Elapsed seconds of the whole command; 0 if unknown.
    #[serde(default)]
    pub wall_s: f64,
    /// One run for each target, runner and link mode.
    pub runs: Vec<Run>,
}

/// A machine that Bringup ran on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReportHost {
    /// The host triple, from `rustc -vV`.
    pub triple: String,
    /// The kernel release, as `uname -r` prints it.
    pub kernel: String,
    /// Number of parallel jobs.
    pub jobs: usize,
    /// Versions of tools by name, e.g. `22.1.8` for `clang`.
    pub tools: BTreeMap<String, String>,
}

/// Versions of what was built and run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Versions {
    /// The version of the Rust source, or the day of a channel, such as `nightly-2026-10-30`.
    pub rust: String,
    /// The stock toolchain of that Rust; nothing for programs from an older archive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rust_toolchain: Option<UsedToolchain>,
    /// The version of musl.
    pub musl: String,
    /// The version of LLVM's runtimes.
    pub llvm: String,
    /// The version of the emulator; nothing if no run used one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub qemu: Option<String>,
}

impl Versions {
    /// The number of the Rust under test, as conditions of expectations ask for it; nothing if it is not known.
    pub fn rust_version(&self) -> Option<Version> {
        Version::find(&self.rust).or_else(|| Version::find(&self.rust_toolchain.as_ref()?.release))
    }
}

/// A Rust toolchain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UsedToolchain {
    /// `release` of its `rustc -vV`.
    pub release: String,
    /// `commit-hash` of its `rustc -vV`.
    pub commit: String,
}

/// One target, on one runner, in one link mode.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// The target's name.
    pub target: String,
    /// The target triple.
    pub triple: String,
    /// The requested runner; for merged parts, that of the first part.
    pub runner: RunnerSpec,
    /// The machines that the programs ran on, if not the report's host; several for merged parts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub machines: Vec<String>,
    /// The emulator that ran the programs; nothing for other runners, and in reports of older versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub emulator: Option<UsedEmulator>,
    /// How the programs are linked.
    pub link: Link,
    /// The requested isolation.
    pub isolation: Isolation,
    /// What was requested to run. Reports of older versions lack it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selection: Option<TestSelection>,
    /// Where the programs come from.
    pub origin: ProgramOrigin,
    /// Digest of the test programs. It is the same for all parts of one run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub programs: Option<String>,
    /// Whether programs of the target could start each other, for the condition `spawn=` of expectations; nothing if no
    /// program ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spawns: Option<bool>,
    /// The steps that the run depends on, in order.
    pub steps: Vec<StepTime>,
    /// Smoke programs and ELF checks.
    pub smoke: Vec<SmokeCheck>,
    /// The test suites.
    pub suites: Vec<Suite>,
    /// Notes for readers, such as an isolation feature that the host lacks.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub notes: Vec<String>,
    /// The verdict of the worst result.
    pub verdict: RunVerdict,
    /// Why the run is incomplete: the error of the failed step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// An emulator that ran programs. Two emulators are the same if their bytes are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UsedEmulator {
    /// The first line that `--version` prints: the emulator's version and its package's.
    pub version: String,
    /// The sha256 of its file in lower-case hex. Of a script, it does not cover the programs that the script starts.
    pub sha256: String,
}

impl std::fmt::Display for UsedEmulator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} (sha256 {})", self.version, self.sha256.get(..12).unwrap_or(&self.sha256))
    }
}

/// Where test programs come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ProgramOrigin {
    /// Built by the steps of the run.
    Built,
    /// Unpacked from an archive that the verb `archive` made.
    Archive {
        /// The archive's path, as on the command line.
        #[serde(serialize_with = "lossy")]
        file: PathBuf,
    },
}

/// Replaces what is not UTF-8 in a path, because a report must be written in any case.
fn lossy<S: Serializer>(path: &std::path::Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&path.to_string_lossy())
}

/// The time of one step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepTime {
    /// Step name: `patch`, `musl`, `smoke`.
    pub step: String,
    /// What the step is for: a target, a source, or a run. Steps of one name and label are one step.
    pub label: String,
    /// Elapsed seconds.
    pub wall_s: f64,
    /// Processor seconds of the step's processes.
    pub cpu_s: f64,
    /// Whether the step was already built.
    pub cached: bool,
}

/// One smoke check.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SmokeCheck {
    /// Link mode and name of the check: `dynamic/hello`, `static/hello elf`.
    pub check: String,
    /// `pass` or `fail`.
    pub outcome: Outcome,
    /// Details of a failure.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub detail: String,
    /// The number of values that a program of the C corpus must compute, or of a crate's tests; 0 for any other check.
    #[serde(skip_serializing_if = "is_zero", default)]
    pub values: usize,
}

impl SmokeCheck {
    /// The crate from the registry that the check of this name is about; none for all other checks.
    pub fn crate_of(check: &str) -> Option<&str> {
        check.split_once('/')?.1.strip_prefix("crate ")
    }
}

/// One test suite.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Suite {
    /// The suite's name: `core`, `alloc`, `std`, …
    pub suite: String,
    /// Number of tests that the programs list.
    pub listed: usize,
    /// Number of tests that passed.
    pub passed: usize,
    /// Number of tests that reported a failure.
    pub failed: usize,
    /// Number of tests that crashed.
    pub crashed: usize,
    /// Number of tests that were killed at their time limit.
    pub timed_out: usize,
    /// Number of tests that were listed and requested, but not reported.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub missing: usize,
    /// Number of tests that are marked `#[ignore]`.
    pub ignored: usize,
    /// Number of tests that an expectation forbids to run.
    pub skipped: usize,
    /// Number of tests that an interrupt kept from running.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub not_run: usize,
    /// Elapsed seconds.
    pub wall_s: f64,
    /// Processor seconds.
    pub cpu_s: f64,
    /// Whether the outcomes are recorded ones, from an earlier run of the same programs.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub cached: bool,
    /// The part of the suite; nothing if it is the whole suite.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<Part>,
    /// Whether a filter or an interrupt left out tests that no other part has.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub partial: bool,
    /// Numbers of tests by verdict.
    pub verdicts: Verdicts,
    /// The tests, each with its verdict.
    pub tests: Vec<Test>,
}

/// A part of a suite, for merging with the other parts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// The part's scheme and number, e.g. `slice:1/4` or `hash:1/4`.
    pub partition: Partition,
    /// Number of tests in all parts together.
    pub of: usize,
    /// Digest of the names of those tests, the same for all parts of one division. Reports of older versions lack it.
    #[serde(default)]
    pub names: String,
}

impl Report {
    /// The report as JSON: fields in the model's order, runs and tests in the report's order.
    ///
    /// # Errors
    ///
    /// Fails if a value cannot be written as JSON.
    pub fn to_json(&self) -> serde_json::Result<Vec<u8>> {
        let mut bytes = serde_json::to_vec_pretty(self)?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// The verdict of the worst run; nothing if there is no run.
    pub fn worst(&self) -> Option<RunVerdict> {
        self.runs.iter().map(|run| run.verdict).max()
    }
}

impl Run {
    /// `s390x qemu dynamic`: the name of the run, unique in its report.
    pub fn name(&self) -> String {
        format!("{} {} {}", self.target, self.runner_name(), self.link)
    }

    /// The runner's name, with the machines for ssh: `qemu`, `ssh:board`.
    pub fn runner_name(&self) -> String {
        let word = self.runner.word();
        if self.machines.is_empty() { word.into() } else { format!("{word}:{}", self.machines.join(" / ")) }
    }

    /// Whether the programs come from an archive.
    pub fn is_of_archive(&self) -> bool {
        matches!(self.origin, ProgramOrigin::Archive { .. })
    }

    /// The command-line options for the same programs in the same environment, without the choice of the runner.
    pub fn surroundings(&self) -> Vec<String> {
        let mut words = Vec::new();
        if let ProgramOrigin::Archive { file } = &self.origin {
            words.extend(["--archive".to_owned(), file.to_string_lossy().into_owned()]);
        }
        words.extend(self.runner.settings());
        if self.isolation != Isolation::default() {
            words.extend(["--isolation".to_owned(), self.isolation.word().to_owned()]);
        }
        words
    }

    /// The command-line options that repeat this run, with the choice of the runner.
    pub fn arguments(&self) -> Vec<String> {
        [self.runner.choice(), self.surroundings()].concat()
    }
}

impl Suite {
    /// Number of tests that ran and did not pass, including expected failures.
    pub fn failures(&self) -> usize {
        self.failed + self.crashed + self.timed_out + self.missing
    }

    /// Number of tests that did not run, for any reason.
    pub fn unrun(&self) -> usize {
        self.ignored + self.skipped + self.not_run
    }
}

/// Numbers of tests by verdict.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verdicts {
    /// Results as expected.
    pub expected: usize,
    /// Results worse than expected.
    pub regression: usize,
    /// Results better than expected.
    pub improvement: usize,
    /// Failures of flaky tests.
    pub flake: usize,
    /// Expectations without a listed test.
    pub stale: usize,
    /// The flakes without an expectation.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub new_flakes: usize,
    /// Tests whose expectation calls them flaky, and that failed in all of several runs.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub constant: usize,
}

impl Verdicts {
    /// Number of results that call for a change of an expectation file but are no regressions: outdated entries, and flakes
    /// that their expectation does not fit.
    pub fn outdated(&self) -> usize {
        self.improvement + self.stale + self.unfit_flakes()
    }

    /// Number of flakes without an entry, and of constant failures with an entry for a flake.
    pub fn unfit_flakes(&self) -> usize {
        self.new_flakes + self.constant
    }
}

/// One judged test.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Test {
    /// The test's name as in expect.txt, without the suite.
    pub name: String,
    /// The outcome; nothing for a stale expectation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// How the outcome compares with the expectation.
    pub verdict: Verdict,
    /// Duration in seconds.
    pub wall_s: f64,
    /// The cause: a signal, the text of `#[ignore]`, or the expectation's reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// How often the test failed, if it ran more than once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tries: Option<Repeated>,
    /// Path of the file with the failing test's output, relative to the report's folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log: Option<String>,
}
