//! A running child: its process group, its output pipes, and waiting for all of them at once.

use std::io::Read as _;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::process::{Child, ExitStatus};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, WaitId, WaitIdOptions};

use super::{Stream, orphans};
use crate::run::interrupt;

/// A child's process group, killed when dropped.
pub struct Group {
    child: Option<Child>,
    pid: Pid,
    pidfd: std::os::fd::OwnedFd,
}

impl Group {
    pub fn of(child: Child) -> Result<Self> {
        let pid = Pid::from_child(&child);
        orphans::started(pid);
        let pidfd = rustix::process::pidfd_open(pid, PidfdFlags::empty()).context("watching a child process")?;
        Ok(Self { child: Some(child), pid, pidfd })
    }

    pub fn pid(&self) -> Pid {
        self.pid
    }

    pub fn pidfd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }

    pub fn kill(&self) {
        // The group may be gone already: that is what was wanted.
        let _ = rustix::process::kill_process_group(self.pid, Signal::KILL);
    }

    /// Waits for the child's end and takes its processor time from /proc while it is still a zombie.
    pub fn reap(mut self) -> Result<(ExitStatus, Duration)> {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        rustix::io::retry_on_intr(|| rustix::process::waitid(WaitId::Pid(self.pid), options))
            .context("waiting for a child process")?;
        let cpu = cpu_time(self.pid);
        // Whatever the child left behind in its group goes with it.
        self.kill();
        orphans::ended(self.pid);
        let mut child = self.child.take().context("a child process was waited for twice")?;
        Ok((child.wait().context("waiting for a child process")?, cpu))
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            self.kill();
            orphans::ended(self.pid);
            let _ = child.wait();
        }
    }
}

/// Processor time of a process and of its descendants that were waited for: utime + stime + cutime + cstime of
/// `/proc/PID/stat`, see proc(5). Zero if there is no such process.
pub fn cpu_time(pid: Pid) -> Duration {
    let ticks = || -> Option<u64> {
        let stat = fs_err::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).ok()?;
        let after_name = stat.rsplit_once(')')?.1;
        Some(after_name.split_whitespace().skip(11).take(4).filter_map(|field| field.parse::<u64>().ok()).sum())
    };
    let per_second = rustix::param::clock_ticks_per_second();
    Duration::from_millis(ticks().unwrap_or(0) * 1000 / per_second.max(1))
}

/// The child's two output pipes.
pub struct Streams {
    stdout: Option<std::process::ChildStdout>,
    stderr: Option<std::process::ChildStderr>,
}

/// What a wait was ended by.
#[derive(Default)]
pub struct Woken {
    pub readable: Vec<Stream>,
    pub ended: bool,
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
    pub fn wait(&self, pidfd: BorrowedFd<'_>, running: bool, until: Option<Instant>) -> Result<Woken> {
        enum Source {
            Pipe(Stream),
            Child,
            Signal,
        }
        let mut sources = Vec::new();
        let mut fds = Vec::new();
        let mut watch = |source, fd| {
            sources.push(source);
            fds.push(PollFd::from_borrowed_fd(fd, PollFlags::IN));
        };
        if let Some(pipe) = &self.stdout {
            watch(Source::Pipe(Stream::Stdout), pipe.as_fd());
        }
        if let Some(pipe) = &self.stderr {
            watch(Source::Pipe(Stream::Stderr), pipe.as_fd());
        }
        if running {
            watch(Source::Child, pidfd);
        }
        if let Some(fd) = interrupt::fd() {
            watch(Source::Signal, fd);
        }
        let timeout = until.map(|at| at.saturating_duration_since(Instant::now()));
        let timeout = timeout.map(|left| Timespec {
            tv_sec: left.as_secs().try_into().unwrap_or(i64::MAX),
            tv_nsec: left.subsec_nanos().into(),
        });
        match poll(&mut fds, timeout.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error).context("waiting for a child process"),
        }
        let mut woken = Woken::default();
        for (source, fd) in sources.into_iter().zip(&fds) {
            if fd.revents().is_empty() {
                continue;
            }
            match source {
                Source::Pipe(stream) => woken.readable.push(stream),
                Source::Child => woken.ended = true,
                Source::Signal => woken.interrupted = true,
            }
        }
        Ok(woken)
    }

    /// One chunk; nothing at the end of the stream, which is closed then.
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
