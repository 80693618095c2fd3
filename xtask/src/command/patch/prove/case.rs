//! A patch that is to be proven, and what it is proven against.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use bringup_model::compiler::Compiler;
use bringup_model::exit::{self, CodedError};
use bringup_model::pins::{LIBRARY, Source};
use bringup_model::proof::{Language, Proof, ProofLevel};
use bringup_model::series::{Patch, Series};
use bringup_model::target::Target;

use crate::build::step::{Plan, StepId};
use crate::build::store::Store;
use crate::build::{Patched, Planner, Sources, TargetSteps};
use crate::cli::Prove;
use crate::source::patch::leave_out::falls_with;
use crate::source::patch::references;

/// A patch that is to be proven.
pub struct Case<'a> {
    source: &'a Source,
    patch: &'a Patch,
    layer: &'a str,
    /// The proof's file.
    pub file: PathBuf,
    /// What it says of itself.
    pub proof: Proof,
    /// Those it is for, among those asked for.
    pub targets: Vec<Target>,
    /// What is left out to see what the patch is good for.
    pub control: Control,
    /// Why it cannot be proven here.
    pub barred: Option<Barred>,
}

/// What is left out to see what a patch is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Control {
    /// The patch.
    Itself,
    /// All patches to the compiler: it is the installed one, which is of the same version.
    CompilerSeries,
}

/// Why a patch cannot be proven, and what to do about it.
#[derive(Debug, Clone)]
pub struct Barred {
    /// It follows the patch's name.
    pub why: String,
    /// What is to be tried next.
    pub hint: Option<String>,
}

/// The sources that a proof is to fail with.
pub struct Without {
    /// The sources.
    pub patched: Patched,
    /// The patches that had to go with the one that is left out.
    pub fallen: Vec<String>,
}

impl<'a> Case<'a> {
    /// The case of one patch, on as many of the targets that are asked for as it is for.
    pub fn new(
        planner: &Planner<'_>,
        options: &Prove,
        source: &'a Source,
        patch: &'a Patch,
        wanted: &[Target],
    ) -> Result<Self> {
        let header = patch.header();
        let at = || format!("patches/{}/{}/{}", source.name, source.version, patch.file);
        let named = header.proof().with_context(|| format!("{} names no proof", at()))?;
        let file = planner.project.root.join(named);
        let text = fs_err::read_to_string(&file).with_context(|| format!("{}: reading its proof", at()))?;
        let proof = Proof::parse(named.as_ref(), &text)
            .map_err(|(line, message)| CodedError::error(exit::USAGE, format!("{named}:{line}: {message}")))?;
        let needed = header.targets();
        let is_for = |target: &&Target| needed.as_ref().is_none_or(|names| names.contains(&target.name.as_str()));
        let targets: Vec<Target> = wanted.iter().filter(is_for).cloned().collect();
        let layer = references::layer(source, patch)
            .map_err(|message| CodedError::error(exit::USAGE, format!("{}: {message}", at())))?;
        // Sources are had without one patch in no time; a compiler is not.
        let of_compiler = is_of_compiler(source, layer);
        let free = !of_compiler || proof.needs == ProofLevel::Source;
        let control = if free || options.each { Control::Itself } else { Control::CompilerSeries };
        let mut case = Self { source, patch, layer, file, proof, targets, control, barred: None };
        case.barred = case.bar(planner, of_compiler)?;
        Ok(case)
    }

    fn bar(&self, planner: &Planner<'_>, of_compiler: bool) -> Result<Option<Barred>> {
        if of_compiler && planner.options.compiler == Compiler::Stock {
            let why = format!(": it changes the {}, and the compiler in use is the stock one", self.layer);
            return Ok(Some(Barred { why, hint: Some("add --compiler bootstrap".into()) }));
        }
        if self.targets.is_empty() {
            return Ok(Some(Barred { why: ": it is for none of these targets".into(), hint: None }));
        }
        let (installed, version) = (&planner.rust()?.release, &self.source.version);
        if self.control == Control::CompilerSeries && installed != version {
            let why = format!(": without the patch there is only rustc {installed}, not {version}");
            let hint = Some("build the compiler without the patch with --each, or install that version".into());
            return Ok(Some(Barred { why, hint }));
        }
        Ok(None)
    }

    /// `rust/1.95.0/0003-title.patch`
    pub fn name(&self) -> String {
        format!("{}/{}/{}", self.source.name, self.source.version, self.patch.file)
    }

    /// The sources that the proof is to fail with, where `with` are those that it is to pass with.
    pub fn without(
        &self,
        planner: &Planner<'_>,
        store: &Store,
        plan: &mut Plan,
        series: &[Series; 3],
        with: Patched,
    ) -> Result<Without> {
        if self.control == Control::CompilerSeries {
            return Ok(Without { patched: Patched { compiler: None, ..with }, fallen: Vec::new() });
        }
        let own = |series: &&Series| series.source == self.source.name;
        let whole = series.iter().find(own).context("the patch is of no source")?;
        // What belongs to other layers does not bear on it.
        let source = self.source.with_layers(|name| name == self.layer);
        let tree = super::super::pristine(planner, store, &source)?;
        let fallen = falls_with(&whole.clone().within(&source), &self.patch.file, &tree)?;
        let goes = |patch: &Patch| patch.file == self.patch.file || fallen.contains(&patch.file);
        let series = series.clone().map(|series| if own(&&series) { series.without(goes) } else { series });
        Ok(Without { patched: planner.plan_sources(plan, &series, Sources::Fetch)?, fallen })
    }

    /// The step whose folder the proof is compiled with. C needs no std.
    pub fn toolchain(&self, steps: TargetSteps) -> StepId {
        if self.proof.language == Language::C { steps.sysroot } else { steps.toolchain }
    }
}

/// Whether a layer is of a source that also has std, and is not std's.
fn is_of_compiler(source: &Source, layer: &str) -> bool {
    source.layer_named(LIBRARY).is_some() && layer != LIBRARY
}
