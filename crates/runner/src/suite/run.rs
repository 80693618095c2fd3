//! A run of a suite: its programs list their tests, the selected ones are queued, and worker threads run them.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail};
use bringup_model::outcome::{Outcome, SuiteOutcome, TestOutcome};
use bringup_model::text::counted;

use super::options::Options;
use super::process::Processes;
use super::program::{Harness, TestProgram};
use super::queue::{Batch, Pile, Queue};
use super::selection::{Chosen, Listed, Selected, Selector};
use crate::interrupt::Interrupted;
use crate::sandbox::Sandbox;

/// A run of one suite.
pub struct SuiteRun<'a> {
    programs: &'a [TestProgram],
    options: &'a Options<'a>,
    sandbox: &'a Sandbox,
    processes: Processes<'a>,
    start: Instant,
    /// The outcomes so far, by the tests' names in the suite.
    settled: Mutex<BTreeMap<String, TestOutcome>>,
    /// The tests to run, by the same names.
    selected: Mutex<Places>,
}

/// The index of a program and the test in it; `None` if the program is the test.
type Place = (usize, Option<String>);

/// Where each test is; `None` for a program that cannot list its tests and stands for them.
type Places = BTreeMap<String, Option<Place>>;

impl<'a> SuiteRun<'a> {
    /// A run of these programs, which must belong to one suite.
    ///
    /// Each process gets private folders in `folder`. Its path should be short: tests create sockets there, and the
    /// kernel accepts 107 bytes for a socket's path.
    ///
    /// # Errors
    ///
    /// If there are no programs, or if they belong to several suites.
    pub fn new(
        programs: &'a [TestProgram],
        sandbox: &'a Sandbox,
        options: &'a Options<'a>,
        folder: &'a Path,
    ) -> Result<Self> {
        let suite = &programs.first().context("there are no test programs")?.suite;
        if let Some(other) = programs.iter().find(|program| program.suite != *suite) {
            bail!("{} is a program of suite {}, not of {suite}", other.name, other.suite);
        }
        Ok(Self {
            programs,
            options,
            sandbox,
            processes: Processes::new(sandbox, options, folder),
            start: Instant::now(),
            settled: Mutex::default(),
            selected: Mutex::default(),
        })
    }

    /// Runs the selected tests. `progress` gets the number of tests done and of tests selected, from any thread. After
    /// an interrupt, the outcome contains what was known by then.
    ///
    /// # Errors
    ///
    /// If a program cannot be started or watched, two tests have the same name, or a test would have no outcome. Failed
    /// tests are no error.
    pub fn run(&self, progress: &(dyn Fn(usize, usize) + Sync)) -> Result<SuiteOutcome> {
        let mut selection = Selector::new(self.options);
        for (program, listed) in self.list()? {
            selection.add(program, &self.programs[program], listed)?;
        }
        let Chosen { ours, elsewhere, names, complete } = selection.choose();
        let place = |test: &Selected| test.unlisted.is_none().then(|| (test.program, test.test.clone()));
        *self.selected() = ours.iter().map(|test| (test.full.clone(), place(test))).collect();
        let total = ours.len();
        let mut piles: Vec<Pile> = Vec::new();
        for test in ours {
            if let Some(outcome) = test.unlisted {
                self.settle(outcome);
            } else if (self.options.skip)(&test.full) {
                let (name, outcome) = (test.full, Outcome::Skipped);
                self.settle(TestOutcome { name, outcome, wall_s: 0.0, reason: None, tries: None, output: None });
            } else {
                let together = !self.sandbox.network && test.test.as_deref().is_some_and(shares_ports);
                self.pile(&mut piles, test, together);
            }
        }
        let count = || progress(self.settled().len(), total);
        count();
        let result = match self.options.stress {
            None => self.run_once(piles, &count),
            Some(times) => {
                let names = piles.into_iter().flat_map(|pile| self.names(&pile)).collect();
                self.run_alone(names, times, &|_| false, &|_, outcomes| {
                    self.settle(TestOutcome::together(outcomes));
                    count();
                })
            }
        };
        let interrupted = match result {
            Err(error) if error.is::<Interrupted>() => true,
            result => result.map(|()| false)?,
        };
        let settled = std::mem::take(&mut *self.settled());
        let not_run = not_run(&self.selected(), &settled, interrupted)?;
        let mut outcome = SuiteOutcome {
            suite: self.programs[0].suite.clone(),
            listed: total,
            not_run,
            interrupted: interrupted && not_run > 0,
            complete: complete && not_run == 0,
            elsewhere,
            names,
            tests: settled.into_values().collect(),
            notes: Vec::new(),
            contradictions: Vec::new(),
            wall_s: 0.0,
            cpu_s: 0.0,
        };
        self.cost(&mut outcome);
        Ok(outcome)
    }

    /// Reruns tests of an outcome, each time alone, and adds how often they failed. A test that times out again is not
    /// tried a third time.
    ///
    /// # Errors
    ///
    /// If a program cannot be started or watched, or the run is interrupted. What was found by then is in the outcome.
    pub fn again(&self, outcome: &mut SuiteOutcome, names: &[String], times: usize) -> Result<()> {
        let found = Mutex::new(Vec::new());
        let timeouts = outcome.tests.iter().filter(|test| test.outcome == Outcome::Timeout);
        let timeouts: HashSet<String> = timeouts.map(|test| test.name.clone()).collect();
        let places = {
            let selected = self.selected();
            // A program that could not list its tests is not tried: a list would be no outcome of a test.
            names.iter().filter_map(|name| selected.get(name)?.clone()).collect()
        };
        let result = self.run_alone(places, times, &|name| timeouts.contains(name), &|name, outcomes| {
            found.lock().unwrap_or_else(PoisonError::into_inner).push((name.to_owned(), outcomes));
        });
        for (name, outcomes) in found.into_inner().unwrap_or_else(PoisonError::into_inner) {
            if let Some(test) = outcome.tests.iter_mut().find(|test| test.name == name) {
                let first = std::iter::once(test.clone());
                *test = TestOutcome::together(first.chain(outcomes).collect());
            }
        }
        self.cost(outcome);
        result
    }

    fn run_once(&self, piles: Vec<Pile>, count: &(dyn Fn() + Sync)) -> Result<()> {
        let seconds =
            |program: usize, test: &str| self.options.durations.get(&self.programs[program].full_name(test)).copied();
        let queue = Mutex::new(Queue::new(piles, self.options.jobs.total(), &seconds));
        let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
        self.spread(next, |job| {
            match job {
                Batch::Whole(program) => {
                    self.settle(self.processes.run_whole(&self.programs[program])?);
                    count();
                }
                Batch::Tests(program, tests, alone) => {
                    let _network = alone.then(|| HOST_NETWORK.lock().unwrap_or_else(PoisonError::into_inner));
                    let program = &self.programs[program];
                    self.processes.run_tests(program, &tests, self.options.threads, &mut |outcome| {
                        self.settle(TestOutcome { name: program.full_name(&outcome.name), ..outcome });
                        count();
                    })?;
                }
            }
            Ok(())
        })?;
        Ok(())
    }

    /// Runs each test `times` times, alone each time. `done` gets all outcomes of a test. A test that `timed_out`
    /// before and does so again runs only once.
    fn run_alone(
        &self,
        tests: Vec<Place>,
        times: usize,
        timed_out: &(dyn Fn(&str) -> bool + Sync),
        done: &(dyn Fn(&str, Vec<TestOutcome>) + Sync),
    ) -> Result<()> {
        let queue = Mutex::new(tests);
        let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).pop();
        self.spread(next, |(program, test)| {
            let program = &self.programs[program];
            let mut outcomes: Vec<TestOutcome> = Vec::new();
            let name = test.as_deref().map_or_else(|| program.name.clone(), |test| program.full_name(test));
            let shares = !self.sandbox.network && test.as_deref().is_some_and(shares_ports);
            let again = |first: &TestOutcome| first.outcome != Outcome::Timeout || !timed_out(&name);
            while outcomes.len() < times && outcomes.first().is_none_or(again) {
                let _network = shares.then(|| HOST_NETWORK.lock().unwrap_or_else(PoisonError::into_inner));
                let outcome = match &test {
                    Some(test) => self.processes.alone(program, test)?,
                    None => self.processes.run_whole(program)?,
                };
                outcomes.push(TestOutcome { name: name.clone(), ..outcome });
            }
            done(&name, outcomes);
            Ok(())
        })?;
        Ok(())
    }

    /// The tests that each program lists, or the outcome of a program that cannot list them.
    fn list(&self) -> Result<Vec<(usize, Listed)>> {
        let next = AtomicUsize::new(0);
        let next = || Some(next.fetch_add(1, Ordering::Relaxed)).filter(|index| *index < self.programs.len());
        let mut all = self.spread(next, |index| {
            let program = &self.programs[index];
            let listed = if program.is_whole() { Ok(Vec::new()) } else { self.processes.list(program)? };
            Ok((index, listed))
        })?;
        all.sort_by_key(|(index, _)| *index);
        let lists = |(index, listed): &&(usize, Listed)| {
            self.programs[*index].harness == Harness::Libtest && listed.as_ref().is_ok_and(|names| !names.is_empty())
        };
        if let Some((index, _)) = all.iter().find(lists) {
            self.processes.check_exit_status(&self.programs[*index])?;
        }
        Ok(all)
    }

    /// Adds a test to those that may share its process.
    fn pile(&self, piles: &mut Vec<Pile>, test: Selected, together: bool) {
        let limits = |pile: &Pile| {
            let first = pile.tests.first()?;
            Some((self.options.limits)(&self.programs[pile.program].full_name(first)))
        };
        let own = (self.options.limits)(&test.full);
        // No test has this name, so its limits are those of the whole suite.
        let usual = (self.options.limits)("");
        let slow = own.test_seconds > usual.test_seconds || own.slow_seconds > usual.slow_seconds;
        let same = |pile: &Pile| pile.program == test.program && pile.together == together && limits(pile) == Some(own);
        let index = piles.iter().position(same).unwrap_or_else(|| {
            piles.push(Pile { program: test.program, tests: Vec::new(), together, slow });
            piles.len() - 1
        });
        piles[index].tests.extend(test.test);
    }

    fn names(&self, pile: &Pile) -> Vec<Place> {
        if self.programs[pile.program].is_whole() {
            return vec![(pile.program, None)];
        }
        pile.tests.iter().map(|test| (pile.program, Some(test.clone()))).collect()
    }

    fn settle(&self, outcome: TestOutcome) {
        let slow = (self.options.limits)(&outcome.name).slow_seconds;
        if outcome.outcome != Outcome::Timeout
            && Duration::try_from_secs_f64(outcome.wall_s).is_ok_and(|wall| wall.as_secs() >= slow)
        {
            self.processes.tally().notes.insert(format!("{} is slow: it takes more than {slow} s", outcome.name));
        }
        self.settled().insert(outcome.name.clone(), outcome);
    }

    fn settled(&self) -> MutexGuard<'_, BTreeMap<String, TestOutcome>> {
        self.settled.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn selected(&self) -> MutexGuard<'_, Places> {
        self.selected.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds the time spent and the notes so far.
    fn cost(&self, outcome: &mut SuiteOutcome) {
        let tally = self.processes.tally();
        outcome.notes = tally.notes.iter().cloned().collect();
        outcome.contradictions = tally.contradictions.iter().cloned().collect();
        outcome.wall_s = self.start.elapsed().as_secs_f64();
        outcome.cpu_s = tally.cpu.as_secs_f64();
    }

    /// Does jobs on several threads until none is left. After an error no new job starts.
    fn spread<J, T: Send>(
        &self,
        next: impl Fn() -> Option<J> + Sync,
        run: impl Fn(J) -> Result<T> + Sync,
    ) -> Result<Vec<T>> {
        let failed = AtomicBool::new(false);
        let work = || {
            let mut results = Vec::new();
            while !failed.load(Ordering::Relaxed)
                && let Some(job) = next()
            {
                results.push(run(job).inspect_err(|_| failed.store(true, Ordering::Relaxed))?);
            }
            Ok(results)
        };
        // More threads than jobs, because sleeping tests lend theirs.
        let threads = 2 * self.options.jobs.total();
        let all = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
            let join = |thread: std::thread::ScopedJoinHandle<'_, Result<Vec<T>>>| {
                thread.join().unwrap_or_else(|_| Err(anyhow!("a worker thread panicked")))
            };
            threads.into_iter().map(join).collect::<Result<Vec<_>>>()
        })?;
        Ok(all.into_iter().flatten().collect())
    }
}

/// How many tests have no outcome. Fails if there are any without an interrupt, and if there is an outcome of a test
/// that was not selected.
fn not_run(selected: &Places, settled: &BTreeMap<String, TestOutcome>, interrupted: bool) -> Result<usize> {
    if let Some(name) = settled.keys().find(|name| !selected.contains_key(*name)) {
        bail!("there is an outcome of {name}, which was not selected");
    }
    let lost: Vec<&str> = selected.keys().filter(|name| !settled.contains_key(*name)).map(String::as_str).collect();
    if !interrupted && !lost.is_empty() {
        const SHOWN: usize = 10;
        let more = if lost.len() > SHOWN { ", …" } else { "" };
        let names = lost[..lost.len().min(SHOWN)].join(", ");
        bail!("{} no outcome: {names}{more}", counted(lost.len(), "test has", "tests have"));
    }
    Ok(lost.len())
}

/// Held by tests that share the host's network, across programs, link modes and targets.
static HOST_NETWORK: Mutex<()> = Mutex::new(());

/// Whether a test may listen on a port. std's tests count up from the same port in every process, so two processes that
/// share a network would collide.
fn shares_ports(test: &str) -> bool {
    test.contains("net::")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_test_may_vanish_and_none_appear() {
        let selected: Places = ["a", "b", "c"].map(|name| (name.to_owned(), None)).into();
        let check = |names: &[&str], interrupted| {
            let of = |name: &str| {
                let (name, outcome) = (name.to_owned(), Outcome::Pass);
                TestOutcome { name, outcome, wall_s: 0.0, reason: None, tries: None, output: None }
            };
            let settled = names.iter().map(|name| ((*name).to_owned(), of(name))).collect();
            not_run(&selected, &settled, interrupted).map_err(|error| error.to_string())
        };
        assert_eq!(check(&["a", "b", "c"], false), Ok(0));
        assert_eq!(check(&["b"], true), Ok(2));
        assert_eq!(check(&["b"], false), Err("2 tests have no outcome: a, c".into()));
        for interrupted in [false, true] {
            let made_up = check(&["a", "b", "d"], interrupted);
            assert_eq!(made_up, Err("there is an outcome of d, which was not selected".into()));
        }
    }
}
