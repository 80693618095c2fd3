//! One test in a process of its own.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};
use bringup_model::limits::Limits;
use bringup_model::outcome::Outcome;

use crate::exec::{Bounds, Finished, Flow, Stream};
use crate::harness::libtest::{self, Event, Parser, Tail, TestResult};
use crate::jobs::{Jobs, Share};
use crate::sandbox::{Sandbox, Tracing, private};
use crate::suite::process;

/// A program and the one test of it that is run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// The program.
    pub program: PathBuf,
    /// The test, by its name in the program; nothing for a program that is itself the test.
    pub test: Option<String>,
    /// Where the program finds its shared libraries.
    pub lib_dirs: Vec<PathBuf>,
    /// What it may take, besides time.
    pub limits: Limits,
}

/// How one run went.
#[derive(Debug, Clone)]
pub struct Ran {
    /// What happened.
    pub outcome: Outcome,
    /// Why, for a failure.
    pub reason: Option<String>,
    /// Whether it got as far as the test.
    pub started: bool,
    /// What was printed.
    pub output: String,
}

impl Subject {
    /// What the program is started with, when people do it.
    pub fn plain_args(&self) -> Vec<String> {
        let test = self.test.iter().flat_map(|test| [test.as_str(), "--exact", "--test-threads=1", "--nocapture"]);
        test.map(str::to_owned).collect()
    }

    /// Runs it in folders of its own within `folder`, whose path should be short, and which must be there for this run
    /// alone. Without `jobs` it runs beside whatever else does.
    pub fn run(
        &self,
        sandbox: &Sandbox,
        folder: &Path,
        limit: Duration,
        jobs: Option<&Jobs>,
        tracing: &Tracing,
    ) -> Result<Ran> {
        let args = self.test.iter().flat_map(|test| libtest::run([test.as_str()], 1));
        let cmd = sandbox.traced(&self.program, args, &self.lib_dirs, tracing)?;
        let (key, value) = libtest::UNSTABLE;
        let own = folder.join("t");
        let bounds = Bounds::of(self.limits, &own);
        let cmd = private(cmd.env(key, value), &own)?.timeout(limit).bounded(bounds);
        let cmd = jobs.into_iter().fold(cmd, |cmd, jobs| cmd.within(jobs, Share::Program));
        let (mut parser, mut errors, mut watch) = (Parser::default(), Tail::default(), Watch::default());
        let finished = cmd.stream(|stream, chunk| {
            match stream {
                Stream::Stdout => parser.feed(chunk, |event, _| watch.on(event, self.test.as_deref())),
                Stream::Stderr => errors.push(chunk),
            }
            Flow::Continue
        });
        let finished = finished.with_context(|| format!("running {}", self.program.display()))?;
        parser.finish(|event, _| watch.on(event, self.test.as_deref()));
        let printed = [watch.output.clone(), parser.take_noise().text(), errors.text()];
        let output: Vec<&str> = printed.iter().map(|text| text.trim_end()).filter(|text| !text.is_empty()).collect();
        let output = output.join("\n");
        let (outcome, reason) = match &self.test {
            Some(_) => watch.judge(&finished, limit),
            None => whole(&finished, limit, &output),
        };
        let started = self.test.is_none() || watch.started || watch.result.is_some();
        Ok(Ran { outcome, reason, started, output })
    }
}

/// Names of the tests that a program lists; none if it cannot.
pub fn list(program: &Path, sandbox: &Sandbox, folder: &Path, limit: Duration, jobs: &Jobs) -> Result<Vec<String>> {
    let cmd = sandbox.command(program, libtest::LIST, &[])?;
    let output = private(cmd, folder)?.timeout(limit).within(jobs, Share::Program).output()?;
    Ok(if output.finished.status.success() { libtest::listed(&output.stdout) } else { Vec::new() })
}

/// Follows the one test.
#[derive(Default)]
struct Watch {
    started: bool,
    result: Option<TestResult>,
    message: Option<String>,
    output: String,
}

impl Watch {
    fn on(&mut self, event: Event, test: Option<&str>) {
        match event {
            Event::Started(name) if Some(name.as_str()) == test => self.started = true,
            Event::Done(done) if Some(done.name.as_str()) == test => {
                self.result = Some(done.result);
                self.message = done.message;
                self.output = done.output;
            }
            _ => {}
        }
    }

    fn judge(&self, finished: &Finished, limit: Duration) -> (Outcome, Option<String>) {
        let clean = matches!(finished.status.code(), Some(0 | 101)) && !finished.timed_out;
        match self.result {
            Some(TestResult::Pass) if clean => (Outcome::Pass, None),
            Some(TestResult::Fail) if clean => {
                (Outcome::Fail, self.message.clone().or_else(|| panic_line(&self.output)))
            }
            Some(TestResult::Ignored) => (Outcome::Ignored, self.message.clone()),
            None if finished.status.success() && !self.started => {
                (Outcome::Missing, Some("the program says nothing of it".into()))
            }
            _ => {
                let when = match (self.started, self.result) {
                    (_, Some(_)) => " after it was reported",
                    (true, None) => "",
                    (false, None) => " before it started",
                };
                let outcome = if finished.timed_out { Outcome::Timeout } else { Outcome::Crash };
                (outcome, Some(format!("{}{when}", ended(finished, limit))))
            }
        }
    }
}

fn whole(finished: &Finished, limit: Duration, output: &str) -> (Outcome, Option<String>) {
    let outcome = process::outcome(finished);
    let how = ended(finished, limit);
    let reason = || panic_line(output).map_or(how.clone(), |line| format!("{how}: {line}"));
    (outcome, outcome.is_failure().then(reason))
}

fn ended(finished: &Finished, limit: Duration) -> String {
    process::reason(finished, format!("no end within {} s", limit.as_secs()))
}

/// The line of a panic that says what went wrong: the one after `… panicked at …`.
fn panic_line(output: &str) -> Option<String> {
    let mut lines = output.lines().skip_while(|line| !line.contains(" panicked at "));
    lines.next()?;
    lines.next().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty())
}
