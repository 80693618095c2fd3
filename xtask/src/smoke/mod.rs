//! Smoke: small programs built by the toolchain in a link mode and run, and a look at every ELF file.
//!
//! A check that fails is a value; an error is trouble of the harness itself. The same checks are listed whatever
//! happens: what could not be built is a failed check, not a missing one.

pub mod elf;
mod programs;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use bringup_model::link::Link;
use bringup_model::report::SmokeCheck;
use bringup_model::target::Target;
use bringup_runner::exec::Cmd;
use bringup_runner::jobs::Jobs;

/// The command that runs a program of the target, which finds its shared libraries in these folders.
pub type ProgramRunner<'a> = dyn Fn(&Path, &[PathBuf]) -> Result<Cmd> + 'a;

/// What is checked, and with what.
pub struct Smoke<'a> {
    /// The folder of the programs' sources.
    pub sources: &'a Path,
    /// The toolchain.
    pub toolchain: &'a Path,
    /// What it is for.
    pub target: &'a Target,
    /// cargo's home: the registry's cache, and no configuration of the user.
    pub cargo_home: &'a Path,
    /// Whether cargo must do with the crates in its cache.
    pub offline: bool,
    /// How a program of the target is run.
    pub runner: &'a ProgramRunner<'a>,
    /// Folder to build in, which need not exist.
    pub work: &'a Path,
    /// File that the tools' and the programs' output is appended to.
    pub log: &'a Path,
    /// Folders of the build host that no file may name.
    pub forbidden: &'a [PathBuf],
    /// The budget of jobs.
    pub jobs: &'a Jobs,
}

/// What was found.
#[derive(Debug, Default)]
pub struct Findings {
    /// Every check, in a fixed order.
    pub checks: Vec<SmokeCheck>,
    /// Processor time of compilers and programs.
    pub cpu: Duration,
}

impl Smoke<'_> {
    /// Builds, runs and audits everything of one link mode.
    pub fn run(&self, link: Link) -> Result<Findings> {
        let mut findings = Findings::default();
        programs::Mode::new(self, link, &mut findings)?.run()?;
        Ok(findings)
    }
}
