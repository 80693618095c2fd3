//! One process of a test program: what it is started with, and what is to be heard of its tests while it runs.

mod watch;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use bringup_model::outcome::{Outcome, TestOutcome};
use bringup_model::pins::Limits;

use self::watch::{Watch, join};
use crate::exec::{self, Bounds, Cmd, Finished, Flow, Stream};
use crate::harness::compiletest;
use crate::harness::libtest::{self, Parser, Tail};
use crate::jobs::{Jobs, Share};
use crate::sandbox::Sandbox;
use crate::scratch;
use crate::suite::program::{Harness, TestProgram};

/// The most that a program gets to list its tests. Where every program hangs, a test's limit for each would take an hour.
const LIST_SECONDS: u64 = 60;

/// What a program gets, at least, to its first word of a test: on a busy machine the namespaces and the emulator take their time.
const START_SECONDS: u64 = 60;

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
#[expect(clippy::struct_excessive_bools, reason = "independent facts about its end")]
pub(super) struct Ended {
    /// Tests that it reported, in that order.
    pub done: Vec<String>,
    /// The tests that had started and were not reported, and for how long.
    pub in_flight: Vec<(String, Duration)>,
    /// Whether there is just one, and it can be no other.
    pub sure: bool,
    /// Those of them that it was killed for, because they ran too long.
    pub overdue: Vec<(String, Duration)>,
    /// Whether it said that it had run all of its tests.
    pub told: bool,
    /// What was printed since the last test started.
    pub output: String,
    pub finished: Finished,
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
        let limit = Duration::from_secs(limits.test_seconds);
        let finished = self.run(program, &cmd, limits, limit, |stream, chunk| {
            match stream {
                Stream::Stdout => output.extend_from_slice(chunk),
                Stream::Stderr => errors.push(chunk),
            }
            Flow::Continue
        })?;
        if finished.status.success() {
            let Harness::Compiletest(tests) = &program.harness else {
                return Ok(self.listed(program, &output, &finished, errors));
            };
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

    /// What a program has listed. One that says something else instead has not listed its tests, whatever its exit status.
    fn listed(
        &self,
        program: &TestProgram,
        output: &[u8],
        finished: &Finished,
        errors: Tail,
    ) -> Result<Vec<String>, TestOutcome> {
        let names = libtest::listed(output);
        if !names.is_empty() {
            return Ok(names);
        }
        let text = String::from_utf8_lossy(output);
        let Some(line) = text.lines().find(|line| !line.trim().is_empty() && !line.starts_with("0 tests, ")) else {
            self.note(program, "it lists no tests");
            return Ok(names);
        };
        let said: String = line.trim().chars().take(200).collect();
        let mut printed = Tail::default();
        printed.push(output);
        Err(TestOutcome {
            name: program.name.clone(),
            outcome: Outcome::Crash,
            wall_s: finished.wall.as_secs_f64(),
            reason: Some(format!("lists no tests but says `{said}`")),
            tries: None,
            output: Some(join(printed.text(), &errors.text())),
        })
    }

    /// Runs a program that is one test: it passes if it exits with status 0.
    pub fn run_whole(&self, program: &TestProgram) -> Result<TestOutcome> {
        let mut output = Tail::default();
        let cmd = |_: &Path| Ok(self.sandbox.command(&program.path, [""; 0], self.lib_dirs)?.merge_stderr());
        let limits = (self.limits)(&program.name);
        let limit = Duration::from_secs(limits.test_seconds);
        let finished = self.run(program, &cmd, limits, limit, |_, chunk| {
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
        let grace = EXIT_GRACE.min(limit);
        // Counted from the first word of a test: what comes before (a job to wait for, namespaces, the emulator) is no test's.
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
        let start = limits.test_seconds.max(START_SECONDS);
        let finished = self.run(program, &cmd, limits, Duration::from_secs(start), |stream, chunk| {
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
            if !heard {
                return Flow::Continue;
            }
            let whole = Duration::from_secs(limits.program_seconds);
            let end_of_program = *end_of_program.get_or_insert_with(|| Instant::now() + whole);
            match watch.running().first().map(|(_, since)| *since) {
                Some(since) => Flow::Deadline(end_of_program.min(since + limit)),
                None if watch.told => Flow::Deadline(Instant::now() + grace),
                None => Flow::Continue,
            }
        })?;
        parser.finish(|event, noise| {
            watch.on(event, noise);
        });
        let output = join(parser.take_noise().text(), &watch.errors.clone().text());
        let times = |tests: &[(String, Instant)]| -> Vec<(String, Duration)> {
            tests.iter().map(|(name, since)| (name.clone(), since.elapsed())).collect()
        };
        let (in_flight, mut overdue) = (times(&watch.in_flight), times(watch.running()));
        overdue.retain(|(_, time)| finished.timed_out && *time >= limit);
        let program_limit =
            finished.timed_out && overdue.is_empty() && end_of_program.is_some_and(|end| Instant::now() >= end);
        let late = match end_of_program {
            None => format!("no word of a test within {start} s"),
            _ if program_limit => {
                format!("its process did not end within the {} s of a program", limits.program_seconds)
            }
            _ if in_flight.is_empty() && watch.told => format!("no end within {} s", grace.as_secs()),
            _ => too_late(limits),
        };
        let how = reason(&finished, late);
        let (failed, sure) = (watch.has_failures(), watch.is_sure());
        let clean = matches!(finished.status.code(), Some(code) if code == 0 || (code == failure && failed));
        let Watch { done, told, .. } = watch;
        Ok(Ended { done, in_flight, sure, overdue, told, output, finished, how, clean, program_limit })
    }

    /// Runs a command in folders of its own, which it is told of and which are gone afterwards, and counts what it costs. It
    /// is killed after the time `first`, unless the sink says otherwise.
    fn run(
        &self,
        program: &TestProgram,
        cmd: &dyn Fn(&Path) -> Result<Cmd>,
        limits: Limits,
        first: Duration,
        sink: impl FnMut(Stream, &[u8]) -> Flow,
    ) -> Result<Finished> {
        let folder = self.folder.join(self.processes.fetch_add(1, Ordering::Relaxed).to_string());
        let here = self.sandbox.share() == Share::Program;
        if let Some(most) = exec::most_open_files().filter(|most| here && *most < limits.open_files) {
            let wanted = limits.open_files;
            self.tally().notes.insert(format!("open-files: this machine allows a process {most}, not {wanted}"));
        }
        let cmd = cmd(&folder)?.timeout(first).bounded(Bounds::of(limits, &folder));
        let finished = self.sandbox.stream(cmd.within(self.jobs, self.sandbox.share()), &folder, sink);
        if scratch::remove(&folder).is_err() {
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
    let outcome = outcome(finished);
    let reason = outcome.is_failure().then(|| reason(finished, too_late(limits)));
    let output = outcome.is_failure().then_some(output);
    let (name, wall_s) = (program.name.clone(), finished.wall.as_secs_f64());
    TestOutcome { name, outcome, wall_s, reason, tries: None, output }
}

/// What became of a program that is itself the test.
pub(crate) fn outcome(finished: &Finished) -> Outcome {
    match finished.status.code() {
        _ if finished.timed_out => Outcome::Timeout,
        Some(0) => Outcome::Pass,
        Some(_) => Outcome::Fail,
        None => Outcome::Crash,
    }
}

fn too_late(limits: Limits) -> String {
    format!("no end within its time limit of {} s", limits.test_seconds)
}

/// How a process ended, in words; `late` are those for one that was killed for its time.
pub(crate) fn reason(finished: &Finished, late: String) -> String {
    use std::os::unix::process::ExitStatusExt as _;
    if let Some(what) = finished.exceeded {
        return what.to_string();
    }
    match (finished.status.code(), finished.status.signal()) {
        _ if finished.timed_out => late,
        (_, Some(signal)) => exec::signal_name(signal),
        (code, None) => format!("exit status {}", code.unwrap_or_default()),
    }
}
