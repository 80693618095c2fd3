//! `fetch`

use std::path::Path;

use anyhow::{Context as _, Result};
use bringup_model::series::Series;

use crate::build::store::Store;
use crate::cli::TargetNames;
use crate::session::{Session, Sources, shown};

pub fn run(session: &Session, all: bool) -> Result<()> {
    let store = session.store()?;
    if all {
        for source in &session.pins.all {
            session.patch_step(source, &Series::default(), Sources::Fetch)?;
        }
    }
    let targets = session.targets(&TargetNames::default())?;
    let planned = session.plan(targets, Sources::Fetch)?;
    for (target, _) in &planned.targets {
        let found = session.emulator(target, None)?;
        session.ui.note(&format!("qemu-{} {} at {}", target.qemu.emulator, found.version, found.path.display()));
        for control in if all { session.control_emulators(target, &found, &[])? } else { Vec::new() } {
            match control {
                Ok(control) => session.ui.note(&format!("  and {} at {}", control.version, control.path.display())),
                Err((origin, why)) => session.ui.note(&format!("  but none from {origin}: {why:#}")),
            }
        }
    }
    // The crates are named by the lock files of the patched trees.
    let mut trees = vec![(planned.patched.rust, vec![("library", true)])];
    trees.extend(
        planned
            .patched
            .compiler
            .map(|steps| (steps.source, vec![("", steps.locked), ("library", true), ("src/bootstrap", true)])),
    );
    let sources: Vec<_> = trees.iter().map(|(id, _)| *id).collect();
    super::check(&session.builder(&store)?.build(&planned.plan, &sources, Vec::new())?)?;
    for (id, folders) in trees {
        let source = planned.plan.path(id);
        for (folder, locked) in folders {
            fetch_crates(session, &store, &source.join(folder), locked)?;
        }
        let (source, home) = (shown(&session.root, source), session.cargo_home());
        session.ui.note(&format!("crates of {source} are in {}", home.display()));
    }
    // Those of the small programs.
    fetch_crates(session, &store, &session.root.join("smoke"), true)
}

/// The crates that the workspace in a folder names.
fn fetch_crates(session: &Session, store: &Store, folder: &Path, locked: bool) -> Result<()> {
    let cmd = session.rust()?.cargo(&session.cargo_home());
    let cmd = cmd.args(["fetch", "--manifest-path"]).arg(folder.join("Cargo.toml"));
    let cmd = if locked { cmd.arg("--locked") } else { cmd };
    let cmd = if session.offline { cmd.arg("--offline") } else { cmd };
    let log = store.logs().join("fetch-crates.log");
    cmd.run(&log).with_context(|| format!("fetching the crates of {}", shown(&session.root, folder)))?;
    Ok(())
}
