//! What the end of a test program's process says about its tests. Suites and single tests both judge by it.

use std::os::unix::process::ExitStatusExt as _;
use std::time::{Duration, Instant};

use bringup_model::limits::Limits;
use bringup_model::outcome::{Outcome, TestOutcome};

use super::follow::{Follower, join};
use crate::exec::{self, Finished};

/// How one process of a test program ended, and what it had reported by then.
#[expect(clippy::struct_excessive_bools, reason = "independent facts about the end")]
pub(crate) struct ProcessEnd {
    /// Whether the process was asked for exactly one test.
    pub only: bool,
    /// Whether a test started only after the one before had ended.
    pub single: bool,
    /// Tests that were reported, in that order.
    pub done: Vec<String>,
    /// Tests that had started and were not reported, and for how long they had run.
    pub in_flight: Vec<(String, Duration)>,
    /// Whether exactly one test can have been running.
    pub sure: bool,
    /// Tests in flight that the process was killed for, because they exceeded their time limit.
    pub overdue: Vec<(String, Duration)>,
    /// Whether the program said that it had run all of its tests.
    pub told: bool,
    /// What was printed since the last test started.
    pub output: String,
    /// How the process ended.
    pub finished: Finished,
    /// The same in words.
    pub how: String,
    /// Whether the exit status is the one that the harness gives after these results.
    pub clean: bool,
    /// Whether the process was killed for its own time limit, not for a test's.
    pub program_limit: bool,
}

/// Where in its work a process ended. That decides which tests can have caused the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Point {
    /// Tests were in flight.
    InFlight,
    /// The program ended well, as far as it knows: a test that it has not reported is missing.
    Complete,
    /// It ended badly after it had run all of its tests.
    AfterAll,
    /// It ended badly when at least one test was reported, and none was in flight.
    Between,
    /// It ended badly before any test.
    Before,
}

/// The time limits of a process, for the words about its end.
pub(crate) struct Clock {
    /// Seconds that the program had to its first event, if only that is limited.
    pub start_s: Option<u64>,
    /// When the whole program had to end, once it had reported something.
    pub end_of_program: Option<Instant>,
    /// How long it had to end after it had reported everything.
    pub grace: Duration,
    /// The limits of each test and of the program.
    pub limits: Limits,
}

impl Clock {
    /// How a process was killed for its time, in words.
    fn late(&self, program_limit: bool, idle: bool) -> String {
        match (self.start_s, self.end_of_program) {
            (Some(start), None) => format!("no word of a test within {start} s"),
            _ if program_limit => {
                format!("its process did not end within the {} s of a program", self.limits.program_seconds)
            }
            _ if idle => format!("no end within {} s", self.grace.as_secs()),
            _ => too_late(self.limits.test_seconds),
        }
    }
}

impl ProcessEnd {
    /// Joins what a follower saw with how the process ended. `failure` is the harness's exit status after a failed
    /// test, `noise` what was printed between the events.
    pub fn new(follower: Follower, finished: Finished, noise: String, failure: i32, clock: &Clock) -> Self {
        let output = join(noise, &follower.errors.clone().text());
        let times = |tests: &[(String, Instant)]| -> Vec<(String, Duration)> {
            tests.iter().map(|(name, since)| (name.clone(), since.elapsed())).collect()
        };
        let (in_flight, mut overdue) = (times(&follower.in_flight), times(follower.running()));
        let limit = Duration::from_secs(clock.limits.test_seconds);
        overdue.retain(|(_, time)| finished.timed_out && *time >= limit);
        let program_limit =
            finished.timed_out && overdue.is_empty() && clock.end_of_program.is_some_and(|end| Instant::now() >= end);
        let idle = in_flight.is_empty() && follower.told;
        let how = reason(&finished, clock.late(program_limit, idle));
        let (failed, sure) = (follower.has_failures(), follower.is_sure());
        let clean = matches!(finished.status.code(), Some(code) if code == 0 || (code == failure && failed));
        let Follower { done, told, asked, single, .. } = follower;
        let only = asked == 1 && single;
        Self { only, single, done, in_flight, sure, overdue, told, output, finished, how, clean, program_limit }
    }

    /// Where in its work the process ended.
    pub fn point(&self) -> Point {
        if !self.in_flight.is_empty() {
            Point::InFlight
        } else if self.clean && (self.told || !self.heard()) {
            Point::Complete
        } else if !self.heard() {
            Point::Before
        } else if self.told {
            Point::AfterAll
        } else {
            Point::Between
        }
    }

    /// Whether the process reported the start or the end of any test.
    pub fn heard(&self) -> bool {
        !self.done.is_empty() || !self.in_flight.is_empty()
    }

    /// Whether it ended badly with every test that it started reported.
    pub fn is_bad_after_tests(&self) -> bool {
        matches!(self.point(), Point::AfterAll | Point::Between)
    }

    /// The outcome of the only test that the process was asked for, when it had this one reported.
    pub fn of_only_test(&self, name: &str, reported: Option<TestOutcome>) -> TestOutcome {
        match self.point() {
            Point::InFlight => {
                self.of_test_in_flight(name, self.in_flight.first().map_or(Duration::ZERO, |test| test.1))
            }
            Point::Complete => reported.unwrap_or_else(|| missing(name.to_owned())),
            Point::AfterAll | Point::Between => self.dead(name.to_owned(), AFTER_REPORT, Duration::ZERO),
            Point::Before => self.dead(name.to_owned(), BEFORE_START, self.finished.wall),
        }
    }

    /// The outcome of a test that was in flight, and the only one that was asked for.
    pub fn of_test_in_flight(&self, name: &str, time: Duration) -> TestOutcome {
        if self.clean && self.told { missing(name.to_owned()) } else { self.dead(name.to_owned(), self.when(), time) }
    }

    /// What [`dead`](Self::dead) says about a test in flight: an end that looks well needs an explanation.
    pub fn when(&self) -> &'static str {
        if self.clean { " before its end" } else { "" }
    }

    /// The outcome of a test that its process died of, or was killed for.
    pub fn dead(&self, name: String, when: &str, time: Duration) -> TestOutcome {
        let outcome = if self.finished.timed_out { Outcome::Timeout } else { Outcome::Crash };
        let reason = Some(format!("{}{when}", self.how));
        let output = Some(self.output.clone()).filter(|output| !output.is_empty());
        TestOutcome { name, outcome, wall_s: time.as_secs_f64(), reason, tries: None, output }
    }
}

/// When a process died that had reported the test.
pub(crate) const AFTER_REPORT: &str = " after it was reported";

/// When a process died that had reported nothing.
pub(crate) const BEFORE_START: &str = " before it started";

/// The outcome of a test that the program kept quiet about.
pub(crate) fn missing(name: String) -> TestOutcome {
    let reason = Some("listed and requested, but the program exited successfully without reporting it".into());
    TestOutcome { name, outcome: Outcome::Missing, wall_s: 0.0, reason, tries: None, output: None }
}

/// The outcome of a program that is itself the test.
pub(crate) fn of_program(finished: &Finished) -> Outcome {
    match finished.status.code() {
        _ if finished.timed_out => Outcome::Timeout,
        Some(0) => Outcome::Pass,
        Some(_) => Outcome::Fail,
        None => Outcome::Crash,
    }
}

/// That a time limit was exceeded, in words.
pub(crate) fn too_late(seconds: u64) -> String {
    format!("no end within its time limit of {seconds} s")
}

/// How a process ended, in words; `late` are the words for one that was killed for its time.
pub(crate) fn reason(finished: &Finished, late: String) -> String {
    if let Some(what) = finished.exceeded {
        return what.to_string();
    }
    match (finished.status.code(), finished.status.signal()) {
        _ if finished.timed_out => late,
        (_, Some(signal)) => exec::signal_name(signal),
        (code, None) => format!("exit status {}", code.unwrap_or_default()),
    }
}
