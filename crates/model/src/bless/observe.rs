//! What a report shows about each expectation entry, and about each failing test that has no entry.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::claim::RunMode;
use super::{BlessRequest, ExpectationFile, Unblessed};
use crate::expectation::{ActiveEntries, Entry, Expectations, RunSetting, Word};
use crate::judge;
use crate::outcome::{Outcome, TestOutcome, Verdict};
use crate::report::{Report, Run, RunVerdict, Suite, Test};
use crate::runner_spec::RunnerSpec;

/// What one run shows about an entry that applies to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Observation {
    /// The result matches the entry, or the run gives no evidence.
    Holds,
    /// The test passes, or its program ignores it.
    Passes,
    /// The test fails in this way, which the entry does not expect.
    Differs(Word),
    /// No test program lists the test.
    Stale,
}

impl Observation {
    /// A clause for messages.
    pub(super) fn text(self) -> String {
        match self {
            Self::Holds => "it is as expected".into(),
            Self::Passes => "it passes".into(),
            Self::Differs(word) => format!("it is `{}`", word.text()),
            Self::Stale => "no test program lists it".into(),
        }
    }
}

/// An entry and what the runs show about it.
#[derive(Debug)]
pub(super) struct ObservedEntry {
    pub(super) entry: Entry,
    /// Whether the entry's file applies to all targets.
    pub(super) for_all: bool,
    /// The targets whose runs the entry applies to.
    pub(super) targets: Vec<String>,
    /// One observation for each run, grouped by mode.
    pub(super) observations: BTreeMap<RunMode, Vec<(RunName, Observation)>>,
}

/// What tells two runs of the same mode apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RunName {
    pub(super) target: String,
    /// `native`, `ssh:board`.
    pub(super) runner: String,
}

impl RunName {
    fn new(run: &Run) -> Self {
        Self { target: run.target.clone(), runner: run.runner_name() }
    }
}

impl ObservedEntry {
    /// Whether a run shows something else than the entry says.
    pub(super) fn is_contradicted(&self) -> bool {
        self.observations.values().flatten().any(|(_, observation)| *observation != Observation::Holds)
    }

    /// Reports the entry as unblessed, once for each run that contradicts it.
    pub(super) fn unblessed(&self, why: &str) -> Vec<Unblessed> {
        let contrary =
            self.observations.values().flatten().filter(|(_, observation)| *observation != Observation::Holds);
        contrary.map(|(run, _)| unblessed(why, &run.target, &self.entry.suite, &self.entry.pattern())).collect()
    }
}

/// A failing test that has no entry.
#[derive(Debug, Default)]
pub(super) struct NewTest {
    /// For each run in which the test failed: the word for the failure, and a note for the entry's comment.
    pub(super) failures: BTreeMap<RunMode, Vec<(Word, Option<String>)>>,
    /// How many runs of each mode include the test's suite.
    pub(super) runs: BTreeMap<RunMode, usize>,
    /// Modes that need no new entry: the test has one there, or stays unblessed.
    pub(super) settled: BTreeSet<RunMode>,
}

impl NewTest {
    /// The first note of a run in which the test failed as `word` says.
    pub(super) fn note(&self, word: Word) -> Option<&str> {
        self.failures.values().flatten().filter(|(other, _)| *other == word).find_map(|(_, note)| note.as_deref())
    }
}

/// Everything that a report shows about the expectations.
#[derive(Debug, Default)]
pub(super) struct Observations {
    /// The expectations of each target, by its name.
    pub(super) expectations: BTreeMap<String, Expectations>,
    /// Entries that apply to a run, by file and line.
    pub(super) entries: BTreeMap<(String, usize), ObservedEntry>,
    /// Failing tests without an entry, by target, suite and name.
    pub(super) new: BTreeMap<(String, String, String), NewTest>,
    /// Tests that no entry can make expected.
    pub(super) unblessed: BTreeSet<Unblessed>,
    /// How many runs of a mode include a target's suite.
    runs: BTreeMap<(String, String, RunMode), usize>,
    /// The modes in which a test stays unblessed, with its target, suite and name.
    unblessed_in: BTreeSet<(String, String, String, RunMode)>,
}

impl Observations {
    /// The modes in which a suite of these targets ran.
    pub(super) fn modes(&self, targets: &[String], suite: &str) -> BTreeSet<RunMode> {
        let of = |(target, name, _): &&(String, String, RunMode)| targets.contains(target) && name == suite;
        self.runs.keys().filter(of).map(|(.., mode)| *mode).collect()
    }
}

fn unblessed(why: &str, target: &str, suite: &str, test: &str) -> Unblessed {
    Unblessed { why: why.into(), target: target.into(), suite: suite.into(), test: test.into() }
}

/// The expectations of `target` in these files.
pub(super) fn expectations(files: &[ExpectationFile], target: &str) -> Result<Expectations, String> {
    let of_target = |file: &&ExpectationFile| file.target.as_deref().is_none_or(|of| of == target);
    let files = files.iter().filter(of_target).map(|file| (file.layer, file.name.as_str(), file.text.as_str()));
    Expectations::parse(files).map_err(|error| error.to_string())
}

/// One suite of one run, and the files that it is judged by.
#[derive(Clone, Copy)]
struct JudgedRun<'a> {
    run: &'a Run,
    suite: &'a Suite,
    mode: RunMode,
    files: &'a [ExpectationFile],
}

/// Judges the runs of the requested targets by these files.
pub(super) fn observe(request: &BlessRequest, files: &[ExpectationFile]) -> Result<Observations, String> {
    let mut observed = Observations::default();
    for target in request.targets {
        observed.expectations.insert(target.clone(), expectations(files, target)?);
    }
    for run in request.report.runs.iter().filter(|run| !run.suites.is_empty()) {
        let Some(expectations) = observed.expectations.get(&run.target).cloned() else { continue };
        let setting = setting(request.report, run)?;
        let mode = RunMode { emulated: setting.qemu.is_some(), link: run.link };
        for suite in &run.suites {
            *observed.runs.entry((run.target.clone(), suite.suite.clone(), mode)).or_default() += 1;
            let judged = JudgedRun { run, suite, mode, files };
            observed.add_suite(judged, &expectations.active(&suite.suite, &setting));
        }
    }
    observed.complete_new();
    Ok(observed)
}

/// How the run was made, as conditions ask.
fn setting(report: &Report, run: &Run) -> Result<RunSetting, String> {
    let of_run = || format!("the report's run {} {} {}", run.target, run.runner.word(), run.link);
    let lacks = |what: &str| format!("{} does not say {what}\nhint: run the tests again", of_run());
    let qemu = if matches!(run.runner, RunnerSpec::Qemu { .. }) {
        let version = report.pins.qemu.as_ref().ok_or_else(|| lacks("which version of the emulator it used"))?;
        Some(version.parse().map_err(|error| format!("{}: {error}", of_run()))?)
    } else {
        None
    };
    let spawns = run.spawns.ok_or_else(|| lacks("whether programs could start each other"))?;
    Ok(RunSetting { qemu, rust: report.pins.rust_version(), link: run.link, spawns })
}

impl JudgedRun<'_> {
    /// Why a pass or a missing test in this run removes no entry; nothing if the run shows every test.
    fn keeps_entries(&self) -> Option<String> {
        let Self { run, suite, .. } = self;
        let what = if run.verdict == RunVerdict::Incomplete || run.error.is_some() || suite.not_run > 0 {
            "is incomplete"
        } else if suite.partial || suite.part.is_some() {
            "covers only part of the tests"
        } else {
            return None;
        };
        Some(format!("the run {} {} {what}, so no entry is removed", run.runner.word(), run.link))
    }
}

impl Observations {
    fn add_suite(&mut self, judged: JudgedRun, active: &ActiveEntries) {
        let JudgedRun { run, suite, mode, .. } = judged;
        let keeps_entries = judged.keeps_entries();
        // The report lists a stale entry as a test without an outcome.
        let tests: Vec<TestOutcome> = suite.tests.iter().filter_map(outcome).collect();
        let names: HashSet<String> = tests.iter().map(|test| test.name.clone()).collect();
        for entry in active.iter() {
            let stale = keeps_entries.is_none() && entry.is_stale(&names);
            self.add_observation(judged, entry, if stale { Observation::Stale } else { Observation::Holds });
        }
        for test in tests {
            let entry = active.find(&test.name);
            let (verdict, _) = judge::verdict(&test, entry);
            let observation = match (verdict, test.outcome, entry.map(|entry| entry.word)) {
                (Verdict::Expected, ..) => continue,
                (Verdict::Flake, _, Some(Word::Flake)) if !judge::is_constant(&test, entry) => continue,
                (Verdict::Improvement, Outcome::Pass | Outcome::Ignored, _) => Ok(Observation::Passes),
                (_, _, Some(Word::Skip)) => Err("it ran, although its entry says `skip`"),
                (Verdict::Flake, Outcome::Fail | Outcome::Crash | Outcome::Timeout, word)
                    if word != Some(Word::Flake) =>
                {
                    Ok(Observation::Differs(Word::Flake))
                }
                (_, Outcome::Fail, _) => Ok(Observation::Differs(Word::Fail)),
                (_, Outcome::Crash, _) => Ok(Observation::Differs(Word::Crash)),
                (_, Outcome::Timeout, _) => Ok(Observation::Differs(Word::Timeout)),
                (_, Outcome::Missing, _) => {
                    Err("its program did not report it, and no entry can expect a missing test")
                }
                _ => Err("it did not run, and no entry can expect that"),
            };
            let why = match (observation, &keeps_entries) {
                (Ok(Observation::Passes), Some(why)) => why.as_str(),
                (Err(why), _) => why,
                (Ok(observation), _) => {
                    match (entry, observation) {
                        (Some(entry), _) => self.add_observation(judged, entry, observation),
                        (None, Observation::Differs(word)) => self.add_failure(judged, &test, word),
                        (None, _) => {}
                    }
                    continue;
                }
            };
            self.unblessed.insert(unblessed(why, &run.target, &suite.suite, &test.name));
            self.unblessed_in.insert((run.target.clone(), suite.suite.clone(), test.name, mode));
        }
    }

    /// Records what a run shows about an entry. A later observation of the same run replaces an earlier one.
    fn add_observation(&mut self, judged: JudgedRun, entry: &Entry, observation: Observation) {
        let JudgedRun { run, mode, files, .. } = judged;
        let for_all = files.iter().any(|file| file.name == entry.file && file.target.is_none());
        let new =
            || ObservedEntry { entry: entry.clone(), for_all, targets: Vec::new(), observations: BTreeMap::new() };
        let observed = self.entries.entry((entry.file.clone(), entry.line)).or_insert_with(new);
        if !observed.targets.contains(&run.target) {
            observed.targets.push(run.target.clone());
        }
        let observations = observed.observations.entry(mode).or_default();
        let name = RunName::new(run);
        match observations.iter_mut().find(|(other, _)| *other == name) {
            Some(before) => before.1 = observation,
            None => observations.push((name, observation)),
        }
    }

    fn add_failure(&mut self, judged: JudgedRun, test: &TestOutcome, word: Word) {
        let JudgedRun { run, suite, mode, .. } = judged;
        let key = (run.target.clone(), suite.suite.clone(), test.name.clone());
        self.new.entry(key).or_default().failures.entry(mode).or_default().push((word, note(test, word)));
    }

    /// Adds to each new test where its suite ran, and where it needs no entry.
    fn complete_new(&mut self) {
        for ((target, suite, test), new) in &mut self.new {
            let of = |((of, name, _), _): &(&(String, String, RunMode), &usize)| of == target && name == suite;
            new.runs = self.runs.iter().filter(of).map(|((.., mode), runs)| (*mode, *runs)).collect();
            let covers = |entry: &Entry| entry.suite == *suite && entry.covers(test);
            let covering = self.entries.values().filter(|observed| covers(&observed.entry));
            let of_target = covering
                .flat_map(|observed| &observed.observations)
                .filter(|(_, observations)| observations.iter().any(|(run, _)| run.target == *target));
            let is_unblessed =
                |mode: &RunMode| self.unblessed_in.contains(&(target.clone(), suite.clone(), test.clone(), *mode));
            new.settled =
                of_target.map(|(mode, _)| *mode).chain(RunMode::ALL.into_iter().filter(is_unblessed)).collect();
        }
    }
}

fn outcome(test: &Test) -> Option<TestOutcome> {
    // The reason of an expected result includes the entry's own reason.
    let unexpected = matches!(test.verdict, Verdict::Regression | Verdict::Flake);
    Some(TestOutcome {
        name: test.name.clone(),
        outcome: test.outcome?,
        wall_s: test.wall_s,
        reason: test.reason.clone().filter(|_| unexpected),
        tries: test.tries,
        output: None,
    })
}

/// What the run shows, for the comment above a new entry: one line of at most 100 characters, no control characters.
fn note(test: &TestOutcome, word: Word) -> Option<String> {
    const LENGTH: usize = 100;
    let rate = test.tries.filter(|_| word == Word::Flake).map(|tries| format!("failed {tries}"));
    let reason = test.reason.as_deref().and_then(|reason| reason.lines().next()).map(str::trim);
    let reason = reason.filter(|reason| !reason.is_empty()).map(str::to_owned);
    let parts: Vec<String> = rate.into_iter().chain(reason).collect();
    let line: String = parts.join(": ").chars().filter(|c| !c.is_control()).take(LENGTH).collect();
    (!line.is_empty()).then_some(line)
}
