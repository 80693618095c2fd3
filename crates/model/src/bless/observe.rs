//! What a report shows of every entry, and of every test that has none.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::claim::RunMode;
use super::{BlessRequest, ExpectationFile, Unblessed};
use crate::expectation::{ActiveEntries, Entry, Expectations, RunSetting, Word};
use crate::judge;
use crate::outcome::{Outcome, TestOutcome, Verdict};
use crate::report::{Report, Run, RunVerdict, Suite, Test};
use crate::runner_spec::RunnerSpec;

/// What one run shows of an entry that holds in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Observation {
    /// It is as the entry says, or the run does not tell.
    Holds,
    /// Its test passes, or is ignored by its program.
    Passes,
    /// Its test does this.
    Does(Word),
    /// No test program lists its test.
    Gone,
}

impl Observation {
    /// In words.
    pub(super) fn text(self) -> String {
        match self {
            Self::Holds => "it is as expected".into(),
            Self::Passes => "it passes".into(),
            Self::Does(word) => format!("it is `{}`", word.text()),
            Self::Gone => "no test program lists it".into(),
        }
    }
}

/// An entry and what is seen of it.
#[derive(Debug)]
pub(super) struct ObservedEntry {
    pub(super) entry: Entry,
    /// Whether its file is for all targets.
    pub(super) for_all: bool,
    /// The targets it was looked at for.
    pub(super) targets: Vec<String>,
    /// By each run.
    pub(super) seen: BTreeMap<RunMode, Vec<(RunName, Observation)>>,
}

/// A run, as far as others of the same cell differ from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RunName {
    pub(super) target: String,
    /// `native`, `ssh:board`
    pub(super) runner: String,
}

impl RunName {
    fn new(run: &Run) -> Self {
        Self { target: run.target.clone(), runner: run.runner_name() }
    }
}

impl ObservedEntry {
    /// Whether some run shows otherwise than it says.
    pub(super) fn is_contradicted(&self) -> bool {
        self.seen.values().flatten().any(|(_, sight)| *sight != Observation::Holds)
    }

    /// It, as what is left for each target that contradicts it.
    pub(super) fn lefts(&self, why: &str) -> Vec<Unblessed> {
        let contrary = self.seen.values().flatten().filter(|(_, sight)| *sight != Observation::Holds);
        contrary.map(|(of, _)| left(why, &of.target, &self.entry.suite, &self.entry.pattern())).collect()
    }
}

/// A test without an entry, where it did not pass.
#[derive(Debug, Default)]
pub(super) struct NewTest {
    /// What it is in each run where it did not pass, and what was seen.
    pub(super) seen: BTreeMap<RunMode, Vec<(Word, Option<String>)>>,
    /// Where its suite was run, and in how many runs.
    pub(super) ran: BTreeMap<RunMode, usize>,
    /// Where nothing more can be said of it: it has an entry, or it is left.
    pub(super) claimed: BTreeSet<RunMode>,
}

impl NewTest {
    /// What a reader should know of it where it is this, of the first run that tells something.
    pub(super) fn note(&self, word: Word) -> Option<&str> {
        self.seen.values().flatten().filter(|(is, _)| *is == word).find_map(|(_, note)| note.as_deref())
    }
}

/// Everything that a report shows.
#[derive(Debug, Default)]
pub(super) struct Observations {
    /// By target.
    pub(super) expectations: BTreeMap<String, Expectations>,
    /// By file and line.
    pub(super) known: BTreeMap<(String, usize), ObservedEntry>,
    /// By target, suite and name.
    pub(super) new: BTreeMap<(String, String, String), NewTest>,
    /// What no change of a file could make expected.
    pub(super) left: BTreeSet<Unblessed>,
    /// How many runs there are of a target's suite.
    ran: BTreeMap<(String, String, RunMode), usize>,
    /// Where a test is left: target, suite, name.
    left_in: BTreeSet<(String, String, String, RunMode)>,
}

impl Observations {
    /// How a suite of these targets was run.
    pub(super) fn cells(&self, targets: &[String], suite: &str) -> BTreeSet<RunMode> {
        let of = |(target, name, _): &&(String, String, RunMode)| targets.contains(target) && name == suite;
        self.ran.keys().filter(of).map(|(.., cell)| *cell).collect()
    }
}

fn left(why: &str, target: &str, suite: &str, test: &str) -> Unblessed {
    Unblessed { why: why.into(), target: target.into(), suite: suite.into(), test: test.into() }
}

/// What `target` knows by these files.
pub(super) fn expectations(files: &[ExpectationFile], target: &str) -> Result<Expectations, String> {
    let of_target = |file: &&ExpectationFile| file.target.as_deref().is_none_or(|of| of == target);
    let files = files.iter().filter(of_target).map(|file| (file.layer, file.name.as_str(), file.text.as_str()));
    Expectations::parse(files).map_err(|error| error.to_string())
}

/// Judges the runs of the wanted targets by these files.
pub(super) fn look(request: &BlessRequest, files: &[ExpectationFile]) -> Result<Observations, String> {
    let mut seen = Observations::default();
    for target in request.targets {
        seen.expectations.insert(target.clone(), expectations(files, target)?);
    }
    for run in request.report.runs.iter().filter(|run| request.targets.contains(&run.target)) {
        if run.suites.is_empty() {
            continue;
        }
        let setting = setting(request.report, run)?;
        let cell = RunMode { emulated: setting.qemu.is_some(), link: run.link };
        let expectations = expectations(files, &run.target)?;
        for suite in &run.suites {
            *seen.ran.entry((run.target.clone(), suite.suite.clone(), cell)).or_default() += 1;
            seen.look_at(run, suite, cell, &expectations.active(&suite.suite, &setting), files);
        }
    }
    seen.complete_new();
    Ok(seen)
}

/// How the run was made.
fn setting(report: &Report, run: &Run) -> Result<RunSetting, String> {
    let of_run = || format!("the report's run {} {} {}", run.target, run.runner.word(), run.link);
    let lacks = |what: &str| format!("{} does not say {what}\nhint: run the tests again", of_run());
    let qemu = if matches!(run.runner, RunnerSpec::Qemu { .. }) {
        let version = report.pins.qemu.as_ref().ok_or_else(|| lacks("which emulator it had"))?;
        Some(version.parse().map_err(|error| format!("{}: {error}", of_run()))?)
    } else {
        None
    };
    let spawns = run.spawns.ok_or_else(|| lacks("whether programs could start each other"))?;
    Ok(RunSetting { qemu, link: run.link, spawns })
}

impl Observations {
    fn look_at(&mut self, run: &Run, suite: &Suite, cell: RunMode, active: &ActiveEntries, files: &[ExpectationFile]) {
        let incomplete = run.verdict == RunVerdict::Incomplete || run.error.is_some() || suite.not_run > 0;
        // Why nothing is given up.
        let part = match (incomplete, suite.partial || suite.part.is_some()) {
            (true, _) => {
                Some(format!("the run {} {} is incomplete, so it takes nothing away", run.runner.word(), run.link))
            }
            (_, true) => Some(format!(
                "the run {} {} was of a part of the tests, so it takes nothing away",
                run.runner.word(),
                run.link
            )),
            _ => None,
        };
        // Of a stale entry the report made a test that has no outcome.
        let tests: Vec<TestOutcome> = suite.tests.iter().filter_map(outcome).collect();
        let names: HashSet<String> = tests.iter().map(|test| test.name.clone()).collect();
        for entry in active.iter() {
            let gone = part.is_none() && entry.is_stale(&names);
            self.sight(run, cell, entry, if gone { Observation::Gone } else { Observation::Holds }, files);
        }
        for test in tests {
            let entry = active.find(&test.name);
            let (verdict, _) = judge::verdict(&test, entry);
            let sight = match (verdict, test.outcome, entry.map(|entry| entry.word)) {
                (Verdict::Expected, ..) | (Verdict::Flake, _, Some(Word::Flake)) => continue,
                (Verdict::Improvement, Outcome::Pass | Outcome::Ignored, _) => Ok(Observation::Passes),
                (_, _, Some(Word::Skip)) => Err("it ran, though an entry says `skip`"),
                (Verdict::Flake, Outcome::Fail | Outcome::Crash | Outcome::Timeout, _) => {
                    Ok(Observation::Does(Word::Flake))
                }
                (_, Outcome::Fail, _) => Ok(Observation::Does(Word::Fail)),
                (_, Outcome::Crash, _) => Ok(Observation::Does(Word::Crash)),
                (_, Outcome::Timeout, _) => Ok(Observation::Does(Word::Timeout)),
                (_, Outcome::Missing, _) => Err("its program never told of it (missing), and that cannot be expected"),
                _ => Err("it was not run, and that cannot be expected"),
            };
            let why = match (sight, &part) {
                (Ok(Observation::Passes), Some(part)) => part.as_str(),
                (Err(why), _) => why,
                (Ok(sight), _) => {
                    match (entry, sight) {
                        (Some(entry), _) => self.sight(run, cell, entry, sight, files),
                        (None, Observation::Does(word)) => self.news(run, suite, cell, &test, word),
                        (None, _) => {}
                    }
                    continue;
                }
            };
            self.left.insert(left(why, &run.target, &suite.suite, &test.name));
            self.left_in.insert((run.target.clone(), suite.suite.clone(), test.name, cell));
        }
    }

    /// Notes what a run shows of an entry; what is contrary to it replaces what is not.
    fn sight(&mut self, run: &Run, cell: RunMode, entry: &Entry, sight: Observation, files: &[ExpectationFile]) {
        let for_all = files.iter().any(|file| file.name == entry.file && file.target.is_none());
        let new = || ObservedEntry { entry: entry.clone(), for_all, targets: Vec::new(), seen: BTreeMap::new() };
        let known = self.known.entry((entry.file.clone(), entry.line)).or_insert_with(new);
        if !known.targets.contains(&run.target) {
            known.targets.push(run.target.clone());
        }
        let sights = known.seen.entry(cell).or_default();
        let of = RunName::new(run);
        match sights.iter_mut().find(|(other, _)| *other == of) {
            Some(before) => before.1 = sight,
            None => sights.push((of, sight)),
        }
    }

    fn news(&mut self, run: &Run, suite: &Suite, cell: RunMode, test: &TestOutcome, word: Word) {
        let key = (run.target.clone(), suite.suite.clone(), test.name.clone());
        self.new.entry(key).or_default().seen.entry(cell).or_default().push((word, note(test, word)));
    }

    /// Adds to the tests without an entry where else they ran, and where they have one.
    fn complete_new(&mut self) {
        for ((target, suite, test), new) in &mut self.new {
            let of = |((of, name, _), _): &(&(String, String, RunMode), &usize)| of == target && name == suite;
            new.ran = self.ran.iter().filter(of).map(|((.., cell), runs)| (*cell, *runs)).collect();
            let entries = self.known.values().filter(|known| known.entry.suite == *suite && known.entry.covers(test));
            let cells = entries.flat_map(|known| known.seen.iter());
            let of_target = cells.filter(|(_, sights)| sights.iter().any(|(of, _)| of.target == *target));
            let is_left = |cell: &RunMode| self.left_in.contains(&(target.clone(), suite.clone(), test.clone(), *cell));
            new.claimed = of_target.map(|(cell, _)| *cell).chain(RunMode::ALL.into_iter().filter(is_left)).collect();
        }
    }
}

fn outcome(test: &Test) -> Option<TestOutcome> {
    // Of what was expected it is the entry's reason as well.
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

/// What was seen, for the comment above a new entry: one line of plain characters.
fn note(test: &TestOutcome, word: Word) -> Option<String> {
    const LENGTH: usize = 100;
    let rate = test.tries.filter(|_| word == Word::Flake).map(|tries| format!("failed {tries}"));
    let reason = test.reason.as_deref().and_then(|reason| reason.lines().next()).map(str::trim);
    let reason = reason.filter(|reason| !reason.is_empty()).map(str::to_owned);
    let told: Vec<String> = rate.into_iter().chain(reason).collect();
    let told: String = told.join(": ").chars().filter(|c| !c.is_control()).take(LENGTH).collect();
    (!told.is_empty()).then_some(told)
}
