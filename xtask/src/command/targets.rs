//! `targets`

use anyhow::Result;

use super::target::{emulator, kind, releases};
use crate::build::Workspace;
use crate::cli::TargetNames;
use crate::project::Project;
use crate::render::table::{Cell, columns};
use crate::render::view::verdict_tone;

pub fn run(project: &Project, workspace: &Workspace) -> Result<()> {
    let report = super::report::last(&workspace.out)?;
    let runs = report.as_ref().map_or(&[][..], |report| &report.runs);
    // The columns of the runs in the last report.
    let mut kinds: Vec<String> = Vec::new();
    for kind in runs.iter().map(kind) {
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
    }
    let header = ["target", "triple", "musl", "baseline", "emulator", "alpine"].into_iter();
    let mut rows: Vec<Vec<Cell>> = vec![header.chain(kinds.iter().map(String::as_str)).map(Cell::plain).collect()];
    for target in TargetNames::default().read(project, &workspace.console)? {
        let facts = [
            &target.name,
            &target.triple,
            &target.musl.arch,
            &target.baseline.text,
            &emulator(&target),
            &releases(&target),
        ];
        let state = |name: &String| {
            let run = runs.iter().find(|run| run.target == target.name && kind(run) == *name);
            run.map_or_else(|| Cell::plain("-"), |run| Cell::new(run.verdict.word(), verdict_tone(run.verdict)))
        };
        rows.push(facts.map(Cell::plain).into_iter().chain(kinds.iter().map(state)).collect());
    }
    super::print(&columns(&rows, usize::MAX, workspace.console.color()))
}
