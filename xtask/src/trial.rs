//! A trial: the smoke checks and suites of one target in one link mode, run or taken over from an earlier run, and judged.

pub mod archive;
pub mod recorded;
mod smoke;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow};
use bringup_model::digest::Inputs;
use bringup_model::exit::{self, Coded};
use bringup_model::expectation::{Entry, Expectations, Setting, Word};
use bringup_model::isolation::Isolation;
use bringup_model::judge::{self, Judged};
use bringup_model::limits::LimitTable;
use bringup_model::link::Link;
use bringup_model::outcome::{Outcome, SuiteOutcome, Verdict};
use bringup_model::partition::Partition;
use bringup_model::report::{self, StepTime};
use bringup_model::suite::Ui;
use bringup_model::target::Target;
use bringup_runner::harness::compiletest::{Compiletest, UiTests};
use bringup_runner::interrupt::{self, Interrupted};
use bringup_runner::jobs::Jobs;
use bringup_runner::runner::Runner;
use bringup_runner::sandbox::Sandbox;
use bringup_runner::scratch::Scratch;
use bringup_runner::ssh::Machine;
use bringup_runner::suite::schedule::{Harness, Options, Suite, TestProgram};
use bringup_runner::test_set::Program;
use bringup_runner::test_set::TestSet;

use self::recorded::{Record, Recorded};
use crate::build::step::{Built, Node, Plan, StepId};
use crate::build::store::Store;
use crate::error::disk;
use crate::host::emulator::Emulator;
use crate::session::Session;

/// How often an unexpected failure is run again.
const AGAIN: usize = 3;

/// With more unexpected failures than this in a suite something is broken as a whole: nothing is learnt from each of them.
const MOST_AGAIN: usize = 100;

/// What to run of every target.
#[derive(Debug, Clone)]
pub struct Selection {
    /// Whether to run the smoke checks.
    pub smoke: bool,
    /// Suites to run, in order.
    pub suites: Vec<String>,
    /// Only tests whose name contains this.
    pub filter: Option<String>,
    /// Only this part of them.
    pub partition: Option<Partition>,
    /// Tests that run at once in one process.
    pub threads: usize,
    /// How often every test runs, if not just once.
    pub stress: Option<usize>,
    /// Whether to run also what is known from an earlier run.
    pub rerun: bool,
}

/// What a target's programs are run with; settled before anything is built.
pub struct Prepared {
    /// The emulator; none for the other runners.
    pub emulator: Option<Emulator>,
    /// The machine that they run on, if it is not this one.
    pub machine: Option<Arc<Machine>>,
    /// How much isolation they get.
    pub isolation: Isolation,
    /// What is known of the target's tests.
    pub expectations: Expectations,
    /// What they may take.
    pub limits: LimitTable,
}

impl Prepared {
    /// The runner, as reports name it.
    pub fn runner(&self) -> &'static str {
        match (&self.emulator, &self.machine) {
            (Some(_), _) => "qemu",
            (None, Some(_)) => "ssh",
            (None, None) => "native",
        }
    }
}

/// One target in one link mode.
pub struct Trial<'a> {
    /// Where things are.
    pub session: &'a Session,
    /// The out folder.
    pub store: &'a Store,
    /// The budget of jobs.
    pub jobs: &'a Jobs,
    /// What to run.
    pub selection: &'a Selection,
    /// Of whom.
    pub target: &'a Target,
    /// In which link mode.
    pub link: Link,
    /// With what.
    pub prepared: &'a Prepared,
    /// The step `toolchain`, for the smoke checks; none if the tests were not built here.
    pub toolchain: Option<&'a Node>,
    /// The test programs and what they need.
    pub tests: &'a TestSet,
    /// What rustc's own tests need, if they are among the suites.
    pub ui: Option<&'a Arc<UiTests>>,
    /// The report's folder.
    pub folder: &'a Path,
}

impl Trial<'_> {
    /// Adds what was found to `run`. An error that says more than that this trial cannot go on ends the whole run.
    pub fn run(&self, run: &mut report::Run) -> Result<()> {
        match self.fill(run) {
            Ok(()) => {
                let smoked = run.smoke.iter().all(|check| check.outcome == Outcome::Pass);
                run.verdict = if smoked { judge::worst(&run.suites).into() } else { "regression".into() };
            }
            Err(error) if error.is::<Interrupted>() => run.error = Some("interrupted before its end".into()),
            Err(error) if crate::error::of_error(&error) != exit::STEP => return Err(error),
            Err(error) => run.error = Some(format!("{:#}", disk::explain(error, Some(self.store.root())))),
        }
        Ok(())
    }

    fn fill(&self, run: &mut report::Run) -> Result<()> {
        interrupt::check()?;
        let runner = self.runner()?;
        if let Some(Machine { host, kernel, jobs, .. }) = self.prepared.machine.as_deref() {
            run.notes.push(format!("the tests run on {host} (kernel {kernel}), {} at a time", jobs.total()));
        }
        let sandbox = Sandbox::with_isolation(&runner, &self.tests.libc(), self.prepared.isolation)?;
        run.spawns = Some(sandbox.spawns(self.link));
        run.notes.extend(sandbox.notes.iter().cloned());
        if sandbox.own_kind && !sandbox.spawns(self.link) {
            let why = "programs of the target cannot start each other: the host takes them for its own, but has not their loader";
            run.notes.push(why.into());
        }
        let surroundings = self.surroundings(&runner, &sandbox)?;
        if self.selection.smoke {
            let toolchain = self.toolchain.context("there is no toolchain for the smoke checks")?;
            self.smoke(run, toolchain, &sandbox, &surroundings)?;
        }
        if self.selection.suites.is_empty() {
            return Ok(());
        }
        let setting = Setting { qemu: runner.qemu().cloned(), link: self.link, spawns: sandbox.spawns(self.link) };
        let logs = format!("logs/{}-{}-{}", run.target, run.runner, run.link);
        let stale = self.folder.join(&logs);
        if stale.exists() {
            fs_err::remove_dir_all(stale)?;
        }
        let mut outcomes = Vec::new();
        let mut cached = Vec::new();
        let mut stopped = Ok(());
        for suite in &self.selection.suites {
            match self.suite(suite, &sandbox, &surroundings, &setting) {
                Ok((outcome, known)) => {
                    run.notes.extend(outcome.notes.iter().cloned());
                    outcomes.push(outcome);
                    cached.push(known);
                }
                // What is complete is judged all the same.
                Err(error) => {
                    stopped = Err(error);
                    break;
                }
            }
        }
        let mut seen = std::collections::HashSet::new();
        run.notes.retain(|note| seen.insert(note.clone()));
        if outcomes.is_empty() {
            return stopped;
        }
        let whole = |outcome: &SuiteOutcome| (outcome.listed + outcome.elsewhere.len(), outcome.names.clone());
        let wholes: Vec<(usize, String)> = outcomes.iter().map(whole).collect();
        let judged = match self.judge(outcomes, &setting, &logs) {
            Ok(judged) => judged,
            Err(error) => return stopped.and(Err(error)),
        };
        self.keep_logs(&judged)?;
        run.suites = judged.suites;
        for ((suite, cached), (of, names)) in run.suites.iter_mut().zip(cached).zip(wholes) {
            suite.cached = cached;
            let partition = self.selection.partition.map(|partition| partition.to_string());
            suite.part = partition.map(|partition| report::Part { partition, of, names });
        }
        stopped.and_then(|()| interrupt::check())
    }

    fn judge(&self, outcomes: Vec<SuiteOutcome>, setting: &Setting, logs: &str) -> Result<Judged> {
        judge::judge(outcomes, &self.prepared.expectations, setting, logs).map_err(|error| match error {
            judge::JudgeError::NothingRan(_) => {
                Coded::error(exit::NOTHING_RAN, format!("{}: {error}", self.target.name))
            }
            other => anyhow!(other),
        })
    }

    fn keep_logs(&self, judged: &Judged) -> Result<()> {
        for log in &judged.logs {
            let path = self.folder.join(&log.path);
            if let Some(parent) = path.parent() {
                fs_err::create_dir_all(parent)?;
            }
            fs_err::write(path, &log.text)?;
        }
        Ok(())
    }

    fn runner(&self) -> Result<Runner> {
        let (sysroot, loader) = (self.tests.sysroot.clone(), self.target.musl.loader.clone());
        let name = &self.target.name;
        Ok(match (&self.prepared.emulator, &self.prepared.machine) {
            (Some(emulator), _) => emulator.runner(self.target, sysroot),
            (None, None) => Runner::Native { sysroot, loader },
            (None, Some(machine)) => {
                let say = || self.session.ui.note(&format!("copying the test programs of {name} to {}", machine.host));
                let placed = machine.place(name, self.tests, &self.store.temporary(), say)?;
                Runner::Ssh { placed, loader }
            }
        })
    }

    /// What, besides the programs themselves, decides what they do.
    fn surroundings(&self, runner: &Runner, sandbox: &Sandbox) -> Result<Inputs> {
        let has = [("network", sandbox.network), ("binfmt", sandbox.binfmt), ("loader", sandbox.loader)];
        let has = has.into_iter().filter(|(_, has)| *has).map(|(name, _)| name);
        let inputs = Inputs::new().add("runner", runner.word()).add("link", self.link.word());
        let inputs = inputs.add("kernel", runner.kernel()).list("sandbox", has);
        let inputs = inputs.list("host", self.prepared.machine.iter().map(|machine| machine.host.as_str()));
        let Some(emulator) = &self.prepared.emulator else { return Ok(inputs) };
        Ok(inputs.append(&emulator.inputs(self.target)?))
    }

    /// A suite's outcomes, and whether they are those of an earlier run.
    fn suite(
        &self,
        suite: &str,
        sandbox: &Sandbox,
        surroundings: &Inputs,
        setting: &Setting,
    ) -> Result<(SuiteOutcome, bool)> {
        let active = self.prepared.expectations.active(suite, setting);
        let Selection { filter, partition, threads, stress, rerun, .. } = self.selection;
        let limits = &self.prepared.limits;
        let digest = Ui::of(suite).and(self.ui).map_or(&self.tests.digest, |ui| &ui.digest);
        let inputs = recorded::suite_inputs(suite).add("test programs", digest.as_str());
        let inputs = inputs.append(surroundings).list("limits", limits.inputs(suite));
        let skipped = active.iter().filter(|entry| entry.word == Word::Skip).map(Entry::pattern);
        let record = Record::new(self.store, &self.target.name, inputs.list("skip", skipped));
        let whole = filter.is_none() && partition.is_none() && stress.is_none();
        if whole
            && !rerun
            && let Some(outcome) = record.load::<SuiteOutcome>()
            && self.is_settled(&outcome, setting)
        {
            self.session.ui.cached();
            return Ok((outcome, true));
        }
        let durations = Recorded::load(self.store, &self.target.name, self.link);
        let options = Options {
            jobs: self.prepared.machine.as_ref().map_or(self.jobs, |machine| &machine.jobs).clone(),
            limits: &|test| limits.for_test(suite, test),
            lib_dirs: vec![self.tests.libraries.clone()],
            skip: &|test| active.skips(test),
            filter: filter.clone(),
            partition: *partition,
            threads: *threads,
            stress: *stress,
            durations: durations.of(suite),
            warn: &|text| self.session.ui.warn(&format!("{}: {text}", self.target.name)),
        };
        let programs = self.programs(suite)?;
        // Short, because tests make sockets in it.
        let work = Scratch::new().context("making a folder for the tests to work in")?;
        let handle = self.session.ui.step(&format!("test {} {} {suite}", self.target.name, self.link));
        let start = Instant::now();
        let progress = |done, listed| handle.tests(done, listed);
        let running = || format!("running suite {suite} of {}", self.target.name);
        let run = Suite::new(&programs, sandbox, &options, work.path()).with_context(running)?;
        let mut outcome = run.run(&progress).with_context(running)?;
        if stress.is_none() {
            self.run_again(&run, &mut outcome, setting).with_context(running)?;
        }
        if outcome.not_run == 0 {
            handle.done(start.elapsed(), false);
        }
        durations.update(suite, &outcome)?;
        if whole && outcome.not_run == 0 {
            record.save(&outcome)?;
        }
        Ok((outcome, false))
    }

    /// Runs what did other than expected again, each test alone: what comes and goes is told from what is broken.
    fn run_again(&self, run: &Suite, outcome: &mut SuiteOutcome, setting: &Setting) -> Result<()> {
        let Ok(judged) = self.judge(vec![outcome.clone()], setting, "") else { return Ok(()) };
        // A test that passes against expectation may only have been lucky.
        let unexpected = |test: &report::Test| match test.verdict {
            Verdict::Regression => test.outcome.is_some_and(Outcome::is_failure),
            Verdict::Improvement => test.outcome != Some(Outcome::Ignored),
            _ => false,
        };
        let tests = judged.suites.iter().flat_map(|suite| &suite.tests).filter(|test| unexpected(test));
        let names: Vec<String> = tests.map(|test| test.name.clone()).collect();
        if names.len() > MOST_AGAIN {
            let (suite, count) = (&outcome.suite, names.len());
            outcome.notes.push(format!("{suite}: {count} tests did other than expected, too many to run each again"));
            return Ok(());
        }
        match run.again(outcome, &names, AGAIN) {
            // What is known is kept.
            Err(error) if error.is::<Interrupted>() => Ok(()),
            result => result,
        }
    }

    /// Whether nothing would be learnt from running it again: what was not expected is tried again.
    fn is_settled(&self, outcome: &SuiteOutcome, setting: &Setting) -> bool {
        let judged = self.judge(vec![outcome.clone()], setting, "");
        let settled = |suite: &report::Suite| suite.verdicts.regression + suite.verdicts.new_flakes == 0;
        judged.is_ok_and(|judged| judged.suites.iter().all(settled))
    }

    fn programs(&self, suite: &str) -> Result<Vec<TestProgram>> {
        if let (Some(ui), Some(tests)) = (Ui::of(suite), self.ui) {
            let harness = Harness::Compiletest(Arc::new(Compiletest::new(tests, ui, self.link)?));
            let (path, name) = (tests.program.clone(), "compiletest".into());
            return Ok(vec![TestProgram { suite: suite.into(), name, path, unit: true, harness }]);
        }
        let of_suite = self.tests.list()?.into_iter().filter(|program| program.suite == suite);
        let with_path = |program: Program| TestProgram {
            path: program.path(&self.tests.programs, self.link),
            suite: program.suite,
            name: program.name,
            unit: program.unit,
            harness: if program.harness { Harness::Libtest } else { Harness::None },
        };
        Ok(of_suite.map(with_path).collect())
    }
}

/// What the steps that a run rests on cost.
pub fn step_times(plan: &Plan, target: &Target, steps: impl IntoIterator<Item = (StepId, Built)>) -> Vec<StepTime> {
    let time = |(id, built): (StepId, Built)| {
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
