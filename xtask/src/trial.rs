//! A trial: the smoke checks and suites of one target in one link mode. Results are new or recorded, and judged.

mod agreement;
pub mod archive;
mod crates;
mod growing;
pub(crate) mod matrix;
mod prepare;
pub mod recorded;
pub(crate) mod request;
mod smoke;
mod suite;

use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use bringup_model::digest::Inputs;
use bringup_model::exit;
use bringup_model::expectation::RunSetting;
use bringup_model::judge::{self, JudgedSuite};
use bringup_model::link::Link;
use bringup_model::report::{self, RunVerdict, SmokeCheck, StepTime};
use bringup_model::target::Target;
use bringup_runner::etc;
use bringup_runner::files::sha256_file;
use bringup_runner::harness::compiletest::UiTests;
use bringup_runner::interrupt::{self, Interrupted};
use bringup_runner::jobs::Jobs;
use bringup_runner::runner::Runner;
use bringup_runner::sandbox::Sandbox;
use bringup_runner::ssh::Machine;
use bringup_runner::test_set::TestSet;

use self::prepare::{Prepared, PreparedRunner};
use self::request::{TestSelection, TrialRequest};
use self::suite::TestEnvironment;
use crate::build::Planner;
use crate::build::step::{Node, Plan, StepCost, StepId};
use crate::build::store::Store;
use crate::error::disk;

/// What all trials of an invocation share.
struct TrialContext<'a> {
    planner: &'a Planner<'a>,
    store: &'a Store,
    jobs: &'a Jobs,
    request: &'a TrialRequest,
    report_folder: &'a Path,
    /// Held while cargo builds a crate of the registry in this link mode's folder.
    building: BTreeMap<Link, Mutex<()>>,
}

/// What the trials of one target need, in any link mode.
struct TestedTarget<'a> {
    target: &'a Target,
    prepared: &'a Prepared,
    tests: TestSet,
    /// rustc's own tests; none if they do not run.
    ui: Option<Arc<UiTests>>,
    /// The audits of the toolchain, which the smoke checks of all link modes share; `None` until one needs them.
    audits: Mutex<Option<Vec<SmokeCheck>>>,
    /// The step `toolchain`, for the smoke checks, or `sysroot`, for the C corpus alone; none for the tests of an archive.
    toolchain: Option<&'a Node>,
    /// The trials begin after these steps.
    after: Vec<StepId>,
}

/// One target in one link mode.
struct Trial<'a> {
    context: &'a TrialContext<'a>,
    subject: &'a TestedTarget<'a>,
    link: Link,
}

impl Trial<'_> {
    fn selection(&self) -> &TestSelection {
        &self.context.request.selection
    }

    /// Runs the trial and adds its results to `run`.
    ///
    /// # Errors
    ///
    /// Only errors that must end all trials. Any other error goes into the report.
    fn run(&self, run: &mut report::Run) -> Result<()> {
        match self.fill(run) {
            Ok(()) => run.verdict = RunVerdict::of(&run.smoke, &run.suites),
            Err(error) if error.is::<Interrupted>() => run.error = Some("interrupted before its end".into()),
            Err(error) if crate::error::of_error(&error) != exit::STEP => return Err(error),
            Err(error) => run.error = Some(format!("{:#}", disk::explain(error, Some(self.context.store.root())))),
        }
        Ok(())
    }

    fn fill(&self, run: &mut report::Run) -> Result<()> {
        interrupt::check()?;
        let runner = self.runner()?;
        let environment = self.surround(&runner, run)?;
        let toolchain = || self.subject.toolchain.context("there is no toolchain for the smoke checks");
        if self.selection().smoke || self.selection().corpus {
            self.smoke(run, toolchain()?, &environment)?;
        }
        if !self.selection().crates.is_empty() {
            self.crates(run, toolchain()?, &environment)?;
        }
        if self.selection().suites.is_empty() {
            return Ok(());
        }
        let stale = self.context.report_folder.join(&environment.logs);
        if stale.exists() {
            fs_err::remove_dir_all(stale)?;
        }
        let (mut judged, mut contradictions) = (Vec::new(), Vec::new());
        let mut stopped = Ok(());
        for suite in &self.selection().suites {
            match self.suite(suite, &environment, &mut run.notes, &mut contradictions) {
                Ok(suite) => judged.push(suite),
                // Keep the complete suites.
                Err(error) => {
                    stopped = Err(error);
                    break;
                }
            }
        }
        let mut seen = HashSet::new();
        run.notes.retain(|note| seen.insert(note.clone()));
        let ran = judge::check_ran(&judged).map_err(|error| self.refused(error));
        run.suites = judged.into_iter().map(|JudgedSuite { suite, .. }| suite).collect();
        stopped.and(ran).and_then(|()| interrupt::check())?;
        consistent(&contradictions)
    }

    /// Sets up the sandbox. Adds a note for each feature that the host lacks.
    fn surround(&self, runner: &Runner, run: &mut report::Run) -> Result<TestEnvironment> {
        let prepared = self.subject.prepared;
        if let Some(Machine { host, kernel, jobs, .. }) = prepared.runner.machine().map(Arc::as_ref) {
            run.notes.push(format!("the tests run on {host} (kernel {kernel}), {} at a time", jobs.total()));
        }
        let sandbox = Sandbox::with_isolation(runner, &self.subject.tests.libc(), self.context.request.isolation)?;
        let spawns = sandbox.spawns(self.link);
        run.spawns = Some(spawns);
        run.notes.extend(sandbox.notes.iter().cloned());
        if sandbox.own_kind && !spawns {
            let why =
                "programs of the target cannot start each other: the host runs them itself, but lacks their loader";
            run.notes.push(why.into());
        }
        let rust = self.context.planner.project.pins.rust.number();
        let setting = RunSetting { qemu: runner.qemu().cloned(), rust, link: self.link, spawns };
        let logs = format!("logs/{}-{}-{}", run.target, run.runner.word(), run.link);
        Ok(TestEnvironment { inputs: self.inputs(runner, &sandbox)?, sandbox, setting, logs })
    }

    fn runner(&self) -> Result<Runner> {
        let TestedTarget { target, prepared, tests, .. } = self.subject;
        let (sysroot, loader) = (tests.sysroot.clone(), target.musl.loader.clone());
        let name = &target.name;
        Ok(match &prepared.runner {
            PreparedRunner::Qemu(emulator) => emulator.runner(target, sysroot),
            PreparedRunner::Native => Runner::Native { sysroot, loader },
            PreparedRunner::Ssh(machine) => {
                let ui = &self.context.planner.workspace.console;
                let say = || ui.note(&format!("copying the test programs of {name} to {}", machine.host));
                let placed = machine.place(name, tests, &self.context.store.temporary(), say)?;
                Runner::Ssh { placed, loader }
            }
        })
    }

    /// The inputs that decide an outcome, besides the programs.
    fn inputs(&self, runner: &Runner, sandbox: &Sandbox) -> Result<Inputs> {
        let prepared = self.subject.prepared;
        let has = [
            ("network", sandbox.network),
            ("binfmt", sandbox.binfmt),
            ("loader", sandbox.loader),
            ("own loader", sandbox.own_loader),
            ("files", sandbox.files),
        ];
        let has = has.into_iter().filter(|(_, has)| *has).map(|(name, _)| name);
        let inputs = Inputs::new().add("runner", runner.word()).add("link", self.link.word());
        let inputs = inputs.add("kernel", runner.kernel()).list("sandbox", has);
        let inputs = inputs.add("files", etc::digest(sandbox.files)?);
        let inputs = inputs.list("host", prepared.runner.machine().map(|machine| machine.host.as_str()));
        let Some((emulator, used)) = prepared.runner.emulator().zip(prepared.emulator.as_ref()) else {
            return Ok(inputs);
        };
        Ok(inputs.append(&emulator.inputs(self.subject.target, &used.sha256)))
    }

    /// Fails if the emulator's file has changed since it was found: results may be those of either.
    fn check_emulator(&self) -> Result<()> {
        let Some((emulator, used)) =
            self.subject.prepared.runner.emulator().zip(self.subject.prepared.emulator.as_ref())
        else {
            return Ok(());
        };
        let path = emulator.path.display();
        let now =
            sha256_file(&emulator.path).with_context(|| format!("checking that the emulator {path} is the same"))?;
        if now != used.sha256 {
            bail!(
                "the emulator {path} has changed while its programs ran: its sha256 was {}, and is {now}\nhint: run the same command again",
                used.sha256
            );
        }
        Ok(())
    }
}

/// Fails if test programs contradicted themselves: then their results are no evidence.
fn consistent(contradictions: &[String]) -> Result<()> {
    const SHOWN: usize = 10;
    if contradictions.is_empty() {
        return Ok(());
    }
    let shown = contradictions[..contradictions.len().min(SHOWN)].join("\n  ");
    let more = match contradictions.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!("\n  and {more} more"),
    };
    bail!(
        "the results are no evidence: what the test programs report contradicts itself\n  {shown}{more}\nhint: something between the programs and Bringup, such as the emulator, loses or changes what they report"
    )
}

/// The cost of a trial's steps, as in the report.
fn step_times(plan: &Plan, steps: impl IntoIterator<Item = (StepId, StepCost)>) -> Vec<StepTime> {
    let time = |(id, built): (StepId, StepCost)| {
        let node = plan.node(id);
        StepTime { cached: built.cached, ..step_time(node.step.name(), node.step.label(), (built.wall, built.cpu)) }
    };
    steps.into_iter().map(time).collect()
}

fn step_time(step: &str, label: &str, (wall, cpu): (Duration, Duration)) -> StepTime {
    let round = |time: Duration| (time.as_secs_f64() * 100.0).round() / 100.0;
    StepTime { step: step.into(), label: label.into(), wall_s: round(wall), cpu_s: round(cpu), cached: false }
}
