//! `sysroot`: musl, the runtimes, the linker driver, and the wrappers that make the stock compiler use them. Together
//! they are a toolchain without std. std is built with it.

use std::path::{Path, PathBuf};

use anyhow::Result;
use bringup_model::digest::Inputs;
use bringup_model::target::Target;
use bringup_runner::exec::quote;

use super::builtins::BUILTINS;
use super::clang::Clang;
use super::commands::RunnerScript;
use super::driver::{self, Driver, DriverLanguage};
use super::runtimes::{ATOMIC, CRT, UNWIND};
use super::{HERE, Step, StepId, Work, cargo_wrapper, commands, rust_wrapper, tree};

use crate::build::spec::{self, SPEC_FILE, Spec};
use crate::host::survey::Rust;

/// The sysroot and the drivers for one target.
pub struct SysrootStep {
    pub(crate) target: Target,
    /// The target's spec, or its overlay.
    pub spec: Spec,
    /// The C compiler that the driver starts.
    pub clang: Clang,
    /// The stock Rust. The wrappers start its compiler, unless the compiler is built.
    pub rust: Rust,
    /// The step `compiler`, if the compiler is built.
    pub compiler: Option<StepId>,
    /// The project's folder.
    pub root: PathBuf,
    /// The step `musl`.
    pub musl: StepId,
    /// The step `runtimes`.
    pub runtimes: StepId,
}

impl Step for SysrootStep {
    fn name(&self) -> &'static str {
        "sysroot"
    }

    fn label(&self) -> &str {
        &self.target.name
    }

    fn recipe(&self) -> u32 {
        2
    }

    fn inputs(&self) -> Inputs {
        // The scripts' texts are inputs, because they contain paths of the host's compilers.
        let scripts = self.scripts().into_iter().map(|(name, text)| format!("{name}\n{text}"));
        let (Spec::Resolved(spec) | Spec::Overlay(spec)) = &self.spec;
        let library = self.compiler.is_none().then_some(rust_wrapper::SOURCE);
        let inputs = self.clang.inputs().add("rustc", &self.rust.commit).add("spec", spec).list("script", scripts);
        inputs.list("library", library)
    }

    fn needs(&self) -> Vec<StepId> {
        [self.musl, self.runtimes].into_iter().chain(self.compiler).collect()
    }

    fn build(&self, work: &Work) -> Result<()> {
        assemble(&self.clang, work.path(self.musl)?, work.path(self.runtimes)?, &work.out)?;
        let rustlib = work.out.join("lib/rustlib");
        fs_err::create_dir_all(rustlib.join(&self.target.triple).join("lib"))?;
        let spec =
            if self.compiler.is_some() { SPEC_FILE.into() } else { rust_wrapper::spec_file(&self.target.triple) };
        fs_err::write(rustlib.join(&self.target.triple).join(spec), self.spec(work)?)?;
        let host = rustlib.join(&self.rust.triple);
        if let Some(compiler) = self.compiler {
            tree::link(work.path(compiler)?, &work.out)?;
            // rustc looks here for a linker before it looks on the search path.
            fs_err::create_dir_all(host.join("bin"))?;
            super::write_script(&host.join("bin").join(self.target.driver()), &driver::beside_rustc(&self.target))?;
        } else {
            fs_err::os::unix::fs::symlink(self.rust.sysroot.join("lib/rustlib").join(&self.rust.triple), host)?;
            rust_wrapper::build_library(&self.clang, work)?;
        }

        fs_err::create_dir_all(work.out.join("bin"))?;
        for (name, text) in self.scripts() {
            super::write_script(&work.out.join("bin").join(name), &text)?;
        }
        Ok(())
    }
}

/// The folder of the C library below the toolchain's folder.
pub const SYSROOT: &str = "sysroot";
/// clang's resource folder below the toolchain's folder.
pub const RESOURCES: &str = "lib/clang";

/// Links everything that the C driver requires into the folder `out`: the C library, the runtimes, clang's headers.
pub(super) fn assemble(clang: &Clang, musl: &Path, runtimes: &Path, out: &Path) -> Result<()> {
    let sysroot = out.join(SYSROOT);
    tree::link(&musl.join("lib"), &sysroot.join("lib"))?;
    tree::link(&musl.join("usr"), &sysroot.join("usr"))?;
    for name in [UNWIND, ATOMIC] {
        fs_err::hard_link(runtimes.join(name), sysroot.join("usr/lib").join(name))?;
    }

    let resources = out.join(RESOURCES);
    let folder = resources.join("lib").join(clang.runtime_folder()?);
    fs_err::create_dir_all(&folder)?;
    for name in [BUILTINS, CRT[0], CRT[1]] {
        fs_err::hard_link(runtimes.join(name), folder.join(name))?;
    }
    Ok(fs_err::os::unix::fs::symlink(clang.headers(), resources.join("include"))?)
}

impl SysrootStep {
    /// Name and text of every program in `bin`.
    fn scripts(&self) -> Vec<(String, String)> {
        let mut scripts = vec![
            (self.target.driver(), self.driver()),
            ("cargo".into(), cargo_wrapper::for_std(&self.target, &self.clang, &self.rust.bin("cargo"))),
        ];
        scripts.push((commands::runner_name(&self.target.triple), self.runner()));
        scripts.extend(commands::scripts(HERE, &self.rust, self.compiler.is_none()));
        // A compiler from the patched source accepts an installed spec, so it requires no wrapper.
        if self.compiler.is_none() {
            scripts.extend(commands::compilers(HERE, &self.target.triple, &self.rust));
        }
        scripts
    }

    fn spec(&self, work: &Work) -> Result<String> {
        match (&self.spec, self.compiler) {
            (Spec::Overlay(_), Some(compiler)) => {
                let rust = Rust { sysroot: work.path(compiler)?.to_owned(), ..self.rust.clone() };
                spec::resolve(&self.root, &self.target, &rust)
            }
            (Spec::Resolved(text) | Spec::Overlay(text), _) => Ok(text.clone()),
        }
    }

    fn driver(&self) -> String {
        driver(&self.target, &self.clang, DriverLanguage::C)
    }

    fn runner(&self) -> String {
        let settings = commands::kept_settings(&self.target.triple);
        let (target, host) = (&self.target, &*self.rust.triple);
        RunnerScript { target, host, here: HERE, sysroot: "sysroot", settings: &settings }.text()
    }
}

/// The script of a driver in `bin` of a toolchain's folder.
pub(super) fn driver(target: &Target, clang: &Clang, language: DriverLanguage) -> String {
    let driver = Driver {
        target,
        language,
        setup: HERE,
        clang: &quote(clang.path().as_os_str()),
        lld: &quote(clang.lld().as_os_str()),
        sysroot: &format!("\"$here/{SYSROOT}\""),
        resources: &format!("\"$here/{RESOURCES}\""),
    };
    driver.text()
}
