//! `why`

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
        let Some(last) = last_result(node)? else {
            let _ = writeln!(text, "{}: never built", node.title());
            continue;
        };
        let _ = writeln!(text, "{}: differs from {}", node.title(), shown(&planner.project.root, &last));
        let path = last.join(INPUTS_FILE);
        let before: Inputs =
            serde_json::from_slice(&fs_err::read(&path)?).with_context(|| format!("reading {}", path.display()))?;
        explain(&mut text, &before, &node.inputs);
    }
    super::print(&text)
}

/// The newest result of the same step and label.
fn last_result(node: &Node) -> Result<Option<PathBuf>> {
    let Some(parent) = node.path.parent().filter(|parent| parent.is_dir()) else { return Ok(None) };
    let prefix = format!("{}-", node.step.label());
    let mut newest = None;
    for entry in fs_err::read_dir(parent)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(&prefix) && entry.path().join(INPUTS_FILE).is_file() {
            newest = newest.max(Some((entry.metadata()?.modified()?, entry.path())));
        }
    }
    Ok(newest.map(|(_, path)| path))
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
