//! report.json: the one model that every renderer reads. docs/report.md says what each field means.

pub mod diff;
pub mod merge;
mod read;
mod v1;
mod verdict;

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize, Serializer};

pub use self::verdict::RunVerdict;
use super::build_options::BuildOptions;
use super::isolation::Isolation;
use super::link::Link;
use super::outcome::{Outcome, Repeated, Verdict, is_zero};
use super::partition::Partition;
use super::runner_spec::RunnerSpec;

/// The schema that this version writes.
pub const SCHEMA: &str = "bringup-report/2";

/// Everything one invocation found out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// The machines that Bringup ran on: one, or those of all merged reports.
    pub hosts: Vec<ReportHost>,
    /// The versions in use.
    pub pins: Versions,
    /// What the user chose of the build, or of the build of an archive.
    pub build: BuildOptions,
    /// Seconds on the clock for everything; 0 where that is not known.
    #[serde(default)]
    pub wall_s: f64,
    /// One for each target, runner and link mode.
    pub runs: Vec<Run>,
}

/// The machine a report comes from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReportHost {
    /// Host triple, as `rustc -vV` says.
    pub triple: String,
    /// Kernel release.
    pub kernel: String,
    /// Processors in use.
    pub jobs: usize,
    /// Tool name and the version it gave, e.g. `clang` and `22.1.8`.
    pub tools: BTreeMap<String, String>,
}

/// Versions of what was built and run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Versions {
    /// Rust's version.
    pub rust: String,
    /// musl's version.
    pub musl: String,
    /// Version of LLVM's runtimes.
    pub llvm: String,
    /// The emulator's version, if one was used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub qemu: Option<String>,
}

/// One target, on one runner, in one link mode.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// Target name.
    pub target: String,
    /// Target triple.
    pub triple: String,
    /// The runner that was asked for; of merged parts, that of the first.
    pub runner: RunnerSpec,
    /// The machines that its programs ran on, if they are others than the report's host: several for merged parts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub machines: Vec<String>,
    /// How its programs are linked.
    pub link: Link,
    /// The isolation that was asked for.
    pub isolation: Isolation,
    /// Where its programs come from.
    pub origin: ProgramOrigin,
    /// Digest of the test programs: parts of one run have the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub programs: Option<String>,
    /// Whether programs of the target could start each other, as the conditions `spawn=` of expectations ask; nothing where no
    /// program was run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spawns: Option<bool>,
    /// Every step that the run rests on, in order.
    pub steps: Vec<StepTime>,
    /// Small programs and ELF audits.
    pub smoke: Vec<SmokeCheck>,
    /// Test suites.
    pub suites: Vec<Suite>,
    /// What the host could not give to the tests, such as `binfmt_misc`.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub notes: Vec<String>,
    /// The worst of all; see [`RunVerdict`].
    pub verdict: RunVerdict,
    /// Why the run is incomplete: the failed step's message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Where test programs come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ProgramOrigin {
    /// The run's own steps built them.
    Built,
    /// They were unpacked from an archive that `archive` packed.
    Archive {
        /// The archive, as the user named it.
        #[serde(serialize_with = "lossy")]
        file: PathBuf,
    },
}

/// A report is worth more than the exact bytes of a path that is not UTF-8.
fn lossy<S: Serializer>(path: &std::path::Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&path.to_string_lossy())
}

/// What one step cost.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepTime {
    /// Step name, with its label where it is not the target: `patch rust`, `musl`.
    pub step: String,
    /// Seconds on the clock.
    pub wall_s: f64,
    /// Seconds of processor time of its processes.
    pub cpu_s: f64,
    /// Whether it was found done.
    pub cached: bool,
}

/// One smoke check.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SmokeCheck {
    /// Link mode and name: `dynamic/hello`, `static/hello elf`.
    pub check: String,
    /// `pass` or `fail`.
    pub outcome: Outcome,
    /// What was seen, for a failure.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub detail: String,
}

/// One test suite.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Suite {
    /// `core`, `alloc`, `std`, …
    pub suite: String,
    /// Tests that the programs list.
    pub listed: usize,
    /// Counts by outcome.
    pub passed: usize,
    /// Reported a failure.
    pub failed: usize,
    /// Died.
    pub crashed: usize,
    /// Killed at the limit.
    pub timed_out: usize,
    /// Listed, asked for and never heard of.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub missing: usize,
    /// Ignored by the program.
    pub ignored: usize,
    /// Skipped by an expectation.
    pub skipped: usize,
    /// Not come to, because the run was interrupted.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub not_run: usize,
    /// Seconds on the clock.
    pub wall_s: f64,
    /// Seconds of processor time.
    pub cpu_s: f64,
    /// Whether these are the outcomes of an earlier run of the same programs.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub cached: bool,
    /// Which part of the suite it is, if not the whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<Part>,
    /// Whether a filter or an interrupt left out tests that no part has either: what is seen is not all that there is.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub partial: bool,
    /// Counts by verdict.
    pub verdicts: Verdicts,
    /// Each test.
    pub tests: Vec<Test>,
}

/// A part of a suite, to be merged with the others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// `slice:1/4` or `hash:1/4`.
    pub partition: Partition,
    /// How many tests all parts have.
    pub of: usize,
    /// Digest of their names: parts of one whole have the same. Reports of older versions lack it.
    #[serde(default)]
    pub names: String,
}

impl Report {
    /// The report as it is stored: fields in the model's order, runs and tests in the report's.
    ///
    /// # Errors
    ///
    /// Only if a number cannot be written as JSON.
    pub fn to_json(&self) -> serde_json::Result<Vec<u8>> {
        let mut bytes = serde_json::to_vec_pretty(self)?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// The verdict of its worst run; nothing if it has none.
    pub fn worst(&self) -> Option<RunVerdict> {
        self.runs.iter().map(|run| run.verdict).max()
    }
}

impl Run {
    /// `s390x qemu dynamic`: what tells one run of a report from the others.
    pub fn name(&self) -> String {
        format!("{} {} {}", self.target, self.runner_name(), self.link)
    }

    /// `qemu`, or `ssh:board` with the machines.
    pub fn runner_name(&self) -> String {
        let word = self.runner.word();
        if self.machines.is_empty() { word.into() } else { format!("{word}:{}", self.machines.join(" / ")) }
    }

    /// Whether its programs came in an archive.
    pub fn is_of_archive(&self) -> bool {
        matches!(self.origin, ProgramOrigin::Archive { .. })
    }

    /// The options of a command that runs the same programs in the same surroundings, without the choice of the runner.
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

    /// The options of a command that runs programs as this run did.
    pub fn arguments(&self) -> Vec<String> {
        [self.runner.choice(), self.surroundings()].concat()
    }
}

impl Suite {
    /// Tests that ran and did not pass, whatever was expected.
    pub fn failures(&self) -> usize {
        self.failed + self.crashed + self.timed_out + self.missing
    }

    /// Tests that did not run, for whatever reason.
    pub fn unrun(&self) -> usize {
        self.ignored + self.skipped + self.not_run
    }
}

/// Counts by verdict.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verdicts {
    /// As known.
    pub expected: usize,
    /// Worse than known.
    pub regression: usize,
    /// Better than known.
    pub improvement: usize,
    /// Comes and goes, as known or as seen.
    pub flake: usize,
    /// Expectations without a test.
    pub stale: usize,
    /// Those of the flakes that no expectation knows.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub new_flakes: usize,
}

impl Verdicts {
    /// What an expectation file should be changed for, though nothing is worse than known: entries that are out of date, and
    /// flakes that have none.
    pub fn outdated(&self) -> usize {
        self.improvement + self.stale + self.new_flakes
    }
}

/// One judged test.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Test {
    /// As in expect.txt, without the suite.
    pub name: String,
    /// What happened; nothing for a stale expectation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// What it means.
    pub verdict: Verdict,
    /// Seconds.
    pub wall_s: f64,
    /// Why: signal, ignore text, or the expectation's reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// How often it failed, if it ran more than once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tries: Option<Repeated>,
    /// Path of the file, relative to the report's folder, that holds the failing test's output.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log: Option<String>,
}
