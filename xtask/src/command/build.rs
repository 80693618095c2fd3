//! `build`

use anyhow::{Result, bail};

use crate::cli::TargetNames;
use crate::session::{Session, Sources};

pub fn run(session: &Session, names: &TargetNames) -> Result<()> {
    let targets = session.targets(names)?;
    let store = session.store()?;
    let planned = session.plan(targets, Sources::Fetch)?;
    let wanted: Vec<_> = planned.targets.iter().map(|(_, steps)| steps.toolchain).collect();
    let results = session.builder(&store)?.build(&planned.plan, &wanted, Vec::new())?;
    let mut failures = Vec::new();
    for (target, steps) in &planned.targets {
        match results.get(&steps.toolchain) {
            Some(Err(error)) => failures.push(format!("{}: {error}", target.name)),
            _ => super::print(&format!("{}\n", planned.plan.path(steps.toolchain).display()))?,
        }
    }
    // The steps that failed themselves say why; the rest only that something they rest on did.
    let causes: Vec<&String> = results
        .values()
        .filter_map(|result| result.as_ref().err())
        .filter(|error| error.starts_with("step "))
        .collect();
    if !failures.is_empty() {
        let causes: Vec<String> = causes.into_iter().cloned().collect();
        bail!("{}", if causes.is_empty() { failures.join("\n") } else { causes.join("\n") });
    }
    Ok(())
}
