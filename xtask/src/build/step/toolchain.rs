//! `toolchain`: the result of the step `sysroot`, with std added. Its `bin/cargo` and `bin/rustc` compile for the
//! target without further settings.

use anyhow::Result;
use bringup_model::digest::{INPUTS_FILE, Inputs};
use bringup_model::target::Target;

use super::{Step, StepId, Work, tree};

/// The toolchain for one target.
pub struct ToolchainStep {
    pub(crate) target: Target,
    /// The step `sysroot`.
    pub sysroot: StepId,
    /// The step `std`.
    pub std: StepId,
}

impl Step for ToolchainStep {
    fn name(&self) -> &'static str {
        "toolchain"
    }

    fn label(&self) -> &str {
        &self.target.name
    }

    fn inputs(&self) -> Inputs {
        Inputs::new().add("triple", &self.target.triple)
    }

    fn needs(&self) -> Vec<StepId> {
        vec![self.sysroot, self.std]
    }

    fn build(&self, work: &Work) -> Result<()> {
        tree::link(work.path(self.sysroot)?, &work.out)?;
        // These are the inputs of the step `sysroot`. This step writes its own.
        fs_err::remove_file(work.out.join(INPUTS_FILE))?;
        tree::link(
            &work.path(self.std)?.join("lib"),
            &work.out.join("lib/rustlib").join(&self.target.triple).join("lib"),
        )
    }
}
