//! Follows one process of a test program by its events.
//!
//! Tests print what they like on the same stream, so an event may be forged. Only events that the harness itself could
//! send are accepted: the start of a test that was requested and has not ended, and the end of a test in flight.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use bringup_model::outcome::{Outcome, TestOutcome};

use crate::libtest::{Done, Tail, TestEvent, TestResult};

/// What is known about a process so far.
pub(crate) struct Follower<'a> {
    /// Tests that were requested and not reported.
    left: BTreeSet<&'a str>,
    reported: &'a mut dyn FnMut(TestOutcome),
    /// Tests that were reported, in that order.
    pub done: Vec<String>,
    /// Tests that failed.
    failed: BTreeSet<String>,
    /// Tests that have started and were not reported, in the order of their start.
    pub in_flight: Vec<(String, Instant)>,
    /// The test that started last.
    last: String,
    /// Whether the last event was the end of all tests.
    pub told: bool,
    /// Tests in flight that are known to be slow.
    slow: Vec<String>,
    /// How many tests were requested.
    pub asked: usize,
    /// Whether a test starts only when the one before has ended.
    pub single: bool,
    /// Standard error since the last test started.
    pub errors: Tail,
}

impl<'a> Follower<'a> {
    pub fn new(tests: &'a [String], single: bool, reported: &'a mut dyn FnMut(TestOutcome)) -> Self {
        Self {
            left: tests.iter().map(String::as_str).collect(),
            asked: tests.len(),
            single,
            reported,
            done: Vec::new(),
            failed: BTreeSet::new(),
            in_flight: Vec::new(),
            last: String::new(),
            told: false,
            slow: Vec::new(),
            errors: Tail::default(),
        }
    }

    /// Whether a test has failed.
    pub fn has_failures(&self) -> bool {
        !self.failed.is_empty()
    }

    /// The tests that are running. If tests run one after another, that is only the one that started last: the harness
    /// has left the others.
    pub fn running(&self) -> &[(String, Instant)] {
        let passed_over = match self.in_flight.last() {
            Some((name, _)) if self.single && self.last == *name => self.in_flight.len() - 1,
            _ if self.single => self.in_flight.len(),
            _ => 0,
        };
        &self.in_flight[passed_over..]
    }

    /// Whether exactly one test can have been running.
    pub fn is_sure(&self) -> bool {
        self.single && self.in_flight.len() == 1 && self.running().len() == 1
    }

    /// Tests that have been running for this long and were not named by an earlier call.
    pub fn slow(&mut self, time: Duration) -> Vec<String> {
        let late = |(name, since): &&(String, Instant)| since.elapsed() >= time && !self.slow.contains(name);
        let late: Vec<String> = self.running().iter().filter(late).map(|(name, _)| name.clone()).collect();
        self.slow.extend(late.iter().cloned());
        late
    }

    /// Takes an event. Returns false if the event is forged, or says nothing about a test.
    pub fn on(&mut self, event: TestEvent, noise: &mut Tail) -> bool {
        match event {
            TestEvent::Started(name) if self.left.contains(name.as_str()) => {
                // A test that was not reported stays in flight: either it is lost, or this start is forged.
                self.in_flight.retain(|(other, _)| *other != name);
                self.last.clone_from(&name);
                self.in_flight.push((name, Instant::now()));
                self.told = false;
                noise.clear();
                self.errors.clear();
            }
            TestEvent::Done(test) if self.is_believed(&test) => self.settle(test, noise),
            TestEvent::Finished(_) => self.told = true,
            TestEvent::Begun(_) | TestEvent::Started(_) | TestEvent::Done(_) => return false,
        }
        true
    }

    /// Whether the end of a test may be genuine. A second end is, if it is worse than the first, which then was forged.
    fn is_believed(&self, test: &Done) -> bool {
        let may_be_running = !self.single || (self.in_flight.is_empty() && self.done.last() == Some(&test.name));
        self.in_flight.iter().any(|(name, _)| *name == test.name)
            || (test.result == TestResult::Fail
                && may_be_running
                && self.done.contains(&test.name)
                && !self.failed.contains(&test.name))
    }

    fn settle(&mut self, test: Done, noise: &mut Tail) {
        let started = self.in_flight.iter().find(|(name, _)| *name == test.name).map(|(_, since)| *since);
        self.in_flight.retain(|(name, _)| *name != test.name);
        let outcome = match test.result {
            TestResult::Pass => Outcome::Pass,
            TestResult::Fail => Outcome::Fail,
            TestResult::Ignored => Outcome::Ignored,
        };
        if outcome == Outcome::Fail {
            self.failed.insert(test.name.clone());
        }
        self.told = false;
        // Standard error comes through another pipe, so a part of it may still be missing.
        let printed = outcome.is_failure().then(|| {
            let uncaught = join(std::mem::take(noise).text(), &self.errors.clone().text());
            join(test.output, &uncaught)
        });
        let output = printed.filter(|text| !text.is_empty());
        if self.left.remove(test.name.as_str()) {
            self.done.push(test.name.clone());
        }
        // Not every harness measures the time.
        let seen = || started.filter(|_| outcome != Outcome::Ignored).map(|since| since.elapsed().as_secs_f64());
        let wall_s = test.seconds.or_else(seen).unwrap_or(0.0);
        let (name, reason) = (test.name, test.message);
        (self.reported)(TestOutcome { name, outcome, wall_s, reason, tries: None, output });
    }
}

/// Joins two texts, each on lines of its own.
pub(crate) fn join(mut first: String, second: &str) -> String {
    if !first.is_empty() && !second.is_empty() && !first.ends_with('\n') {
        first.push('\n');
    }
    first + second
}
