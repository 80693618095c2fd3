//! Runners: what runs a program of the target.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result};
use bringup_model::version::Version;

use crate::exec::Cmd;
use crate::ssh::Placed;
use crate::test_set::in_sysroot;

/// How programs of the target are run.
#[derive(Debug, Clone)]
pub enum Runner {
    /// Under QEMU user-mode.
    Qemu {
        /// The emulator.
        path: PathBuf,
        /// Its version.
        version: Version,
        /// Where the target's loader and libraries are.
        sysroot: PathBuf,
        /// QEMU's `-cpu`, if the default does not fit the target.
        cpu: Option<String>,
        /// Variables of the emulator's environment.
        env: BTreeMap<String, String>,
    },
    /// By this machine's own processor.
    Native {
        /// Where the target's loader and libraries are.
        sysroot: PathBuf,
        /// The loader's path on a target system, as the programs name it.
        loader: String,
    },
    /// By another machine's processor.
    Ssh {
        /// The test set on that machine.
        placed: Arc<Placed>,
        /// The loader's path on a target system, as the programs name it.
        loader: String,
    },
}

impl Runner {
    /// QEMU user-mode with its default CPU, as it is installed at `path`, for programs whose loader and libraries are
    /// in `sysroot`.
    ///
    /// # Errors
    ///
    /// If the emulator cannot be started, or does not print its version.
    pub fn under_qemu(path: &Path, sysroot: &Path) -> Result<Self> {
        let printed = Cmd::new(path).arg("--version").read()?;
        let version =
            Version::find(&printed).with_context(|| format!("`{} --version` prints no version", path.display()))?;
        let (path, sysroot) = (path.to_owned(), sysroot.to_owned());
        Ok(Self::Qemu { path, version, sysroot, cpu: None, env: BTreeMap::new() })
    }

    /// As the report names it.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Qemu { .. } => "qemu",
            Self::Native { .. } => "native",
            Self::Ssh { .. } => "ssh",
        }
    }

    /// The emulator's version, if there is one.
    pub fn qemu(&self) -> Option<&Version> {
        match self {
            Self::Qemu { version, .. } => Some(version),
            Self::Native { .. } | Self::Ssh { .. } => None,
        }
    }

    /// Release and machine name of the kernel that the programs run on.
    pub fn kernel(&self) -> String {
        if let Self::Ssh { placed, .. } = self {
            return placed.machine.kernel.clone();
        }
        let kernel = rustix::system::uname();
        format!("{} {}", kernel.release().to_string_lossy(), kernel.machine().to_string_lossy())
    }

    /// The path under which the programs find a file or folder of the test set.
    pub(super) fn there(&self, path: &Path) -> PathBuf {
        match self {
            Self::Ssh { placed, .. } => placed.there(path),
            _ => path.to_owned(),
        }
    }

    /// Adds the emulator's variables to a command's environment.
    pub(super) fn environment(&self, cmd: Cmd) -> Cmd {
        match self {
            Self::Qemu { env, .. } => env.iter().fold(cmd, |cmd, (key, value)| cmd.env(key, value)),
            Self::Native { .. } | Self::Ssh { .. } => cmd,
        }
    }

    /// The command line that starts `program` without a sandbox, up to and including the program. `options` are further
    /// options of the emulator.
    ///
    /// Without an emulator a dynamic program is started through the sysroot's loader, so it does not see its own path
    /// in `/proc/self/exe`. A sandbox can avoid that.
    ///
    /// # Errors
    ///
    /// If the program's file cannot be read.
    pub fn words(&self, program: &Path, options: &[OsString]) -> Result<Vec<OsString>> {
        let mut words = match self {
            Self::Qemu { .. } => [self.emulator(), options.to_vec()].concat(),
            Self::Native { sysroot, loader } if asks_for(program, loader)? => {
                vec![in_sysroot(sysroot, loader).into()]
            }
            Self::Ssh { placed, loader } if asks_for(program, loader)? => {
                vec![in_sysroot(&placed.sysroot(), loader).into()]
            }
            Self::Native { .. } | Self::Ssh { .. } => Vec::new(),
        };
        words.push(self.there(program).into());
        Ok(words)
    }

    /// The emulator and its options; empty for the other runners.
    pub fn emulator(&self) -> Vec<OsString> {
        let Self::Qemu { path, sysroot, cpu, .. } = self else { return Vec::new() };
        let mut words: Vec<OsString> = vec![path.into(), "-L".into(), sysroot.into()];
        if let Some(cpu) = cpu {
            words.extend(["-cpu".into(), cpu.into()]);
        }
        words
    }
}

/// `LD_LIBRARY_PATH` for these folders.
pub(super) fn library_path(dirs: &[PathBuf]) -> Result<OsString> {
    std::env::join_paths(dirs)
        .context("a folder of shared libraries has a `:` in its path, which the loader cannot take")
}

/// Whether a program names this loader as its interpreter. Linkers put that name directly after the headers.
fn asks_for(program: &Path, loader: &str) -> Result<bool> {
    const FRONT: u64 = 4096;
    let mut front = Vec::new();
    std::io::Read::read_to_end(&mut std::io::Read::take(fs_err::File::open(program)?, FRONT), &mut front)?;
    Ok(front.windows(loader.len()).any(|window| window == loader.as_bytes()))
}
