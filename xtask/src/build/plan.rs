//! The plan: which steps a run consists of, and in which order they rest on each other.

use std::sync::OnceLock;

use anyhow::Result;
use bringup_model::compiler::Compiler;
use bringup_model::exit::{self, CodedError};
use bringup_model::patch_name::PatchName;
use bringup_model::pins::{LIBRARY, Source};
use bringup_model::series::Series;
use bringup_model::target::Target;

use crate::build::step::musl::Musl;
use crate::build::step::patch::Patch;
use crate::build::step::runtimes::Runtimes;
use crate::build::step::std::{Library, Std};
use crate::build::step::sysroot::Sysroot;
use crate::build::step::test_programs::TestPrograms;
use crate::build::step::toolchain::Toolchain;
use crate::build::step::{Builder, Clang, Plan, StepId};
use crate::build::store::Store;
use crate::build::{BuildChoice, Workspace};
use crate::host::emulator::Emulators;
use crate::host::survey::{self, Host, Rust};
use crate::project::Project;
use crate::project::spec::{self, Spec};
use crate::source::fetch::{Fetched, Fetcher, Patience};
use crate::source::patch;

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

/// Makes plans from the project's files, the host, and what is chosen.
pub struct Planner<'a> {
    /// The files.
    pub project: &'a Project,
    /// What is chosen.
    pub options: &'a BuildChoice,
    /// Where the results go.
    pub workspace: &'a Workspace,
    rust: OnceLock<Rust>,
    host: OnceLock<Host>,
}

impl<'a> Planner<'a> {
    /// Looks for nothing yet.
    pub fn new(project: &'a Project, options: &'a BuildChoice, workspace: &'a Workspace) -> Self {
        Self { project, options, workspace, rust: OnceLock::new(), host: OnceLock::new() }
    }

    /// The stock Rust toolchain.
    pub fn rust(&self) -> Result<&Rust> {
        if let Some(rust) = self.rust.get() {
            return Ok(rust);
        }
        let rust = Rust::find(&self.project.root)?;
        Ok(self.rust.get_or_init(|| rust))
    }

    /// The host's tools, and a compiler that can compile the pinned source; else an error that names what is lacking.
    pub fn host(&self) -> Result<&Host> {
        if let Some(host) = self.host.get() {
            return Ok(host);
        }
        let rust = self.rust()?.clone();
        self.check_release(&rust)?;
        let host = survey::survey_for(survey::uses(self.options.compiler)).into_host(rust)?;
        Ok(self.host.get_or_init(|| host))
    }

    /// Where the emulators of targets come from.
    pub fn emulators(&self) -> Emulators<'_> {
        let Workspace { cache, offline, console, .. } = self.workspace;
        let say = Box::new(|text: &str| console.note(text));
        Emulators { pin: &self.project.pins.qemu, cache, offline: *offline, say }
    }

    /// Builds plans into `store`.
    pub fn builder<'s>(&'s self, store: &'s Store) -> Result<Builder<'s>> {
        self.workspace.builder(store, self.project.pins.memory_reserve)
    }

    /// The files of the patches that a name stands for; at least one.
    pub fn named_patches(&self, name: &PatchName) -> Result<Vec<String>> {
        let source = self.project.source(&name.source)?;
        let series = patch::load::load(&self.project.root, source.name, &source.version)?;
        let files = series.patches.iter().filter(|patch| name.is(source.name, patch)).map(|patch| patch.file.clone());
        let files: Vec<String> = files.collect();
        if files.is_empty() {
            let all: Vec<&str> = series.patches.iter().map(|patch| patch.file.as_str()).collect();
            let hint = if all.is_empty() { "it has none".into() } else { format!("it has\n  {}", all.join("\n  ")) };
            let text = format!("{} {} has no patch `{name}`\nhint: {hint}", source.name, source.version);
            return Err(CodedError::error(exit::USAGE, text));
        }
        Ok(files)
    }

    /// The files of the patches that the user leaves out, each as `SOURCE/FILE`; sorted, each once.
    pub fn left_out(&self) -> Result<Vec<String>> {
        let mut patches = Vec::new();
        for name in &self.options.without {
            let files = self.named_patches(name)?;
            patches.extend(files.iter().map(|file| format!("{}/{file}", name.source)));
        }
        patches.sort();
        patches.dedup();
        Ok(patches)
    }

    /// The patches over the sources in use, but those that the user leaves out; in the order of [`Project::sources`].
    pub fn series_in_use(&self) -> Result<[Series; 3]> {
        let series = |source: &Source| {
            let series = patch::load::load(&self.project.root, source.name, &source.version)?;
            Ok::<_, anyhow::Error>(
                series.without(|patch| self.options.without.iter().any(|name| name.is(source.name, patch))),
            )
        };
        let [rust, musl, llvm] = self.project.sources().map(series);
        Ok([rust?, musl?, llvm?])
    }

    /// The step that unpacks a source and applies `series`. An archive is only fetched for a step that is not done.
    pub fn patch_step(&self, source: &Source, series: &Series, sources: Sources) -> Result<Patch> {
        let say = |text: &str| self.workspace.console.note(text);
        let fetcher = Fetcher {
            root: &self.project.root,
            cache: &self.workspace.cache,
            sysroot: &self.rust()?.sysroot,
            suites: &self.project.pins.qemu.suites,
            offline: self.workspace.offline,
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
        let mut trial = Plan::new(&self.workspace.out);
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
        let mut plan = Plan::new(&self.workspace.out);
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

    /// Adds the steps of the sources with these patches, in the order of [`Project::sources`].
    pub fn plan_sources(&self, plan: &mut Plan, series: &[Series; 3], sources: Sources) -> Result<Patched> {
        let [rust, musl, llvm] = self.project.sources();
        // Of Rust, std's layer only: what changes the compiler is not for the library's tree.
        let library = rust.with_layers(|layer| layer == LIBRARY);
        let mut add = |source: &Source, series: &Series| {
            let series = series.clone().within(source);
            Ok::<_, anyhow::Error>(plan.add(self.patch_step(source, &series, sources)?))
        };
        let [library, musl, llvm] = [add(&library, &series[0])?, add(musl, &series[1])?, add(llvm, &series[2])?];
        let compiler = match self.options.compiler {
            Compiler::Stock => None,
            Compiler::Bootstrap(making) => Some(self.plan_compiler(plan, making, &series[0], sources)?),
        };
        Ok(Patched { rust: library, musl, llvm, compiler })
    }

    /// A target's spec, resolved; with a compiler that is yet to be built, what it will be resolved from.
    pub fn spec(&self, target: &Target) -> Result<Spec> {
        match self.options.compiler {
            Compiler::Stock => self.stock_spec(target),
            Compiler::Bootstrap(_) => {
                // One of another version may say something else of it.
                if self.host()?.rust.release == self.project.pins.rust.version {
                    self.stock_spec(target)?;
                }
                Ok(Spec::Overlay(spec::overlay(&self.project.root, target)?))
            }
        }
    }

    /// A target's spec as the installed compiler resolves it, now or in an earlier run.
    pub fn stock_spec(&self, target: &Target) -> Result<Spec> {
        let folder = self.workspace.cache.join("spec");
        Ok(Spec::Resolved(spec::recorded(&self.project.root, target, &self.host()?.rust, &folder)?))
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
            exclude: self.project.pins.exclude_builtins.clone(),
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
            root: self.project.root.clone(),
            musl,
            runtimes,
        });
        let library = Library {
            triple: target.triple.clone(),
            commit: self.commit(&host.rust),
            source: sources.rust,
            cargo_home: self.workspace.cargo_home(),
            env: self.project.pins.std_env.clone(),
            opt_level: opt_level.map(str::to_owned),
        };
        let std = plan.add(Std { target: target.clone(), library: library.clone(), sysroot });
        let toolchain = plan.add(Toolchain { target: target.clone(), sysroot, std });
        let test_programs = plan.add(TestPrograms { target: target.clone(), library, std, toolchain });
        Ok(TargetSteps { sysroot, toolchain, test_programs })
    }
}
