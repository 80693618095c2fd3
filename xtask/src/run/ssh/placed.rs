//! A test set on another machine: copied once, and how a program of it is run there.

use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail};
use rustix::process::Signal;
use sha2::{Digest as _, Sha256};

use super::trailer::{Filter, Trailer};
use super::{Machine, PATIENCE};
use crate::archive::pack::{append_files, on_disk};
use crate::exit::{self, Coded};
use crate::model::link::Link;
use crate::run::exec::{Cmd, Finished, Flow, Output, Stream};
use crate::run::interrupt;
use crate::run::libtest::{self, Tail};
use crate::run::runner::in_sysroot;
use crate::store::hex;
use crate::test_set::TestSet;

/// What runs a process there.
const SCRIPT: &str = include_str!("run.sh");

/// How long copying may take.
const COPYING: Duration = Duration::from_hours(1);

/// How long output may stay open after a process has ended.
const LEAK_GRACE: Duration = Duration::from_secs(2);

/// A test set on a machine.
#[derive(Debug)]
pub struct Placed {
    /// Where it is.
    pub machine: Arc<Machine>,
    /// What it is a copy of.
    local: TestSet,
    /// The folder there.
    folder: PathBuf,
}

impl Machine {
    /// Copies a target's test set there, if it is not there yet, and sees that a program of it runs. `copying` is called
    /// before a copy is made; `scratch` has room for one.
    pub fn place(
        self: &Arc<Self>,
        target: &str,
        set: &TestSet,
        scratch: &Path,
        copying: impl FnOnce(),
    ) -> Result<Arc<Placed>> {
        let key = hex(&Sha256::digest(format!("{}\n{SCRIPT}", set.digest)));
        let folder = Path::new(&self.cache).join(format!("{target}-{}", &key[..16]));
        let placed = Placed { machine: Arc::clone(self), local: set.clone(), folder: folder.clone() };
        // Held while copying: the other link mode's tests wait for the same.
        let mut known = self.placed.lock().unwrap_or_else(PoisonError::into_inner);
        if !known.contains(&folder) {
            let there = "[ -d \"$1\" ] && echo there || echo none";
            let asked = self.connection()?.ask(there, &[placed.folder()?], None);
            if !asked.with_context(|| format!("looking for the test programs on {}", self.host))?.ends_with("there") {
                copying();
                placed.copy(scratch).with_context(|| format!("copying the test programs to {}", self.host))?;
            }
            placed.check(target)?;
            known.push(folder);
        }
        drop(known);
        Ok(Arc::new(placed))
    }
}

impl Placed {
    fn folder(&self) -> Result<&str> {
        self.folder.to_str().context("the folder's name is not UTF-8")
    }

    fn copy(&self, scratch: &Path) -> Result<()> {
        let file = tempfile::tempfile_in(scratch).context("making a file for the copy")?;
        let mut tar = tar::Builder::new(std::io::BufWriter::new(file));
        append_files(&mut tar, &on_disk(self.local.files()?), "")?;
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o644);
        header.set_size(SCRIPT.len() as u64);
        tar.append_data(&mut header, "run.sh", SCRIPT.as_bytes())?;
        let mut file = tar.into_inner()?.into_inner().context("writing the copy")?;
        std::io::Seek::rewind(&mut file).context("reading the copy")?;
        let script = "set -e\n\
                      mkdir -p \"$2\"\n\
                      part=$2/.part-$3\n\
                      rm -rf \"$part\"\n\
                      mkdir \"$part\"\n\
                      cd \"$part\"\n\
                      tar -xf -\n\
                      [ -d \"$1\" ] || mv \"$part\" \"$1\"\n\
                      rm -rf \"$part\"\n";
        let Machine { cache, mark, .. } = &*self.machine;
        self.machine.connection()?.ask(script, &[self.folder()?, cache, mark], Some((file, COPYING)))?;
        Ok(())
    }

    /// Runs a program of the target there: the least that has to work.
    fn check(&self, target: &str) -> Result<()> {
        let programs = self.local.list()?;
        let Some(program) = programs.iter().find(|program| program.harness) else { return Ok(()) };
        let path = program.path(&self.local.programs, Link::Static);
        let output = self.output(&Cmd::new(self.there(&path)).args(libtest::LIST).timeout(PATIENCE))?;
        if output.finished.status.success() && !libtest::listed(&output.stdout).is_empty() {
            return Ok(());
        }
        let Machine { host, kernel, .. } = &*self.machine;
        let how = crate::run::exec::describe(&output.finished);
        let why = format!(
            "{host} ({kernel}) cannot run programs of {target}: `{} --list` {how}{}\nhint: the machine has to be of the target's architecture",
            program.name,
            output.last_lines(),
        );
        Err(Coded::error(exit::HOST, why))
    }

    /// The path there of a file or folder of the test set.
    pub fn there(&self, path: &Path) -> PathBuf {
        let there = TestSet::laid_out(&self.folder, String::new());
        let TestSet { programs, sysroot, libraries, .. } = &self.local;
        let pairs = [(programs, there.programs), (sysroot, there.sysroot), (libraries, there.libraries)];
        let found = pairs.into_iter().find_map(|(from, to)| Some(to.join(path.strip_prefix(from).ok()?)));
        found.unwrap_or_else(|| path.to_owned())
    }

    /// Where the loader and the C library are there.
    pub fn sysroot(&self) -> PathBuf {
        self.there(&self.local.sysroot)
    }

    /// Whether the very loader that the programs were made with is in its place there.
    pub fn has_loader(&self, loader: &str) -> Result<bool> {
        let ours = in_sysroot(&self.sysroot(), loader);
        let ours = ours.to_str().context("the loader's name is not UTF-8")?;
        let asked =
            self.machine.connection()?.ask("cmp -s \"$1\" \"$2\" && echo same || echo other", &[ours, loader], None);
        Ok(asked.with_context(|| format!("looking for the loader on {}", self.machine.host))?.ends_with("same"))
    }

    /// Runs a command there, in folders of its own, with the environment that was written down for it. Ending, time limit
    /// and interrupt are as those of a process here.
    pub fn stream(&self, cmd: &Cmd, mut sink: impl FnMut(Stream, &[u8]) -> Flow) -> Result<Finished> {
        let Machine { temporary, mark, .. } = &*self.machine;
        let number = self.machine.processes.fetch_add(1, Ordering::Relaxed);
        let own = format!("{temporary}/{mark}/{number}");
        let errors = if cmd.merges_stderr() { "merge" } else { "apart" };
        let mut words: Vec<OsString> = vec!["sh".into(), self.folder.join("run.sh").into()];
        words.extend([own.as_str(), mark, errors].map(OsString::from));
        words.extend(cmd.environment().iter().map(|(key, value)| {
            let mut word = key.clone();
            word.push("=");
            word.push(value);
            word
        }));
        words.extend(cmd.words().map(ToOwned::to_owned));
        let connection = self.machine.connection()?;
        let session = connection.session();
        let mut filter = Filter::new(mark);
        let mut said = Tail::default();
        let mut ended = false;
        let finished = connection.command(words).bounded_as(cmd).stream(|stream, chunk| {
            if stream == Stream::Stdout {
                return if ended { keep(sink(stream, chunk)) } else { sink(stream, chunk) };
            }
            let passed = filter.feed(chunk);
            said.push(&passed);
            let flow = if passed.is_empty() { Flow::Continue } else { sink(stream, &passed) };
            if !ended && filter.trailer().is_some() {
                ended = true;
                return Flow::Deadline(Instant::now() + LEAK_GRACE);
            }
            if ended { keep(flow) } else { flow }
        });
        drop(session);
        let finished = finished?;
        if !filter.rest().is_empty() {
            said.push(filter.rest());
            sink(Stream::Stderr, filter.rest());
        }
        let Some(Trailer { status, left, cpu }) = filter.trailer() else {
            return self.without_trailer(finished, said.text().trim_end());
        };
        // Output that stayed open is held by a process that nobody could find.
        let left = (left || finished.timed_out).then(|| "a process on the other machine".to_owned());
        Ok(Finished { status, timed_out: false, left: left.into_iter().collect(), cpu, ..finished })
    }

    /// What it means that nothing was heard of a process's end.
    fn without_trailer(&self, finished: Finished, said: &str) -> Result<Finished> {
        let killed = finished.status.signal() == Some(Signal::KILL.as_raw());
        if finished.timed_out || killed {
            return Ok(finished);
        }
        interrupt::check()?;
        let Machine { host, .. } = &*self.machine;
        if !self.machine.answers() {
            interrupt::check()?;
            bail!(
                "the connection to {host} was lost: {said}\nhint: the same command goes on from the last complete suite"
            );
        }
        if finished.status.code() == Some(SSH_FAILED) {
            // The shell above it was killed, as happens when memory runs out.
            return Ok(Finished { status: ExitStatus::from_raw(Signal::KILL.as_raw()), ..finished });
        }
        Err(anyhow!("{host} could not start the process: {said}"))
    }

    /// Runs a command there and keeps what it printed.
    pub fn output(&self, cmd: &Cmd) -> Result<Output> {
        Output::of(|sink| self.stream(cmd, sink))
    }
}

/// ssh's exit status for trouble of its own; also if a signal ended what it started.
const SSH_FAILED: i32 = 255;

/// The process has ended: its time limit is of no concern any more.
fn keep(flow: Flow) -> Flow {
    if flow == Flow::Kill { flow } else { Flow::Continue }
}
