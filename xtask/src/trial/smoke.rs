//! The smoke checks of a trial, new or recorded.

use std::path::Path;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use bringup_model::digest::{Inputs, hex};
use bringup_model::outcome::Outcome;
use bringup_model::report::{self, StepTime};
use bringup_runner::sandbox::Sandbox;
use sha2::{Digest as _, Sha256};
use walkdir::WalkDir;

use super::suite::TestEnvironment;
use super::{TestedTarget, Trial, step_time};
use crate::build::step::Node;
use crate::smoke::instructions::Decoders;
use crate::smoke::{Findings, Smoke, ToolchainAudit};
use crate::trial::recorded::Record;

impl Trial<'_> {
    pub(super) fn smoke(&self, run: &mut report::Run, toolchain: &Node, environment: &TestEnvironment) -> Result<()> {
        let sources = self.context.planner.project.root.join("smoke");
        let start = Instant::now();
        let kind = if self.selection().corpus { "corpus" } else { "smoke" };
        let inputs = Inputs::new().add("kind", kind).add("toolchain", toolchain.digest.as_str());
        let inputs = inputs.add("sources", tree_sha256(&sources)?).append(&environment.inputs);
        // The corpus alone comes without audits.
        let inputs = if self.selection().corpus { inputs } else { inputs.append(&self.audit_inputs()?) };
        let corpus = &self.subject.target.corpus;
        let variants = corpus
            .variants
            .iter()
            .map(|variant| format!("{}: {}: {}", variant.name, variant.flags.join(" "), variant.programs.join(" ")));
        let inputs = inputs.list("corpus without", corpus.without.keys());
        let inputs = inputs.list("corpus wrong", corpus.wrong.keys()).list("corpus variant", variants);
        let record = Record::new(self.context.store, &self.subject.target.name, inputs);
        let warn = |text: &str| self.context.planner.workspace.console.warn(text);
        let known = if self.selection().rerun { None } else { record.load::<Vec<report::SmokeCheck>>(&warn) };
        if let Some(checks) = known {
            self.context.planner.workspace.console.cached();
            run.smoke = checks;
            let cost = step_time("smoke", &run.name(), (Duration::ZERO, Duration::ZERO));
            run.steps.push(StepTime { cached: true, ..cost });
            return Ok(());
        }
        let handle =
            self.context.planner.workspace.console.step(&format!("smoke {} {}", self.subject.target.name, self.link));
        let found = self.run_smoke(&sources, toolchain, &environment.sandbox)?;
        self.check_emulator()?;
        handle.done(start.elapsed(), false);
        run.smoke = found.checks;
        run.steps.push(step_time("smoke", &run.name(), (start.elapsed(), found.cpu)));
        // Failed checks run again the next time.
        if run.smoke.iter().all(|check| check.outcome == Outcome::Pass) {
            record.save(&run.smoke)?;
        }
        Ok(())
    }

    fn run_smoke(&self, sources: &Path, toolchain: &Node, sandbox: &Sandbox) -> Result<Findings> {
        let work = tempfile::Builder::new().prefix("smoke-").tempdir_in(self.context.store.temporary())?;
        let forbidden = [
            self.context.planner.project.root.clone(),
            self.context.planner.workspace.cache.clone(),
            self.context.planner.rust()?.sysroot.clone(),
        ];
        let none: [&str; 0] = [];
        let log = self.context.store.logs().join(format!("smoke-{}-{}.log", self.subject.target.name, self.link));
        fs_err::write(&log, "")?;
        let smoke = Smoke {
            sources,
            toolchain: &toolchain.path,
            target: self.subject.target,
            cargo_home: &self.context.planner.workspace.cargo_home(),
            offline: self.context.planner.workspace.offline,
            libc: &self.context.planner.project.pins.libc,
            runner: &|program, lib_dirs| sandbox.command(program, none, lib_dirs),
            work: work.path(),
            log: &log,
            forbidden: &forbidden,
            jobs: self.context.jobs,
        };
        let what = || format!("running the smoke checks of {}", self.subject.target.name);
        if self.selection().corpus {
            return smoke.corpus(self.link).with_context(what);
        }
        let mut audits = self.audits(toolchain)?;
        let mut findings = smoke.run(self.link).with_context(what)?;
        for check in &mut audits.checks {
            check.check = format!("{}/{}", self.link, check.check);
        }
        findings.checks.append(&mut audits.checks);
        findings.cpu += audits.cpu;
        Ok(findings)
    }

    /// The audits of the toolchain. The first trial of the target does them, and the others wait for it.
    fn audits(&self, toolchain: &Node) -> Result<Findings> {
        let TestedTarget { target, audits, .. } = self.subject;
        let mut audits = audits.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = &*audits {
            return Ok(Findings { checks: known.clone(), cpu: Duration::ZERO });
        }
        let host = self.context.planner.host()?;
        let audit = ToolchainAudit {
            toolchain: &toolchain.path,
            target,
            decoders: Decoders { objdump: host.path("llvm-objdump")?, mc: host.path("llvm-mc")? },
            jobs: self.context.jobs,
        };
        let found = audit.run().with_context(|| format!("auditing the toolchain of {}", target.name))?;
        *audits = Some(found.checks.clone());
        Ok(found)
    }

    /// The rules and tools of the audits.
    fn audit_inputs(&self) -> Result<Inputs> {
        let target = self.subject.target;
        let inputs = Inputs::new().add("elf rules", format!("{:?}", target.elf));
        let inputs = inputs.add("instruction rules", format!("{:?}", target.baseline.instructions));
        Ok(inputs.add("llvm-objdump", &self.context.planner.host()?.tool("llvm-objdump")?.line))
    }
}

/// sha256 over the names and contents of a folder's files.
pub(super) fn tree_sha256(folder: &Path) -> Result<String> {
    let mut hash = Sha256::new();
    // The order is by descending name, as in all earlier records.
    for entry in WalkDir::new(folder).follow_links(true).sort_by(|a, b| b.file_name().cmp(a.file_name())) {
        let entry = entry?;
        if entry.file_type().is_dir() {
            continue;
        }
        let name = entry.path().strip_prefix(folder)?.to_string_lossy();
        let content = fs_err::read(entry.path())?;
        for part in [name.as_bytes(), &content] {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
    }
    Ok(hex(&hash.finalize()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Another hash would invalidate every earlier record.
    #[test]
    fn the_hash_of_a_tree_stays() {
        let folder = tempfile::tempdir().unwrap();
        fs_err::create_dir(folder.path().join("a")).unwrap();
        for (name, content) in [("a/x", "2"), ("a/y", ""), ("a.c", "1"), ("b", "3")] {
            fs_err::write(folder.path().join(name), content).unwrap();
        }
        let expected = "d9eae09815b7fac067ef502071dea81017148f7d62ddeb9309293a96634c6be0";
        assert_eq!(tree_sha256(folder.path()).unwrap(), expected);
    }
}
