//! What happened to a test, and what that means.

use serde::{Deserialize, Serialize};

/// What happened to one test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It ran and passed.
    Pass,
    /// It ran and reported a failure.
    Fail,
    /// The program died while the test was in flight: signal, abort, or an exit in the middle.
    Crash,
    /// It was killed at its time limit.
    Timeout,
    /// The program lists it, was asked for it, and never said a word of it.
    Missing,
    /// The test program itself marks it `#[ignore]`.
    Ignored,
    /// An expectation says that running it harms the run.
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

/// What an outcome means against what was expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It did what is known of it.
    Expected,
    /// It did worse than, or otherwise than, what is known of it.
    Regression,
    /// It did better than what is known of it: the expectation should go.
    Improvement,
    /// A failure of a test that comes and goes: as is known of it, or as was seen when it ran again.
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

/// What a test did when it was run more than once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tries {
    /// How often it ran.
    pub runs: usize,
    /// How often it did not pass.
    pub failures: usize,
}

impl Tries {
    /// Whether it did now this, now that.
    pub fn differ(self) -> bool {
        self.failures > 0 && self.failures < self.runs
    }
}

impl std::fmt::Display for Tries {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} of {} runs", self.failures, self.runs)
    }
}

/// What a test of a suite did when it was run more than once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Repeated {
    /// How often it ran.
    pub runs: usize,
    /// How often it did not pass.
    pub failures: usize,
    /// How many of the failures were of another kind than the outcome: it crashed where it had failed.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub others: usize,
}

impl Repeated {
    /// Whether it did now this, now that.
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

/// What one test did, as a runner saw it; not judged yet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TestOutcome {
    /// `path::of::the::test` for a crate's own unit tests, `program::path` for the others.
    pub name: String,
    /// What happened.
    pub outcome: Outcome,
    /// Seconds it took; 0 where it did not run.
    pub wall_s: f64,
    /// Why it crashed or was ignored, where known: `SIGSEGV`, `exit status 3`, the text of `#[ignore = "…"]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// How often it failed, if it ran more than once; the outcome is then that of its first failure, or missing if it ever was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tries: Option<Repeated>,
    /// What it printed, for a failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
}

impl TestOutcome {
    /// Several outcomes of one test, at least one, as one: that of the first failure, and how many there were. What went missing once
    /// stays missing, for that is the program's fault, not a failure of the test.
    pub fn together(mut outcomes: Vec<Self>) -> Self {
        let first = |is: &dyn Fn(Outcome) -> bool| outcomes.iter().position(|test| is(test.outcome));
        let first = first(&|outcome| outcome == Outcome::Missing).or_else(|| first(&Outcome::is_failure)).unwrap_or(0);
        let failed: Vec<&Self> = outcomes.iter().filter(|test| test.outcome.is_failure()).collect();
        let (runs, failures) = (outcomes.len(), failed.len());
        let others = failed.iter().filter(|test| test.outcome != outcomes[first].outcome).count();
        let reason = (others > 0).then(|| kinds(&failed));
        let tries = Some(Repeated { runs, failures, others });
        let told = outcomes.swap_remove(first);
        Self { tries, reason: reason.or(told.reason), ..told }
    }
}

/// `1 fail, 3 crash (SIGSEGV)`: kinds of failures, each with how often it was seen and its first reason.
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

/// What one suite did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SuiteOutcome {
    /// `core`, `alloc`, `std`, …
    pub suite: String,
    /// Every test that the suite's programs list, within the selection, once each, sorted by name.
    pub tests: Vec<TestOutcome>,
    /// How many tests the programs themselves list, within the selection: `tests` and `not_run` must be as many.
    pub listed: usize,
    /// How many of them were not come to, because the run was interrupted.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub not_run: usize,
    /// Whether it was: else nothing may be left.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub interrupted: bool,
    /// Whether every test of every program is here or in `elsewhere`: only then can an expectation be stale.
    pub complete: bool,
    /// Names of tests that were left to other parts of a partition.
    #[serde(skip)]
    pub elsewhere: Vec<String>,
    /// Digest of the names of all tests within the selection, those in `elsewhere` as well.
    #[serde(skip)]
    pub names: String,
    /// What the reader of the results should know: oddities that no test can be blamed for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Seconds on the clock.
    pub wall_s: f64,
    /// Seconds of processor time of the test programs and the emulator.
    pub cpu_s: f64,
}

/// For fields that are left out of a file where they say nothing.
pub fn is_zero(number: &usize) -> bool {
    *number == 0
}
