//! bringup.toml: the pinned sources, the emulator's minimum, the runtimes' contents and the limits.

mod source;

use std::collections::BTreeMap;

use serde::Deserialize;

pub use self::source::{CompilerTree, LIBRARY, Locator, Source, SourceLayer, SourceOrigin, is_sha256};
use self::source::{SourceFile, validate_all};
pub use super::limits::Limits;
use super::version::Version;

/// bringup.toml as it is written.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PinsFile {
    rust: Vec<SourceFile>,
    musl: Vec<SourceFile>,
    llvm: Vec<SourceFile>,
    #[serde(default)]
    std: StdFile,
    #[serde(default)]
    compiler: CompilerPin,
    runtimes: RuntimesFile,
    qemu: QemuFile,
    limits: LimitsFile,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct StdFile {
    #[serde(default)]
    env: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RuntimesFile {
    exclude_builtins: Vec<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct QemuFile {
    minimum: String,
    package: String,
    suites: Vec<String>,
    #[serde(default)]
    control: Vec<QemuControl>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct LimitsFile {
    test_seconds: u64,
    slow_seconds: u64,
    program_seconds: u64,
    memory_mib: u64,
    processes: u64,
    open_files: u64,
    output_mib: u64,
    disk_mib: u64,
    memory_reserve_mib: u64,
}

impl LimitsFile {
    fn validate(&self) -> Result<Limits, String> {
        let limits = Limits {
            test_seconds: self.test_seconds,
            slow_seconds: self.slow_seconds,
            program_seconds: self.program_seconds,
            memory_mib: self.memory_mib,
            processes: self.processes,
            open_files: self.open_files,
            output_mib: self.output_mib,
            disk_mib: self.disk_mib,
        };
        limits.check().map_err(|error| format!("[limits] {error}"))?;
        Ok(limits)
    }
}

/// bringup.toml, checked.
#[derive(Debug, Clone)]
pub struct Pins {
    /// The Rust source in use.
    pub rust: Source,
    /// The musl source in use.
    pub musl: Source,
    /// LLVM's source in use, for compiler-rt and libunwind.
    pub llvm: Source,
    /// Every version of every source that is pinned, these among them.
    pub all: Vec<Source>,
    /// What is set in the environment when std is compiled.
    pub std_env: BTreeMap<String, String>,
    /// How the compiler is built.
    pub compiler: CompilerPin,
    /// Files of compiler-rt's builtins folder that are compiled for no target unless it asks.
    pub exclude_builtins: Vec<String>,
    /// The emulator.
    pub qemu: QemuPin,
    /// Default limits.
    pub limits: Limits,
    /// Bytes of memory that have to be available for all jobs to be in use.
    pub memory_reserve: u64,
}

/// `[compiler]`: how a compiler is built.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CompilerPin {
    /// What stands in the table `rust` of its bootstrap.toml, besides what is always the same.
    #[serde(default)]
    pub rust: BTreeMap<String, toml::Value>,
}

/// The emulator that is asked for.
#[derive(Debug, Clone)]
pub struct QemuPin {
    /// The oldest version that will do.
    pub minimum: Version,
    /// The binary package that brings it.
    pub package: String,
    /// Newer suites to look for that package in.
    pub suites: Vec<String>,
    /// Other versions, to tell the emulator's fault from the target's.
    pub controls: Vec<QemuControl>,
}

/// `[[qemu.control]]`: where another version of the emulator comes from.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QemuControl {
    /// The binary package that brings it.
    pub package: String,
    /// The suites to look for it in.
    pub suites: Vec<String>,
}

impl QemuControl {
    /// As a folder is named after it: `bookworm-qemu-user-static`.
    pub fn name(&self) -> String {
        self.suites.iter().chain([&self.package]).map(String::as_str).collect::<Vec<_>>().join("-")
    }
}

impl PinsFile {
    /// Checks what serde cannot. The error is one sentence without the file's name.
    pub fn validate(self) -> Result<Pins, String> {
        let plain = |name: &str| name.starts_with(|c: char| c.is_ascii_alphanumeric()) && !name.contains(['/', ' ']);
        for control in &self.qemu.control {
            if control.suites.is_empty() || !control.suites.iter().chain([&control.package]).all(|name| plain(name)) {
                return Err(format!(
                    "[[qemu.control]] {}: give a package and the suites to find it in",
                    control.package
                ));
            }
        }
        let limits = self.limits.validate()?;
        let rust = validate_all(self.rust, "rust")?;
        let musl = validate_all(self.musl, "musl")?;
        let llvm = validate_all(self.llvm, "llvm")?;
        if let Some(source) = rust.iter().find(|source| source.layer_named(LIBRARY).is_none()) {
            return Err(format!("[[rust]] {}: no layer is called `{LIBRARY}`: std is built from that", source.version));
        }
        Ok(Pins {
            rust: rust[0].clone(),
            musl: musl[0].clone(),
            llvm: llvm[0].clone(),
            all: [rust, musl, llvm].concat(),
            std_env: self.std.env,
            compiler: self.compiler,
            exclude_builtins: self.runtimes.exclude_builtins,
            qemu: QemuPin {
                minimum: self.qemu.minimum.parse().map_err(|error| format!("[qemu] minimum: {error}"))?,
                package: self.qemu.package,
                suites: self.qemu.suites,
                controls: self.qemu.control,
            },
            limits,
            memory_reserve: self.limits.memory_reserve_mib << 20,
        })
    }
}

impl Pins {
    /// The pinned version of a source, or an error that lists those there are.
    pub fn find(&self, name: &str, version: &str) -> Result<&Source, String> {
        let of_name = || self.all.iter().filter(|source| source.name == name);
        of_name().find(|source| source.version == version).ok_or_else(|| {
            let versions: Vec<&str> = of_name().map(|source| source.version.as_str()).collect();
            format!("{name} {version} is not pinned\nhint: bringup.toml has {name} {}", versions.join(", "))
        })
    }

    /// Puts another pinned version of a source into use.
    pub fn select(&mut self, name: &str, version: &str) -> Result<(), String> {
        let source = self.find(name, version)?.clone();
        [&mut self.rust, &mut self.musl, &mut self.llvm]
            .into_iter()
            .filter(|used| used.name == name)
            .for_each(|used| used.clone_from(&source));
        Ok(())
    }
}
