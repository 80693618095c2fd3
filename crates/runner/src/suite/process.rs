//! One process of a test program: how it is started, and what it reports about its tests while it runs.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use bringup_model::limits::Limits;
use bringup_model::outcome::{Outcome, TestOutcome};
use bringup_model::text::counted;

use super::options::Options;
use super::program::{Harness, TestProgram};
use crate::exec::{self, Bounds, Cmd, Finished, Flow, Stream};
use crate::harness::compiletest;
use crate::harness::end::{self, Clock, ProcessEnd, too_late};
use crate::harness::follow::{Follower, join};
use crate::harness::list::CheckedList;
use crate::harness::protocol::Protocol;
use crate::harness::table;
use crate::jobs::Share;
use crate::libtest::{self, Parser, Tail};
use crate::sandbox::Sandbox;
use crate::scratch;

/// The most seconds for listing tests. If every program hangs, the limit of a test for each would add up to an hour.
const LIST_SECONDS: u64 = 60;

/// The least seconds until the first event: on a busy machine the namespaces and the emulator take their time.
const START_SECONDS: u64 = 60;

/// How long a program may take to end after it has reported everything.
const EXIT_GRACE: Duration = Duration::from_secs(30);

/// Starts the processes of one suite, and keeps what they share.
pub(super) struct Processes<'a> {
    sandbox: &'a Sandbox,
    options: &'a Options<'a>,
    /// Every process gets a folder of its own in this one.
    folder: &'a Path,
    started: AtomicUsize,
    tally: Mutex<Tally>,
}

/// Sums over all processes.
#[derive(Default)]
pub(super) struct Tally {
    pub cpu: Duration,
    pub notes: BTreeSet<String>,
    /// How programs contradicted themselves.
    pub contradictions: BTreeSet<String>,
    /// How many tests each program has, by its file. Programs of different kinds may have the same name.
    counts: HashMap<PathBuf, usize>,
}

impl<'a> Processes<'a> {
    pub fn new(sandbox: &'a Sandbox, options: &'a Options<'a>, folder: &'a Path) -> Self {
        Self { sandbox, options, folder, started: AtomicUsize::new(0), tally: Mutex::default() }
    }

    /// The names of a program's tests, or the outcome of a program that cannot list them.
    pub fn list(&self, program: &TestProgram) -> Result<Result<Vec<String>, TestOutcome>> {
        let mut output = Vec::new();
        let mut errors = Tail::default();
        let mut limits = (self.options.limits)(&program.name);
        limits.test_seconds = limits.test_seconds.min(LIST_SECONDS);
        let limit = Duration::from_secs(limits.test_seconds);
        let cmd = |folder: &Path| {
            let cmd = match &program.harness {
                Harness::Compiletest(tests) => tests.command(self.sandbox, folder, None, 1),
                _ => self.sandbox.command(&program.path, libtest::LIST, &self.options.lib_dirs),
            };
            Ok(cmd?.timeout(limit))
        };
        let finished = self.run(program, &cmd, limits, |stream, chunk| {
            match stream {
                Stream::Stdout => output.extend_from_slice(chunk),
                Stream::Stderr => errors.push(chunk),
            }
            Flow::Continue
        })?;
        if finished.status.success() {
            let Harness::Compiletest(tests) = &program.harness else {
                return self.listed(program, &output, &finished, errors);
            };
            let listed = tests.list()?;
            tests.check(&listed, &output)?;
            let (others, other) = (listed.others, tests.suite().other().word());
            self.note(program, &format!("{} of suite {other}", counted(others, "more test is", "more tests are")));
            return Ok(Ok(listed.names));
        }
        let mut outcome = whole(program, &finished, limits, errors.text());
        outcome.reason = outcome.reason.map(|reason| format!("{reason} when asked for its tests"));
        Ok(Err(outcome))
    }

    /// The names in a program's output. A program that prints something else has not listed its tests, whatever its
    /// exit status.
    fn listed(
        &self,
        program: &TestProgram,
        output: &[u8],
        finished: &Finished,
        errors: Tail,
    ) -> Result<Result<Vec<String>, TestOutcome>> {
        let file = table::tests(&fs_err::read(&program.path)?);
        let file = file.unwrap_or_else(|error| {
            let (path, name) = (program.path.display(), &program.name);
            // An empty list has nothing to be compared.
            if !libtest::listed(output).is_empty() {
                self.tally().notes.insert(format!("{name}: its list is not compared with its file {path}: {error:#}"));
            }
            None
        });
        let CheckedList { names, contradictions } = CheckedList::new(output, file);
        if !names.is_empty() {
            self.contradict(program, contradictions);
            self.tally().counts.insert(program.path.clone(), names.len());
            return Ok(Ok(names));
        }
        let text = String::from_utf8_lossy(output);
        let Some(line) = text.lines().find(|line| !line.trim().is_empty() && !line.starts_with("0 tests, ")) else {
            // It may have lost all of them, with their number.
            self.contradict(program, contradictions);
            self.note(program, "it lists no tests");
            return Ok(Ok(names));
        };
        let said: String = line.trim().chars().take(200).collect();
        let mut printed = Tail::default();
        printed.push(output);
        Ok(Err(TestOutcome {
            name: program.name.clone(),
            outcome: Outcome::Crash,
            wall_s: finished.wall.as_secs_f64(),
            reason: Some(format!("lists no tests but says `{said}`")),
            tries: None,
            output: Some(join(printed.text(), &errors.text())),
        }))
    }

    /// Asks a program for what it must refuse. Otherwise nobody would notice a lost exit status, as long as all tests
    /// pass.
    pub fn check_exit_status(&self, program: &TestProgram) -> Result<()> {
        let limits = (self.options.limits)(&program.name);
        let limit = Duration::from_secs(limits.test_seconds.min(LIST_SECONDS));
        let cmd = |_: &Path| {
            let cmd = self.sandbox.command(&program.path, libtest::WRONG, &self.options.lib_dirs)?;
            Ok(cmd.merge_stderr().timeout(limit))
        };
        let finished = self.run(program, &cmd, limits, |_, _| Flow::Continue)?;
        if finished.status.code() != Some(libtest::FAILED) {
            let (how, due) = (exec::describe(&finished), libtest::FAILED);
            self.contradict(program, [format!("asked for what it must refuse with exit status {due}, it {how}")]);
        }
        Ok(())
    }

    /// Keeps how a program contradicted itself.
    fn contradict(&self, program: &TestProgram, contradictions: impl IntoIterator<Item = String>) {
        let named = contradictions.into_iter().map(|text| format!("{}: {text}", program.name));
        self.tally().contradictions.extend(named);
    }

    /// Runs a program that is one test: it passes if it exits with status 0.
    pub fn run_whole(&self, program: &TestProgram) -> Result<TestOutcome> {
        let mut output = Tail::default();
        let limits = (self.options.limits)(&program.name);
        let limit = Duration::from_secs(limits.test_seconds);
        let cmd = |_: &Path| {
            let cmd = self.sandbox.command(&program.path, [""; 0], &self.options.lib_dirs)?;
            Ok(cmd.merge_stderr().timeout(limit))
        };
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

    /// Adds the processes that a test left behind to its reason, and to the notes.
    pub fn left_behind(&self, program: &TestProgram, test: &str, left: &[String], reason: &mut Option<String>) {
        let left = format!("left behind, and killed: {}", left.join(", "));
        self.note(program, &format!("{test} {left}"));
        *reason = Some(reason.take().map_or_else(|| left.clone(), |reason| format!("{reason}; {left}")));
    }

    /// Runs one process to its end, with `threads` tests at once. `reported` gets each test's outcome as it comes.
    pub fn process(
        &self,
        program: &TestProgram,
        tests: &[String],
        threads: usize,
        reported: &mut dyn FnMut(TestOutcome),
    ) -> Result<ProcessEnd> {
        let first = tests.first().map_or_else(|| program.name.clone(), |test| program.full_name(test));
        let limits = (self.options.limits)(&first);
        let limit = Duration::from_secs(limits.test_seconds);
        let grace = EXIT_GRACE.min(limit);
        // Counted from the first event: no test is to blame for the wait for a job, the namespaces and the emulator.
        let mut end_of_program = None;
        let mut follower = Follower::new(tests, threads == 1, reported);
        let total = self.tally().counts.get(&program.path).copied();
        let mut protocol = Protocol::new(tests, total, threads == 1);
        let (mut parser, failure) = match &program.harness {
            Harness::Compiletest(_) => (Parser::of(compiletest::EVENT, compiletest::PREFIX), compiletest::FAILED),
            _ => (Parser::default(), libtest::FAILED),
        };
        let start = limits.test_seconds.max(START_SECONDS);
        let cmd = |folder: &Path| {
            let patience = Duration::from_secs(start);
            if let Harness::Compiletest(harness) = &program.harness {
                return Ok(harness.command(self.sandbox, folder, Some(tests), threads)?.timeout(patience));
            }
            let args = libtest::run(tests.iter().map(String::as_str), total == Some(1), threads);
            let (key, value) = libtest::UNSTABLE;
            Ok(self.sandbox.command(&program.path, args, &self.options.lib_dirs)?.env(key, value).timeout(patience))
        };
        let finished = self.run(program, &cmd, limits, |stream, chunk| {
            if stream == Stream::Stderr {
                follower.errors.push(chunk);
                return Flow::Continue;
            }
            for name in follower.slow(Duration::from_secs(limits.slow_seconds)) {
                let (name, slow, limit) = (program.full_name(&name), limits.slow_seconds, limits.test_seconds);
                (self.options.warn)(&format!(
                    "{} {name} has been running for {slow} s; it is killed after {limit} s",
                    program.suite
                ));
            }
            let mut heard = false;
            parser.feed(chunk, |event, noise| {
                protocol.on(&event);
                heard |= follower.on(event, noise);
            });
            if !heard {
                return Flow::Continue;
            }
            let whole = Duration::from_secs(limits.program_seconds);
            let end_of_program = *end_of_program.get_or_insert_with(|| Instant::now() + whole);
            match follower.running().first().map(|(_, since)| *since) {
                Some(since) => Flow::Deadline(end_of_program.min(since + limit)),
                None if follower.told => Flow::Deadline(Instant::now() + grace),
                None => Flow::Continue,
            }
        })?;
        parser.finish(|event, noise| {
            protocol.on(&event);
            follower.on(event, noise);
        });
        // compiletest may run more tests than it was asked for, and runs on this machine.
        if program.harness == Harness::Libtest {
            self.contradict(program, protocol.end(&finished));
        }
        let clock = Clock { start_s: Some(start), end_of_program, grace, limits };
        Ok(ProcessEnd::new(follower, finished, parser.take_noise().text(), failure, &clock))
    }

    /// Runs a command in private folders, which are removed afterwards, and counts its processor time. `cmd` gets their
    /// path.
    fn run(
        &self,
        program: &TestProgram,
        cmd: &dyn Fn(&Path) -> Result<Cmd>,
        limits: Limits,
        sink: impl FnMut(Stream, &[u8]) -> Flow,
    ) -> Result<Finished> {
        let folder = self.folder.join(self.started.fetch_add(1, Ordering::Relaxed).to_string());
        let here = self.sandbox.share() == Share::Program;
        if let Some(most) = exec::most_open_files().filter(|most| here && *most < limits.open_files) {
            let wanted = limits.open_files;
            self.tally().notes.insert(format!("open-files: this machine allows a process {most}, not {wanted}"));
        }
        let cmd = cmd(&folder)?.bounded(Bounds::of(limits, &folder));
        let finished = self.sandbox.stream(cmd.within(&self.options.jobs, self.sandbox.share()), &folder, sink);
        if scratch::remove(&folder).is_err() {
            self.note(program, &format!("{} could not be removed", folder.display()));
        }
        let finished = finished.with_context(|| format!("running the test program {}", program.path.display()))?;
        self.tally().cpu += finished.cpu;
        Ok(finished)
    }

    /// Notes something that no test can be blamed for.
    pub fn note(&self, program: &TestProgram, text: &str) {
        self.tally().notes.insert(format!("{}: {text}", program.name));
    }

    pub fn tally(&self) -> std::sync::MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The outcome of a program that is one test.
fn whole(program: &TestProgram, finished: &Finished, limits: Limits, output: String) -> TestOutcome {
    let outcome = end::of_program(finished);
    let reason = outcome.is_failure().then(|| end::reason(finished, too_late(limits.test_seconds)));
    let output = outcome.is_failure().then_some(output);
    let (name, wall_s) = (program.name.clone(), finished.wall.as_secs_f64());
    TestOutcome { name, outcome, wall_s, reason, tries: None, output }
}
