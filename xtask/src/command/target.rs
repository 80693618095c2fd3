//! `target show`, `target check`

use std::fmt::Write as _;

use anyhow::{Context as _, Result};

use crate::cli::TargetVerb;
use crate::model::target::{SpecBase, Target};
use crate::session::Session;
use crate::spec;

pub fn run(session: &Session, verb: &TargetVerb) -> Result<()> {
    match verb {
        TargetVerb::Show { target, spec } => show(session, target, *spec),
        TargetVerb::Check(names) => check(session, &names.targets),
    }
}

fn show(session: &Session, name: &str, spec_only: bool) -> Result<()> {
    let targets = session.targets(&[name.to_owned()])?;
    let target = targets.first().context("no such target")?;
    let spec = spec::resolve(&session.root, target, session.rust()?)?;
    if spec_only {
        return super::print(&format!("{spec}\n"));
    }
    super::print(&describe(target))
}

fn describe(target: &Target) -> String {
    let mut text = String::new();
    let mut row = |key: &str, value: &str| {
        let _ = writeln!(text, "{key:<12} {value}");
    };
    row("target", &target.name);
    row("triple", &target.triple);
    row("alpine", &releases(target));
    match &target.spec.base {
        SpecBase::Builtin(triple) => row("spec", &format!("{triple} and an overlay (`--spec` prints it)")),
        SpecBase::File(file) => row("spec", &format!("{file} and an overlay (`--spec` prints it)")),
    }
    row("C", &format!("{} {}", target.c.target, target.c.flags.join(" ")));
    row("musl", &format!("{}, {}", target.musl.arch, target.musl.loader));
    let order = if target.elf.big_endian { "big" } else { "little" };
    row("ELF", &format!("EM_{}, {} bit, {order}-endian", target.elf.machine, target.elf.class));
    let cpu = target.qemu.cpu.as_ref().map_or_else(String::new, |cpu| format!(" -cpu {cpu}"));
    row("emulator", &format!("qemu-{}{cpu}", target.qemu.emulator));
    text
}

/// `3.6 on`, `3.2 to 3.14`
pub fn releases(target: &Target) -> String {
    match (&target.since, &target.until) {
        (Some(since), Some(until)) => format!("{since} to {until}"),
        (Some(since), None) => format!("{since} on"),
        (None, Some(until)) => format!("to {until}"),
        (None, None) => "-".into(),
    }
}

fn check(session: &Session, names: &[String]) -> Result<()> {
    for target in session.targets(names)? {
        spec::resolve(&session.root, &target, session.rust()?)?;
        crate::expect::load(&session.root, &target.name)?;
        session.ui.note(&format!("{}: spec, settings and expectations are sound", target.name));
    }
    Ok(())
}
