//! One connection: a control master that lives as long as we do, and commands that go through it.

use std::ffi::OsStr;
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail};

use super::PATIENCE;
use crate::run::exec::{Cmd, describe, quote};
use crate::run::interrupt;

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
    sessions: AtomicUsize,
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
        let mut connection = Self { address, socket, master: Some(master), sessions: AtomicUsize::new(0) };
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
    pub fn sessions(&self) -> usize {
        self.sessions.load(Ordering::Relaxed)
    }

    /// Counts one more user.
    pub fn session(&self) -> Session<'_> {
        self.sessions.fetch_add(1, Ordering::Relaxed);
        Session(self)
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
        let _session = self.session();
        let cmd = self.command(["sh", "-c", script, "sh"].iter().chain(parameters));
        match input {
            Some((file, limit)) => cmd.stdin(Arc::new(file)).timeout(limit).read(),
            None => cmd.timeout(PATIENCE).read(),
        }
    }
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
        self.0.sessions.fetch_sub(1, Ordering::Relaxed);
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
