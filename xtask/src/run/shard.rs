//! One shard: some tests of one program, run by as many processes as it takes, one at a time.
//!
//! Who is blamed, by how a process ends:
//! * with a test in flight: that test, and a new process runs what is left;
//! * between two tests: nobody, a new process runs what is left, and a note is kept;
//! * before the first test, twice in a row: the first test that is left;
//! * badly after its last test: the one test that does it alone, found by halving; a note if no test does.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use super::exec::{self, Cmd, Finished, Flow, Stream};
use super::jobs::{Jobs, Share};
use super::libtest::{self, Event, Parser, Tail, TestResult};
use super::sandbox::Sandbox;
use super::schedule::TestProgram;
use crate::model::outcome::{Outcome, TestOutcome};
use crate::model::pins::Limits;

/// How long a program may take to end once it has reported everything.
const EXIT_GRACE: Duration = Duration::from_secs(30);

/// What all processes of a suite share.
pub(super) struct Bench<'a> {
    pub sandbox: &'a Sandbox,
    pub jobs: &'a Jobs,
    pub lib_dirs: &'a [PathBuf],
    pub limits: Limits,
    /// Every process gets a folder of its own in here.
    pub folder: &'a Path,
    pub processes: AtomicUsize,
    pub tally: Mutex<Tally>,
}

/// What is summed up over all processes.
#[derive(Default)]
pub(super) struct Tally {
    pub cpu: Duration,
    pub notes: BTreeSet<String>,
}

/// How one process went.
struct Ended {
    done: Vec<TestOutcome>,
    /// The test that was running, and for how long.
    in_flight: Option<(String, Duration)>,
    /// What was printed since the last test started.
    output: String,
    finished: Finished,
    /// That in words.
    how: String,
    /// Whether it ended as the harness ends it when all tests are reported.
    clean: bool,
    /// Whether it was stopped for its own time, not a test's.
    program_limit: bool,
}

impl Bench<'_> {
    /// Names of a program's tests; if it cannot list them, the outcome of the program itself.
    pub fn list(&self, program: &TestProgram) -> Result<Result<Vec<String>, TestOutcome>> {
        let mut output = Vec::new();
        let mut errors = Tail::default();
        let cmd = self.sandbox.command(&program.path, libtest::LIST, self.lib_dirs)?;
        let finished = self.run(program, cmd, |stream, chunk| {
            match stream {
                Stream::Stdout => output.extend_from_slice(chunk),
                Stream::Stderr => errors.push(chunk),
            }
            Flow::Continue
        })?;
        if finished.status.success() {
            return Ok(Ok(libtest::listed(&output)));
        }
        let mut outcome = self.whole(program, &finished, errors.text());
        outcome.reason = outcome.reason.map(|reason| format!("{reason} when asked for its tests"));
        Ok(Err(outcome))
    }

    /// Runs a program that is one test: it passes if it exits with status 0.
    pub fn run_whole(&self, program: &TestProgram) -> Result<TestOutcome> {
        let mut output = Tail::default();
        let cmd = self.sandbox.command(&program.path, [""; 0], self.lib_dirs)?.merge_stderr();
        let finished = self.run(program, cmd, |_, chunk| {
            output.push(chunk);
            Flow::Continue
        })?;
        Ok(self.whole(program, &finished, output.text()))
    }

    fn whole(&self, program: &TestProgram, finished: &Finished, output: String) -> TestOutcome {
        let outcome = match finished.status.code() {
            _ if finished.timed_out => Outcome::Timeout,
            Some(0) => Outcome::Pass,
            Some(_) => Outcome::Fail,
            None => Outcome::Crash,
        };
        let reason = outcome.is_failure().then(|| self.reason(finished));
        let output = outcome.is_failure().then_some(output);
        TestOutcome {
            name: program.name.clone(),
            outcome,
            wall_s: finished.wall.as_secs_f64(),
            reason,
            tries: None,
            output,
        }
    }

    /// Runs tests of one program until each has its outcome. `tick` is called for each.
    pub fn run_tests(&self, program: &TestProgram, tests: &[String], tick: &dyn Fn()) -> Result<Vec<TestOutcome>> {
        let mut outcomes: HashMap<String, TestOutcome> = HashMap::new();
        let mut rest = tests.to_vec();
        let mut unheard = false;
        while !rest.is_empty() {
            let asked = rest.clone();
            let mut ended = self.process(program, &asked, tick)?;
            let heard = !ended.done.is_empty() || ended.in_flight.is_some();
            outcomes.extend(ended.done.drain(..).map(|test| (test.name.clone(), test)));
            rest.retain(|name| !outcomes.contains_key(name));
            let blamed = match (ended.in_flight.take(), rest.first()) {
                // The process had used up its own time: the test gets a new one.
                (Some(_), _) if ended.program_limit && rest.len() < asked.len() => None,
                // The one end that looks well has to be told.
                (Some((name, wall)), _) => Some((name, if ended.clean { " before its end" } else { "" }, wall)),
                (None, None) if ended.clean => None,
                (None, None) => {
                    let name = self.find_late(program, &asked)?;
                    if name.is_none() {
                        self.note(program, &format!("{} after all tests; no test alone brings it about", ended.how));
                    }
                    name.map(|name| (name, " after it was reported", Duration::ZERO))
                }
                (None, Some(_)) if heard => {
                    self.note(program, &format!("{} between two tests", ended.how));
                    None
                }
                (None, Some(first)) if unheard => Some((first.clone(), " before it started", ended.finished.wall)),
                (None, Some(_)) => None,
            };
            unheard = !heard;
            if let Some((name, when, wall)) = blamed {
                if rest.contains(&name) {
                    tick();
                }
                rest.retain(|other| *other != name);
                let outcome = if ended.finished.timed_out { Outcome::Timeout } else { Outcome::Crash };
                let reason = Some(format!("{}{when}", ended.how));
                let output = Some(ended.output).filter(|output| !output.is_empty());
                outcomes.insert(
                    name.clone(),
                    TestOutcome { name, outcome, wall_s: wall.as_secs_f64(), reason, tries: None, output },
                );
            }
        }
        let lost = |name: &str| format!("{}: the test {name} was lost", program.name);
        tests.iter().map(|name| outcomes.remove(name).with_context(|| lost(name))).collect()
    }

    /// The test that makes a process end badly after everything is reported, if one does it alone.
    fn find_late(&self, program: &TestProgram, tests: &[String]) -> Result<Option<String>> {
        let mut suspects = tests;
        while suspects.len() > 1 {
            let (left, right) = suspects.split_at(suspects.len() / 2);
            suspects = if self.ends_badly(program, left)? {
                left
            } else if self.ends_badly(program, right)? {
                right
            } else {
                return Ok(None);
            };
        }
        Ok(suspects.first().cloned())
    }

    fn ends_badly(&self, program: &TestProgram, tests: &[String]) -> Result<bool> {
        let ended = self.process(program, tests, &|| {})?;
        Ok(ended.in_flight.is_none() && ended.done.len() == tests.len() && !ended.clean)
    }

    /// One process, from its start to its end.
    fn process(&self, program: &TestProgram, tests: &[String], tick: &dyn Fn()) -> Result<Ended> {
        let limit = Duration::from_secs(self.limits.test_seconds);
        // Counted from the first sign of life: a process may have to wait for a job before it starts.
        let mut end_of_program = None;
        let mut watch = Watch { left: tests.iter().map(String::as_str).collect(), ..Watch::default() };
        let mut parser = Parser::default();
        let mut deadline = None;
        let args = libtest::RUN.into_iter().chain(["--"]).chain(tests.iter().map(String::as_str));
        let (key, value) = libtest::UNSTABLE;
        let cmd = self.sandbox.command(&program.path, args, self.lib_dirs)?.env(key, value);
        let finished = self.run(program, cmd, |stream, chunk| {
            if stream == Stream::Stderr {
                watch.errors.push(chunk);
                return Flow::Continue;
            }
            let mut next = None;
            parser.feed(chunk, |event, noise| next = watch.on(event, noise, tick).or(next));
            let whole = Duration::from_secs(self.limits.program_seconds);
            let end_of_program = *end_of_program.get_or_insert_with(|| Instant::now() + whole);
            match next {
                Some(Next::Test) => deadline = Some(end_of_program.min(Instant::now() + limit)),
                Some(Next::Exit) => deadline = Some(Instant::now() + EXIT_GRACE.min(limit)),
                None => {}
            }
            deadline.map_or(Flow::Continue, Flow::Deadline)
        })?;
        parser.finish(|event, noise| {
            watch.on(event, noise, tick);
        });
        let output = join(parser.take_noise().text(), &watch.errors.text());
        let program_limit = finished.timed_out && end_of_program.is_some_and(|end| Instant::now() >= end);
        let in_flight = watch.in_flight.map(|(name, since)| (name, since.elapsed()));
        let failed = watch.done.iter().any(|test| test.outcome == Outcome::Fail);
        let clean = matches!(finished.status.code(), Some(code) if code == 0 || (code == 101 && failed));
        let how = self.reason(&finished);
        Ok(Ended { done: watch.done, in_flight, output, finished, how, clean, program_limit })
    }

    /// Runs a command in folders of its own, which are gone afterwards, and counts what it costs.
    fn run(&self, program: &TestProgram, cmd: Cmd, sink: impl FnMut(Stream, &[u8]) -> Flow) -> Result<Finished> {
        let folder = self.folder.join(self.processes.fetch_add(1, Ordering::Relaxed).to_string());
        let [home, tmp, work] = ["home", "tmp", "work"].map(|name| folder.join(name));
        for path in [&home, &tmp, &work] {
            fs_err::create_dir_all(path)?;
        }
        let limit = Duration::from_secs(self.limits.test_seconds);
        let finished =
            cmd.env("HOME", home).env("TMPDIR", tmp).dir(work).timeout(limit).within(self.jobs, Share::Program);
        let finished = finished.stream(sink);
        if remove(&folder).is_err() {
            self.note(program, &format!("{} could not be removed", folder.display()));
        }
        let finished = finished.with_context(|| format!("running the test program {}", program.path.display()))?;
        self.tally().cpu += finished.cpu;
        if finished.leaked {
            self.note(program, "a process left a child behind that held its output; it was killed");
        }
        Ok(finished)
    }

    fn reason(&self, finished: &Finished) -> String {
        use std::os::unix::process::ExitStatusExt as _;
        match (finished.status.code(), finished.status.signal()) {
            _ if finished.timed_out => format!("no end within its time limit of {} s", self.limits.test_seconds),
            (_, Some(signal)) => exec::signal_name(signal),
            (code, None) => format!("exit status {}", code.unwrap_or_default()),
        }
    }

    fn note(&self, program: &TestProgram, text: &str) {
        self.tally().notes.insert(format!("{}: {text}", program.name));
    }

    fn tally(&self) -> std::sync::MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Follows one process by its events.
#[derive(Default)]
struct Watch<'a> {
    /// Asked for and not reported: an event of any other test was made up by something a test printed.
    left: BTreeSet<&'a str>,
    done: Vec<TestOutcome>,
    in_flight: Option<(String, Instant)>,
    /// Standard error since the last test started.
    errors: Tail,
}

/// What a process is to do next, within its time.
#[derive(Clone, Copy)]
enum Next {
    Test,
    Exit,
}

impl Watch<'_> {
    fn on(&mut self, event: Event, noise: &mut Tail, tick: &dyn Fn()) -> Option<Next> {
        match event {
            Event::Started(name) if self.left.contains(name.as_str()) => {
                self.in_flight = Some((name, Instant::now()));
                noise.clear();
                self.errors.clear();
                Some(Next::Test)
            }
            Event::Done(test) if self.left.remove(test.name.as_str()) => {
                self.in_flight = None;
                let outcome = match test.result {
                    TestResult::Pass => Outcome::Pass,
                    TestResult::Fail => Outcome::Fail,
                    TestResult::Ignored => Outcome::Ignored,
                };
                // Standard error comes by another pipe: what of it is here by now is worth having.
                let printed = outcome.is_failure().then(|| {
                    let uncaught = join(std::mem::take(noise).text(), &self.errors.clone().text());
                    join(test.output, &uncaught)
                });
                let output = printed.filter(|text| !text.is_empty());
                self.done.push(TestOutcome {
                    name: test.name,
                    outcome,
                    wall_s: test.seconds,
                    reason: test.message,
                    tries: None,
                    output,
                });
                tick();
                None
            }
            Event::Finished if self.left.is_empty() => Some(Next::Exit),
            _ => None,
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
