//! Running the program under test: its environment, its output, and signals to it.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Write as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use crate::project::{eventually, starting};

/// How long a run may take.
pub(crate) const LIMIT: Duration = Duration::from_mins(3);

/// A command line and its environment.
pub struct Invocation {
    command: Command,
    logs: PathBuf,
    terminal: Option<File>,
}

/// A run that goes on.
pub struct Running {
    child: Child,
    stdout: PathBuf,
    stderr: PathBuf,
    /// The other end of its terminal, which must not close.
    terminal: Option<File>,
}

/// A run that has ended.
#[derive(Debug)]
pub struct Output {
    /// How it ended.
    pub status: ExitStatus,
    /// What it printed.
    pub stdout: String,
    /// What it said.
    pub stderr: String,
}

impl Invocation {
    /// A command line with an empty environment. Some output goes through files in `logs`.
    #[expect(clippy::disallowed_methods, reason = "this is the one place where tests start the program under test")]
    pub fn new(words: &[&str], logs: &Path) -> Self {
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).env_clear().stdin(Stdio::null());
        Self { command, logs: logs.to_owned(), terminal: None }
    }

    /// Sets the working folder.
    #[must_use]
    pub fn dir(mut self, dir: &Path) -> Self {
        self.command.current_dir(dir);
        self
    }

    /// Sets a variable.
    #[must_use]
    pub fn env(mut self, key: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(key, value);
        self
    }

    /// Makes standard input a terminal on which this is typed.
    #[must_use]
    pub fn typing(mut self, text: &str) -> Self {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let keyboard = openpt(flags).unwrap();
        grantpt(&keyboard).unwrap();
        unlockpt(&keyboard).unwrap();
        let name = ptsname(&keyboard, Vec::new()).unwrap();
        let terminal = File::options().read(true).write(true).open(name.to_str().unwrap()).unwrap();
        self.command.stdin(terminal);
        let mut keyboard = File::from(keyboard);
        keyboard.write_all(text.as_bytes()).unwrap();
        self.terminal = Some(keyboard);
        self
    }

    /// Starts it.
    pub fn start(mut self) -> Running {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let [stdout, stderr] = ["stdout", "stderr"].map(|name| self.logs.join(format!("{name}-{number}")));
        self.command.stdout(File::create(&stdout).unwrap()).stderr(File::create(&stderr).unwrap());
        let _starting = starting();
        Running { child: self.command.spawn().unwrap(), stdout, stderr, terminal: self.terminal }
    }

    /// Runs it to its end.
    pub fn run(self) -> Output {
        self.start().wait()
    }
}

impl Running {
    /// Sends it a signal; its children get none.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Types this on its terminal.
    pub fn types(&self, text: &str) {
        self.terminal.as_ref().unwrap().write_all(text.as_bytes()).unwrap();
    }

    /// Waits until it has said something.
    pub fn wait_for(&self, text: &str) {
        eventually(&format!("`{text}`"), || fs_err::read_to_string(&self.stderr).unwrap().contains(text));
    }

    /// Waits for its end.
    pub fn wait(mut self) -> Output {
        let end = Instant::now() + LIMIT;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            let said = || fs_err::read_to_string(&self.stderr).unwrap();
            assert!(Instant::now() < end, "it does not end; it said:\n{}", said());
            std::thread::sleep(Duration::from_millis(2));
        };
        let read = |path: &Path| String::from_utf8(fs_err::read(path).unwrap()).unwrap();
        Output { status, stdout: read(&self.stdout), stderr: read(&self.stderr) }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Output {
    /// Fails unless this was the exit code.
    #[must_use]
    pub fn ends_with(self, code: i32) -> Self {
        let Self { status, stdout, stderr } = &self;
        assert_eq!(status.code(), Some(code), "{status}\n-- stdout\n{stdout}\n-- stderr\n{stderr}");
        self
    }

    /// Fails unless it was killed by this signal.
    pub fn killed_by(&self, signal: Signal) {
        assert_eq!(self.status.signal(), Some(signal.as_raw()), "{self:#?}");
    }

    /// Fails unless it said all of this, in this order, on standard error. A text may go on in the next line there, where
    /// lines are broken to fit.
    pub fn says(&self, texts: &[&str]) {
        find(&self.stderr, texts);
    }

    /// Fails unless it printed all of this, in this order, on standard output.
    pub fn prints(&self, texts: &[&str]) {
        find(&self.stdout, texts);
    }
}

fn find(whole: &str, texts: &[&str]) {
    let mut rest = whole;
    for text in texts {
        let Some(end) = end_of(text, rest) else { panic!("expected `{text}` in\n{whole}") };
        rest = &rest[end..];
    }
}

/// Where this text ends, if one space in it may be a line break and the next line's indent.
fn end_of(text: &str, whole: &str) -> Option<usize> {
    let after = |at: usize| {
        text.chars().try_fold(at, |at, letter| {
            let rest = &whole[at..];
            match rest.strip_prefix('\n') {
                Some(next) if letter == ' ' => Some(whole.len() - next.trim_start_matches(' ').len()),
                _ => rest.starts_with(letter).then_some(at + letter.len_utf8()),
            }
        })
    };
    whole.char_indices().find_map(|(at, _)| after(at))
}
