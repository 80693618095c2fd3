//! The notes of the runs.

use bringup_model::report::{Report, Run};

use super::visible;

/// Each note once, after the runs that have it. A note is a fact about a run, such as a sandbox feature that the host
/// lacks.
pub fn notes(report: &Report) -> Vec<String> {
    let mut notes: Vec<&String> = Vec::new();
    for note in report.runs.iter().flat_map(|run| &run.notes) {
        if !notes.contains(&note) {
            notes.push(note);
        }
    }
    let runs = &report.runs;
    let of_build = report.build.notes().into_iter().filter_map(|note| {
        let name = if runs.len() > 1 { "all".into() } else { runs.first()?.name() };
        Some(format!("{name}: {}", visible(&note)))
    });
    of_build.chain(notes.into_iter().map(|note| format!("{}: {}", runs_with(note, report), visible(note)))).collect()
}

/// If all runs of a target have the note, the target's name stands for them.
fn runs_with(note: &String, report: &Report) -> String {
    let noted = |runs: &[&Run]| runs.len() > 1 && runs.iter().all(|run| run.notes.contains(note));
    if noted(&report.runs.iter().collect::<Vec<_>>()) {
        return "all".into();
    }
    let mut names: Vec<String> = Vec::new();
    for run in report.runs.iter().filter(|run| run.notes.contains(note)) {
        let of_target: Vec<&Run> = report.runs.iter().filter(|other| other.target == run.target).collect();
        let name = if noted(&of_target) { run.target.clone() } else { run.name() };
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names.join(", ")
}
