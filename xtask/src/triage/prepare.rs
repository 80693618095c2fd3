//! Preparing the test for a run: its program is built or compiled, and gets a runner and a sandbox.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result};
use bringup_model::exit::{self, CodedError};
use bringup_model::isolation::Isolation;
use bringup_model::link::Link;
use bringup_model::proof::{Language, Proof};
use bringup_model::target::Target;
use bringup_model::triage::Setting;
use bringup_runner::jobs::Share;
use bringup_runner::one_test::{self, OneTest};
use bringup_runner::runner::Runner;
use bringup_runner::sandbox::Sandbox;
use bringup_runner::test_set::{PROGRAMS, ProgramEntry};

use crate::build::step::{Builder, Plan, StepFailure, StepId};
use crate::build::store::Store;
use crate::build::{FetchMode, Patched, Planner, TargetSettings, TargetSteps};
use crate::host::emulator::Emulator;
use crate::project::config;
use crate::prove::{DEFAULT_OPT_LEVEL, ProofProgram};

/// Time limit for a program to list its tests.
const LIST_LIMIT: Duration = Duration::from_secs(30);

/// What is to be triaged.
#[derive(Debug, Clone)]
pub enum Triaged {
    /// A test of a suite.
    Test {
        suite: String,
        /// Its name in the suite.
        test: String,
    },
    /// The proof of a patch.
    Proof {
        file: PathBuf,
        proof: Proof,
        /// `rust/futex-time64`
        name: String,
    },
}

/// The setting of a run: everything that a control can change.
#[derive(Debug, Clone)]
pub struct RunConfig {
    pub target: Target,
    /// None if the test runs natively.
    pub emulator: Option<Emulator>,
    pub link: Link,
    pub isolation: Isolation,
    /// The opt-level of std and the test; none for the default.
    pub opt_level: Option<&'static str>,
}

/// A test that is ready to run.
pub struct PreparedTest {
    /// The setting, as the rules see it.
    pub setting: Setting,
    pub target: Target,
    /// The program, and the test in it.
    pub subject: OneTest,
    pub sandbox: Sandbox,
    /// The folder with the target's loader and libraries.
    pub sysroot: PathBuf,
    pub runner: Runner,
}

impl Triaged {
    /// The name in tables and sentences.
    pub fn title(&self) -> String {
        match self {
            Self::Test { suite, test } => format!("{suite} {test}"),
            Self::Proof { name, .. } => format!("proof {name}"),
        }
    }

    /// Whether std is part of the program.
    pub fn has_std(&self) -> bool {
        !matches!(self, Self::Proof { proof, .. } if proof.language != Language::Rust)
    }
}

/// Builds and prepares the test for each setting.
pub struct TestBuilder<'a> {
    planner: &'a Planner<'a>,
    pub builder: Builder<'a>,
    plan: Plan,
    patched: Patched,
    steps: BTreeMap<(String, Option<&'static str>), TargetSteps>,
    triaged: Triaged,
    /// Held while a proof is compiled, because several settings use the same program.
    compiling: Mutex<()>,
    /// Steps that failed.
    failed: BTreeMap<StepId, StepFailure>,
    /// The program that has the test, and the test's name in it; none until `find`.
    found: Option<(ProgramEntry, Option<String>)>,
}

impl<'a> TestBuilder<'a> {
    pub fn new(planner: &'a Planner<'a>, store: &'a Store, triaged: Triaged) -> Result<Self> {
        let mut plan = Plan::new(&planner.workspace.out);
        let patched = planner.plan_sources(&mut plan, &planner.series_in_use()?, FetchMode::Fetch)?;
        let builder = planner.builder(store)?;
        let (steps, failed) = (BTreeMap::new(), BTreeMap::new());
        Ok(Self { planner, builder, plan, patched, steps, triaged, compiling: Mutex::new(()), failed, found: None })
    }

    /// Plans a target's programs. Returns the number of steps that are not done yet.
    pub fn plan(&mut self, target: &Target, opt_level: Option<&'static str>) -> Result<usize> {
        let key = (target.name.clone(), opt_level);
        if !self.steps.contains_key(&key) {
            let spec = self.planner.spec(target)?;
            let steps = self.planner.plan_target_at(
                &mut self.plan,
                target,
                TargetSettings { spec, opt_level },
                self.patched,
            )?;
            self.steps.insert(key, steps);
        }
        let steps = self.plan.closure(self.last(target, opt_level)?);
        Ok(steps.into_iter().filter(|id| !self.plan.node(*id).is_done()).count())
    }

    /// Builds the programs of planned targets. A failure is returned when a test is prepared for that target.
    pub fn build(&mut self, targets: &[(&Target, Option<&'static str>)]) -> Result<()> {
        let last = targets.iter().map(|(target, level)| self.last(target, *level)).collect::<Result<Vec<_>>>()?;
        let results = self.builder.build(&self.plan, &last, Vec::new())?;
        self.failed.extend(results.into_iter().filter_map(|(id, result)| Some((id, result.err()?))));
        Ok(())
    }

    fn steps(&self, target: &Target, opt_level: Option<&'static str>) -> Result<TargetSteps> {
        let steps = self.steps.get(&(target.name.clone(), opt_level)).copied();
        steps.with_context(|| format!("{} was not planned", target.name))
    }

    fn last(&self, target: &Target, opt_level: Option<&'static str>) -> Result<StepId> {
        let steps = self.steps(target, opt_level)?;
        Ok(match &self.triaged {
            Triaged::Test { .. } => steps.test_programs,
            Triaged::Proof { .. } if self.triaged.has_std() => steps.toolchain,
            Triaged::Proof { .. } => steps.sysroot,
        })
    }

    /// Prepares the test. Compiles a proof into the folder `programs`.
    pub fn prepare(&self, at: &RunConfig, programs: &Path) -> Result<PreparedTest> {
        let steps = self.steps(&at.target, at.opt_level)?;
        let last = self.last(&at.target, at.opt_level)?;
        // The error of the first step that failed by itself.
        if let Some(failure) = self.plan.closure(last).iter().find_map(|id| self.failed.get(id)) {
            return Err(failure.clone().into());
        }
        let last = self.plan.node(last);
        let toolchain = self.plan.path(if self.triaged.has_std() { steps.toolchain } else { steps.sysroot });
        let defaults = self.planner.project.pins.limits;
        let subject = match &self.triaged {
            Triaged::Test { suite, test: name } => {
                let limits =
                    config::limits(&self.planner.project.root, &at.target.name, defaults, at.emulator.is_some())?;
                let limits = limits.for_test(suite, name);
                let (program, test) = self.found.as_ref().context("no program with the test was found")?;
                let lib = toolchain.join("lib/rustlib").join(&at.target.triple).join("lib");
                OneTest { program: program.path(&last.path, at.link), test: test.clone(), lib_dirs: vec![lib], limits }
            }
            Triaged::Proof { file, proof, .. } => {
                let level = at.opt_level.map_or_else(String::new, |level| format!("-opt-level-{level}"));
                let program = programs.join(format!("{}-{}{level}", at.target.name, at.link));
                let _one = self.compiling.lock().unwrap_or_else(PoisonError::into_inner);
                if !program.exists() {
                    self.compile(at, toolchain, (file, proof), &program)?;
                }
                OneTest { program, test: None, lib_dirs: Vec::new(), limits: defaults }
            }
        };
        let sysroot = toolchain.join("sysroot");
        let runner = match &at.emulator {
            Some(emulator) => emulator.runner(&at.target, sysroot.clone()),
            None => Runner::Native { sysroot: sysroot.clone(), loader: at.target.musl.loader.clone() },
        };
        let sandbox = Sandbox::with_isolation(&runner, &subject.program, at.isolation)?;
        let setting = Setting {
            target: at.target.name.clone(),
            machine: at.target.elf.machine.clone(),
            class: at.target.elf.class,
            big_endian: at.target.elf.big_endian,
            emulator: at.emulator.as_ref().map(|emulator| emulator.version.clone()),
            link: at.link,
            opt_level: at.opt_level.map(Into::into),
            lacking: sandbox.lacking(),
        };
        Ok(PreparedTest { setting, target: at.target.clone(), subject, sandbox, sysroot, runner })
    }

    fn compile(&self, at: &RunConfig, toolchain: &Path, (file, proof): (&Path, &Proof), program: &Path) -> Result<()> {
        let program_of_proof =
            ProofProgram { file, proof, link: at.link, opt_level: at.opt_level.unwrap_or(DEFAULT_OPT_LEVEL) };
        let compiler = program_of_proof.compiler(&at.target, toolchain);
        let compiler = compiler.context("a script cannot be triaged, only a program")?;
        let compiler = compiler.arg("-o").arg(program).dir(program.parent().unwrap_or(Path::new("/")));
        compiler.within(&self.builder.jobs, Share::Tool).read().context("compiling the proof")?;
        Ok(())
    }

    /// Finds the program of `at` that has the test.
    pub fn find(&mut self, at: &RunConfig, folder: &Path) -> Result<()> {
        let Triaged::Test { suite, test } = &self.triaged else { return Ok(()) };
        let built = self.plan.path(self.last(&at.target, at.opt_level)?);
        let list = built.join(PROGRAMS);
        let programs: Vec<ProgramEntry> =
            serde_json::from_slice(&fs_err::read(&list)?).with_context(|| format!("reading {}", list.display()))?;
        let mut unheard = Vec::new();
        for program in programs.into_iter().filter(|program| program.suite == *suite) {
            let name = match test.strip_prefix(&program.name).map(|rest| rest.strip_prefix("::")) {
                _ if program.unit => Some(test.as_str()),
                Some(Some(rest)) if program.harness => Some(rest),
                Some(None) if !program.harness && *test == program.name => None,
                _ => continue,
            };
            let Some(name) = name else {
                self.found = Some((program, None));
                return Ok(());
            };
            let listed = self.listed(at, &program, built, folder)?;
            if listed.iter().any(|listed| listed == name) {
                self.found = Some((program, Some(name.to_owned())));
                return Ok(());
            }
            if listed.is_empty() {
                unheard.push((program.clone(), Some(name.to_owned())));
            }
        }
        // If a program cannot list its tests, that may be the failure to triage.
        self.found = unheard.pop();
        let known = self.found.is_some();
        known.then_some(()).ok_or_else(|| {
            let hint = "hint: name it as the report does, without the suite";
            CodedError::error(exit::USAGE, format!("suite {suite} of {} has no test `{test}`\n{hint}", at.target.name))
        })
    }

    /// The tests that a program lists, in the first link mode in which it lists any.
    fn listed(&self, at: &RunConfig, program: &ProgramEntry, built: &Path, folder: &Path) -> Result<Vec<String>> {
        let steps = self.steps(&at.target, at.opt_level)?;
        let sysroot = self.plan.path(steps.toolchain).join("sysroot");
        let runner = match &at.emulator {
            Some(emulator) => emulator.runner(&at.target, sysroot),
            None => Runner::Native { sysroot, loader: at.target.musl.loader.clone() },
        };
        for link in Link::ALL.into_iter().rev() {
            let file = program.path(built, link);
            let sandbox = Sandbox::with_isolation(&runner, &file, at.isolation)?;
            let listed = one_test::list(&file, &sandbox, folder, LIST_LIMIT, &self.builder.jobs)?;
            if !listed.is_empty() {
                return Ok(listed);
            }
        }
        Ok(Vec::new())
    }
}
