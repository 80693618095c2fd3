//! `plan`

use std::fmt::Write as _;

use anyhow::Result;
use bringup_model::digest::Inputs;

use crate::build::{FetchMode, Planner};
use crate::cli::PlanArgs;
use crate::project::shown;

pub fn run(planner: &Planner<'_>, options: &PlanArgs) -> Result<()> {
    let target_plan =
        planner.plan(options.targets.read(planner.project, &planner.workspace.console)?, FetchMode::Assume)?;
    let mut text = String::new();
    for node in target_plan.plan.nodes() {
        let mark = if node.is_done() { "done" } else { "run " };
        let needs: Vec<String> =
            node.step.needs().into_iter().map(|need| target_plan.plan.node(need).title()).collect();
        let needs = if needs.is_empty() { String::new() } else { format!("  <- {}", needs.join(", ")) };
        let _ = writeln!(text, "{mark}  {:<24} {}{needs}", node.title(), shown(&planner.project.root, &node.path));
        if options.inputs {
            write_inputs(&mut text, &node.inputs);
        }
    }
    super::print(&text)
}

/// Writes one line for each input. A long text, such as a patch, is shown by its digest.
fn write_inputs(text: &mut String, inputs: &Inputs) {
    for (tag, value) in inputs.entries() {
        let lines = value.lines().count();
        let _ = if lines > 1 {
            let digest = Inputs::new().add(tag, value.as_str()).digest();
            writeln!(text, "          {tag}: {lines} lines, {}", digest.short())
        } else {
            writeln!(text, "          {tag}: {}", value.trim_end())
        };
    }
}
