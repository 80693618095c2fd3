//! `fetch`

use anyhow::{Context as _, Result, bail};

use crate::cli::TargetNames;
use crate::fetch::NETWORK_ENV;
use crate::model::series::Series;
use crate::run::exec::Cmd;
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
    // The crates that std needs are named by the lock file of the patched tree.
    let results = session.builder(&store)?.build(&planned.plan, &[planned.rust_source], Vec::new())?;
    if let Some(Err(error)) = results.get(&planned.rust_source) {
        bail!("{error}");
    }
    let source = planned.plan.path(planned.rust_source);
    let rust = session.rust()?;
    let cmd =
        Cmd::new(rust.bin("cargo")).dir("/").env("CARGO_HOME", session.cargo_home()).env("RUSTC", rust.bin("rustc"));
    let cmd = cmd
        .env("RUSTC_BOOTSTRAP", "1")
        .args(["fetch", "--locked", "--manifest-path"])
        .arg(source.join("library/Cargo.toml"));
    let cmd = if session.offline { cmd.arg("--offline") } else { cmd };
    let log = store.logs().join("fetch-crates.log");
    NETWORK_ENV.iter().copied().fold(cmd, Cmd::inherit).run(&log).context("fetching the crates that std needs")?;
    session.ui.note(&format!("crates of {} are in {}", shown(&session.root, source), session.cargo_home().display()));
    Ok(())
}
