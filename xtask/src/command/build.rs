//! `build`

use anyhow::{Context as _, Result, bail};

use crate::build::store::Store;
use crate::cli::Build;
use crate::session::{Planned, Session, Sources};

pub fn run(session: &Session, options: &Build) -> Result<()> {
    let targets = session.targets(&options.targets)?;
    let store = session.store()?;
    let planned = session.plan(targets, Sources::Fetch)?;
    if options.dry_run {
        return dry_run(session, &store, &planned);
    }
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

/// Has x.py read the bootstrap.toml that it would get, and the source, and plan what it would build.
fn dry_run(session: &Session, store: &Store, planned: &Planned) -> Result<()> {
    let xpy = session.xpy_for_targets(planned)?;
    let source: Vec<_> = planned.patched.compiler.iter().map(|steps| steps.source).collect();
    super::check(&session.builder(store)?.build(&planned.plan, &source, Vec::new())?)?;
    let build = store.root().join("x.py");
    let handle = session.ui.step("x.py dry run");
    let start = std::time::Instant::now();
    let log = store.logs().join("x.py-dry-run.log");
    fs_err::write(&log, "")?;
    xpy.command(&build, session.offline, &["build", "--dry-run"])?.run(&log).context("letting x.py plan the build")?;
    handle.done(start.elapsed(), false);
    super::print(&format!("{}\n", build.join("bootstrap.toml").display()))
}
