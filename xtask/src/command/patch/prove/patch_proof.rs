//! A patch to prove, and what is left out as a control.

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
use crate::build::{FetchMode, Patched, Planner, TargetSteps};
use crate::cli::ProveArgs;
use crate::source::patch::leave_out::falls_with;
use crate::source::patch::references;

/// A patch and its proof.
pub struct PatchProof<'a> {
    source: &'a Source,
    patch: &'a Patch,
    layer: &'a str,
    /// The proof's file.
    pub file: PathBuf,
    pub proof: Proof,
    /// The requested targets that the patch is for.
    pub targets: Vec<Target>,
    pub left_out: LeftOut,
    /// Why the proof cannot run here.
    pub obstacle: Option<Obstacle>,
}

/// What is left out as a control.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeftOut {
    Patch,
    /// All patches to the compiler: the control is the installed compiler of the same version.
    CompilerSeries,
}

/// Why a proof cannot run, and what to do about it.
#[derive(Debug, Clone)]
pub struct Obstacle {
    /// Text after the patch's name.
    pub why: String,
    pub hint: Option<String>,
}

/// The sources with all patches, and what plans them.
pub struct AllPatches<'a> {
    pub planner: &'a Planner<'a>,
    pub store: &'a Store,
    pub series: &'a [Series; 4],
    pub patched: Patched,
}

/// The sources of the control.
pub struct ControlSources {
    pub patched: Patched,
    /// Patches that depend on the omitted patch, and are left out with it.
    pub fallen: Vec<String>,
}

impl<'a> PatchProof<'a> {
    /// The proof of one patch, on the wanted targets that the patch is for.
    pub fn new(
        planner: &Planner<'_>,
        options: &ProveArgs,
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
        // Patching sources again is cheap; building a compiler is not.
        let of_compiler = is_of_compiler(source, layer);
        let free = !of_compiler || proof.needs == ProofLevel::Source;
        let left_out = if free || options.each { LeftOut::Patch } else { LeftOut::CompilerSeries };
        let mut patch_proof = Self { source, patch, layer, file, proof, targets, left_out, obstacle: None };
        patch_proof.obstacle = patch_proof.bar(planner, of_compiler)?;
        Ok(patch_proof)
    }

    fn bar(&self, planner: &Planner<'_>, of_compiler: bool) -> Result<Option<Obstacle>> {
        if of_compiler && planner.options.compiler == Compiler::Stock {
            let why = format!(": the patch changes the {}, but the compiler is the stock one", self.layer);
            return Ok(Some(Obstacle { why, hint: Some("add --compiler bootstrap".into()) }));
        }
        if self.targets.is_empty() {
            return Ok(Some(Obstacle { why: ": the patch is for none of these targets".into(), hint: None }));
        }
        let (installed, version) = (&planner.rust()?.release, self.source.release_name());
        if self.left_out == LeftOut::CompilerSeries && installed != version {
            let why = format!(": without the patch there is only rustc {installed}, not {version}");
            let hint = Some("build the compiler without the patch with --each, or install that version".into());
            return Ok(Some(Obstacle { why, hint }));
        }
        Ok(None)
    }

    /// `rust/1.95.0/0003-title.patch`
    pub fn name(&self) -> String {
        format!("{}/{}/{}", self.source.name, self.source.version, self.patch.file)
    }

    /// The sources of the control.
    pub fn without(
        &self,
        AllPatches { planner, store, series, patched }: &AllPatches<'_>,
        plan: &mut Plan,
    ) -> Result<ControlSources> {
        if self.left_out == LeftOut::CompilerSeries {
            return Ok(ControlSources { patched: Patched { compiler: None, ..*patched }, fallen: Vec::new() });
        }
        let own = |series: &&Series| series.source == self.source.name;
        let whole = series.iter().find(own).context("the patch has no source")?;
        // Patches of other layers do not matter.
        let source = self.source.with_layers(|name| name == self.layer);
        let tree = super::super::pristine(planner, store, &source)?;
        let fallen = falls_with(&whole.clone().within(&source), &self.patch.file, &tree)?;
        let goes = |patch: &Patch| patch.file == self.patch.file || fallen.contains(&patch.file);
        let series = (*series).clone().map(|series| if own(&&series) { series.without(goes) } else { series });
        Ok(ControlSources { patched: planner.plan_sources(plan, &series, FetchMode::Fetch)?, fallen })
    }

    /// The step whose folder compiles the proof. C requires no std.
    pub fn toolchain(&self, steps: TargetSteps) -> StepId {
        if self.proof.language == Language::C { steps.sysroot } else { steps.toolchain }
    }
}

/// Whether a layer belongs to the compiler: its source also has std, but the layer is not std.
fn is_of_compiler(source: &Source, layer: &str) -> bool {
    source.layer_named(LIBRARY).is_some() && layer != LIBRARY
}
