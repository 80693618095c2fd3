//! `target show`, `target check`, `target upstream`

mod upstream;

use std::fmt::Write as _;

use anyhow::{Context as _, Result};
use bringup_model::exit::{self, CodedError};
use bringup_model::report::Run;
use bringup_model::target::{SpecBase, Target};

use super::report;
use crate::build::Planner;
use crate::build::spec;
use crate::cli::{TargetNames, TargetVerb};
use crate::project::{config, expect};
use crate::trial::recorded;

pub fn run(planner: &Planner<'_>, verb: &TargetVerb) -> Result<()> {
    match verb {
        TargetVerb::Show { target, spec } => show(planner, target, *spec),
        TargetVerb::Check(names) => check(planner, names),
        TargetVerb::Upstream(names) => upstream::run(planner, names),
    }
}

fn show(planner: &Planner<'_>, name: &str, spec_only: bool) -> Result<()> {
    let targets = TargetNames { targets: vec![name.to_owned()], release: None }
        .read(planner.project, &planner.workspace.console)?;
    let target = targets.first().context("no such target")?;
    let spec = spec::resolve(&planner.project.root, target, planner.rust()?)?;
    if spec_only {
        return super::print(&format!("{spec}\n"));
    }
    let runs = report::last(&planner.workspace.out)?.map_or_else(Vec::new, |report| report.runs);
    super::print(&describe(target, &runs))
}

fn describe(target: &Target, runs: &[Run]) -> String {
    let mut text = String::new();
    let mut row = |key: &str, value: &str| {
        let _ = writeln!(text, "{key:<12} {value}");
    };
    row("target", &target.name);
    row("triple", &target.triple);
    row("baseline", &target.baseline);
    row("alpine", &releases(target));
    match &target.spec.base {
        SpecBase::Builtin(triple) => row("spec", &format!("{triple} and an overlay (`--spec` prints it)")),
        SpecBase::File(file) => row("spec", &format!("{file} and an overlay (`--spec` prints it)")),
    }
    row("C", &format!("{} {}", target.c.target, target.c.flags.join(" ")));
    row("musl", &format!("{}, {}", target.musl.arch, target.musl.loader));
    let order = if target.elf.big_endian { "big" } else { "little" };
    row("ELF", &format!("EM_{}, {} bit, {order}-endian", target.elf.machine, target.elf.class));
    row("emulator", &emulator(target));
    for run in runs.iter().filter(|run| run.target == target.name) {
        row("last report", &format!("{}: {}", kind(run), run.verdict));
    }
    text
}

/// `3.6 on`, `3.12 to 3.14`
pub fn releases(target: &Target) -> String {
    target.alpine.map_or_else(|| "-".into(), |span| span.to_string())
}

/// `qemu-arm -cpu arm1176`
pub fn emulator(target: &Target) -> String {
    let cpu = target.qemu.cpu.as_ref().map_or_else(String::new, |cpu| format!(" -cpu {cpu}"));
    format!("qemu-{}{cpu}", target.qemu.emulator)
}

/// `qemu dynamic`: the runner and the link mode.
pub fn kind(run: &Run) -> String {
    format!("{} {}", run.runner.word(), run.link)
}

fn check(planner: &Planner<'_>, names: &TargetNames) -> Result<()> {
    let targets = names.read(planner.project, &planner.workspace.console)?;
    config::check_releases(&planner.project.root, &targets)?;
    let mut faults = expect::check_names(&planner.project.root)?;
    for target in targets {
        spec::resolve(&planner.project.root, &target, planner.rust()?)?;
        config::limits(&planner.project.root, &target.name, planner.project.pins.limits, true)?;
        let listed = |suite: &str| recorded::listed(&planner.workspace.out, &target.name, suite);
        let found = expect::check(&planner.project.root, &target.name, listed)?;
        if found.faults.is_empty() {
            planner
                .workspace
                .console
                .note(&format!("{}: spec, settings, limits and expectations are sound", target.name));
        }
        if !found.unchecked.is_empty() {
            let suites = found.unchecked.join(", ");
            let note = "no complete run is recorded here, so the test names in its expectations are unchecked";
            planner.workspace.console.note(&format!("{}: {suites}: {note}", target.name));
        }
        // Show a problem in a shared file only once.
        faults.extend(found.faults.into_iter().filter(|fault| !faults.contains(fault)).collect::<Vec<_>>());
    }
    if faults.is_empty() { Ok(()) } else { Err(CodedError::error(exit::USAGE, faults.join("\n"))) }
}
