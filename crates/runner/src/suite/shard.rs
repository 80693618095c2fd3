//! One shard: some tests of one program, run one process after another until each test has its outcome.
//!
//! Which test is blamed depends on how a process ends:
//! * With one test in flight: that test, and a new process runs the rest. If the process had exhausted something that
//!   adds up (time, output, memory, …), the test first gets a new process.
//! * With several in flight, because of threads or because one was never reported: those tests in flight, or else those
//!   reported, that cause the end alone. If no test does, each one in flight. A test that only times out beside others
//!   is a timeout.
//! * Between two tests: the test just reported, if it causes the end alone too. Otherwise no test, and a note is kept.
//! * Before the first test, twice in a row: the first of the remaining tests.
//! * Well, without reporting a requested test, even when that is the only one requested: that test is missing.
//! * Badly after its last test: the tests that cause the end alone, found by halving. A note if no test does.
//! * With processes left behind, however it ends: the tests that leave some behind alone, found by halving, or else the
//!   test in flight. The outcome stays. If the process was killed, the test in flight may have had child processes
//!   rightly.

use std::cell::RefCell;
use std::collections::HashMap;
use std::time::Duration;

use anyhow::{Context as _, Result};
use bringup_model::outcome::{Outcome, TestOutcome};
use bringup_model::text::counted;

use super::process::Processes;
use super::program::{Harness, TestProgram};
use crate::exec::Finished;
use crate::harness::end::{AFTER_REPORT, BEFORE_START, Point, ProcessEnd, missing};

/// Receives each outcome as soon as it is known. A later outcome of a test replaces the earlier one.
pub(super) type Settle<'a> = &'a mut dyn FnMut(TestOutcome);

impl Processes<'_> {
    /// Runs tests of one program, `threads` at once, until each has its outcome.
    pub fn run_tests(&self, program: &TestProgram, tests: &[String], threads: usize, settle: Settle) -> Result<()> {
        let known: RefCell<HashMap<String, TestOutcome>> = RefCell::default();
        let settle: Settle = &mut |outcome: TestOutcome| {
            known.borrow_mut().insert(outcome.name.clone(), outcome.clone());
            settle(outcome);
        };
        let mut rest = tests.to_vec();
        let mut unheard = false;
        while !rest.is_empty() {
            let asked = rest.clone();
            let ended = self.process(program, &asked, threads, settle)?;
            rest.retain(|name| !ended.done.contains(name));
            match ended.point() {
                Point::InFlight => {
                    let used_up = ended.program_limit || ended.finished.exceeded.is_some();
                    if !(used_up && rest.len() < asked.len()) {
                        let blamed = self.blame(program, &ended, settle)?;
                        rest.retain(|name| !blamed.contains(name));
                    }
                }
                // Tests that were not reported are requested once more.
                Point::Complete if rest.len() < asked.len() => {}
                Point::Complete => rest.drain(..).for_each(|name| settle(missing(name))),
                Point::AfterAll => {
                    if !self.blame_late(program, &ended.done, &ended, settle)? {
                        self.note(program, &format!("{} after all tests; no single test reproduces it", ended.how));
                    }
                }
                Point::Between => {
                    if !self.blame_late(program, recent(&ended), &ended, settle)? {
                        self.note(program, &format!("{} between two tests; no single test reproduces it", ended.how));
                    }
                }
                Point::Before if unheard => {
                    settle(ended.dead(rest.remove(0), BEFORE_START, ended.finished.wall));
                }
                Point::Before => {}
            }
            unheard = !ended.heard();
            if leaves(program, &ended) {
                for (name, left) in self.leavers(program, &asked, &ended)? {
                    let Some(mut outcome) = known.borrow().get(&name).cloned() else { continue };
                    self.left_behind(program, &name, &left, &mut outcome.reason);
                    settle(outcome);
                }
            }
        }
        Ok(())
    }

    /// The tests that left processes behind, and which.
    fn leavers(
        &self,
        program: &TestProgram,
        asked: &[String],
        ended: &ProcessEnd,
    ) -> Result<Vec<(String, Vec<String>)>> {
        let left = &ended.finished.left;
        let mut found: Vec<(String, Vec<String>)> = if let [one] = asked {
            vec![(one.clone(), left.clone())]
        } else {
            let culprits = self.culprits(program, &ended.done, &|ended| leaves(program, ended))?;
            culprits.into_iter().map(|(name, ended)| (name, ended.finished.left)).collect()
        };
        if found.is_empty() && !left.is_empty() {
            if ended.in_flight.is_empty() {
                self.note(
                    program,
                    &format!(
                        "processes were left behind and killed; no single test reproduces it: {}",
                        left.join(", ")
                    ),
                );
            }
            found = ended.in_flight.iter().map(|(name, _)| (name.clone(), left.clone())).collect();
        }
        found.retain(|(_, left)| !left.is_empty());
        Ok(found)
    }

    /// Runs one test by itself.
    pub fn alone(&self, program: &TestProgram, test: &str) -> Result<TestOutcome> {
        let mut outcome = None;
        self.run_tests(program, &[test.to_owned()], 1, &mut |settled| outcome = Some(settled))?;
        outcome.with_context(|| format!("{}: the test {test} was lost", program.name))
    }

    /// Settles the tests in flight that caused the end, and returns the names of all that are settled.
    fn blame(&self, program: &TestProgram, ended: &ProcessEnd, settle: Settle) -> Result<Vec<String>> {
        if ended.only {
            ended.in_flight.iter().for_each(|(name, time)| settle(ended.of_test_in_flight(name, *time)));
            return Ok(names(&ended.in_flight));
        }
        if ended.clean && ended.told {
            // The program says that it is done, but not with these.
            for (name, _) in &ended.in_flight {
                settle(self.alone(program, name)?);
            }
            return Ok(names(&ended.in_flight));
        }
        let guilty = if ended.sure && !ended.told {
            &ended.in_flight
        } else if ended.single || ended.told || ended.overdue.is_empty() {
            return self.blame_one_of(program, ended, settle);
        } else {
            &ended.overdue
        };
        for (name, time) in guilty {
            // A test that was never reported stays in flight for ever, and one that waits for another test is late
            // because of it.
            let alone = if ended.single { None } else { Some(self.alone(program, name)?) };
            settle(match alone {
                Some(alone) if alone.outcome.is_failure() => alone,
                Some(_) => ended.dead(name.clone(), ", but not alone", *time),
                None => ended.dead(name.clone(), ended.when(), *time),
            });
        }
        Ok(names(guilty))
    }

    /// Runs each of the tests in flight alone, and if none of them causes the end, those that were reported.
    fn blame_one_of(&self, program: &TestProgram, ended: &ProcessEnd, settle: Settle) -> Result<Vec<String>> {
        let mut tried = Vec::new();
        for (name, time) in &ended.in_flight {
            tried.push((self.alone(program, name)?, *time));
        }
        let late = if ended.told { &ended.done } else { recent(ended) };
        let mut found = tried.iter().any(|(test, _)| matches!(test.outcome, Outcome::Crash | Outcome::Timeout));
        // That one of them dies alone does not clear those that another thread had just reported.
        if !found || (!ended.single && !ended.finished.timed_out) {
            found |= self.blame_late(program, late, ended, settle)?;
        }
        let others = tried.len() - 1;
        let when = match others {
            0 => ", but not alone".to_owned(),
            _ => format!(" while it ran beside {}, but not alone", counted(others, "other", "others")),
        };
        for (test, time) in tried {
            let is_itself = found || test.outcome.is_failure();
            settle(if is_itself { test } else { ended.dead(test.name, &when, time) });
        }
        Ok(names(&ended.in_flight))
    }

    /// Settles the tests that make a process end badly after they are reported. Returns whether there are any.
    fn blame_late(&self, program: &TestProgram, tests: &[String], ended: &ProcessEnd, settle: Settle) -> Result<bool> {
        let culprits = self.culprits(program, tests, &ProcessEnd::is_bad_after_tests)?;
        for (name, _) in &culprits {
            settle(ended.dead(name.clone(), AFTER_REPORT, Duration::ZERO));
        }
        Ok(!culprits.is_empty())
    }

    /// The tests that show something when they run alone, each with its end, found by halving. A group that does not
    /// show it is not divided.
    fn culprits(
        &self,
        program: &TestProgram,
        tests: &[String],
        shows: &dyn Fn(&ProcessEnd) -> bool,
    ) -> Result<Vec<(String, ProcessEnd)>> {
        if tests.is_empty() {
            return Ok(Vec::new());
        }
        let ended = self.process(program, tests, 1, &mut |_| ())?;
        if !shows(&ended) {
            return Ok(Vec::new());
        }
        if let [one] = tests {
            return Ok(vec![(one.clone(), ended)]);
        }
        let (left, right) = tests.split_at(tests.len() / 2);
        let mut found = self.culprits(program, left, shows)?;
        found.extend(self.culprits(program, right, shows)?);
        Ok(found)
    }
}

/// The tests that may have caused what came after their report: the last one, or, with several threads, any.
fn recent(ended: &ProcessEnd) -> &[String] {
    let count = if ended.single { 1 } else { ended.done.len() };
    &ended.done[ended.done.len().saturating_sub(count)..]
}

/// Whether processes were left behind, or may have been before the program was killed. rustc's tests always start
/// processes.
fn leaves(program: &TestProgram, ended: &ProcessEnd) -> bool {
    let Finished { left, in_company, .. } = &ended.finished;
    !left.is_empty() || (*in_company && program.harness == Harness::Libtest)
}

fn names(tests: &[(String, Duration)]) -> Vec<String> {
    tests.iter().map(|(name, _)| name.clone()).collect()
}
