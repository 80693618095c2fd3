//! Whether the runs of a report agree: both link modes of a target have the same objects, so they have the same tests.

use std::collections::BTreeSet;

use bringup_model::report::{Report, Run, RunVerdict, Suite};

/// The most names in one message.
const NAMED: usize = 5;

/// Marks a run as incomplete if it lacks tests that the same programs in the other link mode have.
pub(super) fn check(report: &mut Report) {
    let found: Vec<(usize, String)> = report
        .runs
        .iter()
        .enumerate()
        .filter_map(|(index, run)| Some((index, report.runs.iter().find_map(|other| disagreement(run, other))?)))
        .collect();
    for (index, text) in found {
        let run = &mut report.runs[index];
        run.verdict = RunVerdict::Incomplete;
        run.error.get_or_insert(text);
    }
}

/// What a run lacks, by a run of the same programs.
fn disagreement(run: &Run, other: &Run) -> Option<String> {
    let alike = run.target == other.target && run.programs == other.programs && run.programs.is_some();
    if !alike || run.link == other.link || run.error.is_some() || other.error.is_some() {
        return None;
    }
    run.suites.iter().find_map(|suite| {
        let theirs = other.suites.iter().find(|theirs| theirs.suite == suite.suite)?;
        let lost: Vec<&str> = names(theirs)?.difference(&names(suite)?).copied().collect();
        let shown = lost[..lost.len().min(NAMED)].join(", ");
        let more = if lost.len() > NAMED { ", …" } else { "" };
        let (suite, link, count) = (&suite.suite, other.link, lost.len());
        (count > 0).then(|| {
            format!(
                "suite {suite} lacks {count} tests that it has with link mode {link}, from the same objects: {shown}{more}\nhint: `--rerun` runs all of them again"
            )
        })
    })
}

/// The tests of a whole suite.
fn names(suite: &Suite) -> Option<BTreeSet<&str>> {
    let whole = suite.part.is_none() && !suite.partial && suite.not_run == 0;
    let tests = suite.tests.iter().filter(|test| test.outcome.is_some());
    whole.then(|| tests.map(|test| test.name.as_str()).collect())
}
