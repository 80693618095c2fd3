//! `ui_sysroot`: a toolchain with the source of its std, as rustup's component `rust-src` adds it. rustc's own tests expect
//! messages that refer to it.

use anyhow::Result;
use bringup_model::digest::Inputs;

use super::{Step, StepId, Work, tree};

/// The folder where rustc looks for the source of std, in a toolchain.
const SOURCES: &str = "lib/rustlib/src";

/// A toolchain for rustc's own tests.
pub struct UiSysrootStep {
    /// The target's name.
    pub label: String,
    /// The step `toolchain`.
    pub toolchain: StepId,
    /// The step of std's patched source.
    pub source: StepId,
}

impl Step for UiSysrootStep {
    fn name(&self) -> &'static str {
        "ui_sysroot"
    }

    fn label(&self) -> &str {
        &self.label
    }

    fn inputs(&self) -> Inputs {
        Inputs::new()
    }

    fn needs(&self) -> Vec<StepId> {
        vec![self.toolchain, self.source]
    }

    fn build(&self, work: &Work) -> Result<()> {
        tree::link(work.path(self.toolchain)?, &work.out)?;
        let sources = work.out.join(SOURCES);
        fs_err::create_dir_all(&sources)?;
        Ok(fs_err::os::unix::fs::symlink(work.path(self.source)?, sources.join("rust"))?)
    }
}
