//! `patch prove`

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context as _, Result};

use crate::cli::{Prove, TargetNames};
use crate::emulator::Emulator;
use crate::exit::{self, Coded};
use crate::model::link::Link;
use crate::model::pins::{LIBRARY, Source};
use crate::model::proof::{Language, Proof};
use crate::model::series::{Patch, Series};
use crate::model::target::Target;
use crate::patch::leave_out::leave_out;
use crate::patch::references;
use crate::prove::{Prover, Shown};
use crate::render::table::{Cell, Tone, columns};
use crate::session::{Patched, Session, Sources, TargetSteps};
use crate::spec::Spec;
use crate::step::{Plan, Results, StepId, Task};
use crate::store::{Inputs, Store};

/// A patch that is to be proven.
struct Case<'a> {
    source: &'a Source,
    patch: &'a Patch,
    layer: &'a str,
    file: PathBuf,
    proof: Proof,
    targets: Vec<Target>,
    /// Why it cannot be proven here.
    barred: Option<String>,
}

/// What every proof of a target needs.
struct Around {
    spec: Spec,
    emulator: Emulator,
    surroundings: Inputs,
}

impl Around {
    fn find(session: &Session, options: &Prove, target: &Target) -> Result<Self> {
        let emulator = session.emulator(target, options.qemu.as_deref())?;
        Ok(Self { spec: session.spec(target)?, surroundings: emulator.inputs(target)?, emulator })
    }
}

/// One line of the result.
struct Row {
    patch: String,
    target: String,
    link: &'static str,
    without: String,
    with: String,
    verdict: Verdict,
    /// What is told behind its name: what the proof printed, or why it was not run.
    detail: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Proven,
    NotNeeded,
    Fails,
    NotRun,
}

impl Verdict {
    fn cell(self) -> Cell {
        let (word, tone) = match self {
            Self::Proven => ("proven", Tone::Good),
            Self::NotNeeded => ("no longer needed", Tone::Odd),
            Self::Fails => ("fails", Tone::Bad),
            Self::NotRun => ("not run", Tone::Odd),
        };
        Cell::new(word, tone)
    }
}

pub fn run(session: &Session, options: &Prove) -> Result<u8> {
    for name in &options.patches {
        session.named_patches(name)?;
    }
    let wanted = session.targets(&TargetNames { targets: options.target.clone(), release: None })?;
    let series = session.series_in_use()?;
    let mut cases = Vec::new();
    for (source, series) in session.sources().into_iter().zip(&series) {
        let named = |patch: &&Patch| {
            options.patches.is_empty() || options.patches.iter().any(|name| name.is(source.name, patch))
        };
        for patch in series.patches.iter().filter(named) {
            cases.push(case(session, source, patch, &wanted)?);
        }
    }
    let rows = prove(session, options, &series, &cases)?;
    show(session, &rows)
}

fn case<'a>(session: &Session, source: &'a Source, patch: &'a Patch, wanted: &[Target]) -> Result<Case<'a>> {
    let header = patch.header();
    let at = || format!("patches/{}/{}/{}", source.name, source.version, patch.file);
    let named = header.proof().with_context(|| format!("{} names no proof", at()))?;
    let file = session.root.join(named);
    let text = fs_err::read_to_string(&file).with_context(|| format!("{}: reading its proof", at()))?;
    let proof = Proof::parse(named.as_ref(), &text)
        .map_err(|(line, message)| Coded::error(exit::USAGE, format!("{named}:{line}: {message}")))?;
    let needed = header.targets();
    let is_for = |target: &&Target| needed.as_ref().is_none_or(|names| names.contains(&target.name.as_str()));
    let targets: Vec<Target> = wanted.iter().filter(is_for).cloned().collect();
    let layer = references::layer(source, patch)
        .map_err(|message| Coded::error(exit::USAGE, format!("{}: {message}", at())))?;
    let needs_compiler = source.layer_named(LIBRARY).is_some() && layer != LIBRARY;
    let barred = if needs_compiler {
        Some(format!(": it changes the {layer}, and the compiler in use is the stock one"))
    } else if targets.is_empty() {
        Some(": it is for none of these targets".into())
    } else {
        None
    };
    Ok(Case { source, patch, layer, file, proof, targets, barred })
}

fn prove(session: &Session, options: &Prove, series: &[Series; 3], cases: &[Case]) -> Result<Vec<Row>> {
    let store = session.store()?;
    let builder = session.builder(&store)?;
    let mut plan = Plan::new(&session.out);
    let open = || cases.iter().filter(|case| case.barred.is_none());
    let mut around = BTreeMap::new();
    for target in open().flat_map(|case| &case.targets) {
        if !around.contains_key(&target.name) {
            around.insert(target.name.clone(), Around::find(session, options, target)?);
        }
    }
    let with = session.plan_sources(&mut plan, series, Sources::Fetch)?;
    let mut rows: Vec<Row> = Vec::new();
    let mut pairs = Vec::new();
    for case in cases {
        if let Some(why) = &case.barred {
            rows.push(case.row("", "", Verdict::NotRun, why));
            continue;
        }
        let (without, fallen) = case.left_out(session, &store, &mut plan, series)?;
        for target in &case.targets {
            let around = &around[&target.name];
            let mut toolchain = |patched| {
                let steps = session.plan_target(&mut plan, target, around.spec.clone(), patched)?;
                Ok::<_, anyhow::Error>(case.toolchain(steps))
            };
            pairs.push((case, target, (toolchain(with)?, toolchain(without)?), fallen.clone(), around));
        }
    }
    let collected = Mutex::new(Vec::new());
    let mut tasks = Vec::new();
    for (case, target, (with, without), fallen, around) in &pairs {
        let (plan, store, jobs, collected) = (&plan, &store, &builder.jobs, &collected);
        let run = move |built: &Results| {
            let Around { emulator, surroundings, .. } = around;
            let prover = Prover { store, jobs, target, emulator, surroundings, file: &case.file, proof: &case.proof };
            for &link in &case.proof.links {
                // That of the first step that failed itself.
                let failed = |id: StepId| plan.closure(id).into_iter().find_map(|id| built.get(&id)?.as_ref().err());
                let show = |id: StepId, passing| match failed(id) {
                    Some(error) => Ok(Shown::Fails("it does not build".into(), format!("\n  | {error}"))),
                    None => prover.run(plan.node(id), link, passing),
                };
                let row = case.judge(target, link, &show(*without, false)?, &show(*with, true)?, fallen);
                collected.lock().unwrap_or_else(PoisonError::into_inner).push(row);
            }
            Ok(())
        };
        tasks.push(Task { needs: vec![*with, *without], run: Box::new(run) });
    }
    let wanted: Vec<StepId> = pairs.iter().flat_map(|(_, _, (with, without), ..)| [*with, *without]).collect();
    builder.build(&plan, &wanted, tasks)?;
    rows.extend(collected.into_inner().unwrap_or_else(PoisonError::into_inner));
    rows.sort_by(|a, b| (&a.patch, &a.target, a.link).cmp(&(&b.patch, &b.target, b.link)));
    Ok(rows)
}

impl Case<'_> {
    /// The sources without this patch, and the patches that had to go with it.
    fn left_out(
        &self,
        session: &Session,
        store: &Store,
        plan: &mut Plan,
        series: &[Series; 3],
    ) -> Result<(Patched, Vec<String>)> {
        let own = |series: &&Series| series.source == self.source.name;
        let whole = series.iter().find(own).context("the patch is of no source")?;
        // What belongs to other layers is in other trees.
        let source = self.source.with_layers(|name| name == self.layer);
        let whole = whole.clone().within(&source);
        let tree = super::pristine(session, store, &source)?;
        let (remaining, fallen) = leave_out(&whole, &self.patch.file, &tree)?;
        let series = series.clone().map(|series| if own(&&series) { remaining.clone() } else { series });
        let patched = session.plan_sources(plan, &series, Sources::Fetch)?;
        Ok((patched, fallen))
    }

    /// The step whose folder the proof is compiled with. C needs no std.
    fn toolchain(&self, steps: TargetSteps) -> StepId {
        if self.proof.language == Language::C { steps.sysroot } else { steps.toolchain }
    }

    fn judge(&self, target: &Target, link: Link, without: &Shown, with: &Shown, fallen: &[String]) -> Row {
        let (verdict, told) = match (without, with) {
            (Shown::Fails(..), Shown::Passes) => (Verdict::Proven, without),
            (Shown::Passes, Shown::Passes) => (Verdict::NotNeeded, with),
            (_, Shown::Fails(..)) => (Verdict::Fails, with),
        };
        let word = |shown: &Shown| match shown {
            Shown::Passes => "passes".to_owned(),
            Shown::Fails(why, _) => format!("fails: {why}"),
        };
        let mut detail = match told {
            Shown::Fails(_, printed) => printed.clone(),
            Shown::Passes => String::new(),
        };
        if !fallen.is_empty() {
            let fallen = fallen.join(", ");
            let _ = write!(detail, "\n  without it, these did not apply either and had to go with it: {fallen}");
        }
        let row = self.row(&target.name, link.word(), verdict, &detail);
        Row { without: word(without), with: word(with), ..row }
    }

    fn row(&self, target: &str, link: &'static str, verdict: Verdict, detail: &str) -> Row {
        Row {
            patch: format!("{}/{}/{}", self.source.name, self.source.version, self.patch.file),
            target: target.into(),
            link,
            without: String::new(),
            with: String::new(),
            verdict,
            detail: detail.into(),
        }
    }
}

fn show(session: &Session, rows: &[Row]) -> Result<u8> {
    session.ui.finish();
    let mut table = vec![["patch", "target", "link", "without it", "with it", "verdict"].map(Cell::plain).to_vec()];
    for row in rows {
        let cells = [&row.patch, &row.target, row.link, &row.without, &row.with].map(Cell::plain);
        table.push(cells.into_iter().chain([row.verdict.cell()]).collect());
        if !row.detail.is_empty() {
            let place = [&*row.patch, &row.target, row.link].join(" ");
            session.ui.note(&format!("{}{}", place.trim_end(), row.detail));
        }
    }
    super::super::print(&columns(&table, usize::MAX, session.ui.color()))?;
    let any = |verdict| rows.iter().any(|row| row.verdict == verdict);
    Ok(if any(Verdict::Fails) {
        exit::REGRESSION
    } else if any(Verdict::NotNeeded) {
        exit::IMPROVEMENT
    } else if any(Verdict::Proven) {
        exit::EXPECTED
    } else {
        exit::NOTHING_RAN
    })
}
