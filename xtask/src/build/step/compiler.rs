//! `compiler`: rustc, rustdoc and std for the host, built by x.py from the patched source. It has LLVM's back ends
//! for all targets, but no std for them, because all targets share the compiler.

pub mod config;
mod failure;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use bringup_model::digest::Inputs;
use bringup_model::series::Series;
use bringup_runner::exec::{Cmd, NETWORK_ENV};
use bringup_runner::jobs::Share;

use self::config::BootstrapConfig;
use super::{Step, StepId, Work, tree};
use crate::host::survey::Rust;

/// What x.py builds.
const WANTED: [&str; 3] = ["compiler/rustc", "library", "src/tools/rustdoc"];

/// Links in the sysroot that x.py makes. They point into its source.
const LINKS: [&str; 2] = ["lib/rustlib/src", "lib/rustlib/rustc-src"];

/// The compiler for all targets.
pub struct CompilerStep {
    /// x.py and its settings.
    pub xpy: XPy,
    /// The step of the patched source.
    pub source: StepId,
    /// The patches in the source, to name the one that does not compile.
    pub series: Series,
    /// The folder of unfinished builds, which the next run continues.
    pub unfinished: PathBuf,
}

/// x.py, ready to run.
#[derive(Debug, Clone)]
pub struct XPy {
    /// Python.
    pub python: PathBuf,
    /// The contents of bootstrap.toml.
    pub config: BootstrapConfig,
    /// x.py's stage.
    pub stage: u8,
    /// cargo's home: its registry cache, and no configuration of the user.
    pub cargo_home: PathBuf,
}

impl XPy {
    /// The installed compiler, which compiles stage 1.
    fn stage0(&self) -> &Rust {
        &self.config.stage0
    }

    /// The inputs besides the source.
    pub fn inputs(&self) -> Inputs {
        let text = self.config.render(Path::new("BUILD"));
        // These paths differ between hosts and do not affect the result.
        let text = text.replace(&self.stage0().sysroot.display().to_string(), "STAGE0");
        let inputs = Inputs::new().add("rustc", &self.stage0().commit).add("stage", self.stage.to_string());
        let inputs = inputs.add("bootstrap.toml", text).list("tool", self.config.tools()).list("wanted", WANTED);
        inputs.list("script", self.config.scripts().into_iter().map(|(_, text)| text))
    }

    /// The command that runs x.py of `source`. Writes bootstrap.toml and its files to the folder `build`, and builds
    /// there.
    pub fn command(&self, source: &Path, build: &Path, offline: bool, args: &[&str]) -> Result<Cmd> {
        fs_err::create_dir_all(build)?;
        let config = build.join("bootstrap.toml");
        fs_err::write(&config, self.config.render(build))?;
        let [home, specs] = ["home", "specs"].map(|name| build.join(name));
        for folder in [&home, &specs] {
            fs_err::create_dir_all(folder)?;
        }
        for (name, text) in self.config.scripts() {
            super::write_script(&build.join(name), &text)?;
        }
        for target in &self.config.targets {
            fs_err::write(specs.join(format!("{}.json", target.triple)), &target.spec)?;
        }
        let cmd = Cmd::new(&self.python).arg(source.join("x.py")).args(args).arg("--config").arg(config);
        let cmd = cmd.args(["--stage", &self.stage.to_string()]).args(WANTED).dir(source);
        let cmd = cmd.env("CARGO_HOME", &self.cargo_home).env("HOME", home).env("PYTHONDONTWRITEBYTECODE", "1");
        let cmd = if self.config.targets.is_empty() { cmd } else { cmd.env("RUST_TARGET_PATH", specs) };
        let cmd = if offline { cmd.env("CARGO_NET_OFFLINE", "true") } else { cmd };
        Ok(cmd.inherit_all(NETWORK_ENV))
    }
}

impl Step for CompilerStep {
    fn name(&self) -> &'static str {
        "compiler"
    }

    fn label(&self) -> &str {
        &self.xpy.stage0().triple
    }

    fn inputs(&self) -> Inputs {
        self.xpy.inputs()
    }

    fn needs(&self) -> Vec<StepId> {
        vec![self.source]
    }

    fn build(&self, work: &Work) -> Result<()> {
        // One folder for this source and these settings, so that cargo continues after an interrupted run.
        let source = work.path(self.source)?;
        let inputs = self.inputs().add("source", source.display().to_string());
        let build = self.unfinished.join(inputs.digest().short());
        let jobs = work.jobs.total().to_string();
        let cmd = self.xpy.command(source, &build, work.offline, &["build", "--jobs", &jobs])?;
        let result =
            work.run_sharing(&cmd, Share::ByPath).map_err(|error| failure::explain(error, &work.log, &self.series));
        result.context("building rustc with x.py")?;
        self.take(&build, work)?;
        Ok(fs_err::remove_dir_all(build)?)
    }
}

impl CompilerStep {
    /// Links the sysroot that x.py has built into the step's folder, and checks that it runs there.
    fn take(&self, build: &Path, work: &Work) -> Result<()> {
        let triple = &self.xpy.stage0().triple;
        let stage = build.join(triple).join(format!("stage{}", self.xpy.stage));
        tree::link(&stage, &work.out)?;
        for link in LINKS {
            let place = work.out.join(link);
            if place.is_dir() {
                fs_err::remove_dir_all(place)?;
            }
        }
        for (program, option) in [("rustc", "-vV"), ("rustdoc", "-V")] {
            let cmd = Cmd::new(work.out.join("bin").join(program)).arg(option);
            let printed = cmd.read().with_context(|| format!("asking the {program} that was built for its version"))?;
            let version = &self.series.version;
            ensure!(
                printed.contains(version.as_str()),
                "the {program} that was built reports version {printed}, not {version}"
            );
        }
        Ok(())
    }
}
