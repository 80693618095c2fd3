//! `targets/NAME/target.toml`: everything that differs between targets.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::corpus::CorpusSettings;
use super::release::{ReleaseName, ReleaseSpan};

mod baseline;
mod elf;
mod instructions;
mod runtimes;

pub use baseline::{Baseline, BaselineFeature, BaselineLanguage};
pub use elf::{AbiEncoding, AbiSection, AbiValue, AllowedValues, Elf};
pub use instructions::{BeyondBaseline, Instructions, Processor};
pub use runtimes::{DifferenceKind, IntendedDifference, JudgedDifferences, Runtimes, SymbolDifference};

/// target.toml as parsed, before validation.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TargetFile {
    triple: String,
    since: Option<String>,
    until: Option<String>,
    baseline: baseline::BaselineFile,
    spec: SpecFile,
    c: CSettings,
    llvm: Option<TargetLlvm>,
    musl: Musl,
    linux: Linux,
    #[serde(default)]
    runtimes: Runtimes,
    elf: elf::ElfFile,
    qemu: Qemu,
    #[serde(default)]
    corpus: CorpusSettings,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct SpecFile {
    base: Option<String>,
    file: Option<String>,
    #[serde(default)]
    remove: Vec<String>,
    #[serde(default)]
    set: toml::Table,
}

/// A validated target.
#[derive(Debug, Clone)]
pub struct Target {
    /// The folder's name, which is Alpine's name of the architecture.
    pub name: String,
    /// The Rust target triple.
    pub triple: String,
    /// The oldest supported processor.
    pub baseline: Baseline,
    /// The Alpine releases that ship the target; nothing if none does.
    pub alpine: Option<ReleaseSpan>,
    /// The source of rustc's target spec.
    pub spec: TargetSpec,
    /// Settings of the C compiler.
    pub c: CSettings,
    /// LLVM's back end, which the build of a compiler requires.
    pub llvm: Option<TargetLlvm>,
    /// musl's settings for the architecture.
    pub musl: Musl,
    /// The kernel's names of the architecture.
    pub linux: Linux,
    /// What the target changes of upstream's runtimes.
    pub runtimes: Runtimes,
    /// Rules for ELF files of the target.
    pub elf: Elf,
    /// Settings of the emulator.
    pub qemu: Qemu,
    /// What is special about the C corpus.
    pub corpus: CorpusSettings,
}

/// A rustc target spec: a base spec and changes to its keys.
#[derive(Debug, Clone)]
pub struct TargetSpec {
    /// The base spec.
    pub base: SpecBase,
    /// Keys to remove.
    pub remove: Vec<String>,
    /// Keys to set, after the removal.
    pub set: serde_json::Map<String, serde_json::Value>,
}

/// The base of a spec.
#[derive(Debug, Clone)]
pub enum SpecBase {
    /// The JSON that rustc prints for this built-in triple.
    Builtin(String),
    /// A JSON file in the target's folder.
    File(String),
}

/// `[c]`: settings of the C compiler.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CSettings {
    /// clang's `--target`.
    pub target: String,
    /// Flags for compiling C and assembly files and for linking.
    #[serde(default)]
    pub flags: Vec<String>,
    /// Flags for linking only, of programs and shared libraries.
    #[serde(default, rename = "link-flags")]
    pub link_flags: Vec<String>,
}

/// `[llvm]`: LLVM's name for the architecture.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TargetLlvm {
    /// The back end, as in `llvm-config --targets-built`.
    pub backend: String,
}

/// `[musl]`: musl's settings for the architecture.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Musl {
    /// The architecture's folder in musl's `arch/`.
    pub arch: String,
    /// Path of the program interpreter on a target system.
    pub loader: String,
    /// Whether the linker driver must pass the loader, because clang's default for this ABI is wrong.
    #[serde(default)]
    pub name_loader: bool,
}

/// `[linux]`: the kernel's names of the architecture.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Linux {
    /// The architecture's folder in the kernel's `arch/`.
    pub arch: String,
    /// The machine, as `uname -m` prints it. Builds with CMake decide by it.
    pub machine: String,
}

/// `[qemu]`: settings of the emulator.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Qemu {
    /// The emulator's program name after `qemu-`.
    pub emulator: String,
    /// The value of `-cpu`; nothing for the emulator's default.
    pub cpu: Option<String>,
    /// The stack pointer's name in the emulator's gdb stub, if the stub does not name it after its use.
    pub stack_register: Option<String>,
    /// The name of the register with the return address in the gdb stub, if neither `lr` nor `ra`.
    pub link_register: Option<String>,
    /// The general registers in the order of the gdb stub, each as wide as an address; empty if the stub describes them.
    #[serde(default)]
    pub registers: Vec<String>,
    /// Environment variables of the emulator itself.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
}

impl TargetFile {
    /// Checks the rules that serde cannot express.
    ///
    /// # Errors
    ///
    /// Returns one sentence, without the file's name, about the first key that breaks a rule.
    pub fn validate(self, name: &str) -> Result<Target, String> {
        let base = match (self.spec.base, self.spec.file) {
            (Some(base), None) => SpecBase::Builtin(base),
            (None, Some(file)) if !file.contains('/') => SpecBase::File(file),
            (None, Some(_)) => return Err("[spec] file: expected the name of a file in the target's folder".into()),
            _ => return Err("[spec]: expected either `base` or `file`".into()),
        };
        let triple_char = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if self.triple.is_empty() || !self.triple.chars().all(triple_char) {
            return Err(format!("triple: `{}` is not a target triple", self.triple));
        }
        let alpine = span(self.since, self.until)?;
        self.corpus.validate()?;
        self.runtimes.differences.iter().try_for_each(IntendedDifference::check)?;
        if !self.musl.loader.starts_with('/') {
            return Err(format!("[musl] loader: `{}` is not an absolute path", self.musl.loader));
        }
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
        for (key, value) in [("arch", &self.linux.arch), ("machine", &self.linux.machine)] {
            if value.is_empty() || !value.chars().all(plain) {
                return Err(format!("[linux] {key}: `{value}` is not a name of an architecture"));
            }
        }
        Ok(Target {
            name: name.into(),
            triple: self.triple,
            baseline: self.baseline.validate()?,
            alpine,
            spec: TargetSpec { base, remove: self.spec.remove, set: to_json(self.spec.set)? },
            c: self.c,
            llvm: self.llvm,
            musl: self.musl,
            linux: self.linux,
            runtimes: self.runtimes,
            elf: self.elf.validate()?,
            qemu: self.qemu,
            corpus: self.corpus,
        })
    }
}

fn span(since: Option<String>, until: Option<String>) -> Result<Option<ReleaseSpan>, String> {
    let name = |key: &str, text: Option<String>| {
        text.map(|text| text.parse::<ReleaseName>().map_err(|error| format!("{key}: {error}"))).transpose()
    };
    match (name("since", since)?, name("until", until)?) {
        (Some(since), Some(until)) if until < since => Err(format!("until: {until} is before since, {since}")),
        (Some(since), until) => Ok(Some(ReleaseSpan { since, until })),
        (None, Some(until)) => Err(format!("until: {until}, but since is missing")),
        (None, None) => Ok(None),
    }
}

fn to_json(table: toml::Table) -> Result<serde_json::Map<String, serde_json::Value>, String> {
    match serde_json::to_value(table) {
        Ok(serde_json::Value::Object(map)) => Ok(map),
        other => Err(format!("[spec.set] cannot be written as JSON: {other:?}")),
    }
}

impl Target {
    /// The name of the C compiler driver in the toolchain's `bin`.
    pub fn driver(&self) -> String {
        format!("{}-clang", self.triple)
    }

    /// The name of the C++ compiler driver beside it.
    pub fn cxx_driver(&self) -> String {
        format!("{}-clang++", self.triple)
    }

    /// The triple as cc, pkg-config and others write it at the end of a variable's name.
    pub fn variable(&self) -> String {
        self.triple.replace(['-', '.'], "_")
    }
}
