//! Whether the tools agree with what a target.toml says. rustc, clang, LLVM's decoder and the emulator are asked, about
//! a second for each target. Only `target check` does so.

mod c;
mod emulator;
mod musl;
mod rust;

use std::path::Path;

use anyhow::Result;
use bringup_model::target::{Elf, Target};

use crate::build::step::Clang;
use crate::host::emulator::Emulator;
use crate::host::survey::{HostTools, Rust};
use crate::project::config;
use crate::smoke::elf;

/// The tools that are asked about a target. What is missing is not asked.
pub struct Tools<'a> {
    /// rustc.
    pub rust: &'a Rust,
    /// clang and LLVM's decoder.
    pub host: Option<&'a HostTools>,
    /// The target's emulator.
    pub emulator: Option<&'a Emulator>,
    /// A folder with the patched source of musl.
    pub musl: Option<&'a Path>,
}

/// A contradiction between target.toml and a tool.
struct Contradiction {
    /// The key and both values.
    text: String,
    /// The next step.
    hint: String,
}

impl Contradiction {
    fn new(text: impl Into<String>, hint: &str) -> Self {
        Self { text: text.into(), hint: hint.into() }
    }
}

/// Asks the tools about a target whose spec rustc accepts. Returns the faults of its target.toml.
pub fn check(root: &Path, target: &Target, spec: &str, tools: &Tools<'_>) -> Result<Vec<String>> {
    let mut found = rust::check(target, spec, tools.rust)?;
    if let Some(host) = tools.host {
        let clang = Clang::new(host, target)?;
        let (faults, macros) = c::check(target, &clang, host)?;
        found.extend(faults);
        if let Some(musl) = tools.musl {
            found.extend(musl::check(target, &macros, musl)?);
        }
        if let Some(emulator) = tools.emulator {
            found.extend(emulator::check(target, &clang, emulator)?);
        }
    }
    let file = config::target_file(root, &target.name);
    Ok(found.into_iter().map(|it| format!("{}: {}\nhint: {}", file.display(), it.text, it.hint)).collect())
}

/// The faults of a tiny object that a compiler has made, by the rules for all objects of the target.
fn object_faults(object: &Path, rules: &Elf, compiler: &str, hint: &str) -> Result<Vec<Contradiction>> {
    let faults = elf::abi_faults(&fs_err::read(object)?, rules);
    Ok(faults.iter().map(|why| Contradiction::new(format!("[elf]: in an object of {compiler}, {why}"), hint)).collect())
}
