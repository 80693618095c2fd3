//! bringup.toml: the pinned sources, the emulator's minimum, the runtimes' contents and the limits.

use std::path::PathBuf;

use serde::Deserialize;

use super::version::Version;

/// bringup.toml as it is written.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PinsFile {
    rust: SourceFile,
    musl: SourceFile,
    llvm: SourceFile,
    runtimes: RuntimesFile,
    qemu: QemuFile,
    limits: LimitsFile,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct SourceFile {
    version: String,
    unpack: Option<Vec<String>>,
    origin: Vec<OriginFile>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct OriginFile {
    path: Option<PathBuf>,
    url: Option<String>,
    rustup: Option<String>,
    apt: Option<String>,
    sha256: Option<String>,
    strip: Option<usize>,
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
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct LimitsFile {
    test_seconds: u64,
    program_seconds: u64,
    memory_reserve_mib: u64,
}

/// bringup.toml, checked.
#[derive(Debug, Clone)]
pub struct Pins {
    /// The Rust source.
    pub rust: Source,
    /// The musl source.
    pub musl: Source,
    /// LLVM's source, for compiler-rt and libunwind.
    pub llvm: Source,
    /// Files of compiler-rt's builtins folder that are compiled for no target unless it asks.
    pub exclude_builtins: Vec<String>,
    /// The emulator.
    pub qemu: QemuPin,
    /// Default limits.
    pub limits: Limits,
    /// Bytes of memory that have to be available for all jobs to be in use.
    pub memory_reserve: u64,
}

/// One pinned source.
#[derive(Debug, Clone)]
pub struct Source {
    /// `rust`, `musl` or `llvm`: also its folder in patches/.
    pub name: &'static str,
    /// Upstream's version.
    pub version: String,
    /// Folders of the archive that are needed; everything if empty.
    pub unpack: Vec<String>,
    /// Where its archive may come from, in the order of trying.
    pub origins: Vec<Origin>,
}

/// One place that an archive may come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The kind of place.
    pub place: Place,
    /// What the archive must hash to, in lower-case hex; nothing where the place itself says (rustup's manifest).
    pub sha256: Option<String>,
    /// Leading path components that are not part of the tree.
    pub strip: usize,
}

/// The kinds of origins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A file, relative to the project's folder.
    Path(PathBuf),
    /// An upstream address.
    Url(String),
    /// A component of the installed toolchain's channel manifest, which gives address and hash.
    Rustup(String),
    /// A source package's upstream archive, found by its hash.
    Apt(String),
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
}

/// Default limits of a test run.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Seconds that one test may take.
    pub test_seconds: u64,
    /// Seconds that one process of a test program may take.
    pub program_seconds: u64,
}

impl PinsFile {
    /// Checks what serde cannot. The error is one sentence without the file's name.
    pub fn validate(self) -> Result<Pins, String> {
        if self.limits.test_seconds == 0 || self.limits.program_seconds == 0 {
            return Err("[limits]: a limit of 0 seconds would fail every test".into());
        }
        Ok(Pins {
            rust: self.rust.validate("rust")?,
            musl: self.musl.validate("musl")?,
            llvm: self.llvm.validate("llvm")?,
            exclude_builtins: self.runtimes.exclude_builtins,
            qemu: QemuPin {
                minimum: self.qemu.minimum.parse().map_err(|error| format!("[qemu] minimum: {error}"))?,
                package: self.qemu.package,
                suites: self.qemu.suites,
            },
            limits: Limits { test_seconds: self.limits.test_seconds, program_seconds: self.limits.program_seconds },
            memory_reserve: self.limits.memory_reserve_mib << 20,
        })
    }
}

impl SourceFile {
    fn validate(self, name: &'static str) -> Result<Source, String> {
        if self.origin.is_empty() {
            return Err(format!("[{name}]: no origin is given"));
        }
        let origins = self
            .origin
            .into_iter()
            .enumerate()
            .map(|(i, origin)| {
                origin.validate().map_err(|error| format!("[[{name}.origin]] number {}: {error}", i + 1))
            })
            .collect::<Result<_, _>>()?;
        Ok(Source { name, version: self.version, unpack: self.unpack.unwrap_or_default(), origins })
    }
}

impl OriginFile {
    fn validate(self) -> Result<Origin, String> {
        let mut places = Vec::new();
        places.extend(self.path.map(Place::Path));
        places.extend(self.url.map(Place::Url));
        places.extend(self.rustup.map(Place::Rustup));
        places.extend(self.apt.map(Place::Apt));
        let one = "give exactly one of `path`, `url`, `rustup`, `apt`";
        let place = places.pop().ok_or(one)?;
        if !places.is_empty() {
            return Err(one.into());
        }
        match (&place, &self.sha256) {
            (Place::Rustup(_), Some(_)) => return Err("`sha256` comes from the channel manifest for `rustup`".into()),
            (Place::Rustup(_), None) => {}
            (_, None) => return Err("`sha256` is missing".into()),
            (_, Some(hash)) => check_sha256(hash)?,
        }
        Ok(Origin { place, sha256: self.sha256, strip: self.strip.unwrap_or(1) })
    }
}

fn check_sha256(hash: &str) -> Result<(), String> {
    let hex = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
    if hash.len() == 64 && hash.chars().all(hex) {
        Ok(())
    } else {
        Err(format!("`{hash}` is not a sha256: expected 64 lower-case hex digits"))
    }
}
