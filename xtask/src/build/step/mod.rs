//! Steps: what is built, each from named inputs into one folder.
//!
//! A [`Plan`] knows every folder's name before anything is built, because a digest covers a step's own inputs and those
//! of the steps it rests on. [`Builder::build`] builds what is missing, several steps at a time.

mod build;
mod clang;
pub mod compiler;
pub mod compiletest;
pub mod driver;
pub mod musl;
pub mod patch;
mod plan;
pub mod runtimes;
pub mod std;
pub mod sysroot;
pub mod test_helpers;
pub mod test_programs;
#[cfg(test)]
mod tests;
pub mod toolchain;
mod tree;

use ::std::collections::BTreeMap;
use ::std::path::{Path, PathBuf};
use ::std::sync::{Mutex, PoisonError};
use ::std::time::Duration;

use anyhow::{Context as _, Result};
use bringup_model::digest::Inputs;
use bringup_runner::exec::{Cmd, Finished};
use bringup_runner::jobs::{Jobs, Share};

pub use self::build::{Builder, Results, StepCost, StepFailure, Task, causes};
pub use self::clang::Clang;
pub use self::plan::{Node, Plan, StepId};

/// One thing to build.
pub trait Step: Send + Sync {
    /// Name of the step and of its folder in out/: `musl`, `std`, …
    fn name(&self) -> &'static str;

    /// What it is built for: a target's name, or a source's.
    fn label(&self) -> &str;

    /// Number of the recipe: raised when [`Step::build`] comes to make something else of the same inputs.
    fn recipe(&self) -> u32 {
        1
    }

    /// Everything of its own that decides its result; the plan adds the steps it needs.
    fn inputs(&self) -> Inputs;

    /// The steps whose results it reads, in the order in which they enter its digest: [`Work::path`] gives no others.
    fn needs(&self) -> Vec<StepId>;

    /// Builds into the empty folder `work.out`.
    fn build(&self, work: &Work) -> Result<()>;
}

/// What a step gets to work with.
#[derive(Debug)]
pub struct Work {
    /// The folder to fill; it is renamed when the step is complete.
    pub out: PathBuf,
    /// Scratch space of the step's own, on the same file system, removed afterwards.
    pub scratch: PathBuf,
    /// Where the tools' output goes.
    pub log: PathBuf,
    /// The budget of jobs.
    pub jobs: Jobs,
    /// Whether the network is forbidden.
    pub offline: bool,
    needs: BTreeMap<StepId, PathBuf>,
    cpu: Mutex<Duration>,
}

impl Work {
    /// The folder with the result of a step that this one needs.
    ///
    /// # Errors
    ///
    /// If [`Step::needs`] does not name it: the digest would not cover what is read.
    pub fn path(&self, need: StepId) -> Result<&Path> {
        let path = self.needs.get(&need).context("the step reads the result of a step that is not among its needs")?;
        Ok(path)
    }

    /// Runs a command with its output in the step's log, and counts its processor time.
    pub fn run(&self, cmd: &Cmd) -> Result<Finished> {
        self.run_sharing(cmd, Share::Tool)
    }

    /// The same, for a tool that finds the budget in another way.
    pub fn run_sharing(&self, cmd: &Cmd, share: Share) -> Result<Finished> {
        let finished = cmd.clone().within(&self.jobs, share).run(&self.log)?;
        self.spent(finished.cpu);
        Ok(finished)
    }

    /// Adds processor time of work done outside [`Work::run`].
    pub fn spent(&self, cpu: Duration) {
        *self.cpu.lock().unwrap_or_else(PoisonError::into_inner) += cpu;
    }
}

/// Writes a program for the shell.
fn write_script(path: &Path, text: &str) -> Result<()> {
    use ::std::os::unix::fs::PermissionsExt as _;
    fs_err::write(path, text)?;
    fs_err::set_permissions(path, ::std::fs::Permissions::from_mode(0o755))?;
    Ok(())
}
