//! `upstream`: compiler-rt's builtins from the pristine source, as someone builds them who has only the toolchain. The
//! builtins of the toolchain are compared with these.

use std::path::Path;

use anyhow::Result;
use bringup_model::digest::Inputs;
use bringup_model::target::Target;
use bringup_runner::exec::quote;

use super::builtins::Builtins;
use super::clang::Clang;
use super::cmake::CMake;
use super::kernel_headers::INCLUDE;
use super::{Step, StepId, Work};

/// Upstream's builtins for one target.
pub struct UpstreamStep {
    pub(crate) target: Target,
    pub(crate) clang: Clang,
    /// What builds them.
    pub cmake: CMake,
    /// The step of the LLVM source without patches.
    pub llvm: StepId,
    /// The step `kernel_headers`: on RISC-V, clearing the instruction cache is a system call.
    pub kernel_headers: StepId,
    /// The step `sysroot`: its driver is the compiler, with the headers of the complete C library.
    pub sysroot: StepId,
}

impl Step for UpstreamStep {
    fn name(&self) -> &'static str {
        "upstream"
    }

    fn label(&self) -> &str {
        &self.target.name
    }

    fn inputs(&self) -> Inputs {
        let settings = self.target.runtimes.settings();
        self.clang.inputs().add("cmake", self.cmake.identity()).list("setting", settings)
    }

    fn needs(&self) -> Vec<StepId> {
        vec![self.llvm, self.kernel_headers, self.sysroot]
    }

    fn build(&self, work: &Work) -> Result<()> {
        let driver = work.path(self.sysroot)?.join("bin").join(self.target.driver());
        let headers = work.path(self.kernel_headers)?.join(INCLUDE);
        // Assertions contain paths of the source. Where these end, other texts begin, and code refers to them.
        let script = |place: &Path| {
            let map = format!("-ffile-prefix-map={}=/llvm", place.join("llvm").display());
            let words = [driver.as_os_str(), "-idirafter".as_ref(), headers.as_os_str(), map.as_ref()].map(quote);
            format!("#!/bin/sh\nexec {} \"$@\"\n", words.join(" "))
        };
        let builtins = Builtins { clang: &self.clang, cmake: &self.cmake, settings: &self.target.runtimes.settings };
        builtins.build(work, work.path(self.llvm)?, &script)
    }
}
