//! One process of a test program: what it is started with, and what is to be heard of its tests while it runs.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use super::compiletest;
use super::exec::{self, Bounds, Cmd, Finished, Flow, Stream};
use super::jobs::Jobs;
use super::libtest::{self, Event, Parser, Tail, TestResult};
use super::program::{Harness, TestProgram};
use super::sandbox::Sandbox;
use crate::model::outcome::{Outcome, TestOutcome};
use crate::model::pins::Limits;

/// The most that a program gets to list its tests. Where every program hangs, a test's limit for each would take an hour.
const LIST_SECONDS: u64 = 60;

/// How long a program may take to end once it has reported everything.
const EXIT_GRACE: Duration = Duration::from_secs(30);

/// What all processes of a suite share.
pub(super) struct Bench<'a> {
    pub sandbox: &'a Sandbox,
    pub jobs: &'a Jobs,
    pub lib_dirs: &'a [PathBuf],
    /// What a test, by its name in the suite, may take.
    pub limits: &'a (dyn Fn(&str) -> Limits + Sync),
    /// Every process gets a folder of its own in here.
    pub folder: &'a Path,
    pub processes: AtomicUsize,
    pub tally: Mutex<Tally>,
    /// Told of tests that take long, while they run.
    pub warn: &'a (dyn Fn(&str) + Sync),
}

/// What is summed up over all processes.
#[derive(Default)]
pub(super) struct Tally {
    pub cpu: Duration,
    pub notes: BTreeSet<String>,
}

/// How one process went.
pub(super) struct Ended {
    /// Tests that it reported, in that order.
    pub done: Vec<String>,
    /// The tests that were running, and for how long.
    pub in_flight: Vec<(String, Duration)>,
    /// Whether it said that it had run all of its tests.
    pub told: bool,
    /// What was printed since the last test started.
    pub output: String,
    pub finished: Finished,
    /// What it was allowed to take.
    pub limits: Limits,
    /// That in words.
    pub how: String,
    /// Whether it ended as the harness ends it when all tests are reported.
    pub clean: bool,
    /// Whether it was stopped for its own time, not a test's.
    pub program_limit: bool,
}

impl Bench<'_> {
    /// Names of a program's tests; if it cannot list them, the outcome of the program itself.
    pub fn list(&self, program: &TestProgram) -> Result<Result<Vec<String>, TestOutcome>> {
        let mut output = Vec::new();
        let mut errors = Tail::default();
        let mut limits = (self.limits)(&program.name);
        limits.test_seconds = limits.test_seconds.min(LIST_SECONDS);
        let cmd = |folder: &Path| match &program.harness {
            Harness::Compiletest(tests) => tests.command(self.sandbox, folder, None, 1),
            _ => self.sandbox.command(&program.path, libtest::LIST, self.lib_dirs),
        };
        let finished = self.run(program, &cmd, limits, |stream, chunk| {
            match stream {
                Stream::Stdout => output.extend_from_slice(chunk),
                Stream::Stderr => errors.push(chunk),
            }
            Flow::Continue
        })?;
        if finished.status.success() {
            let Harness::Compiletest(tests) = &program.harness else { return Ok(Ok(libtest::listed(&output))) };
            let listed = tests.list()?;
            tests.check(&listed, &output)?;
            let (others, other) = (listed.others, tests.suite().other().word());
            self.note(program, &format!("{others} more tests are of suite {other}"));
            return Ok(Ok(listed.names));
        }
        let mut outcome = whole(program, &finished, limits, errors.text());
        outcome.reason = outcome.reason.map(|reason| format!("{reason} when asked for its tests"));
        Ok(Err(outcome))
    }

    /// Runs a program that is one test: it passes if it exits with status 0.
    pub fn run_whole(&self, program: &TestProgram) -> Result<TestOutcome> {
        let mut output = Tail::default();
        let cmd = |_: &Path| Ok(self.sandbox.command(&program.path, [""; 0], self.lib_dirs)?.merge_stderr());
        let limits = (self.limits)(&program.name);
        let finished = self.run(program, &cmd, limits, |_, chunk| {
            output.push(chunk);
            Flow::Continue
        })?;
        let mut outcome = whole(program, &finished, limits, output.text());
        if !finished.left.is_empty() {
            self.left_behind(program, &program.name, &finished.left, &mut outcome.reason);
        }
        Ok(outcome)
    }

    /// Charges a test with the processes that it left behind.
    pub fn left_behind(&self, program: &TestProgram, test: &str, left: &[String], reason: &mut Option<String>) {
        let left = format!("left behind, and killed: {}", left.join(", "));
        self.note(program, &format!("{test} {left}"));
        *reason = Some(reason.take().map_or_else(|| left.clone(), |reason| format!("{reason}; {left}")));
    }

    /// One process, from its start to its end, with `threads` tests at once. `reported` gets each test's outcome as it comes.
    pub fn process(
        &self,
        program: &TestProgram,
        tests: &[String],
        threads: usize,
        reported: &mut dyn FnMut(TestOutcome),
    ) -> Result<Ended> {
        let first = tests.first().map_or_else(|| program.name.clone(), |test| program.full_name(test));
        let limits = (self.limits)(&first);
        let limit = Duration::from_secs(limits.test_seconds);
        // Counted from the first sign of life: a process may have to wait for a job before it starts.
        let mut end_of_program = None;
        let mut watch = Watch::new(tests, threads == 1, reported);
        let (mut parser, failure) = match &program.harness {
            Harness::Compiletest(_) => (Parser::of(compiletest::EVENT, compiletest::PREFIX), compiletest::FAILED),
            _ => (Parser::default(), libtest::FAILED),
        };
        let cmd = |folder: &Path| {
            if let Harness::Compiletest(harness) = &program.harness {
                return harness.command(self.sandbox, folder, Some(tests), threads);
            }
            let args = libtest::run(tests.iter().map(String::as_str), threads);
            let (key, value) = libtest::UNSTABLE;
            Ok(self.sandbox.command(&program.path, args, self.lib_dirs)?.env(key, value))
        };
        let finished = self.run(program, &cmd, limits, |stream, chunk| {
            if stream == Stream::Stderr {
                watch.errors.push(chunk);
                return Flow::Continue;
            }
            for name in watch.slow(Duration::from_secs(limits.slow_seconds)) {
                let (name, slow, limit) = (program.full_name(&name), limits.slow_seconds, limits.test_seconds);
                (self.warn)(&format!(
                    "{} {name} has been running for {slow} s; it is killed after {limit} s",
                    program.suite
                ));
            }
            let mut heard = false;
            parser.feed(chunk, |event, noise| heard |= watch.on(event, noise));
            let whole = Duration::from_secs(limits.program_seconds);
            let end_of_program = *end_of_program.get_or_insert_with(|| Instant::now() + whole);
            if !heard {
                return Flow::Continue;
            }
            match watch.oldest() {
                Some(since) => Flow::Deadline(end_of_program.min(since + limit)),
                None if watch.told => Flow::Deadline(Instant::now() + EXIT_GRACE.min(limit)),
                None => Flow::Continue,
            }
        })?;
        parser.finish(|event, noise| {
            watch.on(event, noise);
        });
        let output = join(parser.take_noise().text(), &watch.errors.text());
        let in_flight: Vec<_> = watch.in_flight.into_iter().map(|(name, since)| (name, since.elapsed())).collect();
        let overdue = in_flight.iter().any(|(_, time)| *time >= limit);
        let program_limit = finished.timed_out && !overdue && end_of_program.is_some_and(|end| Instant::now() >= end);
        let clean = matches!(finished.status.code(), Some(code) if code == 0 || (code == failure && watch.failed));
        let how = reason(&finished, limits);
        Ok(Ended { done: watch.done, in_flight, told: watch.told, output, finished, limits, how, clean, program_limit })
    }

    /// Runs a command in folders of its own, which it is told of and which are gone afterwards, and counts what it costs.
    fn run(
        &self,
        program: &TestProgram,
        cmd: &dyn Fn(&Path) -> Result<Cmd>,
        limits: Limits,
        sink: impl FnMut(Stream, &[u8]) -> Flow,
    ) -> Result<Finished> {
        let folder = self.folder.join(self.processes.fetch_add(1, Ordering::Relaxed).to_string());
        let cmd = cmd(&folder)?.timeout(Duration::from_secs(limits.test_seconds)).bounded(Bounds::of(limits, &folder));
        let finished = self.sandbox.stream(cmd.within(self.jobs, self.sandbox.share()), &folder, sink);
        if remove(&folder).is_err() {
            self.note(program, &format!("{} could not be removed", folder.display()));
        }
        let finished = finished.with_context(|| format!("running the test program {}", program.path.display()))?;
        self.tally().cpu += finished.cpu;
        Ok(finished)
    }

    /// Something that the reader of the results should know.
    pub fn note(&self, program: &TestProgram, text: &str) {
        self.tally().notes.insert(format!("{}: {text}", program.name));
    }

    pub fn tally(&self) -> std::sync::MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The outcome of a program as a whole.
fn whole(program: &TestProgram, finished: &Finished, limits: Limits, output: String) -> TestOutcome {
    let outcome = match finished.status.code() {
        _ if finished.timed_out => Outcome::Timeout,
        Some(0) => Outcome::Pass,
        Some(_) => Outcome::Fail,
        None => Outcome::Crash,
    };
    let reason = outcome.is_failure().then(|| reason(finished, limits));
    let output = outcome.is_failure().then_some(output);
    let (name, wall_s) = (program.name.clone(), finished.wall.as_secs_f64());
    TestOutcome { name, outcome, wall_s, reason, tries: None, output }
}

/// How a process ended, in words.
fn reason(finished: &Finished, limits: Limits) -> String {
    use std::os::unix::process::ExitStatusExt as _;
    if let Some(what) = finished.exceeded {
        return what.to_string();
    }
    match (finished.status.code(), finished.status.signal()) {
        _ if finished.timed_out => format!("no end within its time limit of {} s", limits.test_seconds),
        (_, Some(signal)) => exec::signal_name(signal),
        (code, None) => format!("exit status {}", code.unwrap_or_default()),
    }
}

/// Follows one process by its events.
struct Watch<'a> {
    /// Asked for and not reported: an event of any other test was made up by something a test printed.
    left: BTreeSet<&'a str>,
    reported: &'a mut dyn FnMut(TestOutcome),
    done: Vec<String>,
    failed: bool,
    /// In the order of starting.
    in_flight: Vec<(String, Instant)>,
    told: bool,
    /// Tests in flight that are known to be slow.
    slow: Vec<String>,
    /// Whether a test starts only when the one before has ended.
    single: bool,
    /// Standard error since the last test started.
    errors: Tail,
}

impl<'a> Watch<'a> {
    fn new(tests: &'a [String], single: bool, reported: &'a mut dyn FnMut(TestOutcome)) -> Self {
        Self {
            left: tests.iter().map(String::as_str).collect(),
            single,
            reported,
            done: Vec::new(),
            failed: false,
            in_flight: Vec::new(),
            told: false,
            slow: Vec::new(),
            errors: Tail::default(),
        }
    }

    /// When the test started that runs longest.
    fn oldest(&self) -> Option<Instant> {
        self.in_flight.first().map(|(_, since)| *since)
    }

    /// The tests that have come to run for this long since it was last asked.
    fn slow(&mut self, time: Duration) -> Vec<String> {
        let late = |(name, since): &&(String, Instant)| since.elapsed() >= time && !self.slow.contains(name);
        let late: Vec<String> = self.in_flight.iter().filter(late).map(|(name, _)| name.clone()).collect();
        self.slow.extend(late.iter().cloned());
        late
    }

    /// Takes an event, if it is one of this process.
    fn on(&mut self, event: Event, noise: &mut Tail) -> bool {
        match event {
            Event::Started(name) if self.left.contains(name.as_str()) => {
                let single = self.single;
                self.in_flight.retain(|(other, _)| !single && *other != name);
                self.in_flight.push((name, Instant::now()));
                self.told = false;
                noise.clear();
                self.errors.clear();
                true
            }
            Event::Done(test) if self.left.remove(test.name.as_str()) => {
                let started = self.in_flight.iter().find(|(name, _)| *name == test.name).map(|(_, since)| *since);
                self.in_flight.retain(|(name, _)| *name != test.name);
                let outcome = match test.result {
                    TestResult::Pass => Outcome::Pass,
                    TestResult::Fail => Outcome::Fail,
                    TestResult::Ignored => Outcome::Ignored,
                };
                self.failed |= outcome == Outcome::Fail;
                self.told = false;
                // Standard error comes by another pipe: what of it is here by now is worth having.
                let printed = outcome.is_failure().then(|| {
                    let uncaught = join(std::mem::take(noise).text(), &self.errors.clone().text());
                    join(test.output, &uncaught)
                });
                let output = printed.filter(|text| !text.is_empty());
                self.done.push(test.name.clone());
                // Some harnesses measure, of others it is seen.
                let seen =
                    || started.filter(|_| outcome != Outcome::Ignored).map(|since| since.elapsed().as_secs_f64());
                let wall_s = test.seconds.or_else(seen).unwrap_or(0.0);
                let (name, reason) = (test.name, test.message);
                (self.reported)(TestOutcome { name, outcome, wall_s, reason, tries: None, output });
                true
            }
            Event::Finished => {
                self.told = true;
                true
            }
            _ => false,
        }
    }
}

fn join(mut first: String, second: &str) -> String {
    if !first.is_empty() && !second.is_empty() && !first.ends_with('\n') {
        first.push('\n');
    }
    first + second
}

/// Removes a folder, also one that a test has locked.
fn remove(folder: &Path) -> Result<()> {
    if fs_err::remove_dir_all(folder).is_ok() {
        return Ok(());
    }
    unlock(folder)?;
    Ok(fs_err::remove_dir_all(folder)?)
}

fn unlock(folder: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    fs_err::set_permissions(folder, std::fs::Permissions::from_mode(0o700))?;
    for entry in fs_err::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            unlock(&entry.path())?;
        }
    }
    Ok(())
}
