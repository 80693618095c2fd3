//! rustc's target spec for a target: a built-in triple's JSON, or a file, with the overlay of target.toml.

use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Context as _, Result};
use bringup_model::digest::Inputs;
use bringup_model::exit::{self, CodedError};
use bringup_model::target::{SpecBase, Target};
use bringup_runner::exec::{Cmd, Output};
use bringup_runner::files::replace;
use serde_json::{Map, Value};
use tempfile::TempDir;

use crate::host::survey::Rust;
use crate::project::config;

/// Name of the spec's file in a toolchain's `lib/rustlib/TRIPLE`.
pub const SPEC_FILE: &str = "target.json";

/// A target's spec before anything is built.
#[derive(Debug, Clone)]
pub enum Spec {
    /// The spec as JSON text.
    Resolved(String),
    /// The overlay as JSON text. The step `sysroot` applies it to the base spec of the compiler that it gets.
    Overlay(String),
}

/// The base of a target's spec and its changes to the base, as JSON text.
pub fn overlay(root: &Path, target: &Target) -> Result<String> {
    let base = match &target.spec.base {
        SpecBase::Builtin(triple) => Value::from(triple.as_str()),
        SpecBase::File(file) => {
            let file = read(&config::target_dir(root, &target.name).join(file));
            file.with_context(|| format!("making the target spec of {}", target.name))?.into()
        }
    };
    let overlay = serde_json::json!({ "base": base, "remove": target.spec.remove, "set": target.spec.set });
    Ok(serde_json::to_string_pretty(&overlay)?)
}

/// Like [`resolve`], but reads a record in `folder` if this rustc has already accepted the same spec. In a run with
/// nothing to build, asking rustc takes longer than everything else.
///
/// # Errors
///
/// Those of [`resolve`].
pub fn recorded(root: &Path, target: &Target, rust: &Rust, folder: &Path) -> Result<String> {
    let inputs = Inputs::new().add("rustc", &rust.release).add("commit", &rust.commit).add("triple", &target.triple);
    let overlay = overlay(root, target).with_context(|| format!("making the target spec of {}", target.name))?;
    let inputs = inputs.add("driver", target.driver()).add("overlay", overlay);
    let record = folder.join(format!("{}-{}.json", target.triple, inputs.digest().short()));
    if let Ok(spec) = fs_err::read_to_string(&record) {
        return Ok(spec);
    }
    let spec = resolve(root, target, rust)?;
    // If the record cannot be written, the next run asks rustc again.
    let _ = replace(&record, &spec);
    Ok(spec)
}

/// The target's spec as JSON text, accepted by the rustc in use.
pub fn resolve(root: &Path, target: &Target, rust: &Rust) -> Result<String> {
    let what = || format!("making the target spec of {}", target.name);
    let mut spec = match &target.spec.base {
        SpecBase::Builtin(triple) => builtin(triple, rust).with_context(what)?,
        SpecBase::File(file) => read(&config::target_dir(root, &target.name).join(file)).with_context(what)?,
    };
    for key in &target.spec.remove {
        spec.remove(key);
    }
    // The metadata describes upstream's support of the base triple, not of this target.
    spec.remove("metadata");
    spec.insert("linker".into(), target.driver().into());
    spec.extend(target.spec.set.clone());
    spec.sort_keys();
    let text = serde_json::to_string_pretty(&spec)?;
    check(target, &text, rust)?;
    Ok(text)
}

fn builtin(triple: &str, rust: &Rust) -> Result<Map<String, Value>> {
    let cmd = Cmd::new(rust.bin("rustc")).env("RUSTC_BOOTSTRAP", "1");
    let cmd = cmd.args(["-Zunstable-options", "--print=target-spec-json", "--target", triple]);
    let output = cmd.output()?;
    // The base comes from target.toml, so an unknown one is a usage error.
    let printed = [output.stderr, output.stdout.clone()].concat();
    let refused = cmd.check(&output.finished, &printed, None);
    refused.map_err(|error| CodedError::error(exit::USAGE, error.to_string()))?;
    serde_json::from_slice(&output.stdout).with_context(|| format!("reading what rustc prints as the spec of {triple}"))
}

fn read(path: &Path) -> Result<Map<String, Value>> {
    let text = fs_err::read_to_string(path).map_err(|error| match error.kind() {
        ErrorKind::NotFound => CodedError::error(exit::USAGE, error.to_string()),
        _ => error.into(),
    })?;
    let fault =
        |error: serde_json::Error| CodedError::error(exit::USAGE, format!("reading {}: {error}", path.display()));
    serde_json::from_str(&text).map_err(fault)
}

/// Asks rustc whether it accepts the spec, so that a bad spec is found before anything is built.
fn check(target: &Target, text: &str, rust: &Rust) -> Result<()> {
    let output = SpecFolder::new(target, text)?.rustc(rust, &["--print=cfg"])?;
    if !output.finished.status.success() {
        let text = format!(
            "rustc {} rejects the spec of {}:\n{}\nhint: correct [spec] in targets/{}/target.toml; `cargo xtask target show {} --spec` prints the spec",
            rust.release,
            target.name,
            String::from_utf8_lossy(&output.stderr).trim_end(),
            target.name,
            target.name,
        );
        return Err(CodedError::error(exit::USAGE, text));
    }
    Ok(())
}

/// A temporary folder with a target's spec, for questions to rustc.
pub struct SpecFolder {
    folder: TempDir,
    triple: String,
}

impl SpecFolder {
    /// Writes the spec into a new folder.
    pub fn new(target: &Target, text: &str) -> Result<Self> {
        let folder = tempfile::tempdir().context("making a temporary folder")?;
        fs_err::write(folder.path().join(format!("{}.json", target.triple)), text)?;
        Ok(Self { folder, triple: target.triple.clone() })
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// What rustc answers about the target.
    pub fn rustc(&self, rust: &Rust, args: &[&str]) -> Result<Output> {
        let cmd = Cmd::new(rust.bin("rustc")).env("RUSTC_BOOTSTRAP", "1").env("RUST_TARGET_PATH", self.path());
        // rustc writes its temporary files where it is started, under names that another one may use there.
        cmd.dir(self.path()).arg("-Zunstable-options").args(args).args(["--target", &self.triple]).output()
    }
}
