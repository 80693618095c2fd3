//! Another machine, reached over ssh. It requires only a POSIX shell and the usual small tools, such as busybox's.
//!
//! Connections are private (one control master each, in a private folder) and end with this process. Every process
//! there runs below a shell script, `run.sh`, which kills it when its connection ends, for whatever reason.

mod connection;
mod end_line;
mod placed;

use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use bringup_model::exit::{self, CodedError};

use self::connection::{Address, Connection, PAUSE, Session};
use crate::interrupt::{self, Interrupted};
use crate::jobs::Jobs;

pub use self::placed::Placed;

/// Processes that share one connection: sshd allows ten sessions by default, and a killed one takes a moment to end.
const SESSIONS: usize = 8;

/// How long a short question may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// The longest path of the folder for control sockets: a socket's path may have 107 bytes, and ssh adds to it.
const LONGEST: usize = 60;

/// Tools that are required there, besides the shell.
const TOOLS: &str = "chmod env mkdir mv rm rmdir setsid sleep tar uname";

/// A machine that we are connected to.
pub struct Machine {
    /// The host as ssh names it.
    pub host: String,
    /// Release of its kernel and name of its hardware.
    pub kernel: String,
    /// Its budget: one job per processor.
    pub jobs: Jobs,
    connections: Vec<Connection>,
    /// The folder of copied test sets there.
    cache: String,
    /// The folder of the processes' private folders there.
    temporary: String,
    /// A text that no program prints.
    mark: String,
    /// How many processes were started.
    processes: AtomicUsize,
    /// Folders of test sets there that were checked.
    placed: Mutex<Vec<PathBuf>>,
    /// Why it stopped answering, if it did: no later process waits for it again.
    lost: OnceLock<String>,
    _sockets: tempfile::TempDir,
    /// Open while processes there may run.
    _hold: OwnedFd,
}

impl Machine {
    /// Connects to a host, and checks its tools and folders. `config` is a file for ssh's `-F`.
    ///
    /// # Errors
    ///
    /// If ssh cannot connect without asking, the host lacks a tool, or its folders do not allow to write and start
    /// programs.
    pub fn connect(host: &str, config: Option<&Path>) -> Result<Self> {
        try_connect(host, config).map_err(|error| {
            if error.is::<Interrupted>() {
                return error;
            }
            let text = format!("connecting to {host}: {error:#}");
            let hint =
                format!("\nhint: `ssh {host} true` has to work without a question: set up a key and a known host");
            let text = if text.contains("\nhint: ") { text } else { text + &hint };
            CodedError::error(exit::HOST, text)
        })
    }

    /// Runs a short script there with these parameters and this input, and returns what it printed.
    fn ask(&self, script: &str, parameters: &[&str], input: Option<(File, Duration)>) -> Result<String> {
        self.check()?;
        self.by_use().first().with_context(|| self.no_connection())?.ask(script, parameters, input)
    }

    /// Waits for room for one more process.
    fn session(&self) -> Result<Session<'_>> {
        loop {
            interrupt::check()?;
            self.check()?;
            if let Some(session) = self.by_use().into_iter().find_map(Connection::session) {
                return Ok(session);
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// The connections, the least used first.
    fn by_use(&self) -> Vec<&Connection> {
        let mut connections: Vec<&Connection> = self.connections.iter().collect();
        connections.sort_by_cached_key(|connection| connection.used());
        connections
    }

    /// Fails if it has stopped answering.
    fn check(&self) -> Result<()> {
        match self.lost.get() {
            Some(why) => bail!("the connection to {} was lost: {why}", self.host),
            None => Ok(()),
        }
    }

    /// Fails if it has stopped answering on this connection. `said` is the last that was heard from it.
    fn check_answers(&self, connection: &Connection, said: &str) -> Result<()> {
        self.check()?;
        if connection.answers() {
            return Ok(());
        }
        interrupt::check()?;
        let said = if said.is_empty() { "it does not answer" } else { said };
        self.lost.get_or_init(|| said.to_owned());
        self.check()
    }

    fn no_connection(&self) -> String {
        format!("there is no connection to {}", self.host)
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // On an interrupt the processes there remove it.
        let remove = ["rm -rf \"$1\"", &format!("{}/{}", self.temporary, self.mark)];
        let _ = self.ask(remove[0], &remove[1..], None);
    }
}

impl std::fmt::Debug for Machine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Machine({})", self.host)
    }
}

fn try_connect(host: &str, config: Option<&Path>) -> Result<Machine> {
    let config = config.map(std::path::absolute).transpose().context("finding ssh's configuration file")?;
    let mut folder = tempfile::Builder::new();
    let folder = folder.prefix("br");
    let sockets =
        if std::env::temp_dir().as_os_str().len() > LONGEST { folder.tempdir_in("/tmp") } else { folder.tempdir() };
    let sockets = sockets.context("creating a folder for ssh's control sockets")?;
    // Nothing is written to it, so it ends when this process ends.
    let (silence, hold) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).context("creating a pipe")?;
    let address = Address { host: host.into(), config, silence: Arc::new(File::from(silence)) };
    let mut connections = vec![Connection::open(address.clone(), sockets.path().join("0"))?];

    let script = format!(
        "lacking=; for tool in {TOOLS}; do command -v $tool >/dev/null 2>&1 || lacking=\"$lacking $tool\"; done\n\
         echo \"lacking:$lacking\"\n\
         echo \"kernel: $(uname -r) $(uname -m)\"\n\
         echo \"processors: $(nproc 2>/dev/null || getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1)\"\n\
         cache=${{XDG_CACHE_HOME:-$HOME/.cache}}/bringup/programs\n\
         echo \"cache: $cache\"\n\
         echo \"temporary: ${{TMPDIR:-/tmp}}\"\n\
         for folder in \"$cache\" \"${{TMPDIR:-/tmp}}\"; do\n\
             try=$folder/.bringup-$$ why=\n\
             mkdir -p \"$folder\" && echo : >\"$try\" || why='cannot be written to'\n\
             if [ \"$why$folder\" = \"$cache\" ]; then\n\
                 chmod +x \"$try\" && \"$try\" || why='is one where programs cannot be started (noexec?)'\n\
             fi\n\
             rm -f \"$try\"\n\
             [ ! \"$why\" ] || echo \"unfit: $folder $why\"\n\
         done 2>&1\n"
    );
    let answer = connections[0].ask(&script, &[], None).context("asking for its kernel and tools")?;
    // A login shell may have printed something first.
    let field = |name: &str| {
        let value = answer.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        let value = value.with_context(|| format!("its answer lacks `{name}`:\n  | {}", answer.trim_end()));
        value.map(|value| value.trim().to_owned())
    };
    let lacking = field("lacking")?;
    anyhow::ensure!(lacking.is_empty(), "it lacks {}", lacking.replace(' ', ", "));
    if let Some(unfit) = answer.lines().find_map(|line| line.strip_prefix("unfit: ")) {
        bail!("its folder {unfit}\nhint: it uses $XDG_CACHE_HOME or ~/.cache, and $TMPDIR or /tmp");
    }
    let processors: usize = field("processors")?.parse().context("reading the number of its processors")?;
    for number in 1..processors.div_ceil(SESSIONS) {
        connections.push(Connection::open(address.clone(), sockets.path().join(number.to_string()))?);
    }
    let mark = sockets.path().file_name().unwrap_or_default().to_string_lossy();
    Ok(Machine {
        host: host.into(),
        kernel: field("kernel")?,
        // Its memory is not watched.
        jobs: Jobs::new(processors.max(1), 0, |_| ())?,
        connections,
        cache: field("cache")?,
        temporary: field("temporary")?,
        mark: format!("{mark}-{}", std::process::id()),
        processes: AtomicUsize::new(0),
        placed: Mutex::default(),
        lost: OnceLock::new(),
        _sockets: sockets,
        _hold: hold,
    })
}
