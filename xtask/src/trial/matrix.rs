//! The matrix of a run: builds the missing steps. Runs the trials of each target, one for each link mode, as soon as the
//! target is built.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use anyhow::Result;
use bringup_model::exit::{self, CodedError};
use bringup_model::link::Link;
use bringup_model::report::{self, Report, RunVerdict, StepTime};
use bringup_model::runner_spec::RunnerSpec;
use bringup_model::target::Target;
use bringup_runner::interrupt;
use bringup_runner::jobs::Jobs;

use super::growing::GrowingReport;
use super::prepare::PreparedTargets;
use super::request::TrialRequest;
use super::{TestedTarget, Trial, TrialContext, step_times};
use crate::build::step::{self, Plan, Results, StepId, Task, test_programs};
use crate::build::store::Store;
use crate::build::{FetchMode, Planner, TargetSteps, UiSteps};
use crate::error;
use crate::host::survey;
use crate::render;
use crate::trial::archive::unpack::Unpacked;

/// A target with the steps that give its programs.
struct PlannedTarget {
    target: Target,
    steps: TargetSteps,
    /// The steps of rustc's own tests, if these are to run.
    ui: Option<UiSteps>,
}

/// Builds, smokes, tests, judges and reports. The trials of a target begin as soon as it is built.
pub(crate) fn execute(planner: &Planner<'_>, request: &TrialRequest) -> Result<u8> {
    let start = Instant::now();
    let has_ui = has_ui(planner, request)?;
    let store = planner.workspace.store()?;
    let prepared = PreparedTargets::new(planner, request)?;
    let mut target_plan = planner.plan(request.targets.clone(), FetchMode::Fetch)?;
    let mut subjects = Vec::new();
    for (target, steps) in target_plan.targets.clone() {
        let ui = if has_ui { Some(planner.plan_ui(&mut target_plan, &target, steps)?) } else { None };
        subjects.push(PlannedTarget { target, steps, ui });
    }
    let host = planner.host()?;
    let host = report_host(planner.workspace.jobs, host.rust.triple.clone(), host.versions());
    let plan = &target_plan.plan;
    let mut tested = Vec::new();
    for PlannedTarget { target, steps, ui } in &subjects {
        let toolchain = plan.node(toolchain(request, *steps));
        let programs = steps.test_programs_of(&request.selection.suites).into_iter().map(|id| plan.node(id));
        tested.push(TestedTarget {
            target,
            prepared: prepared.of(target)?,
            tests: test_programs::test_set(
                &target.triple,
                toolchain,
                &steps.test_programs.map(|id| plan.node(id)),
                &programs.collect::<Vec<_>>(),
            ),
            ui: ui.map(|ui| planner.ui_tests(plan, target, ui).map(Arc::new)).transpose()?,
            audits: Mutex::default(),
            toolchain: Some(toolchain),
            after: after(request, *steps, *ui),
        });
    }
    let report = empty_report(planner, planner.used_toolchain(), host, &tested);
    let matrix = Matrix { planner, request, plan, fetch_wall_s: target_plan.fetch_wall_s, store: &store };
    matrix.run(start, report, &tested)
}

/// Runs the tests of an archive. `planner` has the archive's project. Nothing is built.
pub(crate) fn execute_unpacked(planner: &Planner<'_>, request: &TrialRequest, unpacked: &Unpacked) -> Result<u8> {
    if request.selection.has_ui() {
        let error = "an archive has none of rustc's own tests: each is compiled just before it runs\nhint: leave out the suites ui and ui-compile";
        return Err(CodedError::error(exit::USAGE, error));
    }
    let start = Instant::now();
    let store = planner.workspace.store()?;
    let prepared = PreparedTargets::new(planner, request)?;
    let tested = |target| {
        let (prepared, tests) = (prepared.of(target)?, unpacked.test_set());
        let audits = Mutex::default();
        Ok(TestedTarget { target, prepared, tests, ui: None, audits, toolchain: None, after: Vec::new() })
    };
    let tested: Vec<TestedTarget> = request.targets.iter().map(tested).collect::<Result<_>>()?;
    let (triple, tools) = survey::for_running();
    let rust_toolchain = unpacked.manifest.pins.rust_toolchain.clone();
    let host = report_host(planner.workspace.jobs, triple, tools);
    let report = empty_report(planner, rust_toolchain, host, &tested);
    let plan = Plan::new(&planner.workspace.out);
    Matrix { planner, request, plan: &plan, fetch_wall_s: 0.0, store: &store }.run(start, report, &tested)
}

/// Whether rustc's own tests are requested. Fails if they cannot run here.
fn has_ui(planner: &Planner<'_>, request: &TrialRequest) -> Result<bool> {
    if !request.selection.has_ui() {
        return Ok(false);
    }
    planner.check_ui()?;
    if matches!(request.runner, RunnerSpec::Ssh { .. }) {
        let error = "rustc's own tests do not run on another machine: each is compiled here just before it runs\nhint: leave out the suites ui and ui-compile, or --runner";
        return Err(CodedError::error(exit::USAGE, error));
    }
    Ok(true)
}

/// The step with all that the trials need of a toolchain.
fn toolchain(request: &TrialRequest, steps: TargetSteps) -> StepId {
    if request.selection.corpus { steps.sysroot } else { steps.toolchain }
}

/// The steps that a target's trials wait for.
fn after(request: &TrialRequest, steps: TargetSteps, ui: Option<UiSteps>) -> Vec<StepId> {
    let library = steps.test_programs_of(&request.selection.suites);
    std::iter::once(toolchain(request, steps)).chain(library).chain(ui.into_iter().flat_map(UiSteps::wanted)).collect()
}

fn report_host(jobs: usize, triple: String, tools: BTreeMap<String, String>) -> report::ReportHost {
    let kernel = rustix::system::uname().release().to_string_lossy().into_owned();
    report::ReportHost { triple, kernel, jobs, tools }
}

/// A report without runs.
fn empty_report(
    planner: &Planner<'_>,
    rust_toolchain: Option<report::UsedToolchain>,
    host: report::ReportHost,
    tested: &[TestedTarget],
) -> Report {
    let emulator = tested.first().and_then(|tested| tested.prepared.runner.emulator());
    Report {
        schema: report::SCHEMA.into(),
        hosts: vec![host],
        pins: report::Versions {
            rust: planner.project.pins.rust.version.clone(),
            rust_toolchain,
            musl: planner.project.pins.musl.version.clone(),
            llvm: planner.project.pins.llvm.version.clone(),
            qemu: emulator.map(|emulator| emulator.version.to_string()),
        },
        build: planner.options.recorded.clone(),
        wall_s: 0.0,
        runs: Vec::new(),
    }
}

/// What all trials of a run share.
struct Matrix<'a> {
    planner: &'a Planner<'a>,
    request: &'a TrialRequest,
    plan: &'a Plan,
    fetch_wall_s: f64,
    store: &'a Store,
}

impl Matrix<'_> {
    /// Builds the missing steps, runs the trials of each target as soon as it is built, and shows the report.
    fn run(&self, start: Instant, report: Report, tested: &[TestedTarget]) -> Result<u8> {
        let Self { planner, plan, .. } = self;
        let builder = planner.builder(self.store)?;
        let folder = planner.workspace.out.join("report");
        let context = self.context(&builder.jobs, &folder);
        let trials: Vec<Trial> = tested
            .iter()
            .flat_map(|subject| self.request.links.iter().map(|&link| Trial { context: &context, subject, link }))
            .collect();
        let unfinished = trials.iter().map(|trial| self.unfinished(trial));
        let report = GrowingReport::new(report, unfinished, &folder, start);
        let collected = &report;
        let tasks = trials.iter().map(|trial| {
            let run = move |built: &Results| self.trial(trial, collected, built);
            Task { needs: trial.subject.after.clone(), run: Box::new(run) }
        });
        let wanted: Vec<StepId> = tested.iter().flat_map(|tested| tested.after.clone()).collect();
        let built = builder.build(plan, &wanted, tasks.collect());
        if interrupt::requested() && report.has_results() {
            // Without a result of its own, a run would look as if nobody had requested it.
            for trial in trials.iter().filter(|trial| !report.has(&trial.subject.target.name, trial.link)) {
                self.trial(trial, &report, &Results::new())?;
            }
        }
        let report = report.finish()?;
        let built = built?;
        planner.workspace.console.finish();
        planner.workspace.console.show(&render::terminal::render(&report, &folder, planner.workspace.console.color()));
        let code = error::of_report(&report);
        // An error in a file of the project may only appear in a step.
        let of_step = step::causes(&built).next().map(|cause| error::of_error(cause));
        Ok(if code == exit::STEP { of_step.unwrap_or(code) } else { code })
    }

    fn context<'a>(&'a self, jobs: &'a Jobs, report_folder: &'a Path) -> TrialContext<'a> {
        let building = Link::ALL.map(|link| (link, Mutex::new(()))).into();
        TrialContext { planner: self.planner, store: self.store, jobs, request: self.request, report_folder, building }
    }

    /// A run without results.
    fn unfinished(&self, trial: &Trial) -> report::Run {
        let TestedTarget { target, prepared, tests, .. } = trial.subject;
        report::Run {
            target: target.name.clone(),
            triple: target.triple.clone(),
            runner: self.request.runner.clone(),
            machines: prepared.runner.machine().map(|machine| machine.host.clone()).into_iter().collect(),
            emulator: prepared.emulator.clone(),
            link: trial.link,
            isolation: self.request.isolation,
            selection: Some(self.request.selection.clone()),
            origin: self.request.origin(),
            programs: (!self.request.selection.suites.is_empty()).then(|| tests.short_digest().to_owned()),
            spawns: None,
            steps: Vec::new(),
            smoke: Vec::new(),
            suites: Vec::new(),
            notes: Vec::new(),
            verdict: RunVerdict::Incomplete,
            error: None,
        }
    }

    /// Runs one trial after its steps, and adds its run to the report. `built` has the results of the steps.
    fn trial(&self, trial: &Trial, report: &GrowingReport, built: &Results) -> Result<()> {
        let TestedTarget { after, .. } = trial.subject;
        let all: BTreeSet<StepId> = after.iter().flat_map(|&id| self.plan.closure(id)).collect();
        let closure = || all.iter().copied();
        let mut run = self.unfinished(trial);
        if !after.is_empty() {
            let wall_s = self.fetch_wall_s;
            let (step, label) = ("fetch".into(), "sources".into());
            run.steps.push(StepTime { step, label, wall_s, cpu_s: 0.0, cached: wall_s < 0.1 });
        }
        let done = closure().filter_map(|id| Some((id, *built.get(&id)?.as_ref().ok()?)));
        run.steps.extend(step_times(self.plan, done));
        // The error of the first step that failed by itself.
        run.error = closure().find_map(|id| built.get(&id)?.as_ref().err()).map(|failure| format!("{failure:#}"));
        if run.error.is_none() {
            trial.run(&mut run)?;
        }
        report.add(run)
    }
}
