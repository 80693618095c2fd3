//! The only place that starts processes.
//!
//! A child gets exactly the environment that is written here, a process group of its own, no terminal, and dies with
//! Bringup. Waiting wakes on output, on the end of the child, on the time limit and on Ctrl-C; whatever is left of the
//! group is killed when the wait ends.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::io::Read as _;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, WaitId, WaitIdOptions};

use super::interrupt::{self, Interrupted};

/// Search path of every child: the user's own is not consulted.
pub const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// How long output may stay open after the child has ended before its group is killed as leaked.
const LEAK_GRACE: Duration = Duration::from_millis(200);

/// A process to start.
#[derive(Debug, Clone)]
#[must_use = "a command does nothing until it is run"]
pub struct Cmd {
    program: OsString,
    args: Vec<OsString>,
    env: BTreeMap<OsString, OsString>,
    dir: Option<PathBuf>,
    timeout: Option<Duration>,
    merge_stderr: bool,
}

/// What became of a process.
#[derive(Debug)]
pub struct Finished {
    /// Exit status, as `wait` gave it.
    pub status: ExitStatus,
    /// Whether it was killed at its time limit.
    pub timed_out: bool,
    /// Whether a descendant still held its output when it had ended.
    pub leaked: bool,
    /// Time on the clock.
    pub wall: Duration,
    /// Processor time, its waited-for descendants' included.
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
    /// Kill the group now.
    Kill,
    /// Go on, and put the deadline at this moment.
    Deadline(Instant),
}

impl Cmd {
    /// A command with a clean environment: `PATH`, `LANG` and `TZ` only.
    pub fn new(program: impl AsRef<OsStr>) -> Self {
        let env = [("PATH", PATH), ("LANG", "C.UTF-8"), ("LC_ALL", "C.UTF-8"), ("TZ", "UTC")];
        Self {
            program: program.as_ref().to_owned(),
            args: Vec::new(),
            env: env.map(|(key, value)| (key.into(), value.into())).into(),
            dir: None,
            timeout: None,
            merge_stderr: false,
        }
    }

    /// Adds an argument.
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    /// Adds arguments.
    pub fn args(mut self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.args.extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    /// Sets a variable of the child's environment.
    pub fn env(mut self, key: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.env.insert(key.as_ref().to_owned(), value.as_ref().to_owned());
        self
    }

    /// Passes on a variable of our own environment, if it is set.
    pub fn inherit(self, key: &str) -> Self {
        match std::env::var_os(key) {
            Some(value) => self.env(key, value),
            None => self,
        }
    }

    /// Sets the working folder.
    pub fn dir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.dir = Some(dir.into());
        self
    }

    /// Sets the time limit.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.timeout = Some(limit);
        self
    }

    /// Sends standard error into standard output, in the order of writing.
    pub fn merge_stderr(mut self) -> Self {
        self.merge_stderr = true;
        self
    }

    /// The command as a shell would take it, without its environment.
    pub fn display(&self) -> String {
        let mut text = quote(&self.program);
        for arg in &self.args {
            text.push(' ');
            text.push_str(&quote(arg));
        }
        text
    }

    /// Runs it, handing every chunk of output to `sink` as it comes.
    ///
    /// Fails if it cannot be started or on Ctrl-C; how it ended is for the caller to judge.
    pub fn stream(&self, mut sink: impl FnMut(Stream, &[u8]) -> Flow) -> Result<Finished> {
        interrupt::check()?;
        let start = Instant::now();
        let mut deadline = self.timeout.map(|limit| start + limit);
        let mut child = self.spawn()?;
        let mut streams = Streams::take(&mut child);
        let guard = Group::of(child)?;
        let mut ended: Option<Instant> = None;
        let (mut timed_out, mut leaked, mut interrupted) = (false, false, false);
        while ended.is_none() || streams.any_open() {
            if let Some(end) = ended
                && end.elapsed() >= LEAK_GRACE
            {
                leaked = true;
                guard.kill();
                break;
            }
            let wake =
                [deadline.filter(|_| ended.is_none()), ended.map(|end| end + LEAK_GRACE)].into_iter().flatten().min();
            let woken = streams.wait(guard.pidfd(), ended.is_none(), wake)?;
            interrupted |= woken.interrupted;
            let mut flow = Flow::Continue;
            for stream in woken.readable {
                if let Some(chunk) = streams.read(stream)? {
                    match sink(stream, &chunk) {
                        Flow::Continue => {}
                        other => flow = other,
                    }
                }
            }
            if let Flow::Deadline(at) = flow {
                deadline = Some(at);
            }
            if woken.ended && ended.is_none() {
                ended = Some(Instant::now());
            }
            let late = ended.is_none() && deadline.is_some_and(|at| Instant::now() >= at);
            timed_out |= late;
            if late || interrupted || flow == Flow::Kill {
                guard.kill();
                deadline = None;
                if interrupted {
                    break;
                }
            }
        }
        let wall = start.elapsed();
        let (status, cpu) = guard.reap()?;
        if interrupted {
            return Err(Interrupted.into());
        }
        Ok(Finished { status, timed_out, leaked, wall, cpu })
    }

    /// Runs it and keeps what it printed.
    pub fn output(&self) -> Result<Output> {
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        let finished = self.stream(|stream, chunk| {
            match stream {
                Stream::Stdout => stdout.extend_from_slice(chunk),
                Stream::Stderr => stderr.extend_from_slice(chunk),
            }
            Flow::Continue
        })?;
        Ok(Output { finished, stdout, stderr })
    }

    /// Runs it and gives back its standard output, trimmed. An exit status other than 0 is an error that shows both streams' ends.
    pub fn read(&self) -> Result<String> {
        let output = self.output()?;
        let printed = [output.stderr, output.stdout.clone()].concat();
        self.check(&output.finished, &printed, None)?;
        Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
    }

    /// Runs it with both streams appended to the file `log`. An exit status other than 0 is an error that shows the log's end.
    pub fn run(&self, log: &Path) -> Result<Finished> {
        use std::io::Write as _;
        let mut file = fs_err::OpenOptions::new().create(true).append(true).open(log)?;
        writeln!(file, "$ {}", self.display())?;
        let mut tail = Vec::new();
        let mut broken = None;
        let finished = self.clone().merge_stderr().stream(|_, chunk| {
            tail.extend_from_slice(chunk);
            if tail.len() > 64 * 1024 {
                tail.drain(..tail.len() - 32 * 1024);
            }
            match file.write_all(chunk) {
                Ok(()) => Flow::Continue,
                Err(error) => {
                    broken = Some(error);
                    Flow::Kill
                }
            }
        })?;
        if let Some(error) = broken {
            return Err(error).with_context(|| format!("writing the log of {}", self.display()));
        }
        self.check(&finished, &tail, Some(log))?;
        Ok(finished)
    }

    /// An error unless the exit status was 0: the command, how it ended, the end of what it printed, and where the rest is.
    pub fn check(&self, finished: &Finished, printed: &[u8], log: Option<&Path>) -> Result<()> {
        if finished.status.success() {
            return Ok(());
        }
        let mut text = format!("`{}` {}", shorten(&self.display()), describe(finished));
        let printed = String::from_utf8_lossy(printed);
        let lines: Vec<&str> = printed.trim_end().lines().collect();
        for line in &lines[lines.len().saturating_sub(20)..] {
            let _ = write!(text, "\n  | {line}");
        }
        if let Some(log) = log {
            let _ = write!(text, "\nwhole log: {}", log.display());
        }
        bail!(text)
    }

    // The one place where a process starts; `pre_exec` only makes two system calls, both safe after fork.
    #[expect(clippy::disallowed_methods, unsafe_code, reason = "this is the wrapper that everything else must use")]
    fn spawn(&self) -> Result<Child> {
        let mut command = std::process::Command::new(&self.program);
        command.args(&self.args).env_clear().envs(&self.env).stdin(Stdio::null()).stdout(Stdio::piped());
        command.process_group(0);
        if let Some(dir) = &self.dir {
            command.current_dir(dir);
        }
        let merge = self.merge_stderr;
        command.stderr(if merge { Stdio::null() } else { Stdio::piped() });
        // SAFETY: between fork and exec only async-signal-safe calls are made: prctl, setrlimit, dup2.
        unsafe {
            command.pre_exec(move || {
                rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
                let none = rustix::process::Rlimit { current: Some(0), maximum: Some(0) };
                rustix::process::setrlimit(rustix::process::Resource::Core, none)?;
                if merge {
                    rustix::stdio::dup2_stderr(rustix::stdio::stdout())?;
                }
                Ok(())
            });
        }
        command.spawn().with_context(|| {
            let dir = self.dir.as_deref().map(|dir| format!(" in {}", dir.display())).unwrap_or_default();
            format!("starting `{}`{dir}", shorten(&self.display()))
        })
    }
}

/// How a process ended, in words: `exited with status 3`, `was killed by SIGSEGV`.
pub fn describe(finished: &Finished) -> String {
    if finished.timed_out {
        return format!("was killed at its time limit after {:.0} s", finished.wall.as_secs_f64());
    }
    match (finished.status.code(), finished.status.signal()) {
        (Some(code), _) => format!("exited with status {code}"),
        (None, Some(signal)) => format!("was killed by {}", signal_name(signal)),
        (None, None) => "ended in an unknown way".into(),
    }
}

/// `SIGSEGV` for 11, and so on; `signal 64` where there is no name.
pub fn signal_name(signal: i32) -> String {
    signal_hook::low_level::signal_name(signal).map_or_else(|| format!("signal {signal}"), Into::into)
}

/// A word as a shell would have to be given it.
pub fn quote(word: &OsStr) -> String {
    let text = word.to_string_lossy();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@%".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.into_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

fn shorten(text: &str) -> String {
    const LONGEST: usize = 300;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// A child's process group, killed when dropped.
struct Group {
    child: Option<Child>,
    pid: Pid,
    pidfd: std::os::fd::OwnedFd,
}

impl Group {
    fn of(child: Child) -> Result<Self> {
        let pid = Pid::from_child(&child);
        let pidfd = rustix::process::pidfd_open(pid, PidfdFlags::empty()).context("watching a child process")?;
        Ok(Self { child: Some(child), pid, pidfd })
    }

    fn pidfd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }

    fn kill(&self) {
        // The group may be gone already: that is what was wanted.
        let _ = rustix::process::kill_process_group(self.pid, Signal::KILL);
    }

    /// Waits for the child's end and takes its processor time from /proc while it is still a zombie.
    fn reap(mut self) -> Result<(ExitStatus, Duration)> {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        rustix::io::retry_on_intr(|| rustix::process::waitid(WaitId::Pid(self.pid), options))
            .context("waiting for a child process")?;
        let cpu = cpu_time(self.pid);
        // Whatever the child left behind in its group goes with it.
        self.kill();
        let mut child = self.child.take().context("a child process was waited for twice")?;
        Ok((child.wait().context("waiting for a child process")?, cpu))
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            self.kill();
            let _ = child.wait();
        }
    }
}

/// utime + stime + cutime + cstime of `/proc/PID/stat`, see proc(5).
fn cpu_time(pid: Pid) -> Duration {
    let ticks = || -> Option<u64> {
        let stat = fs_err::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).ok()?;
        let after_name = stat.rsplit_once(')')?.1;
        Some(after_name.split_whitespace().skip(11).take(4).filter_map(|field| field.parse::<u64>().ok()).sum())
    };
    let per_second = rustix::param::clock_ticks_per_second();
    Duration::from_millis(ticks().unwrap_or(0) * 1000 / per_second.max(1))
}

/// The child's two output pipes.
struct Streams {
    stdout: Option<std::process::ChildStdout>,
    stderr: Option<std::process::ChildStderr>,
}

#[derive(Default)]
struct Woken {
    readable: Vec<Stream>,
    ended: bool,
    interrupted: bool,
}

impl Streams {
    fn take(child: &mut Child) -> Self {
        Self { stdout: child.stdout.take(), stderr: child.stderr.take() }
    }

    fn any_open(&self) -> bool {
        self.stdout.is_some() || self.stderr.is_some()
    }

    /// Sleeps until a pipe is readable, the child has ended, a signal has come, or `until`.
    fn wait(&self, pidfd: BorrowedFd<'_>, running: bool, until: Option<Instant>) -> Result<Woken> {
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
    fn read(&mut self, stream: Stream) -> Result<Option<Vec<u8>>> {
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
