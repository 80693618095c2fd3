//! Whether the target's emulator, with the CPU that target.toml names, runs what the baseline has.

use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use bringup_model::target::Target;
use bringup_runner::exec::{Cmd, Output, describe};
use bringup_runner::runner::Runner;

use super::Contradiction;
use crate::build::step::Clang;
use crate::host::emulator::Emulator;

/// Time limit of a program of a few instructions.
const LIMIT: Duration = Duration::from_secs(20);

/// Runs the baseline's probes in one program. If it fails, runs each probe alone.
pub(super) fn check(target: &Target, clang: &Clang, emulator: &Emulator) -> Result<Vec<Contradiction>> {
    let folder = tempfile::tempdir().context("making a temporary folder")?;
    let try_out = |probes: &[&str]| -> Result<Option<Contradiction>> {
        let file = folder.path().join("probe");
        if let Some(why) = build(clang, probes, &file)? {
            let hint = format!("correct [c] flags, or the probe, in targets/{}/target.toml", target.name);
            return Ok(Some(Contradiction::new(format!("clang cannot build the probes: {why}"), &hint)));
        }
        let runner = emulator.runner(target, folder.path().to_owned());
        Ok(fault(target, emulator, &run(&runner, target, &file, folder.path())?))
    };
    let probes: Vec<(&str, &str)> = target.baseline.probes().collect();
    let all: Vec<&str> = probes.iter().map(|(_, probe)| *probe).collect();
    let Some(of_all) = try_out(&all)? else { return Ok(Vec::new()) };
    if let Some(of_none) = try_out(&[])? {
        return Ok(vec![of_none]);
    }
    let mut found = Vec::new();
    for (name, probe) in probes {
        if let Some(Contradiction { text, hint }) = try_out(&[probe])? {
            found.push(Contradiction::new(format!("[baseline.has] {name}: `{probe}`: {text}"), &hint));
        }
    }
    Ok(if found.is_empty() { vec![of_all] } else { found })
}

/// Builds a program that consists of these instructions. It needs neither a C library nor a system call: it ends by
/// writing to address 0.
fn build(clang: &Clang, probes: &[&str], file: &Path) -> Result<Option<String>> {
    let line =
        |probe: &&str| format!("    __asm__ volatile(\"{}\");\n", probe.replace('\\', "\\\\").replace('"', "\\\""));
    let lines: String = probes.iter().map(line).collect();
    let text = format!("void _start(void) {{\n{lines}    *(volatile int *)0 = 0;\n    for (;;) {{}}\n}}\n");
    let source = file.with_extension("c");
    fs_err::write(&source, text)?;
    let cmd = Cmd::new(clang.path()).args(clang.target_args());
    let cmd = cmd.args(["-O1", "-w", "-ffreestanding", "-fno-pic", "-nostdlib", "-static", "-Wl,-e,_start"]);
    let output = cmd.arg(format!("--ld-path={}", clang.lld().display())).arg("-o").arg(file).arg(source).output()?;
    let printed = String::from_utf8_lossy(&output.stderr).into_owned();
    let first = printed.lines().find(|line| line.contains("error")).or_else(|| printed.lines().next());
    Ok((!output.finished.status.success()).then(|| first.unwrap_or("it fails without a message").to_owned()))
}

fn run(runner: &Runner, target: &Target, program: &Path, folder: &Path) -> Result<Output> {
    let words = runner.words(program, &[])?;
    let (emulator, args) = words.split_first().context("an emulator has a name")?;
    let cmd = Cmd::new(emulator).args(args).dir(folder).timeout(LIMIT);
    let cmd = target.qemu.env.iter().fold(cmd, |cmd, (key, value)| cmd.env(key, value));
    cmd.output().context("running a tiny program under the emulator")
}

/// Why the program did not reach its end.
fn fault(target: &Target, emulator: &Emulator, output: &Output) -> Option<Contradiction> {
    let signal = output.finished.status.signal();
    if signal == Some(libc::SIGSEGV) {
        return None;
    }
    let cpu = target.qemu.cpu.as_deref().map_or_else(|| "the default CPU".into(), |cpu| format!("the CPU `{cpu}`"));
    let path = emulator.path.display();
    let hint =
        format!("correct [qemu] cpu in targets/{}/target.toml; `{path} -cpu help` lists the models", target.name);
    if signal == Some(libc::SIGILL) {
        return Some(Contradiction::new(format!("{cpu} of {path} does not have this instruction"), &hint));
    }
    let printed = String::from_utf8_lossy(&output.stderr).into_owned();
    let why = printed.lines().find(|line| !line.trim().is_empty()).unwrap_or("it prints nothing");
    let text =
        format!("[qemu] cpu: {path} with {cpu} does not run a tiny program: it {}: {why}", describe(&output.finished));
    Some(Contradiction::new(text, &hint))
}
