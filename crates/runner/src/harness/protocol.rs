//! Whether a process of a test program keeps to libtest's protocol. What the harness says in one way it says in another:
//! each test starts once and ends once, and the counts at the beginning and at the end are those of the events between.
//! An emulator that loses, repeats or reorders output, or an exit status, contradicts itself.
//!
//! [`Follower`](super::follow::Follower) finds out what happened in spite of that. A contradiction says that what it
//! found is no evidence.

use std::collections::BTreeSet;

use crate::exec::Finished;
use crate::libtest::{self, Counts, TestEvent, TestResult};

/// What a process may still say, and how it contradicted itself.
pub(crate) struct Protocol<'a> {
    asked: BTreeSet<&'a str>,
    /// How many tests the whole program has, if that is known.
    total: Option<usize>,
    /// Whether a test starts only when the one before has ended.
    single: bool,
    begun: bool,
    started: BTreeSet<String>,
    running: Vec<String>,
    seen: Counts,
    told: Option<Counts>,
    contradictions: Vec<String>,
}

impl<'a> Protocol<'a> {
    pub fn new(tests: &'a [String], total: Option<usize>, single: bool) -> Self {
        Self {
            asked: tests.iter().map(String::as_str).collect(),
            total,
            single,
            begun: false,
            started: BTreeSet::new(),
            running: Vec::new(),
            seen: Counts::default(),
            told: None,
            contradictions: Vec::new(),
        }
    }

    /// Takes an event, in the order of the output.
    pub fn on(&mut self, event: &TestEvent) {
        if let Some(what) = self.contradiction(event) {
            self.contradictions.push(what);
        }
        match event {
            TestEvent::Begun(_) => self.begun = true,
            TestEvent::Started(name) => {
                self.started.insert(name.clone());
                self.running.push(name.clone());
            }
            TestEvent::Done(test) => {
                self.running.retain(|name| *name != test.name);
                *match test.result {
                    TestResult::Pass => &mut self.seen.passed,
                    TestResult::Fail => &mut self.seen.failed,
                    TestResult::Ignored => &mut self.seen.ignored,
                } += 1;
            }
            TestEvent::Finished(counts) => self.told = Some(*counts),
        }
    }

    fn contradiction(&self, event: &TestEvent) -> Option<String> {
        let what = match event {
            TestEvent::Begun(_) if self.begun => "its first event came twice".into(),
            TestEvent::Begun(_) if !self.started.is_empty() => "its first event came after others".into(),
            TestEvent::Begun(count) if *count != self.asked.len() => {
                format!("it was asked for {} tests, and says that it runs {count}", self.asked.len())
            }
            TestEvent::Finished(_) if self.told.is_some() => "its last event came twice".into(),
            TestEvent::Started(name) | TestEvent::Done(libtest::Done { name, .. })
                if !self.asked.contains(name.as_str()) =>
            {
                format!("it reports {name}, which it was not asked for")
            }
            TestEvent::Started(name) | TestEvent::Done(libtest::Done { name, .. }) if self.told.is_some() => {
                format!("it reports {name} after its last event")
            }
            TestEvent::Started(name) if self.started.contains(name) => format!("{name} starts twice"),
            TestEvent::Started(name) => {
                let before = self.running.first().filter(|_| self.single)?;
                format!("{name} starts before {before} has ended")
            }
            TestEvent::Done(test) if self.running.contains(&test.name) => return None,
            TestEvent::Done(test) if self.started.contains(&test.name) => format!("{} ends twice", test.name),
            TestEvent::Done(test) => format!("{} ends, but did not start", test.name),
            TestEvent::Begun(_) | TestEvent::Finished(_) => return None,
        };
        Some(what)
    }

    /// How the process contradicted itself, by all that it said and by how it ended.
    pub fn end(mut self, finished: &Finished) -> Vec<String> {
        if !self.begun && (!self.started.is_empty() || self.told.is_some()) {
            self.contradictions.push("its first event is missing".into());
        }
        // A process that ends before its last event was ended by a test.
        if let Some(told) = self.told {
            self.contradictions.extend(self.at_the_end(told, finished.status.code()));
        }
        self.contradictions
    }

    fn at_the_end(&self, told: Counts, status: Option<i32>) -> Vec<String> {
        let mut found = Vec::new();
        let mut count = |word: &str, said: usize, seen: usize| {
            if said != seen {
                found.push(format!("it counts {said} tests as {word}, but reported {seen}"));
            }
        };
        count("passed", told.passed, self.seen.passed);
        count("failed", told.failed, self.seen.failed);
        count("ignored", told.ignored, self.seen.ignored);
        if let Some(total) = self.total {
            count("left out", told.left_out, total.saturating_sub(self.asked.len()));
        }
        let failed = told.failed > 0;
        if told.ok == failed {
            let word = if told.ok { "ok" } else { "failed" };
            found.push(format!("it counts {} tests as failed, but says that all is `{word}`", told.failed));
        }
        match status {
            Some(0) if failed => found.push("it exits with status 0 after a test has failed".into()),
            Some(libtest::FAILED) if !failed => {
                found.push(format!("it exits with status {} and no test has failed", libtest::FAILED));
            }
            _ => {}
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;
    use std::process::ExitStatus;
    use std::time::Duration;

    use super::*;
    use crate::libtest::Parser;

    const LINES: [&str; 8] = [
        r#"{ "type": "suite", "event": "started", "test_count": 3 }"#,
        r#"{ "type": "test", "event": "started", "name": "a" }"#,
        r#"{ "type": "test", "name": "a", "event": "ok" }"#,
        r#"{ "type": "test", "event": "started", "name": "b" }"#,
        r#"{ "type": "test", "name": "b", "event": "failed" }"#,
        r#"{ "type": "test", "event": "started", "name": "c" }"#,
        r#"{ "type": "test", "name": "c", "event": "ignored" }"#,
        r#"{ "type": "suite", "event": "failed", "passed": 1, "failed": 1, "ignored": 1, "measured": 0, "filtered_out": 2 }"#,
    ];

    fn said(lines: &[&str], code: i32) -> Vec<String> {
        let tests = ["a", "b", "c"].map(str::to_owned);
        let (mut protocol, mut parser) = (Protocol::new(&tests, Some(5), true), Parser::default());
        parser.feed((lines.join("\n") + "\n").as_bytes(), |event, _| protocol.on(&event));
        let status = ExitStatus::from_raw(code << 8);
        let finished = Finished {
            status,
            timed_out: false,
            exceeded: None,
            left: Vec::new(),
            in_company: false,
            wall: Duration::ZERO,
            cpu: Duration::ZERO,
        };
        protocol.end(&finished)
    }

    #[test]
    fn what_the_harness_says_is_no_contradiction() {
        assert_eq!(said(&LINES, 101), [""; 0]);
        // A test that ends its process: the harness says no more.
        for lines in 0..LINES.len() {
            assert_eq!(said(&LINES[..lines], 0), [""; 0], "{lines}");
        }
    }

    #[test]
    fn every_line_that_is_lost_repeated_or_moved_is_a_contradiction() {
        for (index, line) in LINES.into_iter().enumerate() {
            let mut lost = LINES.to_vec();
            lost.remove(index);
            // Without the last event it looks as if a test had ended the process, which is judged by its end.
            assert_eq!(said(&lost, 101).is_empty(), index == 7, "line {index} is lost");
            let mut repeated = LINES.to_vec();
            repeated.insert(index, line);
            assert_ne!(said(&repeated, 101), [""; 0], "line {index} is repeated");
            if index > 0 {
                let mut moved = LINES.to_vec();
                moved.swap(index - 1, index);
                assert_ne!(said(&moved, 101), [""; 0], "line {index} is moved");
            }
        }
    }

    #[test]
    fn another_exit_status_is_a_contradiction() {
        assert_eq!(said(&LINES, 0), ["it exits with status 0 after a test has failed"]);
        let passing: Vec<String> = LINES
            .iter()
            .map(|line| {
                line.replace("\"failed\", \"passed\": 1, \"failed\": 1", "\"ok\", \"passed\": 2, \"failed\": 0")
                    .replace("failed\" }", "ok\" }")
            })
            .collect();
        let passing: Vec<&str> = passing.iter().map(String::as_str).collect();
        assert_eq!(said(&passing, 0), [""; 0]);
        assert_eq!(said(&passing, 101), ["it exits with status 101 and no test has failed"]);
    }
}
