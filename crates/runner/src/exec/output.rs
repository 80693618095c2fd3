//! What becomes of a process, and what it prints.

use std::fmt::Write as _;
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::bounds::Exceeded;

/// What became of a process.
#[derive(Debug)]
pub struct Finished {
    /// Exit status, as `wait` gave it.
    pub status: ExitStatus,
    /// Whether it was killed at its time limit.
    pub timed_out: bool,
    /// What it was killed for having too much of.
    pub exceeded: Option<Exceeded>,
    /// Command lines of processes that it had left behind, shortened; they were killed.
    pub left: Vec<String>,
    /// Whether, when it was killed, or what was left of it, there were others: of its own, or left by something before.
    pub in_company: bool,
    /// Time on the clock.
    pub wall: Duration,
    /// Processor time, that of all its descendants included.
    pub cpu: Duration,
}

/// A finished process and what it printed.
#[derive(Debug)]
pub struct Output {
    /// How it ended.
    pub finished: Finished,
    /// Standard output.
    pub stdout: Vec<u8>,
    /// Standard error; empty where the two were merged.
    pub stderr: Vec<u8>,
}

/// Which stream a chunk came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// What the consumer of a child's output wants next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// Go on; the time limit stays as it is.
    Continue,
    /// Kill it now, and everything below it.
    Kill,
    /// Go on, and put the deadline at this moment.
    Deadline(Instant),
}

impl Output {
    /// What `run` hands to the sink that it gets.
    pub(crate) fn of(run: impl FnOnce(&mut dyn FnMut(Stream, &[u8]) -> Flow) -> Result<Finished>) -> Result<Self> {
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        let finished = run(&mut |stream, chunk| {
            match stream {
                Stream::Stdout => stdout.extend_from_slice(chunk),
                Stream::Stderr => stderr.extend_from_slice(chunk),
            }
            Flow::Continue
        })?;
        Ok(Self { finished, stdout, stderr })
    }

    /// The end of what was printed on each stream, for a report: lines that each begin with a line break and a mark.
    pub fn last_lines(&self) -> String {
        const MOST: usize = 12;
        let mut text = String::new();
        for stream in [&self.stdout, &self.stderr] {
            let printed = String::from_utf8_lossy(stream);
            let lines: Vec<_> = printed.trim_end().lines().collect();
            for line in &lines[lines.len().saturating_sub(MOST)..] {
                let _ = write!(text, "\n  | {line}");
            }
        }
        text
    }
}
