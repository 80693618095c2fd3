//! `target upstream`

use std::fmt::Write as _;

use anyhow::Result;
use bringup_model::exit::{self, CodedError};
use bringup_model::target::{IntendedDifference, JudgedDifferences, SymbolDifference, Target};

use crate::build::step::{BUILTINS, Results, StepId};
use crate::build::upstream::StaticLibrary;
use crate::build::{FetchMode, Planner};
use crate::cli::TargetNames;
use crate::project::config;

/// Builds the builtins from the pristine source by upstream's CMake files, and compares the toolchains' with them.
pub fn run(planner: &Planner<'_>, names: &TargetNames) -> Result<()> {
    let targets = names.read(planner.project, &planner.workspace.console)?;
    let store = planner.workspace.store()?;
    let mut target_plan = planner.plan(targets, FetchMode::Fetch)?;
    let pairs = planner.plan_upstream(&mut target_plan)?;
    let wanted: Vec<StepId> = pairs.iter().flat_map(|pair| [pair.runtimes, pair.upstream]).collect();
    let results = planner.builder(&store)?.build(&target_plan.plan, &wanted, Vec::new())?;
    let mut compared = Compared::default();
    let shared = &planner.project.pins.differences;
    for ((target, _), pair) in target_plan.targets.iter().zip(&pairs) {
        let is_built = |id: StepId| results.get(&id).is_some_and(Result::is_ok);
        if is_built(pair.runtimes) && is_built(pair.upstream) {
            let [ours, upstream] =
                [pair.runtimes, pair.upstream].map(|id| StaticLibrary::read(&target_plan.plan.path(id).join(BUILTINS)));
            let ours = ours?;
            compared.add(target, ours.symbols(), ours.differences(&upstream?), shared);
        }
    }
    if compared.targets == config::target_names(&planner.project.root)?.len() {
        compared.add_stale("bringup.toml", shared, &compared.found.clone());
    }
    compared.finish(&results)
}

/// The comparison of all targets.
#[derive(Default)]
struct Compared {
    targets: usize,
    /// The differences of all targets.
    found: Vec<SymbolDifference>,
    text: String,
    unintended: Vec<String>,
    stale: Vec<String>,
}

impl Compared {
    fn add(&mut self, target: &Target, symbols: usize, found: Vec<SymbolDifference>, shared: &[IntendedDifference]) {
        let own = &target.runtimes.differences;
        let entries: Vec<&IntendedDifference> = own.iter().chain(shared).collect();
        let JudgedDifferences { intended, unintended } = JudgedDifferences::new(&found, &entries);
        let counts = match (unintended.len(), intended.len()) {
            (0, 0) => "as upstream's".to_owned(),
            (0, count) => format!("{count} intended differences from upstream's"),
            (others, count) => format!("{others} differences from upstream's, and {count} intended ones"),
        };
        let _ = writeln!(self.text, "{:<12} {symbols:>4} symbols  {counts}", target.name);
        for (difference, reason) in intended {
            let _ = writeln!(self.text, "    {difference}: {reason}");
        }
        self.unintended.extend(unintended.iter().map(|difference| format!("{}: {difference}", target.name)));
        self.add_stale(&format!("targets/{}/target.toml", target.name), own, &found);
        self.found.extend(found);
        self.targets += 1;
    }

    fn add_stale(&mut self, file: &str, entries: &[IntendedDifference], found: &[SymbolDifference]) {
        let stale = entries.iter().flat_map(|entry| entry.stale(found));
        self.stale.extend(stale.map(|(kind, symbol)| {
            format!("{file}: [[runtimes.difference]] {kind} {symbol}: this difference does not occur")
        }));
    }

    fn finish(self, results: &Results) -> Result<()> {
        crate::command::print(&self.text)?;
        crate::command::check_all(results)?;
        let faults = [self.unintended.as_slice(), &self.stale].concat().join("\n");
        if !self.unintended.is_empty() {
            let hint = "hint: if a difference is intended, add it to [[runtimes.difference]] in target.toml";
            return Err(CodedError::error(
                exit::REGRESSION,
                format!("the builtins differ from upstream's\n{faults}\n{hint}"),
            ));
        }
        if !self.stale.is_empty() {
            return Err(CodedError::error(exit::OUTDATED, format!("{faults}\nhint: remove the entry")));
        }
        Ok(())
    }
}
