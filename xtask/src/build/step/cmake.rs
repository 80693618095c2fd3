//! Building by CMake.

use std::path::{Path, PathBuf};

use anyhow::Result;
use bringup_runner::exec::Cmd;

use crate::host::survey::HostTools;

/// CMake and make. Unlike ninja, every version of make draws from the budget of jobs.
#[derive(Debug, Clone)]
pub struct CMake {
    cmake: PathBuf,
    make: PathBuf,
    identity: String,
}

impl CMake {
    /// The host's.
    pub fn new(host: &HostTools) -> Result<Self> {
        let tool = host.tool("cmake")?;
        Ok(Self { cmake: tool.path.clone(), make: host.path("make")?.into(), identity: tool.line.clone() })
    }

    /// CMake's line with its version. It is an input of a step, because CMake decides on flags.
    pub fn identity(&self) -> &str {
        &self.identity
    }

    /// The command that configures `source` in the folder `build`.
    pub fn configure(&self, source: &Path, build: &Path, settings: &[(&str, &Path)]) -> Cmd {
        let make = ("CMAKE_MAKE_PROGRAM", self.make.as_path());
        let settings = settings.iter().chain([&make]).map(|(name, value)| format!("-D{name}={}", value.display()));
        let cmd = clean(Cmd::new(&self.cmake)).args(["-G", "Unix Makefiles", "-S"]);
        cmd.arg(source).arg("-B").arg(build).args(settings)
    }

    /// The command that builds in the folder `build`.
    pub fn make(&self, build: &Path) -> Cmd {
        clean(Cmd::new(&self.make)).arg("-C").arg(build)
    }
}

/// The source must not be written to: its scripts may import modules beside them.
fn clean(cmd: Cmd) -> Cmd {
    cmd.env("PYTHONDONTWRITEBYTECODE", "1")
}
