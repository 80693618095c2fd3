//! Places where the test can run: a target's programs, built if need be, with a runner around them.

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
use crate::build::{Patched, Planner, Sources, TargetSteps};
use crate::host::emulator::Emulator;
use crate::project::config;
use crate::source::prove::{self, USUAL};

/// How long a program may take to list its tests.
const LIST_LIMIT: Duration = Duration::from_secs(30);

/// What is to be triaged.
#[derive(Debug, Clone)]
pub enum Kind {
    /// A test of a suite, by its name in the suite.
    Test {
        /// The suite.
        suite: String,
        /// The test.
        test: String,
    },
    /// The proof of a patch.
    Proof {
        /// Its file.
        file: PathBuf,
        /// What it says of itself.
        proof: Proof,
        /// As it is called: `rust/futex-time64`.
        name: String,
    },
}

/// What decides where and how the test runs.
#[derive(Debug, Clone)]
pub struct Where {
    /// The target.
    pub target: Target,
    /// The emulator; none natively.
    pub emulator: Option<Emulator>,
    /// How the program is linked.
    pub link: Link,
    /// How much isolation it gets.
    pub isolation: Isolation,
    /// std's and the test's opt-level, where it is not the usual one.
    pub opt_level: Option<&'static str>,
}

/// A place that is ready.
pub struct Place {
    /// As the model has it.
    pub setting: Setting,
    /// The target.
    pub target: Target,
    /// The program and its test.
    pub subject: OneTest,
    /// What surrounds it.
    pub sandbox: Sandbox,
    /// The target's loader and libraries.
    pub sysroot: PathBuf,
    /// What runs it.
    pub runner: Runner,
}

impl Kind {
    /// As the sentence names it.
    pub fn title(&self) -> String {
        match self {
            Self::Test { suite, test } => format!("{suite} {test}"),
            Self::Proof { name, .. } => format!("proof {name}"),
        }
    }

    /// Whether it depends on std.
    pub fn has_std(&self) -> bool {
        !matches!(self, Self::Proof { proof, .. } if proof.language != Language::Rust)
    }
}

/// Where programs are made.
pub struct Workshop<'a> {
    planner: &'a Planner<'a>,
    /// Builds what is lacking.
    pub builder: Builder<'a>,
    plan: Plan,
    patched: Patched,
    steps: BTreeMap<(String, Option<&'static str>), TargetSteps>,
    kind: Kind,
    /// Held while a proof is compiled: several places run the same program.
    compiling: Mutex<()>,
    /// What could not be built, and why.
    failed: BTreeMap<StepId, StepFailure>,
    /// The program's name and the test's in it, once they are known.
    found: Option<(ProgramEntry, Option<String>)>,
}

impl<'a> Workshop<'a> {
    /// For this test.
    pub fn new(planner: &'a Planner<'a>, store: &'a Store, kind: Kind) -> Result<Self> {
        let mut plan = Plan::new(&planner.workspace.out);
        let patched = planner.plan_sources(&mut plan, &planner.series_in_use()?, Sources::Fetch)?;
        let builder = planner.builder(store)?;
        let (steps, failed) = (BTreeMap::new(), BTreeMap::new());
        Ok(Self { planner, builder, plan, patched, steps, kind, compiling: Mutex::new(()), failed, found: None })
    }

    /// Plans a target's programs; how many steps it takes to build them.
    pub fn plan(&mut self, target: &Target, opt_level: Option<&'static str>) -> Result<usize> {
        let key = (target.name.clone(), opt_level);
        if !self.steps.contains_key(&key) {
            let spec = self.planner.spec(target)?;
            let steps = self.planner.plan_target_at(&mut self.plan, target, spec, self.patched, opt_level)?;
            self.steps.insert(key, steps);
        }
        let steps = self.plan.closure(self.last(target, opt_level)?);
        Ok(steps.into_iter().filter(|id| !self.plan.node(*id).is_done()).count())
    }

    /// Builds the programs of planned targets. What fails is told when a place there is asked for.
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
        Ok(match &self.kind {
            Kind::Test { .. } => steps.test_programs,
            Kind::Proof { .. } if self.kind.has_std() => steps.toolchain,
            Kind::Proof { .. } => steps.sysroot,
        })
    }

    /// Makes a place ready. Proofs are compiled into `programs`.
    pub fn place(&self, at: &Where, programs: &Path) -> Result<Place> {
        let steps = self.steps(&at.target, at.opt_level)?;
        let last = self.last(&at.target, at.opt_level)?;
        // That of the first step that failed itself.
        if let Some(failure) = self.plan.closure(last).iter().find_map(|id| self.failed.get(id)) {
            return Err(failure.clone().into());
        }
        let last = self.plan.node(last);
        let toolchain = self.plan.path(if self.kind.has_std() { steps.toolchain } else { steps.sysroot });
        let defaults = self.planner.project.pins.limits;
        let subject = match &self.kind {
            Kind::Test { suite, test: name } => {
                let limits =
                    config::limits(&self.planner.project.root, &at.target.name, defaults, at.emulator.is_some())?;
                let limits = limits.for_test(suite, name);
                let (program, test) = self.found.as_ref().context("it is not known which program has the test")?;
                let lib = toolchain.join("lib/rustlib").join(&at.target.triple).join("lib");
                OneTest { program: program.path(&last.path, at.link), test: test.clone(), lib_dirs: vec![lib], limits }
            }
            Kind::Proof { file, proof, .. } => {
                let level = at.opt_level.map_or_else(String::new, |level| format!("-opt-level-{level}"));
                let program = programs.join(format!("{}-{}{level}", at.target.name, at.link));
                let _one = self.compiling.lock().unwrap_or_else(PoisonError::into_inner);
                if !program.exists() {
                    self.compile(at, toolchain, file, proof, &program)?;
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
        Ok(Place { setting, target: at.target.clone(), subject, sandbox, sysroot, runner })
    }

    fn compile(&self, at: &Where, toolchain: &Path, file: &Path, proof: &Proof, program: &Path) -> Result<()> {
        let compiler = prove::compiler(&at.target, toolchain, file, proof, at.link, at.opt_level.unwrap_or(USUAL));
        let compiler = compiler.context("a script cannot be triaged, only a program")?;
        let compiler = compiler.arg("-o").arg(program).dir(program.parent().unwrap_or(Path::new("/")));
        compiler.within(&self.builder.jobs, Share::Tool).read().context("compiling the proof")?;
        Ok(())
    }

    /// Finds out which program of `at` has the test; an error if it is none.
    pub fn find(&mut self, at: &Where, folder: &Path) -> Result<()> {
        let Kind::Test { suite, test } = &self.kind else { return Ok(()) };
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
        // A program that cannot even list its tests may be the very thing that is looked into.
        self.found = unheard.pop();
        let known = self.found.is_some();
        known.then_some(()).ok_or_else(|| {
            let hint = "hint: name it as the report does, without the suite";
            CodedError::error(exit::USAGE, format!("suite {suite} of {} has no test `{test}`\n{hint}", at.target.name))
        })
    }

    /// What a program lists, in the first link mode in which it does.
    fn listed(&self, at: &Where, program: &ProgramEntry, built: &Path, folder: &Path) -> Result<Vec<String>> {
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
