//! targets/<name>/target.toml: all that makes one target differ from another.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::release::{ReleaseName, ReleaseSpan};

mod elf;

pub use elf::{AbiEncoding, AbiSection, AbiValue, AllowedValues, Elf};

/// target.toml as it is written.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TargetFile {
    triple: String,
    baseline: String,
    since: Option<String>,
    until: Option<String>,
    spec: SpecFile,
    c: CSettings,
    llvm: Option<TargetLlvm>,
    musl: Musl,
    #[serde(default)]
    runtimes: Runtimes,
    elf: elf::ElfFile,
    qemu: Qemu,
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

/// One target, checked.
#[derive(Debug, Clone)]
pub struct Target {
    /// The folder's name: the architecture as Alpine names it.
    pub name: String,
    /// Rust's triple.
    pub triple: String,
    /// The least processor and the float ABI, in a few words for people.
    pub baseline: String,
    /// The Alpine releases that ship it.
    pub alpine: Option<ReleaseSpan>,
    /// Where rustc's spec comes from.
    pub spec: TargetSpec,
    /// How C is compiled.
    pub c: CSettings,
    /// What LLVM has for it; needed if a compiler is to be built.
    pub llvm: Option<TargetLlvm>,
    /// What musl calls it.
    pub musl: Musl,
    /// What the runtimes need beyond the usual.
    pub runtimes: Runtimes,
    /// What its ELF files must look like.
    pub elf: Elf,
    /// How it is emulated.
    pub qemu: Qemu,
}

/// A rustc target spec: a starting point and an overlay.
#[derive(Debug, Clone)]
pub struct TargetSpec {
    /// The starting point.
    pub base: SpecBase,
    /// Keys taken out.
    pub remove: Vec<String>,
    /// Keys put in, after taking out.
    pub set: serde_json::Map<String, serde_json::Value>,
}

/// What a spec starts from.
#[derive(Debug, Clone)]
pub enum SpecBase {
    /// The JSON that rustc prints for this built-in triple.
    Builtin(String),
    /// A JSON file in the target's folder.
    File(String),
}

/// `[c]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CSettings {
    /// clang's `--target`.
    pub target: String,
    /// Flags for every C and assembly file and for linking.
    #[serde(default)]
    pub flags: Vec<String>,
}

/// `[llvm]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TargetLlvm {
    /// LLVM's name of the back end, as in `llvm-config --targets-built`.
    pub backend: String,
}

/// `[musl]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Musl {
    /// musl's name of the architecture, as in `arch/`.
    pub arch: String,
    /// Path of the program interpreter on a target system.
    pub loader: String,
    /// Whether the linker driver has to name the loader, because clang names another one for this ABI.
    #[serde(default)]
    pub name_loader: bool,
}

/// `[runtimes]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Runtimes {
    /// Files of compiler-rt's builtins folder to compile as well.
    #[serde(default)]
    pub builtins: Vec<String>,
    /// Files of it to leave out.
    #[serde(default)]
    pub exclude_builtins: Vec<String>,
}

/// `[qemu]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Qemu {
    /// The program's name after `qemu-`.
    pub emulator: String,
    /// `-cpu`, where the emulator's default will not do.
    pub cpu: Option<String>,
    /// What the emulator's gdb stub calls the stack pointer, where it is not called after its use.
    pub stack_register: Option<String>,
    /// What it calls the register that holds the return address, where it is called neither `lr` nor `ra`.
    pub link_register: Option<String>,
    /// The general registers by their numbers in the stub, all as wide as an address, where it does not describe them.
    #[serde(default)]
    pub registers: Vec<String>,
    /// Environment for the emulator itself.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
}

impl TargetFile {
    /// Checks what serde cannot. The error is one sentence without the file's name.
    pub fn validate(self, name: &str) -> Result<Target, String> {
        let base = match (self.spec.base, self.spec.file) {
            (Some(base), None) => SpecBase::Builtin(base),
            (None, Some(file)) if !file.contains('/') => SpecBase::File(file),
            (None, Some(_)) => return Err("[spec] file: expected a file name in the target's own folder".into()),
            _ => return Err("[spec]: give either `base` or `file`".into()),
        };
        let triple_char = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if self.triple.is_empty() || !self.triple.chars().all(triple_char) {
            return Err(format!("triple: `{}` is not a target triple", self.triple));
        }
        if self.baseline.trim().is_empty() {
            return Err("baseline: say the least processor and the float ABI in a few words".into());
        }
        let alpine = span(self.since, self.until)?;
        if !self.musl.loader.starts_with('/') {
            return Err(format!("[musl] loader: `{}` is not an absolute path", self.musl.loader));
        }
        Ok(Target {
            name: name.into(),
            triple: self.triple,
            baseline: self.baseline,
            alpine,
            spec: TargetSpec { base, remove: self.spec.remove, set: to_json(self.spec.set)? },
            c: self.c,
            llvm: self.llvm,
            musl: self.musl,
            runtimes: self.runtimes,
            elf: self.elf.validate()?,
            qemu: self.qemu,
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
        (None, Some(until)) => Err(format!("until: {until}, but there is no since")),
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
    /// Name of the C compiler driver in the toolchain's `bin`.
    pub fn driver(&self) -> String {
        format!("{}-clang", self.triple)
    }
}
