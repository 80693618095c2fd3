//! A trial: the smoke checks and suites of one target in one link mode, run or taken over from an earlier run, and judged.

pub mod archive;
mod growing;
pub(crate) mod matrix;
mod prepare;
pub mod recorded;
pub(crate) mod request;
mod smoke;
mod suite;

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use bringup_model::digest::Inputs;
use bringup_model::exit;
use bringup_model::expectation::RunSetting;
use bringup_model::judge::{self, JudgedSuite};
use bringup_model::link::Link;
use bringup_model::report::{self, RunVerdict, StepTime};
use bringup_model::target::Target;
use bringup_runner::harness::compiletest::UiTests;
use bringup_runner::interrupt::{self, Interrupted};
use bringup_runner::jobs::Jobs;
use bringup_runner::runner::Runner;
use bringup_runner::sandbox::Sandbox;
use bringup_runner::ssh::Machine;
use bringup_runner::test_set::TestSet;

use self::prepare::{Prepared, PreparedRunner};
use self::request::Selection;
use self::suite::Surroundings;
use crate::build::Planner;
use crate::build::step::{Node, Plan, StepCost, StepId};
use crate::build::store::Store;
use crate::error::disk;

/// What all trials of an invocation share.
struct Context<'a> {
    planner: &'a Planner<'a>,
    store: &'a Store,
    jobs: &'a Jobs,
    selection: &'a Selection,
    report_folder: &'a Path,
}

/// A target under test: what its trials need, whatever the link mode.
struct TestedTarget<'a> {
    target: &'a Target,
    prepared: Prepared,
    tests: TestSet,
    /// What rustc's own tests need, if they are to run.
    ui: Option<Arc<UiTests>>,
    /// The step `toolchain`, for the smoke checks; none if the tests were not built here.
    toolchain: Option<&'a Node>,
    /// The steps that its trials begin after.
    after: Vec<StepId>,
}

/// One target in one link mode.
struct Trial<'a> {
    context: &'a Context<'a>,
    subject: &'a TestedTarget<'a>,
    link: Link,
}

impl Trial<'_> {
    fn selection(&self) -> &Selection {
        self.context.selection
    }

    /// Adds what was found to `run`.
    ///
    /// # Errors
    ///
    /// An error whose exit code says more than that this trial cannot go on: it ends the whole run.
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
        let around = self.surround(&runner, run)?;
        if self.selection().smoke {
            let toolchain = self.subject.toolchain.context("there is no toolchain for the smoke checks")?;
            self.smoke(run, toolchain, &around)?;
        }
        if self.selection().suites.is_empty() {
            return Ok(());
        }
        let stale = self.context.report_folder.join(&around.logs);
        if stale.exists() {
            fs_err::remove_dir_all(stale)?;
        }
        let mut judged = Vec::new();
        let mut stopped = Ok(());
        for suite in &self.selection().suites {
            match self.suite(suite, &around, &mut run.notes) {
                Ok(suite) => judged.push(suite),
                // The suites that are complete stay.
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
        stopped.and(ran).and_then(|()| interrupt::check())
    }

    /// Prepares what surrounds the programs, and notes what of it the host cannot give.
    fn surround(&self, runner: &Runner, run: &mut report::Run) -> Result<Surroundings> {
        let prepared = &self.subject.prepared;
        if let Some(Machine { host, kernel, jobs, .. }) = prepared.runner.machine().map(Arc::as_ref) {
            run.notes.push(format!("the tests run on {host} (kernel {kernel}), {} at a time", jobs.total()));
        }
        let sandbox = Sandbox::with_isolation(runner, &self.subject.tests.libc(), prepared.isolation)?;
        let spawns = sandbox.spawns(self.link);
        run.spawns = Some(spawns);
        run.notes.extend(sandbox.notes.iter().cloned());
        if sandbox.own_kind && !spawns {
            let why = "programs of the target cannot start each other: the host takes them for its own, but has not their loader";
            run.notes.push(why.into());
        }
        let setting = RunSetting { qemu: runner.qemu().cloned(), link: self.link, spawns };
        let logs = format!("logs/{}-{}-{}", run.target, run.runner.word(), run.link);
        Ok(Surroundings { inputs: self.inputs(runner, &sandbox)?, sandbox, setting, logs })
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

    /// What, besides the programs themselves, decides what they do.
    fn inputs(&self, runner: &Runner, sandbox: &Sandbox) -> Result<Inputs> {
        let prepared = &self.subject.prepared;
        let has = [("network", sandbox.network), ("binfmt", sandbox.binfmt), ("loader", sandbox.loader)];
        let has = has.into_iter().filter(|(_, has)| *has).map(|(name, _)| name);
        let inputs = Inputs::new().add("runner", runner.word()).add("link", self.link.word());
        let inputs = inputs.add("kernel", runner.kernel()).list("sandbox", has);
        let inputs = inputs.list("host", prepared.runner.machine().map(|machine| machine.host.as_str()));
        let Some(emulator) = prepared.runner.emulator() else { return Ok(inputs) };
        Ok(inputs.append(&emulator.inputs(self.subject.target)?))
    }
}

/// What the steps that a run rests on cost.
fn step_times(plan: &Plan, target: &Target, steps: impl IntoIterator<Item = (StepId, StepCost)>) -> Vec<StepTime> {
    let time = |(id, built): (StepId, StepCost)| {
        let node = plan.node(id);
        // What other targets share has its label with it.
        let name = if node.step.label() == target.name { node.step.name().into() } else { node.title() };
        StepTime { cached: built.cached, ..step_time(&name, built.wall, built.cpu) }
    };
    steps.into_iter().map(time).collect()
}

fn step_time(step: &str, wall: Duration, cpu: Duration) -> StepTime {
    let round = |time: Duration| (time.as_secs_f64() * 100.0).round() / 100.0;
    StepTime { step: step.into(), wall_s: round(wall), cpu_s: round(cpu), cached: false }
}
