//! `fetch`

use std::path::Path;

use anyhow::{Context as _, Result};

use crate::build::store::Store;
use crate::build::{FetchMode, Planner, SourceParts};
use crate::cli::TargetNames;
use crate::project::shown;
use crate::smoke::crates;

pub fn run(planner: &Planner<'_>, all: bool) -> Result<()> {
    let store = planner.workspace.store()?;
    if all {
        for source in &planner.project.pins.all {
            let SourceParts { present, absent, why, .. } = planner.source_parts(source)?;
            if !absent.is_empty() {
                let has: Vec<&str> = present.layers.iter().map(|layer| layer.name.as_str()).collect();
                let (name, version, has) = (source.name, &source.version, has.join(", "));
                let text = format!("{name} {version}: only the layer {has}, without {}:\n{why}", absent.join(" and "));
                planner.workspace.console.warn(&text);
            }
        }
    }
    let targets = TargetNames::default().read(planner.project, &planner.workspace.console)?;
    let target_plan = planner.plan(targets, FetchMode::Fetch)?;
    for (target, _) in &target_plan.targets {
        let found = planner.emulators().find(&target.qemu.emulator, None)?;
        planner.workspace.console.note(&format!(
            "qemu-{} {} at {}",
            target.qemu.emulator,
            found.version,
            found.path.display()
        ));
        for control in if all { planner.emulators().controls(&target.qemu.emulator, &found, &[])? } else { Vec::new() }
        {
            match control {
                Ok(control) => {
                    planner.workspace.console.note(&format!("  and {} at {}", control.version, control.path.display()));
                }
                Err((origin, why)) => planner.workspace.console.note(&format!("  unavailable from {origin}: {why:#}")),
            }
        }
    }
    // The lock files of the patched trees list the crates.
    let mut trees = vec![(target_plan.patched.rust, vec![("library", true)])];
    trees.extend(
        target_plan
            .patched
            .compiler
            .map(|steps| (steps.source, vec![("", steps.locked), ("library", true), ("src/bootstrap", true)])),
    );
    let sources: Vec<_> = trees.iter().map(|(id, _)| *id).collect();
    super::check(&planner.builder(&store)?.build(&target_plan.plan, &sources, Vec::new())?)?;
    for (id, folders) in trees {
        let source = target_plan.plan.path(id);
        for (folder, locked) in folders {
            fetch_crates(planner, &store, &source.join(folder), locked)?;
        }
        let (source, home) = (shown(&planner.project.root, source), planner.workspace.cargo_home());
        planner.workspace.console.note(&format!("crates of {source} are in {}", home.display()));
    }
    // The crates of the smoke programs, and the crates that are smoke checks themselves.
    fetch_crates(planner, &store, &planner.project.root.join("smoke"), true)?;
    if all { fetch_crates(planner, &store, &planner.project.root.join(crates::FOLDER), true) } else { Ok(()) }
}

/// Fetches the crates of the workspace in a folder.
fn fetch_crates(planner: &Planner<'_>, store: &Store, folder: &Path, locked: bool) -> Result<()> {
    let cmd = planner.rust()?.cargo(&planner.workspace.cargo_home());
    let cmd = cmd.args(["fetch", "--manifest-path"]).arg(folder.join("Cargo.toml"));
    let cmd = if locked { cmd.arg("--locked") } else { cmd };
    let cmd = if planner.workspace.offline { cmd.arg("--offline") } else { cmd };
    let log = store.logs().join("fetch-crates.log");
    cmd.run(&log).with_context(|| format!("fetching the crates of {}", shown(&planner.project.root, folder)))?;
    Ok(())
}
