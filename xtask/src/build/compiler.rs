//! Building a compiler: its requirements, and the steps that build it.

use std::path::Path;

use anyhow::{Context as _, Result};
use bringup_model::compiler::{self, Compiler, CompilerBuild};
use bringup_model::exit::{self, CodedError};
use bringup_model::pins::Source;
use bringup_model::series::Series;
use bringup_model::target::Target;
use bringup_runner::exec::Cmd;

use super::plan::{CompilerSteps, FetchMode, Planned, Planner};
use crate::build::spec;
use crate::build::step::Plan;
use crate::build::step::compiler::config::{BootstrapConfig, ForeignTarget, LlvmSettings};
use crate::build::step::compiler::{CompilerStep, XPy};
use crate::host::survey::{self, Rust, Tool};
use crate::host::tools;

impl Planner<'_> {
    /// Fails unless this toolchain can compile the pinned source. std requires a compiler of its own version. A
    /// compiler requires one of its own version or of the version before.
    pub(super) fn check_release(&self, rust: &Rust) -> Result<()> {
        let wanted = self.project.pins.rust.release_name();
        if rust.release == wanted {
            return Ok(());
        }
        let in_use = &rust.release;
        let error = match self.options.compiler {
            Compiler::Stock => format!(
                "rustc {in_use} is in use, but std {wanted} requires rustc {wanted}\nhint: rustup toolchain install {wanted}"
            ),
            Compiler::Bootstrap(_) => match (minor(in_use), minor(wanted)) {
                (Some(stage0), Some(source)) if stage0 == source || stage0 + 1 == source => return Ok(()),
                (_, source) => format!(
                    "rustc {in_use} is in use, but building rustc {wanted} requires rustc 1.{} or 1.{}\nhint: rustup toolchain install {wanted}",
                    source.unwrap_or_default().saturating_sub(1),
                    source.unwrap_or_default(),
                ),
            },
        };
        Err(CodedError::error(exit::HOST, error))
    }

    /// The commit that the compiler in use was built from, or the version of its source.
    pub(super) fn commit(&self, rust: &Rust) -> String {
        let version = self.project.pins.rust.release_name();
        if rust.release == version { rust.commit.clone() } else { version.into() }
    }

    /// Fails early if the chosen compiler cannot be built, or cannot compile for one of these targets.
    pub fn check_compiler(&self, targets: &[Target]) -> Result<()> {
        let Compiler::Bootstrap(making) = self.options.compiler else { return Ok(()) };
        let host = self.host()?;
        host.need(survey::uses(self.options.compiler))?;
        backends(targets)?;
        if making.llvm == compiler::Llvm::Bundled {
            return Ok(());
        }
        let config = host.tool("llvm-config")?;
        let source = &self.project.pins.rust;
        let tree = source.compiler.as_ref().with_context(|| format!("rustc {} cannot be built", source.version))?;
        let oldest = tree.oldest_llvm;
        if config.version.as_ref().is_none_or(|version| version.major() < oldest) {
            let (line, path, rust) = (&config.line, config.path.display(), &source.version);
            let error = format!(
                "{path} is of LLVM {line}, but rustc {rust} requires LLVM {oldest} or newer ({} is tested)\nhint: install that, or build the LLVM in Rust's source with --llvm bundled",
                tools::PREFERRED_LLVM,
            );
            return Err(CodedError::error(exit::HOST, error));
        }
        let built = backends_built(&config.path)?;
        let mut backends = targets.iter().filter_map(|target| Some((target, &target.llvm.as_ref()?.backend)));
        match backends.find(|(_, backend)| !built.split_whitespace().any(|name| name == *backend)) {
            None => Ok(()),
            Some((target, backend)) => Err(CodedError::error(
                exit::HOST,
                format!(
                    "{} lacks the back end {backend}, which {} requires; it has {built}",
                    config.path.display(),
                    target.name
                ),
            )),
        }
    }

    /// Adds the steps that build a compiler with these patches.
    pub(super) fn plan_compiler(
        &self,
        plan: &mut Plan,
        making: CompilerBuild,
        series: &Series,
        sources: FetchMode,
    ) -> Result<CompilerSteps> {
        let source =
            self.project.pins.rust.for_compiler(making.llvm).map_err(|error| CodedError::error(exit::USAGE, error))?;
        let series = series.clone().within(&source);
        let patch = self.patch_step(&source, &series, sources)?;
        let locked = patch.lacks.is_empty();
        let config = self.config(making, &source, locked)?;
        let source = plan.add(patch);
        let xpy = self.xpy(making, config)?;
        let step = CompilerStep { xpy, source, series, unfinished: self.workspace.out.join("unfinished") };
        Ok(CompilerSteps { source, compiler: plan.add(step), locked })
    }

    fn xpy(&self, making: CompilerBuild, config: BootstrapConfig) -> Result<XPy> {
        let python = self.host()?.path("python3")?.to_owned();
        Ok(XPy { python, config, stage: making.stage, cargo_home: self.workspace.cargo_home() })
    }

    /// x.py set up to build std for these targets of a plan, too, as upstream's users run it.
    pub fn xpy_for_targets(&self, planned: &Planned) -> Result<XPy> {
        let (Compiler::Bootstrap(making), Some(steps)) = (self.options.compiler, planned.patched.compiler) else {
            let error = "x.py requires a compiler to build\nhint: add --compiler bootstrap";
            return Err(CodedError::error(exit::USAGE, error));
        };
        let source =
            self.project.pins.rust.for_compiler(making.llvm).map_err(|error| CodedError::error(exit::USAGE, error))?;
        let mut config = self.config(making, &source, steps.locked)?;
        for (target, steps) in &planned.targets {
            let toolchain = planned.plan.path(steps.toolchain);
            let runner = self
                .emulators()
                .find(&target.qemu.emulator, None)?
                .runner(target, toolchain.join("sysroot"))
                .emulator();
            let words: Vec<String> = runner.iter().map(|word| word.to_string_lossy().into_owned()).collect();
            config.targets.push(ForeignTarget {
                triple: target.triple.clone(),
                spec: spec::resolve(&self.project.root, target, &self.host()?.rust)?,
                driver: toolchain.join("bin").join(target.driver()),
                runner: words.join(" "),
            });
        }
        self.xpy(making, config)
    }

    fn config(&self, making: CompilerBuild, source: &Source, locked: bool) -> Result<BootstrapConfig> {
        let host = self.host()?;
        let llvm = match making.llvm {
            compiler::Llvm::System => {
                let config = host.tool("llvm-config")?.clone();
                LlvmSettings::System { linked_statically: has_static_libraries(&config)?, config }
            }
            compiler::Llvm::Bundled => {
                // The back ends of all targets, not only of the named ones: all targets share one compiler.
                let all = crate::project::config::targets(&self.project.root, &[])?;
                let mut backends = backends(&all)?;
                backends.push("host".into());
                backends.sort();
                backends.dedup();
                LlvmSettings::Bundled { backends }
            }
        };
        Ok(BootstrapConfig {
            same_version: minor(&host.rust.release) == minor(source.release_name()),
            stage0: host.rust.clone(),
            locked,
            llvm,
            compilers: [host.tool("clang")?.clone(), host.tool("clang++")?.clone()],
            rust: self.project.pins.compiler.rust.clone(),
            targets: Vec::new(),
        })
    }
}

/// LLVM's names of the back ends for these targets.
pub(super) fn backends(targets: &[Target]) -> Result<Vec<String>> {
    let backend = |target: &Target| {
        let llvm = target.llvm.as_ref().ok_or_else(|| {
            let file = format!("targets/{}/target.toml", target.name);
            CodedError::error(exit::USAGE, format!("{file}: [llvm] backend is missing: building a compiler requires it\nhint: `llvm-config --targets-built` lists the back ends"))
        })?;
        Ok(llvm.backend.clone())
    };
    targets.iter().map(backend).collect()
}

/// The back ends of this llvm-config's LLVM, separated by spaces.
pub(super) fn backends_built(config: &Path) -> Result<String> {
    Cmd::new(config).arg("--targets-built").read().context("asking llvm-config for its back ends")
}

/// Whether all of LLVM's static libraries are installed. llvm-config itself does not check this.
fn has_static_libraries(config: &Tool) -> Result<bool> {
    let ask = |option: &str| Cmd::new(&config.path).args(["--link-static", option]).read();
    let folder = ask("--libdir").context("asking llvm-config for LLVM's folder")?;
    let Ok(names) = ask("--libs") else { return Ok(false) };
    let is_there = |name: &str| Path::new(&folder).join(format!("lib{name}.a")).is_file();
    Ok(names.split_whitespace().filter_map(|word| word.strip_prefix("-l")).all(is_there))
}

/// The minor version: the second number of Rust's version.
fn minor(version: &str) -> Option<u64> {
    version.split('.').nth(1)?.parse().ok()
}
