//! Preparing the test for a run: its program is built or compiled, and gets a runner and a sandbox.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use bringup_model::exit::{self, CodedError};
use bringup_model::expectation::{RunSetting, Word};
use bringup_model::isolation::Isolation;
use bringup_model::limits::LimitTable;
use bringup_model::link::Link;
use bringup_model::proof::{Language, Proof};
use bringup_model::target::Target;
use bringup_model::triage::{EmulatorBuild, Setting};
use bringup_runner::jobs::Share;
use bringup_runner::one_test::{self, OneTest};
use bringup_runner::runner::Runner;
use bringup_runner::sandbox::Sandbox;
use bringup_runner::test_set::{self, ProgramEntry};

use super::variant::{PatchesInUse, Variant};
use crate::build::step::{Builder, Plan, StepFailure, StepId};
use crate::build::store::Store;
use crate::build::{FetchMode, Patched, Planner, TargetSettings, TargetSteps};
use crate::host::emulator::Emulator;
use crate::project::{config, expect};
use crate::prove::{DEFAULT_OPT_LEVEL, ProofProgram};
use crate::smoke::{BuiltProgram, Smoke};

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
    /// A program of the smoke test.
    Smoke {
        /// Its name among the checks of a link mode.
        check: String,
        /// Whether it is in C.
        in_c: bool,
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
    /// How std and the test are built.
    pub variant: Variant,
    /// Whether the tests before it in its suite run first.
    pub after_others: bool,
}

/// A test that is ready to run.
pub struct PreparedTest {
    /// The setting, as the rules see it.
    pub setting: Setting,
    pub target: Target,
    /// The program, and the test in it.
    pub subject: OneTest,
    pub sandbox: Sandbox,
    /// The toolchain of the program.
    pub toolchain: PathBuf,
    /// The folder with the target's loader and libraries.
    pub sysroot: PathBuf,
    pub runner: Runner,
}

/// The word for the smoke test in the place of a suite.
pub const SMOKE: &str = "smoke";

impl Triaged {
    /// The name in tables and sentences.
    pub fn title(&self) -> String {
        match self {
            Self::Test { suite, test } => format!("{suite} {test}"),
            Self::Proof { name, .. } => format!("proof {name}"),
            Self::Smoke { check, .. } => format!("{SMOKE} {check}"),
        }
    }

    /// Whether std is part of the program.
    pub fn has_std(&self) -> bool {
        match self {
            Self::Test { .. } => true,
            Self::Proof { proof, .. } => proof.language == Language::Rust,
            Self::Smoke { in_c, .. } => !in_c,
        }
    }
}

/// Builds and prepares the test for each setting.
pub struct TestBuilder<'a> {
    planner: &'a Planner<'a>,
    pub builder: Builder<'a>,
    plan: Plan,
    patched: Patched,
    /// The patches that controls leave out.
    pub patches: PatchesInUse,
    steps: BTreeMap<(String, Variant), TargetSteps>,
    triaged: Triaged,
    /// The programs that are compiled, by their names. Held while one is compiled, because several settings use the same
    /// program.
    compiled: Mutex<BTreeMap<String, OneTest>>,
    /// Steps that failed.
    failed: BTreeMap<StepId, StepFailure>,
    /// The program that has the test, until `find` none.
    found: Option<FoundTest>,
}

/// A test in its program.
#[derive(Debug, Clone)]
struct FoundTest {
    program: ProgramEntry,
    /// The test's name in the program; none if the program is the test.
    test: Option<String>,
    /// The tests that the program lists.
    listed: Vec<String>,
}

impl<'a> TestBuilder<'a> {
    pub fn new(planner: &'a Planner<'a>, store: &'a Store, triaged: Triaged) -> Result<Self> {
        let mut plan = Plan::new(&planner.workspace.out);
        let patched = planner.plan_sources(&mut plan, &planner.series_in_use()?, FetchMode::Fetch)?;
        let builder = planner.builder(store)?;
        let (steps, failed, compiled) = (BTreeMap::new(), BTreeMap::new(), Mutex::default());
        let in_use = PatchesInUse::read(planner)?;
        Ok(Self { planner, builder, plan, patched, patches: in_use, steps, triaged, compiled, failed, found: None })
    }

    /// Plans a target's programs. Returns the number of steps that are not done yet.
    pub fn plan(&mut self, target: &Target, variant: Variant) -> Result<usize> {
        let key = (target.name.clone(), variant);
        if !self.steps.contains_key(&key) {
            let spec = self.planner.spec(target)?;
            let patched = match variant.patches {
                Some(counts) => self.patches.plan(self.planner, &mut self.plan, counts, self.patched)?,
                None => self.patched,
            };
            let headers = variant.relinked.then_some(self.patched.musl);
            let settings = TargetSettings { spec, opt_level: variant.opt_level, headers };
            let steps = self.planner.plan_target_at(&mut self.plan, target, settings, patched)?;
            self.steps.insert(key, steps);
        }
        if variant.relinked {
            // Its program and std are the usual ones.
            self.plan(target, Variant::default())?;
        }
        let steps = self.plan.closure(self.last(target, variant)?);
        Ok(steps.into_iter().filter(|id| !self.plan.node(*id).is_done()).count())
    }

    /// Builds the programs of planned targets. A failure is returned when a test is prepared for that target.
    pub fn build(&mut self, targets: &[(&Target, Variant)]) -> Result<()> {
        let last = targets.iter().map(|(target, variant)| self.last(target, *variant)).collect::<Result<Vec<_>>>()?;
        let results = self.builder.build(&self.plan, &last, Vec::new())?;
        self.failed.extend(results.into_iter().filter_map(|(id, result)| Some((id, result.err()?))));
        Ok(())
    }

    fn steps(&self, target: &Target, variant: Variant) -> Result<TargetSteps> {
        let steps = self.steps.get(&(target.name.clone(), variant)).copied();
        steps.with_context(|| format!("{} was not planned", target.name))
    }

    fn last(&self, target: &Target, variant: Variant) -> Result<StepId> {
        let steps = self.steps(target, variant)?;
        Ok(match &self.triaged {
            _ if variant.relinked || !self.triaged.has_std() => steps.sysroot,
            Triaged::Test { suite, .. } => {
                let of_suite = steps.test_programs_of(std::slice::from_ref(suite)).pop();
                of_suite.with_context(|| format!("the suite {suite} has no test programs"))?
            }
            Triaged::Proof { .. } | Triaged::Smoke { .. } => steps.toolchain,
        })
    }

    /// Prepares the test. Compiles a proof or a smoke program into the folder `programs`.
    pub fn prepare(&self, at: &RunConfig, programs: &Path) -> Result<PreparedTest> {
        // The error of the first step that failed by itself.
        let last = self.last(&at.target, at.variant)?;
        if let Some(failure) = self.plan.closure(last).iter().find_map(|id| self.failed.get(id)) {
            return Err(failure.clone().into());
        }
        // The program and std of a relinked test are the usual ones.
        let relinked = at.variant.relinked && self.triaged.has_std();
        let built = if relinked { Variant::default() } else { at.variant };
        let toolchain = self.toolchain(&at.target, built)?;
        let sysroot = if relinked { self.plan.path(last) } else { toolchain }.join("sysroot");
        let runner = match &at.emulator {
            Some(emulator) => emulator.runner(&at.target, sysroot.clone()),
            None => Runner::Native { sysroot: sysroot.clone(), loader: at.target.musl.loader.clone() },
        };
        let subject = match &self.triaged {
            Triaged::Test { suite, test: name } => {
                let limits = self.limits(at)?.for_test(suite, name);
                let found = self.found.as_ref().context("no program with the test was found")?;
                let lib = toolchain.join("lib/rustlib").join(&at.target.triple).join("lib");
                let folder = self.plan.path(self.last(&at.target, built)?);
                let (program, alone) = (found.program.path(folder, at.link), found.listed.len() == 1);
                let (test, lib_dirs) = (found.test.clone(), vec![lib]);
                OneTest { program, test, alone, before: Vec::new(), expected: None, lib_dirs, limits }
            }
            Triaged::Proof { .. } | Triaged::Smoke { .. } => self.compiled(at, built, programs)?,
        };
        let sandbox = Sandbox::with_isolation(&runner, &subject.program, at.isolation)?;
        let before = if at.after_others { self.before(at, &sandbox)? } else { Vec::new() };
        let emulator = at.emulator.as_ref().map(|emulator| EmulatorBuild {
            version: emulator.version.clone(),
            folder: emulator.path.parent().unwrap_or(Path::new("/")).display().to_string(),
        });
        let setting = Setting {
            target: at.target.name.clone(),
            machine: at.target.elf.machine.clone(),
            class: at.target.elf.class,
            big_endian: at.target.elf.big_endian,
            emulator,
            link: at.link,
            opt_level: at.variant.opt_level.map(Into::into),
            lacking: sandbox.lacking(),
            without: at.variant.patches.map(|counts| self.patches.left_out(counts)).unwrap_or_default(),
            company: before.len(),
        };
        let subject = OneTest { before, ..subject };
        let toolchain = toolchain.to_owned();
        Ok(PreparedTest { setting, target: at.target.clone(), subject, sandbox, toolchain, sysroot, runner })
    }

    /// The program of a proof or a smoke check, compiled into the folder `programs` when it is first asked for.
    fn compiled(&self, at: &RunConfig, built: Variant, programs: &Path) -> Result<OneTest> {
        let name = program_name(at, built);
        let mut compiled = self.compiled.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(subject) = compiled.get(&name) {
            return Ok(subject.clone());
        }
        let (toolchain, place) = (self.toolchain(&at.target, built)?, programs.join(&name));
        let subject = match &self.triaged {
            Triaged::Test { .. } => bail!("a test of a suite is not compiled alone"),
            Triaged::Proof { file, proof, .. } => {
                self.compile(at, toolchain, (file, proof), &place)?;
                self.whole(place)
            }
            Triaged::Smoke { check, .. } => {
                let BuiltProgram { file, expected, lib_dirs } = self.smoke_program(at, toolchain, check, &place)?;
                OneTest { expected: Some(expected), lib_dirs, ..self.whole(file) }
            }
        };
        compiled.insert(name, subject.clone());
        Ok(subject)
    }

    /// A program that is itself the test.
    fn whole(&self, program: PathBuf) -> OneTest {
        let limits = self.planner.project.pins.limits;
        let (before, lib_dirs) = (Vec::new(), Vec::new());
        OneTest { program, test: None, alone: false, before, expected: None, lib_dirs, limits }
    }

    /// The target's toolchain; only its sysroot, if that is enough.
    fn toolchain(&self, target: &Target, variant: Variant) -> Result<&Path> {
        let steps = self.steps(target, variant)?;
        Ok(self.plan.path(if self.triaged.has_std() { steps.toolchain } else { steps.sysroot }))
    }

    /// The limits of the target's tests.
    pub fn limits(&self, at: &RunConfig) -> Result<LimitTable> {
        let project = self.planner.project;
        config::limits(&project.root, &at.target.name, project.pins.limits, at.emulator.is_some())
    }

    /// The tests that run before this one in its program. Leaves out those that are known to end their process.
    fn before(&self, at: &RunConfig, sandbox: &Sandbox) -> Result<Vec<String>> {
        let (Triaged::Test { suite, .. }, Some(FoundTest { program, test: Some(test), listed })) =
            (&self.triaged, &self.found)
        else {
            bail!("the program has no other tests");
        };
        let expectations = expect::load(&self.planner.project.root, &at.target.name)?;
        let qemu = at.emulator.as_ref().map(|emulator| emulator.version.clone());
        let rust = self.planner.project.pins.rust.number();
        let setting = RunSetting { qemu, rust, link: at.link, spawns: sandbox.spawns(at.link) };
        let active = expectations.active(suite, &setting);
        let ends = |name: &str| {
            let full = if program.unit { name.to_owned() } else { format!("{}::{name}", program.name) };
            let word = active.find(&full).map(|entry| entry.word);
            matches!(word, Some(Word::Skip | Word::Crash | Word::Timeout))
        };
        let mut before: Vec<String> = listed.iter().filter(|name| *name < test && !ends(name)).cloned().collect();
        before.sort();
        if before.is_empty() { Err(anyhow!("no test of the program runs before it")) } else { Ok(before) }
    }

    fn smoke_program(&self, at: &RunConfig, toolchain: &Path, check: &str, work: &Path) -> Result<BuiltProgram> {
        fs_err::create_dir_all(work)?;
        let smoke = Smoke {
            sources: &self.planner.project.root.join("smoke"),
            toolchain,
            target: &at.target,
            cargo_home: &self.planner.workspace.cargo_home(),
            offline: self.planner.workspace.offline,
            libc: &self.planner.project.pins.libc,
            runner: &|_, _| bail!("no program runs while one is built"),
            work,
            log: &work.join("log"),
            forbidden: &[],
            jobs: &self.builder.jobs,
        };
        smoke.build_one(at.link, check)?.map_err(|why| anyhow!(why))
    }

    fn compile(&self, at: &RunConfig, toolchain: &Path, (file, proof): (&Path, &Proof), program: &Path) -> Result<()> {
        let program_of_proof =
            ProofProgram { file, proof, link: at.link, opt_level: at.variant.opt_level.unwrap_or(DEFAULT_OPT_LEVEL) };
        let compiler = program_of_proof.compiler(&at.target, toolchain);
        let compiler = compiler.context("a script cannot be triaged, only a program")?;
        let compiler = compiler.arg("-o").arg(program).dir(program.parent().unwrap_or(Path::new("/")));
        compiler.within(&self.builder.jobs, Share::Tool).read().context("compiling the proof")?;
        Ok(())
    }

    /// Finds the program of `at` that has the test.
    pub fn find(&mut self, at: &RunConfig, folder: &Path) -> Result<()> {
        let Triaged::Test { suite, test } = &self.triaged else { return Ok(()) };
        let built = self.plan.path(self.last(&at.target, at.variant)?);
        let mut unheard = Vec::new();
        for program in test_set::read_list(built)? {
            let name = match test.strip_prefix(&program.name).map(|rest| rest.strip_prefix("::")) {
                _ if program.unit => Some(test.as_str()),
                Some(Some(rest)) if program.harness => Some(rest),
                Some(None) if !program.harness && *test == program.name => None,
                _ => continue,
            };
            let Some(name) = name else {
                self.found = Some(FoundTest { program, test: None, listed: Vec::new() });
                return Ok(());
            };
            let listed = self.listed(at, &program, built, folder)?;
            if listed.iter().any(|listed| listed == name) {
                self.found = Some(FoundTest { test: Some(name.to_owned()), program, listed });
                return Ok(());
            }
            if listed.is_empty() {
                unheard.push(FoundTest { test: Some(name.to_owned()), program, listed });
            }
        }
        // If a program cannot list its tests, that may be the failure to triage.
        self.found = unheard.pop();
        self.found.is_some().then_some(()).ok_or_else(|| {
            let hint = "hint: name it as the report does, without the suite";
            CodedError::error(exit::USAGE, format!("suite {suite} of {} has no test `{test}`\n{hint}", at.target.name))
        })
    }

    /// The tests that a program lists, in the first link mode in which it lists any.
    fn listed(&self, at: &RunConfig, program: &ProgramEntry, built: &Path, folder: &Path) -> Result<Vec<String>> {
        let sysroot = self.toolchain(&at.target, at.variant)?.join("sysroot");
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

/// The name of a program's file or folder: programs of different builds have different names.
fn program_name(at: &RunConfig, built: Variant) -> String {
    let level = built.opt_level.map_or_else(String::new, |level| format!("-opt-level-{level}"));
    let patches = built
        .patches
        .map_or_else(String::new, |counts| format!("-patches-{}-{}-{}", counts.llvm, counts.musl, counts.rust));
    format!("{}-{}{level}{patches}", at.target.name, at.link)
}
