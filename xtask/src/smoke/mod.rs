//! The smoke test: builds and runs small programs in a link mode, and audits every ELF file and every instruction.
//!
//! A failed check is a value. An error is a fault of the harness itself. A link mode always has the same checks: a
//! program that cannot be built is a failed check, not a missing one.

pub mod corpus;
pub mod crates;
pub mod elf;
pub mod instructions;
mod programs;
mod toolchain;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use bringup_model::link::Link;
use bringup_model::pins::LibcSwitch;
use bringup_model::report::SmokeCheck;
use bringup_model::target::Target;
use bringup_runner::exec::Cmd;
use bringup_runner::jobs::Jobs;

pub use self::toolchain::ToolchainAudit;

/// Makes the command that runs a program of the target. The program finds its shared libraries in these folders.
pub type ProgramRunner<'a> = dyn Fn(&Path, &[PathBuf]) -> Result<Cmd> + Sync + 'a;

/// The smoke test of one toolchain.
pub struct Smoke<'a> {
    /// The folder of the programs' sources.
    pub sources: &'a Path,
    /// The toolchain.
    pub toolchain: &'a Path,
    /// The toolchain's target.
    pub target: &'a Target,
    /// cargo's home. It has the registry cache, but no configuration of the user.
    pub cargo_home: &'a Path,
    /// Whether cargo may only use the crates in its cache.
    pub offline: bool,
    /// What a program's libc requires for a `time_t` of 64 bits.
    pub libc: &'a [LibcSwitch],
    /// Runs programs of the target.
    pub runner: &'a ProgramRunner<'a>,
    /// Folder to build in. It need not exist.
    pub work: &'a Path,
    /// Log file, to which the output of tools and programs is appended.
    pub log: &'a Path,
    /// Folders of the build host. Files must not contain paths in them.
    pub forbidden: &'a [PathBuf],
    /// The budget of jobs.
    pub jobs: &'a Jobs,
}

/// The result of the smoke test.
#[derive(Debug, Default)]
pub struct Findings {
    /// Every check, in a fixed order.
    pub checks: Vec<SmokeCheck>,
    /// Processor time of compilers and programs.
    pub cpu: Duration,
}

/// A program of the smoke test.
#[derive(Debug, Clone)]
pub struct BuiltProgram {
    /// Its file.
    pub file: PathBuf,
    /// What it must print on standard output.
    pub expected: String,
    /// Folders with its shared libraries.
    pub lib_dirs: Vec<PathBuf>,
}

/// The language of a program of the smoke test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProgramLanguage {
    /// C, compiled by the driver alone.
    C,
    /// Rust, built by cargo or rustc.
    Rust,
}

/// The language of the program of a link mode's check; none if the check runs no program.
pub fn program_named(sources: &Path, link: Link, name: &str) -> Option<ProgramLanguage> {
    programs::language(sources, link, name)
}

impl Smoke<'_> {
    /// Builds, runs and audits everything of one link mode.
    pub fn run(&self, link: Link) -> Result<Findings> {
        let mut findings = Findings::default();
        programs::Mode::new(self, link, &mut findings)?.run()?;
        Ok(findings)
    }

    /// Runs the C corpus alone, with the C driver and no other part of a toolchain.
    pub fn corpus(&self, link: Link) -> Result<Findings> {
        let mut findings = Findings::default();
        programs::Mode::new(self, link, &mut findings)?.corpus()?;
        Ok(findings)
    }

    /// Builds the program of one check of a link mode, without running it. An error text says why there is none.
    pub fn build_one(&self, link: Link, name: &str) -> Result<Result<BuiltProgram, String>> {
        programs::Mode::new(self, link, &mut Findings::default())?.one(name)
    }
}
