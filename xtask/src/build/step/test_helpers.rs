//! `test_helpers`: the C library that some of rustc's own tests call, for a target or for the host.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use bringup_model::digest::Inputs;
use bringup_runner::exec::Cmd;

use super::{Step, StepId, Work};
use crate::host::survey::Tool;

/// The library's source, in the compiler's source.
const SOURCE: &str = "tests/auxiliary/rust_test_helpers.c";

/// The C library for one target, or for the host.
pub struct TestHelpersStep {
    /// A target's name, or the host's triple.
    pub label: String,
    /// The C compiler.
    pub cc: CCompiler,
    /// llvm-ar.
    pub ar: PathBuf,
    /// The step of the compiler's patched source.
    pub source: StepId,
}

/// A C compiler.
pub enum CCompiler {
    /// The host's clang.
    Host(Tool),
    /// The driver of a toolchain.
    Target {
        /// The step `toolchain`.
        toolchain: StepId,
        /// Name of the driver.
        driver: String,
    },
}

impl Step for TestHelpersStep {
    fn name(&self) -> &'static str {
        "test_helpers"
    }

    fn label(&self) -> &str {
        &self.label
    }

    fn inputs(&self) -> Inputs {
        // The digest of the step `toolchain` covers the toolchain's compiler.
        match &self.cc {
            CCompiler::Host(tool) => Inputs::new().add("cc", &tool.line),
            CCompiler::Target { .. } => Inputs::new(),
        }
    }

    fn needs(&self) -> Vec<StepId> {
        match self.cc {
            CCompiler::Host(_) => vec![self.source],
            CCompiler::Target { toolchain, .. } => vec![self.source, toolchain],
        }
    }

    fn build(&self, work: &Work) -> Result<()> {
        let object = work.scratch.join("rust_test_helpers.o");
        let cc = match &self.cc {
            CCompiler::Host(tool) => tool.path.clone(),
            CCompiler::Target { toolchain, driver } => work.path(*toolchain)?.join("bin").join(driver),
        };
        let compile = Cmd::new(cc).args(["-w", "-O0", "-fPIC", "-c"]).arg(work.path(self.source)?.join(SOURCE));
        let compile = compile.arg("-o").arg(&object);
        let archive = Cmd::new(&self.ar).arg("crs").arg(work.out.join("librust_test_helpers.a")).arg(&object);
        for cmd in [compile, archive] {
            work.run(&cmd).with_context(|| format!("building the C library of rustc's tests for {}", self.label))?;
        }
        Ok(())
    }
}
