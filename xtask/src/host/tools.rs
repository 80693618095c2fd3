//! The tools that only some uses require, and the accepted releases of LLVM.

use std::path::PathBuf;

/// The LLVM release that Bringup is tested with. Other releases are used if this one is missing.
pub const PREFERRED_LLVM: u64 = 22;
/// LLVM releases to look for. Distributions append the release to the programs' names.
const LLVM_RELEASES: std::ops::RangeInclusive<u64> = 15..=30;

/// Pairs of a tool that only some uses require, and the use.
pub const EXTRAS: [(&str, &str); 6] = [
    ("ssh", "the runner ssh:HOST"),
    ("sshd", "Bringup's own tests"),
    ("gcc", "Bringup's own tests"),
    ("llvm-config", BOOTSTRAP),
    ("clang++", BOOTSTRAP),
    ("ninja", BUNDLED_LLVM),
];
/// The use that builds a compiler.
pub const BOOTSTRAP: &str = "--compiler bootstrap";
/// The use that also builds the compiler's LLVM.
pub const BUNDLED_LLVM: &str = "--llvm bundled";

/// Releases of LLVM in the order of preference.
pub fn llvm_releases() -> impl Iterator<Item = u64> {
    std::iter::once(PREFERRED_LLVM).chain(LLVM_RELEASES.rev().filter(|&release| release != PREFERRED_LLVM))
}

/// Path of a program on the user's search path, where [`super::survey`] looks, too. If the program is missing, its
/// name.
pub fn program(name: &str) -> PathBuf {
    which::which(name).unwrap_or_else(|_| name.into())
}
