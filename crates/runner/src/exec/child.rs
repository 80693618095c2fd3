//! A running child: its supervisor and its output pipes, which are waited for together.

use std::io::Read as _;
use std::os::fd::{AsFd as _, OwnedFd};
use std::process::{Child, ExitStatus};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal};

use super::Stream;
use crate::{interrupt, process_tree};

/// How long the supervisor may take to kill everything before we kill it ourselves.
const KILL_GRACE: Duration = Duration::from_secs(1);

/// A supervisor with a program below it. Both are killed on drop.
pub struct Supervised {
    child: Option<Child>,
    pid: Pid,
    pidfd: OwnedFd,
    /// Readable once the program has ended and left something behind; closed after that.
    report: Option<OwnedFd>,
    killed: Option<Instant>,
}

impl Supervised {
    pub fn new(child: Child, report: OwnedFd) -> Result<Self> {
        let pid = Pid::from_child(&child);
        let pidfd = rustix::process::pidfd_open(pid, PidfdFlags::empty()).context("watching a child process")?;
        Ok(Self { child: Some(child), pid, pidfd, report: Some(report), killed: None })
    }

    /// The supervisor's process ID.
    pub fn pid(&self) -> Pid {
        self.pid
    }

    /// Tells the supervisor to kill the program and everything below it, and to end.
    pub fn kill(&mut self) {
        self.killed.get_or_insert_with(Instant::now);
        // It may have ended already.
        let _ = rustix::process::kill_process(self.pid, Signal::TERM);
    }

    /// When the supervisor's time to kill everything is over, if it was told to.
    pub fn patience(&self) -> Option<Instant> {
        self.killed.map(|at| at + KILL_GRACE)
    }

    /// Kills everything below the supervisor, and itself, if its time to do so is over.
    pub fn help(&mut self) {
        if self.patience().is_some_and(|end| Instant::now() >= end) {
            for pid in process_tree::below(self.pid) {
                let _ = rustix::process::kill_process(pid, Signal::KILL);
            }
            let _ = rustix::process::kill_process(self.pid, Signal::KILL);
            self.killed = Some(Instant::now());
        }
    }

    /// Kills the processes that the program has left behind, and returns their command lines.
    pub fn kill_left(&mut self) -> Vec<String> {
        const MOST: usize = 20;
        self.report = None;
        let left = process_tree::below(self.pid);
        let mut lines: Vec<String> =
            left.iter().take(MOST).filter_map(|pid| process_tree::command_line(*pid)).collect();
        if left.len() > MOST {
            lines.push(format!("and {} more", left.len() - MOST));
        }
        self.kill();
        lines
    }

    /// Waits for the supervisor's end, which has the program's status, and reads all processor time from /proc while it
    /// is a zombie.
    pub fn reap(mut self) -> Result<(ExitStatus, Duration)> {
        self.wait()?;
        let cpu = process_tree::own_cpu_time(self.pid);
        let mut child = self.child.take().context("a child process was waited for twice")?;
        Ok((child.wait().context("waiting for a child process")?, cpu))
    }

    /// Waits for the supervisor's end without reaping it.
    fn wait(&mut self) -> Result<()> {
        loop {
            let mut fds = [PollFd::new(&self.pidfd, PollFlags::IN)];
            match poll(&mut fds, timeout(self.patience()).as_ref()) {
                Ok(0) => self.help(),
                Ok(_) => return Ok(()),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error).context("waiting for a child process"),
            }
        }
    }
}

impl Drop for Supervised {
    fn drop(&mut self) {
        if self.child.is_some() {
            self.kill();
            let _ = self.wait();
        }
        if let Some(mut child) = self.child.take() {
            let _ = child.wait();
        }
    }
}

fn timeout(until: Option<Instant>) -> Option<Timespec> {
    let left = until?.saturating_duration_since(Instant::now());
    Some(Timespec { tv_sec: left.as_secs().try_into().unwrap_or(i64::MAX), tv_nsec: left.subsec_nanos().into() })
}

/// The child's two output pipes.
pub struct Streams {
    stdout: Option<std::process::ChildStdout>,
    stderr: Option<std::process::ChildStderr>,
}

/// Why a wait ended.
#[derive(Default)]
pub struct Woken {
    pub readable: Vec<Stream>,
    pub ended: bool,
    /// The program has ended and left something behind.
    pub left: bool,
    pub interrupted: bool,
}

impl Streams {
    pub fn take(child: &mut Child) -> Self {
        Self { stdout: child.stdout.take(), stderr: child.stderr.take() }
    }

    pub fn any_open(&self) -> bool {
        self.stdout.is_some() || self.stderr.is_some()
    }

    /// Sleeps until a pipe is readable, the child has ended, a signal has come, or `until`.
    pub fn wait(&self, child: &mut Supervised, running: bool, until: Option<Instant>) -> Result<Woken> {
        enum Waker {
            Pipe(Stream),
            Child,
            Report,
            Signal,
        }
        let mut sources = Vec::new();
        let mut fds = Vec::new();
        let mut watch = |source, fd| {
            sources.push(source);
            fds.push(PollFd::from_borrowed_fd(fd, PollFlags::IN));
        };
        if let Some(pipe) = &self.stdout {
            watch(Waker::Pipe(Stream::Stdout), pipe.as_fd());
        }
        if let Some(pipe) = &self.stderr {
            watch(Waker::Pipe(Stream::Stderr), pipe.as_fd());
        }
        if running {
            watch(Waker::Child, child.pidfd.as_fd());
            if let Some(report) = &child.report {
                watch(Waker::Report, report.as_fd());
            }
        }
        if let Some(fd) = interrupt::fd() {
            watch(Waker::Signal, fd);
        }
        match poll(&mut fds, timeout(until).as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error).context("waiting for a child process"),
        }
        let mut woken = Woken::default();
        let mut unreported = false;
        for (source, fd) in sources.into_iter().zip(&fds) {
            if fd.revents().is_empty() {
                continue;
            }
            match source {
                Waker::Report if fd.revents().contains(PollFlags::IN) => woken.left = true,
                Waker::Report => unreported = true,
                Waker::Pipe(stream) => woken.readable.push(stream),
                Waker::Child => woken.ended = true,
                Waker::Signal => woken.interrupted = true,
            }
        }
        if unreported {
            child.report = None;
        }
        Ok(woken)
    }

    /// Reads one chunk; `None` at the end of the stream, which is then closed.
    pub fn read(&mut self, stream: Stream) -> Result<Option<Vec<u8>>> {
        let mut chunk = vec![0; 64 * 1024];
        let read = match stream {
            Stream::Stdout => self.stdout.as_mut().map(|pipe| pipe.read(&mut chunk)),
            Stream::Stderr => self.stderr.as_mut().map(|pipe| pipe.read(&mut chunk)),
        };
        let length = read.transpose().context("reading a child's output")?.unwrap_or(0);
        if length == 0 {
            match stream {
                Stream::Stdout => self.stdout = None,
                Stream::Stderr => self.stderr = None,
            }
            return Ok(None);
        }
        chunk.truncate(length);
        Ok(Some(chunk))
    }
}
