//! The outcome of a test, and the verdict on it.

use serde::{Deserialize, Serialize};

/// The outcome of one test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The test ran and passed.
    Pass,
    /// The test ran and reported a failure.
    Fail,
    /// The program ended during the test: by a signal, an abort, or an exit.
    Crash,
    /// The test was killed at its time limit.
    Timeout,
    /// The test was listed and requested, but the program exited without reporting it.
    Missing,
    /// The test is marked `#[ignore]`.
    Ignored,
    /// An expectation forbids the test to run.
    Skipped,
}

impl Outcome {
    /// The word used in expect.txt and on the terminal.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Crash => "crash",
            Self::Timeout => "timeout",
            Self::Missing => "missing",
            Self::Ignored => "ignored",
            Self::Skipped => "skip",
        }
    }

    /// Whether the test ran and did not pass.
    pub fn is_failure(self) -> bool {
        matches!(self, Self::Fail | Self::Crash | Self::Timeout | Self::Missing)
    }
}

/// How an outcome compares with the expectation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The outcome is the expected one.
    Expected,
    /// The outcome is worse than expected, or another failure.
    Regression,
    /// The outcome is better than expected, so the expectation is out of date.
    Improvement,
    /// The test failed and is flaky: an expectation says so, or a retry had another outcome.
    Flake,
    /// The expectation names a test that no test program lists.
    Stale,
}

impl Verdict {
    /// The word used in reports.
    pub fn word(self) -> &'static str {
        match self {
            Self::Expected => "expected",
            Self::Regression => "regression",
            Self::Improvement => "improvement",
            Self::Flake => "flake",
            Self::Stale => "stale",
        }
    }
}

/// How often a test ran and failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tries {
    /// Number of runs.
    pub runs: usize,
    /// Number of runs that did not pass.
    pub failures: usize,
}

impl Tries {
    /// Whether some runs failed and others passed.
    pub fn differ(self) -> bool {
        self.failures > 0 && self.failures < self.runs
    }
}

impl std::fmt::Display for Tries {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} of {} runs", self.failures, self.runs)
    }
}

/// How often a test of a suite ran and failed, with its retries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Repeated {
    /// Number of runs.
    pub runs: usize,
    /// Number of runs that did not pass.
    pub failures: usize,
    /// Number of failures of another kind than the test's outcome, such as a crash after a failure.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub others: usize,
}

impl Repeated {
    /// Whether the runs had different outcomes.
    pub fn differ(self) -> bool {
        self.others > 0 || self.rate().differ()
    }

    fn rate(self) -> Tries {
        Tries { runs: self.runs, failures: self.failures }
    }
}

impl std::fmt::Display for Repeated {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.rate().fmt(f)
    }
}

/// The outcome of one test, before it is judged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TestOutcome {
    /// `path::of::the::test` for a crate's own unit tests, `program::path` for the others.
    pub name: String,
    /// How the test ended.
    pub outcome: Outcome,
    /// Duration in seconds; 0 if the test did not run.
    pub wall_s: f64,
    /// Why the test crashed or was ignored, if known: `SIGSEGV`, `exit status 3`, the text of `#[ignore = "…"]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// How often the test failed, if it ran more than once. The outcome is then that of the first failure, or missing if the
    /// test was missing in any run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tries: Option<Repeated>,
    /// The output of a failing test.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
}

impl TestOutcome {
    /// Combines the outcomes of a test's runs, at least one: the first failure decides, and all are counted. A test that
    /// was missing once stays missing, because that is a fault of the program.
    pub fn together(mut outcomes: Vec<Self>) -> Self {
        let first = |is: &dyn Fn(Outcome) -> bool| outcomes.iter().position(|test| is(test.outcome));
        let first = first(&|outcome| outcome == Outcome::Missing).or_else(|| first(&Outcome::is_failure)).unwrap_or(0);
        let failed: Vec<&Self> = outcomes.iter().filter(|test| test.outcome.is_failure()).collect();
        let (runs, failures) = (outcomes.len(), failed.len());
        let others = failed.iter().filter(|test| test.outcome != outcomes[first].outcome).count();
        let reason = (others > 0).then(|| kinds(&failed));
        let tries = Some(Repeated { runs, failures, others });
        let decisive = outcomes.swap_remove(first);
        Self { tries, reason: reason.or(decisive.reason), ..decisive }
    }
}

/// `1 fail, 3 crash (SIGSEGV)`: the kinds of failures, each with its count and its first reason.
fn kinds(failed: &[&TestOutcome]) -> String {
    let mut kinds: Vec<(&TestOutcome, usize)> = Vec::new();
    for test in failed {
        match kinds.iter_mut().find(|(known, _)| known.outcome == test.outcome) {
            Some((_, count)) => *count += 1,
            None => kinds.push((test, 1)),
        }
    }
    let text = |(test, count): &(&TestOutcome, usize)| {
        let reason = test.reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
        format!("{count} {}{reason}", test.outcome.word())
    };
    kinds.iter().map(text).collect::<Vec<_>>().join(", ")
}

/// The outcomes of one suite.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SuiteOutcome {
    /// `core`, `alloc`, `std`, …
    pub suite: String,
    /// Every selected test that the suite's programs list, once, sorted by name.
    pub tests: Vec<TestOutcome>,
    /// Number of selected tests that the programs list: the sum of `tests` and `not_run`.
    pub listed: usize,
    /// Number of tests that an interrupt kept from running.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub not_run: usize,
    /// Whether the run was interrupted; otherwise `not_run` must be 0.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub interrupted: bool,
    /// Whether every test of every program is in `tests` or `elsewhere`; only then can an expectation be stale.
    pub complete: bool,
    /// Names of tests that belong to other parts of the division.
    #[serde(skip)]
    pub elsewhere: Vec<String>,
    /// Digest of the names of all selected tests, including those in `elsewhere`.
    #[serde(skip)]
    pub names: String,
    /// Notes for readers of the results about oddities that no single test causes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// How programs contradicted themselves: then the outcomes are no evidence, and are not recorded.
    #[serde(skip)]
    pub contradictions: Vec<String>,
    /// Elapsed seconds.
    pub wall_s: f64,
    /// Processor seconds of the test programs and the emulator.
    pub cpu_s: f64,
}

/// For fields that a file omits if they are 0.
pub fn is_zero(number: &usize) -> bool {
    *number == 0
}
