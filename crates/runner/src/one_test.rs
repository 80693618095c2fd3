//! One test in one process of its own.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};
use bringup_model::limits::Limits;
use bringup_model::outcome::{Outcome, TestOutcome};

use crate::exec::{Bounds, Finished, Flow, Stream};
use crate::harness::end::{self, Clock, ProcessEnd, too_late};
use crate::harness::follow::Follower;
use crate::jobs::{Jobs, Share};
use crate::libtest::{self, Parser, Tail};
use crate::sandbox::{Sandbox, Tracing, private};

/// A program and the one test of it that is run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OneTest {
    /// The program's file.
    pub program: PathBuf,
    /// The test, by its name in the program; `None` if the program itself is the test.
    pub test: Option<String>,
    /// Folders that are searched for the program's shared libraries.
    pub lib_dirs: Vec<PathBuf>,
    /// What the program may use, except time.
    pub limits: Limits,
}

/// How a test is run.
#[derive(Debug, Clone, Copy)]
pub struct Conditions<'a> {
    /// How long the process may take, from its start to its end.
    pub limit: Duration,
    /// The pool of jobs of which the run takes one; with `None` it starts at once.
    pub jobs: Option<&'a Jobs>,
    /// What the emulator is asked for besides running the program.
    pub tracing: &'a Tracing,
}

/// How one run of a test went.
#[derive(Debug, Clone)]
pub struct Ran {
    /// What happened.
    pub outcome: Outcome,
    /// Why the test failed or was ignored.
    pub reason: Option<String>,
    /// Whether the program got as far as the test.
    pub started: bool,
    /// What the program printed.
    pub output: String,
}

impl OneTest {
    /// The arguments with which a person would run the test.
    pub fn plain_args(&self) -> Vec<String> {
        let test = self.test.iter().flat_map(|test| [test.as_str(), "--exact", "--test-threads=1", "--nocapture"]);
        test.map(str::to_owned).collect()
    }

    /// Runs the test once, in private folders within `folder`, which must exist and belong to this run alone. The path
    /// should be short, because tests create sockets below it.
    ///
    /// # Errors
    ///
    /// If the process cannot be started or watched, or the run is interrupted. A test that fails is no error.
    pub fn run(&self, sandbox: &Sandbox, folder: &Path, conditions: &Conditions) -> Result<Ran> {
        let Conditions { limit, jobs, tracing } = *conditions;
        let args = self.test.iter().flat_map(|test| libtest::run([test.as_str()], 1));
        let cmd = sandbox.traced(&self.program, args, &self.lib_dirs, tracing)?;
        let (key, value) = libtest::UNSTABLE;
        let own = folder.join("t");
        let bounds = Bounds::of(self.limits, &own);
        let cmd = private(cmd.env(key, value), &own)?.timeout(limit).bounded(bounds);
        let cmd = jobs.into_iter().fold(cmd, |cmd, jobs| cmd.within(jobs, Share::Program));
        let mut reported = None;
        let tests = self.test.as_slice();
        let mut report = |outcome| reported = Some(outcome);
        let mut follower = Follower::new(tests, true, &mut report);
        let (mut parser, mut errors) = (Parser::default(), Tail::default());
        let finished = cmd.stream(|stream, chunk| {
            match stream {
                // All noise is kept, also that from before the test.
                Stream::Stdout => parser.feed(chunk, |event, _| {
                    follower.on(event, &mut Tail::default());
                }),
                Stream::Stderr => errors.push(chunk),
            }
            Flow::Continue
        });
        let finished = finished.with_context(|| format!("running {}", self.program.display()))?;
        parser.finish(|event, _| {
            follower.on(event, &mut Tail::default());
        });
        // The time limit is one for the process, from its start.
        let limits = Limits { test_seconds: limit.as_secs(), ..self.limits };
        let clock = Clock { start_s: None, end_of_program: None, grace: limit, limits };
        let (noise, errors) = (parser.take_noise().text(), errors.text());
        let Some(test) = &self.test else {
            let output = paragraphs([&noise, &errors]);
            let (outcome, reason) = of_program(&finished, limit, &output);
            return Ok(Ran { outcome, reason, started: true, output });
        };
        let end = ProcessEnd::new(follower, finished, noise.clone(), libtest::FAILED, &clock);
        let captured = reported.as_ref().and_then(|test: &TestOutcome| test.output.clone()).unwrap_or_default();
        let TestOutcome { outcome, reason, .. } = end.of_only_test(test, reported);
        let reason = reason.or_else(|| panic_line(&captured).filter(|_| outcome == Outcome::Fail));
        Ok(Ran { outcome, reason, started: end.heard(), output: paragraphs([&captured, &noise, &errors]) })
    }
}

/// Names of the tests that a program lists; none if it cannot list them.
///
/// # Errors
///
/// If the process cannot be started or watched, or the run is interrupted.
pub fn list(program: &Path, sandbox: &Sandbox, folder: &Path, limit: Duration, jobs: &Jobs) -> Result<Vec<String>> {
    let cmd = sandbox.command(program, libtest::LIST, &[])?;
    let output = private(cmd, folder)?.timeout(limit).within(jobs, Share::Program).output()?;
    Ok(if output.finished.status.success() { libtest::listed(&output.stdout) } else { Vec::new() })
}

fn of_program(finished: &Finished, limit: Duration, output: &str) -> (Outcome, Option<String>) {
    let outcome = end::of_program(finished);
    let how = end::reason(finished, too_late(limit.as_secs()));
    let reason = || panic_line(output).map_or(how.clone(), |line| format!("{how}: {line}"));
    (outcome, outcome.is_failure().then(reason))
}

/// What was printed in several places, one below the other.
fn paragraphs<const COUNT: usize>(texts: [&str; COUNT]) -> String {
    let texts: Vec<&str> = texts.into_iter().map(str::trim_end).filter(|text| !text.is_empty()).collect();
    texts.join("\n")
}

/// The message of a panic: the line after `… panicked at …`.
fn panic_line(output: &str) -> Option<String> {
    let mut lines = output.lines().skip_while(|line| !line.contains(" panicked at "));
    lines.next()?;
    lines.next().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty())
}
