//! The table of crates: a row for each, a column for each target, with the results in all link modes.

use std::collections::{BTreeMap, BTreeSet};

use bringup_model::report::{Report, SmokeCheck};

/// Header and rows; none if no crate was tested.
pub fn table(report: &Report) -> Option<Vec<Vec<String>>> {
    let mut cells: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    for run in &report.runs {
        for check in &run.smoke {
            if let Some(name) = SmokeCheck::crate_of(&check.check) {
                cells.entry((name, &run.target)).or_default().push(check.outcome.word());
            }
        }
    }
    let crates: BTreeSet<&str> = cells.keys().map(|(name, _)| *name).collect();
    let targets: BTreeSet<&str> = cells.keys().map(|(_, target)| *target).collect();
    let header = std::iter::once("crate").chain(targets.iter().copied()).map(str::to_owned).collect();
    let row = |name: &str| {
        let cell = |target: &&str| cells.get(&(name, *target)).map_or_else(|| "-".into(), |words| words.join("/"));
        std::iter::once(name.to_owned()).chain(targets.iter().map(cell)).collect()
    };
    (!crates.is_empty()).then(|| std::iter::once(header).chain(crates.iter().map(|name| row(name))).collect())
}
