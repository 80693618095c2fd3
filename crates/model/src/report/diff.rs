//! Compares two reports.

use std::collections::BTreeMap;
use std::fmt::{self, Display};

use super::{Report, Run};
use crate::outcome::{Outcome, Verdict};
use crate::text::visible;

/// The differences between two reports.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Diff {
    /// Changed versions: the name, and the version before and after.
    pub pins: Vec<(&'static str, String, String)>,
    /// Suites that only the first report has, with their run: `s390x qemu dynamic  std`.
    pub suites_vanished: Vec<String>,
    /// Suites that only the second report has, with their run.
    pub suites_appeared: Vec<String>,
    /// Differing tests in suites that both reports have.
    pub tests: Vec<Change>,
    /// Number of tests without a difference.
    pub same: usize,
}

/// One test that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The run and the suite: `s390x qemu dynamic  std`.
    pub suite: String,
    /// The test's name.
    pub name: String,
    /// The state in the first report; nothing if the test appeared.
    pub before: Option<TestState>,
    /// The state in the second report; nothing if the test vanished.
    pub after: Option<TestState>,
}

/// The compared part of a test's result, without its duration and reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TestState {
    /// The outcome; nothing for a stale expectation.
    pub outcome: Option<Outcome>,
    /// The verdict on the outcome.
    pub verdict: Verdict,
}

type Suites<'a> = BTreeMap<String, BTreeMap<&'a str, TestState>>;

/// Compares two reports by test. Smoke checks count as tests of the suite `smoke`.
pub fn diff(before: &Report, after: &Report) -> Diff {
    let mut diff = Diff { pins: changed_pins(before, after), ..Diff::default() };
    let (old, new) = (suites(before), suites(after));
    diff.suites_appeared = new.keys().filter(|name| !old.contains_key(*name)).cloned().collect();
    for (suite, old) in old {
        let Some(new) = new.get(&suite) else {
            diff.suites_vanished.push(suite);
            continue;
        };
        let appeared = new.keys().filter(|name| !old.contains_key(*name));
        for name in old.keys().chain(appeared) {
            let (before, after) = (old.get(name).copied(), new.get(name).copied());
            if before == after {
                diff.same += 1;
            } else {
                diff.tests.push(Change { suite: suite.clone(), name: (*name).to_owned(), before, after });
            }
        }
    }
    diff
}

fn suites(report: &Report) -> Suites<'_> {
    let mut suites = Suites::new();
    let plain = |run: &Run| format!("{} {} {}", run.target, run.runner.word(), run.link);
    for run in &report.runs {
        // The machines are only part of the name if one report has this run for several of them.
        let alone = report.runs.iter().filter(|other| plain(other) == plain(run)).count() == 1;
        let run_name = if alone { plain(run) } else { run.name() };
        let mut of = |name: &str, tests: BTreeMap<_, _>| suites.insert(format!("{run_name}  {name}"), tests);
        if !run.smoke.is_empty() {
            let judged = |outcome: Outcome| if outcome.is_failure() { Verdict::Regression } else { Verdict::Expected };
            let state = |outcome| TestState { outcome: Some(outcome), verdict: judged(outcome) };
            of("smoke", run.smoke.iter().map(|check| (check.check.as_str(), state(check.outcome))).collect());
        }
        for suite in &run.suites {
            let tests = suite.tests.iter();
            let state =
                tests.map(|test| (test.name.as_str(), TestState { outcome: test.outcome, verdict: test.verdict }));
            of(&suite.suite, state.collect());
        }
    }
    suites
}

/// Versions that differ: the name, and the version before and after; `none` where a report has no emulator.
pub(super) fn changed_pins(before: &Report, after: &Report) -> Vec<(&'static str, String, String)> {
    type Pin = fn(&Report) -> &str;
    let pins: [(&'static str, Pin); 5] = [
        ("rust", |report| &report.pins.rust),
        ("musl", |report| &report.pins.musl),
        ("llvm", |report| &report.pins.llvm),
        ("qemu", |report| report.pins.qemu.as_deref().unwrap_or("none")),
        ("compiler", |report| report.build.compiler.word()),
    ];
    let versions = pins.map(|(name, pin)| (name, pin(before).to_owned(), pin(after).to_owned()));
    versions.into_iter().filter(|(_, old, new)| old != new).collect()
}

impl Diff {
    /// Whether both reports have the same tests with the same results.
    pub fn is_empty(&self) -> bool {
        self.tests.is_empty() && self.suites_vanished.is_empty() && self.suites_appeared.is_empty()
    }
}

impl Change {
    /// The kind of difference: `changed`, `vanished` or `appeared`.
    pub fn word(&self) -> &'static str {
        match (self.before, self.after) {
            (None, _) => "appeared",
            (_, None) => "vanished",
            _ => "changed",
        }
    }
}

impl Display for TestState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.outcome {
            Some(outcome) => write!(f, "{} ({})", outcome.word(), self.verdict.word()),
            None => f.write_str(self.verdict.word()),
        }
    }
}

/// Text for the terminal: one line for each difference, then the counts.
impl Display for Diff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, old, new) in &self.pins {
            writeln!(f, "pin       {name}: {} -> {}", visible(old), visible(new))?;
        }
        for suite in &self.suites_vanished {
            writeln!(f, "vanished  {}  (whole suite)", visible(suite))?;
        }
        for suite in &self.suites_appeared {
            writeln!(f, "appeared  {}  (whole suite)", visible(suite))?;
        }
        for change in &self.tests {
            let states: Vec<_> = [change.before, change.after].iter().flatten().map(TestState::to_string).collect();
            let what = format!("{}  {}  {}", change.suite, change.name, states.join(" -> "));
            writeln!(f, "{:<10}{}", change.word(), visible(&what))?;
        }
        let count = |word: &str| self.tests.iter().filter(|change| change.word() == word).count();
        let (changed, appeared, vanished) = (count("changed"), count("appeared"), count("vanished"));
        writeln!(f, "{changed} changed, {appeared} appeared, {vanished} vanished, {} the same", self.same)
    }
}
