//! Namespaces around test programs, without privileges.
//!
//! Four things are set up where the kernel allows them, each in namespaces that only the program and its children see:
//! * a private network with only a loopback interface, so that tests of two programs cannot collide on a port;
//! * the emulator registered with `binfmt_misc`, so that programs of the target can start each other (Linux 6.7 and
//!   later);
//! * files of `/etc` of its own (see `etc.rs`), so that programs see the same on every host;
//! * for the native runner, an overlay that puts the target's loader into the host's folder of that name, so that
//!   programs start as on a target system and know their own path.
//!
//! Inside, the user is root, and no other user exists. For another machine the same is tried there.

mod feature;

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};
use bringup_model::isolation::Isolation;
use bringup_model::link::Link;

use self::feature::{
    Feature, bind, copy_loader, folder_of, is_own_kind, musl_loader, overlay, place_of, register, shell_words,
    write_script,
};
use crate::etc;
use crate::exec::{Cmd, Finished, Flow, Output, Stream};
use crate::jobs::Share;
use crate::runner::{Runner, library_path};
use crate::scratch::Scratch;
use crate::test_set::in_sysroot;

/// Name of the script that starts programs of the target.
const STARTER: &str = "starter";

/// The namespaces that all others require.
const NAMESPACES: [&str; 2] = ["--user", "--map-root-user"];

/// The isolation of the programs of one run.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts about the host")]
pub struct Sandbox {
    /// Whether programs have a private network.
    pub network: bool,
    /// Whether programs of the target can start each other under the emulator.
    pub binfmt: bool,
    /// Whether the target's programs look like the host's own to the kernel, so that the emulator cannot be registered
    /// for them.
    pub own_kind: bool,
    /// Whether the target's loader is at its path, so that such programs also start if they are dynamic.
    pub own_loader: bool,
    /// Whether the target's loader is at its path, for runners without an emulator.
    pub loader: bool,
    /// Whether programs see the sandbox's own files in `/etc` instead of the host's.
    pub files: bool,
    /// What is not available, and why.
    pub notes: Vec<String>,
    runner: Runner,
    unshare: Vec<&'static str>,
    script: String,
    /// Parameters of the script.
    values: Vec<OsString>,
    /// Contains the scripts that start the emulator or the loader. Its path is short.
    folder: Scratch,
}

/// What the emulator does besides running a program.
#[derive(Debug, Clone, Default)]
pub struct Tracing {
    /// A command that starts the emulator.
    pub before: Vec<OsString>,
    /// Further options of the emulator.
    pub options: Vec<OsString>,
}

impl Sandbox {
    /// Sets up everything that the kernel allows. `sample` is any program that will be run: the emulator is registered
    /// for files with its ELF header.
    ///
    /// # Errors
    ///
    /// If the sample is no ELF file, or the sandbox's own files cannot be written. What the kernel refuses becomes a
    /// [note](Self::notes).
    pub fn prepare(runner: &Runner, sample: &Path) -> Result<Self> {
        Self::with_isolation(runner, sample, Isolation::Full)
    }

    /// As [`prepare`](Self::prepare), but at most with the given isolation.
    ///
    /// # Errors
    ///
    /// As for [`prepare`](Self::prepare).
    pub fn with_isolation(runner: &Runner, sample: &Path, isolation: Isolation) -> Result<Self> {
        let folder = Scratch::new().context("creating a folder for the sandbox")?;
        let path = folder.path().to_owned();
        let words = match runner {
            Runner::Native { sysroot, loader } => vec![in_sysroot(sysroot, loader).into()],
            other => other.emulator(),
        };
        let text = [b"#!/bin/sh\nexec".to_vec(), shell_words(&words), b" \"$@\"\n".to_vec()];
        write_script(&path.join(STARTER), &text.concat())?;
        let mut sandbox = Self {
            network: false,
            binfmt: false,
            own_kind: false,
            own_loader: false,
            loader: false,
            files: false,
            notes: Vec::new(),
            runner: runner.clone(),
            unshare: NAMESPACES.into(),
            script: "set -e\n".into(),
            values: Vec::new(),
            folder,
        };
        let unwanted = format!("--isolation {}", isolation.word());
        let lacking = "no network of their own for test programs";
        let network = Feature { unshare: &["--net"], script: "ip link set lo up\n".into(), values: vec![] };
        let network = if isolation.network() { Ok(network) } else { Err(unwanted.clone()) };
        sandbox.network = sandbox.take(lacking, network)?;
        let lacking = "test programs see this machine's own files in /etc";
        let layer = match runner {
            Runner::Ssh { placed, .. } => placed.etc(),
            _ => path.join("etc"),
        };
        if !matches!(runner, Runner::Ssh { .. }) {
            etc::write(&layer)?;
        }
        sandbox.files = if isolation.network() {
            // Without overlays, files that the host lacks cannot be added.
            sandbox.offer(overlay(layer.clone(), Path::new("/etc")))?.is_ok()
                || sandbox.take(lacking, Ok(bind(layer)))?
        } else {
            sandbox.take(lacking, Err(unwanted.clone()))?
        };
        let spawns = isolation.spawns();
        match runner {
            Runner::Qemu { sysroot, .. } if is_own_kind(sample)? => {
                sandbox.own_kind = true;
                if let Some(loader) = musl_loader(sysroot)?.filter(|_| spawns) {
                    let feature = overlay(copy_loader(sysroot, &loader, &path)?, folder_of(&loader)?);
                    sandbox.own_loader = sandbox.offer(feature)?.is_ok();
                }
            }
            Runner::Qemu { .. } => {
                let lacking = "programs of the target cannot start each other: no binfmt_misc";
                let feature = if spawns { register(runner, sample, &path)? } else { Err(unwanted) };
                sandbox.binfmt = sandbox.take(lacking, feature)?;
            }
            Runner::Native { sysroot, loader } => {
                let lacking = "programs are started through the loader and do not know their own path";
                let feature = if spawns {
                    Ok(overlay(copy_loader(sysroot, loader, &path)?, folder_of(loader)?))
                } else {
                    Err(unwanted)
                };
                sandbox.loader = sandbox.take(lacking, feature)?;
            }
            Runner::Ssh { placed, loader } => {
                sandbox.own_kind = true;
                let lacking = "programs are started through the loader and do not know their own path";
                let layer = placed.sysroot().join(place_of(loader).strip_prefix("/").unwrap_or(place_of(loader)));
                let feature = if spawns { Ok(overlay(layer, folder_of(loader)?)) } else { Err(unwanted) };
                sandbox.loader = placed.has_loader(loader)? || sandbox.take(lacking, feature)?;
            }
        }
        Ok(sandbox)
    }

    /// Whether programs of the target can start each other and themselves. The host starts those of its own architecture,
    /// without the emulator; dynamic ones only if it has their loader.
    pub fn spawns(&self, link: Link) -> bool {
        self.binfmt || self.loader || (self.own_kind && (self.own_loader || link == Link::Static))
    }

    /// What the sandbox does not provide, in the words of triage.
    pub fn lacking(&self) -> Vec<String> {
        let (what, spawns) = match self.runner {
            Runner::Qemu { .. } => ("binfmt_misc", self.binfmt),
            Runner::Native { .. } | Runner::Ssh { .. } => ("loader in its place", self.loader),
        };
        let all = [("network of its own", self.network), (what, spawns)];
        all.into_iter().filter(|(_, has)| !has).map(|(what, _)| what.to_owned()).collect()
    }

    /// A command that runs `program` in the sandbox. `lib_dirs` are searched for shared libraries first.
    ///
    /// # Errors
    ///
    /// If the program's file cannot be read, or a folder's path contains `:`.
    pub fn command(
        &self,
        program: &Path,
        args: impl IntoIterator<Item = impl AsRef<OsStr>>,
        lib_dirs: &[PathBuf],
    ) -> Result<Cmd> {
        self.traced(program, args, lib_dirs, &Tracing::default())
    }

    /// As [`command`](Self::command), with tracing by the emulator of this program, but not of the programs that it
    /// starts.
    ///
    /// # Errors
    ///
    /// As for [`command`](Self::command).
    pub(crate) fn traced(
        &self,
        program: &Path,
        args: impl IntoIterator<Item = impl AsRef<OsStr>>,
        lib_dirs: &[PathBuf],
        tracing: &Tracing,
    ) -> Result<Cmd> {
        let words = if self.loader {
            vec![self.runner.there(program).into()]
        } else {
            self.runner.words(program, &tracing.options)?
        };
        let words: Vec<OsString> = tracing.before.iter().cloned().chain(words).collect();
        let lib_dirs: Vec<PathBuf> = lib_dirs.iter().map(|dir| self.runner.there(dir)).collect();
        let libraries = library_path(&lib_dirs)?;
        if self.unshare.len() > NAMESPACES.len() {
            return Ok(self.enclose(&libraries).args(words).args(args));
        }
        let cmd = Cmd::new(&words[0]).args(&words[1..]).args(args);
        let cmd = if libraries.is_empty() { cmd } else { cmd.env("LD_LIBRARY_PATH", libraries) };
        Ok(self.runner.environment(cmd))
    }

    /// A command that runs a program of this machine in the sandbox.
    pub(crate) fn host_command(&self, program: &Path) -> Cmd {
        if self.unshare.len() > NAMESPACES.len() {
            return self.enclose(OsStr::new("")).arg(program);
        }
        self.runner.environment(Cmd::new(program))
    }

    /// The script by which a program in the sandbox starts programs of the target, given their command lines; `None` if
    /// they start by themselves.
    pub(crate) fn starter(&self, link: Link) -> Option<PathBuf> {
        let needed = match &self.runner {
            Runner::Qemu { .. } => true,
            Runner::Native { .. } => !self.loader && link == Link::Dynamic,
            Runner::Ssh { .. } => false,
        };
        needed.then(|| self.folder.path().join(STARTER))
    }

    /// Runs one of the sandbox's commands with a private home, temporary folder and working folder. On this machine
    /// they are in `folder` and stay; on another machine they are removed.
    ///
    /// # Errors
    ///
    /// If the folders cannot be created, the command cannot be started or watched, or on Ctrl-C.
    pub fn stream(&self, cmd: Cmd, folder: &Path, sink: impl FnMut(Stream, &[u8]) -> Flow) -> Result<Finished> {
        fs_err::create_dir_all(folder)?;
        if let Runner::Ssh { placed, .. } = &self.runner {
            return placed.stream(&cmd, sink);
        }
        private(cmd, folder)?.stream(sink)
    }

    /// How the sandbox's commands use the budget of jobs.
    pub(crate) fn share(&self) -> Share {
        if matches!(self.runner, Runner::Ssh { .. }) { Share::Elsewhere } else { Share::Program }
    }

    fn output(&self, cmd: &Cmd) -> Result<Output> {
        match &self.runner {
            Runner::Ssh { placed, .. } => placed.output(cmd),
            _ => cmd.output(),
        }
    }

    /// The start of a command line, to which the program is added. The libraries are for the program alone, not for the
    /// tools before it.
    fn enclose(&self, libraries: &OsStr) -> Cmd {
        let count = self.values.len() + 1;
        let libraries_set = format!("if [ -n \"${{{count}}}\" ]; then export LD_LIBRARY_PATH=\"${{{count}}}\"; fi\n");
        let script = format!("{}{libraries_set}shift {count}\nexec \"$@\"\n", self.script);
        let cmd =
            Cmd::new("unshare").args(&self.unshare).args(["sh", "-c", &script, "sh"]).args(&self.values).arg(libraries);
        self.runner.environment(cmd)
    }

    /// Adds a feature if a trial shows that it works; otherwise a note says why it does not.
    fn take(&mut self, lacking: &str, feature: Result<Feature, String>) -> Result<bool> {
        let taken = match feature {
            Ok(feature) => self.offer(feature)?,
            Err(why) => Err(why),
        };
        if let Err(why) = &taken {
            self.notes.push(format!("{lacking} ({why})"));
        }
        Ok(taken.is_ok())
    }

    /// Adds a feature if a trial shows that it works; otherwise the result is why it does not.
    fn offer(&mut self, feature: Feature) -> Result<Result<(), String>> {
        let before = (self.unshare.clone(), self.script.clone(), self.values.clone());
        // The numbers continue from the values of earlier features.
        let numbered = (0..feature.values.len()).fold(feature.script, |script, index| {
            script.replace(&format!("@{index}"), &format!("${{{}}}", self.values.len() + index + 1))
        });
        for namespace in feature.unshare {
            if !self.unshare.contains(namespace) {
                self.unshare.push(namespace);
            }
        }
        self.script.push_str(&numbered);
        self.values.extend(feature.values);
        let why = match self.output(&self.enclose(OsStr::new("")).arg("true").timeout(Duration::from_secs(10))) {
            Ok(trial) if trial.finished.status.success() => return Ok(Ok(())),
            Ok(trial) => String::from_utf8_lossy(&trial.stderr).lines().last().unwrap_or("no reason given").to_owned(),
            Err(error) => {
                crate::interrupt::check()?;
                format!("{:#}", error.root_cause())
            }
        };
        (self.unshare, self.script, self.values) = before;
        Ok(Err(why))
    }
}

/// Gives a command a home, a temporary folder and a working folder within `folder`.
pub(super) fn private(cmd: Cmd, folder: &Path) -> Result<Cmd> {
    let [home, tmp, work] = ["home", "tmp", "work"].map(|name| folder.join(name));
    for path in [&home, &tmp, &work] {
        fs_err::create_dir_all(path)?;
    }
    Ok(cmd.env("HOME", home).env("TMPDIR", tmp).dir(work))
}
