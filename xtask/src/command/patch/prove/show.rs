//! What proofs have shown, as a table.

use std::fmt::Write as _;

use anyhow::Result;
use bringup_model::exit;

use super::case::{Case, Control};
use crate::build::Planner;
use crate::prove::ProofResult;
use crate::render::table::{Cell, Tone, columns};

/// One line of the table.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub struct Row {
    patch: String,
    target: String,
    link: &'static str,
    left_out: String,
    without: String,
    with: String,
    verdict: Verdict,
    /// What is told behind its name: what the proof printed, or why it was not run.
    detail: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
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

impl Row {
    /// What became of a case on one target, in one link mode.
    pub fn judged(case: &Case, target: &str, link: &'static str, fallen: &[String], shown: &[ProofResult; 2]) -> Self {
        let [without, with] = shown;
        let (verdict, told) = match (without, with) {
            (ProofResult::Fails(..), ProofResult::Passes) => (Verdict::Proven, without),
            (ProofResult::Passes, ProofResult::Passes) => (Verdict::NotNeeded, with),
            (_, ProofResult::Fails(..) | ProofResult::CannotTell(..)) => (Verdict::Fails, with),
            (ProofResult::CannotTell(..), _) => (Verdict::Fails, without),
        };
        let word = |shown: &ProofResult| match shown {
            ProofResult::Passes => "passes".to_owned(),
            ProofResult::Fails(why, _) => format!("fails: {why}"),
            ProofResult::CannotTell(why, _) => format!("cannot tell: {why}"),
        };
        let mut detail = match told {
            ProofResult::Fails(_, printed) | ProofResult::CannotTell(_, printed) => printed.clone(),
            ProofResult::Passes => String::new(),
        };
        if !fallen.is_empty() {
            let fallen = fallen.join(", ");
            let _ = write!(detail, "\n  without it, these did not apply either and had to go with it: {fallen}");
        }
        let left_out = match (case.control, fallen.len()) {
            (Control::Itself, 0) => "it".into(),
            (Control::Itself, more) => format!("it and {more} more"),
            (Control::CompilerSeries, _) => "all of the compiler".into(),
        };
        let (without, with) = (word(without), word(with));
        Self { patch: case.name(), target: target.into(), link, left_out, without, with, verdict, detail }
    }

    /// That a case was not run.
    pub fn not_run(case: &Case, why: &str) -> Self {
        let [target, left_out, without, with] = Default::default();
        let detail = why.to_owned();
        Self { patch: case.name(), target, link: "", left_out, without, with, verdict: Verdict::NotRun, detail }
    }
}

/// Prints the table; the exit code that it means.
pub fn show(planner: &Planner<'_>, mut rows: Vec<Row>) -> Result<u8> {
    planner.workspace.console.finish();
    rows.sort();
    let headings = ["patch", "target", "link", "left out", "without", "with", "verdict"];
    let mut table = vec![headings.map(Cell::plain).to_vec()];
    for row in &rows {
        let cells = [&row.patch, &row.target, row.link, &row.left_out, &row.without, &row.with].map(Cell::plain);
        table.push(cells.into_iter().chain([row.verdict.cell()]).collect());
        if !row.detail.is_empty() {
            let place = [&*row.patch, &row.target, row.link].join(" ");
            planner.workspace.console.note(&format!("{}{}", place.trim_end(), row.detail));
        }
    }
    crate::command::print(&columns(&table, usize::MAX, planner.workspace.console.color()))?;
    let any = |verdict| rows.iter().any(|row| row.verdict == verdict);
    Ok(if any(Verdict::Fails) {
        exit::REGRESSION
    } else if any(Verdict::NotNeeded) {
        exit::OUTDATED
    } else if any(Verdict::Proven) {
        exit::EXPECTED
    } else {
        exit::NOTHING_RAN
    })
}
