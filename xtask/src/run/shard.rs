//! One shard: some tests of one program, run by as many processes as it takes, one at a time.
//!
//! Who is blamed, by how a process ends:
//! * with a test in flight: that test, and a new process runs what is left;
//! * with several threads: those of the tests in flight, or else of those just reported, that bring it about alone; if none
//!   does, each one in flight, for it may be any;
//! * between two tests: the one just reported, if it does it alone too; else nobody, and a note is kept;
//! * before the first test, twice in a row: the first test that is left;
//! * well, without a word of a test that it was asked for, also when it is asked for nothing else: that test is missing;
//! * badly after its last test: the tests that do it alone, found by halving; a note if no test does;
//! * however it ends, with processes left behind: the tests that leave some alone, found the same way, and else the one in
//!   flight. That does not change what became of the test.

use std::cell::RefCell;
use std::collections::HashMap;
use std::time::Duration;

use anyhow::{Context as _, Result};

use super::process::{Bench, Ended};
use super::program::TestProgram;
use crate::model::outcome::{Outcome, TestOutcome};

/// What takes each outcome as soon as it is known. A later one of the same test replaces the one before.
pub(super) type Settle<'a> = &'a mut dyn FnMut(TestOutcome);

impl Bench<'_> {
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
            let heard = !ended.done.is_empty() || !ended.in_flight.is_empty();
            if ended.clean && (ended.told || !heard) {
                // It thinks that it has run all: what it has not spoken of in company it is asked for once more.
                if rest.len() == asked.len() {
                    rest.drain(..).for_each(|name| settle(missing(name)));
                }
            } else if ended.told && !ended.done.is_empty() {
                if !self.blame_late(program, &ended.done, &ended, settle)? {
                    self.note(program, &format!("{} after all tests; no test alone brings it about", ended.how));
                }
            } else if !ended.in_flight.is_empty() {
                // A process that had used up its own time: the test gets a new one.
                if !(ended.program_limit && rest.len() < asked.len()) {
                    let blamed = self.blame(program, &ended, threads, settle)?;
                    rest.retain(|name| !blamed.contains(name));
                }
            } else if heard {
                if !self.blame_late(program, recent(&ended, threads), &ended, settle)? {
                    self.note(program, &format!("{} between two tests; no test alone brings it about", ended.how));
                }
            } else if unheard {
                settle(dead(rest.remove(0), &ended, " before it started", ended.finished.wall));
            }
            unheard = !heard;
            if !ended.finished.left.is_empty() {
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
    fn leavers(&self, program: &TestProgram, asked: &[String], ended: &Ended) -> Result<Vec<(String, Vec<String>)>> {
        let left = &ended.finished.left;
        if let [one] = asked {
            return Ok(vec![(one.clone(), left.clone())]);
        }
        let found = self.culprits(program, &ended.done, &|ended| !ended.finished.left.is_empty())?;
        if !found.is_empty() {
            return Ok(found.into_iter().map(|(name, ended)| (name, ended.finished.left)).collect());
        }
        if ended.in_flight.is_empty() {
            self.note(program, &format!("left behind, and killed, by no test alone: {}", left.join(", ")));
        }
        Ok(ended.in_flight.iter().map(|(name, _)| (name.clone(), left.clone())).collect())
    }

    /// Runs one test by itself.
    pub fn alone(&self, program: &TestProgram, test: &str) -> Result<TestOutcome> {
        let mut outcome = None;
        self.run_tests(program, &[test.to_owned()], 1, &mut |settled| outcome = Some(settled))?;
        outcome.with_context(|| format!("{}: the test {test} was lost", program.name))
    }

    /// Settles the tests in flight that made the process end so; the result names all that are settled.
    fn blame(&self, program: &TestProgram, ended: &Ended, threads: usize, settle: Settle) -> Result<Vec<String>> {
        let limit = Duration::from_secs(ended.limits.test_seconds);
        let overdue = ended.in_flight.iter().filter(|(_, time)| ended.finished.timed_out && *time >= limit);
        let overdue: Vec<_> = overdue.collect();
        let guilty = match (overdue.as_slice(), ended.in_flight.as_slice()) {
            ([], [one]) if threads == 1 => vec![one],
            ([], _) => return self.blame_one_of(program, ended, threads, settle),
            _ => overdue,
        };
        // The one end that looks well has to be told.
        let when = if ended.clean { " before its end" } else { "" };
        for (name, time) in &guilty {
            settle(dead(name.clone(), ended, when, *time));
        }
        Ok(guilty.into_iter().map(|(name, _)| name.clone()).collect())
    }

    /// Runs each of the tests in flight alone, and if they are innocent those that had just been reported.
    fn blame_one_of(
        &self,
        program: &TestProgram,
        ended: &Ended,
        threads: usize,
        settle: Settle,
    ) -> Result<Vec<String>> {
        let mut tried = Vec::new();
        for (name, _) in &ended.in_flight {
            tried.push(self.alone(program, name)?);
        }
        let names: Vec<String> = tried.iter().map(|test| test.name.clone()).collect();
        let found =
            tried.iter().any(|test| matches!(test.outcome, Outcome::Crash | Outcome::Timeout | Outcome::Missing));
        if found || self.blame_late(program, recent(ended, threads), ended, settle)? {
            tried.into_iter().for_each(settle);
        } else {
            let when = format!(" while it ran beside {} others, but not alone", names.len() - 1);
            ended.in_flight.iter().for_each(|(name, time)| settle(dead(name.clone(), ended, &when, *time)));
        }
        Ok(names)
    }

    /// Settles those of the tests that make a process end badly after they are reported, if there are any.
    fn blame_late(&self, program: &TestProgram, tests: &[String], ended: &Ended, settle: Settle) -> Result<bool> {
        let badly = |ended: &Ended| ended.in_flight.is_empty() && !ended.done.is_empty() && !ended.clean;
        let culprits = self.culprits(program, tests, &badly)?;
        for (name, _) in &culprits {
            settle(dead(name.clone(), ended, " after it was reported", Duration::ZERO));
        }
        Ok(!culprits.is_empty())
    }

    /// Those of the tests that show something when they run alone, and how that ended, found by halving: what all of them together do not show,
    /// none is looked at for.
    fn culprits(
        &self,
        program: &TestProgram,
        tests: &[String],
        shows: &dyn Fn(&Ended) -> bool,
    ) -> Result<Vec<(String, Ended)>> {
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

/// The tests that were reported last: one of them may have brought about what came right after.
fn recent(ended: &Ended, threads: usize) -> &[String] {
    // While one thread brings it about, the others may report a few more.
    let count = if threads == 1 { 1 } else { 4 * threads };
    &ended.done[ended.done.len().saturating_sub(count)..]
}

/// The outcome of a test that its process died of, or was killed for.
fn dead(name: String, ended: &Ended, when: &str, time: Duration) -> TestOutcome {
    let outcome = if ended.finished.timed_out { Outcome::Timeout } else { Outcome::Crash };
    let reason = Some(format!("{}{when}", ended.how));
    let output = Some(ended.output.clone()).filter(|output| !output.is_empty());
    TestOutcome { name, outcome, wall_s: time.as_secs_f64(), reason, tries: None, output }
}

fn missing(name: String) -> TestOutcome {
    let reason = Some("the program lists it, was asked for it, and ended well without a word of it".into());
    TestOutcome { name, outcome: Outcome::Missing, wall_s: 0.0, reason, tries: None, output: None }
}
