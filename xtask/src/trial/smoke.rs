//! The smoke checks of a trial: run, or taken over from an earlier run.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use bringup_model::digest::{Inputs, hex};
use bringup_model::outcome::Outcome;
use bringup_model::report::{self, StepTime};
use bringup_runner::sandbox::Sandbox;
use sha2::{Digest as _, Sha256};

use super::{Trial, step_time};
use crate::build::step::Node;
use crate::smoke::{Findings, Smoke};
use crate::trial::recorded::Record;

impl Trial<'_> {
    pub(super) fn smoke(
        &self,
        run: &mut report::Run,
        toolchain: &Node,
        sandbox: &Sandbox,
        surroundings: &Inputs,
    ) -> Result<()> {
        let sources = self.session.root.join("smoke");
        let start = Instant::now();
        let inputs = Inputs::new().add("kind", "smoke").add("toolchain", toolchain.digest.as_str());
        let inputs = inputs.add("sources", tree_sha256(&sources)?).append(surroundings);
        let record = Record::new(self.store, &self.target.name, inputs);
        let known = if self.selection.rerun { None } else { record.load::<Vec<report::SmokeCheck>>() };
        if let Some(checks) = known {
            self.session.ui.cached();
            run.smoke = checks;
            run.steps.push(StepTime { cached: true, ..step_time("smoke", Duration::ZERO, Duration::ZERO) });
            return Ok(());
        }
        let handle = self.session.ui.step(&format!("smoke {} {}", self.target.name, self.link));
        let found = self.run_smoke(&sources, toolchain, sandbox)?;
        handle.done(start.elapsed(), false);
        run.smoke = found.checks;
        run.steps.push(step_time("smoke", start.elapsed(), found.cpu));
        // What went wrong is tried again the next time.
        if run.smoke.iter().all(|check| check.outcome == Outcome::Pass) {
            record.save(&run.smoke)?;
        }
        Ok(())
    }

    fn run_smoke(&self, sources: &Path, toolchain: &Node, sandbox: &Sandbox) -> Result<Findings> {
        let work = tempfile::Builder::new().prefix("smoke-").tempdir_in(self.store.temporary())?;
        let forbidden = [self.session.root.clone(), self.session.cache.clone(), self.session.rust()?.sysroot.clone()];
        let none: [&str; 0] = [];
        let log = self.store.logs().join(format!("smoke-{}-{}.log", self.target.name, self.link));
        fs_err::write(&log, "")?;
        let smoke = Smoke {
            sources,
            toolchain: &toolchain.path,
            target: self.target,
            cargo_home: &self.session.cargo_home(),
            offline: self.session.offline,
            runner: &|program, lib_dirs| sandbox.command(program, none, lib_dirs),
            work: work.path(),
            log: &log,
            forbidden: &forbidden,
            jobs: self.jobs,
        };
        smoke.run(self.link).with_context(|| format!("running the smoke checks of {}", self.target.name))
    }
}

/// sha256 over the names and contents of a folder's files.
fn tree_sha256(folder: &Path) -> Result<String> {
    let mut hash = Sha256::new();
    let mut rest: Vec<PathBuf> = vec![folder.into()];
    while let Some(path) = rest.pop() {
        if path.is_dir() {
            let entries = fs_err::read_dir(&path)?.map(|entry| Ok(entry?.path()));
            let mut entries = entries.collect::<Result<Vec<_>>>()?;
            entries.sort();
            rest.extend(entries);
        } else {
            let name = path.strip_prefix(folder)?.to_string_lossy().into_owned();
            let content = fs_err::read(&path)?;
            hash.update((name.len() as u64).to_le_bytes());
            hash.update(name);
            hash.update((content.len() as u64).to_le_bytes());
            hash.update(content);
        }
    }
    Ok(hex(&hash.finalize()))
}
