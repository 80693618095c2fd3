//! What clang says about a target: its predefined macros, and an object that it makes. And whether LLVM's decoder knows
//! the baseline's processor.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use bringup_model::target::Target;
use bringup_runner::exec::{Cmd, Output};

use super::{Contradiction, object_faults};
use crate::build::step::Clang;
use crate::host::survey::HostTools;

/// The faults, and clang's predefined macros.
pub(super) fn check(
    target: &Target,
    clang: &Clang,
    host: &HostTools,
) -> Result<(Vec<Contradiction>, BTreeMap<String, String>)> {
    let hint = format!("correct [c], or what contradicts it, in targets/{}/target.toml", target.name);
    let folder = tempfile::tempdir().context("making a temporary folder")?;
    let source = folder.path().join("probe.c");
    fs_err::write(&source, "double probe(double x) { return x; }\n")?;
    let ask = |args: &[&str]| Cmd::new(clang.path()).args(clang.target_args()).args(args).arg(&source).output();
    let mut found = llvm_faults(target, host)?;
    // The macros do not show whether the decoder is told of the same processor.
    found.extend(processor_fault(target, &ask(&["-###", "-c"])?).map(|why| Contradiction::new(why, &hint)));
    let predefined = ask(&["-dM", "-E"])?;
    if let Some(why) = complaint(&predefined) {
        found.push(Contradiction::new(format!("[c] flags: clang complains: {why}"), &hint));
        return Ok((found, BTreeMap::new()));
    }
    let macros = macros(&predefined);
    let elf = elf_faults(target, &macros).into_iter().chain(target.baseline.c_faults(&macros));
    found.extend(elf.map(|why| Contradiction::new(why, &hint)));
    let object = folder.path().join("probe.o");
    let output = ask(&["-c", "-o", &object.to_string_lossy()])?;
    match complaint(&output) {
        Some(why) => found.push(Contradiction::new(format!("[c] flags: clang complains: {why}"), &hint)),
        None => found.extend(object_faults(&object, &target.elf, "clang", &hint)?),
    }
    Ok((found, macros))
}

/// Whether clang compiles for another processor than the decoder is told of. `commands` is what `-###` prints.
fn processor_fault(target: &Target, commands: &Output) -> Option<String> {
    let printed = String::from_utf8_lossy(&commands.stderr);
    let (_, rest) = printed.split_once("\"-target-cpu\" \"")?;
    let (clangs, _) = rest.split_once('"')?;
    let ours = target.baseline.instructions.baseline.cpu.as_deref()?;
    (ours != clangs).then(|| format!("[baseline.instructions] cpu is {ours}, but clang compiles for {clangs}"))
}

/// What clang and `[elf]` say differently.
fn elf_faults(target: &Target, macros: &BTreeMap<String, String>) -> Vec<String> {
    let mut faults = Vec::new();
    let bytes = macros.get("__SIZEOF_POINTER__").and_then(|bytes| bytes.parse::<u32>().ok());
    if let Some(bits) = bytes.map(|bytes| 8 * bytes).filter(|bits| *bits != u32::from(target.elf.class)) {
        faults.push(format!("[elf] class is {}, but clang's pointers have {bits} bits", target.elf.class));
    }
    let (ours, other) = if target.elf.big_endian { ("big", "little") } else { ("little", "big") };
    let big = macros.get("__BYTE_ORDER__").map(|order| order == "__ORDER_BIG_ENDIAN__");
    if big.is_some_and(|big| big != target.elf.big_endian) {
        faults.push(format!("[elf] endian is {ours}, but clang's is {other}"));
    }
    faults
}

/// Whether LLVM's decoder knows the processors of `[baseline.instructions]`. It ignores what it does not know.
fn llvm_faults(target: &Target, host: &HostTools) -> Result<Vec<Contradiction>> {
    let rules = &target.baseline.instructions;
    let hint = format!("correct [baseline.instructions] in targets/{}/target.toml", target.name);
    let mut processors = vec![(&rules.baseline, "cpu, features")];
    if rules.rust != rules.baseline {
        processors.push((&rules.rust, "rust-cpu"));
    }
    let mut found = Vec::new();
    for (processor, key) in processors {
        let cmd = Cmd::new(host.path("llvm-mc")?).arg("--disassemble").arg(format!("--triple={}", target.c.target));
        let output = cmd.args(processor.args(&rules.halfword_features)).arg("/dev/null").output()?;
        let why = complaint(&output);
        let text = |why| format!("[baseline.instructions] {key}: LLVM's decoder complains: {why}");
        found.extend(why.map(|why| Contradiction::new(text(why), &hint)));
    }
    Ok(found)
}

/// The first line of an error or a warning.
fn complaint(output: &Output) -> Option<String> {
    let printed = String::from_utf8_lossy(&output.stderr).into_owned();
    let first = printed.lines().find(|line| !line.trim().is_empty()).map(str::to_owned);
    let silent = || (!output.finished.status.success()).then(|| "it fails without a message".to_owned());
    first.or_else(silent)
}

/// Reads `#define NAME VALUE`.
fn macros(output: &Output) -> BTreeMap<String, String> {
    let printed = String::from_utf8_lossy(&output.stdout);
    let pair = |line: &str| {
        let define = line.strip_prefix("#define ")?;
        let (name, value) = define.split_once(' ').unwrap_or((define, ""));
        Some((name.to_owned(), value.to_owned()))
    };
    printed.lines().filter_map(pair).collect()
}
