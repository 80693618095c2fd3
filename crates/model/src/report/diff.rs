//! Comparing two reports.

use std::collections::BTreeMap;
use std::fmt::{self, Display};

use super::{Report, Run};
use crate::outcome::{Outcome, Verdict};
use crate::text::visible;

/// What changed from one report to another.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Diff {
    /// Pins with the version before and after.
    pub pins: Vec<(&'static str, String, String)>,
    /// Suites of a run, such as `s390x qemu dynamic  std`, that only the first report has.
    pub suites_vanished: Vec<String>,
    /// Suites of a run that only the second report has.
    pub suites_appeared: Vec<String>,
    /// Tests of suites that both reports have: changed, vanished or appeared.
    pub tests: Vec<Change>,
    /// How many tests did the same.
    pub same: usize,
}

/// One test that is not what it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The run and the suite.
    pub suite: String,
    /// The test.
    pub name: String,
    /// What it was; nothing if it appeared.
    pub before: Option<TestState>,
    /// What it is; nothing if it vanished.
    pub after: Option<TestState>,
}

/// What is compared of a test: not its time, nor its reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TestState {
    /// What happened; nothing for a stale expectation.
    pub outcome: Option<Outcome>,
    /// What it means.
    pub verdict: Verdict,
}

type Suites<'a> = BTreeMap<String, BTreeMap<&'a str, TestState>>;

/// Compares two reports, test by test; a smoke check counts as a test of the suite `smoke`.
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
        // Two machines can be compared, unless one report has both.
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

pub(super) fn changed_pins(before: &Report, after: &Report) -> Vec<(&'static str, String, String)> {
    let pins = |report: &Report| {
        let (pins, none) = (report.pins.clone(), "none".to_owned());
        let qemu = pins.qemu.unwrap_or(none);
        [
            ("rust", pins.rust),
            ("musl", pins.musl),
            ("llvm", pins.llvm),
            ("qemu", qemu),
            ("compiler", report.build.compiler.word().to_owned()),
        ]
    };
    let pairs = pins(before).into_iter().zip(pins(after));
    pairs.filter(|(old, new)| old != new).map(|((name, old), (_, new))| (name, old, new)).collect()
}

impl Diff {
    /// Whether the reports say the same of every test.
    pub fn is_empty(&self) -> bool {
        self.tests.is_empty() && self.suites_vanished.is_empty() && self.suites_appeared.is_empty()
    }
}

impl Change {
    /// `changed`, `vanished` or `appeared`.
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

/// For the terminal: one line for each difference, then the counts.
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
