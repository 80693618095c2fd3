//! `toolchain`: the result of the step `sysroot`, with std, the kernel's headers and C++ added. Its `bin/cargo` and
//! `bin/rustc` compile for the target without further settings.

use std::path::PathBuf;

use anyhow::Result;
use bringup_model::digest::Inputs;
use bringup_model::target::Target;
use bringup_runner::exec::quote;

use super::HERE;
use super::cargo_wrapper::{self, TargetParts};
use super::clang::Clang;
use super::driver::DriverLanguage;
use super::sysroot::{SYSROOT, driver};
use super::{Step, StepId, Work, tools, tree};

/// The toolchain for one target.
pub struct ToolchainStep {
    pub(crate) target: Target,
    /// The compilers and LLVM's tools, which the scripts start.
    pub clang: Clang,
    /// The stock cargo.
    pub cargo: PathBuf,
    /// The step `sysroot`.
    pub sysroot: StepId,
    /// The step `std`.
    pub std: StepId,
    /// The step `kernel_headers`.
    pub kernel_headers: StepId,
    /// The step `libcxx`. std does not wait for it.
    pub libcxx: StepId,
}

impl Step for ToolchainStep {
    fn name(&self) -> &'static str {
        "toolchain"
    }

    fn label(&self) -> &str {
        &self.target.name
    }

    fn inputs(&self) -> Inputs {
        // The scripts' texts are inputs, because they contain paths of the host's tools.
        let scripts = self.scripts().into_iter().map(|(name, text)| format!("{name}\n{text}"));
        let cmake = tools::cmake(&self.target, SYSROOT);
        Inputs::new().add("triple", &self.target.triple).list("script", scripts).add("cmake file", &cmake)
    }

    fn needs(&self) -> Vec<StepId> {
        vec![self.sysroot, self.std, self.kernel_headers, self.libcxx]
    }

    fn build(&self, work: &Work) -> Result<()> {
        tree::link(work.path(self.sysroot)?, &work.out)?;
        tree::link(
            &work.path(self.std)?.join("lib"),
            &work.out.join("lib/rustlib").join(&self.target.triple).join("lib"),
        )?;
        for part in [self.kernel_headers, self.libcxx] {
            tree::link(&work.path(part)?.join("usr"), &work.out.join(SYSROOT).join("usr"))?;
        }
        let bin = work.out.join("bin");
        // A link to the file of the step `sysroot`, which must not change.
        fs_err::remove_file(bin.join("cargo"))?;
        for (name, text) in self.scripts() {
            super::write_script(&bin.join(name), &text)?;
        }
        for (name, driver) in tools::DRIVER_NAMES {
            let [name, driver] = [name, driver].map(|name| format!("{}-{name}", self.target.triple));
            fs_err::os::unix::fs::symlink(driver, bin.join(name))?;
        }
        let cmake = work.out.join(tools::cmake_file(&self.target));
        if let Some(folder) = cmake.parent() {
            fs_err::create_dir_all(folder)?;
        }
        Ok(fs_err::write(cmake, tools::cmake(&self.target, SYSROOT))?)
    }
}

impl ToolchainStep {
    /// Name and text of every program in `bin` that this step adds or replaces.
    fn scripts(&self) -> Vec<(String, String)> {
        let Self { target, clang, cargo, .. } = self;
        let sysroot = format!("$here/{SYSROOT}");
        let parts = TargetParts { target, sysroot: &sysroot };
        let mut scripts = vec![
            (target.cxx_driver(), driver(target, clang, DriverLanguage::Cxx)),
            (format!("{}-{}", target.triple, tools::PKG_CONFIG), tools::pkg_config(target, HERE, &sysroot)),
            ("cargo".into(), cargo_wrapper::text(HERE, &quote(cargo.as_os_str()), &[parts])),
        ];
        for (name, program) in tools::LLVM_TOOLS {
            let path = clang.program(program).map(|path| quote(path.as_os_str()));
            scripts.push((format!("{}-{name}", target.triple), tools::llvm_tool(program, path.as_deref())));
        }
        scripts
    }
}
