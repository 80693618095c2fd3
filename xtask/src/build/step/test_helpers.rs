//! `test_helpers`: the C library that some of rustc's own tests call, for a target or for the host.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use bringup_model::digest::Inputs;
use bringup_runner::exec::Cmd;

use super::{Step, Work};

/// Its source, in that of the compiler.
const SOURCE: &str = "tests/auxiliary/rust_test_helpers.c";

/// The library.
pub struct TestHelpers {
    /// For whom: a target's name, or the host's triple.
    pub label: String,
    /// The C compiler for that.
    pub cc: PathBuf,
    /// What tells it from others, where no step does.
    pub version: Option<String>,
    /// llvm-ar.
    pub ar: PathBuf,
    /// The compiler's patched source.
    pub source: PathBuf,
}

impl Step for TestHelpers {
    fn name(&self) -> &'static str {
        "test_helpers"
    }

    fn label(&self) -> &str {
        &self.label
    }

    fn inputs(&self) -> Inputs {
        Inputs::new().list("cc", self.version.as_deref())
    }

    fn build(&self, work: &Work) -> Result<()> {
        let object = work.scratch.join("rust_test_helpers.o");
        let compile = Cmd::new(&self.cc).args(["-w", "-O0", "-fPIC", "-c"]).arg(self.source.join(SOURCE));
        let compile = compile.arg("-o").arg(&object);
        let archive = Cmd::new(&self.ar).arg("crs").arg(work.out.join("librust_test_helpers.a")).arg(&object);
        for cmd in [compile, archive] {
            work.run(&cmd).with_context(|| format!("building the C library of rustc's tests for {}", self.label))?;
        }
        Ok(())
    }
}
