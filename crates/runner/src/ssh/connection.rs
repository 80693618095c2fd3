//! One connection: a control master that lives as long as this process, and commands that go through it.

use std::ffi::OsStr;
use std::fs::File;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail};

use super::{PATIENCE, SESSIONS};
use crate::exec::{Cmd, Output, describe, quote};
use crate::interrupt;

/// ssh's exit status for errors of its own, and if a signal ended the remote command.
pub(super) const SSH_FAILED: i32 = 255;

/// What ssh prints, in every language, if the other side's sshd allows no more sessions.
const REFUSED: &str = "Session open refused";

/// How long to wait before a refused request is retried.
pub(super) const PAUSE: Duration = Duration::from_millis(200);

/// How ssh reaches a host.
#[derive(Clone)]
pub(super) struct Address {
    pub host: String,
    /// For ssh's `-F`.
    pub config: Option<PathBuf>,
    /// An empty input that does not end before this process.
    pub silence: Arc<File>,
}

/// A connection, closed when dropped.
pub(super) struct Connection {
    address: Address,
    socket: PathBuf,
    /// The thread of the control master, which returns what ssh printed.
    master: Option<JoinHandle<Result<String>>>,
    sessions: Mutex<Sessions>,
}

/// How much a connection is used.
struct Sessions {
    /// Processes that use it.
    used: usize,
    /// The most processes that may use it.
    most: usize,
}

/// One use of a connection, counted as long as it lives.
pub(super) struct Session<'a>(&'a Connection);

impl Connection {
    /// Connects. `socket` is the path of the new control socket.
    pub fn open(address: Address, socket: PathBuf) -> Result<Self> {
        let master = ssh(&address, &socket).args(["-M", "-N"]);
        let options = ["ControlPersist=no", "ConnectTimeout=20", "ServerAliveInterval=15", "ServerAliveCountMax=4"];
        let master = options.iter().fold(master, |cmd, option| cmd.args(["-o", option])).arg("--").arg(&address.host);
        let run = move || {
            let output = master.output()?;
            let said = String::from_utf8_lossy(&output.stderr).trim_end().to_owned();
            let how = describe(&output.finished);
            Ok(if said.is_empty() { format!("ssh {how}") } else { said })
        };
        let master = std::thread::Builder::new().name("ssh".into()).spawn(run).context("starting a thread for ssh")?;
        let sessions = Mutex::new(Sessions { used: 0, most: SESSIONS });
        let mut connection = Self { address, socket, master: Some(master), sessions };
        connection.wait()?;
        Ok(connection)
    }

    /// Waits for the socket, which appears when ssh has logged in.
    fn wait(&mut self) -> Result<()> {
        let end = Instant::now() + 2 * PATIENCE;
        while !self.socket.exists() {
            interrupt::check()?;
            if self.master.as_ref().is_some_and(JoinHandle::is_finished) {
                return Err(self.why());
            }
            if Instant::now() >= end {
                bail!("no answer within {} s", 2 * PATIENCE.as_secs());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    /// Why the control master has ended.
    fn why(&mut self) -> anyhow::Error {
        match self.master.take().map(JoinHandle::join) {
            Some(Ok(Ok(said))) => anyhow!(said),
            Some(Ok(Err(error))) => error,
            _ => anyhow!("ssh has ended"),
        }
    }

    /// How many processes use it.
    pub fn used(&self) -> usize {
        self.sessions().used
    }

    /// Room for one more process, if there is any.
    pub fn session(&self) -> Option<Session<'_>> {
        let mut sessions = self.sessions();
        let free = sessions.used < sessions.most;
        sessions.used += usize::from(free);
        free.then(|| Session(self))
    }

    fn sessions(&self) -> MutexGuard<'_, Sessions> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs a command line there, with the user's shell.
    pub fn command(&self, words: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Cmd {
        let line: Vec<String> = words.into_iter().map(|word| quote(word.as_ref())).collect();
        // Without the control master it must fail, not connect again.
        let cmd = ssh(&self.address, &self.socket).args(["-o", "ProxyCommand=false", "-o", "LogLevel=ERROR"]);
        cmd.arg("--").arg(&self.address.host).arg(line.join(" "))
    }

    /// Runs a short script there with these parameters and this input, and returns what it printed.
    pub fn ask(&self, script: &str, parameters: &[&str], input: Option<(File, Duration)>) -> Result<String> {
        let cmd = self.command(["sh", "-c", script, "sh"].iter().chain(parameters));
        let cmd = match input {
            Some((file, limit)) => cmd.stdin(Arc::new(file)).timeout(limit),
            None => cmd.timeout(PATIENCE),
        };
        let mut end = Instant::now() + PATIENCE;
        loop {
            let output = cmd.output()?;
            if !is_refused(&output) || Instant::now() >= end {
                let printed = [output.stderr, output.stdout.clone()].concat();
                cmd.check(&output.finished, &printed, None)?;
                return Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned());
            }
            if self.used() > 0 {
                // A slot is free when one of the processes has ended, which may take long.
                end = Instant::now() + PATIENCE;
            }
            interrupt::check()?;
            std::thread::sleep(PAUSE);
        }
    }

    /// Whether the other side answers, if only that it allows no more sessions.
    pub fn answers(&self) -> bool {
        let output = self.command(["true"]).timeout(PATIENCE).output();
        let told = |output: &Output| output.finished.status.code().is_some_and(|code| code != SSH_FAILED);
        output.is_ok_and(|output| told(&output) || is_refused(&output))
    }
}

impl Session<'_> {
    /// The connection that is used.
    pub fn connection(&self) -> &Connection {
        self.0
    }

    /// Records that the other side has refused this session, so it allows no more than the others. False if there are
    /// no others.
    pub fn refused(&self) -> bool {
        let mut sessions = self.0.sessions();
        let others = sessions.used - 1;
        sessions.most = sessions.most.min(others.max(1));
        others > 0
    }
}

fn is_refused(output: &Output) -> bool {
    output.finished.status.code() == Some(SSH_FAILED) && String::from_utf8_lossy(&output.stderr).contains(REFUSED)
}

impl Drop for Connection {
    fn drop(&mut self) {
        let Some(master) = self.master.take() else { return };
        // On an interrupt it has been killed already.
        let exit = ssh(&self.address, &self.socket).args(["-O", "exit", "--"]).arg(&self.address.host);
        let _ = exit.timeout(PATIENCE).output();
        let _ = master.join();
    }
}

impl Drop for Session<'_> {
    fn drop(&mut self) {
        self.0.sessions().used -= 1;
    }
}

/// What every call of ssh begins with. It cannot ask anybody anything.
fn ssh(address: &Address, socket: &std::path::Path) -> Cmd {
    let cmd = Cmd::new("ssh");
    let cmd = address.config.iter().fold(cmd, |cmd, file| cmd.arg("-F").arg(file));
    let options = ["BatchMode=yes", "ControlMaster=no", "ClearAllForwardings=yes", "PermitLocalCommand=no"];
    let cmd = options.iter().fold(cmd, |cmd, option| cmd.args(["-o", option])).args(["-T", "-a", "-x", "-S"]);
    let env = ["HOME", "USER", "LOGNAME", "SSH_AUTH_SOCK"];
    env.into_iter().fold(cmd.arg(socket), Cmd::inherit).stdin(Arc::clone(&address.silence))
}
