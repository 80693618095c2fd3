//! One test in one process of its own.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};
use bringup_model::limits::Limits;
use bringup_model::outcome::{Outcome, TestOutcome};
use bringup_model::text::difference;

use crate::exec::{Bounds, Finished, Flow, Stream};
use crate::harness::end::{self, Clock, Point, ProcessEnd, missing, too_late};
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
    /// Whether the program has no other test.
    pub alone: bool,
    /// Tests of the program that run first, in the same process, in this order.
    pub before: Vec<String>,
    /// What the program must print on standard output, if it is itself the test; `None` for anything.
    pub expected: Option<String>,
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
    /// Where a failed test panicked: `library/std/src/fs/tests.rs:12:5`.
    pub place: Option<String>,
    /// The test before it that the process ended in.
    pub ended_in: Option<String>,
    /// Whether the program got as far as the test.
    pub started: bool,
    /// What the program printed.
    pub output: String,
}

impl OneTest {
    /// The arguments with which a person would run the test.
    pub fn plain_args(&self) -> Vec<String> {
        let args: &[&str] = match &self.test {
            None => &[],
            Some(_) if self.alone => &["--test-threads=1", "--nocapture"],
            Some(test) if self.before.is_empty() => &[test.as_str(), "--exact", "--test-threads=1", "--nocapture"],
            // The harness runs them in the order of their names, too.
            Some(_) => &["--test-threads=1"],
        };
        args.iter().map(|&arg| arg.to_owned()).collect()
    }

    /// Runs the test once, in private folders within `folder`, which must exist and belong to this run alone. The path
    /// should be short, because tests create sockets below it.
    ///
    /// # Errors
    ///
    /// If the process cannot be started or watched, or the run is interrupted. A test that fails is no error.
    pub fn run(&self, sandbox: &Sandbox, folder: &Path, conditions: &Conditions) -> Result<Ran> {
        let Conditions { limit, jobs, tracing } = *conditions;
        let tests: Vec<String> = self.test.iter().flat_map(|test| self.before.iter().chain([test])).cloned().collect();
        let args = self.test.iter().flat_map(|_| libtest::run(tests.iter().map(String::as_str), self.alone, 1));
        let cmd = sandbox.traced(&self.program, args, &self.lib_dirs, tracing)?;
        let (key, value) = libtest::UNSTABLE;
        let own = folder.join("t");
        let bounds = Bounds::of(self.limits, &own);
        let cmd = private(cmd.env(key, value), &own)?.timeout(limit).bounded(bounds);
        let cmd = jobs.into_iter().fold(cmd, |cmd, jobs| cmd.within(jobs, Share::Program));
        let mut reported = None;
        let is_ours = |name: &str| self.test.as_deref() == Some(name);
        let mut report = |outcome: TestOutcome| {
            if is_ours(&outcome.name) {
                reported = Some(outcome);
            }
        };
        let mut follower = Follower::new(&tests, true, &mut report);
        let (mut parser, mut errors) = (Parser::default(), Tail::default());
        let mut printed = Vec::new();
        let finished = cmd.stream(|stream, chunk| {
            if stream == Stream::Stdout && self.expected.is_some() {
                printed.extend_from_slice(chunk);
            }
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
            let (outcome, reason) = self.of_program(&finished, limit, &output, &printed);
            let place = panic(&output).0.filter(|_| outcome.is_failure());
            return Ok(Ran { outcome, reason, place, ended_in: None, started: true, output });
        };
        let end = ProcessEnd::new(follower, finished, noise.clone(), libtest::FAILED, &clock);
        let captured = reported.as_ref().and_then(|test: &TestOutcome| test.output.clone()).unwrap_or_default();
        let in_flight = end.in_flight.iter().find(|(name, _)| is_ours(name)).map(|(_, time)| *time);
        let ended_in = end.in_flight.last().map(|(name, _)| name).or(end.done.last()).filter(|name| !is_ours(name));
        let ended_in = ended_in.filter(|_| reported.is_none() && in_flight.is_none() && end.point() != Point::Complete);
        let ended_in = ended_in.cloned();
        let TestOutcome { outcome, reason, .. } = match (&reported, in_flight, &ended_in) {
            // Of a process that other tests share, the end says nothing about a test that was reported.
            (Some(test), ..) if !self.before.is_empty() => test.clone(),
            (None, Some(time), _) if !self.before.is_empty() => end.of_test_in_flight(test, time),
            (_, _, Some(other)) => {
                TestOutcome { reason: Some(format!("the process ended in {other}")), ..missing(test.clone()) }
            }
            _ => end.of_only_test(test, reported),
        };
        let output = paragraphs([&captured, &noise, &errors]);
        let (place, message) = panic(if captured.is_empty() { &output } else { &captured });
        let reason = reason.or(message.filter(|_| outcome == Outcome::Fail));
        let place = place.filter(|_| outcome == Outcome::Fail);
        Ok(Ran { outcome, reason, place, ended_in, started: end.heard(), output })
    }

    /// The outcome of a program that is itself the test, and why it failed.
    fn of_program(
        &self,
        finished: &Finished,
        limit: Duration,
        output: &str,
        printed: &[u8],
    ) -> (Outcome, Option<String>) {
        let outcome = end::of_program(finished);
        if let (Outcome::Pass, Some(expected)) = (outcome, &self.expected) {
            return match difference(expected, &String::from_utf8_lossy(printed)) {
                Some(difference) => (Outcome::Fail, Some(difference)),
                None => (Outcome::Pass, None),
            };
        }
        let how = end::reason(finished, too_late(limit.as_secs()));
        let reason = || panic(output).1.map_or(how.clone(), |line| format!("{how}: {line}"));
        (outcome, outcome.is_failure().then(reason))
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

/// What was printed in several places, one below the other.
fn paragraphs<const COUNT: usize>(texts: [&str; COUNT]) -> String {
    let texts: Vec<&str> = texts.into_iter().map(str::trim_end).filter(|text| !text.is_empty()).collect();
    texts.join("\n")
}

/// Where the first panic was, and its message: the line after `… panicked at …`.
fn panic(output: &str) -> (Option<String>, Option<String>) {
    let mut lines = output.lines().skip_while(|line| !line.contains(PANICKED));
    let first = lines.next().and_then(|line| line.split_once(PANICKED));
    let place = first.map(|(_, place)| without_commit(place.trim_end_matches(':')).to_owned());
    let message = lines.next().map(|line| line.trim().to_owned());
    (place, message.filter(|line| !line.is_empty()))
}

const PANICKED: &str = " panicked at ";

/// A path of std's source without the version's commit: `/rustc/COMMIT/library/…`.
fn without_commit(place: &str) -> &str {
    place.strip_prefix("/rustc/").and_then(|rest| rest.split_once('/')).map_or(place, |(_, path)| path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_has_a_place_and_a_message() {
        let text = "noise\nthread 'a::b' (12) panicked at library/std/src/x.rs:3:14:\nassertion failed: a\n  left: 1\n";
        let (place, message) = panic(text);
        assert_eq!(place.as_deref(), Some("library/std/src/x.rs:3:14"));
        assert_eq!(message.as_deref(), Some("assertion failed: a"));
        assert_eq!(panic("nothing"), (None, None));
        assert_eq!(panic(&text.replace("library", "/rustc/48a2/library")), (place, message));
    }
}
