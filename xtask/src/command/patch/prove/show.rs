//! The results of proofs, as a table.

use std::fmt::Write as _;

use anyhow::Result;
use bringup_model::exit;

use super::patch_proof::{LeftOut, PatchProof};
use crate::console::Console;
use crate::prove::ProofResult;
use crate::render::table::{Cell, Tone, columns};

/// One line of the table.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub struct ProofRow {
    patch: String,
    target: String,
    link: &'static str,
    left_out: String,
    without: String,
    with: String,
    verdict: ProofVerdict,
    /// Text after the row's name: the proof's output, or why the proof did not run.
    detail: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum ProofVerdict {
    Proven,
    NotNeeded,
    Fails,
    NotRun,
}

impl ProofVerdict {
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

impl ProofRow {
    /// The row of a proof on one target, in one link mode.
    pub fn judged(
        patch_proof: &PatchProof,
        target: &str,
        link: &'static str,
        fallen: &[String],
        shown: &[ProofResult; 2],
    ) -> Self {
        let [without, with] = shown;
        let (verdict, told) = match (without, with) {
            (ProofResult::Fails(..), ProofResult::Passes) => (ProofVerdict::Proven, without),
            (ProofResult::Passes, ProofResult::Passes) => (ProofVerdict::NotNeeded, with),
            (_, ProofResult::Fails(..) | ProofResult::CannotTell(..)) => (ProofVerdict::Fails, with),
            (ProofResult::CannotTell(..), _) => (ProofVerdict::Fails, without),
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
            let _ = write!(detail, "\n  patches that depend on it and were left out too: {fallen}");
        }
        let left_out = match (patch_proof.left_out, fallen.len()) {
            (LeftOut::Patch, 0) => "it".into(),
            (LeftOut::Patch, more) => format!("it and {more} more"),
            (LeftOut::CompilerSeries, _) => "all of the compiler".into(),
        };
        let (without, with) = (word(without), word(with));
        Self { patch: patch_proof.name(), target: target.into(), link, left_out, without, with, verdict, detail }
    }

    /// The row of a proof that did not run.
    pub fn not_run(patch_proof: &PatchProof, why: &str) -> Self {
        let [target, left_out, without, with] = Default::default();
        let detail = why.to_owned();
        Self {
            patch: patch_proof.name(),
            target,
            link: "",
            left_out,
            without,
            with,
            verdict: ProofVerdict::NotRun,
            detail,
        }
    }
}

/// Prints the table and returns the exit code.
pub fn show(console: &Console, mut rows: Vec<ProofRow>) -> Result<u8> {
    console.finish();
    rows.sort();
    let headings = ["patch", "target", "link", "left out", "without", "with", "verdict"];
    let mut table = vec![headings.map(Cell::plain).to_vec()];
    for row in &rows {
        let cells = [&row.patch, &row.target, row.link, &row.left_out, &row.without, &row.with].map(Cell::plain);
        table.push(cells.into_iter().chain([row.verdict.cell()]).collect());
        if !row.detail.is_empty() {
            let place = [&*row.patch, &row.target, row.link].join(" ");
            console.note(&format!("{}{}", place.trim_end(), row.detail));
        }
    }
    crate::command::print(&columns(&table, usize::MAX, console.color()))?;
    let any = |verdict| rows.iter().any(|row| row.verdict == verdict);
    Ok(if any(ProofVerdict::Fails) {
        exit::REGRESSION
    } else if any(ProofVerdict::NotNeeded) {
        exit::OUTDATED
    } else if any(ProofVerdict::Proven) {
        exit::EXPECTED
    } else {
        exit::NOTHING_RAN
    })
}
