//! The only place that starts processes.
//!
//! A child gets exactly the environment that is set here, its own process group, and no terminal. It runs below a
//! supervisor that kills everything the child started, whether the child or this process ends first. A wait ends on
//! output, on the end of the child, on the time limit and on Ctrl-C.

mod bounds;
mod child;
mod output;
mod supervisor;
#[cfg(test)]
mod tests;
mod words;

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::fs::File;
use std::io::ErrorKind;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::Signal;

use self::bounds::BoundsWatch;
use self::child::{Streams, Supervised};
use self::supervisor::Setup;
use crate::interrupt::{self, Interrupted};
use crate::jobs::{Jobs, Share};
use crate::process_tree;

pub use self::bounds::{Bounds, Exceeded};
pub use self::output::{Finished, Flow, Output, Stream};
pub(super) use self::supervisor::most_open_files;
pub(crate) use self::words::quote_bytes;
use self::words::shorten;
pub(crate) use self::words::signal_name;
pub use self::words::{describe, quote};

/// The variables of the user's environment that a program requires to use the network.
pub const NETWORK_ENV: &[&str] = &[
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
];

/// Search path of every child. The user's own `PATH` is ignored.
pub const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// How often, and after which pause, the start of a busy program is retried.
const BUSY_TRIES: u32 = 100;
const BUSY_PAUSE: Duration = Duration::from_millis(10);

/// How long the processes that a program leaves behind may take to end by themselves. Output that a process outside the
/// program's tree keeps open is waited for as long.
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
    bounds: Option<Bounds>,
    merge_stderr: bool,
    stdin: Option<Arc<File>>,
    budget: Option<(Jobs, Share)>,
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
            bounds: None,
            merge_stderr: false,
            stdin: None,
            budget: None,
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

    /// Passes on those of these variables that are set in our own environment.
    pub fn inherit_all(self, keys: &[&str]) -> Self {
        keys.iter().fold(self, |cmd, key| cmd.inherit(key))
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

    /// Limits memory, processes, open files, output and disk.
    pub fn bounded(mut self, bounds: Bounds) -> Self {
        self.bounds = Some(bounds);
        self
    }

    /// Sends standard error into standard output, in the order of writing.
    pub fn merge_stderr(mut self) -> Self {
        self.merge_stderr = true;
        self
    }

    /// Sets the standard input. The default is an empty one.
    pub fn stdin(mut self, file: Arc<File>) -> Self {
        self.stdin = Some(file);
        self
    }

    /// Copies time limit, bounds and budget from another command.
    pub(super) fn bounded_as(self, other: &Self) -> Self {
        Self { timeout: other.timeout, bounds: other.bounds.clone(), budget: other.budget.clone(), ..self }
    }

    /// The program and its arguments.
    pub fn words(&self) -> impl Iterator<Item = &OsStr> {
        std::iter::once(&self.program).chain(&self.args).map(OsString::as_os_str)
    }

    /// The whole environment.
    pub(super) fn environment(&self) -> &BTreeMap<OsString, OsString> {
        &self.env
    }

    /// Whether standard error goes into standard output.
    pub(super) fn merges_stderr(&self) -> bool {
        self.merge_stderr
    }

    /// Takes a job from this budget before the start, and holds it until the end.
    pub fn within(mut self, jobs: &Jobs, share: Share) -> Self {
        self.budget = Some((jobs.clone(), share));
        self
    }

    /// The command line, quoted for a shell, without the environment.
    pub fn display(&self) -> String {
        self.words().map(quote).collect::<Vec<_>>().join(" ")
    }

    /// Runs the command and hands every chunk of output to `sink` as it comes. If the command is
    /// [bounded](Self::bounded), `sink` also gets an empty chunk at regular intervals, so that it can check the time.
    ///
    /// # Errors
    ///
    /// If the command cannot be started or watched, or on Ctrl-C. How the process ended is for the caller to judge.
    pub fn stream(&self, mut sink: impl FnMut(Stream, &[u8]) -> Flow) -> Result<Finished> {
        interrupt::check()?;
        let mut token = self.budget.as_ref().map(|(jobs, _)| jobs.acquire()).transpose()?;
        let start = Instant::now();
        let mut deadline = self.timeout.map(|limit| start + limit);
        let (mut child, mut streams) = self.spawn()?;
        if let (Some(token), Some((_, Share::Program))) = (&mut token, &self.budget) {
            token.watch(child.pid());
        }
        let mut ended: Option<Instant> = None;
        let mut left = Vec::new();
        let mut watch = self.bounds.as_ref().map(BoundsWatch::new);
        let mut exceeded = None;
        let (mut late, mut interrupted, mut below) = (false, false, 0);
        while ended.is_none() || streams.any_open() {
            if ended.is_some_and(|end| end.elapsed() >= LEAK_GRACE) {
                break;
            }
            let wakes = match ended {
                None => [deadline, child.patience(), watch.as_ref().map(BoundsWatch::next)],
                Some(end) => [Some(end + LEAK_GRACE), None, None],
            };
            let woken = streams.wait(&mut child, ended.is_none(), wakes.into_iter().flatten().min())?;
            interrupted |= woken.interrupted;
            let mut flow = Flow::Continue;
            for stream in woken.readable {
                if let Some(chunk) = streams.read(stream)? {
                    if let Some(watch) = &mut watch {
                        watch.printed(chunk.len());
                    }
                    match sink(stream, &chunk) {
                        Flow::Continue => {}
                        other => flow = other,
                    }
                }
            }
            if let Flow::Deadline(at) = flow {
                deadline = Some(at);
            }
            if woken.ended {
                ended.get_or_insert_with(Instant::now);
            }
            if woken.left {
                left = child.kill_left();
            }
            late |= ended.is_none() && deadline.is_some_and(|at| Instant::now() >= at);
            if let Some(watching) = &mut watch
                && ended.is_none()
            {
                exceeded = watching.look(child.pid());
                if let Flow::Deadline(at) = sink(Stream::Stdout, &[]) {
                    deadline = Some(at);
                }
            }
            if late || interrupted || flow == Flow::Kill || exceeded.is_some() {
                if child.patience().is_none() {
                    below = process_tree::below(child.pid()).len();
                }
                child.kill();
                if interrupted {
                    break;
                }
            }
            if child.patience().is_some() {
                // The first reason to kill it stays the reason.
                deadline = None;
                watch = None;
                child.help();
            }
        }
        let wall = start.elapsed();
        let (status, cpu) = child.reap()?;
        if interrupted {
            return Err(Interrupted.into());
        }
        // The program may have ended by itself just before.
        let killed = status.signal() == Some(Signal::KILL.as_raw());
        let (timed_out, exceeded) = (late && killed, exceeded.filter(|_| killed));
        // One of the processes was the program itself, unless it had ended.
        let in_company = below > usize::from(killed);
        Ok(Finished { status, timed_out, exceeded, left, in_company, wall, cpu })
    }

    /// Runs the command and keeps its output.
    ///
    /// # Errors
    ///
    /// As for [`stream`](Self::stream): the exit status is no error.
    pub fn output(&self) -> Result<Output> {
        Output::of(|sink| self.stream(sink))
    }

    /// Runs the command and returns its standard output without trailing white space.
    ///
    /// # Errors
    ///
    /// As for [`stream`](Self::stream), and if the exit status is not 0: the error shows the end of the output.
    pub fn read(&self) -> Result<String> {
        let output = self.output()?;
        let printed = [output.stderr, output.stdout.clone()].concat();
        self.check(&output.finished, &printed, None)?;
        Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
    }

    /// Runs the command and appends both output streams to the file `log`.
    ///
    /// # Errors
    ///
    /// As for [`stream`](Self::stream), if the log cannot be written, and if the exit status is not 0: the error shows
    /// the end of the log.
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

    /// Checks the exit status.
    ///
    /// # Errors
    ///
    /// If the exit status is not 0. The error names the command, how it ended, the end of what it printed, and the log.
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

    /// The one place where a process starts.
    #[expect(clippy::disallowed_methods, reason = "this is the wrapper that everything else must use")]
    fn spawn(&self) -> Result<(Supervised, Streams)> {
        let mut command = std::process::Command::new(&self.program);
        command.args(&self.args).env_clear().envs(&self.env).stdin(Stdio::null()).stdout(Stdio::piped());
        if let Some(file) = &self.stdin {
            command.stdin(file.try_clone().context("duplicating the standard input")?);
        }
        command.stderr(if self.merge_stderr { Stdio::null() } else { Stdio::piped() });
        if let Some(dir) = &self.dir {
            command.current_dir(dir);
        }
        if let Some((jobs, share)) = &self.budget {
            jobs.configure(&mut command, *share);
        }
        let (report, write) = pipe_with(PipeFlags::CLOEXEC).context("creating a pipe to a child process")?;
        let harness = rustix::process::getpid();
        let open_files = self.bounds.as_ref().map(|bounds| bounds.open_files);
        let setup = Setup { harness, report: write, merge_stderr: self.merge_stderr, open_files };
        supervisor::install(&mut command, setup);
        let mut tries = 0..BUSY_TRIES;
        let spawned = loop {
            match command.spawn() {
                // Another thread is starting a process that still has the program, which we have just written, open for
                // writing.
                Err(error) if error.kind() == ErrorKind::ExecutableFileBusy && tries.next().is_some() => {
                    std::thread::sleep(BUSY_PAUSE);
                }
                other => break other,
            }
        };
        let mut child = spawned.with_context(|| {
            let dir = self.dir.as_deref().map(|dir| format!(" in {}", dir.display())).unwrap_or_default();
            format!("starting `{}`{dir}", shorten(&self.display()))
        })?;
        let streams = Streams::take(&mut child);
        Ok((Supervised::new(child, report)?, streams))
    }
}
