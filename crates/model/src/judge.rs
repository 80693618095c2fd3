//! Judges outcomes: compares them with the expectations.

use std::collections::HashSet;
use std::fmt;

use super::expectation::{ActiveEntries, Entry, Word};
use super::outcome::{Outcome, Repeated, SuiteOutcome, TestOutcome, Verdict};
use super::report::{Suite, Test, Verdicts};

/// A suite for the report, with the output of its failing tests.
#[derive(Debug, Clone, PartialEq)]
pub struct JudgedSuite {
    /// The suite with the verdict on each test.
    pub suite: Suite,
    /// Output files to write next to the report.
    pub logs: Vec<TestLog>,
    /// Whether the suite may have no test that ran, because of an interrupt or because other parts have its tests.
    may_be_empty: bool,
}

impl JudgedSuite {
    /// Whether the suite has no regression, and no flake that its expectation does not fit, so a later run may use its recorded outcomes.
    pub fn is_settled(&self) -> bool {
        let verdicts = &self.suite.verdicts;
        verdicts.regression + verdicts.new_flakes + verdicts.constant == 0
    }

    fn executed(&self) -> usize {
        self.suite.passed + self.suite.failures()
    }
}

/// The output of one failing test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestLog {
    /// The file's path relative to the report's folder, as in the test's `log`.
    pub path: String,
    /// The output.
    pub text: String,
}

/// Why outcomes cannot be judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JudgeError {
    /// No test of these suites ran.
    NothingRan(String),
    /// The number of outcomes differs from the number of listed tests.
    Lost {
        /// The suite's name.
        suite: String,
        /// Number of tests that the programs list.
        listed: usize,
        /// Number of tests with an outcome.
        counted: usize,
    },
    /// One test has two outcomes: the suite and the test.
    Twice(String, String),
}

impl fmt::Display for JudgeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NothingRan(suites) => write!(f, "no test ran in {suites}"),
            Self::Lost { suite, listed, counted } => {
                write!(f, "suite {suite}: its programs list {listed} tests, but {counted} have an outcome")
            }
            Self::Twice(suite, name) => write!(f, "suite {suite}: the test {name} has two outcomes"),
        }
    }
}

impl std::error::Error for JudgeError {}

/// Judges every test of a suite by the entries that apply to the suite. `logs` is the folder for the output of failing
/// tests, relative to the report's folder.
///
/// # Errors
///
/// Fails if the outcomes do not match the listed tests, or if the whole suite was requested and none of its tests ran.
pub fn judge(outcome: &SuiteOutcome, active: &ActiveEntries, logs: &str) -> Result<JudgedSuite, JudgeError> {
    let folder = format!("{logs}/{}", file_name(&outcome.suite));
    let mut logs = Vec::new();
    let suite = judge_suite(outcome, active, &folder, &mut logs)?;
    let divided = !outcome.elsewhere.is_empty();
    let judged = JudgedSuite { suite, logs, may_be_empty: outcome.interrupted || divided };
    if outcome.complete && !divided && judged.executed() == 0 {
        return Err(JudgeError::NothingRan(judged.suite.suite));
    }
    Ok(judged)
}

/// Checks that a test ran in at least one suite of a run.
///
/// # Errors
///
/// Fails if no test of any suite ran, unless a suite was interrupted or divided.
pub fn check_ran(suites: &[JudgedSuite]) -> Result<(), JudgeError> {
    if suites.iter().any(|judged| judged.executed() > 0 || judged.may_be_empty) {
        return Ok(());
    }
    let names: Vec<&str> = suites.iter().map(|judged| judged.suite.suite.as_str()).collect();
    Err(JudgeError::NothingRan(names.join(", ")))
}

/// Names of the tests to retry: unexpected failures, unexpected passes, which may be luck, and failures of known flakes,
/// which may have become constant.
pub fn worth_a_retry(outcome: &SuiteOutcome, active: &ActiveEntries) -> Vec<String> {
    let unexpected = |test: &&TestOutcome| match verdict(test, active.find(&test.name)).0 {
        Verdict::Regression => test.outcome.is_failure(),
        Verdict::Improvement => test.outcome != Outcome::Ignored,
        Verdict::Flake => test.tries.is_none(),
        _ => false,
    };
    outcome.tests.iter().filter(unexpected).map(|test| test.name.clone()).collect()
}

fn judge_suite(
    outcome: &SuiteOutcome,
    active: &ActiveEntries,
    folder: &str,
    logs: &mut Vec<TestLog>,
) -> Result<Suite, JudgeError> {
    let SuiteOutcome { tests: outcomes, elsewhere, .. } = outcome;
    let &SuiteOutcome { listed, not_run, complete, wall_s, cpu_s, .. } = outcome;
    let suite = outcome.suite.clone();
    if outcomes.len() + not_run != listed || (not_run > 0 && !outcome.interrupted) {
        return Err(JudgeError::Lost { suite, listed, counted: outcomes.len() });
    }
    let count = |outcome| outcomes.iter().filter(|test| test.outcome == outcome).count();
    let mut judged = Suite {
        listed,
        passed: count(Outcome::Pass),
        failed: count(Outcome::Fail),
        crashed: count(Outcome::Crash),
        timed_out: count(Outcome::Timeout),
        missing: count(Outcome::Missing),
        ignored: count(Outcome::Ignored),
        skipped: count(Outcome::Skipped),
        not_run,
        wall_s,
        cpu_s,
        cached: false,
        part: None,
        partial: !complete,
        verdicts: Verdicts::default(),
        tests: Vec::with_capacity(listed),
        suite,
    };
    let mut seen = HashSet::new();
    for test in outcomes {
        if !seen.insert(test.name.clone()) {
            return Err(JudgeError::Twice(judged.suite, test.name.clone()));
        }
        let entry = active.find(&test.name);
        let (verdict, reason) = verdict(test, entry);
        if verdict == Verdict::Flake && entry.is_none_or(|entry| entry.word != Word::Flake) {
            judged.verdicts.new_flakes += 1;
        } else if is_constant(test, entry) {
            judged.verdicts.constant += 1;
        }
        let log = test.output.as_ref().filter(|_| test.outcome.is_failure()).map(|text| {
            // The number makes paths unique, because different names may become the same file name.
            let path = format!("{folder}/{:05}-{}.txt", judged.tests.len(), file_name(&test.name));
            logs.push(TestLog { path: path.clone(), text: text.clone() });
            path
        });
        judged.tests.push(Test {
            name: test.name.clone(),
            outcome: Some(test.outcome),
            verdict,
            wall_s: test.wall_s,
            reason,
            tries: test.tries,
            log,
        });
    }
    if complete {
        seen.extend(elsewhere.iter().cloned());
        for entry in active.iter().filter(|entry| entry.is_stale(&seen)) {
            let reason = Some(format!("{} expects `{}`", entry.place(), entry.word.text()));
            judged.tests.push(Test {
                name: entry.pattern(),
                outcome: None,
                verdict: Verdict::Stale,
                wall_s: 0.0,
                reason,
                tries: None,
                log: None,
            });
        }
    }
    for test in &judged.tests {
        *match test.verdict {
            Verdict::Expected => &mut judged.verdicts.expected,
            Verdict::Regression => &mut judged.verdicts.regression,
            Verdict::Improvement => &mut judged.verdicts.improvement,
            Verdict::Flake => &mut judged.verdicts.flake,
            Verdict::Stale => &mut judged.verdicts.stale,
        } += 1;
    }
    Ok(judged)
}

/// The verdict on a test by the entry that applies to it, and the reason.
pub fn verdict(test: &TestOutcome, entry: Option<&Entry>) -> (Verdict, Option<String>) {
    let own = test.reason.clone();
    let Some(entry) = entry else {
        // Only an entry causes a skip, so without one the test was lost.
        let bad = test.outcome.is_failure() || test.outcome == Outcome::Skipped;
        let verdict = if is_flaky(test) {
            Verdict::Flake
        } else if bad {
            Verdict::Regression
        } else {
            Verdict::Expected
        };
        return (verdict, own);
    };
    let known = Some([own.clone(), Some(entry.why.clone())].into_iter().flatten().collect::<Vec<_>>().join("; "));
    let contrary = |own: Option<String>| {
        let own = own.map(|own| format!("{own}; ")).unwrap_or_default();
        Some(format!("{own}{} expects `{}`: {}", entry.place(), entry.word.text(), entry.why))
    };
    match (test.outcome, entry.word) {
        (Outcome::Skipped, Word::Skip) => (Verdict::Expected, known),
        (Outcome::Skipped | Outcome::Missing, _) => (Verdict::Regression, contrary(own)),
        (Outcome::Pass | Outcome::Ignored, Word::Flake | Word::Skip) => (Verdict::Expected, own),
        // An entry for an ignored test is out of date.
        (Outcome::Pass | Outcome::Ignored, _) => (Verdict::Improvement, contrary(own)),
        (_, Word::Flake) if is_constant(test, Some(entry)) => {
            let why = contrary(own).unwrap_or_default();
            (Verdict::Flake, Some(format!("it never passed, so this is no flake; {why}")))
        }
        (_, Word::Flake) => (Verdict::Flake, known),
        _ if is_flaky(test) => (Verdict::Flake, contrary(own)),
        (outcome, word) if word.outcome() == Some(outcome) => (Verdict::Expected, known),
        // A reported failure is better than a crash or a timeout.
        (Outcome::Fail, Word::Crash | Word::Timeout) => (Verdict::Improvement, contrary(own)),
        _ => (Verdict::Regression, contrary(own)),
    }
}

/// Whether a test that an entry calls flaky failed in all of several runs, in one way.
pub fn is_constant(test: &TestOutcome, entry: Option<&Entry>) -> bool {
    let always = |tries: Repeated| tries.runs > 1 && tries.failures > 0 && !tries.differ();
    entry.is_some_and(|entry| entry.word == Word::Flake)
        && test.outcome != Outcome::Missing
        && test.tries.is_some_and(always)
}

/// Whether the retries show that the test is flaky. A missing test never is, because its program is at fault.
fn is_flaky(test: &TestOutcome) -> bool {
    test.outcome != Outcome::Missing && test.tries.is_some_and(Repeated::differ)
}

/// A test's name as part of a file name that every file system and archive supports.
fn file_name(name: &str) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' };
    name.chars().take(120).map(safe).collect::<String>().replace("--", ".")
}

#[cfg(test)]
mod tests {
    use super::super::expectation::{Expectations, Layer, RunSetting};
    use super::*;
    use crate::link::Link;
    use crate::report::RunVerdict;

    fn test(name: &str, outcome: Outcome) -> TestOutcome {
        let output = outcome.is_failure().then(|| format!("output of {name}"));
        let reason = (outcome == Outcome::Crash).then(|| "SIGSEGV".to_owned());
        TestOutcome { name: name.into(), outcome, wall_s: 0.5, reason, tries: None, output }
    }

    fn suite(tests: Vec<TestOutcome>, complete: bool) -> SuiteOutcome {
        let listed = tests.len();
        SuiteOutcome {
            suite: "std".into(),
            tests,
            listed,
            not_run: 0,
            interrupted: false,
            complete,
            elsewhere: vec![],
            names: String::new(),
            notes: vec![],
            contradictions: vec![],
            wall_s: 1.0,
            cpu_s: 2.0,
        }
    }

    fn judge_with(expect: &str, suite: &SuiteOutcome) -> Result<JudgedSuite, JudgeError> {
        let text = format!("# Bug: known\n{expect}");
        let expectations = Expectations::parse([(Layer::Target, "expect.txt", text.as_str())]).unwrap();
        let setting = RunSetting { qemu: None, rust: None, link: Link::Dynamic, spawns: true };
        let judged = judge(suite, &expectations.active("std", &setting), "logs/x")?;
        check_ran(std::slice::from_ref(&judged)).map(|()| judged)
    }

    #[test]
    fn every_outcome_against_every_word() {
        use Outcome::{Crash, Fail, Ignored, Missing, Pass, Skipped, Timeout};
        use Verdict::{Expected, Flake, Improvement, Regression};
        let outcomes = [Pass, Fail, Crash, Timeout, Missing, Ignored, Skipped];
        let table = [
            ("", [Expected, Regression, Regression, Regression, Regression, Expected, Regression]),
            ("std t fail", [Improvement, Expected, Regression, Regression, Regression, Improvement, Regression]),
            ("std t crash", [Improvement, Improvement, Expected, Regression, Regression, Improvement, Regression]),
            ("std t timeout", [Improvement, Improvement, Regression, Expected, Regression, Improvement, Regression]),
            ("std t flake", [Expected, Flake, Flake, Flake, Regression, Expected, Regression]),
            ("std t skip", [Expected, Regression, Regression, Regression, Regression, Expected, Expected]),
        ];
        let check = |expect: &str, test: TestOutcome, verdict| {
            let told = format!("{expect} / {} {:?}", test.outcome.word(), test.tries);
            let judged = judge_with(expect, &suite(vec![test, self::test("other", Pass)], true)).unwrap();
            assert_eq!(judged.suite.tests[0].verdict, verdict, "{told}");
        };
        for (expect, verdicts) in table {
            for (outcome, verdict) in outcomes.into_iter().zip(verdicts) {
                check(expect, test("t", outcome), verdict);
                // It was now this, now that: with a pass, or with another kind of failure.
                for (failures, others) in [(2, 0), (4, 3)] {
                    let tries = Some(Repeated { runs: 4, failures, others });
                    let verdict = match outcome {
                        Fail | Crash | Timeout => Flake,
                        _ => verdict,
                    };
                    if outcome.is_failure() {
                        check(expect, TestOutcome { tries, ..test("t", outcome) }, verdict);
                    }
                }
            }
        }
    }

    #[test]
    fn counts_reasons_and_logs() {
        let tests = vec![
            test("a::b", Outcome::Crash),
            test("c", Outcome::Fail),
            test("d", Outcome::Pass),
            test("e", Outcome::Ignored),
        ];
        let judged = judge_with("std a::b crash\nstd gone fail\n", &suite(tests, true)).unwrap();
        let s = &judged.suite;
        assert_eq!((s.listed, s.passed, s.failed, s.crashed, s.timed_out, s.ignored, s.skipped), (4, 1, 1, 1, 0, 1, 0));
        assert_eq!(s.verdicts, Verdicts { expected: 3, regression: 1, stale: 1, ..Verdicts::default() });
        assert_eq!(s.tests[0].reason.as_deref(), Some("SIGSEGV; known"));
        assert_eq!(s.tests[0].log.as_deref(), Some("logs/x/std/00000-a.b.txt"));
        assert_eq!((s.tests[4].name.as_str(), s.tests[4].outcome), ("gone", None));
        assert_eq!(judged.logs.len(), 2);
        assert_eq!(RunVerdict::of(&[], std::slice::from_ref(&judged.suite)), RunVerdict::Regression);
    }

    #[test]
    fn stale_needs_a_complete_run_and_wildcards_need_one_test() {
        let expect = "std gone fail\nstd ne* skip\nstd net::* skip\nstd x* skip\n";
        let tests = || vec![test("net::a", Outcome::Pass)];
        let stale = |complete| {
            let judged = judge_with(expect, &suite(tests(), complete)).unwrap();
            judged
                .suite
                .tests
                .iter()
                .filter(|t| t.verdict == Verdict::Stale)
                .map(|t| t.name.clone())
                .collect::<Vec<_>>()
        };
        assert_eq!(stale(true), ["gone", "x*"]);
        assert!(stale(false).is_empty());
    }

    #[test]
    fn a_lost_test_and_an_empty_run_are_errors() {
        let mut lost = suite(vec![test("a", Outcome::Pass)], true);
        lost.listed = 2;
        assert_eq!(judge_with("", &lost), Err(JudgeError::Lost { suite: "std".into(), listed: 2, counted: 1 }));
        let mut left = suite(vec![test("a", Outcome::Pass)], false);
        (left.listed, left.not_run) = (2, 1);
        assert_eq!(
            judge_with("", &left.clone()),
            Err(JudgeError::Lost { suite: "std".into(), listed: 2, counted: 1 }),
            "only an interrupt leaves tests"
        );
        left.interrupted = true;
        assert_eq!(judge_with("", &left).unwrap().suite.not_run, 1);
        let twice = suite(vec![test("a", Outcome::Pass), test("a", Outcome::Pass)], true);
        assert_eq!(judge_with("", &twice), Err(JudgeError::Twice("std".into(), "a".into())));
        let nothing = Err(JudgeError::NothingRan("std".into()));
        assert_eq!(judge_with("", &suite(vec![], true)), nothing);
        assert_eq!(judge_with("", &suite(vec![], false)), nothing);
        assert_eq!(judge_with("", &suite(vec![test("a", Outcome::Ignored)], true)), nothing);
        for tests in [vec![], vec![test("a", Outcome::Ignored)]] {
            let part = SuiteOutcome { elsewhere: vec!["b".into()], ..suite(tests, true) };
            assert!(judge_with("", &part).is_ok(), "another part has tests");
        }
    }
}
