//! `bringup`: the main job, of which `smoke` and `test` are parts.

mod collected;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Result;
use bringup_model::exit::{self, Coded};
use bringup_model::isolation::Isolation;
use bringup_model::link::Link;
use bringup_model::report::{self, Report, StepTime};
use bringup_model::suite::{self, Ui};
use bringup_model::target::Target;
use bringup_runner::exec::quote;
use bringup_runner::harness::compiletest::UiTests;
use bringup_runner::interrupt;
use bringup_runner::jobs::Jobs;
use bringup_runner::ssh::Machine;
use bringup_runner::test_set::TestSet;

use self::collected::Collected;
use super::doctor;
use crate::build::step::test_programs;
use crate::build::step::{Node, Plan, Results, StepId, Task};
use crate::build::store::Store;
use crate::cli::{Bringup, Run, RunnerKind, TargetNames, Test};
use crate::host::survey;
use crate::project::config;
use crate::project::expect;
use crate::render;
use crate::session::{Session, Sources, TargetSteps, UiSteps};
use crate::smoke;
use crate::trial::archive::unpack::Unpacked;
use crate::trial::{self, Prepared, Selection, Trial};

/// What is asked for, whichever verb asked.
pub struct Job<'a> {
    pub targets: &'a TargetNames,
    pub options: &'a Run,
    pub selection: Selection,
    /// The archive that the test programs come from, if they are not built here.
    pub archive: Option<&'a Path>,
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
        Self { targets, options, selection, archive: None }
    }

    /// Smoke checks and suites.
    pub fn of(test: &'a Test) -> Self {
        let mut job = Self::new(&test.targets, &test.run);
        let all = || suite::library().into_iter().map(str::to_owned).collect();
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

    /// The options that a command needs to run them in the same way, besides the runner and what may differ between runs.
    fn words(&self) -> Vec<String> {
        let Run { qemu, ssh_config, isolation, .. } = self.options;
        let paths = [("--archive", self.archive), ("--qemu", qemu.as_deref()), ("--ssh-config", ssh_config.as_deref())];
        let of_path = |(name, path): (&str, Option<&Path>)| Some(format!("{name} {}", quote(path?.as_os_str())));
        let isolation = (*isolation != Isolation::default()).then(|| format!("--isolation {}", isolation.word()));
        paths.into_iter().filter_map(of_path).chain(isolation).collect()
    }

    /// The machine that the tests are to run on, if it is not this one: connected to, before any work is done.
    fn machine(&self) -> Result<Option<Arc<Machine>>> {
        let Run { runner, ssh_config, .. } = self.options;
        let refuse = |why: &str| Err(Coded::error(exit::USAGE, why));
        match runner {
            RunnerKind::Ssh(_) if self.selection.smoke => {
                refuse("the smoke checks do not run on another machine\nhint: `test` runs the suites there")
            }
            RunnerKind::Ssh(host) => Ok(Some(Arc::new(Machine::connect(host, ssh_config.as_deref())?))),
            _ if ssh_config.is_some() => refuse("--ssh-config is for --runner ssh:HOST only"),
            _ => Ok(None),
        }
    }

    /// The steps that a target's trials begin after.
    fn last(&self, steps: TargetSteps, ui: Option<UiSteps>) -> Vec<StepId> {
        let has_library = self.selection.suites.iter().any(|suite| Ui::of(suite).is_none());
        let library = if has_library { steps.test_programs } else { steps.toolchain };
        std::iter::once(library).chain(ui.into_iter().flat_map(UiSteps::wanted)).collect()
    }

    fn wants_ui(&self) -> bool {
        self.selection.suites.iter().any(|suite| Ui::of(suite).is_some())
    }

    /// Whether rustc's own tests are asked for; an error if they cannot be had here.
    fn has_ui(&self, session: &Session) -> Result<bool> {
        if !self.wants_ui() {
            return Ok(false);
        }
        session.check_ui()?;
        if matches!(self.options.runner, RunnerKind::Ssh(_)) {
            let error = "rustc's own tests do not run on another machine: each is compiled here just before it runs\nhint: leave out the suites ui and ui-compile, or --runner";
            return Err(Coded::error(exit::USAGE, error));
        }
        Ok(true)
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
    let has_ui = job.has_ui(session)?;
    let targets = session.targets(job.targets)?;
    let store = session.store()?;
    let prepared = prepare(session, job, &targets)?;
    let mut planned = session.plan(targets, Sources::Fetch)?;
    let mut ui = Vec::new();
    for (target, steps) in planned.targets.clone() {
        ui.push(if has_ui { Some(session.plan_ui(&mut planned, &target, steps)?) } else { None });
    }
    let host = session.host()?;
    let report = empty_report(session, &prepared, (host.rust.triple.clone(), host.versions()), session.compiler.word());
    let plan = &planned.plan;
    let with_tests = planned.targets.iter().zip(ui).zip(&prepared).map(|(((target, steps), ui), prepared)| {
        let toolchain = plan.node(steps.toolchain);
        let tests = test_programs::test_set(&target.triple, toolchain, plan.node(steps.test_programs));
        let last = job.last(*steps, ui);
        let ui =
            ui.map(|steps| Ok::<_, anyhow::Error>(Arc::new(session.ui_tests(plan, target, steps)?))).transpose()?;
        Ok(Subject { target, prepared, tests, ui, toolchain: Some(toolchain), last })
    });
    let subjects = with_tests.collect::<Result<Vec<Subject>>>()?;
    let notes = session.left_out()?;
    let around = Around { session, job, plan, fetch_wall_s: planned.fetch_wall_s, store: &store, notes };
    around.run(start, report, &subjects)
}

/// The same for an archive's tests, which `session` was opened with. Nothing is built.
pub fn execute_unpacked(session: &Session, job: &Job, unpacked: &Unpacked) -> Result<u8> {
    if job.wants_ui() {
        let error = "rustc's own tests are in no archive: each is compiled just before it runs\nhint: leave out the suites ui and ui-compile";
        return Err(Coded::error(exit::USAGE, error));
    }
    let start = Instant::now();
    let manifest = &unpacked.manifest;
    let targets = config::targets(&session.root, std::slice::from_ref(&manifest.target))?;
    let store = session.store()?;
    let prepared = prepare(session, job, &targets)?;
    let report = empty_report(session, &prepared, survey::for_running(), &manifest.compiler);
    let plan = Plan::new(&session.out);
    let subject = |(target, prepared)| Subject {
        target,
        prepared,
        tests: unpacked.test_set(),
        ui: None,
        toolchain: None,
        last: Vec::new(),
    };
    let subjects: Vec<Subject> = targets.iter().zip(&prepared).map(subject).collect();
    let notes = manifest.notes.clone();
    let around = Around { session, job, plan: &plan, fetch_wall_s: 0.0, store: &store, notes };
    around.run(start, report, &subjects)
}

/// Settles what the programs of each target are run with.
fn prepare(session: &Session, job: &Job, targets: &[Target]) -> Result<Vec<Prepared>> {
    let machine = job.machine()?;
    let prepare = |target: &Target| {
        let expectations = expect::load(&session.root, &target.name)?;
        let emulator = match job.options.runner {
            RunnerKind::Qemu => Some(session.emulator(target, job.options.qemu.as_deref())?),
            RunnerKind::Native => {
                smoke::elf::check_native(target)?;
                None
            }
            RunnerKind::Ssh(_) => None,
        };
        let limits = config::limits(&session.root, &target.name, session.pins.limits, emulator.is_some())?;
        let isolation = job.options.isolation;
        Ok(Prepared { emulator, machine: machine.clone(), isolation, expectations, limits })
    };
    targets.iter().map(prepare).collect()
}

/// A report without runs. `host` is its triple, and its tools with their versions.
fn empty_report(
    session: &Session,
    prepared: &[Prepared],
    (triple, tools): (String, BTreeMap<String, String>),
    compiler: &str,
) -> Report {
    let emulator = prepared.first().and_then(|prepared| prepared.emulator.as_ref());
    Report {
        schema: report::SCHEMA.into(),
        host: report::Host {
            triple,
            kernel: rustix::system::uname().release().to_string_lossy().into_owned(),
            jobs: session.jobs,
            tools,
        },
        pins: report::Pins {
            rust: session.pins.rust.version.clone(),
            musl: session.pins.musl.version.clone(),
            llvm: session.pins.llvm.version.clone(),
            qemu: emulator.map(|emulator| emulator.version.to_string()),
        },
        compiler: compiler.into(),
        options: session.options.clone(),
        wall_s: 0.0,
        runs: Vec::new(),
    }
}

/// One target of a run.
struct Subject<'a> {
    target: &'a Target,
    prepared: &'a Prepared,
    tests: TestSet,
    /// What rustc's own tests need, if they are to run.
    ui: Option<Arc<UiTests>>,
    /// None if the tests were not built here.
    toolchain: Option<&'a Node>,
    /// The steps that its trials begin after.
    last: Vec<StepId>,
}

/// What all trials of an invocation share.
struct Around<'a> {
    session: &'a Session,
    job: &'a Job<'a>,
    plan: &'a Plan,
    fetch_wall_s: f64,
    store: &'a Store,
    /// What every run's notes begin with.
    notes: Vec<String>,
}

impl Around<'_> {
    /// Builds what is lacking, runs the trials of each subject as soon as that is there, and shows the report.
    fn run(&self, start: Instant, report: Report, subjects: &[Subject]) -> Result<u8> {
        let Self { session, plan, .. } = self;
        let builder = session.builder(self.store)?;
        let folder = session.out.join("report");
        let trials: Vec<(&Subject, Link)> =
            subjects.iter().flat_map(|subject| self.job.links().map(move |link| (subject, link))).collect();
        let unfinished = trials.iter().map(|(subject, link)| self.unfinished(subject, *link));
        let report = Collected::new(report, unfinished, &folder, start);
        let (jobs, collected) = (&builder.jobs, &report);
        let tasks = trials.iter().map(|&(subject, link)| {
            let run = move |built: &Results| self.trial(subject, link, jobs, collected, built);
            Task { needs: subject.last.clone(), run: Box::new(run) }
        });
        let wanted: Vec<StepId> = subjects.iter().flat_map(|subject| subject.last.clone()).collect();
        let built = builder.build(plan, &wanted, tasks.collect());
        if interrupt::requested() && report.has_results() {
            // What was not begun is not to be taken for what was not asked for.
            for (subject, link) in trials {
                if !report.has(&subject.target.name, link) {
                    self.trial(subject, link, jobs, &report, &Results::new())?;
                }
            }
        }
        let report = report.finish()?;
        built?;
        session.ui.finish();
        session.ui.show(&render::terminal::render(&report, &folder, session.ui.color()));
        Ok(crate::error::of_report(&report))
    }

    /// A run without results.
    fn unfinished(&self, subject: &Subject, link: Link) -> report::Run {
        let Subject { target, prepared, tests, .. } = subject;
        report::Run {
            target: target.name.clone(),
            triple: target.triple.clone(),
            runner: prepared.runner().into(),
            machine: prepared.machine.as_ref().map(|machine| machine.host.clone()),
            link,
            options: self.job.words(),
            programs: (!self.job.selection.suites.is_empty()).then(|| tests.short_digest().to_owned()),
            spawns: None,
            steps: Vec::new(),
            smoke: Vec::new(),
            suites: Vec::new(),
            notes: self.notes.clone(),
            verdict: "incomplete".into(),
            error: None,
        }
    }

    fn trial(&self, subject: &Subject, link: Link, jobs: &Jobs, report: &Collected, built: &Results) -> Result<()> {
        let Subject { target, prepared, tests, ui, toolchain, last } = subject;
        let all: BTreeSet<StepId> = last.iter().flat_map(|&id| self.plan.closure(id)).collect();
        let closure = || all.iter().copied();
        let mut run = self.unfinished(subject, link);
        if !last.is_empty() {
            let wall_s = self.fetch_wall_s;
            run.steps.push(StepTime { step: "fetch sources".into(), wall_s, cpu_s: 0.0, cached: wall_s < 0.1 });
        }
        let done = closure().filter_map(|id| Some((id, *built.get(&id)?.as_ref().ok()?)));
        run.steps.extend(trial::step_times(self.plan, target, done));
        // That of the first step that failed itself.
        run.error = closure().find_map(|id| built.get(&id)?.as_ref().err().cloned());
        if run.error.is_none() {
            let trial = Trial {
                session: self.session,
                store: self.store,
                jobs,
                selection: &self.job.selection,
                target,
                link,
                prepared,
                toolchain: *toolchain,
                tests,
                ui: ui.as_ref(),
                folder: report.folder,
            };
            trial.run(&mut run)?;
        }
        report.add(run)
    }
}
