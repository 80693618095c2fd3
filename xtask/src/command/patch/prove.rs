//! `patch prove`

mod patch_proof;
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

use self::patch_proof::{AllPatches, PatchProof};
use self::show::ProofRow;
use crate::build::spec::Spec;
use crate::build::step::{Node, Plan, Results, StepId, Task};
use crate::build::{FetchMode, Patched, Planner};
use crate::cli::{ProveArgs, TargetNames};
use crate::host::survey::Rust;
use crate::prove::{HOST, ProofResult, ProofSubject, ProofTarget, Prover};

/// What all runs of proofs on one target share.
struct TargetSetup {
    on: ProofTarget,
    spec: Spec,
    /// The spec for the installed compiler.
    stock_spec: Spec,
}

/// A proof to run on one target, or without a target: with its patch and without it.
struct ProofRun<'a> {
    patch_proof: &'a PatchProof<'a>,
    setup: Option<&'a TargetSetup>,
    with: StepId,
    /// None for the installed compiler.
    without: Option<StepId>,
    fallen: Vec<String>,
}

pub fn run(planner: &Planner<'_>, options: &ProveArgs) -> Result<u8> {
    for name in &options.patches {
        planner.named_patches(name)?;
    }
    if options.each && planner.options.compiler == Compiler::Stock {
        let error = "--each requires a built compiler\nhint: add --compiler bootstrap";
        return Err(CodedError::error(exit::USAGE, error));
    }
    let wanted = TargetNames { targets: options.target.clone(), release: None }
        .read(planner.project, &planner.workspace.console)?;
    let series = planner.series_in_use()?;
    let mut proofs = Vec::new();
    for series in &series {
        let source = planner.project.source(&series.source)?;
        let named = |patch: &&Patch| {
            options.patches.is_empty() || options.patches.iter().any(|name| name.is(source.name, patch))
        };
        for patch in series.patches.iter().filter(named) {
            proofs.push(PatchProof::new(planner, options, source, patch, &wanted)?);
        }
    }
    let rows = prove(planner, options, &series, &proofs)?;
    let code = show::show(&planner.workspace.console, rows)?;
    let hints: BTreeSet<&String> =
        proofs.iter().filter_map(|patch_proof| patch_proof.obstacle.as_ref()?.hint.as_ref()).collect();
    for hint in hints {
        planner.workspace.console.note(&format!("hint: {hint}"));
    }
    Ok(code)
}

fn prove(
    planner: &Planner<'_>,
    options: &ProveArgs,
    series: &[Series; 4],
    proofs: &[PatchProof],
) -> Result<Vec<ProofRow>> {
    let (blocked, open): (Vec<&PatchProof>, Vec<&PatchProof>) =
        proofs.iter().partition(|patch_proof| patch_proof.obstacle.is_some());
    let why = |patch_proof: &&PatchProof| {
        ProofRow::not_run(patch_proof, patch_proof.obstacle.as_ref().map_or("", |obstacle| &obstacle.why))
    };
    let rows = Mutex::new(blocked.iter().map(why).collect::<Vec<ProofRow>>());
    if open.is_empty() {
        return Ok(rows.into_inner().unwrap_or_else(PoisonError::into_inner));
    }
    let targets: BTreeMap<&str, &Target> =
        open.iter().flat_map(|patch_proof| &patch_proof.targets).map(|target| (target.name.as_str(), target)).collect();
    planner.check_compiler(&targets.values().copied().cloned().collect::<Vec<_>>())?;
    let store = planner.workspace.store()?;
    let builder = planner.builder(&store)?;
    let mut setup = BTreeMap::new();
    // A proof that only names a target does not require the target's emulator.
    let toolchains = open.iter().filter(|patch_proof| patch_proof.proof.needs == ProofLevel::Toolchain);
    for target in toolchains.flat_map(|patch_proof| &patch_proof.targets) {
        if !setup.contains_key(&target.name) {
            setup.insert(&target.name, TargetSetup::find(planner, options, target)?);
        }
    }
    let mut plan = Plan::new(&planner.workspace.out);
    let with = planner.plan_sources(&mut plan, series, FetchMode::Fetch)?;
    let all = AllPatches { planner, store: &store, series, patched: with };
    let mut runs = Vec::new();
    for patch_proof in open {
        let without = patch_proof.without(&all, &mut plan)?;
        let fallen = without.fallen;
        let pair = [with, without.patched];
        if patch_proof.proof.needs != ProofLevel::Toolchain {
            let [with, without] = pair.map(|patched| step(patch_proof, patched));
            let with = with.with_context(|| format!("{} is not about the compiler", patch_proof.file.display()))?;
            runs.push(ProofRun { patch_proof, setup: None, with, without, fallen });
            continue;
        }
        for target in &patch_proof.targets {
            let setup = &setup[&target.name];
            let mut toolchain = |patched: Patched| {
                let spec = if patched.compiler.is_some() { &setup.spec } else { &setup.stock_spec };
                let steps = planner.plan_target(&mut plan, target, spec.clone(), patched)?;
                Ok::<_, anyhow::Error>(patch_proof.toolchain(steps))
            };
            let (with, without) = (toolchain(pair[0])?, toolchain(pair[1])?);
            runs.push(ProofRun {
                patch_proof,
                setup: Some(setup),
                with,
                without: Some(without),
                fallen: fallen.clone(),
            });
        }
    }
    let stage0 = planner.rust()?;
    let mut tasks = Vec::new();
    for run in &runs {
        let ProofRun { patch_proof, .. } = run;
        let prover = Prover {
            store: &store,
            jobs: &builder.jobs,
            cargo_home: planner.workspace.cargo_home(),
            offline: planner.workspace.offline,
            file: &patch_proof.file,
            proof: &patch_proof.proof,
        };
        let (plan, rows) = (&plan, &rows);
        let task = move |built: &Results| {
            let new = run.run(&prover, plan, built, stage0)?;
            rows.lock().unwrap_or_else(PoisonError::into_inner).extend(new);
            Ok(())
        };
        tasks.push(Task { needs: run.steps().collect(), run: Box::new(task) });
    }
    let wanted: Vec<StepId> = runs.iter().flat_map(ProofRun::steps).collect();
    builder.build(&plan, &wanted, tasks)?;
    Ok(rows.into_inner().unwrap_or_else(PoisonError::into_inner))
}

/// The step that a proof without a target runs on; none if no compiler is built.
fn step(patch_proof: &PatchProof, patched: Patched) -> Option<StepId> {
    let steps = patched.compiler?;
    Some(if patch_proof.proof.needs == ProofLevel::Source { steps.source } else { steps.compiler })
}

impl TargetSetup {
    fn find(planner: &Planner<'_>, options: &ProveArgs, target: &Target) -> Result<Self> {
        let emulator = planner.emulators().find(&target.qemu.emulator, options.qemu.as_deref())?;
        let surroundings = emulator.inputs(target, &emulator.identity()?.sha256);
        let on = ProofTarget { surroundings, emulator, target: target.clone() };
        Ok(Self { on, spec: planner.spec(target)?, stock_spec: planner.stock_spec(target)? })
    }
}

impl ProofRun<'_> {
    fn steps(&self) -> impl Iterator<Item = StepId> {
        self.without.into_iter().chain([self.with])
    }

    fn run(&self, prover: &Prover, plan: &Plan, built: &Results, stage0: &Rust) -> Result<Vec<ProofRow>> {
        // The error of the first step that failed by itself.
        let failed = |id: StepId| plan.closure(id).into_iter().find_map(|id| built.get(&id)?.as_ref().err());
        let show = |side: Option<StepId>, link: Link, passing: bool| match side.and_then(failed) {
            Some(error) => Ok(ProofResult::Fails("it does not build".into(), format!("\n  | {error:#}"))),
            None => prover.run(&self.subject(side.map(|id| plan.node(id)), stage0, link), passing),
        };
        let row = |&link: &Link| {
            let shown = [show(self.without, link, false)?, show(Some(self.with), link, true)?];
            let (target, word) = self.setup.map_or((HOST, ""), |setup| (&setup.on.target.name, link.word()));
            Ok(ProofRow::judged(self.patch_proof, target, word, &self.fallen, &shown))
        };
        self.patch_proof.proof.links.iter().map(row).collect()
    }

    fn subject<'s>(&'s self, side: Option<&'s Node>, stage0: &'s Rust, link: Link) -> ProofSubject<'s> {
        match (side, self.setup) {
            (None, _) => ProofSubject::Compiler { folder: &stage0.sysroot, identity: &stage0.commit },
            (Some(step), Some(setup)) => ProofSubject::Toolchain { on: &setup.on, step, link },
            (Some(step), None) if self.patch_proof.proof.needs == ProofLevel::Source => {
                ProofSubject::Source { step, stage0 }
            }
            (Some(step), None) => ProofSubject::Compiler { folder: &step.path, identity: step.digest.as_str() },
        }
    }
}
