//! A suite's schedule: which tests each process gets, so that all processors have work to the end.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use anyhow::{Context as _, Result, anyhow, bail};

use super::jobs::Jobs;
use super::sandbox::Sandbox;
use super::shard::{Bench, Tally};
use crate::model::outcome::{Outcome, SuiteOutcome, TestOutcome};
use crate::model::pins::Limits;

/// The fewest tests that are worth a process of their own: an emulator takes up to 0.1 s to start.
const SMALLEST: usize = 16;

/// The most bytes of test names on one command line, with room below the kernel's limit.
const ARGS_LIMIT: usize = 100_000;

/// One test program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestProgram {
    /// Its suite.
    pub suite: String,
    /// Its name, as it stands in test names.
    pub name: String,
    /// The file.
    pub path: PathBuf,
    /// Whether it holds a crate's own unit tests, whose names go without the program's.
    pub unit: bool,
    /// Whether it speaks libtest's protocol; otherwise it is one test.
    pub harness: bool,
}

impl TestProgram {
    /// A test's name in the suite.
    fn full_name(&self, test: &str) -> String {
        if self.unit { test.to_owned() } else { format!("{}::{test}", self.name) }
    }
}

/// How a suite is run.
#[derive(Clone)]
pub struct Options<'a> {
    /// The budget of jobs.
    pub jobs: Jobs,
    /// Time limits.
    pub limits: Limits,
    /// Where the programs find their shared libraries.
    pub lib_dirs: Vec<PathBuf>,
    /// Whether a test, by its name in the suite, must not run.
    pub skip: &'a (dyn Fn(&str) -> bool + Sync),
    /// Only tests whose name contains this.
    pub filter: Option<String>,
    /// Only part i of n, counted from 1.
    pub partition: Option<(usize, usize)>,
}

/// What a worker takes from the queue.
enum Job {
    /// The program, its tests, and whether they must not run beside others of that kind.
    Tests(usize, Vec<String>, bool),
    Whole(usize),
}

/// Tests of one program that no worker has taken yet.
struct Pile {
    program: usize,
    tests: Vec<String>,
    /// Whether they must not run beside each other.
    together: bool,
}

/// Runs a suite's programs. `progress` is told tests done and tests selected, from any thread.
///
/// Each process gets folders of its own in `workdir`, whose path should be short: tests make sockets there, and the
/// kernel takes 107 bytes for a socket's path.
pub fn run_suite(
    programs: &[TestProgram],
    sandbox: &Sandbox,
    options: &Options,
    workdir: &Path,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<SuiteOutcome> {
    let start = Instant::now();
    let suite = programs.first().context("there are no test programs")?.suite.clone();
    if let Some(other) = programs.iter().find(|program| program.suite != suite) {
        bail!("{} is a program of suite {}, not of {suite}", other.name, other.suite);
    }
    // More than there are jobs, for those that sleep.
    let threads = 2 * options.jobs.total();
    let bench = Bench {
        sandbox,
        jobs: &options.jobs,
        lib_dirs: &options.lib_dirs,
        limits: options.limits,
        folder: workdir,
        processes: AtomicUsize::new(0),
        tally: Mutex::default(),
    };

    let mut outcomes = Vec::new();
    let mut piles = Vec::new();
    let mut selection = Selection { options, listed: 0, seen: HashSet::new(), selected: Vec::new() };
    for (program, listed) in list_all(&bench, programs, threads)? {
        match listed {
            Ok(tests) => selection.add(program, &programs[program], tests)?,
            Err(outcome) => outcomes.push(outcome),
        }
    }
    let unlisted = outcomes.len();
    let Selection { listed, seen: _, mut selected, .. } = selection;
    selected.sort_by(|a, b| a.full.cmp(&b.full));
    if let Some((part, parts)) = options.partition {
        let mut number = 0;
        selected.retain(|_| {
            number += 1;
            (number - 1) % parts == part - 1
        });
    }
    let complete = unlisted == 0 && selected.len() == listed;
    let total = selected.len() + unlisted;
    for test in selected {
        if (options.skip)(&test.full) {
            outcomes.push(TestOutcome {
                name: test.full,
                outcome: Outcome::Skipped,
                wall_s: 0.0,
                reason: None,
                tries: None,
                output: None,
            });
        } else {
            let together = !sandbox.network && test.test.as_deref().is_some_and(shares_ports);
            pile(&mut piles, test, together);
        }
    }

    let done = AtomicUsize::new(outcomes.len());
    progress(outcomes.len(), total);
    let tick = || progress(done.fetch_add(1, Ordering::Relaxed) + 1, total);
    let queue = Mutex::new(Queue::new(piles, programs, options.jobs.total()));
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
    let ran = spread(threads, next, |job| match job {
        Job::Whole(program) => {
            let outcome = bench.run_whole(&programs[program])?;
            tick();
            Ok(vec![outcome])
        }
        Job::Tests(program, tests, alone) => {
            let _network = alone.then(|| HOST_NETWORK.lock().unwrap_or_else(PoisonError::into_inner));
            let program = &programs[program];
            let mut outcomes = bench.run_tests(program, &tests, &tick)?;
            for outcome in &mut outcomes {
                outcome.name = program.full_name(&outcome.name);
            }
            Ok(outcomes)
        }
    })?;
    outcomes.extend(ran.into_iter().flatten());
    outcomes.sort_by(|a, b| a.name.cmp(&b.name));
    let Tally { cpu, notes } = bench.tally.into_inner().unwrap_or_else(PoisonError::into_inner);
    let (wall_s, cpu_s) = (start.elapsed().as_secs_f64(), cpu.as_secs_f64());
    Ok(SuiteOutcome {
        suite,
        tests: outcomes,
        listed: total,
        not_run: 0,
        complete,
        notes: notes.into_iter().collect(),
        wall_s,
        cpu_s,
    })
}

/// A test that was asked for.
struct Selected {
    program: usize,
    /// Its name in its program; nothing if the program is the test.
    test: Option<String>,
    full: String,
}

/// Gathers what programs list.
struct Selection<'a> {
    options: &'a Options<'a>,
    listed: usize,
    seen: HashSet<String>,
    selected: Vec<Selected>,
}

impl Selection<'_> {
    fn add(&mut self, index: usize, program: &TestProgram, tests: Vec<String>) -> Result<()> {
        let names = tests.into_iter().map(|test| (program.full_name(&test), Some(test)));
        let names: Vec<_> = if program.harness { names.collect() } else { vec![(program.name.clone(), None)] };
        for (full, test) in names {
            if !self.seen.insert(full.clone()) {
                bail!(
                    "suite {}: two tests are named {full}; the second is in {}",
                    program.suite,
                    program.path.display()
                );
            }
            self.listed += 1;
            if self.options.filter.as_ref().is_none_or(|text| full.contains(text)) {
                self.selected.push(Selected { program: index, test, full });
            }
        }
        Ok(())
    }
}

type Listed = Result<Vec<String>, TestOutcome>;

fn list_all(bench: &Bench, programs: &[TestProgram], threads: usize) -> Result<Vec<(usize, Listed)>> {
    let next = AtomicUsize::new(0);
    let next = || Some(next.fetch_add(1, Ordering::Relaxed)).filter(|index| *index < programs.len());
    let mut all = spread(threads, next, |index| {
        let program = &programs[index];
        let listed = if program.harness { bench.list(program)? } else { Ok(Vec::new()) };
        Ok((index, listed))
    })?;
    all.sort_by_key(|(index, _)| *index);
    Ok(all)
}

/// Held by tests that share the host's network, whichever program, link mode or target they are of.
static HOST_NETWORK: Mutex<()> = Mutex::new(());

/// Whether a test may listen on a port: std's count up from the same number in every process, so two processes that
/// share a network would meet.
fn shares_ports(test: &str) -> bool {
    test.contains("net::")
}

fn pile(piles: &mut Vec<Pile>, test: Selected, together: bool) {
    let same = |pile: &Pile| pile.program == test.program && pile.together == together;
    let index = piles.iter().position(same).unwrap_or_else(|| {
        piles.push(Pile { program: test.program, tests: Vec::new(), together });
        piles.len() - 1
    });
    piles[index].tests.extend(test.test);
}

/// What is left to do, largest first.
struct Queue {
    piles: Vec<Pile>,
    jobs: usize,
}

impl Queue {
    fn new(mut piles: Vec<Pile>, programs: &[TestProgram], jobs: usize) -> Self {
        debug_assert!(piles.iter().all(|pile| pile.tests.is_empty() != programs[pile.program].harness));
        for pile in &mut piles {
            // Slow tests are neighbours by name: spread them over all shards.
            pile.tests.sort_by_cached_key(|name| hash(name));
        }
        Self { piles, jobs }
    }

    /// Shards get smaller as a pile does, so that the last ones end at about the same time.
    fn next(&mut self) -> Option<Job> {
        // A pile that cannot be divided goes first: begun last, it would keep all others waiting.
        let key = |pile: &Pile| (pile.tests.is_empty() || pile.together, pile.tests.len());
        let (index, _) = self.piles.iter().enumerate().max_by_key(|(_, pile)| key(pile))?;
        let pile = &mut self.piles[index];
        let count = if pile.together || self.jobs == 1 {
            usize::MAX
        } else {
            (pile.tests.len() / (2 * self.jobs)).max(SMALLEST)
        };
        let mut bytes = 0;
        let fits = |name: &&String| {
            bytes += name.len() + 1;
            bytes <= ARGS_LIMIT
        };
        let count = pile.tests.iter().take(count).take_while(fits).count().max(1).min(pile.tests.len());
        let mut tests: Vec<String> = pile.tests.drain(..count).collect();
        // The harness runs them in this order.
        tests.sort();
        let (program, together) = (pile.program, pile.together);
        if pile.tests.is_empty() {
            self.piles.swap_remove(index);
        }
        Some(if tests.is_empty() { Job::Whole(program) } else { Job::Tests(program, tests, together) })
    }
}

fn hash(name: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    hasher.finish()
}

/// Does jobs on several threads until there are none left; after an error no new one is begun.
fn spread<J, T: Send>(
    threads: usize,
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
    let all = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads.max(1)).map(|_| scope.spawn(work)).collect();
        let join = |thread: std::thread::ScopedJoinHandle<'_, Result<Vec<T>>>| {
            thread.join().unwrap_or_else(|_| Err(anyhow!("a worker thread panicked")))
        };
        threads.into_iter().map(join).collect::<Result<Vec<_>>>()
    })?;
    Ok(all.into_iter().flatten().collect())
}
