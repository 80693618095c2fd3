//! How a process ended, and what it printed.

use std::fmt::Write as _;
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::bounds::Exceeded;

/// How a process ended.
#[derive(Debug)]
pub struct Finished {
    /// Exit status or signal.
    pub status: ExitStatus,
    /// Whether the process was killed at its time limit.
    pub timed_out: bool,
    /// The limit, other than time, for which the process was killed.
    pub exceeded: Option<Exceeded>,
    /// Command lines, shortened, of the processes that it left behind. They were killed.
    pub left: Vec<String>,
    /// Whether other processes ran below the supervisor when the program was killed: it may have started them rightly,
    /// or a test that ran before may have left them behind.
    pub in_company: bool,
    /// Elapsed time.
    pub wall: Duration,
    /// Processor time, including that of all descendants.
    pub cpu: Duration,
}

/// How a process ended, and its output.
#[derive(Debug)]
pub struct Output {
    /// The end of the process.
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
    /// Continue. The time limit stays as it is.
    Continue,
    /// Kill the process and everything below it now.
    Kill,
    /// Continue, and kill the process at this moment.
    Deadline(Instant),
}

impl Output {
    /// Collects what `run` hands to its sink.
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

    /// The last lines of each stream for an error text. Each begins with a line break and a mark.
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
