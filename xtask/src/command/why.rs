//! `why`

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use bringup_model::digest::{INPUTS_FILE, Inputs};

use crate::build::step::Node;

use crate::build::{FetchMode, Planner};
use crate::cli::TargetNames;
use crate::project::shown;

pub fn run(planner: &Planner<'_>, names: &TargetNames) -> Result<()> {
    let target_plan = planner.plan(names.read(planner.project, &planner.workspace.console)?, FetchMode::Assume)?;
    let mut text = String::new();
    for node in target_plan.plan.nodes() {
        if node.is_done() {
            let _ = writeln!(text, "{}: done", node.title());
            continue;
        }
        let Some((result, before)) = nearest_result(node)? else {
            let _ = writeln!(text, "{}: never built", node.title());
            continue;
        };
        let _ = writeln!(text, "{}: differs from {}", node.title(), shown(&planner.project.root, &result));
        explain(&mut text, &before, &node.inputs);
    }
    super::print(&text)
}

/// The result of the same step and label with the fewest other inputs, then the fewest other values, then the newest: the
/// last one may be of another kind, such as a pristine source that a verb of patches has unpacked.
fn nearest_result(node: &Node) -> Result<Option<(PathBuf, Inputs)>> {
    let Some(parent) = node.path.parent().filter(|parent| parent.is_dir()) else { return Ok(None) };
    let prefix = format!("{}-", node.step.label());
    let mut nearest = None;
    for entry in fs_err::read_dir(parent)? {
        let entry = entry?;
        let file = entry.path().join(INPUTS_FILE);
        if !entry.file_name().to_string_lossy().starts_with(&prefix) || !file.is_file() {
            continue;
        }
        let before: Inputs =
            serde_json::from_slice(&fs_err::read(&file)?).with_context(|| format!("reading {}", file.display()))?;
        let rank = (Reverse(differing(&before, &node.inputs)), entry.metadata()?.modified()?);
        if nearest.as_ref().is_none_or(|(best, _, _)| *best < rank) {
            nearest = Some((rank, entry.path(), before));
        }
    }
    Ok(nearest.map(|(_, path, before)| (path, before)))
}

/// How many tags, and how many values, only one of the two has.
fn differing(one: &Inputs, other: &Inputs) -> (usize, usize) {
    let lacking = |of: &Inputs, from: &Inputs| {
        let tags = of.entries().iter().filter(|(tag, _)| from.entries().iter().all(|(other, _)| other != tag)).count();
        (tags, of.entries().iter().filter(|entry| !from.entries().contains(entry)).count())
    };
    let (ours, theirs) = (lacking(one, other), lacking(other, one));
    (ours.0 + theirs.0, ours.1 + theirs.1)
}

/// The most lines of one value.
const LINES: usize = 8;

fn explain(text: &mut String, before: &Inputs, now: &Inputs) {
    for (sign, from, other) in [('-', before, now), ('+', now, before)] {
        for entry in from.entries().iter().filter(|entry| !other.entries().contains(entry)) {
            let (tag, value) = entry;
            // Show only the differing lines of a spec, a script or a patch.
            let same: BTreeSet<&str> =
                other.entries().iter().filter(|(name, _)| name == tag).flat_map(|(_, value)| value.lines()).collect();
            let differs: Vec<&str> = value.lines().filter(|line| !same.contains(line)).collect();
            let shown = if differs.is_empty() { value.lines().collect() } else { differs };
            for line in shown.iter().take(LINES) {
                let _ = writeln!(text, "  {sign} {tag}: {}", line.trim());
            }
            if shown.len() > LINES {
                let _ = writeln!(text, "  {sign} {tag}: … and {} more lines", shown.len() - LINES);
            }
        }
    }
}
