//! `target show`, `target check`, `target upstream`

mod upstream;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use bringup_model::exit::{self, CodedError};
use bringup_model::report::Run;
use bringup_model::target::{SpecBase, Target};

use super::{report, request};
use crate::build::Planner;
use crate::build::spec;
use crate::claims;
use crate::cli::{TargetNames, TargetVerb};
use crate::error;
use crate::host::emulator::Emulator;
use crate::project::{Project, config, expect};
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
    row("baseline", &target.baseline.text);
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
    let Project { root, pins } = planner.project;
    let console = &planner.workspace.console;
    let targets = names.read(planner.project, console)?;
    config::check_releases(root, &targets)?;
    request::check_corpus(planner, &targets)?;
    let mut faults = expect::check_names(root)?;
    faults.extend(config::check_triples(root, &targets)?);
    let Answers { of_targets, unchecked } = ask(planner, &targets)?;
    for (target, mut found) in targets.iter().zip(of_targets) {
        config::limits(root, &target.name, pins.limits, true)?;
        let listed = |suite: &str| recorded::listed(&planner.workspace.out, &target.name, suite);
        let expectations = expect::check(root, &target.name, listed)?;
        found.extend(expectations.faults);
        if found.is_empty() && unchecked.is_empty() {
            let note = "spec, baseline, settings, limits and expectations are sound";
            console.note(&format!("{}: {note}", target.name));
        }
        if !expectations.unchecked.is_empty() {
            let suites = expectations.unchecked.join(", ");
            let note = "no complete run is recorded here, so the test names in its expectations are unchecked";
            console.note(&format!("{}: {suites}: {note}", target.name));
        }
        // Show a problem in a shared file only once.
        faults.extend(found.into_iter().filter(|fault| !faults.contains(fault)).collect::<Vec<_>>());
    }
    // A fault is the user's to correct, whatever the host lacks.
    let code = if faults.is_empty() { exit::HOST } else { exit::USAGE };
    faults.extend(unchecked);
    if faults.is_empty() { Ok(()) } else { Err(CodedError::error(code, faults.join("\n"))) }
}

/// What the tools answer about targets.
struct Answers {
    /// The faults of each target.
    of_targets: Vec<Vec<String>>,
    /// What could not be asked, and why.
    unchecked: Vec<String>,
}

/// Asks rustc, clang and the emulators about all targets at once.
fn ask(planner: &Planner<'_>, targets: &[Target]) -> Result<Answers> {
    let (rust, root) = (planner.rust()?, &planner.project.root);
    let mut unchecked = Vec::new();
    let host = match planner.host() {
        Ok(host) => Some(host),
        Err(error) if error::of_error(&error) == exit::HOST => {
            unchecked.push(format!("what clang and the emulators say is unchecked: {error:#}"));
            None
        }
        Err(error) => return Err(error),
    };
    let emulators = targets.iter().map(|target| emulator_of(planner, target, &mut unchecked));
    let emulators: Vec<_> = emulators.collect::<Result<_>>()?;
    let musl = musl_source(&planner.workspace.out);
    if musl.is_none() {
        planner.workspace.console.note("musl's source is not unpacked here, so musl.arch is unchecked");
    }
    let ask_one = |target: &Target, emulator: &Result<Option<Emulator>, String>| -> Result<Vec<String>> {
        let spec = spec::resolve(root, target, rust)?;
        let (emulator, no_emulator) = match emulator {
            Ok(emulator) => (emulator.as_ref(), None),
            Err(fault) => (None, Some(fault.clone())),
        };
        let tools = claims::Tools { rust, host, emulator, musl: musl.as_deref() };
        let mut faults = claims::check(root, target, &spec, &tools)?;
        faults.extend(no_emulator);
        Ok(faults)
    };
    let of_targets = std::thread::scope(|scope| {
        let asked = targets.iter().zip(&emulators);
        let threads: Vec<_> = asked.map(|(target, emulator)| scope.spawn(|| ask_one(target, emulator))).collect();
        let joined = threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| bail!("a check has panicked")));
        joined.collect::<Result<_>>()
    })?;
    Ok(Answers { of_targets, unchecked })
}

/// The target's emulator; `None` if the host has none. The inner error is a fault of target.toml: there is no emulator of
/// this name.
fn emulator_of(
    planner: &Planner<'_>,
    target: &Target,
    unchecked: &mut Vec<String>,
) -> Result<Result<Option<Emulator>, String>> {
    let (name, emulators) = (&target.qemu.emulator, planner.emulators());
    let error = match emulators.find(name, None) {
        Ok(emulator) => return Ok(Ok(Some(emulator))),
        Err(error) if error::of_error(&error) == exit::HOST => error,
        Err(error) => return Err(error),
    };
    let known = emulators.names()?;
    if known.is_empty() || known.contains(name) {
        unchecked.push(format!("whether the emulator of {} runs its baseline is unchecked: {error:#}", target.name));
        return Ok(Ok(None));
    }
    let file = config::target_file(&planner.project.root, &target.name);
    let hint = config::nearest(name, &known, "emulators");
    Ok(Err(format!("{}: [qemu] emulator: there is no qemu-{name}{hint}", file.display())))
}

/// A folder with the source of musl, if an earlier run has unpacked it.
fn musl_source(out: &Path) -> Option<PathBuf> {
    let entries = fs_err::read_dir(out.join("patch")).ok()?.flatten();
    let mut folders = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with("musl-"));
    folders.find_map(|entry| Some(entry.path()).filter(|path| path.join("arch").is_dir()))
}
