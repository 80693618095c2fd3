//! What rustc says about a target: its target features, and an object that it makes.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result};
use bringup_model::target::Target;
use bringup_model::version::Version;
use bringup_runner::exec::Output;
use serde_json::Value;

use super::{Contradiction, object_faults};
use crate::build::spec::SpecFolder;
use crate::host::survey::Rust;

const HINT: &str = "correct [spec], or what contradicts it; `cargo xtask target show NAME --spec` prints the spec";
/// A feature that says how programs are linked, not what the processor has.
const LINK_FEATURE: &str = "crt-static";
/// A crate that requires no other one.
const CRATE: &str = r#"#![feature(no_core, lang_items)]
#![no_core]
#![allow(internal_features)]
#[lang = "pointee_sized"]
trait PointeeSized {}
#[lang = "meta_sized"]
trait MetaSized: PointeeSized {}
#[lang = "sized"]
trait Sized: MetaSized {}
#[lang = "copy"]
trait Copy {}
impl Copy for f64 {}
#[unsafe(no_mangle)]
extern "C" fn probe(x: f64) -> f64 {
    x
}
"#;

pub(super) fn check(target: &Target, spec: &str, rust: &Rust) -> Result<Vec<Contradiction>> {
    let folder = SpecFolder::new(target, spec)?;
    let hint = HINT.replace("NAME", &target.name);
    let fault = |text: String| Contradiction::new(text, &hint);
    let mut found: Vec<_> = elf_faults(target, spec)?.into_iter().map(fault).collect();
    let cfg = folder.rustc(rust, &["--print=cfg"])?;
    found.extend(complaint(&cfg).map(|why| fault(format!("[spec]: rustc complains: {why}"))));
    let known = folder.rustc(rust, &["--print=target-features"])?;
    let version = Version::find(&rust.release);
    let faults = target.baseline.rust_faults(version.as_ref(), &enabled(&cfg), &listed(&known));
    let hint = format!("correct cpu and features in [spec.set], or [baseline] in targets/{}/target.toml", target.name);
    found.extend(faults.iter().map(|why| Contradiction::new(why, &hint)));
    found.extend(object(target, &folder, rust)?);
    Ok(found)
}

/// What the spec and `[elf]` say differently.
fn elf_faults(target: &Target, spec: &str) -> Result<Vec<String>> {
    let spec: Value = serde_json::from_str(spec).context("reading the spec")?;
    let mut faults = Vec::new();
    let width = spec["target-pointer-width"].as_u64();
    if let Some(width) = width.filter(|width| *width != u64::from(target.elf.class)) {
        faults.push(format!("[elf] class is {}, but the spec's target-pointer-width is {width}", target.elf.class));
    }
    let endian = spec["target-endian"].as_str().unwrap_or("little");
    let ours = if target.elf.big_endian { "big" } else { "little" };
    if width.is_some() && endian != ours {
        faults.push(format!("[elf] endian is {ours}, but the spec's target-endian is {endian}"));
    }
    Ok(faults)
}

/// An object of rustc, by the rules of `[elf]`. Only when it generates code, rustc compares the data layout with LLVM's.
fn object(target: &Target, folder: &SpecFolder, rust: &Rust) -> Result<Vec<Contradiction>> {
    let (source, object) = (folder.path().join("probe.rs"), folder.path().join("probe-rust.o"));
    fs_err::write(&source, CRATE)?;
    let emit = format!("--emit=obj={}", object.display());
    let output = folder.rustc(rust, &["--edition=2024", "--crate-type=lib", &emit, &source.to_string_lossy()])?;
    let hint = HINT.replace("NAME", &target.name);
    if !output.finished.status.success() {
        let why = complaint(&output).unwrap_or_else(|| "it fails without a message".into());
        return Ok(vec![Contradiction::new(format!("[spec]: rustc cannot compile a function: {why}"), &hint)]);
    }
    object_faults(&object, &target.elf, "rustc", &hint)
}

/// The first line of an error or a warning.
fn complaint(output: &Output) -> Option<String> {
    let printed = String::from_utf8_lossy(&output.stderr).into_owned();
    printed.lines().map(str::trim).find(|line| !line.is_empty()).map(str::to_owned)
}

/// The enabled target features: `target_feature="sse2"`.
fn enabled(cfg: &Output) -> BTreeSet<String> {
    let printed = String::from_utf8_lossy(&cfg.stdout);
    let name = |line: &str| Some(line.strip_prefix("target_feature=\"")?.strip_suffix('"')?.to_owned());
    printed.lines().filter_map(name).filter(|name| name != LINK_FEATURE).collect()
}

/// The names in the indented lines of `--print=target-features`: `    sse2 - …`.
fn listed(printed: &Output) -> BTreeSet<String> {
    let printed = String::from_utf8_lossy(&printed.stdout);
    let name = |line: &str| line.strip_prefix("    ")?.split_whitespace().next().map(str::to_owned);
    printed.lines().filter_map(name).collect()
}
