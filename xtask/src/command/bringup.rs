//! `bringup`: the main job, of which `smoke` and `test` are parts.

use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;

use super::doctor;
use crate::cli::{Bringup, Run, RunnerKind, TargetNames, Test};
use crate::config;
use crate::exit;
use crate::expect;
use crate::model::link::Link;
use crate::model::report::{self, Report, StepTime};
use crate::model::target::Target;
use crate::render;
use crate::run::interrupt;
use crate::run::jobs::Jobs;
use crate::session::{Planned, Session, Sources, TargetSteps};
use crate::smoke;
use crate::step::{Results, StepId, Task, test_programs};
use crate::store::Store;
use crate::trial::{self, Prepared, Selection, Trial};

/// What is asked for, whichever verb asked.
pub struct Job<'a> {
    pub targets: &'a TargetNames,
    pub options: &'a Run,
    pub selection: Selection,
}

impl<'a> Job<'a> {
    /// The smoke checks alone.
    pub fn new(targets: &'a TargetNames, options: &'a Run) -> Self {
        let rerun = options.rerun;
        let selection = Selection {
            smoke: true,
            suites: Vec::new(),
            filter: None,
            partition: None,
            threads: 1,
            stress: None,
            rerun,
        };
        Self { targets, options, selection }
    }

    /// Smoke checks and suites.
    pub fn of(test: &'a Test) -> Self {
        let mut job = Self::new(&test.targets, &test.run);
        let all = || test_programs::suites().into_iter().map(str::to_owned).collect();
        job.selection.suites = if test.suite.is_empty() { all() } else { test.suite.clone() };
        job.selection.filter.clone_from(&test.filter);
        job.selection.partition = test.partition;
        job.selection.threads = usize::from(test.test_threads);
        job.selection.stress = test.stress.map(usize::from);
        job
    }

    /// The link modes, each once, in the order of all of them.
    fn links(&self) -> impl Iterator<Item = Link> {
        let wanted = &self.options.link;
        Link::ALL.into_iter().filter(|link| wanted.is_empty() || wanted.contains(link))
    }

    /// The step that a target's trials begin after.
    fn last(&self, steps: TargetSteps) -> StepId {
        if self.selection.suites.is_empty() { steps.toolchain } else { steps.test_programs }
    }
}

pub fn run(session: &Session, options: &Bringup) -> Result<u8> {
    if options.setup {
        doctor::setup(session)?;
    }
    execute(session, &Job::of(&options.test))
}

/// Builds, smokes, tests, judges and reports: each target's trials begin as soon as it is built.
pub fn execute(session: &Session, job: &Job) -> Result<u8> {
    let start = Instant::now();
    let targets = session.targets(job.targets)?;
    let store = session.store()?;
    let prepared = targets.iter().map(|target| prepare(session, job, target)).collect::<Result<Vec<_>>>()?;
    let planned = session.plan(targets, Sources::Fetch)?;
    let builder = session.builder(&store)?;
    let folder = session.out.join("report");
    let empty = (empty_report(session, &prepared)?, None);
    let report = Collected { report: Mutex::new(empty), folder: &folder, start };
    let around = Around { session, job, planned: &planned, store: &store, jobs: &builder.jobs, report: &report };
    let mut trials = Vec::new();
    for ((target, steps), prepared) in planned.targets.iter().zip(&prepared) {
        trials.extend(job.links().map(|link| (target, *steps, link, prepared)));
    }
    let task = |&(target, steps, link, prepared): &(_, TargetSteps, _, _)| {
        let run = move |built: &Results| around.run(target, steps, link, prepared, built);
        Task { needs: vec![steps.toolchain, job.last(steps)], run: Box::new(run) }
    };
    let wanted: Vec<StepId> = planned.targets.iter().map(|(_, steps)| job.last(*steps)).collect();
    let built = builder.build(&planned.plan, &wanted, trials.iter().map(task).collect());
    if interrupt::requested() && report.has_runs() {
        // What was not begun is not to be taken for what was not asked for.
        for (target, steps, link, prepared) in trials {
            if !report.has(target, link) {
                around.run(target, steps, link, prepared, &Results::new())?;
            }
        }
    }
    let report = report.finish()?;
    built?;
    session.ui.finish();
    session.ui.show(&render::terminal::render(&report, &folder, session.ui.color()));
    Ok(exit::of_report(&report))
}

fn prepare(session: &Session, job: &Job, target: &Target) -> Result<Prepared> {
    let expectations = expect::load(&session.root, &target.name)?;
    let emulator = match job.options.runner {
        RunnerKind::Qemu => Some(session.emulator(target, job.options.qemu.as_deref())?),
        RunnerKind::Native => {
            smoke::elf::check_native(target)?;
            None
        }
    };
    let limits = config::limits(&session.root, &target.name, session.pins.limits, emulator.is_some())?;
    Ok(Prepared { emulator, isolation: job.options.isolation, expectations, limits })
}

fn empty_report(session: &Session, prepared: &[Prepared]) -> Result<Report> {
    let host = session.host()?;
    let emulator = prepared.first().and_then(|prepared| prepared.emulator.as_ref());
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
        wall_s: 0.0,
        runs: Vec::new(),
    })
}

/// The report while it grows.
struct Collected<'a> {
    /// With when it was last written, and how long that took.
    report: Mutex<(Report, Option<(Instant, Duration)>)>,
    folder: &'a Path,
    start: Instant,
}

impl Collected<'_> {
    /// Adds a run. Everything is written now and then, so that a crash loses little: a report of many runs takes a while.
    fn add(&self, run: report::Run) -> Result<()> {
        const QUICK: Duration = Duration::from_millis(50);
        const SHARE: u32 = 20;
        let mut guard = self.report.lock().unwrap_or_else(PoisonError::into_inner);
        let (report, written) = &mut *guard;
        let place = report.runs.partition_point(|other| (&other.target, other.link) < (&run.target, run.link));
        report.runs.insert(place, run);
        report.wall_s = self.start.elapsed().as_secs_f64();
        if written.is_none_or(|(at, took)| took < QUICK || at.elapsed() >= took * SHARE) {
            let start = Instant::now();
            write(report, self.folder)?;
            *written = Some((Instant::now(), start.elapsed()));
        }
        Ok(())
    }

    fn has_runs(&self) -> bool {
        !self.runs().is_empty()
    }

    fn has(&self, target: &Target, link: Link) -> bool {
        self.runs().contains(&(target.name.clone(), link))
    }

    fn runs(&self) -> Vec<(String, Link)> {
        let guard = self.report.lock().unwrap_or_else(PoisonError::into_inner);
        guard.0.runs.iter().map(|run| (run.target.clone(), run.link)).collect()
    }

    /// Writes all that there is, also when the run was interrupted. Without a run, the last report stays.
    fn finish(self) -> Result<Report> {
        let (mut report, _) = self.report.into_inner().unwrap_or_else(PoisonError::into_inner);
        if !report.runs.is_empty() {
            report.wall_s = self.start.elapsed().as_secs_f64();
            write(&report, self.folder)?;
        }
        Ok(report)
    }
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

/// What all trials of an invocation share.
#[derive(Clone, Copy)]
struct Around<'a> {
    session: &'a Session,
    job: &'a Job<'a>,
    planned: &'a Planned,
    store: &'a Store,
    jobs: &'a Jobs,
    report: &'a Collected<'a>,
}

impl Around<'_> {
    fn run(&self, target: &Target, steps: TargetSteps, link: Link, prepared: &Prepared, built: &Results) -> Result<()> {
        let plan = &self.planned.plan;
        let closure = || plan.closure(self.job.last(steps)).into_iter();
        let mut times = vec![StepTime {
            step: "fetch sources".into(),
            wall_s: self.planned.fetch_wall_s,
            cpu_s: 0.0,
            cached: self.planned.fetch_wall_s < 0.1,
        }];
        let done = closure().filter_map(|id| Some((id, *built.get(&id)?.as_ref().ok()?)));
        times.extend(trial::step_times(plan, target, done));
        let mut run = report::Run {
            target: target.name.clone(),
            triple: target.triple.clone(),
            runner: if prepared.emulator.is_some() { "qemu".into() } else { "native".into() },
            link,
            programs: (!self.job.selection.suites.is_empty())
                .then(|| plan.node(steps.test_programs).digest.short().to_owned()),
            spawns: None,
            steps: times,
            smoke: Vec::new(),
            suites: Vec::new(),
            notes: self.session.left_out()?,
            verdict: "incomplete".into(),
            // That of the first step that failed itself.
            error: closure().find_map(|id| built.get(&id)?.as_ref().err().cloned()),
        };
        if run.error.is_none() {
            let trial = Trial {
                session: self.session,
                store: self.store,
                jobs: self.jobs,
                selection: &self.job.selection,
                target,
                link,
                prepared,
                toolchain: plan.node(steps.toolchain),
                test_programs: plan.node(steps.test_programs),
                folder: self.report.folder,
            };
            trial.run(&mut run)?;
        }
        self.report.add(run)
    }
}
