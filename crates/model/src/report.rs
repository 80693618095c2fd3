//! report.json: the one model that every renderer reads. The format is `bringup-report/1`.

use serde::{Deserialize, Serialize};

use super::link::Link;
use super::outcome::{Outcome, Repeated, Verdict, is_zero};

/// The schema that this version writes and reads.
pub const SCHEMA: &str = "bringup-report/1";

/// Everything one invocation found out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// The machine it ran on.
    pub host: Host,
    /// The versions in use.
    pub pins: Pins,
    /// `stock` or `bootstrap`.
    pub compiler: String,
    /// Options of every verb that chose what was built, such as `--musl 1.2.5`: a command that shall mean the same needs them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
    /// Seconds on the clock for everything; 0 where that is not known.
    #[serde(default)]
    pub wall_s: f64,
    /// One for each target, runner and link mode.
    pub runs: Vec<Run>,
}

/// The machine a report comes from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Host {
    /// Host triple, as `rustc -vV` says.
    pub triple: String,
    /// Kernel release.
    pub kernel: String,
    /// Processors in use.
    pub jobs: usize,
    /// Tool name and the version it gave, e.g. `clang` and `22.1.8`.
    pub tools: std::collections::BTreeMap<String, String>,
}

/// Versions of what was built and run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pins {
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
    /// `qemu`, `native` or `ssh`.
    pub runner: String,
    /// The machine that its programs ran on, if it is another one than the report's host; of merged parts, the machines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machine: Option<String>,
    /// How its programs are linked.
    pub link: Link,
    /// Options of `test` that chose how and whence they ran, such as `--isolation none` and `--archive FILE`: a command that shall
    /// do the same needs them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
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
    /// The worst verdict of all: `expected`, `improvement`, `regression`; `incomplete` if interrupted or a step failed.
    pub verdict: String,
    /// Why the run is incomplete: the failed step's message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
    pub partition: String,
    /// How many tests all parts have.
    pub of: usize,
    /// Digest of their names: parts of one whole have the same. Reports of older versions lack it.
    #[serde(default)]
    pub names: String,
}

impl Run {
    /// `qemu`, or `ssh:board` with the machine.
    pub fn runner_name(&self) -> String {
        let machine = self.machine.iter().flat_map(|machine| [":", machine]);
        [self.runner.as_str()].into_iter().chain(machine).collect()
    }

    /// Whether its programs came in an archive.
    pub fn is_of_archive(&self) -> bool {
        self.options.iter().any(|option| option.starts_with("--archive "))
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
