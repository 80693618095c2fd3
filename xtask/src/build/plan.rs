//! The plan: the steps of a run, and which step requires which.

use std::sync::OnceLock;

use anyhow::Result;
use bringup_model::compiler::Compiler;
use bringup_model::pins::{LIBCXX, LIBRARY, Source};
use bringup_model::series::Series;
use bringup_model::target::Target;
use bringup_runner::interrupt::is_interrupt;

use crate::build::spec::{self, Spec};
use crate::build::step::kernel_headers::{KernelHeadersStep, check_arch};
use crate::build::step::libcxx::LibcxxStep;
use crate::build::step::musl::MuslStep;
use crate::build::step::patch::PatchStep;
use crate::build::step::runtimes::RuntimesStep;
use crate::build::step::std::{Library, StdStep};
use crate::build::step::sysroot::SysrootStep;
use crate::build::step::test_programs::TestProgramsStep;
use crate::build::step::toolchain::ToolchainStep;
use crate::build::step::upstream::UpstreamStep;
use crate::build::step::{Builder, CMake, Clang, Plan, StepId};
use crate::build::store::Store;
use crate::build::{BuildChoice, StepPair, TargetSteps, Toolchains, Workspace};
use crate::host::emulator::Emulators;
use crate::host::survey::{self, HostTools};
use crate::project::Project;
use crate::source::fetch::Fetched;

/// Targets and the plan that covers them.
pub struct Planned {
    /// Every step.
    pub plan: Plan,
    /// Each target and its steps.
    pub targets: Vec<(Target, TargetSteps)>,
    /// The steps that give the patched sources, and the compiler.
    pub patched: Patched,
    /// Wall seconds that fetching the sources took, for the report.
    pub fetch_wall_s: f64,
}

/// Whether planning fetches the archives of sources.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FetchMode {
    /// Fetch the archives of steps that are not built yet.
    Fetch,
    /// Fetch nothing, and assume the archives that would be fetched.
    Assume,
}

/// The steps that all targets share: the patched sources, and the compiler.
#[derive(Debug, Clone, Copy)]
pub struct Patched {
    /// The patched source of std.
    pub rust: StepId,
    /// The patched source of musl.
    pub musl: StepId,
    /// The patched source of LLVM's runtimes, without libc++.
    pub llvm: StepId,
    /// The same, with libc++ and libc++abi.
    pub libcxx: StepId,
    /// The patched kernel headers.
    pub linux: StepId,
    /// The steps of the compiler; `None` with the stock compiler.
    pub compiler: Option<CompilerSteps>,
}

/// The steps that build a compiler.
#[derive(Debug, Clone, Copy)]
pub struct CompilerSteps {
    /// The patched source: the whole tree, in which std's source is unpatched.
    pub source: StepId,
    /// The compiler.
    pub compiler: StepId,
    /// Whether cargo gets `--locked`. It cannot where the archive lacks members of the workspace, because Cargo.lock
    /// then differs.
    pub locked: bool,
}

/// How a target's std is built.
pub struct TargetSettings<'a> {
    /// The target's spec.
    pub spec: Spec,
    /// The opt-level of std and the test programs, if it is not the workspace's default.
    pub opt_level: Option<&'a str>,
    /// The source of musl whose headers the runtimes are built with, if it is not the target's.
    pub headers: Option<StepId>,
}

/// Makes plans from the project's files, the host's tools, and the user's choice.
pub struct Planner<'a> {
    /// The project's files.
    pub project: &'a Project,
    /// The user's choice.
    pub options: &'a BuildChoice,
    /// The folders of results and downloads.
    pub workspace: &'a Workspace,
    pub(super) toolchains: Toolchains,
    host: OnceLock<HostTools>,
}

impl<'a> Planner<'a> {
    /// A planner. It surveys the host when a plan first requires that, unless the toolchains are known already.
    pub fn new(
        project: &'a Project,
        options: &'a BuildChoice,
        workspace: &'a Workspace,
        toolchains: Toolchains,
    ) -> Self {
        Self { project, options, workspace, toolchains, host: OnceLock::new() }
    }

    /// The toolchains that are known by now.
    pub fn toolchains(self) -> Toolchains {
        self.toolchains
    }

    /// The host's tools. Fails if a tool is missing, or if the host's rustc cannot compile the pinned source.
    pub fn host(&self) -> Result<&HostTools> {
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

    /// The step that unpacks a source and applies `series`. The archive of a step that is already built is not
    /// fetched.
    pub fn patch_step(&self, source: &Source, series: &Series, sources: FetchMode) -> Result<PatchStep> {
        let step = |archive: Fetched| PatchStep {
            label: label(source),
            archive: archive.path,
            sha256: archive.sha256,
            strip: archive.strip,
            part: source.part(),
            lacks: if source.leave_out.is_some() { archive.lacks } else { Vec::new() },
            series: series.clone(),
        };
        match self.with_fetcher(|fetcher| fetcher.locate(source)) {
            Ok(likely) => {
                let likely = step(likely);
                let mut trial = Plan::new(&self.workspace.out);
                let id = trial.add(likely.clone());
                if sources == FetchMode::Assume || trial.node(id).is_done() {
                    return Ok(likely);
                }
            }
            // The release's manifest, which names the archive, may have to be fetched too.
            Err(error) if sources == FetchMode::Assume || is_interrupt(&error) => return Err(error),
            Err(_) => {}
        }
        Ok(step(self.with_fetcher(|fetcher| fetcher.fetch(source))?))
    }

    /// Makes the plan for `targets`. Faults in the project's files are found here, before anything is built.
    pub fn plan(&self, targets: Vec<Target>, sources: FetchMode) -> Result<Planned> {
        // Before anything is fetched.
        self.check_compiler(&targets)?;
        targets.iter().try_for_each(|target| check_arch(&self.project.pins.linux, target))?;
        let with_spec = |target: Target| Ok((self.spec(&target)?, target));
        let targets = targets.into_iter().map(with_spec).collect::<Result<Vec<_>>>()?;
        let mut plan = Plan::new(&self.workspace.out);
        let start = std::time::Instant::now();
        let patched = self.plan_sources(&mut plan, &self.series_in_use()?, sources)?;
        let fetch_wall_s = start.elapsed().as_secs_f64();
        let plan_one = |(spec, target): (Spec, Target)| {
            let steps = self.plan_target(&mut plan, &target, spec, patched)?;
            Ok((target, steps))
        };
        let targets = targets.into_iter().map(plan_one).collect::<Result<_>>()?;
        Ok(Planned { plan, targets, patched, fetch_wall_s })
    }

    /// Adds the steps of the sources with these patches, in the order of [`Project::sources`].
    pub fn plan_sources(&self, plan: &mut Plan, series: &[Series; 4], sources: FetchMode) -> Result<Patched> {
        let [rust, musl, llvm, linux] = self.project.sources();
        // Of Rust, only std's layer: patches of the compiler do not belong in std's tree. A patch of libc++ does not
        // belong in the tree of the other runtimes, from which the C library and std are built.
        let library = rust.with_layers(|layer| layer == LIBRARY);
        let runtimes = llvm.with_layers(|layer| layer != LIBCXX);
        let mut add = |source: &Source, series: &Series| {
            let series = series.clone().within(source);
            Ok::<_, anyhow::Error>(plan.add(self.patch_step(source, &series, sources)?))
        };
        let [library, musl] = [add(&library, &series[0])?, add(musl, &series[1])?];
        let [runtimes, libcxx] = [add(&runtimes, &series[2])?, add(llvm, &series[2])?];
        let linux = add(linux, &series[3])?;
        let compiler = match self.options.compiler {
            Compiler::Stock => None,
            Compiler::Bootstrap(making) => Some(self.plan_compiler(plan, making, &series[0], sources)?),
        };
        Ok(Patched { rust: library, musl, llvm: runtimes, libcxx, linux, compiler })
    }

    /// Adds, for each target of the plan, the step that builds upstream's builtins.
    pub fn plan_upstream(&self, planned: &mut Planned) -> Result<Vec<StepPair>> {
        let source = &self.project.pins.llvm;
        let none = Series { source: source.name.into(), version: source.version.clone(), ..Series::default() };
        let llvm = planned.plan.add(self.patch_step(source, &none, FetchMode::Fetch)?);
        let host = self.host()?;
        let add = |(target, steps): &(Target, TargetSteps)| {
            let (clang, cmake) = (Clang::new(host, target)?, CMake::new(host)?);
            let TargetSteps { kernel_headers, sysroot, .. } = *steps;
            let step = UpstreamStep { target: target.clone(), clang, cmake, llvm, kernel_headers, sysroot };
            Ok(StepPair { runtimes: steps.runtimes, upstream: planned.plan.add(step) })
        };
        planned.targets.iter().map(add).collect()
    }

    /// A target's spec. If the compiler is not built yet, the overlay that the spec will be made from.
    pub fn spec(&self, target: &Target) -> Result<Spec> {
        match self.options.compiler {
            Compiler::Stock => self.stock_spec(target),
            Compiler::Bootstrap(_) => {
                // A rustc of another version may have another spec for the base.
                if self.host()?.rust.release == self.project.pins.rust.release_name() {
                    self.stock_spec(target)?;
                }
                Ok(Spec::Overlay(spec::overlay(&self.project.root, target)?))
            }
        }
    }

    /// A target's spec from the installed compiler, or from the record of an earlier run.
    pub fn stock_spec(&self, target: &Target) -> Result<Spec> {
        let folder = self.workspace.cache.join("spec");
        Ok(Spec::Resolved(spec::recorded(&self.project.root, target, &self.host()?.rust, &folder)?))
    }

    /// Adds the steps of one target with this spec, from these sources.
    pub fn plan_target(&self, plan: &mut Plan, target: &Target, spec: Spec, sources: Patched) -> Result<TargetSteps> {
        self.plan_target_at(plan, target, TargetSettings { spec, opt_level: None, headers: None }, sources)
    }

    /// Like [`Self::plan_target`], but with an opt-level for std and the test programs.
    pub fn plan_target_at(
        &self,
        plan: &mut Plan,
        target: &Target,
        settings: TargetSettings<'_>,
        sources: Patched,
    ) -> Result<TargetSteps> {
        let TargetSettings { spec, opt_level, headers } = settings;
        let host = self.host()?;
        let clang = Clang::new(host, target)?;
        let make = host.path("make")?.to_owned();
        let runtimes = plan.add(RuntimesStep {
            target: target.clone(),
            clang: clang.clone(),
            cmake: CMake::new(host)?,
            make: make.clone(),
            llvm: sources.llvm,
            musl: headers.unwrap_or(sources.musl),
        });
        let musl = MuslStep { target: target.clone(), clang: clang.clone(), make, source: sources.musl, runtimes };
        let musl = plan.add(musl);
        let kernel_headers = plan.add(KernelHeadersStep {
            target: target.clone(),
            clang: clang.clone(),
            version: self.project.pins.linux.version.clone(),
            source: sources.linux,
            musl: sources.musl,
        });
        let libcxx = plan.add(LibcxxStep {
            target: target.clone(),
            clang: clang.clone(),
            cmake: CMake::new(host)?,
            llvm: sources.libcxx,
            kernel_headers,
            musl,
            runtimes,
        });
        let sysroot = plan.add(SysrootStep {
            target: target.clone(),
            spec,
            clang: clang.clone(),
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
            libc: self.project.pins.libc.clone(),
            opt_level: opt_level.map(str::to_owned),
        };
        let std = plan.add(StdStep { target: target.clone(), library: library.clone(), sysroot });
        let toolchain = plan.add(ToolchainStep {
            target: target.clone(),
            clang,
            cargo: host.rust.bin("cargo"),
            sysroot,
            std,
            kernel_headers,
            libcxx,
        });
        let test_programs = TestProgramsStep::all(target, &library, std, toolchain).map(|programs| plan.add(programs));
        Ok(TargetSteps { runtimes, kernel_headers, sysroot, toolchain, test_programs })
    }
}

/// The name of a source's tree in `out/patch`.
fn label(source: &Source) -> &'static str {
    if source.leave_out.is_some() {
        "rustc"
    } else if source.layer_named(LIBCXX).is_some() {
        LIBCXX
    } else {
        source.name
    }
}
