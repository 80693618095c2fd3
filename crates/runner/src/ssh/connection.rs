//! One connection: a control master that lives as long as we do, and commands that go through it.

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

/// ssh's exit status for trouble of its own; also if a signal ended what it started.
pub(super) const SSH_FAILED: i32 = 255;

/// What ssh says, in every language, of a session more than the other side's sshd allows.
const REFUSED: &str = "Session open refused";

/// How long to wait before asking again for what was refused: somebody's session ends, or one that was killed is gone.
pub(super) const PAUSE: Duration = Duration::from_millis(200);

/// How ssh reaches a host.
#[derive(Clone)]
pub(super) struct Address {
    pub host: String,
    /// For ssh's `-F`.
    pub config: Option<PathBuf>,
    /// An input without content that does not end before we do.
    pub silence: Arc<File>,
}

/// A connection, closed when dropped.
pub(super) struct Connection {
    address: Address,
    socket: PathBuf,
    /// The control master, and in the end what it said.
    master: Option<JoinHandle<Result<String>>>,
    sessions: Mutex<Sessions>,
}

/// How much a connection is used.
struct Sessions {
    /// By processes.
    used: usize,
    /// By how many at most.
    most: usize,
}

/// One use of a connection, counted as long as it lives.
pub(super) struct Session<'a>(&'a Connection);

impl Connection {
    /// Connects. `socket` is where the control socket is to be.
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

    /// Waits for the socket, which appears once all questions are settled.
    fn wait(&mut self) -> Result<()> {
        let end = Instant::now() + 2 * PATIENCE;
        while !self.socket.exists() {
            interrupt::check()?;
            if self.master.as_ref().is_some_and(JoinHandle::is_finished) {
                return Err(self.why());
            }
            if Instant::now() >= end {
                bail!("there is no answer within {} s", 2 * PATIENCE.as_secs());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    /// What a master that has ended said.
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

    /// Runs words there, by whatever shell the user has.
    pub fn command(&self, words: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Cmd {
        let line: Vec<String> = words.into_iter().map(|word| quote(word.as_ref())).collect();
        // Without the master it must fail, not connect anew.
        let cmd = ssh(&self.address, &self.socket).args(["-o", "ProxyCommand=false", "-o", "LogLevel=ERROR"]);
        cmd.arg("--").arg(&self.address.host).arg(line.join(" "))
    }

    /// Runs a short script there with these parameters and this input, and gives what it printed.
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
                // Until one of the processes has ended, which may take long.
                end = Instant::now() + PATIENCE;
            }
            interrupt::check()?;
            std::thread::sleep(PAUSE);
        }
    }

    /// Whether the other side is there and answers, if only that it takes no more sessions.
    pub fn answers(&self) -> bool {
        let output = self.command(["true"]).timeout(PATIENCE).output();
        let told = |output: &Output| output.finished.status.code().is_some_and(|code| code != SSH_FAILED);
        output.is_ok_and(|output| told(&output) || is_refused(&output))
    }
}

impl Session<'_> {
    /// What runs through the connection.
    pub fn connection(&self) -> &Connection {
        self.0
    }

    /// Notes that the other side has refused this one: it takes no more than the others. False if there is no other.
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
