//! The audits of a toolchain's objects and libraries. They do not depend on the link mode: every mode links from these
//! files.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::Result;
use bringup_model::outcome::Outcome;
use bringup_model::report::SmokeCheck;
use bringup_model::target::Target;
use bringup_runner::jobs::Jobs;
use walkdir::WalkDir;

use super::instructions::{self, Decoders};
use super::{Findings, elf};

/// A toolchain to audit.
pub struct ToolchainAudit<'a> {
    /// The toolchain.
    pub toolchain: &'a Path,
    /// The toolchain's target.
    pub target: &'a Target,
    /// LLVM's tools that decode instructions.
    pub decoders: Decoders<'a>,
    /// The budget of jobs.
    pub jobs: &'a Jobs,
}

impl ToolchainAudit<'_> {
    /// Audits the ABI of every object, the time type of Rust's objects, and every instruction.
    pub fn run(&self) -> Result<Findings> {
        let Self { toolchain, target, .. } = self;
        let mut findings = Findings::default();
        let mut add = |name: &str, broken: Vec<String>| {
            let outcome = if broken.is_empty() { Outcome::Pass } else { Outcome::Fail };
            findings.checks.push(SmokeCheck { check: name.into(), outcome, detail: broken.join("\n"), values: 0 });
        };
        let rust = [toolchain.join("lib/rustlib").join(&target.triple).join("lib")];
        let c = ["sysroot/usr/lib", "lib/clang/lib"].map(|folder| toolchain.join(folder));
        for (name, folders) in [("C objects abi", &c[..]), ("Rust objects abi", &rust)] {
            add(name, elf::audit_objects(folders, &|bytes| elf::abi_faults(bytes, &target.elf))?);
        }
        let symbols = elf::compatibility_symbols(&toolchain.join("sysroot/usr/include"))?;
        if !symbols.is_empty() {
            add("Rust objects time64", elf::audit_objects(&rust, &|bytes| elf::time32_faults(bytes, &symbols))?);
        }
        let rules = &target.baseline.instructions;
        let (mut beyond, mut with_data) = (BTreeSet::new(), BTreeSet::new());
        let (mut broken, mut cpu) = (Vec::new(), std::time::Duration::ZERO);
        // A shared library of Rust also contains objects of C.
        let (rlibs, others): (Vec<_>, Vec<_>) =
            files(c.iter().chain(&rust))?.into_iter().partition(|file| file.extension().is_some_and(|it| it == "rlib"));
        for (what, files, processor) in [("C", others, &rules.baseline), ("Rust", rlibs, &rules.rust)] {
            let decoded = instructions::decode(self.decoders, target, processor, &files, self.jobs)?;
            if decoded.distinct == 0 {
                broken.push(format!("no instruction in the objects of {what}"));
            }
            beyond.extend(decoded.beyond);
            with_data.extend(decoded.with_data);
            cpu += decoded.cpu;
        }
        broken.extend(rules.faults(&beyond, &with_data));
        add("instructions", broken);
        findings.cpu = cpu;
        Ok(findings)
    }
}

/// The objects and libraries in these folders and below, sorted. Some libraries are empty, and have no code.
fn files<'a>(folders: impl Iterator<Item = &'a PathBuf>) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for folder in folders.filter(|folder| folder.is_dir()) {
        for entry in WalkDir::new(folder).sort_by_file_name() {
            let entry = entry?;
            let has_code =
                ["a", "o", "rlib", "so"].iter().any(|it| entry.path().extension().is_some_and(|is| is == *it));
            if has_code && entry.file_type().is_file() && !elf::is_empty_library(entry.path())? {
                files.push(entry.into_path());
            }
        }
    }
    Ok(files)
}
