//! The manifest of a distribution archive: its contents, sources, requirements and licenses, and the hash of every file.

use std::collections::BTreeMap;

use serde::Serialize;

/// The schema of the manifests that this version writes.
pub const SCHEMA: &str = "bringup-dist/1";

/// The manifest of a distribution archive.
#[derive(Debug, Clone, Serialize)]
pub struct DistManifest {
    /// Always [`SCHEMA`].
    pub schema: &'static str,
    /// The version of Rust.
    pub rust: String,
    /// The host triple that the compiler runs on.
    pub host: String,
    /// The targets that the compiler supports, besides the host.
    pub targets: Vec<DistTarget>,
    /// The requirements of a host that uses the toolchain.
    pub needs: DistNeeds,
    /// How the compiler was built.
    pub compiler: DistCompiler,
    /// The sources of the toolchain.
    pub sources: Vec<DistSource>,
    /// The patches applied to the sources, in order.
    pub patches: Vec<DistPatch>,
    /// Notes about unusual contents, such as a patch that was left out.
    pub notes: Vec<String>,
    /// The digest of each step that contributed, by the step's name.
    pub steps: BTreeMap<String, String>,
    /// The license of each component.
    pub licenses: Vec<DistLicense>,
    /// The registry crates that are linked into the compiler and std.
    pub crates: Vec<DistCrate>,
    /// Notes on what the listed licenses do not cover.
    pub not_covered: Vec<String>,
    /// The sha256 of each file except the manifest, by path.
    pub files: BTreeMap<String, String>,
}

/// A supported target.
#[derive(Debug, Clone, Serialize)]
pub struct DistTarget {
    /// The target's name.
    pub name: String,
    /// The target triple.
    pub triple: String,
    /// The minimum processor and the float ABI.
    pub baseline: String,
}

/// The requirements of a host that uses the toolchain.
#[derive(Debug, Clone, Serialize)]
pub struct DistNeeds {
    /// The oldest supported version of glibc; nothing if glibc is not required.
    pub glibc: Option<String>,
    /// Required shared libraries that are not in the archive.
    pub libraries: Vec<String>,
    /// Required programs.
    pub programs: Vec<DistProgram>,
}

/// A required program.
#[derive(Debug, Clone, Serialize)]
pub struct DistProgram {
    /// The names to search for, in order.
    pub names: Vec<String>,
    /// The purpose of the program.
    pub needed_for: &'static str,
    /// The tested version; nothing if none was recorded.
    pub tried: Option<String>,
}

/// How the compiler was built.
#[derive(Debug, Clone, Serialize)]
pub struct DistCompiler {
    /// The stage of x.py.
    pub stage: u8,
    /// The LLVM in the compiler: `system` or `bundled`.
    pub llvm: &'static str,
    /// The tools of the build, with their versions.
    pub tools: Vec<String>,
}

/// A source of the toolchain.
#[derive(Debug, Clone, Serialize)]
pub struct DistSource {
    /// `rust`, `musl` or `llvm`.
    pub name: String,
    /// The source's version.
    pub version: String,
    /// The sha256 of the archive.
    pub sha256: String,
    /// The step that unpacks the source. The compiler and std may come from two archives.
    pub step: String,
}

/// A patch in a source.
#[derive(Debug, Clone, Serialize)]
pub struct DistPatch {
    /// The patch file's path in the project.
    pub file: String,
    /// The sha256 of the patch file.
    pub sha256: String,
}

/// The license of a component.
#[derive(Debug, Clone, Serialize)]
pub struct DistLicense {
    /// The component's name.
    pub component: &'static str,
    /// The license, as an SPDX expression.
    pub spdx: &'static str,
    /// Paths of the license texts and notices in the archive.
    pub files: Vec<String>,
}

/// A crate from the registry.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct DistCrate {
    /// The crate's name.
    pub name: String,
    /// The crate's version.
    pub version: String,
    /// The license in the crate's Cargo.toml; empty if there is none.
    pub license: String,
    /// Paths of the license texts in the archive; empty if the crate has none.
    pub files: Vec<String>,
}
