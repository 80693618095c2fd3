//! The manifest of a toolchain that is given away: what it is, what it comes from, what it needs where it is used, under
//! which licenses it is, and every file with its hash.

use std::collections::BTreeMap;

use serde::Serialize;

/// The schema that this version writes.
pub const SCHEMA: &str = "bringup-dist/1";

/// What is in an archive.
#[derive(Debug, Clone, Serialize)]
pub struct DistManifest {
    /// Always [`SCHEMA`].
    pub schema: &'static str,
    /// Rust's version.
    pub rust: String,
    /// The triple of the machines that the compiler runs on.
    pub host: String,
    /// What it compiles for, besides the host.
    pub targets: Vec<DistTarget>,
    /// What must be there where it is used.
    pub needs: DistNeeds,
    /// How the compiler was built.
    pub compiler: DistCompiler,
    /// The sources that it was built from.
    pub sources: Vec<DistSource>,
    /// The patches in them, in order.
    pub patches: Vec<DistPatch>,
    /// What differs from the usual: patches that were left out.
    pub notes: Vec<String>,
    /// The digest of each step that had a part in it.
    pub steps: BTreeMap<String, String>,
    /// The license of each component.
    pub licenses: Vec<DistLicense>,
    /// The crates from the registry that are in the compiler and in std.
    pub crates: Vec<DistCrate>,
    /// What the licenses above leave open.
    pub not_covered: Vec<String>,
    /// sha256 of each file but the manifest itself, by its path.
    pub files: BTreeMap<String, String>,
}

/// A target.
#[derive(Debug, Clone, Serialize)]
pub struct DistTarget {
    /// Its name.
    pub name: String,
    /// Its triple.
    pub triple: String,
    /// The least processor and the float ABI.
    pub baseline: String,
}

/// What is needed where the toolchain is used.
#[derive(Debug, Clone, Serialize)]
pub struct DistNeeds {
    /// The oldest glibc that serves; nothing if none is needed.
    pub glibc: Option<String>,
    /// Shared libraries that are not in the archive.
    pub libraries: Vec<String>,
    /// Programs.
    pub programs: Vec<DistProgram>,
}

/// A program that is needed.
#[derive(Debug, Clone, Serialize)]
pub struct DistProgram {
    /// The names that it is looked for under, in this order.
    pub names: Vec<String>,
    /// What for.
    pub needed_for: &'static str,
    /// The version that was tried.
    pub tried: Option<String>,
}

/// How the compiler was built.
#[derive(Debug, Clone, Serialize)]
pub struct DistCompiler {
    /// x.py's stage.
    pub stage: u8,
    /// Whose LLVM is in it: `system` or `bundled`.
    pub llvm: &'static str,
    /// The tools that it was built with.
    pub tools: Vec<String>,
}

/// A source.
#[derive(Debug, Clone, Serialize)]
pub struct DistSource {
    /// `rust`, `musl` or `llvm`.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Of the archive.
    pub sha256: String,
    /// The step that unpacks it: the compiler and std may come from two archives.
    pub step: String,
}

/// A patch.
#[derive(Debug, Clone, Serialize)]
pub struct DistPatch {
    /// Its file in the project.
    pub file: String,
    /// Of that file.
    pub sha256: String,
}

/// A component's license.
#[derive(Debug, Clone, Serialize)]
pub struct DistLicense {
    /// The component.
    pub component: &'static str,
    /// Its license, as an SPDX expression.
    pub spdx: &'static str,
    /// Where its text and the notices lie.
    pub files: Vec<String>,
}

/// A crate from the registry.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct DistCrate {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its license as it says itself; empty if it does not.
    pub license: String,
    /// Where its texts lie; none if it comes without.
    pub files: Vec<String>,
}
