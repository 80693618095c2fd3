//! bringup.toml: the pinned sources, the emulator's minimum version, the contents of the runtimes and the limits.

mod channel;
mod libc_switch;
mod source;

use std::collections::BTreeMap;

use serde::Deserialize;

pub use self::channel::ChannelName;
pub use self::libc_switch::LibcSwitch;
use self::libc_switch::{LibcSwitchFile, validate_switches};
pub use self::source::{
    CompilerTree, LIBCXX, LIBRARY, Locator, RustRelease, Source, SourceLayer, SourceOrigin, is_sha256,
};
use self::source::{SourceFile, validate_all};
pub use super::limits::Limits;
use super::target::IntendedDifference;
use super::version::Version;

/// bringup.toml as parsed, before validation.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PinsFile {
    rust: Vec<SourceFile>,
    musl: Vec<SourceFile>,
    llvm: Vec<SourceFile>,
    linux: Vec<SourceFile>,
    #[serde(default)]
    std: StdFile,
    #[serde(default)]
    compiler: CompilerPin,
    #[serde(default)]
    runtimes: RuntimesFile,
    qemu: QemuFile,
    limits: LimitsFile,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct StdFile {
    #[serde(default)]
    env: BTreeMap<String, String>,
    #[serde(default)]
    libc: Vec<LibcSwitchFile>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RuntimesFile {
    #[serde(default)]
    difference: Vec<IntendedDifference>,
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

/// A validated bringup.toml.
#[derive(Debug, Clone)]
pub struct Pins {
    /// The Rust source in use.
    pub rust: Source,
    /// The musl source in use.
    pub musl: Source,
    /// The LLVM source in use, for compiler-rt, libunwind, libc++ and libc++abi.
    pub llvm: Source,
    /// The kernel headers in use.
    pub linux: Source,
    /// Every pinned version of every source, including those in use.
    pub all: Vec<Source>,
    /// Environment variables for the compilation of std.
    pub std_env: BTreeMap<String, String>,
    /// What std's libc requires for a `time_t` of 64 bits, oldest first.
    pub libc: Vec<LibcSwitch>,
    /// How a compiler is built.
    pub compiler: CompilerPin,
    /// How the builtins of several targets differ from upstream's on purpose.
    pub differences: Vec<IntendedDifference>,
    /// The required emulator.
    pub qemu: QemuPin,
    /// Limits of a test without an override.
    pub limits: Limits,
    /// Bytes of memory that must be available before all jobs run at once.
    pub memory_reserve: u64,
}

/// `[compiler]`: how a compiler is built.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CompilerPin {
    /// Keys for the table `rust` of its bootstrap.toml, in addition to the fixed ones.
    #[serde(default)]
    pub rust: BTreeMap<String, toml::Value>,
}

/// The required emulator.
#[derive(Debug, Clone)]
pub struct QemuPin {
    /// The oldest supported version.
    pub minimum: Version,
    /// The Debian package that provides it.
    pub package: String,
    /// Newer Debian suites that may have the package.
    pub suites: Vec<String>,
    /// Other versions, which show whether a fault is the emulator's or the target's.
    pub controls: Vec<QemuControl>,
}

/// `[[qemu.control]]`: where another version of the emulator comes from.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QemuControl {
    /// The Debian package that provides it.
    pub package: String,
    /// The Debian suites to search for the package.
    pub suites: Vec<String>,
}

impl QemuControl {
    /// The name of its folder, such as `bookworm-qemu-user-static`.
    pub fn name(&self) -> String {
        self.suites.iter().chain([&self.package]).map(String::as_str).collect::<Vec<_>>().join("-")
    }
}

impl PinsFile {
    /// Checks the rules that serde cannot express.
    ///
    /// # Errors
    ///
    /// Returns one sentence, without the file's name, about the first key that breaks a rule.
    pub fn validate(self) -> Result<Pins, String> {
        let plain = |name: &str| name.starts_with(|c: char| c.is_ascii_alphanumeric()) && !name.contains(['/', ' ']);
        for control in &self.qemu.control {
            if control.suites.is_empty() || !control.suites.iter().chain([&control.package]).all(|name| plain(name)) {
                return Err(format!(
                    "[[qemu.control]] {}: expected a package and the suites to search for it",
                    control.package
                ));
            }
        }
        self.runtimes.difference.iter().try_for_each(IntendedDifference::check)?;
        let limits = self.limits.validate()?;
        let rust = validate_all(self.rust, "rust")?;
        let musl = validate_all(self.musl, "musl")?;
        let llvm = validate_all(self.llvm, "llvm")?;
        let linux = validate_all(self.linux, "linux")?;
        if let Some(source) = rust.iter().find(|source| source.layer_named(LIBRARY).is_none()) {
            return Err(format!(
                "[[rust]] {}: the layer `{LIBRARY}`, which std is built from, is missing",
                source.version
            ));
        }
        if let Some(source) = llvm.iter().find(|source| source.layer_named(LIBCXX).is_none()) {
            return Err(format!("[[llvm]] {}: the layer `{LIBCXX}`, which C++ requires, is missing", source.version));
        }
        Ok(Pins {
            rust: rust[0].clone(),
            musl: musl[0].clone(),
            llvm: llvm[0].clone(),
            linux: linux[0].clone(),
            all: [rust, musl, llvm, linux].concat(),
            std_env: self.std.env,
            libc: validate_switches(self.std.libc)?,
            compiler: self.compiler,
            differences: self.runtimes.difference,
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
    /// The pinned source with this name and version.
    ///
    /// # Errors
    ///
    /// Fails if the version is not pinned. The hint lists the pinned versions.
    pub fn find(&self, name: &str, version: &str) -> Result<&Source, String> {
        let of_name = || self.all.iter().filter(|source| source.name == name);
        of_name().find(|source| source.version == version).ok_or_else(|| {
            let versions: Vec<&str> = of_name().map(|source| source.version.as_str()).collect();
            let channels =
                if name == "rust" { "; a channel is stable, beta, nightly or e.g. nightly-2026-11-20" } else { "" };
            format!("{name} {version} is not pinned\nhint: bringup.toml has {name} {}{channels}", versions.join(", "))
        })
    }

    /// The pinned versions of a source, newest first.
    pub fn versions(&self, name: &str) -> Vec<&Source> {
        let mut all: Vec<&Source> = self.all.iter().filter(|source| source.name == name).collect();
        all.sort_by_key(|source| std::cmp::Reverse(source.version.parse::<Version>().ok()));
        all
    }

    /// Uses Rust as a channel had it on one day, with the series of the newest pinned version. The release is that of the
    /// channel's manifest; nothing if no toolchain is required.
    pub fn select_channel(&mut self, name: &ChannelName, release: Option<RustRelease>) {
        let newest = self.versions(self.rust.name).first().copied().unwrap_or(&self.rust);
        self.rust = newest.at_channel(name, release);
    }

    /// Uses another pinned version of a source.
    ///
    /// # Errors
    ///
    /// Fails if the version is not pinned, like [`Self::find`].
    pub fn select(&mut self, name: &str, version: &str) -> Result<(), String> {
        let source = self.find(name, version)?.clone();
        [&mut self.rust, &mut self.musl, &mut self.llvm, &mut self.linux]
            .into_iter()
            .filter(|used| used.name == name)
            .for_each(|used| used.clone_from(&source));
        Ok(())
    }
}
