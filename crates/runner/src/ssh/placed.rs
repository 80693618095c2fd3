//! A test set on another machine: it is copied once, and its programs are run there.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail};
use bringup_model::digest::hex;
use bringup_model::exit::{self, CodedError};
use bringup_model::link::Link;
use rustix::process::Signal;
use sha2::{Digest as _, Sha256};

use super::connection::{Connection, PAUSE, SSH_FAILED, Session};
use super::end_line::{EndLine, Filter};
use super::{Machine, PATIENCE};
use crate::etc;
use crate::exec::{Cmd, Finished, Flow, Output, Stream, quote};
use crate::files::append_files;
use crate::interrupt;
use crate::libtest::{self, Tail};
use crate::test_set::{TestSet, in_sysroot};

/// The script that runs a process there.
const SCRIPT: &str = include_str!("run.sh");

/// How long copying may take.
const COPYING: Duration = Duration::from_hours(1);

/// The folder of the files for `/etc`, beside those of the test set.
const ETC: &str = "etc";

/// Refusals after which the cause is no longer a session that has just ended.
const TRIES: usize = 3;

/// How long output may stay open after a process has ended.
const LEAK_GRACE: Duration = Duration::from_secs(2);

/// A test set on a machine.
#[derive(Debug)]
pub struct Placed {
    /// The machine.
    pub machine: Arc<Machine>,
    /// The original.
    local: TestSet,
    /// The folder there.
    folder: PathBuf,
}

impl Machine {
    /// Copies a target's test set there unless it exists, and checks that one of its programs runs. `copying` is called
    /// before a copy starts; `scratch` is a folder with room for one.
    ///
    /// # Errors
    ///
    /// If the copy fails, or the machine cannot run programs of the target.
    pub fn place(
        self: &Arc<Self>,
        target: &str,
        set: &TestSet,
        scratch: &Path,
        copying: impl FnOnce(),
    ) -> Result<Arc<Placed>> {
        // A set may have the programs of some suites only.
        let suites: BTreeSet<String> = set.list()?.into_iter().map(|(program, _)| program.suite).collect();
        let key = hex(&Sha256::digest(format!("{}\n{suites:?}\n{SCRIPT}{}", set.digest, etc::digest(true)?)));
        let folder = Path::new(&self.cache).join(format!("{target}-{}", &key[..16]));
        let placed = Placed { machine: Arc::clone(self), local: set.clone(), folder: folder.clone() };
        // Held while copying: the tests of the other link mode wait for the same copy.
        let mut known = self.placed.lock().unwrap_or_else(PoisonError::into_inner);
        if !known.contains(&folder) {
            let there = "[ -d \"$1\" ] && echo there || echo none";
            let asked = self.ask(there, &[placed.folder()?], None);
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
        let file = tempfile::tempfile_in(scratch).context("creating a file for the copy")?;
        let mut tar = tar::Builder::new(std::io::BufWriter::new(file));
        append_files(&mut tar, &self.local.files()?, "")?;
        let mut add = |name: &Path, bytes: &[u8]| {
            let mut header = tar::Header::new_gnu();
            header.set_mode(0o644);
            header.set_size(bytes.len() as u64);
            tar.append_data(&mut header, name, bytes)
        };
        add(Path::new("run.sh"), SCRIPT.as_bytes())?;
        etc::FILES.iter().try_for_each(|(name, bytes)| add(&Path::new(ETC).join(name), bytes))?;
        let mut file = tar.into_inner()?.into_inner().context("writing the copy")?;
        std::io::Seek::rewind(&mut file).context("reading the copy")?;
        // Parts of shells that have ended are removed; a part's name contains the process ID of its shell. If another
        // run has just created the folder, the part was moved into it and is removed there.
        let script = "set -e\n\
                      mkdir -p \"$2\"\n\
                      for old in \"$2\"/.part-*; do kill -0 \"${old##*-}\" 2>/dev/null || rm -rf \"$old\"; done\n\
                      name=.part-$$\n\
                      part=$2/$name\n\
                      trap 'cd /; rm -rf \"$part\"' EXIT\n\
                      trap 'exit 1' HUP INT PIPE TERM\n\
                      rm -rf \"$part\"\n\
                      mkdir \"$part\"\n\
                      cd \"$part\"\n\
                      tar -xf -\n\
                      [ -d \"$1\" ] || mv \"$part\" \"$1\"\n\
                      rm -rf \"$1/$name\"\n";
        let Machine { cache, host, .. } = &*self.machine;
        let copied = self.machine.ask(script, &[self.folder()?, cache], Some((file, COPYING)));
        copied.map(drop).map_err(|error| {
            let full = format!("{error:#}").contains("No space left on device");
            let hint = format!("hint: the disk is full there: make room on {host}, for example in {cache}");
            if full { anyhow!("{error:#}\n{hint}") } else { error }
        })
    }

    /// Runs one program of the target there, as the least that has to work.
    fn check(&self, target: &str) -> Result<()> {
        let programs = self.local.list()?;
        let Some((program, folder)) = programs.iter().find(|(program, _)| program.harness) else { return Ok(()) };
        let path = program.path(folder, Link::Static);
        let output = self.output(&Cmd::new(self.there(&path)).args(libtest::LIST).timeout(PATIENCE))?;
        if output.finished.status.success() && !libtest::listed(&output.stdout).is_empty() {
            return Ok(());
        }
        let Machine { host, kernel, .. } = &*self.machine;
        let how = crate::exec::describe(&output.finished);
        let why = format!(
            "{host} ({kernel}) cannot run programs of {target}: `{} --list` {how}{}\n\
             hint: is it of the target's architecture? if so, run `rm -r {}` there to have the programs copied again",
            program.name,
            output.last_lines(),
            quote(self.folder.as_os_str()),
        );
        Err(CodedError::error(exit::HOST, why))
    }

    /// The path there of a file or folder of the test set.
    pub(crate) fn there(&self, path: &Path) -> PathBuf {
        let there = TestSet::laid_out(&self.folder, String::new());
        let TestSet { programs, sysroot, libraries, .. } = &self.local;
        let programs = programs.iter().flat_map(|from| there.programs.iter().map(move |to| (from, to)));
        let mut pairs = programs.chain([(sysroot, &there.sysroot), (libraries, &there.libraries)]);
        let found = pairs.find_map(|(from, to)| Some(to.join(path.strip_prefix(from).ok()?)));
        found.unwrap_or_else(|| path.to_owned())
    }

    /// The folder of the files for `/etc` there.
    pub(crate) fn etc(&self) -> PathBuf {
        self.folder.join(ETC)
    }

    /// The folder of the loader and the C library there.
    pub(crate) fn sysroot(&self) -> PathBuf {
        self.there(&self.local.sysroot)
    }

    /// Whether the loader that the programs were built with is at its path there.
    pub(crate) fn has_loader(&self, loader: &str) -> Result<bool> {
        let ours = in_sysroot(&self.sysroot(), loader);
        let ours = ours.to_str().context("the loader's name is not UTF-8")?;
        let asked = self.machine.ask("cmp -s \"$1\" \"$2\" && echo same || echo other", &[ours, loader], None);
        Ok(asked.with_context(|| format!("looking for the loader on {}", self.machine.host))?.ends_with("same"))
    }

    /// Runs a command there, in private folders, with exactly the command's environment. Its end, its time limit and an
    /// interrupt are as for a process on this machine.
    pub(crate) fn stream(&self, cmd: &Cmd, mut sink: impl FnMut(Stream, &[u8]) -> Flow) -> Result<Finished> {
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
        let mut end = Instant::now() + PATIENCE;
        loop {
            let session = self.machine.session()?;
            for _ in 0..TRIES {
                if let Some(finished) = self.attempt(cmd, &words, &session, &mut sink)? {
                    return Ok(finished);
                }
                std::thread::sleep(PAUSE);
            }
            if session.refused() {
                end = Instant::now() + PATIENCE;
            } else if Instant::now() >= end {
                bail!("{} refuses every session", self.machine.host);
            }
        }
    }

    /// One attempt to run this command line; `None` if it did not start, because no session was available.
    fn attempt(
        &self,
        cmd: &Cmd,
        words: &[OsString],
        session: &Session,
        sink: &mut dyn FnMut(Stream, &[u8]) -> Flow,
    ) -> Result<Option<Finished>> {
        let mut filter = Filter::new(&self.machine.mark);
        let mut said = Tail::default();
        let mut ended = false;
        let finished = session.connection().command(words).bounded_as(cmd).stream(|stream, chunk| {
            // Another process has found that the machine is lost, so this one would be waited for in vain.
            if chunk.is_empty() && self.machine.check().is_err() {
                return Flow::Deadline(Instant::now());
            }
            if stream == Stream::Stdout {
                return if ended { keep(sink(stream, chunk)) } else { sink(stream, chunk) };
            }
            let passed = filter.feed(chunk);
            said.push(&passed);
            let flow = if passed.is_empty() { Flow::Continue } else { sink(stream, &passed) };
            if !ended && filter.end_line().is_some() {
                ended = true;
                return Flow::Deadline(Instant::now() + LEAK_GRACE);
            }
            if ended { keep(flow) } else { flow }
        })?;
        said.push(filter.rest());
        if filter.has_begun() && !filter.rest().is_empty() {
            sink(Stream::Stderr, filter.rest());
        }
        let Some(EndLine { status, left, cpu }) = filter.end_line() else {
            return self.without_end_line(finished, filter.has_begun(), session.connection(), said.text().trim_end());
        };
        // Output that stayed open belongs to a process that could not be found.
        let left = (left || finished.timed_out).then(|| "a process on the other machine".to_owned());
        Ok(Some(Finished { status, timed_out: false, left: left.into_iter().collect(), cpu, ..finished }))
    }

    /// What the lack of an end line means; `None` if the command has to be retried.
    fn without_end_line(
        &self,
        finished: Finished,
        begun: bool,
        connection: &Connection,
        said: &str,
    ) -> Result<Option<Finished>> {
        self.machine.check()?;
        let killed = finished.status.signal() == Some(Signal::KILL.as_raw());
        if killed && !finished.timed_out {
            return Ok(Some(finished));
        }
        interrupt::check()?;
        // No test is to blame for a machine that has stopped or is unreachable.
        self.machine.check_answers(connection, said)?;
        match finished.status.code() {
            _ if finished.timed_out => Ok(Some(finished)),
            Some(SSH_FAILED) if !begun => Ok(None),
            // The shell above the process was killed, as happens when memory runs out.
            Some(SSH_FAILED) => Ok(Some(Finished { status: ExitStatus::from_raw(Signal::KILL.as_raw()), ..finished })),
            _ => Err(anyhow!("{} could not start the process: {said}", self.machine.host)),
        }
    }

    /// Runs a command there and keeps its output.
    pub(crate) fn output(&self, cmd: &Cmd) -> Result<Output> {
        Output::of(|sink| self.stream(cmd, sink))
    }
}

/// After the process has ended, its time limit no longer matters.
fn keep(flow: Flow) -> Flow {
    if flow == Flow::Kill { flow } else { Flow::Continue }
}
