//! Steps: each builds one folder from named inputs.
//!
//! A [`Plan`] knows the name of every folder before anything is built, because a digest covers a step's own inputs
//! and those of the steps that it requires. [`Builder::build`] builds missing steps, several at a time.

mod build;
mod builtins;
pub mod cargo_wrapper;
mod clang;
mod cmake;
pub mod commands;
pub mod compiler;
pub mod compiletest;
pub mod driver;
pub mod kernel_headers;
pub mod libcxx;
pub mod musl;
pub mod patch;
mod plan;
pub mod runtimes;
mod rust_wrapper;
pub mod std;
pub mod sysroot;
pub mod test_helpers;
pub mod test_programs;
#[cfg(test)]
mod tests;
pub mod toolchain;
pub mod tools;
pub(crate) mod tree;
pub mod ui_sysroot;
pub mod upstream;

use ::std::collections::BTreeMap;
use ::std::path::{Path, PathBuf};
use ::std::sync::{Mutex, PoisonError};
use ::std::time::Duration;

use anyhow::{Context as _, Result};
use bringup_model::digest::Inputs;
use bringup_runner::exec::{Cmd, Finished};
use bringup_runner::jobs::{Jobs, Share};

pub use self::build::{Builder, Results, StepCost, StepFailure, Task, causes};
pub use self::builtins::BUILTINS;
pub use self::clang::Clang;
pub use self::cmake::CMake;
pub use self::plan::{Node, Plan, StepId};

/// A step of the build.
pub trait Step: Send + Sync {
    /// Name of the step and of its folder in out/: `musl`, `std`, …
    fn name(&self) -> &'static str;

    /// The name of the target or the source that the step is for.
    fn label(&self) -> &str;

    /// Number of the recipe. Raise it when [`Step::build`] changes, so that it makes another result from the same
    /// inputs.
    fn recipe(&self) -> u32 {
        1
    }

    /// The step's own inputs: everything that decides its result. The plan adds the digests of the required steps.
    fn inputs(&self) -> Inputs;

    /// The required steps, in the order in which they enter the digest. [`Work::path`] gives only their results.
    fn needs(&self) -> Vec<StepId>;

    /// Builds into the empty folder `work.out`.
    fn build(&self, work: &Work) -> Result<()>;
}

/// What a step gets to build with.
#[derive(Debug)]
pub struct Work {
    /// The folder to fill. It is renamed when the step is complete.
    pub out: PathBuf,
    /// The step's own scratch space, on the same file system. It is removed afterwards.
    pub scratch: PathBuf,
    /// The file for the tools' output.
    pub log: PathBuf,
    /// The budget of jobs.
    pub jobs: Jobs,
    /// Whether the network is forbidden.
    pub offline: bool,
    needs: BTreeMap<StepId, PathBuf>,
    cpu: Mutex<Duration>,
}

impl Work {
    /// The folder with the result of a required step.
    ///
    /// # Errors
    ///
    /// If [`Step::needs`] does not list the step: the digest would not cover what is read.
    pub fn path(&self, need: StepId) -> Result<&Path> {
        let path = self.needs.get(&need).context("the step reads the result of a step that `needs` does not list")?;
        Ok(path)
    }

    /// Runs a command with its output in the step's log, and counts its processor time.
    pub fn run(&self, cmd: &Cmd) -> Result<Finished> {
        self.run_sharing(cmd, Share::Tool)
    }

    /// Like [`Self::run`], for a tool that gets its share of the job budget in another way.
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

/// Sets `$here` to the toolchain's folder, so that the toolchain can be moved.
const HERE: &str = "here=$(CDPATH= cd -- \"${0%/*}/..\" && pwd -P) || exit\n";

/// Writes an executable shell script.
fn write_script(path: &Path, text: &str) -> Result<()> {
    use ::std::os::unix::fs::PermissionsExt as _;
    fs_err::write(path, text)?;
    fs_err::set_permissions(path, ::std::fs::Permissions::from_mode(0o755))?;
    Ok(())
}
