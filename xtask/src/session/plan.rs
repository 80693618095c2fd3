//! The plan: which steps a run consists of, and in which order they rest on each other.

use anyhow::Result;
use bringup_model::compiler::Compiler;
use bringup_model::pins::{LIBRARY, Source};
use bringup_model::series::Series;
use bringup_model::target::Target;

use super::Session;
use crate::build::step::musl::Musl;
use crate::build::step::patch::Patch;
use crate::build::step::runtimes::Runtimes;
use crate::build::step::std::{Library, Std};
use crate::build::step::sysroot::Sysroot;
use crate::build::step::test_programs::TestPrograms;
use crate::build::step::toolchain::Toolchain;
use crate::build::step::{Clang, Plan, StepId};
use crate::project::spec::{self, Spec};
use crate::source::fetch::{Fetched, Fetcher, Patience};

/// The steps of one target.
#[derive(Debug, Clone, Copy)]
pub struct TargetSteps {
    /// What lacks only std: enough for C.
    pub sysroot: StepId,
    /// The toolchain.
    pub toolchain: StepId,
    /// The test programs.
    pub test_programs: StepId,
}

/// Targets and the plan that covers them.
pub struct Planned {
    /// Every step.
    pub plan: Plan,
    /// Each target and its last steps.
    pub targets: Vec<(Target, TargetSteps)>,
    /// The steps that give the patched sources, and the compiler.
    pub patched: Patched,
    /// How each source was had, for the report's first step: wall seconds of fetching.
    pub fetch_wall_s: f64,
}

/// Whether fetching may touch the network, or only say what it would use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sources {
    /// Get the archives.
    Fetch,
    /// Say which archives would be used.
    Assume,
}

/// The steps that everything else rests on: the patched sources, and the compiler.
#[derive(Debug, Clone, Copy)]
pub struct Patched {
    /// Rust's library.
    pub rust: StepId,
    /// musl.
    pub musl: StepId,
    /// LLVM's runtimes.
    pub llvm: StepId,
    /// The compiler, if one is built.
    pub compiler: Option<CompilerSteps>,
}

/// The steps that give a compiler.
#[derive(Debug, Clone, Copy)]
pub struct CompilerSteps {
    /// Its patched source: the whole tree, with std's as upstream has it.
    pub source: StepId,
    /// The compiler.
    pub compiler: StepId,
    /// Whether Cargo.lock fits the source's workspace: not where members are lacking.
    pub locked: bool,
}

impl Session {
    /// The step that unpacks a source and applies `series`. An archive is only fetched for a step that is not done.
    pub fn patch_step(&self, source: &Source, series: &Series, sources: Sources) -> Result<Patch> {
        let say = self.say();
        let fetcher = Fetcher {
            root: &self.root,
            cache: &self.cache,
            sysroot: &self.rust()?.sysroot,
            suites: &self.pins.qemu.suites,
            offline: self.offline,
            patience: Patience::default(),
            say: &say,
        };
        let step = |archive: Fetched| Patch {
            label: if source.leave_out.is_some() { "rustc" } else { source.name },
            archive: archive.path,
            sha256: archive.sha256,
            strip: archive.strip,
            part: source.part(),
            lacks: if source.leave_out.is_some() { archive.lacks } else { Vec::new() },
            series: series.clone(),
        };
        let likely = step(fetcher.locate(source)?);
        let mut trial = Plan::new(&self.out);
        let id = trial.add(likely.clone());
        if sources == Sources::Assume || trial.node(id).is_done() {
            return Ok(likely);
        }
        Ok(step(fetcher.fetch(source)?))
    }

    /// Makes the plan for `targets`: everything that could be wrong with the input is found here.
    pub fn plan(&self, targets: Vec<Target>, sources: Sources) -> Result<Planned> {
        // Before anything is fetched.
        self.check_compiler(&targets)?;
        let specs = targets.iter().map(|target| self.spec(target)).collect::<Result<Vec<_>>>()?;
        let mut plan = Plan::new(&self.out);
        let start = std::time::Instant::now();
        let patched = self.plan_sources(&mut plan, &self.series_in_use()?, sources)?;
        let fetch_wall_s = start.elapsed().as_secs_f64();
        let plan_one = |(target, spec): (Target, Spec)| {
            let steps = self.plan_target(&mut plan, &target, spec, patched)?;
            Ok((target, steps))
        };
        let targets = targets.into_iter().zip(specs).map(plan_one).collect::<Result<_>>()?;
        Ok(Planned { plan, targets, patched, fetch_wall_s })
    }

    /// Adds the steps of the sources with these patches, in the order of [`Session::sources`].
    pub fn plan_sources(&self, plan: &mut Plan, series: &[Series; 3], sources: Sources) -> Result<Patched> {
        let [rust, musl, llvm] = self.sources();
        // Of Rust, std's layer only: what changes the compiler is not for the library's tree.
        let library = rust.with_layers(|layer| layer == LIBRARY);
        let mut add = |source: &Source, series: &Series| {
            let series = series.clone().within(source);
            Ok::<_, anyhow::Error>(plan.add(self.patch_step(source, &series, sources)?))
        };
        let [library, musl, llvm] = [add(&library, &series[0])?, add(musl, &series[1])?, add(llvm, &series[2])?];
        let compiler = match self.compiler {
            Compiler::Stock => None,
            Compiler::Bootstrap(making) => Some(self.plan_compiler(plan, making, &series[0], sources)?),
        };
        Ok(Patched { rust: library, musl, llvm, compiler })
    }

    /// A target's spec, resolved; with a compiler that is yet to be built, what it will be resolved from.
    pub fn spec(&self, target: &Target) -> Result<Spec> {
        match self.compiler {
            Compiler::Stock => self.stock_spec(target),
            Compiler::Bootstrap(_) => {
                // One of another version may say something else of it.
                if self.host()?.rust.release == self.pins.rust.version {
                    self.stock_spec(target)?;
                }
                Ok(Spec::Overlay(spec::overlay(&self.root, target)?))
            }
        }
    }

    /// A target's spec as the installed compiler resolves it.
    pub fn stock_spec(&self, target: &Target) -> Result<Spec> {
        Ok(Spec::Resolved(spec::resolve(&self.root, target, &self.host()?.rust)?))
    }

    /// Adds the steps of one target with this spec, from these sources.
    pub fn plan_target(&self, plan: &mut Plan, target: &Target, spec: Spec, sources: Patched) -> Result<TargetSteps> {
        self.plan_target_at(plan, target, spec, sources, None)
    }

    /// The same, with std and its test programs built at another opt-level than usual.
    pub fn plan_target_at(
        &self,
        plan: &mut Plan,
        target: &Target,
        spec: Spec,
        sources: Patched,
        opt_level: Option<&str>,
    ) -> Result<TargetSteps> {
        let host = self.host()?;
        let clang = Clang::new(host, target)?;
        let make = host.path("make")?.to_owned();
        let runtimes = plan.add(Runtimes {
            target: target.clone(),
            clang: clang.clone(),
            make: make.clone(),
            exclude: self.pins.exclude_builtins.clone(),
            llvm: sources.llvm,
            musl: sources.musl,
        });
        let musl = Musl { target: target.clone(), clang: clang.clone(), make, source: sources.musl, runtimes };
        let musl = plan.add(musl);
        let sysroot = plan.add(Sysroot {
            target: target.clone(),
            spec,
            clang,
            rust: host.rust.clone(),
            compiler: sources.compiler.map(|steps| steps.compiler),
            root: self.root.clone(),
            musl,
            runtimes,
        });
        let library = Library {
            triple: target.triple.clone(),
            commit: self.commit(&host.rust),
            source: sources.rust,
            cargo_home: self.cargo_home(),
            env: self.pins.std_env.clone(),
            opt_level: opt_level.map(str::to_owned),
        };
        let std = plan.add(Std { target: target.clone(), library: library.clone(), sysroot });
        let toolchain = plan.add(Toolchain { target: target.clone(), sysroot, std });
        let test_programs = plan.add(TestPrograms { target: target.clone(), library, std, toolchain });
        Ok(TargetSteps { sysroot, toolchain, test_programs })
    }
}
