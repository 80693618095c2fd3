//! `build`

use anyhow::{Context as _, Result};
use bringup_model::target::Target;
use bringup_runner::interrupt::is_interrupt;

use crate::build::step::commands;
use crate::build::store::Store;
use crate::build::{FetchMode, Planned, Planner};
use crate::cli::BuildArgs;
use crate::host::emulator::Emulators;

pub fn run(planner: &Planner<'_>, options: &BuildArgs) -> Result<()> {
    let targets = options.targets.read(planner.project, &planner.workspace.console)?;
    let store = planner.workspace.store()?;
    let target_plan = planner.plan(targets, FetchMode::Fetch)?;
    if options.dry_run {
        return dry_run(planner, &store, &target_plan);
    }
    let wanted: Vec<_> = target_plan.targets.iter().map(|(_, steps)| steps.toolchain).collect();
    let results = planner.builder(&store)?.build(&target_plan.plan, &wanted, Vec::new())?;
    for (target, steps) in &target_plan.targets {
        keep_runner(planner, target)?;
        if results.get(&steps.toolchain).is_some_and(Result::is_ok) {
            super::print(&format!("{}\n", target_plan.plan.path(steps.toolchain).display()))?;
        }
    }
    super::check_all(&results)
}

/// Tells the toolchain's `bin/TRIPLE-run` the emulator, if this host has one. Downloads none.
fn keep_runner(planner: &Planner<'_>, target: &Target) -> Result<()> {
    let out = &planner.workspace.out;
    if commands::has_settings(out, target) {
        return Ok(());
    }
    let emulators = Emulators { offline: true, say: Box::new(|_| ()), ..planner.emulators() };
    match emulators.find(&target.qemu.emulator, None) {
        Ok(emulator) => commands::keep_settings(out, target, &emulator.path),
        Err(error) if is_interrupt(&error) => Err(error),
        // The script then looks on the search path.
        Err(_) => Ok(()),
    }
}

/// Writes bootstrap.toml and runs `x.py build --dry-run`, which checks it.
fn dry_run(planner: &Planner<'_>, store: &Store, target_plan: &Planned) -> Result<()> {
    let xpy = planner.xpy_for_targets(target_plan)?;
    let steps = target_plan.patched.compiler.context("there is no compiler in the plan")?;
    super::check(&planner.builder(store)?.build(&target_plan.plan, &[steps.source], Vec::new())?)?;
    let build = store.root().join("x.py");
    let handle = planner.workspace.console.step("x.py dry run");
    let start = std::time::Instant::now();
    let log = store.logs().join("x.py-dry-run.log");
    fs_err::write(&log, "")?;
    let source = target_plan.plan.path(steps.source);
    let cmd = xpy.command(source, &build, planner.workspace.offline, &["build", "--dry-run"])?;
    cmd.run(&log).context("planning the build with x.py")?;
    handle.done(start.elapsed(), false);
    super::print(&format!("{}\n", build.join("bootstrap.toml").display()))
}
