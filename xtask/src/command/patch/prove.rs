//! `patch prove`

mod case;
mod show;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context as _, Result};
use bringup_model::compiler::Compiler;
use bringup_model::exit::{self, CodedError};
use bringup_model::link::Link;
use bringup_model::proof::ProofLevel;
use bringup_model::series::{Patch, Series};
use bringup_model::target::Target;

use self::case::Case;
use self::show::Row;
use crate::build::step::{Node, Plan, Results, StepId, Task};
use crate::build::{Patched, Planner, Sources};
use crate::cli::{Prove, TargetNames};
use crate::host::survey::Rust;
use crate::project::spec::Spec;
use crate::source::prove::{HOST, OnTarget, Prover, Shown, Subject};

/// What every toolchain of a target is planned with.
struct Around {
    on: OnTarget,
    spec: Spec,
    /// That for the installed compiler.
    stock_spec: Spec,
}

/// A case on one target, or on none, with what it is to pass with and what it is to fail with.
struct Trial<'a> {
    case: &'a Case<'a>,
    around: Option<&'a Around>,
    with: StepId,
    /// Nothing if that is the installed compiler.
    without: Option<StepId>,
    fallen: Vec<String>,
}

pub fn run(planner: &Planner<'_>, options: &Prove) -> Result<u8> {
    for name in &options.patches {
        planner.named_patches(name)?;
    }
    if options.each && planner.options.compiler == Compiler::Stock {
        let error = "--each is for a compiler that is built\nhint: add --compiler bootstrap";
        return Err(CodedError::error(exit::USAGE, error));
    }
    let wanted = TargetNames { targets: options.target.clone(), release: None }
        .read(planner.project, &planner.workspace.console)?;
    let series = planner.series_in_use()?;
    let mut cases = Vec::new();
    for (source, series) in planner.project.sources().into_iter().zip(&series) {
        let named = |patch: &&Patch| {
            options.patches.is_empty() || options.patches.iter().any(|name| name.is(source.name, patch))
        };
        for patch in series.patches.iter().filter(named) {
            cases.push(Case::new(planner, options, source, patch, &wanted)?);
        }
    }
    let rows = prove(planner, options, &series, &cases)?;
    let code = show::show(planner, rows)?;
    let hints: BTreeSet<&String> = cases.iter().filter_map(|case| case.barred.as_ref()?.hint.as_ref()).collect();
    for hint in hints {
        planner.workspace.console.note(&format!("hint: {hint}"));
    }
    Ok(code)
}

fn prove(planner: &Planner<'_>, options: &Prove, series: &[Series; 3], cases: &[Case]) -> Result<Vec<Row>> {
    let (barred, open): (Vec<&Case>, Vec<&Case>) = cases.iter().partition(|case| case.barred.is_some());
    let why = |case: &&Case| Row::not_run(case, case.barred.as_ref().map_or("", |barred| &barred.why));
    let rows = Mutex::new(barred.iter().map(why).collect::<Vec<Row>>());
    if open.is_empty() {
        return Ok(rows.into_inner().unwrap_or_else(PoisonError::into_inner));
    }
    let targets: BTreeMap<&str, &Target> =
        open.iter().flat_map(|case| &case.targets).map(|target| (target.name.as_str(), target)).collect();
    planner.check_compiler(&targets.values().copied().cloned().collect::<Vec<_>>())?;
    let store = planner.workspace.store()?;
    let builder = planner.builder(&store)?;
    let mut around = BTreeMap::new();
    // The emulator of a target that only has its name on a proof need not be there.
    let toolchains = open.iter().filter(|case| case.proof.needs == ProofLevel::Toolchain);
    for target in toolchains.flat_map(|case| &case.targets) {
        if !around.contains_key(&target.name) {
            around.insert(&target.name, Around::find(planner, options, target)?);
        }
    }
    let mut plan = Plan::new(&planner.workspace.out);
    let with = planner.plan_sources(&mut plan, series, Sources::Fetch)?;
    let mut trials = Vec::new();
    for case in open {
        let without = case.without(planner, &store, &mut plan, series, with)?;
        let fallen = without.fallen;
        let pair = [with, without.patched];
        if case.proof.needs != ProofLevel::Toolchain {
            let [with, without] = pair.map(|patched| step(case, patched));
            let with = with.with_context(|| format!("{} is not about the compiler", case.file.display()))?;
            trials.push(Trial { case, around: None, with, without, fallen });
            continue;
        }
        for target in &case.targets {
            let around = &around[&target.name];
            let mut toolchain = |patched: Patched| {
                let spec = if patched.compiler.is_some() { &around.spec } else { &around.stock_spec };
                let steps = planner.plan_target(&mut plan, target, spec.clone(), patched)?;
                Ok::<_, anyhow::Error>(case.toolchain(steps))
            };
            let (with, without) = (toolchain(pair[0])?, toolchain(pair[1])?);
            trials.push(Trial { case, around: Some(around), with, without: Some(without), fallen: fallen.clone() });
        }
    }
    let stage0 = planner.rust()?;
    let mut tasks = Vec::new();
    for trial in &trials {
        let Trial { case, .. } = trial;
        let prover = Prover {
            store: &store,
            jobs: &builder.jobs,
            cargo_home: planner.workspace.cargo_home(),
            offline: planner.workspace.offline,
            file: &case.file,
            proof: &case.proof,
        };
        let (plan, rows) = (&plan, &rows);
        let run = move |built: &Results| {
            let new = trial.run(&prover, plan, built, stage0)?;
            rows.lock().unwrap_or_else(PoisonError::into_inner).extend(new);
            Ok(())
        };
        tasks.push(Task { needs: trial.steps().collect(), run: Box::new(run) });
    }
    let wanted: Vec<StepId> = trials.iter().flat_map(Trial::steps).collect();
    builder.build(&plan, &wanted, tasks)?;
    Ok(rows.into_inner().unwrap_or_else(PoisonError::into_inner))
}

/// What a proof of no target is tried on; nothing if no compiler is built.
fn step(case: &Case, patched: Patched) -> Option<StepId> {
    let steps = patched.compiler?;
    Some(if case.proof.needs == ProofLevel::Source { steps.source } else { steps.compiler })
}

impl Around {
    fn find(planner: &Planner<'_>, options: &Prove, target: &Target) -> Result<Self> {
        let emulator = planner.emulators().find(&target.qemu.emulator, options.qemu.as_deref())?;
        let on = OnTarget { surroundings: emulator.inputs(target)?, emulator, target: target.clone() };
        Ok(Self { on, spec: planner.spec(target)?, stock_spec: planner.stock_spec(target)? })
    }
}

impl Trial<'_> {
    fn steps(&self) -> impl Iterator<Item = StepId> {
        self.without.into_iter().chain([self.with])
    }

    fn run(&self, prover: &Prover, plan: &Plan, built: &Results, stage0: &Rust) -> Result<Vec<Row>> {
        // That of the first step that failed itself.
        let failed = |id: StepId| plan.closure(id).into_iter().find_map(|id| built.get(&id)?.as_ref().err());
        let show = |side: Option<StepId>, link: Link, passing: bool| match side.and_then(failed) {
            Some(error) => Ok(Shown::Fails("it does not build".into(), format!("\n  | {error:#}"))),
            None => prover.run(&self.subject(side.map(|id| plan.node(id)), stage0, link), passing),
        };
        let row = |&link: &Link| {
            let shown = [show(self.without, link, false)?, show(Some(self.with), link, true)?];
            let (target, word) = self.around.map_or((HOST, ""), |around| (&around.on.target.name, link.word()));
            Ok(Row::judged(self.case, target, word, &self.fallen, &shown))
        };
        self.case.proof.links.iter().map(row).collect()
    }

    fn subject<'s>(&'s self, side: Option<&'s Node>, stage0: &'s Rust, link: Link) -> Subject<'s> {
        match (side, self.around) {
            (None, _) => Subject::Compiler { folder: &stage0.sysroot, identity: &stage0.commit },
            (Some(step), Some(around)) => Subject::Toolchain { on: &around.on, step, link },
            (Some(step), None) if self.case.proof.needs == ProofLevel::Source => Subject::Source { step, stage0 },
            (Some(step), None) => Subject::Compiler { folder: &step.path, identity: step.digest.as_str() },
        }
    }
}
