//! `sysroot`: musl, the runtimes, the linker driver, and the wrappers that make the stock compiler use them. Together
//! they are a toolchain without std. std is built with it.

use std::path::PathBuf;

use anyhow::Result;
use bringup_model::digest::{INPUTS_FILE, Inputs};
use bringup_model::target::Target;
use bringup_runner::exec::quote;

use super::builtins::BUILTINS;
use super::clang::Clang;
use super::driver::{self, Driver};
use super::runtimes::{ATOMIC, CRT, UNWIND};
use super::{Step, StepId, Work, tree};

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
        self.clang.inputs().add("rustc", &self.rust.commit).add("spec", spec).list("script", scripts)
    }

    fn needs(&self) -> Vec<StepId> {
        [self.musl, self.runtimes].into_iter().chain(self.compiler).collect()
    }

    fn build(&self, work: &Work) -> Result<()> {
        let sysroot = work.out.join("sysroot");
        let musl = work.path(self.musl)?;
        tree::link(&musl.join("lib"), &sysroot.join("lib"))?;
        tree::link(&musl.join("usr"), &sysroot.join("usr"))?;
        let runtimes = work.path(self.runtimes)?;
        for name in [UNWIND, ATOMIC] {
            fs_err::hard_link(runtimes.join(name), sysroot.join("usr/lib").join(name))?;
        }

        let resources = work.out.join("lib/clang");
        let folder = resources.join("lib").join(self.clang.runtime_folder()?);
        fs_err::create_dir_all(&folder)?;
        for name in [BUILTINS, CRT[0], CRT[1]] {
            fs_err::hard_link(runtimes.join(name), folder.join(name))?;
        }
        fs_err::os::unix::fs::symlink(self.clang.headers(), resources.join("include"))?;

        let rustlib = work.out.join("lib/rustlib");
        fs_err::create_dir_all(rustlib.join(&self.target.triple).join("lib"))?;
        fs_err::write(rustlib.join(&self.target.triple).join(SPEC_FILE), self.spec(work)?)?;
        let host = rustlib.join(&self.rust.triple);
        if let Some(compiler) = self.compiler {
            tree::link(work.path(compiler)?, &work.out)?;
            // These are the inputs of the step `compiler`. This step writes its own.
            fs_err::remove_file(work.out.join(INPUTS_FILE))?;
            // rustc looks here for a linker before it looks on the search path.
            fs_err::create_dir_all(host.join("bin"))?;
            super::write_script(&host.join("bin").join(self.target.driver()), &driver::beside_rustc(&self.target))?;
        } else {
            fs_err::os::unix::fs::symlink(self.rust.sysroot.join("lib/rustlib").join(&self.rust.triple), host)?;
        }

        fs_err::create_dir_all(work.out.join("bin"))?;
        for (name, text) in self.scripts() {
            super::write_script(&work.out.join("bin").join(name), &text)?;
        }
        Ok(())
    }
}

/// Sets `$here` to the toolchain's folder, so that the toolchain can be moved.
const HERE: &str = "here=$(CDPATH= cd -- \"${0%/*}/..\" && pwd -P) || exit\n";

impl SysrootStep {
    /// Name and text of every program in `bin`.
    fn scripts(&self) -> Vec<(String, String)> {
        let driver = (self.target.driver(), self.driver());
        // A compiler from the patched source accepts an installed spec, so it requires no wrapper.
        let wrapped: &[&str] = if self.compiler.is_some() { &[] } else { &["rustc", "rustdoc"] };
        let wrappers = wrapped.iter().map(|name| ((*name).to_owned(), self.rust_program(name)));
        std::iter::once(driver).chain(wrappers).chain([("cargo".into(), self.cargo())]).collect()
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
        let driver = Driver {
            target: &self.target,
            setup: HERE,
            clang: &quote(self.clang.path().as_os_str()),
            lld: &quote(self.clang.lld().as_os_str()),
            sysroot: "\"$here/sysroot\"",
            resources: "\"$here/lib/clang\"",
        };
        driver.text()
    }

    /// The wrapper of the stock compiler. rustc accepts a spec from a file only with unstable options, so the wrapper
    /// switches them on, for this target alone.
    fn rust_program(&self, name: &str) -> String {
        format!(
            "#!/bin/sh\n# The stock {name} with this folder as its sysroot.\n{HERE}\
             PATH=$here/bin:$PATH # where the linker driver is\n\
             target= sysroot=1 last=\n\
             for arg do\n    \
                 case $last$arg in\n    \
                 --target{triple} | --target={triple}) target=1 ;;\n    \
                 --sysroot*) sysroot= ;;\n    \
                 esac\n    \
                 case $arg in --target) last=$arg ;; *) last= ;; esac\n\
             done\n\
             if [ \"$target\" ]; then\n    \
                 RUSTC_BOOTSTRAP=1\n    \
                 export RUSTC_BOOTSTRAP\n    \
                 set -- -Zunstable-options \"$@\"\n\
             fi\n\
             if [ \"$sysroot\" ]; then\n    \
                 set -- --sysroot \"$here\" \"$@\"\n\
             fi\n\
             exec {program} \"$@\"\n",
            triple = self.target.triple,
            program = quote(self.rust.bin(name).as_os_str()),
        )
    }

    fn cargo(&self) -> String {
        let variable = self.target.triple.replace(['-', '.'], "_");
        format!(
            "#!/bin/sh\n# The stock cargo with the compilers of this folder.\n{HERE}\
             RUSTC=$here/bin/rustc RUSTDOC=$here/bin/rustdoc\n\
             CC_{variable}=${{CC_{variable}-$here/bin/{driver}}}\n\
             AR_{variable}=${{AR_{variable}-{ar}}}\n\
             export RUSTC RUSTDOC CC_{variable} AR_{variable}\n\
             exec {program} \"$@\"\n",
            driver = self.target.driver(),
            ar = quote(self.clang.ar().as_os_str()),
            program = quote(self.rust.bin("cargo").as_os_str()),
        )
    }
}
