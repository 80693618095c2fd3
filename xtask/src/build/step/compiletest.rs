//! `compiletest`: upstream's program that runs rustc's own tests, built from the compiler's source by the installed
//! toolchain.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use bringup_model::digest::Inputs;

use super::{Step, StepId, Work};
use crate::host::survey::Rust;

/// The program, in the step's folder.
pub const PROGRAM: &str = "compiletest";

/// Upstream's compiletest.
pub struct CompiletestStep {
    /// The installed toolchain.
    pub rust: Rust,
    /// The step of the patched source.
    pub source: StepId,
    /// Whether cargo gets `--locked`.
    pub locked: bool,
    /// cargo's home. It has the registry cache, but no configuration of the user.
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
