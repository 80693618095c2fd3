//! `musl`: libc.a, libc.so, the start files and the headers, by musl's own configure and make.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use bringup_model::digest::Inputs;
use bringup_model::exit::{self, CodedError};
use bringup_model::target::Target;
use bringup_runner::exec::Cmd;

use super::builtins::BUILTINS;
use super::clang::Clang;
use super::{Step, StepId, Work, tree};

/// musl for one target.
pub struct MuslStep {
    pub(crate) target: Target,
    pub(crate) clang: Clang,
    /// GNU make.
    pub make: PathBuf,
    /// The step of the patched source.
    pub source: StepId,
    /// The step `runtimes`: linking libc.so requires the builtins.
    pub runtimes: StepId,
}

impl Step for MuslStep {
    fn name(&self) -> &'static str {
        "musl"
    }

    fn label(&self) -> &str {
        &self.target.name
    }

    fn inputs(&self) -> Inputs {
        self.clang.inputs().add("arch", &self.target.musl.arch).add("loader", &self.target.musl.loader)
    }

    fn needs(&self) -> Vec<StepId> {
        vec![self.source, self.runtimes]
    }

    fn build(&self, work: &Work) -> Result<()> {
        // configure and make do not support paths with spaces, so all paths are relative to the build folder.
        let build = work.scratch.join("build");
        tree::copy(work.path(self.source)?, &build)?;
        fs_err::copy(work.path(self.runtimes)?.join(BUILTINS), build.join(BUILTINS))?;
        let mut cc = vec![self.clang.path().display().to_string()];
        cc.extend(self.clang.target_args());
        // configure tests linker options with CC alone, so CC includes the option that selects the linker.
        cc.push(format!("--ld-path={}", self.clang.lld().display()));
        let configure = Cmd::new("./configure")
            .args(["--prefix=/usr", "--syslibdir=/lib"])
            .arg(format!("--target={}", self.target.musl.arch))
            .env("CC", cc.join(" "))
            .env("AR", self.clang.ar())
            .env("RANLIB", self.clang.ranlib())
            .env("LIBCC", BUILTINS)
            .dir(&build);
        work.run(&configure).context("configuring musl")?;
        let make = Cmd::new(&self.make).dir(&build);
        work.run(&make).context("compiling musl")?;
        work.run(&make.args(["install", "DESTDIR=install"])).context("installing musl")?;
        for folder in ["lib", "usr"] {
            fs_err::rename(build.join("install").join(folder), work.out.join(folder))?;
        }
        // make installs an absolute link, which in a sysroot would point into the host's file system.
        let loader = work.out.join(self.target.musl.loader.trim_start_matches('/'));
        if !loader.is_symlink() {
            let Target { name, musl, .. } = &self.target;
            let what = format!("targets/{name}/target.toml: [musl] loader: musl installs no {}", musl.loader);
            return Err(CodedError::error(exit::USAGE, what));
        }
        fs_err::remove_file(&loader)?;
        let up = "../".repeat(self.target.musl.loader.matches('/').count() - 1);
        fs_err::os::unix::fs::symlink(format!("{up}usr/lib/libc.so"), loader)?;
        Ok(())
    }
}
