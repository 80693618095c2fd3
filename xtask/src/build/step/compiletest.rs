//! `compiletest`: upstream's program that runs rustc's own tests, from the compiler's source, by stage 0.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use bringup_model::digest::Inputs;

use super::{Step, StepId, Work};
use crate::host::survey::Rust;

/// Name of the program, in the step's folder.
pub const PROGRAM: &str = "compiletest";

/// compiletest.
pub struct CompiletestStep {
    /// The installed toolchain.
    pub rust: Rust,
    /// The step of the patched source.
    pub source: StepId,
    /// Whether its Cargo.lock is to be taken as it is.
    pub locked: bool,
    /// cargo's home: its registry cache, and no configuration of the user.
    pub cargo_home: PathBuf,
}

impl Step for CompiletestStep {
    fn name(&self) -> &'static str {
        "compiletest"
    }

    fn label(&self) -> &str {
        &self.rust.triple
    }

    fn inputs(&self) -> Inputs {
        Inputs::new().add("rustc", &self.rust.commit)
    }

    fn needs(&self) -> Vec<StepId> {
        vec![self.source]
    }

    fn build(&self, work: &Work) -> Result<()> {
        let target = work.scratch.join("target");
        let cmd = self.rust.cargo(&self.cargo_home).env("CARGO_TARGET_DIR", &target);
        let cmd = cmd.args(["build", "--release", "--color=never"]);
        let cmd = cmd.arg("--manifest-path").arg(work.path(self.source)?.join("src/tools/compiletest/Cargo.toml"));
        let cmd = if self.locked { cmd.arg("--locked") } else { cmd };
        let cmd = if work.offline { cmd.arg("--offline") } else { cmd };
        work.run(&cmd).context("building compiletest")?;
        Ok(fs_err::rename(target.join("release").join(PROGRAM), work.out.join(PROGRAM))?)
    }
}
