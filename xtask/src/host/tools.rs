//! The tools that only some uses require, and the accepted releases of LLVM.

use std::path::PathBuf;

/// The LLVM release that Bringup is tested with, and the oldest one that it uses. Before it, clang lacks types that the
/// C corpus requires (`_Float16` on s390x), and libc++ rejects it. Newer releases are used if this one is missing.
pub const PREFERRED_LLVM: u64 = 22;
/// LLVM releases to look for. Distributions append the release to the programs' names.
const LLVM_RELEASES: std::ops::RangeInclusive<u64> = PREFERRED_LLVM..=30;
/// The programs of LLVM that are always required, and their names without a release.
pub const LLVM_TOOLS: [(&str, &str); 6] = [
    ("clang", "clang"),
    ("lld", "ld.lld"),
    ("llvm-ar", "llvm-ar"),
    ("llvm-ranlib", "llvm-ranlib"),
    ("llvm-objdump", "llvm-objdump"),
    ("llvm-mc", "llvm-mc"),
];

/// Pairs of a tool that only some uses require, and the use.
pub const EXTRAS: [(&str, &str); 6] = [
    ("ssh", "the runner ssh:HOST"),
    ("sshd", "Bringup's own tests"),
    ("gcc", "Bringup's own tests"),
    (LLVM_CONFIG, BOOTSTRAP),
    ("clang++", BOOTSTRAP),
    ("ninja", BUNDLED_LLVM),
];
/// LLVM's program that describes its libraries.
pub const LLVM_CONFIG: &str = "llvm-config";
/// The use that builds a compiler.
pub const BOOTSTRAP: &str = "--compiler bootstrap";
/// The use that also builds the compiler's LLVM.
pub const BUNDLED_LLVM: &str = "--llvm bundled";

/// Releases of LLVM in the order of preference.
pub fn llvm_releases() -> impl Iterator<Item = u64> {
    std::iter::once(PREFERRED_LLVM).chain(LLVM_RELEASES.rev().filter(|&release| release != PREFERRED_LLVM))
}

/// Whether a tool is one of [`LLVM_TOOLS`].
pub fn is_llvm(name: &str) -> bool {
    LLVM_TOOLS.iter().any(|(tool, _)| *tool == name)
}

/// Names of missing tools, for people; those of LLVM first.
pub fn list_missing(missing: &[&str]) -> String {
    let described = |name: &&str| match *name {
        LLVM_CONFIG => "llvm-config with LLVM's headers".to_owned(),
        name => name.to_owned(),
    };
    let (llvm, others): (Vec<&str>, Vec<&str>) = missing.iter().partition(|name| is_llvm(name));
    let mut parts: Vec<String> = llvm.iter().map(described).collect();
    if let Some(last) = parts.last_mut() {
        *last = format!("{last} (of LLVM {PREFERRED_LLVM} or newer)");
    }
    parts.extend(others.iter().map(described));
    parts.join(", ")
}

/// Path of a program on the user's search path, where [`super::survey`] looks, too. If the program is missing, its
/// name.
pub fn program(name: &str) -> PathBuf {
    which::which(name).unwrap_or_else(|_| name.into())
}
