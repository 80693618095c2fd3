//! `bringup`: the main job, of which `smoke` and `test` are parts.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};

use super::doctor;
use crate::cli::{Bringup, Link, RunnerKind, TargetNames, Test};
use crate::emulator::Emulator;
use crate::exit::{self, Coded};
use crate::expect;
use crate::model::expectation::{Expectations, Setting};
use crate::model::judge::{self, Judged};
use crate::model::outcome::{Outcome, SuiteOutcome};
use crate::model::report::{self, Report, StepTime};
use crate::model::target::Target;
use crate::render;
use crate::run::runner::Runner;
use crate::run::sandbox::Sandbox;
use crate::run::schedule::{self, Options, TestProgram};
use crate::session::{Planned, Session, Sources, TargetSteps};
use crate::smoke::{self, Findings, Smoke};
use crate::step::test_programs::{self, PROGRAMS, Program};
use crate::step::{Built, StepId};

/// What is asked for, whichever verb asked.
pub struct Job<'a> {
    pub targets: &'a TargetNames,
    pub runner: RunnerKind,
    pub link: Link,
    pub qemu: Option<&'a Path>,
    /// Whether to run the smoke checks.
    pub smoke: bool,
    /// Suites to run, in order.
    pub suites: Vec<String>,
    pub filter: Option<String>,
    pub partition: Option<(usize, usize)>,
}

impl<'a> Job<'a> {
    pub fn of(options: &'a Test) -> Self {
        let all = || test_programs::suites().into_iter().map(str::to_owned).collect();
        Self {
            targets: &options.targets,
            runner: options.runner,
            link: options.link,
            qemu: options.emulator.qemu.as_deref(),
            smoke: true,
            suites: if options.suite.is_empty() { all() } else { options.suite.clone() },
            filter: options.filter.clone(),
            partition: options.partition,
        }
    }

    fn link(&self) -> &'static str {
        match self.link {
            Link::Dynamic => "dynamic",
        }
    }
}

pub fn run(session: &Session, options: &Bringup) -> Result<u8> {
    if options.setup {
        doctor::setup(session)?;
    }
    execute(session, &Job::of(&options.test))
}

/// What a target's programs are run with; settled before anything is built.
struct Prepared {
    emulator: Option<Emulator>,
    expectations: Expectations,
}

/// Builds, smokes, tests, judges and reports.
pub fn execute(session: &Session, job: &Job) -> Result<u8> {
    let targets = session.targets(job.targets)?;
    let store = session.store()?;
    let prepared = targets.iter().map(|target| prepare(session, job, target)).collect::<Result<Vec<_>>>()?;
    let planned = session.plan(targets, Sources::Fetch)?;
    let wanted: Vec<StepId> = planned
        .targets
        .iter()
        .flat_map(|(_, steps)| {
            if job.suites.is_empty() { vec![steps.toolchain] } else { vec![steps.toolchain, steps.test_programs] }
        })
        .collect();
    let built = session.builder(&store).build(&planned.plan, &wanted)?;

    let folder = session.out.join("report");
    let mut report = empty_report(session, prepared.first())?;
    for (index, prepared) in prepared.iter().enumerate() {
        let trial = Trial {
            session,
            job,
            planned: &planned,
            built: &built,
            prepared,
            logs: store.logs(),
            folder: folder.clone(),
        };
        report.runs.push(trial.run(index)?);
        // After each target, so that an interrupt loses no result.
        write(&report, &folder)?;
    }
    session.ui.finish();
    session.ui.show(&render::terminal::render(&report, &folder, session.ui.color()));
    Ok(exit::of_report(&report))
}

fn prepare(session: &Session, job: &Job, target: &Target) -> Result<Prepared> {
    let expectations = expect::load(&session.root, &target.name)?;
    let emulator = match job.runner {
        RunnerKind::Qemu => Some(session.emulator(target, job.qemu)?),
        RunnerKind::Native => {
            smoke::elf::check_native(target)?;
            None
        }
    };
    Ok(Prepared { emulator, expectations })
}

fn empty_report(session: &Session, prepared: Option<&Prepared>) -> Result<Report> {
    let host = session.host()?;
    let emulator = prepared.and_then(|prepared| prepared.emulator.as_ref());
    Ok(Report {
        schema: report::SCHEMA.into(),
        host: report::Host {
            triple: host.rust.triple.clone(),
            kernel: rustix::system::uname().release().to_string_lossy().into_owned(),
            jobs: session.jobs,
            tools: host.versions(),
        },
        pins: report::Pins {
            rust: session.pins.rust.version.clone(),
            musl: session.pins.musl.version.clone(),
            llvm: session.pins.llvm.version.clone(),
            qemu: emulator.map(|emulator| emulator.version.to_string()),
        },
        compiler: "stock".into(),
        runs: Vec::new(),
    })
}

/// Writes report.json and its renderings. `test` without `bringup` writes the same files: they tell of the last run.
fn write(report: &Report, folder: &Path) -> Result<()> {
    fs_err::create_dir_all(folder)?;
    let renderings = [
        ("report.json", render::json::write(report)?),
        ("report.html", render::html::render(report).into_bytes()),
        ("junit.xml", render::junit::render(report)?),
    ];
    for (name, text) in renderings {
        let part = folder.join(format!(".{name}"));
        fs_err::write(&part, text)?;
        fs_err::rename(part, folder.join(name))?;
    }
    Ok(())
}

/// One target's part of a run.
struct Trial<'a> {
    session: &'a Session,
    job: &'a Job<'a>,
    planned: &'a Planned,
    built: &'a BTreeMap<StepId, Result<Built, String>>,
    prepared: &'a Prepared,
    logs: PathBuf,
    folder: PathBuf,
}

impl Trial<'_> {
    fn run(&self, index: usize) -> Result<report::Run> {
        let (target, steps) = &self.planned.targets[index];
        let mut run = report::Run {
            target: target.name.clone(),
            triple: target.triple.clone(),
            runner: match self.job.runner {
                RunnerKind::Qemu => "qemu".into(),
                RunnerKind::Native => "native".into(),
            },
            link: self.job.link().into(),
            steps: self.step_times(index, *steps),
            smoke: Vec::new(),
            suites: Vec::new(),
            notes: Vec::new(),
            verdict: "incomplete".into(),
            error: self.build_error(*steps),
        };
        if run.error.is_some() {
            return Ok(run);
        }
        match self.fill(&mut run, target, *steps) {
            Ok(()) => {
                let smoked = run.smoke.iter().all(|check| check.outcome == Outcome::Pass);
                run.verdict = if smoked { judge::worst(&run.suites).into() } else { "regression".into() };
            }
            Err(error) if exit::of_error(&error) != exit::STEP => return Err(error),
            Err(error) => run.error = Some(format!("{error:#}")),
        }
        Ok(run)
    }

    fn fill(&self, run: &mut report::Run, target: &Target, steps: TargetSteps) -> Result<()> {
        let toolchain = self.planned.plan.path(steps.toolchain);
        let runner = self.runner(target, toolchain);
        let sandbox = Sandbox::prepare(&runner, &toolchain.join("sysroot/usr/lib/libc.so"))?;
        run.notes.extend(sandbox.notes.iter().cloned());
        if self.job.smoke {
            let handle = self.session.ui.step(&format!("smoke {}", target.name));
            let start = std::time::Instant::now();
            let found = self.smoke(target, toolchain, &sandbox)?;
            handle.done(start.elapsed(), false);
            run.smoke = found.checks;
            run.steps.push(step_time("smoke", start.elapsed(), found.cpu));
        }
        if self.job.suites.is_empty() {
            return Ok(());
        }
        let setting = Setting { qemu: runner.qemu().cloned(), link: self.job.link().into(), spawns: sandbox.spawns() };
        let outcomes = self.suites(target, steps, &sandbox, &setting)?;
        for note in outcomes.iter().flat_map(|outcome| &outcome.notes) {
            if !run.notes.contains(note) {
                run.notes.push(note.clone());
            }
        }
        let logs = format!("logs/{}-{}-{}", run.target, run.runner, run.link);
        let stale = self.folder.join(&logs);
        if stale.exists() {
            fs_err::remove_dir_all(stale)?;
        }
        let judged =
            judge::judge(outcomes, &self.prepared.expectations, &setting, &logs).map_err(|error| match error {
                judge::JudgeError::NothingRan(_) => {
                    Coded::error(exit::NOTHING_RAN, format!("{}: {error}", target.name))
                }
                other => anyhow!(other),
            })?;
        self.keep_logs(&judged)?;
        run.suites = judged.suites;
        Ok(())
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

    fn runner(&self, target: &Target, toolchain: &Path) -> Runner {
        let sysroot = toolchain.join("sysroot");
        match &self.prepared.emulator {
            Some(emulator) => Runner::Qemu {
                path: emulator.path.clone(),
                version: emulator.version.clone(),
                sysroot,
                cpu: target.qemu.cpu.clone(),
                env: target.qemu.env.clone(),
            },
            None => Runner::Native { sysroot, loader: target.musl.loader.clone() },
        }
    }

    fn smoke(&self, target: &Target, toolchain: &Path, sandbox: &Sandbox) -> Result<Findings> {
        let work = tempfile::Builder::new().prefix("smoke-").tempdir_in(self.session.out.join("tmp"))?;
        let forbidden = [self.session.root.clone(), self.session.cache.clone(), self.session.rust()?.sysroot.clone()];
        let none: [&str; 0] = [];
        let smoke = Smoke {
            sources: &self.session.root.join("smoke"),
            toolchain,
            target,
            runner: &|program, lib_dirs| sandbox.command(program, none, lib_dirs),
            work: work.path(),
            log: &self.logs.join(format!("smoke-{}.log", target.name)),
            forbidden: &forbidden,
            jobs: self.session.jobs,
        };
        smoke.run().with_context(|| format!("running the smoke checks of {}", target.name))
    }

    fn suites(
        &self,
        target: &Target,
        steps: TargetSteps,
        sandbox: &Sandbox,
        setting: &Setting,
    ) -> Result<Vec<SuiteOutcome>> {
        let folder = self.planned.plan.path(steps.test_programs);
        let list = folder.join(PROGRAMS);
        let programs: Vec<Program> =
            serde_json::from_slice(&fs_err::read(&list)?).with_context(|| format!("reading {}", list.display()))?;
        let library = self.planned.plan.path(steps.toolchain).join("lib/rustlib").join(&target.triple).join("lib");
        // Short, because tests make sockets in it.
        let work =
            tempfile::Builder::new().prefix("br").tempdir().context("making a folder for the tests to work in")?;
        let mut outcomes = Vec::new();
        for suite in &self.job.suites {
            let programs: Vec<TestProgram> = programs
                .iter()
                .filter(|program| program.suite == *suite)
                .map(|program| TestProgram {
                    suite: suite.clone(),
                    name: program.name.clone(),
                    path: folder.join(&program.file),
                    unit: program.unit,
                    harness: program.harness,
                })
                .collect();
            let active = self.prepared.expectations.active(suite, setting);
            let options = Options {
                jobs: self.session.jobs,
                limits: self.session.pins.limits,
                lib_dirs: vec![library.clone()],
                skip: &|test| active.skips(test),
                filter: self.job.filter.clone(),
                partition: self.job.partition,
            };
            let handle = self.session.ui.step(&format!("test {} {suite}", target.name));
            let start = std::time::Instant::now();
            let progress = |done, listed| handle.tests(done, listed);
            let outcome = schedule::run_suite(&programs, sandbox, &options, work.path(), &progress)
                .with_context(|| format!("running suite {suite} of {}", target.name))?;
            handle.done(start.elapsed(), false);
            outcomes.push(outcome);
        }
        Ok(outcomes)
    }

    fn wanted(&self, steps: TargetSteps) -> Vec<StepId> {
        let last = if self.job.suites.is_empty() { steps.toolchain } else { steps.test_programs };
        self.planned.plan.closure(last).into_iter().collect()
    }

    fn step_times(&self, index: usize, steps: TargetSteps) -> Vec<StepTime> {
        let fetch = StepTime {
            step: "fetch sources".into(),
            wall_s: self.planned.fetch_wall_s,
            cpu_s: 0.0,
            cached: self.planned.fetch_wall_s < 0.1,
        };
        let mut times = vec![fetch];
        for id in self.wanted(steps) {
            if let Some(Ok(built)) = self.built.get(&id) {
                let node = self.planned.plan.node(id);
                // What other targets share has its label with it.
                let shared = node.step.label() != self.planned.targets[index].0.name;
                let name = if shared { node.title() } else { node.step.name().into() };
                times.push(StepTime { cached: built.cached, ..step_time(&name, built.wall, built.cpu) });
            }
        }
        times
    }

    /// The error of the first step that failed itself.
    fn build_error(&self, steps: TargetSteps) -> Option<String> {
        self.wanted(steps).into_iter().find_map(|id| self.built.get(&id)?.as_ref().err().cloned())
    }
}

fn step_time(step: &str, wall: Duration, cpu: Duration) -> StepTime {
    StepTime { step: step.into(), wall_s: round(wall.as_secs_f64()), cpu_s: round(cpu.as_secs_f64()), cached: false }
}

fn round(seconds: f64) -> f64 {
    (seconds * 100.0).round() / 100.0
}
